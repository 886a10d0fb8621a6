/* SPDX-License-Identifier: MIT */
/*
 * mm/space/mlock.h - pages that are there and stay
 */
#ifndef MM_SPACE_MLOCK_H
#define MM_SPACE_MLOCK_H

#include <mm/space/mm_types.h>

/* Of do_mlockall(): what is mapped now, and what will be. */
#define MCL_CURRENT 1
#define MCL_FUTURE  2
/* With one of them: pages are locked as they are touched. */
#define MCL_ONFAULT 4

/* Of do_mlock2(): likewise. */
#define MLOCK_ONFAULT 1

/* How a region is locked. */
#define VM_LOCKED_MASK (VM_LOCKED | VM_LOCKONFAULT)

/**
 * do_mlock2() - lock the pages of a range in memory
 * @mm: the address space, with a user
 * @addr: any address in the first page
 * @len: bytes from there on; every page that they touch; 0 does nothing
 * @flags: 0, or MLOCK_ONFAULT: no page is touched
 *
 * The regions become VM_LOCKED, and their pages are touched: for writing where the region
 * allows it, so that no later write copies a page. With MLOCK_ONFAULT pages that are there
 * stay, and others stay from their first touch on. The last call decides which of the
 * two it is. A child of a fork has no locked pages.
 *
 * Context: takes mmap_lock for writing, then for reading; may sleep; no page lock held.
 * Return: 0;
 *	   -EPERM (mm->lock_limit is 0), -EINVAL (the range wraps, unknown @flags), -EINTR (killed while it
 *	   waited for mmap_lock), -ENOMEM (a hole, more than mm->lock_limit, too many regions):
 *	   nothing has changed;
 *	   -ENOMEM (a page cannot be had, or may not be touched), -EAGAIN (no memory), -EINTR
 *	   (killed): the regions are locked, and some pages are there.
 */
int do_mlock2(struct mm_struct *mm, vaddr_t addr, size_t len, int flags);

/** do_mlock() - do_mlock2() without a flag */
static inline int do_mlock(struct mm_struct *mm, vaddr_t addr, size_t len)
{
	return do_mlock2(mm, addr, len, 0);
}

/**
 * do_munlock() - undo do_mlock()
 * @mm: the address space
 * @addr: any address in the first page
 * @len: bytes; 0 does nothing
 *
 * The pages stay until memory is short. Locks do not add up: one call undoes any number.
 *
 * Context: takes mmap_lock for writing; may sleep.
 * Return: 0; -EINVAL (the range wraps), -ENOMEM (a hole, too many regions, no memory), -EINTR
 *	   (killed). On error nothing has changed.
 */
int do_munlock(struct mm_struct *mm, vaddr_t addr, size_t len);

/**
 * do_mlockall() - lock all that is mapped, or will be
 * @mm: the address space, with a user
 * @flags: MCL_CURRENT, MCL_FUTURE or both, and with them MCL_ONFAULT: no page is touched
 *
 * Without MCL_FUTURE mappings to come are not locked, whatever was said before. A page
 * that cannot be had is no error.
 *
 * Context: as do_mlock().
 * Return: 0; -EINVAL (unknown @flags, or neither of the first two), -EPERM (mm->lock_limit is 0), -ENOMEM (more is
 *	   mapped than mm->lock_limit), -EINTR (killed). On error no region has changed.
 */
int do_mlockall(struct mm_struct *mm, int flags);

/**
 * do_munlockall() - undo all of them
 * @mm: the address space
 *
 * Context: takes mmap_lock for writing; may sleep.
 * Return: 0; -EINTR (killed; nothing has been done).
 */
int do_munlockall(struct mm_struct *mm);

/**
 * mlock_touches() - is a region locked, and all of it there?
 * @vm_flags: of the region
 */
static inline bool mlock_touches(unsigned long vm_flags)
{
	return (vm_flags & VM_LOCKED_MASK) == VM_LOCKED;
}

/**
 * mlock_allows() - may a mapping of so many pages more be locked?
 * @mm: the address space
 * @vm_flags: of the mapping; if it is not VM_LOCKED it may
 * @pages: how many it has
 *
 * Context: mmap_lock held in either mode.
 */
static inline bool mlock_allows(const struct mm_struct *mm,
				unsigned long vm_flags, unsigned long pages)
{
	return !(vm_flags & VM_LOCKED) || mm->locked_vm + pages <= mm->lock_limit;
}

#endif
