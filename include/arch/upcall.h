/* SPDX-License-Identifier: MIT */
/*
 * arch/upcall.h - what the architecture calls above itself
 *
 * The architecture is the lowest layer: it knows nothing of mm/ or of the
 * scheduler. Where a trap must reach them, the function is declared here and
 * defined by the layer above. docs/hooks.md has all such calls, with reasons.
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>

struct trap_regs;

/**
 * upcall_page_fault() - resolve a page fault (mm/fault/fault.c)
 * @regs: the trapped state
 * @addr: the faulting address
 * @error: PF_* bits
 *
 * Context: trap; interrupts are as they were at the fault. May sleep if
 *          the faulting context may.
 * Return: true when the access may be tried again. On false the architecture
 *         tries the exception table, then panics.
 */
bool upcall_page_fault(struct trap_regs *regs, vaddr_t addr, unsigned int error);

/**
 * upcall_might_fault() - user memory is touched here, which may fault
 *
 * Called before each access of <arch/uaccess.h>, whether or not it will fault.
 * Tells the lock validator that the fault may sleep and takes mmap_lock
 * (mm/fault/might_fault.c); nothing without it.
 *
 * Context: any.
 */
#ifdef CONFIG_LOCKDEP
void upcall_might_fault(void);
#else
static inline void upcall_might_fault(void)
{
}
#endif

/**
 * upcall_timer_tick() - this CPU's timer interrupt (kernel/)
 *
 * Context: hard interrupt, interrupts off, inside irq_enter()/irq_exit().
 */
void upcall_timer_tick(void);

/**
 * upcall_preempt_irq() - last chance to switch tasks before an interrupt
 * returns (kernel/)
 *
 * Called when the interrupted context had interrupts on. The scheduler checks
 * for itself whether preemption is possible and wanted.
 *
 * Context: interrupts off, outside irq_enter()/irq_exit(); returns with
 *          interrupts off.
 */
void upcall_preempt_irq(void);

/**
 * upcall_stack_guard() - is an address in the guard page below a kernel stack
 * @addr: faulting address
 *
 * Return: true if it is (mm/alloc/vmalloc.c knows).
 */
bool upcall_stack_guard(vaddr_t addr);

/**
 * upcall_stack_bounds() - the kernel stack that a stack pointer belongs to
 * @addr: the stack pointer; it may have run into the guard below the stack
 * @start: filled: lowest address of the stack
 * @end: filled: first address behind it
 *
 * The stack is mapped if a CPU stands on it or a task sleeps on it.
 *
 * Context: any, NMI too.
 * Return: true if kernel stacks lie there (mm/alloc/kernel_stack.c knows).
 */
bool upcall_stack_bounds(vaddr_t addr, vaddr_t *start, vaddr_t *end);

/**
 * upcall_secondary_cpu() - a started CPU enters the scheduler (kernel/)
 *
 * The CPU runs on its boot stack, which is that of its idle task, with
 * interrupts off, its per-CPU area, descriptor tables and timer ready.
 */
void upcall_secondary_cpu(void) __noreturn;

/**
 * kernel_map_low_trampoline() - map a page below 1 MiB at its own address
 * @paddr: page aligned; becomes executable and read-only there
 *
 * Implemented by mm/alloc/kernel_map.c, for the CPUs being started.
 *
 * Context: boot CPU.
 * Return: 0 or a negative errno.
 */
int kernel_map_low_trampoline(paddr_t paddr);

/**
 * kernel_map_low_trampoline_end() - take that mapping away again
 */
void kernel_map_low_trampoline_end(void);

/**
 * upcall_tlb_served() - this CPU has forgotten translations for another
 * @asker: the CPU that waits for it, until this returns
 *
 * Implemented by mm/table/tlb.c, which records it.
 *
 * Context: interrupts off, or preemption off and waiting for a CPU; takes no lock.
 */
void upcall_tlb_served(unsigned int asker);
