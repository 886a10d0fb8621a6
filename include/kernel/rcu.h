/* SPDX-License-Identifier: MIT */
/*
 * rcu.h - read shared structures without locks; free what they held later
 *
 * A reader is a section with preemption off, so a CPU that switches tasks,
 * idles, or is interrupted where preemption was on, is outside of any.  A
 * grace period is over when every CPU was seen so (kernel/rcu.c).
 */
#ifndef KERNEL_RCU_H
#define KERNEL_RCU_H

#include <lib/atomic.h>
#include <lib/list.h>
#include <lib/preempt.h>

struct rcu_head {
	struct rcu_head *next;
	void (*fn)(struct rcu_head *head);
};

/** rcu_read_lock() - begin a reader; any context; sections nest; no sleep */
static __always_inline void rcu_read_lock(void)
{
	preempt_disable();
}

static __always_inline void rcu_read_unlock(void)
{
	preempt_enable();
}

/** rcu_read_lock_held() - for assertions */
static inline bool rcu_read_lock_held(void)
{
	return preempt_count() != 0;
}

/* x86 and every CPU we know of keep a dependent load behind its pointer. */
#define rcu_dereference(p)           READ_ONCE(p)
#define rcu_dereference_protected(p) (p)
/** rcu_assign_pointer() - publish an object that is complete */
#define rcu_assign_pointer(p, v) smp_store_release(&(p), (v))

/**
 * synchronize_rcu() - wait until every reader that began before has ended
 *
 * Context: thread, may sleep; not within a reader.
 */
void synchronize_rcu(void);

/**
 * call_rcu() - have fn(head) called after a grace period
 *
 * Callbacks run in a thread and may sleep shortly. The grace period begins within about a
 * millisecond, at once if a thread waits in rcu_barrier().
 * Context: any but NMI.
 */
void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head));

/** rcu_barrier() - wait until all callbacks queued so far have run */
void rcu_barrier(void);

/** rcu_pending() - callbacks queued and not yet run */
unsigned int rcu_pending(void);

/* The scheduler's and the interrupt's notice of a quiescent state. */
DECLARE_PER_CPU(u8, rcu_need_qs);
void rcu_report_qs(void);

/** rcu_note_qs() - this CPU is outside of any reader; interrupts off */
static __always_inline void rcu_note_qs(void)
{
	if (unlikely(this_cpu_read(rcu_need_qs)))
		rcu_report_qs();
}

#endif
