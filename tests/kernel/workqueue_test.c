// SPDX-License-Identifier: MIT
/*
 * tests/kernel/workqueue_test.c - works run once, can be waited for, taken back
 */
#include <mm/alloc/alloc.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <kernel/workqueue.h>

#include "tests/ktest/team.h"

struct probe {
	struct work_struct work;
	struct ktest_step step;
	struct workqueue_struct *wq;
	atomic_t runs;
	atomic_t inside;
	atomic_t wrong;
	atomic_t again;
};

static void note_run(struct work_struct *work)
{
	struct probe *p = container_of(work, struct probe, work);

	if (atomic_inc_return(&p->inside) != 1)
		atomic_inc(&p->wrong);
	yield();
	atomic_dec(&p->inside);
	atomic_inc(&p->runs);
	if (atomic_add_unless(&p->again, -1, 0))
		queue_work(p->wq, work);
}

static void run_until_told(struct work_struct *work)
{
	struct probe *p = container_of(work, struct probe, work);

	step_signal(&p->step, 1);
	step_wait(&p->step, 2);
	atomic_inc(&p->runs);
}

static void probe_init(struct probe *p, struct ktest *test,
		       void (*fn)(struct work_struct *work))
{
	*p = (struct probe){.wq = system_wq};
	step_init(&p->step, test);
	INIT_WORK(&p->work, fn);
}

KTEST(workqueue, flush_returns_after_the_work_has_run)
{
	struct probe p;

	probe_init(&p, test, note_run);
	EXPECT(!flush_work(&p.work));
	EXPECT(schedule_work(&p.work));
	flush_work(&p.work);
	EXPECT_EQ(atomic_read(&p.runs), 1);
	EXPECT(!flush_work(&p.work));
}

KTEST(workqueue, a_work_queued_while_it_runs_runs_again_and_not_beside_itself)
{
	struct probe p;

	probe_init(&p, test, note_run);
	atomic_set(&p.again, 20);
	schedule_work(&p.work);
	KTEST_WAIT_FOR(test, atomic_read(&p.runs) == 21);
	cancel_work_sync(&p.work);
	EXPECT_EQ(atomic_read(&p.runs), 21);
	EXPECT_EQ(atomic_read(&p.wrong), 0);
}

static int flush_it(void *arg)
{
	struct probe *p = arg;

	flush_work(&p->work);
	return atomic_read(&p->runs);
}

KTEST(workqueue, flush_waits_for_a_running_work)
{
	struct task *flusher;
	struct probe p;

	probe_init(&p, test, run_until_told);
	schedule_work(&p.work);
	step_wait(&p.step, 1);
	flusher = kthread_run(flush_it, &p, "flusher");
	ktest_wait_blocked(test, flusher);
	step_signal(&p.step, 2);
	EXPECT_EQ(kthread_join(flusher), 1);
}

static int cancel_it(void *arg)
{
	struct probe *p = arg;

	cancel_work_sync(&p->work);
	return atomic_read(&p->runs);
}

KTEST(workqueue, cancel_waits_for_a_running_work)
{
	struct task *canceller;
	struct probe p;

	probe_init(&p, test, run_until_told);
	schedule_work(&p.work);
	step_wait(&p.step, 1);
	canceller = kthread_run(cancel_it, &p, "canceller");
	ktest_wait_blocked(test, canceller);
	step_signal(&p.step, 2);
	EXPECT_EQ(kthread_join(canceller), 1);
}

/* One worker, kept busy: the second work is still queued when cancelled. */
KTEST(workqueue, a_cancelled_work_does_not_run)
{
	struct workqueue_struct *wq = alloc_workqueue("one", 1);
	struct probe busy, queued;

	REQUIRE(wq);
	probe_init(&busy, test, run_until_told);
	probe_init(&queued, test, note_run);
	queue_work(wq, &busy.work);
	step_wait(&busy.step, 1);
	EXPECT(queue_work(wq, &queued.work));
	EXPECT(!queue_work(wq, &queued.work));
	EXPECT(cancel_work_sync(&queued.work));
	EXPECT(!cancel_work_sync(&queued.work));
	step_signal(&busy.step, 2);
	destroy_workqueue(wq);
	EXPECT_EQ(atomic_read(&busy.runs), 1);
	EXPECT_EQ(atomic_read(&queued.runs), 0);
}

static void free_itself(struct work_struct *work)
{
	kfree(container_of(work, struct probe, work));
}

KTEST(workqueue, a_work_may_free_itself)
{
	struct workqueue_struct *wq = alloc_workqueue("freeing", 2);

	REQUIRE(wq);
	for (unsigned int i = 0; i < 20; i++) {
		struct probe *p = kzalloc(sizeof(*p), GFP_KERNEL);

		if (!p)
			break;
		INIT_WORK(&p->work, free_itself);
		queue_work(wq, &p->work);
	}
	destroy_workqueue(wq);
}

struct ordered {
	struct work_struct work;
	unsigned int id;
	unsigned int *seen;
};

static void note_order(struct work_struct *work)
{
	struct ordered *o = container_of(work, struct ordered, work);

	*o->seen = *o->seen * 10 + o->id;
}

KTEST(workqueue, one_worker_keeps_the_order)
{
	struct workqueue_struct *wq = alloc_workqueue("ordered", 1);
	struct ordered o[5];
	unsigned int seen = 0;

	REQUIRE(wq);
	for (unsigned int i = 0; i < 5; i++) {
		o[i].id = i + 1;
		o[i].seen = &seen;
		INIT_WORK(&o[i].work, note_order);
		queue_work(wq, &o[i].work);
	}
	flush_workqueue(wq);
	EXPECT_EQ(seen, 12345);
	destroy_workqueue(wq);
}

static void queue_often(struct team_worker *me)
{
	struct probe *p = me->arg;

	while (team_goes_on(me)) {
		queue_work(p->wq, &p->work);
		if (me->round % 20 == me->number)
			flush_work(&p->work);
	}
}

KTEST(workqueue, queueing_from_all_cpus_loses_nothing)
{
	struct probe p;
	int before;

	probe_init(&p, test, note_run);
	team_run(test, team_size(), 200, queue_often, &p);
	flush_work(&p.work);
	before = atomic_read(&p.runs);
	EXPECT_LT(0, before);
	EXPECT_EQ(atomic_read(&p.wrong), 0);
	queue_work(p.wq, &p.work);
	flush_work(&p.work);
	EXPECT_EQ(atomic_read(&p.runs), before + 1);
}

static void note_delayed(struct work_struct *work)
{
	struct delayed_work *dw = container_of(work, struct delayed_work, work);

	/* The runner's clock, in place of a flag. */
	dw->timer.node.key = clock_ns();
}

KTEST(workqueue, a_delayed_work_runs_late_or_not_at_all)
{
	struct delayed_work dw;
	u64 due = clock_ns() + 2 * NSEC_PER_MSEC;

	INIT_DELAYED_WORK(&dw, note_delayed);
	EXPECT(schedule_delayed_work(&dw, 2 * NSEC_PER_MSEC));
	EXPECT(!schedule_delayed_work(&dw, 2 * NSEC_PER_MSEC));
	KTEST_WAIT_FOR(test, dw.work.taken == 1);
	flush_work(&dw.work);
	EXPECT_LE(due, dw.timer.node.key);
	EXPECT(schedule_delayed_work(&dw, 100 * NSEC_PER_SEC));
	EXPECT(cancel_delayed_work_sync(&dw));
	EXPECT_EQ(dw.work.taken, 1);
}

#define LONG_NS (100 * NSEC_PER_SEC)

struct delayed_probe {
	struct delayed_work dw;
	struct ktest_step step;
	atomic_t accepted; /* queue calls that returned true */
	atomic_t runs;
	u64 again_ns; /* the function queues itself with this delay */
};

static void run_and_queue_itself(struct work_struct *work)
{
	struct delayed_probe *p =
		container_of(work, struct delayed_probe, dw.work);

	atomic_inc(&p->runs);
	step_signal(&p->step, 1);
	step_wait(&p->step, 2);
	if (schedule_delayed_work(&p->dw, p->again_ns))
		atomic_inc(&p->accepted);
}

static void note_delayed_run(struct work_struct *work)
{
	struct delayed_probe *p =
		container_of(work, struct delayed_probe, dw.work);

	atomic_inc(&p->runs);
}

static void delayed_probe_init(struct delayed_probe *p, struct ktest *test,
			       void (*fn)(struct work_struct *work))
{
	*p = (struct delayed_probe){.again_ns = 0};
	step_init(&p->step, test);
	INIT_DELAYED_WORK(&p->dw, fn);
}

static int cancel_delayed(void *arg)
{
	struct delayed_probe *p = arg;

	return cancel_delayed_work_sync(&p->dw);
}

/*
 *	worker				canceller
 *	runs (1)
 *					cancel: waits for the run
 *	may go on (2): queues itself,
 *	which is refused; ends
 *					returns: not queued, no timer, not running
 */
static void cancel_one_that_queues_itself(struct ktest *test, u64 again_ns)
{
	struct delayed_probe p;
	struct task *canceller;

	delayed_probe_init(&p, test, run_and_queue_itself);
	p.again_ns = again_ns;
	EXPECT(schedule_delayed_work(&p.dw, 0));
	step_wait(&p.step, 1);
	canceller = kthread_run(cancel_delayed, &p, "canceller");
	REQUIRE(!IS_ERR(canceller));
	EXPECT_EQ(ktest_wait_blocked(test, canceller), 0);
	step_signal(&p.step, 2);
	EXPECT_EQ(kthread_join(canceller), 0);
	EXPECT_EQ(atomic_read(&p.accepted), 0);
	EXPECT(!timer_pending(&p.dw.timer));
	EXPECT(!flush_work(&p.dw.work));
	EXPECT_EQ(atomic_read(&p.runs), 1);
	/* It can be used again. */
	EXPECT(schedule_delayed_work(&p.dw, LONG_NS));
	EXPECT(cancel_delayed_work_sync(&p.dw));
	timer_cancel_sync(&p.dw.timer);
	flush_workqueue(system_wq);
}

KTEST(workqueue, cancelling_a_delayed_work_that_queues_itself_ends_with_it_idle)
{
	cancel_one_that_queues_itself(test, LONG_NS);
	cancel_one_that_queues_itself(test, 0);
}

static void run_and_queue_at_once(struct work_struct *work)
{
	struct delayed_probe *p =
		container_of(work, struct delayed_probe, dw.work);

	atomic_inc(&p->runs);
	step_signal(&p->step, 1);
	step_wait(&p->step, 2);
	if (schedule_work(work))
		atomic_inc(&p->accepted);
}

KTEST(workqueue, cancelling_a_work_that_queues_itself_ends_with_it_idle)
{
	struct delayed_probe p;
	struct task *canceller;

	delayed_probe_init(&p, test, run_and_queue_at_once);
	EXPECT(schedule_work(&p.dw.work));
	step_wait(&p.step, 1);
	canceller = kthread_run(cancel_delayed, &p, "canceller");
	REQUIRE(!IS_ERR(canceller));
	EXPECT_EQ(ktest_wait_blocked(test, canceller), 0);
	step_signal(&p.step, 2);
	EXPECT_EQ(kthread_join(canceller), 0);
	EXPECT_EQ(atomic_read(&p.accepted), 0);
	flush_workqueue(system_wq);
	EXPECT_EQ(atomic_read(&p.runs), 1);
}

/* Pending is pending: by its timer as well as on the queue. */
KTEST(workqueue, a_delayed_work_that_is_pending_cannot_be_queued)
{
	struct delayed_probe p;

	delayed_probe_init(&p, test, note_delayed_run);
	EXPECT(!cancel_delayed_work_sync(&p.dw));
	EXPECT(schedule_delayed_work(&p.dw, LONG_NS));
	EXPECT(!schedule_delayed_work(&p.dw, 0));
	EXPECT(!schedule_work(&p.dw.work));
	EXPECT(cancel_delayed_work_sync(&p.dw));
	EXPECT(!cancel_delayed_work_sync(&p.dw));
	flush_workqueue(system_wq);
	EXPECT_EQ(atomic_read(&p.runs), 0);
	EXPECT(schedule_work(&p.dw.work));
	flush_work(&p.dw.work);
	EXPECT_EQ(atomic_read(&p.runs), 1);
}

/* The function of its timer may run already, and take the queue's lock too late. */
KTEST(workqueue, a_timer_that_ends_beside_a_cancel_queues_nothing)
{
	struct delayed_probe p;

	delayed_probe_init(&p, test, note_delayed_run);
	EXPECT(schedule_delayed_work(&p.dw, LONG_NS));
	EXPECT(cancel_delayed_work_sync(&p.dw));
	delayed_work_expired(&p.dw.timer);
	EXPECT(!cancel_delayed_work_sync(&p.dw));
	flush_workqueue(system_wq);
	EXPECT_EQ(atomic_read(&p.runs), 0);
}

/* It never stops by itself; the flush does not wait for that. */
KTEST(workqueue, flushing_a_queue_waits_for_no_work_queued_after_it)
{
	struct workqueue_struct *wq = alloc_workqueue("endless", 2);
	struct probe p;
	int runs;

	REQUIRE(wq);
	probe_init(&p, test, note_run);
	p.wq = wq;
	atomic_set(&p.again, INT32_MAX);
	EXPECT(queue_work(wq, &p.work));
	flush_workqueue(wq);
	EXPECT_LT(0, atomic_read(&p.runs));
	cancel_work_sync(&p.work);
	runs = atomic_read(&p.runs);
	flush_workqueue(wq);
	EXPECT_EQ(atomic_read(&p.runs), runs);
	destroy_workqueue(wq);
}

static void queue_delayed_often(struct team_worker *me)
{
	struct delayed_probe *p = me->arg;

	while (team_goes_on(me)) {
		u64 ns = rng_below(&me->rng, 20) * NSEC_PER_USEC;

		if (schedule_delayed_work(&p->dw, ns))
			atomic_inc(&p->accepted);
		if (me->round % 16 == me->number &&
		    cancel_delayed_work_sync(&p->dw))
			atomic_dec(&p->accepted);
		cond_resched();
	}
}

/* Each call that returned true is one run, unless a cancel took it back. */
KTEST(workqueue, of_two_callers_who_queue_a_delayed_work_one_succeeds)
{
	struct delayed_probe p;

	delayed_probe_init(&p, test, note_delayed_run);
	team_run(test, team_size(), 300, queue_delayed_often, &p);
	KTEST_WAIT_FOR(test, atomic_read(&p.runs) >= atomic_read(&p.accepted));
	EXPECT(!cancel_delayed_work_sync(&p.dw));
	EXPECT_EQ(atomic_read(&p.runs), atomic_read(&p.accepted));
}
