// SPDX-License-Identifier: MIT
/*
 * tests/mm/lib/observed.c - what a thread's records say, in which order
 *
 * A test names the lines that it wants as people read them, so it also sees that a
 * format and its arguments fit. Records of other threads and other events lie between.
 */
#include <lib/string.h>
#include <kernel/trace.h>

#include "observed.h"

#define RECORDS 512

static void observe_no_more(void *was)
{
	trace_observe(was != NULL);
}

void observed_begin(struct ktest *test)
{
	bool was = trace_observe(true);

	ktest_cleanup(test, observe_no_more, was ? test : NULL);
	trace_clear();
}

/* How many of the patterns came, in this order. */
static unsigned int found_of(const char *const *patterns, unsigned int nr)
{
	static struct trace_record recs[RECORDS];
	unsigned int n = trace_read_last(recs, RECORDS), i, found = 0;
	char line[256];

	for (i = 0; i < n && found < nr; i++) {
		trace_format(line, sizeof(line), &recs[i]);
		found += glob_match(patterns[found], line);
	}
	return found;
}

bool observed(const char *pattern)
{
	return found_of(&pattern, 1);
}

void observed_expect(struct ktest *test, const char *const *patterns,
		     unsigned int nr)
{
	unsigned int found = found_of(patterns, nr);

	if (found < nr)
		ktest_fail(test, "no record, or in another order: %s",
			   patterns[found]);
}
