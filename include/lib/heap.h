/* SPDX-License-Identifier: MIT */
/*
 * heap.h - an intrusive pairing heap ordered by a 64-bit key
 *
 * The least key is at hand at once; adding is O(1), taking any node out
 * O(log n) amortised, and nothing is allocated.  The run queues (key: virtual
 * runtime) and the timers (key: expiry) are such heaps.  Keys are compared as
 * signed differences, so they may wrap.  The owner's lock guards all of it.
 */
#ifndef LIB_HEAP_H
#define LIB_HEAP_H

#include <lib/types.h>
#include <lib/compiler.h>

/**
 * struct heap_node
 * @child: first of the nodes below, each with a key not less than this one's
 * @next: next sibling
 * @prev: previous sibling, or the parent for a first child
 * @key: what it is ordered by; constant while in the heap
 */
struct heap_node {
	struct heap_node *child, *next, *prev;
	u64 key;
};

struct heap {
	struct heap_node *root;
};

#define HEAP_INIT    \
	{            \
		NULL \
	}

static inline bool heap_empty(const struct heap *heap)
{
	return !heap->root;
}

/** heap_first() - a node with the least key, NULL when empty */
static inline struct heap_node *heap_first(const struct heap *heap)
{
	return heap->root;
}

void heap_add(struct heap *heap, struct heap_node *node, u64 key);
void heap_del(struct heap *heap, struct heap_node *node);

/**
 * heap_verify() - check every key and link, for tests
 *
 * Return: nodes in the heap, or -1 when something is wrong.
 */
long heap_verify(const struct heap *heap);

#endif
