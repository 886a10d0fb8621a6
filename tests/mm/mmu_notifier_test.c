// SPDX-License-Identifier: MIT
/*
 * tests/mm/mmu_notifier_test.c - ranges and plain subscriptions do what R1 to
 * R3 say, and the gate that both stand on
 *
 * Every test makes an address space of its own and raises ranges by hand, as
 * the operations of mm/ do.
 *
 * Over 600 lines because one test file goes with one source, and every rule of
 * its sections has its test here.
 */
#include "notifier_fixture.h"
#include "../../mm/notifier_internal.h"

/* --- the range ------------------------------------------------------------------ */

KTEST(mmu_notifier, init_sets_every_field_and_owner_is_NULL)
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

KTEST(mmu_notifier, events_have_their_numbers_and_names)
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

KTEST(mmu_notifier, blockable_is_the_start_calls_choice_and_stays_till_end)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l;

	REQUIRE(mm);
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

/* What a callback may do with its range is a matter of types (R1.7). */
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

KTEST(mmu_notifier, callbacks_are_given_the_raisers_own_range_const)
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

KTEST_F(mmu_notifier, an_empty_range_is_refused_loudly, KT_EXPECT_REPORT)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_stats stats;
	struct mmu_notifier_range range;
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(start_nonblock_of(&range, mm, 2, 2), -EINVAL);
	start_of(&range, mm, 3, 2);
	end_of(&range);
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
KTEST(mmu_notifier, ranges_may_nest_and_overlap_and_all_counts_return)
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
	EXPECT_EQ(stats.open_hits, 3UL);
	end_of(&b);
	end_of(&a);
	end_of(&c);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 0UL);
	EXPECT_EQ(stats.open_hits, 0UL);
	EXPECT_EQ(l.starts, 3U);
	EXPECT_EQ(l.ends, 3U);
	EXPECT_EQ(w.calls, 3U);
	EXPECT(mmu_notifier_verify(mm));
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

/* --- order, and the callbacks that are not start and end ----------------------------- */

KTEST(mmu_notifier, newest_first_and_intervals_before_plain)
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
 *	end		interval: closed	plain: its end is told
 *			    a reader of the interval may begin in there
 */
KTEST(mmu_notifier, at_a_plain_end_the_intervals_are_closed_already)
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
	EXPECT_EQ(l.open_hits_at_start, 1UL);
	end_of(&range);
	EXPECT_EQ(l.open_hits_at_end, 0UL);
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

/* Whoever looks for used pages changes nothing (R1.16). */
KTEST(mmu_notifier, asking_for_used_pages_raises_no_range)
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
	EXPECT_EQ(after.invalidate_seq, before.invalidate_seq);
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

KTEST(mmu_notifier, young_is_anybodys_yes_and_clearing_asks_everybody)
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

KTEST(mmu_notifier, test_young_clears_nothing_and_stops_at_the_first_yes)
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

KTEST(mmu_notifier, change_pte_hands_on_the_new_entry)
{
	struct mm_struct *mm = mm_alloc();
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	mmu_notifier_change_pte(mm, PG(3), 0x1234);
	EXPECT_EQ(l.pte_calls, 1U);
	EXPECT_EQ(l.pte, 0x1234UL);
	unlisten(&l, mm);
	mmput(mm);
}

static const struct mmu_notifier_ops tlb_ops = {
	.release = listener_release,
	.invalidate_range = listener_tlb,
};

/* Not from start or end, only where a TLB is flushed (R2.10). */
KTEST(mmu_notifier, a_secondary_tlb_is_told_of_flushes_only)
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

KTEST_F(mmu_notifier, a_secondary_tlb_with_start_or_end_is_refused,
	KT_EXPECT_REPORT)
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

/* --- register ---------------------------------------------------------------------- */

KTEST(mmu_notifier, a_subscription_holds_the_struct_beyond_exit)
{
	struct mm_struct *mm = mm_alloc();
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(l.sub.users, 1U);
	EXPECT_EQ(l.sub.mm, mm);
	mmput(mm);
	EXPECT_EQ(l.releases, 1U);
	EXPECT_EQ(atomic_read(&mm->mm_count), 1);
	unlisten(&l, mm);
	EXPECT_EQ(l.releases, 1U);
}

KTEST(mmu_notifier, a_new_mm_has_no_subscriptions)
{
	struct mm_struct *parent = mm_alloc(), *child;
	struct listener l;

	REQUIRE(parent);
	EXPECT_EQ(listen(&l, parent), 0);
	child = mm_alloc();
	REQUIRE(child);
	EXPECT(!mm_has_notifiers(child));
	EXPECT(mm_has_notifiers(parent));
	change(child, 0, 1);
	EXPECT_EQ(l.starts, 0U);
	mmput(child);
	EXPECT_EQ(l.releases, 0U);
	unlisten(&l, parent);
	mmput(parent);
}

/* What a program image is replaced by: the old mm ends, the new one is new. */
KTEST(mmu_notifier, replacing_the_mm_releases_the_old_and_begins_without)
{
	struct mm_struct *old = mm_alloc(), *new = mm_alloc();
	struct listener l;
	struct watcher w;

	REQUIRE(old);
	REQUIRE(new);
	watcher_init(&w, test);
	EXPECT_EQ(listen(&l, old), 0);
	EXPECT_EQ(watch(&w, old, 0, 4), 0);
	kthread_use_mm(old);
	kthread_unuse_mm(old);
	kthread_use_mm(new);
	mmput(old);
	EXPECT_EQ(l.releases, 1U);
	EXPECT_EQ(w.event, MMU_NOTIFY_UNMAP);
	EXPECT_EQ(w.calls, 2U);
	EXPECT(!mm_has_notifiers(new));
	change(new, 0, 1);
	EXPECT_EQ(l.starts, 0U);
	EXPECT_EQ(w.calls, 2U);
	kthread_unuse_mm(new);
	unwatch(&w);
	unlisten(&l, old);
	mmput(new);
}

/* What the object of an mm and the struct are held by; equal after an error. */
struct holds {
	int count;
	unsigned long subscriptions;
};

static struct holds holds_of(struct mm_struct *mm)
{
	return (struct holds){
		.count = atomic_read(&mm->mm_count),
		.subscriptions = mmu_notifier_nr_subscriptions(),
	};
}

#define EXPECT_HOLDS(mm, before)                                         \
	do {                                                             \
		EXPECT_EQ(atomic_read(&(mm)->mm_count), (before).count); \
		EXPECT_EQ(mmu_notifier_nr_subscriptions(),               \
			  (before).subscriptions);                       \
	} while (0)

/* Whichever allocation fails of those that the object of the mm takes. */
KTEST(mmu_notifier, without_memory_register_is_ENOMEM_and_leaves_nothing)
{
	struct mm_struct *mm = mm_alloc();
	struct holds before;
	struct listener l;
	unsigned long nth;
	bool hit;
	int ret;

	REQUIRE(mm);
	before = holds_of(mm);
	for (nth = 1;; nth++) {
		alloc_fail_nth(nth);
		ret = listen(&l, mm);
		hit = alloc_fail_hit();
		alloc_fail_nth(0);
		if (!hit)
			break;
		EXPECT_EQ(ret, -ENOMEM);
		EXPECT_EQ(l.sub.mm, NULL);
		EXPECT_HOLDS(mm, before);
		change(mm, 0, 1);
		EXPECT_EQ(l.starts, 0U);
	}
	EXPECT_GE(nth, 2UL);
	EXPECT_EQ(ret, 0);
	if (!ret)
		unlisten(&l, mm);
	mmput(mm);
}

/* Only the first subscriber of an mm can fail for memory. */
KTEST(mmu_notifier, with_an_object_there_registering_needs_no_memory)
{
	struct mm_struct *mm = mm_alloc();
	struct listener l[9];
	unsigned int i;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l[0], mm), 0);
	for (i = 1; i < ARRAY_SIZE(l); i++) {
		alloc_fail_nth(1);
		EXPECT_EQ(listen(&l[i], mm), 0);
		EXPECT(!alloc_fail_hit());
		alloc_fail_nth(0);
	}
	change(mm, 0, 1);
	for (i = 0; i < ARRAY_SIZE(l); i++) {
		EXPECT_EQ(l[i].starts, 1U);
		EXPECT_EQ(l[i].ends, 1U);
		unlisten(&l[i], mm);
	}
	mmput(mm);
}

struct registrar {
	struct mm_struct *mm;
	struct listener *l;
	struct task *task;
	atomic_t done;
};

static int registrar_body(void *arg)
{
	struct registrar *r = arg;
	int ret = listen(r->l, r->mm);

	atomic_set(&r->done, 1);
	return ret;
}

static int leaver_body(void *arg)
{
	struct registrar *r = arg;

	unlisten(r->l, r->mm);
	atomic_set(&r->done, 1);
	return 0;
}

static void registrar_run(struct registrar *r, int (*body)(void *arg),
			  struct mm_struct *mm, struct listener *l)
{
	r->mm = mm;
	r->l = l;
	atomic_set(&r->done, 0);
	r->task = kthread_run(body, r, "registrar");
}

/*
 *	holder of mmap_lock			newcomer, and one who gets
 *						both wait for the lock
 *	kills them
 *						-EINTR, and nothing is left
 */
KTEST(mmu_notifier, who_is_killed_while_it_waits_to_register_gets_EINTR)
{
	struct mm_struct *mm = mm_alloc();
	struct registrar r;
	struct holds before;
	struct listener l;

	REQUIRE(mm);
	before = holds_of(mm);
	mmap_read_lock(mm);
	registrar_run(&r, registrar_body, mm, &l);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	task_kill(r.task);
	KTEST_WAIT_FOR(test, atomic_read(&r.done));
	mmap_read_unlock(mm);
	EXPECT_EQ(kthread_join(r.task), -EINTR);
	EXPECT(!mm_has_notifiers(mm));
	EXPECT_EQ(l.sub.mm, NULL);
	EXPECT_HOLDS(mm, before);
	if (l.sub.mm)
		unlisten(&l, mm);
	mmput(mm);
}

/*
 *	range (nobody has subscribed)		newcomer
 *	start
 *						register: sleeps
 *	end: not told
 *						returns
 */
KTEST(mmu_notifier, the_first_registration_waits_for_a_range_that_is_open)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct registrar r;
	struct listener l;

	REQUIRE(mm);
	start_of(&range, mm, 0, 1);
	registrar_run(&r, registrar_body, mm, &l);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(atomic_read(&r.done), 0);
	end_of(&range);
	EXPECT_EQ(kthread_join(r.task), 0);
	EXPECT_EQ(l.starts, 0U);
	EXPECT_EQ(l.ends, 0U);
	unlisten(&l, mm);
	mmput(mm);
}

/*
 *	range 1		newcomer b	range 2		subscriber a
 *	start						start
 *			register: sleeps
 *					start		start; b too
 *	end						end; b not
 *			returns
 *					end		end; b too
 */
KTEST(mmu_notifier, a_newcomer_is_told_both_start_and_end_or_neither)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range one, two;
	struct listener a, b;
	struct registrar r;

	REQUIRE(mm);
	EXPECT_EQ(listen(&a, mm), 0);
	start_of(&one, mm, 0, 1);
	registrar_run(&r, registrar_body, mm, &b);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	start_of(&two, mm, 1, 2);
	EXPECT_EQ(b.starts, 1U);
	end_of(&one);
	EXPECT_EQ(kthread_join(r.task), 0);
	EXPECT_EQ(a.ends, 1U);
	EXPECT_EQ(b.ends, 0U);
	end_of(&two);
	EXPECT_EQ(a.starts, 2U);
	EXPECT_EQ(a.ends, 2U);
	EXPECT_EQ(b.starts, 1U);
	EXPECT_EQ(b.ends, 1U);
	unlisten(&a, mm);
	unlisten(&b, mm);
	mmput(mm);
}

/* It waits for what was open, not for what a busy mm opens meanwhile. */
KTEST(mmu_notifier, registration_is_not_starved_by_ranges_that_follow)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range one, two, three;
	struct listener a, b;
	struct registrar r;

	REQUIRE(mm);
	EXPECT_EQ(listen(&a, mm), 0);
	start_of(&one, mm, 0, 1);
	registrar_run(&r, registrar_body, mm, &b);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	start_of(&two, mm, 1, 2);
	end_of(&one);
	start_of(&three, mm, 1, 2);
	EXPECT_EQ(kthread_join(r.task), 0);
	end_of(&two);
	end_of(&three);
	EXPECT_EQ(b.starts, 2U);
	EXPECT_EQ(b.ends, 2U);
	unlisten(&a, mm);
	unlisten(&b, mm);
	mmput(mm);
}

#define CROWD 40

/* From the head, the middle and the end of the list; nobody is lost or doubled. */
KTEST(mmu_notifier, many_may_come_and_go_in_any_order)
{
	struct mm_struct *mm = mm_alloc();
	bool in[CROWD] = {false};
	unsigned int starts[CROWD], i, step, who;
	struct listener *l;

	REQUIRE(mm);
	l = kcalloc(CROWD, sizeof(*l), GFP_KERNEL);
	REQUIRE(l);
	for (step = 0; step < 200; step++) {
		who = rng_below(ktest_rng(test), CROWD);
		if (in[who])
			unlisten(&l[who], mm);
		else
			EXPECT_EQ(listen(&l[who], mm), 0);
		in[who] = !in[who];
		for (i = 0; i < CROWD; i++)
			starts[i] = l[i].starts;
		change(mm, 0, 1);
		for (i = 0; i < CROWD; i++) {
			EXPECT_EQ(l[i].starts, starts[i] + in[i]);
			EXPECT_EQ(l[i].starts, l[i].ends);
		}
		EXPECT(mmu_notifier_verify(mm));
	}
	for (i = 0; i < CROWD; i++) {
		if (in[i])
			unlisten(&l[i], mm);
	}
	kfree(l);
	mmput(mm);
}

/* --- unregister and exit ------------------------------------------------------------- */

KTEST(mmu_notifier, after_unregister_not_even_the_end_is_told)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l, stays;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(listen(&stays, mm), 0);
	start_of(&range, mm, 0, 1);
	unlisten(&l, mm);
	EXPECT_EQ(l.releases, 1U);
	end_of(&range);
	change(mm, 0, 1);
	EXPECT_EQ(l.starts, 1U);
	EXPECT_EQ(l.ends, 0U);
	EXPECT_EQ(stays.starts, 2U);
	EXPECT_EQ(stays.ends, 2U);
	unlisten(&stays, mm);
	/* And when there is nobody else. */
	EXPECT_EQ(listen(&l, mm), 0);
	start_of(&range, mm, 0, 1);
	unlisten(&l, mm);
	end_of(&range);
	EXPECT_EQ(l.starts, 1U);
	EXPECT_EQ(l.ends, 0U);
	mmput(mm);
	EXPECT_EQ(l.releases, 1U);
}

/*
 *	range			unregister
 *	start: callback runs
 *				release; hide; sleeps
 *	callback returns
 *				returns
 */
KTEST(mmu_notifier, unregister_waits_for_a_callback_that_runs)
{
	struct mm_struct *mm = mm_alloc();
	struct ktest_step step;
	struct registrar r;
	struct listener l;
	struct changer c;

	REQUIRE(mm);
	step_init(&step, test);
	EXPECT_EQ(listen(&l, mm), 0);
	l.start_step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	registrar_run(&r, leaver_body, mm, &l);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(atomic_read(&r.done), 0);
	step_signal(&step, 2);
	kthread_join(r.task);
	kthread_join(c.task);
	EXPECT_EQ(l.ends, 0U);
	EXPECT_EQ(l.releases, 1U);
	mmput(mm);
}

/* Per mm: a callback asleep in one does not hold up who leaves another. */
KTEST(mmu_notifier, a_callback_asleep_in_one_mm_delays_nobody_in_another)
{
	struct mm_struct *mm = mm_alloc(), *other = mm_alloc();
	struct ktest_step step;
	struct listener a, b;
	struct changer c;

	REQUIRE(mm);
	REQUIRE(other);
	step_init(&step, test);
	EXPECT_EQ(listen(&a, mm), 0);
	EXPECT_EQ(listen(&b, other), 0);
	a.start_step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	unlisten(&b, other);
	EXPECT_EQ(b.releases, 1U);
	mmput(other);
	EXPECT(!step_reached(&step, 2));
	step_signal(&step, 2);
	kthread_join(c.task);
	unlisten(&a, mm);
	mmput(mm);
}

static int exiter_body(void *arg)
{
	mmput(arg);
	return 0;
}

/*
 *	exit				unregister
 *	release() runs
 *					not mine; hide; sleeps
 *	release() returns
 *					returns: once
 */
KTEST(mmu_notifier, release_runs_exactly_once_when_unregister_races_exit)
{
	struct mm_struct *mm = mm_alloc();
	struct ktest_step step;
	struct registrar r;
	struct listener l;
	struct task *exiter;

	REQUIRE(mm);
	step_init(&step, test);
	EXPECT_EQ(listen(&l, mm), 0);
	l.release_step = &step;
	mmgrab(mm);
	exiter = kthread_run(exiter_body, mm, "exiter");
	step_wait(&step, 1);
	registrar_run(&r, leaver_body, mm, &l);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(atomic_read(&r.done), 0);
	step_signal(&step, 2);
	kthread_join(exiter);
	kthread_join(r.task);
	EXPECT_EQ(l.releases, 1U);
	mmdrop(mm);
}

/*
 *	unregister			exit
 *	release() runs
 *					not mine; sleeps before the first page
 *	release() returns
 *					goes on
 */
KTEST(mmu_notifier, exit_waits_for_a_release_that_unregister_runs)
{
	struct mm_struct *mm = mm_alloc();
	struct ktest_step step;
	struct registrar r;
	struct listener l;
	struct task *exiter;

	REQUIRE(mm);
	step_init(&step, test);
	EXPECT_EQ(listen(&l, mm), 0);
	l.release_step = &step;
	mmgrab(mm);
	registrar_run(&r, leaver_body, mm, &l);
	step_wait(&step, 1);
	exiter = kthread_run(exiter_body, mm, "exiter");
	EXPECT_EQ(ktest_wait_blocked(test, exiter), 0);
	step_signal(&step, 2);
	kthread_join(exiter);
	kthread_join(r.task);
	EXPECT_EQ(l.releases, 1U);
	mmdrop(mm);
}

KTEST(mmu_notifier, exit_releases_intervals_first_and_then_everybody_once)
{
	struct call_log log = {.nr = {0}};
	struct mm_struct *mm = mm_alloc();
	struct listener l[2];
	struct watcher w;
	int i;

	REQUIRE(mm);
	watcher_init(&w, test);
	w.log = &log;
	w.name = 'w';
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(listen(&l[i], mm), 0);
		l[i].log = &log;
		l[i].name = 'a' + i;
	}
	EXPECT_EQ(watch(&w, mm, 0, 1), 0);
	mmgrab(mm);
	mmput(mm);
	/* RELEASE, both releases, UNMAP; nobody plain is left for that. */
	EXPECT_STREQ(log.who, "w!!w");
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(l[i].starts, 0U);
		unlisten(&l[i], mm);
		EXPECT_EQ(l[i].releases, 1U);
	}
	unwatch(&w);
	mmdrop(mm);
}

/* --- get, put, synchronize ------------------------------------------------------------- */

static atomic_t gots_freed;
static atomic_t gots_made;
static int got_error;

static struct mmu_notifier *got_alloc(struct mm_struct *mm)
{
	struct listener *l;

	if (got_error)
		return ERR_PTR(got_error);
	l = kzalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&gots_made);
	return &l->sub;
}

static void got_free(struct mmu_notifier *sub)
{
	atomic_inc(&gots_freed);
	kfree(listener_of(sub));
}

static const struct mmu_notifier_ops got_ops = {
	.release = listener_release,
	.invalidate_range_start = listener_start,
	.invalidate_range_end = listener_end,
	.alloc_notifier = got_alloc,
	.free_notifier = got_free,
};

static int get_and_put_body(void *arg)
{
	struct registrar *r = arg;
	struct mmu_notifier *sub = mmu_notifier_get(&got_ops, r->mm);

	atomic_set(&r->done, 1);
	if (IS_ERR(sub))
		return (int)PTR_ERR(sub);
	mmu_notifier_put(sub);
	return 0;
}

static void gots_reset(void)
{
	atomic_set(&gots_freed, 0);
	atomic_set(&gots_made, 0);
	got_error = 0;
}

KTEST(mmu_notifier, two_gets_are_one_subscription_and_need_two_puts)
{
	struct mm_struct *mm = mm_alloc(), *other = mm_alloc();
	struct mmu_notifier *a, *b, *c;

	REQUIRE(mm);
	REQUIRE(other);
	gots_reset();
	a = mmu_notifier_get(&got_ops, mm);
	REQUIRE(!IS_ERR(a));
	mmap_write_lock(mm);
	b = mmu_notifier_get_locked(&got_ops, mm);
	mmap_write_unlock(mm);
	c = mmu_notifier_get(&got_ops, other);
	EXPECT_EQ(a, b);
	EXPECT_NE(a, c);
	EXPECT_EQ(a->users, 2U);
	EXPECT_EQ(atomic_read(&gots_made), 2);
	mmu_notifier_put(a);
	EXPECT_EQ(atomic_read(&gots_freed), 0);
	mmu_notifier_put(b);
	mmu_notifier_put(c);
	mmu_notifier_synchronize();
	EXPECT_EQ(atomic_read(&gots_freed), 2);
	mmput(mm);
	mmput(other);
}

struct getter {
	struct mm_struct *mm;
	struct mmu_notifier *sub;
	struct task *task;
	atomic_t done;
};

static int getter_body(void *arg)
{
	struct getter *g = arg;

	g->sub = mmu_notifier_get(&got_ops, g->mm);
	atomic_set(&g->done, 1);
	return 0;
}

static void getter_run(struct getter *g, struct mm_struct *mm)
{
	g->mm = mm;
	atomic_set(&g->done, 0);
	g->task = kthread_run(getter_body, g, "getter");
}

/*
 *	range			getter 1		getter 2
 *	start, told nobody
 *				made, published; sleeps
 *							finds it; sleeps too
 *	end: not told
 *				returns			returns
 */
KTEST(mmu_notifier, a_second_get_waits_for_the_ranges_that_the_first_waits_for)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct getter one, two;

	REQUIRE(mm);
	gots_reset();
	start_of(&range, mm, 0, 1);
	getter_run(&one, mm);
	EXPECT_EQ(ktest_wait_blocked(test, one.task), 0);
	getter_run(&two, mm);
	EXPECT_EQ(ktest_wait_blocked(test, two.task), 0);
	EXPECT_EQ(atomic_read(&one.done), 0);
	EXPECT_EQ(atomic_read(&two.done), 0);
	end_of(&range);
	kthread_join(one.task);
	kthread_join(two.task);
	REQUIRE(!IS_ERR(one.sub));
	EXPECT_EQ(one.sub, two.sub);
	EXPECT_EQ(atomic_read(&gots_made), 1);
	mmu_notifier_put(one.sub);
	mmu_notifier_put(two.sub);
	mmu_notifier_synchronize();
	EXPECT_EQ(atomic_read(&gots_freed), 1);
	mmput(mm);
}

KTEST(mmu_notifier, get_fails_when_the_users_do_not_fit)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier *sub;

	REQUIRE(mm);
	gots_reset();
	sub = mmu_notifier_get(&got_ops, mm);
	REQUIRE(!IS_ERR(sub));
	sub->users = ~0u;
	EXPECT_EQ(PTR_ERR(mmu_notifier_get(&got_ops, mm)), -EOVERFLOW);
	EXPECT_EQ(sub->users, ~0u);
	sub->users = 1;
	mmu_notifier_put(sub);
	mmu_notifier_synchronize();
	mmput(mm);
}

KTEST(mmu_notifier, what_alloc_notifier_says_is_passed_on)
{
	struct mm_struct *mm = mm_alloc();

	REQUIRE(mm);
	gots_reset();
	got_error = -ENODEV;
	EXPECT_EQ(PTR_ERR(mmu_notifier_get(&got_ops, mm)), -ENODEV);
	EXPECT_EQ(atomic_read(&gots_freed), 0);
	EXPECT(!mm_has_notifiers(mm));
	mmput(mm);
}

KTEST(mmu_notifier, who_is_killed_while_it_waits_to_get_gets_EINTR)
{
	struct mm_struct *mm = mm_alloc();
	struct registrar r;
	struct holds before;

	REQUIRE(mm);
	gots_reset();
	before = holds_of(mm);
	mmap_read_lock(mm);
	registrar_run(&r, get_and_put_body, mm, NULL);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	task_kill(r.task);
	KTEST_WAIT_FOR(test, atomic_read(&r.done));
	mmap_read_unlock(mm);
	EXPECT_EQ(kthread_join(r.task), -EINTR);
	EXPECT_EQ(atomic_read(&gots_made), 0);
	EXPECT(!mm_has_notifiers(mm));
	EXPECT_HOLDS(mm, before);
	mmput(mm);
}

/* What it allocated for nothing is freed, whichever allocation fails. */
KTEST(mmu_notifier, without_memory_get_is_ENOMEM_and_leaves_nothing)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier *sub;
	struct holds before;
	unsigned long nth;
	bool hit;

	REQUIRE(mm);
	gots_reset();
	before = holds_of(mm);
	for (nth = 1;; nth++) {
		alloc_fail_nth(nth);
		sub = mmu_notifier_get(&got_ops, mm);
		hit = alloc_fail_hit();
		alloc_fail_nth(0);
		if (!hit)
			break;
		EXPECT_EQ(PTR_ERR(sub), -ENOMEM);
		EXPECT_EQ(atomic_read(&gots_made), atomic_read(&gots_freed));
		EXPECT_HOLDS(mm, before);
	}
	EXPECT_GE(nth, 4UL);
	if (!IS_ERR(sub))
		mmu_notifier_put(sub);
	mmu_notifier_synchronize();
	EXPECT_EQ(atomic_read(&gots_made), atomic_read(&gots_freed));
	mmput(mm);
}

KTEST_F(mmu_notifier, get_frees_what_register_refuses, KT_EXPECT_REPORT)
{
	static const struct mmu_notifier_ops bad_ops = {
		.invalidate_range_start = listener_start,
		.invalidate_range = listener_tlb,
		.alloc_notifier = got_alloc,
		.free_notifier = got_free,
	};
	struct mm_struct *mm = mm_alloc();

	REQUIRE(mm);
	gots_reset();
	EXPECT_EQ(PTR_ERR(mmu_notifier_get(&bad_ops, mm)), -EINVAL);
	EXPECT_EQ(atomic_read(&gots_freed), 1);
	mmput(mm);
}

KTEST(mmu_notifier, put_does_not_call_release_and_frees_when_nobody_is_inside)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier *sub;
	struct call_log log = {.nr = {0}};

	REQUIRE(mm);
	gots_reset();
	sub = mmu_notifier_get(&got_ops, mm);
	REQUIRE(!IS_ERR(sub));
	listener_of(sub)->log = &log;
	mmu_notifier_put(sub);
	EXPECT_EQ(atomic_read(&gots_freed), 1);
	EXPECT_EQ(mmu_notifier_nr_pending(), 0UL);
	EXPECT_STREQ(log.who, "");
	mmput(mm);
}

/*
 *	range			put
 *	start: callback runs
 *				hide; not freed yet
 *				get: another one
 *	callback returns
 *	leave: frees
 */
KTEST(mmu_notifier, put_frees_after_the_last_callback_has_returned)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier *sub, *again;
	struct ktest_step step;
	struct changer c;

	REQUIRE(mm);
	gots_reset();
	step_init(&step, test);
	sub = mmu_notifier_get(&got_ops, mm);
	REQUIRE(!IS_ERR(sub));
	listener_of(sub)->start_step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	mmu_notifier_put(sub);
	EXPECT_EQ(atomic_read(&gots_freed), 0);
	EXPECT_EQ(mmu_notifier_nr_pending(), 1UL);
	step_signal(&step, 2);
	kthread_join(c.task);
	EXPECT_EQ(atomic_read(&gots_freed), 1);
	again = mmu_notifier_get(&got_ops, mm);
	EXPECT_EQ(atomic_read(&gots_made), 2);
	change(mm, 0, 1);
	EXPECT_EQ(listener_of(again)->starts, 1U);
	EXPECT_EQ(listener_of(again)->ends, 1U);
	mmu_notifier_put(again);
	mmu_notifier_synchronize();
	mmput(mm);
}

/* Who puts itself, and one that the walk has still to come to, when called. */
struct quitter {
	struct mmu_notifier sub;
	struct mmu_notifier *older; /* NULL: puts nobody */
	bool *called;               /* NULL, or set when called */
};

static int freed_when_called;

static struct mmu_notifier *quitter_alloc(struct mm_struct *mm)
{
	struct quitter *q = kzalloc(sizeof(*q), GFP_KERNEL);

	return q ? &q->sub : ERR_PTR(-ENOMEM);
}

static void quitter_free(struct mmu_notifier *sub)
{
	atomic_inc(&gots_freed);
	kfree(container_of(sub, struct quitter, sub));
}

static void quit(struct mmu_notifier *sub)
{
	struct quitter *q = container_of(sub, struct quitter, sub);

	if (q->called)
		*q->called = true;
	if (!q->older)
		return;
	mmu_notifier_put(q->older);
	q->older = NULL;
	mmu_notifier_put(sub);
	freed_when_called = atomic_read(&gots_freed);
}

static void quit_release(struct mmu_notifier *sub, struct mm_struct *mm)
{
	quit(sub);
}

static bool quit_young(struct mmu_notifier *sub, struct mm_struct *mm,
		       unsigned long start, unsigned long end)
{
	quit(sub);
	return false;
}

static bool quit_test(struct mmu_notifier *sub, struct mm_struct *mm,
		      unsigned long address)
{
	quit(sub);
	return false;
}

static void quit_change(struct mmu_notifier *sub, struct mm_struct *mm,
			unsigned long address, unsigned long entry)
{
	quit(sub);
}

static int quit_start(struct mmu_notifier *sub,
		      const struct mmu_notifier_range *range)
{
	quit(sub);
	return 0;
}

static void quit_end(struct mmu_notifier *sub,
		     const struct mmu_notifier_range *range)
{
	quit(sub);
}

static void quit_tlb(struct mmu_notifier *sub, struct mm_struct *mm,
		     unsigned long start, unsigned long end)
{
	quit(sub);
}

#define QUITTER(op, fn)                                  \
	{                                                \
		.alloc_notifier = quitter_alloc,         \
		.free_notifier = quitter_free, .op = fn, \
	}

/* One row a kind of walk; two of each, for a get wants ops of its own. */
static const struct mmu_notifier_ops quitters[][2] = {
	{QUITTER(invalidate_range_start, quit_start),
	 QUITTER(invalidate_range_start, quit_start)},
	{QUITTER(invalidate_range_end, quit_end),
	 QUITTER(invalidate_range_end, quit_end)},
	{QUITTER(clear_flush_young, quit_young),
	 QUITTER(clear_flush_young, quit_young)},
	{QUITTER(clear_young, quit_young), QUITTER(clear_young, quit_young)},
	{QUITTER(test_young, quit_test), QUITTER(test_young, quit_test)},
	{QUITTER(change_pte, quit_change), QUITTER(change_pte, quit_change)},
	{QUITTER(invalidate_range, quit_tlb), QUITTER(invalidate_range, quit_tlb)},
	{QUITTER(release, quit_release), QUITTER(release, quit_release)},
};

/* Every kind of walk; the last user's leaving is the last row's. */
static void walk_everything(struct mm_struct *mm)
{
	change(mm, 0, 1);
	(void)mmu_notifier_clear_flush_young(mm, 0, PG(1));
	(void)mmu_notifier_clear_young(mm, 0, PG(1));
	(void)mmu_notifier_test_young(mm, 0);
	mmu_notifier_change_pte(mm, 0, 0);
	mmu_notifier_invalidate_range(mm, 0, PG(1));
}

/*
 *	walk, newest first		freed
 *	newer: puts older and itself	0, though nobody can find them now
 *	older: is not called		0
 *	the walk ends			2
 */
KTEST(mmu_notifier, no_walk_of_any_kind_meets_what_has_been_freed)
{
	unsigned int kind;

	for (kind = 0; kind < ARRAY_SIZE(quitters); kind++) {
		struct mm_struct *mm = mm_alloc();
		struct mmu_notifier *older, *newer;
		bool called_older = false;

		REQUIRE(mm);
		gots_reset();
		freed_when_called = -1;
		older = mmu_notifier_get(&quitters[kind][0], mm);
		REQUIRE(!IS_ERR(older));
		newer = mmu_notifier_get(&quitters[kind][1], mm);
		REQUIRE(!IS_ERR(newer));
		container_of(older, struct quitter, sub)->called = &called_older;
		container_of(newer, struct quitter, sub)->older = older;
		walk_everything(mm);
		mmput(mm);
		mmu_notifier_synchronize();
		EXPECT_EQ(freed_when_called, 0);
		EXPECT(!called_older);
		EXPECT_EQ(atomic_read(&gots_freed), 2);
		if (ktest_failed(test)) {
			ktest_note("kind of walk: %u", kind);
			break;
		}
	}
}

static void put_in_release(struct mmu_notifier *sub, struct mm_struct *mm)
{
	mmu_notifier_put(sub);
}

KTEST(mmu_notifier, put_may_be_called_from_release)
{
	static const struct mmu_notifier_ops release_put_ops = {
		.release = put_in_release,
		.alloc_notifier = got_alloc,
		.free_notifier = got_free,
	};
	struct mm_struct *mm = mm_alloc();

	REQUIRE(mm);
	gots_reset();
	REQUIRE(!IS_ERR(mmu_notifier_get(&release_put_ops, mm)));
	mmput(mm);
	mmu_notifier_synchronize();
	EXPECT_EQ(atomic_read(&gots_freed), 1);
}

KTEST(mmu_notifier, put_after_exit_frees_once)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier *sub;

	REQUIRE(mm);
	gots_reset();
	sub = mmu_notifier_get(&got_ops, mm);
	REQUIRE(!IS_ERR(sub));
	mmput(mm);
	EXPECT_EQ(listener_of(sub)->releases, 1U);
	EXPECT_EQ(atomic_read(&gots_freed), 0);
	mmu_notifier_put(sub);
	mmu_notifier_synchronize();
	EXPECT_EQ(atomic_read(&gots_freed), 1);
}

KTEST_F(mmu_notifier, a_put_too_many_is_reported, KT_EXPECT_REPORT)
{
	struct mm_struct *mm = mm_alloc();
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	l.sub.users = 0;
	mmu_notifier_put(&l.sub);
	EXPECT_EQ(l.sub.users, 0U);
	unlisten(&l, mm);
	mmput(mm);
}

static int synchronizer_body(void *arg)
{
	mmu_notifier_synchronize();
	return atomic_read(arg);
}

#define PUTS 4

/*
 *	n mms, in each a callback asleep	synchronize
 *	put in each: put off
 *						sleeps
 *	the callbacks return, one by one
 *						sleeps on
 *	the last returns
 *						returns: n were freed
 */
KTEST(mmu_notifier, synchronize_waits_for_every_free_and_not_just_for_time)
{
	struct mm_struct *mm[PUTS];
	struct mmu_notifier *sub[PUTS];
	struct ktest_step step[PUTS];
	struct changer c[PUTS];
	struct task *waiter;
	int i;

	gots_reset();
	for (i = 0; i < PUTS; i++) {
		step_init(&step[i], test);
		mm[i] = mm_alloc();
		REQUIRE(mm[i]);
		sub[i] = mmu_notifier_get(&got_ops, mm[i]);
		REQUIRE(!IS_ERR(sub[i]));
		listener_of(sub[i])->start_step = &step[i];
		changer_run(&c[i], mm[i], 0, 1, NULL);
		step_wait(&step[i], 1);
		mmu_notifier_put(sub[i]);
	}
	waiter = kthread_run(synchronizer_body, &gots_freed, "synchronizer");
	for (i = 0; i < PUTS; i++) {
		EXPECT_EQ(ktest_wait_blocked(test, waiter), 0);
		EXPECT_EQ(atomic_read(&gots_freed), i);
		step_signal(&step[i], 2);
		kthread_join(c[i].task);
	}
	EXPECT_EQ(kthread_join(waiter), PUTS);
	for (i = 0; i < PUTS; i++)
		mmput(mm[i]);
}

/* --- starts that fail ------------------------------------------------------------------ */

#define MATRIX_SUBS 5

/*
 * One cell of the matrix: bit i of @failing says that the i-th to register
 * fails; the others have an end. With an interval beside them, or without.
 */
static void matrix_cell(struct ktest *test, unsigned int failing,
			bool with_interval)
{
	struct mm_struct *mm = mm_alloc();
	struct call_log log = {.nr = {0}};
	char wanted[2 * MATRIX_SUBS + 1];
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct listener l[MATRIX_SUBS];
	unsigned int i, at = 0;
	struct watcher w;
	int ret;

	REQUIRE(mm);
	watcher_init(&w, test);
	for (i = 0; i < MATRIX_SUBS; i++) {
		EXPECT_EQ(listen_as(&l[i], mm,
				    failing & BIT(i) ? &start_ops : &pair_ops),
			  0);
		l[i].answer = failing & BIT(i) ? -EAGAIN : 0;
		l[i].log = &log;
		l[i].name = (char)('a' + i);
	}
	if (with_interval)
		EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	ret = start_nonblock_of(&range, mm, 0, 1);
	EXPECT_EQ(ret, failing ? -EAGAIN : 0);
	if (!ret)
		end_of(&range);
	for (i = MATRIX_SUBS; i-- > 0;)
		wanted[at++] = (char)('a' + i);
	for (i = MATRIX_SUBS; i-- > 0;) {
		if (!(failing & BIT(i)))
			wanted[at++] = (char)('A' + i);
	}
	wanted[at] = '\0';
	EXPECT_STREQ(log.who, wanted);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 0UL);
	EXPECT_EQ(stats.open_hits, 0UL);
	EXPECT_EQ(stats.failed_starts, failing ? 1UL : 0UL);
	/* Nothing of it is left: the next change reaches everybody. */
	change(mm, 0, 1);
	for (i = 0; i < MATRIX_SUBS; i++) {
		EXPECT_EQ(l[i].starts, 2U);
		EXPECT_EQ(l[i].ends, failing & BIT(i) ? 0U : 2U);
		unlisten(&l[i], mm);
	}
	if (with_interval) {
		EXPECT_EQ(w.calls, 2U);
		unwatch(&w);
	}
	mmput(mm);
}

/*
 * {0, 1, 2, ... all that fail} x {those with an end before, between, after}:
 * every one is told the start, then every one with an end is told it once,
 * both newest first, and the counts are zero (R3.3, R3.10).
 */
KTEST(mmu_notifier, every_subscriber_is_called_and_every_end_has_its_start)
{
	unsigned int failing;

	for (failing = 0; failing < BIT(MATRIX_SUBS); failing++) {
		matrix_cell(test, failing, false);
		matrix_cell(test, failing, true);
		if (ktest_failed(test)) {
			ktest_note("those that fail: %#x", failing);
			break;
		}
	}
}

KTEST(mmu_notifier, an_end_after_a_failed_start_does_nothing)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range, other;
	struct mmu_notifier_stats stats;
	struct listener good, bad;
	struct watcher w;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(listen(&good, mm), 0);
	EXPECT_EQ(listen_as(&bad, mm, &start_ops), 0);
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	start_of(&other, mm, 8, 9);
	bad.answer = -EAGAIN;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EAGAIN);
	EXPECT_EQ(good.ends, 1U);
	end_of(&range);
	EXPECT_EQ(good.ends, 1U);
	/* The other is still the one that is open. */
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 1UL);
	EXPECT_EQ(stats.open_hits, 0UL);
	end_of(&other);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 0UL);
	unwatch(&w);
	unlisten(&bad, mm);
	unlisten(&good, mm);
	mmput(mm);
}

/*
 *	start_nonblock: the interval lets go, the plain one cannot: -EAGAIN
 *	read_begin and remove must not wait for an end that will not come
 */
KTEST(mmu_notifier, failed_plain_start_closes_the_interval_range)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct listener l;
	struct watcher w;
	unsigned long seq;

	REQUIRE(mm);
	watcher_init(&w, test);
	EXPECT_EQ(listen_as(&l, mm, &start_ops), 0);
	l.answer = -EAGAIN;
	EXPECT_EQ(watch(&w, mm, 0, 4), 0);
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EAGAIN);
	EXPECT_EQ(w.calls, 1U);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_hits, 0UL);
	EXPECT_EQ(stats.open_ranges, 0UL);
	seq = mmu_interval_read_begin(&w.sub);
	EXPECT(!must_retry(&w, seq));
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.waits, 0UL);
	unwatch(&w);
	unlisten(&l, mm);
	mmput(mm);
}

KTEST_F(mmu_notifier, an_answer_that_is_not_EAGAIN_is_reported_and_passed_on,
	KT_EXPECT_REPORT)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen_as(&l, mm, &start_ops), 0);
	l.answer = -EIO;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EIO);
	unlisten(&l, mm);
	mmput(mm);
}

/* Newest first: the oldest is the last to answer. */
KTEST_F(mmu_notifier, of_several_failures_the_last_is_returned, KT_EXPECT_REPORT)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l[3];
	int i;

	REQUIRE(mm);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(listen_as(&l[i], mm, &start_ops), 0);
	l[2].answer = -EAGAIN;
	l[1].answer = -EIO;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EIO);
	l[0].answer = -EAGAIN;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EAGAIN);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(l[i].starts, 2U);
		unlisten(&l[i], mm);
	}
	mmput(mm);
}

KTEST_F(mmu_notifier, who_may_fail_and_has_an_end_is_reported, KT_EXPECT_REPORT)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	l.answer = -EAGAIN;
	EXPECT_EQ(start_nonblock_of(&range, mm, 0, 1), -EAGAIN);
	EXPECT_EQ(l.ends, 1U);
	unlisten(&l, mm);
	mmput(mm);
}

/* No double end: the failure is reported and the start counts as good (R2.7). */
KTEST_F(mmu_notifier, a_failure_of_a_blockable_start_is_no_failure,
	KT_EXPECT_REPORT)
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct mmu_notifier_stats stats;
	struct listener bad, good;

	REQUIRE(mm);
	EXPECT_EQ(listen(&good, mm), 0);
	EXPECT_EQ(listen_as(&bad, mm, &start_ops), 0);
	bad.answer = -EAGAIN;
	bad.insist = true;
	start_of(&range, mm, 0, 1);
	EXPECT_EQ(good.starts, 1U);
	EXPECT_EQ(good.ends, 0U);
	mmu_notifier_read_stats(mm, &stats);
	EXPECT_EQ(stats.open_ranges, 1UL);
	EXPECT_EQ(stats.failed_starts, 0UL);
	end_of(&range);
	EXPECT_EQ(good.ends, 1U);
	unlisten(&bad, mm);
	unlisten(&good, mm);
	mmput(mm);
}

/* --- the gate ----------------------------------------------------------------------------- */

struct gate_fixture {
	struct notifier_gate gate;
	struct atomic64 word;
	struct spinlock lock;
	struct wait_queue_head waiters;
	struct mmu_notifier_deferred deferred;
	unsigned int ran;
};

static void gate_fixture_init(struct gate_fixture *f)
{
	memset(f, 0, sizeof(*f));
	spin_lock_init(&f->lock);
	init_waitqueue_head(&f->waiters);
	notifier_gate_init(&f->gate, &f->word, &f->lock, &f->waiters);
}

static u64 gate_ask(struct gate_fixture *f)
{
	u64 pass;

	spin_lock(&f->lock);
	pass = notifier_gate_ask(&f->gate);
	spin_unlock(&f->lock);
	return pass;
}

/*
 *	a	[--------------]
 *	ask	   |
 *	b	      [------------------]
 *	over		       |		when a is out, b or not
 */
KTEST(mmu_notifier,
      a_period_waits_for_a_reader_that_entered_before_and_for_no_later_one)
{
	struct gate_fixture f;
	long a, b, c;
	u64 pass, next;

	gate_fixture_init(&f);
	EXPECT_EQ(gate_ask(&f), 1UL);
	EXPECT_EQ(f.gate.passed, 1UL);
	a = notifier_gate_enter(&f.gate);
	pass = gate_ask(&f);
	EXPECT_LT(f.gate.passed, pass);
	b = notifier_gate_enter(&f.gate);
	notifier_gate_leave(&f.gate, a);
	EXPECT_EQ(f.gate.passed, pass);
	/* Another while b is in, and one that joins it too late. */
	pass = gate_ask(&f);
	c = notifier_gate_enter(&f.gate);
	next = gate_ask(&f);
	EXPECT_EQ(next, pass + 1);
	notifier_gate_leave(&f.gate, b);
	EXPECT_EQ(f.gate.passed, pass);
	notifier_gate_leave(&f.gate, c);
	EXPECT_EQ(f.gate.passed, next);
	/* At rest again: the short way in and out. */
	EXPECT_EQ(atomic64_read(&f.word), 0L);
}

static void gate_ran(struct mmu_notifier_deferred *deferred)
{
	container_of(deferred, struct gate_fixture, deferred)->ran++;
}

KTEST(mmu_notifier, what_is_put_off_runs_once_when_the_last_one_leaves)
{
	struct gate_fixture f;
	long a, b;
	bool now;

	gate_fixture_init(&f);
	f.deferred.run = gate_ran;
	a = notifier_gate_enter(&f.gate);
	b = notifier_gate_enter(&f.gate);
	spin_lock(&f.lock);
	now = notifier_gate_defer(&f.gate, &f.deferred);
	spin_unlock(&f.lock);
	EXPECT(!now);
	notifier_gate_leave(&f.gate, b);
	EXPECT_EQ(f.ran, 0U);
	notifier_gate_leave(&f.gate, a);
	EXPECT_EQ(f.ran, 1U);
	spin_lock(&f.lock);
	now = notifier_gate_defer(&f.gate, &f.deferred);
	spin_unlock(&f.lock);
	EXPECT(now);
	EXPECT_EQ(f.ran, 1U);
}

/* --- figures ------------------------------------------------------------------------------ */

static bool count_sub(const struct mmu_notifier_sub_info *info, void *arg)
{
	unsigned long *calls = arg;

	*calls += info->figures.callbacks;
	return true;
}

KTEST(mmu_notifier, figures_say_what_happened)
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
