// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_lockdep_alloc_test.c - allocations may call callbacks
 * (R5.3)
 *
 * An allocation that may wait may wait for reclaim, and reclaim waits for the
 * callbacks of any address space. So
 *
 *	(b)	a callback makes no such allocation
 *	(c)	nor does a thread that holds a lock which a callback takes
 *
 * and each allocator must say so where it is entered: all of them are tried,
 * with what they need at hand or not.
 */
#include "bad_driver.h"
#include <mm/table/pgtable.h>
#include <mm/alloc/vmalloc.h>

static struct kmem_cache *fresh_cache;
static void *allocated;

static noinline void get_object(struct bad_driver *bad)
{
	kfree(kmalloc(64, GFP_KERNEL));
}

/* The cache is new: its first object wants a slab, that is, pages too. */
static noinline void grow_a_cache(struct bad_driver *bad)
{
	allocated = kmem_cache_alloc(fresh_cache, GFP_KERNEL);
}

static noinline void get_large_object(struct bad_driver *bad)
{
	kfree(kmalloc(4 * PAGE_SIZE, GFP_KERNEL));
}

static noinline void get_page_of_memory(struct bad_driver *bad)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (page)
		put_page(page);
}

static noinline void get_pages(struct bad_driver *bad)
{
	struct page *page = alloc_pages(GFP_KERNEL, 1);

	if (page)
		put_page(page);
}

static noinline void get_pages_in_bulk(struct bad_driver *bad)
{
	struct page *pages[2];

	release_pages(pages, alloc_pages_bulk(GFP_KERNEL, 2, pages));
}

static noinline void get_area(struct bad_driver *bad)
{
	vfree(vmalloc(PAGE_SIZE));
}

/* Some are kept: the allocation needs none of the others today. */
static noinline void get_stack(struct bad_driver *bad)
{
	kernel_stack_free(kernel_stack_alloc());
}

static pmd_t *table;

/* The table is there from the second call on. No tail call: the report names this. */
static noinline void get_table(struct bad_driver *bad)
{
	WRITE_ONCE(table, pgtable_alloc_pmd(bad->mm, PG(1)));
}

#define ALLOCATION(fn_)                                         \
	{                                                       \
		.fn = (fn_), .takes_map = TAKES(MAP_NAME, #fn_) \
	}
static const struct {
	void (*fn)(struct bad_driver *bad);
	const char *takes_map;
} allocations[] = {
	ALLOCATION(get_object),       ALLOCATION(grow_a_cache),
	ALLOCATION(get_large_object), ALLOCATION(get_page_of_memory),
	ALLOCATION(get_pages),        ALLOCATION(get_pages_in_bulk),
	ALLOCATION(get_area),         ALLOCATION(get_stack),
	ALLOCATION(get_table),
};

static bool fresh_cache_begin(struct ktest *test)
{
	allocated = NULL;
	fresh_cache = kmem_cache_create("fresh", 64, 0, 0, NULL);
	EXPECT(fresh_cache);
	return fresh_cache;
}

static void fresh_cache_end(void)
{
	if (allocated)
		kmem_cache_free(fresh_cache, allocated);
	kmem_cache_destroy(fresh_cache);
}

/* Each in an interval's callback, in a start and in an end. */
KTEST(mmu_notifier_lockdep, a_callback_that_allocates_and_may_wait_is_reported,
      KT_RULES("R5.3 R5.7"))
{
	struct bad_driver bad;
	unsigned int i;

	if (!bad_begin(test, &bad))
		return;
	get_table(&bad);
	get_stack(&bad);
	for (i = 0; i < 3 * ARRAY_SIZE(allocations); i++) {
		void (*fn)(struct bad_driver * bad) = allocations[i / 3].fn;

		bad.in_interval = i % 3 == 0 ? fn : NULL;
		bad.in_start = i % 3 == 1 ? fn : NULL;
		bad.in_end = i % 3 == 2 ? fn : NULL;
		if (!fresh_cache_begin(test))
			break;
		lockdep_expect_begin();
		raise(bad.mm);
		EXPECT_ONE_REPORT(
			"same class", allocations[i / 3].takes_map,
			i % 3 == 2 ? WHILE_HOLDING(MAP_NAME, "raise_end")
				   : WHILE_HOLDING(MAP_NAME, "raise_start"));
		fresh_cache_end();
	}
	bad_stop(&bad);
}

static void allocate_at_once(struct bad_driver *bad)
{
	struct page *page = alloc_page(GFP_NOWAIT);

	if (page)
		put_page(page);
	kfree(kmalloc(64, GFP_NOWAIT));
	kfree(kmalloc(64, GFP_ATOMIC));
	allocated = kmem_cache_alloc(fresh_cache, GFP_NOWAIT);
}

/* The good driver of R5.7. */
KTEST(mmu_notifier_lockdep, a_callback_that_allocates_without_waiting_is_good,
      KT_RULES("R5.3 R5.7"))
{
	struct bad_driver bad;

	if (!bad_begin(test, &bad))
		return;
	if (fresh_cache_begin(test)) {
		bad.in_interval = allocate_at_once;
		lockdep_expect_begin();
		raise(bad.mm);
		EXPECT_NO_REPORT();
		EXPECT(allocated);
		fresh_cache_end();
	}
	bad_stop(&bad);
}

static DEFINE_MUTEX(held_over_allocation);

static noinline void take_held_over_allocation(struct bad_driver *bad)
{
	mutex_lock(&held_over_allocation);
	mutex_unlock(&held_over_allocation);
}

/* The callback itself does no wrong, but the allocation could come to it. */
KTEST(mmu_notifier_lockdep,
      an_allocation_that_may_wait_under_a_callbacks_lock_is_reported,
      KT_RULES("R5.8"))
{
	struct bad_driver bad;
	unsigned int i;

	if (!bad_begin(test, &bad))
		return;
	get_table(&bad);
	get_stack(&bad);
	bad.in_interval = take_held_over_allocation;
	raise(bad.mm);
	for (i = 0; i < ARRAY_SIZE(allocations); i++) {
		if (!fresh_cache_begin(test))
			break;
		lockdep_expect_begin();
		mutex_lock(&held_over_allocation);
		allocations[i].fn(&bad);
		mutex_unlock(&held_over_allocation);
		EXPECT_ONE_REPORT("opposite order", allocations[i].takes_map,
				  WHILE_TEST_HOLDS("held_over_allocation"),
				  WAS_TAKEN("held_over_allocation",
					    "take_held_over_allocation"),
				  UNDER(MAP_NAME, "raise_start"));
		fresh_cache_end();
	}
	if (fresh_cache_begin(test)) {
		lockdep_expect_begin();
		mutex_lock(&held_over_allocation);
		allocate_at_once(&bad);
		mutex_unlock(&held_over_allocation);
		EXPECT_NO_REPORT();
		fresh_cache_end();
	}
	bad_stop(&bad);
}
