// SPDX-License-Identifier: MIT
/*
 * mm/notifier/layout.c - where the notifier's lists are, for readers of the memory
 *
 * Problem.  A map shows which ranges are open and which threads wait for them. A script
 * of the host reads that in the guest's memory, without debug information.
 *
 * Idea.  The offsets and numbers that it needs are exported (lib/layout.h). They stand
 * here and not beside the structs, because the other sources of the notifier are lifted
 * into kernels that export nothing (docs/lifting.md).
 *
 * Nothing is written after boot, so there is no lock and no lifetime. Not here: lists
 * of the address spaces themselves (mm/space/mm.c).
 */
#include <lib/layout.h>

#include "internal.h"

LAYOUT_OFFSET(mm_struct, notifier_subscriptions);
LAYOUT_OFFSET(mm_struct, notifier_ranges);
LAYOUT_ENTRY("notifier_gate.epoch_bits", NOTIFIER_GATE_EPOCH_BITS);
LAYOUT_ENTRY("notifier.listed_are_counted", NOTIFIER_LISTED_ARE_COUNTED);
LAYOUT_ENTRY("subscriptions.open",
	     __builtin_offsetof(struct mmu_notifier_subscriptions,
				NOTIFIER_OPEN_LIST));
LAYOUT_ENTRY("subscriptions.waiters",
	     __builtin_offsetof(struct mmu_notifier_subscriptions, waiters));
LAYOUT_OFFSET(mmu_notifier_range, mm);
LAYOUT_OFFSET(mmu_notifier_range, start);
LAYOUT_OFFSET(mmu_notifier_range, end);
LAYOUT_OFFSET(mmu_notifier_range, event);
LAYOUT_OFFSET(mmu_notifier_range, core.seq);
LAYOUT_OFFSET(mmu_notifier_range, core.next);
LAYOUT_ENTRY("event.UNMAP", MMU_NOTIFY_UNMAP);
LAYOUT_ENTRY("event.CLEAR", MMU_NOTIFY_CLEAR);
LAYOUT_ENTRY("event.PROTECTION_VMA", MMU_NOTIFY_PROTECTION_VMA);
LAYOUT_ENTRY("event.PROTECTION_PAGE", MMU_NOTIFY_PROTECTION_PAGE);
LAYOUT_ENTRY("event.SOFT_DIRTY", MMU_NOTIFY_SOFT_DIRTY);
LAYOUT_ENTRY("event.RELEASE", MMU_NOTIFY_RELEASE);
LAYOUT_ENTRY("event.MIGRATE", MMU_NOTIFY_MIGRATE);
LAYOUT_ENTRY("event.EXCLUSIVE", MMU_NOTIFY_EXCLUSIVE);
static_assert(NR_MMU_NOTIFY_EVENTS == 8, "every event has a line above");
