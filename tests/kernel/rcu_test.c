// SPDX-License-Identifier: MIT
/*
 * tests/kernel/rcu_test.c - nothing is freed under a reader
 */
#include <mm/alloc/alloc.h>
#include <kernel/rcu.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>

#include "tests/ktest/team.h"

#define ALIVE 0x600dU
#define DEAD  0xdeadU

struct node {
	struct rcu_head head;
	unsigned int mark;
	unsigned int generation;
};

struct shared {
	struct ktest *test;
	struct node *node; /* RCU */
	struct ktest_step step;
	atomic_t bad;
	atomic_t freed;
	atomic_t done;
	u64 reads;
};

static struct shared *shared_of_test;

static void kill_node(struct rcu_head *head)
{
	struct node *node = container_of(head, struct node, head);

	WRITE_ONCE(node->mark, DEAD);
	atomic_inc(&shared_of_test->freed);
	kfree(node);
}

static struct node *new_node(unsigned int generation)
{
	struct node *node = kzalloc(sizeof(*node), GFP_KERNEL);

	if (node) {
		node->mark = ALIVE;
		node->generation = generation;
	}
	return node;
}

static void read_or_replace(struct team_worker *me)
{
	struct shared *s = me->arg;

	while (team_goes_on(me)) {
		struct node *node, *old;

		if (me->number % 3 == 0) {
			node = new_node(me->round + 1);
			if (!node)
				continue;
			old = xchg(&s->node, node);
			if (me->round % 16 == 15) {
				synchronize_rcu();
				kill_node(&old->head);
			} else {
				call_rcu(&old->head, kill_node);
			}
			continue;
		}
		for (unsigned int j = 0; j < 50; j++) {
			rcu_read_lock();
			node = rcu_dereference(s->node);
			for (unsigned int k = 0; k < 20; k++) {
				if (READ_ONCE(node->mark) != ALIVE)
					atomic_inc(&s->bad);
				cpu_relax();
			}
			rcu_read_unlock();
		}
	}
}

KTEST(rcu, readers_never_see_a_freed_node, KT_FLAGS(KT_SLOW))
{
	struct shared s = {.test = test};

	shared_of_test = &s;
	s.node = new_node(0);
	REQUIRE(s.node);
	team_run(test, team_size(), 200, read_or_replace, &s);
	call_rcu(&s.node->head, kill_node);
	rcu_barrier();
	EXPECT_EQ(rcu_pending(), 0);
	EXPECT_EQ(atomic_read(&s.bad), 0);
	EXPECT_LT(200, atomic_read(&s.freed));
}

static int read_until_told(void *arg)
{
	struct shared *s = arg;

	rcu_read_lock();
	step_signal(&s->step, 1);
	step_spin(&s->step, 2);
	atomic_inc(&s->done);
	rcu_read_unlock();
	return 0;
}

static int synchronize_now(void *arg)
{
	struct shared *s = arg;

	step_wait(&s->step, 1);
	synchronize_rcu();
	return atomic_read(&s->done);
}

/*
 *	reader, last CPU	CPU 0
 *	lock (1)
 *				synchronize_rcu() is seen to wait
 *	(2) unlock
 *				returns
 */
static int let_reader_end(void *arg)
{
	struct shared *s = arg;

	step_wait(&s->step, 1);
	for (unsigned int i = 0; i < 20; i++)
		yield();
	step_signal(&s->step, 2);
	return 0;
}

KTEST(rcu, synchronize_waits_for_a_reader_inside, KT_FLAGS(KT_NEEDS_SMP))
{
	struct shared s = {.test = test};
	unsigned int last = cpumask_last(&cpu_online_mask);
	struct task *reader, *waiter, *other;

	step_init(&s.step, test);
	waiter = kthread_run_on(0, synchronize_now, &s, "waiter");
	other = kthread_run_on(0, let_reader_end, &s, "other");
	reader = kthread_run_on(last, read_until_told, &s, "reader");
	EXPECT_EQ(kthread_join(waiter), 1);
	kthread_join(reader);
	kthread_join(other);
}

static bool called;

static void note_call(struct rcu_head *head)
{
	WRITE_ONCE(called, true);
}

/* It waits for others that may come, and none comes. */
KTEST(rcu, a_callback_that_no_thread_waits_for_runs_by_itself)
{
	static struct rcu_head head;

	called = false;
	call_rcu(&head, note_call);
	KTEST_WAIT_FOR(test, READ_ONCE(called));
}

static struct rcu_head order_head[5];
static unsigned int order_seen;

static void note_order(struct rcu_head *head)
{
	order_seen = order_seen * 10 + (unsigned int)(head - order_head) + 1;
}

KTEST(rcu, a_barrier_waits_for_all_callbacks_in_order)
{
	order_seen = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(order_head); i++)
		call_rcu(&order_head[i], note_order);
	rcu_barrier();
	EXPECT_EQ(order_seen, 12345);
}
