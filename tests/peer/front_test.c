// SPDX-License-Identifier: MIT
/*
 * tests/peer/front_test.c - the conversation with QEMU
 *
 * Start, stop, continue, reset, disconnect, and messages no front end should
 * send.
 */
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest.h"
#include "tap.h"

static void the_start_of_stock_qemu_reaches_a_session(void)
{
	struct guest g;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	guest_shutdown(&g);
}

static const uint32_t request_of_nothing[3];

static bool mem_table(struct guest *g, uint64_t gpa, uint64_t size,
		      uint64_t uva, uint64_t offset)
{
	const uint64_t table[] = {1, gpa, size, uva, offset};

	return vu_acked(g, VU_SET_MEM_TABLE, table, sizeof(table), &g->memfd, 1);
}

static void memory_that_can_not_be_is_refused(void)
{
	const uint64_t two[] = {2,      0,       0x10000,   0x1000000, 0,
				0x8000, 0x10000, 0x2000000, 0x10000};
	const uint64_t two_uva[] = {2,       0,       0x10000,   0x1000000, 0,
				    0x10000, 0x10000, 0x1008000, 0x10000};
	struct guest g;
	int fds[2];

	guest_boot(&g, "");
	EXPECT(!mem_table(&g, 0, 4 * GUEST_REGION, GUEST_UVA, 0));
	EXPECT(!mem_table(&g, 0, 0x1000, GUEST_UVA, 2 * GUEST_REGION));
	EXPECT(!mem_table(&g, 0, 0, GUEST_UVA, 0));
	EXPECT(!mem_table(&g, ~0xfffull, 0x2000, GUEST_UVA, 0));
	EXPECT(!mem_table(&g, 0, 0x2000, ~0xfffull, 0));
	EXPECT(!mem_table(&g, 0, 0x2000, GUEST_UVA, ~0xfffull));
	EXPECT(!mem_table(&g, 7, 0x1000, GUEST_UVA, 0));
	fds[0] = fds[1] = g.memfd;
	EXPECT(!vu_acked(&g, VU_SET_MEM_TABLE, two, sizeof(two), fds, 2));
	EXPECT(!vu_acked(&g, VU_SET_MEM_TABLE, two_uva, sizeof(two_uva), fds, 2));
	EXPECT(!vu_acked(&g, VU_SET_MEM_TABLE, two, sizeof(two), fds, 1));
	EXPECT(!vu_acked(&g, VU_SET_MEM_TABLE, two, 40, fds, 2));
	EXPECT(!vu_acked(&g, VU_SET_MEM_TABLE, two, 4, NULL, 0));
	/* The memory of before is still there. */
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	guest_shutdown(&g);
}

static void messages_out_of_bounds_are_refused(void)
{
	const uint32_t states[][2] = {{16, 256}, {0xffffffff, 256}, {0, 0},
				      {0, 3},    {0, 65536},        {0, 256}};
	const uint32_t ring[2] = {200, 1};
	const uint64_t features = 1ull << 40;
	const uint64_t kick = 0xff;
	struct guest g;

	guest_boot(&g, "");
	/* The last state is right, but the ring runs. */
	for (unsigned int i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		EXPECT(!vu_acked(&g, VU_SET_VRING_NUM, states[i], 8, NULL, 0));
	EXPECT(!vu_acked(&g, VU_SET_VRING_BASE, states[5], 8, NULL, 0));
	EXPECT(!vu_acked(&g, VU_SET_VRING_ENABLE, ring, 8, NULL, 0));
	EXPECT(!vu_acked(&g, VU_SET_FEATURES, &features, 8, NULL, 0));
	EXPECT(!vu_acked(&g, VU_SET_VRING_KICK, &kick, 8, &g.queue[0].kick, 1));
	for (uint32_t request = 100; request < 120; request++)
		EXPECT(!vu_acked(&g, request, NULL, 0, &g.memfd, 1));
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	guest_shutdown(&g);
}

/*
 * The addresses are taken as they come, for memory may come later; the kick
 * that would start the ring is refused.
 */
static void a_ring_outside_memory_does_not_start(void)
{
	static const uint64_t good[3] = {GUEST_UVA, GUEST_UVA, GUEST_UVA};
	static const struct {
		unsigned int part; /* 0 descriptors, 1 used, 2 available */
		uint64_t address;
	} bad[] = {
		{0, 0},
		{0, ~0ull},
		{0, GUEST_UVA + GUEST_REGION - 16},
		{0, GUEST_UVA - 16},
		{0, GUEST_UVA + 8},
		{1, GUEST_UVA + GUEST_REGION - 4},
		{1, GUEST_UVA + 2},
		{2, GUEST_UVA + GUEST_REGION - 2},
		{2, GUEST_UVA + 1},
	};
	const uint64_t kick = 0;
	struct guest g;

	guest_boot(&g, "");
	guest_stop(&g);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t addr[5] = {0, good[0], good[1], good[2], 0};

		addr[1 + bad[i].part] = bad[i].address;
		EXPECT(vu_acked(&g, VU_SET_VRING_ADDR, addr, sizeof(addr), NULL,
				0));
		EXPECT(!vu_acked(&g, VU_SET_VRING_KICK, &kick, sizeof(kick),
				 &g.queue[0].kick, 1));
	}
	guest_start(&g);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	guest_shutdown(&g);
}

static void memory_that_goes_stops_its_rings(void)
{
	const struct peer_wire_request request = {PEER_CMD_CTX_CREATE, 1};
	struct guest g;
	int slot;

	guest_boot(&g, "");
	/* The rings are in the low region; the table that comes has the high. */
	EXPECT(mem_table(&g, GUEST_HIGH, GUEST_REGION, GUEST_UVA_HIGH,
			 GUEST_REGION));
	slot = control_post(&g, &request, sizeof(request));
	usleep(20000);
	EXPECT(!queue_finished(&g, PEER_QUEUE_CONTROL, slot));
	/* They are set up again as after a stop: the session is still there. */
	guest_stop(&g);
	guest_start(&g);
	EXPECT_EQ(control_wait(&g, slot), PEER_S_OK);
	guest_shutdown(&g);
}

static void a_message_too_short_is_refused(void)
{
	static const struct {
		enum vu_request request;
		uint32_t size;
	} sizes[] = {
		{VU_SET_FEATURES, 8},    {VU_SET_PROTOCOL_FEATURES, 8},
		{VU_SET_MEM_TABLE, 8},   {VU_SET_VRING_NUM, 8},
		{VU_SET_VRING_ADDR, 40}, {VU_SET_VRING_BASE, 8},
		{VU_SET_VRING_KICK, 8},  {VU_SET_VRING_CALL, 8},
		{VU_SET_VRING_ERR, 8},   {VU_SET_VRING_ENABLE, 8},
	};
	const uint32_t state[2] = {0, 0};
	uint32_t reply[2] = {7, 7};
	struct guest g;

	guest_boot(&g, "");
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const char zeros[40] = {0};

		EXPECT(!vu_acked(&g, sizes[i].request, zeros, sizes[i].size - 1,
				 &g.queue[0].kick, 1));
	}
	/* Answered, or QEMU would wait for ever; and nothing is stopped. */
	vu_send(&g, VU_GET_VRING_BASE, 0, state, 7, NULL, 0);
	EXPECT(vu_reply(&g, reply, sizeof(reply)));
	EXPECT_EQ(reply[1], 0);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	guest_shutdown(&g);
}

/* A ring that is never kicked would be a queue that is never served. */
static void a_kick_without_a_descriptor_is_refused(void)
{
	const struct peer_wire_request request = {PEER_CMD_CTX_CREATE, 2};
	const uint64_t none = 1 << 8;
	const uint64_t missing = 0;
	struct guest g;
	int slot;

	guest_boot(&g, "");
	EXPECT(!vu_acked(&g, VU_SET_VRING_KICK, &none, sizeof(none), NULL, 0));
	EXPECT(!vu_acked(&g, VU_SET_VRING_KICK, &missing, sizeof(missing), NULL,
			 0));
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	/* Without a call descriptor it works, unheard. */
	EXPECT(vu_acked(&g, VU_SET_VRING_CALL, &none, sizeof(none), NULL, 0));
	slot = control_post(&g, &request, sizeof(request));
	AWAIT(queue_finished(&g, PEER_QUEUE_CONTROL, slot));
	guest_shutdown(&g);
}

/* A generic front end has no configuration of its own and asks the device. */
static void the_configuration_names_the_device(void)
{
	struct {
		uint32_t offset, size, flags;
		union {
			struct peer_wire_config config;
			unsigned char bytes[256];
		};
	} all = {.size = 256}, part = {.offset = 36, .size = 4};
	static const struct {
		uint32_t offset, size, length;
	} bad[] = {{0, 257, 269}, {200, 57, 69}, {~0u, 4, 16}, {0, ~0u, 268},
		   {0, 40, 51},   {0, 40, 53},   {0, 0, 11}};
	uint64_t features = 0;
	struct guest g;

	guest_spawn(&g, "--config");
	vu_send(&g, VU_GET_PROTOCOL_FEATURES, 0, NULL, 0, NULL, 0);
	EXPECT(vu_reply(&g, &features, sizeof(features)));
	EXPECT_EQ(features, 1 << 0 | 1 << 3 | 1 << 9);
	vu_send(&g, VU_GET_CONFIG, 0, &all, sizeof(all), NULL, 0);
	EXPECT(vu_reply(&g, &all, sizeof(all)));
	EXPECT(!strcmp(all.config.tag, PEER_TAG));
	EXPECT_EQ(all.config.work_queues, PEER_QUEUES_MAX - PEER_QUEUE_WORK);
	EXPECT_EQ(all.bytes[40] | all.bytes[255], 0);
	vu_send(&g, VU_GET_CONFIG, 0, &part, 16, NULL, 0);
	EXPECT(vu_reply(&g, &part, 16));
	EXPECT_EQ(part.bytes[0], PEER_QUEUES_MAX - PEER_QUEUE_WORK);
	/* An answer without payload says no. */
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t request[80] = {bad[i].offset, bad[i].size};

		vu_send(&g, VU_GET_CONFIG, 0, request, bad[i].length, NULL, 0);
		EXPECT(vu_reply(&g, NULL, 0));
	}
	guest_shutdown(&g);
	/* Stock QEMU 7.2 warns of an offer that it cannot use: none is made. */
	guest_boot(&g, "");
	/* One that asks all the same is answered. */
	vu_send(&g, VU_GET_CONFIG, 0, &all, sizeof(all), NULL, 0);
	memset(&all, 0, sizeof(all));
	EXPECT(vu_reply(&g, &all, sizeof(all)));
	EXPECT(!strcmp(all.config.tag, PEER_TAG));
	EXPECT(!vu_acked(&g, VU_SET_CONFIG, request_of_nothing,
			 sizeof(request_of_nothing), NULL, 0));
	guest_shutdown(&g);
}

/* Exit status 1: the front end broke the protocol. */
static void a_breach_of_the_protocol_is_an_exit_status(void)
{
	const uint32_t heads[][3] = {
		{VU_SET_OWNER, 1, 513}, /* a payload longer than any known */
		{VU_SET_OWNER, 0, 0},   /* version 0 */
		{VU_SET_OWNER, 2, 0},   /* version 2 */
	};
	int fds[9];
	struct guest g;

	for (unsigned int i = 0; i < 3; i++) {
		guest_boot(&g, "");
		EXPECT(send(g.sock, heads[i], 12, 0) == 12);
		EXPECT_EQ(guest_reap(&g), 1 << 8);
		guest_disconnect(&g);
	}
	guest_boot(&g, "");
	for (unsigned int i = 0; i < 9; i++)
		fds[i] = g.memfd;
	EXPECT(vu_acked(&g, VU_SET_OWNER, NULL, 0, fds, 8));
	vu_send(&g, VU_SET_OWNER, 0, NULL, 0, fds, 9);
	EXPECT_EQ(guest_reap(&g), 1 << 8);
	guest_disconnect(&g);
}

static void a_message_too_long_ends_the_connection_only(void)
{
	const uint32_t head[3] = {5, 1, 0x7fffffff};
	uint64_t reply;
	struct guest g;

	guest_boot(&g, "--persistent");
	EXPECT(send(g.sock, head, sizeof(head), 0) == sizeof(head));
	EXPECT(!vu_reply(&g, &reply, sizeof(reply)));
	guest_disconnect(&g);
	guest_connect(&g);
	guest_negotiate(&g);
	kill(g.peer, SIGTERM);
	EXPECT_EQ(guest_reap(&g), 0);
	close(g.sock);
}

/*
 * As a debugger does. Work in flight, a translation and a page request are
 * there afterwards; nothing is touched meanwhile.
 */
static void stop_and_continue(const char *args, uint64_t repeat)
{
	struct peer_wire_work w = {
		.op = PEER_OP_FETCH_ADD,
		.ctx = 1,
		.va = 0x1000,
		.operand = 1,
		.width = 8,
		.count = 1,
		.repeat = repeat,
	};
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct guest g;
	int running, parked;

	guest_boot(&g, args);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	EXPECT_EQ(map(&g, 1, 0x1000, guest_page(0) | MAP_RWA), PEER_S_OK);
	offer_buffers(&g, 2);
	running = work_post(&g, &w);
	w.va = 0x2000;
	w.repeat = 1;
	parked = work_post(&g, &w);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	for (unsigned int i = 0; i < 20; i++) {
		uint64_t value;

		guest_stop(&g);
		value = guest_read(&g, guest_page(0));
		usleep(500);
		EXPECT_EQ(guest_read(&g, guest_page(0)), value);
		guest_start(&g);
	}
	EXPECT_EQ(work_wait(&g, running, &done, NULL, 0), PEER_S_OK);
	EXPECT_EQ(guest_read(&g, guest_page(0)), repeat);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, guest_page(2) | MAP_RWA),
		  PEER_S_OK);
	EXPECT_EQ(work_wait(&g, parked, &done, NULL, 0), PEER_S_OK);
	guest_shutdown(&g);
}

/* With a wide window nearly each stop comes amid one: it waits for the store. */
static void stop_and_continue_keeps_the_session(void)
{
	stop_and_continue("", 200000);
	stop_and_continue("--rmw-window=1000000", 100);
}

static void a_reset_ends_the_session_without_a_word(void)
{
	const struct peer_wire_work w = {
		.op = PEER_OP_FETCH_ADD,
		.ctx = 1,
		.va = 0x1000,
		.operand = 1,
		.width = 8,
		.count = 2,
		.stride = 0x1000,
		.repeat = 10000000 / 2,
	};
	struct peer_wire_hello_answer answer;
	struct guest g;

	guest_boot(&g, "");
	for (unsigned int i = 0; i < 20; i++) {
		uint64_t value;

		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
		EXPECT_EQ(map(&g, 1, 0x1000, guest_page(0) | MAP_RWA), PEER_S_OK);
		if (i % 2)
			EXPECT_EQ(map(&g, 1, 0x2000, guest_page(1) | MAP_RWA),
				  PEER_S_OK);
		work_post(&g, &w);
		work_post(&g, &w);
		AWAIT(guest_read(&g, guest_page(0)) != 0);
		guest_reset(&g);
		/* Not even a command before HELLO starts anything again. */
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_NO_SESSION);
		value = guest_read(&g, guest_page(0));
		usleep(500);
		EXPECT_EQ(guest_read(&g, guest_page(0)), value);
		EXPECT_EQ(g.queue[PEER_QUEUE_WORK].used[1], 0);
		EXPECT_EQ(hello(&g, &answer), PEER_S_OK);
		EXPECT_EQ(answer.session, i + 2);
		guest_write(&g, guest_page(0), 0);
	}
	guest_shutdown(&g);
}

static void disconnect_in_the_middle_of_work_then_again(void)
{
	const struct peer_wire_work w = {
		.op = PEER_OP_FETCH_ADD,
		.ctx = 1,
		.va = 0x1000,
		.operand = 1,
		.width = 8,
		.count = 1,
		.repeat = 10000000,
	};
	struct peer_wire_hello_answer answer;
	struct guest g;

	guest_boot(&g, "--persistent --stats");
	for (unsigned int i = 0; i < 10; i++) {
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
		EXPECT_EQ(map(&g, 1, 0x1000, guest_page(0) | MAP_RWA), PEER_S_OK);
		for (unsigned int j = 0; j < 5; j++)
			work_post(&g, &w);
		invalidate_post(&g, 1, 0x1000, 0x2000);
		guest_disconnect(&g);
		guest_connect(&g);
		guest_negotiate(&g);
		for (unsigned int q = 0; q < GUEST_QUEUES; q++) {
			g.queue[q].next_avail = 0;
			g.queue[q].next_used = 0;
			memset(g.queue[q].desc, 0, 0x10000);
			memset(g.queue[q].busy, 0, sizeof(g.queue[q].busy));
		}
		guest_start(&g);
		EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_NO_SESSION);
		EXPECT_EQ(hello(&g, &answer), PEER_S_OK);
	}
	kill(g.peer, SIGTERM);
	EXPECT_EQ(guest_reap(&g), 0);
	close(g.sock);
}

static void descriptors_sent_again_replace_the_old_ones(void)
{
	struct guest g;

	guest_boot(&g, "");
	for (unsigned int i = 0; i < 2000; i++) {
		const uint64_t index = i % GUEST_QUEUES;
		struct guest_queue *q = &g.queue[index];
		const int new = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		REQUIRE(new >= 0);
		if (i % 2) {
			vu_send(&g, VU_SET_VRING_CALL, 0, &index, sizeof(index),
				&new, 1);
			close(q->call);
			q->call = new;
		} else {
			EXPECT(vu_acked(&g, VU_SET_VRING_KICK, &index,
					sizeof(index), &new, 1));
			close(q->kick);
			q->kick = new;
		}
		if (i % 50 == 0)
			EXPECT_EQ(simple(&g, PEER_CMD_RESET, 0), PEER_S_OK);
	}
	guest_shutdown(&g);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(front, T(the_start_of_stock_qemu_reaches_a_session),
	  T(memory_that_can_not_be_is_refused),
	  T(messages_out_of_bounds_are_refused),
	  T(a_ring_outside_memory_does_not_start),
	  T(memory_that_goes_stops_its_rings), T(a_message_too_short_is_refused),
	  T(a_kick_without_a_descriptor_is_refused),
	  T(the_configuration_names_the_device),
	  T(a_breach_of_the_protocol_is_an_exit_status),
	  T(a_message_too_long_ends_the_connection_only),
	  T(stop_and_continue_keeps_the_session),
	  T(a_reset_ends_the_session_without_a_word),
	  T(disconnect_in_the_middle_of_work_then_again),
	  T(descriptors_sent_again_replace_the_old_ones));
