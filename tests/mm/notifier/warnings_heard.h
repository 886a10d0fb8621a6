/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/notifier/warnings_heard.h - expect warnings, and read their words
 */
#ifndef TESTS_MM_NOTIFIER_WARNINGS_HEARD_H
#define TESTS_MM_NOTIFIER_WARNINGS_HEARD_H

#include "notifier_fixture.h"

/* Listen from here on. */
void expect_warnings(void);
/* Listen no longer. Return: how many warnings there were. */
unsigned int warnings_heard(void);

/* Were @words printed since expect_warnings()? */
bool was_heard(const char *words);

/* The test fails if not. */
void expect_words(struct ktest *test, const char *words);

/* No range of @mm is open, and its object is whole. */
void expect_rest(struct ktest *test, struct mm_struct *mm);

/* There were @n warnings since expect_warnings(), with these words. */
#define EXPECT_WARNED(n, ...)                                      \
	do {                                                       \
		static const char *const words_[] = {__VA_ARGS__}; \
		unsigned int i_;                                   \
                                                                   \
		EXPECT_EQ(warnings_heard(), (unsigned int)(n));    \
		for (i_ = 0; i_ < ARRAY_SIZE(words_); i_++)        \
			expect_words(test, words_[i_]);            \
	} while (0)

#endif
