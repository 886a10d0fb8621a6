// SPDX-License-Identifier: MIT
/*
 * tests/mm/rmap/root_test.c - regions by page offset, against a list
 */
#include <kernel/ktest.h>
#include <lib/random.h>
#include <mm/rmap/root.h>

#define NODES  48
#define OFFSET 64

static void open_root(struct rmap_root *root)
{
	rmap_root_init(root, NULL);
	down_write(&root->lock);
}

static void set(struct rmap_node *node, unsigned long first, unsigned long last)
{
	node->first = first;
	node->last = last;
}

/*
 *	offsets	0 1 2 3 4 5 6 7 8 9
 *	a	  [---------------]
 *	b	        [---]
 *	c	              [-]
 *	asked	                  [	a
 *	asked	            [		a, b
 *	asked	[			nothing
 */
KTEST(rmap_root, those_that_overlap_are_found_by_first_offset)
{
	struct rmap_root root;
	struct rmap_node a, b, c;

	open_root(&root);
	set(&a, 1, 9);
	set(&b, 4, 6);
	set(&c, 7, 8);
	rmap_insert(&root, &b);
	rmap_insert(&root, &a);
	rmap_insert(&root, &c);
	EXPECT_EQ(rmap_verify(&root), 3L);
	EXPECT_EQ(rmap_first(&root, 9, 9), &a);
	EXPECT_EQ(rmap_next(&a, 9, 9), NULL);
	EXPECT_EQ(rmap_first(&root, 6, 6), &a);
	EXPECT_EQ(rmap_next(&a, 6, 6), &b);
	EXPECT_EQ(rmap_next(&b, 6, 6), NULL);
	EXPECT_EQ(rmap_first(&root, 0, 0), NULL);
	EXPECT_EQ(rmap_first(&root, 10, ~0UL), NULL);
	rmap_remove(&root, &a);
	EXPECT_EQ(rmap_first(&root, 9, 9), NULL);
	EXPECT_EQ(rmap_first(&root, 0, ~0UL), &b);
	EXPECT_EQ(rmap_next(&b, 0, ~0UL), &c);
	EXPECT_EQ(rmap_verify(&root), 2L);
	up_write(&root.lock);
}

/* The walk gives each member that overlaps, once, and the list says how many do. */
static void compare(struct ktest *test, const struct rmap_root *root,
		    const struct rmap_node *nodes, const bool *member,
		    unsigned long first, unsigned long last)
{
	struct rmap_node *node, *before = NULL;
	unsigned int wanted = 0;
	unsigned int found = 0;
	unsigned int i;

	for (i = 0; i < NODES; i++)
		wanted += member[i] && nodes[i].first <= last &&
			  nodes[i].last >= first;
	rmap_for_each(node, root, first, last)
	{
		EXPECT(node->first <= last && node->last >= first);
		EXPECT(member[node - nodes]);
		EXPECT(!before || before->first <= node->first);
		before = node;
		found++;
	}
	EXPECT_EQ(found, wanted);
}

KTEST(rmap_root, random_members_agree_with_a_list)
{
	static struct rmap_node nodes[NODES];
	static bool member[NODES];
	struct rng *rng = ktest_rng(test);
	struct rmap_root root;
	unsigned int round;
	long members = 0;

	open_root(&root);
	for (round = 0; round < 3000 && !ktest_failed(test); round++) {
		unsigned int i = rng_below(rng, NODES);
		unsigned long first = rng_below(rng, OFFSET);
		unsigned long last = first + rng_below(rng, 12);

		if (!member[i]) {
			set(&nodes[i], first, last);
			rmap_insert(&root, &nodes[i]);
			member[i] = true;
			members++;
		} else if (rng_below(rng, 2)) {
			rmap_move_last(&nodes[i], max(nodes[i].first, last));
		} else {
			rmap_remove(&root, &nodes[i]);
			member[i] = false;
			members--;
		}
		EXPECT_EQ(rmap_verify(&root), members);
		first = rng_below(rng, OFFSET);
		compare(test, &root, nodes, member, first, first);
		compare(test, &root, nodes, member, first,
			first + rng_below(rng, 12));
	}
	for (round = 0; round < NODES; round++)
		member[round] = false;
	up_write(&root.lock);
}
