// SPDX-License-Identifier: MIT
/*
 * tests/kernel/trace_test.c - records come back whole, in order, newest kept
 */
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <kernel/trace.h>

#include "tests/ktest/team.h"

DEFINE_TRACE_EVENT(test_mark, "n %lu of %lu, code %pS");

static struct trace_record recs[256];

/* Those of @recs that are ours, moved to the front. */
static unsigned int only_ours(unsigned int n)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++)
		if (recs[i].event == &trace_event_test_mark)
			recs[kept++] = recs[i];
	return kept;
}

KTEST(trace, the_newest_records_are_read_oldest_first)
{
	unsigned int n;

	for (unsigned long i = 0; i < 1000; i++)
		TRACE(test_mark, i, 1000UL, trace_write);
	n = only_ours(trace_read_last(recs, 64));
	EXPECT_LE(32, n);
	for (unsigned int i = 1; i < n; i++)
		EXPECT_EQ(recs[i].args[0], recs[i - 1].args[0] + 1);
	EXPECT_EQ(recs[n - 1].args[0], 999);
	EXPECT_EQ(recs[n - 1].args[3], 0);
	EXPECT_EQ(recs[n - 1].pid, current->pid);
}

KTEST(trace, a_record_is_formatted_when_it_is_read)
{
	char line[160];
	unsigned int n;

	TRACE(test_mark, 3, 4, trace_write);
	n = only_ours(trace_read_last(recs, 64));
	REQUIRE(n);
	trace_format(line, sizeof(line), &recs[n - 1]);
	EXPECT(strstr(line, "test_mark: n 3 of 4, code trace_write+0x0"));
}

KTEST(trace, switched_off_nothing_is_recorded)
{
	bool was = trace_set(false);
	unsigned int n;

	trace_clear();
	TRACE(test_mark, 1);
	n = only_ours(trace_read_last(recs, 64));
	trace_set(was);
	EXPECT_EQ(n, 0);
}

static void write_or_read(struct team_worker *me)
{
	static struct trace_record copy[64];

	while (team_goes_on(me)) {
		unsigned long i = me->round;
		unsigned int n;

		if (me->number) {
			TRACE(test_mark, i, i * 3, me->number, i ^ me->number);
			continue;
		}
		if (i % 64)
			continue;
		n = trace_read_last(copy, 64);
		for (unsigned int j = 0; j < n; j++) {
			const unsigned long *a = copy[j].args;

			if (copy[j].event != &trace_event_test_mark)
				continue;
			if (a[1] != a[0] * 3 || a[3] != (a[0] ^ a[2]))
				ktest_fail(me->test, "a torn record");
		}
	}
}

KTEST(trace, reading_beside_writers_yields_whole_records)
{
	/* Records of other tests do not follow the rule. */
	trace_clear();
	team_run(test, team_size(), 2000, write_or_read, NULL);
}
