// SPDX-License-Identifier: MIT
/*
 * mm/fault/nonpresent.c - entries that are neither empty nor present
 *
 * Problem.  Such an entry is a state of a page that no CPU may touch now, and each
 * state is another subsystem's.  A fault and get_user_pages_remote() both meet
 * them; neither should know every subsystem that makes entries.
 *
 * Idea.  One file dispatches on the entry's type.  It is the only one of mm/fault
 * that names devices; migration and swap will have their lines here.
 *
 *	entry			fault			without a fault
 *	device-exclusive	restore it		serves FOLL_TAKE_OVER
 *	hwpoison		report, HWPOISON	does not serve
 *	another type		report, SIGBUS		does not serve
 *
 *	data			guarded by
 *	an entry		its table's lock
 *	an exclusive page	its page lock, over the whole restore
 *
 * A restore waits for the page's lock, which a driver holds while its device makes
 * use of the page, and calls nothing of mm/fault.
 *
 * Not here: the restore and its race (mm/device/exclusive.c), what the types mean
 * (mm/table/swapops.h).
 */
#include <mm/device/exclusive.h>
#include <mm/fault/gup.h>
#include <mm/page/rmap.h>
#include <mm/space/mm.h>
#include <mm/table/swapops.h>
#include <mm/table/tlb.h>

#include "mm/fault/internal.h"

vm_fault_t fault_nonpresent(struct vm_fault *vmf)
{
	swp_entry_t entry = pte_to_swp_entry(vmf->orig);

	if (likely(is_device_exclusive_entry(entry)))
		return restore_device_exclusive(vmf);
	report_bad_pte(vmf->vma->vm_mm, vmf->address, vmf->orig, "fault");
	return is_hwpoison_entry(entry) ? VM_FAULT_HWPOISON : VM_FAULT_SIGBUS;
}

struct page *gup_nonpresent(pte_t pte, unsigned int gup_flags)
{
	return gup_flags & FOLL_TAKE_OVER ? page_to_take_over(pte) : NULL;
}
