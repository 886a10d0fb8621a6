// SPDX-License-Identifier: MIT
/*
 * mm/alloc/kernel_stack.c - stacks that fault when they overflow
 *
 * Problem.  A kernel stack is small and grows down.  The memory below it must
 * not be anybody's memory.  And threads come and go often: mapping a stack and
 * flushing every TLB each time would make them expensive.
 *
 * Idea.  A window of equal slots, each half stack and half nothing:
 *
 *	slot 0			  slot 1
 *	| not mapped | stack      | not mapped | stack      | ...
 *	  16 KiB       16 KiB
 *
 * An overflow, or running off the top into the next slot, faults; that an
 * address is such a guard is one mask.  Stacks that are given back stay mapped
 * on a list, linked through their lowest word, newest on top.  Only what is
 * beyond CACHED_STACKS is unmapped, in thread context, with one flush.
 *
 *	state of a slot		used bit  mapped  in the cache
 *	free			0	  no	  no
 *	live			1	  yes	  no
 *	cached			1	  yes	  yes
 *	being unmapped		1	  no	  no	until the flush is done
 *
 *	field			guarded by
 *	stacks.*		stacks.lock, taken with IRQs off
 *
 * A stack is given back by the CPU that switched away from it for the last
 * time, with IRQs off: that path only pushes it on the list.
 */
#include <arch/page.h>
#include <arch/task.h>
#include <arch/tlb.h>
#include <arch/upcall.h>
#include <lib/bitops.h>
#include <lib/kasan.h>
#include <lib/panic.h>
#include <kernel/lock/spinlock.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/kernel_stack.h>
#include <mm/alloc/might_alloc.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/stack_depth.h>
#include <mm/alloc/vmalloc.h>

#define SLOT_SIZE     (2 * KERNEL_STACK_SIZE)
#define MAX_STACKS    ((unsigned int)(STACKS_SIZE / SLOT_SIZE))
#define STACKS_END    (STACKS_START + STACKS_SIZE)
#define STACK_PAGES   (KERNEL_STACK_SIZE / PAGE_SIZE)
#define CACHED_STACKS 32u
#define TRIM_BATCH    16u

static_assert(STACKS_START + STACKS_SIZE <= VMALLOC_END,
	      "the stacks fit their window");

struct cached_stack {
	struct cached_stack *next;
};

static struct {
	struct spinlock lock;
	struct cached_stack *cached;
	unsigned int nr_cached;
	unsigned long live;
	unsigned long used[BITS_TO_LONGS(MAX_STACKS)];
	u32 owner[MAX_STACKS];
	u16 epoch[MAX_STACKS]; /* 0 while not live */
} stacks = {
	.lock = SPINLOCK_INIT(stacks.lock),
};

static unsigned int slot_of(const void *stack)
{
	return ((vaddr_t)stack - STACKS_START) / SLOT_SIZE;
}

static void *stack_in(unsigned int slot)
{
	return (void *)(STACKS_START + slot * SLOT_SIZE + KERNEL_STACK_SIZE);
}

static void note_live(void *stack, unsigned long caller)
{
	stacks.live++;
	stacks.owner[slot_of(stack)] = caller_pack(caller);
	stacks.epoch[slot_of(stack)] = alloc_epoch;
}

static struct cached_stack *pop_cached(void)
{
	struct cached_stack *stack = stacks.cached;

	if (stack) {
		stacks.cached = stack->next;
		stacks.nr_cached--;
	}
	return stack;
}

static void *take_cached(unsigned long caller)
{
	struct cached_stack *stack;
	unsigned long flags;

	spin_lock_irqsave(&stacks.lock, flags);
	stack = pop_cached();
	if (stack)
		note_live(stack, caller);
	spin_unlock_irqrestore(&stacks.lock, flags);
	return stack;
}

/* Return: the slot, or MAX_STACKS when all are in use. */
static unsigned int take_slot(void)
{
	unsigned int slot;
	unsigned long flags;

	spin_lock_irqsave(&stacks.lock, flags);
	slot = find_first_zero_bit(stacks.used, MAX_STACKS);
	if (slot < MAX_STACKS)
		__set_bit(slot, stacks.used);
	spin_unlock_irqrestore(&stacks.lock, flags);
	return slot;
}

static void give_slot(unsigned int slot)
{
	unsigned long flags;

	spin_lock_irqsave(&stacks.lock, flags);
	__clear_bit(slot, stacks.used);
	spin_unlock_irqrestore(&stacks.lock, flags);
}

/* Take a stack's pages out of the tables. Return: how many there were. */
static unsigned long stack_unmap(void *stack, struct page **pages)
{
	unsigned long nr = 0;

	for (unsigned int i = 0; i < STACK_PAGES; i++) {
		pte_t pte = kernel_map_clear((vaddr_t)stack + i * PAGE_SIZE);

		if (!pte_none(pte))
			pages[nr++] = pfn_to_page(pte_pfn(pte));
	}
	return nr;
}

static bool stack_map(void *stack)
{
	struct page *pages[STACK_PAGES];
	unsigned long i, nr;

	nr = alloc_pages_bulk(GFP_KERNEL, STACK_PAGES, pages);
	for (i = 0; nr == STACK_PAGES && i < nr; i++)
		if (kernel_map_set((vaddr_t)stack + i * PAGE_SIZE,
				   page_to_pfn(pages[i]), PAGE_KERNEL, GFP_KERNEL))
			break;
	if (i == STACK_PAGES)
		return true;
	/* Nobody used the entries, so no TLB has them. */
	for (unsigned long j = 0; j < i; j++)
		kernel_map_clear((vaddr_t)stack + j * PAGE_SIZE);
	release_pages(pages, nr);
	return false;
}

/* Unmap up to a batch of cached stacks. Return: how many. */
static unsigned int trim_batch(unsigned int keep)
{
	struct page *pages[TRIM_BATCH * STACK_PAGES];
	void *batch[TRIM_BATCH];
	vaddr_t start = ~0ul, end = 0;
	unsigned long flags, nr_pages = 0;
	unsigned int i, nr = 0;

	spin_lock_irqsave(&stacks.lock, flags);
	while (nr < TRIM_BATCH && stacks.nr_cached > keep)
		batch[nr++] = pop_cached();
	spin_unlock_irqrestore(&stacks.lock, flags);
	if (!nr)
		return 0;
	for (i = 0; i < nr; i++) {
		nr_pages += stack_unmap(batch[i], pages + nr_pages);
		start = min(start, (vaddr_t)batch[i]);
		end = max(end, (vaddr_t)batch[i] + KERNEL_STACK_SIZE);
	}
	flush_tlb_kernel_range(start, end);
	release_pages(pages, nr_pages);
	for (i = 0; i < nr; i++)
		give_slot(slot_of(batch[i]));
	return nr;
}

static void trim_to(unsigned int keep)
{
	while (READ_ONCE(stacks.nr_cached) > keep)
		if (!trim_batch(keep))
			break;
}

void *kernel_stack_alloc(void)
{
	unsigned long flags;
	unsigned int slot;
	void *stack;

	might_alloc(GFP_KERNEL, CALLER());
	stack = take_cached(CALLER());
	if (stack) {
		kasan_unpoison(stack, KERNEL_STACK_SIZE);
		stack_depth_paint(stack);
		trim_to(CACHED_STACKS);
		return stack;
	}
	slot = take_slot();
	if (slot == MAX_STACKS)
		return NULL;
	stack = stack_in(slot);
	if (!kasan_cover(stack, KERNEL_STACK_SIZE) || !stack_map(stack)) {
		give_slot(slot);
		return NULL;
	}
	kasan_unpoison(stack, KERNEL_STACK_SIZE);
	stack_depth_paint(stack);
	spin_lock_irqsave(&stacks.lock, flags);
	note_live(stack, CALLER());
	spin_unlock_irqrestore(&stacks.lock, flags);
	return stack;
}

void kernel_stack_free(void *stack)
{
	unsigned long flags;

	if ((vaddr_t)stack < STACKS_START || (vaddr_t)stack >= STACKS_END ||
	    stack_in(slot_of(stack)) != stack)
		panic("kernel_stack: %p is not a stack", stack);
	spin_lock_irqsave(&stacks.lock, flags);
	if (!stacks.epoch[slot_of(stack)])
		panic("kernel_stack: stack %p freed twice, made by %pS", stack,
		      caller_unpack(stacks.owner[slot_of(stack)]));
	stack_depth_measure(stack);
	stacks.epoch[slot_of(stack)] = 0;
	stacks.live--;
	/* The word that links it stays usable. */
	kasan_poison((struct cached_stack *)stack + 1,
		     KERNEL_STACK_SIZE - sizeof(struct cached_stack),
		     KASAN_STACK_FREE);
	((struct cached_stack *)stack)->next = stacks.cached;
	stacks.cached = stack;
	stacks.nr_cached++;
	spin_unlock_irqrestore(&stacks.lock, flags);
}

void kernel_stack_purge(void)
{
	trim_to(0);
}

bool upcall_stack_guard(vaddr_t addr)
{
	return addr >= STACKS_START && addr < STACKS_END &&
	       (addr & (SLOT_SIZE - 1)) < KERNEL_STACK_SIZE;
}

bool upcall_stack_bounds(vaddr_t addr, vaddr_t *start, vaddr_t *end)
{
	vaddr_t slot = addr & ~(SLOT_SIZE - 1);

	/* The lower half of the guard may be behind the end of the slot below. */
	if (addr < STACKS_START || addr >= STACKS_END ||
	    addr - slot < KERNEL_STACK_SIZE / 2)
		return false;
	*start = slot + KERNEL_STACK_SIZE;
	*end = slot + SLOT_SIZE;
	return true;
}

unsigned long kernel_stacks_live(void)
{
	return READ_ONCE(stacks.live);
}

void kernel_stack_measure_live(void)
{
	unsigned long flags;

	spin_lock_irqsave(&stacks.lock, flags);
	for (unsigned int i = 0; i < MAX_STACKS; i++)
		if (stacks.epoch[i])
			stack_depth_measure(stack_in(i));
	spin_unlock_irqrestore(&stacks.lock, flags);
}

void kernel_stack_count_since(u16 epoch, struct alloc_sites *sites)
{
	for (unsigned int i = 0; i < MAX_STACKS; i++)
		if (alloc_is_since(stacks.epoch[i], epoch))
			alloc_sites_add(sites, "kernel stacks",
					caller_unpack(stacks.owner[i]),
					KERNEL_STACK_SIZE);
}
