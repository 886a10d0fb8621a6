/* SPDX-License-Identifier: MIT */
/*
 * rwsem.h - a sleeping lock for many readers or one writer
 *
 * @count holds everything the fast paths need:
 *
 *	bit 0		a writer holds it
 *	bit 1		a task queues
 *	bit 8 and up	readers inside, plus readers about to turn back
 *	bit 63		set exactly while bit 0 or bit 1 is: "go the slow way"
 *
 * A reader adds RWSEM_READER and is in unless the sum is negative: one atomic
 * instruction.  Once a writer queues, later readers queue behind it, so
 * writers do not starve; the queue is served in order, so neither do readers.
 */
#ifndef KERNEL_SCHED_RWSEM_H
#define KERNEL_SCHED_RWSEM_H

#include <kernel/sched/sched.h>

#define RWSEM_WRITER       0x1L
#define RWSEM_WAITERS      0x2L
#define RWSEM_READER       0x100L
#define RWSEM_SLOW         (-0x7fffffffffffffffL - 1)
#define RWSEM_WRITE_LOCKED (RWSEM_SLOW | RWSEM_WRITER)

struct __capability("rwsem") rw_semaphore
{
	atomic64_t count;
	struct raw_spinlock wait_lock;
	struct list_head waiters; /* wait_lock */
	LOCKDEP_MAP_MEMBER
};

#define RWSEM_INIT(name)                                                 \
	{                                                                \
		.count = ATOMIC_INIT(0), .wait_lock = RAW_SPINLOCK_INIT, \
		.waiters = LIST_HEAD_INIT((name).waiters),               \
		LOCKDEP_DEP_INIT(#name, LOCK_KIND_SLEEP)                 \
	}
#define DEFINE_RWSEM(name) struct rw_semaphore name = RWSEM_INIT(name)

/** init_rwsem() - make @sem usable; its class is this place */
#define init_rwsem(sem)                                                        \
	do {                                                                   \
		struct rw_semaphore *init_sem_ = (sem);                        \
		atomic64_set(&init_sem_->count, 0);                            \
		init_sem_->wait_lock = (struct raw_spinlock)RAW_SPINLOCK_INIT; \
		INIT_LIST_HEAD(&init_sem_->waiters);                           \
		lockdep_init_map(&init_sem_->dep, #sem, LOCK_KIND_SLEEP);      \
	} while (0)

int down_read_slow(struct rw_semaphore *sem, unsigned int state);
int down_write_slow(struct rw_semaphore *sem, unsigned int state);
void up_read_slow(struct rw_semaphore *sem);
void up_write_slow(struct rw_semaphore *sem);

/** down_read() - share @sem; thread context, may sleep; not recursive */
static __always_inline void down_read(struct rw_semaphore *sem)
	__acquires_shared(sem) __no_thread_safety
{
	might_sleep();
	lock_acquire(&sem->dep, 0, LOCK_READ);
	if (unlikely(atomic64_add_negative(RWSEM_READER, &sem->count)))
		(void)down_read_slow(sem, TASK_UNINTERRUPTIBLE);
}

/** down_read_killable() - 0 with @sem shared, or -EINTR without it */
static __always_inline int __must_check
down_read_killable(struct rw_semaphore *sem) __no_thread_safety
{
	int err;

	might_sleep();
	lock_acquire(&sem->dep, 0, LOCK_READ);
	if (likely(!atomic64_add_negative(RWSEM_READER, &sem->count)))
		return 0;
	err = down_read_slow(sem, TASK_KILLABLE);
	if (err)
		lock_release(&sem->dep);
	return err;
}

static __always_inline void up_read(struct rw_semaphore *sem)
	__releases_shared(sem) __no_thread_safety
{
	lock_release(&sem->dep);
	if (unlikely(atomic64_add_negative(-RWSEM_READER, &sem->count)))
		up_read_slow(sem);
}

/** down_read_trylock() - share @sem unless a writer has or wants it */
static __always_inline bool down_read_trylock(struct rw_semaphore *sem)
	__try_acquires_shared(true, sem) __no_thread_safety
{
	s64 count = atomic64_read(&sem->count);

	do {
		if (count < 0)
			return false;
	} while (!atomic64_try_cmpxchg(&sem->count, &count, count + RWSEM_READER));
	lock_acquire(&sem->dep, 0, LOCK_READ | LOCK_TRY);
	return true;
}

static __always_inline bool rwsem_grab_write(struct rw_semaphore *sem)
{
	s64 free = 0;

	return atomic64_try_cmpxchg(&sem->count, &free, RWSEM_WRITE_LOCKED);
}

/** down_write_nested() - take a second rwsem of a class as @subclass */
static __always_inline void down_write_nested(struct rw_semaphore *sem,
					      unsigned int subclass)
	__acquires(sem) __no_thread_safety
{
	might_sleep();
	lock_acquire(&sem->dep, subclass, LOCK_PLAIN);
	if (unlikely(!rwsem_grab_write(sem)))
		(void)down_write_slow(sem, TASK_UNINTERRUPTIBLE);
}

/** down_write() - take @sem exclusively; thread context, may sleep */
static __always_inline void down_write(struct rw_semaphore *sem)
	__acquires(sem) __no_thread_safety
{
	down_write_nested(sem, 0);
}

/** down_write_killable() - 0 with @sem held, or -EINTR without it */
static __always_inline int __must_check
down_write_killable(struct rw_semaphore *sem) __no_thread_safety
{
	int err;

	might_sleep();
	lock_acquire(&sem->dep, 0, LOCK_PLAIN);
	if (likely(rwsem_grab_write(sem)))
		return 0;
	err = down_write_slow(sem, TASK_KILLABLE);
	if (err)
		lock_release(&sem->dep);
	return err;
}

/** down_write_trylock() - take @sem exclusively if it is free */
static __always_inline bool down_write_trylock(struct rw_semaphore *sem)
	__try_acquires(true, sem) __no_thread_safety
{
	if (unlikely(!rwsem_grab_write(sem)))
		return false;
	lock_acquire(&sem->dep, 0, LOCK_TRY);
	return true;
}

static __always_inline void up_write(struct rw_semaphore *sem)
	__releases(sem) __no_thread_safety
{
	s64 held = RWSEM_WRITE_LOCKED;

	lock_release(&sem->dep);
	if (unlikely(!atomic64_try_cmpxchg(&sem->count, &held, 0)))
		up_write_slow(sem);
}

/** downgrade_write() - from writer to reader, with no gap between */
void downgrade_write(struct rw_semaphore *sem);

/** rwsem_is_locked() - does anybody hold @sem?  A hint, unless it is you */
static inline bool rwsem_is_locked(const struct rw_semaphore *sem)
{
	s64 count = atomic64_read(&sem->count);

	return (count & RWSEM_WRITER) ||
	       (count & ~(RWSEM_SLOW | RWSEM_WAITERS | RWSEM_WRITER));
}

/** rwsem_is_write_locked() - does a writer hold @sem? */
static inline bool rwsem_is_write_locked(const struct rw_semaphore *sem)
{
	return atomic64_read(&sem->count) & RWSEM_WRITER;
}

/** rwsem_is_contended() - does a task queue for @sem? */
static inline bool rwsem_is_contended(const struct rw_semaphore *sem)
{
	return atomic64_read(&sem->count) & RWSEM_WAITERS;
}

#endif
