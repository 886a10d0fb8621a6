// SPDX-License-Identifier: MIT
/*
 * tests/kernel/lock/lockdep_test.c - each rule of the validator, broken on purpose
 *
 * Every wrong use must give exactly one report that names the classes, and
 * the right use beside it none.  Nothing here can really deadlock: the orders
 * are shown one after the other by one thread.
 */
#include <kernel/ktest.h>
#include <kernel/lock/lockdep.h>
#include <kernel/sched/mutex.h>
#include <kernel/rcu.h>
#include <kernel/sched/rwsem.h>
#include <kernel/lock/seqlock.h>
#include <kernel/srcu.h>
#include <lib/string.h>
#include <kernel/timer.h>
#include <kernel/workqueue.h>
#include <arch/smp.h>

/* Two or three for each test; classes are for ever, so none is shared. */
static DEFINE_SPINLOCK(ab_a);
static DEFINE_SPINLOCK(ab_b);
static DEFINE_SPINLOCK(again_a);
static DEFINE_SPINLOCK(again_b);
static DEFINE_SPINLOCK(ring_a);
static DEFINE_SPINLOCK(ring_b);
static DEFINE_SPINLOCK(ring_c);
static DEFINE_MUTEX(order_mutex);
static DEFINE_RWSEM(order_rwsem);
static DEFINE_RWSEM(twice);
static DEFINE_SPINLOCK(try_a);
static DEFINE_SPINLOCK(try_b);
static DEFINE_LOCKDEP_MAP(waiting, "waiting_for_it");
static DEFINE_MUTEX(held_by_it);
static DEFINE_MUTEX(might_a);
static DEFINE_MUTEX(might_b);
static DEFINE_SPINLOCK(irq_lock);
static DEFINE_SPINLOCK(thread_lock);
static DEFINE_SPINLOCK(outer_irq);
static DEFINE_SPINLOCK(inner_open);
static DEFINE_SPINLOCK(atomic_lock);
static DEFINE_MUTEX(sleeping_mutex);
static DEFINE_SPINLOCK(calling_lock);
static DEFINE_SPINLOCK(not_held);
static DEFINE_SPINLOCK(asserted);
static DEFINE_RWSEM(asserted_sem);
static DEFINE_MUTEX(work_takes_it);
static DEFINE_SPINLOCK(listed_first);
static DEFINE_SPINLOCK(listed_second);

static void take_both(struct spinlock *first, struct spinlock *second)
{
	spin_lock(first);
	spin_lock(second);
	spin_unlock(second);
	spin_unlock(first);
}

KTEST(lockdep, opposite_orders_are_reported_with_both_places)
{
	lockdep_expect_begin();
	take_both(&ab_a, &ab_b);
	take_both(&ab_a, &ab_b);
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	take_both(&ab_b, &ab_a);
	EXPECT_ONE_REPORT("opposite order", "ab_a", "ab_b", "take_both",
			  "was taken at");
}

/* Said again in each expectation, for what was broken on purpose hides nothing. */
KTEST(lockdep, a_wrong_order_is_told_once_in_each_expectation)
{
	int round;

	for (round = 0; round < 3; round++) {
		lockdep_expect_begin();
		take_both(&again_a, &again_b);
		take_both(&again_b, &again_a);
		take_both(&again_b, &again_a);
		EXPECT_ONE_REPORT("opposite order", "again_a", "again_b");
	}
}

KTEST(lockdep, a_circle_over_three_classes_is_found)
{
	lockdep_expect_begin();
	take_both(&ring_a, &ring_b);
	take_both(&ring_b, &ring_c);
	take_both(&ring_a, &ring_c);
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	take_both(&ring_c, &ring_a);
	EXPECT_ONE_REPORT("opposite order", "ring_a", "ring_c");
}

KTEST(lockdep, locks_of_one_place_are_one_class)
{
	struct spinlock locks[2];

	for (unsigned int i = 0; i < 2; i++)
		spin_lock_init(&locks[i]);
	lockdep_expect_begin();
	take_both(&locks[0], &locks[1]);
	EXPECT_ONE_REPORT("same class", "locks[i]");

	lockdep_expect_begin();
	spin_lock(&locks[0]);
	spin_lock_nested(&locks[1], SINGLE_DEPTH_NESTING);
	spin_unlock(&locks[1]);
	spin_unlock(&locks[0]);
	EXPECT_NO_REPORT();
}

KTEST(lockdep, sleeping_locks_are_ordered_like_spinning_ones)
{
	lockdep_expect_begin();
	mutex_lock(&order_mutex);
	down_read(&order_rwsem);
	up_read(&order_rwsem);
	mutex_unlock(&order_mutex);
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	down_write(&order_rwsem);
	mutex_lock(&order_mutex);
	mutex_unlock(&order_mutex);
	up_write(&order_rwsem);
	EXPECT_ONE_REPORT("opposite order", "order_mutex", "order_rwsem");
}

/* A writer that queues between makes the second read wait for the first. */
KTEST(lockdep, reading_twice_is_recursion)
{
	lockdep_expect_begin();
	down_read(&twice);
	down_read(&twice);
	up_read(&twice);
	up_read(&twice);
	EXPECT_ONE_REPORT("same class", "twice");
}

KTEST(lockdep, trying_orders_nothing_before_itself)
{
	lockdep_expect_begin();
	take_both(&try_a, &try_b);
	spin_lock(&try_b);
	EXPECT(spin_trylock(&try_a));
	spin_unlock(&try_a);
	spin_unlock(&try_b);
	EXPECT_NO_REPORT();
}

KTEST(lockdep, a_fake_lock_makes_waiting_visible)
{
	lockdep_expect_begin();
	lock_map_acquire(&waiting);
	mutex_lock(&held_by_it);
	mutex_unlock(&held_by_it);
	lock_map_release(&waiting);
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	mutex_lock(&held_by_it);
	lock_map_acquire(&waiting);
	lock_map_release(&waiting);
	mutex_unlock(&held_by_it);
	EXPECT_ONE_REPORT("opposite order", "waiting_for_it", "held_by_it");
}

KTEST(lockdep, might_lock_teaches_without_taking)
{
	lockdep_expect_begin();
	mutex_lock(&might_a);
	might_lock(&might_b);
	mutex_unlock(&might_a);
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	mutex_lock(&might_b);
	mutex_lock(&might_a);
	mutex_unlock(&might_a);
	mutex_unlock(&might_b);
	EXPECT_ONE_REPORT("opposite order", "might_a", "might_b");
}

struct irq_taker {
	struct timer timer;
	struct spinlock *lock;
	atomic_t ran;
};

static void take_in_irq(struct timer *timer)
{
	struct irq_taker *taker = container_of(timer, struct irq_taker, timer);

	spin_lock(taker->lock);
	spin_unlock(taker->lock);
	atomic_inc(&taker->ran);
}

static void use_in_irq(struct ktest *test, struct spinlock *lock)
{
	struct irq_taker taker = {.lock = lock};

	timer_init(&taker.timer, take_in_irq);
	timer_arm_ns(&taker.timer, 1000);
	KTEST_WAIT_FOR(test, atomic_read(&taker.ran));
	timer_cancel_sync(&taker.timer);
}

KTEST(lockdep, an_interrupts_lock_taken_with_interrupts_on_is_reported)
{
	lockdep_expect_begin();
	use_in_irq(test, &irq_lock);
	spin_lock_irq(&irq_lock);
	spin_unlock_irq(&irq_lock);
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	spin_lock(&irq_lock);
	spin_unlock(&irq_lock);
	EXPECT_ONE_REPORT("with and without interrupts", "irq_lock",
			  "is taken in an interrupt");
}

KTEST(lockdep, a_lock_used_with_interrupts_on_is_not_for_interrupts)
{
	lockdep_expect_begin();
	spin_lock(&thread_lock);
	spin_unlock(&thread_lock);
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	use_in_irq(test, &thread_lock);
	EXPECT_ONE_REPORT("with and without interrupts", "thread_lock",
			  "with interrupts on");
}

/*
 *	an interrupt takes A; a thread holds B with interrupts on; A then B
 */
KTEST(lockdep, an_interrupts_lock_may_not_wait_for_an_interruptible_one)
{
	unsigned long flags;

	lockdep_expect_begin();
	use_in_irq(test, &outer_irq);
	spin_lock(&inner_open);
	spin_unlock(&inner_open);
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	spin_lock_irqsave(&outer_irq, flags);
	spin_lock(&inner_open);
	spin_unlock(&inner_open);
	spin_unlock_irqrestore(&outer_irq, flags);
	EXPECT_ONE_REPORT("interrupt's lock waits", "outer_irq", "inner_open");
}

KTEST(lockdep, sleeping_where_one_must_not_is_reported)
{
	lockdep_expect_begin();
	might_sleep();
	EXPECT_NO_REPORT();

	lockdep_expect_begin();
	spin_lock(&atomic_lock);
	mutex_lock(&sleeping_mutex);
	mutex_unlock(&sleeping_mutex);
	spin_unlock(&atomic_lock);
	EXPECT_ONE_REPORT("sleeping where", "atomic_lock");

	lockdep_expect_begin();
	rcu_read_lock();
	might_sleep();
	rcu_read_unlock();
	EXPECT_ONE_REPORT("sleeping where");

	lockdep_expect_begin();
	local_irq_disable();
	might_sleep();
	local_irq_enable();
	EXPECT_ONE_REPORT("sleeping where", "interrupts off");
}

static void do_nothing(void *unused)
{
}

/* A CPU that waits for the lock with interrupts off would not answer. */
KTEST(lockdep, a_call_on_other_cpus_with_a_spinlock_held_is_reported)
{
	lockdep_expect_begin();
	on_each_cpu(do_nothing, NULL, SMP_WAIT);
	EXPECT_NO_REPORT();

	lockdep_expect_begin();
	spin_lock(&calling_lock);
	on_each_cpu(do_nothing, NULL, SMP_NOWAIT);
	spin_unlock(&calling_lock);
	EXPECT_ONE_REPORT("sleeping where", "calling_lock");
}

/* The barrier makes the call not the last thing, which would be a jump. */
static noinline void open_section(void)
{
	non_block_start();
	barrier();
}

static noinline void say_that_one_sleeps(void)
{
	might_sleep();
	barrier();
}

KTEST(lockdep, nothing_sleeps_in_a_non_block_section)
{
	lockdep_expect_begin();
	open_section();
	non_block_start();
	non_block_end();
	say_that_one_sleeps();
	non_block_end();
	EXPECT_ONE_REPORT("sleeping where", "in say_that_one_sleeps",
			  "non-block depth 1", "section opened at open_section");

	lockdep_expect_begin();
	non_block_start();
	schedule();
	non_block_end();
	EXPECT_ONE_REPORT("scheduling where", "non-block depth 1");

	lockdep_expect_begin();
	might_sleep();
	schedule();
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	non_block_end();
	EXPECT_ONE_REPORT("a non-block section is open");
}

/* A wait says that it might sleep, and then does: one mistake. */
KTEST(lockdep, a_wait_where_one_must_not_is_told_once)
{
	lockdep_expect_begin();
	non_block_start();
	might_sleep();
	schedule();
	schedule();
	non_block_end();
	EXPECT_ONE_REPORT("sleeping where");
	lockdep_expect_begin();
	non_block_start();
	might_sleep();
	non_block_end();
	non_block_start();
	might_sleep();
	non_block_end();
	EXPECT_EQ(lockdep_expect_end(NULL, 0), 2U);
}

KTEST(lockdep, releasing_what_is_not_held_is_reported)
{
	raw_spin_lock(&not_held.raw);
	lockdep_expect_begin();
	spin_unlock(&not_held);
	EXPECT_ONE_REPORT("not held", "not_held");
}

static int end_with_a_lock(void *arg)
{
	mutex_lock(arg);
	return 0;
}

KTEST(lockdep, a_task_that_ends_with_a_lock_is_reported)
{
	struct mutex kept;
	struct task *task;

	mutex_init(&kept);
	lockdep_expect_begin();
	task = kthread_run(end_with_a_lock, &kept, "keeper");
	kthread_join(task);
	EXPECT_ONE_REPORT("a task ends and holds locks", "kept", "keeper",
			  "end_with_a_lock");
}

KTEST(lockdep, assertions_know_who_holds_and_how)
{
	lockdep_expect_begin();
	spin_lock(&asserted);
	lockdep_assert_held(&asserted);
	spin_unlock(&asserted);
	lockdep_assert_not_held(&asserted);
	down_read(&asserted_sem);
	lockdep_assert_held(&asserted_sem);
	lockdep_assert_held_read(&asserted_sem);
	up_read(&asserted_sem);
	down_write(&asserted_sem);
	lockdep_assert_held_write(&asserted_sem);
	downgrade_write(&asserted_sem);
	lockdep_assert_held_read(&asserted_sem);
	up_read(&asserted_sem);
	EXPECT_NO_REPORT();

	lockdep_expect_begin();
	lockdep_assert_held(&asserted);
	EXPECT_ONE_REPORT("&asserted is held");
	lockdep_expect_begin();
	down_read(&asserted_sem);
	lockdep_assert_held_write(&asserted_sem);
	up_read(&asserted_sem);
	EXPECT_ONE_REPORT("held for writing");
}

KTEST(lockdep, a_lock_never_initialised_is_reported)
{
	struct spinlock zeroed = {.raw = RAW_SPINLOCK_INIT};

	lockdep_expect_begin();
	raw_spin_lock(&zeroed.raw);
	lock_acquire(&zeroed.dep, 0, LOCK_PLAIN);
	raw_spin_unlock(&zeroed.raw);
	EXPECT_ONE_REPORT("never initialised");
}

KTEST(lockdep, a_reader_of_a_sequence_inside_its_writer_is_recursion)
{
	struct seqcount seq;

	seqcount_init(&seq);
	lockdep_expect_begin();
	write_seqcount_begin(&seq);
	lock_acquire(&seq.dep, 0, LOCK_READ);
	lock_release(&seq.dep);
	write_seqcount_end(&seq);
	EXPECT_ONE_REPORT("same class", "seq");
}

KTEST(lockdep, waiting_for_readers_inside_a_reader_is_reported)
{
	struct srcu_struct domain;
	int outer, inner;

	init_srcu_struct(&domain);
	lockdep_expect_begin();
	outer = srcu_read_lock(&domain);
	inner = srcu_read_lock(&domain);
	srcu_read_unlock(&domain, inner);
	srcu_read_unlock(&domain, outer);
	synchronize_srcu(&domain);
	EXPECT_NO_REPORT();

	lockdep_expect_begin();
	outer = srcu_read_lock(&domain);
	lock_map_acquire(&domain.dep);
	lock_map_release(&domain.dep);
	srcu_read_unlock(&domain, outer);
	EXPECT_ONE_REPORT("same class", "domain");
	cleanup_srcu_struct(&domain);
}

struct locking_work {
	struct work_struct work;
	struct mutex *mutex;
};

static void take_mutex(struct work_struct *work)
{
	struct mutex *m = container_of(work, struct locking_work, work)->mutex;

	mutex_lock(m);
	mutex_unlock(m);
}

KTEST(lockdep, waiting_for_a_work_with_a_lock_it_takes_is_reported)
{
	struct workqueue_struct *wq = alloc_workqueue("lockdep_test", 1);
	struct locking_work lw = {.mutex = &work_takes_it};

	REQUIRE(wq);
	INIT_WORK(&lw.work, take_mutex);
	lockdep_expect_begin();
	queue_work(wq, &lw.work);
	flush_work(&lw.work);
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	mutex_lock(&work_takes_it);
	flush_work(&lw.work);
	mutex_unlock(&work_takes_it);
	EXPECT_ONE_REPORT("opposite order", "lockdep_test", "work_takes_it");
	destroy_workqueue(wq);
}

struct class_search {
	const char *name;
	struct lock_class_info found;
	unsigned int matches;
};

static void match_class(const struct lock_class_info *info, void *arg)
{
	struct class_search *search = arg;

	if (strcmp(info->name, search->name))
		return;
	search->found = *info;
	search->matches++;
}

KTEST(lockdep, classes_can_be_listed_with_what_was_learned)
{
	struct class_search first = {.name = "listed_first"};
	struct class_search second = {.name = "listed_second"};

	take_both(&listed_first, &listed_second);
	lockdep_for_each_class(match_class, &first);
	lockdep_for_each_class(match_class, &second);
	REQUIRE_EQ(first.matches, 1);
	REQUIRE_EQ(second.matches, 1);
	EXPECT_EQ(first.found.kind, LOCK_KIND_SPIN);
	EXPECT(first.found.irqs_on && !first.found.in_irq);
	EXPECT_EQ(first.found.after, 1);
	EXPECT(lockdep_is_before(first.found.id, second.found.id));
	EXPECT(!lockdep_is_before(second.found.id, first.found.id));
}
