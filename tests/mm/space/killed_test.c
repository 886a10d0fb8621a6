// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/killed_test.c - a killed task does not wait for mmap_lock
 *
 *	this thread			a task
 *	mmap_lock, write
 *					a call that changes or looks: sleeps
 *	task_kill()
 *					-EINTR; nothing was done
 */
#include <mm/space/brk.h>
#include <mm/space/mlock.h>
#include <mm/space/pagemap.h>
#include <mm/space/soft_dirty.h>
#include <mm/space/stack.h>
#include <mm/space/young.h>
#include "tests/mm/lib/sandbox.h"

struct killed {
	struct mm_struct *mm;
	long (*call)(struct mm_struct *mm);
	long result;
};

static long call_mmap(struct mm_struct *mm)
{
	return do_mmap(mm, BASE + PMD_SIZE, PAGE_SIZE, PROT_READ,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
}

static long call_munmap(struct mm_struct *mm)
{
	return do_munmap(mm, BASE, PAGE_SIZE);
}

static long call_mremap(struct mm_struct *mm)
{
	return do_mremap(mm, BASE, PAGE_SIZE, PAGE_SIZE,
			 MREMAP_MAYMOVE | MREMAP_FIXED, BASE + PMD_SIZE);
}

static long call_brk(struct mm_struct *mm)
{
	return do_brk(mm, BASE + 2 * PMD_SIZE + 1);
}

static long call_ask_brk(struct mm_struct *mm)
{
	return do_brk(mm, 0);
}

static long call_grow(struct mm_struct *mm)
{
	return stack_grow(mm, BASE - PAGE_SIZE);
}

static long call_mprotect(struct mm_struct *mm)
{
	return do_mprotect(mm, BASE, PAGE_SIZE, PROT_READ);
}

static long call_dontneed(struct mm_struct *mm)
{
	return madvise_dontneed(mm, BASE, PAGE_SIZE);
}

static long call_dontfork(struct mm_struct *mm)
{
	return do_madvise(mm, BASE, PAGE_SIZE, MADV_DONTFORK);
}

static long call_populate(struct mm_struct *mm)
{
	return do_madvise(mm, BASE, PAGE_SIZE, MADV_POPULATE_READ);
}

static long call_clear(struct mm_struct *mm)
{
	return mm_clear_soft_dirty(mm);
}

static long call_mlock(struct mm_struct *mm)
{
	return do_mlock(mm, BASE, PAGE_SIZE);
}

static long call_munlock(struct mm_struct *mm)
{
	return do_munlock(mm, BASE, PAGE_SIZE);
}

static long call_mlockall(struct mm_struct *mm)
{
	return do_mlockall(mm, MCL_CURRENT | MCL_FUTURE);
}

static long call_munlockall(struct mm_struct *mm)
{
	return do_munlockall(mm);
}

static long call_pagemap(struct mm_struct *mm)
{
	u64 word;

	return pagemap_read(mm, BASE, &word, 1);
}

static long call_mincore(struct mm_struct *mm)
{
	unsigned char present;

	return do_mincore(mm, BASE, PAGE_SIZE, &present);
}

static long call_young(struct mm_struct *mm)
{
	return mm_young(mm, BASE, PAGE_SIZE, YOUNG_CLEAR, NULL);
}

static long call_describe(struct mm_struct *mm)
{
	char text[128];

	return pte_describe(mm, BASE, text, sizeof(text));
}

/* A fault fails as a bad address does: the copy says -EFAULT. */
static long call_touch(struct mm_struct *mm)
{
	int err;

	kthread_use_mm(mm);
	err = user_poke(BASE + PAGE_SIZE, 1);
	kthread_unuse_mm(mm);
	return err == -EFAULT ? -EINTR : err;
}

static int call_it(void *arg)
{
	struct killed *killed = arg;

	killed->result = killed->call(killed->mm);
	return 0;
}

KTEST(mm, a_killed_task_does_not_wait_for_mmap_lock)
{
	static long (*const calls[])(struct mm_struct * mm) = {
		call_mmap,     call_munmap,   call_mremap,   call_mprotect,
		call_dontneed, call_dontfork, call_populate, call_clear,
		call_mlock,    call_munlock,  call_mlockall, call_munlockall,
		call_pagemap,  call_mincore,  call_young,    call_describe,
		call_touch,    call_brk,      call_ask_brk,  call_grow,
	};
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, BASE, 2);
	mm_set_heap(box.mm, BASE + 2 * PMD_SIZE);
	EXPECT_EQ(user_poke(BASE, 5), 0);
	sandbox_forget(&box);
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++) {
		struct killed killed = {.mm = box.mm, .call = calls[i]};
		struct task *task;

		mmap_write_lock(box.mm);
		task = kthread_run(call_it, &killed, "killed/%u", i);
		EXPECT_EQ(ktest_wait_blocked(test, task), 0, "call %u", i);
		task_kill(task);
		kthread_join(task);
		mmap_write_unlock(box.mm);
		EXPECT_EQ(killed.result, (long)-EINTR, "call %u", i);
	}
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(box.mm->map_count, 1U);
	EXPECT_EQ(sandbox_read(&box, BASE), 5UL);
	EXPECT(pte_write(sandbox_pte(&box, BASE)));
	EXPECT(pte_none(sandbox_pte(&box, BASE + PAGE_SIZE)));
	sandbox_close(&box);
}
