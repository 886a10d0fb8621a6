/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/event.h - why a mapping changes
 *
 * For every reader of the notifiers. An invalidator gives a range its event; a
 * subscriber finds it in the range.
 */
#ifndef MM_NOTIFIER_EVENT_H
#define MM_NOTIFIER_EVENT_H

#include <mm/notifier/types.h>

#ifndef MMU_NOTIFIER_OPTION
#error "MMU_NOTIFIER_OPTION: <mm/notifier/types.h> says 1 or 0"
#endif

/**
 * enum mmu_notifier_event - why a mapping changes (R1.2, R1.17 to R1.25)
 * @MMU_NOTIFY_UNMAP: the addresses go away. It is 0, so an event that was never
 *	set is the one after which a subscriber may keep least
 * @MMU_NOTIFY_CLEAR: entries are dropped or will lead to another page. The region
 *	stays, and its pages may be faulted in again
 * @MMU_NOTIFY_PROTECTION_VMA: the region's protection changes. The new one is
 *	stored in the region before start. mprotect starts one range for each region
 * @MMU_NOTIFY_PROTECTION_PAGE: some entries lose write access. The event does not say
 *	which; the entries do, at end. A subscriber with no end callback drops the right
 *	to write of the whole range
 * @MMU_NOTIFY_SOFT_DIRTY: tracking of writes begins anew
 * @MMU_NOTIFY_RELEASE: the address space exits. It has no user, so no look-up runs
 *	or will. Interval subscriptions only; a plain one has a release callback
 * @MMU_NOTIFY_MIGRATE: pages move to or from device memory. The owner of the
 *	range is the driver's context that asked for it
 * @MMU_NOTIFY_EXCLUSIVE: a device takes pages exclusively. The owner of the range
 *	is the driver's context that takes them
 * @NR_MMU_NOTIFY_EVENTS: number of events
 *
 * A subscriber may treat every event as UNMAP and drop the range: that is always
 * safe (R1.25). Progress needs one exception: a driver ignores its own EXCLUSIVE and
 * does not store the number of that range, or it retries for ever (R1.24).
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
 * mmu_notifier_event_name() - the name of an event, for traces and reports
 * @event: any number
 *
 * Context: any.
 * Return: "UNMAP", "CLEAR", ...; "?" for a number that is no event.
 */
const char *mmu_notifier_event_name(unsigned int event);

#endif
