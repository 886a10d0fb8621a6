// SPDX-License-Identifier: MIT
/*
 * tests/kernel/srcu_test.c - readers who sleep, domains that do not disturb
 */
#include <mm/alloc/alloc.h>
#include <kernel/sched/sched.h>
#include <kernel/srcu.h>
#include <kernel/time.h>

#include "tests/ktest/team.h"

#define ALIVE 0x600dU
#define DEAD  0xdeadU

struct node {
	struct rcu_head head;
	unsigned int mark;
};

struct shared {
	struct srcu_struct srcu;
	struct node *node;
	struct ktest_step step;
	atomic_t bad;
	atomic_t done;
};

static void shared_init(struct shared *s, struct ktest *test)
{
	*s = (struct shared){.node = NULL};
	init_srcu_struct(&s->srcu);
	step_init(&s->step, test);
}

static void kill_node(struct rcu_head *head)
{
	struct node *node = container_of(head, struct node, head);

	WRITE_ONCE(node->mark, DEAD);
	kfree(node);
}

static struct node *new_node(void)
{
	struct node *node = kzalloc(sizeof(*node), GFP_KERNEL);

	if (node)
		node->mark = ALIVE;
	return node;
}

static void read_or_replace(struct team_worker *me)
{
	struct shared *s = me->arg;

	while (team_goes_on(me)) {
		struct node *node, *old;
		int idx;

		if (me->number % 3 == 0) {
			node = new_node();
			if (!node)
				continue;
			old = xchg(&s->node, node);
			if (me->round % 8 == 0) {
				synchronize_srcu(&s->srcu);
				kill_node(&old->head);
			} else {
				call_srcu(&s->srcu, &old->head, kill_node);
			}
			continue;
		}
		idx = srcu_read_lock(&s->srcu);
		node = rcu_dereference(s->node);
		for (unsigned int j = 0; j < 10; j++) {
			if (READ_ONCE(node->mark) != ALIVE)
				atomic_inc(&s->bad);
			if (j == me->round % 10)
				yield();
		}
		srcu_read_unlock(&s->srcu, idx);
	}
}

KTEST(srcu, sleeping_readers_never_see_a_freed_node, KT_FLAGS(KT_SLOW))
{
	struct shared s;

	shared_init(&s, test);
	s.node = new_node();
	REQUIRE(s.node);
	team_run(test, team_size(), 300, read_or_replace, &s);
	EXPECT_EQ(atomic_read(&s.bad), 0);
	EXPECT(!srcu_read_lock_held(&s.srcu));
	call_srcu(&s.srcu, &s.node->head, kill_node);
	cleanup_srcu_struct(&s.srcu);
	EXPECT_EQ(srcu_pending_total(), 0);
}

static int synchronize_now(void *arg)
{
	struct shared *s = arg;

	synchronize_srcu(&s->srcu);
	return atomic_read(&s->done);
}

KTEST(srcu, last_reader_out_finishes_the_period)
{
	struct task *waiter;
	struct shared s;
	int first, second;

	shared_init(&s, test);
	first = srcu_read_lock(&s.srcu);
	second = srcu_read_lock(&s.srcu);
	waiter = kthread_run(synchronize_now, &s, "waiter");
	REQUIRE_EQ(ktest_wait_blocked(test, waiter), 0);
	srcu_read_unlock(&s.srcu, first);
	ktest_wait_blocked(test, waiter);
	atomic_set(&s.done, 7);
	srcu_read_unlock(&s.srcu, second);
	EXPECT_EQ(kthread_join(waiter), 7);
	cleanup_srcu_struct(&s.srcu);
}

/*
 *	old reader	[----------------)
 *	synchronize	   [wait..........)
 *	new reader		[-----------------)	not waited for
 */
KTEST(srcu, a_reader_that_began_later_is_not_waited_for)
{
	struct task *waiter;
	struct shared s;
	int old, late;

	shared_init(&s, test);
	old = srcu_read_lock(&s.srcu);
	waiter = kthread_run(synchronize_now, &s, "waiter");
	ktest_wait_blocked(test, waiter);
	/* The flip: new readers use the other count. */
	KTEST_WAIT_FOR(test, (READ_ONCE(s.srcu.idx) & 1) != (unsigned int)old);
	late = srcu_read_lock(&s.srcu);
	EXPECT_NE(late, old);
	srcu_read_unlock(&s.srcu, old);
	EXPECT_EQ(kthread_join(waiter), 0);
	srcu_read_unlock(&s.srcu, late);
	cleanup_srcu_struct(&s.srcu);
}

KTEST(srcu, a_reader_of_one_domain_does_not_delay_another)
{
	struct shared busy, quiet;
	int idx;

	/* Of two classes: the validator sees one waiting inside the other. */
	shared_init(&busy, test);
	init_srcu_struct(&quiet.srcu);
	idx = srcu_read_lock(&busy.srcu);
	synchronize_srcu(&quiet.srcu);
	srcu_barrier(&quiet.srcu);
	cleanup_srcu_struct(&quiet.srcu);
	srcu_read_unlock(&busy.srcu, idx);
	cleanup_srcu_struct(&busy.srcu);
}

KTEST(srcu, without_readers_nobody_is_waited_for)
{
	struct shared s;
	u64 periods;

	shared_init(&s, test);
	periods = s.srcu.periods;
	for (unsigned int i = 0; i < 100; i++)
		synchronize_srcu(&s.srcu);
	/* Not even a period was run for it. */
	EXPECT_EQ(s.srcu.periods, periods);
	cleanup_srcu_struct(&s.srcu);
}

struct counted {
	struct rcu_head head;
	atomic_t *count;
	atomic_t *order;
	int seen;
};

static void count_callback(struct rcu_head *head)
{
	struct counted *c = container_of(head, struct counted, head);

	c->seen = atomic_inc_return(c->order);
	atomic_inc(c->count);
}

KTEST(srcu, a_barrier_waits_for_callbacks_held_up_by_a_reader)
{
	atomic_t count = ATOMIC_INIT(0), order = ATOMIC_INIT(0);
	struct counted c[4];
	struct shared s;
	int idx;

	shared_init(&s, test);
	idx = srcu_read_lock(&s.srcu);
	for (unsigned int i = 0; i < 4; i++) {
		c[i] = (struct counted){.count = &count, .order = &order};
		call_srcu(&s.srcu, &c[i].head, count_callback);
	}
	EXPECT_EQ(srcu_pending_total(), 4);
	EXPECT_EQ(atomic_read(&count), 0);
	srcu_read_unlock(&s.srcu, idx);
	srcu_barrier(&s.srcu);
	EXPECT_EQ(atomic_read(&count), 4);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(c[i].seen, i + 1);
	cleanup_srcu_struct(&s.srcu);
}
