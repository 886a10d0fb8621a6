// SPDX-License-Identifier: MIT
/*
 * tests/peer/front_test.c - the conversation with QEMU
 *
 * Start, stop, continue, reset, disconnect, and messages no front end should
 * send.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
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

static void a_ring_outside_memory_does_not_start(void)
{
	static const uint64_t bad[] = {0, ~0ull, GUEST_UVA + GUEST_REGION - 16,
				       GUEST_UVA + 8, GUEST_UVA - 16};
	struct guest g;

	guest_boot(&g, "");
	guest_stop(&g);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const uint64_t addr[5] = {0, bad[i], GUEST_UVA, GUEST_UVA, 0};
		const uint64_t kick = 0;

		EXPECT(vu_acked(&g, VU_SET_VRING_ADDR, addr, sizeof(addr), NULL,
				0));
		EXPECT(!vu_acked(&g, VU_SET_VRING_KICK, &kick, sizeof(kick),
				 &g.queue[0].kick, 1));
	}
	guest_start(&g);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	guest_shutdown(&g);
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
 * What a debugger does. Work in flight, a translation and a page request are
 * there afterwards; nothing is touched meanwhile.
 */
static void stop_and_continue_keeps_the_session(void)
{
	struct peer_wire_work w = {
		.op = PEER_OP_FETCH_ADD,
		.ctx = 1,
		.va = 0x1000,
		.operand = 1,
		.width = 8,
		.count = 1,
		.repeat = 200000,
	};
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct guest g;
	int running, parked;

	guest_boot(&g, "");
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
	EXPECT_EQ(guest_read(&g, guest_page(0)), 200000);
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, guest_page(2) | MAP_RWA),
		  PEER_S_OK);
	EXPECT_EQ(work_wait(&g, parked, &done, NULL, 0), PEER_S_OK);
	guest_shutdown(&g);
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

static void sigterm_is_a_clean_end_at_any_time(void)
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
	struct guest g;

	for (unsigned int i = 0; i < 3; i++) {
		guest_spawn(&g, i ? "" : "--persistent");
		if (i > 0) {
			guest_negotiate(&g);
			guest_start(&g);
			EXPECT_EQ(hello(&g, &(struct peer_wire_hello_answer){0}),
				  PEER_S_OK);
			EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
		}
		if (i > 1) {
			EXPECT_EQ(map(&g, 1, 0x1000, guest_page(0) | MAP_RWA),
				  PEER_S_OK);
			work_post(&g, &w);
			work_post(&g, &w);
		}
		kill(g.peer, SIGTERM);
		EXPECT_EQ(guest_reap(&g), 0);
		EXPECT(access(g.socket_path, F_OK) && errno == ENOENT);
		close(g.sock);
	}
}

/* Runs the peer with @args; its exit status. */
static int run_peer(const char *a, const char *b)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execl(peer_program, peer_program, a, b, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void wrong_options_are_refused(void)
{
	EXPECT_EQ(run_peer("--help", NULL), 0);
	EXPECT_EQ(run_peer("--version", NULL), 0);
	EXPECT_EQ(run_peer("--once", NULL), 2);
	EXPECT_EQ(run_peer("--what", NULL), 2);
	EXPECT_EQ(run_peer("--socket=/tmp/x", "word"), 2);
	EXPECT_EQ(run_peer("--socket=/tmp/x", "--workers=0"), 2);
	EXPECT_EQ(run_peer("--socket=/tmp/x", "--workers=-1"), 2);
	EXPECT_EQ(run_peer("--socket=/tmp/x", "--workers=two"), 2);
	EXPECT_EQ(run_peer("--socket=/tmp/x", "--rmw=maybe"), 2);
	EXPECT_EQ(run_peer("--socket=/no/such/directory/socket", NULL), 1);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(front, T(the_start_of_stock_qemu_reaches_a_session),
	  T(memory_that_can_not_be_is_refused),
	  T(messages_out_of_bounds_are_refused),
	  T(a_ring_outside_memory_does_not_start),
	  T(a_message_too_long_ends_the_connection_only),
	  T(stop_and_continue_keeps_the_session),
	  T(a_reset_ends_the_session_without_a_word),
	  T(disconnect_in_the_middle_of_work_then_again),
	  T(descriptors_sent_again_replace_the_old_ones),
	  T(sigterm_is_a_clean_end_at_any_time), T(wrong_options_are_refused));
