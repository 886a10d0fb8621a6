/* SPDX-License-Identifier: MIT */
/*
 * peer/table.h - one context's translations: VA page -> target page and flags
 */
#ifndef PEER_TABLE_H
#define PEER_TABLE_H

#include <stdatomic.h>
#include <stdint.h>

/* Nodes a device may use for all its tables; each is 4 KiB. */
struct table_budget {
	atomic_long nodes_left;
};

struct table_node;

/* Guarded by the lock of the context that holds it. */
struct table {
	struct table_node *root;
	struct table_budget *budget;
	uint64_t mapped; /* pages */
};

void table_init(struct table *table, struct table_budget *budget);

/**
 * table_get() - the entry of the page at @va
 *
 * Return: target page | flags, 0 if there is none.
 */
uint64_t table_get(const struct table *table, uint64_t va);

/**
 * table_set() - set or replace one entry
 * @entry: not 0
 *
 * Return: 0, or -ENOMEM without memory or budget, and nothing changed.
 */
int table_set(struct table *table, uint64_t va, uint64_t entry);

/**
 * table_clear() - drop all entries in [start, end)
 *
 * Steps over empty nodes: clearing the whole space costs as much as its entries.
 *
 * Return: how many pages were dropped.
 */
uint64_t table_clear(struct table *table, uint64_t start, uint64_t end);

#endif /* PEER_TABLE_H */
