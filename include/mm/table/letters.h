/* SPDX-License-Identifier: MIT */
/*
 * mm/table/letters.h - a letter for each state of a page, for maps
 *
 * A map shows a page as one letter: as a CPU sees it by its entry, and as a device
 * sees it by its translation. The states are rows of a table, in the form of struct
 * page_letter. The monitor's `map` looks a word up in it. The tables are exported
 * (lib/layout.h), so that a program that reads the guest's memory does the same with
 * the same rows (scripts/pagemap/).
 */
#ifndef MM_TABLE_LETTERS_H
#define MM_TABLE_LETTERS_H

#include <lib/types.h>
#include <arch/paging.h>

/* A row of a map has as many pages, and begins at a multiple of that. */
#define PAGE_LETTERS_ROW 64u

/**
 * struct page_letter - one state
 * @mask: the bits of the word that count
 * @least: the word has the state if its bits lie between this ...
 * @most: ... and this, both included
 * @letter: for maps
 * @what: for people
 *
 * The first row that fits a word is its state. The form is fixed: scripts/pagemap/letters.py
 * reads it.
 */
struct page_letter {
	u64 mask;
	u64 least;
	u64 most;
	char letter;
	char what[39];
};

static_assert(sizeof(struct page_letter) == 64,
	      "as scripts/pagemap/letters.py has it");

/* Of every table the first row: no region is here. It fits no word. */
#define PAGE_LETTER_NO_REGION                                    \
	{                                                        \
		.mask = 0, .least = 1, .most = 0, .letter = '-', \
		.what = "no region"                              \
	}

/* The states of an entry of the last level. */
extern struct page_letter pte_letters[];

/**
 * page_letter_of() - the letter of a word
 * @table: its last row fits every word
 * @word: an entry, or the word of a translation
 *
 * Context: any.
 */
char page_letter_of(const struct page_letter *table, u64 word);

/** pte_letter() - the letter of an entry. Context: any */
static inline char pte_letter(pte_t pte)
{
	return page_letter_of(pte_letters, pte_val(pte));
}

#endif
