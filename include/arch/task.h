/* SPDX-License-Identifier: MIT */
/*
 * arch/task.h - the part of a task that only the CPU understands, and its stack
 *
 * A task that does not run is a stack pointer: all the rest lies on its stack. The
 * stacks for traps that cannot trust the current one come from the same allocator.
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>

/* bytes of every kernel stack; the page below it is never mapped */
#define KERNEL_STACK_SIZE (4 * 4096UL)

/**
 * kernel_stack_alloc() - a mapped stack with an unmapped page on either side
 *
 * Implemented by mm/alloc/kernel_stack.c, as kernel_stack_free() is.
 *
 * Context: may sleep.
 * Return: the lowest byte of KERNEL_STACK_SIZE bytes, aligned to that size,
 *	   or NULL without memory. Its contents are undefined.
 */
void *kernel_stack_alloc(void);

/**
 * kernel_stack_free() - give a stack back
 * @stack: from kernel_stack_alloc(), on which nobody runs any more
 *
 * Context: any but NMI; may be called with IRQs off.
 */
void kernel_stack_free(void *stack);

/* What a stack is for, or what came on top of a thread's. */
enum stack_kind {
	STACK_THREAD,
	STACK_IDLE,
	STACK_INTERRUPT,
	STACK_EXCEPTION,
	STACK_DOUBLE_FAULT,
	STACK_NMI,
	STACK_MACHINE_CHECK,
	STACK_SEEDED, /* of a test that goes deep on purpose */
	STACK_KINDS
};

#ifdef CONFIG_DEBUG
/**
 * kernel_stack_set_kind() - say what a stack is for; it is a thread's until then
 * @stack: from kernel_stack_alloc(), on which nobody runs yet
 * @kind: under which its depth is noted (mm/alloc/stack_depth.c)
 *
 * Context: any.
 */
void kernel_stack_set_kind(void *stack, enum stack_kind kind);

/**
 * upcall_stack_enter() - an interrupt or an exception begins
 * @sp: the lowest address that is not its own
 *
 * Context: interrupts off, on the stack of a thread or in the image.
 * Return: true if this one is measured: then upcall_stack_leave() ends it.
 */
bool upcall_stack_enter(vaddr_t sp);

/**
 * upcall_stack_leave() - a measured one ends
 * @sp: as at its beginning
 * @kind: STACK_INTERRUPT or STACK_EXCEPTION
 *
 * Context: interrupts off, on the same stack.
 * Return: bytes that it used.
 */
unsigned long upcall_stack_leave(vaddr_t sp, enum stack_kind kind);
#else
static inline void kernel_stack_set_kind(void *stack, enum stack_kind kind)
{
}

static inline bool upcall_stack_enter(vaddr_t sp)
{
	return false;
}

static inline unsigned long upcall_stack_leave(vaddr_t sp, enum stack_kind kind)
{
	return 0;
}
#endif

struct arch_task {
	unsigned long sp; /* valid while the task does not run */
};

/**
 * arch_task_init() - make a task that starts in fn(arg) when switched to
 * @t: the task's part
 * @stack: lowest address of its stack
 * @size: bytes of it
 * @fn: never returns
 * @arg: for @fn
 *
 * @fn begins with interrupts off, as every other return from
 * arch_task_switch() does.
 */
void arch_task_init(struct arch_task *t, void *stack, size_t size,
		    void (*fn)(void *), void *arg);

/**
 * arch_task_switch() - save this CPU's context to @prev, go on as @next
 * @prev: the running task
 * @next: another one, which no other CPU runs
 *
 * Returns when a CPU switches back to @prev, maybe on another CPU.
 *
 * Context: interrupts off.
 */
void arch_task_switch(struct arch_task *prev, struct arch_task *next);
