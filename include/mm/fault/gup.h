/* SPDX-License-Identifier: MIT */
/*
 * mm/fault/gup.h - hold the pages behind a range of an address space
 */
#ifndef MM_FAULT_GUP_H
#define MM_FAULT_GUP_H

#include <mm/space/mm_types.h>

struct page;

/* The pages must be writable by the owner of the mm, and its own. */
#define FOLL_WRITE 0x1U
/* Return each page with a reference; without it only fault them in. */
#define FOLL_GET 0x2U
/*
 * With FOLL_WRITE: a device-exclusive entry serves as it is and is not restored,
 * if its region still allows writing. For callers that then take it over
 * (make_device_exclusive_range()); no CPU can write to such a page. A look-up for
 * plain writing has no EXCLUSIVE event: with this flag it would leave another device
 * its translation, and two devices would write. A region that shows an object is refused
 * with -EOPNOTSUPP: CPUs may reach its pages in other address spaces. A huge page is split,
 * because a device has pages of their own only.
 */
#define FOLL_TAKE_OVER 0x4U
/*
 * mmap_lock may be dropped, to wait for a page, and is taken again in the same mode.
 * Regions that the caller has looked up are stale then.
 */
#define FOLL_UNLOCKABLE 0x8U

/*
 * Return each page with a pin instead of a reference: for a device that reads or writes the
 * page for as long as it likes, without a notifier. The page belongs to this address
 * space alone, also when it was only to be read, and a fork copies it for the child. So
 * what the owner writes later goes to the page that is pinned. unpin_user_page() it. Not
 * together with FOLL_GET.
 */
#define FOLL_PIN 0x10U

/**
 * get_user_pages_remote() - fault pages in and take references
 * @mm: the address space, with a user
 * @start: first address, page aligned
 * @nr: number of pages, not 0
 * @gup_flags: FOLL_*
 * @pages: @nr slots, filled for FOLL_GET and FOLL_PIN; else may be NULL
 *
 * Faults in what does not serve: empty entries are filled, the zero page is
 * replaced and an exclusive entry is restored, each with its event. Where every
 * page serves nothing changes and no range is started. Pages are not locked; a
 * reference keeps the frame, not the mapping.
 *
 * A driver calls this before its read section, without FOLL_GET, so that the
 * call inside the section has nothing left to change or to wait for (R8.23; the loop of
 * mm/notifier/rounds.h). It passes FOLL_UNLOCKABLE to both: a wait inside the section,
 * for a page that came to another device since, ends in a collision.
 *
 * Context: mmap_lock held in either mode, and on return again; may sleep; no lock held
 *	    that a notifier callback takes. With FOLL_UNLOCKABLE also no page lock, and no
 *	    lock that is taken inside mmap_lock.
 * Return: number of pages held, less than @nr if an error came after the
 *	   first or user space ends before @nr; or, for an error on the first,
 *	   -EFAULT (no region, or it does not allow the access; a frame that a driver has mapped
 *	   without a page), -EOPNOTSUPP (FOLL_TAKE_OVER of a region that shows an object),
 *	   -ENOMEM, -EINTR (killed), -EBUSY (without FOLL_UNLOCKABLE: an exclusive page's lock is
 *	   taken; with FOLL_TAKE_OVER: a huge page cannot be split, since it is pinned or
 *	   locked), -EINVAL (bad arguments). Slots beyond the return value are
 *	   untouched. Rules R8.2 - R8.4.
 */
long get_user_pages_remote(struct mm_struct *mm, vaddr_t start, unsigned long nr,
			   unsigned int gup_flags, struct page **pages);

/**
 * unpin_user_page() - drop a pin
 * @page: a page that get_user_pages_remote() returned for FOLL_PIN
 *
 * Context: any but NMI.
 */
void unpin_user_page(struct page *page);

/**
 * follow_page() - the page an address has just now
 * @mm: the address space
 * @addr: any address in the page
 *
 * No fault is taken: empty and swap entries have no page, nor has a frame that a driver has
 * mapped by vm_insert_pfn().
 *
 * Context: mmap_lock held in either mode.
 * Return: the page with a reference, or NULL.
 */
struct page *follow_page(struct mm_struct *mm, vaddr_t addr);

#endif
