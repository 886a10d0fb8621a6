/* SPDX-License-Identifier: MIT */
/*
 * tests/ktest/ktest_private.h - what the parts of the runner share
 */
#ifndef TESTS_KTEST_PRIVATE_H
#define TESTS_KTEST_PRIVATE_H

#include <kernel/ktest.h>

/* How often one that is stuck in the code under test is helped out. */
#define KTEST_RESCUE_NS (50UL * 1000 * 1000)

/*
 * Seconds that a test has, times KTEST_SLOWER; then it has failed and is rescued.
 * `deadline=` on the boot command line changes it.
 */
#define KTEST_SECONDS     20UL
#define KTEST_SECONDS_MAX 86400UL
#define KTEST_SLOW_FACTOR 6

/*
 * hang.c: all limits follow from one.
 *
 *	of a test		the limit, or with KT_SLOW six times that
 *	until the run is given up	half of the limit more
 *	of a wait inside a test	half of the limit
 *	of a wait after a failure	a twentieth
 *
 * After a failure waits are short, for what is waited for often hangs on that.
 */
void ktest_limit_set(u64 seconds);
u64 ktest_deadline_ns(const struct ktest_case *tcase);
u64 ktest_grace_ns(void);
u64 ktest_wait_ns(const struct ktest *test);

/* The longest text that is printed in one piece. */
#define KTEST_LINE 640

extern const struct ktest_case __ktest_start[], __ktest_end[];
extern const struct ktest_state __ktest_state_start[], __ktest_state_end[];
extern void (*const __ktest_rescue_start[])(void);
extern void (*const __ktest_rescue_end[])(void);
extern const struct ktest_skip __ktest_skip_start[], __ktest_skip_end[];

#define for_each_ktest(tcase) \
	for (tcase = __ktest_start; tcase < __ktest_end; tcase++)

/* One or more whole lines, past the log, so that no prefix spoils the KTAP. */
void ktest_print(const char *fmt, ...) __printf(1, 2);

/* cleanup.c: undo all that is registered, the newest first. */
void ktest_cleanup_all(struct ktest *test);

/* runner.c: the trace records of @test alone, as notes. */
void ktest_trace_print(const struct ktest *test);

/* state.c: note every registered figure; compare, and fail the test. */
void ktest_state_mark(void);
void ktest_state_compare(struct ktest *test);

/*
 * device.c: how many devices are alive; note it, compare after a test, ask
 * each for an answer, and say whether one is lost.
 */
unsigned int ktest_devices(void);
void ktest_devices_begin(void);
void ktest_devices_compare(struct ktest *test);
void ktest_devices_ping(void);
bool ktest_devices_lost(void);

/*
 * hang.c: give the run up when test @number does not end in time, and say that
 * it was the one when the kernel panics.
 */
void ktest_deadline_arm(struct ktest *test, unsigned int number);
void ktest_deadline_cancel(void);

#endif
