// SPDX-License-Identifier: MIT
/*
 * tests/demo/monitor_map_test.c - the monitor's map of an address space
 *
 * The command runs as if it had been typed, and its text is compared whole. A row has 64
 * pages; BASE is at the beginning of one.
 */
#include <drivers/peer.h>
#include <kernel/ktest.h>
#include <kernel/monitor.h>
#include <lib/errno.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <mm/alloc/alloc.h>
#include <mm/table/letters.h>

#include "tests/mm/lib/sandbox.h"

#define TEXT_BYTES 2048

/* A row: its begin, @letters, and @rest up to its end. */
static int add_row(char *text, vaddr_t row, const char *letters, char rest)
{
	char all[PAGE_LETTERS_ROW + 1] = {0};
	size_t len = strlen(letters);

	memset(all, rest, PAGE_LETTERS_ROW);
	memcpy(all, letters, len);
	return scnprintf(text, 100, "%012lx %s\n", row, all);
}

static int add_head(char *text, const struct mm_struct *mm,
		    unsigned int regions, unsigned int pages)
{
	return scnprintf(text, 100, "mm %u: regions %u, pages %u\n", mm->id,
			 regions, pages);
}

/* `map` prints that of @mm, and nothing else. */
static void expect_map(struct ktest *test, const struct mm_struct *mm,
		       const char *wanted)
{
	char *text = kzalloc(TEXT_BYTES, GFP_KERNEL), line[24];

	REQUIRE(text);
	snprintf(line, sizeof(line), "map %u", mm->id);
	monitor_divert(text, TEXT_BYTES);
	EXPECT_EQ(monitor_execute(line), 0);
	monitor_divert(NULL, 0);
	EXPECT(strcmp(text, wanted) == 0, "found:\n%.900s\nwanted:\n%.900s",
	       text, wanted);
	kfree(text);
}

/*
 *	page	0  1  2  3  4..5  6 | 7..	mapped up to 6
 */
KTEST(monitor_map, each_page_has_the_letter_of_its_entry)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	char wanted[400];
	u64 value;
	int at;

	sandbox_map(box, BASE, 7);
	EXPECT_EQ(user_peek(BASE, &value), 0);
	EXPECT_EQ(user_poke(BASE + PAGE_SIZE, 1), 0);
	EXPECT_EQ(user_poke(BASE + 2 * PAGE_SIZE, 1), 0);
	EXPECT_EQ(user_poke(BASE + 3 * PAGE_SIZE, 1), 0);
	EXPECT_EQ(do_mprotect(box->mm, BASE + 2 * PAGE_SIZE, PAGE_SIZE, PROT_READ),
		  0);
	EXPECT_EQ(do_mprotect(box->mm, BASE + 3 * PAGE_SIZE, PAGE_SIZE, PROT_NONE),
		  0);
	at = add_head(wanted, box->mm, 4, 3);
	add_row(wanted + at, BASE, "zWRn...", '-');
	expect_map(test, box->mm, wanted);
}

KTEST(monitor_map, an_exclusive_page_is_seen_until_a_cpu_restores_it,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE))
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct page *pages[1];
	char wanted[400];
	int at;

	sandbox_map(box, BASE, 2);
	EXPECT_EQ(user_poke(BASE, 1), 0);
	EXPECT_EQ(sandbox_make_exclusive(box, BASE, 1, pages, box), 1);
	release_exclusive(pages, 1);
	at = add_head(wanted, box->mm, 1, 1);
	add_row(wanted + at, BASE, "X.", '-');
	expect_map(test, box->mm, wanted);
	EXPECT_EQ(user_poke(BASE, 2), 0);
	add_row(wanted + at, BASE, "W.", '-');
	expect_map(test, box->mm, wanted);
}

/*
 * Pages 70 and 200 of a region of 300 are there: the rows of 64 to 127 and 192 to 255
 * are printed, and what lies before, between and behind them is counted.
 */
KTEST(monitor_map, rows_without_a_page_are_counted)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	char wanted[400];
	int at;

	sandbox_map(box, BASE, 300);
	EXPECT_EQ(user_poke(BASE + 70 * PAGE_SIZE, 1), 0);
	EXPECT_EQ(user_poke(BASE + 200 * PAGE_SIZE, 1), 0);
	at = add_head(wanted, box->mm, 1, 2);
	at += scnprintf(wanted + at, 100, "000040000000 64 without a page\n");
	at += add_row(wanted + at, BASE + 64 * PAGE_SIZE, "......W", '.');
	at += scnprintf(wanted + at, 100, "000040080000 64 without a page\n");
	at += add_row(wanted + at, BASE + 192 * PAGE_SIZE, "........W", '.');
	scnprintf(wanted + at, 100, "000040100000 44 without a page\n");
	expect_map(test, box->mm, wanted);
}

/* The last page of one row, the first of the next; two regions in one row. */
KTEST(monitor_map, regions_that_share_a_row_are_one_row)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	vaddr_t last = BASE + 63 * PAGE_SIZE;
	char wanted[500], letters[65];
	int at;

	sandbox_map(box, BASE + PAGE_SIZE, 1);
	sandbox_map(box, last, 2);
	EXPECT_EQ(user_poke(last, 1), 0);
	EXPECT_EQ(user_poke(last + PAGE_SIZE, 1), 0);
	memset(letters, '-', 64);
	letters[1] = '.';
	letters[63] = 'W';
	letters[64] = '\0';
	at = add_head(wanted, box->mm, 2, 2);
	at += add_row(wanted + at, BASE, letters, '-');
	add_row(wanted + at, BASE + 64 * PAGE_SIZE, "W", '-');
	expect_map(test, box->mm, wanted);
}

/* A region of terabytes costs no more than its tables. USER_END is within a row. */
KTEST(monitor_map, a_region_up_to_the_end_of_the_space_is_one_line_and_one_row)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	vaddr_t row = ALIGN_DOWN(USER_END, PAGE_LETTERS_ROW * PAGE_SIZE);
	char wanted[400], letters[65];
	int at;

	sandbox_promise_any(box);
	sandbox_map(box, BASE, (USER_END - BASE) >> PAGE_SHIFT);
	EXPECT_EQ(user_poke(USER_END - PAGE_SIZE, 1), 0);
	memset(letters, '.', 64);
	letters[62] = 'W';
	letters[63] = '-';
	letters[64] = '\0';
	at = add_head(wanted, box->mm, 1, 1);
	at += scnprintf(wanted + at, 100, "%012lx %lu without a page\n", BASE,
			(row - BASE) >> PAGE_SHIFT);
	add_row(wanted + at, row, letters, '-');
	expect_map(test, box->mm, wanted);
}

KTEST(monitor_map, an_empty_space_has_a_head_and_no_row)
{
	struct mm_struct *mm = mm_alloc();
	char wanted[100];

	REQUIRE(mm);
	add_head(wanted, mm, 0, 0);
	expect_map(test, mm, wanted);
	mmput(mm);
}

KTEST(monitor_map, a_number_that_no_space_has_is_an_error)
{
	char text[100], line[] = "map 4000000000", words[] = "map x";

	monitor_divert(text, sizeof(text));
	EXPECT_EQ(monitor_execute(line), -ENOENT);
	EXPECT_EQ(strcmp(text, "no address space 4000000000\n"), 0);
	monitor_divert(text, sizeof(text));
	EXPECT_EQ(monitor_execute(words), -EINVAL);
	monitor_divert(NULL, 0);
	EXPECT_EQ(strcmp(text, "usage: map [MM]\n"), 0);
}

/* The legend has each letter once a side, with its meaning. */
KTEST(monitor_map, letters_are_listed_with_what_they_mean)
{
	char *text = kzalloc(TEXT_BYTES, GFP_KERNEL), line[] = "letters";

	REQUIRE(text);
	monitor_divert(text, TEXT_BYTES);
	EXPECT_EQ(monitor_execute(line), 0);
	monitor_divert(NULL, 0);
	EXPECT(strstr(text, "  a CPU:\n    -  no region\n    .  no page\n"),
	       "%s", text);
	EXPECT(strstr(text, "    z  zero page\n"), "%s", text);
	EXPECT_EQ(!!strstr(text,
			   "  a device:\n    -  no region\n    X  exclusive\n"),
		  IS_ENABLED(CONFIG_PEER));
	kfree(text);
}
