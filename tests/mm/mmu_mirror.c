// SPDX-License-Identifier: MIT
/*
 * tests/mm/mmu_mirror.c - a device that does the least that each event asks for
 *
 * Problem.  A listener that drops everything is always right, so it shows
 * nothing about the eight events. What an event permits a listener to keep is
 * true only if all that raise it keep to that.
 *
 * Idea.  A mirror drops what it must, and keeps all else:
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
 * mirror_verify() compares what it knows with the page tables: the same frame,
 * and no right that the entry has not.
 *
 * Operations that the tree does not have are made by hand, with the calls and in
 * the order in which they will be made: moving a mapping, fork (the parent's
 * side), clearing the marks of writes, migrating a page.
 *
 * Locks: the mirror's own, over all that it knows; mmap_lock as each operation
 * will have it.
 */
#include <kernel/string.h>
#include <mm/device_exclusive.h>
#include <mm/gup.h>
#include <mm/page_alloc.h>
#include <mm/pgtable_notify.h>
#include <mm/rmap.h>
#include <mm/tlb.h>
#include "mmu_mirror.h"

/* The first may find an exclusive page, whose coming back is an event. */
#define ATTEMPTS 3

void mirror_drop(struct mirrored *page)
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
		mirror_drop(page);
	else if (!(vma->vm_flags & VM_WRITE))
		page->write = false;
}

static void answer(struct mirrored *page, const struct mmu_notifier_range *range)
{
	switch (range->event) {
	case MMU_NOTIFY_UNMAP:
		mirror_drop(page);
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
		mirror_drop(page);
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
			mirror_drop(&m->page[i]);
		else
			answer(&m->page[i], range);
	}
	mutex_unlock(&m->lock);
	return true;
}

static const struct mmu_interval_notifier_ops mirror_ops = {
	.invalidate = mirror_invalidate,
};

void mirror_open_at(struct mirror *m, struct sandbox *box, vaddr_t start,
		    size_t length)
{
	struct ktest *test = box->test;

	memset(m, 0, sizeof(*m));
	mutex_init(&m->lock);
	m->box = box;
	EXPECT_EQ(mmu_interval_notifier_insert(&m->sub, box->mm, start, length,
					       &mirror_ops),
		  0);
}

void mirror_close(struct mirror *m)
{
	mmu_interval_notifier_remove(&m->sub);
}

long mirror_fault_in(struct mirror *m, unsigned int i, bool write)
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

/* Nobody runs beside the test, so a loop that goes on is one that never ends. */
static int gave_up(struct mirror *m, unsigned int i)
{
	ktest_fail(m->box->test,
		   "page %u: an event came in each of %d attempts", i, ATTEMPTS);
	return -EBUSY;
}

int mirror_touch(struct mirror *m, unsigned int i, bool write)
{
	unsigned long seq;
	int attempt;
	long got;

	if (m->page[i].present && (!write || m->page[i].write))
		return 0;
	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (m->dead)
			return -EFAULT;
		seq = mmu_interval_read_begin(&m->sub);
		got = mirror_fault_in(m, i, write);
		if (got < 0)
			return (int)got;
		if (install(m, i, seq, sandbox_pte(m->box, AT(i))))
			return 0;
	}
	return gave_up(m, i);
}

/* The page was had; was it for good? */
static bool install_exclusive(struct mirror *m, unsigned int i,
			      unsigned long seq, const struct page *page)
{
	bool may;

	mutex_lock(&m->lock);
	may = !mmu_interval_read_retry(&m->sub, seq) && page;
	if (may)
		m->page[i] = (struct mirrored){
			.present = true,
			.write = true,
			.exclusive = true,
			.tracked = true,
			.pfn = page_to_pfn(page),
		};
	mutex_unlock(&m->lock);
	return may;
}

/* Taken back from whoever has it, else that would be an event in the loop. */
int mirror_take_exclusive(struct mirror *m, unsigned int i)
{
	struct page *pages[1];
	unsigned long seq;
	int attempt, made;
	bool installed;
	long got;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		got = mirror_fault_in(m, i, true);
		if (got < 0)
			return (int)got;
		seq = mmu_interval_read_begin(&m->sub);
		made = sandbox_make_exclusive(m->box, AT(i), 1, pages, m);
		if (made < 0)
			return made;
		installed = install_exclusive(m, i, seq, pages[0]);
		release_exclusive(pages, 1);
		if (installed)
			return 0;
	}
	return gave_up(m, i);
}

void mirror_write(struct mirror *m, unsigned int i, u64 value)
{
	struct ktest *test = m->box->test;

	EXPECT_EQ(mirror_touch(m, i, true), 0);
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

void mirror_verify(struct mirror *m)
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

void fork_by_hand(struct sandbox *box, unsigned int from, unsigned int nr)
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

void clear_write_marks_by_hand(struct sandbox *box)
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

void migrate_by_hand(struct sandbox *box, unsigned int from, unsigned int to,
		     unsigned int i, void *owner) __no_thread_safety
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
	pte = ptep_clear_flush_notify(vma, AT(i), ptep);
	old = pfn_to_page(pte_pfn(pte));
	memcpy(page_address(fresh), page_address(old), PAGE_SIZE);
	page_add_new_anon_rmap(fresh, vma, AT(i));
	pte = pfn_pte(page_to_pfn(fresh), vma->vm_page_prot);
	if (vma->vm_flags & VM_WRITE)
		pte = pte_mkdirty(pte_mkwrite(pte));
	set_pte_at_notify(mm, AT(i), ptep, pte);
	page_remove_rmap(old);
	spin_unlock(ptl);
	mmu_notifier_invalidate_range_end(&range);
	put_page(old);
	mmap_read_unlock(mm);
}

void move_by_hand(struct sandbox *box, unsigned int from, unsigned int to,
		  unsigned int nr) __no_thread_safety
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
