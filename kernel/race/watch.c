// SPDX-License-Identifier: MIT
/*
 * kernel/race/watch.c - watch an access, and see another thread come to the same bytes
 *
 * Problem.  A race shows in a run only if the two accesses meet.  They are a few
 * instructions long, so they hardly ever do, and when they do no check notices.
 *
 * Idea.  One of the accesses is made long.  A thread that is about to access memory
 * writes down where, waits a few microseconds, and takes the note away again.  Each
 * other access looks at the notes first.  One that finds its own bytes there has met the
 * first, really, in this run: no analysis of locks, no false report.
 *
 * A second sign needs no second access that the compiler knows: the value of a plain
 * access changed during the wait.  So a write by the device, by the processor's
 * page walk, or by assembler is found too, without its stack.
 *
 * A note is one word, so that looking at it is one load:
 *
 *	bit  63		the access writes
 *	bit  62		it is marked
 *	bits 48-61	its bytes, less one (a longer access counts as 16 KiB)
 *	bits 0-47	its address
 *	0		no note
 *	1		it was met: the other thread has taken it
 *
 * Its place in the table follows from the page of its first byte, so an access looks at
 * one note, and two accesses of different pages hardly ever share one.  An access that
 * begins in another page than the one that it meets is not seen.
 *
 *	field			read with	written with
 *	watched[]		one load	cmpxchg from 0, by the watcher; cmpxchg to 1, by
 *						one that meets it; the watcher stores 0
 *	met[]			after .ready	the one that stored 1; the watcher reads it
 *	met[].ready		acquire		release
 *
 * Both threads have interrupts off, so the watcher waits for .ready no longer than a
 * stack takes to be noted.  The race of watcher and other thread:
 *
 *	watcher				other
 *					loads the note
 *	takes the note away
 *					cmpxchg fails: no race was seen
 *
 * Not here: which access is watched (entry.c), what a report says (report.c).
 */
#include <arch/cpu.h>
#include <arch/stacktrace.h>
#include <lib/atomic.h>
#include <lib/percpu.h>
#include <lib/string.h>
#include <kernel/sched/sched.h>
#include "kernel/race/internal.h"

#define NOTES      64
#define NO_NOTE    0UL
#define MET        1UL
#define NOTE_WRITE BIT(63)
#define NOTE_MARK  BIT(62)
#define SIZE_SHIFT 48
#define SIZE_MAX_  BIT(14)
#define ADDR_MASK  (BIT(48) - 1)

static unsigned long watched[NOTES];

static struct meeting {
	struct race_side side;
	bool ready;
} met[NOTES];

static unsigned int slot_of(unsigned long addr)
{
	return (addr >> 12) % NOTES;
}

static unsigned long note_of(const struct race_access *access)
{
	unsigned long size = min((unsigned long)access->size, SIZE_MAX_);

	return (access->addr & ADDR_MASK) | (size - 1) << SIZE_SHIFT |
	       (access->kind & RACE_WRITE ? NOTE_WRITE : 0) |
	       (access->kind & RACE_MARKED ? NOTE_MARK : 0);
}

static bool races(unsigned long note, const struct race_access *access)
{
	unsigned long first = note & ADDR_MASK;
	unsigned long size = ((note >> SIZE_SHIFT) & (SIZE_MAX_ - 1)) + 1;
	unsigned long addr = access->addr & ADDR_MASK;

	if (addr >= first + size || first >= addr + access->size)
		return false;
	if ((note & NOTE_MARK) && (access->kind & RACE_MARKED))
		return false;
	return (note & NOTE_WRITE) || (access->kind & RACE_WRITE);
}

int race_watched(const struct race_access *access)
{
	unsigned int slot = slot_of(access->addr);
	unsigned long note = READ_ONCE(watched[slot]);

	if (likely(note <= MET) || !races(note, access))
		return -1;
	return (int)slot;
}

void race_side_fill(struct race_side *side, const struct race_access *access,
		    unsigned long place)
{
	unsigned int i, n;

	side->access = *access;
	side->place = place;
	side->cpu = smp_processor_id();
	side->pid = current->pid;
	strscpy(side->name, current->name, sizeof(side->name));
	n = stack_trace_save(side->frames, RACE_FRAMES, 0);
	/* The detector's own frames come first. */
	for (i = 0; i < n && side->frames[i] != place; i++)
		;
	side->nr_frames = i < n ? n - i : 0;
	memmove(side->frames, side->frames + i,
		side->nr_frames * sizeof(side->frames[0]));
}

void race_hit(int slot, const struct race_access *access, unsigned long place)
{
	unsigned long note = READ_ONCE(watched[slot]);

	/* It may have gone, or be another's by now. */
	if (note <= MET || !races(note, access) ||
	    cmpxchg(&watched[slot], note, MET) != note)
		return;
	race_side_fill(&met[slot].side, access, place);
	smp_store_release(&met[slot].ready, true);
}

/* Bytes that are copied, and fields of packed structs, lie anywhere. */
union value {
	u8 one;
	u16 two;
	u32 four;
	u64 eight;
} __packed;

/* Of marked accesses and long ones the value says nothing. */
static u64 value_of(const struct race_access *access)
{
	const volatile union value *p =
		(const volatile union value *)access->addr;

	if (access->kind & RACE_MARKED)
		return 0;
	switch (access->size) {
	case 1:
		return p->one;
	case 2:
		return p->two;
	case 4:
		return p->four;
	case 8:
		return p->eight;
	default:
		return 0;
	}
}

void race_watch(const struct race_access *access, unsigned long place, u64 ticks)
{
	unsigned int slot = slot_of(access->addr);
	unsigned long note = note_of(access);
	struct race_side mine, other;
	u64 before, after, until;

	if (cmpxchg(&watched[slot], NO_NOTE, note) != NO_NOTE)
		return;
	before = value_of(access);
	until = rdtsc() + ticks;
	while ((s64)(until - rdtsc()) > 0 && READ_ONCE(watched[slot]) == note)
		cpu_relax();
	after = value_of(access);
	if (cmpxchg(&watched[slot], note, NO_NOTE) == note) {
		if (before != after) {
			race_side_fill(&mine, access, place);
			race_report(&mine, NULL, before, after);
		}
		return;
	}
	while (!smp_load_acquire(&met[slot].ready))
		cpu_relax();
	other = met[slot].side;
	met[slot].ready = false;
	smp_store_release(&watched[slot], NO_NOTE);
	race_side_fill(&mine, access, place);
	race_report(&mine, &other, before, after);
}
