/* SPDX-License-Identifier: MIT */
/*
 * trace.h - what happened, in which order, on which CPU
 *
 * Each CPU has a ring of binary records; a record is written by its CPU alone and
 * formatted only when a user reads.
 *
 *	DEFINE_TRACE_EVENT(mm_cut, "mm start end ret",
 *			   "%p [%#lx, %#lx) ret %ld");
 *	TRACE(mm_cut, mm, start, end, ret);
 *	OBSERVE(mm_cut, mm, start, end, ret);
 *
 * TRACE() is for what is rare: it records in every build, unless trace_set() has
 * switched all off. OBSERVE() is for what happens thousands of times a second: it
 * records between trace_observe(ON) and OFF, or from boot on with the word
 * `observe` on the command line. Either costs one test of a word when it is off.
 *
 * The format has a conversion for each argument, each a long (%lx, %lu, %ld) or a
 * pointer (%p, %pS; %s only to a string that is constant). The names of the
 * arguments are for programs that read a trace; docs/trace.md says which names mean
 * something. In a header: DECLARE_TRACE_EVENT(name).
 */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include <lib/types.h>
#include <lib/compiler.h>
#include <uapi/trace_ring.h>

#define DECLARE_TRACE_EVENT(ev) extern const struct trace_event trace_event_##ev
#define DEFINE_TRACE_EVENT(ev, names, fmt)                                   \
	DECLARE_TRACE_EVENT(ev);                                             \
	const struct trace_event trace_event_##ev __used __aligned(8)        \
		__section(".trace_event") = {                                \
			.name = #ev, .fields = names, .format = fmt};        \
	static_assert(sizeof(#ev) <= TRACE_NAME_LEN, "the name is long");    \
	static_assert(sizeof(names) <= TRACE_FIELDS_LEN, "fields are long"); \
	static_assert(sizeof(fmt) <= TRACE_FORMAT_LEN, "the format is long")

extern const struct trace_event __trace_event_start[], __trace_event_end[];

/* Written by trace_set() and trace_observe() only. */
extern bool trace_on;
extern bool trace_observing;

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
/** OBSERVE() - the same while the kernel is observed */
#define OBSERVE(...)                                                      \
	do {                                                              \
		if (unlikely(READ_ONCE(trace_observing)))                 \
			TRACE_PICK_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0); \
	} while (0)

/**
 * trace_init() - make the rings; nothing is recorded before
 *
 * `trace_slots=N` on the command line is the number of records of each ring.
 *
 * Context: boot CPU, between memblock_init() and memblock_release().
 */
void trace_init(void);

/** trace_slots() - how many records each ring holds */
unsigned int trace_slots(void);

/** trace_set() - switch all tracing; returns what it was */
bool trace_set(bool on);

/** trace_observe() - switch the records of OBSERVE(); returns what it was */
bool trace_observe(bool on);

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

/**
 * trace_clear() - trace_read_last() leaves out what was recorded so far
 *
 * For tests. The records stay in the rings for a reader on the host.
 */
void trace_clear(void);

#endif
