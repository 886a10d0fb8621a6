/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/interval_tree.h - intrusive intervals, found by what they overlap
 *
 * A node stands for [start, last], both inclusive, so that an interval may
 * end at the last byte of the space. Equal and overlapping intervals may all
 * be members at once. Nothing here locks: the owner of the tree does, and
 * holds its lock over a whole interval_tree_for_each(), or otherwise keeps the
 * tree from changing meanwhile.
 *
 * The byte at ULONG_MAX itself is never found: no page ends there that a
 * range [start, end) could name (R1.6 gives the whole space as [0, ULONG_MAX)).
 * So no node may stand for that byte alone.
 * An interval that ends at ULONG_MAX - 1 is stored, and reported, as one that ends
 * at ULONG_MAX.
 */
#ifndef MM_NOTIFIER_INTERVAL_TREE_H
#define MM_NOTIFIER_INTERVAL_TREE_H

#include <mm/notifier/types.h>

/**
 * struct interval_tree_node - one interval
 * @end: first address after it; ULONG_MAX when it has the last byte
 * @child: left, with smaller starts, and right, with starts not smaller
 * @child_end: the greatest @end in the subtree of each, 0 when there is none
 * @start: first address
 * @parent_color: the parent's address, bit 0 set when black
 * @next: the node after this one by start, or the nil node
 * @prev: the node before this one by start, or NULL
 *
 * The fields are the tree's own; read the bounds by interval_tree_start() and
 * interval_tree_last(). Those that a search reads at each step stand first.
 */
struct interval_tree_node {
	unsigned long end;
	struct interval_tree_node *child[2];
	unsigned long child_end[2];
	unsigned long start;
	unsigned long parent_color;
	struct interval_tree_node *next;
	struct interval_tree_node *prev;
};

/**
 * struct interval_tree - a set of intervals
 * @root: topmost node, or &interval_tree_nil
 */
struct interval_tree {
	struct interval_tree_node *root;
};

/*
 * Stands for every missing child: a search that steps on it sees an interval
 * that ends behind everything and begins behind everything, and stops. So a
 * search has no test for a missing child. Constant; shared by all trees.
 */
extern const struct interval_tree_node interval_tree_nil;
#define INTERVAL_TREE_NIL ((struct interval_tree_node *)&interval_tree_nil)

/** interval_tree_init() - make an empty tree */
static inline void interval_tree_init(struct interval_tree *tree)
{
	tree->root = INTERVAL_TREE_NIL;
}

static inline bool interval_tree_empty(const struct interval_tree *tree)
{
	return READ_ONCE(tree->root) == INTERVAL_TREE_NIL;
}

static inline unsigned long
interval_tree_start(const struct interval_tree_node *node)
{
	return node->start;
}

static inline unsigned long interval_tree_last(const struct interval_tree_node *node)
{
	return node->end - (node->end != ~0ul);
}

/** interval_tree_meets() - does the node meet [start, end)? */
static inline bool interval_tree_meets(const struct interval_tree_node *node,
				       unsigned long start, unsigned long end)
{
	return node->start < end && node->end > start;
}

/**
 * interval_tree_node_init() - set the bounds of a node that is in no tree
 * @node: the node
 * @start: first address, below ULONG_MAX
 * @last: last address, not below @start
 */
static inline void interval_tree_node_init(struct interval_tree_node *node,
					   unsigned long start,
					   unsigned long last)
{
	node->start = start;
	node->end = last + (last != ~0ul);
}

#define INTERVAL_TREE_BLACK 1ul

static inline struct interval_tree_node *
interval_tree_parent(const struct interval_tree_node *node)
{
	return (struct interval_tree_node *)(node->parent_color &
					     ~INTERVAL_TREE_BLACK);
}

/* The two sides of a node, as an index of its children. */
#define INTERVAL_TREE_LEFT  0u
#define INTERVAL_TREE_RIGHT 1u

/**
 * interval_tree_insert() - add a node
 * @node: prepared by interval_tree_node_init(), in no tree
 * @tree: the tree
 *
 * Context: any; the caller's lock keeps others out. Time: log n.
 */
void interval_tree_insert(struct interval_tree_node *node,
			  struct interval_tree *tree);

/**
 * interval_tree_remove() - take a node out
 * @node: a member of @tree
 * @tree: the tree
 *
 * Context: any; the caller's lock keeps others out. Time: log n at worst.
 */
void interval_tree_remove(struct interval_tree_node *node,
			  struct interval_tree *tree);

/**
 * interval_tree_find() - the first node under one that meets [start, end)
 * @node: where to begin; may be the nil node
 * @start: first address asked for
 * @end: first address not asked for, above @start
 *
 * "First" is by start address. Inline, since it is all that a change of a
 * mapping that nobody watches costs.
 *
 * If the left subtree has an interval that ends behind @start, either it has
 * one that overlaps, or that interval begins at or behind @end and so does
 * everything to its right. Either way the right side need not be looked at.
 *
 * Return: the node, or NULL.
 */
static inline struct interval_tree_node *
interval_tree_find(struct interval_tree_node *node, unsigned long start,
		   unsigned long end)
{
	for (;;) {
		while (node->child_end[INTERVAL_TREE_LEFT] > start)
			node = node->child[INTERVAL_TREE_LEFT];
		if (node->end > start)
			return node->start < end ? node : NULL;
		node = node->child[INTERVAL_TREE_RIGHT];
	}
}

/**
 * interval_tree_first() - the first member that meets [start, end)
 * @tree: the tree
 * @start: first address asked for
 * @end: first address not asked for, above @start
 *
 * At the root the right bound is looked at too: a range behind everything is
 * answered there.
 *
 * Return: the node, or NULL.
 */
static inline struct interval_tree_node *
interval_tree_first(const struct interval_tree *tree, unsigned long start,
		    unsigned long end)
{
	struct interval_tree_node *node = tree->root;

	if (node->child_end[INTERVAL_TREE_LEFT] > start)
		return interval_tree_find(node->child[INTERVAL_TREE_LEFT],
					  start, end);
	if (node->end > start)
		return node->start < end ? node : NULL;
	if (node->child_end[INTERVAL_TREE_RIGHT] <= start)
		return NULL;
	return interval_tree_find(node->child[INTERVAL_TREE_RIGHT], start, end);
}

/**
 * interval_tree_next() - the member after @node that meets [start, end)
 * @node: a member that meets it
 * @start: as given to interval_tree_first()
 * @end: as given to interval_tree_first()
 *
 * Return: the node, or NULL when @node was the last. A whole walk over k
 * results of a tree of n costs in the order of log n + k.
 */
static inline struct interval_tree_node *
interval_tree_next(struct interval_tree_node *node, unsigned long start,
		   unsigned long end)
{
	struct interval_tree_node *parent;

	/* From here on every start lies inside or behind: follow the list. */
	if (node->start >= start) {
		node = node->next;
		return node->start < end ? node : NULL;
	}
	for (;;) {
		if (node->child_end[INTERVAL_TREE_RIGHT] > start)
			return interval_tree_find(
				node->child[INTERVAL_TREE_RIGHT], start, end);
		for (;;) {
			parent = interval_tree_parent(node);
			if (!parent)
				return NULL;
			if (parent->child[INTERVAL_TREE_LEFT] == node)
				break;
			node = parent;
		}
		node = parent;
		if (node->end > start)
			return node->start < end ? node : NULL;
	}
}

#define interval_tree_for_each(node, tree, start, end)           \
	for (node = interval_tree_first(tree, start, end); node; \
	     node = interval_tree_next(node, start, end))

/**
 * interval_tree_lowest() - the member with the smallest start
 * @tree: the tree
 *
 * Return: the node, or NULL when the tree is empty.
 */
struct interval_tree_node *interval_tree_lowest(const struct interval_tree *tree);

/**
 * interval_tree_verify() - check every invariant, for tests
 * @tree: the tree
 *
 * Links, colours, black height, order of starts, and the two bounds of each
 * node against its children's. Time: n log n.
 *
 * Return: the number of members, or -1 when an invariant is broken.
 */
long interval_tree_verify(const struct interval_tree *tree);

#endif
