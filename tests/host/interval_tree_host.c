// SPDX-License-Identifier: MIT
/*
 * tests/host/interval_tree_host.c - the interval tree against a linear shadow
 *
 * Problem.  A tree that is wrong once in a million operations is wrong.
 *
 * Idea.  Random inserts, removes and queries over a few hundred nodes, in
 * phases that favour short, long, equal and extreme intervals; each query is
 * compared with a look at every node: every overlap reported once, in order of
 * starts, and nothing else. interval_tree_verify() after each batch.
 *
 * Options: OPS=n SEED=n. Not here: threads; the tree has no locks.
 */
#include "host.h"

#define NODES 320

struct shadow {
	struct interval_tree_node node;
	bool in;
	unsigned int seen;
};

static struct shadow all[NODES];
static struct interval_tree tree;
static long members;

static void random_bounds(struct rng *rng, unsigned int phase,
			  struct interval_tree_node *node)
{
	static const unsigned long longest[] = {1, 4, 64, 600};
	unsigned long start = rng_below(rng, phase & 1 ? 1000 : 40);
	unsigned long last = start + rng_below(rng, longest[phase & 3]);

	if (rng_below(rng, 50) == 0)
		last = ~0ul;
	else if (rng_below(rng, 50) == 0)
		start = last = ~0ul - 1 - rng_below(rng, 3);
	interval_tree_node_init(node, start, last);
}

static void change_one(struct rng *rng, unsigned int phase)
{
	struct shadow *one = &all[rng_below(rng, phase & 4 ? NODES : 24)];

	if (one->in) {
		interval_tree_remove(&one->node, &tree);
		members--;
	} else {
		random_bounds(rng, phase, &one->node);
		interval_tree_insert(&one->node, &tree);
		members++;
	}
	one->in = !one->in;
}

static bool query_one(struct rng *rng)
{
	unsigned long start = rng_below(rng, 1200);
	unsigned long end = start + 1 + rng_below(rng, rng_below(rng, 300) + 1);
	struct interval_tree_node *node;
	unsigned long before = 0;
	bool right = true;
	int i;

	if (rng_below(rng, 40) == 0)
		end = ~0ul;
	for (i = 0; i < NODES; i++)
		all[i].seen = 0;
	interval_tree_for_each(node, &tree, start, end)
	{
		container_of(node, struct shadow, node)->seen++;
		right &= interval_tree_start(node) >= before;
		before = interval_tree_start(node);
	}
	for (i = 0; i < NODES; i++) {
		bool meets = all[i].in &&
			     interval_tree_start(&all[i].node) < end &&
			     interval_tree_last(&all[i].node) >= start;

		right &= all[i].seen == meets;
	}
	return right;
}

int main(int argc, char **argv)
{
	unsigned long ops = host_option(argc, argv, "OPS", 1000000);
	unsigned long seed = host_option(argc, argv, "SEED", 1);
	struct rng rng = rng_init(seed);
	bool queries = true, shape = true;
	unsigned long i;

	host_plan(2);
	printf("# seed %lu, %lu operations\n", seed, ops);
	interval_tree_init(&tree);
	for (i = 0; i < ops && queries && shape; i++) {
		change_one(&rng, i / 4096);
		if (i % 8 == 0)
			queries = query_one(&rng);
		if (i % 64 == 0)
			shape = interval_tree_verify(&tree) == members;
	}
	if (!queries || !shape)
		printf("# failed at operation %lu\n", i);
	host_result(queries, "every_overlap_is_reported_once_in_order");
	host_result(shape, "every_invariant_holds_after_each_batch");
	return host_verdict();
}
