// SPDX-License-Identifier: MIT
/*
 * tests/peer/guest.c - QEMU and a guest, small enough for a test
 *
 * Problem.  What the peer must survive no sane guest does, and QEMU would not
 * let a test look at each message. So this plays both: the front end with
 * messages as QEMU 7.2 sends them, and a driver whose every descriptor the
 * test can bend.
 *
 * Idea.  The peer is a process of its own, as in life, and is built with the
 * same sanitizers as the test. Its exit status is part of each test: a
 * sanitizer's report or a crash fails the test in which it happened.
 *
 * Over 600 lines because front end and driver are two sides of the same rings.
 *
 * One thread drives the queues; tests that need a busy CPU beside it start a
 * thread that only touches RAM. Waiting has a limit, and the limit is a
 * failure, so that nothing hangs.
 *
 * Not here: any claim about the peer; see the *_test.c files.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "tap.h"

#define QUEUE_AREA(q) (0x10000ull + (q)*0x10000ull)
#define QUEUE_AVAIL   0x4000
#define QUEUE_USED    0x8000
#define SLOT_SIZE     0x5000ull
#define SLOT_AREA(q)  (0x100000ull + (q)*GUEST_SLOTS * SLOT_SIZE)
#define SLOT_REQUEST  0x400
#define SLOT_ANSWER   0x3000

_Static_assert(SLOT_AREA(GUEST_QUEUES) <= GUEST_FREE, "slots below the pages");

/* vhost-user requests */
enum {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	SET_VRING_ERR = 14,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	GET_QUEUE_NUM = 17,
	SET_VRING_ENABLE = 18,
};

const char *peer_program;
static pid_t running; /* the peer started last, 0 when it was reaped */

uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- process and socket ------------------------------------------------- */

void guest_connect(struct guest *g)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	uint64_t end = clock_ns() + GUEST_TIMEOUT_MS * 1000000ull;

	strncpy(address.sun_path, g->socket_path, sizeof(address.sun_path) - 1);
	do {
		g->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		REQUIRE(g->sock >= 0);
		if (!connect(g->sock, (struct sockaddr *)&address,
			     sizeof(address)))
			return;
		close(g->sock);
		usleep(1000);
	} while (clock_ns() < end);
	REQUIRE(!"the peer came up");
}

void guest_disconnect(struct guest *g)
{
	close(g->sock);
	g->sock = -1;
}

static void exec_peer(struct guest *g, const char *args)
{
	char socket_arg[160];
	char words[256];
	char *argv[16];
	int n = 0;

	snprintf(socket_arg, sizeof(socket_arg), "--socket=%s", g->socket_path);
	snprintf(words, sizeof(words), "%s", args);
	argv[n++] = (char *)peer_program;
	argv[n++] = socket_arg;
	for (char *w = strtok(words, " "); w && n < 15; w = strtok(NULL, " "))
		argv[n++] = w;
	argv[n] = NULL;
	dup2(STDERR_FILENO, STDOUT_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	execv(peer_program, argv);
	_exit(127);
}

void guest_spawn(struct guest *g, const char *args)
{
	static unsigned int number;
	const char *dir = getenv("TMPDIR");

	memset(g, 0, sizeof(*g));
	snprintf(g->socket_path, sizeof(g->socket_path), "%s/peer_test.%d.%u",
		 dir ? dir : "/tmp", (int)getpid(), number++);
	g->memfd = memfd_create("guest", MFD_CLOEXEC);
	REQUIRE(g->memfd >= 0 && !ftruncate(g->memfd, 2 * GUEST_REGION));
	g->ram = mmap(NULL, 2 * GUEST_REGION, PROT_READ | PROT_WRITE,
		      MAP_SHARED, g->memfd, 0);
	REQUIRE(g->ram != MAP_FAILED);
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		struct guest_queue *q = &g->queue[i];

		q->index = i;
		q->desc = guest_at(g, QUEUE_AREA(i));
		q->avail = guest_at(g, QUEUE_AREA(i) + QUEUE_AVAIL);
		q->used = guest_at(g, QUEUE_AREA(i) + QUEUE_USED);
		q->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		q->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		q->err = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	g->peer = fork();
	REQUIRE(g->peer >= 0);
	if (!g->peer)
		exec_peer(g, args);
	running = g->peer;
	guest_connect(g);
}

int guest_reap(struct guest *g)
{
	uint64_t end = clock_ns() + GUEST_TIMEOUT_MS * 1000000ull;
	int status = -1;

	while (waitpid(g->peer, &status, WNOHANG) == 0) {
		if (clock_ns() > end) {
			kill(g->peer, SIGABRT);
			waitpid(g->peer, &status, 0);
			tap_fail(__FILE__, __LINE__, "the peer ended", 0, 1);
			break;
		}
		usleep(500);
	}
	running = 0;
	munmap(g->ram, 2 * GUEST_REGION);
	close(g->memfd);
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		close(g->queue[i].kick);
		close(g->queue[i].call);
		close(g->queue[i].err);
	}
	unlink(g->socket_path);
	return status;
}

void guest_abandon(void)
{
	if (!running)
		return;
	kill(running, SIGKILL);
	waitpid(running, NULL, 0);
	running = 0;
}

void guest_shutdown(struct guest *g)
{
	guest_disconnect(g);
	EXPECT_EQ(guest_reap(g), 0);
}

void vu_send(struct guest *g, uint32_t request, uint32_t flags,
	     const void *payload, uint32_t size, const int *fds, unsigned n)
{
	uint32_t head[3] = {request, flags | 1, size};
	union {
		char bytes[CMSG_SPACE(8 * sizeof(int))];
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
	uint64_t features = get_u64(g, GET_FEATURES);

	EXPECT_EQ(features, 1ull << 28 | 1ull << 29 | 1ull << 30 | 1ull << 32);
	EXPECT_EQ(get_u64(g, GET_PROTOCOL_FEATURES), 1 << 0 | 1 << 3);
	set_u64(g, SET_PROTOCOL_FEATURES, 1 << 0 | 1 << 3, NULL);
	EXPECT_EQ(get_u64(g, GET_QUEUE_NUM), PEER_QUEUES_MAX);
	vu_send(g, SET_OWNER, 0, NULL, 0, NULL, 0);
	get_u64(g, GET_FEATURES);
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		set_u64(g, SET_VRING_CALL, i, &g->queue[i].call);
		set_u64(g, SET_VRING_ERR, i, &g->queue[i].err);
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

	set_u64(g, SET_FEATURES,
		1ull << 28 | 1ull << 29 | 1ull << 30 | 1ull << 32, NULL);
	EXPECT(vu_acked(g, SET_MEM_TABLE, table, sizeof(table), fds, 2));
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		const uint64_t area = GUEST_UVA + QUEUE_AREA(i);
		const uint64_t addr[5] = {i, area, area + QUEUE_USED,
					  area + QUEUE_AVAIL, 0};

		set_state(g, SET_VRING_NUM, i, GUEST_RING_SIZE);
		set_state(g, SET_VRING_BASE, i, g->queue[i].next_avail);
		vu_send(g, SET_VRING_ADDR, 0, addr, sizeof(addr), NULL, 0);
		set_u64(g, SET_VRING_KICK, i, &g->queue[i].kick);
	}
	for (unsigned int i = 0; i < GUEST_QUEUES; i++)
		set_state(g, SET_VRING_ENABLE, i, 1);
	for (unsigned int i = 0; i < GUEST_QUEUES; i++)
		set_u64(g, SET_VRING_CALL, i, &g->queue[i].call);
}

void guest_stop(struct guest *g)
{
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		uint32_t state[2] = {i, 0};

		vu_send(g, GET_VRING_BASE, 0, state, sizeof(state), NULL, 0);
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

/* ---- memory ------------------------------------------------------------- */

void *guest_at(struct guest *g, uint64_t gpa)
{
	return g->ram +
	       (gpa < GUEST_HIGH ? gpa : gpa - GUEST_HIGH + GUEST_REGION);
}

uint64_t guest_page(unsigned int n)
{
	return (n % 2 ? GUEST_HIGH + (1 << 20) : GUEST_FREE) +
	       n / 2 * PEER_PAGE_SIZE;
}

/* ---- queues ------------------------------------------------------------- */

static uint64_t slot_gpa(unsigned int queue, int slot)
{
	return SLOT_AREA(queue) + (unsigned int)slot * SLOT_SIZE;
}

uint64_t slot_table_gpa(unsigned int queue, int slot)
{
	return slot_gpa(queue, slot);
}

uint64_t slot_request_gpa(unsigned int queue, int slot)
{
	return slot_gpa(queue, slot) + SLOT_REQUEST;
}

void *slot_request(struct guest *g, unsigned int queue, int slot)
{
	return guest_at(g, slot_request_gpa(queue, slot));
}

void *slot_answer(struct guest *g, unsigned int queue, int slot)
{
	return guest_at(g, slot_gpa(queue, slot) + SLOT_ANSWER);
}

static uint16_t *avail_event_of(struct guest_queue *q)
{
	return &q->used[2 + 4 * GUEST_RING_SIZE];
}

void queue_expose(struct guest *g, unsigned int queue, uint16_t head)
{
	struct guest_queue *q = &g->queue[queue];
	uint16_t old = q->next_avail++;
	uint16_t event;

	q->avail[2 + old % GUEST_RING_SIZE] = head;
	__atomic_exchange_n(&q->avail[1], q->next_avail, __ATOMIC_SEQ_CST);
	event = __atomic_load_n(avail_event_of(q), __ATOMIC_SEQ_CST);
	if ((uint16_t)(q->next_avail - event - 1) <
	    (uint16_t)(q->next_avail - old))
		EXPECT(!eventfd_write(q->kick, 1));
}

int queue_post(struct guest *g, unsigned int queue, const void *request,
	       uint32_t len, uint32_t room)
{
	struct guest_queue *q = &g->queue[queue];
	uint64_t base;
	struct guest_desc two[2];
	unsigned int n = 0;
	int slot;

	for (slot = 0; slot < GUEST_SLOTS && q->busy[slot]; slot++)
		;
	REQUIRE(slot < GUEST_SLOTS);
	base = slot_gpa(queue, slot);
	q->busy[slot] = true;
	q->finished[slot] = false;
	if (len) {
		memcpy(slot_request(g, queue, slot), request, len);
		two[n++] = (struct guest_desc){base + SLOT_REQUEST, len, 0, 0};
	}
	memset(slot_answer(g, queue, slot), 0xee, 0x1100);
	if (room)
		two[n++] = (struct guest_desc){base + SLOT_ANSWER, room,
					       DESC_WRITE, 0};
	if (n == 2)
		two[0].flags |= DESC_NEXT;
	if (g->direct) {
		two[0].next = (uint16_t)(2 * slot + 1);
		memcpy(&q->desc[2 * slot], two, n * sizeof(two[0]));
	} else {
		two[0].next = 1;
		memcpy(guest_at(g, base), two, n * sizeof(two[0]));
		q->desc[2 * slot] = (struct guest_desc){
			base, n * (uint32_t)sizeof(two[0]), DESC_INDIRECT, 0};
	}
	queue_expose(g, queue, (uint16_t)(2 * slot));
	return slot;
}

static uint16_t used_index(struct guest_queue *q)
{
	return __atomic_load_n(&q->used[1], __ATOMIC_ACQUIRE);
}

void queue_poll(struct guest *g, unsigned int queue)
{
	struct guest_queue *q = &g->queue[queue];

	while (q->next_used != used_index(q)) {
		const uint32_t *element =
			(uint32_t *)&q
				->used[2 + 4 * (q->next_used % GUEST_RING_SIZE)];
		uint32_t id = element[0];

		REQUIRE(id < GUEST_RING_SIZE && id % 2 == 0);
		REQUIRE(q->busy[id / 2] && !q->finished[id / 2]);
		q->finished[id / 2] = true;
		q->length[id / 2] = element[1];
		q->next_used++;
	}
}

bool queue_finished(struct guest *g, unsigned int queue, int slot)
{
	queue_poll(g, queue);
	return g->queue[queue].finished[slot];
}

/* Sleeps until the device gave something back, or @ms passed. */
static bool queue_sleep(struct guest *g, unsigned int queue, int ms)
{
	struct guest_queue *q = &g->queue[queue];
	struct pollfd p = {.fd = q->call, .events = POLLIN};
	uint64_t end = clock_ns() + (uint64_t)ms * 1000000;
	eventfd_t count;

	do {
		/* Asks for an interrupt at the next element, then looks. */
		__atomic_exchange_n(&q->avail[2 + GUEST_RING_SIZE],
				    q->next_used, __ATOMIC_SEQ_CST);
		if (used_index(q) != q->next_used)
			return true;
		if (poll(&p, 1, ms) > 0 && eventfd_read(q->call, &count))
			EXPECT(errno == EAGAIN);
	} while (used_index(q) == q->next_used && clock_ns() < end);
	return used_index(q) != q->next_used;
}

uint32_t queue_wait(struct guest *g, unsigned int queue, int slot)
{
	struct guest_queue *q = &g->queue[queue];

	while (!queue_finished(g, queue, slot)) {
		if (!queue_sleep(g, queue, GUEST_TIMEOUT_MS))
			tap_giveup(__FILE__, __LINE__, "the peer answered");
	}
	q->busy[slot] = false;
	return q->length[slot];
}

/* ---- commands ----------------------------------------------------------- */

uint32_t control(struct guest *g, const void *request, uint32_t len,
		 void *answer, uint32_t room)
{
	struct peer_wire_answer head;
	int slot = queue_post(g, PEER_QUEUE_CONTROL, request, len, room);
	uint32_t used = queue_wait(g, PEER_QUEUE_CONTROL, slot);

	EXPECT(used >= sizeof(head) && used <= room);
	memcpy(&head, slot_answer(g, PEER_QUEUE_CONTROL, slot), sizeof(head));
	memcpy(answer, slot_answer(g, PEER_QUEUE_CONTROL, slot), room);
	if (head.status == PEER_S_OK)
		EXPECT_EQ(used, room);
	return head.status;
}

int control_post(struct guest *g, const void *request, uint32_t len)
{
	return queue_post(g, PEER_QUEUE_CONTROL, request, len,
			  sizeof(struct peer_wire_answer));
}

uint32_t control_wait(struct guest *g, int slot)
{
	struct peer_wire_answer head;

	EXPECT_EQ(queue_wait(g, PEER_QUEUE_CONTROL, slot), sizeof(head));
	memcpy(&head, slot_answer(g, PEER_QUEUE_CONTROL, slot), sizeof(head));
	return head.status;
}

uint32_t hello(struct guest *g, struct peer_wire_hello_answer *answer)
{
	const struct peer_wire_hello request = {
		.head.command = PEER_CMD_HELLO,
		.magic = PEER_MAGIC,
		.version_min = 1,
		.version_max = 7,
		.features = ~0ull,
	};
	uint32_t status =
		control(g, &request, sizeof(request), answer, sizeof(*answer));

	g->session = answer->session;
	g->instance = answer->instance;
	return status;
}

uint32_t simple(struct guest *g, uint32_t command, uint32_t ctx)
{
	const struct peer_wire_request request = {command, ctx};
	struct peer_wire_answer answer;

	return control(g, &request, sizeof(request), &answer, sizeof(answer));
}

uint32_t map(struct guest *g, uint32_t ctx, uint64_t va, uint64_t target)
{
	struct {
		struct peer_wire_map map;
		struct peer_wire_map_entry entry;
	} request = {
		.map = {.head = {PEER_CMD_MAP, ctx}, .count = 1},
		.entry = {va, target},
	};
	struct peer_wire_answer answer;

	return control(g, &request, sizeof(request), &answer, sizeof(answer));
}

int invalidate_post(struct guest *g, uint32_t ctx, uint64_t start, uint64_t end)
{
	const struct peer_wire_invalidate request = {
		.head = {PEER_CMD_INVALIDATE, ctx},
		.start = start,
		.end = end,
	};

	return control_post(g, &request, sizeof(request));
}

uint32_t invalidate(struct guest *g, uint32_t ctx, uint64_t start, uint64_t end)
{
	return control_wait(g, invalidate_post(g, ctx, start, end));
}

uint64_t query(struct guest *g, uint32_t ctx, uint64_t va)
{
	const struct peer_wire_query request = {{PEER_CMD_QUERY, ctx}, va};
	struct peer_wire_query_answer answer;

	EXPECT_EQ(control(g, &request, sizeof(request), &answer, sizeof(answer)),
		  PEER_S_OK);
	return answer.target;
}

uint32_t option(struct guest *g, uint32_t ctx, uint32_t which, uint64_t value)
{
	const struct peer_wire_set_option request = {
		.head = {PEER_CMD_SET_OPTION, ctx},
		.option = which,
		.value = value,
	};
	struct peer_wire_answer answer;

	return control(g, &request, sizeof(request), &answer, sizeof(answer));
}

void stats(struct guest *g, struct peer_wire_stats_answer *answer)
{
	const struct peer_wire_request request = {PEER_CMD_STATS, 0};

	EXPECT_EQ(control(g, &request, sizeof(request), answer, sizeof(*answer)),
		  PEER_S_OK);
}

int work_post(struct guest *g, const struct peer_wire_work *request)
{
	return queue_post(g, PEER_QUEUE_WORK, request, sizeof(*request),
			  sizeof(struct peer_wire_work_done) +
				  8 * PEER_MAX_RESULTS);
}

uint32_t work_wait(struct guest *g, int slot, struct peer_wire_work_done *done,
		   uint64_t *results, unsigned int n)
{
	uint32_t used = queue_wait(g, PEER_QUEUE_WORK, slot);
	const char *answer = slot_answer(g, PEER_QUEUE_WORK, slot);

	EXPECT(used >= sizeof(*done));
	memcpy(done, answer, sizeof(*done));
	if (n) {
		EXPECT_EQ(used, sizeof(*done) + 8 * done->done);
		memcpy(results, answer + sizeof(*done), 8 * n);
	}
	return done->status;
}

uint32_t work(struct guest *g, const struct peer_wire_work *request,
	      struct peer_wire_work_done *done)
{
	return work_wait(g, work_post(g, request), done, NULL, 0);
}

void offer_buffers(struct guest *g, unsigned int n)
{
	while (n--)
		queue_post(g, PEER_QUEUE_PAGE_REQUEST, NULL, 0,
			   sizeof(struct peer_wire_page_request));
}

bool next_fault(struct guest *g, struct peer_wire_page_request *fault, int ms)
{
	struct guest_queue *q = &g->queue[PEER_QUEUE_PAGE_REQUEST];

	for (;;) {
		queue_poll(g, PEER_QUEUE_PAGE_REQUEST);
		for (int slot = 0; slot < GUEST_SLOTS; slot++) {
			if (!q->busy[slot] || !q->finished[slot])
				continue;
			EXPECT_EQ(q->length[slot], sizeof(*fault));
			memcpy(fault, slot_answer(g, q->index, slot),
			       sizeof(*fault));
			q->busy[slot] = false;
			return true;
		}
		if (!queue_sleep(g, PEER_QUEUE_PAGE_REQUEST, ms))
			return false;
	}
}

int respond_post(struct guest *g, const struct peer_wire_page_request *fault,
		 uint32_t result, uint64_t target)
{
	struct {
		struct peer_wire_fault_response response;
		struct peer_wire_map_entry entry;
	} request = {
		.response =
			{
				.head = {PEER_CMD_FAULT_RESPONSE, fault->ctx},
				.tag = fault->tag,
				.result = result,
				.count = target ? 1 : 0,
			},
		.entry = {fault->va, target},
	};

	return control_post(g, &request,
			    target ? sizeof(request) : sizeof(request.response));
}

uint32_t respond(struct guest *g, const struct peer_wire_page_request *fault,
		 uint32_t result, uint64_t target)
{
	return control_wait(g, respond_post(g, fault, result, target));
}
