/* SPDX-License-Identifier: MIT */
/*
 * assert.h - what must be true, and what had better be
 *
 * ASSERT: a programmer's error, checked with CONFIG_DEBUG, ends in a panic.
 * BUG_ON: the same, in every build: for what would destroy memory.
 * WARN:   wrong but survivable; counted, and a count fails a test run.
 *	   Each yields its condition, so that `if (WARN_ON(x)) return` works.
 */
#ifndef LIB_ASSERT_H
#define LIB_ASSERT_H

#include <lib/compiler.h>
#include <lib/panic.h>

void assert_failed(const char *expr, const char *file, int line,
		   const char *func) __noreturn __cold;
void assert_eq_failed(const char *a, const char *b, unsigned long va,
		      unsigned long vb, const char *file,
		      int line) __noreturn __cold;
void warn_report(const char *file, int line, const char *func, const char *fmt,
		 ...) __printf(4, 5) __cold;

/** warn_count() - WARNs reported since boot */
unsigned int warn_count(void);

#ifdef CONFIG_DEBUG
#define ASSERT(cond)                                                        \
	do {                                                                \
		if (unlikely(!(cond)))                                      \
			assert_failed(#cond, __FILE__, __LINE__, __func__); \
	} while (0)
#define ASSERT_EQ(a, b)                                                \
	do {                                                           \
		unsigned long assert_a_ = (unsigned long)(a);          \
		unsigned long assert_b_ = (unsigned long)(b);          \
		if (unlikely(assert_a_ != assert_b_))                  \
			assert_eq_failed(#a, #b, assert_a_, assert_b_, \
					 __FILE__, __LINE__);          \
	} while (0)
#else
/* Parsed, so that names stay used and right; never evaluated. */
#define ASSERT(cond)    ((void)sizeof(!(cond)))
#define ASSERT_EQ(a, b) ((void)sizeof((a) == (b)))
#endif

#define BUG_ON(cond)                                                      \
	do {                                                              \
		if (unlikely(cond))                                       \
			assert_failed("!(" #cond ")", __FILE__, __LINE__, \
				      __func__);                          \
	} while (0)

#define WARN(cond, ...)                                                         \
	({                                                                      \
		bool warn_hit_ = !!(cond);                                      \
		if (unlikely(warn_hit_))                                        \
			warn_report(__FILE__, __LINE__, __func__, __VA_ARGS__); \
		unlikely(warn_hit_);                                            \
	})
#define WARN_ON(cond) WARN(cond, "%s", #cond)
#define WARN_ONCE(cond, ...)                                                    \
	({                                                                      \
		static bool warn_said_;                                         \
		bool warn_once_ = !!(cond);                                     \
		if (unlikely(warn_once_) && !READ_ONCE(warn_said_)) {           \
			WRITE_ONCE(warn_said_, true);                           \
			warn_report(__FILE__, __LINE__, __func__, __VA_ARGS__); \
		}                                                               \
		unlikely(warn_once_);                                           \
	})
#define WARN_ON_ONCE(cond) WARN_ONCE(cond, "%s", #cond)

#endif
