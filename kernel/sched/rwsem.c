// SPDX-License-Identifier: MIT
/*
 * kernel/sched/rwsem.c - the reader-writer semaphore when it is contended
 *
 * A task that cannot have it at once queues.  One function decides about the
 * queue: grant(), called with wait_lock held after every change that could let
 * a waiter in.  It walks the queue from its head and lets in one writer, or all
 * readers up to the next writer.  It counts the waiter before the waiter wakes,
 * so nobody can come in between.
 *
 * States of @count: <kernel/sched/rwsem.h>.  The fast paths change it without
 * wait_lock, so here it is changed by exchanges that keep bit 63 right.
 *
 * A reader that came the fast way and found the sign set has added itself
 * already.  It undoes that with wait_lock held and calls grant(), which
 * lets in the waiters that the passing count kept out.
 *
 * The race (tests/kernel/sched/rwsem_test.c, last_reader_out_lets_the_writer_in):
 *
 *	writer				last reader
 *	queues, sets WAITERS
 *	grant(): a reader is inside
 *					up_read(): sum is negative
 *					takes wait_lock; grant(): the writer
 *	sleeps, or not any more
 *
 * If the reader leaves before WAITERS is set its sum is not negative, and the
 * writer's own grant() finds the semaphore free.
 *
 * The semaphore must outlive the up_*() calls on it: unlike a mutex it is not
 * freed by its next holder without a reference of its own.
 */
#include <lib/errno.h>
#include <kernel/sched/rwsem.h>

struct rwsem_waiter {
	struct list_head entry;
	struct task *task;
	bool writer;
	bool granted;
};

#define RWSEM_FLAGS (RWSEM_WRITER | RWSEM_WAITERS)

/* Clear, set, add; bit 63 follows the two flags. */
static void change(struct rw_semaphore *sem, s64 clear, s64 set, s64 add)
{
	s64 seen = atomic64_read(&sem->count);
	s64 want;

	do {
		want = (seen & ~(clear | RWSEM_SLOW)) + add;
		want |= set;
		if (want & RWSEM_FLAGS)
			want |= RWSEM_SLOW;
	} while (!atomic64_try_cmpxchg(&sem->count, &seen, want));
}

static void let_in(struct rwsem_waiter *waiter)
{
	list_del(&waiter->entry);
	waiter->granted = true;
	wake_up_process(waiter->task);
}

/* wait_lock held. */
static void grant(struct rw_semaphore *sem)
{
	struct rwsem_waiter *waiter;

	while (!list_empty(&sem->waiters)) {
		s64 only_waiters = RWSEM_SLOW | RWSEM_WAITERS;

		waiter = list_first_entry(&sem->waiters, struct rwsem_waiter,
					  entry);
		if (waiter->writer) {
			/* Exactly that: no writer, no reader. */
			if (atomic64_try_cmpxchg(&sem->count, &only_waiters,
						 only_waiters | RWSEM_WRITER))
				let_in(waiter);
			break;
		}
		if (atomic64_read(&sem->count) & RWSEM_WRITER)
			break;
		atomic64_add(RWSEM_READER, &sem->count);
		let_in(waiter);
	}
	if (list_empty(&sem->waiters))
		change(sem, RWSEM_WAITERS, 0, 0);
}

/* wait_lock held on entry, not on return. */
static int queue_and_wait(struct rw_semaphore *sem, bool writer,
			  unsigned int state) __no_thread_safety
{
	struct rwsem_waiter waiter = {.task = current, .writer = writer};
	int err = 0;

	list_add_tail(&waiter.entry, &sem->waiters);
	change(sem, 0, RWSEM_WAITERS, 0);
	grant(sem);
	while (!waiter.granted) {
		if (state == TASK_KILLABLE && fatal_signal_pending(current)) {
			list_del(&waiter.entry);
			grant(sem);
			err = -EINTR;
			break;
		}
		set_current_state(state);
		raw_spin_unlock(&sem->wait_lock);
		schedule();
		raw_spin_lock(&sem->wait_lock);
	}
	__set_current_state(TASK_RUNNING);
	raw_spin_unlock(&sem->wait_lock);
	return err;
}

int down_read_slow(struct rw_semaphore *sem, unsigned int state) __no_thread_safety
{
	raw_spin_lock(&sem->wait_lock);
	atomic64_sub(RWSEM_READER, &sem->count);
	return queue_and_wait(sem, false, state);
}

int down_write_slow(struct rw_semaphore *sem, unsigned int state) __no_thread_safety
{
	raw_spin_lock(&sem->wait_lock);
	return queue_and_wait(sem, true, state);
}

void up_read_slow(struct rw_semaphore *sem)
{
	raw_spin_lock(&sem->wait_lock);
	grant(sem);
	raw_spin_unlock(&sem->wait_lock);
}

void up_write_slow(struct rw_semaphore *sem)
{
	raw_spin_lock(&sem->wait_lock);
	change(sem, RWSEM_WRITER, 0, 0);
	grant(sem);
	raw_spin_unlock(&sem->wait_lock);
}

void downgrade_write(struct rw_semaphore *sem)
{
	lock_release(&sem->dep);
	lock_acquire(&sem->dep, 0, LOCK_READ | LOCK_TRY);
	raw_spin_lock(&sem->wait_lock);
	change(sem, RWSEM_WRITER, 0, RWSEM_READER);
	grant(sem);
	raw_spin_unlock(&sem->wait_lock);
}
