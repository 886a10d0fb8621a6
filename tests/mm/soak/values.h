/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/soak/values.h - where the oracle has the value of a word, and how it changes
 *
 * For oracle.c and change.c alone. soak->oracle_lock is held.
 */
#ifndef TESTS_MM_SOAK_VALUES_H
#define TESTS_MM_SOAK_VALUES_H

#include "soak.h"

/* Where the word's value is. */
static inline struct soak_value *value_of(struct soak_page *page,
					  unsigned int actor)
{
	if (page->object)
		return &page->object->value[page->offset][actor];
	return &page->word[actor].own;
}

static inline void loosen(struct soak_value *word)
{
	word->loose = true;
}

static inline void settle(struct soak_value *word, u64 value)
{
	word->value = value;
	word->loose = false;
}

/* The child of a fork that is under way has its own copy of the page, or zeroes. */
static inline bool is_copied(const struct soak_process *p, unsigned int page)
{
	return p->child && (p->page[page].flags & SOAK_MAPPED) &&
	       !(p->page[page].flags & (VM_SHARED | VM_DONTCOPY | VM_WIPEONFORK));
}

#endif
