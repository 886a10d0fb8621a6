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
 *	wq->pending, stopping		wq->lock
 *	work->queued, taken, entry	wq->lock
 *	worker->work, ran		wq->lock
 *	work->wq			set when first queued, then constant
 *
 * A function may free its work: once it was called, nobody here touches the
 * work.  Who waits for a running work waits for the worker to have gone on
 * (worker->ran), not for anything in the work.
 *
 * The race (tests/kernel/workqueue_test.c, cancel_waits_for_a_running_work):
 *
 *	worker				cancel_work_sync()
 *	takes it; worker->work = w
 *	unlocks; w->fn()
 *					queued? no.  A worker has it: notes ran,
 *					waits until ran changes
 *	locks; ran++; work = NULL; wakes
 */
#include <kernel/alloc.h>
#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/init.h>
#include <kernel/sched.h>
#include <kernel/wait.h>
#include <kernel/workqueue.h>

#define SYSTEM_WORKERS 4

struct worker {
	struct workqueue_struct *wq;
	struct task *task;
	struct work_struct *work; /* runs now; compared, not followed */
	unsigned long ran;        /* works finished */
};

struct workqueue_struct {
	struct spinlock lock;
	struct list_head pending;
	struct wait_queue_head more; /* workers */
	struct wait_queue_head gone; /* who waits for works */
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
		work->queued = false;
		work->taken++;
		worker->work = work;
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
	/* Who waits for it; and who left it alone because it was running. */
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

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	unsigned long flags;
	bool added = false;

	spin_lock_irqsave(&wq->lock, flags);
	ASSERT(!work->wq || work->wq == wq);
	WARN_ON(wq->stopping);
	work->wq = wq;
	if (!work->queued) {
		work->queued = true;
		list_add_tail(&work->entry, &wq->pending);
		added = true;
	}
	/* With the lock held: the work, and its queue, may be gone after. */
	if (added)
		wake_up(&wq->more);
	spin_unlock_irqrestore(&wq->lock, flags);
	return added;
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
	gone = work->taken != taken || !work->queued;
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
	queued = work->queued;
	taken = work->taken;
	spin_unlock_irq(&wq->lock);
	if (queued)
		wait_event(&wq->gone, taken_since(wq, work, taken));
	running = wait_running(wq, work);
	return queued || running;
}

bool cancel_work_sync(struct work_struct *work)
{
	struct workqueue_struct *wq = READ_ONCE(work->wq);
	bool queued;

	if (!wq)
		return false;
	annotate_wait(wq);
	spin_lock_irq(&wq->lock);
	queued = work->queued;
	if (queued) {
		list_del_init(&work->entry);
		work->queued = false;
	}
	spin_unlock_irq(&wq->lock);
	if (queued)
		wake_up_all(&wq->gone);
	wait_running(wq, work);
	return queued;
}

static bool is_empty(struct workqueue_struct *wq)
{
	bool empty;
	unsigned int i;

	spin_lock_irq(&wq->lock);
	empty = list_empty(&wq->pending);
	for (i = 0; i < wq->nr_workers; i++)
		empty &= !wq->workers[i].work;
	spin_unlock_irq(&wq->lock);
	return empty;
}

void flush_workqueue(struct workqueue_struct *wq)
{
	annotate_wait(wq);
	wait_event(&wq->gone, is_empty(wq));
}

void delayed_work_expired(struct timer *timer)
{
	struct delayed_work *dw = container_of(timer, struct delayed_work, timer);

	queue_work(dw->wq, &dw->work);
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *dw,
			u64 ns)
{
	if (READ_ONCE(dw->work.queued) || timer_pending(&dw->timer))
		return false;
	dw->wq = wq;
	timer_arm_ns(&dw->timer, ns);
	return true;
}

bool cancel_delayed_work_sync(struct delayed_work *dw)
{
	bool was = timer_cancel_sync(&dw->timer);

	return cancel_work_sync(&dw->work) || was;
}

static int workqueue_init(void)
{
	system_wq = alloc_workqueue("work", SYSTEM_WORKERS);
	if (!system_wq)
		panic("workqueue: no memory for the system's");
	return 0;
}
INITCALL(INIT_CORE, workqueue_init);
