/* SPDX-License-Identifier: MIT */
/*
 * mm/device/exclusive.h - give a page to a device, whole, for a while
 *
 * How to use it (R8.23, R8.24). An interval subscription covers the range. Its
 * callback ignores an EXCLUSIVE event whose owner is @owner. On every other event
 * it calls mmu_interval_set_seq() under the driver's lock and drops the device's
 * translation. The driver's loop is that of mm/notifier/rounds.h, with these steps:
 *
 *	fault the page in
 *		err = lock_device_exclusive(mm, start, &pages[0]);
 *	look the page up
 *		n = make_device_exclusive_locked(mm, start, end, pages, owner);
 *	install the translation, if retry is false
 *		for (i = 0; i < n; i++)
 *			driver_map(driver, start + i * PAGE_SIZE, pages[i]);
 *	the round is unlocked
 *		wait until the device has had its access, if it was installed
 *		put_device_exclusive(pages, n);
 *
 * If n is 0, retry is true: the change of the first page came inside the section. If err
 * or n is negative no page is held. Then the driver unlocks the round and returns it.
 *
 * driver_map() gives the device a translation with the atomic bit. Put the pages
 * after that and not earlier: a CPU that wants a page back waits for its lock, so
 * the device has at least the access it asked for (R8.20). After the put the device
 * holds no reference; only the notifier protects it.
 *
 * If no other thread changes anything, the loop ends in its first round. For a run the
 * driver first faults the other pages in, by get_user_pages_remote() with FOLL_WRITE,
 * FOLL_TAKE_OVER and FOLL_UNLOCKABLE. A driver that does not fault a page in needs a second
 * round if a CPU had read the page and never written it: the call then replaces the zero
 * page, which is an event.
 *
 * get_user_pages_remote() without FOLL_TAKE_OVER restores an exclusive page, by a CLEAR
 * that drops the device's own translation. So the driver looks in its table first.
 *
 * tests/mm/device/exclusive_loop_test.c runs these lines and counts the rounds.
 */
#ifndef MM_DEVICE_EXCLUSIVE_H
#define MM_DEVICE_EXCLUSIVE_H

#include <mm/fault/fault.h>
#include <mm/space/mm_types.h>

struct page;

/**
 * lock_device_exclusive() - fault a page in for exclusive access, and lock it
 * @mm: the address space, with a user
 * @addr: page aligned
 * @pagep: set to the page, locked and with a reference
 *
 * Faults the page in for writing; an exclusive entry stays. The wait for the page's lock
 * is without mmap_lock; it is kept while mmap_lock is taken again. On return the entry of
 * @addr names the page. While the caller holds mmap_lock for writing that stays so.
 *
 * Context: mmap_lock held in either mode, and on return again; may be dropped meanwhile;
 *	    may sleep; no page lock and no lock held that is taken inside mmap_lock.
 * Return: 0; -EFAULT (no region, or not writable), -EOPNOTSUPP (the region shows an object,
 *	   R8.16), -ENOMEM, -EINTR (killed), -EBUSY (part of a huge page that is pinned or
 *	   locked, so it cannot be split).
 */
int lock_device_exclusive(struct mm_struct *mm, vaddr_t addr,
			  struct page **pagep);

/**
 * make_device_exclusive_locked() - the same as make_device_exclusive_range(), no wait
 * @pages: the first slot has the page that lock_device_exclusive() locked, the others are
 *	filled. The page is the call's: given back in the first slot, or unlocked and put
 *
 * Context: as make_device_exclusive_range(), but mmap_lock is kept, and the first page is
 *	    locked.
 * Return: likewise.
 */
int make_device_exclusive_locked(struct mm_struct *mm, vaddr_t start,
				 vaddr_t end, struct page **pages, void *owner);

/**
 * make_device_exclusive_range() - take CPU access away from a run of pages
 * @mm: the address space, with a user
 * @start: first address, page aligned
 * @end: first address after the range, page aligned, above @start
 * @pages: (@end - @start) / PAGE_SIZE slots
 * @owner: one of the driver's contexts, a device in one address space: a pointer that
 *	the driver chooses, not NULL; stands in the EXCLUSIVE event
 *
 * Faults the pages in for writing, splits a huge page (CLEAR over its 2 MiB), then replaces their entries by
 * device-exclusive ones: one start/end pair of EXCLUSIVE and one TLB flush for
 * the run. Map count and the entry's reference stay. An entry that is exclusive
 * already, for any owner, is taken over without being restored: @owner's EXCLUSIVE
 * is the only event for it (R8.2).
 *
 * The call waits for the lock of the first page, as lock_device_exclusive() does. The
 * run ends before the first other page whose lock is taken: waiting for one page's lock
 * while holding another's could deadlock. It also ends before a page that another thread
 * changed meanwhile.
 *
 * Context: mmap_lock held in either mode, and on return again; dropped to wait for the
 *	    first page; may sleep; the caller holds no page lock, no lock that a notifier
 *	    callback takes, and none that is taken inside mmap_lock.
 *	    Rules R8.1 - R8.6, R8.10 - R8.16, R8.26.
 * Return: the number n of pages that are exclusive now, from @start on without a
 *	   gap: slot i < n is the page, locked and with a reference for the
 *	   caller, to be given back by put_device_exclusive(); slots from n on
 *	   are NULL. 0: another thread changed the first page during the call, by
 *	   an event that makes a read section around the call retry. On error,
 *	   with every slot NULL: -EFAULT (no region at @start, or not writable),
 *	   -EOPNOTSUPP (the region at @start shows an object),
 *	   -EINVAL (bad range or owner), -ENOMEM, -EINTR (killed while waiting), -EBUSY
 *	   (part of a huge page that is pinned or locked, so it cannot be split).
 *	   An error on a later page only makes n smaller.
 */
int make_device_exclusive_range(struct mm_struct *mm, vaddr_t start,
				vaddr_t end, struct page **pages, void *owner);

/**
 * put_device_exclusive() - unlock the pages of a run and drop their references
 * @pages: filled by make_device_exclusive_range(); the slots are NULL afterwards
 * @nr: what that returned; nothing is done for 0 and for an error
 *
 * The entries stay exclusive until a CPU or another device wants the page.
 *
 * Context: any that may drop a page; after the device has its translations.
 */
void put_device_exclusive(struct page **pages, int nr);

/*
 * The fault on an exclusive entry; mm/fault/nonpresent.c calls it. BUSY: another thread
 * has the page's lock; vmf->page is the page, referenced for the caller. NOPAGE: the entry
 * is another one by now, or its table has gone.
 */
vm_fault_t restore_device_exclusive(struct vm_fault *vmf);

#endif
