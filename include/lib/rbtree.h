/* SPDX-License-Identifier: MIT */
/*
 * <lib/rbtree.h> - an intrusive red-black tree, plain or augmented
 *
 * The tree keeps order and balance; the user keeps the key. Insertion is the
 * user's own descent (or rb_add() with a comparison) followed by
 * rb_insert_color(). Nothing here locks: the owner of the root does.
 *
 * An augmented tree keeps in each node a value computed from the node and its
 * two children (a subtree maximum, the largest gap below, ...). The user gives
 * one function that recomputes that value; the tree calls it wherever the
 * shape below a node has changed. A tree is augmented for its whole life: do
 * not mix rb_insert_color() and rb_insert_augmented() on one root.
 *
 * The interval tree of the notifiers is not built on this file: it is tuned
 * for stabbing queries (mm/notifier/interval_tree.c says how).
 */
#ifndef LIB_RBTREE_H
#define LIB_RBTREE_H

#include <lib/types.h>
#include <lib/compiler.h>

/**
 * struct rb_node - the link a tree member embeds
 * @parent_color: the parent's address; bit 0 set means black
 * @left: child with the smaller keys, or NULL
 * @right: child with the keys not smaller, or NULL
 */
struct rb_node {
	unsigned long parent_color;
	struct rb_node *left;
	struct rb_node *right;
};

/**
 * struct rb_root - a tree
 * @node: the topmost node, NULL when the tree is empty
 */
struct rb_root {
	struct rb_node *node;
};

/**
 * struct rb_root_cached - a tree that knows its first node
 * @root: the tree
 * @leftmost: the node with the smallest key, NULL when empty
 */
struct rb_root_cached {
	struct rb_root root;
	struct rb_node *leftmost;
};

/**
 * struct rb_augment - how an augmented tree keeps its values
 * @update: recompute the value of one node from the node and its children,
 *          whose own values are right; answers whether the value changed
 */
struct rb_augment {
	bool (*update)(struct rb_node *node);
};

/** typedef rb_less_fn - is @a to stand left of @b? */
typedef bool (*rb_less_fn)(const struct rb_node *a, const struct rb_node *b);

#define RB_ROOT          \
	(struct rb_root) \
	{                \
		NULL     \
	}
#define RB_ROOT_CACHED          \
	(struct rb_root_cached) \
	{                       \
		{NULL}, NULL    \
	}

#define rb_entry(ptr, type, member) container_of(ptr, type, member)

static inline bool rb_empty_root(const struct rb_root *root)
{
	return !root->node;
}

static inline struct rb_node *rb_parent(const struct rb_node *node)
{
	return (struct rb_node *)(node->parent_color & ~1ul);
}

/** rb_clear_node() - mark @node as being in no tree */
static inline void rb_clear_node(struct rb_node *node)
{
	node->parent_color = (unsigned long)node;
}

/** rb_empty_node() - has @node been cleared and not been linked since? */
static inline bool rb_empty_node(const struct rb_node *node)
{
	return node->parent_color == (unsigned long)node;
}

struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

/**
 * rb_link_node() - hang @node at an empty link found by a descent
 * @node: the new node
 * @parent: the node that owns @link, NULL when @link is the root's
 * @link: the NULL link that the descent ended at
 *
 * To be followed at once by rb_insert_color() or rb_insert_augmented().
 */
static inline void rb_link_node(struct rb_node *node, struct rb_node *parent,
				struct rb_node **link)
{
	node->parent_color = (unsigned long)parent;
	node->left = NULL;
	node->right = NULL;
	*link = node;
}

void rb_insert_color(struct rb_node *node, struct rb_root *root);
void rb_erase(struct rb_node *node, struct rb_root *root);

/**
 * rb_insert_augmented() - rebalance after rb_link_node(), keeping values
 * @node: the node just linked; its own value need not be set
 * @root: the tree
 * @augment: how values are computed
 */
void rb_insert_augmented(struct rb_node *node, struct rb_root *root,
			 const struct rb_augment *augment);
void rb_erase_augmented(struct rb_node *node, struct rb_root *root,
			const struct rb_augment *augment);

/**
 * rb_propagate() - the key or value of @node itself changed: set it right
 * @node: a member of an augmented tree
 * @augment: how values are computed
 *
 * Walks up while values change. The order of keys must not have changed.
 */
void rb_propagate(struct rb_node *node, const struct rb_augment *augment);

/**
 * rb_replace_node() - put @fresh where @victim stands
 * @victim: a member; out of the tree afterwards
 * @fresh: not a member; must compare as @victim does. In an augmented tree
 *         rb_propagate(@fresh) must follow unless the values are the same.
 */
void rb_replace_node(struct rb_node *victim, struct rb_node *fresh,
		     struct rb_root *root);

/**
 * rb_verify() - check every invariant of a tree, for tests
 * @root: the tree
 * @less: the order, or NULL to leave the order unchecked
 * @augment: how values are computed, or NULL for a plain tree
 *
 * Links, colours, equal black height, order, and that no value would change
 * if it were recomputed. Costs time in the number of nodes.
 *
 * Return: the number of nodes, or -1 if an invariant is broken.
 */
long rb_verify(const struct rb_root *root, rb_less_fn less,
	       const struct rb_augment *augment);

/**
 * rb_add() - insert into a plain tree, after all equals
 *
 * Return: true if @node became the leftmost.
 */
static inline bool rb_add(struct rb_node *node, struct rb_root *root,
			  rb_less_fn less)
{
	struct rb_node **link = &root->node, *parent = NULL;
	bool leftmost = true;

	while (*link) {
		parent = *link;
		if (less(node, parent)) {
			link = &parent->left;
		} else {
			link = &parent->right;
			leftmost = false;
		}
	}
	rb_link_node(node, parent, link);
	rb_insert_color(node, root);
	return leftmost;
}

static inline struct rb_node *rb_first_cached(const struct rb_root_cached *root)
{
	return root->leftmost;
}

static inline void rb_add_cached(struct rb_node *node,
				 struct rb_root_cached *root, rb_less_fn less)
{
	if (rb_add(node, &root->root, less))
		root->leftmost = node;
}

static inline void rb_erase_cached(struct rb_node *node,
				   struct rb_root_cached *root)
{
	if (root->leftmost == node)
		root->leftmost = rb_next(node);
	rb_erase(node, &root->root);
}

#endif
