// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/marks.c - who has used a page, who has written to it?
 *
 * Write marks of programs (soft-dirty) have an order: a write that has ended leaves a mark
 * until the next clearing begins. The oracle knows of such writes. That a page without one
 * has no mark it does not say: a pin, a move and a new region leave marks, too.
 *
 *	actor				another actor
 *	writes
 *	reads the page map		(the mark is there)
 *					clearing begins
 *	reads the page map		(it may be there or not)
 *					clearing ends
 *
 * Marks of use are the hardware's. A CPU that remembers a translation sets none. So an
 * answer is compared with what there is: a page that is not mapped was not used.
 */
#include <lib/string.h>
#include <mm/fault/gup.h>
#include <mm/rmap/referenced.h>
#include <mm/space/pagemap.h>
#include <mm/space/soft_dirty.h>
#include <mm/space/young.h>

#include "soak.h"

/* --- written to -------------------------------------------------------------- */

SOAK_OP(soak_clear_marks)
{
	int err;

	oracle_clear_begin(p);
	err = mm_clear_soft_dirty(p->mm);
	oracle_clear_end(p);
	soak_note(me, p, "clear marks", 0, SOAK_PAGES, err);
	return soak_returned(p, choice, "clearing write marks", err, 0)
		       ? SOAK_DONE
		       : SOAK_NOTHING;
}

/* What the flags of the region say of the word; they did not change meanwhile. */
static bool word_fits(unsigned long flags, u64 word)
{
	if (!(flags & SOAK_MAPPED))
		return !word;
	if (!(word & (PAGEMAP_PRESENT | PAGEMAP_SWAP)))
		return !(word & ~PAGEMAP_SOFT_DIRTY);
	return !(word & PAGEMAP_SHARED) == !(flags & VM_SHARED);
}

void soak_check_pagemap(struct soak_process *p, unsigned int page)
{
	unsigned int layouts = oracle_layouts(p), before, after;
	bool marked = oracle_marked(p, page, &before);
	unsigned long flags = oracle_flags(p, page);
	u64 word = 0;
	int err = pagemap_read(p->mm, soak_at(page), &word, 1);

	if (err)
		soak_fail(p, page, "page map: %pE", (void *)(long)err);
	(void)oracle_marked(p, page, &after);
	if (marked && before == after && !(word & PAGEMAP_SOFT_DIRTY))
		soak_fail(p, page, "a write left no mark: %#lx", word);
	if (layouts % 2 == 0 && layouts == oracle_layouts(p) &&
	    !word_fits(flags, word))
		soak_fail(p, page, "page map: %#lx, where flags are %#lx", word,
			  flags);
}

SOAK_OP(soak_pagemap)
{
	unsigned int i;

	for (i = choice->first; i < choice->first + choice->nr; i++)
		soak_check_pagemap(p, i);
	return SOAK_DONE;
}

/* --- used -------------------------------------------------------------------- */

static const enum young_how hows[] = {YOUNG_TEST, YOUNG_CLEAR, YOUNG_CLEAR_FLUSH};

static enum young_how draw_how(u64 bits)
{
	return hows[bits % ARRAY_SIZE(hows)];
}

/* Of the pages that one page of the oracle stands for. */
static void ask_young(struct soak_process *p, unsigned int page,
		      enum young_how how)
{
	unsigned int layouts = oracle_layouts(p), i;
	bool mapped = oracle_flags(p, page) & SOAK_MAPPED;
	unsigned char used[SOAK_UNIT] = {0};
	long found, counted = 0;

	found = mm_young(p->mm, soak_at(page), soak_len(page, 1), how, used);
	for (i = 0; i < SOAK_UNIT; i++)
		counted += used[i];
	if (found != counted)
		soak_fail(p, page, "%ld pages are young, and %ld of them marked",
			  found, counted);
	if (found && !mapped && layouts % 2 == 0 && layouts == oracle_layouts(p))
		soak_fail(p, page, "%ld pages were used where none is mapped",
			  found);
}

SOAK_OP(soak_young)
{
	unsigned int i;

	for (i = choice->first; i < choice->first + choice->nr; i++)
		ask_young(p, i, draw_how(choice->bits));
	soak_note(me, p, "young", choice->first, choice->nr, 0);
	return SOAK_DONE;
}

/* The same question about a page, in all processes that share it. */
SOAK_OP(soak_referenced)
{
	struct page *page = NULL;
	int err = soak_hold_page(p, choice->first, FOLL_GET | FOLL_UNLOCKABLE,
				 &page);
	unsigned long flags = 0;
	unsigned int used = 0;

	if (err)
		return SOAK_NOTHING;
	if (!is_zero_page(page)) {
		lock_page(page);
		used = page_referenced(page, draw_how(choice->bits), &flags);
		unlock_page(page);
	}
	soak_note(me, p, "referenced", choice->first, 1, used);
	if (used && !(flags & VM_MAYREAD))
		soak_fail(p, choice->first, "used %u times, in no region", used);
	put_page(page);
	return SOAK_DONE;
}
