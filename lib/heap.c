// SPDX-License-Identifier: MIT
/*
 * lib/heap.c - the pairing heap
 *
 * A tree in which no node's key is less than its parent's; children hang in
 * a list, first child first.  Melding two trees makes the greater root the
 * first child of the lesser: constant time.  Taking a node out leaves its
 * children as a row of trees; melding them in pairs from the left and the
 * pairs from the right gives the logarithmic bound.
 *
 *	        4			take 4 out: 7 9 5 8
 *	  7--9--5--8			pairs:      7(9)  5(8)
 *					then:	    5(8, 7(9))
 *
 * Not here: locking, which is the owner's.
 */
#include <lib/heap.h>

static bool key_before(const struct heap_node *a, const struct heap_node *b)
{
	return (s64)(a->key - b->key) < 0;
}

/* Both are roots without siblings; either may be NULL. */
static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
	if (!a)
		return b;
	if (!b)
		return a;
	if (key_before(b, a))
		swap(a, b);
	b->prev = a;
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	a->child = b;
	return a;
}

/* Make one tree of a row of siblings. */
static struct heap_node *meld_row(struct heap_node *row)
{
	struct heap_node *pairs = NULL, *all = NULL;

	while (row) {
		struct heap_node *a = row, *b = row->next, *pair;

		row = b ? b->next : NULL;
		a->next = NULL;
		a->prev = NULL;
		if (b) {
			b->next = NULL;
			b->prev = NULL;
		}
		pair = meld(a, b);
		pair->next = pairs; /* a chain, rightmost pair first */
		pairs = pair;
	}
	while (pairs) {
		struct heap_node *pair = pairs;

		pairs = pair->next;
		pair->next = NULL;
		all = meld(all, pair);
	}
	return all;
}

void heap_add(struct heap *heap, struct heap_node *node, u64 key)
{
	node->child = NULL;
	node->next = NULL;
	node->prev = NULL;
	node->key = key;
	heap->root = meld(heap->root, node);
}

void heap_del(struct heap *heap, struct heap_node *node)
{
	struct heap_node *below = meld_row(node->child);

	if (node == heap->root) {
		heap->root = below;
		return;
	}
	if (node->prev->child == node)
		node->prev->child = node->next;
	else
		node->prev->next = node->next;
	if (node->next)
		node->next->prev = node->prev;
	heap->root = meld(heap->root, below);
}

long heap_verify(const struct heap *heap)
{
	const struct heap_node *node = heap->root;
	long count = 0;

	if (!node)
		return 0;
	if (node->prev || node->next)
		return -1;
	for (;;) {
		count++;
		if (node->child) {
			if (node->child->prev != node ||
			    key_before(node->child, node))
				return -1;
			node = node->child;
			continue;
		}
		/* Up until there is a sibling; first children point up. */
		while (!node->next) {
			while (node->prev && node->prev->child != node)
				node = node->prev;
			node = node->prev;
			if (!node || node == heap->root)
				return count;
		}
		if (node->next->prev != node)
			return -1;
		{
			const struct heap_node *parent = node;

			while (parent->prev->child != parent)
				parent = parent->prev;
			if (key_before(node->next, parent->prev))
				return -1;
		}
		node = node->next;
	}
}
