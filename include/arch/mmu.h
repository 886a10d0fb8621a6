/* SPDX-License-Identifier: MIT */
/*
 * arch/mmu.h - the address space a CPU has loaded
 *
 * struct mm_context is the first member, `context`, of struct mm_struct. All
 * contexts share the kernel half: their 256 upper root entries are copied from
 * the kernel's at creation and never change afterwards.
 *
 *	field	written by
 *	pgd	its maker, before the first switch to it
 *	cpus	the CPU concerned, its own bit, atomically: set before the root
 *		is loaded, cleared after another was loaded
 */
#pragma once

#include <lib/types.h>
#include <lib/cpumask.h>

struct mm_context {
	paddr_t pgd;         /* physical address of the root table */
	struct cpumask cpus; /* CPUs whose TLB may hold entries of this space */
};

/* the kernel's own address space: no user half */
extern struct mm_context init_mm_context;

/**
 * arch_switch_mm() - load another address space on this CPU
 * @next: the context to load, or NULL for a task without one
 *
 * NULL is lazy: whatever is loaded stays loaded, and the first flush that
 * concerns it moves the CPU to init_mm_context instead of flushing.
 *
 * Context: interrupts off.
 */
void arch_switch_mm(struct mm_context *next);

/**
 * arch_drop_mm() - make sure that no CPU has a context loaded any more
 * @ctx: a context no task uses; lazy CPUs may still have it loaded
 *
 * To be called before its root table is freed.
 *
 * Context: interrupts on; waits for other CPUs.
 */
void arch_drop_mm(struct mm_context *ctx);

/**
 * arch_set_kernel_pgd() - the final kernel tables are ready: load them
 * @pgd: physical address of the root; its lower half is empty
 *
 * Replaces the tables of early boot. Context: boot CPU, before the others
 * are started.
 */
void arch_set_kernel_pgd(paddr_t pgd);
