/* SPDX-License-Identifier: MIT */
/*
 * tests/ktest/ktest_private.h - what the parts of the runner share
 */
#ifndef TESTS_KTEST_PRIVATE_H
#define TESTS_KTEST_PRIVATE_H

#include <kernel/ktest.h>

/*
 * How long a wait inside a test may take before it fails the test, and how
 * long when it has failed: what is waited for then often hangs on that.
 */
#define KTEST_WAIT_NS        (10UL * 1000 * 1000 * 1000)
#define KTEST_WAIT_FAILED_NS (KTEST_WAIT_NS / 10)

/* How often one that is stuck in the code under test is helped out. */
#define KTEST_RESCUE_NS (50UL * 1000 * 1000)

/*
 * How long a test may take before it has failed and is rescued, and how much
 * longer before the run is given up.
 */
#define KTEST_DEADLINE_NS (20UL * 1000 * 1000 * 1000)
#define KTEST_GRACE_NS    (10UL * 1000 * 1000 * 1000)
#define KTEST_SLOW_FACTOR 6

/* @tcase's own deadline. */
static inline u64 ktest_deadline_ns(const struct ktest_case *tcase)
{
	return (tcase->flags & KT_SLOW ? KTEST_SLOW_FACTOR : 1) *
	       KTEST_DEADLINE_NS;
}

/* The longest text that is printed in one piece. */
#define KTEST_LINE 640

extern const struct ktest_case __ktest_start[], __ktest_end[];
extern const struct ktest_state __ktest_state_start[], __ktest_state_end[];
extern void (*const __ktest_rescue_start[])(void);
extern void (*const __ktest_rescue_end[])(void);

#define for_each_ktest(tcase) \
	for (tcase = __ktest_start; tcase < __ktest_end; tcase++)

/* One or more whole lines, past the log, so that no prefix spoils the KTAP. */
void ktest_print(const char *fmt, ...) __printf(1, 2);

/* cleanup.c: undo all that is registered, the newest first. */
void ktest_cleanup_all(struct ktest *test);

/* state.c: note every registered figure; compare, and fail the test. */
void ktest_state_mark(void);
void ktest_state_compare(struct ktest *test);

/*
 * hang.c: give the run up when test @number does not end in time, and say that
 * it was the one when the kernel panics.
 */
void ktest_deadline_arm(struct ktest *test, unsigned int number);
void ktest_deadline_cancel(void);

#endif
