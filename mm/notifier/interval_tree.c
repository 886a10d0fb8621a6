// SPDX-License-Identifier: MIT
/*
 * mm/notifier/interval_tree.c - which intervals overlap a range? Found in log n
 *
 * Problem.  Every change of a mapping looks for the intervals that it overlaps, out of
 * up to a million. Mostly there is one or none. That search is most of the cost of an
 * invalidation, so its steps must be few and short.
 *
 * Idea.  A red-black tree ordered by start. Each node keeps, for each of its two
 * children, the greatest end in that child's subtree: its bound. The bounds of the
 * children stand in the parent, so a search never loads a node only to leave it again:
 *
 *	step		taken when
 *	left		child_end[LEFT] > start
 *	stop		end > start
 *	right		neither
 *
 * On the way down only ends are compared. Whether the node where the search stops
 * begins before the wanted end is tested once, after the descent. A missing left child
 * has the bound 0, so the search never steps on it. In place of a missing right child
 * stands one shared nil node, which ends above every other interval, so the search stops
 * there by itself. The descent of an insertion uses the bounds too: a bound that is large
 * enough proves that the child is there.
 *
 * All members also stand in a list by start. Once a walk has come to a start inside the
 * range, every later member overlaps it, until the first that begins at its end or above.
 * So the rest of the walk needs neither tree nor bounds.
 *
 * Left and right are an index, so that each operation is written once; its mirror image
 * is the other index.
 *
 * After each step these hold (interval_tree_verify()):
 *
 *	order		start of left <= start <= start of right
 *	next, prev	the order again, as a list
 *	child_end[]	the greatest end in that subtree, 0 if it is empty
 *	links		the parent of each child is this node
 *	colours		the root is black; a red node has no red child
 *	black heights	every path down has the same number of black nodes
 *
 * An end is the first address after the interval, or ULONG_MAX where there is none. Both
 * compare correctly with any range [start, end).
 *
 * Why not lib/rbtree.c?  Its nodes end in NULL and keep one value for their own subtree.
 * A search would then test for a missing child at each level, and load a child to learn
 * its bound: 3 to 5 instructions more for each level, which at a million intervals
 * misses the goal for a range that overlaps nothing
 * (docs/adr/0009-bounds-of-the-children-in-the-parent.md). The removal cannot be shared
 * either. There, a rotation calls the owner to compute two values again from two nodes.
 * Here it moves a bound from child to parent, and an heir takes over the bounds of the
 * place that it moves to. An rbtree.c with a nil node and a callback for moved bounds
 * would be harder to read than the two files are, and one more file to lift.
 *
 * Locks: none; the owner of the tree has them. Lifetime: a node belongs to its user
 * before insert and after remove. Not here: which callbacks run, and when the tree may
 * change (mm/notifier/interval.c).
 */
#include <mm/notifier/interval_tree.h>

#define BLACK INTERVAL_TREE_BLACK
#define NIL   INTERVAL_TREE_NIL
#define LEFT  INTERVAL_TREE_LEFT
#define RIGHT INTERVAL_TREE_RIGHT

const struct interval_tree_node interval_tree_nil = {
	.start = ~0ul,
	.end = ~0ul,
	.child = {NIL, NIL},
	.parent_color = BLACK,
	.next = NIL,
};

static void balance_insertion(struct interval_tree_node *node,
			      struct interval_tree_node *parent,
			      struct interval_tree *tree);
static void exchange_with_heir(struct interval_tree_node *node,
			       struct interval_tree *tree);
static void balance_removal(struct interval_tree_node *parent,
			    unsigned int side, struct interval_tree *tree);

/* --- nodes and links ------------------------------------------------------ */

static bool is_red(const struct interval_tree_node *node)
{
	return !(node->parent_color & BLACK);
}

static void set_black(struct interval_tree_node *node)
{
	node->parent_color |= BLACK;
}

static void set_red(struct interval_tree_node *node)
{
	node->parent_color &= ~BLACK;
}

/* The colour stays. The nil node is constant and has no parent. */
static void set_parent(struct interval_tree_node *node,
		       struct interval_tree_node *parent)
{
	if (node != NIL)
		node->parent_color =
			(unsigned long)parent | (node->parent_color & BLACK);
}

static unsigned int side_of(const struct interval_tree_node *node,
			    const struct interval_tree_node *parent)
{
	return parent->child[RIGHT] == node ? RIGHT : LEFT;
}

static unsigned long subtree_end(const struct interval_tree_node *node)
{
	unsigned long end = node->end;

	if (end < node->child_end[LEFT])
		end = node->child_end[LEFT];
	if (end < node->child_end[RIGHT])
		end = node->child_end[RIGHT];
	return end;
}

/* @to takes the place of @from below @parent, or as the root. */
static void replace_child(struct interval_tree *tree,
			  struct interval_tree_node *parent,
			  struct interval_tree_node *from,
			  struct interval_tree_node *to)
{
	if (parent)
		parent->child[side_of(from, parent)] = to;
	else
		WRITE_ONCE(tree->root, to);
}

/*
 * @top goes down to @side; its child on the other side comes up. Both together
 * cover what they covered before, so the bound in their parent stays.
 *
 *	   top			     up
 *	  /   .		=>	    /  .
 *	 a     up		  top   c
 *	      /  .		 /   .
 *	  inner   c		a     inner		(@side is left)
 */
static void rotate(struct interval_tree *tree, struct interval_tree_node *top,
		   unsigned int side)
{
	struct interval_tree_node *up = top->child[!side];
	struct interval_tree_node *parent = interval_tree_parent(top);

	top->child[!side] = up->child[side];
	top->child_end[!side] = up->child_end[side];
	set_parent(top->child[!side], top);
	replace_child(tree, parent, top, up);
	set_parent(up, parent);
	up->child[side] = top;
	up->child_end[side] = subtree_end(top);
	set_parent(top, up);
}

/* --- insert --------------------------------------------------------------- */

/*
 * Put @node, the new child of @parent on @side, into the list: it is the neighbour of
 * @parent there.
 */
static void thread(struct interval_tree_node *node,
		   struct interval_tree_node *parent, unsigned int side)
{
	node->prev = side == LEFT ? parent->prev : parent;
	node->next = side == LEFT ? parent : parent->next;
	if (node->prev)
		node->prev->next = node;
	if (node->next != NIL)
		node->next->prev = node;
}

void interval_tree_insert(struct interval_tree_node *node,
			  struct interval_tree *tree)
{
	unsigned long start = node->start, end = node->end;
	struct interval_tree_node *parent = tree->root;
	unsigned int side;

	node->child[LEFT] = NIL;
	node->child[RIGHT] = NIL;
	node->child_end[LEFT] = 0;
	node->child_end[RIGHT] = 0;
	if (parent == NIL) {
		node->parent_color = BLACK;
		node->next = NIL;
		node->prev = NULL;
		WRITE_ONCE(tree->root, node);
		return;
	}
	for (;;) {
		side = start >= parent->start;
		if (parent->child_end[side] < end) {
			parent->child_end[side] = end;
			/* A bound that was large enough proves a child. */
			if (parent->child[side] == NIL)
				break;
		}
		parent = parent->child[side];
	}
	parent->child[side] = node;
	node->parent_color = (unsigned long)parent;
	thread(node, parent, side);
	if (is_red(parent))
		balance_insertion(node, parent, tree);
}

/*
 * @node and @parent are both red. The root is black, so @parent is not the root and has
 * a parent. Not inlined: most insertions need no balancing.
 */
static noinline void balance_insertion(struct interval_tree_node *node,
				       struct interval_tree_node *parent,
				       struct interval_tree *tree)
{
	struct interval_tree_node *grand, *uncle;
	unsigned int side;

	for (;;) {
		grand = interval_tree_parent(parent);
		side = side_of(parent, grand);
		uncle = grand->child[!side];
		if (!is_red(uncle))
			break;
		/* Red moves up two levels, and may have a red parent there. */
		set_black(uncle);
		set_black(parent);
		node = grand;
		parent = interval_tree_parent(node);
		if (!parent)
			return;
		set_red(node);
		if (!is_red(parent))
			return;
	}
	if (parent->child[side] != node) {
		rotate(tree, parent, side);
		parent = node;
	}
	set_black(parent);
	set_red(grand);
	rotate(tree, grand, !side);
}

/* --- remove --------------------------------------------------------------- */

static void unthread(struct interval_tree_node *node)
{
	if (node->prev)
		node->prev->next = node->next;
	if (node->next != NIL)
		node->next->prev = node->prev;
}

/*
 * The subtree of @parent on @side has changed and now reaches to @end. Correct
 * the bounds above; where one is right already, all above it are too.
 */
static inline void lower_bounds(struct interval_tree_node *parent,
				unsigned int side, unsigned long end)
{
	struct interval_tree_node *above;

	while (parent && parent->child_end[side] != end) {
		parent->child_end[side] = end;
		end = subtree_end(parent);
		above = interval_tree_parent(parent);
		if (above)
			side = side_of(parent, above);
		parent = above;
	}
}

void interval_tree_remove(struct interval_tree_node *node,
			  struct interval_tree *tree)
{
	struct interval_tree_node *child, *parent;
	unsigned int side;

	unthread(node);
	if (node->child[LEFT] != NIL && node->child[RIGHT] != NIL)
		exchange_with_heir(node, tree);
	/* An only child is red and a leaf, by the equal black heights. */
	child = node->child[LEFT];
	if (child == NIL)
		child = node->child[RIGHT];
	parent = interval_tree_parent(node);
	if (!parent) {
		WRITE_ONCE(tree->root, child);
		if (child != NIL)
			child->parent_color = BLACK;
		return;
	}
	side = side_of(node, parent);
	parent->child[side] = child;
	if (child != NIL) {
		child->parent_color = (unsigned long)parent | BLACK;
		lower_bounds(parent, side, child->end);
		return;
	}
	lower_bounds(parent, side, 0);
	if (!is_red(node))
		balance_removal(parent, side, tree);
}

/*
 * @node has two children: it changes places and colours with the next node in
 * order, which has no left child. Not inlined: a node with one
 * child or none does without.
 */
static noinline void exchange_with_heir(struct interval_tree_node *node,
					struct interval_tree *tree)
{
	struct interval_tree_node *heir = node->next;
	struct interval_tree_node *above = interval_tree_parent(node);
	struct interval_tree_node *below = interval_tree_parent(heir);
	struct interval_tree_node *child = heir->child[RIGHT];
	unsigned long child_end = heir->child_end[RIGHT];
	unsigned long color = heir->parent_color & BLACK;

	replace_child(tree, above, node, heir);
	heir->parent_color = node->parent_color;
	heir->child[LEFT] = node->child[LEFT];
	heir->child_end[LEFT] = node->child_end[LEFT];
	set_parent(heir->child[LEFT], heir);
	heir->child_end[RIGHT] = node->child_end[RIGHT];
	if (below == node) {
		below = heir;
		heir->child[RIGHT] = node;
	} else {
		heir->child[RIGHT] = node->child[RIGHT];
		set_parent(heir->child[RIGHT], heir);
		below->child[LEFT] = node;
	}
	node->parent_color = (unsigned long)below | color;
	node->child[LEFT] = NIL;
	node->child[RIGHT] = child;
	node->child_end[RIGHT] = child_end;
	set_parent(child, node);
	/* The nodes above have lost @node; below, the caller takes it out. */
	if (above)
		lower_bounds(above, side_of(heir, above), subtree_end(heir));
}

/*
 * Every path through the child of @parent on @side has one black node too few. Not
 * inlined: most removals need no balancing.
 */
static noinline void balance_removal(struct interval_tree_node *parent,
				     unsigned int side,
				     struct interval_tree *tree)
{
	struct interval_tree_node *node, *sibling;

	for (;;) {
		sibling = parent->child[!side];
		if (is_red(sibling)) {
			set_black(sibling);
			set_red(parent);
			rotate(tree, parent, side);
			sibling = parent->child[!side];
		}
		if (is_red(sibling->child[side]) &&
		    !is_red(sibling->child[!side])) {
			set_black(sibling->child[side]);
			set_red(sibling);
			rotate(tree, sibling, !side);
			sibling = parent->child[!side];
		}
		if (is_red(sibling->child[!side])) {
			if (is_red(parent))
				set_red(sibling);
			set_black(parent);
			set_black(sibling->child[!side]);
			rotate(tree, parent, side);
			return;
		}
		/* No red below: the lack moves up, until a red node or the root. */
		set_red(sibling);
		node = parent;
		parent = interval_tree_parent(node);
		if (is_red(node) || !parent) {
			set_black(node);
			return;
		}
		side = side_of(node, parent);
	}
}

/* --- look through and verify ---------------------------------------------- */

struct interval_tree_node *interval_tree_lowest(const struct interval_tree *tree)
{
	struct interval_tree_node *node = tree->root;

	if (node == NIL)
		return NULL;
	while (node->child[LEFT] != NIL)
		node = node->child[LEFT];
	return node;
}

/* By the links of the tree, not by the list, which is checked against it. */
static struct interval_tree_node *in_order_next(struct interval_tree_node *node)
{
	struct interval_tree_node *parent;

	if (node->child[RIGHT] != NIL) {
		for (node = node->child[RIGHT]; node->child[LEFT] != NIL;)
			node = node->child[LEFT];
		return node;
	}
	while ((parent = interval_tree_parent(node)) &&
	       parent->child[RIGHT] == node)
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

static bool child_is_valid(const struct interval_tree_node *node,
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
		if (!child_is_valid(node, node->child[LEFT],
				    node->child_end[LEFT]) ||
		    !child_is_valid(node, node->child[RIGHT],
				    node->child_end[RIGHT]))
			return -1;
		if (node->end <= node->start)
			return -1;
		if (node->prev != prev || (prev && prev->next != node))
			return -1;
		if (prev && prev->start > node->start)
			return -1;
		if (node->child[LEFT] != NIL && node->child[RIGHT] != NIL)
			continue;
		if (height < 0)
			height = black_depth(node);
		else if (height != black_depth(node))
			return -1;
	}
	return prev && prev->next != NIL ? -1 : count;
}
