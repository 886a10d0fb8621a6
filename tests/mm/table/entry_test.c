// SPDX-License-Identifier: MIT
/*
 * tests/mm/table/entry_test.c - an entry that loses something, and its range
 *
 * No device and no subscriber is here: nothing but the assertion of mm/table/entry.c
 * can notice a range that is missing.
 */
#include <mm/device/exclusive.h>
#include <mm/notifier/start.h>
#include <mm/space/mm.h>
#include <mm/table/entry.h>
#include "tests/mm/lib/sandbox.h"
#include "tests/mm/notifier/warnings_heard.h"

#define FRAME   7
#define OTHER   8
#define OUTSIDE "outside a range"

/* Entries of an mm that has no tables: only the address is looked at. */
static pte_t mapped(pfn_t pfn, pgprot_t prot)
{
	return pfn_pte(pfn, prot);
}

static pte_t exclusive(bool write)
{
	return swp_entry_to_pte(
		write ? make_writable_device_exclusive_entry(FRAME)
		      : make_readable_device_exclusive_entry(FRAME));
}

struct change {
	pte_t from;
	pte_t to;
};

/* Make it, without a range. Return: the warnings that came. */
static unsigned int warnings_of(struct mm_struct *mm, struct change change)
{
	pte_t entry = change.from;

	expect_warnings();
	set_pte_at(mm, AT(0), &entry, change.to);
	return warnings_heard();
}

KTEST(entry_change, each_loss_without_a_range_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R1.8 R1.10"))
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	const pte_t rw = mapped(FRAME, PAGE_SHARED);
	const pte_t ro = mapped(FRAME, PAGE_READONLY);
	const struct change losses[] = {
		{rw, __pte(0)},
		{ro, __pte(0)},
		{rw, mapped(OTHER, PAGE_SHARED)},
		{rw, ro},
		{ro, mapped(FRAME, PAGE_NONE)},
		{mapped(FRAME, PAGE_READONLY_EXEC), ro},
		{mapped(FRAME, PAGE_NONE), __pte(0)},
		{rw, exclusive(true)},
		{exclusive(true), rw},
		{exclusive(true), exclusive(false)},
		{exclusive(true), __pte(0)},
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(losses); i++) {
		EXPECT_EQ(warnings_of(box->mm, losses[i]), 1U);
		expect_words(test, OUTSIDE);
	}
}

KTEST(entry_change, a_gain_needs_no_range, KT_RULES("R1.13"))
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	const pte_t rw = mapped(FRAME, PAGE_SHARED);
	const pte_t ro = mapped(FRAME, PAGE_READONLY);
	const struct change gains[] = {
		{__pte(0), rw},
		{__pte(0), exclusive(true)},
		{ro, rw},
		{mapped(FRAME, PAGE_NONE), rw},
		{ro, mapped(FRAME, PAGE_READONLY_EXEC)},
		{rw, pte_mkdirty(pte_mkold(rw))},
		{exclusive(true), pte_swp_mksoft_dirty(exclusive(true))},
		{swp_entry_to_pte(swp_entry(0, FRAME)), __pte(0)},
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gains); i++)
		EXPECT_EQ(warnings_of(box->mm, gains[i]), 0U);
}

/* Empty the entry of page 0 while a range of @mm over [@start, @end) is open. */
static unsigned int warnings_inside(struct mm_struct *mm, struct mm_struct *of,
				    vaddr_t start, vaddr_t end)
{
	const struct change loss = {mapped(FRAME, PAGE_SHARED), __pte(0)};
	struct mmu_notifier_range range;
	unsigned int warned;

	mmap_read_lock(of);
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, NULL, of, start,
				end);
	mmu_notifier_invalidate_range_start(&range);
	warned = warnings_of(mm, loss);
	mmu_notifier_invalidate_range_end(&range);
	mmap_read_unlock(of);
	return warned;
}

/*
 *	page	-1	0	1
 *		[-------]	covers
 *			[---]	covers
 *			[-]	a part of it: does not
 *		[---]		does not
 *				[---] does not
 */
KTEST(entry_change, the_range_must_cover_the_page_and_be_of_its_mm,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct mm_struct *mm = box->mm, *other = mm_alloc();

	REQUIRE(other);
	EXPECT_EQ(warnings_inside(mm, mm, AT(0) - PAGE_SIZE, AT(1)), 0U);
	EXPECT_EQ(warnings_inside(mm, mm, AT(0), AT(1)), 0U);
	EXPECT_EQ(warnings_inside(mm, mm, 0, ~0UL), 0U);
	EXPECT_EQ(warnings_inside(mm, mm, AT(0), AT(1) - 1), 1U);
	EXPECT_EQ(warnings_inside(mm, mm, AT(0) - PAGE_SIZE, AT(0)), 1U);
	EXPECT_EQ(warnings_inside(mm, mm, AT(1), AT(2)), 1U);
	EXPECT_EQ(warnings_inside(mm, other, AT(0), AT(1)), 1U);
	/* A range that is over covers nothing. */
	EXPECT_EQ(warnings_of(mm, (struct change){mapped(FRAME, PAGE_SHARED),
						  __pte(0)}),
		  1U);
	mmput(other);
}

KTEST(entry_change, a_range_inside_another_hides_neither)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct mm_struct *mm = box->mm;
	struct mmu_notifier_range outer;

	mmap_read_lock(mm);
	mmu_notifier_range_init(&outer, MMU_NOTIFY_UNMAP, 0, NULL, mm, AT(0),
				AT(1));
	mmu_notifier_invalidate_range_start(&outer);
	mmap_read_unlock(mm);
	EXPECT_EQ(warnings_inside(mm, mm, AT(1), AT(2)), 0U);
	EXPECT_EQ(warnings_of(mm, (struct change){mapped(FRAME, PAGE_SHARED),
						  __pte(0)}),
		  0U);
	mmap_read_lock(mm);
	mmu_notifier_invalidate_range_end(&outer);
	mmap_read_unlock(mm);
}

struct another {
	struct mm_struct *mm;
	unsigned int warned;
};

static int change_in_another_thread(void *arg)
{
	struct another *another = arg;

	another->warned = warnings_of(
		another->mm,
		(struct change){mapped(FRAME, PAGE_SHARED), __pte(0)});
	return 0;
}

KTEST(entry_change, the_range_of_another_thread_does_not_count,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct another another = {.mm = box->mm};
	struct mmu_notifier_range range;
	struct task *task;

	mmap_read_lock(box->mm);
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, NULL, box->mm,
				AT(0), AT(1));
	mmu_notifier_invalidate_range_start(&range);
	task = kthread_run(change_in_another_thread, &another, "changes");
	if (!IS_ERR(task))
		kthread_join(task);
	mmu_notifier_invalidate_range_end(&range);
	mmap_read_unlock(box->mm);
	REQUIRE(!IS_ERR(task));
	EXPECT_EQ(another.warned, 1U);
}

/* Each operation that takes something away, once. */
KTEST(entry_change, every_operation_changes_entries_inside_its_range,
      KT_RULES("R1.10"))
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct mm_struct *mm = box->mm;
	struct page *pages[2];

	expect_warnings();
	sandbox_map(box, AT(0), 8);
	/* The zero page, and its replacement. */
	sandbox_read(box, AT(0));
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(do_mprotect(mm, AT(0), 2 * PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(do_mprotect(mm, AT(0), 2 * PAGE_SIZE, PROT_NONE), 0);
	EXPECT_EQ(do_mprotect(mm, AT(0), 2 * PAGE_SIZE, PROT_READ | PROT_WRITE),
		  0);
	/* Exclusive; taken over; restored; given fewer rights; thrown away. */
	if (sandbox_make_exclusive(box, AT(0), 2, pages, pages) == 2) {
		release_exclusive(pages, 2);
		EXPECT_EQ(sandbox_make_exclusive(box, AT(0), 2, pages, box), 2);
		release_exclusive(pages, 2);
		EXPECT_EQ(sandbox_read(box, AT(0)), 1UL);
		EXPECT_EQ(do_mprotect(mm, AT(1), PAGE_SIZE, PROT_READ), 0);
		EXPECT_EQ(madvise_dontneed(mm, AT(1), PAGE_SIZE), 0);
	}
	EXPECT_EQ(madvise_dontneed(mm, AT(0), 8 * PAGE_SIZE), 0);
	EXPECT_EQ(user_poke(AT(4), 1), 0);
	EXPECT_EQ(do_munmap(mm, AT(4), PAGE_SIZE), 0);
	EXPECT_EQ(user_poke(AT(5), 1), 0);
	EXPECT_EQ(warnings_heard(), 0U);
	/* The rest is exit's. */
}
