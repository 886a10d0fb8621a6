/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/interval_tree.h - intrusive intervals, found by overlap
 *
 * For the core. A driver has a node inside its subscription and calls nothing here.
 *
 * A node stands for [start, last], both inclusive, so that an interval may end at the
 * last byte of the space. Equal and overlapping intervals may all be members at once.
 * Nothing here takes a lock. The owner of the tree holds its own lock over each call,
 * and over a whole interval_tree_for_each(), or keeps the tree from changing in
 * another way.
 *
 * The byte at ULONG_MAX itself is never found. A range [start, end) cannot contain it,
 * since its end would have to lie above it (R1.6: the whole space is [0, ULONG_MAX)).
 * So no node may stand for that byte alone. An interval that ends at ULONG_MAX - 1 is
 * stored, and reported, as one that ends at ULONG_MAX.
 */
#ifndef MM_NOTIFIER_INTERVAL_TREE_H
#define MM_NOTIFIER_INTERVAL_TREE_H

#include <mm/notifier/types.h>

/**
 * struct interval_tree_node - one interval
 * @end: first address after it; ULONG_MAX if it contains the last byte
 * @child: left, with starts not greater, and right, with starts not smaller
 * @child_end: the greatest @end in the subtree of each child; 0 without a child
 * @start: first address
 * @parent_color: the parent's address; bit 0 is set in a black node
 * @next: the next node by start, or the nil node
 * @prev: the previous node by start, or NULL
 *
 * The fields are the tree's own; interval_tree_start() and interval_tree_last() read
 * the bounds. Fields that a search reads at each step stand first.
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
 * @root: the topmost node, or the nil node
 */
struct interval_tree {
	struct interval_tree_node *root;
};

/*
 * The nil node stands for every missing child. It begins and ends above every other
 * interval, so a search that comes to it stops there and finds nothing. So a search
 * does not test for a missing child. It is constant, and all trees share it.
 */
extern const struct interval_tree_node interval_tree_nil;
#define INTERVAL_TREE_NIL ((struct interval_tree_node *)&interval_tree_nil)

/** interval_tree_init() - make an empty tree. No lock needed */
static inline void interval_tree_init(struct interval_tree *tree)
{
	tree->root = INTERVAL_TREE_NIL;
}

/** interval_tree_empty() - has the tree no member? A hint without its lock */
static inline bool interval_tree_empty(const struct interval_tree *tree)
{
	return READ_ONCE(tree->root) == INTERVAL_TREE_NIL;
}

/** interval_tree_start() - the first address of a node */
static inline unsigned long
interval_tree_start(const struct interval_tree_node *node)
{
	return node->start;
}

/** interval_tree_last() - the last address of a node */
static inline unsigned long interval_tree_last(const struct interval_tree_node *node)
{
	return node->end - (node->end != ~0ul);
}

/** interval_tree_overlaps() - does the node overlap [start, end)? */
static inline bool interval_tree_overlaps(const struct interval_tree_node *node,
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

/* NULL for the root. */
static inline struct interval_tree_node *
interval_tree_parent(const struct interval_tree_node *node)
{
	return (struct interval_tree_node *)(node->parent_color &
					     ~INTERVAL_TREE_BLACK);
}

/* The two sides of a node, as an index of @child and @child_end. */
#define INTERVAL_TREE_LEFT  0u
#define INTERVAL_TREE_RIGHT 1u

/**
 * interval_tree_insert() - add a node
 * @node: prepared by interval_tree_node_init(), in no tree
 * @tree: the tree
 *
 * Context: any; under the tree's lock, with no search under way. Time: log n.
 */
void interval_tree_insert(struct interval_tree_node *node,
			  struct interval_tree *tree);

/**
 * interval_tree_remove() - take a node out
 * @node: a member of @tree
 * @tree: the tree
 *
 * Context: any; under the tree's lock, with no search under way. Time: log n at
 *	    worst.
 */
void interval_tree_remove(struct interval_tree_node *node,
			  struct interval_tree *tree);

/**
 * interval_tree_find() - the first node of a subtree that overlaps [start, end)
 * @node: the root of the subtree; may be the nil node
 * @start: first address of the range
 * @end: first address after the range, above @start
 *
 * "First" is by start address.
 *
 * Suppose the left subtree has an interval that ends above @start. Either one there
 * overlaps. Or that interval begins at @end or above, and so does every node to its
 * right. In both cases the search need not look at the right side.
 *
 * Inline: in an mm whose intervals do not overlap the range, this search is most of
 * what the change pays.
 *
 * Context: the tree does not change. Time: log n.
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
 * interval_tree_first() - the first member that overlaps [start, end)
 * @tree: the tree
 * @start: first address of the range
 * @end: first address after the range, above @start
 *
 * At the root it also looks at the right bound, so that a range above all intervals is
 * answered there.
 *
 * Context: the tree does not change. Time: log n.
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
 * interval_tree_next() - the member after @node that overlaps [start, end)
 * @node: a member that overlaps it
 * @start: as given to interval_tree_first()
 * @end: as given to interval_tree_first()
 *
 * Context: the tree has not changed since interval_tree_first(). Time: a walk over k
 *	    results takes log n + k.
 * Return: the node, or NULL if @node was the last.
 */
static inline struct interval_tree_node *
interval_tree_next(struct interval_tree_node *node, unsigned long start,
		   unsigned long end)
{
	struct interval_tree_node *parent;

	/* All later starts lie inside the range or above it: follow the list. */
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

/** interval_tree_for_each() - every member that overlaps [start, end), by start */
#define interval_tree_for_each(node, tree, start, end)           \
	for (node = interval_tree_first(tree, start, end); node; \
	     node = interval_tree_next(node, start, end))

/**
 * interval_tree_lowest() - the member with the smallest start
 * @tree: the tree
 *
 * Context: under the tree's lock. Time: log n.
 * Return: the node, or NULL if the tree is empty.
 */
struct interval_tree_node *interval_tree_lowest(const struct interval_tree *tree);

/**
 * interval_tree_verify() - check every invariant, for tests
 * @tree: the tree
 *
 * Checks links, colours, black heights, the order of starts, and the two bounds of
 * each node against its children.
 *
 * Context: under the tree's lock. Time: n log n.
 * Return: the number of members, or -1 if an invariant is broken.
 */
long interval_tree_verify(const struct interval_tree *tree);

#endif
