/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/soak/window.h - which addresses the pages of the oracle stand for
 *
 * In the first window a page of the oracle is a page: half of them are in one page table
 * and half in the next. The second is large enough for huge pages. There a page of the
 * oracle is a unit of SOAK_UNIT pages, of which the first has words. No operation goes from
 * one window into the other.
 *
 *	oracle	0              32            63   64              72            79
 *		[    table     ||    next     ]   [     2 MiB     ||    2 MiB    ]
 */
#ifndef TESTS_MM_SOAK_WINDOW_H
#define TESTS_MM_SOAK_WINDOW_H

#include "tests/mm/lib/sandbox.h"

#define SOAK_SMALL     64U
#define SOAK_UNIT      64U
#define SOAK_HUGE      (PTRS_PER_TABLE / SOAK_UNIT)
#define SOAK_BIG       (2 * SOAK_HUGE)
#define SOAK_PAGES     (SOAK_SMALL + SOAK_BIG)

#define SOAK_START     (BASE + PMD_SIZE - SOAK_SMALL / 2 * PAGE_SIZE)
#define SOAK_BIG_START (BASE + 2 * PMD_SIZE)
#define SOAK_END       (SOAK_BIG_START + 2 * PMD_SIZE)

/* Pages that are taken by a device at once; fewer than a unit has. */
#define SOAK_RUN_MAX 8U

static inline bool soak_is_big(unsigned int page)
{
	return page >= SOAK_SMALL;
}

/* The first address that a page of the oracle stands for. */
static inline vaddr_t soak_at(unsigned int page)
{
	if (soak_is_big(page))
		return SOAK_BIG_START +
		       (vaddr_t)(page - SOAK_SMALL) * SOAK_UNIT * PAGE_SIZE;
	return SOAK_START + (vaddr_t)page * PAGE_SIZE;
}

/* How many bytes @nr pages of the oracle from @first on stand for. */
static inline size_t soak_len(unsigned int first, unsigned int nr)
{
	return (size_t)nr * (soak_is_big(first) ? SOAK_UNIT : 1) * PAGE_SIZE;
}

/* The first page of its window, and how many that has. */
static inline unsigned int soak_window(unsigned int page)
{
	return soak_is_big(page) ? SOAK_SMALL : 0;
}

static inline unsigned int soak_window_pages(unsigned int page)
{
	return soak_is_big(page) ? SOAK_BIG : SOAK_SMALL;
}

/* How many pages there are from this one on, in its window. */
static inline unsigned int soak_room(unsigned int page)
{
	return soak_window(page) + soak_window_pages(page) - page;
}

#endif
