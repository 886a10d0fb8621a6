/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/space/mremap_fixture.h - a move, by numbers of pages from BASE on
 *
 * Pictures show pages from BASE up; capital letters are pages that have been
 * written.
 */
#ifndef TESTS_MM_SPACE_MREMAP_FIXTURE_H
#define TESTS_MM_SPACE_MREMAP_FIXTURE_H

#include "tests/mm/lib/relatives.h"

#define ANON      (MAP_PRIVATE | MAP_ANONYMOUS)
#define MAYMOVE   MREMAP_MAYMOVE
#define FIXED     (MREMAP_MAYMOVE | MREMAP_FIXED)
#define DONTUNMAP (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

static inline long remap(struct sandbox *box, unsigned long old,
			 unsigned long pages, unsigned long new_pages,
			 int flags, unsigned long new)
{
	return do_mremap(box->mm, AT(old), LEN(pages), LEN(new_pages), flags,
			 AT(new));
}

#endif
