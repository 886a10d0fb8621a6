/* SPDX-License-Identifier: MIT */
/*
 * mm/alloc/stack_depth.h - how deep kernel stacks have been used
 *
 * Between mm/alloc/kernel_stack.c, which paints and measures, and those who show the
 * figures. In kernels with DEBUG; others measure nothing. <arch/task.h> has the kinds.
 */
#ifndef MM_ALLOC_STACK_DEPTH_H
#define MM_ALLOC_STACK_DEPTH_H

#include <arch/task.h>

#ifdef CONFIG_DEBUG
/**
 * stack_depth_paint() - fill a stack with the pattern, as a thread's
 * @stack: its lowest address; nobody runs on it
 *
 * Context: any.
 */
void stack_depth_paint(void *stack);

/**
 * stack_depth_measure() - note how deep a stack was used, for its kind
 * @stack: a painted one
 *
 * Context: any; a stack in use is measured as far as it has been used by now.
 * Return: bytes of it that were used.
 */
unsigned long stack_depth_measure(const void *stack);

/**
 * stack_depth_deepest() - the deepest use of a kind of stack so far
 * @kind: which
 *
 * Stacks in use are not measured: kernel_stack_measure_live() comes first.
 *
 * Context: any.
 * Return: bytes; 0 if none of the kind was measured.
 */
unsigned long stack_depth_deepest(enum stack_kind kind);

/**
 * stack_depth_print() - a line for each kind that was measured, on the console
 *
 * Stacks in use are not measured: kernel_stack_measure_live() comes first.
 *
 * Context: any.
 */
void stack_depth_print(void);
#else
static inline void stack_depth_paint(void *stack)
{
}

static inline unsigned long stack_depth_measure(const void *stack)
{
	return 0;
}

static inline void stack_depth_print(void)
{
}
#endif

/**
 * kernel_stack_measure_live() - measure every stack that is in use
 *
 * Context: any but NMI; takes the lock of the stacks.
 */
void kernel_stack_measure_live(void);

#endif
