// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/mlock_test.c - pages that are there and stay
 *
 * The regions are drawn as "L F - .": a letter for each page.
 */
#include <mm/alloc/fail.h>
#include <mm/page/lock.h>
#include <mm/page/ref.h>
#include <mm/rmap/referenced.h>
#include <mm/space/mlock.h>
#include "tests/mm/lib/relatives.h"

#define MOST 8

/* From BASE on: L locked, F from the first touch on, - not, a dot where no region is. */
static char lock_of(const struct vm_area_struct *vma)
{
	if (!vma)
		return '.';
	if (vma->vm_flags & VM_LOCKONFAULT)
		return 'F';
	return vma->vm_flags & VM_LOCKED ? 'L' : '-';
}

static const char *locks_of(struct sandbox *box, char *buf, unsigned int nr)
{
	unsigned int i;

	mmap_read_lock(box->mm);
	for (i = 0; i < nr; i++)
		buf[i] = lock_of(vma_lookup(box->mm, AT(i)));
	mmap_read_unlock(box->mm);
	buf[nr] = '\0';
	return buf;
}

#define EXPECT_LOCKS(want_)                                                     \
	do {                                                                    \
		char locks_[MOST + 1];                                          \
		EXPECT_STREQ(locks_of(&box, locks_, sizeof(want_) - 1), want_); \
	} while (0)

/*
 *	pages	0 1 2 3 4 5
 *	mlock	    [---]	a part of page 2 to a part of page 3
 *	munlock	      [-]
 */
KTEST(mlock, whole_pages_are_locked_counted_and_there)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 6);
	sandbox_forget(&box);
	EXPECT_EQ(do_mlock(box.mm, AT(2) + 100, LEN(1)), 0);
	EXPECT_LOCKS("--LL--.");
	EXPECT_EQ(box.mm->locked_vm, 2UL);
	EXPECT(pte_write(sandbox_pte(&box, AT(2))));
	EXPECT(pte_write(sandbox_pte(&box, AT(3))));
	EXPECT(pte_none(sandbox_pte(&box, AT(4))));
	/* Again: a lock is a flag and not a count. */
	EXPECT_EQ(do_mlock(box.mm, AT(1), LEN(3)), 0);
	EXPECT_EQ(box.mm->locked_vm, 3UL);
	EXPECT_EQ(do_munlock(box.mm, AT(3), 1), 0);
	EXPECT_LOCKS("-LL---.");
	EXPECT_EQ(box.mm->locked_vm, 2UL);
	EXPECT(pte_write(sandbox_pte(&box, AT(3))));
	sandbox_verify(&box);
	EXPECT_EQ(do_munlock(box.mm, AT(0), LEN(6)), 0);
	EXPECT_EQ(box.mm->map_count, 1U);
	EXPECT_EQ(box.mm->locked_vm, 0UL);
	/* Empty entries were filled, and nothing else changed. */
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

KTEST(mlock, what_is_unmapped_cut_and_moved_over_counts_no_more)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 8);
	EXPECT_EQ(do_mlock(box.mm, AT(0), LEN(8)), 0);
	EXPECT_EQ(do_munmap(box.mm, AT(3), LEN(2)), 0);
	EXPECT_EQ(box.mm->locked_vm, 6UL);
	EXPECT_EQ(do_munmap(box.mm, AT(7), LEN(1)), 0);
	EXPECT_EQ(box.mm->locked_vm, 5UL);
	EXPECT_EQ(do_mmap(box.mm, AT(0), LEN(2), PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)AT(0));
	EXPECT_LOCKS("--L..LL.");
	EXPECT_EQ(box.mm->locked_vm, 3UL);
	EXPECT_EQ(do_mprotect(box.mm, AT(5), LEN(1), PROT_READ), 0);
	EXPECT_EQ(box.mm->locked_vm, 3UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(mlock, a_locked_mapping_grows_and_moves_locked_as_far_as_it_may)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(do_mlock(box.mm, AT(0), LEN(2)), 0);
	box.mm->lock_limit = 3;
	EXPECT_EQ(do_mremap(box.mm, AT(0), LEN(2), LEN(4), 0, 0), -EAGAIN);
	EXPECT_EQ(do_mremap(box.mm, AT(0), LEN(2), LEN(3), 0, 0), (long)AT(0));
	EXPECT_LOCKS("LLL.");
	EXPECT(pte_write(sandbox_pte(&box, AT(2))));
	EXPECT_EQ(do_mremap(box.mm, AT(0), LEN(3), LEN(3),
			    MREMAP_MAYMOVE | MREMAP_FIXED, AT(4)),
		  (long)AT(4));
	EXPECT_LOCKS("....LLL.");
	EXPECT_EQ(box.mm->locked_vm, 3UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(mlock, the_limit_counts_pages_that_are_not_locked_yet)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 6);
	box.mm->lock_limit = 3;
	EXPECT_EQ(do_mlock(box.mm, AT(0), LEN(4)), -ENOMEM);
	EXPECT_LOCKS("------");
	EXPECT(pte_none(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(do_mlock(box.mm, AT(0), LEN(2)), 0);
	EXPECT_EQ(do_mlock(box.mm, AT(1), LEN(2)), 0);
	EXPECT_EQ(do_mlock(box.mm, AT(1), LEN(3)), -ENOMEM);
	EXPECT_EQ(do_mlock(box.mm, AT(0), LEN(3)), 0);
	EXPECT_LOCKS("LLL---");
	EXPECT_EQ(do_mlockall(box.mm, MCL_CURRENT), -ENOMEM);
	EXPECT_LOCKS("LLL---");
	box.mm->lock_limit = 0;
	EXPECT_EQ(do_mlock(box.mm, AT(0), 0), -EPERM);
	EXPECT_EQ(do_mlockall(box.mm, MCL_FUTURE), -EPERM);
	EXPECT_EQ(do_mmap(box.mm, 0, LEN(1), PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED),
		  -EPERM);
	EXPECT_EQ(do_munlock(box.mm, AT(0), LEN(6)), 0);
	EXPECT_LOCKS("------");
	sandbox_close(&box);
}

KTEST(mlock, a_bad_range_or_a_hole_changes_nothing)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	sandbox_map(&box, AT(3), 1);
	EXPECT_EQ(do_mlock(box.mm, AT(0), ~0UL), -EINVAL);
	EXPECT_EQ(do_mlock(box.mm, ~0UL - 1, 1), -EINVAL);
	EXPECT_EQ(do_munlock(box.mm, AT(0), ~0UL), -EINVAL);
	EXPECT_EQ(do_mlock(box.mm, USER_END, 1), -ENOMEM);
	EXPECT_EQ(do_mlock(box.mm, AT(0), LEN(4)), -ENOMEM);
	EXPECT_EQ(do_mlock(box.mm, AT(3), LEN(2)), -ENOMEM);
	EXPECT_EQ(do_mlock(box.mm, AT(0), 0), 0);
	EXPECT_EQ(do_munlock(box.mm, AT(2), 0), 0);
	EXPECT_LOCKS("--.-");
	EXPECT(pte_none(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(do_mlock(box.mm, AT(0), LEN(2)), 0);
	EXPECT_EQ(do_munlock(box.mm, AT(0), LEN(4)), -ENOMEM);
	EXPECT_LOCKS("LL.-");
	box.mm->map_limit = 2;
	EXPECT_EQ(do_munlock(box.mm, AT(1), LEN(1)), -ENOMEM);
	EXPECT_LOCKS("LL.-");
	sandbox_close(&box);
}

/* Region 2 may not be touched at all: it is locked all the same. */
KTEST(mlock, pages_that_cannot_be_had_are_an_error_of_a_locked_region)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 3);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_READ), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(2), LEN(1), PROT_NONE), 0);
	EXPECT_EQ(do_mlock(box.mm, AT(0), LEN(3)), -ENOMEM);
	EXPECT_LOCKS("LLL");
	EXPECT(pte_present(sandbox_pte(&box, AT(0))));
	EXPECT(pte_write(sandbox_pte(&box, AT(1))));
	EXPECT(pte_none(sandbox_pte(&box, AT(2))));
	EXPECT_EQ(do_mlockall(box.mm, MCL_CURRENT), 0);
	sandbox_close(&box);
}

KTEST(mlock, no_memory_for_a_page_is_EAGAIN, KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	alloc_fail_one_in(1, 1);
	EXPECT_EQ(do_mlock(box.mm, AT(0), LEN(2)), -EAGAIN);
	EXPECT(alloc_fail_hit());
	alloc_fail_end();
	EXPECT_LOCKS("LL");
	sandbox_close(&box);
}

KTEST(mlock, all_of_now_and_all_to_come)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(do_mlockall(box.mm, 0), -EINVAL);
	EXPECT_EQ(do_mlockall(box.mm, MCL_ONFAULT), -EINVAL);
	EXPECT_EQ(do_mlockall(box.mm, 8 | MCL_CURRENT), -EINVAL);
	sandbox_map(&box, AT(0), 1);
	sandbox_map(&box, AT(2), 1);
	EXPECT_EQ(do_mlockall(box.mm, MCL_FUTURE), 0);
	EXPECT_LOCKS("-.-.");
	sandbox_map(&box, AT(4), 1);
	EXPECT_LOCKS("-.-.L.");
	EXPECT(pte_write(sandbox_pte(&box, AT(4))));
	EXPECT_EQ(do_mlockall(box.mm, MCL_CURRENT), 0);
	EXPECT_LOCKS("L.L.L.");
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	EXPECT(pte_write(sandbox_pte(&box, AT(2))));
	/* The last call said nothing of the future. */
	sandbox_map(&box, AT(6), 1);
	EXPECT_LOCKS("L.L.L.-");
	EXPECT_EQ(do_mlockall(box.mm, MCL_CURRENT | MCL_FUTURE), 0);
	box.mm->lock_limit = 5;
	EXPECT_EQ(do_mmap(box.mm, AT(8), LEN(2), PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  -EAGAIN);
	EXPECT_EQ(do_munlockall(box.mm), 0);
	EXPECT_EQ(box.mm->locked_vm, 0UL);
	sandbox_map(&box, AT(1), 1);
	EXPECT_LOCKS("---.-.-");
	EXPECT(pte_none(sandbox_pte(&box, AT(1))));
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5
 *	touched	  w
 *	mlock2	[F F F]		none is touched; page 1 stays as it is
 *	mlock	  [L L]		1 is there, 2 comes
 */
KTEST(mlock, pages_may_be_locked_from_their_first_touch_on)
{
	struct sandbox box;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 6);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	pte = sandbox_pte(&box, AT(1));
	EXPECT_EQ(do_mlock2(box.mm, AT(0), LEN(3), 2), -EINVAL);
	EXPECT_EQ(do_mlock2(box.mm, AT(0), LEN(3), ~0), -EINVAL);
	EXPECT_EQ(do_mlock2(box.mm, AT(0), LEN(3), MLOCK_ONFAULT), 0);
	EXPECT_LOCKS("FFF---");
	EXPECT_EQ(box.mm->locked_vm, 3UL);
	EXPECT(pte_none(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(pte_val(sandbox_pte(&box, AT(1))), pte_val(pte));
	/* Each way is a lock: DONTNEED is refused, and the limit counts it. */
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), -EINVAL);
	box.mm->lock_limit = 3;
	EXPECT_EQ(do_mlock2(box.mm, AT(2), LEN(2), MLOCK_ONFAULT), -ENOMEM);
	EXPECT_EQ(do_mlock(box.mm, AT(1), LEN(2)), 0);
	EXPECT_LOCKS("FLL---");
	EXPECT_EQ(box.mm->locked_vm, 3UL);
	EXPECT(pte_write(sandbox_pte(&box, AT(2))));
	EXPECT_EQ(do_mlock2(box.mm, AT(2), LEN(1), MLOCK_ONFAULT), 0);
	EXPECT_LOCKS("FLF---");
	EXPECT(pte_write(sandbox_pte(&box, AT(2))));
	EXPECT_EQ(do_munlock(box.mm, AT(0), LEN(2)), 0);
	EXPECT_LOCKS("--F---");
	/* What it gains comes with the first touch, too. */
	EXPECT_EQ(do_mremap(box.mm, AT(2), LEN(1), LEN(2), MREMAP_MAYMOVE, 0),
		  (long)USER_START);
	EXPECT(pte_none(sandbox_pte(&box, USER_START + PAGE_SIZE)));
	EXPECT_EQ(box.mm->locked_vm, 2UL);
	box.mm->lock_limit = 0;
	EXPECT_EQ(do_mlock2(box.mm, AT(0), LEN(1), MLOCK_ONFAULT), -EPERM);
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(mlock, all_of_now_or_all_to_come_may_be_locked_from_the_first_touch_on)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(do_mlockall(box.mm, MCL_FUTURE | MCL_ONFAULT), 0);
	EXPECT_LOCKS("-");
	sandbox_map(&box, AT(2), 1);
	EXPECT_EQ(do_mmap(box.mm, AT(4), LEN(1), PROT_READ, flags | MAP_LOCKED),
		  (long)AT(4));
	EXPECT_LOCKS("-.F.F");
	EXPECT(pte_none(sandbox_pte(&box, AT(2))));
	EXPECT(pte_none(sandbox_pte(&box, AT(4))));
	EXPECT_EQ(do_mmap(box.mm, AT(6), LEN(1), PROT_READ, flags | MAP_POPULATE),
		  (long)AT(6));
	EXPECT(pte_present(sandbox_pte(&box, AT(6))));
	EXPECT_EQ(do_mlockall(box.mm, MCL_CURRENT | MCL_ONFAULT), 0);
	EXPECT_LOCKS("F.F.F.F");
	EXPECT(pte_none(sandbox_pte(&box, AT(0))));
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(child->mm_first->vm_flags & VM_LOCKED_MASK, 0UL);
		verify_in(&box, child);
		mmput(child);
	}
	EXPECT_EQ(do_mlockall(box.mm, MCL_CURRENT), 0);
	EXPECT_LOCKS("L.L.L.L");
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(do_mlockall(box.mm, MCL_CURRENT | MCL_ONFAULT), 0);
	EXPECT_EQ(do_munlockall(box.mm), 0);
	EXPECT_LOCKS("-.-.-.-");
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(mlock, a_mapping_may_be_touched_or_locked_as_it_is_made)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(do_mmap(box.mm, AT(0), LEN(1), PROT_READ | PROT_WRITE,
			  flags | MAP_POPULATE),
		  (long)AT(0));
	EXPECT_EQ(do_mmap(box.mm, AT(1), LEN(1), PROT_READ, flags | MAP_LOCKED),
		  (long)AT(1));
	EXPECT_EQ(do_mmap(box.mm, AT(2), LEN(1), PROT_NONE, flags | MAP_POPULATE),
		  (long)AT(2));
	EXPECT_LOCKS("-L-");
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	EXPECT(pte_present(sandbox_pte(&box, AT(1))));
	EXPECT(pte_none(sandbox_pte(&box, AT(2))));
	sandbox_close(&box);
}

/* The child may lock its own, as far as its parent might. */
KTEST(mlock, a_fork_locks_nothing_and_keeps_the_limit)
{
	struct mm_struct *child;
	struct sandbox box;
	struct page *page;
	unsigned long vm_flags;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(do_mlockall(box.mm, MCL_CURRENT | MCL_FUTURE), 0);
	box.mm->lock_limit = 7;
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(child->locked_vm, 0UL);
		EXPECT_EQ(child->def_flags, 0UL);
		EXPECT_EQ(child->lock_limit, 7UL);
		EXPECT_EQ(child->mm_first->vm_flags & VM_LOCKED, 0UL);
		verify_in(&box, child);
		/* For reclaim it is enough that one of them has it locked. */
		page = page_in(child, AT(0));
		get_page(page);
		lock_page(page);
		(void)page_referenced(page, YOUNG_TEST, &vm_flags);
		EXPECT_EQ(vm_flags & VM_LOCKED, VM_LOCKED);
		unlock_page(page);
		put_page(page);
		mmput(child);
	}
	EXPECT_EQ(box.mm->locked_vm, 2UL);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5
 *	parent	[  ][ L][  ]	three regions
 *	child	[          ]	one: nothing tells its parts apart
 */
KTEST(mlock, a_childs_regions_are_one_where_the_lock_alone_told_them_apart)
{
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 6);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(do_mlock(box.mm, AT(2), LEN(2)), 0);
	EXPECT_EQ(box.mm->map_count, 3U);
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(child->map_count, 1U);
		verify_in(&box, child);
		EXPECT_EQ(read_in(&box, child, AT(0)), 1UL);
		mmput(child);
	}
	EXPECT_EQ(box.mm->map_count, 3U);
	sandbox_close(&box);
}
