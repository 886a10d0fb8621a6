// SPDX-License-Identifier: MIT
/*
 * mm/kasan/stacks.c - stacks of allocations and frees, each kept once
 *
 * Problem.  A report should name the calls that allocated an object and those that freed
 * it.  There are a hundred thousand objects, and a stack is a dozen words.
 *
 * Idea.  Most objects come from a few hundred places.  A stack is stored once, in a hash
 * table that only grows, and an object keeps its number, 32 bits.  All text lies in the
 * top 2 GiB, so a frame is 32 bits as well (caller_pack()).
 *
 *	heads[hash] -> number -> words: next, count, frames... -> ...
 *
 * A writer takes its words by an atomic add and puts them in front of the chain by a
 * compare and exchange.  No lock, so an allocation in any context may store a stack.  Two
 * writers of one stack may both store it, which costs only words.  When the words
 * are used up, further stacks have number 0: not kept.
 *
 *	field		written by
 *	words		the writer that took them, until they are in a chain
 *	used		atomic add
 *	heads		atomic exchange
 *
 * Not here: the walk over the frames (arch/x86_64/cpu/stacktrace.c).
 */
#include <arch/page.h>
#include <arch/stacktrace.h>
#include <lib/atomic.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/memblock.h>

#include "mm/kasan/internal.h"

#define WORDS  (1u << 20)
#define HEADS  4096u
#define FRAMES 16u

struct stored_stack {
	u32 next;
	u32 count;
	u32 frame[];
};

static u32 *words;
static atomic_t used = {1}; /* number 0 is none */
static u32 heads[HEADS];

static struct stored_stack *stack_of(u32 number)
{
	return (struct stored_stack *)(words + number);
}

static u32 find(u32 number, const u32 *frame, u32 count)
{
	for (; number; number = stack_of(number)->next) {
		const struct stored_stack *stack = stack_of(number);

		if (stack->count == count &&
		    !memcmp(stack->frame, frame, count * sizeof(*frame)))
			return number;
	}
	return 0;
}

static u32 store(u32 *head, const u32 *frame, u32 count)
{
	u32 size = sizeof(struct stored_stack) / sizeof(u32) + count;
	struct stored_stack *stack;
	u32 number, first;

	if ((u32)atomic_read(&used) > WORDS - size)
		return 0;
	number = (u32)atomic_add_return((int)size, &used) - size;
	if (number > WORDS - size)
		return 0;
	stack = stack_of(number);
	stack->count = count;
	memcpy(stack->frame, frame, count * sizeof(*frame));
	do {
		first = READ_ONCE(*head);
		stack->next = first;
	} while (cmpxchg(head, first, number) != first);
	return number;
}

u32 kasan_stack_save(void)
{
	unsigned long entry[FRAMES];
	u32 frame[FRAMES];
	u32 hash = 0, number;
	unsigned int count;

	if (!words)
		return 0;
	/* Not this function and the hook that called it. */
	count = stack_trace_save(entry, FRAMES, 2);
	for (unsigned int i = 0; i < count; i++) {
		frame[i] = caller_pack(entry[i]);
		hash = (hash ^ frame[i]) * 0x01000193u;
	}
	hash = (hash ^ hash >> 16) % HEADS;
	number = find(READ_ONCE(heads[hash]), frame, count);
	return number ? number : store(&heads[hash], frame, count);
}

void kasan_stack_print(const char *what, u32 number)
{
	const struct stored_stack *stack = stack_of(number);

	if (!number) {
		pr_err("KASAN: %s: no stack is kept", what);
		return;
	}
	pr_err("KASAN: %s:", what);
	for (u32 i = 0; i < stack->count; i++)
		pr_err("  %pS", caller_unpack(stack->frame[i]));
}

void kasan_stacks_start(void)
{
	words = phys_to_virt(memblock_alloc(WORDS * sizeof(u32), PAGE_SIZE));
}
