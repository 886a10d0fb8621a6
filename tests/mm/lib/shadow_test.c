// SPDX-License-Identifier: MIT
/*
 * tests/mm/lib/shadow_test.c - a change that no range announced is found
 *
 * The entry is changed behind every subscriber, as an operation would change it that has
 * forgotten its start. Complaints are counted here instead of failing the test.
 *
 * Not here: that the operations of mm/ forget none. Every test with a sandbox sees that,
 * and the last one here has each operation once.
 */
#include <mm/fault/fault.h>
#include <mm/table/entry.h>
#include "tests/mm/lib/by_hand.h"
#include "tests/mm/lib/relatives.h"
#include "tests/mm/lib/shadow.h"

#define OTHER_FRAME 7

static unsigned int complaints[SHADOW_KINDS];
static vaddr_t complained_of;

static void count_complaint(struct shadow *shadow, enum shadow_kind kind,
			    vaddr_t addr)
{
	complaints[kind]++;
	complained_of = addr;
}

/* Complaints since the last call, of each kind: both found as many. */
static unsigned int complaints_heard(struct ktest *test)
{
	unsigned int heard = complaints[SHADOW_PLAIN];

	EXPECT_EQ(complaints[SHADOW_INTERVAL], heard);
	complaints[SHADOW_PLAIN] = complaints[SHADOW_INTERVAL] = 0;
	return heard;
}

/* A sandbox with pages 0 to 3, of which 0 to 2 are written to. */
static struct sandbox *shadowed_sandbox(struct ktest *test)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	unsigned int i;

	shadow_complain_to(box->mm, count_complaint);
	(void)complaints_heard(test);
	sandbox_map(box, AT(0), 4);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(user_poke(AT(i), i + 1), 0);
	return box;
}

/* What both kinds hold; they hold the same. */
static enum shadow_holds held(struct ktest *test, struct mm_struct *mm,
			      vaddr_t addr)
{
	enum shadow_holds by_plain = shadow_holds(mm, SHADOW_PLAIN, addr);

	EXPECT_EQ(shadow_holds(mm, SHADOW_INTERVAL, addr), by_plain);
	return by_plain;
}

/* Store an entry as nothing in mm/ may: no range, no assertion, no subscriber. */
static pte_t store_behind(struct mm_struct *mm, vaddr_t addr,
			  pte_t pte) __no_thread_safety
{
	struct spinlock *ptl;
	pte_t *ptep, old;

	mmap_read_lock(mm);
	ptep = pgtable_map_lock(mm, addr, &ptl);
	old = ptep_get(ptep);
	set_pte(ptep, pte);
	spin_unlock(ptl);
	mmap_read_unlock(mm);
	return old;
}

static pte_t emptied(pte_t pte)
{
	return __pte(0);
}

static pte_t write_protected(pte_t pte)
{
	return pte_wrprotect(pte);
}

static pte_t unreadable(pte_t pte)
{
	return pfn_pte(pte_pfn(pte), PAGE_NONE);
}

static pte_t exclusive(pte_t pte)
{
	return swp_entry_to_pte(
		make_writable_device_exclusive_entry(pte_pfn(pte)));
}

static pte_t repointed(pte_t pte)
{
	return pfn_pte(pte_pfn(pte) + OTHER_FRAME, PAGE_SHARED);
}

/* By the operation that would forget its start. */
static const struct miss {
	const char *operation;
	pte_t (*change)(pte_t pte);
} misses[] = {
	{"munmap, madvise and exit", emptied},
	{"mprotect to read, and fork", write_protected},
	{"mprotect to no access", unreadable},
	{"exclusive access", exclusive},
	{"a write to a shared page", repointed},
};

KTEST(shadow, each_kind_of_miss_is_found_by_both_kinds_of_subscriber,
      KT_RULES("R1.8 R1.10"))
{
	struct sandbox *box = shadowed_sandbox(test);
	unsigned int i;
	pte_t was;

	for (i = 0; i < ARRAY_SIZE(misses); i++) {
		EXPECT_EQ(held(test, box->mm, AT(1)), SHADOW_HOLDS_WRITE);
		was = store_behind(box->mm, AT(1),
				   misses[i].change(sandbox_pte(box, AT(1))));
		shadow_stop(box->mm);
		EXPECT_EQ(complaints_heard(test), 1U, "%s", misses[i].operation);
		EXPECT_EQ(complained_of, AT(1));
		/* It is said once. */
		shadow_stop(box->mm);
		EXPECT_EQ(complaints_heard(test), 0U);
		store_behind(box->mm, AT(1), was);
		shadow_stop(box->mm);
		EXPECT_EQ(complaints_heard(test), i == 4 ? 1U : 0U);
	}
}

/* The next start of any operation finds it, before it hides it. */
KTEST(shadow, a_miss_is_found_by_the_next_start)
{
	struct sandbox *box = shadowed_sandbox(test);
	pte_t was = store_behind(box->mm, AT(1), __pte(0));

	EXPECT_EQ(madvise_dontneed(box->mm, AT(0), LEN(3)), 0);
	EXPECT_EQ(complaints_heard(test), 1U);
	EXPECT_EQ(complained_of, AT(1));
	store_behind(box->mm, AT(1), was);
}

/* A touch compares its own page, and no other. */
KTEST(shadow, a_miss_is_found_by_a_touch_of_its_page)
{
	struct sandbox *box = shadowed_sandbox(test);
	pte_t was = store_behind(box->mm, AT(1), __pte(0));

	(void)sandbox_pte(box, AT(2));
	EXPECT_EQ(complaints_heard(test), 0U);
	(void)sandbox_pte(box, AT(1));
	EXPECT_EQ(complaints_heard(test), 1U);
	store_behind(box->mm, AT(1), was);
}

/* In a range everything may be different; what is wrong afterwards is found. */
KTEST(shadow, nothing_is_compared_while_a_range_is_open)
{
	struct sandbox *box = shadowed_sandbox(test);
	struct mmu_notifier_range range;
	pte_t was;

	mmap_read_lock(box->mm);
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, NULL, box->mm,
				AT(0), AT(1));
	mmu_notifier_invalidate_range_start(&range);
	mmap_read_unlock(box->mm);
	was = store_behind(box->mm, AT(1), __pte(0));
	shadow_stop(box->mm);
	EXPECT_EQ(complaints_heard(test), 0U);
	mmap_read_lock(box->mm);
	mmu_notifier_invalidate_range_end(&range);
	mmap_read_unlock(box->mm);
	shadow_stop(box->mm);
	EXPECT_EQ(complaints_heard(test), 1U);
	store_behind(box->mm, AT(1), was);
}

/* An event that permits more than the change leaves. */
KTEST(shadow, an_event_that_permits_too_much_is_found, KT_RULES("R1.20"))
{
	struct sandbox *box = shadowed_sandbox(test);
	struct mmu_notifier_range range;
	pte_t was;

	mmap_write_lock(box->mm);
	mmu_notifier_range_init(&range, MMU_NOTIFY_PROTECTION_PAGE, 0,
				vma_lookup(box->mm, AT(1)), box->mm, AT(1),
				AT(2));
	mmu_notifier_invalidate_range_start(&range);
	mmap_write_unlock(box->mm);
	was = store_behind(box->mm, AT(1), __pte(0));
	mmap_write_lock(box->mm);
	mmu_notifier_invalidate_range_end(&range);
	mmap_write_unlock(box->mm);
	shadow_stop(box->mm);
	EXPECT_EQ(complaints_heard(test), 1U);
	store_behind(box->mm, AT(1), was);
}

/* A shadow that held nothing would find nothing. */
KTEST(shadow, it_keeps_what_each_event_permits,
      KT_RULES("R1.18 R1.19 R1.20 R1.22"))
{
	struct sandbox *box = shadowed_sandbox(test);
	struct mm_struct *mm = box->mm, *child;

	EXPECT_EQ(held(test, mm, AT(3)), SHADOW_HOLDS_NOTHING);
	EXPECT_EQ(do_mprotect(mm, AT(0), LEN(1), PROT_READ), 0);
	EXPECT_EQ(held(test, mm, AT(0)), SHADOW_HOLDS_READ);
	EXPECT_EQ(held(test, mm, AT(1)), SHADOW_HOLDS_WRITE);
	child = sandbox_fork(box);
	EXPECT_EQ(held(test, mm, AT(1)), SHADOW_HOLDS_READ);
	EXPECT_EQ(madvise_dontneed(mm, AT(2), LEN(1)), 0);
	EXPECT_EQ(held(test, mm, AT(2)), SHADOW_HOLDS_NOTHING);
	if (child) {
		EXPECT_EQ(read_in(box, child, AT(2)), 3UL);
		EXPECT_EQ(held(test, child, AT(2)), SHADOW_HOLDS_READ);
		mmput(child);
		EXPECT_EQ(held(test, child, AT(2)), SHADOW_HOLDS_NOTHING);
	}
	EXPECT_EQ(complaints_heard(test), 0U);
}

/* A page of a far address takes the slot of a near one. */
KTEST(shadow, two_pages_of_one_slot_are_not_confused)
{
	struct sandbox *box = shadowed_sandbox(test);
	vaddr_t far = AT(1024);

	sandbox_map(box, far, 1);
	EXPECT_EQ(user_poke(far, 1), 0);
	EXPECT_EQ(held(test, box->mm, far), SHADOW_HOLDS_WRITE);
	EXPECT_EQ(held(test, box->mm, AT(0)), SHADOW_HOLDS_NOTHING);
	EXPECT_EQ(do_munmap(box->mm, AT(0), LEN(4)), 0);
	EXPECT_EQ(held(test, box->mm, far), SHADOW_HOLDS_WRITE);
	shadow_stop(box->mm);
	EXPECT_EQ(complaints_heard(test), 0U);
}

/* Each operation that takes something away, over pages that both kinds hold. */
KTEST(shadow, no_operation_forgets_its_start, KT_RULES("R1.10"))
{
	struct sandbox *box = shadowed_sandbox(test);
	struct mm_struct *mm = box->mm, *child;
	struct page *slots[1] = {NULL};
	unsigned int i;

	/* The zero page, replaced. */
	EXPECT_EQ(sandbox_read(box, AT(3)), 0UL);
	EXPECT_EQ(held(test, mm, AT(3)), SHADOW_HOLDS_READ);
	EXPECT_EQ(user_poke(AT(3), 4), 0);
	/* A shared page, copied. */
	child = sandbox_fork(box);
	shadow_stop(mm);
	EXPECT_EQ(user_poke(AT(0), 11), 0);
	if (child)
		mmput(child);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(user_poke(AT(i), i), 0);
	if (sandbox_make_exclusive(box, AT(0), 1, slots, slots) == 1) {
		shadow_stop(mm);
		EXPECT_EQ(held(test, mm, AT(0)), SHADOW_HOLDS_NOTHING);
		release_exclusive(slots, 1);
		EXPECT_EQ(sandbox_read(box, AT(0)), 0UL);
	}
	EXPECT_EQ(do_mprotect(mm, AT(1), LEN(1), PROT_READ), 0);
	shadow_stop(mm);
	EXPECT_EQ(do_mprotect(mm, AT(1), LEN(1), PROT_NONE), 0);
	shadow_stop(mm);
	EXPECT_EQ(madvise_dontneed(mm, AT(2), LEN(1)), 0);
	shadow_stop(mm);
	EXPECT_EQ(do_munmap(mm, AT(3), LEN(1)), 0);
	shadow_stop(mm);
	EXPECT_EQ(complaints_heard(test), 0U);
}
