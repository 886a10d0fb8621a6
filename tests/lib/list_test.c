// SPDX-License-Identifier: MIT
/*
 * tests/lib/list_test.c - lists against an array that does the same
 */
#include <kernel/ktest.h>
#include <lib/list.h>
#include <lib/string.h>

#define ITEMS 16

struct item {
	struct list_head entry;
	struct hlist_node node;
	struct llist_node lnode;
	unsigned int id;
	bool in;
};

/* The list must hold exactly model[0..n) in that order, both ways round. */
static void same(struct ktest *test, struct list_head *head,
		 const unsigned int *model, unsigned int n)
{
	struct list_head *back = head;
	struct item *item;
	unsigned int i = 0;

	list_for_each_entry(item, head, entry) {
		REQUIRE_LT(i, n);
		EXPECT_EQ(item->id, model[i]);
		i++;
	}
	EXPECT_EQ(i, n);
	while ((back = back->prev) != head)
		EXPECT_EQ(list_entry(back, struct item, entry)->id, model[--i]);
	EXPECT_EQ(list_empty(head), n == 0);
	EXPECT_EQ(list_is_singular(head), n == 1);
}

static unsigned int model_remove(unsigned int *model, unsigned int n,
				 unsigned int id)
{
	unsigned int i;

	for (i = 0; model[i] != id; i++)
		;
	memmove(&model[i], &model[i + 1], (n - i - 1) * sizeof(*model));
	return n - 1;
}

KTEST(list, random_changes_agree_with_an_array)
{
	struct rng *rng = ktest_rng(test);
	struct item items[ITEMS];
	unsigned int model[ITEMS], n = 0, round;
	LIST_HEAD(head);

	for (round = 0; round < ITEMS; round++)
		items[round] = (struct item){.id = round};
	for (round = 0; round < 400 && !ktest_failed(test); round++) {
		unsigned int id = (unsigned int)rng_below(rng, ITEMS);
		bool front = rng_below(rng, 2);

		if (items[id].in) {
			n = model_remove(model, n, id);
			if (front)
				list_del(&items[id].entry);
			else
				list_del_init(&items[id].entry);
		} else if (front) {
			memmove(model + 1, model, n++ * sizeof(*model));
			model[0] = id;
			list_add(&items[id].entry, &head);
		} else {
			model[n++] = id;
			list_add_tail(&items[id].entry, &head);
		}
		items[id].in = !items[id].in;
		same(test, &head, model, n);
	}
}

/*
 *	a: 0 1	b: 2 3		splice a to b's front, to its tail
 */
KTEST(list, splicing_keeps_the_order_and_empties_the_source)
{
	struct item items[4];
	unsigned int i;
	LIST_HEAD(a);
	LIST_HEAD(b);

	for (i = 0; i < 4; i++) {
		items[i].id = i;
		list_add_tail(&items[i].entry, i < 2 ? &a : &b);
	}
	list_splice_init(&a, &b);
	same(test, &b, (unsigned int[]){0, 1, 2, 3}, 4);
	EXPECT(list_empty(&a));
	list_splice_init(&a, &b);
	same(test, &b, (unsigned int[]){0, 1, 2, 3}, 4);
	list_move_tail(&items[0].entry, &b);
	list_move(&items[2].entry, &b);
	same(test, &b, (unsigned int[]){2, 1, 3, 0}, 4);
	list_move(&items[3].entry, &a);
	list_splice_tail_init(&a, &b);
	same(test, &b, (unsigned int[]){2, 1, 0, 3}, 4);
}

KTEST(list, deleting_while_walking_visits_everything)
{
	struct item items[ITEMS], *item, *next;
	unsigned int i, seen = 0;
	LIST_HEAD(head);

	for (i = 0; i < ITEMS; i++)
		list_add_tail(&items[i].entry, &head);
	list_for_each_entry_safe(item, next, &head, entry) {
		list_del(&item->entry);
		EXPECT_EQ(item->entry.next, LIST_POISON);
		seen++;
	}
	EXPECT_EQ(seen, ITEMS);
	EXPECT(list_empty(&head));
}

KTEST(list, hashed_nodes_know_whether_they_are_in)
{
	struct item items[3], *item;
	unsigned int ids = 0;
	HLIST_HEAD(head);

	for (unsigned int i = 0; i < 3; i++) {
		items[i].id = i;
		INIT_HLIST_NODE(&items[i].node);
		EXPECT(hlist_unhashed(&items[i].node));
		hlist_add_head_rcu(&items[i].node, &head);
		EXPECT(!hlist_unhashed(&items[i].node));
	}
	hlist_del_init_rcu(&items[1].node);
	EXPECT(hlist_unhashed(&items[1].node));
	/* A reader that stands on it still finds the way out. */
	EXPECT_EQ(items[1].node.next, &items[0].node);
	hlist_for_each_entry_rcu(item, &head, node)
		ids = ids * 10 + item->id;
	EXPECT_EQ(ids, 20);
	hlist_del_init(&items[2].node);
	hlist_del_init(&items[2].node);
	hlist_del_rcu(&items[0].node);
	EXPECT(hlist_empty(&head));
}

KTEST(list, lock_free_pushes_come_out_newest_first_once)
{
	struct llist_head head = LLIST_HEAD_INIT;
	struct item items[3];
	struct llist_node *got;

	EXPECT(llist_add(&items[0].lnode, &head));
	EXPECT(!llist_add(&items[1].lnode, &head));
	EXPECT(!llist_add(&items[2].lnode, &head));
	got = llist_del_all(&head);
	EXPECT(llist_empty(&head));
	EXPECT_EQ(llist_del_all(&head), NULL);
	EXPECT_EQ(got, &items[2].lnode);
	got = llist_reverse(got);
	EXPECT_EQ(got, &items[0].lnode);
	EXPECT_EQ(got->next, &items[1].lnode);
	EXPECT_EQ(got->next->next, &items[2].lnode);
	EXPECT_EQ(got->next->next->next, NULL);
}
