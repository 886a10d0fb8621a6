// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/interval_tree_test.c - every overlap once, in order, and no other
 *
 * The same oracle as tests/host/interval_tree_host.c, shorter, for the code as
 * the kernel's compiler and options make it.
 */
#include <mm/alloc/alloc.h>
#include <kernel/ktest.h>
#include <lib/string.h>
#include <mm/notifier/interval_tree.h>

#define NODES 96

struct shadow {
	struct interval_tree_node node;
	unsigned long start, last; /* as drawn */
	bool in;
	unsigned int seen;
};

static bool is_at(struct interval_tree_node *node, unsigned long start)
{
	return node && interval_tree_start(node) == start;
}

/*
 *	0 1 2 3 4 5 6 7 8 9
 *	  a a a
 *	      b b b b
 *	            c
 */
KTEST(interval_tree, bounds_are_inclusive_and_neighbours_are_not_met)
{
	struct interval_tree_node a, b, c;
	struct interval_tree tree;

	interval_tree_init(&tree);
	EXPECT(interval_tree_empty(&tree));
	EXPECT_EQ(interval_tree_first(&tree, 0, ~0ul), NULL);
	interval_tree_node_init(&a, 1, 3);
	interval_tree_node_init(&b, 3, 6);
	interval_tree_node_init(&c, 6, 6);
	interval_tree_insert(&b, &tree);
	interval_tree_insert(&c, &tree);
	interval_tree_insert(&a, &tree);
	EXPECT_EQ(interval_tree_verify(&tree), 3);
	EXPECT_EQ(interval_tree_first(&tree, 0, 1), NULL);
	EXPECT(is_at(interval_tree_first(&tree, 0, 2), 1));
	EXPECT(is_at(interval_tree_first(&tree, 3, 4), 1));
	EXPECT(is_at(interval_tree_first(&tree, 4, 6), 3));
	EXPECT(is_at(interval_tree_next(&b, 4, 7), 6));
	EXPECT_EQ(interval_tree_next(&c, 4, 7), NULL);
	EXPECT_EQ(interval_tree_first(&tree, 7, 8), NULL);
	interval_tree_remove(&b, &tree);
	EXPECT_EQ(interval_tree_first(&tree, 4, 6), NULL);
	interval_tree_remove(&a, &tree);
	interval_tree_remove(&c, &tree);
	EXPECT(interval_tree_empty(&tree));
}

KTEST(interval_tree, the_whole_space_and_its_last_bytes_are_found)
{
	struct interval_tree_node whole, end;
	struct interval_tree tree;

	interval_tree_init(&tree);
	interval_tree_node_init(&whole, 0, ~0ul);
	interval_tree_node_init(&end, ~0ul - 1, ~0ul);
	interval_tree_insert(&whole, &tree);
	interval_tree_insert(&end, &tree);
	EXPECT_EQ(interval_tree_last(&whole), ~0ul);
	EXPECT_EQ(interval_tree_first(&tree, 0, 1), &whole);
	EXPECT_EQ(interval_tree_next(&whole, 0, 1), NULL);
	EXPECT_EQ(interval_tree_next(&whole, ~0ul - 1, ~0ul), &end);
	EXPECT_EQ(interval_tree_next(&whole, ~0ul - 2, ~0ul - 1), NULL);
	interval_tree_remove(&whole, &tree);
	EXPECT_EQ(interval_tree_first(&tree, 0, ~0ul), &end);
	interval_tree_remove(&end, &tree);
}

/*
 *	node		    [4 5 6 7]
 *	meets		[3-----4]	  [7-8]	   [4-8]  [0------------9]
 *	does not	[3---4)			    [8-9)	[0,4)
 */
KTEST(interval_tree, ranges_that_only_touch_do_not_meet, KT_RULES("R4.24 R4.26"))
{
	struct interval_tree_node node;

	interval_tree_node_init(&node, 4, 7);
	EXPECT(!interval_tree_overlaps(&node, 3, 4));
	EXPECT(interval_tree_overlaps(&node, 3, 5));
	EXPECT(interval_tree_overlaps(&node, 4, 8));
	EXPECT(interval_tree_overlaps(&node, 7, 8));
	EXPECT(!interval_tree_overlaps(&node, 8, 9));
	EXPECT(!interval_tree_overlaps(&node, 0, 4));
	EXPECT(interval_tree_overlaps(&node, 0, 9));
}

static bool query_right(struct shadow *all, struct interval_tree *tree,
			unsigned long start, unsigned long end)
{
	struct interval_tree_node *node;
	unsigned long before = 0;
	struct shadow *one;
	bool right = true;
	int i;

	for (i = 0; i < NODES; i++)
		all[i].seen = 0;
	interval_tree_for_each(node, tree, start, end)
	{
		one = container_of(node, struct shadow, node);
		one->seen++;
		right &= interval_tree_start(node) == one->start;
		right &= interval_tree_last(node) == one->last;
		right &= one->start >= before;
		before = one->start;
	}
	for (i = 0; i < NODES; i++) {
		bool meets =
			all[i].in && all[i].start < end && all[i].last >= start;

		right &= all[i].seen == meets;
	}
	return right;
}

KTEST(interval_tree, random_operations_agree_with_a_linear_shadow)
{
	struct rng *rng = ktest_rng(test);
	struct interval_tree tree;
	struct shadow *all, *one;
	unsigned long start;
	long members = 0;
	int i;

	all = kcalloc(NODES, sizeof(*all), GFP_KERNEL);
	REQUIRE(all);
	interval_tree_init(&tree);
	for (i = 0; i < 20000 && !ktest_failed(test); i++) {
		one = &all[rng_below(rng, NODES)];
		if (one->in) {
			interval_tree_remove(&one->node, &tree);
			members--;
		} else {
			one->start = rng_below(rng, 400);
			one->last =
				one->start + rng_below(rng, i & 512 ? 120 : 2);
			interval_tree_node_init(&one->node, one->start,
						one->last);
			interval_tree_insert(&one->node, &tree);
			members++;
		}
		one->in = !one->in;
		start = rng_below(rng, 500);
		EXPECT(query_right(all, &tree, start,
				   start + 1 + rng_below(rng, 30)));
		if (i % 16 == 0)
			EXPECT_EQ(interval_tree_verify(&tree), members);
	}
	kfree(all);
}

/* --- what verify notices ------------------------------------------------------- */

#define CHAIN 31

/* Put @wrong in a place of the tree, verify, put back what was there. */
#define EXPECT_NOTICED(tree, place, wrong)                    \
	do {                                                  \
		typeof(place) kept_ = (place);                \
                                                              \
		(place) = (wrong);                            \
		EXPECT_EQ(interval_tree_verify(tree), -1);    \
		(place) = kept_;                              \
		EXPECT_EQ(interval_tree_verify(tree), CHAIN); \
	} while (0)

static void expect_node_noticed(struct ktest *test, struct interval_tree *tree,
				struct interval_tree_node *node)
{
	struct interval_tree_node *parent = interval_tree_parent(node);

	EXPECT_NOTICED(tree, node->child_end[INTERVAL_TREE_LEFT],
		       node->child_end[INTERVAL_TREE_LEFT] + 1);
	EXPECT_NOTICED(tree, node->child_end[INTERVAL_TREE_RIGHT],
		       node->child_end[INTERVAL_TREE_RIGHT] + 1);
	EXPECT_NOTICED(tree, node->parent_color,
		       node->parent_color ^ INTERVAL_TREE_BLACK);
	EXPECT_NOTICED(tree, node->end, node->start);
	EXPECT_NOTICED(tree, node->prev, node);
	EXPECT_NOTICED(tree, node->next, node);
	/* Of the root no other node knows the end; it has no parent. */
	if (parent) {
		EXPECT_NOTICED(tree, node->end, 1000);
		EXPECT_NOTICED(tree, node->parent_color,
			       node->parent_color & INTERVAL_TREE_BLACK);
	} else {
		EXPECT_NOTICED(tree, node->parent_color,
			       node->parent_color | (unsigned long)node);
	}
}

/* Each interval reaches over the start of the next two. */
KTEST(interval_tree, verify_notices_a_wrong_bound_link_colour_or_order)
{
	static struct interval_tree_node nodes[CHAIN];
	struct interval_tree tree;
	int i;

	interval_tree_init(&tree);
	for (i = 0; i < CHAIN; i++) {
		interval_tree_node_init(&nodes[i], 10 * i, 10 * i + 25);
		interval_tree_insert(&nodes[i], &tree);
	}
	for (i = 0; i < CHAIN; i++) {
		expect_node_noticed(test, &tree, &nodes[i]);
		if (i + 1 < CHAIN)
			EXPECT_NOTICED(&tree, nodes[i].start, 10 * i + 11);
	}
}
