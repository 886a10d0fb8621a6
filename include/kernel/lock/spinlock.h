/* SPDX-License-Identifier: MIT */
/*
 * spinlock.h - locks for short sections that do not sleep
 *
 * One word, 1 while held: taken by a test-and-set, released by a store.  It has
 * no queue on purpose (docs/adr/0008-spinlocks-without-a-queue.md): a guest CPU
 * may be off its host's core at any time, and with tickets everybody waits for
 * the one whose turn it is; here a CPU that runs takes it.  Holding one keeps
 * preemption off.  A lock that an interrupt handler takes is taken with the
 * _irqsave or _irq call everywhere else; the validator checks it.
 *
 * raw_spinlock is the same without a class: for the validator, printk and the
 * scheduler's queues, which the validator cannot watch while it uses them.
 */
#ifndef KERNEL_LOCK_SPINLOCK_H
#define KERNEL_LOCK_SPINLOCK_H

#include <lib/atomic.h>
#include <kernel/lock/lockdep.h>
#include <lib/preempt.h>
#include <arch/cpu.h>
#include <arch/keep.h>

struct __capability("spinlock") raw_spinlock
{
	u32 locked; /* atomic; back to 0 by the holder only */
};

#define RAW_SPINLOCK_INIT \
	{                 \
		0         \
	}

struct __capability("spinlock") spinlock
{
	struct raw_spinlock raw;
	LOCKDEP_MAP_MEMBER
};

#ifdef CONFIG_LOCKDEP
static_assert(sizeof(struct spinlock) <= 16, "a lock fits in struct page");
#else
static_assert(sizeof(struct spinlock) == 4, "a lock is one word");
#endif

#define SPINLOCK_INIT(name)                             \
	{                                               \
		.raw = RAW_SPINLOCK_INIT,               \
		LOCKDEP_DEP_INIT(#name, LOCK_KIND_SPIN) \
	}
#define DEFINE_SPINLOCK(name) struct spinlock name = SPINLOCK_INIT(name)

/** spin_lock_init() - make @lock usable; its class is this place */
#define spin_lock_init(lock)                                               \
	do {                                                               \
		struct spinlock *init_lock_ = (lock);                      \
		init_lock_->raw = (struct raw_spinlock)RAW_SPINLOCK_INIT;  \
		lockdep_init_map(&init_lock_->dep, #lock, LOCK_KIND_SPIN); \
	} while (0)

/* It was held: wait, and take it. */
void spin_wait(struct raw_spinlock *raw);

/* Without preemption control: the caller has it off already. */
static __always_inline void raw_spin_acquire(struct raw_spinlock *raw)
{
	if (unlikely(arch_test_and_set_lock(&raw->locked)))
		arch_call_keeping_arg(spin_wait, raw);
}

static __always_inline bool raw_spin_try_acquire(struct raw_spinlock *raw)
{
	return !READ_ONCE(raw->locked) && !arch_test_and_set_lock(&raw->locked);
}

static __always_inline void raw_spin_release(struct raw_spinlock *raw)
{
	smp_store_release(&raw->locked, 0U);
}

static __always_inline void raw_spin_lock(struct raw_spinlock *raw)
	__acquires(raw) __no_thread_safety
{
	preempt_disable();
	raw_spin_acquire(raw);
}

static __always_inline void raw_spin_unlock(struct raw_spinlock *raw)
	__releases(raw) __no_thread_safety
{
	raw_spin_release(raw);
	preempt_enable();
}

#define raw_spin_lock_irqsave(raw, flags) \
	do {                              \
		local_irq_save(flags);    \
		raw_spin_lock(raw);       \
	} while (0)

/* Interrupts come back before preemption, so that a wish is met at once. */
#define raw_spin_unlock_irqrestore(raw, flags) \
	do {                                   \
		raw_spin_release(raw);         \
		local_irq_restore(flags);      \
		preempt_enable();              \
	} while (0)

/**
 * spin_lock() - take @lock
 *
 * Context: any where no interrupt handler takes the same lock.
 */
static __always_inline void spin_lock(struct spinlock *lock)
	__acquires(lock) __no_thread_safety
{
	preempt_disable();
	lock_acquire(&lock->dep, 0, LOCK_PLAIN);
	raw_spin_acquire(&lock->raw);
}

/** spin_lock_nested() - take a second lock of a class, as @subclass of it */
static __always_inline void spin_lock_nested(struct spinlock *lock,
					     unsigned int subclass)
	__acquires(lock) __no_thread_safety
{
	preempt_disable();
	lock_acquire(&lock->dep, subclass, LOCK_PLAIN);
	raw_spin_acquire(&lock->raw);
}

static __always_inline void spin_unlock(struct spinlock *lock)
	__releases(lock) __no_thread_safety
{
	lock_release(&lock->dep);
	raw_spin_release(&lock->raw);
	preempt_enable();
}

/** spin_trylock() - take @lock if nobody has it; true when taken */
static __always_inline bool spin_trylock(struct spinlock *lock)
	__try_acquires(true, lock) __no_thread_safety
{
	preempt_disable();
	if (likely(raw_spin_try_acquire(&lock->raw))) {
		lock_acquire(&lock->dep, 0, LOCK_TRY);
		return true;
	}
	preempt_enable();
	return false;
}

static __always_inline void spin_lock_irq(struct spinlock *lock)
	__acquires(lock) __no_thread_safety
{
	local_irq_disable();
	spin_lock(lock);
}

static __always_inline void spin_unlock_irq(struct spinlock *lock)
	__releases(lock) __no_thread_safety
{
	lock_release(&lock->dep);
	raw_spin_release(&lock->raw);
	local_irq_enable();
	preempt_enable();
}

static __always_inline void spin_unlock_flags(struct spinlock *lock,
					      unsigned long flags)
	__releases(lock) __no_thread_safety
{
	lock_release(&lock->dep);
	raw_spin_release(&lock->raw);
	local_irq_restore(flags);
	preempt_enable();
}

/** spin_lock_irqsave() - take @lock; @flags (unsigned long) gets the state */
#define spin_lock_irqsave(lock, flags) \
	do {                           \
		local_irq_save(flags); \
		spin_lock(lock);       \
	} while (0)
#define spin_unlock_irqrestore(lock, flags) spin_unlock_flags(lock, flags)

/** spin_trylock_irqsave() - as spin_trylock(); @flags is set only on true */
#define spin_trylock_irqsave(lock, flags)              \
	({                                             \
		unsigned long try_flags_;              \
		bool try_taken_;                       \
		local_irq_save(try_flags_);            \
		try_taken_ = spin_trylock(lock);       \
		if (try_taken_)                        \
			(flags) = try_flags_;          \
		else                                   \
			local_irq_restore(try_flags_); \
		try_taken_;                            \
	})

/** spin_is_locked() - does anybody hold @lock?  A hint, unless it is you */
static __always_inline bool spin_is_locked(const struct spinlock *lock)
{
	return READ_ONCE(lock->raw.locked);
}

#endif
