/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/table/huge_fixture.h - a sandbox that begins with a huge page
 *
 * Pages are drawn from BASE on, which a huge page begins at. AT(512) begins the second.
 */
#ifndef TESTS_MM_TABLE_HUGE_FIXTURE_H
#define TESTS_MM_TABLE_HUGE_FIXTURE_H

#include <mm/table/huge.h>

#include "tests/mm/lib/relatives.h"

#define NR HPAGE_PMD_NR

static inline unsigned long splits(void)
{
	struct huge_counters now;

	huge_read_counters(&now);
	return now.split;
}

/* A sandbox whose first 2 MiB are a huge page, with a word in each of some pages. */
static inline bool open_huge(struct sandbox *box, struct ktest *test,
			     unsigned long pages)
{
	unsigned long i;

	if (!sandbox_open(box, test))
		return false;
	sandbox_map_huge(box, AT(0), pages);
	for (i = 0; i < pages; i += 64)
		EXPECT_EQ(user_poke(AT(i), i), 0);
	EXPECT(sandbox_is_huge(box, AT(0)));
	sandbox_forget(box);
	return true;
}

/* The words of open_huge() in pages [@from, @to). */
static inline void expect_words(struct sandbox *box, unsigned long from,
				unsigned long to)
{
	struct ktest *test = box->test;
	unsigned long i;

	for (i = ALIGN(from, 64); i < to; i += 64)
		EXPECT_EQ(sandbox_read(box, AT(i)), i);
}

#endif
