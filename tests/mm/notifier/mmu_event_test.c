// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_event_test.c - each event permits what it says, and no less
 *
 * A mirror (lib/mirror.c) is a device that does the least that each event asks
 * for. One test an event shows what it keeps and what it drops, and one walks at
 * random through all of them with two such devices and one that always drops.
 * After each step all three are compared with the page tables.
 *
 * Not here: the order of start, change and end (mmap_test.c), the protocol
 * under races (mmu_interval_device_test.c).
 */
#include <mm/alloc/alloc.h>
#include <lib/string.h>
#include <mm/space/soft_dirty.h>
#include "tests/mm/lib/by_hand.h"
#include "tests/mm/lib/mirror.h"
#include "tests/mm/lib/relatives.h"

/* The pages that mirrors know of. */
#define PAGES 16

/* --- one event each --------------------------------------------------------------------- */

/* Pages [0, nr) are mapped, written by the CPU, and known to the device. */
static bool setup(struct sandbox *box, struct mirror *m, struct ktest *test,
		  unsigned int nr)
{
	unsigned int i;

	if (!sandbox_open(box, test))
		return false;
	mirror_open(m, box, AT(0), PAGES);
	sandbox_map(box, AT(0), nr);
	for (i = 0; i < nr; i++) {
		EXPECT_EQ(user_poke(AT(i), i + 1), 0);
		EXPECT_EQ(mirror_touch(m, i, true), 0);
		EXPECT(m->page[i].write);
	}
	mirror_verify(m);
	sandbox_forget(box);
	m->calls = 0;
	return true;
}

static void teardown(struct sandbox *box, struct mirror *m)
{
	struct ktest *test = box->test;

	mirror_verify(m);
	/* No thread runs beside the test: each look-up is done in one round. */
	EXPECT_LE(m->most_rounds, 1U);
	mirror_close(m);
	sandbox_close(box);
}

/*
 *	pages     0 1 2 3
 *	munmap      [-]		what is beside it stays as it is
 */
KTEST(mmu_event, UNMAP_takes_the_translations_and_what_is_kept_for_them,
      KT_RULES("R1.17"))
{
	struct sandbox box;
	struct mirror m;

	REQUIRE(setup(&box, &m, test, 4));
	EXPECT_EQ(do_munmap(box.mm, AT(1), LEN(2)), 0);
	/* At start it was all still there; here and below (R1.10). */
	EXPECT(pte_write(box.seen[0].first));
	EXPECT(!m.page[1].present && !m.page[1].tracked);
	EXPECT(!m.page[2].present && !m.page[2].tracked);
	EXPECT(m.page[0].write && m.page[3].write);
	EXPECT_EQ(mirror_touch(&m, 1, false), -EFAULT);
	teardown(&box, &m);
}

/*
 *	pages     0 1 2 3 4 5 6 7
 *	regions   [-----]		4 and 5 are free: they start no range
 *	move      [---]-->[---]		UNMAP of 0 and 1, and of nothing else
 */
KTEST(mmu_event, a_move_tells_the_old_place_and_not_the_free_new_one,
      KT_RULES("R1.14"))
{
	struct sandbox box;
	struct mirror m;
	pfn_t pfn;

	REQUIRE(setup(&box, &m, test, 3));
	pfn = m.page[0].pfn;
	EXPECT_EQ(do_mremap(box.mm, AT(0), LEN(2), LEN(2),
			    MREMAP_MAYMOVE | MREMAP_DONTUNMAP, AT(4)),
		  (long)AT(4));
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(0), AT(2));
	/* The region stays, yet what is kept for the old addresses goes. */
	EXPECT(!m.page[0].present && !m.page[0].tracked);
	EXPECT(m.page[2].write);
	EXPECT_EQ(mirror_touch(&m, 4, true), 0);
	EXPECT_EQ(m.page[4].pfn, pfn);
	EXPECT_EQ(sandbox_read(&box, AT(4)), 1UL);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	teardown(&box, &m);
}

/* The new place was taken: first that one goes, then the old. */
KTEST(mmu_event, a_move_over_a_mapping_tells_that_one_first, KT_RULES("R1.14"))
{
	struct sandbox box;
	struct mirror m;

	REQUIRE(setup(&box, &m, test, 6));
	EXPECT_EQ(do_mremap(box.mm, AT(0), LEN(2), LEN(2),
			    MREMAP_MAYMOVE | MREMAP_FIXED, AT(4)),
		  (long)AT(4));
	EXPECT_EQ(box.nr, 2U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(4), AT(6));
	EXPECT_EVENT(&box, 1, MMU_NOTIFY_UNMAP, AT(0), AT(2));
	EXPECT(!m.page[4].tracked);
	EXPECT_EQ(mirror_touch(&m, 5, false), 0);
	EXPECT_EQ(sandbox_read(&box, AT(5)), 2UL);
	teardown(&box, &m);
}

KTEST(mmu_event, CLEAR_takes_the_translations_and_the_region_stays,
      KT_RULES("R1.10 R1.18"))
{
	struct sandbox box;
	struct mirror m;

	REQUIRE(setup(&box, &m, test, 4));
	EXPECT_EQ(madvise_dontneed(box.mm, AT(1), LEN(2)), 0);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(1), AT(3));
	EXPECT(pte_write(box.seen[0].first));
	EXPECT(!m.page[1].present && m.page[1].tracked);
	EXPECT(m.page[0].write && m.page[3].write);
	mirror_verify(&m);
	EXPECT_EQ(mirror_touch(&m, 1, false), 0);
	EXPECT(!m.page[1].write);
	/* And once more, when the zero page gives way to a page. */
	EXPECT_EQ(user_poke(AT(1), 7), 0);
	EXPECT(!m.page[1].present && m.page[1].tracked);
	EXPECT_EQ(mirror_write(&m, 1, 8), 0);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 8UL);
	teardown(&box, &m);
}

KTEST(mmu_event, PROTECTION_VMA_may_be_answered_from_the_region_alone,
      KT_RULES("R1.10 R1.19"))
{
	struct sandbox box;
	struct mirror m;
	pfn_t pfn;

	REQUIRE(setup(&box, &m, test, 4));
	pfn = m.page[1].pfn;
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), PROT_READ), 0);
	EXPECT(pte_write(box.seen[0].first));
	EXPECT(m.page[1].present && !m.page[1].write);
	EXPECT_EQ(m.page[1].pfn, pfn);
	EXPECT(m.page[0].write);
	mirror_verify(&m);
	EXPECT_EQ(mirror_touch(&m, 1, true), -EFAULT);
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), PROT_NONE), 0);
	EXPECT(!m.page[1].present && m.page[1].tracked);
	mirror_verify(&m);
	EXPECT_EQ(mirror_touch(&m, 1, false), -EFAULT);
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), RW), 0);
	EXPECT_EQ(mirror_touch(&m, 1, true), 0);
	EXPECT_EQ(m.page[1].pfn, pfn);
	teardown(&box, &m);
}

/** Looks at one entry when a range starts and when it ends. */
struct looker {
	struct mmu_notifier sub;
	struct sandbox *box;
	const struct mirrored *marks; /* at end: mark what is writable here */
	pte_t at_start;
	pte_t at_end;
};

static pte_t look(struct mm_struct *mm, vaddr_t addr) __no_thread_safety
{
	struct spinlock *ptl;
	pte_t *ptep = pgtable_map_lock(mm, addr, &ptl);
	pte_t pte = ptep ? ptep_get(ptep) : __pte(0);

	if (ptep)
		spin_unlock(ptl);
	return pte;
}

static int looker_start(struct mmu_notifier *sub,
			const struct mmu_notifier_range *range)
{
	struct looker *l = container_of(sub, struct looker, sub);

	l->at_start = look(range->mm, AT(0));
	return 0;
}

static void looker_end(struct mmu_notifier *sub,
		       const struct mmu_notifier_range *range) __no_thread_safety
{
	struct looker *l = container_of(sub, struct looker, sub);
	struct spinlock *ptl;
	unsigned int i;
	pte_t *ptep;

	l->at_end = look(range->mm, AT(0));
	for (i = 0; l->marks && i < PAGES; i++) {
		if (!l->marks[i].write)
			continue;
		ptep = pgtable_map_lock(range->mm, AT(i), &ptl);
		set_pte(ptep, pte_mksoft_dirty(ptep_get_and_clear(ptep)));
		spin_unlock(ptl);
	}
}

static const struct mmu_notifier_ops looker_ops = {
	.invalidate_range_start = looker_start,
	.invalidate_range_end = looker_end,
};

KTEST(mmu_event, PROTECTION_PAGE_takes_write_access_and_entries_tell_at_end,
      KT_RULES("R1.20"))
{
	struct looker l = {.sub = {.ops = &looker_ops}};
	struct mm_struct *child;
	struct sandbox box;
	struct mirror m;
	pfn_t pfn;

	REQUIRE(setup(&box, &m, test, 4));
	EXPECT_EQ(mmu_notifier_register(&l.sub, box.mm), 0);
	pfn = m.page[0].pfn;
	child = sandbox_fork(&box);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_PROTECTION_PAGE, AT(0), AT(4));
	EXPECT_EQ(box.seen[0].vm_flags & VM_ACCESS, VM_READ | VM_WRITE);
	EXPECT(pte_write(l.at_start));
	EXPECT(!pte_write(l.at_end));
	/* Reading goes on without a fault, writing faults. */
	EXPECT(m.page[0].present && !m.page[0].write);
	EXPECT_EQ(m.page[0].pfn, pfn);
	EXPECT(m.page[3].present && !m.page[3].write);
	mirror_verify(&m);
	EXPECT_EQ(mirror_write(&m, 0, 9), 0);
	EXPECT(m.page[0].write);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 9UL);
	if (child) {
		EXPECT_EQ(read_in(&box, child, AT(0)), 1UL);
		mmput(child);
	}
	mmu_notifier_unregister(&l.sub, box.mm);
	teardown(&box, &m);
}

KTEST(mmu_event, SOFT_DIRTY_makes_the_devices_next_write_seen,
      KT_RULES("R1.6 R1.21"))
{
	struct mirror m, at_top;
	struct sandbox box;

	REQUIRE(setup(&box, &m, test, 4));
	mirror_open(&at_top, &box, ~0UL & PAGE_MASK, 1);
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_SOFT_DIRTY, 0, ~0UL);
	EXPECT_EQ(at_top.calls, 1U);
	EXPECT(m.page[0].present && !m.page[0].write);
	EXPECT(!pte_soft_dirty(sandbox_pte(&box, AT(0))));
	mirror_verify(&m);
	EXPECT_EQ(mirror_write(&m, 0, 5), 0);
	EXPECT(pte_soft_dirty(sandbox_pte(&box, AT(0))));
	EXPECT(!pte_soft_dirty(sandbox_pte(&box, AT(1))));
	mirror_close(&at_top);
	teardown(&box, &m);
}

/* A device that goes on writing has its writable pages marked at end (R1.21). */
KTEST(mmu_event, SOFT_DIRTY_may_be_answered_by_marking_what_is_writable,
      KT_RULES("R1.21"))
{
	struct looker l = {.sub = {.ops = &looker_ops}};
	struct mirrored kept[PAGES];
	struct sandbox box;
	struct mirror m;

	REQUIRE(setup(&box, &m, test, 4));
	memcpy(kept, m.page, sizeof(kept));
	mirror_close(&m);
	mirror_drop(&kept[1]);
	l.marks = kept;
	EXPECT_EQ(mmu_notifier_register(&l.sub, box.mm), 0);
	EXPECT_EQ(mm_clear_soft_dirty(box.mm), 0);
	EXPECT(pte_soft_dirty(l.at_start));
	EXPECT(!pte_soft_dirty(l.at_end));
	EXPECT(pte_soft_dirty(sandbox_pte(&box, AT(0))));
	EXPECT(!pte_soft_dirty(sandbox_pte(&box, AT(1))));
	mmu_notifier_unregister(&l.sub, box.mm);
	sandbox_close(&box);
}

KTEST(mmu_event, after_RELEASE_nothing_is_installed_any_more,
      KT_RULES("R1.6 R1.22"))
{
	struct sandbox box;
	struct mirror m;

	REQUIRE(setup(&box, &m, test, 4));
	mmu_notifier_release(box.mm);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_RELEASE, 0, ~0UL);
	EXPECT(m.dead);
	EXPECT(!m.page[0].present && !m.page[3].present);
	/* The pages are all still there. */
	EXPECT(pte_present(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(mirror_touch(&m, 0, false), -EFAULT);
	EXPECT(!m.page[0].present);
	teardown(&box, &m);
}

/*
 *	pages     0 1 2 3
 *	MIGRATE   [-----]	asked by A; only 1 moves
 *	A	  keeps 0, 2, 3 and has let go of 1 by itself; no retry
 *	B	  lets go of 0 to 3
 */
KTEST(mmu_event, ones_own_MIGRATE_takes_nothing_and_anothers_all,
      KT_RULES("R1.23"))
{
	struct mirror *a, *b;
	struct sandbox box;
	unsigned long seq;
	pfn_t pfn;

	a = kzalloc(sizeof(*a), GFP_KERNEL);
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	REQUIRE(a && b);
	REQUIRE(setup(&box, a, test, 4));
	mirror_open(b, &box, AT(0), PAGES);
	EXPECT_EQ(mirror_touch(b, 1, true), 0);
	EXPECT_EQ(mirror_touch(b, 2, true), 0);
	seq = mmu_interval_read_begin(&a->sub);
	pfn = a->page[1].pfn;
	mirror_drop(&a->page[1]);
	migrate_by_hand(&box, 0, 4, 1, a);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_MIGRATE, AT(0), AT(4));
	EXPECT_EQ(box.seen[0].owner, a);
	EXPECT(!mmu_interval_check_retry(&a->sub, seq));
	EXPECT(a->page[0].write && a->page[2].write);
	EXPECT(!b->page[1].present && !b->page[2].present);
	mirror_verify(a);
	mirror_verify(b);
	EXPECT_EQ(mirror_touch(a, 1, true), 0);
	EXPECT_NE(a->page[1].pfn, pfn);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 2UL);
	mirror_close(b);
	teardown(&box, a);
	kfree(a);
	kfree(b);
}

/* A MIGRATE of no owner or of another is a CLEAR for each subscriber. */
KTEST(mmu_event, a_MIGRATE_without_an_owner_is_nobodys_own, KT_RULES("R1.23"))
{
	struct sandbox box;
	struct mirror m;
	unsigned long seq;

	REQUIRE(setup(&box, &m, test, 2));
	seq = mmu_interval_read_begin(&m.sub);
	migrate_by_hand(&box, 0, 2, 0, NULL);
	EXPECT(mmu_interval_check_retry(&m.sub, seq));
	EXPECT(!m.page[0].present && m.page[0].tracked);
	teardown(&box, &m);
}

KTEST(mmu_event, ones_own_EXCLUSIVE_takes_nothing_and_anothers_all,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE), KT_RULES("R1.24"))
{
	struct sandbox box;
	struct mirror *a, *b;
	unsigned long seq;

	a = kzalloc(sizeof(*a), GFP_KERNEL);
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	REQUIRE(a && b);
	REQUIRE(setup(&box, a, test, 2));
	mirror_open(b, &box, AT(0), PAGES);
	EXPECT_EQ(mirror_touch(b, 0, true), 0);
	seq = mmu_interval_read_begin(&a->sub);
	EXPECT_EQ(mirror_take_exclusive(a, 0), 0);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_EXCLUSIVE, AT(0), AT(1));
	EXPECT(pte_write(box.seen[0].first));
	EXPECT(!mmu_interval_check_retry(&a->sub, seq));
	EXPECT(a->page[0].exclusive);
	EXPECT(!b->page[0].present && b->page[0].tracked);
	mirror_verify(a);
	EXPECT_EQ(mirror_take_exclusive(b, 0), 0);
	EXPECT(!a->page[0].present && b->page[0].exclusive);
	mirror_verify(a);
	mirror_verify(b);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	EXPECT(!b->page[0].present);
	mirror_close(b);
	teardown(&box, a);
	kfree(a);
	kfree(b);
}

/* --- all of them, in any order ------------------------------------------------------------ */

struct crowd {
	struct sandbox box;
	struct mirror m[3]; /* two do the least, the last drops always */
	struct rng *rng;
};

/* A random part of the pages; true if all of it is mapped writable. */
static bool some_pages(struct crowd *c, unsigned int *from, unsigned int *nr)
{
	struct vm_area_struct *vma;
	bool good;

	*from = (unsigned int)rng_below(c->rng, PAGES);
	*nr = 1 + (unsigned int)rng_below(c->rng, PAGES - *from);
	mmap_read_lock(c->box.mm);
	vma = vma_lookup(c->box.mm, AT(*from));
	good = vma && vma->vm_end >= AT(*from + *nr) &&
	       (vma->vm_flags & VM_WRITE);
	mmap_read_unlock(c->box.mm);
	return good;
}

/* Exclusive pages come back before a page migrates. */
static void take_back(struct crowd *c, unsigned int from, unsigned int nr)
{
	unsigned int i;

	for (i = from; i < from + nr; i++)
		(void)mirror_fault_in(&c->m[0], i, true);
}

static void migrate_one(struct crowd *c, unsigned int from, unsigned int nr)
{
	struct mirror *asks = &c->m[rng_below(c->rng, 2)];
	unsigned int i = from + (unsigned int)rng_below(c->rng, nr);

	take_back(c, i, 1);
	mirror_drop(&asks->page[i]);
	migrate_by_hand(&c->box, from, from + nr, i,
			rng_below(c->rng, 3) ? asks : NULL);
}

static void one_change(struct crowd *c)
{
	static const int rights[] = {PROT_NONE, PROT_READ, RW, RW};
	struct mm_struct *mm = c->box.mm, *child;
	unsigned int from, nr;
	bool good = some_pages(c, &from, &nr);

	switch (rng_below(c->rng, 9)) {
	case 0:
		(void)do_munmap(mm, AT(from), LEN(nr));
		break;
	case 1:
	case 2:
		(void)do_mmap(mm, AT(from), LEN(nr), RW,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
		break;
	case 3:
		(void)madvise_dontneed(mm, AT(from), LEN(nr));
		break;
	case 4:
		(void)do_mprotect(mm, AT(from), LEN(nr),
				  rights[rng_below(c->rng, ARRAY_SIZE(rights))]);
		break;
	case 5:
		(void)mirror_take_exclusive(&c->m[rng_below(c->rng, 2)], from);
		break;
	case 6:
		child = sandbox_fork(&c->box);
		if (child)
			mmput(child);
		break;
	case 7:
		(void)mm_clear_soft_dirty(c->box.mm);
		break;
	default:
		if (good)
			migrate_one(c, from, nr);
		break;
	}
}

/*
 * Two that do the least and one that always drops are right after every one of
 * many changes (R1.25), with faults of devices and touches of the CPU between.
 */
KTEST(mmu_event, whatever_comes_the_least_that_an_event_asks_for_is_enough,
      KT_RULES("R1.25"))
{
	struct crowd *c = kzalloc(sizeof(*c), GFP_KERNEL);
	unsigned int step, i, n;

	REQUIRE(c);
	c->rng = ktest_rng(test);
	REQUIRE(sandbox_open(&c->box, test));
	for (n = 0; n < ARRAY_SIZE(c->m); n++)
		mirror_open(&c->m[n], &c->box, AT(0), PAGES);
	c->m[2].drops_always = true;
	sandbox_map(&c->box, AT(0), PAGES);
	for (step = 0; step < 600 && !ktest_failed(test); step++) {
		for (i = 0; i < 6; i++)
			(void)mirror_touch(&c->m[rng_below(c->rng, 3)],
					   (unsigned int)rng_below(c->rng, PAGES),
					   rng_below(c->rng, 2));
		if (rng_below(c->rng, 2))
			(void)user_poke(AT(rng_below(c->rng, PAGES)), step);
		one_change(c);
		for (n = 0; n < ARRAY_SIZE(c->m); n++)
			mirror_verify(&c->m[n]);
		sandbox_forget(&c->box);
	}
	for (n = 0; n < ARRAY_SIZE(c->m); n++) {
		EXPECT_LE(c->m[n].most_rounds, 1U);
		mirror_close(&c->m[n]);
	}
	sandbox_close(&c->box);
	kfree(c);
}
