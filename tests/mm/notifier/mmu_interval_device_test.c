// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_interval_device_test.c - a device that follows the protocol has
 * no stale translation
 *
 * A device whose CPU side is a number for each page. Changes give a page another
 * number; what the device has installed must be the number that is there, or
 * nothing. The adversary comes between any two steps of a fault, on purpose; or
 * several of them and several devices run against each other (R4.21 to R4.23).
 */
#include "notifier_fixture.h"
#include "tests/ktest/team.h"

static int nonblock_body(void *arg)
{
	struct changer *c = arg;
	struct mmu_notifier_range range;
	int ret = start_nonblock_of(&range, c->mm, c->from, c->to);

	if (!ret)
		end_of(&range);
	return ret;
}

/* A callback whose driver is at work refuses and does not wait (R4.22). */
KTEST(mmu_interval, a_driver_whose_lock_is_taken_refuses_and_nothing_changes,
      KT_RULES("R4.22"))
{
	struct changer c = {.mm = mm_alloc(), .from = 0, .to = 1};
	struct task *task;
	struct watcher w;
	unsigned long seq;

	REQUIRE(c.mm);
	watcher_init(&w, test);
	EXPECT_EQ(watch(&w, c.mm, 0, 4), 0);
	task = kthread_create(nonblock_body, &c, "nonblock");
	REQUIRE(!IS_ERR(task));
	seq = mmu_interval_read_begin(&w.sub);
	mutex_lock(&w.lock);
	wake_up_process(task);
	EXPECT_EQ(kthread_join(task), -EAGAIN);
	EXPECT(!mmu_interval_read_retry(&w.sub, seq));
	mutex_unlock(&w.lock);
	EXPECT_EQ(w.calls, 0U);
	EXPECT_EQ(nonblock_body(&c), 0);
	EXPECT(!w.blockable);
	EXPECT_EQ(w.calls, 1U);
	unwatch(&w);
	mmput(c.mm);
}

/* --- a driver, and another thread that is against it --------------------------------- */

#define SHADOW_PAGES 8

/** A device of which the CPU side is a number per page. */
struct shadow {
	struct watcher w;
	struct mm_struct *mm;
	struct mutex page_lock;
	unsigned long page[SHADOW_PAGES];
	unsigned long device[SHADOW_PAGES]; /* w.lock; 0: none */
	unsigned long installed;
};

static bool shadow_invalidate(struct mmu_interval_notifier *sub,
			      const struct mmu_notifier_range *range,
			      unsigned long cur_seq)
{
	struct watcher *w = container_of(sub, struct watcher, sub);
	struct shadow *s = container_of(w, struct shadow, w);
	unsigned long p;

	mutex_lock(&w->lock);
	mmu_interval_set_seq(sub, cur_seq);
	for (p = 0; p < SHADOW_PAGES; p++) {
		if (PG(p) >= range->start && PG(p) < range->end)
			s->device[p] = 0;
	}
	mutex_unlock(&w->lock);
	return true;
}

static const struct mmu_interval_notifier_ops shadow_ops = {
	.invalidate = shadow_invalidate,
};

/* The driver's loop, without a pause, until its team stops. */
static void shadow_device(struct team_worker *me)
{
	struct shadow *s = me->arg;
	unsigned long p, seq, found;

	while (team_goes_on(me)) {
		p = rng_below(&me->rng, SHADOW_PAGES);
		seq = mmu_interval_read_begin(&s->w.sub);
		mutex_lock(&s->page_lock);
		found = s->page[p];
		mutex_unlock(&s->page_lock);
		if (rng_below(&me->rng, 4) == 0)
			yield();
		mutex_lock(&s->w.lock);
		if (!mmu_interval_read_retry(&s->w.sub, seq)) {
			s->device[p] = found;
			s->installed++;
		}
		mutex_unlock(&s->w.lock);
	}
}

/*
 * While changes run against it, a device that follows the protocol never has
 * a translation of a page that was changed (R4.21, R4.22).
 */
KTEST(mmu_interval, a_device_that_follows_the_protocol_has_no_stale_translation,
      KT_RULES("R4.18 R4.21 R4.22"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct team *team;
	struct shadow *s;
	unsigned long i, p;
	bool dropped, current_only;

	REQUIRE(mm);
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	REQUIRE(s);
	watcher_init(&s->w, test);
	mutex_init(&s->page_lock);
	s->mm = mm;
	for (p = 0; p < SHADOW_PAGES; p++)
		s->page[p] = 1;
	EXPECT_EQ(mmu_interval_notifier_insert(&s->w.sub, mm, 0,
					       PG(SHADOW_PAGES), &shadow_ops),
		  0);
	team = team_new(test);
	team_add(team, 1, TEAM_UNTIL_STOP, shadow_device, s);
	team_go(team);
	for (i = 0; i < 2000 && !ktest_failed(test); i++) {
		p = rng_below(ktest_rng(test), SHADOW_PAGES);
		start_of(&range, mm, p, p + 1);
		mutex_lock(&s->page_lock);
		s->page[p]++;
		mutex_unlock(&s->page_lock);
		mutex_lock(&s->w.lock);
		dropped = !s->device[p];
		mutex_unlock(&s->w.lock);
		EXPECT(dropped);
		end_of(&range);
		if (i % 3 == 0)
			yield();
		mutex_lock(&s->page_lock);
		mutex_lock(&s->w.lock);
		current_only = !s->device[p] || s->device[p] == s->page[p];
		mutex_unlock(&s->w.lock);
		mutex_unlock(&s->page_lock);
		EXPECT(current_only);
	}
	EXPECT(KTEST_WAIT_FOR(test, READ_ONCE(s->installed) > 0));
	team_stop(team);
	mmu_interval_notifier_remove(&s->w.sub);
	kfree(s);
	mmput(mm);
}

/* --- one page of a device, and a change between any two steps of a fault ------------- */

/*
 * The steps of a fault, with room for the adversary before each:
 *
 *	0	begin
 *	1	look the page up
 *	2	take the driver's lock
 *	3	ask for a retry
 *	4	install
 *	5	let the lock go
 *	6
 */
#define FAULT_STEPS 7

struct adversary {
	struct shadow s;
	struct ktest *test;
	struct ktest_step go;
	struct task *task;
};

/* Gives the page another value, as an unmapping and a new fault would. */
static int adversary_body(void *arg)
{
	struct adversary *a = arg;
	struct mmu_notifier_range range;

	step_wait(&a->go, 1);
	start_of(&range, a->s.mm, 0, 1);
	mutex_lock(&a->s.page_lock);
	a->s.page[0]++;
	mutex_unlock(&a->s.page_lock);
	end_of(&range);
	step_signal(&a->go, 2);
	return 0;
}

/* Let it run as far as it gets: to its end, or to the driver's lock. */
static void adversary_strikes(struct adversary *a, bool lock_is_held)
{
	struct ktest *test = a->test;

	step_signal(&a->go, 1);
	if (lock_is_held)
		EXPECT_EQ(ktest_wait_blocked(test, a->task), 0);
	else
		EXPECT_EQ(step_wait(&a->go, 2), 0);
}

/* One fault with the adversary at @at; says whether it installed. */
static bool fault_with_adversary(struct adversary *a, int at)
{
	struct watcher *w = &a->s.w;
	unsigned long seq, found;
	bool retry;

	step_init(&a->go, a->test);
	a->task = kthread_run(adversary_body, a, "adversary");
	if (IS_ERR(a->task)) {
		ktest_fail(a->test, "no memory for a thread");
		return false;
	}
	if (at == 0)
		adversary_strikes(a, false);
	seq = mmu_interval_read_begin(&w->sub);
	if (at == 1)
		adversary_strikes(a, false);
	mutex_lock(&a->s.page_lock);
	found = a->s.page[0];
	mutex_unlock(&a->s.page_lock);
	if (at == 2)
		adversary_strikes(a, false);
	mutex_lock(&w->lock);
	if (at == 3)
		adversary_strikes(a, true);
	retry = mmu_interval_read_retry(&w->sub, seq);
	if (at == 4)
		adversary_strikes(a, true);
	if (!retry)
		a->s.device[0] = found;
	if (at == 5)
		adversary_strikes(a, true);
	mutex_unlock(&w->lock);
	if (at == 6)
		adversary_strikes(a, false);
	kthread_join(a->task);
	return !retry;
}

/*
 * Wherever the change comes, afterwards the device has nothing, or the value
 * that is there; and it need not have begun again unless the change came
 * between begin and the lock. Its lock is one that sleeps, on both sides
 * (R4.21, R4.22, R4.23).
 */
KTEST(mmu_interval,
      a_change_between_any_two_steps_of_a_fault_leaves_nothing_stale,
      KT_RULES("R4.18 R4.21 R4.23"))
{
	struct mm_struct *mm = mm_alloc();
	struct adversary *a;
	int at;

	REQUIRE(mm);
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	REQUIRE(a);
	a->test = test;
	a->s.mm = mm;
	a->s.page[0] = 1;
	watcher_init(&a->s.w, test);
	mutex_init(&a->s.page_lock);
	EXPECT_EQ(mmu_interval_notifier_insert(&a->s.w.sub, mm, 0, PG(1),
					       &shadow_ops),
		  0);
	for (at = 0; at < FAULT_STEPS; at++) {
		bool installed = fault_with_adversary(a, at);

		EXPECT_EQ(installed, at != 1 && at != 2);
		EXPECT(!a->s.device[0] || a->s.device[0] == a->s.page[0]);
		/* The change came after the value was installed: it is gone. */
		EXPECT_EQ(a->s.device[0], at == 0 ? a->s.page[0] : 0UL);
	}
	mmu_interval_notifier_remove(&a->s.w.sub);
	kfree(a);
	mmput(mm);
}

#define ADVERSARIES 3

/* Changes of all sizes, overlapping, nested, some that may not sleep. */
static void one_of_many(struct team_worker *me)
{
	struct shadow *s = me->arg;
	struct ktest *test = me->test;
	struct mmu_notifier_range outer, inner;
	unsigned long from, to, p;
	bool stale;

	while (team_goes_on(me)) {
		from = rng_below(&me->rng, SHADOW_PAGES);
		to = from + 1 + rng_below(&me->rng, SHADOW_PAGES - from);
		start_of(&outer, s->mm, from, to);
		start_of(&inner, s->mm, from, from + 1);
		mutex_lock(&s->page_lock);
		for (p = from; p < to; p++)
			s->page[p]++;
		mutex_unlock(&s->page_lock);
		end_of(&inner);
		if (rng_below(&me->rng, 3) == 0)
			yield();
		mutex_lock(&s->w.lock);
		for (p = from, stale = false; p < to; p++)
			stale |= s->device[p] != 0;
		mutex_unlock(&s->w.lock);
		/* Open until the outer one ends, whatever ends inside (R1.11). */
		EXPECT(!stale);
		end_of(&outer);
	}
}

KTEST(mmu_interval, several_adversaries_and_devices_leave_nothing_stale,
      KT_RULES("R1.11 R4.18 R4.21"))
{
	struct mm_struct *mm = mm_alloc();
	struct team *team = team_new(test);
	struct shadow *s;
	unsigned long p;

	REQUIRE(mm);
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	REQUIRE(s);
	s->mm = mm;
	watcher_init(&s->w, test);
	mutex_init(&s->page_lock);
	for (p = 0; p < SHADOW_PAGES; p++)
		s->page[p] = 1;
	EXPECT_EQ(mmu_interval_notifier_insert(&s->w.sub, mm, 0,
					       PG(SHADOW_PAGES), &shadow_ops),
		  0);
	team_add(team, ADVERSARIES, 300, one_of_many, s);
	team_add(team, 2, TEAM_UNTIL_STOP, shadow_device, s);
	team_go(team);
	team_wait(team);
	for (p = 0; p < SHADOW_PAGES; p++)
		EXPECT(!s->device[p] || s->device[p] == s->page[p]);
	mmu_interval_notifier_remove(&s->w.sub);
	kfree(s);
	mmput(mm);
}
