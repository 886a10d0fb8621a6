/* SPDX-License-Identifier: MIT */
/*
 * bench/index/index_redblack.h - the kernel's tree, as compare.c calls it
 */
#ifndef BENCH_INDEX_INDEX_REDBLACK_H
#define BENCH_INDEX_INDEX_REDBLACK_H

#include <mm/notifier/interval_tree.h>

#define INDEX_NAME "redblack"

#define index_tree interval_tree
#define index_item interval_tree_node
struct index_walk {
	struct index_item *at;
};

static inline void index_init(struct index_tree *index)
{
	interval_tree_init(index);
}

static inline void index_item_init(struct index_item *item, unsigned long start,
				   unsigned long last)
{
	interval_tree_node_init(item, start, last);
}

static inline unsigned long index_item_start(const struct index_item *item)
{
	return interval_tree_start(item);
}

static inline unsigned long index_item_last(const struct index_item *item)
{
	return interval_tree_last(item);
}

/* The part of an insertion before the lock is taken. */
static inline bool index_reserve(struct index_tree *index)
{
	return true;
}

static inline void index_insert(struct index_item *item, struct index_tree *index)
{
	interval_tree_insert(item, index);
}

static inline void index_remove(struct index_item *item, struct index_tree *index)
{
	interval_tree_remove(item, index);
}

static inline struct index_item *index_first(struct index_tree *index,
					     struct index_walk *walk,
					     unsigned long start,
					     unsigned long end)
{
	return walk->at = interval_tree_first(index, start, end);
}

static inline struct index_item *
index_next(struct index_walk *walk, unsigned long start, unsigned long end)
{
	return walk->at = interval_tree_next(walk->at, start, end);
}

static inline long index_verify(const struct index_tree *index)
{
	return interval_tree_verify(index);
}

static inline void index_free(struct index_tree *index)
{
}

static inline unsigned long index_bytes(void)
{
	return 0;
}

#endif
