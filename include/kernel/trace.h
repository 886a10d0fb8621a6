/* SPDX-License-Identifier: MIT */
/*
 * trace.h - what happened, in which order, on which CPU
 *
 * Each CPU has a ring of binary records; a record is written by its CPU alone
 * and formatted only when a user reads.  Tracing is on in every build; off,
 * a TRACE() costs one test of a word that never changes.
 *
 *	DEFINE_TRACE_EVENT(mm_munmap, "mm %#lx [%#lx, %#lx) ret %ld");
 *	TRACE(mm_munmap, mm, start, end, ret);
 *
 * The format takes up to TRACE_ARGS values, each a long (%lx, %lu, %ld) or a
 * pointer (%p, %pS; %s only to a string that lives for ever).  In a header:
 * DECLARE_TRACE_EVENT(name).
 */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include <lib/types.h>
#include <lib/compiler.h>

#define TRACE_ARGS 7

struct trace_event {
	const char *name;
	const char *format;
};

/**
 * struct trace_record - one event
 * @seq: 1 + how many records this CPU wrote before; 0 while being written
 */
struct trace_record {
	u64 tsc;
	const struct trace_event *event;
	u32 seq;
	u32 pid;
	u32 cpu;
	unsigned long args[TRACE_ARGS];
};

#define DECLARE_TRACE_EVENT(ev) extern const struct trace_event trace_event_##ev
#define DEFINE_TRACE_EVENT(ev, fmt)                               \
	DECLARE_TRACE_EVENT(ev);                                  \
	const struct trace_event trace_event_##ev = {.name = #ev, \
						     .format = (fmt)}

extern bool trace_on;

void trace_write(const struct trace_event *event, unsigned long a0,
		 unsigned long a1, unsigned long a2, unsigned long a3,
		 unsigned long a4, unsigned long a5, unsigned long a6);

#define TRACE_PICK_(ev, a0, a1, a2, a3, a4, a5, a6, ...)      \
	trace_write(&trace_event_##ev, (unsigned long)(a0),   \
		    (unsigned long)(a1), (unsigned long)(a2), \
		    (unsigned long)(a3), (unsigned long)(a4), \
		    (unsigned long)(a5), (unsigned long)(a6))
/** TRACE() - record event @ev with up to TRACE_ARGS values; any context */
#define TRACE(...)                                                        \
	do {                                                              \
		if (likely(READ_ONCE(trace_on)))                          \
			TRACE_PICK_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0); \
	} while (0)

/** trace_set() - switch tracing; returns what it was */
bool trace_set(bool on);

/**
 * trace_read_last() - copy the newest records of all CPUs, oldest first
 * @out: room for @max records
 *
 * Writers go on meanwhile; a record overwritten while copied is left out.
 * Context: any.
 * Return: records copied.
 */
unsigned int trace_read_last(struct trace_record *out, unsigned int max);

/** trace_format() - one line of text for a record; returns its length */
int trace_format(char *buf, size_t size, const struct trace_record *rec);

/** trace_dump_last() - print the newest @n records (of 1,024) on the raw console */
void trace_dump_last(unsigned int n);

/**
 * trace_dump_since() - print the newest records that are not older than a time
 * @since: an rdtsc() value; older records are left out
 * @n: most records that are printed, of 1,024
 * @heading: printed before the first record; not printed when there is none
 * @prefix: printed before each record
 *
 * Context: any, one caller at a time; writes to the raw console.
 */
void trace_dump_since(u64 since, unsigned int n, const char *heading,
		      const char *prefix);

/** trace_clear() - forget everything recorded; for tests */
void trace_clear(void);

#endif
