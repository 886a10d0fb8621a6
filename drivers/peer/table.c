// SPDX-License-Identifier: MIT
/*
 * drivers/peer/table.c - remember which translations the device was given
 *
 * Problem.  An invalidate callback must know at once whether the device has a
 * translation in a range: most ranges concern pages that the device never had,
 * and for those no command should be sent. The callback must not allocate.
 *
 * Idea.  An array sorted by address, of its full size from the start. A look-up
 * is a binary search, and a range is one run of entries. An insertion moves the
 * entries above it, which for the few thousand entries of a context costs less
 * than following pointers would.
 *
 * A full table evicts an entry: the device asks again if it needs the page. The
 * victims go round the table, so that a hot page is not evicted each time.
 *
 * Locks: all under ctx->lock.
 */
#include <mm/alloc/alloc.h>
#include <lib/assert.h>
#include <lib/errno.h>
#include <lib/layout.h>
#include <lib/string.h>
#include <mm/table/letters.h>

#include "internal.h"

#define EXCLUSIVE (1ul << 32)

#define BITS(bits, letter_, what_)                               \
	{                                                        \
		.mask = (bits), .least = (bits), .most = (bits), \
		.letter = (letter_), .what = (what_)             \
	}

/* A capital, as in the map of the CPU's entries: exclusive, and writable. */
static const struct page_letter letters[] = {
	PAGE_LETTER_NO_REGION,
	BITS(EXCLUSIVE | PEER_MAP_WRITE, 'X', "exclusive"),
	BITS(EXCLUSIVE, 'x', "exclusive, read-only"),
	BITS(PEER_MAP_ATOMIC, 'A', "atomic access, not exclusive"),
	BITS(PEER_MAP_WRITE, 'w', "writable"),
	BITS(PEER_MAP_READ, 'r', "read-only"),
	{.most = ~0ul, .letter = '.', .what = "no translation"},
};

LAYOUT_ENTRY("peer_letters", (unsigned long)letters);
LAYOUT_ENTRY("peer_letters.rows", ARRAY_SIZE(letters));
LAYOUT_ENTRY("peer.contexts.most", PEER_CONTEXTS);

const struct page_letter *peer_letters(void)
{
	return letters;
}

/* The word of a translation: PEER_MAP_*, and EXCLUSIVE. */
char peer_letter(const struct peer_translation *entry)
{
	u64 word = entry ? entry->prot | (entry->exclusive ? EXCLUSIVE : 0) : 0;

	return page_letter_of(letters, word);
}

int peer_table_create(struct peer_table *table, unsigned int size)
{
	memset(table, 0, sizeof(*table));
	table->entries = kcalloc(size, sizeof(*table->entries), GFP_KERNEL);
	if (!table->entries)
		return -ENOMEM;
	table->size = size;
	return 0;
}

void peer_table_destroy(struct peer_table *table)
{
	kfree(table->entries);
	memset(table, 0, sizeof(*table));
}

/* Index of the first entry at or above @va. */
static unsigned int lower_bound(const struct peer_table *table, vaddr_t va)
{
	unsigned int low = 0, high = table->count;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (table->entries[middle].va < va)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct peer_translation *peer_table_find(const struct peer_table *table,
					       vaddr_t va)
{
	unsigned int at = lower_bound(table, va);

	if (at < table->count && table->entries[at].va == va)
		return &table->entries[at];
	return NULL;
}

bool peer_table_overlaps(const struct peer_table *table, vaddr_t start,
			 vaddr_t end)
{
	unsigned int at = lower_bound(table, start);

	return at < table->count && table->entries[at].va < end;
}

void peer_table_set(struct peer_table *table, const struct peer_translation *entry)
{
	unsigned int at = lower_bound(table, entry->va);
	struct peer_translation *place = &table->entries[at];

	if (at == table->count || place->va != entry->va) {
		ASSERT(table->count < table->size);
		memmove(place + 1, place, (table->count - at) * sizeof(*place));
		table->count++;
	}
	*place = *entry;
}

unsigned int
peer_table_remove(struct peer_table *table, vaddr_t start, vaddr_t end,
		  void (*gone)(const struct peer_translation *entry, void *arg),
		  void *arg)
{
	unsigned int from = lower_bound(table, start);
	unsigned int to = lower_bound(table, end);
	unsigned int i;

	for (i = from; i < to; i++)
		gone(&table->entries[i], arg);
	memmove(&table->entries[from], &table->entries[to],
		(table->count - to) * sizeof(*table->entries));
	table->count -= to - from;
	return to - from;
}

bool peer_table_victim(struct peer_table *table, vaddr_t *va)
{
	if (table->count < table->size)
		return false;
	*va = table->entries[table->victim++ % table->count].va;
	return true;
}

bool peer_table_verify(const struct peer_table *table)
{
	unsigned int i;

	if (table->count > table->size)
		return false;
	for (i = 1; i < table->count; i++) {
		if (table->entries[i - 1].va >= table->entries[i].va)
			return false;
	}
	return true;
}
