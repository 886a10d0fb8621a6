// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/fork_test.c - two address spaces with the same contents
 */
#include <mm/alloc/fail.h>
#include <mm/device/exclusive.h>
#include <mm/fault/gup.h>
#include <mm/page/lock.h>
#include <mm/rmap/walk.h>
#include "tests/ktest/heard.h"
#include "tests/mm/lib/relatives.h"

#define RW       (PROT_READ | PROT_WRITE)
#define CHILDREN 10

/* The flags of the region at an address gain some. */
static void mark_region(struct sandbox *box, vaddr_t addr, unsigned long vm_flags)
{
	mmap_write_lock(box->mm);
	vma_lookup(box->mm, addr)->vm_flags |= vm_flags;
	mmap_write_unlock(box->mm);
}

KTEST(fork, parent_and_child_have_the_same_and_each_writes_its_own)
{
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(1), 2), 0);
	EXPECT_EQ(sandbox_read(&box, AT(2)), 0UL);
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(page_in(child, AT(0)), page_in(box.mm, AT(0)));
		EXPECT_EQ(poke_in(&box, child, AT(0), 11), 0);
		EXPECT_EQ(user_poke(AT(1), 12), 0);
		EXPECT_EQ(poke_in(&box, child, AT(2), 13), 0);
		EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
		EXPECT_EQ(read_in(&box, child, AT(0)), 11UL);
		EXPECT_EQ(sandbox_read(&box, AT(1)), 12UL);
		EXPECT_EQ(read_in(&box, child, AT(1)), 2UL);
		EXPECT_EQ(sandbox_read(&box, AT(2)), 0UL);
		EXPECT_EQ(read_in(&box, child, AT(2)), 13UL);
		EXPECT_EQ(read_in(&box, child, AT(3)), 0UL);
		verify_in(&box, child);
		mmput(child);
	}
	sandbox_close(&box);
}

/*
 *	regions	[ 0 1 ]   [ 3 4 ]   [ 6 7 ]
 *	touched	    1	   none	      6 (the zero page)
 *
 * The child is unwatched: its own change has no event in the observer.
 */
KTEST(fork, each_touched_region_of_the_parent_has_one_event,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.13 R2.26"))
{
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open_as(&box, test, SANDBOX_WITHOUT_SHADOW));
	sandbox_map(&box, AT(0), 2);
	sandbox_map(&box, AT(3), 2);
	sandbox_map(&box, AT(6), 2);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(sandbox_read(&box, AT(6)), 0UL);
	sandbox_forget(&box);
	child = sandbox_fork(&box);
	EXPECT_EQ(box.nr, 2U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_PROTECTION_PAGE, AT(0), AT(2));
	EXPECT_EVENT(&box, 1, MMU_NOTIFY_PROTECTION_PAGE, AT(6), AT(8));
	/* At the start the parent's entry is what it was. */
	EXPECT(pte_none(box.seen[0].first));
	if (child) {
		EXPECT(!mm_has_notifiers(child));
		EXPECT_EQ(poke_in(&box, child, AT(1), 2), 0);
		EXPECT_EQ(box.nr, 2U);
		mmput(child);
	}
	sandbox_close(&box);
}

/* The writes of the two that share a page, and of the one that is left. */
KTEST(fork, the_first_write_copies_and_the_last_owner_keeps_the_page,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.13"))
{
	struct mm_struct *child;
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	page = page_in(box.mm, AT(0));
	child = sandbox_fork(&box);
	sandbox_forget(&box);
	EXPECT(!pte_write(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(1));
	EXPECT_NE(page_in(box.mm, AT(0)), page);
	if (child) {
		EXPECT_EQ(page_in(child, AT(0)), page);
		EXPECT(!PageAnonExclusive(page));
		EXPECT_EQ(poke_in(&box, child, AT(0), 3), 0);
		EXPECT_EQ(page_in(child, AT(0)), page);
		EXPECT(PageAnonExclusive(page));
		EXPECT_EQ(sandbox_read(&box, AT(0)), 2UL);
		mmput(child);
	}
	sandbox_close(&box);
}

KTEST(fork, ownership_comes_back_when_the_last_sharer_has_left,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.13"))
{
	struct mm_struct *child[2];
	struct sandbox box;
	struct page *page;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	page = page_in(box.mm, AT(0));
	for (i = 0; i < 2; i++)
		child[i] = sandbox_fork(&box);
	EXPECT_EQ(page_mapcount(page), 3);
	for (i = 0; i < 2; i++) {
		if (child[i])
			mmput(child[i]);
	}
	sandbox_forget(&box);
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	EXPECT_EQ(page_in(box.mm, AT(0)), page);
	EXPECT(PageAnonExclusive(page));
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

/*
 *	regions	[ plain ] [ DONTFORK ] [ WIPEONFORK ]
 *	child	[ same  ]	       [   empty    ]
 */
KTEST(fork, regions_may_stay_behind_or_come_empty)
{
	struct mm_struct *child;
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	for (i = 0; i < 3; i++) {
		sandbox_map(&box, AT(2 * i), 1);
		EXPECT_EQ(user_poke(AT(2 * i), i + 1), 0);
	}
	mark_region(&box, AT(2), VM_DONTCOPY);
	mark_region(&box, AT(4), VM_WIPEONFORK);
	sandbox_forget(&box);
	child = sandbox_fork(&box);
	EXPECT_EQ(box.nr, IS_ENABLED(CONFIG_MMU_NOTIFIER) ? 1U : 0U);
	if (child) {
		EXPECT_EQ(child->map_count, 2U);
		EXPECT_EQ(child->total_vm, 2UL);
		EXPECT_EQ(read_in(&box, child, AT(0)), 1UL);
		EXPECT_EQ(poke_in(&box, child, AT(2), 9), -EFAULT);
		EXPECT_EQ(read_in(&box, child, AT(4)), 0UL);
		verify_in(&box, child);
		mmput(child);
	}
	EXPECT_EQ(sandbox_read(&box, AT(4)), 3UL);
	sandbox_close(&box);
}

/* Read-only and unreadable pages are shared; rights given later do not leak a write. */
KTEST(fork, a_page_without_the_right_to_write_is_copied_all_the_same)
{
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(1), 2), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_READ), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(1), PROT_NONE), 0);
	child = sandbox_fork(&box);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), RW), 0);
	EXPECT_EQ(user_poke(AT(0), 11), 0);
	EXPECT_EQ(user_poke(AT(1), 12), 0);
	if (child) {
		EXPECT_EQ(do_mprotect(child, AT(0), LEN(2), RW), 0);
		EXPECT_EQ(read_in(&box, child, AT(0)), 1UL);
		EXPECT_EQ(read_in(&box, child, AT(1)), 2UL);
		verify_in(&box, child);
		mmput(child);
	}
	sandbox_close(&box);
}

/* Each allocation of a fork fails in turn; the parent does not notice. */
KTEST(fork, a_failure_leaves_the_parent_as_it_was, KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct mm_struct *child = NULL;
	struct sandbox box;
	unsigned long nth, i;

	REQUIRE(sandbox_open(&box, test));
	for (i = 0; i < 3; i++) {
		sandbox_map(&box, AT(2 * i), 1);
		EXPECT_EQ(user_poke(AT(2 * i), i), 0);
	}
	for (nth = 1; nth < 100 && !child; nth++) {
		int err;

		alloc_fail_nth(nth);
		err = mm_fork(box.mm, &child);
		EXPECT_EQ(err, alloc_fail_hit() ? -ENOMEM : 0);
		alloc_fail_end();
		for (i = 0; i < 3; i++)
			EXPECT_EQ(sandbox_read(&box, AT(2 * i)), i);
		sandbox_verify(&box);
	}
	EXPECT_GT(nth, 5UL);
	EXPECT_NE(child, NULL);
	if (child)
		mmput(child);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(user_poke(AT(2 * i), i), 0);
	sandbox_close(&box);
}

/* --- exclusive entries -------------------------------------------------------- */

KTEST(fork, an_exclusive_page_is_restored_and_then_shared,
      KT_FLAGS(KT_NEEDS_NOTIFIER | KT_NEEDS_DEVICE_PRIVATE), KT_RULES("R7.13"))
{
	struct page *slot[1] = {NULL};
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 3);
	EXPECT_EQ(user_poke(AT(1), 7), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(1), 1, slot, &box), 1);
	release_exclusive(slot, 1);
	sandbox_forget(&box);
	child = sandbox_fork(&box);
	EXPECT_EQ(box.nr, 2U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_PROTECTION_PAGE, AT(0), AT(3));
	EXPECT_EVENT(&box, 1, MMU_NOTIFY_CLEAR, AT(1), AT(2));
	EXPECT(pte_present(sandbox_pte(&box, AT(1))));
	EXPECT(!pte_write(sandbox_pte(&box, AT(1))));
	if (child) {
		EXPECT_EQ(page_in(child, AT(1)), page_in(box.mm, AT(1)));
		EXPECT_EQ(user_poke(AT(1), 8), 0);
		EXPECT_EQ(read_in(&box, child, AT(1)), 7UL);
		mmput(child);
	}
	sandbox_close(&box);
}

struct forker {
	struct mm_struct *child;
	int err;
	struct atomic done;
};

static void fork_once(struct sandbox_thread *self)
{
	struct forker *forker = self->arg;

	forker->err = mm_fork(self->box->mm, &forker->child);
	atomic_set(&forker->done, 1);
}

/*
 *	driver				fork
 *	page is locked, its device works
 *					exclusive and locked: give the child up
 *					wait for the page, with no mmap_lock
 *	mmap() of the parent		(must not wait for the device)
 *	unlock
 *					restore, share
 */
KTEST(fork, a_page_that_a_device_uses_is_waited_for_without_mmap_lock,
      KT_FLAGS(KT_NEEDS_SMP | KT_NEEDS_DEVICE_PRIVATE), KT_RULES("R7.13"))
{
	struct forker forker = {.child = NULL};
	struct sandbox_thread thread;
	struct page *slot[1] = {NULL};
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(1), 7), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(1), 1, slot, &box), 1);
	if (slot[0]) {
		sandbox_thread_start(&thread, &box, another_cpu(), fork_once,
				     &forker);
		KTEST_WAIT_FOR(test, PageWaiters(slot[0]));
		sandbox_map(&box, AT(8), 1);
		EXPECT_EQ(atomic_read(&forker.done), 0);
		release_exclusive(slot, 1);
		sandbox_thread_join(&thread);
		EXPECT_EQ(forker.err, 0);
	}
	if (forker.child) {
		EXPECT_EQ(read_in(&box, forker.child, AT(1)), 7UL);
		EXPECT_EQ(read_in(&box, forker.child, AT(8)), 0UL);
		mmput(forker.child);
	}
	sandbox_close(&box);
}

/* --- pins ---------------------------------------------------------------------- */

static struct page *pin_for_reading(struct sandbox *box, vaddr_t addr)
{
	struct ktest *test = box->test;
	struct page *page = NULL;
	long got;

	mmap_read_lock(box->mm);
	got = get_user_pages_remote(box->mm, addr, 1, FOLL_PIN, &page);
	mmap_read_unlock(box->mm);
	EXPECT_EQ(got, 1L);
	return page;
}

/*
 * The device reads the page that it has pinned. So the parent keeps it, whoever writes
 * first, and the child has a copy from the beginning.
 */
KTEST(fork, a_page_pinned_for_reading_stays_the_parents)
{
	struct mm_struct *child;
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 3);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(user_poke(AT(2), 2), 0);
	page = pin_for_reading(&box, AT(1));
	child = sandbox_fork(&box);
	EXPECT(pte_write(sandbox_pte(&box, AT(1))));
	EXPECT_EQ(user_poke(AT(1), 11), 0);
	EXPECT_EQ(page_in(box.mm, AT(1)), page);
	EXPECT_EQ(*(u64 *)page_address(page), 11UL);
	if (child) {
		EXPECT_NE(page_in(child, AT(1)), page);
		EXPECT_EQ(read_in(&box, child, AT(1)), 1UL);
		EXPECT_EQ(poke_in(&box, child, AT(1), 21), 0);
		EXPECT_EQ(page_in(child, AT(2)), page_in(box.mm, AT(2)));
		verify_in(&box, child);
		mmput(child);
	}
	EXPECT_EQ(sandbox_read(&box, AT(1)), 11UL);
	unpin_user_page(page);
	sandbox_close(&box);
}

/* After the fork: the pin makes the page the parent's own, and the write keeps it. */
KTEST(fork, a_pin_of_a_shared_page_unshares_it, KT_FLAGS(KT_NEEDS_NOTIFIER))
{
	struct mm_struct *child;
	struct sandbox box;
	struct page *shared, *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	shared = page_in(box.mm, AT(0));
	child = sandbox_fork(&box);
	sandbox_forget(&box);
	page = pin_for_reading(&box, AT(0));
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(1));
	EXPECT_NE(page, shared);
	EXPECT(!pte_write(sandbox_pte(&box, AT(0))));
	EXPECT(PageAnonExclusive(page));
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	EXPECT_EQ(page_in(box.mm, AT(0)), page);
	if (child) {
		EXPECT_EQ(read_in(&box, child, AT(0)), 1UL);
		mmput(child);
	}
	unpin_user_page(page);
	sandbox_close(&box);
}

/* A page of zeroes that everyone reads is nobody's to pin. */
KTEST(fork, a_pin_of_an_untouched_page_brings_one_of_its_own)
{
	struct sandbox box;
	struct page *page[2];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_READ), 0);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	page[0] = pin_for_reading(&box, AT(0));
	page[1] = pin_for_reading(&box, AT(1));
	EXPECT(!is_zero_page(page[0]) && !is_zero_page(page[1]));
	EXPECT(!pte_write(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(user_poke(AT(0), 1), -EFAULT);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), RW), 0);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(page_in(box.mm, AT(1)), page[1]);
	unpin_user_page(page[0]);
	unpin_user_page(page[1]);
	EXPECT_EQ(page_ref_count(page[1]), 1);
	sandbox_close(&box);
}

/* The unmapping does not free what a device still reads; the pin is the last reference. */
KTEST(fork, a_pin_outlives_the_mapping)
{
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	page = pin_for_reading(&box, AT(0));
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(page_ref_count(page), PAGE_PIN_BIAS);
	EXPECT_EQ(*(u64 *)page_address(page), 1UL);
	unpin_user_page(page);
	mmap_read_lock(box.mm);
	EXPECT_EQ(get_user_pages_remote(box.mm, AT(0), 1, FOLL_PIN | FOLL_GET,
					&page),
		  (long)-EINVAL);
	mmap_read_unlock(box.mm);
	sandbox_close(&box);
}

/* --- the reverse map ------------------------------------------------------------ */

static bool count_entry(struct rmap_walk *walk, struct page *page,
			struct vm_area_struct *vma, vaddr_t addr)
{
	struct rmap_entry entry;

	if (!rmap_lock_entry(page, vma, addr, &entry))
		return false;
	spin_unlock(entry.ptl);
	return true;
}

static void walk_page(struct rmap_walk *walk, struct page *page)
{
	*walk = (struct rmap_walk){.visit = count_entry, .purpose = RMAP_LOOK};
	lock_page(page);
	rmap_walk(page, walk);
	unlock_page(page);
}

/*
 * Of the parent and ten children that share a page, seven children write. Then four map the
 * page, and a walk finds them with at most as many looks as there are members.
 */
KTEST(fork, a_walk_finds_each_relative_that_still_shares_the_page)
{
	struct mm_struct *child[CHILDREN];
	struct rmap_walk walk;
	struct sandbox box;
	struct page *page;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(2), 1), 0);
	page = page_in(box.mm, AT(2));
	get_page(page);
	for (i = 0; i < CHILDREN; i++)
		child[i] = sandbox_fork(&box);
	walk_page(&walk, page);
	EXPECT_EQ(walk.found, 1U + CHILDREN);
	EXPECT_EQ(walk.regions, 1U + CHILDREN);
	for (i = 0; i < 7; i++) {
		if (child[i])
			EXPECT_EQ(poke_in(&box, child[i], AT(2), i), 0);
	}
	walk_page(&walk, page);
	EXPECT_EQ(walk.found, 4U);
	EXPECT_LE(walk.regions, 1U + CHILDREN);
	for (i = 0; i < CHILDREN; i++) {
		if (child[i])
			mmput(child[i]);
	}
	walk_page(&walk, page);
	EXPECT_EQ(walk.found, 1U);
	EXPECT_EQ(walk.regions, 1U);
	put_page(page);
	sandbox_close(&box);
}

/* --- forks that fail ------------------------------------------------------------- */

struct sandbox_fork {
	struct mm_struct *mm;
	struct mm_struct *child;
	int err;
};

static int fork_and_end(void *arg)
{
	struct sandbox_fork *fork = arg;

	fork->err = mm_fork(fork->mm, &fork->child);
	return 0;
}

/* The thread waits in its fork, and is killed there. */
static void expect_killed(struct ktest *test, struct mm_struct *mm)
{
	struct sandbox_fork fork = {.mm = mm};
	struct task *task = kthread_run(fork_and_end, &fork, "forker");

	EXPECT_EQ(ktest_wait_blocked(test, task), 0);
	task_kill(task);
	kthread_join(task);
	EXPECT_EQ(fork.err, -EINTR);
	EXPECT_EQ(fork.child, NULL);
}

KTEST(fork, a_kill_ends_the_wait_for_mmap_lock)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	mmap_write_lock(box.mm);
	expect_killed(test, box.mm);
	mmap_write_unlock(box.mm);
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(fork, a_kill_ends_the_wait_for_a_page_of_a_device,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE))
{
	struct page *slot[1] = {NULL};
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, slot, &box), 1);
	REQUIRE(slot[0]);
	expect_killed(test, box.mm);
	EXPECT_EQ(page_ref_count(slot[0]), 2);
	EXPECT(PageLocked(slot[0]));
	release_exclusive(slot, 1);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* There is no telling what it is, so no child gets it. */
KTEST(fork, an_entry_of_an_unknown_type_is_reported_and_fails_the_fork)
{
	struct mm_struct *child = NULL;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	sandbox_set_pte(&box, AT(0),
			swp_entry_to_pte(swp_entry(SWP_HWPOISON, 3)));
	hear_begin();
	EXPECT_EQ(mm_fork(box.mm, &child), -EFAULT);
	hear_end();
	EXPECT(heard("fork: unknown hwpoison entry"));
	EXPECT_EQ(child, NULL);
	sandbox_set_pte(&box, AT(0), __pte(0));
	sandbox_close(&box);
}
