/* SPDX-License-Identifier: MIT */
/*
 * tests/peer/tap.h - tests with names, printed as TAP
 */
#ifndef TESTS_PEER_TAP_H
#define TESTS_PEER_TAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

struct tap_test {
	const char *name;
	void (*run)(void);
};

struct tap_group {
	const char *name;
	const struct tap_test *test;
	unsigned int tests;
};

#define TAP_GROUP(group, ...)                                         \
	static const struct tap_test group##_tests[] = {__VA_ARGS__}; \
	const struct tap_group group##_group = {                      \
		#group,                                               \
		group##_tests,                                        \
		sizeof(group##_tests) / sizeof(group##_tests[0]),     \
	}

extern const struct tap_group program_group;
extern const struct tap_group front_group;
extern const struct tap_group descriptor_group;
extern const struct tap_group ring_group;
extern const struct tap_group control_group;
extern const struct tap_group option_group;
extern const struct tap_group map_group;
extern const struct tap_group work_group;
extern const struct tap_group turn_group;
extern const struct tap_group fault_group;
extern const struct tap_group invalidate_group;
extern const struct tap_group trouble_group;
extern const struct tap_group stats_group;
extern const struct tap_group trace_group;

void tap_fail(const char *file, int line, const char *what, uint64_t a,
	      uint64_t b);

/** tap_giveup() - fail and leave the test at once */
noreturn void tap_giveup(const char *file, int line, const char *what);

/** tap_random() - the next number of the seed given or printed */
uint64_t tap_random(void);

#define EXPECT(cond)                                               \
	do {                                                       \
		if (!(cond))                                       \
			tap_fail(__FILE__, __LINE__, #cond, 0, 1); \
	} while (0)

#define EXPECT_EQ(a, b)                                                     \
	do {                                                                \
		uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b);            \
		if (a_ != b_)                                               \
			tap_fail(__FILE__, __LINE__, #a " == " #b, a_, b_); \
	} while (0)

#define REQUIRE(cond)                                          \
	do {                                                   \
		if (!(cond))                                   \
			tap_giveup(__FILE__, __LINE__, #cond); \
	} while (0)

#endif /* TESTS_PEER_TAP_H */
