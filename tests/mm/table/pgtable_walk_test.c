// SPDX-License-Identifier: MIT
/*
 * tests/mm/table/pgtable_walk_test.c - a table that goes while it is looked for
 *
 * The tables of a sandbox: one over AT(0), and the PMD entry behind it, HUGE, which is
 * empty until a test puts a huge entry there.
 */
#include <kernel/rcu.h>
#include <mm/alloc/page_alloc.h>
#include <mm/fault/gup.h>
#include <mm/table/pgtable.h>
#include "tests/mm/lib/sandbox.h"

#define HUGE (BASE + PMD_SIZE)

static_assert(IS_ALIGNED(BASE, PMD_SIZE), "the huge entry is alone in its span");

struct walker {
	struct sandbox_thread thread;
	struct ktest_step step;
	bool found;
};

static void walk_once(struct sandbox_thread *self) __no_thread_safety
{
	struct walker *w = self->arg;
	struct spinlock *ptl;

	step_spin(&w->step, 1);
	w->found = pgtable_map_lock(self->box->mm, AT(0), &ptl);
	if (w->found)
		spin_unlock(ptl);
}

/*
 *	walk				test
 *					lock(t)
 *	reads the PMD: t
 *	lock(t) ... waits
 *					PMD emptied
 *					unlock(t)
 *	has the lock; the PMD is not t	(must find no table)
 */
KTEST(pgtable, a_walk_that_lost_its_table_finds_none, KT_FLAGS(KT_NEEDS_SMP))
{
	struct walker w = {.found = true};
	struct sandbox box;
	pmd_t *pmdp, pmd;
	unsigned long polls = 1UL << 20;

	REQUIRE(sandbox_open(&box, test));
	step_init(&w.step, test);
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	mmap_read_lock(box.mm);
	pmdp = pgtable_walk_pmd(box.mm, AT(0));
	pmd = pmdp_get(pmdp);
	sandbox_thread_start(&w.thread, &box, another_cpu(), walk_once, &w);
	spin_lock(pmd_ptl(pmd));
	step_signal(&w.step, 1);
	while (--polls)
		cpu_relax();
	set_pmd(pmdp, __pmd(0));
	spin_unlock(pmd_ptl(pmd));
	sandbox_thread_join(&w.thread);
	set_pmd(pmdp, pmd);
	mmap_read_unlock(box.mm);
	EXPECT(!w.found);
	sandbox_close(&box);
}

static void unmap_once(struct sandbox_thread *self)
{
	struct walker *w = self->arg;

	step_spin(&w->step, 1);
	do_munmap(self->box->mm, AT(0), PAGE_SIZE);
	step_signal(&w->step, 2);
}

/*
 *	walk, an RCU reader		munmap
 *	finds table t
 *					unhooks t, flushes, returns
 *	(t must still be a table)
 *	ends
 *					a grace period later: t is free
 */
KTEST(pgtable, a_table_is_freed_after_the_walks_that_may_have_found_it,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct walker w = {.found = false};
	struct sandbox box;
	struct page *table;
	bool still;

	REQUIRE(sandbox_open(&box, test));
	step_init(&w.step, test);
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	mmap_read_lock(box.mm);
	table = virt_to_page(pmd_table(pmdp_get(pgtable_walk_pmd(box.mm, AT(0)))));
	mmap_read_unlock(box.mm);
	sandbox_thread_start(&w.thread, &box, another_cpu(), unmap_once, &w);
	rcu_read_lock();
	step_signal(&w.step, 1);
	step_spin(&w.step, 2);
	still = PageTable(table);
	rcu_read_unlock();
	sandbox_thread_join(&w.thread);
	EXPECT(still);
	rcu_barrier();
	EXPECT(!PageTable(table) || table->pt_mm != box.mm);
	sandbox_close(&box);
}

KTEST(pgtable, two_tables_are_locked_in_either_order_alike)
{
	struct sandbox box;
	struct spinlock *a, *b;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	sandbox_map(&box, HUGE, 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(HUGE, 1), 0);
	mmap_read_lock(box.mm);
	a = pmd_ptl(pmdp_get(pgtable_walk_pmd(box.mm, AT(0))));
	b = pmd_ptl(pmdp_get(pgtable_walk_pmd(box.mm, HUGE)));
	EXPECT_NE(a, b);
	/* The validator would report the second if it took them the other way. */
	pgtable_lock_two(a, b);
	EXPECT(spin_is_locked(a) && spin_is_locked(b));
	pgtable_unlock_two(a, b);
	pgtable_lock_two(b, a);
	EXPECT(spin_is_locked(a) && spin_is_locked(b));
	pgtable_unlock_two(b, a);
	pgtable_lock_two(a, a);
	EXPECT(spin_is_locked(a) && !spin_is_locked(b));
	pgtable_unlock_two(a, a);
	EXPECT(!spin_is_locked(a) && !spin_is_locked(b));
	mmap_read_unlock(box.mm);
	sandbox_close(&box);
}
