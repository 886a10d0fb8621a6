// SPDX-License-Identifier: MIT
/*
 * mm/space/pagemap.c - what is mapped where, for programs
 *
 * Problem.  A program asks what the kernel has done with its pages: are they there, was one
 * written to, which frame is it. The answer may not change anything, and is old when it
 * arrives.
 *
 * Idea.  One look at the entries of a range, table by table, each under its lock. What is
 * reported of an entry is a function of it and of its region. There are two:
 *
 *	entry			pagemap_read()			do_mincore()
 *	none			the mark of the region		0
 *	present			frame, marks, whose it is	1
 *	device-exclusive	type and offset, marks		1
 *	of a swap file		type and offset, marks		0
 *	another kind		type and offset, marks		1
 *
 * pagemap_read() drops mmap_lock between tables, and finds the regions anew. do_mincore()
 * must first know that there is no hole, so it holds mmap_lock over its range.
 *
 *	data			guarded by
 *	regions			mmap_lock for reading
 *	an entry		its table's lock, a huge one mm->page_table_lock
 *
 * Not here: clearing the marks (mm/space/soft_dirty.c).
 */
#include <kernel/sched/sched.h>
#include <mm/page/rmap.h>
#include <mm/space/cut.h>
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/space/pagemap.h>
#include <mm/table/huge.h>
#include <mm/table/pgtable.h>
#include <mm/table/swapops.h>

/* The word of a page that is mapped. */
static u64 word_of_page(const struct page *page, u64 word)
{
	bool anon = PageAnon(page_head(page));

	if (anon && page_mapcount(page) == 1)
		word |= PAGEMAP_EXCLUSIVE;
	if (!anon)
		word |= PAGEMAP_SHARED;
	return word;
}

static u64 word_of_present(pte_t pte)
{
	const struct page *page = vm_normal_page(pte);
	u64 word = PAGEMAP_PRESENT | pte_pfn(pte);

	if (pte_soft_dirty(pte))
		word |= PAGEMAP_SOFT_DIRTY;
	if (pte_uffd_wp(pte))
		word |= PAGEMAP_UFFD_WP;
	return page ? word_of_page(page, word) : word;
}

static u64 word_of_swap(pte_t pte)
{
	swp_entry_t entry = pte_to_swp_entry(pte);
	u64 word = PAGEMAP_SWAP | swp_type(entry) |
		   ((swp_offset(entry) << PAGEMAP_SWAP_SHIFT) & PAGEMAP_FRAME);

	if (pte_swp_soft_dirty(pte))
		word |= PAGEMAP_SOFT_DIRTY;
	if (pte_swp_uffd_wp(pte))
		word |= PAGEMAP_UFFD_WP;
	if (!is_device_exclusive_entry(entry))
		return word;
	return word_of_page(pfn_to_page(swp_offset_pfn(entry)),
			    word | PAGEMAP_DEVICE_EXCLUSIVE);
}

static u64 word_of(const struct vm_area_struct *vma, pte_t pte)
{
	u64 word = 0;

	if (pte_present(pte))
		word = word_of_present(pte);
	else if (is_swap_pte(pte))
		word = word_of_swap(pte);
	return vma->vm_flags & VM_SOFTDIRTY ? word | PAGEMAP_SOFT_DIRTY : word;
}

/**
 * struct look - the entries of one table, or the huge entry in its place
 * @ptl: the lock that is held; NULL if there is neither
 * @ptep: the next entry; NULL without a table
 * @huge: the huge entry; empty if there is none
 */
struct look {
	struct spinlock *ptl;
	pte_t *ptep;
	pte_t huge;
};

/* A fault or a split beside may put a table there after the first question. */
static void look_begin(struct look *look, struct mm_struct *mm,
		       vaddr_t addr) __no_thread_safety
{
	pmd_t *pmdp;

	look->huge = __pte(0);
	for (;;) {
		look->ptep = pgtable_map_lock(mm, addr, &look->ptl);
		if (look->ptep)
			return;
		pmdp = pgtable_walk_pmd(mm, addr);
		look->ptl = NULL;
		if (!pmdp || pmd_none(pmdp_get(pmdp)))
			return;
		if (huge_lock(mm, pmdp, &look->huge)) {
			look->ptl = &mm->page_table_lock;
			return;
		}
	}
}

/* The entry of @addr, which follows the last that was asked for. */
static pte_t look_next(struct look *look, vaddr_t addr)
{
	if (look->ptep)
		return ptep_get(look->ptep++);
	if (pte_none(look->huge))
		return look->huge;
	return pte_with_pfn(look->huge, pte_pfn(look->huge) + pte_index(addr));
}

static void look_end(struct look *look) __no_thread_safety
{
	if (look->ptl)
		spin_unlock(look->ptl);
}

/* The part of the range in one region and one table. */
static void words_of(const struct vm_area_struct *vma, vaddr_t addr,
		     vaddr_t end, u64 *words)
{
	struct look look;

	look_begin(&look, vma->vm_mm, addr);
	for (; addr < end; addr += PAGE_SIZE)
		*words++ = word_of(vma, look_next(&look, addr));
	look_end(&look);
}

/* All of it in one table. */
static void words_locked(struct mm_struct *mm, vaddr_t start, vaddr_t end,
			 u64 *words)
{
	struct vm_area_struct *vma;
	vaddr_t addr = start;

	for_each_vma_range(vma, mm, start, end) {
		vaddr_t stop = min(vma->vm_end, end);

		for (; addr < vma->vm_start; addr += PAGE_SIZE)
			*words++ = 0;
		words_of(vma, addr, stop, words);
		words += (stop - addr) >> PAGE_SHIFT;
		addr = stop;
	}
	for (; addr < end; addr += PAGE_SIZE)
		*words++ = 0;
}

static int words_range(struct mm_struct *mm, vaddr_t addr, vaddr_t end, u64 *words)
{
	while (addr < end) {
		vaddr_t stop = pmd_addr_end(addr, end);

		if (fatal_signal_pending(current) || mmap_read_lock_killable(mm))
			return -EINTR;
		words_locked(mm, addr, stop, words);
		mmap_read_unlock(mm);
		words += (stop - addr) >> PAGE_SHIFT;
		addr = stop;
	}
	return 0;
}

int pagemap_read(struct mm_struct *mm, vaddr_t addr, u64 *words, size_t nr)
{
	vaddr_t end = addr + (nr << PAGE_SHIFT);
	int err;

	if (!IS_ALIGNED(addr, PAGE_SIZE) || addr > USER_END ||
	    nr > (USER_END - addr) >> PAGE_SHIFT)
		return -EINVAL;
	OBSERVE(mm_call, mm, "pagemap", addr, end);
	err = words_range(mm, addr, end, words);
	OBSERVE(mm_return, mm, "pagemap", err);
	return err;
}

static bool in_memory(pte_t pte)
{
	return pte_present(pte) ||
	       (is_swap_pte(pte) && non_swap_entry(pte_to_swp_entry(pte)));
}

/* The part of the range in one table. */
static void presence_of(struct mm_struct *mm, vaddr_t addr, vaddr_t end,
			unsigned char *present)
{
	struct look look;

	look_begin(&look, mm, addr);
	for (; addr < end; addr += PAGE_SIZE)
		*present++ = in_memory(look_next(&look, addr));
	look_end(&look);
}

static int mincore_locked(struct mm_struct *mm, vaddr_t addr, vaddr_t end,
			  unsigned char *present)
{
	if (!vma_covers(mm, addr, end))
		return -ENOMEM;
	while (addr < end) {
		vaddr_t stop = pmd_addr_end(addr, end);

		presence_of(mm, addr, stop, present);
		present += (stop - addr) >> PAGE_SHIFT;
		addr = stop;
	}
	return 0;
}

int do_mincore(struct mm_struct *mm, vaddr_t addr, size_t len,
	       unsigned char *present)
{
	int err;

	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (!len)
		return 0;
	if (len > USER_END || addr > USER_END - ALIGN(len, PAGE_SIZE))
		return -ENOMEM;
	len = ALIGN(len, PAGE_SIZE);
	OBSERVE(mm_call, mm, "mincore", addr, addr + len);
	err = mmap_read_lock_killable(mm);
	if (!err) {
		err = mincore_locked(mm, addr, addr + len, present);
		mmap_read_unlock(mm);
	}
	OBSERVE(mm_return, mm, "mincore", err);
	return err;
}
