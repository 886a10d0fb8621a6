// SPDX-License-Identifier: MIT
/*
 * mm/rmap/root.c - regions by page offset, and how long the set lasts
 *
 * Problem.  A walk asks for all regions that show one page offset, or a few. Regions
 * overlap freely: after a fork the child's show the same offsets as the parent's.
 *
 * Idea.  A red-black tree by first offset. Each node knows the highest last offset of
 * its subtree, so a search does not enter a subtree that ends too low, and stops at a node
 * that begins too high:
 *
 *	nodes [first, last], highest last in brackets
 *
 *		      [4, 6] (9)
 *		     /          \
 *		[1, 9] (9)	[7, 8] (8)
 *
 *	offset 9: left, since 9 >= 9: found; right: 8 < 9, not entered
 *
 *	field		read with		written with
 *	tree, nodes	the root's lock		the root's lock for writing
 *	refs		atomic			atomic
 *
 * Lifetime.  The set is part of a family or of an object, and its references are theirs.
 * Each region in the tree holds one, by its address space or by itself.
 *
 * Not here: which regions are in a tree (mm/rmap/family.c).
 */
#include <kernel/lock/lockdep.h>
#include <lib/assert.h>
#include <mm/rmap/root.h>

void rmap_root_init(struct rmap_root *root, void (*free)(struct rmap_root *root))
{
	init_rwsem(&root->lock);
	root->tree = RB_ROOT;
	root->free = free;
	atomic_set(&root->refs, 1);
}

void rmap_root_get(struct rmap_root *root)
{
	ASSERT(atomic_read(&root->refs) > 0);
	atomic_inc(&root->refs);
}

void rmap_root_put(struct rmap_root *root)
{
	if (!atomic_dec_and_test(&root->refs))
		return;
	ASSERT(rb_empty_root(&root->tree));
	root->free(root);
}

static struct rmap_node *node_of(const struct rb_node *rb)
{
	return rb_entry(rb, struct rmap_node, rb);
}

static unsigned long subtree_last(const struct rmap_node *node)
{
	unsigned long last = node->last;

	if (node->rb.left)
		last = max(last, node_of(node->rb.left)->subtree_last);
	if (node->rb.right)
		last = max(last, node_of(node->rb.right)->subtree_last);
	return last;
}

static bool update_last(struct rb_node *rb)
{
	struct rmap_node *node = node_of(rb);
	unsigned long last = subtree_last(node);
	bool changed = last != node->subtree_last;

	node->subtree_last = last;
	return changed;
}

static const struct rb_augment by_last = {.update = update_last};

void rmap_insert(struct rmap_root *root, struct rmap_node *node)
{
	struct rb_node **link = &root->tree.node;
	struct rb_node *parent = NULL;

	lockdep_assert_held_write(&root->lock);
	ASSERT(node->first <= node->last);
	while (*link) {
		parent = *link;
		link = node->first < node_of(parent)->first ? &parent->left
							    : &parent->right;
	}
	rb_link_node(&node->rb, parent, link);
	rb_insert_augmented(&node->rb, &root->tree, &by_last);
}

void rmap_remove(struct rmap_root *root, struct rmap_node *node)
{
	lockdep_assert_held_write(&root->lock);
	rb_erase_augmented(&node->rb, &root->tree, &by_last);
}

void rmap_move_last(struct rmap_node *node, unsigned long last)
{
	ASSERT(node->first <= last);
	node->last = last;
	rb_propagate(&node->rb, &by_last);
}

/*
 * The first of a subtree. If anything on the left ends high enough, the answer is there
 * or nowhere: a node there that begins above @last has all of the right side above it.
 */
static struct rmap_node *first_below(struct rb_node *rb, unsigned long first,
				     unsigned long last)
{
	while (rb) {
		struct rmap_node *node = node_of(rb);

		if (rb->left && node_of(rb->left)->subtree_last >= first) {
			rb = rb->left;
			continue;
		}
		if (node->first > last)
			return NULL;
		if (node->last >= first)
			return node;
		rb = rb->right;
	}
	return NULL;
}

struct rmap_node *rmap_first(const struct rmap_root *root, unsigned long first,
			     unsigned long last)
{
	lockdep_assert_held(&root->lock);
	ASSERT(first <= last);
	return first_below(root->tree.node, first, last);
}

struct rmap_node *rmap_next(struct rmap_node *node, unsigned long first,
			    unsigned long last)
{
	struct rb_node *rb = &node->rb;

	if (rb->right && node_of(rb->right)->subtree_last >= first)
		return first_below(rb->right, first, last);
	for (;;) {
		struct rb_node *parent = rb_parent(rb);

		if (!parent)
			return NULL;
		if (parent->left == rb) {
			node = node_of(parent);
			if (node->first > last)
				return NULL;
			if (node->last >= first)
				return node;
			if (parent->right &&
			    node_of(parent->right)->subtree_last >= first)
				return first_below(parent->right, first, last);
		}
		rb = parent;
	}
}

static bool node_less(const struct rb_node *a, const struct rb_node *b)
{
	return node_of(a)->first < node_of(b)->first;
}

long rmap_verify(const struct rmap_root *root)
{
	struct rb_node *rb;

	lockdep_assert_held(&root->lock);
	for (rb = rb_first(&root->tree); rb; rb = rb_next(rb)) {
		if (node_of(rb)->first > node_of(rb)->last)
			return -1;
	}
	return rb_verify(&root->tree, node_less, &by_last);
}
