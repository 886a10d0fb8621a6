/* SPDX-License-Identifier: MIT */
/*
 * kernel/race/internal.h - the race detector's parts, for each other
 *
 *	entry.c		what the compiler calls at each access; which access is watched
 *	watch.c		the table of watchpoints
 *	report.c	both sides of a race, as text
 *	switch.c	other orders of the tasks, by a seed
 *
 * These files alone are compiled without the instrumentation.
 */
#ifndef KERNEL_RACE_INTERNAL_H
#define KERNEL_RACE_INTERNAL_H

#include <lib/race.h>
#include <lib/types.h>

#define RACE_FRAMES 12

/**
 * struct race_access - one access
 * @addr: first byte
 * @size: bytes
 * @kind: RACE_WRITE, RACE_MARKED
 */
struct race_access {
	unsigned long addr;
	u32 size;
	u32 kind;
};

/**
 * struct race_side - an access, and the thread that makes it
 * @access: what is touched
 * @place: the instruction behind the access
 * @cpu: where
 * @pid: of the running task
 * @name: of the running task
 * @frames: return addresses, innermost first
 * @nr_frames: how many
 */
struct race_side {
	struct race_access access;
	unsigned long place;
	unsigned int cpu;
	unsigned int pid;
	char name[16];
	unsigned long frames[RACE_FRAMES];
	unsigned int nr_frames;
};

/**
 * race_side_fill() - note this thread as one side of a race
 *
 * Context: interrupts off.
 */
void race_side_fill(struct race_side *side, const struct race_access *access,
		    unsigned long place);

/**
 * race_watched() - is this access watched by another thread, and do the two race?
 * @access: about to be made
 *
 * A load and, nearly always, one comparison.
 *
 * Context: any.
 * Return: the watchpoint's number, or -1.
 */
int race_watched(const struct race_access *access);

/**
 * race_hit() - give this side of the race to the thread that watches
 * @slot: from race_watched()
 *
 * Context: interrupts off.
 */
void race_hit(int slot, const struct race_access *access, unsigned long place);

/**
 * race_watch() - watch an access for a while
 * @access: about to be made; plain or marked
 * @place: where it is made
 * @ticks: how long, on the TSC
 *
 * Reports a race if one was seen.
 *
 * Context: interrupts off.
 */
void race_watch(const struct race_access *access, unsigned long place, u64 ticks);

/**
 * race_report() - print a race, unless its pair of places was reported before
 * @watcher: the side that waited
 * @hitter: the side that came meanwhile, or NULL: none was seen
 * @before: the value when the wait began, of an access of at most 8 bytes
 * @after: the value when it ended
 *
 * Context: any.
 */
void race_report(const struct race_side *watcher,
		 const struct race_side *hitter, u64 before, u64 after);

/**
 * race_switch_point() - before a marked access: may leave the running task
 * @place: the access
 *
 * Context: any; returns on another CPU maybe, where preemption is on.
 */
void race_switch_point(unsigned long place);

#endif
