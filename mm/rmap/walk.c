// SPDX-License-Identifier: MIT
/*
 * mm/rmap/walk.c - visit every entry that maps a page
 *
 * Problem.  Reclaim, migration and the split of a huge page begin with a page and must
 * change each entry that maps it, in several address spaces, without mmap_lock of any.
 *
 * Idea.  The page names its family or object, and its offset (mm/rmap/family.c). The walk
 * holds the lock of that root for reading and visits each region that covers the offset. Under
 * that lock a region keeps its bounds and its tables. The visitor then takes the table's
 * lock and looks whether the entry maps the page.
 *
 * The number of entries is known: page->mapcount. So a walk that has found them all ends,
 * and the members of the family that have long had a page of their own cost
 * nothing. They cost a look each if they come first in the tree.
 *
 * A fork that runs meanwhile copies an entry from a region to a later one in the same
 * tree. Both are in the tree before the first entry is copied:
 *
 *	walk, to unmap			fork
 *	visits the child: empty
 *					copies parent's entry to the child
 *	visits the parent: unmapped
 *	(the page is still mapped)
 *
 * So a walk promises less than that nothing maps the page. Its caller looks at the map
 * count afterwards and gives up, or walks again.
 *
 * Ranges.  A visitor that takes something away starts a range (R1.10), and a range needs
 * mmap_lock (R1.9): readers in their last rounds have it for writing and rely on no range
 * coming (mm/notifier/rounds.c). mmap_lock comes before the lock of the reverse map, so a
 * visitor only tries it, by rmap_start_range():
 *
 *	reader, round 9			walk, to unmap
 *	mmap_lock, write
 *	begin; look up
 *					visits: mmap_lock is taken; left out
 *	retry: false; installs
 *	unlock
 *					walks again: start; unmapped
 *
 *	(tests/mm/notifier/mmu_notifier_rounds_rmap_test.c,
 *	 a_walk_of_the_reverse_map_leaves_a_reader_alone)
 *
 * A reader that waits for mmap_lock for writing makes the try fail as well, so walks do
 * not keep it waiting.
 *
 *	data			guarded by
 *	regions			root->lock of the family or object, for reading
 *	an entry		its table's lock; to take from it also mmap_lock of
 *				its mm, for reading
 *	the page's identity	its page lock
 *
 * Not here: what is done to the entries; each caller has its visitor.
 */
#include <kernel/trace.h>
#include <lib/percpu.h>
#include <mm/page/rmap.h>
#include <mm/rmap/family.h>
#include <mm/rmap/walk.h>
#include <mm/space/mm.h>
#include <mm/table/huge.h>
#include <mm/table/pgtable.h>
#include <mm/table/swapops.h>

DEFINE_PER_CPU(struct rmap_counters, rmap_counters);

DEFINE_TRACE_EVENT(rmap_busy, "mm",
		   "a walk of the reverse map leaves mm %p out: mmap_lock is taken");

void rmap_read_counters(struct rmap_counters *out)
{
	unsigned int cpu;

	*out = (struct rmap_counters){0};
	for_each_online_cpu(cpu) {
		const struct rmap_counters *one =
			per_cpu_ptr(&rmap_counters, cpu);

		out->walks += READ_ONCE(one->walks);
		out->regions += READ_ONCE(one->regions);
		out->found += READ_ONCE(one->found);
		out->busy += READ_ONCE(one->busy);
	}
}

void rmap_note_busy(struct rmap_walk *walk, const struct mm_struct *mm)
{
	walk->busy++;
	this_cpu_inc(rmap_counters.busy);
	OBSERVE(rmap_busy, mm);
}

static bool walk_is_done(const struct rmap_walk *walk, const struct page *page)
{
	unsigned int left = page_mapcount(page);

	return walk->purpose == RMAP_UNMAP ? !left : walk->found >= left;
}

void rmap_walk(struct page *page, struct rmap_walk *walk)
{
	struct rmap_root *root = page_root_get(page);
	unsigned long pgoff = page_pgoff(page);
	struct rmap_node *node;

	ASSERT(PageLocked(page));
	walk->regions = 0;
	walk->found = 0;
	walk->busy = 0;
	if (!root)
		return;
	this_cpu_inc(rmap_counters.walks);
	down_read(&root->lock);
	rmap_for_each(node, root, pgoff, pgoff)
	{
		struct vm_area_struct *vma =
			container_of(node, struct vm_area_struct, vm_rmap);
		vaddr_t addr =
			vma->vm_start + ((pgoff - vma->vm_pgoff) << PAGE_SHIFT);

		walk->regions++;
		this_cpu_inc(rmap_counters.regions);
		if (walk->visit(walk, page, vma, addr)) {
			walk->found++;
			this_cpu_inc(rmap_counters.found);
		}
		if (walk_is_done(walk, page))
			break;
	}
	up_read(&root->lock);
	rmap_root_put(root);
}

/* The page that the entry maps, present or not; NULL for another kind of entry. */
static struct page *entry_page(pte_t pte)
{
	swp_entry_t entry;

	if (pte_none(pte))
		return NULL;
	if (pte_present(pte))
		return vm_normal_page(pte);
	entry = pte_to_swp_entry(pte);
	if (!is_device_exclusive_entry(entry))
		return NULL;
	return pfn_to_page(swp_offset_pfn(entry));
}

/* The same for a huge entry, which maps @page as one of its 512. */
static bool lock_huge(const struct page *page, const struct vm_area_struct *vma,
		      pmd_t *pmdp, struct rmap_entry *entry) __no_thread_safety
{
	struct mm_struct *mm = vma->vm_mm;
	pte_t pte;

	if (!huge_lock(mm, pmdp, &pte))
		return false;
	*entry = (struct rmap_entry){.pmd = pmdp, .ptl = &mm->page_table_lock};
	if (page_to_pfn(page) - pte_pfn(pte) < HPAGE_PMD_NR)
		return true;
	spin_unlock(entry->ptl);
	return false;
}

/*
 * An entry may be split between the two looks, so the second comes again then. It does not
 * become huge: that needs mmap_lock and the region's own lock of the reverse map.
 */
bool rmap_lock_entry(const struct page *page, struct vm_area_struct *vma,
		     vaddr_t addr, struct rmap_entry *entry) __no_thread_safety
{
	pmd_t *pmdp = pgtable_walk_pmd(vma->vm_mm, addr);
	struct spinlock *ptl;
	pte_t *ptep;

	if (!pmdp)
		return false;
	if (lock_huge(page, vma, pmdp, entry))
		return true;
	ptep = pte_offset_map_lock(pmdp, addr, &ptl);
	if (!ptep)
		return false;
	*entry = (struct rmap_entry){.pte = ptep, .ptl = ptl};
	if (entry_page(ptep_get(ptep)) == page)
		return true;
	spin_unlock(ptl);
	return false;
}
