// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/populate_test.c - pages are there before the program touches them
 */
#include <mm/alloc/fail.h>
#include <mm/page/lock.h>
#include "tests/mm/lib/relatives.h"

/* More than a table has. */
#define MANY (PTRS_PER_TABLE + 8)

/* Faults that the whole kernel has taken. Nothing else faults during a test. */
static unsigned long faults(void)
{
	struct fault_counters c;

	fault_read_counters(&c);
	return c.zero_page + c.fresh_page + c.zero_replaced + c.reused + c.copied;
}

KTEST(populate, a_read_maps_zeroes_and_a_write_pages_and_no_touch_faults_later)
{
	unsigned long before;
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), MANY);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(MANY), MADV_POPULATE_READ), 0);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 0L);
	before = faults();
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(sandbox_read(&box, AT(i)), 0UL);
	EXPECT_EQ(faults(), before);
	EXPECT_EQ(user_poke(AT(1), 7), 0);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(MANY), MADV_POPULATE_WRITE), 0);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), (long)MANY);
	before = faults();
	EXPECT_EQ(sandbox_read(&box, AT(1)), 7UL);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(user_poke(AT(i), i), 0);
	EXPECT_EQ(faults(), before);
	sandbox_close(&box);
}

/* A write of a shared page is a copy, made now. */
KTEST(populate, a_write_takes_what_a_fork_has_shared)
{
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	child = sandbox_fork(&box);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_POPULATE_READ), 0);
	EXPECT(!pte_write(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(1), MADV_POPULATE_WRITE), 0);
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	if (child) {
		EXPECT_NE(page_in(child, AT(0)), page_in(box.mm, AT(0)));
		mmput(child);
	}
	sandbox_close(&box);
}

/*
 *	pages     0 1 2 3 4 5
 *	regions   r r   w - w		2: a hole, 4: no access
 */
KTEST(populate, it_stops_where_a_page_cannot_be_had)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	sandbox_map(&box, AT(3), 3);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_READ), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(4), LEN(1), PROT_NONE), 0);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(4), MADV_POPULATE_READ), -ENOMEM);
	EXPECT(pte_present(sandbox_pte(&box, AT(1))));
	EXPECT(pte_none(sandbox_pte(&box, AT(3))));
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(2), MADV_POPULATE_WRITE),
		  -EINVAL);
	EXPECT_EQ(do_madvise(box.mm, AT(3), LEN(3), MADV_POPULATE_WRITE),
		  -EINVAL);
	EXPECT(pte_write(sandbox_pte(&box, AT(3))));
	EXPECT(pte_none(sandbox_pte(&box, AT(5))));
	EXPECT_EQ(do_madvise(box.mm, AT(4), LEN(1), MADV_POPULATE_READ), -EINVAL);
	sandbox_close(&box);
}

KTEST(populate, an_entry_that_no_touch_can_use_is_an_error)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	sandbox_set_pte(&box, AT(1),
			swp_entry_to_pte(swp_entry(SWP_HWPOISON, 3)));
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(2), MADV_POPULATE_READ),
		  -EHWPOISON);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(2), MADV_POPULATE_WRITE),
		  -EHWPOISON);
	sandbox_set_pte(&box, AT(1),
			swp_entry_to_pte(swp_entry(SWP_SWAPIN_ERROR, 3)));
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(2), MADV_POPULATE_READ), -EFAULT);
	sandbox_set_pte(&box, AT(1), __pte(0));
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	sandbox_close(&box);
}

KTEST(populate, no_memory_is_ENOMEM_and_what_is_there_stays,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	/* Each: one that fails alone is tried again. */
	alloc_fail_one_in(1, 1);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(4), MADV_POPULATE_WRITE),
		  -ENOMEM);
	EXPECT(alloc_fail_hit());
	alloc_fail_end();
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 1L);
	EXPECT_EQ(do_madvise(box.mm, AT(0), LEN(4), MADV_POPULATE_WRITE), 0);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 4L);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	sandbox_close(&box);
}

/** A task that populates one page. */
struct populator {
	struct mm_struct *mm;
	vaddr_t addr;
	int result;
};

static int populate_page(void *arg)
{
	struct populator *p = arg;

	p->result = do_madvise(p->mm, p->addr, PAGE_SIZE, MADV_POPULATE_READ);
	return 0;
}

/*
 * A device has page 0 and its driver the page's lock. The task waits, without mmap_lock: a
 * mapping elsewhere goes through. A kill ends the wait.
 */
KTEST(populate, a_page_that_a_device_uses_is_waited_for_without_mmap_lock,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE | KT_NEEDS_NOTIFIER))
{
	struct populator p;
	struct page *slot;
	struct sandbox box;
	struct task *task;
	unsigned int kill;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	for (kill = 0; kill < 2; kill++) {
		EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, &slot, &box), 1);
		p = (struct populator){.mm = box.mm, .addr = AT(0), .result = 1};
		task = kthread_run(populate_page, &p, "populate/%u", kill);
		EXPECT_EQ(ktest_wait_blocked(test, task), 0);
		sandbox_map(&box, AT(4), 1);
		EXPECT_EQ(do_munmap(box.mm, AT(4), LEN(1)), 0);
		if (kill)
			task_kill(task);
		else
			release_exclusive(&slot, 1);
		kthread_join(task);
		EXPECT_EQ(p.result, kill ? -EINTR : 0);
		EXPECT_EQ(pte_present(sandbox_pte(&box, AT(0))), !kill);
		if (kill)
			release_exclusive(&slot, 1);
	}
	sandbox_close(&box);
}

/* Killed before it begins. */
static int populate_killed(void *arg)
{
	struct populator *p = arg;

	while (!fatal_signal_pending(current))
		yield();
	return populate_page(p);
}

/* Not even over pages that are all there, of which there may be many. */
KTEST(populate, a_killed_task_does_not_go_on)
{
	struct populator p;
	struct sandbox box;
	struct task *task;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	p = (struct populator){.mm = box.mm, .addr = AT(0)};
	task = kthread_run(populate_killed, &p, "populate");
	task_kill(task);
	kthread_join(task);
	EXPECT_EQ(p.result, -EINTR);
	sandbox_close(&box);
}
