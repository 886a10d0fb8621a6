// SPDX-License-Identifier: MIT
/*
 * kernel/workqueue.c - functions that run in threads of a queue
 *
 * A queue is a list of works and a fixed number of workers, made with it: no
 * thread appears or goes because of load, so a test can count them.  A worker
 * takes the first work that no other worker is running; so a work queued
 * again while it runs waits for itself.
 *
 *	field				guarded by
 *	wq->pending, stopping, queued	wq->lock
 *	work->state, cancels		wq->lock
 *	work->taken, number, entry	wq->lock
 *	worker->work, number, ran	wq->lock
 *	work->wq			set when first queued, then constant
 *
 * States of a work.  It is pending by its timer or on the list, never both; while
 * it runs it is idle, or pending once more.
 *
 *	IDLE --queue_work()-----------------------> QUEUED --a worker--> IDLE
 *	IDLE --queue_delayed_work()--> DELAYED --timer--^
 *	any  --cancel--> IDLE, and refused as long as work->cancels
 *
 * One look under wq->lock decides whether a caller's queueing counts, so of two
 * callers at once one gets true.  The timer is armed under that lock and asks
 * for it: a cancel that has made the work IDLE may leave the timer's function to
 * find so, and only waits until it is done.
 *
 * A function may free its work: once it was called, nobody here touches the
 * work.  A waiter for a running work waits until the worker has gone on
 * (worker->ran), not for anything in the work.
 *
 * The race (tests/kernel/workqueue_test.c, cancel_waits_for_a_running_work):
 *
 *	worker				cancel_work_sync()
 *	takes it; worker->work = w
 *	unlocks; w->fn()
 *					pending? no.  A worker has it: notes ran,
 *					waits until ran changes
 *	locks; ran++; work = NULL; wakes
 *
 * and if w->fn() queues its work again meanwhile it is refused
 * (cancelling_a_delayed_work_that_queues_itself_ends_with_it_idle).
 *
 * Limits.  take_work() and worker_of() look through lists one by one: right for
 * some tens of works and WORKQUEUE_MAX_WORKERS workers.
 */
#include <mm/alloc/alloc.h>
#include <lib/assert.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <kernel/sched/sched.h>
#include <kernel/sched/wait.h>
#include <kernel/workqueue.h>

#define SYSTEM_WORKERS 4

struct worker {
	struct workqueue_struct *wq;
	struct task *task;
	struct work_struct *work; /* runs now; compared, not followed */
	u64 number;               /* of that work */
	unsigned long ran;        /* works finished */
};

struct workqueue_struct {
	struct spinlock lock;
	struct list_head pending;    /* by number */
	u64 queued;                  /* works put on the list so far */
	struct wait_queue_head more; /* workers */
	struct wait_queue_head gone; /* waiters for works */
	bool stopping;
	unsigned int nr_workers;
	LOCKDEP_MAP_MEMBER
	struct worker workers[];
};

struct workqueue_struct *system_wq;

/* wq->lock held, as in all up to take_work(). */
static struct worker *worker_of(struct workqueue_struct *wq,
				const struct work_struct *work)
{
	unsigned int i;

	for (i = 0; i < wq->nr_workers; i++)
		if (wq->workers[i].work == work)
			return &wq->workers[i];
	return NULL;
}

static struct work_struct *take_work(struct worker *worker)
{
	struct workqueue_struct *wq = worker->wq;
	struct work_struct *work;

	list_for_each_entry(work, &wq->pending, entry) {
		if (worker_of(wq, work))
			continue;
		list_del_init(&work->entry);
		work->state = WORK_IDLE;
		work->taken++;
		worker->work = work;
		worker->number = work->number;
		return work;
	}
	return NULL;
}

static bool may_take(struct worker *worker, struct work_struct **work)
{
	struct workqueue_struct *wq = worker->wq;
	bool wake;

	spin_lock_irq(&wq->lock);
	*work = take_work(worker);
	wake = *work || wq->stopping;
	spin_unlock_irq(&wq->lock);
	return wake;
}

static void run_work(struct worker *worker, struct work_struct *work)
{
	struct workqueue_struct *wq = worker->wq;

	/* In a report the place is the work's, not this one. */
	lock_acquire_at(&wq->dep, 0, LOCK_PLAIN, (unsigned long)work->fn);
	work->fn(work);
	lock_map_release(&wq->dep);
	ASSERT(preempt_count() == 0 && lockdep_task_held_count() == 0);

	spin_lock_irq(&wq->lock);
	worker->work = NULL;
	worker->ran++;
	spin_unlock_irq(&wq->lock);
	/* Flushes and cancels wait for the end of this run. */
	wake_up_all(&wq->gone);
}

static int worker_thread(void *arg)
{
	struct worker *worker = arg;
	struct workqueue_struct *wq = worker->wq;
	struct work_struct *work;

	for (;;) {
		if (!may_take(worker, &work))
			(void)wait_event_loop(&wq->more, may_take(worker, &work),
					      TASK_UNINTERRUPTIBLE,
					      WAIT_EXCLUSIVE, schedule(), false);
		if (!work)
			return 0;
		run_work(worker, work);
	}
}

static void stop_workers(struct workqueue_struct *wq)
{
	unsigned int i;

	spin_lock_irq(&wq->lock);
	wq->stopping = true;
	spin_unlock_irq(&wq->lock);
	wake_up_all(&wq->more);
	for (i = 0; i < wq->nr_workers; i++)
		kthread_join(wq->workers[i].task);
	ASSERT(list_empty(&wq->pending));
	kfree(wq);
}

struct workqueue_struct *workqueue_create(const char *name, unsigned int workers,
					  struct lock_class_key *key)
{
	struct workqueue_struct *wq;

	ASSERT(workers >= 1 && workers <= WORKQUEUE_MAX_WORKERS);
	wq = kzalloc(sizeof(*wq) + workers * sizeof(wq->workers[0]), GFP_KERNEL);
	if (!wq)
		return NULL;
	spin_lock_init(&wq->lock);
	INIT_LIST_HEAD(&wq->pending);
	init_waitqueue_head(&wq->more);
	init_waitqueue_head(&wq->gone);
	lockdep_init_map_key(&wq->dep, name, key);
	while (wq->nr_workers < workers) {
		struct worker *worker = &wq->workers[wq->nr_workers];

		worker->wq = wq;
		worker->task = kthread_create(worker_thread, worker, "%s/%u",
					      name, wq->nr_workers);
		if (IS_ERR(worker->task)) {
			stop_workers(wq);
			return NULL;
		}
		wq->nr_workers++;
		wake_up_process(worker->task);
	}
	return wq;
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	flush_workqueue(wq);
	stop_workers(wq);
}

/* May a caller make @work pending?  wq->lock held, as in put_on_list(). */
static bool may_queue(struct workqueue_struct *wq, struct work_struct *work)
{
	ASSERT(!work->wq || work->wq == wq);
	WARN_ON(wq->stopping);
	work->wq = wq;
	return work->state == WORK_IDLE && !work->cancels;
}

/* Wakes with the lock held: the work, and its queue, may be gone after. */
static void put_on_list(struct workqueue_struct *wq, struct work_struct *work)
	__must_hold(wq->lock)
{
	work->state = WORK_QUEUED;
	work->number = ++wq->queued;
	list_add_tail(&work->entry, &wq->pending);
	wake_up(&wq->more);
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	unsigned long flags;
	bool mine;

	spin_lock_irqsave(&wq->lock, flags);
	mine = may_queue(wq, work);
	if (mine)
		put_on_list(wq, work);
	spin_unlock_irqrestore(&wq->lock, flags);
	return mine;
}

/* Inlined into the functions that others call: reports shall name those. */
static __always_inline void annotate_wait(struct workqueue_struct *wq)
{
	might_sleep();
	lock_acquire_at(&wq->dep, 0, LOCK_PLAIN,
			(unsigned long)__builtin_return_address(0));
	lock_release(&wq->dep);
}

static bool taken_since(struct workqueue_struct *wq, struct work_struct *work,
			unsigned int taken)
{
	bool gone;

	spin_lock_irq(&wq->lock);
	gone = work->taken != taken || work->state != WORK_QUEUED;
	spin_unlock_irq(&wq->lock);
	return gone;
}

/* Wait for the run of @work that is under way, if one is. */
static bool wait_running(struct workqueue_struct *wq, struct work_struct *work)
{
	struct worker *worker;
	unsigned long ran = 0;

	spin_lock_irq(&wq->lock);
	worker = worker_of(wq, work);
	if (worker)
		ran = worker->ran;
	spin_unlock_irq(&wq->lock);
	if (!worker)
		return false;
	wait_event(&wq->gone, READ_ONCE(worker->ran) != ran);
	return true;
}

bool flush_work(struct work_struct *work)
{
	struct workqueue_struct *wq = READ_ONCE(work->wq);
	unsigned int taken;
	bool queued, running;

	if (!wq)
		return false;
	annotate_wait(wq);
	spin_lock_irq(&wq->lock);
	queued = work->state == WORK_QUEUED;
	taken = work->taken;
	spin_unlock_irq(&wq->lock);
	if (queued)
		wait_event(&wq->gone, taken_since(wq, work, taken));
	running = wait_running(wq, work);
	return queued || running;
}

/* From now on it cannot be queued.  Return: was it pending? */
static bool cancel_begin(struct workqueue_struct *wq, struct work_struct *work)
{
	enum work_state was;

	spin_lock_irq(&wq->lock);
	work->cancels++;
	was = work->state;
	if (was == WORK_QUEUED)
		list_del_init(&work->entry);
	work->state = WORK_IDLE;
	spin_unlock_irq(&wq->lock);
	if (was == WORK_QUEUED)
		wake_up_all(&wq->gone);
	return was != WORK_IDLE;
}

static void cancel_end(struct workqueue_struct *wq, struct work_struct *work)
{
	wait_running(wq, work);
	spin_lock_irq(&wq->lock);
	work->cancels--;
	spin_unlock_irq(&wq->lock);
}

bool cancel_work_sync(struct work_struct *work)
{
	struct workqueue_struct *wq = READ_ONCE(work->wq);
	bool was;

	if (!wq)
		return false;
	annotate_wait(wq);
	was = cancel_begin(wq, work);
	cancel_end(wq, work);
	return was;
}

/* Is each work up to @number off the list and done? */
static bool done_up_to(struct workqueue_struct *wq, u64 number)
{
	bool done = true;
	unsigned int i;

	spin_lock_irq(&wq->lock);
	if (!list_empty(&wq->pending))
		done = list_first_entry(&wq->pending, struct work_struct, entry)
			       ->number > number;
	for (i = 0; i < wq->nr_workers; i++)
		done &= !wq->workers[i].work || wq->workers[i].number > number;
	spin_unlock_irq(&wq->lock);
	return done;
}

void flush_workqueue(struct workqueue_struct *wq)
{
	u64 number;

	annotate_wait(wq);
	spin_lock_irq(&wq->lock);
	number = wq->queued;
	spin_unlock_irq(&wq->lock);
	wait_event(&wq->gone, done_up_to(wq, number));
}

void delayed_work_expired(struct timer *timer)
{
	struct delayed_work *dw = container_of(timer, struct delayed_work, timer);
	struct workqueue_struct *wq = READ_ONCE(dw->work.wq);
	unsigned long flags;

	spin_lock_irqsave(&wq->lock, flags);
	if (dw->work.state == WORK_DELAYED)
		put_on_list(wq, &dw->work);
	spin_unlock_irqrestore(&wq->lock, flags);
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *dw,
			u64 ns)
{
	unsigned long flags;
	bool mine;

	spin_lock_irqsave(&wq->lock, flags);
	mine = may_queue(wq, &dw->work);
	if (mine) {
		dw->work.state = WORK_DELAYED;
		timer_arm_ns(&dw->timer, ns);
	}
	spin_unlock_irqrestore(&wq->lock, flags);
	return mine;
}

bool cancel_delayed_work_sync(struct delayed_work *dw)
{
	struct workqueue_struct *wq = READ_ONCE(dw->work.wq);
	bool was;

	if (!wq)
		return false;
	annotate_wait(wq);
	was = cancel_begin(wq, &dw->work);
	timer_cancel_sync(&dw->timer);
	cancel_end(wq, &dw->work);
	return was;
}

static int workqueue_init(void)
{
	system_wq = alloc_workqueue("work", SYSTEM_WORKERS);
	if (!system_wq)
		panic("workqueue: no memory for the system's");
	return 0;
}
INITCALL(INIT_CORE, workqueue_init);
