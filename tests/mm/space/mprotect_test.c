// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/mprotect_test.c - rights change, contents stay
 */
#include <arch/tlb.h>
#include <lib/string.h>
#include <kernel/timer.h>
#include <mm/table/tlb.h>
#include <mm/space/soft_dirty.h>
#include "tests/mm/lib/sandbox.h"

#define RW     (PROT_READ | PROT_WRITE)
#define RWX    (PROT_READ | PROT_WRITE | PROT_EXEC)
#define TABLE  512
#define ROUNDS 100
/* The interrupt's next look: 2 to 66 microseconds, of no period. */
#define NEXT_LOOK_NS(n) (2000 + (n)*7919UL % 65536)
/* Longer than a thousand changes: an interrupt on a busy host. */
#define LATE_NS 50000000UL

KTEST(mprotect, bad_arguments_and_holes_change_nothing)
{
	struct sandbox box;
	char buf[64];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	sandbox_map(&box, AT(3), 2);
	EXPECT_EQ(do_mprotect(box.mm, AT(0) + 1, LEN(1), PROT_READ), -EINVAL);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), 8), -EINVAL);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(5), PROT_READ), -ENOMEM);
	EXPECT_EQ(do_mprotect(box.mm, AT(3), LEN(3), PROT_READ), -ENOMEM);
	EXPECT_EQ(do_mprotect(box.mm, AT(7), LEN(1), PROT_READ), -ENOMEM);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), ~0UL, PROT_READ), -ENOMEM);
	EXPECT_EQ(do_mprotect(box.mm, AT(9), 0, PROT_READ), 0);
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "2 rw 1 - 2 rw");
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5	0 1 2 3 4 5	0 1 2 3 4 5
 *		[    rw    ]	[rw][r ][rw]	[    rw    ]
 *	change	    [r ]	    [rw]
 */
KTEST(mprotect, a_region_splits_and_joins_again)
{
	struct sandbox box;
	char buf[64];

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 6);
	EXPECT_EQ(do_mprotect(box.mm, AT(2), LEN(2), PROT_READ), 0);
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "2 rw 2 r 2 rw");
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), PROT_READ), 0);
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "1 rw 3 r 2 rw");
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(6), PROT_NONE), 0);
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "6 none");
	EXPECT_EQ(do_mprotect(box.mm, AT(2), LEN(4), RW), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), RW), 0);
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "6 rw");
	sandbox_close(&box);
}

KTEST(mprotect, a_write_is_refused_as_soon_as_the_call_returns)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	/* The write leaves a writable translation in this CPU's TLB. */
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_READ), 0);
	EXPECT_EQ(user_poke(AT(0), 2), -EFAULT);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), RW), 0);
	EXPECT_EQ(user_poke(AT(0), 3), 0);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 3UL);
	sandbox_close(&box);
}

static void spin_reading(struct sandbox_thread *self)
{
	struct ktest_step *step = self->arg;
	u64 value;

	while (user_peek(AT(0), &value) == 0 && !step_reached(step, 3))
		step_signal(step, 1);
	step_signal(step, 2);
}

KTEST(mprotect, another_cpu_loses_its_translation_too, KT_FLAGS(KT_NEEDS_SMP))
{
	struct ktest_step step = KTEST_STEP_INIT(test);
	struct sandbox_thread reader;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	sandbox_thread_start(&reader, &box, another_cpu(), spin_reading, &step);
	step_wait(&step, 1);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_NONE), 0);
	if (step_wait(&step, 2))
		step_signal(&step, 3);
	sandbox_thread_join(&reader);
	sandbox_close(&box);
}

KTEST(mprotect, no_access_hides_the_contents_and_keeps_them, KT_RULES("R7.3"))
{
	struct sandbox box;
	u64 value;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 0x77), 0);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_NONE), 0);
	EXPECT(pte_protnone(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(user_peek(AT(0), &value), -EFAULT);
	EXPECT_EQ(user_peek(AT(1), &value), -EFAULT);
	sandbox_verify(&box);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), RW), 0);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0x77UL);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	sandbox_close(&box);
}

KTEST(mprotect, memory_that_was_never_touched_raises_no_event, KT_RULES("R1.13"))
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1024);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1024), PROT_READ), 0);
	EXPECT_EQ(box.nr, 0U);
	/* Nor does it beside a page that was touched, in the same table. */
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1024), RW), 0);
	EXPECT_EQ(user_poke(AT(9), 1), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(8), PROT_READ), 0);
	EXPECT_EQ(box.nr, 0U);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5 6 7
 *		[      W       ]
 *	change	 [           ]		event from the first filled entry on
 *	event	       [     ]
 */
KTEST(mprotect, the_event_begins_at_the_first_page_and_sees_the_new_rights,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.19"))
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 8);
	EXPECT_EQ(user_poke(AT(3), 1), 0);
	sandbox_forget(&box);
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(6), PROT_READ), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_PROTECTION_VMA, AT(3), AT(7));
	EXPECT_EQ(box.seen[0].vm_flags & VM_ACCESS, VM_READ);
	EXPECT(pte_write(box.seen[0].first));
	sandbox_close(&box);
}

KTEST(mprotect, each_region_with_pages_gets_one_event,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.15"))
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	sandbox_map(&box, AT(2), 600);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_READ), 0);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(user_poke(AT(5), 1), 0);
	EXPECT_EQ(user_poke(AT(601), 1), 0);
	sandbox_forget(&box);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(602), PROT_NONE), 0);
	EXPECT_EQ(box.nr, 2U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_PROTECTION_VMA, AT(1), AT(2));
	EXPECT_EVENT(&box, 1, MMU_NOTIFY_PROTECTION_VMA, AT(5), AT(602));
	sandbox_close(&box);
}

KTEST(mprotect, an_own_page_is_writable_at_once_when_rights_return)
{
	struct fault_counters before, after;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_READ), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), RW), 0);
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	EXPECT(!pte_write(sandbox_pte(&box, AT(1))));
	fault_read_counters(&before);
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	fault_read_counters(&after);
	EXPECT_EQ(after.reused, before.reused);
	sandbox_close(&box);
}

KTEST(mprotect, rights_already_there_cost_no_event)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	sandbox_forget(&box);
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), RW), 0);
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(box.mm->map_count, 1U);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5 6 7
 *	filled	    x     x
 *	event	    [---------]		more than changes, and never less (R1.8)
 */
KTEST(mprotect, an_event_may_cover_more_than_changes_and_never_less,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.8"))
{
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 8);
	EXPECT_EQ(user_poke(AT(2), 1), 0);
	EXPECT_EQ(user_poke(AT(5), 1), 0);
	sandbox_forget(&box);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(8), PROT_READ), 0);
	EXPECT_EQ(box.nr, 1U);
	for (i = 0; i < 8; i++) {
		bool changed = !pte_none(sandbox_pte(&box, AT(i)));

		EXPECT(!changed ||
		       (AT(i) >= box.seen[0].start && AT(i) < box.seen[0].end));
	}
	/* Neither less than what is filled, nor more than was asked for. */
	EXPECT_LE(box.seen[0].start, AT(2));
	EXPECT_GE(box.seen[0].start, AT(0));
	EXPECT_GE(box.seen[0].end, AT(6));
	EXPECT_LE(box.seen[0].end, AT(8));
	sandbox_close(&box);
}

/* Flushes of this address space during one change of rights. */
static unsigned long flushes_of(struct sandbox *box, int prot)
{
	struct ktest *test = box->test;
	struct tlb_counters before, after;

	tlb_read_counters(&before);
	EXPECT_EQ(do_mprotect(box->mm, AT(0), LEN(1), prot), 0);
	tlb_read_counters(&after);
	return after.flushes - before.flushes;
}

/* A CPU that remembers more rights than there are would go on using them. */
KTEST(mprotect, every_right_that_is_lost_is_flushed_and_none_that_is_gained)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(flushes_of(&box, RWX), 0UL);
	EXPECT_EQ(flushes_of(&box, RW), 1UL);
	EXPECT_EQ(flushes_of(&box, PROT_READ | PROT_EXEC), 1UL);
	EXPECT_EQ(flushes_of(&box, PROT_READ), 1UL);
	EXPECT_EQ(flushes_of(&box, PROT_NONE), 1UL);
	EXPECT_EQ(flushes_of(&box, PROT_READ), 0UL);
	EXPECT_EQ(flushes_of(&box, RWX), 0UL);
	sandbox_close(&box);
}

/*
 * The write mark was cleared, so the next write must fault and set it; rights
 * that go and come back change nothing about that (R1.21).
 *
 *	page	0: written, mark cleared	1: written
 */
KTEST(mprotect, a_cleared_write_mark_survives_rights_that_go_and_return,
      KT_RULES("R1.21"))
{
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(user_poke(AT(i), 1), 0);
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT_EQ(user_poke(AT(1), 2), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_READ), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), RW), 0);
	EXPECT(!pte_write(sandbox_pte(&box, AT(0))));
	EXPECT(!pte_soft_dirty(sandbox_pte(&box, AT(0))));
	EXPECT(pte_write(sandbox_pte(&box, AT(1))));
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	EXPECT(pte_soft_dirty(sandbox_pte(&box, AT(0))));
	sandbox_close(&box);
}

/* So is a page that a user's handler has write-protected. */
KTEST(mprotect, a_page_protected_for_a_handler_stays_so_when_rights_return,
      KT_RULES("R1.21"))
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	sandbox_set_pte(&box, AT(0),
			pte_mkuffd_wp(pte_wrprotect(sandbox_pte(&box, AT(0)))));
	flush_tlb_mm_range(box.mm, AT(0), AT(1));
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), PROT_READ), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(1), RW), 0);
	EXPECT(!pte_write(sandbox_pte(&box, AT(0))));
	EXPECT(pte_uffd_wp(sandbox_pte(&box, AT(0))));
	sandbox_close(&box);
}

/* --- the processor's own mark ------------------------------------------------ */

/* One table of entries, that a processor uses while their rights change. */
struct uses {
	struct timer timer;
	struct spinlock *ptl;
	pte_t *table;
	bool met; /* the entries were used while the table was locked */
	unsigned int looks;
	bool used[TABLE];
};

/*
 * Do as a processor does at the first write through a clean writable entry: set
 * the mark in one instruction, only if the entry is as it was read, without a
 * lock. Where the entry is not there the write would fault, and come later.
 */
static bool use_entry(pte_t *ptep)
{
	unsigned long old = pte_val(ptep_get(ptep));

	return pte_write(__pte(old)) &&
	       cmpxchg(&ptep->pte, old, old | _PAGE_DIRTY) == old;
}

/* In an interrupt, which may come anywhere; again, until the table is locked. */
static void use_entries(struct timer *timer)
{
	struct uses *uses = container_of(timer, struct uses, timer);
	int i;

	if (!spin_is_locked(uses->ptl)) {
		timer_arm_ns(timer, NEXT_LOOK_NS(uses->looks++));
		return;
	}
	for (i = 0; i < TABLE; i++)
		uses->used[i] = use_entry(uses->table + i);
	WRITE_ONCE(uses->met, true);
}

/* As after writing to disk: writable and clean. */
static void clean_all(struct sandbox *box, struct uses *uses) __no_thread_safety
{
	int i;

	mmap_read_lock(box->mm);
	uses->table = pgtable_map_lock(box->mm, AT(0), &uses->ptl);
	for (i = 0; i < TABLE; i++)
		set_pte(uses->table + i,
			pte_mkclean(ptep_get_and_clear(uses->table + i)));
	spin_unlock(uses->ptl);
	mmap_read_unlock(box->mm);
}

static unsigned int used_and_clean(const struct uses *uses)
{
	unsigned int lost = 0;
	int i;

	for (i = 0; i < TABLE; i++)
		lost += uses->used[i] && !pte_dirty(ptep_get(uses->table + i));
	return lost;
}

/* Change the rights twice; true when the entries have been used meanwhile. */
static bool used_while_changed(struct sandbox *box, struct uses *uses)
{
	struct ktest *test = box->test;

	EXPECT_EQ(do_mprotect(box->mm, AT(0), LEN(TABLE), RWX), 0);
	EXPECT_EQ(do_mprotect(box->mm, AT(0), LEN(TABLE), RW), 0);
	return READ_ONCE(uses->met);
}

/*
 * Changes rights, again and again, until the entries were used meanwhile. The
 * bound is a time: a busy host delivers an interrupt many changes late.
 */
static bool change_beside_uses(struct sandbox *box, struct uses *uses,
			       u64 first_ns)
{
	bool met;

	clean_all(box, uses);
	memset(uses->used, 0, sizeof(uses->used));
	WRITE_ONCE(uses->met, false);
	timer_arm_ns(&uses->timer, first_ns);
	met = KTEST_WAIT_FOR(box->test, used_while_changed(box, uses));
	timer_cancel_sync(&uses->timer);
	return met;
}

/*
 *	mprotect			the processor, at a write
 *	entry taken out whole
 *					no entry: a fault, later
 *	entry put back
 *
 *	entry only read			(the mistake)
 *					sets the entry's dirty bit
 *	entry put back, clean
 *	an entry that was used is dirty
 *
 * The writes are played by a timer's interrupt: it comes between any two
 * instructions of the change, and uses all entries at once.
 */
KTEST(mprotect, a_dirty_mark_that_the_processor_sets_meanwhile_is_kept)
{
	static struct uses uses;
	struct sandbox box;
	int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), TABLE);
	for (i = 0; i < TABLE; i++)
		EXPECT_EQ(user_poke(AT(i), 1), 0);
	uses = (struct uses){.met = false};
	timer_init(&uses.timer, use_entries);
	for (i = 0; i < ROUNDS && !ktest_failed(test); i++) {
		if (!change_beside_uses(&box, &uses,
					i ? NEXT_LOOK_NS(uses.looks++) : LATE_NS))
			break;
		EXPECT_EQ(used_and_clean(&uses), 0U);
	}
	sandbox_close(&box);
}
