// SPDX-License-Identifier: MIT
/*
 * tests/kernel/lock/spinlock_test.c - one holder at a time
 */
#include <kernel/sched/sched.h>
#include <kernel/lock/spinlock.h>
#include <kernel/lock/seqlock.h>
#include <kernel/timer.h>

#include "tests/ktest/team.h"

#define ROUNDS 2000

struct shared {
	struct spinlock lock;
	struct seqlock seqlock;
	u64 counter, twin; /* locks */
	atomic_t inside;
	atomic_t wrong;
};

static void shared_init(struct shared *s)
{
	*s = (struct shared){.counter = 0};
	spin_lock_init(&s->lock);
	seqlock_init(&s->seqlock);
}

static void count_alone(struct shared *s)
{
	u64 seen = READ_ONCE(s->counter);

	if (atomic_inc_return(&s->inside) != 1)
		atomic_inc(&s->wrong);
	cpu_relax();
	WRITE_ONCE(s->counter, seen + 1);
	atomic_dec(&s->inside);
}

static void lock_rounds(struct team_worker *me)
{
	struct shared *s = me->arg;
	unsigned long flags;

	while (team_goes_on(me)) {
		switch ((me->round + me->number) % 4) {
		case 0:
			spin_lock_irqsave(&s->lock, flags);
			count_alone(s);
			spin_unlock_irqrestore(&s->lock, flags);
			break;
		case 1:
			while (!spin_trylock(&s->lock))
				cond_resched();
			count_alone(s);
			spin_unlock(&s->lock);
			break;
		case 2:
			spin_lock_irq(&s->lock);
			count_alone(s);
			spin_unlock_irq(&s->lock);
			break;
		default:
			spin_lock(&s->lock);
			count_alone(s);
			spin_unlock(&s->lock);
		}
	}
}

KTEST(spinlock, all_cpus_at_once_exclude_each_other)
{
	unsigned int n = team_size();
	struct shared s;

	shared_init(&s);
	team_run(test, n, ROUNDS, lock_rounds, &s);
	EXPECT_EQ(s.counter, (u64)n * ROUNDS);
	EXPECT_EQ(atomic_read(&s.wrong), 0);
	EXPECT(!spin_is_locked(&s.lock));
}

KTEST(spinlock, trying_a_held_lock_fails_and_leaves_no_trace)
{
	u32 before = preempt_count();
	struct shared s;
	unsigned long flags = 42;

	shared_init(&s);
	raw_spin_lock(&s.lock.raw);
	EXPECT(spin_is_locked(&s.lock));
	EXPECT(!spin_trylock(&s.lock));
	EXPECT(!spin_trylock_irqsave(&s.lock, flags));
	EXPECT_EQ(flags, 42);
	EXPECT(!irqs_disabled());
	raw_spin_unlock(&s.lock.raw);
	EXPECT_EQ(preempt_count(), before);
	EXPECT(spin_trylock(&s.lock));
	spin_unlock(&s.lock);
}

static void write_or_read_twins(struct team_worker *me)
{
	struct shared *s = me->arg;

	while (team_goes_on(me)) {
		unsigned int seq;
		u64 a, b;

		if (me->number % 3 == 0) {
			write_seqlock(&s->seqlock);
			WRITE_ONCE(s->counter, s->counter + 1);
			cpu_relax();
			WRITE_ONCE(s->twin, s->twin + 1);
			write_sequnlock(&s->seqlock);
			continue;
		}
		do {
			seq = read_seqbegin(&s->seqlock);
			a = READ_ONCE(s->counter);
			b = READ_ONCE(s->twin);
		} while (read_seqretry(&s->seqlock, seq));
		if (a != b)
			atomic_inc(&s->wrong);
	}
}

KTEST(seqlock, readers_never_use_half_of_a_change)
{
	struct shared s;

	shared_init(&s);
	team_run(test, team_size(), ROUNDS, write_or_read_twins, &s);
	EXPECT_EQ(atomic_read(&s.wrong), 0);
	EXPECT_EQ(s.counter, s.twin);
}

KTEST(seqlock, a_write_between_makes_the_reader_repeat)
{
	struct shared s;
	unsigned int seq;

	shared_init(&s);
	seq = read_seqbegin(&s.seqlock);
	EXPECT(!read_seqretry(&s.seqlock, seq));
	write_seqlock(&s.seqlock);
	write_sequnlock(&s.seqlock);
	EXPECT(read_seqretry(&s.seqlock, seq));
}
