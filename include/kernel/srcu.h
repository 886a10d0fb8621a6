/* SPDX-License-Identifier: MIT */
/*
 * srcu.h - RCU whose readers may sleep, one domain for each object
 *
 * A domain is a few words: made and dropped at will, no per-CPU memory.  Its
 * readers delay only its own grace periods.  With no reader inside, a grace
 * period is a handful of instructions.
 */
#ifndef KERNEL_SRCU_H
#define KERNEL_SRCU_H

#include <kernel/rcu.h>
#include <kernel/lock/spinlock.h>
#include <kernel/workqueue.h>

/* A reader counts 2 in its word; bit 0 says that a grace period waits. */
#define SRCU_WAITED 1L
#define SRCU_READER 2L

/**
 * struct srcu_struct - one domain
 *
 * Keys: (a) atomic; (l) @lock; (g) the grace-period work only.
 */
struct srcu_struct {
	atomic64_t readers[2]; /* (a) */
	unsigned int idx;      /* (g) the word new readers use */
	unsigned int phase;    /* (g) enum srcu_phase */
	bool running;          /* (l) the machine is at work */
	unsigned int pending;  /* (l) callbacks not yet returned */
	struct rcu_head *arrived, **arrived_tail; /* (l) for the next period */
	struct rcu_head *waiting; /* (g) for the period under way */
	struct spinlock lock;
	struct work_struct work;
	u64 periods;       /* (g) grace periods completed */
	LOCKDEP_MAP_MEMBER /* readers */
};

void srcu_init_fields(struct srcu_struct *s);

/**
 * init_srcu_struct() - make a domain; never fails, allocates nothing
 */
#define init_srcu_struct(s)                                                    \
	do {                                                                   \
		struct srcu_struct *init_srcu_ = (s);                          \
		init_srcu_->lock.raw = (struct raw_spinlock)RAW_SPINLOCK_INIT; \
		lockdep_init_map(&init_srcu_->lock.dep, "srcu_struct.lock",    \
				 LOCK_KIND_SPIN);                              \
		lockdep_init_map(&init_srcu_->dep, #s, LOCK_KIND_FAKE);        \
		srcu_init_fields(init_srcu_);                                  \
	} while (0)

/**
 * cleanup_srcu_struct() - end a domain
 *
 * No reader is inside or to come; waits for the callbacks.
 * Context: thread, may sleep.
 */
void cleanup_srcu_struct(struct srcu_struct *s);

void srcu_readers_gone(struct srcu_struct *s);

/**
 * srcu_read_lock() - begin a reader, which may sleep
 *
 * Context: any but NMI.
 * Return: what srcu_read_unlock() wants back.
 */
static __always_inline int srcu_read_lock(struct srcu_struct *s)
{
	int idx = (int)(READ_ONCE(s->idx) & 1);

	lock_acquire(&s->dep, 0, LOCK_READ | LOCK_NESTS);
	/* A full barrier: what follows is read after we are counted. */
	atomic64_add(SRCU_READER, &s->readers[idx]);
	return idx;
}

/** srcu_read_unlock() - end a reader; @s is not touched after the last one */
static __always_inline void srcu_read_unlock(struct srcu_struct *s, int idx)
{
	s64 old = atomic64_read(&s->readers[idx]);
	s64 left;

	lock_release(&s->dep);
	do {
		left = old - SRCU_READER;
		if (unlikely(left == SRCU_WAITED))
			left = 0;
	} while (!atomic64_try_cmpxchg(&s->readers[idx], &old, left));
	if (unlikely(old == (SRCU_READER | SRCU_WAITED)))
		srcu_readers_gone(s);
}

/** srcu_read_lock_held() - is anybody inside?  For assertions */
static inline bool srcu_read_lock_held(const struct srcu_struct *s)
{
	return atomic64_read(&s->readers[0]) || atomic64_read(&s->readers[1]);
}

/**
 * synchronize_srcu() - wait until every reader that began before has ended
 *
 * Context: thread, may sleep; not within a reader of @s.
 */
void synchronize_srcu(struct srcu_struct *s);

/**
 * call_srcu() - have fn(head) called after a grace period of @s
 *
 * Callbacks run in a thread, in the order they were queued; they may sleep
 * shortly but not wait for a grace period of @s.
 * Context: any but NMI.
 */
void call_srcu(struct srcu_struct *s, struct rcu_head *head,
	       void (*fn)(struct rcu_head *head));

/** srcu_barrier() - wait until all callbacks queued so far on @s have run */
void srcu_barrier(struct srcu_struct *s);

/** srcu_pending_total() - callbacks queued on any domain and not yet run */
unsigned int srcu_pending_total(void);

#endif
