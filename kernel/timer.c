// SPDX-License-Identifier: MIT
/*
 * kernel/timer.c - functions called when their time has come
 *
 * Each CPU has a heap of timers by expiry.  The timer interrupt calls what is
 * due; whenever the first of the heap changes, the hardware is asked to
 * interrupt in time for it.
 *
 *	field			guarded by
 *	base->heap, ->running	base->lock
 *	timer->cpu		changes under the old CPU's base->lock only
 *	timer->armed		base(timer->cpu)->lock
 *
 * The race this must win (tests/kernel/timer_test.c,
 * cancel_waits_for_a_running_function):
 *
 *	interrupt			timer_cancel_sync()
 *	running = t; unlocks; fn(t)
 *					armed? no.  running == t: waits
 *	locks; running = NULL
 *					may free t
 *
 * "For ever" is a time like others: deadline_ns() cuts it to TIMEOUT_MAX_NS, so
 * that the heap, which compares differences, never takes the far for the past.
 *
 * A timer armed from elsewhere while its function runs stays with the CPU
 * that runs it, so that this one look at one base is enough.
 */
#include <lib/assert.h>
#include <lib/percpu.h>
#include <kernel/sched/sched.h>
#include <kernel/lock/spinlock.h>
#include <kernel/time.h>
#include <kernel/timer.h>

struct timer_base {
	struct spinlock lock;
	struct heap heap;
	struct timer *running;
};

static DEFINE_PER_CPU_ALIGNED(struct timer_base, timer_bases) = {
	.lock = SPINLOCK_INIT(timer_base->lock),
};

static struct timer *node_timer(struct heap_node *node)
{
	return container_of(node, struct timer, node);
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	*timer = (struct timer){.fn = fn};
	timer->cpu = smp_processor_id();
}

static struct timer_base *lock_base(struct timer *timer) __no_thread_safety
{
	for (;;) {
		unsigned int cpu = READ_ONCE(timer->cpu);
		struct timer_base *base = per_cpu_ptr(&timer_bases, cpu);

		spin_lock(&base->lock);
		if (likely(READ_ONCE(timer->cpu) == cpu))
			return base;
		spin_unlock(&base->lock);
	}
}

static bool disarm(struct timer_base *base, struct timer *timer)
{
	if (!timer->armed)
		return false;
	heap_del(&base->heap, &timer->node);
	WRITE_ONCE(timer->armed, false);
	return true;
}

bool timer_arm_ns(struct timer *timer, u64 delta_ns) __no_thread_safety
{
	u64 expires = deadline_ns(delta_ns);
	struct timer_base *base;
	unsigned long flags;
	unsigned int me;
	bool was;

	ASSERT(timer->fn);
	local_irq_save(flags);
	me = smp_processor_id();
	base = lock_base(timer);
	was = disarm(base, timer);
	if (timer->cpu != me && base->running != timer) {
		WRITE_ONCE(timer->cpu, me);
		spin_unlock(&base->lock);
		/* Between the locks another may have armed or moved it. */
		base = lock_base(timer);
		was |= disarm(base, timer);
	}
	heap_add(&base->heap, &timer->node, expires);
	WRITE_ONCE(timer->armed, true);
	if (timer->cpu == me && heap_first(&base->heap) == &timer->node)
		arch_timer_wake_at(expires);
	spin_unlock(&base->lock);
	local_irq_restore(flags);
	return was;
}

bool timer_cancel(struct timer *timer) __no_thread_safety
{
	struct timer_base *base;
	unsigned long flags;
	bool was;

	local_irq_save(flags);
	base = lock_base(timer);
	was = disarm(base, timer);
	spin_unlock(&base->lock);
	local_irq_restore(flags);
	return was;
}

bool timer_cancel_sync(struct timer *timer) __no_thread_safety
{
	bool was = false;

	for (;;) {
		struct timer_base *base;
		unsigned long flags;
		bool busy;

		local_irq_save(flags);
		base = lock_base(timer);
		was |= disarm(base, timer);
		busy = base->running == timer;
		spin_unlock(&base->lock);
		local_irq_restore(flags);
		if (!busy)
			return was;
		ASSERT(!in_interrupt());
		cpu_relax();
	}
}

void timers_run(void)
{
	struct timer_base *base = this_cpu_ptr(&timer_bases);
	struct heap_node *first;

	spin_lock(&base->lock);
	while ((first = heap_first(&base->heap)) &&
	       !time_after_ns(first->key, clock_ns())) {
		struct timer *timer = node_timer(first);

		disarm(base, timer);
		base->running = timer;
		spin_unlock(&base->lock);
		timer->fn(timer);
		spin_lock(&base->lock);
		base->running = NULL;
	}
	if (first)
		arch_timer_wake_at(first->key);
	spin_unlock(&base->lock);
}
