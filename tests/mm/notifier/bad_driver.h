/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/notifier/bad_driver.h - a driver that does in its callbacks what one must not
 *
 * An interval and a plain subscription of one address space. A test
 * sets the function that does wrong in a callback; at first none does anything.
 */
#ifndef TESTS_MM_NOTIFIER_BAD_DRIVER_H
#define TESTS_MM_NOTIFIER_BAD_DRIVER_H

#include "notifier_fixture.h"
#include "report_words.h"
#include <kernel/lock/lockdep.h>

/* A driver whose callbacks, of both kinds, do one wrong thing. */
struct bad_driver {
	struct mmu_interval_notifier sub;
	struct mmu_notifier plain;
	struct mm_struct *mm;
	void (*in_interval)(struct bad_driver *bad);
	void (*in_start)(struct bad_driver *bad);
	void (*in_end)(struct bad_driver *bad);
	void (*in_release)(struct bad_driver *bad);
};

static inline bool bad_invalidate(struct mmu_interval_notifier *sub,
				  const struct mmu_notifier_range *range,
				  unsigned long cur_seq)
{
	struct bad_driver *bad = container_of(sub, struct bad_driver, sub);

	mmu_interval_set_seq(sub, cur_seq);
	if (bad->in_interval)
		bad->in_interval(bad);
	return true;
}

static inline int bad_start(struct mmu_notifier *sub,
			    const struct mmu_notifier_range *range)
{
	struct bad_driver *bad = container_of(sub, struct bad_driver, plain);

	if (bad->in_start)
		bad->in_start(bad);
	return 0;
}

static inline void bad_end(struct mmu_notifier *sub,
			   const struct mmu_notifier_range *range)
{
	struct bad_driver *bad = container_of(sub, struct bad_driver, plain);

	if (bad->in_end)
		bad->in_end(bad);
}

static inline void bad_release(struct mmu_notifier *sub, struct mm_struct *mm)
{
	struct bad_driver *bad = container_of(sub, struct bad_driver, plain);

	if (bad->in_release)
		bad->in_release(bad);
}

static const struct mmu_interval_notifier_ops bad_ops = {
	.invalidate = bad_invalidate,
};

static const struct mmu_notifier_ops bad_plain_ops = {
	.release = bad_release,
	.invalidate_range_start = bad_start,
	.invalidate_range_end = bad_end,
};

static inline void bad_watch(struct ktest *test, struct bad_driver *bad)
{
	EXPECT_EQ(mmu_interval_notifier_insert(&bad->sub, bad->mm, 0, PG(4),
					       &bad_ops),
		  0);
}

/* Both subscriptions, in an mm of its own; callbacks do nothing yet. */
static inline bool bad_begin(struct ktest *test, struct bad_driver *bad)
{
	memset(bad, 0, sizeof(*bad));
	bad->mm = mm_alloc();
	bad->plain.ops = &bad_plain_ops;
	if (!bad->mm || mmu_notifier_register(&bad->plain, bad->mm)) {
		ktest_fail(test, "no driver");
		return false;
	}
	bad_watch(test, bad);
	return true;
}

static inline void bad_finish(struct bad_driver *bad)
{
	bad->in_interval = bad->in_start = bad->in_end = NULL;
	bad->in_release = NULL;
	mmu_notifier_unregister(&bad->plain, bad->mm);
	mmput(bad->mm);
}

static inline void bad_stop(struct bad_driver *bad)
{
	mmu_interval_notifier_remove(&bad->sub);
	bad_finish(bad);
}

/* A wrong thing that any callback may do. */
static noinline __maybe_unused void take_mmap_lock(struct bad_driver *bad)
{
	mmap_read_lock(bad->mm);
	mmap_read_unlock(bad->mm);
}

/*
 * Out of line, like all that a report shall name; and with something after the
 * call, which else is a jump and has no place.
 */
static noinline __maybe_unused void raise_start(struct mmu_notifier_range *range,
						struct mm_struct *mm)
{
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, NULL, mm, 0, PG(1));
	mmu_notifier_invalidate_range_start(range);
	barrier();
}

static noinline __maybe_unused void raise_end(struct mmu_notifier_range *range)
{
	mmu_notifier_invalidate_range_end(range);
	barrier();
}

static inline void raise(struct mm_struct *mm)
{
	struct mmu_notifier_range range;

	raise_start(&range, mm);
	raise_end(&range);
}

#endif
