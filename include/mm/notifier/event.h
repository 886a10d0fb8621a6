/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/event.h - why a mapping changes
 *
 * For every reader: subscribers find the event in the range, invalidators give it.
 */
#ifndef MM_NOTIFIER_EVENT_H
#define MM_NOTIFIER_EVENT_H

#include <mm/notifier/types.h>

#ifndef MMU_NOTIFIER_OPTION
#error "MMU_NOTIFIER_OPTION: <mm/notifier/types.h> says 1 or 0"
#endif

/**
 * enum mmu_notifier_event - why a mapping changes (R1.2, R1.17 to R1.25)
 * @MMU_NOTIFY_UNMAP: the addresses go away. Zero, so that an unset event is
 *	the one that permits least
 * @MMU_NOTIFY_CLEAR: entries are dropped or will point elsewhere; the region
 *	stays and may be faulted in again
 * @MMU_NOTIFY_PROTECTION_VMA: the region's protection changes, and is stored
 *	in the region before start
 * @MMU_NOTIFY_PROTECTION_PAGE: some entries lose write access; only the
 *	entries tell which, at end
 * @MMU_NOTIFY_SOFT_DIRTY: write tracking begins anew
 * @MMU_NOTIFY_RELEASE: the address space is going; interval subscriptions only
 * @MMU_NOTIFY_MIGRATE: pages move into or out of device memory; @owner names
 *	the device that asked
 * @MMU_NOTIFY_EXCLUSIVE: a device takes pages exclusively; @owner names it
 * @NR_MMU_NOTIFY_EVENTS: how many there are
 *
 * A listener that ignores the event and drops the range is always right.
 */
enum mmu_notifier_event {
	MMU_NOTIFY_UNMAP = 0,
	MMU_NOTIFY_CLEAR,
	MMU_NOTIFY_PROTECTION_VMA,
	MMU_NOTIFY_PROTECTION_PAGE,
	MMU_NOTIFY_SOFT_DIRTY,
	MMU_NOTIFY_RELEASE,
	MMU_NOTIFY_MIGRATE,
	MMU_NOTIFY_EXCLUSIVE,
	NR_MMU_NOTIFY_EVENTS,
};

/**
 * mmu_notifier_event_name() - the name of an event, for traces and people
 * @event: any number
 *
 * Return: "UNMAP", "CLEAR", ...; "?" for what is no event.
 */
const char *mmu_notifier_event_name(unsigned int event);

#endif
