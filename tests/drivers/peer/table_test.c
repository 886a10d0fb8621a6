// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/table_test.c - the driver's list of translations
 */
#include <kernel/ktest.h>
#include <lib/string.h>

#include "drivers/peer/internal.h"

#define PAGES 64u

static struct peer_translation entry_for(unsigned int page)
{
	return (struct peer_translation){.va = page * PEER_PAGE_SIZE,
					 .pa = (page + 1) * PEER_PAGE_SIZE,
					 .prot = PEER_MAP_READ};
}

static void count_gone(const struct peer_translation *entry, void *arg)
{
	unsigned int *gone = arg;

	++*gone;
}

/*
 *	pages     0 1 2 3 4 5 6 7
 *	mapped      x   x x   x
 *	remove        [-----)
 */
KTEST(peer_table, range_takes_what_is_in_it_and_nothing_else)
{
	struct peer_table table;
	unsigned int pages[] = {4, 1, 6, 3}, i, gone = 0;

	REQUIRE_EQ(peer_table_create(&table, 8), 0);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		struct peer_translation entry = entry_for(pages[i]);

		peer_table_set(&table, &entry);
	}
	EXPECT(peer_table_verify(&table));
	EXPECT(!peer_table_overlaps(&table, 2 * PEER_PAGE_SIZE,
				    3 * PEER_PAGE_SIZE));
	EXPECT(peer_table_overlaps(&table, 2 * PEER_PAGE_SIZE,
				   5 * PEER_PAGE_SIZE));
	EXPECT_EQ(peer_table_remove(&table, 2 * PEER_PAGE_SIZE,
				    5 * PEER_PAGE_SIZE, count_gone, &gone),
		  2u);
	EXPECT_EQ(gone, 2u);
	EXPECT(peer_table_find(&table, 1 * PEER_PAGE_SIZE));
	EXPECT(!peer_table_find(&table, 3 * PEER_PAGE_SIZE));
	EXPECT(!peer_table_find(&table, 4 * PEER_PAGE_SIZE));
	EXPECT(peer_table_find(&table, 6 * PEER_PAGE_SIZE));
	EXPECT(peer_table_verify(&table));
	peer_table_destroy(&table);
}

KTEST(peer_table, setting_again_replaces)
{
	struct peer_translation entry = entry_for(3);
	struct peer_table table;

	REQUIRE_EQ(peer_table_create(&table, 2), 0);
	peer_table_set(&table, &entry);
	entry.prot = PEER_MAP_READ | PEER_MAP_WRITE;
	peer_table_set(&table, &entry);
	EXPECT_EQ(table.count, 1u);
	EXPECT_EQ(peer_table_find(&table, entry.va)->prot, entry.prot);
	peer_table_destroy(&table);
}

KTEST(peer_table, full_table_names_each_entry_as_victim_in_turn)
{
	struct peer_table table;
	unsigned int i, seen = 0;
	vaddr_t va;

	REQUIRE_EQ(peer_table_create(&table, 4), 0);
	for (i = 0; i < 4; i++) {
		struct peer_translation entry = entry_for(i);

		EXPECT(!peer_table_victim(&table, &va));
		peer_table_set(&table, &entry);
	}
	for (i = 0; i < 4; i++) {
		EXPECT(peer_table_victim(&table, &va));
		seen |= 1u << (va / PEER_PAGE_SIZE);
	}
	EXPECT_EQ(seen, 0xfu);
	peer_table_destroy(&table);
}

KTEST(peer_table, random_operations_agree_with_a_shadow)
{
	struct rng *rng = ktest_rng(test);
	bool shadow[PAGES] = {false};
	unsigned int step, i, gone, want, bad = 0;
	struct peer_table table;

	REQUIRE_EQ(peer_table_create(&table, PAGES), 0);
	for (step = 0; step < 2000; step++) {
		unsigned int from = (unsigned int)rng_below(rng, PAGES);
		unsigned int to = from + 1 + (unsigned int)rng_below(rng, 8);

		if (rng_below(rng, 3)) {
			struct peer_translation entry = entry_for(from);

			peer_table_set(&table, &entry);
			shadow[from] = true;
		} else {
			want = gone = 0;
			for (i = from; i < to && i < PAGES; i++) {
				want += shadow[i];
				shadow[i] = false;
			}
			peer_table_remove(&table, from * PEER_PAGE_SIZE,
					  to * PEER_PAGE_SIZE, count_gone, &gone);
			bad += want != gone;
		}
		for (i = 0; i < PAGES; i++)
			bad += shadow[i] !=
			       !!peer_table_find(&table, i * PEER_PAGE_SIZE);
		bad += !peer_table_verify(&table);
	}
	EXPECT_EQ(bad, 0u);
	peer_table_destroy(&table);
}
