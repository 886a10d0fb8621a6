// SPDX-License-Identifier: MIT
/*
 * mm/alloc/stack_depth.c - how deep a stack was used, by its paint
 *
 * Problem.  A stack of 16 KiB overflows one day: somebody adds an array to a function
 * that is called at the end of a long chain, from an interrupt, in a page fault. The
 * guard page then ends the machine. Before that day nothing shows how near it is.
 *
 * Idea.  A stack is filled with a pattern when it is handed out. When it is given back,
 * or when somebody asks, the words from its lowest end that still have the pattern were
 * never used. The deepest use of each kind is kept.
 *
 *	lowest							highest
 *	| head | pattern, never used		 | used			|
 *
 * An interrupt or a page fault has no stack of its own: it begins where its thread is.
 * Its own part cannot be told from calls that went as deep earlier, so what lies below
 * it is painted again when it begins, and measured when it ends. Painting takes time:
 * the first entries on each stack are measured so, and then one in ENTRIES. The thread is
 * measured before, so that nothing of it is lost. An entry that nests in a measured one is a
 * part of it.
 *
 *	kind		measured
 *	thread, idle	when given back and when asked, with what came on top
 *	interrupt	from its saved registers down, as a sample
 *	exception	likewise, of page faults
 *	NMI, double fault, machine check
 *			when asked, and in a panic: these stacks are never given back
 *	seeded		of a test that goes deep on purpose
 *
 * The boot stack, which becomes CPU 0's idle stack, is in the image and not painted.
 *
 *	field		read and written
 *	head		by the one that runs on the stack; its kind is set before
 *	deepest[]	atomic
 *
 * Not here: the limits (scripts/stacks.py), and a single frame's (Makefile).
 */
#include <arch/task.h>
#include <arch/page.h>
#include <lib/assert.h>
#include <lib/atomic.h>
#include <lib/panic.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <mm/alloc/kernel_stack.h>
#include <mm/alloc/stack_depth.h>

#define PAINT        0x7061696e74656421ul
#define HEAD_MAGIC   0x5374616bu
#define FIRST        4  /* entries on a stack that are all measured */
#define ENTRIES      64 /* then one in so many */
#define PAINTER_USES 512

/* The lowest words of a painted stack. */
struct head {
	u32 magic;
	u16 kind;
	bool entered; /* a measured interrupt or exception is on it */
	u64 entries;
};

static const char *const kind_names[STACK_KINDS] = {
	[STACK_THREAD] = "thread",
	[STACK_IDLE] = "idle",
	[STACK_INTERRUPT] = "interrupt",
	[STACK_EXCEPTION] = "exception",
	[STACK_DOUBLE_FAULT] = "double_fault",
	[STACK_NMI] = "nmi",
	[STACK_MACHINE_CHECK] = "machine_check",
	[STACK_SEEDED] = "seeded",
};

static unsigned long deepest[STACK_KINDS];

static void note(enum stack_kind kind, unsigned long bytes)
{
	unsigned long old = READ_ONCE(deepest[kind]);

	while (bytes > old) {
		unsigned long seen = cmpxchg(&deepest[kind], old, bytes);

		if (seen == old)
			return;
		old = seen;
	}
}

/* The head of the stack that a stack pointer is in; NULL for one in the image. */
static struct head *head_below(vaddr_t sp)
{
	if (sp < STACKS_START || sp >= VMALLOC_END)
		return NULL;
	return (struct head *)((sp - 1) & ~(KERNEL_STACK_SIZE - 1));
}

/* The lowest word of a stack that has no paint, or @top. */
static vaddr_t lowest_used(const struct head *head, vaddr_t top)
{
	const u64 *word = (const u64 *)(head + 1);

	while ((vaddr_t)word < top && READ_ONCE(*word) == PAINT)
		word++;
	return (vaddr_t)word;
}

void stack_depth_paint(void *stack)
{
	struct head *head = stack;
	u64 *end = stack + KERNEL_STACK_SIZE;

	*head = (struct head){.magic = HEAD_MAGIC, .kind = STACK_THREAD};
	for (u64 *word = (u64 *)(head + 1); word < end; word++)
		*word = PAINT;
}

void kernel_stack_set_kind(void *stack, enum stack_kind kind)
{
	struct head *head = stack;

	ASSERT(head->magic == HEAD_MAGIC);
	head->kind = kind;
}

unsigned long stack_depth_measure(const void *stack)
{
	const struct head *head = stack;
	vaddr_t top = (vaddr_t)stack + KERNEL_STACK_SIZE;
	unsigned long bytes = top - lowest_used(head, top);

	if (head->magic == HEAD_MAGIC && head->kind < STACK_KINDS)
		note(head->kind, bytes);
	return bytes;
}

/* Paint what lies below this function's own frame. */
static noinline void paint_below(struct head *head)
{
	u64 *end = (u64 *)((vaddr_t)__builtin_frame_address(0) - PAINTER_USES);

	for (u64 *word = (u64 *)(head + 1); word < end; word++)
		WRITE_ONCE(*word, PAINT);
}

bool upcall_stack_enter(vaddr_t sp)
{
	struct head *head = head_below(sp);
	u64 entry;

	if (!head || head->magic != HEAD_MAGIC || head->kind > STACK_IDLE ||
	    head->entered)
		return false;
	entry = head->entries++;
	if (entry >= FIRST && entry % ENTRIES)
		return false;
	head->entered = true;
	stack_depth_measure(head);
	paint_below(head);
	return true;
}

unsigned long upcall_stack_leave(vaddr_t sp, enum stack_kind kind)
{
	struct head *head = head_below(sp);
	unsigned long bytes = sp - lowest_used(head, sp);

	note(kind, bytes);
	head->entered = false;
	return bytes;
}

unsigned long stack_depth_deepest(enum stack_kind kind)
{
	return READ_ONCE(deepest[kind]);
}

void stack_depth_print(void)
{
	char line[80];
	int length;

	for (unsigned int kind = 0; kind < STACK_KINDS; kind++) {
		if (!deepest[kind])
			continue;
		length = scnprintf(line, sizeof(line),
				   "# stack %s: %lu of %lu\n", kind_names[kind],
				   deepest[kind], KERNEL_STACK_SIZE);
		console_raw_write(line, (size_t)length);
	}
}

/* A panic may hold any lock: only its own stack is measured, and no other. */
static void print_in_panic(void)
{
	struct head *head = head_below((vaddr_t)__builtin_frame_address(0));

	if (head)
		stack_depth_measure(head);
	stack_depth_print();
}
PANIC_REPORT(PANIC_TASKS, print_in_panic);
