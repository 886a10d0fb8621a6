// SPDX-License-Identifier: MIT
/*
 * mm/interval_tree.c - who watches these addresses? Answered in log n
 *
 * Problem.  Every change of a mapping asks which of up to a million intervals
 * it touches, and the answer is mostly "one" or "none". That question is the
 * price of a fault or an munmap, so what counts is how many instructions one
 * level of the search takes.
 *
 * Idea.  A red-black tree ordered by start. Each node keeps, for its left and
 * for its right subtree, where the interval that reaches farthest ends. That
 * the bounds of the children stand in the parent (rather than one maximum in
 * each node) is what makes the search short:
 *
 *	step		taken when			instructions
 *	left		left_end > start		3
 *	stop		end > start			2, and one compare more
 *	right		neither				5
 *
 * Stop needs no second test on the way: an interval that ends at or before
 * the wanted start also begins before the wanted end. A missing child has the
 * bound 0, below every start, so it is never stepped on to the left; to the
 * right stands one shared nil node that ends behind everything, where the
 * search stops by itself and finds that it begins behind everything too. The
 * insertion's descent profits likewise: a bound that is already large enough
 * proves that the child is there.
 *
 * All members also stand in a list by start. Once a walk has come to a start
 * that lies inside the range, every later one does until the first that lies
 * behind it, so the rest of the walk needs neither tree nor bounds.
 *
 * docs/adr/0009-bounds-of-the-children-in-the-parent.md has the figures, and what
 * it was compared to.
 *
 * What must hold after each step (interval_tree_verify()):
 *
 *	order		start of left <= start <= start of right
 *	next, prev	the order again, as a list
 *	left_end	max over the left subtree of end, 0 without one
 *	right_end	likewise for the right
 *	links, colours, black heights: as in kernel/rbtree.c
 *
 * An end is the first address behind the interval, and ULONG_MAX where there is
 * none; both compare right against any range [start, end) that can be asked for.
 *
 * Locks: none; the owner of the tree has them. Lifetime: a node belongs to its
 * user before insert and after remove. Not here: who is called, and when the
 * tree may change (mm/mmu_notifier.c).
 */
#include <mm/notifier/interval_tree.h>

#define BLACK INTERVAL_TREE_BLACK
#define NIL   INTERVAL_TREE_NIL

const struct interval_tree_node interval_tree_nil = {
	.start = ~0ul,
	.end = ~0ul,
	.left = NIL,
	.right = NIL,
	.parent_color = BLACK,
	.next = NIL,
};

static __always_inline bool is_red(const struct interval_tree_node *node)
{
	return !(node->parent_color & BLACK);
}

static __always_inline void set_black(struct interval_tree_node *node)
{
	node->parent_color |= BLACK;
}

static __always_inline void set_red(struct interval_tree_node *node)
{
	node->parent_color &= ~BLACK;
}

/* The nil node is constant: whoever may meet it asks first. */
static __always_inline void set_parent(struct interval_tree_node *node,
				       struct interval_tree_node *parent)
{
	node->parent_color = (unsigned long)parent | (node->parent_color & BLACK);
}

static __always_inline unsigned long
subtree_end(const struct interval_tree_node *node)
{
	unsigned long end = node->end;

	if (end < node->left_end)
		end = node->left_end;
	if (end < node->right_end)
		end = node->right_end;
	return end;
}

static __always_inline void replace_child(struct interval_tree *tree,
					  struct interval_tree_node *parent,
					  struct interval_tree_node *from,
					  struct interval_tree_node *to)
{
	if (!parent)
		WRITE_ONCE(tree->root, to);
	else if (parent->left == from)
		parent->left = to;
	else
		parent->right = to;
}

/*
 * @top goes down to the left, its right child comes up. What the pair covers
 * together is the same, so the bound in the parent stays.
 */
static __always_inline void rotate_left(struct interval_tree *tree,
					struct interval_tree_node *top)
{
	struct interval_tree_node *up = top->right;
	struct interval_tree_node *inner = up->left;
	struct interval_tree_node *parent = interval_tree_parent(top);

	top->right = inner;
	top->right_end = up->left_end;
	if (inner != NIL)
		set_parent(inner, top);
	up->left = top;
	up->left_end = subtree_end(top);
	set_parent(top, up);
	set_parent(up, parent);
	replace_child(tree, parent, top, up);
}

static __always_inline void rotate_right(struct interval_tree *tree,
					 struct interval_tree_node *top)
{
	struct interval_tree_node *up = top->left;
	struct interval_tree_node *inner = up->right;
	struct interval_tree_node *parent = interval_tree_parent(top);

	top->left = inner;
	top->left_end = up->right_end;
	if (inner != NIL)
		set_parent(inner, top);
	up->right = top;
	up->right_end = subtree_end(top);
	set_parent(top, up);
	set_parent(up, parent);
	replace_child(tree, parent, top, up);
}

static __always_inline struct interval_tree_node *
black_parent(const struct interval_tree_node *node)
{
	return (struct interval_tree_node *)(node->parent_color - BLACK);
}

static __always_inline struct interval_tree_node *
red_parent(const struct interval_tree_node *node)
{
	return (struct interval_tree_node *)node->parent_color;
}

/* What hung below a red node is black, or nothing. */
static __always_inline void hang_black(struct interval_tree_node *node,
				       struct interval_tree_node *parent)
{
	if (node != NIL)
		node->parent_color = (unsigned long)parent | BLACK;
}

/* @top takes the place and the colour of the black @grand, which was settled. */
static __always_inline void take_place(struct interval_tree *tree,
				       struct interval_tree_node *grand,
				       struct interval_tree_node *top)
{
	struct interval_tree_node *above = black_parent(grand);

	top->parent_color = grand->parent_color;
	grand->parent_color = (unsigned long)top;
	replace_child(tree, above, grand, top);
}

/*
 *	    G		    P			    G		      N
 *	   / .	=>	   / .			   / .	  =>	    /   .
 *	  P   u		  N   G			  P   u		   P     G
 *	 / .		     / .		 / .		  / .   / .
 *	N   i		    i   u		x   N		 x   y z   u
 *						   / .
 *						  y   z
 *
 * G is black, P and N are red, the rest is black: no colour has to be read.
 */
static __always_inline void settle_left(struct interval_tree *tree,
					struct interval_tree_node *node,
					struct interval_tree_node *parent,
					struct interval_tree_node *grand)
{
	struct interval_tree_node *inner = parent->right;

	if (inner != node) {
		grand->left = inner;
		grand->left_end = parent->right_end;
		hang_black(inner, grand);
		parent->right = grand;
		parent->right_end = subtree_end(grand);
		take_place(tree, grand, parent);
		return;
	}
	parent->right = node->left;
	parent->right_end = node->left_end;
	hang_black(parent->right, parent);
	grand->left = node->right;
	grand->left_end = node->right_end;
	hang_black(grand->left, grand);
	node->left = parent;
	node->left_end = subtree_end(parent);
	node->right = grand;
	node->right_end = subtree_end(grand);
	parent->parent_color = (unsigned long)node;
	take_place(tree, grand, node);
}

/* The same, seen in the mirror. */
static __always_inline void settle_right(struct interval_tree *tree,
					 struct interval_tree_node *node,
					 struct interval_tree_node *parent,
					 struct interval_tree_node *grand)
{
	struct interval_tree_node *inner = parent->left;

	if (inner != node) {
		grand->right = inner;
		grand->right_end = parent->left_end;
		hang_black(inner, grand);
		parent->left = grand;
		parent->left_end = subtree_end(grand);
		take_place(tree, grand, parent);
		return;
	}
	parent->left = node->right;
	parent->left_end = node->right_end;
	hang_black(parent->left, parent);
	grand->right = node->left;
	grand->right_end = node->left_end;
	hang_black(grand->right, grand);
	node->right = parent;
	node->right_end = subtree_end(parent);
	node->left = grand;
	node->left_end = subtree_end(grand);
	parent->parent_color = (unsigned long)node;
	take_place(tree, grand, node);
}

/* The root is black, so there is always somebody above a red one. */
void interval_tree_settle(struct interval_tree_node *node,
			  struct interval_tree_node *parent,
			  struct interval_tree *tree)
{
	struct interval_tree_node *grand, *uncle;

	do {
		grand = red_parent(parent);
		uncle = grand->left;
		if (uncle == parent) {
			uncle = grand->right;
			if (!is_red(uncle)) {
				settle_left(tree, node, parent, grand);
				return;
			}
		} else if (!is_red(uncle)) {
			settle_right(tree, node, parent, grand);
			return;
		}
		uncle->parent_color = (unsigned long)grand | BLACK;
		parent->parent_color = (unsigned long)grand | BLACK;
		node = grand;
		parent = black_parent(node);
		if (!parent)
			return;
		node->parent_color = (unsigned long)parent;
	} while (is_red(parent));
}

static __always_inline void unthread(struct interval_tree_node *node)
{
	if (node->prev)
		node->prev->next = node->next;
	if (node->next != NIL)
		node->next->prev = node->prev;
}

/* @node, a child of @parent on the side that is short of one black. */
static noinline void rebalance_remove(struct interval_tree_node *node,
				      struct interval_tree_node *parent,
				      struct interval_tree *tree)
{
	struct interval_tree_node *sibling;

	while (parent && !is_red(node)) {
		if (parent->left == node) {
			sibling = parent->right;
			if (is_red(sibling)) {
				set_black(sibling);
				set_red(parent);
				rotate_left(tree, parent);
				sibling = parent->right;
			}
			if (!is_red(sibling->right)) {
				if (!is_red(sibling->left)) {
					set_red(sibling);
					node = parent;
					parent = interval_tree_parent(node);
					continue;
				}
				set_black(sibling->left);
				set_red(sibling);
				rotate_right(tree, sibling);
				sibling = parent->right;
			}
			if (is_red(parent))
				set_red(sibling);
			else
				set_black(sibling);
			set_black(parent);
			set_black(sibling->right);
			rotate_left(tree, parent);
			return;
		}
		sibling = parent->left;
		if (is_red(sibling)) {
			set_black(sibling);
			set_red(parent);
			rotate_right(tree, parent);
			sibling = parent->left;
		}
		if (!is_red(sibling->left)) {
			if (!is_red(sibling->right)) {
				set_red(sibling);
				node = parent;
				parent = interval_tree_parent(node);
				continue;
			}
			set_black(sibling->right);
			set_red(sibling);
			rotate_left(tree, sibling);
			sibling = parent->left;
		}
		if (is_red(parent))
			set_red(sibling);
		else
			set_black(sibling);
		set_black(parent);
		set_black(sibling->left);
		rotate_right(tree, parent);
		return;
	}
	if (node != NIL)
		set_black(node);
}

/*
 * The subtree at @child of @parent changed and now reaches to @end: put that
 * right in the ancestors. Where a bound is right already, all above are
 * too.
 */
static __always_inline void lower_bounds(struct interval_tree_node *child,
					 struct interval_tree_node *parent,
					 unsigned long end)
{
	while (parent) {
		if (parent->left == child) {
			if (parent->left_end == end)
				return;
			parent->left_end = end;
		} else {
			if (parent->right_end == end)
				return;
			parent->right_end = end;
		}
		child = parent;
		parent = interval_tree_parent(child);
		end = subtree_end(child);
	}
}

/* @node has two children: the next node in order takes its place. */
static noinline void remove_inner(struct interval_tree_node *node,
				  struct interval_tree *tree)
{
	struct interval_tree_node *heir = node->right, *child, *parent;
	struct interval_tree_node *above = interval_tree_parent(node);
	bool heir_was_red;

	while (heir->left != NIL)
		heir = heir->left;
	child = heir->right;
	heir_was_red = is_red(heir);
	parent = interval_tree_parent(heir);
	if (parent == node) {
		parent = heir;
	} else {
		parent->left = child;
		if (child != NIL)
			set_parent(child, parent);
		/*
		 * Everything between the heir's old place and its new one
		 * loses the heir; what the child reaches takes its part.
		 */
		parent->left_end = heir->right_end;
		heir->right = node->right;
		set_parent(heir->right, heir);
		for (child = parent; child != heir->right;
		     child = interval_tree_parent(child))
			interval_tree_parent(child)->left_end =
				subtree_end(child);
		heir->right_end = subtree_end(child);
		child = parent->left;
	}
	heir->left = node->left;
	heir->left_end = node->left_end;
	set_parent(heir->left, heir);
	heir->parent_color = node->parent_color;
	replace_child(tree, above, node, heir);
	lower_bounds(heir, above, subtree_end(heir));
	if (!heir_was_red)
		rebalance_remove(child, parent, tree);
}

bool interval_tree_remove(struct interval_tree_node *node,
			  struct interval_tree *tree)
{
	struct interval_tree_node *child, *parent;

	unthread(node);
	if (node->left != NIL) {
		if (node->right != NIL) {
			remove_inner(node, tree);
			return false;
		}
		child = node->left;
	} else {
		child = node->right;
	}
	/* An only child is red and a leaf, by the equal black heights. */
	parent = interval_tree_parent(node);
	if (child != NIL) {
		child->parent_color = (unsigned long)parent | BLACK;
		replace_child(tree, parent, node, child);
		lower_bounds(child, parent, child->end);
		return false;
	}
	if (!parent) {
		WRITE_ONCE(tree->root, NIL);
		return true;
	}
	if (parent->left == node) {
		parent->left = NIL;
		parent->left_end = 0;
	} else {
		parent->right = NIL;
		parent->right_end = 0;
	}
	if (interval_tree_parent(parent))
		lower_bounds(parent, interval_tree_parent(parent),
			     subtree_end(parent));
	if (!is_red(node))
		rebalance_remove(NIL, parent, tree);
	return false;
}

struct interval_tree_node *interval_tree_lowest(const struct interval_tree *tree)
{
	struct interval_tree_node *node = tree->root;

	if (node == NIL)
		return NULL;
	while (node->left != NIL)
		node = node->left;
	return node;
}

/* By value only: a node in no tree may have any links. */
bool interval_tree_contains(const struct interval_tree *tree,
			    const struct interval_tree_node *node)
{
	struct interval_tree_node *walk = tree->root, *first = NIL;

	while (walk != NIL) {
		if (walk->start < node->start) {
			walk = walk->right;
		} else {
			first = walk;
			walk = walk->left;
		}
	}
	while (first != NIL && first != node && first->start == node->start)
		first = first->next;
	return first == node;
}

/* By the links of the tree alone: the list is checked against it. */
static struct interval_tree_node *in_order_next(struct interval_tree_node *node)
{
	struct interval_tree_node *parent;

	if (node->right != NIL) {
		for (node = node->right; node->left != NIL;)
			node = node->left;
		return node;
	}
	while ((parent = interval_tree_parent(node)) && parent->right == node)
		node = parent;
	return parent;
}

static int black_depth(const struct interval_tree_node *node)
{
	int depth = 0;

	for (; node; node = interval_tree_parent(node))
		depth += !is_red(node);
	return depth;
}

static bool child_right(const struct interval_tree_node *node,
			const struct interval_tree_node *child,
			unsigned long bound)
{
	if (child == NIL)
		return bound == 0;
	return interval_tree_parent(child) == node &&
	       bound == subtree_end(child) && !(is_red(node) && is_red(child));
}

long interval_tree_verify(const struct interval_tree *tree)
{
	struct interval_tree_node *node, *prev = NULL;
	int height = -1;
	long count = 0;

	if (tree->root != NIL &&
	    (interval_tree_parent(tree->root) || is_red(tree->root)))
		return -1;
	for (node = interval_tree_lowest(tree); node;
	     prev = node, node = in_order_next(node)) {
		count++;
		if (!child_right(node, node->left, node->left_end) ||
		    !child_right(node, node->right, node->right_end))
			return -1;
		if (node->end <= node->start)
			return -1;
		if (node->prev != prev || (prev && prev->next != node))
			return -1;
		if (prev && prev->start > node->start)
			return -1;
		if (node->left != NIL && node->right != NIL)
			continue;
		if (height < 0)
			height = black_depth(node);
		else if (height != black_depth(node))
			return -1;
	}
	return prev && prev->next != NIL ? -1 : count;
}
