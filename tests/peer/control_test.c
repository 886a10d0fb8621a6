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
	EXPECT_EQ(answer.features, PEER_F_DEVMEM);
	EXPECT(answer.instance != 0);
	EXPECT_EQ(answer.session, 1);
	EXPECT_EQ(answer.va_bits, PEER_VA_BITS);
	EXPECT_EQ(answer.devmem_size, 8 << 20);
	EXPECT_EQ(answer.workers, 3);
	EXPECT_EQ(answer.rmw_window_ns, 77);
	EXPECT_EQ(answer.device_number, 3);
	guest_shutdown(&g);
	guest_boot(&g, "--devmem=0 --rmw=atomic --allow-test-options");
	EXPECT_EQ(g.limits.features, PEER_F_RMW_ATOMIC | PEER_F_TEST_OPTIONS);
	EXPECT_EQ(g.limits.devmem_size, 0);
	guest_shutdown(&g);
}

/* A driver that knows no feature: the device works all the same. */
static void features_inform_but_for_test_options(void)
{
	const struct peer_wire_hello plain = {
		.head.command = PEER_CMD_HELLO,
		.magic = PEER_MAGIC,
		.version_min = PEER_VERSION,
		.version_max = PEER_VERSION,
	};
	struct peer_wire_hello_answer answer;
	struct guest g;

	guest_boot(&g, "--devmem=8 --allow-test-options");
	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, 0), PEER_S_OK);
	EXPECT_EQ(control(&g, &plain, sizeof(plain), &answer, sizeof(answer)),
		  PEER_S_OK);
	EXPECT_EQ(answer.features, 0);
	EXPECT_EQ(answer.devmem_size, 8 << 20);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, 0x1000, PEER_MAP_DEVMEM | MAP_R), PEER_S_OK);
	EXPECT_EQ(option(&g, 0, PEER_OPT_TEST_LIE, 0), PEER_S_NOT_PERMITTED);
	guest_shutdown(&g);
}

static void every_limit_of_hello_is_within_its_bounds(void)
{
	struct peer_wire_hello_answer *limits;
	struct guest g;

	guest_boot(&g, "");
	limits = &g.limits;
#define BOUNDED(field, LIMIT)                       \
	EXPECT(limits->field >= PEER_MIN_##LIMIT && \
	       limits->field <= PEER_MAX_##LIMIT)
	BOUNDED(max_contexts, CONTEXTS);
	BOUNDED(max_map_entries, MAP_ENTRIES);
	BOUNDED(max_page_requests, PAGE_REQUESTS);
	BOUNDED(max_results, RESULTS);
	BOUNDED(max_mappings, MAPPINGS);
	BOUNDED(max_count, COUNT);
#undef BOUNDED
	EXPECT(limits->workers > 0);
	EXPECT_EQ(limits->rmw_window_ns, 0);
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
	slot = work_post(&g, &load); /* parked: its fault is not answered */
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
	EXPECT_EQ(beat.beats, 0);
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
		if (c == PEER_CMD_HELLO || c == PEER_CMD_HEARTBEAT ||
		    c == PEER_CMD_ECHO || c == PEER_CMD_STATS ||
		    c == PEER_CMD_QUERY)
			EXPECT_EQ(control(&g, request, sizes[c], answer, 8),
				  PEER_S_BAD_REQUEST);
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

/*
 * Each request is wrong in two ways; the answer names the one that is looked
 * for first: length of the head, command, length and room, session, context,
 * fields.
 */
static void a_command_is_checked_in_the_stated_order(void)
{
	unsigned char answer[256];
	unsigned char bytes[9000] = {0};
	struct peer_wire_request *head = (void *)bytes;
	const struct peer_wire_invalidate empty = {
		.head = {PEER_CMD_INVALIDATE, 9},
	};
	struct guest g;

	guest_spawn(&g, "");
	guest_negotiate(&g);
	guest_start(&g);
	/* No session yet. */
	head->command = 99;
	EXPECT_EQ(control(&g, bytes, 7, answer, 256), PEER_S_BAD_REQUEST);
	EXPECT_EQ(control(&g, bytes, 9000, answer, 256), PEER_S_BAD_REQUEST);
	EXPECT_EQ(control(&g, bytes, 9, answer, 256), PEER_S_BAD_COMMAND);
	head->command = PEER_CMD_RESET;
	EXPECT_EQ(control(&g, bytes, 9, answer, 256), PEER_S_BAD_REQUEST);
	EXPECT_EQ(control(&g, bytes, 8, answer, 256), PEER_S_NO_SESSION);
	EXPECT_EQ(control(&g, &empty, sizeof(empty), answer, 8),
		  PEER_S_NO_SESSION);
	EXPECT_EQ(hello(&g, &(struct peer_wire_hello_answer){0}), PEER_S_OK);
	EXPECT_EQ(control(&g, &empty, sizeof(empty) - 1, answer, 8),
		  PEER_S_BAD_REQUEST);
	EXPECT_EQ(control(&g, &empty, sizeof(empty), answer, 8),
		  PEER_S_NO_CONTEXT);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 9), PEER_S_OK);
	EXPECT_EQ(control(&g, &empty, sizeof(empty), answer, 8),
		  PEER_S_BAD_ADDRESS);
	/* MAP: the count is a field, the context comes before it. */
	head->command = PEER_CMD_MAP;
	head->ctx = 8;
	EXPECT_EQ(control(&g, bytes, 16, answer, 8), PEER_S_NO_CONTEXT);
	head->ctx = 9;
	EXPECT_EQ(control(&g, bytes, 16, answer, 8), PEER_S_BAD_REQUEST);
	guest_shutdown(&g);
}

/* The number is free when DESTROY was taken, not when it is complete. */
static void a_number_is_free_while_its_destroy_waits(void)
{
	const struct peer_wire_request destroy = {PEER_CMD_CTX_DESTROY, 1};
	const struct peer_wire_work add = {
		.op = PEER_OP_FETCH_ADD,
		.ctx = 1,
		.va = 0x1000,
		.operand = 1,
		.width = 8,
		.count = 1,
		.repeat = 1000,
	};
	struct peer_wire_work_done done;
	struct guest g;
	int work_slot, slot;

	guest_boot(&g, "--rmw-window=10000000");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, 0x1000, guest_page(0) | MAP_RWA), PEER_S_OK);
	work_slot = work_post(&g, &add);
	AWAIT(guest_read(&g, guest_page(0)) > 0);
	/* One access after the other holds the old context's page. */
	slot = control_post(&g, &destroy, sizeof(destroy));
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(query(&g, 1, 0x1000), 0);
	EXPECT_EQ(control_wait(&g, slot), PEER_S_OK);
	EXPECT_EQ(work_wait(&g, work_slot, &done, NULL, 0), PEER_S_CANCELED);
	EXPECT_EQ(guest_read(&g, guest_page(0)), done.done);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_EXISTS);
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
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, g.limits.max_contexts + 1),
		  PEER_S_NO_CONTEXT);
	for (unsigned int id = 1; id <= g.limits.max_contexts; id++)
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

/* With room for version 1's answer and no more, that is the answer. */
static void a_heartbeat_with_room_for_it_has_the_devices_clock(void)
{
	const struct peer_wire_request request = {PEER_CMD_HEARTBEAT, 0};
	struct peer_wire_heartbeat_clock first, second;
	const uint32_t with_clock = sizeof(first);
	const uint32_t without = sizeof(first.beat);
	struct guest g;

	guest_boot(&g, "");
	for (uint32_t room = without; room < with_clock; room++)
		EXPECT_EQ(queue_wait(&g, 0,
				     queue_post(&g, 0, &request,
						sizeof(request), room)),
			  without);
	EXPECT_EQ(queue_wait(&g, 0,
			     queue_post(&g, 0, &request, sizeof(request),
					with_clock)),
		  with_clock);
	EXPECT_EQ(control(&g, &request, sizeof(request), &first, with_clock),
		  PEER_S_OK);
	EXPECT_EQ(control(&g, &request, sizeof(request), &second, with_clock),
		  PEER_S_OK);
	EXPECT(first.now_ns != 0 && second.now_ns > first.now_ns);
	EXPECT_EQ(second.beat.beats, first.beat.beats + 1);
	guest_shutdown(&g);
}

/* Not by HELLO, not by a reset of the device. */
static void counters_never_go_back(void)
{
	const struct peer_wire_work load = {
		.op = PEER_OP_LOAD,
		.ctx = 1,
		.va = 0x1000,
		.width = 8,
		.count = 3,
		.repeat = 1,
	};
	struct peer_wire_stats_answer before, after;
	struct peer_wire_hello_answer answer;
	struct peer_wire_work_done done;
	struct guest g;

	guest_boot(&g, "");
	for (unsigned int i = 0; i < 4; i++) {
		const peer_le64 *was = &before.control_requests;
		const peer_le64 *is = &after.control_requests;

		stats(&g, &before);
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
		EXPECT_EQ(map(&g, 1, 0x1000, guest_page(0) | MAP_R), PEER_S_OK);
		EXPECT_EQ(work(&g, &load, &done), PEER_S_OK);
		if (i % 2)
			guest_reset(&g);
		EXPECT_EQ(hello(&g, &answer), PEER_S_OK);
		stats(&g, &after);
		for (unsigned int c = 0; c < 19; c++)
			EXPECT(is[c] >= was[c]);
		EXPECT_EQ(after.work_done - before.work_done, 1);
		EXPECT_EQ(after.accesses - before.accesses, 3);
		EXPECT_EQ(after.mapped - before.mapped, 1);
		EXPECT_EQ(after.unmapped - before.unmapped, 1);
	}
	guest_shutdown(&g);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(control, T(hello_negotiates_version_and_features),
	  T(features_inform_but_for_test_options),
	  T(hello_of_another_world_is_refused),
	  T(hello_again_begins_a_new_session), T(nothing_but_hello_before_hello),
	  T(every_limit_of_hello_is_within_its_bounds),
	  T(every_command_is_checked_for_its_length),
	  T(a_command_is_checked_in_the_stated_order),
	  T(a_number_is_free_while_its_destroy_waits),
	  T(echo_proves_that_memory_is_shared), T(contexts_come_and_go),

	  T(device_memory_keeps_what_was_copied),
	  T(heartbeats_count_and_tell_the_instance),
	  T(a_heartbeat_with_room_for_it_has_the_devices_clock),
	  T(counters_never_go_back));
