// SPDX-License-Identifier: MIT
/*
 * lib/rbtree.c - red-black trees, plain and augmented
 *
 * Problem.  VMAs, timers and others want an ordered set whose every operation
 * costs log n at worst, without allocating, and some of them want a value per
 * subtree (a gap, a maximum) kept beside it.
 *
 * Idea.  A binary tree whose nodes are red or black under two rules: a red
 * node has no red child, and every path from a node down to a missing child
 * meets the same number of black nodes. The longest path is then at most
 * twice the shortest. One body serves both kinds of tree; the augment argument
 * of a plain one is NULL.
 *
 * Invariants, after each step:
 *
 *	link		node->left and node->right point back by rb_parent()
 *	red		a red node's parent is black; the root is black
 *	black height	equal on both sides of every node
 *	value		update(node) would change nothing (augmented)
 *
 * A rotation changes which nodes lie below the two it turns, and below no
 * other: the one that came out on top covers just what the old top covered.
 * So two updates, lower one first, keep all values right.
 *
 * Locks: none here; the owner of the root holds its own. Lifetime: a node
 * belongs to the user before insert and after erase. Not here: keys, finding,
 * lock-free readers.
 */
#include <lib/rbtree.h>

#define RB_BLACK 1ul

static bool is_red(const struct rb_node *node)
{
	return node && !(node->parent_color & RB_BLACK);
}

static void set_black(struct rb_node *node)
{
	node->parent_color |= RB_BLACK;
}

static void set_red(struct rb_node *node)
{
	node->parent_color &= ~RB_BLACK;
}

static void set_parent(struct rb_node *node, struct rb_node *parent)
{
	node->parent_color =
		(unsigned long)parent | (node->parent_color & RB_BLACK);
}

static void replace_child(struct rb_root *root, struct rb_node *parent,
			  struct rb_node *from, struct rb_node *to)
{
	if (!parent)
		root->node = to;
	else if (parent->left == from)
		parent->left = to;
	else
		parent->right = to;
}

/* @top goes down to the left, its right child comes up in its place. */
static void rotate_left(struct rb_root *root, struct rb_node *top,
			const struct rb_augment *augment)
{
	struct rb_node *up = top->right;
	struct rb_node *parent = rb_parent(top);

	top->right = up->left;
	if (up->left)
		set_parent(up->left, top);
	up->left = top;
	set_parent(top, up);
	set_parent(up, parent);
	replace_child(root, parent, top, up);
	if (augment) {
		augment->update(top);
		augment->update(up);
	}
}

static void rotate_right(struct rb_root *root, struct rb_node *top,
			 const struct rb_augment *augment)
{
	struct rb_node *up = top->left;
	struct rb_node *parent = rb_parent(top);

	top->left = up->right;
	if (up->right)
		set_parent(up->right, top);
	up->right = top;
	set_parent(top, up);
	set_parent(up, parent);
	replace_child(root, parent, top, up);
	if (augment) {
		augment->update(top);
		augment->update(up);
	}
}

/*
 * @node is red and may have a red parent; all else holds. A red uncle lets
 * the redness move two levels up; otherwise at most two rotations end it.
 */
static void rebalance_insert(struct rb_node *node, struct rb_root *root,
			     const struct rb_augment *augment)
{
	struct rb_node *parent, *grand, *uncle;

	while (is_red(parent = rb_parent(node))) {
		grand = rb_parent(parent);
		uncle = grand->left == parent ? grand->right : grand->left;
		if (is_red(uncle)) {
			set_black(parent);
			set_black(uncle);
			set_red(grand);
			node = grand;
			continue;
		}
		if (grand->left == parent) {
			if (parent->right == node) {
				rotate_left(root, parent, augment);
				parent = node;
			}
			rotate_right(root, grand, augment);
		} else {
			if (parent->left == node) {
				rotate_right(root, parent, augment);
				parent = node;
			}
			rotate_left(root, grand, augment);
		}
		set_black(parent);
		set_red(grand);
		break;
	}
	set_black(root->node);
}

/*
 * The subtree at one link of @parent (@node, perhaps NULL) is one black node
 * short. Borrow from the sibling if it can spare one, else make the sibling
 * red too and pass the shortage up.
 */
static void rebalance_erase(struct rb_node *node, struct rb_node *parent,
			    struct rb_root *root,
			    const struct rb_augment *augment)
{
	struct rb_node *sibling;

	while (parent && !is_red(node)) {
		if (parent->left == node) {
			sibling = parent->right;
			if (is_red(sibling)) {
				set_black(sibling);
				set_red(parent);
				rotate_left(root, parent, augment);
				sibling = parent->right;
			}
			if (!is_red(sibling->left) && !is_red(sibling->right)) {
				set_red(sibling);
				node = parent;
				parent = rb_parent(node);
				continue;
			}
			if (!is_red(sibling->right)) {
				set_black(sibling->left);
				set_red(sibling);
				rotate_right(root, sibling, augment);
				sibling = parent->right;
			}
			if (is_red(parent))
				set_red(sibling);
			else
				set_black(sibling);
			set_black(parent);
			set_black(sibling->right);
			rotate_left(root, parent, augment);
			return;
		}
		sibling = parent->left;
		if (is_red(sibling)) {
			set_black(sibling);
			set_red(parent);
			rotate_right(root, parent, augment);
			sibling = parent->left;
		}
		if (!is_red(sibling->left) && !is_red(sibling->right)) {
			set_red(sibling);
			node = parent;
			parent = rb_parent(node);
			continue;
		}
		if (!is_red(sibling->left)) {
			set_black(sibling->right);
			set_red(sibling);
			rotate_left(root, sibling, augment);
			sibling = parent->left;
		}
		if (is_red(parent))
			set_red(sibling);
		else
			set_black(sibling);
		set_black(parent);
		set_black(sibling->left);
		rotate_right(root, parent, augment);
		return;
	}
	if (node)
		set_black(node);
}

/*
 * A node has left below @parent, and @heir, if there is one, has come to another place. So
 * the node above @heir may be wrong even where @heir says what it said at its old place.
 */
static void update_erased(struct rb_node *parent, struct rb_node *heir,
			  const struct rb_augment *augment)
{
	if (parent)
		rb_propagate(parent, augment);
	if (!heir)
		return;
	augment->update(heir);
	if (rb_parent(heir))
		rb_propagate(rb_parent(heir), augment);
}

static void erase_node(struct rb_node *node, struct rb_root *root,
		       const struct rb_augment *augment)
{
	struct rb_node *child, *parent;
	struct rb_node *heir = NULL;
	bool short_one;

	if (!node->left || !node->right) {
		child = node->left ? node->left : node->right;
		parent = rb_parent(node);
		short_one = !is_red(node);
		if (child)
			set_parent(child, parent);
		replace_child(root, parent, node, child);
	} else {
		/* The next node in order has no left child: it moves here. */
		heir = node->right;
		while (heir->left)
			heir = heir->left;
		child = heir->right;
		parent = rb_parent(heir);
		short_one = !is_red(heir);
		if (parent == node) {
			parent = heir;
		} else {
			parent->left = child;
			if (child)
				set_parent(child, parent);
			heir->right = node->right;
			set_parent(heir->right, heir);
		}
		heir->left = node->left;
		set_parent(heir->left, heir);
		heir->parent_color = node->parent_color;
		replace_child(root, rb_parent(node), node, heir);
	}
	if (augment)
		update_erased(parent, heir, augment);
	if (short_one)
		rebalance_erase(child, parent, root, augment);
}

void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	rebalance_insert(node, root, NULL);
}

void rb_insert_augmented(struct rb_node *node, struct rb_root *root,
			 const struct rb_augment *augment)
{
	augment->update(node);
	if (rb_parent(node))
		rb_propagate(rb_parent(node), augment);
	rebalance_insert(node, root, augment);
}

void rb_erase(struct rb_node *node, struct rb_root *root)
{
	erase_node(node, root, NULL);
}

void rb_erase_augmented(struct rb_node *node, struct rb_root *root,
			const struct rb_augment *augment)
{
	erase_node(node, root, augment);
}

void rb_propagate(struct rb_node *node, const struct rb_augment *augment)
{
	while (node && augment->update(node))
		node = rb_parent(node);
}

void rb_replace_node(struct rb_node *victim, struct rb_node *fresh,
		     struct rb_root *root)
{
	*fresh = *victim;
	if (fresh->left)
		set_parent(fresh->left, fresh);
	if (fresh->right)
		set_parent(fresh->right, fresh);
	replace_child(root, rb_parent(victim), victim, fresh);
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *node = root->node;

	while (node && node->left)
		node = node->left;
	return node;
}

struct rb_node *rb_last(const struct rb_root *root)
{
	struct rb_node *node = root->node;

	while (node && node->right)
		node = node->right;
	return node;
}

struct rb_node *rb_next(const struct rb_node *node)
{
	struct rb_node *parent;

	if (node->right) {
		for (parent = node->right; parent->left;)
			parent = parent->left;
		return parent;
	}
	while ((parent = rb_parent(node)) && parent->right == node)
		node = parent;
	return parent;
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	struct rb_node *parent;

	if (node->left) {
		for (parent = node->left; parent->right;)
			parent = parent->right;
		return parent;
	}
	while ((parent = rb_parent(node)) && parent->left == node)
		node = parent;
	return parent;
}

/* Black nodes from @node up to the root. */
static int black_depth(const struct rb_node *node)
{
	int depth = 0;

	for (; node; node = rb_parent(node))
		depth += !is_red(node);
	return depth;
}

long rb_verify(const struct rb_root *root, rb_less_fn less,
	       const struct rb_augment *augment)
{
	struct rb_node *node, *prev = NULL;
	int height = -1;
	long count = 0;

	if (root->node && (rb_parent(root->node) || is_red(root->node)))
		return -1;
	for (node = rb_first(root); node; prev = node, node = rb_next(node)) {
		count++;
		if (node->left && rb_parent(node->left) != node)
			return -1;
		if (node->right && rb_parent(node->right) != node)
			return -1;
		if (is_red(node) && (is_red(node->left) || is_red(node->right)))
			return -1;
		if (less && prev && less(node, prev))
			return -1;
		if (augment && augment->update(node))
			return -1;
		if (node->left && node->right)
			continue;
		if (height < 0)
			height = black_depth(node);
		else if (height != black_depth(node))
			return -1;
	}
	return count;
}
