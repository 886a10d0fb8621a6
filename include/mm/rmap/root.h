/* SPDX-License-Identifier: MIT */
/*
 * mm/rmap/root.h - the regions that may map the pages of one thing
 *
 * The thing is a family of address spaces (mm/rmap/family.h) or an object
 * (mm/object/object.h). Each region that may map its pages is in one tree, by page offset:
 * a red-black tree by first offset, in which each node knows the highest last offset of its
 * subtree.
 *
 * The notifiers have an interval tree of their own, which another kernel takes over
 * with them; so it includes nothing of mm, and nothing of mm includes it.
 */
#ifndef MM_RMAP_ROOT_H
#define MM_RMAP_ROOT_H

#include <kernel/rcu.h>
#include <kernel/sched/rwsem.h>
#include <lib/atomic.h>
#include <lib/rbtree.h>

/**
 * struct rmap_node - the page offsets that a region shows
 * @rb: link in the tree, ordered by @first
 * @first: offset of the region's first page
 * @last: offset of its last page
 * @subtree_last: the highest @last of the node and those below it
 *
 * Guarded by the lock of the tree's rmap_root.
 */
struct rmap_node {
	struct rb_node rb;
	unsigned long first;
	unsigned long last;
	unsigned long subtree_last;
};

/**
 * struct rmap_root - a set of regions by page offset
 * @lock: (l) held for writing by a change of a region, for reading by a walk
 * @tree: (m) of struct rmap_node
 * @refs: (a) reasons to keep the thing that the set is part of
 * @free: (c) called by the last rmap_root_put(); frees the thing's memory, but not before a
 *	grace period has passed: page_root_get() may look at @refs until then
 * @rcu: for @free
 *
 * Keys: (a) atomic; (c) constant; (l) a lock itself; (m) @lock.
 *
 * A region that is in the tree keeps its bounds, its page offset and its page tables
 * for a reader of @lock.
 */
struct rmap_root {
	struct rw_semaphore lock;
	struct rb_root tree;
	struct atomic refs;
	void (*free)(struct rmap_root *root);
	struct rcu_head rcu;
};

/**
 * rmap_root_init() - begin a set that is empty, with one reference
 * @root: uninitialised, inside the thing
 * @free: as in struct rmap_root
 *
 * Context: any.
 */
void rmap_root_init(struct rmap_root *root, void (*free)(struct rmap_root *root));

/**
 * rmap_root_get() - take another reference
 * @root: a set that the caller has a reference to
 *
 * Context: any.
 */
void rmap_root_get(struct rmap_root *root);

/**
 * rmap_root_put() - drop a reference; the last frees the thing
 * @root: the set
 *
 * Context: any that may drop pages; not NMI.
 */
void rmap_root_put(struct rmap_root *root);

/**
 * rmap_insert() - add a node
 * @root: the set
 * @node: in no tree, @first and @last set
 *
 * Context: @root->lock held for writing. O(log n).
 */
void rmap_insert(struct rmap_root *root, struct rmap_node *node);

/**
 * rmap_remove() - take a node out
 * @root: the set
 * @node: a member
 *
 * Context: @root->lock held for writing. O(log n).
 */
void rmap_remove(struct rmap_root *root, struct rmap_node *node);

/**
 * rmap_move_last() - let a node end elsewhere
 * @node: a member
 * @last: its new last offset, not below @first
 *
 * Context: the lock of its root held for writing. O(log n).
 */
void rmap_move_last(struct rmap_node *node, unsigned long last);

/**
 * rmap_first() - the first node that overlaps some offsets
 * @root: the set
 * @first: the lowest offset
 * @last: the highest offset
 *
 * Context: @root->lock held. O(log n).
 * Return: the one with the lowest first offset, or NULL.
 */
struct rmap_node *rmap_first(const struct rmap_root *root, unsigned long first,
			     unsigned long last);

/**
 * rmap_next() - the node after one, of those that overlap some offsets
 * @node: what rmap_first() or rmap_next() gave for the same offsets
 * @first: the lowest offset
 * @last: the highest offset
 *
 * Context: the lock has been held since rmap_first(). A walk over k of n nodes takes
 *	    O(log n + k).
 * Return: the node, or NULL.
 */
struct rmap_node *rmap_next(struct rmap_node *node, unsigned long first,
			    unsigned long last);

/* for (each node of root that overlaps [first, last]). */
#define rmap_for_each(node, root, first, last)                     \
	for ((node) = rmap_first((root), (first), (last)); (node); \
	     (node) = rmap_next((node), (first), (last)))

/**
 * rmap_verify() - check every invariant of the tree, for tests
 * @root: the set
 *
 * Context: @root->lock held. O(n).
 * Return: the number of members, or -1 if an invariant is broken.
 */
long rmap_verify(const struct rmap_root *root);

#endif
