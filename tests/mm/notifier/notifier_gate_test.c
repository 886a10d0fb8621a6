// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/notifier_gate_test.c - a waiter waits for the threads inside, and for
 * no others
 */
#include <kernel/ktest.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <lib/string.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/notifier/gate.h>
#include "tests/ktest/ktest_private.h"

struct gate_fixture {
	struct notifier_gate gate;
	struct atomic64 word;
	struct spinlock lock;
	struct wait_queue_head waiters;
	struct mmu_notifier_deferred deferred;
	unsigned int ran;
	bool ran_locked;
	struct ktest_step step;
	bool undone;
};

static void gate_fixture_init(struct gate_fixture *f)
{
	memset(f, 0, sizeof(*f));
	/* An owner need not zero the gate, nor work that it defers. */
	memset(&f->gate, 0x5a, sizeof(f->gate));
	memset(&f->deferred, 0x5a, sizeof(f->deferred));
	spin_lock_init(&f->lock);
	init_waitqueue_head(&f->waiters);
	notifier_gate_init(&f->gate, &f->word, &f->lock, &f->waiters);
}

static u64 gate_request(struct gate_fixture *f)
{
	u64 gp;

	spin_lock(&f->lock);
	gp = notifier_gate_request(&f->gate);
	spin_unlock(&f->lock);
	return gp;
}

/*
 *	a	[--------------]
 *	ask	   |
 *	b	      [------------------]
 *	over		       |		when a is out, b or not
 */
KTEST(notifier_gate,
      a_period_waits_for_a_reader_that_entered_before_and_for_no_later_one,
      KT_RULES("R2.13"))
{
	struct gate_fixture f;
	long a, b, c;
	u64 gp, next;

	gate_fixture_init(&f);
	EXPECT_EQ(f.gate.late, NULL);
	EXPECT_EQ(gate_request(&f), 1UL);
	EXPECT_EQ(f.gate.completed, 1UL);
	a = notifier_gate_enter(&f.gate);
	gp = gate_request(&f);
	EXPECT_LT(f.gate.completed, gp);
	b = notifier_gate_enter(&f.gate);
	notifier_gate_leave(&f.gate, a);
	EXPECT_EQ(f.gate.completed, gp);
	/* Another while b is in, and one that joins it too late. */
	gp = gate_request(&f);
	c = notifier_gate_enter(&f.gate);
	next = gate_request(&f);
	EXPECT_EQ(next, gp + 1);
	notifier_gate_leave(&f.gate, b);
	EXPECT_EQ(f.gate.completed, gp);
	notifier_gate_leave(&f.gate, c);
	EXPECT_EQ(f.gate.completed, next);
	/* At rest again: the short way in and out. */
	EXPECT_EQ(atomic64_read(&f.word), 0L);
}

/*
 *	a	[-------]
 *	ask 1	   |
 *	ask 2	      |			the period of ask 1 runs: the next answers
 *	b		[-----------]	after both questions
 *	over 1		  |
 *	over 2			    |	b as well: it came before that one began
 *	c		       [------	no
 */
KTEST(notifier_gate, a_question_beside_a_period_waits_for_one_more_and_no_longer)
{
	struct gate_fixture f;
	u64 first, second;
	long a, b, c;

	gate_fixture_init(&f);
	a = notifier_gate_enter(&f.gate);
	first = gate_request(&f);
	second = gate_request(&f);
	EXPECT_EQ(second, first + 1);
	b = notifier_gate_enter(&f.gate);
	notifier_gate_leave(&f.gate, a);
	EXPECT_EQ(f.gate.completed, first);
	c = notifier_gate_enter(&f.gate);
	notifier_gate_leave(&f.gate, b);
	EXPECT_EQ(f.gate.completed, second);
	notifier_gate_leave(&f.gate, c);
	EXPECT_EQ(atomic64_read(&f.word), 0L);
}

/*
 *	a	[-----]
 *	ask	   |
 *	b	     [--------]
 *	c		  [------]	and so on: never empty
 */
KTEST(notifier_gate, when_nobody_asks_it_rests_though_it_is_never_empty)
{
	struct gate_fixture f;
	unsigned int i;
	long in, next;
	u64 gp;

	gate_fixture_init(&f);
	in = notifier_gate_enter(&f.gate);
	gp = gate_request(&f);
	next = notifier_gate_enter(&f.gate);
	notifier_gate_leave(&f.gate, in);
	EXPECT_EQ(f.gate.completed, gp);
	for (i = 0; i < 4; i++) {
		EXPECT_GT(atomic64_read(&f.word), 0L);
		EXPECT(!(atomic64_read(&f.word) & NOTIFIER_GATE_BUSY));
		in = next;
		next = notifier_gate_enter(&f.gate);
		notifier_gate_leave(&f.gate, in);
	}
	notifier_gate_leave(&f.gate, next);
	EXPECT_EQ(atomic64_read(&f.word), 0L);
}

/*
 *	before	[-----]
 *	ask	   |			over when `before' is out
 *	left	     [-----------]
 *	new		  [---]
 *	ask		    |		over when these are out
 *	between		     [-----]	and this, which came before the second turn
 *	after		       [-----	but not this
 */
KTEST(notifier_gate, a_grace_period_waits_for_threads_left_from_the_last)
{
	struct gate_fixture f;
	long before, left, new, between, after;
	u64 gp;

	gate_fixture_init(&f);
	before = notifier_gate_enter(&f.gate);
	(void)gate_request(&f);
	left = notifier_gate_enter(&f.gate);
	notifier_gate_leave(&f.gate, before);
	new = notifier_gate_enter(&f.gate);
	gp = gate_request(&f);
	between = notifier_gate_enter(&f.gate);
	notifier_gate_leave(&f.gate, new);
	after = notifier_gate_enter(&f.gate);
	notifier_gate_leave(&f.gate, left);
	EXPECT_LT(f.gate.completed, gp);
	notifier_gate_leave(&f.gate, between);
	EXPECT_EQ(f.gate.completed, gp);
	notifier_gate_leave(&f.gate, after);
	EXPECT_EQ(atomic64_read(&f.word), 0L);
}

/*
 * The gate's lock is free for the work to take. The work frees itself, so to speak: the
 * gate must not look at it again.
 */
static void gate_ran(struct mmu_notifier_deferred *deferred)
{
	struct gate_fixture *f =
		container_of(deferred, struct gate_fixture, deferred);

	f->ran++;
	if (spin_trylock(&f->lock))
		spin_unlock(&f->lock);
	else
		f->ran_locked = true;
	memset(deferred, 0x5a, sizeof(*deferred));
}

KTEST(notifier_gate, deferred_work_runs_once_when_the_last_thread_leaves)
{
	struct gate_fixture f;
	long a, b;
	bool later;

	gate_fixture_init(&f);
	f.deferred.run = gate_ran;
	a = notifier_gate_enter(&f.gate);
	b = notifier_gate_enter(&f.gate);
	spin_lock(&f.lock);
	later = notifier_gate_defer(&f.gate, &f.deferred);
	spin_unlock(&f.lock);
	EXPECT(later);
	notifier_gate_leave(&f.gate, b);
	EXPECT_EQ(f.ran, 0U);
	notifier_gate_leave(&f.gate, a);
	EXPECT_EQ(f.ran, 1U);
	f.deferred.run = gate_ran;
	spin_lock(&f.lock);
	later = notifier_gate_defer(&f.gate, &f.deferred);
	spin_unlock(&f.lock);
	EXPECT(!f.ran_locked);
	EXPECT(!later);
	EXPECT_EQ(f.ran, 1U);
}

/* Work that says when it ran, and then is freed, so to speak. */
struct gate_work {
	struct mmu_notifier_deferred deferred;
	unsigned int *clock;
	unsigned int ran_at;
};

static void gate_work_ran(struct mmu_notifier_deferred *deferred)
{
	struct gate_work *work =
		container_of(deferred, struct gate_work, deferred);

	work->ran_at = ++*work->clock;
	memset(deferred, 0x5a, sizeof(*deferred));
}

static bool gate_defer(struct gate_fixture *f, struct gate_work *work)
{
	bool later;

	*work = (struct gate_work){.deferred = {.run = gate_work_ran},
				   .clock = &f->ran};
	spin_lock(&f->lock);
	later = notifier_gate_defer(&f->gate, &work->deferred);
	spin_unlock(&f->lock);
	return later;
}

/*
 *	a	[-----------------]
 *	defer 0	   |
 *	b	      [------------------]
 *	defer 1, 2	|		the period of 0 runs: these are for the next
 *	c				    [-----]
 *	defer 3				       |
 *	runs			  0      1, 2     3
 */
KTEST(notifier_gate,
      deferred_work_runs_in_its_order_and_only_when_its_period_is_over)
{
	struct gate_work work[4];
	struct gate_fixture f;
	long a, b, c;

	gate_fixture_init(&f);
	a = notifier_gate_enter(&f.gate);
	EXPECT(gate_defer(&f, &work[0]));
	b = notifier_gate_enter(&f.gate);
	EXPECT(gate_defer(&f, &work[1]));
	EXPECT(gate_defer(&f, &work[2]));
	notifier_gate_leave(&f.gate, a);
	EXPECT_EQ(work[0].ran_at, 1U);
	EXPECT_EQ(f.ran, 1U);
	notifier_gate_leave(&f.gate, b);
	EXPECT_EQ(work[1].ran_at, 2U);
	EXPECT_EQ(work[2].ran_at, 3U);
	EXPECT_EQ(f.ran, 3U);
	c = notifier_gate_enter(&f.gate);
	EXPECT(gate_defer(&f, &work[3]));
	notifier_gate_leave(&f.gate, c);
	EXPECT_EQ(work[3].ran_at, 4U);
	EXPECT_EQ(f.ran, 4U);
	EXPECT_EQ(f.gate.deferred, NULL);
}

/* A gate whose threads always take the slow path, as that of ranges. */
static void slow_gate_init(struct gate_fixture *f)
{
	gate_fixture_init(f);
	f->gate.always_slow = true;
	atomic64_set(&f->word, NOTIFIER_GATE_SLOW);
}

KTEST(notifier_gate, where_it_is_always_slow_no_period_runs_unasked)
{
	struct gate_fixture f;
	long a;
	u64 gp;

	slow_gate_init(&f);
	a = notifier_gate_enter(&f.gate);
	EXPECT_EQ(atomic64_read(&f.word),
		  NOTIFIER_GATE_SLOW | NOTIFIER_GATE_TICKET_0);
	notifier_gate_leave(&f.gate, a);
	EXPECT_EQ(f.gate.completed, 0UL);
	a = notifier_gate_enter(&f.gate);
	gp = gate_request(&f);
	EXPECT(atomic64_read(&f.word) & NOTIFIER_GATE_BUSY);
	notifier_gate_leave(&f.gate, a);
	EXPECT_EQ(f.gate.completed, gp);
	EXPECT_EQ(atomic64_read(&f.word), NOTIFIER_GATE_SLOW);
}

/*
 * A thread that enters while a grace period runs is counted in the old epoch for
 * some instructions. The test stops there.
 *
 *	a	[-----------]
 *	ask	   |
 *	new	      guess  undo; in the new epoch from here on
 *	over		     |	when `new' has undone its guess
 */
KTEST(notifier_gate, a_guess_undone_ends_a_period_that_waits_for_it_alone,
      KT_RULES("R2.13"))
{
	struct gate_fixture f;
	long a, new;
	u64 gp;

	gate_fixture_init(&f);
	a = notifier_gate_enter(&f.gate);
	gp = gate_request(&f);
	EXPECT(atomic64_add_negative(NOTIFIER_GATE_TICKET_0, &f.word));
	notifier_gate_leave(&f.gate, a);
	EXPECT_LT(f.gate.completed, gp);
	new = notifier_gate_enter_slow(&f.gate);
	EXPECT_EQ(f.gate.completed, gp);
	notifier_gate_leave(&f.gate, new);
	EXPECT_EQ(atomic64_read(&f.word), 0L);
}

struct gate_question {
	struct gate_fixture *f;
	struct mmu_notifier_deferred deferred;
	u64 gp;
	bool over;
};

static void ask_again(struct mmu_notifier_deferred *deferred)
{
	struct gate_question *q =
		container_of(deferred, struct gate_question, deferred);

	q->gp = gate_request(q->f);
	q->over = q->f->gate.completed >= q->gp;
}

/*
 *	a	[--------]
 *	defer	   |
 *	new		 guess, undo; counted; unlock [------]
 *	work				     runs; asks
 *	over						     |	when `new' is out
 */
KTEST(notifier_gate,
      a_thread_that_enters_slowly_is_counted_before_the_lock_is_free)
{
	struct gate_fixture f;
	struct gate_question q = {.f = &f, .deferred = {.run = ask_again}};
	long a, new;

	gate_fixture_init(&f);
	a = notifier_gate_enter(&f.gate);
	spin_lock(&f.lock);
	EXPECT(notifier_gate_defer(&f.gate, &q.deferred));
	spin_unlock(&f.lock);
	EXPECT(atomic64_add_negative(NOTIFIER_GATE_TICKET_0, &f.word));
	notifier_gate_leave(&f.gate, a);
	new = notifier_gate_enter_slow(&f.gate);
	EXPECT_NE(q.gp, 0UL);
	EXPECT(!q.over);
	EXPECT_LT(f.gate.completed, q.gp);
	notifier_gate_leave(&f.gate, new);
	EXPECT_EQ(f.gate.completed, q.gp);
	EXPECT_EQ(atomic64_read(&f.word), 0L);
}

/* How many threads are inside epoch 0? */
static long old_epoch(const struct gate_fixture *f)
{
	return atomic64_read(&f->word) & NOTIFIER_GATE_MASK;
}

/* Spins with the lock held: may a thread that waits for it still be counted? */
static int hold_lock(void *arg)
{
	struct gate_fixture *f = arg;
	u64 until;

	spin_lock(&f->lock);
	step_signal(&f->step, 1);
	until = clock_ns() + ktest_wait_ns(f->step.test);
	while (old_epoch(f) != 1 && clock_ns() < until)
		cpu_relax();
	f->undone = old_epoch(f) == 1;
	spin_unlock(&f->lock);
	return 0;
}

static int enter_slowly(void *arg)
{
	struct gate_fixture *f = arg;

	step_wait(&f->step, 1);
	notifier_gate_leave(&f->gate, notifier_gate_enter_slow(&f->gate));
	return 0;
}

/*
 *	a	[--------------------]
 *	ask	   |
 *	lock		[--------]	another thread has it
 *	new		 guess, undo	while it waits for the lock, not after
 *
 * If a queue for the lock stayed counted, the old epoch might never be empty.
 */
KTEST(notifier_gate, a_guess_is_undone_before_the_lock_is_waited_for,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct task *holder, *new;
	struct gate_fixture f;
	long a;

	gate_fixture_init(&f);
	step_init(&f.step, test);
	a = notifier_gate_enter(&f.gate);
	(void)gate_request(&f);
	EXPECT(atomic64_add_negative(NOTIFIER_GATE_TICKET_0, &f.word));
	holder = kthread_run_on(0, hold_lock, &f, "holder");
	new = kthread_run_on(cpumask_last(&cpu_online_mask), enter_slowly, &f,
			     "new");
	kthread_join(holder);
	kthread_join(new);
	EXPECT(f.undone);
	notifier_gate_leave(&f.gate, a);
	EXPECT_EQ(atomic64_read(&f.word), 0L);
}

/* Asks with the lock held, when a thread that waits for the lock has undone its guess. */
static int ask_while_one_waits(void *arg)
{
	struct gate_fixture *f = arg;
	u64 until;

	spin_lock(&f->lock);
	step_signal(&f->step, 1);
	until = clock_ns() + ktest_wait_ns(f->step.test);
	while (old_epoch(f) != 1 && clock_ns() < until)
		cpu_relax();
	f->undone = old_epoch(f) == 1;
	notifier_gate_request(&f->gate);
	spin_unlock(&f->lock);
	return 0;
}

struct gate_guest {
	struct gate_fixture *f;
	long ticket;
};

static int enter_and_stay(void *arg)
{
	struct gate_guest *guest = arg;

	step_wait(&guest->f->step, 1);
	guest->ticket = notifier_gate_enter_slow(&guest->f->gate);
	return 0;
}

/*
 *	a	[--------------------]
 *	lock	   [--------]		another thread has it
 *	new	     guess, undo; waits for the lock [------
 *	ask		   |		the epoch is another one from here on
 *	over			     |	when a is out, `new' or not
 */
KTEST(notifier_gate,
      a_thread_that_waited_for_the_lock_is_counted_in_the_epoch_of_then,
      KT_FLAGS(KT_NEEDS_SMP), KT_RULES("R2.13"))
{
	struct task *holder, *new;
	struct gate_fixture f;
	struct gate_guest guest = {.f = &f};
	long a;

	slow_gate_init(&f);
	step_init(&f.step, test);
	a = notifier_gate_enter(&f.gate);
	EXPECT(atomic64_add_negative(NOTIFIER_GATE_TICKET_0, &f.word));
	holder = kthread_run_on(0, ask_while_one_waits, &f, "holder");
	new = kthread_run_on(cpumask_last(&cpu_online_mask), enter_and_stay,
			     &guest, "new");
	kthread_join(holder);
	kthread_join(new);
	EXPECT(f.undone);
	EXPECT_EQ(f.gate.completed, 0UL);
	notifier_gate_leave(&f.gate, a);
	EXPECT_EQ(f.gate.completed, 1UL);
	notifier_gate_leave(&f.gate, guest.ticket);
	EXPECT_EQ(atomic64_read(&f.word), NOTIFIER_GATE_SLOW);
}
