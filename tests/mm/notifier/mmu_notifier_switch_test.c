// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_switch_test.c - statistics that go off during a walk
 *
 * A callback switches them off. What it has been called for is counted, since the walk
 * looked at the clock before it. No later callback is.
 *
 *	walk		calls		off in A		counted
 *	intervals	A, B		its callback		A
 *	second passes	A, B		its second pass		A
 *	starts		Q, P		Q's start		Q
 *	ends		Q, P		Q's end			Q
 */
#include "notifier_fixture.h"

enum off_in {
	OFF_IN_INTERVAL,
	OFF_IN_FINISH,
	OFF_IN_START,
	OFF_IN_END,
};

/* What the callbacks of one test share. */
struct switched {
	struct ktest *test;
	struct mm_struct *mm;
	enum off_in off_in;
	/* Callbacks of the first interval that were counted when its second pass ran. */
	unsigned long counted_before;
};

struct switched_interval {
	struct mmu_interval_notifier sub;
	struct mmu_interval_notifier_finish finish;
	struct switched *of;
};

struct switched_plain {
	struct mmu_notifier sub;
	struct switched *of;
};

static void off_if(const struct switched *of, enum off_in in)
{
	if (of->off_in == in)
		mmu_notifier_observe(false);
}

static bool first_pass(struct mmu_interval_notifier *sub,
		       const struct mmu_notifier_range *range,
		       unsigned long cur_seq,
		       struct mmu_interval_notifier_finish **finish)
{
	struct switched_interval *i =
		container_of(sub, struct switched_interval, sub);

	mmu_interval_set_seq(sub, cur_seq);
	*finish = &i->finish;
	off_if(i->of, OFF_IN_INTERVAL);
	return true;
}

static void second_pass(struct mmu_interval_notifier_finish *finish)
{
	struct switched_interval *i =
		container_of(finish, struct switched_interval, finish);

	if (!i->of->counted_before)
		i->of->counted_before =
			figures_of(i->of->test, i->of->mm, &i->sub).callbacks;
	off_if(i->of, OFF_IN_FINISH);
}

static const struct mmu_interval_notifier_ops interval_ops = {
	.invalidate_start = first_pass,
	.invalidate_finish = second_pass,
};

static int plain_start(struct mmu_notifier *sub,
		       const struct mmu_notifier_range *range)
{
	off_if(container_of(sub, struct switched_plain, sub)->of, OFF_IN_START);
	return 0;
}

static void plain_end(struct mmu_notifier *sub,
		      const struct mmu_notifier_range *range)
{
	off_if(container_of(sub, struct switched_plain, sub)->of, OFF_IN_END);
}

static const struct mmu_notifier_ops plain_ops = {
	.invalidate_range_start = plain_start,
	.invalidate_range_end = plain_end,
};

/* Callbacks that were counted, of A, B, P and Q. */
struct counted {
	unsigned long of[4];
};

static struct counted count_switched(struct ktest *test, enum off_in off_in)
{
	struct switched_interval a, b;
	struct switched_plain p, q;
	struct switched of = {.test = test, .mm = mm_alloc(), .off_in = off_in};
	struct counted counted = {{0}};
	const void *subs[] = {&a.sub, &b.sub, &p.sub, &q.sub};
	unsigned int i;

	if (!of.mm) {
		ktest_fail(test, "no mm");
		return counted;
	}
	a.of = b.of = p.of = q.of = &of;
	p.sub.ops = q.sub.ops = &plain_ops;
	EXPECT_EQ(mmu_interval_notifier_insert(&a.sub, of.mm, 0, PG(1),
					       &interval_ops),
		  0);
	EXPECT_EQ(mmu_interval_notifier_insert(&b.sub, of.mm, PG(1), PG(1),
					       &interval_ops),
		  0);
	EXPECT_EQ(mmu_notifier_register(&p.sub, of.mm), 0);
	EXPECT_EQ(mmu_notifier_register(&q.sub, of.mm), 0);
	change(of.mm, 0, 2);
	for (i = 0; i < ARRAY_SIZE(subs); i++)
		counted.of[i] = figures_of(test, of.mm, subs[i]).callbacks;
	/* A second pass counts when it has returned, not before. */
	EXPECT_EQ(of.counted_before, 1UL);
	mmu_notifier_observe(true);
	mmu_notifier_unregister(&q.sub, of.mm);
	mmu_notifier_unregister(&p.sub, of.mm);
	mmu_interval_notifier_remove(&b.sub);
	mmu_interval_notifier_remove(&a.sub);
	mmput(of.mm);
	return counted;
}

static void expect_counted(struct ktest *test, enum off_in off_in,
			   unsigned long a, unsigned long b, unsigned long p,
			   unsigned long q)
{
	struct counted counted = count_switched(test, off_in);

	EXPECT_EQ(counted.of[0], a);
	EXPECT_EQ(counted.of[1], b);
	EXPECT_EQ(counted.of[2], p);
	EXPECT_EQ(counted.of[3], q);
}

KTEST(mmu_notifier_stats, what_comes_after_they_are_off_is_not_counted)
{
	/* Callback and second pass of A and B; start and end of P and Q. */
	expect_counted(test, OFF_IN_INTERVAL, 1, 0, 0, 0);
	expect_counted(test, OFF_IN_FINISH, 2, 1, 0, 0);
	expect_counted(test, OFF_IN_START, 2, 2, 0, 1);
	expect_counted(test, OFF_IN_END, 2, 2, 1, 2);
}
