/* SPDX-License-Identifier: MIT */
/*
 * bench/index/index_bplus.h - the wide nodes, as compare.c calls them
 */
#ifndef BENCH_INDEX_INDEX_BPLUS_H
#define BENCH_INDEX_INDEX_BPLUS_H

#include "bplus.h"

#define INDEX_NAME "bplus" __stringify(BPLUS_WIDTH)

#define index_tree bplus
#define index_item bplus_item
#define index_walk bplus_place

static inline void index_init(struct index_tree *index)
{
	*index = (struct index_tree){0};
}

static inline void index_item_init(struct index_item *item, unsigned long start,
				   unsigned long last)
{
	item->start = start;
	item->end = last + (last != ~0ul);
}

static inline unsigned long index_item_start(const struct index_item *item)
{
	return item->start;
}

static inline unsigned long index_item_last(const struct index_item *item)
{
	return item->end - 1;
}

/* The part of an insertion before the lock is taken. */
static inline bool index_reserve(struct index_tree *index)
{
	return !bplus_reserve(index);
}

static inline void index_insert(struct index_item *item, struct index_tree *index)
{
	bplus_insert(item, index);
}

static inline void index_remove(struct index_item *item, struct index_tree *index)
{
	bplus_remove(item, index);
}

static inline struct index_item *index_first(struct index_tree *index,
					     struct index_walk *walk,
					     unsigned long start,
					     unsigned long end)
{
	return bplus_first(index, walk, start, end);
}

static inline struct index_item *
index_next(struct index_walk *walk, unsigned long start, unsigned long end)
{
	return bplus_next(walk, start, end);
}

static inline long index_verify(const struct index_tree *index)
{
	return bplus_verify(index);
}

static inline void index_free(struct index_tree *index)
{
	bplus_free(index);
}

static inline unsigned long index_bytes(void)
{
	return bplus_bytes();
}

#endif
