/* SPDX-License-Identifier: MIT */
/*
 * mm/page/rmap.h - how many entries map an anonymous page, and whose it is
 *
 * page->mapcount	entries that map the page, a device-exclusive one
 *			included (R8.13); changed under the entry's lock.
 *			whole_mapcount: the same of huge entries
 * page->mapping	the root of the family of address spaces that may map the page
 *			(mm/rmap/family.c); it belongs to one of them only, as long
 *			as PG_anon_exclusive is set
 * page->index		its page offset in each region that maps it; page_pgoff()
 *
 * The pages of a huge page have mapping and index of the first one (mm/page/huge.h).
 *
 * A page that belongs to one mm may be written without copying it first. All
 * anonymous pages begin that way; a fork makes them shared, and the last owner that
 * writes has the page for itself again (mm/fault/cow.c). The zero page is not counted.
 *
 * Belonging to one mm is one of the things that an entry needs before it may be
 * made writable without a fault; the others are here as well, so that each
 * operation that gives rights back asks the same question (R1.21, R8.18).
 */
#ifndef MM_PAGE_RMAP_H
#define MM_PAGE_RMAP_H

#include <mm/rmap/family.h>
#include <mm/space/vma.h>
#include <mm/page/huge.h>
#include <mm/page/page.h>
#include <mm/table/swapops.h>

/*
 * A fresh page gets its first and only entry. A walker of frames may have a reference,
 * and its lock: so the flags change atomically, and last, when what they say is true.
 */
static __always_inline void page_add_new_anon_rmap(struct page *page,
						   struct vm_area_struct *vma,
						   vaddr_t addr)
{
	page->mapping = &vma->vm_mm->family->root;
	page->index = vma_pgoff_of(vma, addr);
	atomic_set(&page->mapcount, 1);
	set_bits(BIT(PG_anon) | BIT(PG_anon_exclusive), &page->flags);
}

/* The same of a huge page and a huge entry. */
static __always_inline void page_add_new_huge_rmap(struct page *head,
						   struct vm_area_struct *vma,
						   vaddr_t addr)
{
	head->mapping = &vma->vm_mm->family->root;
	head->index = vma_pgoff_of(vma, addr);
	atomic_set(&head->whole_mapcount, 1);
	set_bits(BIT(PG_anon) | BIT(PG_anon_exclusive), &head->flags);
}

/* A page of an object gets an entry, whose lock is held. */
static __always_inline void page_add_object_rmap(struct page *page)
{
	atomic_inc(&page->mapcount);
}

/**
 * vm_normal_page() - the page that a present entry counts
 * @pte: the entry
 *
 * The one place that tells the entries which hold a reference and a map count of their
 * page from those that do not. The frame of such an entry may be a device's, and then it has
 * no struct page at all.
 *
 * Context: any.
 * Return: the page; NULL for the zero page, which is not counted, and for a frame that
 *	   vm_insert_pfn() has mapped.
 */
static __always_inline struct page *vm_normal_page(pte_t pte)
{
	struct page *page = pfn_to_page(pte_pfn(pte));

	return pte_special(pte) || is_zero_page(page) ? NULL : page;
}

/* Another mm maps a page that one mm maps; the lock of that one's entry is held. */
static __always_inline void page_share_anon_rmap(struct page *page)
{
	ASSERT(page_mapcount(page) > 0);
	atomic_inc(&page->mapcount);
	if (PageAnonExclusive(page))
		ClearPageAnonExclusive(page);
}

/* The page did not get its entry after all. */
static __always_inline void page_undo_new_anon_rmap(struct page *page)
{
	atomic_set(&page->mapcount, 0);
}

/* The same of a huge page and a huge entry. */
static __always_inline void page_share_huge_rmap(struct page *head)
{
	ASSERT(atomic_read(&head->whole_mapcount) > 0);
	atomic_inc(&head->whole_mapcount);
	if (PageAnonExclusive(head))
		ClearPageAnonExclusive(head);
}

/* One entry is gone; the caller holds the entry's lock. */
static __always_inline void page_remove_rmap(struct page *page)
{
	ASSERT(atomic_read(&page->mapcount) > 0);
	atomic_dec(&page->mapcount);
}

/* The same of a huge entry. */
static __always_inline void page_remove_huge_rmap(struct page *head)
{
	ASSERT(atomic_read(&head->whole_mapcount) > 0);
	atomic_dec(&head->whole_mapcount);
}

/*
 * 512 entries take the place of a huge one, which had one reference. At any moment
 * an entry of one kind is counted, so a walk does not miss the page.
 */
static inline void page_split_huge_rmap(struct page *head)
{
	unsigned long mark =
		head->flags & (BIT(PG_anon) | BIT(PG_anon_exclusive));
	unsigned long i;

	for (i = 0; i < HPAGE_PMD_NR; i++) {
		set_bits(mark, &head[i].flags);
		atomic_inc(&head[i].mapcount);
	}
	atomic_add(HPAGE_PMD_NR - 1, &head->refcount);
	page_remove_huge_rmap(head);
}

/** page_pgoff() - page->index of any page, also of a part of a huge one */
static __always_inline unsigned long page_pgoff(const struct page *page)
{
	const struct page *head = page_head(page);

	return head->index + (unsigned long)(page - head);
}

/**
 * can_change_pte_writable() - may this entry be writable without a fault?
 * @vma: its region, with the rights that the entry shall have
 * @page: the page that it maps; of a region without object an anonymous page or the zero page
 * @pte: the entry, present
 *
 * A write through such an entry is seen by nobody. So it may not be one whose
 * next write a fault must notice: the write mark was cleared (soft-dirty), the
 * page is protected for a user's handler, or a copy must be made first. A page of an object is
 * never copied.
 *
 * Context: the lock of the entry's table is held. Rules R1.21, R8.18.
 */
static __always_inline bool
can_change_pte_writable(const struct vm_area_struct *vma,
			const struct page *page, pte_t pte)
{
	return (vma->vm_flags & VM_WRITE) && pte_soft_dirty(pte) &&
	       !pte_uffd_wp(pte) && (vma->vm_object || PageAnonExclusive(page));
}

/**
 * page_to_take_over() - the page of an exclusive entry, if a device may have it
 * @pte: any entry that is not present, of a region that may be written
 *
 * Taking over is a write, and marks the entry as one: the cleared write mark
 * that would forbid can_change_pte_writable() does not matter here.
 *
 * Context: the lock of the entry's table is held. Rule R8.2.
 * Return: the page, without a reference; NULL: it needs a fault first.
 */
static __always_inline struct page *page_to_take_over(pte_t pte)
{
	struct page *page;

	if (!is_swap_pte(pte) ||
	    !is_device_exclusive_entry(pte_to_swp_entry(pte)) ||
	    pte_swp_uffd_wp(pte))
		return NULL;
	page = pfn_to_page(swp_offset_pfn(pte_to_swp_entry(pte)));
	return PageAnonExclusive(page) ? page : NULL;
}

#endif
