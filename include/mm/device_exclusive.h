/* SPDX-License-Identifier: MIT */
/*
 * mm/device_exclusive.h - give a page to a device, whole, for a while
 *
 * How to use it (R8.23, R8.24), with an interval subscription that covers the
 * range, ignores EXCLUSIVE events whose owner is @owner, and else bumps its
 * sequence under the driver's lock and drops the device's translation:
 *
 *	again:	seq = mmu_interval_read_begin(sub);
 *		mmap_read_lock(mm);
 *		n = make_device_exclusive_range(mm, start, end, pages, owner);
 *		mmap_read_unlock(mm);
 *		if (n <= 0 || !pages[0])
 *			... give up after a time limit, else goto again;
 *		lock(driver);
 *		if (mmu_interval_read_retry(sub, seq)) {
 *			unlock(driver);
 *			unlock_page(page), put_page(page) for each;
 *			goto again;
 *		}
 *		... give the device its translations with the atomic bit ...
 *		unlock(driver);
 *		unlock_page(page), put_page(page) for each, and not earlier:
 *		a CPU that wants the page back waits for that lock, so the
 *		device gets at least the access it asked for (R8.20)
 *
 * After the put the device holds no reference; only the notifier protects it.
 */
#ifndef MM_DEVICE_EXCLUSIVE_H
#define MM_DEVICE_EXCLUSIVE_H

#include <mm/fault.h>
#include <mm/mm_types.h>

struct page;

/**
 * make_device_exclusive_range() - take CPU access away from a run of pages
 * @mm: the address space, with a user
 * @start: first address, page aligned
 * @end: first address after the range, page aligned, above @start
 * @pages: (@end - @start) / PAGE_SIZE slots
 * @owner: who asks; not NULL, one per device; travels in the EXCLUSIVE event
 *
 * Faults the pages in for writing, then replaces their entries by
 * device-exclusive ones: one start/end pair of EXCLUSIVE and one TLB flush for
 * the run. Map count and the entry's reference stay. Entries that are exclusive
 * already are taken back first, and made exclusive again for @owner.
 *
 * The lock of the first page is waited for; of the others only tried, since
 * waiting for one page's lock while holding another's could deadlock.
 *
 * Context: mmap_lock held in either mode, kept; may sleep; the caller holds no
 *	    page lock and no lock that a notifier callback takes.
 *	    Rules R8.1 - R8.6, R8.10 - R8.16, R8.26.
 * Return: the number n of pages that were found. Slot i < n is the page, locked
 *	   and with a reference for the caller, or NULL if that page could not
 *	   be had now; slots from n on are NULL. On error, with every slot
 *	   NULL: -EFAULT (no region at @start, or not writable), -EINVAL (bad
 *	   range or owner), -ENOMEM, -EINTR (killed while waiting). An error on
 *	   a later page only makes n smaller.
 */
int make_device_exclusive_range(struct mm_struct *mm, vaddr_t start,
				vaddr_t end, struct page **pages, void *owner);

/* The fault on such an entry; called by mm/fault.c with what it saw. */
vm_fault_t restore_device_exclusive(struct vm_area_struct *vma, vaddr_t addr,
				    pte_t *ptep, struct spinlock *ptl,
				    pte_t orig, unsigned int flags);

#endif
