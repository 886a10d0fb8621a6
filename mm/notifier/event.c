// SPDX-License-Identifier: MIT
/*
 * mm/notifier/event.c - the names of events, and what an event permits
 *
 * Problem.  Reports, traces and statistics name events. A subscriber has to know
 * whether an event takes away only the right to write.
 *
 * Idea.  Functions of the event and the region: no lock, nothing kept. Not here: what
 * each event means (include/mm/notifier/event.h).
 */
#include "internal.h"

const char *mmu_notifier_event_name(unsigned int event)
{
	static const char *const names[NR_MMU_NOTIFY_EVENTS] = {
		[MMU_NOTIFY_UNMAP] = "UNMAP",
		[MMU_NOTIFY_CLEAR] = "CLEAR",
		[MMU_NOTIFY_PROTECTION_VMA] = "PROTECTION_VMA",
		[MMU_NOTIFY_PROTECTION_PAGE] = "PROTECTION_PAGE",
		[MMU_NOTIFY_SOFT_DIRTY] = "SOFT_DIRTY",
		[MMU_NOTIFY_RELEASE] = "RELEASE",
		[MMU_NOTIFY_MIGRATE] = "MIGRATE",
		[MMU_NOTIFY_EXCLUSIVE] = "EXCLUSIVE",
	};

	return event < NR_MMU_NOTIFY_EVENTS ? names[event] : "?";
}

bool mmu_notifier_range_update_to_read_only(const struct mmu_notifier_range *range)
{
	return range->vma && range->event == MMU_NOTIFY_PROTECTION_VMA &&
	       (range->vma->vm_flags & VM_READ);
}
