// SPDX-License-Identifier: MIT
/*
 * tests/kernel/race/race_test.c - what the race detector reports, and what it does not
 *
 * Two threads do the same to one word until the detector reports, or for as many rounds
 * as a race has never survived.  A test without a race makes the same rounds and sees no
 * report.
 *
 * Not here: that no other kernel holds a part of the detector (scripts/configs.py).
 */
#include <kernel/ktest.h>
#include <kernel/lock/spinlock.h>
#include <lib/atomic.h>
#include <lib/race.h>
#include <lib/string.h>
#include <arch/string.h>
#include "tests/ktest/team.h"

/* A race is met in some thousand rounds. */
#define ROUNDS_QUIET 100000UL
#define ROUNDS_MOST  4000000UL
/* The read or the write, with the write or with a change that no access was seen to make. */
#define KINDS_OF_PAIR 4U

static unsigned long word;
static bool flag;
static DEFINE_SPINLOCK(word_lock);

static noinline void change_plainly(void)
{
	word++;
}

static noinline void set_plainly(void)
{
	word = 7;
}

static noinline void change_marked(void)
{
	WRITE_ONCE(word, READ_ONCE(word) + 1);
}

static noinline void change_locked(void)
{
	spin_lock(&word_lock);
	word++;
	spin_unlock(&word_lock);
}

/* The compiler sees no access in the string instruction. */
static noinline void change_unseen(void)
{
	static u8 byte;

	arch_memset(&word, ++byte, sizeof(word));
}

static noinline void read_marked(void)
{
	(void)READ_ONCE(word);
}

static noinline void change_flag_marked(void)
{
	WRITE_ONCE(flag, !READ_ONCE(flag));
}

static noinline void change_atomically(void)
{
	xadd(&word, 1);
}

/* The thread's own: a sum of what it read, so that the read is needed. */
static noinline unsigned long read_plainly_into(unsigned long sum)
{
	return sum + word;
}

static void read_plainly(void)
{
	static unsigned long sum;

	sum = read_plainly_into(sum);
}

static noinline void copy_plainly(void)
{
	char copy[sizeof(word)];

	memcpy(copy, &word, sizeof(word));
}

/* Four bytes, beside where four bytes lie. */
static noinline void copy_misaligned(void)
{
	char copy[4];

	memcpy(copy, (const char *)&word + 1, sizeof(copy));
}

struct pair_of_threads {
	void (*does[2])(void);
	unsigned int before;
	bool until_reported;
};

static void do_it(struct team_worker *me)
{
	struct pair_of_threads *pair = me->arg;

	while (team_goes_on(me)) {
		pair->does[me->number]();
		if (pair->until_reported && race_report_count() != pair->before)
			break;
	}
}

/* Two threads do it. Return: reports that came; a known pair makes none. */
static unsigned int go_on(struct ktest *test, void (*one)(void),
			  void (*other)(void), bool until_reported)
{
	struct pair_of_threads *pair = ktest_alloc(test, sizeof(*pair));

	*pair = (struct pair_of_threads){
		{one, other}, race_report_count(), until_reported};
	team_run(test, 2, until_reported ? ROUNDS_MOST : ROUNDS_QUIET, do_it,
		 pair);
	return race_report_count() - pair->before;
}

/* The same, and no pair is known. */
static unsigned int run_pair(struct ktest *test, void (*one)(void),
			     void (*other)(void), bool until_reported)
{
	race_forget();
	return go_on(test, one, other, until_reported);
}

static bool has_words(const char *line, const char *const *words, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!strstr(line, words[i]))
			return false;
	return true;
}

/*
 * An access whose thread stops between its look for a watcher and the access itself is
 * seen by its value alone. That pair is known from then on, and the next is another.
 */
static bool reported(struct ktest *test, void (*one)(void), void (*other)(void),
		     const char *const *words, unsigned int n)
{
	char line[200];
	unsigned int i;

	race_forget();
	for (i = 0; i < KINDS_OF_PAIR; i++) {
		if (!go_on(test, one, other, true))
			break;
		race_headline(line, sizeof(line));
		if (has_words(line, words, n))
			return true;
	}
	return false;
}

#define EXPECT_RACE(one, other, ...)                                            \
	do {                                                                    \
		static const char *const words_[] = {__VA_ARGS__};              \
		EXPECT(reported(test, one, other, words_, ARRAY_SIZE(words_))); \
	} while (0)

KTEST(race, two_plain_writes_are_reported_with_both_places,
      KT_FLAGS(KT_NEEDS_SMP | KT_EXPECT_REPORT))
{
	EXPECT_RACE(change_plainly, set_plainly,
		    "RACE: ", "plain write at change_plainly+",
		    "plain write at set_plainly+");
}

KTEST(race, a_copy_is_reported_at_its_caller,
      KT_FLAGS(KT_NEEDS_SMP | KT_EXPECT_REPORT))
{
	EXPECT_RACE(change_plainly, copy_plainly,
		    "RACE: ", "plain write at change_plainly+",
		    "plain read at copy_plainly+");
}

KTEST(race, a_plain_access_beside_a_marked_one_is_reported,
      KT_FLAGS(KT_NEEDS_SMP | KT_EXPECT_REPORT))
{
	EXPECT_RACE(read_plainly, change_marked, "plain read at ",
		    "marked write at ", "read_plainly_into+", "change_marked+");
	EXPECT_RACE(change_plainly, read_marked, "plain write at ",
		    "marked read at ", "change_plainly+", "read_marked+");
	EXPECT_RACE(read_plainly, change_atomically, "plain read at ",
		    "marked write at ", "change_atomically+");
}

KTEST(race, a_value_that_changes_by_itself_is_reported,
      KT_FLAGS(KT_NEEDS_SMP | KT_EXPECT_REPORT))
{
	EXPECT_RACE(read_plainly, change_unseen,
		    "plain read at read_plainly_into+",
		    "a change by no access that was seen");
}

KTEST(race, a_pair_of_places_is_reported_once,
      KT_FLAGS(KT_NEEDS_SMP | KT_EXPECT_REPORT))
{
	unsigned int came = run_pair(test, change_plainly, change_plainly, true);

	came += go_on(test, change_plainly, change_plainly, false);
	EXPECT_GE(came, 1U);
	EXPECT_LE(came, KINDS_OF_PAIR);
}

KTEST(race, marked_accesses_do_not_race, KT_FLAGS(KT_NEEDS_SMP))
{
	EXPECT_EQ(run_pair(test, change_marked, read_marked, false), 0U);
	EXPECT_EQ(run_pair(test, change_marked, change_atomically, false), 0U);
	EXPECT_EQ(run_pair(test, change_flag_marked, change_flag_marked, false),
		  0U);
}

KTEST(race, reads_do_not_race, KT_FLAGS(KT_NEEDS_SMP))
{
	EXPECT_EQ(run_pair(test, read_plainly, read_marked, false), 0U);
	EXPECT_EQ(run_pair(test, copy_misaligned, read_marked, false), 0U);
}

KTEST(race, accesses_under_a_lock_do_not_race, KT_FLAGS(KT_NEEDS_SMP))
{
	EXPECT_EQ(run_pair(test, change_locked, change_locked, false), 0U);
}
