// SPDX-License-Identifier: MIT
/*
 * tests/mm/mmu_event_test.c - each event permits what it says, and no less
 *
 * Problem.  A listener that drops everything is always right, so it shows
 * nothing about the eight events. What an event permits a listener to keep is
 * true only if all that raise it keep to that.
 *
 * Idea.  A mirror is a device that does the least that each event asks for, and
 * keeps all else. After each step its translations are compared with the page
 * tables: the same frame, no right that the entry has not.
 *
 *	event			what the mirror does in its callback
 *	UNMAP			drops translation and its own object of the page
 *	CLEAR			drops the translation, keeps the object
 *	PROTECTION_VMA		takes over the region's rights; no read is a drop
 *	PROTECTION_PAGE		keeps reading, forgets that it may write
 *	SOFT_DIRTY		the same
 *	RELEASE			drops all, installs no more
 *	MIGRATE, EXCLUSIVE	its own: nothing, not even the number; another's:
 *				drops the translation
 *
 * Operations that the tree does not have are made by hand, with the calls and in
 * the order in which they will be made: moving a mapping, fork (the parent's
 * side), clearing the marks of writes, migrating a page.
 *
 * Not here: the order of start, change and end (mmap_test.c), the protocol
 * under races (mmu_interval_test.c).
 */
#include <kernel/mutex.h>
#include <kernel/string.h>
#include <mm/device_exclusive.h>
#include <mm/gup.h>
#include <mm/page_alloc.h>
#include <mm/rmap.h>
#include <mm/tlb.h>
#include "mm_test.h"

#define AT(page)   (BASE + (page)*PAGE_SIZE)
#define LEN(pages) ((size_t)(pages)*PAGE_SIZE)
#define RW         (PROT_READ | PROT_WRITE)
#define PAGES      16

/** What the device knows of one page. */
struct mirrored {
	bool present;
	bool write;
	bool exclusive;
	bool tracked; /* the driver's object for the address */
	pfn_t pfn;
};

/**
 * struct mirror - a device that does the least it may, or the most
 * @sub: over all pages of the test
 * @lock: the driver's, over all that follows
 * @drops_always: whatever the event is
 * @dead: RELEASE has come
 * @calls: callbacks
 * @page: see above
 */
struct mirror {
	struct mmu_interval_notifier sub;
	struct mutex lock;
	struct sandbox *box;
	bool drops_always;
	bool dead;
	unsigned int calls;
	struct mirrored page[PAGES];
};

static void drop(struct mirrored *page)
{
	page->present = false;
	page->write = false;
	page->exclusive = false;
}

/* Take over what a region allows, without a look at the entries (R1.19). */
static void take_over_rights(struct mirrored *page,
			     const struct vm_area_struct *vma)
{
	if (!vma || !(vma->vm_flags & VM_READ))
		drop(page);
	else if (!(vma->vm_flags & VM_WRITE))
		page->write = false;
}

static void answer(struct mirrored *page, const struct mmu_notifier_range *range)
{
	switch (range->event) {
	case MMU_NOTIFY_UNMAP:
		drop(page);
		page->tracked = false;
		break;
	case MMU_NOTIFY_PROTECTION_VMA:
		take_over_rights(page, range->vma);
		break;
	case MMU_NOTIFY_PROTECTION_PAGE:
	case MMU_NOTIFY_SOFT_DIRTY:
		page->write = false;
		break;
	default:
		drop(page);
		break;
	}
}

static bool mirror_invalidate(struct mmu_interval_notifier *sub,
			      const struct mmu_notifier_range *range,
			      unsigned long cur_seq)
{
	struct mirror *m = container_of(sub, struct mirror, sub);
	unsigned int i;

	m->calls++;
	if (!m->drops_always && range->owner == m &&
	    (range->event == MMU_NOTIFY_MIGRATE ||
	     range->event == MMU_NOTIFY_EXCLUSIVE))
		return true;
	mutex_lock(&m->lock);
	mmu_interval_set_seq(sub, cur_seq);
	m->dead |= range->event == MMU_NOTIFY_RELEASE;
	for (i = 0; i < PAGES; i++) {
		if (AT(i) < range->start || AT(i) >= range->end)
			continue;
		if (m->drops_always)
			drop(&m->page[i]);
		else
			answer(&m->page[i], range);
	}
	mutex_unlock(&m->lock);
	return true;
}

static const struct mmu_interval_notifier_ops mirror_ops = {
	.invalidate = mirror_invalidate,
};

static void mirror_open(struct mirror *m, struct sandbox *box)
{
	struct ktest *test = box->test;

	memset(m, 0, sizeof(*m));
	mutex_init(&m->lock);
	m->box = box;
	EXPECT_EQ(mmu_interval_notifier_insert(&m->sub, box->mm, AT(0),
					       LEN(PAGES), &mirror_ops),
		  0);
}

static void mirror_close(struct mirror *m)
{
	mmu_interval_notifier_remove(&m->sub);
}

static long fault_in(struct mirror *m, unsigned int i, bool write)
{
	struct mm_struct *mm = m->box->mm;
	long got;

	mmap_read_lock(mm);
	got = get_user_pages_remote(mm, AT(i), 1, write ? FOLL_WRITE : 0, NULL);
	mmap_read_unlock(mm);
	return got;
}

/* What was found may be installed. True: it was; false: begin again. */
static bool install(struct mirror *m, unsigned int i, unsigned long seq, pte_t pte)
{
	bool may;

	mutex_lock(&m->lock);
	may = !mmu_interval_read_retry(&m->sub, seq) && pte_present(pte) &&
	      !pte_protnone(pte);
	if (may)
		m->page[i] = (struct mirrored){
			.present = true,
			.write = pte_write(pte),
			.tracked = true,
			.pfn = pte_pfn(pte),
		};
	mutex_unlock(&m->lock);
	return may;
}

/* A device fault: the protocol. 0, or why there is no translation. */
static int touch(struct mirror *m, unsigned int i, bool write)
{
	unsigned long seq;
	long got;

	if (m->page[i].present && (!write || m->page[i].write))
		return 0;
	do {
		if (m->dead)
			return -EFAULT;
		seq = mmu_interval_read_begin(&m->sub);
		got = fault_in(m, i, write);
		if (got < 0)
			return (int)got;
	} while (!install(m, i, seq, sandbox_pte(m->box, AT(i))));
	return 0;
}

/* Taken back from whoever has it, else that would be an event in the loop. */
static int take_exclusive(struct mirror *m, unsigned int i)
{
	struct page *pages[1];
	unsigned long seq;
	bool retry = true;
	long got;
	int made;

	while (retry) {
		got = fault_in(m, i, true);
		if (got < 0)
			return (int)got;
		seq = mmu_interval_read_begin(&m->sub);
		made = sandbox_make_exclusive(m->box, AT(i), 1, pages, m);
		if (made < 0)
			return made;
		mutex_lock(&m->lock);
		retry = mmu_interval_read_retry(&m->sub, seq) || !pages[0];
		if (!retry)
			m->page[i] = (struct mirrored){
				.present = true,
				.write = true,
				.exclusive = true,
				.tracked = true,
				.pfn = page_to_pfn(pages[0]),
			};
		mutex_unlock(&m->lock);
		release_exclusive(pages, 1);
	}
	return 0;
}

/* What the device writes reaches the frame that it knows. */
static void device_write(struct mirror *m, unsigned int i, u64 value)
{
	struct ktest *test = m->box->test;

	EXPECT_EQ(touch(m, i, true), 0);
	if (m->page[i].present)
		*(u64 *)page_address(pfn_to_page(m->page[i].pfn)) = value;
}

static bool agrees(const struct mirrored *page, pte_t pte)
{
	swp_entry_t entry;

	if (!page->present)
		return !page->write;
	if (!page->exclusive)
		return pte_present(pte) && !pte_protnone(pte) &&
		       pte_pfn(pte) == page->pfn &&
		       (!page->write || pte_write(pte));
	if (pte_none(pte) || pte_present(pte))
		return false;
	entry = pte_to_swp_entry(pte);
	return is_device_exclusive_entry(entry) &&
	       swp_offset_pfn(entry) == page->pfn &&
	       (!page->write || is_writable_device_exclusive_entry(entry));
}

/* The device knows nothing that is not so. */
static void verify(struct mirror *m)
{
	struct ktest *test = m->box->test;
	unsigned int i;
	bool mapped;

	for (i = 0; i < PAGES; i++) {
		pte_t pte = sandbox_pte(m->box, AT(i));

		if (!agrees(&m->page[i], pte))
			ktest_fail(test, "page %u: the device is wrong of %#lx",
				   i, pte_val(pte));
		if (m->drops_always)
			continue;
		mmap_read_lock(m->box->mm);
		mapped = vma_lookup(m->box->mm, AT(i)) != NULL;
		mmap_read_unlock(m->box->mm);
		EXPECT(mapped || !m->page[i].tracked);
		EXPECT(m->page[i].tracked || !m->page[i].present);
	}
}

/* --- what the tree does not have, by hand ------------------------------------------- */

/* Each present entry becomes what @fn makes of it, and every CPU is told. */
static void change_entries(struct mm_struct *mm, vaddr_t start, vaddr_t end,
			   pte_t (*fn)(pte_t pte)) __no_thread_safety
{
	struct spinlock *ptl;
	vaddr_t addr;
	pte_t *ptep;

	for (addr = start; addr < end; addr += PAGE_SIZE) {
		ptep = pgtable_map_lock(mm, addr, &ptl);
		if (!ptep)
			continue;
		if (pte_present(ptep_get(ptep)))
			set_pte(ptep, fn(ptep_get_and_clear(ptep)));
		spin_unlock(ptl);
	}
	flush_tlb_mm_range(mm, start, end);
}

static pte_t write_protected(pte_t pte)
{
	return pte_wrprotect(pte);
}

/* The parent's side of a fork: its private pages lose write access (R1.20). */
static void fork_by_hand(struct sandbox *box, unsigned int from, unsigned int nr)
{
	struct mm_struct *mm = box->mm;
	struct mmu_notifier_range range;

	mmap_write_lock(mm);
	mmu_notifier_range_init(&range, MMU_NOTIFY_PROTECTION_PAGE, 0,
				vma_lookup(mm, AT(from)), mm, AT(from),
				AT(from + nr));
	mmu_notifier_invalidate_range_start(&range);
	change_entries(mm, AT(from), AT(from + nr), write_protected);
	mmu_notifier_invalidate_range_end(&range);
	mmap_write_unlock(mm);
}

static pte_t without_write_mark(pte_t pte)
{
	return pte_clear_soft_dirty(pte_wrprotect(pte));
}

/* From here on writes are to be seen: the whole space in one range (R1.6). */
static void clear_write_marks_by_hand(struct sandbox *box)
{
	struct mm_struct *mm = box->mm;
	struct mmu_notifier_range range;

	mmap_write_lock(mm);
	mmu_notifier_range_init(&range, MMU_NOTIFY_SOFT_DIRTY, 0, NULL, mm, 0,
				~0UL);
	mmu_notifier_invalidate_range_start(&range);
	change_entries(mm, AT(0), AT(PAGES), without_write_mark);
	mmu_notifier_invalidate_range_end(&range);
	mmap_write_unlock(mm);
}

/* The contents of one page go to another frame; other pages of [from, to) stay. */
static void migrate_by_hand(struct sandbox *box, unsigned int from,
			    unsigned int to, unsigned int i,
			    void *owner) __no_thread_safety
{
	struct page *fresh = alloc_page(GFP_KERNEL), *old;
	struct mm_struct *mm = box->mm;
	struct mmu_notifier_range range;
	struct vm_area_struct *vma;
	struct spinlock *ptl;
	pte_t *ptep, pte;

	if (!fresh) {
		ktest_fail(box->test, "no memory for a page");
		return;
	}
	mmap_read_lock(mm);
	vma = vma_lookup(mm, AT(i));
	mmu_notifier_range_init_owner(&range, MMU_NOTIFY_MIGRATE, 0, vma, mm,
				      AT(from), AT(to), owner);
	mmu_notifier_invalidate_range_start(&range);
	ptep = pgtable_map_lock(mm, AT(i), &ptl);
	pte = ptep_clear_flush(vma, AT(i), ptep);
	old = pfn_to_page(pte_pfn(pte));
	memcpy(page_address(fresh), page_address(old), PAGE_SIZE);
	page_add_new_anon_rmap(fresh, vma, AT(i));
	pte = pfn_pte(page_to_pfn(fresh), vma->vm_page_prot);
	if (vma->vm_flags & VM_WRITE)
		pte = pte_mkdirty(pte_mkwrite(pte));
	set_pte(ptep, pte);
	page_remove_rmap(old);
	spin_unlock(ptl);
	mmu_notifier_invalidate_range_end(&range);
	put_page(old);
	mmap_read_unlock(mm);
}

/* Pages go to another address; the region that they leave stays (R1.14). */
static void move_by_hand(struct sandbox *box, unsigned int from,
			 unsigned int to, unsigned int nr) __no_thread_safety
{
	struct mm_struct *mm = box->mm;
	struct mmu_notifier_range range;
	struct spinlock *ptl;
	unsigned int i;
	pte_t *ptep, pte;

	mmap_write_lock(mm);
	mmu_notifier_range_init(&range, MMU_NOTIFY_UNMAP, 0,
				vma_lookup(mm, AT(from)), mm, AT(from),
				AT(from + nr));
	mmu_notifier_invalidate_range_start(&range);
	for (i = 0; i < nr; i++) {
		ptep = pgtable_map_lock(mm, AT(from + i), &ptl);
		pte = ptep_get_and_clear(ptep);
		spin_unlock(ptl);
		flush_tlb_mm_range(mm, AT(from + i), AT(from + i + 1));
		pfn_to_page(pte_pfn(pte))->index = AT(to + i) >> PAGE_SHIFT;
		ptep = pgtable_alloc_pte(mm, AT(to + i), &ptl);
		if (!ptep) {
			ktest_fail(box->test, "no memory for a table");
			break;
		}
		spin_lock(ptl);
		set_pte(ptep, pte);
		spin_unlock(ptl);
	}
	mmu_notifier_invalidate_range_end(&range);
	mmap_write_unlock(mm);
}

/* --- one event each --------------------------------------------------------------------- */

/* Pages [0, nr) are mapped, written by the CPU, and known to the device. */
static bool setup(struct sandbox *box, struct mirror *m, struct ktest *test,
		  unsigned int nr)
{
	unsigned int i;

	if (!sandbox_open(box, test))
		return false;
	mirror_open(m, box);
	sandbox_map(box, AT(0), nr);
	for (i = 0; i < nr; i++) {
		EXPECT_EQ(user_poke(AT(i), i + 1), 0);
		EXPECT_EQ(touch(m, i, true), 0);
		EXPECT(m->page[i].write);
	}
	verify(m);
	sandbox_forget(box);
	m->calls = 0;
	return true;
}

static void teardown(struct sandbox *box, struct mirror *m)
{
	verify(m);
	mirror_close(m);
	sandbox_close(box);
}

/*
 *	pages     0 1 2 3
 *	munmap      [-]		what is beside it stays as it is
 */
KTEST(mmu_event, UNMAP_takes_the_translations_and_what_is_kept_for_them)
{
	struct sandbox box;
	struct mirror m;

	REQUIRE(setup(&box, &m, test, 4));
	EXPECT_EQ(do_munmap(box.mm, AT(1), LEN(2)), 0);
	EXPECT(!m.page[1].present && !m.page[1].tracked);
	EXPECT(!m.page[2].present && !m.page[2].tracked);
	EXPECT(m.page[0].write && m.page[3].write);
	EXPECT_EQ(touch(&m, 1, false), -EFAULT);
	teardown(&box, &m);
}

/*
 *	pages     0 1 2 3 4 5 6 7
 *	regions   [-----] [-----]	4 to 6 was free: mapping it raises nothing
 *	move      [---]-->[---]		UNMAP of 0 and 1, and of nothing else
 */
KTEST(mmu_event, a_move_tells_the_old_place_and_not_the_free_new_one)
{
	struct sandbox box;
	struct mirror m;
	pfn_t pfn;

	REQUIRE(setup(&box, &m, test, 3));
	pfn = m.page[0].pfn;
	sandbox_map(&box, AT(4), 3);
	EXPECT_EQ(box.nr, 0U);
	move_by_hand(&box, 0, 4, 2);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(0), AT(2));
	/* The region stays, yet what is kept for the old addresses goes. */
	EXPECT(!m.page[0].present && !m.page[0].tracked);
	EXPECT(m.page[2].write);
	EXPECT_EQ(touch(&m, 4, true), 0);
	EXPECT_EQ(m.page[4].pfn, pfn);
	EXPECT_EQ(sandbox_read(&box, AT(4)), 1UL);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	teardown(&box, &m);
}

/* The new place was taken: first that one goes, then the old. */
KTEST(mmu_event, a_move_over_a_mapping_tells_that_one_first)
{
	struct sandbox box;
	struct mirror m;

	REQUIRE(setup(&box, &m, test, 6));
	EXPECT_EQ(do_mmap(box.mm, AT(4), LEN(2), RW,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)AT(4));
	move_by_hand(&box, 0, 4, 2);
	EXPECT_EQ(box.nr, 2U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(4), AT(6));
	EXPECT_EVENT(&box, 1, MMU_NOTIFY_UNMAP, AT(0), AT(2));
	EXPECT(!m.page[4].tracked);
	EXPECT_EQ(touch(&m, 5, false), 0);
	EXPECT_EQ(sandbox_read(&box, AT(5)), 2UL);
	teardown(&box, &m);
}

KTEST(mmu_event, CLEAR_takes_the_translations_and_the_region_stays)
{
	struct sandbox box;
	struct mirror m;

	REQUIRE(setup(&box, &m, test, 4));
	EXPECT_EQ(madvise_dontneed(box.mm, AT(1), LEN(2)), 0);
	EXPECT(!m.page[1].present && m.page[1].tracked);
	EXPECT(m.page[0].write && m.page[3].write);
	verify(&m);
	EXPECT_EQ(touch(&m, 1, false), 0);
	EXPECT(!m.page[1].write);
	/* And once more, when the zero page gives way to a page. */
	EXPECT_EQ(user_poke(AT(1), 7), 0);
	EXPECT(!m.page[1].present && m.page[1].tracked);
	device_write(&m, 1, 8);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 8UL);
	teardown(&box, &m);
}

KTEST(mmu_event, PROTECTION_VMA_may_be_answered_from_the_region_alone)
{
	struct sandbox box;
	struct mirror m;
	pfn_t pfn;

	REQUIRE(setup(&box, &m, test, 4));
	pfn = m.page[1].pfn;
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), PROT_READ), 0);
	EXPECT(m.page[1].present && !m.page[1].write);
	EXPECT_EQ(m.page[1].pfn, pfn);
	EXPECT(m.page[0].write);
	verify(&m);
	EXPECT_EQ(touch(&m, 1, true), -EFAULT);
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), PROT_NONE), 0);
	EXPECT(!m.page[1].present && m.page[1].tracked);
	verify(&m);
	EXPECT_EQ(touch(&m, 1, false), -EFAULT);
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), RW), 0);
	EXPECT_EQ(touch(&m, 1, true), 0);
	EXPECT_EQ(m.page[1].pfn, pfn);
	teardown(&box, &m);
}

/** Looks at one entry when a range starts and when it ends. */
struct looker {
	struct mmu_notifier sub;
	struct sandbox *box;
	struct mirror *marks; /* at end: mark the pages that it may write */
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
		if (!l->marks->page[i].write)
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

KTEST(mmu_event, PROTECTION_PAGE_takes_write_access_and_entries_tell_at_end)
{
	struct looker l = {.sub = {.ops = &looker_ops}};
	struct sandbox box;
	struct mirror m;
	pfn_t pfn;

	REQUIRE(setup(&box, &m, test, 4));
	EXPECT_EQ(mmu_notifier_register(&l.sub, box.mm), 0);
	pfn = m.page[0].pfn;
	fork_by_hand(&box, 0, 3);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_PROTECTION_PAGE, AT(0), AT(3));
	EXPECT_EQ(box.seen[0].vm_flags & VM_ACCESS, VM_READ | VM_WRITE);
	EXPECT(pte_write(l.at_start));
	EXPECT(!pte_write(l.at_end));
	/* Reading goes on without a fault, writing faults. */
	EXPECT(m.page[0].present && !m.page[0].write);
	EXPECT_EQ(m.page[0].pfn, pfn);
	EXPECT(m.page[3].write);
	verify(&m);
	device_write(&m, 0, 9);
	EXPECT(m.page[0].write);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 9UL);
	mmu_notifier_unregister(&l.sub, box.mm);
	teardown(&box, &m);
}

KTEST(mmu_event, SOFT_DIRTY_makes_the_devices_next_write_seen)
{
	struct mirror at_top = {.drops_always = true};
	struct sandbox box;
	struct mirror m;

	REQUIRE(setup(&box, &m, test, 4));
	mutex_init(&at_top.lock);
	EXPECT_EQ(mmu_interval_notifier_insert(&at_top.sub, box.mm,
					       ~0UL & PAGE_MASK, PAGE_SIZE,
					       &mirror_ops),
		  0);
	clear_write_marks_by_hand(&box);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_SOFT_DIRTY, 0, ~0UL);
	EXPECT_EQ(at_top.calls, 1U);
	EXPECT(m.page[0].present && !m.page[0].write);
	EXPECT(!pte_soft_dirty(sandbox_pte(&box, AT(0))));
	verify(&m);
	device_write(&m, 0, 5);
	EXPECT(pte_soft_dirty(sandbox_pte(&box, AT(0))));
	EXPECT(!pte_soft_dirty(sandbox_pte(&box, AT(1))));
	mmu_interval_notifier_remove(&at_top.sub);
	teardown(&box, &m);
}

/* Who goes on writing marks at the end what it may write (R1.21). */
KTEST(mmu_event, SOFT_DIRTY_may_be_answered_by_marking_what_is_writable)
{
	struct looker l = {.sub = {.ops = &looker_ops}};
	struct sandbox box;
	struct mirror m;

	REQUIRE(setup(&box, &m, test, 4));
	mirror_close(&m);
	drop(&m.page[1]);
	l.marks = &m;
	EXPECT_EQ(mmu_notifier_register(&l.sub, box.mm), 0);
	clear_write_marks_by_hand(&box);
	EXPECT(pte_soft_dirty(l.at_start));
	EXPECT(!pte_soft_dirty(l.at_end));
	EXPECT(pte_soft_dirty(sandbox_pte(&box, AT(0))));
	EXPECT(!pte_soft_dirty(sandbox_pte(&box, AT(1))));
	mmu_notifier_unregister(&l.sub, box.mm);
	sandbox_close(&box);
}

KTEST(mmu_event, after_RELEASE_nothing_is_installed_any_more)
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
	EXPECT_EQ(touch(&m, 0, false), -EFAULT);
	EXPECT(!m.page[0].present);
	teardown(&box, &m);
}

/*
 *	pages     0 1 2 3
 *	MIGRATE   [-----]	asked by A; only 1 moves
 *	A	  keeps 0, 2, 3 and has let go of 1 by itself; no retry
 *	B	  lets go of 0 to 3
 */
KTEST(mmu_event, ones_own_MIGRATE_takes_nothing_and_anothers_all)
{
	struct mirror *a, *b;
	struct sandbox box;
	unsigned long seq;
	pfn_t pfn;

	a = kzalloc(sizeof(*a), GFP_KERNEL);
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	REQUIRE(a && b);
	REQUIRE(setup(&box, a, test, 4));
	mirror_open(b, &box);
	EXPECT_EQ(touch(b, 1, true), 0);
	EXPECT_EQ(touch(b, 2, true), 0);
	seq = mmu_interval_read_begin(&a->sub);
	pfn = a->page[1].pfn;
	drop(&a->page[1]);
	migrate_by_hand(&box, 0, 4, 1, a);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_MIGRATE, AT(0), AT(4));
	EXPECT_EQ(box.seen[0].owner, a);
	EXPECT(!mmu_interval_check_retry(&a->sub, seq));
	EXPECT(a->page[0].write && a->page[2].write);
	EXPECT(!b->page[1].present && !b->page[2].present);
	verify(a);
	verify(b);
	EXPECT_EQ(touch(a, 1, true), 0);
	EXPECT_NE(a->page[1].pfn, pfn);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 2UL);
	mirror_close(b);
	teardown(&box, a);
	kfree(a);
	kfree(b);
}

/* What another asks for, or nobody, is a CLEAR for everybody. */
KTEST(mmu_event, a_MIGRATE_without_an_owner_is_nobodys_own)
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

KTEST(mmu_event, ones_own_EXCLUSIVE_takes_nothing_and_anothers_all)
{
	struct sandbox box;
	struct mirror *a, *b;
	unsigned long seq;

	a = kzalloc(sizeof(*a), GFP_KERNEL);
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	REQUIRE(a && b);
	REQUIRE(setup(&box, a, test, 2));
	mirror_open(b, &box);
	EXPECT_EQ(touch(b, 0, true), 0);
	seq = mmu_interval_read_begin(&a->sub);
	EXPECT_EQ(take_exclusive(a, 0), 0);
	EXPECT(!mmu_interval_check_retry(&a->sub, seq));
	EXPECT(a->page[0].exclusive);
	EXPECT(!b->page[0].present && b->page[0].tracked);
	verify(a);
	EXPECT_EQ(take_exclusive(b, 0), 0);
	EXPECT(!a->page[0].present && b->page[0].exclusive);
	verify(a);
	verify(b);
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

/* Exclusive pages come back before a fork copies them, or a page migrates. */
static void take_back(struct crowd *c, unsigned int from, unsigned int nr)
{
	unsigned int i;

	for (i = from; i < from + nr; i++)
		(void)fault_in(&c->m[0], i, true);
}

static void migrate_one(struct crowd *c, unsigned int from, unsigned int nr)
{
	struct mirror *asks = &c->m[rng_below(c->rng, 2)];
	unsigned int i = from + (unsigned int)rng_below(c->rng, nr);

	take_back(c, i, 1);
	drop(&asks->page[i]);
	migrate_by_hand(&c->box, from, from + nr, i,
			rng_below(c->rng, 3) ? asks : NULL);
}

static void one_change(struct crowd *c)
{
	static const int rights[] = {PROT_NONE, PROT_READ, RW, RW};
	struct mm_struct *mm = c->box.mm;
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
		(void)take_exclusive(&c->m[rng_below(c->rng, 2)], from);
		break;
	case 6:
		if (!good)
			break;
		take_back(c, from, nr);
		fork_by_hand(&c->box, from, nr);
		break;
	case 7:
		clear_write_marks_by_hand(&c->box);
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
KTEST(mmu_event, whatever_comes_the_least_that_an_event_asks_for_is_enough)
{
	struct crowd *c = kzalloc(sizeof(*c), GFP_KERNEL);
	unsigned int step, i, n;

	REQUIRE(c);
	c->rng = ktest_rng(test);
	REQUIRE(sandbox_open(&c->box, test));
	for (n = 0; n < ARRAY_SIZE(c->m); n++)
		mirror_open(&c->m[n], &c->box);
	c->m[2].drops_always = true;
	sandbox_map(&c->box, AT(0), PAGES);
	for (step = 0; step < 600 && !ktest_failed(test); step++) {
		for (i = 0; i < 6; i++)
			(void)touch(&c->m[rng_below(c->rng, 3)],
				    (unsigned int)rng_below(c->rng, PAGES),
				    rng_below(c->rng, 2));
		if (rng_below(c->rng, 2))
			(void)user_poke(AT(rng_below(c->rng, PAGES)), step);
		one_change(c);
		for (n = 0; n < ARRAY_SIZE(c->m); n++)
			verify(&c->m[n]);
		sandbox_forget(&c->box);
	}
	for (n = 0; n < ARRAY_SIZE(c->m); n++)
		mirror_close(&c->m[n]);
	sandbox_close(&c->box);
	kfree(c);
}
