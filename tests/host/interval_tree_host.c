// SPDX-License-Identifier: MIT
/*
 * tests/host/interval_tree_host.c - the interval tree against a linear shadow
 *
 * Problem.  A tree that is wrong once in a million operations is wrong.
 *
 * Idea.  A million operations, each drawn: insert, remove or query. The shadow
 * is the list of the members, in no order, each with its bounds as they were
 * drawn: what the tree's own code makes of them is under test as well. A query is
 * right when the walk reports, in order of starts, as many members as the shadow
 * finds by looking at each, all of those, and none of them twice: so every
 * overlap once, and nothing else. interval_tree_verify() after each batch, the last and unfinished
 * one included; a batch is as long as the tree is large, so that looking at all of
 * it does not take all the time.
 *
 * Phases differ in how many there may be, in how long they are and in how
 * close together; each goes up and down in number twice, the largest steeply
 * enough to come to its most. In every phase some are equal, some end with the
 * space, some are a byte.
 *
 *	phase & 3	members up to	phase >> 2 & 3	longest
 *	0		8		0		1
 *	1		40		1		4
 *	2		320		2		64
 *	3		2,000		3		600
 *
 * Options: OPS=n SEED=n. Not here: threads; the tree has no locks.
 */
#include "host.h"

#define NODES       2000
#define PHASE_OPS   16384
#define BATCH_FLOOR 64

struct shadow {
	struct interval_tree_node node;
	unsigned long start, last; /* as drawn */
	unsigned long query;       /* that reported it last */
};

static struct shadow all[NODES];
/* Those before members are in the tree. */
static struct shadow *list[NODES];
static unsigned long members, most_reached;
static struct interval_tree tree;
static unsigned long inserts, removes, queries, overlaps;

static unsigned long most_members(unsigned long phase)
{
	static const unsigned long most[] = {8, 40, 320, NODES};

	return most[phase & 3];
}

static void random_bounds(struct rng *rng, unsigned long phase, struct shadow *one)
{
	static const unsigned long longest[] = {1, 4, 64, 600};
	unsigned long start = rng_below(rng, phase & 16 ? 40 : 1000);
	unsigned long last = start + rng_below(rng, longest[phase >> 2 & 3]);

	if (rng_below(rng, 50) == 0)
		last = ~0ul;
	else if (rng_below(rng, 50) == 0)
		start = last = ~0ul - 1 - rng_below(rng, 3);
	else if (members && rng_below(rng, 8) == 0)
		start = list[rng_below(rng, members)]->start;
	one->start = start;
	one->last = last < start ? start : last;
	interval_tree_node_init(&one->node, one->start, one->last);
}

static void insert_one(struct rng *rng, unsigned long phase)
{
	struct shadow *one;
	unsigned long i = members + rng_below(rng, NODES - members);

	one = list[i];
	list[i] = list[members];
	list[members] = one;
	random_bounds(rng, phase, one);
	interval_tree_insert(&one->node, &tree);
	members++;
	if (most_reached < members)
		most_reached = members;
	inserts++;
}

/* Return: is the tree as empty as the shadow? */
static bool remove_one(struct rng *rng)
{
	unsigned long i = rng_below(rng, members);
	struct shadow *one = list[i];

	members--;
	list[i] = list[members];
	list[members] = one;
	removes++;
	interval_tree_remove(&one->node, &tree);
	return interval_tree_empty(&tree) == !members;
}

static bool meets(const struct shadow *one, unsigned long start, unsigned long end)
{
	return one->start < end && one->last >= start;
}

/* One that ends at the last byte but one ends at the last, for all that ask. */
static bool bounds_kept(const struct shadow *one)
{
	unsigned long last = one->last == ~0ul - 1 ? ~0ul : one->last;

	return interval_tree_start(&one->node) == one->start &&
	       interval_tree_last(&one->node) == last;
}

static bool query_one(struct rng *rng)
{
	unsigned long start = rng_below(rng, 1200);
	unsigned long end = start + 1 + rng_below(rng, rng_below(rng, 300) + 1);
	unsigned long before = 0, reported = 0, found = 0, i;
	struct interval_tree_node *node;
	struct shadow *one;
	bool right = true;

	if (rng_below(rng, 40) == 0)
		end = ~0ul;
	else if (rng_below(rng, 40) == 0)
		start = (end = ~0ul - rng_below(rng, 3)) - 1;
	queries++;
	interval_tree_for_each(node, &tree, start, end)
	{
		one = container_of(node, struct shadow, node);
		right &= one->query != queries;
		right &= bounds_kept(one) && one->start >= before;
		one->query = queries;
		before = one->start;
		/* A walk that does not end is not waited for. */
		if (++reported > members)
			return false;
	}
	for (i = 0; i < members; i++) {
		if (!meets(list[i], start, end))
			continue;
		right &= list[i]->query == queries;
		found++;
	}
	overlaps += found;
	return right && reported == found;
}

/* Up to the most and down to none, twice in each phase. */
static bool grows(struct rng *rng, unsigned long op, unsigned long phase)
{
	unsigned long most = most_members(phase);
	unsigned long up = most == NODES ? 7 : 5;

	if (!members)
		return true;
	if (members >= most)
		return false;
	return rng_below(rng, 8) < (op & (PHASE_OPS / 4) ? 8 - up : up);
}

static bool is_whole(void)
{
	return interval_tree_verify(&tree) == (long)members;
}

int main(int argc, char **argv)
{
	unsigned long ops = host_option(argc, argv, "OPS", 1000000);
	unsigned long seed = host_option(argc, argv, "SEED", 1);
	struct rng rng = rng_init(seed);
	bool answers = true, shape = true;
	unsigned long i, phase, batch = 0;

	host_plan(3);
	printf("# seed %lu\n", seed);
	for (i = 0; i < NODES; i++)
		list[i] = &all[i];
	interval_tree_init(&tree);
	for (i = 0; i < ops && answers && shape; i++) {
		phase = i / PHASE_OPS;
		if (rng_below(&rng, 4) == 0)
			answers = query_one(&rng);
		else if (grows(&rng, i, phase))
			insert_one(&rng, phase);
		else
			shape = remove_one(&rng);
		if (batch-- == 0) {
			batch = members < BATCH_FLOOR ? BATCH_FLOOR : members;
			shape &= is_whole();
		}
	}
	shape = shape && is_whole();
	printf("# %lu operations: %lu inserts, %lu removes, %lu queries that found %lu overlaps; at most %lu members\n",
	       i, inserts, removes, queries, overlaps, most_reached);
	host_result(answers, "every_overlap_is_reported_once_in_order");
	host_result(shape, "every_invariant_holds_after_each_batch");
	host_result(inserts + removes + queries == ops,
		    "all_the_operations_asked_for_were_done");
	return host_verdict();
}
