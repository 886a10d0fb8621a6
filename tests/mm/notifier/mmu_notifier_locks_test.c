// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_locks_test.c - what start and end take, on any number
 * of CPUs
 *
 * One CPU, then two, and so on to four: each changes pages of its own in the
 * one address space, again and again. The validator counts what each thread
 * takes. The tests compare numbers of locks, and no time; statistics are off,
 * for they take a lock of their own.
 */
#include <kernel/lock/lockdep.h>

#include "tests/ktest/team.h"
#include "notifier_fixture.h"
#include "mm/notifier/internal.h"

#define CPUS_MOST 4
#define PAIRS     400

/** The locks of one thread. */
struct taken {
	unsigned long locks;
	unsigned long waits;
};

/** One row of threads. */
struct row {
	struct mm_struct *mm;
	struct taken by[CPUS_MOST];
};

/* Thread n has pages 8n to 8n + 7; a subscription there watches the first four. */
static void change_own_pages(struct team_worker *me)
{
	struct row *row = me->arg;
	unsigned int page = 8 * me->number;
	unsigned long locks = lockdep_task_taken();
	unsigned long waits = lockdep_task_contended();
	unsigned int i;

	for (i = 0; i < PAIRS; i++)
		change(row->mm, page, page + 2);
	row->by[me->number].locks = lockdep_task_taken() - locks;
	row->by[me->number].waits = lockdep_task_contended() - waits;
}

/* Paths taken only when a subscriber comes, goes or waits. */
static unsigned long detours(struct mm_struct *mm)
{
	struct mmu_notifier_stats stats;

	mmu_notifier_read_stats(mm, &stats);
	return stats.deferred_adds + stats.deferred_removes + stats.yielded +
	       stats.failed_starts + stats.waits + stats.grace_periods;
}

/* On 1 CPU, on 2, ...: every thread takes @each locks for a pair. */
static void expect_locks(struct ktest *test, struct mm_struct *mm,
			 const char *what, unsigned long each)
{
	unsigned int most = min(num_online_cpus(), (unsigned int)CPUS_MOST);
	unsigned long before = detours(mm);
	unsigned int cpus, i;

	mmu_notifier_observe(false);
	for (cpus = 1; cpus <= most; cpus++) {
		struct row row = {.mm = mm};
		unsigned long waits = 0;

		team_run(test, cpus, 1, change_own_pages, &row);
		for (i = 0; i < cpus; i++) {
			EXPECT_EQ(row.by[i].locks, each * PAIRS);
			waits += row.by[i].waits;
		}
		ktest_note("%s on %u CPUs: %lu locks a pair, %lu of %u pairs waited",
			   what, cpus, row.by[0].locks / PAIRS, waits,
			   cpus * PAIRS);
	}
	mmu_notifier_observe(true);
	EXPECT_EQ(detours(mm), before);
}

/* Without the validator nobody counts. */
static bool nobody_counts(struct ktest *test)
{
	if (IS_ENABLED(CONFIG_LOCKDEP))
		return false;
	ktest_skip(test, "no lock validator in this build");
	return true;
}

KTEST(mmu_notifier_locks, without_subscribers_a_pair_takes_none,
      KT_FLAGS(KT_NEEDS_SMP), KT_RULES("R4.28"))
{
	struct mm_struct *mm;

	if (nobody_counts(test))
		return;
	mm = mm_alloc();
	REQUIRE(mm);
	expect_locks(test, mm, "nobody", 0);
	mmput(mm);
}

/* Devices that have nothing of their own to lock: a pair's locks are the core's. */
static int bare_start(struct mmu_notifier *sub,
		      const struct mmu_notifier_range *range)
{
	return 0;
}

static void bare_end(struct mmu_notifier *sub,
		     const struct mmu_notifier_range *range)
{
}

static const struct mmu_notifier_ops bare_plain_ops = {
	.invalidate_range_start = bare_start,
	.invalidate_range_end = bare_end,
};

KTEST(mmu_notifier_locks, with_plain_subscribers_a_pair_takes_none,
      KT_FLAGS(KT_NEEDS_SMP), KT_RULES("R4.30"))
{
	struct mmu_notifier sub = {.ops = &bare_plain_ops};
	struct mm_struct *mm;

	if (nobody_counts(test))
		return;
	mm = mm_alloc();
	REQUIRE(mm);
	EXPECT_EQ(mmu_notifier_register(&sub, mm), 0);
	expect_locks(test, mm, "plain", 0);
	mmu_notifier_unregister(&sub, mm);
	mmput(mm);
}

static bool bare_invalidate(struct mmu_interval_notifier *sub,
			    const struct mmu_notifier_range *range,
			    unsigned long cur_seq)
{
	mmu_interval_set_seq(sub, cur_seq);
	return true;
}

static const struct mmu_interval_notifier_ops bare_ops = {
	.invalidate = bare_invalidate,
};

/*
 *	pages	0       8       16      24
 *	CPU	[0]     [1]     [2]     [3]
 *	watch	    [-]     [-]     [-]     [-]
 */
KTEST(mmu_notifier_locks,
      a_pair_that_overlaps_nothing_takes_one_on_any_number_of_cpus,
      KT_FLAGS(KT_NEEDS_SMP), KT_RULES("R4.29"))
{
	struct mmu_interval_notifier sub[CPUS_MOST];
	struct mm_struct *mm;
	unsigned int i;

	if (nobody_counts(test))
		return;
	mm = mm_alloc();
	REQUIRE(mm);
	for (i = 0; i < CPUS_MOST; i++)
		EXPECT_EQ(mmu_interval_notifier_insert(
				  &sub[i], mm, PG(8 * i + 4), PG(2), &bare_ops),
			  0);
	expect_locks(test, mm, "miss", 1);
	for (i = 0; i < CPUS_MOST; i++)
		mmu_interval_notifier_remove(&sub[i]);
	mmput(mm);
}

/*
 *	pages	0       8       16      24
 *	CPU	[0]     [1]     [2]     [3]
 *	watch	[---]   [---]   [---]   [---]
 */
KTEST(mmu_notifier_locks, a_pair_that_overlaps_takes_two_on_any_number_of_cpus,
      KT_FLAGS(KT_NEEDS_SMP), KT_RULES("R4.29"))
{
	struct mmu_interval_notifier sub[CPUS_MOST];
	struct mm_struct *mm;
	unsigned int i;

	if (nobody_counts(test))
		return;
	mm = mm_alloc();
	REQUIRE(mm);
	for (i = 0; i < CPUS_MOST; i++)
		EXPECT_EQ(mmu_interval_notifier_insert(&sub[i], mm, PG(8 * i),
						       PG(4), &bare_ops),
			  0);
	expect_locks(test, mm, "hit", 2);
	for (i = 0; i < CPUS_MOST; i++)
		mmu_interval_notifier_remove(&sub[i]);
	mmput(mm);
}

/* The counter itself; a fake lock is none. */
KTEST(mmu_notifier_locks, the_count_is_of_locks_this_thread_took)
{
	static struct spinlock lock;
	unsigned long before;

	if (nobody_counts(test))
		return;
	spin_lock_init(&lock);
	before = lockdep_task_taken();
	spin_lock(&lock);
	spin_unlock(&lock);
	mmu_notifier_might_invalidate();
	EXPECT_EQ(lockdep_task_taken() - before, 1UL);
}
