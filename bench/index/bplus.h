/* SPDX-License-Identifier: MIT */
/*
 * bench/index/bplus.h - intervals in wide nodes: the design not taken
 *
 * Semantics as include/mm/notifier/interval_tree.h: [start, last], any overlaps, the
 * first by start of those that meet [start, end). See bplus.c for how.
 */
#ifndef BENCH_INDEX_BPLUS_H
#define BENCH_INDEX_BPLUS_H

#include <lib/types.h>
#include <lib/compiler.h>

/* Entries of a node; set by the build. */
#ifndef BPLUS_WIDTH
#define BPLUS_WIDTH 16
#endif

struct bplus_node;

/**
 * struct bplus_item - one interval, embedded by its user
 * @start: first address
 * @end: first address after it, ULONG_MAX through the last byte
 * @leaf: the node that lists it
 */
struct bplus_item {
	unsigned long start;
	unsigned long end;
	struct bplus_node *leaf;
};

/**
 * struct bplus - a set of intervals
 * @root: the topmost node, NULL without intervals
 * @reach: greatest end of all, 0 without intervals
 * @levels: nodes on the way to a leaf, the leaf included
 * @spare: nodes that an insertion may take
 * @spares: how many
 */
struct bplus {
	struct bplus_node *root;
	unsigned long reach;
	unsigned int levels;
	struct bplus_node *spare;
	unsigned int spares;
};

/** struct bplus_place - where a walk stands */
struct bplus_place {
	struct bplus_node *leaf;
	unsigned int at;
};

/**
 * bplus_reserve() - have the nodes that one insertion can need
 *
 * Before the lock is taken: this allocates. Return: 0 or -ENOMEM.
 */
int bplus_reserve(struct bplus *tree);

/** bplus_insert() - add @item; cannot fail after bplus_reserve() */
void bplus_insert(struct bplus_item *item, struct bplus *tree);

/** bplus_remove() - take @item out; allocates nothing, may free */
void bplus_remove(struct bplus_item *item, struct bplus *tree);

/* Laid open for the search, which is inline as that of the other design is. */
struct bplus_node {
	unsigned long reach[BPLUS_WIDTH];
	unsigned long start[BPLUS_WIDTH]; /* behind the last one: ULONG_MAX */
	void *slot[BPLUS_WIDTH];
	struct bplus_node *parent;
	struct bplus_node *next; /* leaf: the one after it; spare: the next */
	unsigned int nr;
	bool leaf;
} __aligned(64);

/* The first entry that ends behind @start; the caller knows there is one. */
static __always_inline unsigned int
bplus_first_behind(const struct bplus_node *node, unsigned long start)
{
	unsigned int i;

#pragma GCC unroll 32
	for (i = 0; i < BPLUS_WIDTH - 1; i++) {
		if (node->reach[i] > start)
			break;
	}
	return i;
}

/** bplus_down() - from @node, below which something ends behind @start */
static __always_inline struct bplus_item *bplus_down(struct bplus_node *node,
						     struct bplus_place *place,
						     unsigned long start,
						     unsigned long end)
{
	unsigned int at;

	while (!node->leaf)
		node = node->slot[bplus_first_behind(node, start)];
	at = bplus_first_behind(node, start);
	place->leaf = node;
	place->at = at;
	return node->start[at] < end ? node->slot[at] : NULL;
}

/** bplus_first() - the first that meets [start, end), or NULL */
static __always_inline struct bplus_item *bplus_first(const struct bplus *tree,
						      struct bplus_place *place,
						      unsigned long start,
						      unsigned long end)
{
	if (tree->reach <= start)
		return NULL;
	return bplus_down(tree->root, place, start, end);
}

/* bplus_next() from an interval that begins before the range. */
struct bplus_item *bplus_next_from_before(struct bplus_place *place,
					  unsigned long start, unsigned long end);

/** bplus_next() - the one after the one at @place, or NULL */
static __always_inline struct bplus_item *
bplus_next(struct bplus_place *place, unsigned long start, unsigned long end)
{
	struct bplus_node *leaf = place->leaf;
	unsigned int at = place->at;

	if (unlikely(leaf->start[at] < start))
		return bplus_next_from_before(place, start, end);
	/* From here on every start lies inside or behind: follow the list. */
	if (++at == leaf->nr) {
		at = 0;
		leaf = leaf->next;
		if (!leaf)
			return NULL;
		place->leaf = leaf;
	}
	place->at = at;
	return leaf->start[at] < end ? leaf->slot[at] : NULL;
}

/** bplus_verify() - how many intervals, or -1 when something is wrong */
long bplus_verify(const struct bplus *tree);

/** bplus_free() - give the spare nodes back; the tree is empty */
void bplus_free(struct bplus *tree);

/** bplus_bytes() - memory of all nodes, per tree of one process */
unsigned long bplus_bytes(void);

#endif
