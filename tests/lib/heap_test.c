// SPDX-License-Identifier: MIT
/*
 * tests/lib/heap_test.c - the pairing heap against a search of an array
 */
#include <lib/heap.h>
#include <kernel/ktest.h>

#define NODES 64

struct shadow {
	struct heap_node node[NODES];
	bool in[NODES];
	unsigned int count;
};

static u64 least_key(const struct shadow *s, u64 base)
{
	u64 least = ~0ULL;

	for (unsigned int i = 0; i < NODES; i++)
		if (s->in[i])
			least = min(least, s->node[i].key - base);
	return least + base;
}

/* Keys begin shortly before the wrap, so that some are past it. */
KTEST(heap, random_adds_and_deletes_keep_the_least_on_top)
{
	struct rng *rng = ktest_rng(test);
	struct shadow s = {.count = 0};
	struct heap heap = HEAP_INIT;
	u64 base = ~0ULL - 500;

	for (unsigned int round = 0; round < 3000; round++) {
		unsigned int i = (unsigned int)rng_below(rng, NODES);

		if (s.in[i])
			heap_del(&heap, &s.node[i]);
		else
			heap_add(&heap, &s.node[i], base + rng_below(rng, 1000));
		s.in[i] = !s.in[i];
		s.count += s.in[i] ? 1 : -1U;
		REQUIRE_EQ(heap_verify(&heap), s.count);
		REQUIRE_EQ(heap_empty(&heap), s.count == 0);
		if (s.count)
			REQUIRE_EQ(heap_first(&heap)->key, least_key(&s, base));
	}
}

KTEST(heap, taking_the_first_again_and_again_sorts)
{
	struct heap_node node[NODES];
	struct heap heap = HEAP_INIT;
	u64 last = 0;

	for (unsigned int i = 0; i < NODES; i++)
		heap_add(&heap, &node[i], rng_below(ktest_rng(test), 50));
	for (unsigned int i = 0; i < NODES; i++) {
		struct heap_node *first = heap_first(&heap);

		REQUIRE(first);
		EXPECT_LE(last, first->key);
		last = first->key;
		heap_del(&heap, first);
	}
	EXPECT(heap_empty(&heap));
}

KTEST(heap, verify_sees_a_broken_order)
{
	struct heap_node node[3];
	struct heap heap = HEAP_INIT;

	for (unsigned int i = 0; i < 3; i++)
		heap_add(&heap, &node[i], 10 + i);
	EXPECT_EQ(heap_verify(&heap), 3);
	node[2].key = 1;
	EXPECT_EQ(heap_verify(&heap), -1);
}
