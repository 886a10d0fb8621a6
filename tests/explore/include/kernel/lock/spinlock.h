/* SPDX-License-Identifier: MIT */
/*
 * kernel/lock/spinlock.h under the explorer: a lock is a step that waits
 *
 * A thread that wants a lock that is held cannot be chosen. After an unlock there is
 * another step, so that what a thread still does without the lock can be preceded by
 * another thread.
 */
#ifndef KERNEL_LOCK_SPINLOCK_H
#define KERNEL_LOCK_SPINLOCK_H

#include <lib/atomic.h>
#include <lib/preempt.h>
#include <kernel/lock/lockdep.h>

struct raw_spinlock {
	u32 holder; /* 1 + the thread's number; 0: free */
};

struct spinlock {
	struct raw_spinlock raw;
};

#define RAW_SPINLOCK_INIT \
	{                 \
		0         \
	}
#define SPINLOCK_INIT(name)              \
	{                                \
		.raw = RAW_SPINLOCK_INIT \
	}
#define DEFINE_SPINLOCK(name)            struct spinlock name = SPINLOCK_INIT(name)

#define spin_lock_init(lock)             ((void)((lock)->raw.holder = 0))
#define spin_lock(lock)                  explore_lock(&(lock)->raw.holder)
#define spin_lock_nested(lock, subclass) spin_lock(lock)
#define spin_unlock(lock)                explore_unlock(&(lock)->raw.holder)
#define spin_lock_irqsave(lock, flags) \
	do {                           \
		(flags) = 0;           \
		spin_lock(lock);       \
	} while (0)
#define spin_unlock_irqrestore(lock, flags) \
	do {                                \
		(void)(flags);              \
		spin_unlock(lock);          \
	} while (0)

#endif
