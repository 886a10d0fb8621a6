// SPDX-License-Identifier: MIT
/*
 * tests/peer/map_test.c - MAP, QUERY and INVALIDATE, and the translations after them
 */
#include <string.h>

#include "guest.h"
#include "tap.h"

static void refuses_what_no_driver_would_send(void)
{
	const uint64_t page = guest_page(0);
	struct guest g;

	guest_boot(&g, "--devmem=1");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(map(&g, 2, 0, page | MAP_R), PEER_S_NO_CONTEXT);
	EXPECT_EQ(map(&g, 1, 0, page), PEER_S_BAD_REQUEST);
	EXPECT_EQ(map(&g, 1, 0, page | PEER_MAP_WRITE), PEER_S_BAD_REQUEST);
	EXPECT_EQ(map(&g, 1, 0, page | PEER_MAP_READ | PEER_MAP_ATOMIC),
		  PEER_S_BAD_REQUEST);
	EXPECT_EQ(map(&g, 1, 0, page | MAP_R | 16), PEER_S_BAD_REQUEST);
	EXPECT_EQ(map(&g, 1, 8, page | MAP_R), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(map(&g, 1, 1ull << 48, page | MAP_R), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(map(&g, 1, 0, GUEST_REGION | MAP_R), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(map(&g, 1, 0, ~0xfffull | MAP_R), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(map(&g, 1, 0, 1 << 20 | PEER_MAP_DEVMEM | MAP_R),
		  PEER_S_BAD_ADDRESS);
	EXPECT_EQ(map(&g, 1, 0, 0xff000 | PEER_MAP_DEVMEM | MAP_R), PEER_S_OK);
	EXPECT_EQ(query(&g, 1, 0), 0xff000 | PEER_MAP_DEVMEM | MAP_R);
	guest_shutdown(&g);
}

/*
 *	old	R	RW	RW	R	page A
 *	new	RW	R	RW	R	page B in the last
 *		fine	refused	fine	refused
 */
static void rights_are_added_and_never_taken(void)
{
	const uint64_t a = guest_page(0);
	const uint64_t b = guest_page(2);
	struct guest g;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, 0x1000, a | MAP_R), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, 0x1000, a | MAP_RW), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, 0x1000, a | MAP_R), PEER_S_EXISTS);
	EXPECT_EQ(map(&g, 1, 0x1000, a | MAP_RW), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, 0x1000, b | MAP_RW), PEER_S_EXISTS);
	EXPECT_EQ(query(&g, 1, 0x1000), a | MAP_RW);
	EXPECT_EQ(invalidate(&g, 1, 0x1000, 0x2000), PEER_S_OK);
	EXPECT_EQ(query(&g, 1, 0x1000), 0);
	EXPECT_EQ(map(&g, 1, 0x1000, b | MAP_R), PEER_S_OK);
	guest_shutdown(&g);
}

/* A MAP of up to as many entries as any device takes. */
struct long_map {
	struct peer_wire_map map;
	struct peer_wire_map_entry entry[PEER_MAX_MAP_ENTRIES];
};

static uint32_t map_many(struct guest *g, struct long_map *request, uint32_t n,
			 uint32_t *detail)
{
	struct peer_wire_answer answer;
	uint32_t status;

	request->map.head.command = PEER_CMD_MAP;
	request->map.head.ctx = 1;
	request->map.count = n;
	status = control(g, request,
			 sizeof(request->map) + n * sizeof(request->entry[0]),
			 &answer, sizeof(answer));
	*detail = answer.detail;
	return status;
}

static void a_vector_is_all_or_nothing(void)
{
	struct peer_wire_stats_answer before, after;
	struct long_map request = {0};
	struct peer_wire_answer answer;
	uint32_t most, bad;
	struct guest g;

	guest_boot(&g, "");
	most = g.limits.max_map_entries;
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, 0x3000, guest_page(9) | MAP_R), PEER_S_OK);
	for (unsigned int i = 0; i < most; i++)
		request.entry[i] = (struct peer_wire_map_entry){
			i * 0x1000, guest_page(i) | MAP_RW};

	/* Entry 3 is mapped otherwise: found only after 0..2 were set. */
	EXPECT_EQ(map_many(&g, &request, 5, &bad), PEER_S_EXISTS);
	EXPECT_EQ(bad, 3);
	for (unsigned int i = 0; i < 5; i++)
		EXPECT_EQ(query(&g, 1, i * 0x1000),
			  i == 3 ? guest_page(9) | MAP_R : 0);

	/* A page that was mapped before loses the rights that the vector added. */
	EXPECT_EQ(map(&g, 1, 0x1000, guest_page(1) | MAP_R), PEER_S_OK);
	EXPECT_EQ(map_many(&g, &request, 5, &bad), PEER_S_EXISTS);
	EXPECT_EQ(query(&g, 1, 0x1000), guest_page(1) | MAP_R);
	EXPECT_EQ(invalidate(&g, 1, 0x1000, 0x2000), PEER_S_OK);

	/* An entry's own faults are found before a clash with a mapped page. */
	request.entry[4].va = 0x4001;
	EXPECT_EQ(map_many(&g, &request, 5, &bad), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(bad, 4);
	request.entry[3].target = guest_page(9) | MAP_RW;
	EXPECT_EQ(map_many(&g, &request, 5, &bad), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(query(&g, 1, 0x3000), guest_page(9) | MAP_R);

	request.entry[4].va = 0x4000;
	stats(&g, &before);
	EXPECT_EQ(map_many(&g, &request, most, &bad), PEER_S_OK);
	stats(&g, &after);
	EXPECT_EQ(after.mapped - before.mapped, most - 1);
	for (uint32_t lie = 0; lie < 3; lie++) {
		const uint32_t counts[] = {0, most + 1, 0xffffffff};

		request.map.count = counts[lie];
		EXPECT_EQ(control(&g, &request, 16 + 16 * most, &answer,
				  sizeof(answer)),
			  PEER_S_BAD_REQUEST);
	}
	EXPECT_EQ(invalidate(&g, 1, 0, 1ull << 48), PEER_S_OK);
	stats(&g, &before);
	EXPECT_EQ(before.unmapped - after.unmapped, most);

	/* One page twice in a vector: as if the one came after the other. */
	request.entry[1].va = request.entry[0].va;
	request.entry[1].target = request.entry[0].target | MAP_RWA;
	EXPECT_EQ(map_many(&g, &request, 2, &bad), PEER_S_OK);
	EXPECT_EQ(query(&g, 1, 0), guest_page(0) | MAP_RWA);
	EXPECT_EQ(map_many(&g, &request, 2, &bad), PEER_S_EXISTS);
	EXPECT_EQ(bad, 0);
	guest_shutdown(&g);
}

/*
 * A table covers 2 MiB, 1 GiB, 512 GiB or all; 65,536 are there. N pages that
 * lie 2 MiB apart need N + N/512 (rounded up) + 1 + 1 of them: 127 * 512 fit,
 * 128 * 512 do not.
 */
static void tables_end_where_their_budget_does(void)
{
	struct long_map request = {0};
	const unsigned int n = PEER_MIN_MAP_ENTRIES;
	uint32_t status = PEER_S_OK, bad;
	unsigned int pages = 0;
	struct guest g;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	if (g.limits.max_mappings < 65536) {
		/* It comes to the other limit first. */
		guest_shutdown(&g);
		return;
	}
	for (; pages <= 65536 && status == PEER_S_OK; pages += n) {
		for (unsigned int i = 0; i < n; i++)
			request.entry[i] = (struct peer_wire_map_entry){
				(uint64_t)(pages + i) << 21,
				guest_page(0) | MAP_R};
		status = map_many(&g, &request, n, &bad);
	}
	EXPECT_EQ(status, PEER_S_LIMIT);
	/* 65,536 - 1 - 1 - 128 tables are left for the pages. */
	EXPECT_EQ(pages - n + bad, 65536 - 130);
	/* The refused vector left nothing; earlier translations are there. */
	EXPECT_EQ(query(&g, 1, request.entry[0].va), 0);
	EXPECT_EQ(query(&g, 1, 0), guest_page(0) | MAP_R);
	EXPECT_EQ(invalidate(&g, 1, 0, 1ull << 48), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, 0, guest_page(2) | MAP_R), PEER_S_OK);
	guest_shutdown(&g);
}

static void a_context_holds_as_many_pages_as_hello_says(void)
{
	struct long_map request = {0};
	uint64_t pages = 0, most, n;
	uint32_t bad;
	struct guest g;

	guest_boot(&g, "");
	most = g.limits.max_mappings;
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	while (pages < most) {
		n = g.limits.max_map_entries;
		if (n > most - pages)
			n = most - pages;
		for (unsigned int i = 0; i < n; i++)
			request.entry[i] = (struct peer_wire_map_entry){
				(pages + i) << 12, guest_page(0) | MAP_R};
		REQUIRE(map_many(&g, &request, n, &bad) == PEER_S_OK);
		pages += n;
	}
	EXPECT_EQ(map(&g, 1, pages << 12, guest_page(0) | MAP_R), PEER_S_LIMIT);
	/* All of them are there: the device drops none by itself. */
	for (unsigned int i = 0; i < 100; i++) {
		uint64_t page = i ? tap_random() % most : most - 1;

		EXPECT_EQ(query(&g, 1, page << 12), guest_page(0) | MAP_R);
	}
	/* A page that is there already needs no other. */
	EXPECT_EQ(map(&g, 1, 0, guest_page(0) | MAP_RW), PEER_S_OK);
	EXPECT_EQ(invalidate(&g, 1, 0, 0x1000), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, pages << 12, guest_page(0) | MAP_R), PEER_S_OK);
	guest_shutdown(&g);
}

static void invalidate_drops_exactly_its_range(void)
{
	struct guest g;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(invalidate(&g, 1, 0x1000, 0x1000), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(invalidate(&g, 1, 0x2000, 0x1000), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(invalidate(&g, 1, 0x1000, 0x1800), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(invalidate(&g, 1, 0, (1ull << 48) + 0x1000),
		  PEER_S_BAD_ADDRESS);
	EXPECT_EQ(invalidate(&g, 9, 0, 0x1000), PEER_S_NO_CONTEXT);

	/* Random maps and unmaps over table boundaries, against a shadow. */
	uint64_t shadow[64] = {0};
	const uint64_t base = (1ull << 39) - 32 * 0x1000;

	for (unsigned int round = 0; round < 400; round++) {
		unsigned int at = tap_random() % 64;
		unsigned int to = at + 1 + tap_random() % (64 - at);

		if (tap_random() % 3) {
			shadow[at] = guest_page(at) | MAP_R;
			EXPECT_EQ(map(&g, 1, base + at * 0x1000, shadow[at]),
				  PEER_S_OK);
		} else {
			EXPECT_EQ(invalidate(&g, 1, base + at * 0x1000,
					     base + to * 0x1000),
				  PEER_S_OK);
			memset(&shadow[at], 0, (to - at) * sizeof(shadow[0]));
		}
		at = tap_random() % 64;
		EXPECT_EQ(query(&g, 1, base + at * 0x1000), shadow[at]);
	}
	guest_shutdown(&g);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(map, T(refuses_what_no_driver_would_send),
	  T(rights_are_added_and_never_taken), T(a_vector_is_all_or_nothing),
	  T(tables_end_where_their_budget_does),
	  T(a_context_holds_as_many_pages_as_hello_says),
	  T(invalidate_drops_exactly_its_range));
