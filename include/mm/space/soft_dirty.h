/* SPDX-License-Identifier: MIT */
/*
 * mm/space/soft_dirty.h - which pages were written to since a moment?
 */
#ifndef MM_SPACE_SOFT_DIRTY_H
#define MM_SPACE_SOFT_DIRTY_H

#include <mm/space/mm_types.h>

/**
 * mm_clear_soft_dirty() - let the tracking of writes begin anew
 * @mm: the address space
 *
 * No page counts as written to on return, and each next write is seen, by CPUs and by
 * devices. One SOFT_DIRTY over [0, ~0), whatever is mapped (R1.6, R1.21). pagemap_read()
 * tells which pages were written to.
 *
 * Context: takes mmap_lock for writing; may sleep.
 * Return: 0; -EINTR (killed while it waited for mmap_lock; nothing has been done).
 */
int mm_clear_soft_dirty(struct mm_struct *mm);

#endif
