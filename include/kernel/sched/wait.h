/* SPDX-License-Identifier: MIT */
/*
 * wait.h - sleep until a condition holds
 *
 * The waiter queues itself and sets its state, then looks at the condition,
 * then sleeps; the waker makes the condition true, then looks at the queue.
 * Both have a full barrier between the two steps, so one of them sees the
 * other (kernel/sched/wait.c shows it).
 */
#ifndef KERNEL_SCHED_WAIT_H
#define KERNEL_SCHED_WAIT_H

#include <lib/errno.h>
#include <lib/list.h>
#include <kernel/lock/spinlock.h>

struct task;

struct wait_queue_head {
	struct spinlock lock;
	struct list_head waiters; /* lock */
};

enum wait_flag {
	WAIT_SHARED = 0,
	WAIT_EXCLUSIVE = 1, /* wake_up() wakes at most one of these */
};

/**
 * struct wait_queue_entry - one sleeper
 * @wake: NULL wakes @task; else asked for every wake-up, with the queue's
 *	  lock held; false leaves the entry queued and asleep
 */
struct wait_queue_entry {
	struct list_head entry; /* head->lock */
	struct task *task;
	enum wait_flag flags;
	bool (*wake)(struct wait_queue_entry *wait, unsigned long key);
};

#define WAIT_QUEUE_HEAD_INIT(name)                        \
	{                                                 \
		.lock = SPINLOCK_INIT(name.lock),         \
		.waiters = LIST_HEAD_INIT((name).waiters) \
	}
#define DECLARE_WAIT_QUEUE_HEAD(name) \
	struct wait_queue_head name = WAIT_QUEUE_HEAD_INIT(name)

/* The class of the lock is the place of the call, called @name_. */
#define init_waitqueue_head_named(wq, name_)                                  \
	do {                                                                  \
		struct wait_queue_head *init_wq_ = (wq);                      \
		init_wq_->lock.raw = (struct raw_spinlock)RAW_SPINLOCK_INIT;  \
		lockdep_init_map(&init_wq_->lock.dep, name_, LOCK_KIND_SPIN); \
		INIT_LIST_HEAD(&init_wq_->waiters);                           \
	} while (0)
#define init_waitqueue_head(wq) init_waitqueue_head_named(wq, #wq)

/** init_wait() - make @wait an entry of the running task */
void init_wait(struct wait_queue_entry *wait, enum wait_flag flags);

/**
 * prepare_to_wait() - queue @wait, unless it is, and set the task's state
 *
 * A full barrier before what follows: check the condition after it.
 */
void prepare_to_wait(struct wait_queue_head *wq, struct wait_queue_entry *wait,
		     unsigned int state);

/** finish_wait() - running again; @wait leaves the queue */
void finish_wait(struct wait_queue_head *wq, struct wait_queue_entry *wait);

/**
 * wake_up_key() - wake waiters
 * @nr: exclusive waiters to wake; 0 wakes all
 * @key: handed to entries with a wake function
 *
 * Shared waiters before the last woken exclusive one are all woken.  Woken
 * entries leave the queue.
 *
 * Context: any but NMI.
 * Return: how many were woken.
 */
unsigned int wake_up_key(struct wait_queue_head *wq, unsigned int nr,
			 unsigned long key);
/** wake_up_locked() - the same with wq->lock held */
unsigned int wake_up_locked(struct wait_queue_head *wq, unsigned int nr,
			    unsigned long key);

/**
 * waitqueue_active() - may a task be waiting?
 *
 * Needs a full barrier between making the condition true and this.
 */
static inline bool waitqueue_active(const struct wait_queue_head *wq)
{
	return !list_empty(&wq->waiters);
}

/** wake_up() - wake every shared waiter and one exclusive */
#define wake_up(wq)     ((void)wake_up_key(wq, 1, 0))
#define wake_up_all(wq) ((void)wake_up_key(wq, 0, 0))

/* One round of waiting; internal. Return: false when killed and killable. */
bool wait_round_killed(unsigned int state);
void wait_schedule(void);
u64 wait_schedule_timeout(u64 ns);

#define wait_event_loop(wq, cond, state, flags, sleep, killed)    \
	({                                                        \
		struct wait_queue_entry wait_entry_;              \
		int wait_ret_ = 0;                                \
		init_wait(&wait_entry_, flags);                   \
		for (;;) {                                        \
			prepare_to_wait(wq, &wait_entry_, state); \
			if (cond)                                 \
				break;                            \
			if (killed) {                             \
				wait_ret_ = -EINTR;               \
				break;                            \
			}                                         \
			sleep;                                    \
		}                                                 \
		finish_wait(wq, &wait_entry_);                    \
		wait_ret_;                                        \
	})

/** wait_event() - sleep until @cond holds; @cond is evaluated repeatedly */
#define wait_event(wq, cond)                                             \
	do {                                                             \
		might_sleep();                                           \
		if (!(cond))                                             \
			(void)wait_event_loop(wq, cond, 2U, WAIT_SHARED, \
					      wait_schedule(), false);   \
	} while (0)

/** wait_long_ns - after how long a wait is reported; tests may change it */
extern u64 wait_long_ns;

/**
 * wait_event_reporting() - wait_event() that says so when it takes long
 * @report: evaluated once, when @wait_long_ns have passed and @cond is false
 */
#define wait_event_reporting(wq, cond, report)                                   \
	do {                                                                     \
		if (!wait_event_timeout_ns(wq, cond, READ_ONCE(wait_long_ns))) { \
			report;                                                  \
			wait_event(wq, cond);                                    \
		}                                                                \
	} while (0)

/** wait_event_killable() - 0, or -EINTR when task_kill() came first */
#define wait_event_killable(wq, cond)                               \
	({                                                          \
		might_sleep();                                      \
		(cond) ? 0                                          \
		       : wait_event_loop(wq, cond, 4U, WAIT_SHARED, \
					 wait_schedule(),           \
					 wait_round_killed(4U));    \
	})
#define wait_event_interruptible(wq, cond) wait_event_killable(wq, cond)

/**
 * wait_event_timeout_ns() - sleep until @cond holds, at most @ns
 *
 * A time above TIMEOUT_MAX_NS (146 years), ~0 among them, counts as that.
 *
 * Return: 0 when the time was up and @cond false; else the ns left, at
 * least 1.
 */
#define wait_event_timeout_ns(wq, cond, ns)                                     \
	({                                                                      \
		u64 wait_left_ = (ns);                                          \
		might_sleep();                                                  \
		if (!(cond))                                                    \
			(void)wait_event_loop(                                  \
				wq, ({                                          \
					bool wait_met_ = (cond);                \
					if (wait_met_ && !wait_left_)           \
						wait_left_ = 1;                 \
					wait_met_ || !wait_left_;               \
				}),                                             \
				2U, WAIT_SHARED,                                \
				wait_left_ = wait_schedule_timeout(wait_left_), \
				false);                                         \
		else if (!wait_left_)                                           \
			wait_left_ = 1;                                         \
		wait_left_;                                                     \
	})

#endif
