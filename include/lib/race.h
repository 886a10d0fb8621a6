/* SPDX-License-Identifier: MIT */
/*
 * race.h - what code says to the race detector, and what it answers
 *
 * Two accesses race when they touch a byte in common, at least one writes, at least one
 * is plain, and nothing orders them.  An access is marked when the source says that
 * others may be at the same bytes: READ_ONCE(), WRITE_ONCE(), what is made of them, and
 * the atomic operations.  kernel/race/ finds races while the kernel runs; in a kernel
 * without RACE the macros below are nothing.
 */
#ifndef LIB_RACE_H
#define LIB_RACE_H

#include <lib/types.h>

/* The kinds of an access; they combine. */
#define RACE_READ   0u
#define RACE_WRITE  1u
#define RACE_MARKED 2u

#ifdef CONFIG_RACE

/**
 * race_access() - tell the detector of an access that the compiler does not see
 * @ptr: first byte
 * @size: bytes
 * @kind: RACE_WRITE, RACE_MARKED
 *
 * Context: any.
 */
void race_access(const volatile void *ptr, size_t size, u32 kind);

/**
 * race_access_by() - the same, of an access that belongs to a caller
 * @by: the return address into the caller: the place that a report names
 *
 * Context: any.
 */
void race_access_by(const volatile void *ptr, size_t size, u32 kind,
		    unsigned long by);

/**
 * race_report_count() - reports since boot; any fails a test run
 *
 * Context: any.
 */
unsigned int race_report_count(void);

/**
 * race_forget() - report pairs again that were reported before
 *
 * For a test that makes the same race once more.
 *
 * Context: any.
 */
void race_forget(void);

/**
 * race_headline() - the first line of the newest report
 * @buf: for the line
 * @size: bytes of @buf
 *
 * Context: any.
 */
void race_headline(char *buf, size_t size);

#else

static inline void race_access(const volatile void *ptr, size_t size, u32 kind)
{
}

static inline void race_access_by(const volatile void *ptr, size_t size,
				  u32 kind, unsigned long by)
{
}

static inline unsigned int race_report_count(void)
{
	return 0;
}

#endif

/** race_atomic() - an instruction that the compiler does not see changes *@ptr */
#define race_atomic(ptr) \
	race_access(ptr, sizeof(*(ptr)), RACE_WRITE | RACE_MARKED)

#endif
