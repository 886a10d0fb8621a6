// SPDX-License-Identifier: MIT
/*
 * bench/index/bplus.c - intervals in wide nodes: the design not taken
 *
 * Problem.  A binary tree of a million intervals is twenty steps deep, and
 * each step below the first nine or so loads a line that no cache holds. A
 * node of a few lines with sixteen entries takes six.
 *
 * Idea.  A B+-tree ordered by start. Leaves list intervals, with their bounds
 * beside the pointers, so that a search touches no interval but the one it
 * finds. Inner nodes list children, for each the greatest end below it. Each
 * kind of entry stands in an array of its own: a search reads the line or two
 * of ends and one line of pointers.
 *
 *	node	reach[]			start[]			slot[]
 *	leaf	end of the interval	its start		the interval
 *	inner	greatest end below	no start below is less	the child
 *
 * (start[0] of an inner node is never looked at: what is less goes there too.)
 *
 * The search needs no bound: a child is entered because something in it ends
 * behind the wanted start, so the scan of its ends stops. The compiler unrolls
 * it to a compare and a branch for each entry.
 *
 * Nodes.  A full node is split on the way down, so that one pass inserts and
 * the parent always has room; that can take one node a level and one for a new
 * root. bplus_reserve() sees to them before the lock of the tree is taken:
 * under it an insertion cannot fail. A node is freed when it is empty and never
 * merged before, which costs less in mixed use than keeping nodes half full.
 * A split of a leaf writes to eight intervals where they stand now, each in
 * memory of its own: that and the shifting is what an insertion pays here and a tree
 * of linked nodes does not.
 *
 * Invariants: bplus_verify(). Locks: none, as in mm/notifier/interval_tree.c. Not
 * here: the comparison (compare.c, README.md).
 */
#include <stdlib.h>
#include <string.h>
#include <lib/errno.h>
#include "bplus.h"

#define HALF (BPLUS_WIDTH / 2)

static unsigned long nodes;

unsigned long bplus_bytes(void)
{
	return nodes * sizeof(struct bplus_node);
}

static struct bplus_node *node_alloc(void)
{
	struct bplus_node *node = aligned_alloc(64, sizeof(*node));

	nodes += node != NULL;
	return node;
}

static void node_free(struct bplus_node *node)
{
	nodes--;
	free(node);
}

int bplus_reserve(struct bplus *tree)
{
	struct bplus_node *node;

	while (unlikely(tree->spares < tree->levels + 1)) {
		node = node_alloc();
		if (!node)
			return -ENOMEM;
		node->next = tree->spare;
		tree->spare = node;
		tree->spares++;
	}
	return 0;
}

void bplus_free(struct bplus *tree)
{
	struct bplus_node *node;

	while ((node = tree->spare)) {
		tree->spare = node->next;
		node_free(node);
	}
	tree->spares = 0;
}

static struct bplus_node *take_spare(struct bplus *tree, bool leaf)
{
	struct bplus_node *node = tree->spare;

	tree->spare = node->next;
	tree->spares--;
	node->nr = 0;
	node->leaf = leaf;
	memset(node->start, 0xff, sizeof(node->start));
	return node;
}

static __always_inline unsigned int slot_of(const struct bplus_node *node,
					    const void *what)
{
	unsigned int i;

#pragma GCC unroll 32
	for (i = 0; i < BPLUS_WIDTH - 1; i++) {
		if (node->slot[i] == what)
			break;
	}
	return i;
}

static __always_inline unsigned long reach_of(const struct bplus_node *node)
{
	unsigned long reach = 0;
	unsigned int i;

	for (i = 0; i < node->nr; i++)
		reach = reach < node->reach[i] ? node->reach[i] : reach;
	return reach;
}

/* --- search ----------------------------------------------------------------- */

/* Nothing more in this leaf: the next subtree that ends behind @start. */
static noinline struct bplus_item *
next_subtree(struct bplus_place *place, unsigned long start, unsigned long end)
{
	struct bplus_node *node = place->leaf, *parent;
	unsigned int i;

	for (; (parent = node->parent); node = parent) {
		for (i = slot_of(parent, node) + 1; i < parent->nr; i++) {
			if (parent->reach[i] > start)
				return bplus_down(parent->slot[i], place, start,
						  end);
		}
	}
	return NULL;
}

struct bplus_item *bplus_next_from_before(struct bplus_place *place,
					  unsigned long start, unsigned long end)
{
	struct bplus_node *leaf = place->leaf;
	unsigned int at = place->at;

	while (++at < leaf->nr) {
		if (leaf->start[at] >= end)
			return NULL;
		if (leaf->reach[at] > start) {
			place->at = at;
			return leaf->slot[at];
		}
	}
	return next_subtree(place, start, end);
}

/* --- insertion -------------------------------------------------------------- */

/* Make room for one entry at @at. */
static __always_inline void open_slot(struct bplus_node *node, unsigned int at)
{
	unsigned int i;

	for (i = node->nr++; i > at; i--) {
		node->reach[i] = node->reach[i - 1];
		node->start[i] = node->start[i - 1];
		node->slot[i] = node->slot[i - 1];
	}
}

static __always_inline void close_slot(struct bplus_node *node, unsigned int at)
{
	unsigned int i;

	node->nr--;
	for (i = at; i < node->nr; i++) {
		node->reach[i] = node->reach[i + 1];
		node->start[i] = node->start[i + 1];
		node->slot[i] = node->slot[i + 1];
	}
	node->start[i] = ~0ul;
}

static void adopt(struct bplus_node *node, unsigned int at)
{
	if (node->leaf)
		((struct bplus_item *)node->slot[at])->leaf = node;
	else
		((struct bplus_node *)node->slot[at])->parent = node;
}

/* The upper half of the full @node goes to a new one behind it. */
static noinline struct bplus_node *
split(struct bplus *tree, struct bplus_node *node, struct bplus_node *parent)
{
	struct bplus_node *upper = take_spare(tree, node->leaf);
	unsigned int i, at;

	if (!parent) {
		parent = take_spare(tree, false);
		parent->parent = NULL;
		parent->nr = 1;
		parent->slot[0] = node;
		parent->start[0] = node->start[0];
		parent->reach[0] = tree->reach;
		node->parent = parent;
		tree->root = parent;
		tree->levels++;
	}
	upper->nr = BPLUS_WIDTH - HALF;
	node->nr = HALF;
	for (i = 0; i < upper->nr; i++) {
		upper->reach[i] = node->reach[HALF + i];
		upper->start[i] = node->start[HALF + i];
		upper->slot[i] = node->slot[HALF + i];
		adopt(upper, i);
		node->start[HALF + i] = ~0ul;
	}
	upper->parent = parent;
	if (node->leaf) {
		upper->next = node->next;
		node->next = upper;
	}
	at = slot_of(parent, node);
	open_slot(parent, at + 1);
	parent->reach[at] = reach_of(node);
	parent->reach[at + 1] = reach_of(upper);
	parent->start[at + 1] = upper->start[0];
	parent->slot[at + 1] = upper;
	return upper;
}

/* How many of the entries from @from on begin at or before @start, and @from. */
static __always_inline unsigned int first_after(const struct bplus_node *node,
						unsigned int from,
						unsigned long start)
{
	unsigned int i;

#pragma GCC unroll 32
	for (i = from; i < BPLUS_WIDTH; i++) {
		if (node->start[i] > start)
			break;
	}
	return i;
}

void bplus_insert(struct bplus_item *item, struct bplus *tree)
{
	unsigned long start = item->start, end = item->end;
	struct bplus_node *node = tree->root, *upper;
	/* Below what stands behind the last entry, and as good. */
	unsigned long key = start - (start == ~0ul);
	unsigned int at;

	if (unlikely(!node)) {
		node = take_spare(tree, true);
		node->parent = NULL;
		node->next = NULL;
		tree->root = node;
		tree->levels = 1;
	}
	for (;;) {
		if (unlikely(node->nr == BPLUS_WIDTH)) {
			upper = split(tree, node, node->parent);
			if (upper->start[0] <= key)
				node = upper;
			/* The halves reach less far than the whole did. */
			at = slot_of(node->parent, node);
			if (node->parent->reach[at] < end)
				node->parent->reach[at] = end;
		}
		if (node->leaf)
			break;
		at = first_after(node, 1, key) - 1;
		if (node->reach[at] < end)
			node->reach[at] = end;
		node = node->slot[at];
	}
	at = first_after(node, 0, key);
	open_slot(node, at);
	node->reach[at] = end;
	node->start[at] = start;
	node->slot[at] = item;
	item->leaf = node;
	if (tree->reach < end)
		tree->reach = end;
}

/* --- removal ---------------------------------------------------------------- */

static struct bplus_node *last_leaf(struct bplus_node *node)
{
	while (!node->leaf)
		node = node->slot[node->nr - 1];
	return node;
}

static struct bplus_node *leaf_before(struct bplus_node *node)
{
	struct bplus_node *parent;
	unsigned int at;

	for (; (parent = node->parent); node = parent) {
		at = slot_of(parent, node);
		if (at > 0)
			return last_leaf(parent->slot[at - 1]);
	}
	return NULL;
}

/* @node is empty: it goes, and every ancestor that it was all of. */
static noinline struct bplus_node *drop(struct bplus *tree,
					struct bplus_node *node)
{
	struct bplus_node *parent, *before;

	before = leaf_before(node);
	if (before)
		before->next = node->next;
	do {
		parent = node->parent;
		if (parent)
			close_slot(parent, slot_of(parent, node));
		node_free(node);
		node = parent;
	} while (node && !node->nr);
	if (!node) {
		tree->root = NULL;
		tree->levels = 0;
		tree->reach = 0;
		return NULL;
	}
	/* A root with one child is a step for nothing. */
	while (!tree->root->leaf && tree->root->nr == 1) {
		parent = tree->root;
		tree->root = parent->slot[0];
		tree->root->parent = NULL;
		tree->levels--;
		if (node == parent)
			node = tree->root;
		node_free(parent);
	}
	return node;
}

/* Something below @node that reached to @end has gone. */
static __always_inline void
lower_reach(struct bplus *tree, struct bplus_node *node, unsigned long end)
{
	struct bplus_node *parent;
	unsigned long reach;
	unsigned int at;

	for (; (parent = node->parent); node = parent) {
		at = slot_of(parent, node);
		if (parent->reach[at] != end)
			return;
		reach = reach_of(node);
		if (reach == end)
			return;
		parent->reach[at] = reach;
	}
	if (tree->reach == end)
		tree->reach = reach_of(node);
}

void bplus_remove(struct bplus_item *item, struct bplus *tree)
{
	struct bplus_node *node = item->leaf;

	close_slot(node, slot_of(node, item));
	if (unlikely(!node->nr)) {
		node = drop(tree, node);
		if (!node)
			return;
	}
	lower_reach(tree, node, item->end);
}

/* --- verify ----------------------------------------------------------------- */

static long verify(const struct bplus_node *node, unsigned int levels,
		   const struct bplus_node **before, unsigned long *start)
{
	const struct bplus_node *child;
	const struct bplus_item *item;
	long count = 0, below;
	unsigned int i;

	if (!node->nr || node->nr > BPLUS_WIDTH || node->leaf != (levels == 1))
		return -1;
	if (node->leaf && *before && (*before)->next != node)
		return -1;
	for (i = 0; i < node->nr; i++) {
		if (node->leaf) {
			item = node->slot[i];
			if (item->leaf != node || item->start != node->start[i] ||
			    item->end != node->reach[i] || item->start < *start)
				return -1;
			*start = item->start;
			count++;
			continue;
		}
		child = node->slot[i];
		if (i && node->start[i] < *start)
			return -1;
		if (i)
			*start = node->start[i];
		below = verify(child, levels - 1, before, start);
		if (below < 0 || child->parent != node ||
		    reach_of(child) != node->reach[i])
			return -1;
		count += below;
	}
	if (node->leaf)
		*before = node;
	return count;
}

long bplus_verify(const struct bplus *tree)
{
	const struct bplus_node *before = NULL;
	unsigned long start = 0;
	long count;

	if (!tree->root)
		return tree->reach || tree->levels ? -1 : 0;
	count = verify(tree->root, tree->levels, &before, &start);
	if (tree->root->parent || tree->reach != reach_of(tree->root) ||
	    before->next)
		return -1;
	return count;
}
