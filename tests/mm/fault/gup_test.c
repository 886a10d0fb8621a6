// SPDX-License-Identifier: MIT
/*
 * tests/mm/fault/gup_test.c - pages of an address space, held from outside
 *
 * The caller here has not adopted the address space: all goes through the
 * tables, nothing through the CPU.
 */
#include <lib/preempt.h>
#include <lib/string.h>
#include <kernel/timer.h>
#include <mm/alloc/fail.h>
#include <mm/fault/gup.h>
#include <mm/alloc/page_alloc.h>
#include "tests/mm/lib/sandbox.h"

#define MANY   512
#define ROUNDS 40U
/* The next interrupt: 2 to 66 microseconds, of no period. */
#define NEXT_LOOK_NS(n) (2000 + (n)*7919UL % 65536)

static long gup(struct sandbox *box, vaddr_t addr, unsigned long nr,
		unsigned int flags, struct page **pages)
{
	long got;

	mmap_read_lock(box->mm);
	got = get_user_pages_remote(box->mm, addr, nr, flags, pages);
	mmap_read_unlock(box->mm);
	return got;
}

static void put_all(struct page **pages, long nr)
{
	while (nr > 0)
		put_page(pages[--nr]);
}

KTEST(gup, a_write_gup_faults_pages_in_and_replaces_the_zero_page)
{
	struct page *pages[4];
	struct sandbox box;
	u64 *word;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(user_poke(AT(2), 2), 0);
	EXPECT_EQ(gup(&box, AT(0), 4, FOLL_WRITE | FOLL_GET, pages), 4L);
	EXPECT_EQ(page_ref_count(pages[0]), 2);
	EXPECT(!is_zero_page(pages[1]));
	word = page_address(pages[3]);
	*word = 0x33;
	word = page_address(pages[2]);
	EXPECT_EQ(*word, 2UL);
	put_all(pages, 4);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 0x33UL);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 4L);
	sandbox_close(&box);
}

KTEST(gup, a_read_gup_is_content_with_the_zero_page)
{
	struct page *pages[2];
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(gup(&box, AT(0), 2, FOLL_GET, pages), 2L);
	EXPECT(is_zero_page(pages[0]) && is_zero_page(pages[1]));
	put_all(pages, 2);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 0L);
	/* Without FOLL_GET the pages are only brought in. */
	EXPECT_EQ(gup(&box, AT(0), 2, FOLL_WRITE, NULL), 2L);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 2L);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4
 *		[rw][r ]	then a hole
 */
KTEST(gup, an_error_after_the_first_page_gives_a_short_count)
{
	struct page *mark = (struct page *)0x11;
	struct page *pages[6] = {mark, mark, mark, mark, mark, mark};
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(do_mprotect(box.mm, AT(2), LEN(2), PROT_READ), 0);
	EXPECT_EQ(gup(&box, AT(0), 6, FOLL_WRITE | FOLL_GET, pages), 2L);
	EXPECT_EQ(pages[2], mark);
	put_all(pages, 2);
	EXPECT_EQ(gup(&box, AT(1), 5, FOLL_GET, pages), 3L);
	EXPECT_EQ(pages[3], mark);
	put_all(pages, 3);
	sandbox_close(&box);
}

KTEST(gup, errors_on_the_first_page_are_told_apart)
{
	struct page *mark = (struct page *)0x11;
	struct page *pages[1] = {mark};
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(do_mmap(box.mm, AT(1), LEN(1), PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)AT(1));
	EXPECT_EQ(gup(&box, AT(1), 1, FOLL_GET, pages), (long)-EFAULT);
	EXPECT_EQ(gup(&box, AT(2), 1, FOLL_GET, pages), (long)-EFAULT);
	EXPECT_EQ(gup(&box, 0, 1, FOLL_GET, pages), (long)-EFAULT);
	EXPECT_EQ(gup(&box, USER_END, 1, FOLL_GET, pages), (long)-EFAULT);
	EXPECT_EQ(gup(&box, ~0UL & PAGE_MASK, 1, FOLL_GET, pages), (long)-EFAULT);
	EXPECT_EQ(gup(&box, AT(1), ~0UL, FOLL_GET, pages), (long)-EFAULT);
	EXPECT_EQ(gup(&box, AT(0), 1, FOLL_GET | FOLL_TAKE_OVER, pages),
		  (long)-EINVAL);
	EXPECT_EQ(gup(&box, AT(0) + 1, 1, FOLL_GET, pages), (long)-EINVAL);
	EXPECT_EQ(gup(&box, AT(0), 0, FOLL_GET, pages), (long)-EINVAL);
	EXPECT_EQ(gup(&box, AT(0), 1, FOLL_GET, NULL), (long)-EINVAL);
	EXPECT_EQ(pages[0], mark);
	sandbox_close(&box);
}

/*
 *	pages from the end of user space	-3 -2 -1 | 0
 *	mapped					[      ] |
 *	asked for				[------------- ...
 */
KTEST(gup, the_end_of_user_space_makes_the_count_short, KT_RULES("R8.3"))
{
	struct page *mark = (struct page *)0x11;
	struct page *pages[8] = {[3] = mark};
	const vaddr_t at = USER_END - LEN(3);
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, at, 3);
	EXPECT_EQ(gup(&box, at, 8, FOLL_WRITE | FOLL_GET, pages), 3L);
	EXPECT_EQ(pages[3], mark);
	put_all(pages, 3);
	EXPECT_EQ(gup(&box, at + LEN(2), ~0UL, FOLL_GET, pages), 1L);
	EXPECT_EQ(pages[3], mark);
	put_all(pages, 1);
	sandbox_close(&box);
}

KTEST(gup, a_fault_without_memory_is_an_error, KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct page *mark = (struct page *)0x11;
	struct page *pages[1] = {mark};
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	alloc_fail_nth(1);
	EXPECT_EQ(gup(&box, AT(0), 1, FOLL_GET | FOLL_WRITE, pages),
		  (long)-ENOMEM);
	alloc_fail_end();
	EXPECT_EQ(pages[0], mark);
	sandbox_close(&box);
}

KTEST(gup, a_page_held_outlives_its_mapping)
{
	struct page *pages[1];
	struct sandbox box;
	u64 *word;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 0x55), 0);
	EXPECT_EQ(gup(&box, AT(0), 1, FOLL_GET, pages), 1L);
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(page_ref_count(pages[0]), 1);
	EXPECT_EQ(page_mapcount(pages[0]), 0);
	word = page_address(pages[0]);
	EXPECT_EQ(*word, 0x55UL);
	put_page(pages[0]);
	sandbox_close(&box);
}

KTEST(gup, follow_page_takes_no_fault)
{
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	mmap_read_lock(box.mm);
	EXPECT_EQ(follow_page(box.mm, AT(0)), NULL);
	EXPECT_EQ(follow_page(box.mm, USER_END), NULL);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	mmap_read_lock(box.mm);
	page = follow_page(box.mm, AT(0) + 17);
	mmap_read_unlock(box.mm);
	EXPECT_NE(page, NULL);
	if (page)
		put_page(page);
	sandbox_close(&box);
}

static int killed_gup(void *arg)
{
	struct sandbox *box = arg;
	struct page *pages[1];
	long got;

	task_kill(current);
	got = gup(box, AT(0), 1, FOLL_GET | FOLL_WRITE, pages);
	put_all(pages, got);
	return (int)got;
}

KTEST(gup, a_killed_task_stops_with_eintr)
{
	struct sandbox box;
	struct task *task;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	task = kthread_run(killed_gup, &box, "gup-killed");
	EXPECT(!IS_ERR(task));
	if (!IS_ERR(task))
		EXPECT_EQ(kthread_join(task), -EINTR);
	sandbox_close(&box);
}

/* --- another thread runs as soon as the table's lock is free ----------------- */

enum hold_state {
	HOLD_OVER,
	HOLD_BEGINS, /* the holder holds and puts, again and again */
	HOLD_DONE,   /* all of them */
};

struct hold {
	atomic_t state;
	struct timer timer;
	unsigned int looks;
	struct page *pages[MANY];
};

/* In an interrupt on the holder's CPU: leave the holder as soon as it allows. */
static void interrupt_holder(struct timer *timer)
{
	struct hold *hold = container_of(timer, struct hold, timer);

	if (atomic_read(&hold->state) != HOLD_BEGINS)
		return;
	set_need_resched();
	timer_arm_ns(timer, NEXT_LOOK_NS(hold->looks++));
}

static void hold_pages(struct sandbox_thread *self)
{
	struct ktest *test = self->box->test;
	struct hold *hold = self->arg;
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		EXPECT_EQ(gup(self->box, AT(0), MANY, FOLL_WRITE, NULL),
			  (long)MANY);
		atomic_set(&hold->state, HOLD_BEGINS);
		timer_arm_ns(&hold->timer, NEXT_LOOK_NS(hold->looks++));
		while (atomic_read(&hold->state) == HOLD_BEGINS) {
			EXPECT_EQ(gup(self->box, AT(0), MANY,
				      FOLL_WRITE | FOLL_GET, hold->pages),
				  (long)MANY);
			put_all(hold->pages, MANY);
		}
	}
	atomic_set(&hold->state, HOLD_DONE);
	timer_cancel_sync(&hold->timer);
}

/* On the holder's CPU: the next to run when the holder is left. */
static void throw_away(struct sandbox_thread *self)
{
	struct hold *hold = self->arg;
	int state;

	while ((state = atomic_read(&hold->state)) != HOLD_DONE) {
		if (state == HOLD_BEGINS) {
			atomic_set(&hold->state, HOLD_OVER);
			madvise_dontneed(self->box->mm, AT(0), LEN(MANY));
		}
		yield();
	}
}

/*
 *	holder				thrower, on the same CPU
 *	table's lock; references
 *	interrupted; unlock
 *					entries emptied, pages dropped
 *	goes on: it holds each page	(else it takes one that is free)
 *
 * The pages of a whole table are asked for under one hold of its lock, so that
 * about every second interrupt comes while it is held.
 */
KTEST(gup, pages_are_held_before_another_can_throw_them_away, KT_FLAGS(KT_SLOW))
{
	static struct hold hold;
	struct sandbox_thread holder, thrower;
	const unsigned int cpu = smp_processor_id();
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), MANY);
	hold = (struct hold){.looks = 0};
	timer_init(&hold.timer, interrupt_holder);
	sandbox_thread_start(&thrower, &box, cpu, throw_away, &hold);
	sandbox_thread_start(&holder, &box, cpu, hold_pages, &hold);
	sandbox_thread_join(&holder);
	sandbox_thread_join(&thrower);
	sandbox_close(&box);
}
