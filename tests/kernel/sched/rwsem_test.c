// SPDX-License-Identifier: MIT
/*
 * tests/kernel/sched/rwsem_test.c - readers together, writers alone, nobody starves
 */
#include <kernel/sched/rwsem.h>
#include <kernel/sched/sched.h>

#include "tests/ktest/team.h"

#define ROUNDS 400

struct shared {
	struct rw_semaphore sem;
	struct ktest_step step;
	u64 counter, twin; /* sem */
	atomic_t readers, writers;
	atomic_t wrong;
	atomic_t together;
	atomic_t done;
};

static void shared_init(struct shared *s, struct ktest *test)
{
	*s = (struct shared){.counter = 0};
	init_rwsem(&s->sem);
	step_init(&s->step, test);
}

static void read_once(struct shared *s, bool give_way)
{
	int others = atomic_inc_return(&s->readers) - 1;

	if (atomic_read(&s->writers) || s->counter != s->twin)
		atomic_inc(&s->wrong);
	if (others)
		atomic_inc(&s->together);
	if (give_way)
		yield();
	atomic_dec(&s->readers);
}

static void write_once(struct shared *s, bool give_way)
{
	if (atomic_inc_return(&s->writers) != 1 || atomic_read(&s->readers))
		atomic_inc(&s->wrong);
	s->counter++;
	if (give_way)
		yield();
	s->twin++;
	atomic_dec(&s->writers);
}

static void mixed_rounds(struct team_worker *me)
{
	struct shared *s = me->arg;

	while (team_goes_on(me)) {
		bool give_way = me->round % 8 == me->number % 8;

		switch ((me->round + me->number) % 6) {
		case 0:
			down_write(&s->sem);
			write_once(s, give_way);
			up_write(&s->sem);
			break;
		case 1:
			down_write(&s->sem);
			write_once(s, give_way);
			downgrade_write(&s->sem);
			read_once(s, give_way);
			up_read(&s->sem);
			break;
		case 2:
			if (!down_read_trylock(&s->sem))
				break;
			read_once(s, give_way);
			up_read(&s->sem);
			break;
		case 3:
			if (!down_write_trylock(&s->sem))
				break;
			write_once(s, give_way);
			up_write(&s->sem);
			break;
		default:
			down_read(&s->sem);
			read_once(s, give_way);
			up_read(&s->sem);
		}
	}
}

KTEST(rwsem, readers_and_writers_at_once_keep_apart)
{
	struct shared s;

	shared_init(&s, test);
	team_run(test, team_size(), ROUNDS, mixed_rounds, &s);
	EXPECT_EQ(atomic_read(&s.wrong), 0);
	EXPECT_EQ(s.counter, s.twin);
	EXPECT_EQ(atomic64_read(&s.sem.count), 0);
}

static int read_and_hold(void *arg)
{
	struct shared *s = arg;

	down_read(&s->sem);
	atomic_inc(&s->readers);
	step_wait(&s->step, 1);
	atomic_dec(&s->readers);
	up_read(&s->sem);
	return 0;
}

static int write_and_count(void *arg)
{
	struct shared *s = arg;

	down_write(&s->sem);
	atomic_inc(&s->done);
	up_write(&s->sem);
	return 0;
}

static int read_and_count(void *arg)
{
	struct shared *s = arg;

	down_read(&s->sem);
	atomic_inc(&s->done);
	up_read(&s->sem);
	return 0;
}

KTEST(rwsem, readers_are_inside_together)
{
	struct task *task[3];
	struct shared s;

	shared_init(&s, test);
	for (unsigned int i = 0; i < 3; i++)
		task[i] = kthread_run(read_and_hold, &s, "reader/%u", i);
	KTEST_WAIT_FOR(test, atomic_read(&s.readers) == 3);
	EXPECT(rwsem_is_locked(&s.sem) && !rwsem_is_write_locked(&s.sem));
	step_signal(&s.step, 1);
	for (unsigned int i = 0; i < 3; i++)
		kthread_join(task[i]);
	EXPECT(!rwsem_is_locked(&s.sem));
}

/*
 *	reader		[--------)		holds
 *	writer		   [wait )[-)		queues
 *	late reader	     [wait  )[-)	must not pass the writer
 */
KTEST(rwsem, a_queued_writer_is_not_passed_by_late_readers)
{
	struct task *writer, *late;
	struct shared s;

	shared_init(&s, test);
	down_read(&s.sem);
	writer = kthread_run(write_and_count, &s, "writer");
	ktest_wait_blocked(test, writer);
	EXPECT(rwsem_is_contended(&s.sem));
	EXPECT(!down_read_trylock(&s.sem));
	late = kthread_run(read_and_count, &s, "late");
	ktest_wait_blocked(test, late);
	EXPECT_EQ(atomic_read(&s.done), 0);
	up_read(&s.sem);
	kthread_join(writer);
	kthread_join(late);
	EXPECT_EQ(atomic_read(&s.done), 2);
	EXPECT_EQ(atomic64_read(&s.sem.count), 0);
}

KTEST(rwsem, last_reader_out_lets_the_writer_in)
{
	struct task *task[2], *writer;
	struct shared s;

	shared_init(&s, test);
	for (unsigned int i = 0; i < 2; i++)
		task[i] = kthread_run(read_and_hold, &s, "reader/%u", i);
	KTEST_WAIT_FOR(test, atomic_read(&s.readers) == 2);
	writer = kthread_run(write_and_count, &s, "writer");
	ktest_wait_blocked(test, writer);
	EXPECT_EQ(atomic_read(&s.done), 0);
	step_signal(&s.step, 1);
	for (unsigned int i = 0; i < 2; i++)
		kthread_join(task[i]);
	kthread_join(writer);
	EXPECT_EQ(atomic_read(&s.done), 1);
}

KTEST(rwsem, downgrading_lets_waiting_readers_in)
{
	struct task *reader;
	struct shared s;

	shared_init(&s, test);
	down_write(&s.sem);
	EXPECT(!down_read_trylock(&s.sem) && !down_write_trylock(&s.sem));
	reader = kthread_run(read_and_count, &s, "reader");
	ktest_wait_blocked(test, reader);
	downgrade_write(&s.sem);
	kthread_join(reader);
	EXPECT_EQ(atomic_read(&s.done), 1);
	EXPECT(!down_write_trylock(&s.sem));
	up_read(&s.sem);
	EXPECT_EQ(atomic64_read(&s.sem.count), 0);
}

static int write_killably(void *arg)
{
	struct shared *s = arg;
	int err = down_write_killable(&s->sem);

	if (!err)
		up_write(&s->sem);
	return err;
}

static int read_killably(void *arg)
{
	struct shared *s = arg;
	int err = down_read_killable(&s->sem);

	if (!err)
		up_read(&s->sem);
	return err;
}

/* The reader behind a killed writer must be let in by the writer's going. */
KTEST(rwsem, a_killed_writer_lets_in_the_readers_behind_it)
{
	struct task *writer, *late;
	struct shared s;

	shared_init(&s, test);
	down_read(&s.sem);
	writer = kthread_run(write_killably, &s, "writer");
	ktest_wait_blocked(test, writer);
	late = kthread_run(read_and_count, &s, "late");
	ktest_wait_blocked(test, late);
	task_kill(writer);
	EXPECT_EQ(kthread_join(writer), -EINTR);
	kthread_join(late);
	EXPECT_EQ(atomic_read(&s.done), 1);
	up_read(&s.sem);

	down_write(&s.sem);
	late = kthread_run(read_killably, &s, "late");
	ktest_wait_blocked(test, late);
	task_kill(late);
	EXPECT_EQ(kthread_join(late), -EINTR);
	up_write(&s.sem);
	EXPECT_EQ(atomic64_read(&s.sem.count), 0);
}
