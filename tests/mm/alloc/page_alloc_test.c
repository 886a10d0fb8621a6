// SPDX-License-Identifier: MIT
/*
 * tests/mm/alloc/page_alloc_test.c - frames: nobody else's, all given back
 *
 * Each page that is held carries a stamp of its holder, so that a page handed
 * to two is seen by its contents and not only by the allocator's own books.
 */
#include <arch/smp.h>
#include <arch/task.h>
#include <mm/alloc/alloc.h>
#include <lib/cpumask.h>
#include <kernel/ktest.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/vmalloc.h>

#include "tests/ktest/team.h"

#define HOLD 96u

static void stamp(struct page *page, unsigned int order, u64 value)
{
	for (unsigned long i = 0; i < 1ul << order; i++)
		*(u64 *)page_address(page + i) = value + i;
}

static bool stamped(struct page *page, unsigned int order, u64 value)
{
	for (unsigned long i = 0; i < 1ul << order; i++)
		if (*(u64 *)page_address(page + i) != value + i)
			return false;
	return true;
}

KTEST(page_alloc, a_fresh_page_has_one_reference_and_no_flag)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	REQUIRE(page);
	EXPECT_EQ(page_ref_count(page), 1);
	EXPECT_EQ(page_mapcount(page), 0);
	EXPECT_EQ(page->flags, 0);
	EXPECT_EQ(page->mapping, NULL);
	EXPECT(!memchr_inv(page_address(page), 0, PAGE_SIZE));
	EXPECT_EQ(pfn_to_page(page_to_pfn(page)), page);
	EXPECT_EQ(virt_to_page(page_address(page)), page);
	EXPECT(pfn_valid(page_to_pfn(page)));
	put_page(page);
	EXPECT(PageFree(page));
	EXPECT_EQ(page_ref_count(page), 0);
}

KTEST(page_alloc, the_last_reference_frees)
{
	struct page *page = alloc_page(GFP_KERNEL);

	REQUIRE(page);
	get_page(page);
	put_page(page);
	EXPECT_EQ(page_ref_count(page), 1);
	EXPECT(!PageFree(page));
	EXPECT(get_page_unless_zero(page));
	put_page(page);
	put_page(page);
	EXPECT(!get_page_unless_zero(page));
	EXPECT(PageFree(page));
}

KTEST(page_alloc, blocks_are_aligned_to_their_size)
{
	for (unsigned int order = 0; order <= MAX_ORDER; order++) {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, order);

		REQUIRE(page);
		EXPECT_EQ(page_to_pfn(page) & ((1ul << order) - 1), 0);
		EXPECT(!memchr_inv(page_address(page), 0, PAGE_SIZE << order));
		put_page(page);
	}
	EXPECT_EQ(alloc_pages(GFP_KERNEL | __GFP_NOWARN, MAX_ORDER + 1), NULL);
}

struct held {
	struct page *page;
	unsigned int order;
	u64 value;
};

/* Take and give at random; false when a held page was not ours alone. */
static bool churn(struct rng *rng, unsigned int rounds, unsigned int max_order)
{
	struct held *held = kcalloc(HOLD, sizeof(*held), GFP_KERNEL);
	bool ok = held != NULL;

	for (unsigned int i = 0; ok && i < rounds; i++) {
		struct held *h = &held[rng_below(rng, HOLD)];

		if (h->page) {
			ok = stamped(h->page, h->order, h->value);
			put_page(h->page);
			h->page = NULL;
			continue;
		}
		h->order = rng_below(rng, max_order + 1);
		h->page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, h->order);
		h->value = rng_next(rng);
		if (h->page)
			stamp(h->page, h->order, h->value);
	}
	for (unsigned int i = 0; held && i < HOLD; i++) {
		if (!held[i].page)
			continue;
		ok &= stamped(held[i].page, held[i].order, held[i].value);
		put_page(held[i].page);
	}
	kfree(held);
	return ok;
}

KTEST(page_alloc, random_blocks_are_nobody_elses)
{
	EXPECT(churn(ktest_rng(test), 1500, 4));
	EXPECT(page_alloc_verify());
}

/* Of every second worker single pages only. */
static void churn_beside_others(struct team_worker *me)
{
	struct ktest *test = me->test;

	EXPECT(churn(&me->rng, 800, me->number % 2 ? 0 : 3));
}

KTEST(page_alloc, all_cpus_at_once_share_no_page)
{
	team_run(test, num_online_cpus(), 1, churn_beside_others, NULL);
	EXPECT(page_alloc_verify());
}

static atomic_t irq_failures;

/* In an interrupt, perhaps of a thread that changes the list right now. */
static void alloc_in_irq(void *unused)
{
	struct page *page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);
	void *object = kmalloc(64, GFP_ATOMIC | __GFP_NOWARN);

	if (!page || !object)
		atomic_inc(&irq_failures);
	if (page)
		put_page(page);
	kfree(object);
}

static int interrupt_everyone(void *unused)
{
	while (!kthread_should_stop()) {
		on_each_cpu(alloc_in_irq, NULL, SMP_WAIT);
		cond_resched();
	}
	return 0;
}

KTEST(page_alloc, an_interrupt_may_allocate_amid_an_allocation)
{
	struct task *task;

	atomic_set(&irq_failures, 0);
	task = kthread_run(interrupt_everyone, NULL, "interrupter");
	REQUIRE(!IS_ERR(task));
	EXPECT(churn(ktest_rng(test), 4000, 1));
	kthread_stop(task);
	EXPECT_EQ(atomic_read(&irq_failures), 0);
	EXPECT(page_alloc_verify());
}

KTEST(page_alloc, bulk_gives_and_takes_the_same_number)
{
	enum { NR = 700 };
	struct page **pages = kcalloc(NR, sizeof(*pages), GFP_KERNEL);
	unsigned long nr = 0;

	REQUIRE(pages);
	nr = alloc_pages_bulk(GFP_KERNEL, NR, pages);
	EXPECT_EQ(nr, NR);
	for (unsigned long i = 0; i < nr; i++)
		stamp(pages[i], 0, i);
	for (unsigned long i = 0; i < nr; i++)
		EXPECT(stamped(pages[i], 0, i));
	/* A page with another reference must survive the release. */
	if (nr)
		get_page(pages[nr / 2]);
	release_pages(pages, nr);
	if (nr) {
		EXPECT_EQ(page_ref_count(pages[nr / 2]), 1);
		put_page(pages[nr / 2]);
	}
	nr = alloc_pages_bulk(GFP_KERNEL, 10, pages);
	release_pages(pages, nr);
	release_pages(pages, 0);
	EXPECT(page_alloc_verify());
	kfree(pages);
}

KTEST(page_alloc, draining_lets_blocks_merge)
{
	enum { NR = 256 };
	struct page **pages = kcalloc(NR, sizeof(*pages), GFP_KERNEL);

	REQUIRE(pages);
	release_pages(pages, alloc_pages_bulk(GFP_KERNEL, NR, pages));
	drain_all_pages();
	EXPECT(page_alloc_verify());
	kfree(pages);
}

KTEST(page_alloc, the_nth_attempt_fails_and_the_next_works,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct page *page[4];

	alloc_fail_nth(3);
	for (unsigned int i = 0; i < 4; i++)
		page[i] = alloc_page(GFP_KERNEL | __GFP_NOWARN);
	EXPECT(alloc_fail_hit());
	alloc_fail_end();
	for (unsigned int i = 0; i < 4; i++) {
		EXPECT_EQ(page[i] == NULL, i == 2);
		if (page[i])
			put_page(page[i]);
	}
}

KTEST(page_alloc, a_leak_is_counted, KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct alloc_snapshot before, after;
	struct page *page;

	alloc_leak_snapshot(&before);
	page = alloc_page(GFP_KERNEL);
	REQUIRE(page);
	EXPECT_GE(page->epoch, before.epoch);
	EXPECT_NE(page->owner, 0);
	alloc_leak_snapshot(&after);
	EXPECT_EQ(after.pages, before.pages + 1);
	put_page(page);
	alloc_leak_snapshot(&after);
	EXPECT_EQ(after.pages, before.pages);
	EXPECT_EQ(alloc_leak_check(&before), 0);
}

/* One of each is leaked for a while; the report names this test four times. */
KTEST(page_alloc, a_leak_of_each_kind_is_counted_and_reported,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct alloc_snapshot before, after;
	struct page *page;
	void *object, *area, *stack;

	alloc_leak_snapshot(&before);
	page = alloc_page(GFP_KERNEL);
	object = kmalloc(64, GFP_KERNEL);
	area = vmalloc(3 * PAGE_SIZE);
	stack = kernel_stack_alloc();
	EXPECT(page && object && area && stack);
	EXPECT_GE(alloc_leak_check(&before), 4u);
	alloc_leak_snapshot(&after);
	EXPECT_EQ(after.areas, before.areas + 1);
	EXPECT_EQ(after.stacks, before.stacks + 1);
	EXPECT_GE(after.objects, before.objects + 1);
	EXPECT_GE(after.pages, before.pages + 4);
	if (stack)
		kernel_stack_free(stack);
	vfree(area);
	kfree(object);
	if (page)
		put_page(page);
	EXPECT_EQ(alloc_leak_check(&before), 0);
}

KTEST(page_alloc, an_attempt_that_has_another_plan_is_not_made_to_fail)
{
	void *spare, *needed;

	alloc_fail_nth(1);
	spare = kmalloc(64, GFP_NOWAIT);
	EXPECT(!alloc_fail_hit());
	needed = kmalloc(64, GFP_KERNEL);
	EXPECT_EQ(alloc_fail_hit(), IS_ENABLED(CONFIG_DEBUG));
	alloc_fail_end();
	EXPECT(spare != NULL);
	EXPECT_EQ(needed == NULL, IS_ENABLED(CONFIG_DEBUG));
	kfree(needed);
	kfree(spare);
}

/* --- the last pages ------------------------------------------------------- */

/* Above this the machine is too large to be taken whole in a test. */
#define EXHAUSTIBLE_PAGES (512ul << (20 - PAGE_SHIFT))

/* Pages that threads beside the test may take or give. */
#define OTHERS 16ul

static bool too_large(struct ktest *test)
{
	if (nr_total_pages() <= EXHAUSTIBLE_PAGES)
		return false;
	ktest_skip(test, "too much memory to take it all");
	return true;
}

/* Take single pages until there is none, onto a chain. Return: how many. */
static unsigned long take_all(gfp_t gfp, struct page **taken)
{
	struct page *page;
	unsigned long nr = 0;

	while ((page = alloc_page(gfp | __GFP_NOWARN))) {
		page->mapping = *taken;
		*taken = page;
		nr++;
	}
	return nr;
}

static void give_all_back(struct page *taken)
{
	while (taken) {
		struct page *next = taken->mapping;

		put_page(taken);
		taken = next;
	}
}

static void expect_whole_again(struct ktest *test)
{
	struct page *page = alloc_pages(GFP_KERNEL, MAX_ORDER);

	EXPECT(page);
	if (page)
		put_page(page);
	EXPECT(page_alloc_verify());
}

KTEST(page_alloc, an_exhausted_machine_keeps_a_reserve_for_atomic_callers,
      KT_FLAGS(KT_SLOW))
{
	struct page *page, *taken = NULL;
	unsigned long nr;

	if (too_large(test))
		return;
	nr = take_all(GFP_KERNEL, &taken);
	EXPECT_GE(nr_free_pages(), 64);
	EXPECT_EQ(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 1), NULL);
	page = alloc_page(GFP_ATOMIC);
	EXPECT(page);
	if (page)
		put_page(page);
	give_all_back(taken);
	EXPECT_GE(nr, nr_total_pages() / 2);
	expect_whole_again(test);
}

/*
 *	GFP_KERNEL takes all it can		reserve left
 *	GFP_ATOMIC takes a few			less of it
 *	GFP_KERNEL				gets nothing of the rest
 */
KTEST(page_alloc, what_an_atomic_caller_leaves_of_the_reserve_is_not_for_others,
      KT_FLAGS(KT_SLOW))
{
	struct page *taken = NULL;
	unsigned long had;

	if (too_large(test))
		return;
	take_all(GFP_KERNEL, &taken);
	for (unsigned int i = 0; i < 3; i++) {
		struct page *page = alloc_page(GFP_ATOMIC);

		EXPECT(page);
		if (page) {
			page->mapping = taken;
			taken = page;
		}
		EXPECT_LE(take_all(GFP_KERNEL, &taken), 1);
	}
	had = nr_free_pages();
	EXPECT_LE(had, OTHERS + take_all(GFP_ATOMIC, &taken));
	give_all_back(taken);
	expect_whole_again(test);
}

/* Machines from 16 MiB to 64 GiB, with 1 to 64 CPUs. */
KTEST(page_alloc, the_share_of_the_lists_does_not_grow_with_the_cpus)
{
	for (unsigned int shift = 12; shift <= 24; shift++) {
		for (unsigned int cpus = 1; cpus <= NR_CPUS; cpus++) {
			unsigned long total = 1ul << shift;
			struct page_limits l = page_limits_of(total, cpus);

			REQUIRE(l.list >= 2 && l.batch_order <= MAX_ORDER);
			/* A batch does not fill a list twice. */
			REQUIRE(2ul << l.batch_order <= l.list);
			REQUIRE((unsigned long)cpus * l.list <= total / 8);
			/* Nor does it reach into the reserve. */
			REQUIRE(l.min + (1ul << l.batch_order) <= l.low);
			REQUIRE(l.min && l.low < l.high && l.high <= total / 16);
		}
	}
}

static int fill_the_list(void *arg)
{
	enum { NR = 1200 };
	struct page **pages = kcalloc(NR, sizeof(*pages), GFP_KERNEL);

	if (!pages)
		return -ENOMEM;
	release_pages(pages, alloc_pages_bulk(GFP_KERNEL, NR, pages));
	kfree(pages);
	return 0;
}

KTEST(page_alloc, atomic_callers_reach_what_other_cpus_hold, KT_FLAGS(KT_SLOW))
{
	struct page *taken = NULL;
	unsigned int cpu;

	if (too_large(test))
		return;
	for_each_online_cpu(cpu) {
		struct task *task =
			kthread_run_on(cpu, fill_the_list, NULL, "fill/%u", cpu);

		REQUIRE(!IS_ERR(task));
		EXPECT_EQ(kthread_join(task), 0);
	}
	take_all(GFP_ATOMIC, &taken);
	EXPECT_LE(nr_free_pages(), OTHERS);
	give_all_back(taken);
	expect_whole_again(test);
}
