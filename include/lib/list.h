/* SPDX-License-Identifier: MIT */
/*
 * list.h - intrusive lists: double, hash-headed, and lock-free single
 *
 * list_head   a ring through its head: O(1) insert and delete anywhere.
 * hlist       a one-pointer head for hash tables; the _rcu variants let
 *	       readers walk under rcu_read_lock() or an SRCU section while
 *	       one writer, under its own lock, adds and deletes.
 * llist       many pushers, one taker of everything, no lock.
 */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <lib/compiler.h>
#include <lib/atomic.h>

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)     \
	{                        \
		&(name), &(name) \
	}
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)

/* A deleted entry points here: an address that faults, and says so. */
#define LIST_POISON ((void *)0xdead000000000100UL)

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list_head *head)
{
	return READ_ONCE(head->next) == head;
}

static inline bool list_is_singular(const struct list_head *head)
{
	return !list_empty(head) && head->next == head->prev;
}

static inline void list_insert_between(struct list_head *entry,
				       struct list_head *prev,
				       struct list_head *next)
{
	next->prev = entry;
	entry->next = next;
	entry->prev = prev;
	WRITE_ONCE(prev->next, entry);
}

/** list_add() - put @entry first (right after @head) */
static inline void list_add(struct list_head *entry, struct list_head *head)
{
	list_insert_between(entry, head, head->next);
}

/** list_add_tail() - put @entry last (right before @head) */
static inline void list_add_tail(struct list_head *entry, struct list_head *head)
{
	list_insert_between(entry, head->prev, head);
}

static inline void list_unlink(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	WRITE_ONCE(entry->prev->next, entry->next);
}

static inline void list_del(struct list_head *entry)
{
	list_unlink(entry);
	entry->next = LIST_POISON;
	entry->prev = LIST_POISON;
}

static inline void list_del_init(struct list_head *entry)
{
	list_unlink(entry);
	INIT_LIST_HEAD(entry);
}

static inline void list_move(struct list_head *entry, struct list_head *head)
{
	list_unlink(entry);
	list_add(entry, head);
}

static inline void list_move_tail(struct list_head *entry, struct list_head *head)
{
	list_unlink(entry);
	list_add_tail(entry, head);
}

/** list_splice_init() - put all of @from first in @to; @from becomes empty */
static inline void list_splice_init(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->prev->next = to->next;
	to->next->prev = from->prev;
	from->next->prev = to;
	to->next = from->next;
	INIT_LIST_HEAD(from);
}

/** list_splice_tail_init() - put all of @from last in @to, empty @from */
static inline void list_splice_tail_init(struct list_head *from,
					 struct list_head *to)
{
	list_splice_init(from, to->prev);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first_entry(head, type, member) \
	list_entry((head)->next, type, member)
#define list_last_entry(head, type, member) \
	list_entry((head)->prev, type, member)
#define list_first_entry_or_null(head, type, member) \
	(list_empty(head) ? NULL : list_first_entry(head, type, member))
#define list_next_entry(pos, member) \
	list_entry((pos)->member.next, __typeof__(*(pos)), member)

#define list_for_each(pos, head) \
	for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)
#define list_for_each_entry(pos, head, member)                             \
	for ((pos) = list_entry((head)->next, __typeof__(*(pos)), member); \
	     &(pos)->member != (head);                                     \
	     (pos) = list_entry((pos)->member.next, __typeof__(*(pos)), member))
/* @pos may be deleted in the body; @tmp is the next entry already. */
#define list_for_each_entry_safe(pos, tmp, head, member)                   \
	for ((pos) = list_entry((head)->next, __typeof__(*(pos)), member), \
	    (tmp) = list_next_entry(pos, member);                          \
	     &(pos)->member != (head);                                     \
	     (pos) = (tmp), (tmp) = list_next_entry(tmp, member))

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

#define HLIST_HEAD_INIT \
	{               \
		NULL    \
	}
#define HLIST_HEAD(name)      struct hlist_head name = HLIST_HEAD_INIT
#define INIT_HLIST_HEAD(head) ((void)((head)->first = NULL))

static inline void INIT_HLIST_NODE(struct hlist_node *node)
{
	node->next = NULL;
	node->pprev = NULL;
}

static inline bool hlist_empty(const struct hlist_head *head)
{
	return !READ_ONCE(head->first);
}

/** hlist_unhashed() - true when @node was initialised or del_init'ed last */
static inline bool hlist_unhashed(const struct hlist_node *node)
{
	return !READ_ONCE(node->pprev);
}

static inline void hlist_add_head(struct hlist_node *node, struct hlist_head *head)
{
	node->next = head->first;
	if (head->first)
		head->first->pprev = &node->next;
	WRITE_ONCE(head->first, node);
	WRITE_ONCE(node->pprev, &head->first);
}

/* The node is whole before a reader can reach it: pairs with the dependent
 * load in hlist_for_each_entry_rcu(). */
static inline void hlist_add_head_rcu(struct hlist_node *node,
				      struct hlist_head *head)
{
	struct hlist_node *first = head->first;

	node->next = first;
	WRITE_ONCE(node->pprev, &head->first);
	smp_store_release(&head->first, node);
	if (first)
		first->pprev = &node->next;
}

static inline void hlist_unlink(struct hlist_node *node)
{
	struct hlist_node *next = node->next;

	WRITE_ONCE(*node->pprev, next);
	if (next)
		next->pprev = node->pprev;
}

static inline void hlist_del(struct hlist_node *node)
{
	hlist_unlink(node);
	node->next = LIST_POISON;
	node->pprev = LIST_POISON;
}

static inline void hlist_del_init(struct hlist_node *node)
{
	if (hlist_unhashed(node))
		return;
	hlist_unlink(node);
	INIT_HLIST_NODE(node);
}

/* ->next stays: a reader standing on @node must still find the way out. */
static inline void hlist_del_rcu(struct hlist_node *node)
{
	hlist_unlink(node);
	node->pprev = LIST_POISON;
}

/** hlist_del_init_rcu() - as hlist_del_rcu(); hlist_unhashed() is true then */
static inline void hlist_del_init_rcu(struct hlist_node *node)
{
	if (hlist_unhashed(node))
		return;
	hlist_unlink(node);
	WRITE_ONCE(node->pprev, NULL);
}

#define hlist_entry(ptr, type, member) container_of(ptr, type, member)
#define hlist_entry_safe(ptr, type, member)                                \
	({                                                                 \
		__typeof__(ptr) hlist_ptr_ = (ptr);                        \
		hlist_ptr_ ? hlist_entry(hlist_ptr_, type, member) : NULL; \
	})
#define hlist_for_each_entry(pos, head, member)                                   \
	for ((pos) = hlist_entry_safe((head)->first, __typeof__(*(pos)), member); \
	     (pos); (pos) = hlist_entry_safe((pos)->member.next,                  \
					     __typeof__(*(pos)), member))
#define hlist_for_each_entry_safe(pos, tmp, head, member)                         \
	for ((pos) = hlist_entry_safe((head)->first, __typeof__(*(pos)), member); \
	     (pos) && ({                                                          \
		     (tmp) = (pos)->member.next;                                  \
		     1;                                                           \
	     });                                                                  \
	     (pos) = hlist_entry_safe((tmp), __typeof__(*(pos)), member))
#define hlist_for_each_entry_rcu(pos, head, member)                         \
	for ((pos) = hlist_entry_safe(READ_ONCE((head)->first),             \
				      __typeof__(*(pos)), member);          \
	     (pos); (pos) = hlist_entry_safe(READ_ONCE((pos)->member.next), \
					     __typeof__(*(pos)), member))

struct llist_node {
	struct llist_node *next;
};

struct llist_head {
	struct llist_node *first;
};

#define LLIST_HEAD_INIT \
	{               \
		NULL    \
	}

static inline bool llist_empty(const struct llist_head *head)
{
	return !READ_ONCE(head->first);
}

/**
 * llist_add() - push @node
 *
 * Context: any, also NMI.
 * Return: true when the list was empty before (the pusher wakes the taker).
 */
static inline bool llist_add(struct llist_node *node, struct llist_head *head)
{
	struct llist_node *first = READ_ONCE(head->first);
	struct llist_node *seen;

	for (;;) {
		node->next = first;
		seen = cmpxchg(&head->first, first, node);
		if (seen == first)
			return !first;
		first = seen;
	}
}

/** llist_del_all() - take everything, newest first */
static inline struct llist_node *llist_del_all(struct llist_head *head)
{
	return xchg(&head->first, (struct llist_node *)NULL);
}

/** llist_reverse() - turn a taken chain oldest first */
static inline struct llist_node *llist_reverse(struct llist_node *node)
{
	struct llist_node *turned = NULL;

	while (node) {
		struct llist_node *next = node->next;

		node->next = turned;
		turned = node;
		node = next;
	}
	return turned;
}

#endif
