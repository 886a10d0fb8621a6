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
 * @right: nodes with starts not smaller
 * @left: nodes with smaller starts
 * @left_end: greatest @end in the left subtree, 0 when there is none
 * @start: first address
 * @right_end: greatest @end in the right subtree, 0 when there is none
 * @parent_color: the parent's address, bit 0 set when black
 * @next: the node after this one by start, or the nil node
 * @prev: the node before this one by start, or NULL
 *
 * The fields are the tree's own; read the bounds by interval_tree_start() and
 * interval_tree_last(). The four that a search reads at each step stand first,
 * then the two more that an insertion reads: of 16-byte aligned nodes one in
 * four lies across the end of a cache line for a search.
 */
struct interval_tree_node {
	unsigned long end;
	struct interval_tree_node *right;
	struct interval_tree_node *left;
	unsigned long left_end;
	unsigned long start;
	unsigned long right_end;
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

static __always_inline bool interval_tree_empty(const struct interval_tree *tree)
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

static __always_inline struct interval_tree_node *
interval_tree_parent(const struct interval_tree_node *node)
{
	return (struct interval_tree_node *)(node->parent_color &
					     ~INTERVAL_TREE_BLACK);
}

/**
 * interval_tree_settle() - the rest of an insertion below a red node
 * @node: the new node, red
 * @parent: above it, red
 * @tree: the tree
 *
 * Context: as interval_tree_insert(), which alone calls it.
 */
void interval_tree_settle(struct interval_tree_node *node,
			  struct interval_tree_node *parent,
			  struct interval_tree *tree);

/* @node becomes the left child of @after: it stands just before it. */
static __always_inline void
interval_tree_hang_left(struct interval_tree_node *node,
			struct interval_tree_node *after)
{
	struct interval_tree_node *before = after->prev;

	after->left = node;
	node->next = after;
	node->prev = before;
	after->prev = node;
	if (before)
		before->next = node;
}

/* @node becomes the right child of @before: it stands just behind it. */
static __always_inline void
interval_tree_hang_right(struct interval_tree_node *node,
			 struct interval_tree_node *before)
{
	struct interval_tree_node *after = before->next;

	before->right = node;
	node->next = after;
	node->prev = before;
	before->next = node;
	if (after != INTERVAL_TREE_NIL)
		after->prev = node;
}

/**
 * interval_tree_insert() - add a node
 * @node: prepared by interval_tree_node_init(), in no tree
 * @tree: the tree
 *
 * Inline, since it is most of what inserting a subscription costs.
 *
 * Context: any; the caller's lock keeps others out. Time: log n.
 */
static __always_inline void interval_tree_insert(struct interval_tree_node *node,
						 struct interval_tree *tree)
{
	struct interval_tree_node *walk = tree->root;
	unsigned long start = node->start, end = node->end;

	node->left = INTERVAL_TREE_NIL;
	node->right = INTERVAL_TREE_NIL;
	node->left_end = 0;
	node->right_end = 0;
	if (unlikely(walk == INTERVAL_TREE_NIL)) {
		node->parent_color = INTERVAL_TREE_BLACK;
		node->next = INTERVAL_TREE_NIL;
		node->prev = NULL;
		WRITE_ONCE(tree->root, node);
		return;
	}
	/*
	 * Five instructions a level: each loop ends knowing that the next step
	 * goes the other way, and the load of the child stays where it stands,
	 * or the compiler would carry two registers more through the loop.
	 */
	if (start >= walk->start)
		goto right;
left:
	do {
		if (unlikely(walk->left_end < end)) {
			walk->left_end = end;
			if (walk->left == INTERVAL_TREE_NIL) {
				interval_tree_hang_left(node, walk);
				goto linked;
			}
		}
		walk = READ_ONCE(walk->left);
	} while (start < walk->start);
right:
	do {
		if (unlikely(walk->right_end < end)) {
			walk->right_end = end;
			if (walk->right == INTERVAL_TREE_NIL) {
				interval_tree_hang_right(node, walk);
				goto linked;
			}
		}
		walk = READ_ONCE(walk->right);
	} while (start >= walk->start);
	goto left;
linked:
	node->parent_color = (unsigned long)walk;
	if (!(walk->parent_color & INTERVAL_TREE_BLACK))
		interval_tree_settle(node, walk, tree);
}

/**
 * interval_tree_remove() - take a node out
 * @node: a member of @tree
 * @tree: the tree
 *
 * Context: any; the caller's lock keeps others out. Time: log n at worst.
 * Return: is the tree empty now?
 */
bool interval_tree_remove(struct interval_tree_node *node,
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
static __always_inline struct interval_tree_node *
interval_tree_find(struct interval_tree_node *node, unsigned long start,
		   unsigned long end)
{
	for (;;) {
		while (node->left_end > start)
			node = node->left;
		if (node->end > start)
			return node->start < end ? node : NULL;
		node = node->right;
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
static __always_inline struct interval_tree_node *
interval_tree_first(const struct interval_tree *tree, unsigned long start,
		    unsigned long end)
{
	struct interval_tree_node *node = tree->root;

	if (node->left_end > start)
		return interval_tree_find(node->left, start, end);
	if (node->end > start)
		return node->start < end ? node : NULL;
	if (node->right_end <= start)
		return NULL;
	return interval_tree_find(node->right, start, end);
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
static __always_inline struct interval_tree_node *
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
		if (node->right_end > start)
			return interval_tree_find(node->right, start, end);
		for (;;) {
			parent = interval_tree_parent(node);
			if (!parent)
				return NULL;
			if (parent->left == node)
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
 * interval_tree_contains() - is the node a member? For checks
 * @tree: the tree
 * @node: any node; if it is in no tree its memory may hold anything
 *
 * Time: log n and the members that start where @node does.
 */
bool interval_tree_contains(const struct interval_tree *tree,
			    const struct interval_tree_node *node);

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
