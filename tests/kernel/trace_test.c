// SPDX-License-Identifier: MIT
/*
 * tests/kernel/trace_test.c - records come back whole, in order, newest kept
 *
 * And what a reader on the host relies on is so: the header, the fields of each event,
 * the layout. Whether the host reads the same is tested by boots
 * (scripts/traceboots.py).
 */
#include <arch/page.h>
#include <arch/time.h>
#include <kernel/sched/sched.h>
#include <lib/layout.h>
#include <lib/string.h>
#include <kernel/trace.h>

#include "tests/ktest/team.h"

DEFINE_TRACE_EVENT(test_mark, "n of code", "n %lu of %lu, code %pS");
DEFINE_TRACE_EVENT(test_text, "n text", "%lu is '%s'");

extern struct trace_header trace_header;

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

/* Observing or not, as it was before the test. */
static void observe_again(void *was)
{
	trace_observe(was != NULL);
}

static void observe_for(struct ktest *test, bool on)
{
	bool was = trace_observe(on);

	ktest_cleanup(test, observe_again, was ? test : NULL);
}

KTEST(trace, what_is_observed_is_recorded_only_while_observing)
{
	unsigned int n;

	observe_for(test, false);
	trace_clear();
	OBSERVE(test_mark, 1);
	trace_observe(true);
	OBSERVE(test_mark, 2);
	n = only_ours(trace_read_last(recs, 256));
	REQUIRE_EQ(n, 1);
	EXPECT_EQ(recs[0].args[0], 2);
}

KTEST(trace, switched_off_nothing_is_observed_either)
{
	unsigned int n;
	bool was;

	observe_for(test, true);
	was = trace_set(false);
	trace_clear();
	OBSERVE(test_mark, 1);
	n = only_ours(trace_read_last(recs, 256));
	trace_set(was);
	EXPECT_EQ(n, 0);
	EXPECT(trace_observing);
}

KTEST(trace, text_in_the_arguments_is_printed)
{
	union {
		char bytes[16];
		unsigned long words[2];
	} name = {"contest/cpu1"};
	char line[160];
	unsigned int i, n;

	TRACE(test_text, 7, name.words[0], name.words[1]);
	n = trace_read_last(recs, 64);
	for (i = 0; i < n && recs[i].event != &trace_event_test_text; i++)
		;
	REQUIRE(i < n);
	trace_format(line, sizeof(line), &recs[i]);
	EXPECT(strstr(line, "test_text: 7 is 'contest/cpu1'"));
}

/* How many words, and how many conversions. */
static unsigned int count_words(const char *text)
{
	unsigned int n = *text != 0;

	for (; *text; text++)
		n += *text == ' ';
	return n;
}

static unsigned int count_conversions(const char *format)
{
	unsigned int n = 0;

	for (; *format; format++)
		n += *format == '%';
	return n;
}

KTEST(trace, every_event_names_each_argument_of_its_format)
{
	const struct trace_event *event;

	EXPECT_LT(10, __trace_event_end - __trace_event_start);
	for (event = __trace_event_start; event < __trace_event_end; event++) {
		EXPECT_EQ(count_words(event->fields),
			  count_conversions(event->format), "%s", event->name);
		EXPECT_LE(count_words(event->fields), TRACE_ARGS, "%s",
			  event->name);
	}
}

/* As the host finds it: physical addresses only. */
KTEST(trace, the_header_leads_to_the_record_and_to_its_event)
{
	const struct trace_record *ring, *rec;
	unsigned int n;

	EXPECT_EQ(trace_header.magic, TRACE_MAGIC);
	EXPECT_EQ(trace_header.slots, trace_slots());
	EXPECT_EQ(trace_header.clock_base, arch_clock_base);
	TRACE(test_mark, 4711, 1, trace_write);
	n = only_ours(trace_read_last(recs, 64));
	REQUIRE(n);
	ring = phys_to_virt(trace_header.records);
	rec = &ring[recs[n - 1].cpu * trace_header.slots +
		    (recs[n - 1].seq - 1) % trace_header.slots];
	EXPECT_EQ(rec->args[0], 4711);
	EXPECT_EQ(rec->tsc, recs[n - 1].tsc);
	EXPECT_LT(trace_header.records, 2ul << 30);
	EXPECT_LE(trace_header.image, (unsigned long)rec->event);
	EXPECT_LT((unsigned long)rec->event,
		  trace_header.image + trace_header.image_size);
	EXPECT_EQ(trace_header.image_at,
		  image_to_phys(__trace_event_start) -
			  (trace_header.events - trace_header.image));
}

KTEST(trace, what_was_cleared_stays_in_the_ring_for_the_host)
{
	const struct trace_record *ring = phys_to_virt(trace_header.records);
	struct trace_record last;
	unsigned int n;

	TRACE(test_mark, 1234);
	n = only_ours(trace_read_last(recs, 64));
	REQUIRE(n);
	last = recs[n - 1];
	trace_clear();
	EXPECT_EQ(only_ours(trace_read_last(recs, 64)), 0);
	ring += last.cpu * trace_header.slots;
	EXPECT_EQ(ring[(last.seq - 1) % trace_header.slots].seq, last.seq);
}

KTEST(trace, the_layout_says_where_the_members_of_a_task_are)
{
	const struct layout_entry *entry;
	unsigned int found = 0;

	for (entry = __layout_start; entry < __layout_end; entry++) {
		if (strcmp(entry->name, "task.pid"))
			continue;
		EXPECT_EQ(entry->value, offsetof(struct task, pid));
		found++;
	}
	EXPECT_EQ(found, 1);
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
