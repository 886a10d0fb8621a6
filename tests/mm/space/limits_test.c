// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/limits_test.c - limits on pages, and what the machine promises
 *
 * Pictures show pages from BASE up. No other address space lives while a test runs, so
 * what is promised changes by the test alone.
 */
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>
#include <mm/object/shmem.h>
#include <mm/space/counters.h>
#include <mm/space/limits.h>
#include "tests/mm/lib/relatives.h"

#define ANON      (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED    (MAP_SHARED | MAP_ANONYMOUS)
#define RW        (PROT_READ | PROT_WRITE)
#define FIXED     (MREMAP_MAYMOVE | MREMAP_FIXED)
#define DONTUNMAP (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

/* Before the test that runs changed it. */
static struct commit_info was;

static void restore_policy(void *unused)
{
	commit_set(was.policy, was.limit);
}

/* @room pages more than now may be promised, until the test ends. */
static void promise_at_most(struct ktest *test, unsigned long room)
{
	commit_read(&was);
	ktest_cleanup(test, restore_policy, NULL);
	commit_set(OVERCOMMIT_NEVER, was.charged + room);
}

static long map(struct sandbox *box, unsigned long page, unsigned long pages,
		int prot, int kind)
{
	return do_mmap(box->mm, AT(page), LEN(pages), prot, kind | MAP_FIXED);
}

static long remap(struct sandbox *box, unsigned long old, unsigned long pages,
		  unsigned long new_pages, int flags, unsigned long new)
{
	return do_mremap(box->mm, AT(old), LEN(pages), LEN(new_pages), flags,
			 AT(new));
}

static int protect(struct sandbox *box, unsigned long page, unsigned long pages,
		   int prot)
{
	return do_mprotect(box->mm, AT(page), LEN(pages), prot);
}

static unsigned long charged(void)
{
	struct commit_info info;

	commit_read(&info);
	return info.charged;
}

/*
 *	pages	0 1 2 3 4 5 6 7 8
 *		[rw   ][ r       ]	data: 3, and never more than 4
 */
KTEST(limits, data_are_private_pages_that_may_be_written_now)
{
	struct space_counters before, after;
	struct sandbox box;
	char buf[64];

	REQUIRE(sandbox_open(&box, test));
	space_read_counters(&before);
	box.mm->data_limit = 4;
	EXPECT_EQ(map(&box, 0, 3, RW, ANON), (long)AT(0));
	EXPECT_EQ(map(&box, 3, 6, PROT_READ, ANON), (long)AT(3));
	EXPECT_EQ(map(&box, 20, 6, RW, SHARED), (long)AT(20));
	EXPECT_EQ(box.mm->data_vm, 3UL);
	EXPECT_EQ(map(&box, 10, 2, RW, ANON), (long)-ENOMEM);
	EXPECT_EQ(protect(&box, 3, 2, RW), -ENOMEM);
	EXPECT_EQ(remap(&box, 0, 3, 5, MREMAP_MAYMOVE, 0), (long)-ENOMEM);
	EXPECT_EQ(remap(&box, 0, 2, 2, DONTUNMAP, 40), (long)-ENOMEM);
	space_read_counters(&after);
	EXPECT_EQ(after.refused, before.refused + 4);
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "3 rw 6 r 11 - 6 rw");
	EXPECT_EQ(protect(&box, 3, 1, RW), 0);
	EXPECT_EQ(box.mm->data_vm, 4UL);
	/* A call that takes away as much as it adds is not refused, at any limit. */
	box.mm->data_limit = 1;
	EXPECT_EQ(map(&box, 1, 2, RW, ANON), (long)AT(1));
	EXPECT_EQ(remap(&box, 0, 4, 4, FIXED, 12), (long)AT(12));
	EXPECT_EQ(box.mm->data_vm, 4UL);
	EXPECT_EQ(map(&box, 12, 2, PROT_READ, ANON), (long)AT(12));
	EXPECT_EQ(protect(&box, 14, 1, PROT_READ), 0);
	EXPECT_EQ(box.mm->data_vm, 1UL);
	EXPECT_EQ(protect(&box, 14, 1, RW), -ENOMEM);
	EXPECT_EQ(do_munmap(box.mm, AT(15), LEN(1)), 0);
	EXPECT_EQ(protect(&box, 14, 1, RW), 0);
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(limits, each_call_charges_what_may_need_a_frame_and_munmap_gives_it_back)
{
	unsigned long before = charged();
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(map(&box, 0, 8, RW, ANON), (long)AT(0));
	EXPECT_EQ(charged(), before + 8);
	EXPECT_EQ(map(&box, 10, 4, PROT_READ, ANON), (long)AT(10));
	EXPECT_EQ(map(&box, 20, 4, PROT_NONE, ANON), (long)AT(20));
	EXPECT_EQ(charged(), before + 8);
	EXPECT_EQ(protect(&box, 11, 2, RW), 0);
	EXPECT_EQ(charged(), before + 10);
	/* Its pages stay, so it stays charged; and is not charged twice. */
	EXPECT_EQ(protect(&box, 11, 2, PROT_READ), 0);
	EXPECT_EQ(protect(&box, 11, 2, RW), 0);
	EXPECT_EQ(charged(), before + 10);
	EXPECT_EQ(remap(&box, 0, 8, 9, 0, 0), (long)AT(0));
	EXPECT_EQ(charged(), before + 11);
	EXPECT_EQ(remap(&box, 0, 9, 6, 0, 0), (long)AT(0));
	EXPECT_EQ(charged(), before + 8);
	EXPECT_EQ(remap(&box, 0, 6, 7, FIXED, 40), (long)AT(40));
	EXPECT_EQ(charged(), before + 9);
	EXPECT_EQ(remap(&box, 40, 7, 7, DONTUNMAP, 60), (long)AT(60));
	EXPECT_EQ(charged(), before + 16);
	/* Over it: first as many as there were, then some that need none. */
	EXPECT_EQ(map(&box, 60, 7, RW, ANON), (long)AT(60));
	EXPECT_EQ(charged(), before + 16);
	EXPECT_EQ(map(&box, 60, 7, PROT_READ, ANON), (long)AT(60));
	EXPECT_EQ(charged(), before + 9);
	EXPECT_EQ(do_munmap(box.mm, AT(41), LEN(2)), 0);
	EXPECT_EQ(charged(), before + 7);
	EXPECT_EQ(box.mm->committed, 7UL);
	sandbox_verify(&box);
	sandbox_close(&box);
	EXPECT_EQ(charged(), before);
}

KTEST(limits, a_child_is_charged_for_what_it_may_come_to_copy)
{
	unsigned long before = charged();
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	box.mm->data_limit = 77;
	EXPECT_EQ(map(&box, 0, 3, RW, ANON), (long)AT(0));
	EXPECT_EQ(map(&box, 4, 2, PROT_READ, ANON), (long)AT(4));
	EXPECT_EQ(map(&box, 8, 2, RW, ANON), (long)AT(8));
	EXPECT_EQ(do_madvise(box.mm, AT(8), LEN(2), MADV_DONTFORK), 0);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	/* A parent beyond a limit that was lowered may fork. */
	box.mm->as_limit = 1;
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(child->committed, 3UL);
		EXPECT_EQ(child->data_vm, 3UL);
		EXPECT_EQ(child->data_limit, 77UL);
		EXPECT_EQ(child->as_limit, 1UL);
		EXPECT_EQ(charged(), before + 8);
		verify_in(&box, child);
		mmput(child);
	}
	EXPECT_EQ(charged(), before + 5);
	sandbox_close(&box);
	EXPECT_EQ(charged(), before);
}

/* An object is charged once, however many show it, and until the last has gone. */
KTEST(limits, shared_memory_is_charged_as_an_object)
{
	unsigned long before = charged();
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(map(&box, 0, 5, RW, SHARED), (long)AT(0));
	EXPECT_EQ(charged(), before + 5);
	EXPECT_EQ(box.mm->committed, 0UL);
	child = sandbox_fork(&box);
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(5)), 0);
	EXPECT_EQ(charged(), child ? before + 5 : before);
	if (child)
		mmput(child);
	EXPECT_EQ(charged(), before);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3   5 6	room for 6 pages
 *		[rw   ]   [r]
 */
KTEST(limits, what_may_not_be_promised_is_refused_and_changes_nothing)
{
	struct mm_struct *child = NULL;
	struct sandbox box;
	char buf[64];

	REQUIRE(sandbox_open(&box, test));
	promise_at_most(test, 6);
	EXPECT_EQ(map(&box, 0, 4, RW, ANON), (long)AT(0));
	EXPECT_EQ(map(&box, 5, 3, PROT_READ, ANON), (long)AT(5));
	EXPECT_EQ(user_poke(AT(0), 7), 0);
	EXPECT_EQ(map(&box, 20, 3, RW, ANON), (long)-ENOMEM);
	EXPECT_EQ(map(&box, 2, 5, RW, ANON), (long)-ENOMEM);
	EXPECT_EQ(map(&box, 20, 3, RW, SHARED), (long)-ENOMEM);
	EXPECT_EQ(protect(&box, 5, 3, RW), -ENOMEM);
	EXPECT_EQ(remap(&box, 0, 4, 7, MREMAP_MAYMOVE, 0), (long)-ENOMEM);
	EXPECT_EQ(remap(&box, 0, 4, 4, DONTUNMAP, 20), (long)-ENOMEM);
	EXPECT_EQ(mm_fork(box.mm, &child), -ENOMEM);
	EXPECT_EQ(charged(), was.charged + 4);
	EXPECT_EQ(box.mm->committed, 4UL);
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "4 rw 1 - 3 r");
	EXPECT_EQ(sandbox_read(&box, AT(0)), 7UL);
	sandbox_verify(&box);
	/* The last page may be promised, and once more when another has gone. */
	EXPECT_EQ(remap(&box, 0, 4, 4, FIXED, 40), (long)AT(40));
	EXPECT_EQ(map(&box, 20, 2, RW, SHARED), (long)AT(20));
	EXPECT_EQ(map(&box, 30, 1, RW, ANON), (long)-ENOMEM);
	EXPECT_EQ(map(&box, 41, 3, PROT_NONE, ANON), (long)AT(41));
	EXPECT_EQ(map(&box, 30, 3, RW, ANON), (long)AT(30));
	EXPECT_EQ(map(&box, 34, 1, RW, ANON), (long)-ENOMEM);
	commit_set(OVERCOMMIT_ALWAYS, 0);
	EXPECT_EQ(map(&box, 34, 1, RW, ANON), (long)AT(34));
	sandbox_close(&box);
}

KTEST(limits, a_guess_refuses_a_request_for_more_than_the_machine_has)
{
	unsigned long all = nr_total_pages();
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	promise_at_most(test, 0);
	commit_set(OVERCOMMIT_GUESS, 0);
	EXPECT_EQ(map(&box, 0, all + 1, RW, ANON), (long)-ENOMEM);
	EXPECT_EQ(map(&box, 0, all + 1, RW, SHARED), (long)-ENOMEM);
	EXPECT_EQ(map(&box, 0, all + 1, PROT_READ, ANON), (long)AT(0));
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(all + 1)), 0);
	/* By itself each is granted, and together they are more. */
	EXPECT_EQ(map(&box, 0, all, RW, ANON), (long)AT(0));
	EXPECT_EQ(map(&box, all, all, RW, ANON), (long)AT(all));
	commit_set(OVERCOMMIT_ALWAYS, 0);
	EXPECT_EQ(map(&box, 2 * all, all + 1, RW, ANON), (long)AT(2 * all));
	sandbox_close(&box);
	EXPECT_EQ(charged(), was.charged);
}

KTEST(limits, a_call_that_finds_no_memory_gives_its_charge_back,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct mm_struct *child = NULL;
	unsigned long before;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(map(&box, 0, 4, RW, ANON), (long)AT(0));
	EXPECT_EQ(map(&box, 8, 4, PROT_READ, ANON), (long)AT(8));
	before = charged();
	alloc_fail_nth(1);
	EXPECT_EQ(map(&box, 20, 2, RW, ANON), (long)-ENOMEM);
	EXPECT_EQ(charged(), before);
	alloc_fail_nth(1);
	EXPECT_EQ(map(&box, 20, 2, RW, SHARED), (long)-ENOMEM);
	EXPECT_EQ(charged(), before);
	alloc_fail_nth(1);
	EXPECT_EQ(protect(&box, 9, 1, RW), -ENOMEM);
	EXPECT_EQ(charged(), before);
	alloc_fail_nth(1);
	EXPECT_EQ(remap(&box, 0, 4, 5, FIXED, 30), (long)-ENOMEM);
	alloc_fail_end();
	EXPECT_EQ(charged(), before);
	/* A child's first region is there and charged when the second cannot be had. */
	for (unsigned long nth = 1; nth < 20 && !child; nth++) {
		alloc_fail_nth(nth);
		(void)mm_fork(box.mm, &child);
		alloc_fail_end();
		EXPECT_EQ(charged(), child ? before + 4 : before);
	}
	EXPECT(child);
	if (child)
		mmput(child);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* --- two that want the last page -------------------------------------------- */

#define ROUNDS 300000

struct last {
	atomic_t ready;
	atomic_t holders;
	atomic_t both;
};

static void take_the_last(struct last *last)
{
	unsigned int i;

	atomic_inc(&last->ready);
	while (atomic_read(&last->ready) < 2)
		yield();
	for (i = 0; i < ROUNDS; i++) {
		if (commit_charge(1))
			continue;
		if (atomic_inc_return(&last->holders) > 1)
			atomic_inc(&last->both);
		atomic_dec(&last->holders);
		commit_uncharge(1);
	}
}

static void take_as_well(struct sandbox_thread *self)
{
	take_the_last(self->arg);
}

/*
 *	this thread		another
 *	room for one		room for one
 *	charges it
 *				(must be refused until the first gives it back)
 */
KTEST(limits, two_calls_do_not_both_have_the_last_page)
{
	struct last last = {{0}, {0}, {0}};
	struct sandbox_thread thread;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	promise_at_most(test, 1);
	sandbox_thread_start(&thread, &box, another_cpu(), take_as_well, &last);
	take_the_last(&last);
	sandbox_thread_join(&thread);
	EXPECT_EQ(atomic_read(&last.both), 0);
	EXPECT_EQ(charged(), was.charged);
	sandbox_close(&box);
}

KTEST(limits, half_of_the_machine_is_the_limit_unless_told_otherwise)
{
	struct commit_info info;

	commit_read(&info);
	EXPECT_EQ(info.limit, nr_total_pages() / 2);
	EXPECT_STREQ(commit_policy_name(OVERCOMMIT_GUESS), "guess");
	EXPECT_STREQ(commit_policy_name(OVERCOMMIT_ALWAYS), "always");
	EXPECT_STREQ(commit_policy_name(OVERCOMMIT_NEVER), "never");
}
