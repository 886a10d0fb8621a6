// SPDX-License-Identifier: MIT
/*
 * kernel/race/report.c - both sides of a race, as text
 *
 * Problem.  A race has two accesses, in two threads.  One alone explains nothing.
 *
 * Idea.  Print both, each with its stack:
 *
 *	RACE: plain write at change_plainly+0x22, and marked read at read_marked+0x1b
 *	CPU 0, task 12 team/0: plain write of 8 bytes at ffff8000...
 *	  ... its stack
 *	CPU 1, task 13 team/1: marked read of 8 bytes at ffff8000...
 *	  ... its stack
 *	the value went from 0x1 to 0x2
 *
 * A pair of places is reported once.  The table of pairs forgets the oldest when it is
 * full, so a race may then be printed a second time.
 *
 *	field		read, written with
 *	pairs, headline	the lock
 *	reports		atomic
 *
 * The lock is a bare bit and not a spinlock: a report may come from inside any lock.
 */
#include <arch/cpu.h>
#include <arch/boot.h>
#include <lib/atomic.h>
#include <lib/bitops.h>
#include <lib/printk.h>
#include <lib/string.h>
#include "kernel/race/internal.h"

#define PAIRS    256
#define HEADLINE 200

static struct pair {
	unsigned long low;
	unsigned long high;
} pairs[PAIRS];
static unsigned int next_pair;
static char headline[HEADLINE]; /* of the newest report */
static unsigned long pairs_lock;
static atomic_t reports;

unsigned int race_report_count(void)
{
	return (unsigned int)atomic_read(&reports);
}

static void lock_pairs(void)
{
	while (test_and_set_bit(0, &pairs_lock))
		cpu_relax();
}

static void unlock_pairs(void)
{
	clear_bit(0, &pairs_lock);
}

void race_forget(void)
{
	unsigned long flags = arch_irq_save();

	lock_pairs();
	memset(pairs, 0, sizeof(pairs));
	unlock_pairs();
	arch_irq_restore(flags);
}

/* Has this pair of places been reported?  It has from now on. */
static bool known_pair(unsigned long a, unsigned long b)
{
	struct pair pair = {min(a, b), max(a, b)};
	bool known = false;
	unsigned int i;

	lock_pairs();
	for (i = 0; i < PAIRS && !known; i++)
		known = pairs[i].low == pair.low && pairs[i].high == pair.high;
	if (!known)
		pairs[next_pair++ % PAIRS] = pair;
	unlock_pairs();
	return known;
}

static const char *kind_name(u32 kind)
{
	static const char *const names[] = {"plain read", "plain write",
					    "marked read", "marked write"};

	return names[kind];
}

static void show_side(const struct race_side *side)
{
	unsigned int i;

	pr_err("CPU %u, task %u %s: %s of %u bytes at %016lx", side->cpu,
	       side->pid, side->name, kind_name(side->access.kind),
	       side->access.size, side->access.addr);
	for (i = 0; i < side->nr_frames; i++)
		pr_err("  %016lx %pS", side->frames[i],
		       (void *)(side->frames[i] - 1));
}

static void say_headline(const struct race_side *watcher,
			 const struct race_side *hitter)
{
	char line[HEADLINE];

	if (hitter)
		scnprintf(line, sizeof(line), "RACE: %s at %pS, and %s at %pS",
			  kind_name(watcher->access.kind),
			  (void *)(watcher->place - 1),
			  kind_name(hitter->access.kind),
			  (void *)(hitter->place - 1));
	else
		scnprintf(line, sizeof(line),
			  "RACE: %s at %pS, and a change by no access that was seen",
			  kind_name(watcher->access.kind),
			  (void *)(watcher->place - 1));
	lock_pairs();
	strscpy(headline, line, sizeof(headline));
	unlock_pairs();
	pr_err("%s", line);
}

void race_report(const struct race_side *watcher,
		 const struct race_side *hitter, u64 before, u64 after)
{
	if (known_pair(watcher->place, hitter ? hitter->place : 0))
		return;
	say_headline(watcher, hitter);
	show_side(watcher);
	if (hitter)
		show_side(hitter);
	if (before != after)
		pr_err("the value went from %#lx to %#lx",
		       (unsigned long)before, (unsigned long)after);
	atomic_inc(&reports);
}

void race_headline(char *buf, size_t size)
{
	unsigned long flags = arch_irq_save();

	lock_pairs();
	strscpy(buf, headline, size);
	unlock_pairs();
	arch_irq_restore(flags);
}
