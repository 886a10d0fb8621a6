// SPDX-License-Identifier: MIT
/*
 * mm/rmap/referenced.c - was a page used, by any CPU or device, at any of its addresses?
 *
 * Problem.  To free memory is to find pages that nobody uses. Each entry that maps a page
 * has a mark of its own, which a CPU sets, and each device that mirrors one of these
 * address spaces has another.
 *
 * Idea.  Walk the reverse map (mm/rmap/walk.c), and ask at each entry for the CPUs' mark and
 * then the subscribers of that address space (mm/table/young.h). The answer is a count: a
 * page that three processes use weighs more than one that a single process does.
 *
 *	process		entry		CPUs	device		counts
 *	parent		present		used	-		1
 *	child 1		present		-	used		1
 *	child 2		exclusive	cannot	used		1
 *	child 3		present		-	-		0
 *
 * A subscriber is asked under the lock of the table, without mmap_lock. One that registers
 * meanwhile may be asked or not. It has no mark then: what its device uses, it uses by
 * entries that it reads after registering.
 *
 * Locks: the page's, the reverse map's for reading, each table's in turn. vm_flags are read
 * without mmap_lock: they may be those of a moment ago, so a caller that must know asks
 * again under mmap_lock.
 *
 * Not here: which pages are asked for, and what follows. That is reclaim's, which the tree
 * does not have yet.
 */
#include <kernel/trace.h>
#include <mm/page/page.h>
#include <mm/rmap/referenced.h>
#include <mm/rmap/walk.h>
#include <mm/space/mm.h>

DEFINE_TRACE_EVENT(page_referenced, "pfn entries used",
		   "pfn %#lx is mapped by entries %lu, used by %lu");

/**
 * struct references - one question on its way through the entries of a page
 * @how: what becomes of the marks
 * @used: entries by which the page was used
 * @vm_flags: of the regions that map it, together
 */
struct references {
	enum young_how how;
	unsigned int used;
	unsigned long vm_flags;
};

static bool reference_at(struct rmap_walk *walk, struct page *page,
			 struct vm_area_struct *vma,
			 vaddr_t addr) __no_thread_safety
{
	struct references *references = walk->arg;
	struct rmap_entry entry;

	if (!rmap_lock_entry(page, vma, addr, &entry))
		return false;
	if (entry.pte)
		references->used +=
			entry_young(vma, addr, entry.pte, references->how);
	else
		references->used +=
			huge_young(vma, addr, entry.pmd, references->how);
	spin_unlock(entry.ptl);
	references->vm_flags |= READ_ONCE(vma->vm_flags);
	return true;
}

unsigned int page_referenced(struct page *page, enum young_how how,
			     unsigned long *vm_flags)
{
	struct references references = {.how = how};
	struct rmap_walk walk = {
		.visit = reference_at, .purpose = RMAP_LOOK, .arg = &references};

	rmap_walk(page, &walk);
	if (vm_flags)
		*vm_flags = references.vm_flags;
	OBSERVE(page_referenced, page_to_pfn(page), walk.found, references.used);
	return references.used;
}
