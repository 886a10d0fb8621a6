// SPDX-License-Identifier: MIT
/*
 * tests/peer/guest_front.c - the front end: the messages of QEMU on the socket
 *
 * The messages and their order are those of QEMU 7.2 with vhost-user-fs-pci: at
 * realize (guest_negotiate), at DRIVER_OK (guest_start), at a stop of the
 * virtual machine or a reset of the device (guest_stop).
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest.h"
#include "tap.h"

void vu_send(struct guest *g, uint32_t request, uint32_t flags,
	     const void *payload, uint32_t size, const int *fds, unsigned n)
{
	uint32_t head[3] = {request, flags | 1, size};
	union {
		char bytes[CMSG_SPACE(9 * sizeof(int))];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	struct iovec iov[2] = {
		{head, sizeof(head)},
		{(void *)payload, size},
	};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};

	if (n) {
		struct cmsghdr *c;

		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	/* A peer that hung up shows in the reply that does not come. */
	if (sendmsg(g->sock, &m, MSG_NOSIGNAL) < 0)
		EXPECT(errno == EPIPE || errno == ECONNRESET);
}

static bool receive_all(struct guest *g, void *to, size_t len)
{
	struct pollfd p = {.fd = g->sock, .events = POLLIN};
	char *at = to;

	while (len) {
		ssize_t n;

		if (poll(&p, 1, GUEST_TIMEOUT_MS) <= 0)
			tap_giveup(__FILE__, __LINE__, "the peer replied");
		n = recv(g->sock, at, len, 0);
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool vu_reply(struct guest *g, void *payload, uint32_t size)
{
	uint32_t head[3];

	if (!receive_all(g, head, sizeof(head)))
		return false;
	EXPECT_EQ(head[1], 5);
	REQUIRE(head[2] == size);
	return receive_all(g, payload, size);
}

bool vu_acked(struct guest *g, uint32_t request, const void *payload,
	      uint32_t size, const int *fds, unsigned n)
{
	uint64_t result = 99;

	vu_send(g, request, 8, payload, size, fds, n);
	return vu_reply(g, &result, sizeof(result)) && !result;
}

static uint64_t get_u64(struct guest *g, uint32_t request)
{
	uint64_t value = 0;

	vu_send(g, request, 0, NULL, 0, NULL, 0);
	REQUIRE(vu_reply(g, &value, sizeof(value)));
	return value;
}

static void set_u64(struct guest *g, uint32_t request, uint64_t value,
		    const int *fd)
{
	vu_send(g, request, 0, &value, sizeof(value), fd, fd ? 1 : 0);
}

static void set_state(struct guest *g, uint32_t request, uint32_t index,
		      uint32_t num)
{
	uint32_t state[2] = {index, num};

	vu_send(g, request, 0, state, sizeof(state), NULL, 0);
}

void guest_negotiate(struct guest *g)
{
	uint64_t features = get_u64(g, VU_GET_FEATURES);

	EXPECT_EQ(features, 1ull << 28 | 1ull << 29 | 1ull << 30 | 1ull << 32);
	EXPECT_EQ(get_u64(g, VU_GET_PROTOCOL_FEATURES), 1 << 0 | 1 << 3);
	set_u64(g, VU_SET_PROTOCOL_FEATURES, 1 << 0 | 1 << 3, NULL);
	EXPECT_EQ(get_u64(g, VU_GET_QUEUE_NUM), PEER_QUEUES_MAX);
	vu_send(g, VU_SET_OWNER, 0, NULL, 0, NULL, 0);
	get_u64(g, VU_GET_FEATURES);
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		set_u64(g, VU_SET_VRING_CALL, i, &g->queue[i].call);
		set_u64(g, VU_SET_VRING_ERR, i, &g->queue[i].err);
	}
}

void guest_start(struct guest *g)
{
	const uint64_t table[] = {
		2,
		0,
		GUEST_REGION,
		GUEST_UVA,
		0,
		GUEST_HIGH,
		GUEST_REGION,
		GUEST_UVA_HIGH,
		GUEST_REGION,
	};
	const int fds[2] = {g->memfd, g->memfd};

	set_u64(g, VU_SET_FEATURES,
		1ull << 28 | 1ull << 29 | 1ull << 30 | 1ull << 32, NULL);
	EXPECT(vu_acked(g, VU_SET_MEM_TABLE, table, sizeof(table), fds, 2));
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		const uint64_t area = GUEST_UVA + QUEUE_AREA(i);
		const uint64_t addr[5] = {i, area, area + QUEUE_USED,
					  area + QUEUE_AVAIL, 0};

		set_state(g, VU_SET_VRING_NUM, i, GUEST_RING_SIZE);
		set_state(g, VU_SET_VRING_BASE, i, g->queue[i].next_avail);
		vu_send(g, VU_SET_VRING_ADDR, 0, addr, sizeof(addr), NULL, 0);
		set_u64(g, VU_SET_VRING_KICK, i, &g->queue[i].kick);
	}
	for (unsigned int i = 0; i < GUEST_QUEUES; i++)
		set_state(g, VU_SET_VRING_ENABLE, i, 1);
	for (unsigned int i = 0; i < GUEST_QUEUES; i++)
		set_u64(g, VU_SET_VRING_CALL, i, &g->queue[i].call);
}

void guest_stop(struct guest *g)
{
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		uint32_t state[2] = {i, 0};

		vu_send(g, VU_GET_VRING_BASE, 0, state, sizeof(state), NULL, 0);
		REQUIRE(vu_reply(g, state, sizeof(state)));
		EXPECT_EQ(state[0], i);
		g->queue[i].next_avail = (uint16_t)state[1];
	}
}

static void empty_queue(struct guest *g, struct guest_queue *q)
{
	memset(guest_at(g, QUEUE_AREA(q->index)), 0, 0x10000);
	memset(q->busy, 0, sizeof(q->busy));
	memset(q->finished, 0, sizeof(q->finished));
	q->next_avail = 0;
	q->next_used = 0;
}

void guest_reset(struct guest *g)
{
	guest_stop(g);
	for (unsigned int i = 0; i < GUEST_QUEUES; i++)
		empty_queue(g, &g->queue[i]);
	guest_start(g);
}

void guest_boot(struct guest *g, const char *args)
{
	struct peer_wire_hello_answer answer;

	guest_spawn(g, args);
	guest_negotiate(g);
	guest_start(g);
	EXPECT_EQ(hello(g, &answer), PEER_S_OK);
}
