// SPDX-License-Identifier: MIT
/*
 * tests/peer/descriptor_test.c - descriptors that refuse a write
 *
 * The front end chooses what the peer writes to: a pipe instead of an eventfd,
 * with its reader gone, or full. A notification may be lost then, and a line of
 * the log; the peer must live, and must not wait.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "guest.h"
#include "tap.h"

/* Gives @q a new @which descriptor; the peer has a copy, so close ours. */
static void replace(struct guest *g, unsigned int queue, enum vu_request which,
		    int fd)
{
	const uint64_t index = queue;

	EXPECT(vu_acked(g, which, &index, sizeof(index), &fd, 1));
	close(fd);
}

/* The peer answers a heartbeat, seen in the ring alone: no call is waited for. */
static void expect_answer_in_ring(struct guest *g)
{
	const struct peer_wire_request beat = {PEER_CMD_HEARTBEAT, 0};
	int slot = queue_post(g, PEER_QUEUE_CONTROL, &beat, sizeof(beat),
			      sizeof(struct peer_wire_heartbeat_answer));

	/* The driver wants a notification for each answer. */
	AWAIT(queue_finished(g, PEER_QUEUE_CONTROL, slot));
	g->queue[PEER_QUEUE_CONTROL].busy[slot] = false;
}

static void want_each_call(struct guest_queue *q)
{
	__atomic_store_n(&q->avail[2 + GUEST_RING_SIZE], q->next_used,
			 __ATOMIC_SEQ_CST);
}

static void a_call_nobody_can_read_is_lost_and_the_peer_lives(void)
{
	struct guest g;
	int ends[2];

	guest_boot(&g, "");
	REQUIRE(!pipe2(ends, O_CLOEXEC));
	close(ends[0]);
	replace(&g, PEER_QUEUE_CONTROL, VU_SET_VRING_CALL, ends[1]);
	for (unsigned int i = 0; i < 3; i++) {
		want_each_call(&g.queue[PEER_QUEUE_CONTROL]);
		expect_answer_in_ring(&g);
	}
	guest_shutdown(&g);
}

static void a_full_call_pipe_is_not_waited_for(void)
{
	char block[4096] = {0};
	struct guest g;
	int ends[2];

	guest_boot(&g, "");
	REQUIRE(!pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	while (write(ends[1], block, sizeof(block)) > 0)
		;
	/* A front end's descriptor may block; the peer's writes may not. */
	REQUIRE(!fcntl(ends[1], F_SETFL, 0));
	replace(&g, PEER_QUEUE_CONTROL, VU_SET_VRING_CALL, ends[1]);
	for (unsigned int i = 0; i < 3; i++) {
		want_each_call(&g.queue[PEER_QUEUE_CONTROL]);
		expect_answer_in_ring(&g);
	}
	close(ends[0]);
	guest_shutdown(&g);
}

static void a_broken_ring_needs_no_error_eventfd(void)
{
	struct guest g;
	int ends[2];

	guest_boot(&g, "");
	REQUIRE(!pipe2(ends, O_CLOEXEC));
	close(ends[0]);
	replace(&g, PEER_QUEUE_WORK, VU_SET_VRING_ERR, ends[1]);
	queue_expose(&g, PEER_QUEUE_WORK, GUEST_RING_SIZE);
	AWAIT(STAT(&g, rings_broken) == 1);
	guest_shutdown(&g);
}

/* A peer whose stderr is the writing end of a pipe; returns the other end. */
static int boot_with_log_pipe(struct guest *g, const char *args)
{
	int own = dup(STDERR_FILENO);
	int ends[2];

	REQUIRE(own >= 0 && !pipe2(ends, O_CLOEXEC));
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	guest_spawn(g, args);
	dup2(own, STDERR_FILENO);
	close(own);
	return ends[0];
}

static void expect_alive(struct guest *g, unsigned int refused)
{
	guest_negotiate(g);
	guest_start(g);
	EXPECT_EQ(hello(g, &(struct peer_wire_hello_answer){0}), PEER_S_OK);
	/* With --verbose each of them is a line of the log. */
	for (unsigned int i = 0; i < refused; i++)
		EXPECT_EQ(simple(g, 0, 0), PEER_S_BAD_COMMAND);
	guest_shutdown(g);
}

static void a_log_without_a_reader_costs_its_lines_only(void)
{
	struct guest g;
	int reader;

	reader = boot_with_log_pipe(&g, "--verbose");
	close(reader);
	expect_alive(&g, 3);
	/* A pipe holds 64 KiB, and this one has no reader. */
	reader = boot_with_log_pipe(&g, "--verbose");
	expect_alive(&g, 3000);
	close(reader);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(descriptor, T(a_call_nobody_can_read_is_lost_and_the_peer_lives),
	  T(a_full_call_pipe_is_not_waited_for),
	  T(a_broken_ring_needs_no_error_eventfd),
	  T(a_log_without_a_reader_costs_its_lines_only));
