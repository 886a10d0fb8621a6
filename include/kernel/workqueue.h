/* SPDX-License-Identifier: MIT */
/*
 * workqueue.h - have a function called soon, in a thread
 *
 * A work item is queued at most once, runs on at most one worker at a time,
 * stays with one queue, and may be queued again, or freed, by its function.
 * Waiting for a work says to the validator that one waits for all that works
 * of that queue do: a lock that they take must not be held meanwhile.  That is
 * said of the queue and not of the one work, because the workers are a fixed
 * number: a work waits for those in front of it, whatever they are.  So a queue
 * whose works others wait for in delicate places (a notifier callback, R5.8 e)
 * is a queue of its own, and none of its works allocates and may wait.
 */
#ifndef KERNEL_WORKQUEUE_H
#define KERNEL_WORKQUEUE_H

#include <lib/list.h>
#include <kernel/lock/lockdep.h>
#include <kernel/timer.h>

struct workqueue_struct;

enum work_state {
	WORK_IDLE,    /* queue_work() takes it; it may run all the same */
	WORK_DELAYED, /* pending: its timer will queue it */
	WORK_QUEUED,  /* pending: on the queue's list */
};

/**
 * struct work_struct
 * @entry: place in a queue (queue's lock)
 * @wq: queue it was last queued on; NULL before the first time
 * @state: pending, and how (queue's lock)
 * @cancels: cancel calls under way: it cannot be queued (queue's lock)
 * @taken: times a worker took it off the list (queue's lock)
 * @number: of the queue's works, when it was last put on the list (queue's lock)
 * @fn: called by a worker
 */
struct work_struct {
	struct list_head entry;
	struct workqueue_struct *wq;
	enum work_state state;
	unsigned int cancels;
	unsigned int taken;
	u64 number;
	void (*fn)(struct work_struct *work);
};

struct delayed_work {
	struct work_struct work;
	struct timer timer;
};

#define INIT_WORK(w, f)                      \
	do {                                 \
		INIT_LIST_HEAD(&(w)->entry); \
		(w)->wq = NULL;              \
		(w)->state = WORK_IDLE;      \
		(w)->cancels = 0;            \
		(w)->taken = 0;              \
		(w)->number = 0;             \
		(w)->fn = (f);               \
	} while (0)

void delayed_work_expired(struct timer *timer);

#define INIT_DELAYED_WORK(dw, f)                                \
	do {                                                    \
		INIT_WORK(&(dw)->work, f);                      \
		timer_init(&(dw)->timer, delayed_work_expired); \
	} while (0)

/* General use; a handful of workers.  Exists from INIT_SMP on. */
extern struct workqueue_struct *system_wq;

struct workqueue_struct *workqueue_create(const char *name, unsigned int workers,
					  struct lock_class_key *key);

#define WORKQUEUE_MAX_WORKERS 16

/**
 * alloc_workqueue() - make a queue with its own workers
 * @name: of the threads; the string must outlive the queue
 * @workers: how many, 1 to WORKQUEUE_MAX_WORKERS; with 1 works run in the
 *	     order queued
 *
 * Context: may sleep.  Return: the queue, or NULL without memory.
 */
#define alloc_workqueue(name, workers)                           \
	({                                                       \
		static struct lock_class_key wq_key_ =           \
			LOCK_CLASS_KEY_INIT("", LOCK_KIND_FAKE); \
		workqueue_create(name, workers, &wq_key_);       \
	})

/**
 * destroy_workqueue() - run what is queued, end the workers
 * @wq: nobody queues works on it any more; delayed ones are cancelled before
 *
 * Context: thread, may sleep.
 */
void destroy_workqueue(struct workqueue_struct *wq);

/**
 * queue_work() - have @work run
 * @wq: the queue; always the same one for a work
 * @work: initialised
 *
 * Everything before this call is seen by the function.
 *
 * Context: any but NMI.
 * Return: true when this call queued it. False when it is pending already, by
 *	   this call or queue_delayed_work(): it will run after this call. False also
 *	   while it is being cancelled: then it will not.
 */
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);

static inline bool schedule_work(struct work_struct *work)
{
	return queue_work(system_wq, work);
}

/**
 * flush_work() - wait until @work, as queued before this call, has run
 *
 * Context: thread, may sleep; not from @work itself.
 * Return: true when there was something to wait for.
 */
bool flush_work(struct work_struct *work);

/**
 * cancel_work_sync() - take @work off its queue, wait until it does not run
 * @work: initialised; of a struct delayed_work see cancel_delayed_work_sync()
 *
 * Until this returns @work cannot be queued, not even by its own function.  When
 * it returns @work is idle, unless another task queues it after that.  Its
 * function does not free it meanwhile.
 *
 * Context: thread, may sleep; not from @work itself.
 * Return: true when it was pending and will not run for that.
 */
bool cancel_work_sync(struct work_struct *work);

/**
 * flush_workqueue() - wait for all that was queued before this call
 * @wq: the queue
 *
 * A work that queues itself again is waited for once.  Works whose delay is not
 * over are not waited for.
 *
 * Context: thread, may sleep; not from a work of @wq.
 */
void flush_workqueue(struct workqueue_struct *wq);

/**
 * queue_delayed_work() - queue_work() after a time
 * @wq: the queue; always the same one for a work
 * @dw: initialised
 * @ns: nanoseconds; above TIMEOUT_MAX_NS counts as that
 *
 * Context: any but NMI.
 * Return: as queue_work(); of several callers at once one gets true.
 */
bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *dw,
			u64 ns);
static inline bool schedule_delayed_work(struct delayed_work *dw, u64 ns)
{
	return queue_delayed_work(system_wq, dw, ns);
}

/**
 * cancel_delayed_work_sync() - as cancel_work_sync(), timer included
 * @dw: initialised
 *
 * Context: thread, may sleep; not from the work itself.
 * Return: true when it was pending and will not run for that.
 */
bool cancel_delayed_work_sync(struct delayed_work *dw);

#endif
