// SPDX-License-Identifier: MIT
/*
 * kernel/lock/lockdep.c - the lock validator
 *
 * Problem.  A deadlock needs two CPUs at the wrong moment; tests rarely have
 * it.  The mistake behind it is there in every run.
 *
 * Idea.  Learn from what does happen.  Each lock has a class, each task a
 * stack of what it holds.  Taking B while holding A teaches "A before B".
 * Before a new order is added, look whether B before A follows already from
 * what is known: then two CPUs could wait for each other, and that is
 * reported, with the places of both sides, though it did not happen now.
 *
 * Reports:
 *
 *	order		B is waited for while A is held, and A was waited for,
 *			maybe over other classes, while B was held
 *	recursion	a class is waited for by a holder of one of it (unless
 *			the inner names a subclass, or both may nest)
 *	irq		a class is taken in an interrupt, and it, or one that
 *			is waited for while it is held, with interrupts on
 *	release		what is released is not held by the task
 *	exit		a task ends and holds something
 *	sleep		might_sleep() or schedule() with preemption or
 *			interrupts off, or in a non-block section
 *	assert		lockdep_assert_held() and kin
 *	init		a lock was never initialised, or its class is on a stack
 *
 * A try never waits: nothing is ordered before it, but what is taken while it
 * is held is ordered after it.  Shared is ordered like exclusive, since a
 * queued writer makes readers wait for each other.  In an interrupt only what
 * that interrupt took counts as held: the rest is the irq rule's business.
 *
 *	field			guarded by
 *	task->lockdep		the task, interrupts off
 *
 * Limits.  LOCKDEP_MAX_HELD locks held by a task, and LOCKDEP_MAX_CLASSES
 * classes: beyond them "out of room" is reported and the lock goes
 * unchecked.
 *
 * The validator's own locks are raw and leaves; printing happens with neither held.
 * The common case, every order known, is a bit test for each held lock.
 *
 * Not here: the text of reports (lockdep_report.c), classes and their graph
 * (lockdep_graph.c), the rules of order, recursion and irq (lockdep_check.c), that of
 * sleep (lockdep_sleep.c).  The files are only in builds with CONFIG_LOCKDEP (options.mk).
 */
#include <lib/panic.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <kernel/sched/sched.h>
#include <arch/cpu.h>

#include "kernel/lock/internal.h"

void lockdep_report_held(struct task *task)
{
	struct lockdep_task *ld = &task->lockdep;
	unsigned int i;

	for (i = 0; i < ld->depth; i++) {
		lockdep_report_add("  holds ");
		lockdep_report_class(ld->held[i].id);
		lockdep_report_add("%s, taken at %pS\n",
				   ld->held[i].how & LOCK_READ ? " (shared)" : "",
				   (void *)ld->held[i].ip);
	}
}

static void __printf(3, 4)
	report_simple(const char *what, bool with_held, const char *fmt, ...)
{
	char words[160];
	va_list args;

	va_start(args, fmt);
	vscnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	lockdep_report_begin(what);
	lockdep_report_add(" %s\n", words);
	if (with_held)
		lockdep_report_held(current);
	lockdep_report_end();
}

/* ---- taking and releasing ---------------------------------------------- */

/* A class outlives every frame: its key lies in the image. */
extern char __data_start[], __data_end[];

static bool key_is_static(const struct lock_class_key *key)
{
	return (const char *)key >= __data_start &&
	       (const char *)key < __data_end;
}

static void acquire(struct lockdep_map *map, unsigned int subclass,
		    unsigned int how, unsigned long ip, bool irqs_on)
{
	struct lockdep_task *ld = &current->lockdep;
	struct held_lock lock = {.map = map, .ip = ip, .how = (u8)how};
	enum lock_kind kind;

	if (!key_is_static(map->key)) {
		report_simple("a lock was never initialised, or on a stack by "
			      "a static initialiser",
			      false, "taken at %pS", (void *)ip);
		return;
	}
	kind = map->key->kind;
	lock.id = (u16)lockdep_class_of(map, subclass);
	lock.context =
		(u8)((this_cpu_read(preempt_word) & HARDIRQ_MASK) / HARDIRQ_ONE);
	if (!lock.id || ld->depth >= LOCKDEP_MAX_HELD) {
		report_simple("out of room", false, "lockdep_classes %u, held %u",
			      lockdep_nr_classes, ld->depth);
		return;
	}
	if (!(how & LOCK_TRY)) {
		lockdep_check_held(ld, &lock);
		lockdep_check_irq_use(&lock, kind, irqs_on);
	}
	if (lock.context && kind == LOCK_KIND_SLEEP)
		report_simple("a sleeping lock in an interrupt", true,
			      "%s, taken at %pS", lockdep_class_name(lock.id),
			      (void *)ip);
	ld->held[ld->depth++] = lock;
	if (kind != LOCK_KIND_FAKE && !lock.context)
		ld->taken++;
}

void lock_acquire_at(struct lockdep_map *map, unsigned int subclass,
		     unsigned int how, unsigned long ip)
{
	unsigned long flags;

	if (lockdep_rests())
		return;
	local_irq_save(flags);
	acquire(map, subclass, how, ip, !irqs_disabled_flags(flags));
	local_irq_restore(flags);
}

void lock_acquire(struct lockdep_map *map, unsigned int subclass, unsigned int how)
{
	lock_acquire_at(map, subclass, how,
			(unsigned long)__builtin_return_address(0));
}

static bool drop_held(struct lockdep_task *ld, const struct lockdep_map *map)
{
	unsigned int i = ld->depth;

	while (i-- > 0) {
		if (ld->held[i].map != map)
			continue;
		memmove(&ld->held[i], &ld->held[i + 1],
			(ld->depth - i - 1) * sizeof(ld->held[0]));
		ld->depth--;
		return true;
	}
	return false;
}

void lock_release(struct lockdep_map *map)
{
	unsigned long ip = (unsigned long)__builtin_return_address(0);
	unsigned long flags;

	if (lockdep_rests())
		return;
	local_irq_save(flags);
	if (!drop_held(&current->lockdep, map))
		report_simple("released, but not held", true, "%s, at %pS",
			      map->key ? map->key->name : "(not initialised)",
			      (void *)ip);
	local_irq_restore(flags);
}

bool lock_is_held(const struct lockdep_map *map, unsigned int how)
{
	struct lockdep_task *ld = &current->lockdep;
	unsigned int i;

	if (lockdep_rests())
		return true;
	for (i = 0; i < ld->depth; i++) {
		bool shared = ld->held[i].how & LOCK_READ;

		if (ld->held[i].map == map)
			return !how || (how == LOCK_READ ? shared : !shared);
	}
	return false;
}

void lockdep_assert_failed(const char *expr, const char *file, int line)
{
	unsigned long flags;

	if (lockdep_rests())
		return;
	local_irq_save(flags);
	report_simple("an assertion does not hold", true, "%s, at %s:%d", expr,
		      file, line);
	local_irq_restore(flags);
}

/* ---- tasks ------------------------------------------------------------- */

void lockdep_task_exit(struct task *task)
{
	unsigned long flags;

	if (likely(!task->lockdep.depth && !task->lockdep.non_block))
		return;
	local_irq_save(flags);
	report_simple("a task ends and holds locks", true, "non-block depth %u",
		      task->lockdep.non_block);
	task->lockdep.depth = 0;
	task->lockdep.non_block = 0;
	local_irq_restore(flags);
}

unsigned int lockdep_task_held_count(void)
{
	return current->lockdep.depth;
}

unsigned long lockdep_task_taken(void)
{
	return current->lockdep.taken;
}

void lockdep_note_contended(void)
{
	current->lockdep.contended++;
}

unsigned long lockdep_task_contended(void)
{
	return current->lockdep.contended;
}

void lockdep_print_held(struct task *task)
{
	unsigned int depth = min(READ_ONCE(task->lockdep.depth),
				 (unsigned int)LOCKDEP_MAX_HELD);
	unsigned int i;

	for (i = 0; i < depth; i++) {
		struct held_lock *held = &task->lockdep.held[i];
		char line[160];
		int len = scnprintf(
			line, sizeof(line), "  holds %s, taken at %pS\n",
			lockdep_class_name(held->id), (void *)held->ip);

		console_raw_write(line, (size_t)len);
	}
}

static void panic_locks(void)
{
	lockdep_print_held(current);
}
PANIC_REPORT(PANIC_LOCKS, panic_locks);
