// SPDX-License-Identifier: MIT
/*
 * tests/kernel/sched/mutex_test.c - one holder, waiters served in order, killable
 */
#include <kernel/sched/mutex.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>

#include "tests/ktest/team.h"

#define ROUNDS 400

struct shared {
	struct mutex mutex;
	struct ktest_step step;
	u64 counter; /* mutex */
	atomic_t inside;
	atomic_t wrong;
	unsigned int order[4];
	unsigned int n;
};

static void shared_init(struct shared *s, struct ktest *test)
{
	*s = (struct shared){.counter = 0};
	mutex_init(&s->mutex);
	step_init(&s->step, test);
}

static void lock_rounds(struct team_worker *me)
{
	struct shared *s = me->arg;

	while (team_goes_on(me)) {
		u64 seen;

		if ((me->round + me->number) % 5)
			mutex_lock(&s->mutex);
		else
			while (!mutex_trylock(&s->mutex))
				yield();
		if (atomic_inc_return(&s->inside) != 1)
			atomic_inc(&s->wrong);
		seen = READ_ONCE(s->counter);
		if (me->round % 16 == me->number)
			yield();
		WRITE_ONCE(s->counter, seen + 1);
		atomic_dec(&s->inside);
		mutex_unlock(&s->mutex);
	}
}

KTEST(mutex, all_cpus_at_once_exclude_each_other)
{
	unsigned int n = team_size();
	struct shared s;

	shared_init(&s, test);
	team_run(test, n, ROUNDS, lock_rounds, &s);
	EXPECT_EQ(s.counter, (u64)n * ROUNDS);
	EXPECT_EQ(atomic_read(&s.wrong), 0);
	EXPECT_EQ(s.mutex.owner, 0);
}

static int lock_and_sign(void *arg)
{
	struct shared *s = arg;

	mutex_lock(&s->mutex);
	s->order[s->n++] = current->pid;
	mutex_unlock(&s->mutex);
	return 0;
}

KTEST(mutex, waiters_get_it_in_the_order_they_came)
{
	struct task *task[4];
	struct shared s;

	shared_init(&s, test);
	mutex_lock(&s.mutex);
	for (unsigned int i = 0; i < 4; i++) {
		task[i] = kthread_run(lock_and_sign, &s, "waiter/%u", i);
		ktest_wait_blocked(test, task[i]);
	}
	EXPECT_EQ(s.n, 0);
	EXPECT(s.mutex.owner & MUTEX_WAITERS);
	mutex_unlock(&s.mutex);
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int pid = task[i]->pid;

		kthread_join(task[i]);
		EXPECT_EQ(s.order[i], pid);
	}
	EXPECT_EQ(s.mutex.owner, 0);
}

/* Handed over: the releaser cannot slip in before the waiter. */
KTEST(mutex, unlock_while_a_waiter_queues_wakes_it)
{
	struct task *task;
	struct shared s;

	shared_init(&s, test);
	mutex_lock(&s.mutex);
	task = kthread_run(lock_and_sign, &s, "waiter");
	REQUIRE_EQ(ktest_wait_blocked(test, task), 0);
	mutex_unlock(&s.mutex);
	/* In this order: once it is free the waiter has been. */
	EXPECT(mutex_is_locked(&s.mutex) || READ_ONCE(s.n) == 1);
	kthread_join(task);
	EXPECT_EQ(s.n, 1);
	EXPECT(mutex_trylock(&s.mutex));
	mutex_unlock(&s.mutex);
}

static int lock_killably(void *arg)
{
	struct shared *s = arg;
	int err = mutex_lock_killable(&s->mutex);

	if (!err)
		mutex_unlock(&s->mutex);
	return err;
}

KTEST(mutex, a_killed_waiter_leaves_and_the_others_go_on)
{
	struct task *killed, *other;
	struct shared s;

	shared_init(&s, test);
	mutex_lock(&s.mutex);
	killed = kthread_run(lock_killably, &s, "killed");
	ktest_wait_blocked(test, killed);
	other = kthread_run(lock_and_sign, &s, "other");
	ktest_wait_blocked(test, other);
	task_kill(killed);
	EXPECT_EQ(kthread_join(killed), -EINTR);
	EXPECT_EQ(s.n, 0);
	mutex_unlock(&s.mutex);
	kthread_join(other);
	EXPECT_EQ(s.n, 1);

	/* The last waiter's going clears the mark too. */
	mutex_lock(&s.mutex);
	killed = kthread_run(lock_killably, &s, "killed");
	ktest_wait_blocked(test, killed);
	task_kill(killed);
	EXPECT_EQ(kthread_join(killed), -EINTR);
	EXPECT_EQ(s.mutex.owner, (unsigned long)current);
	mutex_unlock(&s.mutex);
}

/*
 * The holder goes the slow way, and there finds that its only waiter has given
 * up: wait_lock is kept from both meanwhile.  Whichever of them has it first,
 * the mutex is free in the end, or was the waiter's.
 */
static int unlock_when_told(void *arg)
{
	struct shared *s = arg;

	mutex_lock(&s->mutex);
	step_signal(&s->step, 1);
	step_wait(&s->step, 2);
	mutex_unlock(&s->mutex);
	return 0;
}

KTEST(mutex, a_waiter_that_gives_up_during_the_unlock_leaves_it_free,
      KT_FLAGS(KT_NEEDS_SMP))
{
	for (unsigned int i = 0; i < 50 && !ktest_failed(test); i++) {
		struct task *holder, *waiter;
		struct shared s;
		int err;

		shared_init(&s, test);
		holder = kthread_run(unlock_when_told, &s, "holder");
		step_wait(&s.step, 1);
		waiter = kthread_run(lock_killably, &s, "waiter");
		ktest_wait_blocked(test, waiter);
		raw_spin_lock(&s.mutex.wait_lock);
		task_kill(waiter);
		step_signal(&s.step, 2);
		udelay(i);
		raw_spin_unlock(&s.mutex.wait_lock);
		err = kthread_join(waiter);
		EXPECT(err == 0 || err == -EINTR);
		EXPECT_EQ(kthread_join(holder), 0);
		EXPECT_EQ(s.mutex.owner, 0);
		EXPECT(list_empty(&s.mutex.waiters));
	}
}

/* The slow way with nobody queued, by itself. */
KTEST(mutex, a_slow_unlock_without_waiters_frees_it)
{
	struct shared s;

	shared_init(&s, test);
	mutex_lock(&s.mutex);
	lock_release(&s.mutex.dep);
	mutex_unlock_slow(&s.mutex);
	EXPECT_EQ(s.mutex.owner, 0);
	EXPECT(mutex_trylock(&s.mutex));
	mutex_unlock(&s.mutex);
}
