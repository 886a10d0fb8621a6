// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_test.c - ranges, and the order of callbacks (R1,
 * R2.1 to R2.14); statistics
 *
 * Every test makes an address space of its own and starts ranges by hand, as
 * the operations of mm/ do.
 */
#include <lib/assert.h>

#include "notifier_fixture.h"
#include "mm/notifier/internal.h"

/* --- the range ------------------------------------------------------------------ */

KTEST(mmu_notifier, init_sets_every_field_and_owner_is_NULL,
      KT_RULES("R1.1 R1.5"))
{
	struct mm_struct *mm = mm_alloc();
	struct vm_area_struct vma;
	struct mmu_notifier_range range;

	REQUIRE(mm);
	memset(&range, 0x5a, sizeof(range));
	mmu_notifier_range_init(&range, MMU_NOTIFY_SOFT_DIRTY, 0, &vma, mm,
				PG(1), PG(3));
	EXPECT_EQ(range.mm, mm);
	EXPECT_EQ(range.vma, &vma);
	EXPECT_EQ(range.start, PG(1));
	EXPECT_EQ(range.end, PG(3));
	EXPECT_EQ(range.event, MMU_NOTIFY_SOFT_DIRTY);
	EXPECT_EQ(range.flags, 0U);
	EXPECT_EQ(range.owner, NULL);
	EXPECT(!mmu_notifier_range_blockable(&range));
	mmu_notifier_range_init_owner(&range, MMU_NOTIFY_MIGRATE, 0, NULL, mm,
				      PG(1), PG(3), test);
	EXPECT_EQ(range.owner, test);
	mmput(mm);
}

KTEST(mmu_notifier, events_have_their_numbers_and_names, KT_RULES("R1.2"))
{
	static const char *const names[] = {
		"UNMAP",      "CLEAR",   "PROTECTION_VMA", "PROTECTION_PAGE",
		"SOFT_DIRTY", "RELEASE", "MIGRATE",        "EXCLUSIVE",
	};
	unsigned int i;

	EXPECT_EQ(MMU_NOTIFY_UNMAP, 0);
	EXPECT_EQ(MMU_NOTIFY_EXCLUSIVE, 7);
	EXPECT_EQ(NR_MMU_NOTIFY_EVENTS, 8);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_STREQ(mmu_notifier_event_name(i), names[i]);
	EXPECT_STREQ(mmu_notifier_event_name(8), "?");
}

KTEST(mmu_notifier, blockable_is_the_start_calls_choice_and_stays_till_end,
      KT_RULES("R1.3 R1.4 R3.8"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l;

	REQUIRE(mm);
	/* With nobody there too (R1.4). */
	start_of(&range, mm, 0, 1);
	EXPECT(mmu_notifier_range_blockable(&range));
	end_of(&range);
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), 0);
	EXPECT(!mmu_notifier_range_blockable(&range));
	end_of(&range);
	EXPECT_EQ(listen(&l, mm), 0);
	change(mm, 0, 1);
	EXPECT(l.blockable_at_start);
	EXPECT(l.blockable_at_end);
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), 0);
	EXPECT(!l.blockable_at_start);
	end_of(&range);
	EXPECT(!l.blockable_at_end);
	EXPECT_EQ(l.starts, 2U);
	EXPECT_EQ(l.ends, 2U);
	unlisten(&l, mm);
	mmput(mm);
}

/* Types say what a callback may do with its range (R1.7). */
static_assert(
	__builtin_types_compatible_p(
		__typeof__(((struct mmu_notifier_ops *)0)->invalidate_range_start),
		int (*)(struct mmu_notifier *, const struct mmu_notifier_range *)),
	"start sees its range const");
static_assert(
	__builtin_types_compatible_p(
		__typeof__(((struct mmu_notifier_ops *)0)->invalidate_range_end),
		void (*)(struct mmu_notifier *,
			 const struct mmu_notifier_range *)),
	"end sees its range const");
static_assert(
	__builtin_types_compatible_p(
		__typeof__(((struct mmu_interval_notifier_ops *)0)->invalidate),
		bool (*)(struct mmu_interval_notifier *,
			 const struct mmu_notifier_range *, unsigned long)),
	"an interval sees its range const");

KTEST(mmu_notifier, callbacks_are_given_the_invalidators_own_range_const,
      KT_RULES("R1.7"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	start_of(&range, mm, 1, 3);
	EXPECT_EQ(l.told, &range);
	EXPECT_EQ(w.told, &range);
	l.told = NULL;
	end_of(&range);
	EXPECT_EQ(l.told, &range);
	EXPECT_EQ(range.mm, mm);
	EXPECT_EQ(range.event, MMU_NOTIFY_CLEAR);
	EXPECT_EQ(range.start, PG(1));
	EXPECT_EQ(range.end, PG(3));
	EXPECT_EQ(range.owner, NULL);
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

KTEST(mmu_notifier, an_empty_range_is_refused_loudly,
      KT_FLAGS(KT_EXPECT_REPORT | KT_NEEDS_DEBUG), KT_RULES("R1.6 R3.5"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct mmu_notifier_range range;
	unsigned int warned = warn_count();
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(start_nonblock_of(&range, mm, 2, 2), -EINVAL);
	start_of(&range, mm, 3, 2);
	end_of(&range);
	EXPECT_EQ(warn_count() - warned, 2U);
	EXPECT_EQ(l.starts, 0U);
	EXPECT_EQ(l.ends, 0U);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 0UL);
	unlisten(&l, mm);
	mmput(mm);
}

KTEST(mmu_notifier, update_to_read_only_needs_a_readable_region_and_its_event)
{
	struct mm_struct *mm = mm_alloc();
	struct vm_area_struct vma = {.vm_flags = VM_READ};
	struct mmu_notifier_range range;

	REQUIRE(mm);
	mmu_notifier_range_init(&range, MMU_NOTIFY_PROTECTION_VMA, 0, &vma, mm,
				0, PG(1));
	EXPECT(mmu_notifier_range_update_to_read_only(&range));
	vma.vm_flags = VM_NONE;
	EXPECT(!mmu_notifier_range_update_to_read_only(&range));
	vma.vm_flags = VM_READ;
	range.event = MMU_NOTIFY_CLEAR;
	EXPECT(!mmu_notifier_range_update_to_read_only(&range));
	range.event = MMU_NOTIFY_PROTECTION_VMA;
	range.vma = NULL;
	EXPECT(!mmu_notifier_range_update_to_read_only(&range));
	mmput(mm);
}

/*
 *	a	start(1-2) ............... end
 *	b	      start(4-6) .... end
 *	c		   start(1-1) ......... end	nested and side by side
 */
KTEST(mmu_notifier, ranges_may_nest_and_overlap_and_all_counts_return,
      KT_RULES("R1.11"))
{
	struct mmu_notifier_range a, b, c;
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct listener l;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(watch(&w, mm, 0, 8), 0);
	start_of(&a, mm, 1, 3);
	start_of(&b, mm, 4, 7);
	start_of(&c, mm, 1, 2);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 3UL);
	EXPECT_EQ(stats.open_overlaps, 3UL);
	end_of(&b);
	end_of(&a);
	end_of(&c);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 0UL);
	EXPECT_EQ(stats.open_overlaps, 0UL);
	EXPECT_EQ(l.starts, 3U);
	EXPECT_EQ(l.ends, 3U);
	EXPECT_EQ(w.calls, 3U);
	EXPECT(mmu_notifier_verify(mm));
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

/* --- order, and the callbacks that are not start and end ----------------------------- */

KTEST(mmu_notifier, newest_first_and_intervals_before_plain,
      KT_RULES("R2.8 R2.14"))
{
	struct call_log log = {.nr = {0}};
	struct mm_struct *mm = mm_alloc();
	struct listener l[3];
	struct watcher w;
	int i;

	REQUIRE(mm);
	watcher_init(&w, test);
	w.log = &log;
	w.name = 'w';
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(listen(&l[i], mm), 0);
		l[i].log = &log;
		l[i].name = 'a' + i;
	}
	EXPECT_EQ(watch(&w, mm, 0, 1), 0);
	change(mm, 0, 1);
	EXPECT_STREQ(log.who, "wcbaCBA");
	unwatch(&w);
	for (i = 0; i < 3; i++)
		unlisten(&l[i], mm);
	mmput(mm);
}

/*
 *	end		interval: closed	plain: its end is called
 *			    a reader of the interval may begin in there
 */
KTEST(mmu_notifier, at_a_plain_end_the_intervals_are_closed_already,
      KT_RULES("R2.8 R2.14"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	start_of(&range, mm, 0, 1);
	EXPECT_EQ(l.open_overlaps_at_start, 1UL);
	end_of(&range);
	EXPECT_EQ(l.open_overlaps_at_end, 0UL);
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

/* A caller that asks which pages were used changes nothing (R1.16). */
KTEST(mmu_notifier, asking_for_used_pages_raises_no_range, KT_RULES("R1.16"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats before, after;
	struct listener l;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	mmu_notifier_read_stats(mm, &before);
	(void)mmu_notifier_clear_flush_young(mm, 0, PG(1));
	(void)mmu_notifier_clear_young(mm, 0, PG(1));
	(void)mmu_notifier_test_young(mm, 0);
	mmu_notifier_read_stats(mm, &after);
	EXPECT_EQ(l.young_calls, 3U);
	EXPECT_EQ(l.starts, 0U);
	EXPECT_EQ(l.ends, 0U);
	EXPECT_EQ(w.calls, 0U);
	EXPECT_EQ(after.last_seq, before.last_seq);
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

/* Each question comes as itself, of the very pages, to all that are asked. */
KTEST(mmu_notifier, a_question_about_use_comes_as_it_was_asked,
      KT_RULES("R2.2 R2.3 R2.4 R2.5"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener l[2];
	int i;

	REQUIRE(mm);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(listen(&l[i], mm), 0);
	(void)mmu_notifier_clear_flush_young(mm, PG(1), PG(3));
	for (i = 0; i < 2; i++)
		EXPECT_ASKED(&l[i], ASKED_CLEAR_FLUSH_YOUNG, mm, PG(1), PG(3));
	(void)mmu_notifier_clear_young(mm, PG(4), PG(7));
	for (i = 0; i < 2; i++)
		EXPECT_ASKED(&l[i], ASKED_CLEAR_YOUNG, mm, PG(4), PG(7));
	(void)mmu_notifier_test_young(mm, PG(8));
	for (i = 0; i < 2; i++) {
		EXPECT_ASKED(&l[i], ASKED_TEST_YOUNG, mm, PG(8), 0);
		unlisten(&l[i], mm);
	}
	mmput(mm);
}

KTEST(mmu_notifier, young_is_anybodys_yes_and_clearing_asks_everybody,
      KT_RULES("R2.2 R2.3 R2.5"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener l[3];
	int i;

	REQUIRE(mm);
	EXPECT(!mmu_notifier_clear_flush_young(mm, 0, PG(1)));
	EXPECT(!mmu_notifier_clear_young(mm, 0, PG(1)));
	EXPECT(!mmu_notifier_test_young(mm, 0));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(listen(&l[i], mm), 0);
	EXPECT(!mmu_notifier_clear_flush_young(mm, 0, PG(1)));
	l[2].young = true;
	EXPECT(mmu_notifier_clear_flush_young(mm, 0, PG(1)));
	l[1].young = true;
	EXPECT(mmu_notifier_clear_young(mm, 0, PG(1)));
	EXPECT(!mmu_notifier_clear_young(mm, 0, PG(1)));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(l[i].young_calls, 4U);
		unlisten(&l[i], mm);
	}
	mmput(mm);
}

KTEST(mmu_notifier, test_young_clears_nothing_and_stops_at_the_first_yes,
      KT_RULES("R2.4"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener l[3];
	int i;

	REQUIRE(mm);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(listen(&l[i], mm), 0);
	l[1].young = true;
	EXPECT(mmu_notifier_test_young(mm, 0));
	EXPECT(l[1].young);
	EXPECT_EQ(l[2].young_calls, 1U);
	EXPECT_EQ(l[1].young_calls, 1U);
	EXPECT_EQ(l[0].young_calls, 0U);
	for (i = 0; i < 3; i++)
		unlisten(&l[i], mm);
	mmput(mm);
}

KTEST(mmu_notifier, change_pte_hands_on_the_new_entry, KT_RULES("R2.6"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	mmu_notifier_change_pte(mm, PG(3), 0x1234);
	EXPECT_EQ(l.pte_calls, 1U);
	EXPECT_EQ(l.pte, 0x1234UL);
	EXPECT_EQ(l.pte_mm, mm);
	EXPECT_EQ(l.pte_addr, PG(3));
	unlisten(&l, mm);
	mmput(mm);
}

static const struct mmu_notifier_ops tlb_ops = {
	.release = listener_release,
	.invalidate_range = listener_tlb,
};

/* Not from start or end, only where a TLB is flushed (R2.10). */
KTEST(mmu_notifier, a_secondary_tlb_is_told_of_flushes_only,
      KT_RULES("R2.9 R2.10"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen_as(&l, mm, &tlb_ops), 0);
	change(mm, 0, 1);
	EXPECT_EQ(l.tlb_calls, 0U);
	mmu_notifier_arch_invalidate_secondary_tlbs(mm, 0, PG(1));
	mmu_notifier_invalidate_range(mm, 0, PG(1));
	EXPECT_EQ(l.tlb_calls, 2U);
	unlisten(&l, mm);
	mmput(mm);
}

KTEST(mmu_notifier, a_secondary_tlb_with_start_or_end_is_refused,
      KT_FLAGS(KT_EXPECT_REPORT), KT_RULES("R2.11 R2.36"))
{
	static const struct mmu_notifier_ops mixed_ops = {
		.invalidate_range = listener_tlb,
		.invalidate_range_end = listener_end,
	};
	struct mm_struct *mm = mm_alloc();
	struct listener l;
	int count;

	REQUIRE(mm);
	count = atomic_read(&mm->mm_count);
	EXPECT_EQ(listen_as(&l, mm, &mixed_ops), -EINVAL);
	EXPECT_EQ(l.sub.mm, NULL);
	EXPECT_EQ(atomic_read(&mm->mm_count), count);
	mmput(mm);
}

/* --- statistics --------------------------------------------------------------------------- */

static bool count_sub(const struct mmu_notifier_sub_info *info, void *arg)
{
	unsigned long *calls = arg;

	*calls += info->stats.callbacks;
	return true;
}

KTEST(mmu_notifier, statistics_say_what_happened)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	unsigned long calls = 0;
	struct listener l;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.intervals, 0UL);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	change(mm, 0, 1);
	change(mm, 8, 9);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.plain, 1UL);
	EXPECT_EQ(stats.intervals, 1UL);
	EXPECT_EQ(stats.events[MMU_NOTIFY_CLEAR], 2UL);
	EXPECT_EQ(stats.callbacks, 5UL);
	EXPECT_EQ(mmu_notifier_for_each_sub(mm, count_sub, &calls), 2UL);
	EXPECT_EQ(calls, 5UL);
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

/* The last 64 KiB of the address space are mapped by nobody. */
KTEST(mmu_notifier, an_mm_whose_object_is_gone_has_a_pointer_that_faults)
{
	struct mm_struct *mm = mm_alloc();
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	unlisten(&l, mm);
	EXPECT_NE(mm->notifier_subscriptions, NULL);
	mmu_notifier_subscriptions_destroy(mm);
	EXPECT_GT((unsigned long)mm->notifier_subscriptions, ~0xfffful);
	/* As new, so that the mm can be freed. */
	mm->notifier_subscriptions = NULL;
	atomic64_set(&mm->notifier_ranges, 0);
	mmput(mm);
}

static u64 mmu_notifier_subscriptions_now(void)
{
	return mmu_notifier_nr_subscriptions();
}

static u64 mmu_notifier_pending_now(void)
{
	return mmu_notifier_nr_pending();
}

/* After every test of every suite: nobody is left subscribed. */
KTEST_STATE(subscriptions) = {
	.name = "subscriptions",
	.memory = false,
	.read = mmu_notifier_subscriptions_now,
};

KTEST_STATE(pending_frees) = {
	.name = "pending notifier frees",
	.memory = false,
	.read = mmu_notifier_pending_now,
};
