// SPDX-License-Identifier: MIT
/*
 * tests/peer/control_test.c - the commands of the control queue
 *
 * Each command once as it should be, and with each of its fields wrong.
 */
#include <string.h>

#include "guest.h"
#include "tap.h"

static void hello_negotiates_version_and_features(void)
{
	struct peer_wire_hello_answer answer;
	struct guest g;

	guest_spawn(&g, "--number=3 --devmem=8 --workers=3 --rmw-window=77");
	guest_negotiate(&g);
	guest_start(&g);
	EXPECT_EQ(hello(&g, &answer), PEER_S_OK);
	EXPECT_EQ(answer.magic, PEER_MAGIC);
	EXPECT_EQ(answer.version, PEER_VERSION);
	EXPECT_EQ(answer.device_number, 3);
	EXPECT_EQ(answer.features, PEER_F_DEVMEM);
	EXPECT(answer.instance != 0);
	EXPECT_EQ(answer.session, 1);
	EXPECT_EQ(answer.va_bits, PEER_VA_BITS);
	EXPECT_EQ(answer.devmem_size, 8 << 20);
	EXPECT_EQ(answer.workers, 3);
	EXPECT_EQ(answer.rmw_window_ns, 77);
	guest_shutdown(&g);
}

static void hello_of_another_world_is_refused(void)
{
	const struct peer_wire_hello good = {
		.head.command = PEER_CMD_HELLO,
		.magic = PEER_MAGIC,
		.version_min = 1,
		.version_max = 1,
	};
	struct peer_wire_hello_answer answer;
	struct peer_wire_hello bad;
	struct guest g;

	guest_boot(&g, "");
	bad = good;
	bad.magic++;
	EXPECT_EQ(control(&g, &bad, sizeof(bad), &answer, sizeof(answer)),
		  PEER_S_BAD_VERSION);
	bad = good;
	bad.version_min = bad.version_max = 2;
	EXPECT_EQ(control(&g, &bad, sizeof(bad), &answer, sizeof(answer)),
		  PEER_S_BAD_VERSION);
	bad = good;
	bad.version_min = bad.version_max = 0;
	EXPECT_EQ(control(&g, &bad, sizeof(bad), &answer, sizeof(answer)),
		  PEER_S_BAD_VERSION);
	/* The session of before is still there. */
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	guest_shutdown(&g);
}

static void hello_again_begins_a_new_session(void)
{
	struct peer_wire_hello_answer answer;
	struct peer_wire_work_done done;
	const struct peer_wire_work load = {
		.op = PEER_OP_LOAD,
		.ctx = 1,
		.va = 0x5000,
		.width = 8,
		.count = 1,
		.repeat = 1,
	};
	struct guest g;
	int slot;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	slot = work_post(&g, &load); /* parked: nobody answers its fault */
	AWAIT(STAT(&g, page_request_waits) == 1);
	EXPECT_EQ(hello(&g, &answer), PEER_S_OK);
	EXPECT_EQ(answer.session, 2);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_CANCELED);
	EXPECT_EQ(map(&g, 1, 0x1000, guest_page(0) | MAP_R), PEER_S_NO_CONTEXT);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	guest_shutdown(&g);
}

static void nothing_but_hello_before_hello(void)
{
	struct peer_wire_heartbeat_answer beat;
	const struct peer_wire_request heartbeat = {PEER_CMD_HEARTBEAT, 0};
	const struct peer_wire_work load = {
		.op = PEER_OP_LOAD,
		.ctx = 1,
		.width = 8,
		.count = 1,
		.repeat = 1,
	};
	struct peer_wire_work_done done;
	struct guest g;

	guest_spawn(&g, "");
	guest_negotiate(&g);
	guest_start(&g);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_NO_SESSION);
	EXPECT_EQ(simple(&g, PEER_CMD_RESET, 0), PEER_S_NO_SESSION);
	EXPECT_EQ(map(&g, 1, 0, guest_page(0) | MAP_R), PEER_S_NO_SESSION);
	EXPECT_EQ(work(&g, &load, &done), PEER_S_NO_SESSION);
	EXPECT_EQ(control(&g, &heartbeat, sizeof(heartbeat), &beat, sizeof(beat)),
		  PEER_S_OK);
	EXPECT_EQ(beat.session, 0);
	guest_shutdown(&g);
}

static void every_command_is_checked_for_its_length(void)
{
	static const uint32_t sizes[] = {
		[PEER_CMD_HELLO] = sizeof(struct peer_wire_hello),
		[PEER_CMD_HEARTBEAT] = sizeof(struct peer_wire_request),
		[PEER_CMD_ECHO] = sizeof(struct peer_wire_echo),
		[PEER_CMD_RESET] = sizeof(struct peer_wire_request),
		[PEER_CMD_CTX_CREATE] = sizeof(struct peer_wire_request),
		[PEER_CMD_CTX_DESTROY] = sizeof(struct peer_wire_request),
		[PEER_CMD_MAP] = sizeof(struct peer_wire_map),
		[PEER_CMD_INVALIDATE] = sizeof(struct peer_wire_invalidate),
		[PEER_CMD_FAULT_RESPONSE] =
			sizeof(struct peer_wire_fault_response),
		[PEER_CMD_DEVMEM_COPY] = sizeof(struct peer_wire_devmem_copy),
		[PEER_CMD_SET_OPTION] = sizeof(struct peer_wire_set_option),
		[PEER_CMD_STATS] = sizeof(struct peer_wire_request),
		[PEER_CMD_QUERY] = sizeof(struct peer_wire_query),
	};
	unsigned char request[10000] = {0};
	unsigned char answer[256];
	struct guest g;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	for (uint32_t c = 1; c < sizeof(sizes) / sizeof(sizes[0]); c++) {
		const struct peer_wire_request head = {c, 1};

		memcpy(request, &head, sizeof(head));
		EXPECT_EQ(control(&g, request, sizes[c] - 1, answer, 256),
			  PEER_S_BAD_REQUEST);
		EXPECT_EQ(control(&g, request, sizes[c] + 1, answer, 256),
			  PEER_S_BAD_REQUEST);
		EXPECT_EQ(control(&g, request, 9000, answer, 256),
			  PEER_S_BAD_REQUEST);
		/* No room for the answer: nothing is done either. */
		EXPECT_EQ(queue_wait(&g, 0,
				     queue_post(&g, 0, request, sizes[c], 7)),
			  0);
		EXPECT_EQ(queue_wait(&g, 0,
				     queue_post(&g, 0, request, sizes[c], 0)),
			  0);
	}
	EXPECT_EQ(control(&g, request, 0, answer, 8), PEER_S_BAD_REQUEST);
	EXPECT_EQ(simple(&g, 0, 0), PEER_S_BAD_COMMAND);
	EXPECT_EQ(simple(&g, PEER_CMD_QUERY + 1, 0), PEER_S_BAD_COMMAND);
	EXPECT_EQ(simple(&g, 0xffffffff, 0), PEER_S_BAD_COMMAND);
	guest_shutdown(&g);
}

static void echo_proves_that_memory_is_shared(void)
{
	struct peer_wire_echo echo = {
		.head.command = PEER_CMD_ECHO,
		.value = 0x1122334455667788,
	};
	struct peer_wire_echo_answer answer;
	struct guest g;

	guest_boot(&g, "");
	for (unsigned int i = 0; i < 2; i++) {
		echo.gpa = guest_page(i) + 40;
		guest_write(&g, echo.gpa, 4711 + i);
		EXPECT_EQ(control(&g, &echo, sizeof(echo), &answer,
				  sizeof(answer)),
			  PEER_S_OK);
		EXPECT_EQ(answer.seen, 4711 + i);
		EXPECT_EQ(guest_read(&g, echo.gpa), echo.value);
	}
	static const uint64_t bad[] = {
		3,
		GUEST_REGION,
		GUEST_REGION - 4,
		GUEST_HIGH - 8,
		GUEST_HIGH + GUEST_REGION,
		~0ull,
		~7ull,
	};
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		echo.gpa = bad[i];
		EXPECT_EQ(control(&g, &echo, sizeof(echo), &answer,
				  sizeof(answer)),
			  PEER_S_BAD_ADDRESS);
	}
	guest_shutdown(&g);
}

static void contexts_come_and_go(void)
{
	struct guest g;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 0), PEER_S_NO_CONTEXT);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, PEER_MAX_CONTEXTS + 1),
		  PEER_S_NO_CONTEXT);
	for (unsigned int id = 1; id <= PEER_MAX_CONTEXTS; id++)
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, id), PEER_S_OK);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 7), PEER_S_EXISTS);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_DESTROY, 7), PEER_S_OK);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_DESTROY, 7), PEER_S_NO_CONTEXT);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_DESTROY, 0), PEER_S_NO_CONTEXT);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 7), PEER_S_OK);
	EXPECT_EQ(simple(&g, PEER_CMD_RESET, 0), PEER_S_OK);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_DESTROY, 1), PEER_S_NO_CONTEXT);
	guest_shutdown(&g);
}

static void map_refuses_what_no_driver_would_send(void)
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
static void map_adds_rights_and_never_takes_them(void)
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

static void map_is_all_or_nothing(void)
{
	struct {
		struct peer_wire_map map;
		struct peer_wire_map_entry entry[PEER_MAX_MAP_ENTRIES];
	} request = {
		.map = {.head = {PEER_CMD_MAP, 1}},
	};
	struct peer_wire_answer answer;
	struct peer_wire_stats_answer before, after;
	struct guest g;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, 0x3000, guest_page(9) | MAP_R), PEER_S_OK);
	for (unsigned int i = 0; i < PEER_MAX_MAP_ENTRIES; i++)
		request.entry[i] = (struct peer_wire_map_entry){
			i * 0x1000, guest_page(i) | MAP_RW};

	/* Entry 3 is mapped otherwise: found only after 0..2 were set. */
	request.map.count = 5;
	EXPECT_EQ(control(&g, &request, 16 + 5 * 16, &answer, sizeof(answer)),
		  PEER_S_EXISTS);
	EXPECT_EQ(answer.detail, 3);
	for (unsigned int i = 0; i < 5; i++)
		EXPECT_EQ(query(&g, 1, i * 0x1000),
			  i == 3 ? guest_page(9) | MAP_R : 0);

	request.entry[3].target = guest_page(9) | MAP_RW;
	request.entry[4].va = 0x4001;
	EXPECT_EQ(control(&g, &request, 16 + 5 * 16, &answer, sizeof(answer)),
		  PEER_S_BAD_ADDRESS);
	EXPECT_EQ(answer.detail, 4);
	EXPECT_EQ(query(&g, 1, 0x3000), guest_page(9) | MAP_R);

	request.entry[4].va = 0x4000;
	request.map.count = PEER_MAX_MAP_ENTRIES;
	stats(&g, &before);
	EXPECT_EQ(control(&g, &request, sizeof(request), &answer, sizeof(answer)),
		  PEER_S_OK);
	stats(&g, &after);
	EXPECT_EQ(after.mapped - before.mapped, PEER_MAX_MAP_ENTRIES - 1);
	for (uint32_t lie = 0; lie < 3; lie++) {
		static const uint32_t counts[] = {0, 513, 0xffffffff};

		request.map.count = counts[lie];
		EXPECT_EQ(control(&g, &request, sizeof(request), &answer,
				  sizeof(answer)),
			  PEER_S_BAD_REQUEST);
	}
	EXPECT_EQ(invalidate(&g, 1, 0, 1ull << 48), PEER_S_OK);
	stats(&g, &before);
	EXPECT_EQ(before.unmapped - after.unmapped, PEER_MAX_MAP_ENTRIES);
	guest_shutdown(&g);
}

static void tables_end_where_their_budget_does(void)
{
	struct {
		struct peer_wire_map map;
		struct peer_wire_map_entry entry[PEER_MAX_MAP_ENTRIES];
	} request = {
		.map = {.head = {PEER_CMD_MAP, 1}, .count = PEER_MAX_MAP_ENTRIES},
	};
	struct peer_wire_answer answer;
	uint32_t status = PEER_S_OK;
	unsigned int rounds;
	struct guest g;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	/* Each page two megabytes from the next: a table of its own. */
	for (rounds = 0; rounds < 200 && status == PEER_S_OK; rounds++) {
		for (unsigned int i = 0; i < PEER_MAX_MAP_ENTRIES; i++)
			request.entry[i] = (struct peer_wire_map_entry){
				(uint64_t)(rounds * PEER_MAX_MAP_ENTRIES + i)
					<< 21,
				guest_page(0) | MAP_R};
		status = control(&g, &request, sizeof(request), &answer,
				 sizeof(answer));
	}
	EXPECT_EQ(status, PEER_S_LIMIT);
	EXPECT(rounds > 100);
	/* What the refused vector had begun is gone, the rest is there. */
	EXPECT_EQ(query(&g, 1, request.entry[0].va), 0);
	EXPECT_EQ(query(&g, 1, 0), guest_page(0) | MAP_R);
	EXPECT_EQ(invalidate(&g, 1, 0, 1ull << 48), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, 0, guest_page(2) | MAP_R), PEER_S_OK);
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

static uint32_t devmem_copy(struct guest *g, uint32_t direction,
			    uint64_t offset, uint64_t gpa, uint64_t length)
{
	const struct peer_wire_devmem_copy request = {
		.head.command = PEER_CMD_DEVMEM_COPY,
		.direction = direction,
		.offset = offset,
		.gpa = gpa,
		.length = length,
	};
	struct peer_wire_answer answer;

	return control(g, &request, sizeof(request), &answer, sizeof(answer));
}

static void device_memory_keeps_what_was_copied(void)
{
	const uint64_t a = guest_page(0);
	const uint64_t b = guest_page(1);
	struct guest g;

	guest_boot(&g, "--devmem=2");
	for (unsigned int i = 0; i < 2 * PEER_PAGE_SIZE / 8; i++)
		guest_write(&g, a + 8 * i, i * 0x0101010101010101ull);
	EXPECT_EQ(devmem_copy(&g, PEER_DEVMEM_FROM_GUEST, 4093, a, 5003),
		  PEER_S_OK);
	EXPECT_EQ(devmem_copy(&g, PEER_DEVMEM_ZERO, 4093 + 5000, 0, 3),
		  PEER_S_OK);
	EXPECT_EQ(devmem_copy(&g, PEER_DEVMEM_TO_GUEST, 4093, b + 1, 5003),
		  PEER_S_OK);
	EXPECT(!memcmp(guest_at(&g, a), (char *)guest_at(&g, b) + 1, 5000));
	EXPECT(!memcmp((char *)guest_at(&g, b) + 5001, "\0\0\0", 3));

	EXPECT_EQ(devmem_copy(&g, 3, 0, a, 8), PEER_S_BAD_REQUEST);
	EXPECT_EQ(devmem_copy(&g, 0, 0, a, 0), PEER_S_BAD_REQUEST);
	EXPECT_EQ(devmem_copy(&g, 0, 0, 0, PEER_MAX_DEVMEM_COPY + 1),
		  PEER_S_BAD_REQUEST);
	EXPECT_EQ(devmem_copy(&g, PEER_DEVMEM_ZERO, 0, a, 8), PEER_S_BAD_REQUEST);
	EXPECT_EQ(devmem_copy(&g, 0, 2 << 20, a, 1), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(devmem_copy(&g, 0, (2 << 20) - 1, a, 2), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(devmem_copy(&g, 0, ~0ull, a, 2), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(devmem_copy(&g, 0, 0, GUEST_REGION - 1, 2), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(devmem_copy(&g, 1, 0, ~0ull, 2), PEER_S_BAD_ADDRESS);
	guest_shutdown(&g);
}

static void options_are_bounded_and_test_options_locked(void)
{
	struct guest g;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(option(&g, 1, PEER_OPT_RMW_WINDOW_NS, 1000), PEER_S_OK);
	EXPECT_EQ(option(&g, 0, PEER_OPT_RMW_WINDOW_NS, 1000), PEER_S_OK);
	EXPECT_EQ(option(&g, 1, PEER_OPT_RMW_WINDOW_NS,
			 PEER_MAX_RMW_WINDOW_NS + 1),
		  PEER_S_BAD_REQUEST);
	EXPECT_EQ(option(&g, 2, PEER_OPT_RMW_ATOMIC, 1), PEER_S_NO_CONTEXT);
	EXPECT_EQ(option(&g, 1, PEER_OPT_RMW_ATOMIC, 2), PEER_S_BAD_REQUEST);
	EXPECT_EQ(option(&g, 1, 77, 0), PEER_S_BAD_REQUEST);
	for (uint32_t o = PEER_OPT_TEST_EARLY_ACK; o < 0x190; o++)
		EXPECT_EQ(option(&g, 1, o, 1), PEER_S_NOT_PERMITTED);
	guest_shutdown(&g);

	guest_boot(&g, "--allow-test-options");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(option(&g, 1, PEER_OPT_TEST_EARLY_ACK, 1), PEER_S_OK);
	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_EARLY_ACK, 1), PEER_S_BAD_REQUEST);
	EXPECT_EQ(option(&g, 1, PEER_OPT_TEST_LIE, 1), PEER_S_BAD_REQUEST);
	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, PEER_LIE_COUNT),
		  PEER_S_BAD_REQUEST);
	guest_shutdown(&g);
}

static void heartbeats_count_and_tell_the_instance(void)
{
	const struct peer_wire_request request = {PEER_CMD_HEARTBEAT, 0};
	struct peer_wire_heartbeat_answer beat;
	uint64_t instance;
	struct guest g;

	guest_boot(&g, "");
	instance = g.instance;
	for (unsigned int i = 1; i < 4; i++) {
		EXPECT_EQ(control(&g, &request, sizeof(request), &beat,
				  sizeof(beat)),
			  PEER_S_OK);
		EXPECT_EQ(beat.beats, i);
		EXPECT_EQ(beat.session, 1);
		EXPECT_EQ(beat.instance, instance);
	}
	guest_shutdown(&g);
	guest_boot(&g, "");
	EXPECT(g.instance != instance);
	guest_shutdown(&g);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(control, T(hello_negotiates_version_and_features),
	  T(hello_of_another_world_is_refused),
	  T(hello_again_begins_a_new_session), T(nothing_but_hello_before_hello),
	  T(every_command_is_checked_for_its_length),
	  T(echo_proves_that_memory_is_shared), T(contexts_come_and_go),
	  T(map_refuses_what_no_driver_would_send),
	  T(map_adds_rights_and_never_takes_them), T(map_is_all_or_nothing),
	  T(tables_end_where_their_budget_does),
	  T(invalidate_drops_exactly_its_range),
	  T(device_memory_keeps_what_was_copied),
	  T(options_are_bounded_and_test_options_locked),
	  T(heartbeats_count_and_tell_the_instance));
