// SPDX-License-Identifier: MIT
/*
 * peer/table.c - one context's translations: VA page -> target page and flags
 *
 * Problem.  An invalidation may name one page or the whole address space; its cost
 * must follow the mapped pages, not the named ones. And a guest must not use up the
 * host's memory by mapping pages far apart.
 *
 * Idea.  A radix tree of four levels with 512 slots each, like the tables of the
 * guest's CPU. A node counts its used slots and is freed with the last one. Nodes
 * are paid from a budget that all contexts of the device share.
 *
 * Level 0 nodes hold entries, the others hold nodes. Bits of a VA:
 *
 *	47..39	38..30	29..21	20..12	11..0
 *	level 3	level 2	level 1	level 0	byte
 *
 * No lock here: the context's lock covers its table.
 */
#include <errno.h>
#include <stdlib.h>

#include <uapi/peer_wire.h>

#include "table.h"

#define SLOT_BITS 9
#define SLOTS     (1u << SLOT_BITS)
#define TOP_LEVEL 3u

_Static_assert(PEER_PAGE_SHIFT + (TOP_LEVEL + 1) * SLOT_BITS == PEER_VA_BITS,
	       "four levels cover the address space");

struct table_node {
	unsigned int used;
	union {
		struct table_node *child;
		uint64_t entry;
	} slot[SLOTS];
};

static unsigned int level_shift(unsigned int level)
{
	return PEER_PAGE_SHIFT + level * SLOT_BITS;
}

static unsigned int slot_of(uint64_t va, unsigned int level)
{
	return (unsigned int)(va >> level_shift(level)) % SLOTS;
}

void table_init(struct table *table, struct table_budget *budget)
{
	table->root = NULL;
	table->budget = budget;
	table->mapped = 0;
}

static struct table_node *node_new(struct table *table)
{
	struct table_node *node = NULL;

	if (atomic_fetch_sub(&table->budget->nodes_left, 1) > 0)
		node = calloc(1, sizeof(*node));
	if (!node)
		atomic_fetch_add(&table->budget->nodes_left, 1);
	return node;
}

static void node_free(struct table *table, struct table_node *node)
{
	free(node);
	atomic_fetch_add(&table->budget->nodes_left, 1);
}

uint64_t table_get(const struct table *table, uint64_t va)
{
	const struct table_node *node = table->root;

	for (unsigned int level = TOP_LEVEL; node && level; level--)
		node = node->slot[slot_of(va, level)].child;
	return node ? node->slot[slot_of(va, 0)].entry : 0;
}

/* Drops [start, last] below @node; frees what became empty. */
static uint64_t clear_below(struct table *table, struct table_node **where,
			    unsigned int level, uint64_t start, uint64_t last)
{
	const uint64_t span = 1ull << level_shift(level);
	struct table_node *node = *where;
	uint64_t dropped = 0;

	if (!node)
		return 0;
	for (unsigned int i = slot_of(start, level); i <= slot_of(last, level);
	     i++) {
		uint64_t base = (start & ~(span * SLOTS - 1)) + i * span;
		uint64_t from = start > base ? start : base;
		uint64_t to = last < base + span - 1 ? last : base + span - 1;

		if (level) {
			if (!node->slot[i].child)
				continue;
			dropped += clear_below(table, &node->slot[i].child,
					       level - 1, from, to);
			if (!node->slot[i].child)
				node->used--;
		} else if (node->slot[i].entry) {
			node->slot[i].entry = 0;
			node->used--;
			dropped++;
		}
	}
	if (!node->used) {
		*where = NULL;
		node_free(table, node);
	}
	return dropped;
}

uint64_t table_clear(struct table *table, uint64_t start, uint64_t end)
{
	uint64_t dropped;

	dropped = clear_below(table, &table->root, TOP_LEVEL, start, end - 1);
	table->mapped -= dropped;
	return dropped;
}

/* After a failed table_set(): nodes made on the way that hold nothing. */
static void prune(struct table *table, struct table_node **where,
		  unsigned int level, uint64_t va)
{
	struct table_node *node = *where;
	unsigned int i = slot_of(va, level);

	if (!node)
		return;
	if (level && node->slot[i].child) {
		prune(table, &node->slot[i].child, level - 1, va);
		if (!node->slot[i].child)
			node->used--;
	}
	if (!node->used) {
		*where = NULL;
		node_free(table, node);
	}
}

int table_set(struct table *table, uint64_t va, uint64_t entry)
{
	struct table_node **where = &table->root;
	struct table_node *parent = NULL;
	unsigned int level = TOP_LEVEL;
	unsigned int i;

	for (;;) {
		if (!*where) {
			*where = node_new(table);
			if (!*where) {
				prune(table, &table->root, TOP_LEVEL, va);
				return -ENOMEM;
			}
			if (parent)
				parent->used++;
		}
		if (!level)
			break;
		parent = *where;
		where = &parent->slot[slot_of(va, level)].child;
		level--;
	}

	i = slot_of(va, 0);
	if (!(*where)->slot[i].entry) {
		(*where)->used++;
		table->mapped++;
	}
	(*where)->slot[i].entry = entry;
	return 0;
}
