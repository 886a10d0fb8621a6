/* SPDX-License-Identifier: MIT */
/*
 * mutex.h - a lock whose waiters sleep; one holder, which must release it
 *
 * @owner is the holding task, with MUTEX_WAITERS added while a task queues.
 * Without contention taking and releasing are one compare-and-exchange each.
 * A release with waiters hands the mutex to the first of them, so that nobody
 * starves.
 */
#ifndef KERNEL_SCHED_MUTEX_H
#define KERNEL_SCHED_MUTEX_H

#include <kernel/sched/sched.h>

#define MUTEX_WAITERS 1UL

struct __capability("mutex") mutex
{
	unsigned long owner; /* atomic */
	struct raw_spinlock wait_lock;
	struct list_head waiters; /* wait_lock */
	LOCKDEP_MAP_MEMBER
};

#define MUTEX_INIT(name)                                    \
	{                                                   \
		.owner = 0, .wait_lock = RAW_SPINLOCK_INIT, \
		.waiters = LIST_HEAD_INIT((name).waiters),  \
		LOCKDEP_DEP_INIT(#name, LOCK_KIND_SLEEP)    \
	}
#define DEFINE_MUTEX(name) struct mutex name = MUTEX_INIT(name)

/** mutex_init() - make @m usable; its class is this place */
#define mutex_init(m)                                                            \
	do {                                                                     \
		struct mutex *init_mutex_ = (m);                                 \
		init_mutex_->owner = 0;                                          \
		init_mutex_->wait_lock = (struct raw_spinlock)RAW_SPINLOCK_INIT; \
		INIT_LIST_HEAD(&init_mutex_->waiters);                           \
		lockdep_init_map(&init_mutex_->dep, #m, LOCK_KIND_SLEEP);        \
	} while (0)

int mutex_lock_slow(struct mutex *m, unsigned int state);
void mutex_unlock_slow(struct mutex *m);

static __always_inline bool mutex_grab(struct mutex *m)
{
	unsigned long free = 0;

	return try_cmpxchg(&m->owner, &free, (unsigned long)current);
}

/** mutex_lock_nested() - take a second mutex of a class as @subclass */
static __always_inline void mutex_lock_nested(struct mutex *m,
					      unsigned int subclass)
	__acquires(m) __no_thread_safety
{
	might_sleep();
	lock_acquire(&m->dep, subclass, LOCK_PLAIN);
	if (unlikely(!mutex_grab(m)))
		(void)mutex_lock_slow(m, TASK_UNINTERRUPTIBLE);
}

/** mutex_lock() - take @m; thread context, may sleep */
static __always_inline void mutex_lock(struct mutex *m)
	__acquires(m) __no_thread_safety
{
	mutex_lock_nested(m, 0);
}

/** mutex_lock_killable() - 0 with @m held, or -EINTR without it */
static __always_inline int __must_check mutex_lock_killable(struct mutex *m)
	__no_thread_safety
{
	int err;

	might_sleep();
	lock_acquire(&m->dep, 0, LOCK_PLAIN);
	if (likely(mutex_grab(m)))
		return 0;
	err = mutex_lock_slow(m, TASK_KILLABLE);
	if (err)
		lock_release(&m->dep);
	return err;
}

/** mutex_trylock() - take @m if it is free; true when taken */
static __always_inline bool mutex_trylock(struct mutex *m)
	__try_acquires(true, m) __no_thread_safety
{
	if (unlikely(!mutex_grab(m)))
		return false;
	lock_acquire(&m->dep, 0, LOCK_TRY);
	return true;
}

/** mutex_unlock() - release @m; by the task that took it */
static __always_inline void mutex_unlock(struct mutex *m)
	__releases(m) __no_thread_safety
{
	unsigned long me = (unsigned long)current;

	lock_release(&m->dep);
	if (unlikely(!try_cmpxchg(&m->owner, &me, 0UL)))
		mutex_unlock_slow(m);
}

/** mutex_is_locked() - does anybody hold @m?  A hint, unless it is you */
static inline bool mutex_is_locked(const struct mutex *m)
{
	return READ_ONCE(m->owner) & ~MUTEX_WAITERS;
}

#endif
