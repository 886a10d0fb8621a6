// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/stack_test.c - a stack grows when a page below it is touched
 *
 * The stack is page TOP, counted from BASE, and grows from there down.
 */
#include <mm/alloc/fail.h>
#include <mm/fault/gup.h>
#include <mm/space/brk.h>
#include <mm/space/counters.h>
#include <mm/space/limits.h>
#include <mm/space/mlock.h>
#include <mm/space/stack.h>
#include "tests/mm/lib/relatives.h"

#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define STACK (ANON | MAP_FIXED | MAP_GROWSDOWN)
#define RW    (PROT_READ | PROT_WRITE)
#define GAP   STACK_GUARD_PAGES
#define TOP   3000UL

static bool open_stack(struct sandbox *box, struct ktest *test)
{
	if (!sandbox_open(box, test))
		return false;
	EXPECT_EQ(do_mmap(box->mm, AT(TOP), LEN(1), RW, STACK), (long)AT(TOP));
	return true;
}

/* The lowest page of the stack, or 0. */
static unsigned long lowest(struct sandbox *box)
{
	struct vm_area_struct *vma;
	unsigned long page = 0;

	mmap_read_lock(box->mm);
	vma = vma_lookup(box->mm, AT(TOP));
	if (vma)
		page = (vma->vm_start - BASE) >> PAGE_SHIFT;
	mmap_read_unlock(box->mm);
	return page;
}

static unsigned long growths(void)
{
	struct space_counters counters;

	space_read_counters(&counters);
	return counters.grown;
}

KTEST(stack, a_touch_below_grows_it_down_to_the_page, KT_RULES("R1.13"))
{
	unsigned long before = growths();
	struct sandbox box;

	REQUIRE(open_stack(&box, test));
	EXPECT_EQ(user_poke(AT(TOP), 1), 0);
	EXPECT_EQ(growths(), before);
	EXPECT_EQ(user_poke(AT(TOP - 1) + 64, 2), 0);
	EXPECT_EQ(lowest(&box), TOP - 1);
	/* Far below as well, by a read too. */
	EXPECT_EQ(sandbox_read(&box, AT(TOP - 500)), 0UL);
	EXPECT_EQ(lowest(&box), TOP - 500);
	EXPECT_EQ(growths(), before + 2);
	EXPECT_EQ(user_poke(AT(TOP - 200), 3), 0);
	EXPECT_EQ(growths(), before + 2);
	EXPECT_EQ(box.mm->map_count, 1U);
	EXPECT_EQ(box.mm->total_vm, 501UL);
	EXPECT_EQ(box.mm->data_vm, 0UL);
	EXPECT_EQ(box.mm->committed, 501UL);
	EXPECT_EQ(sandbox_read(&box, AT(TOP - 1) + 64), 2UL);
	EXPECT_EQ(sandbox_read(&box, AT(TOP)), 1UL);
	EXPECT_EQ(box.nr, 0U);
	/* Above it nothing grows. */
	EXPECT_EQ(user_poke(AT(TOP + 1), 1), -EFAULT);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* A region that does not grow, or that would not allow the touch: a bad address. */
KTEST(stack, a_touch_that_it_would_not_allow_does_not_grow_it)
{
	struct sandbox box;
	struct page *page;

	REQUIRE(open_stack(&box, test));
	sandbox_map(&box, AT(TOP + 800), 1);
	EXPECT_EQ(user_poke(AT(TOP + 799), 1), -EFAULT);
	EXPECT_EQ(do_mprotect(box.mm, AT(TOP), LEN(1), PROT_READ), 0);
	EXPECT_EQ(user_poke(AT(TOP - 1), 1), -EFAULT);
	EXPECT_EQ(lowest(&box), TOP);
	EXPECT_EQ(sandbox_read(&box, AT(TOP - 1)), 0UL);
	EXPECT_EQ(lowest(&box), TOP - 1);
	EXPECT_EQ(do_mprotect(box.mm, AT(TOP - 1), LEN(2), PROT_NONE), 0);
	EXPECT_EQ(user_poke(AT(TOP - 2), 1), -EFAULT);
	EXPECT_EQ(lowest(&box), TOP - 1);
	/* A driver's look-up may not drop mmap_lock. */
	EXPECT_EQ(do_mprotect(box.mm, AT(TOP - 1), LEN(2), RW), 0);
	mmap_read_lock(box.mm);
	EXPECT_EQ(get_user_pages_remote(box.mm, AT(TOP - 2), 1, FOLL_GET, &page),
		  (long)-EFAULT);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(lowest(&box), TOP - 1);
	EXPECT_EQ(stack_grow(box.mm, AT(TOP + 900)), -EFAULT);
	EXPECT_EQ(stack_grow(box.mm, AT(TOP + 799)), -EFAULT);
	EXPECT_EQ(stack_grow(box.mm, AT(TOP)), 0);
	sandbox_close(&box);
}

/*
 *	pages	  TOP-600		TOP-300	       TOP
 *		[   r    ]  256 pages	[ ... grows to ]
 */
KTEST(stack, it_keeps_a_gap_to_what_is_mapped_below)
{
	const unsigned long below = TOP - 600;
	struct sandbox box;

	REQUIRE(open_stack(&box, test));
	EXPECT_EQ(do_mmap(box.mm, AT(below), LEN(1), PROT_READ, ANON | MAP_FIXED),
		  (long)AT(below));
	EXPECT_EQ(user_poke(AT(below + GAP), 1), -EFAULT);
	EXPECT_EQ(stack_grow(box.mm, AT(below + GAP)), -ENOMEM);
	EXPECT_EQ(lowest(&box), TOP);
	EXPECT_EQ(user_poke(AT(below + GAP + 1), 1), 0);
	EXPECT_EQ(lowest(&box), below + GAP + 1);
	/* A guard page of the program itself needs no gap. */
	EXPECT_EQ(do_mprotect(box.mm, AT(below), LEN(1), PROT_NONE), 0);
	EXPECT_EQ(user_poke(AT(below + 1), 1), 0);
	EXPECT_EQ(lowest(&box), below + 1);
	EXPECT_EQ(user_poke(AT(below), 1), -EFAULT);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* Two stacks may touch, and are one region then. */
KTEST(stack, it_may_come_to_another_stack)
{
	struct sandbox box;

	REQUIRE(open_stack(&box, test));
	EXPECT_EQ(do_mmap(box.mm, AT(TOP - 9), LEN(1), RW, STACK),
		  (long)AT(TOP - 9));
	EXPECT_EQ(box.mm->map_count, 2U);
	EXPECT_EQ(user_poke(AT(TOP - 4), 1), 0);
	EXPECT_EQ(box.mm->map_count, 2U);
	EXPECT_EQ(user_poke(AT(TOP - 8), 2), 0);
	EXPECT_EQ(box.mm->map_count, 1U);
	EXPECT_EQ(lowest(&box), TOP - 9);
	EXPECT_EQ(sandbox_read(&box, AT(TOP - 4)), 1UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/*
 *	pages	0 ...	TOP-266	 (10 pages)  TOP-256	TOP
 *		[ r  ]	[ the only hole    ]  gap	[ stack ]
 */
KTEST(stack, what_is_mapped_later_keeps_the_gap_unless_it_is_fixed)
{
	const unsigned long floor = TOP - GAP - 10;
	const vaddr_t low = AT(floor);
	struct sandbox box;

	REQUIRE(open_stack(&box, test));
	EXPECT_EQ(do_mmap(box.mm, USER_START, low - USER_START, PROT_READ,
			  ANON | MAP_FIXED),
		  (long)USER_START);
	/* A wish for the gap is not kept; a hole ends below it. */
	EXPECT_EQ(do_mmap(box.mm, AT(TOP - 5), LEN(2), PROT_NONE, ANON),
		  (long)low);
	EXPECT_EQ(do_munmap(box.mm, low, LEN(2)), 0);
	EXPECT_EQ(do_mmap(box.mm, 0, LEN(10), PROT_NONE, ANON), (long)low);
	EXPECT_EQ(do_munmap(box.mm, low, LEN(10)), 0);
	EXPECT_EQ(do_mmap(box.mm, 0, LEN(11), PROT_NONE, ANON),
		  (long)AT(TOP + 1));
	EXPECT_EQ(do_munmap(box.mm, AT(TOP + 1), LEN(11)), 0);
	/* The one below and the heap grow up to it. */
	EXPECT_EQ(do_mremap(box.mm, AT(floor - 1), LEN(1), LEN(12), 0, 0),
		  (long)-ENOMEM);
	EXPECT_EQ(do_mremap(box.mm, AT(floor - 1), LEN(1), LEN(2), 0, 0),
		  (long)AT(floor - 1));
	mm_set_heap(box.mm, AT(floor + 1));
	EXPECT_EQ(do_brk(box.mm, AT(floor + 10)), (long)-ENOMEM);
	EXPECT_EQ(do_brk(box.mm, AT(floor + 9)), (long)AT(floor + 9));
	sandbox_verify(&box);
	EXPECT_EQ(do_mmap(box.mm, AT(TOP - 5), LEN(1), PROT_READ,
			  ANON | MAP_FIXED_NOREPLACE),
		  (long)AT(TOP - 5));
	EXPECT_EQ(user_poke(AT(TOP - 1), 1), -EFAULT);
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(stack, each_limit_makes_the_touch_one_of_a_bad_address)
{
	struct sandbox box;
	struct commit_info was;

	REQUIRE(open_stack(&box, test));
	EXPECT_EQ(box.mm->stack_limit, DEFAULT_STACK_PAGES);
	box.mm->data_limit = 0;
	box.mm->stack_limit = 4;
	EXPECT_EQ(user_poke(AT(TOP - 4), 1), -EFAULT);
	EXPECT_EQ(stack_grow(box.mm, AT(TOP - 4)), -ENOMEM);
	EXPECT_EQ(user_poke(AT(TOP - 3), 1), 0);
	box.mm->stack_limit = 100;
	box.mm->as_limit = 5;
	EXPECT_EQ(stack_grow(box.mm, AT(TOP - 5)), -ENOMEM);
	EXPECT_EQ(user_poke(AT(TOP - 4), 1), 0);
	box.mm->as_limit = 100;
	commit_read(&was);
	commit_set(OVERCOMMIT_NEVER, was.charged + 1);
	EXPECT_EQ(stack_grow(box.mm, AT(TOP - 6)), -ENOMEM);
	EXPECT_EQ(user_poke(AT(TOP - 5), 1), 0);
	commit_set(was.policy, was.limit);
	EXPECT_EQ(lowest(&box), TOP - 5);
	EXPECT_EQ(box.mm->committed, 6UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(stack, a_locked_one_grows_under_its_limit_and_is_there)
{
	struct sandbox box;

	REQUIRE(open_stack(&box, test));
	EXPECT_EQ(do_mlock(box.mm, AT(TOP), LEN(1)), 0);
	box.mm->lock_limit = 4;
	EXPECT_EQ(user_poke(AT(TOP - 4), 1), -EFAULT);
	EXPECT_EQ(lowest(&box), TOP);
	EXPECT_EQ(user_poke(AT(TOP - 2), 1), 0);
	EXPECT(pte_write(sandbox_pte(&box, AT(TOP - 1))));
	EXPECT_EQ(box.mm->locked_vm, 3UL);
	EXPECT_EQ(do_mlock2(box.mm, AT(TOP - 2), LEN(3), MLOCK_ONFAULT), 0);
	EXPECT_EQ(sandbox_read(&box, AT(TOP - 3)), 0UL);
	EXPECT_EQ(box.mm->locked_vm, 4UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/*
 * The offsets of a moved region are those of its first place, and none is below 0: here
 * the lowest page of user space has offset 16.
 */
KTEST(stack, it_does_not_grow_below_user_space_or_below_its_first_offset)
{
	const vaddr_t first = USER_START + LEN(1);
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(do_mmap(box.mm, first, LEN(1), RW, STACK), (long)first);
	EXPECT_EQ(stack_grow(box.mm, USER_START - 1), -ENOMEM);
	EXPECT_EQ(user_poke(USER_START, 1), 0);
	EXPECT_EQ(do_mremap(box.mm, USER_START, LEN(2), LEN(2),
			    MREMAP_MAYMOVE | MREMAP_FIXED, AT(TOP)),
		  (long)AT(TOP));
	EXPECT_EQ(stack_grow(box.mm, AT(TOP - 17)), -ENOMEM);
	EXPECT_EQ(user_poke(AT(TOP - 16), 2), 0);
	EXPECT_EQ(sandbox_read(&box, AT(TOP)), 1UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(stack, a_child_has_a_stack_that_grows)
{
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(open_stack(&box, test));
	box.mm->stack_limit = 3;
	EXPECT_EQ(do_mmap(box.mm, 0, LEN(1), RW,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN),
		  (long)-EINVAL);
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(poke_in(&box, child, AT(TOP - 3), 1), -EFAULT);
		EXPECT_EQ(poke_in(&box, child, AT(TOP - 2), 1), 0);
		verify_in(&box, child);
		mmput(child);
	}
	EXPECT_EQ(lowest(&box), TOP);
	sandbox_close(&box);
}

/* --- others at the same time ------------------------------------------------ */

struct toucher {
	struct sandbox_thread thread;
	vaddr_t addr;
	int err;
};

static void touch(struct sandbox_thread *self)
{
	struct toucher *toucher = self->arg;

	toucher->err = user_poke(toucher->addr, 7);
}

static void unmap_stack(struct sandbox_thread *self)
{
	struct toucher *toucher = self->arg;

	toucher->err = do_munmap(self->box->mm, toucher->addr, LEN(1));
}

/* The thread waits for mmap_lock, which the caller holds for writing. */
static void start_waiting(struct sandbox *box, struct toucher *toucher,
			  void (*fn)(struct sandbox_thread *self))
{
	struct ktest *test = box->test;

	sandbox_thread_start(&toucher->thread, box, another_cpu(), fn, toucher);
	if (toucher->thread.task)
		EXPECT_EQ(ktest_wait_blocked(test, toucher->thread.task), 0);
}

/*
 *	a fault				another
 *	waits for mmap_lock, read	likewise
 *	(this thread lets both in: neither can grow the stack while the other reads)
 *	a stack above			a stack above
 *	grows it
 *					finds the page in a region
 */
KTEST(stack, two_touches_of_one_page_grow_it_once)
{
	struct toucher one = {.addr = AT(TOP - 5)};
	struct toucher two = {.addr = AT(TOP - 5) + 8};
	unsigned long before = growths();
	struct sandbox box;

	REQUIRE(open_stack(&box, test));
	mmap_write_lock(box.mm);
	start_waiting(&box, &one, touch);
	start_waiting(&box, &two, touch);
	mmap_write_unlock(box.mm);
	sandbox_thread_join(&one.thread);
	sandbox_thread_join(&two.thread);
	EXPECT_EQ(one.err, 0);
	EXPECT_EQ(two.err, 0);
	EXPECT_EQ(growths(), before + 1);
	EXPECT_EQ(lowest(&box), TOP - 5);
	EXPECT_EQ(sandbox_read(&box, AT(TOP - 5)), 7UL);
	EXPECT_EQ(sandbox_read(&box, AT(TOP - 5) + 8), 7UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/*
 *	a fault				munmap
 *	waits for mmap_lock, read
 *					waits for it, write
 *	(this thread lets the fault in)
 *	a stack above; drops it
 *					unmaps the stack
 *	finds no stack: a bad address
 */
KTEST(stack, a_stack_that_is_unmapped_meanwhile_does_not_grow)
{
	struct toucher fault = {.addr = AT(TOP - 5)};
	struct toucher munmap = {.addr = AT(TOP)};
	unsigned long before = growths();
	struct sandbox box;

	REQUIRE(open_stack(&box, test));
	mmap_write_lock(box.mm);
	start_waiting(&box, &fault, touch);
	start_waiting(&box, &munmap, unmap_stack);
	mmap_write_unlock(box.mm);
	sandbox_thread_join(&fault.thread);
	sandbox_thread_join(&munmap.thread);
	EXPECT_EQ(munmap.err, 0);
	EXPECT_EQ(fault.err, -EFAULT);
	EXPECT_EQ(growths(), before);
	EXPECT_EQ(box.mm->map_count, 0U);
	sandbox_close(&box);
}
