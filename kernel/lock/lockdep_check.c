// SPDX-License-Identifier: MIT
/*
 * kernel/lock/lockdep_check.c - may this lock be waited for, here and now?
 *
 * Problem.  A deadlock needs two CPUs at the wrong moment.  The question is asked by
 * one CPU, at any moment, and must be answered for all.
 *
 * Idea.  Three rules, over what was learned (lockdep_graph.c):
 *
 *	order		held -> lock may be learned unless lock leads to held
 *	recursion	no lock of the class is held, unless both may nest
 *	irq		no class that an interrupt takes leads to a class that is
 *			taken with interrupts on
 *
 * Each rule forbids a deadlock between two threads, or between a thread and an
 * interrupt that arrives on its CPU:
 *
 *	order				irq
 *	thread 1	thread 2	thread		interrupt on its CPU
 *	takes A				takes A
 *			takes B				waits for A, which the
 *	waits for B					thread cannot release
 *			waits for A
 *
 * An order that breaks a rule is reported once and not learned: `accused` remembers
 * it.  A test's expectation forgets that where it begins and where it ends, so that
 * mistakes made on purpose hide none made by accident.
 *
 *	field			guarded by
 *	class->accused		set atomically: recursion is found without a lock
 *	class->in_irq_ip, ->irqs_on_ip
 *				written under lockdep_graph_lock, read with ONCE
 *
 * lockdep_graph_lock is raw and a leaf.  It is released while a report is printed; the
 * check that reported ends then, and learns nothing.
 */
#include <lib/bitops.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <kernel/sched/sched.h>

#include "kernel/lock/internal.h"

static bool accuse(unsigned int from, unsigned int to)
{
	return !test_and_set_bit(to, lockdep_classes[from].accused.bits);
}

static void describe_attempt(const struct held_lock *held, unsigned int id,
			     unsigned long ip)
{
	lockdep_report_add(" takes ");
	lockdep_report_class(id);
	lockdep_report_add(" at %pS\n while holding ", (void *)ip);
	lockdep_report_class(held->id);
	lockdep_report_add(", taken at %pS\n", (void *)held->ip);
}

/* ---- order ------------------------------------------------------------- */

/* Would held -> id close a circle?  lockdep_graph_lock held; drops it to report. */
static bool closes_circle(const struct held_lock *held, unsigned int id,
			  unsigned long ip)
{
	lockdep_reach(id, TO_AFTER);
	if (!lockdep_reached(held->id))
		return false;
	if (!accuse(held->id, id))
		return true;
	lockdep_report_begin("possible deadlock: locks in the opposite order");
	describe_attempt(held, id, ip);
	lockdep_report_add(" but the other order is known, last step first:\n");
	lockdep_report_path(held->id, TO_AFTER);
	raw_spin_release(&lockdep_graph_lock);
	lockdep_report_end();
	raw_spin_acquire(&lockdep_graph_lock);
	return true;
}

static void add_irq_pair(unsigned int in_irq, unsigned int irqs_on)
{
	lockdep_report_add("  ");
	lockdep_report_class(in_irq);
	lockdep_report_add(" is taken in an interrupt at %pS\n",
			   (void *)lockdep_classes[in_irq].in_irq_ip);
	lockdep_report_add("  ");
	lockdep_report_class(irqs_on);
	lockdep_report_add(" is taken with interrupts on at %pS\n",
			   (void *)lockdep_classes[irqs_on].irqs_on_ip);
}

/* Does held -> id lead from an interrupt's lock to an interruptible one? */
static bool breaks_irq_rule(const struct held_lock *held, unsigned int id,
			    unsigned long ip)
{
	unsigned int in_irq, irqs_on;

	lockdep_reach(id, TO_AFTER);
	irqs_on = lockdep_reached_irqs_on();
	if (!irqs_on)
		return false;
	lockdep_reach(held->id, TO_BEFORE);
	in_irq = lockdep_reached_in_irq();
	if (!in_irq)
		return false;
	if (!accuse(held->id, id))
		return true;
	lockdep_report_begin("possible deadlock: an interrupt's lock waits for an "
			     "interruptible one");
	describe_attempt(held, id, ip);
	add_irq_pair(in_irq, irqs_on);
	lockdep_report_path(in_irq, TO_BEFORE);
	lockdep_reach(id, TO_AFTER);
	lockdep_report_path(irqs_on, TO_AFTER);
	raw_spin_release(&lockdep_graph_lock);
	lockdep_report_end();
	raw_spin_acquire(&lockdep_graph_lock);
	return true;
}

static void learn_order(const struct held_lock *held, unsigned int id,
			unsigned long ip)
{
	bool first_lost;

	raw_spin_acquire(&lockdep_graph_lock);
	if (class_set_has(&lockdep_classes[held->id].after, id) ||
	    closes_circle(held, id, ip) || breaks_irq_rule(held, id, ip)) {
		raw_spin_release(&lockdep_graph_lock);
		return;
	}
	first_lost = lockdep_add_order(held, id, ip);
	raw_spin_release(&lockdep_graph_lock);
	if (first_lost)
		pr_warn("lockdep: %u orders are kept with their places; further "
			"ones are checked, but reports cannot say where\n",
			LOCKDEP_MAX_EDGES);
}

static void report_recursion(const struct held_lock *held, unsigned int id,
			     unsigned long ip)
{
	if (!accuse(id, id))
		return;
	lockdep_report_begin(
		"possible deadlock: a lock of the same class is held");
	describe_attempt(held, id, ip);
	lockdep_report_end();
}

void lockdep_check_held(const struct lockdep_task *ld,
			const struct held_lock *lock)
{
	unsigned int i;

	for (i = 0; i < ld->depth; i++) {
		const struct held_lock *held = &ld->held[i];

		if (held->id == lock->id) {
			if (!(held->how & lock->how & LOCK_NESTS))
				report_recursion(held, lock->id, lock->ip);
			return;
		}
	}
	for (i = 0; i < ld->depth; i++) {
		const struct held_lock *held = &ld->held[i];

		if (held->context == lock->context &&
		    !class_set_has(&lockdep_classes[held->id].after, lock->id))
			learn_order(held, lock->id, lock->ip);
	}
}

/* ---- interrupts -------------------------------------------------------- */

static void report_irq_use(unsigned int id, unsigned int other, const char *here,
			   unsigned long ip, enum direction direction)
{
	struct lock_class *class = &lockdep_classes[id];

	if (class->irq_accused)
		return;
	class->irq_accused = true;
	lockdep_report_begin(
		"possible deadlock: a lock with and without interrupts");
	lockdep_report_add(" takes ");
	lockdep_report_class(id);
	lockdep_report_add(" %s at %pS\n but ", here, (void *)ip);
	lockdep_report_class(other);
	if (direction == TO_AFTER)
		lockdep_report_add(" is taken with interrupts on at %pS\n",
				   (void *)lockdep_classes[other].irqs_on_ip);
	else
		lockdep_report_add(" is taken in an interrupt at %pS\n",
				   (void *)lockdep_classes[other].in_irq_ip);
	lockdep_report_path(other, direction);
	raw_spin_release(&lockdep_graph_lock);
	lockdep_report_end();
	raw_spin_acquire(&lockdep_graph_lock);
}

static void learn_in_irq(unsigned int id, unsigned long ip)
{
	unsigned int other;

	raw_spin_acquire(&lockdep_graph_lock);
	lockdep_reach(id, TO_AFTER);
	other = lockdep_reached_irqs_on();
	if (other)
		report_irq_use(id, other, "in an interrupt", ip, TO_AFTER);
	else
		WRITE_ONCE(lockdep_classes[id].in_irq_ip, ip);
	raw_spin_release(&lockdep_graph_lock);
}

static void learn_irqs_on(unsigned int id, unsigned long ip)
{
	unsigned int other;

	raw_spin_acquire(&lockdep_graph_lock);
	lockdep_reach(id, TO_BEFORE);
	other = lockdep_reached_in_irq();
	if (other)
		report_irq_use(id, other, "with interrupts on", ip, TO_BEFORE);
	else
		WRITE_ONCE(lockdep_classes[id].irqs_on_ip, ip);
	raw_spin_release(&lockdep_graph_lock);
}

/* Readers of a sequence count wait for its writers, not the reverse. */
void lockdep_check_irq_use(const struct held_lock *lock, enum lock_kind kind,
			   bool irqs_on)
{
	bool reads = lock->how & LOCK_READ;

	if (kind != LOCK_KIND_SPIN && kind != LOCK_KIND_SEQ)
		return;
	if (lock->context) {
		if (!(kind == LOCK_KIND_SEQ && !reads) &&
		    !READ_ONCE(lockdep_classes[lock->id].in_irq_ip))
			learn_in_irq(lock->id, lock->ip);
	} else if (irqs_on) {
		if (!(kind == LOCK_KIND_SEQ && reads) &&
		    !READ_ONCE(lockdep_classes[lock->id].irqs_on_ip))
			learn_irqs_on(lock->id, lock->ip);
	}
}

/* ---- what a test expects ----------------------------------------------- */

static void forget_accused(void) __no_thread_safety
{
	unsigned long flags;
	unsigned int id;

	raw_spin_lock_irqsave(&lockdep_graph_lock, flags);
	for (id = 1; id < lockdep_nr_classes; id++) {
		memset(&lockdep_classes[id].accused, 0,
		       sizeof(lockdep_classes[id].accused));
		lockdep_classes[id].irq_accused = false;
	}
	raw_spin_unlock_irqrestore(&lockdep_graph_lock, flags);
}

void lockdep_expect_begin(void)
{
	forget_accused();
	current->lockdep.sleep_told = false;
	lockdep_reports_keep();
}

unsigned int lockdep_expect_end(char *buf, size_t size)
{
	unsigned int kept = lockdep_reports_kept(buf, size);

	forget_accused();
	return kept;
}
