// SPDX-License-Identifier: MIT
/*
 * tests/lib/rbtree_test.c - the tree keeps order, balance and values
 */
#include <mm/alloc/alloc.h>
#include <kernel/ktest.h>
#include <lib/rbtree.h>

#define NODES 128

struct item {
	struct rb_node rb;
	unsigned long key;
	unsigned long max; /* of key over the subtree */
	bool in;
};

static struct item *item_of(const struct rb_node *node)
{
	return container_of(node, struct item, rb);
}

static bool item_less(const struct rb_node *a, const struct rb_node *b)
{
	return item_of(a)->key < item_of(b)->key;
}

static bool item_update(struct rb_node *node)
{
	struct item *item = item_of(node);
	unsigned long was = item->max;

	item->max = item->key;
	if (node->left && item_of(node->left)->max > item->max)
		item->max = item_of(node->left)->max;
	if (node->right && item_of(node->right)->max > item->max)
		item->max = item_of(node->right)->max;
	return item->max != was;
}

static const struct rb_augment item_augment = {.update = item_update};

static void item_add(struct item *item, struct rb_root *root)
{
	struct rb_node **link = &root->node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = item_less(&item->rb, parent) ? &parent->left
						    : &parent->right;
	}
	rb_link_node(&item->rb, parent, link);
	rb_insert_augmented(&item->rb, root, &item_augment);
}

KTEST(rbtree, random_inserts_and_erases_keep_every_invariant)
{
	struct rb_root plain = RB_ROOT, augmented = RB_ROOT;
	struct rng *rng = ktest_rng(test);
	struct item *a, *b;
	long members = 0;
	int i, at;

	a = kcalloc(2 * NODES, sizeof(*a), GFP_KERNEL);
	REQUIRE(a);
	b = a + NODES;
	for (i = 0; i < 20000 && !ktest_failed(test); i++) {
		at = rng_below(rng, NODES);
		if (a[at].in) {
			rb_erase(&a[at].rb, &plain);
			rb_erase_augmented(&b[at].rb, &augmented, &item_augment);
			members--;
		} else {
			a[at].key = rng_below(rng, 100);
			b[at].key = a[at].key;
			(void)rb_add(&a[at].rb, &plain, item_less);
			item_add(&b[at], &augmented);
			members++;
		}
		a[at].in = !a[at].in;
		if (i % 8)
			continue;
		EXPECT_EQ(rb_verify(&plain, item_less, NULL), members);
		EXPECT_EQ(rb_verify(&augmented, item_less, &item_augment),
			  members);
	}
	kfree(a);
}

KTEST(rbtree, a_cached_tree_knows_its_first_and_walks_both_ways)
{
	struct rb_root_cached root = RB_ROOT_CACHED;
	struct rng *rng = ktest_rng(test);
	struct rb_node *node, *back;
	unsigned int count;
	struct item *a;
	int i;

	a = kcalloc(NODES, sizeof(*a), GFP_KERNEL);
	REQUIRE(a);
	for (i = 0; i < NODES; i++) {
		a[i].key = rng_below(rng, 1000);
		rb_add_cached(&a[i].rb, &root, item_less);
		EXPECT_EQ(rb_first_cached(&root), rb_first(&root.root));
	}
	count = 0;
	for (node = rb_first_cached(&root); node; node = rb_next(node)) {
		back = rb_next(node) ? rb_prev(rb_next(node))
				     : rb_last(&root.root);
		EXPECT_EQ(back, node);
		count++;
	}
	EXPECT_EQ(count, (unsigned int)NODES);
	for (i = 0; i < NODES; i++) {
		rb_erase_cached(&a[i].rb, &root);
		EXPECT_EQ(rb_first_cached(&root), rb_first(&root.root));
	}
	EXPECT(rb_empty_root(&root.root));
	kfree(a);
}

KTEST(rbtree, replace_puts_a_node_in_the_place_of_another)
{
	struct rb_root root = RB_ROOT;
	struct item a[3] = {{.key = 1}, {.key = 2}, {.key = 3}};
	struct item fresh = {.key = 2};
	int i;

	for (i = 0; i < 3; i++)
		(void)rb_add(&a[i].rb, &root, item_less);
	rb_replace_node(&a[1].rb, &fresh.rb, &root);
	EXPECT_EQ(rb_verify(&root, item_less, NULL), 3);
	EXPECT_EQ(rb_next(&a[0].rb), &fresh.rb);
	EXPECT_EQ(rb_prev(&a[2].rb), &fresh.rb);
}
