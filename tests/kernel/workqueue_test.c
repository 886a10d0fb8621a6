// SPDX-License-Identifier: MIT
/*
 * tests/kernel/workqueue_test.c - works run once, can be waited for, taken back
 */
#include <kernel/alloc.h>
#include <kernel/sched.h>
#include <kernel/time.h>
#include <kernel/workqueue.h>

#include "../ktest/team.h"

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
