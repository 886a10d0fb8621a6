/* SPDX-License-Identifier: MIT */
/*
 * tests/peer/guest.h - QEMU and a guest, small enough for a test
 *
 * RAM is one memfd, seen by the peer as two regions:
 *
 *	memfd		0 ........ 16 MiB ........ 32 MiB
 *	guest-physical	0 ........ 16 MiB, 4 GiB ........ 4 GiB + 16 MiB
 *	rings and the buffers of requests at the beginning
 *
 * Each queue has GUEST_SLOTS slots; a slot is one request with its buffers at
 * a fixed place. Slot i uses descriptors 2i and 2i + 1, or 2i for an indirect
 * table; its head is 2i either way.
 */
#ifndef TESTS_PEER_GUEST_H
#define TESTS_PEER_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <uapi/peer_wire.h>

#define GUEST_QUEUES     4
#define GUEST_SLOTS      128
#define GUEST_RING_SIZE  (2 * GUEST_SLOTS)
#define GUEST_REGION     (16ull << 20)
#define GUEST_HIGH       (4ull << 30)
#define GUEST_UVA        0x7e0000000000ull
#define GUEST_UVA_HIGH   0x7f0000000000ull
#define GUEST_FREE       (14ull << 20) /* pages from here are the tests' */
#define GUEST_TIMEOUT_MS 20000

/* The rings of queue @q: descriptors, then these offsets. */
#define QUEUE_AREA(q) (0x10000ull + (q)*0x10000ull)
#define QUEUE_AVAIL   0x4000
#define QUEUE_USED    0x8000

#define DESC_NEXT     1
#define DESC_WRITE    2
#define DESC_INDIRECT 4

/* vhost-user requests of a front end. */
enum vu_request {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_SET_MEM_TABLE = 5,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_SET_VRING_ERR = 14,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
	VU_GET_CONFIG = 24,
	VU_SET_CONFIG = 25,
};

struct guest_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct guest_queue {
	unsigned int index;
	struct guest_desc *desc;
	uint16_t *avail; /* flags, idx, ring[], used_event */
	uint16_t *used;  /* flags, idx, {id, len}[], avail_event */
	uint16_t next_avail;
	uint16_t next_used;
	int kick;
	int call;
	int err;
	bool busy[GUEST_SLOTS];
	bool finished[GUEST_SLOTS];
	uint32_t length[GUEST_SLOTS];
};

struct guest {
	pid_t peer;
	int sock;
	int memfd;
	char *ram;
	char socket_path[100];
	struct guest_queue queue[GUEST_QUEUES];
	bool direct; /* descriptors in the ring, no indirect tables */
	struct peer_wire_hello_answer limits; /* the last answer to HELLO */
	uint64_t session;
	uint64_t instance;
};

/* ---- the process and the socket ---------------------------------------- */

/** guest_spawn() - start a peer with @args and connect, nothing more */
void guest_spawn(struct guest *g, const char *args);

/** guest_await_client() - start a peer with @args, which connects to us */
void guest_await_client(struct guest *g, const char *args);

/** guest_boot() - guest_spawn(), set the device up, HELLO */
void guest_boot(struct guest *g, const char *args);

/** guest_shutdown() - disconnect and expect a clean end of the peer */
void guest_shutdown(struct guest *g);

/** guest_reap() - wait for the peer's end; returns its wait status */
int guest_reap(struct guest *g);

/** guest_abandon() - kill the peer of a test that gave up */
void guest_abandon(void);

void guest_connect(struct guest *g);
void guest_disconnect(struct guest *g);

/** vu_send() - one vhost-user message with up to 9 descriptors */
void vu_send(struct guest *g, uint32_t request, uint32_t flags,
	     const void *payload, uint32_t size, const int *fds, unsigned n);

/** vu_reply() - the payload of the next reply; false if the peer hung up */
bool vu_reply(struct guest *g, void *payload, uint32_t size);

/** vu_acked() - send with NEED_REPLY; was it accepted? */
bool vu_acked(struct guest *g, uint32_t request, const void *payload,
	      uint32_t size, const int *fds, unsigned n);

/** guest_negotiate() - the messages of QEMU at realize */
void guest_negotiate(struct guest *g);

/** guest_start() - the messages of QEMU at DRIVER_OK, with rings as they are */
void guest_start(struct guest *g);

/** guest_stop() - GET_VRING_BASE for all queues; remembers the bases */
void guest_stop(struct guest *g);

/** guest_reset() - as a driver does: stop, empty rings, start */
void guest_reset(struct guest *g);

/* ---- memory ------------------------------------------------------------- */

void *guest_at(struct guest *g, uint64_t gpa);

/** guest_page() - guest-physical address of the tests' page @n; odd: high */
uint64_t guest_page(unsigned int n);

static inline uint64_t guest_read(struct guest *g, uint64_t gpa)
{
	return __atomic_load_n((uint64_t *)guest_at(g, gpa), __ATOMIC_SEQ_CST);
}

static inline void guest_write(struct guest *g, uint64_t gpa, uint64_t value)
{
	__atomic_store_n((uint64_t *)guest_at(g, gpa), value, __ATOMIC_SEQ_CST);
}

/* ---- queues ------------------------------------------------------------- */

void *slot_request(struct guest *g, unsigned int queue, int slot);
void *slot_answer(struct guest *g, unsigned int queue, int slot);
uint64_t slot_request_gpa(unsigned int queue, int slot);
uint64_t slot_table_gpa(unsigned int queue, int slot);

/** queue_post() - post a request with room for an answer; returns the slot */
int queue_post(struct guest *g, unsigned int queue, const void *request,
	       uint32_t len, uint32_t room);

/** queue_expose() - make @head available and kick if asked to */
void queue_expose(struct guest *g, unsigned int queue, uint16_t head);

/** queue_poll() - take the chains that the device has used */
void queue_poll(struct guest *g, unsigned int queue);

/** queue_finished() - is this slot's answer there? */
bool queue_finished(struct guest *g, unsigned int queue, int slot);

/** queue_sleep() - until the device gave something back, or @ms passed */
bool queue_sleep(struct guest *g, unsigned int queue, int ms);

/** queue_wait() - the used length; frees the slot */
uint32_t queue_wait(struct guest *g, unsigned int queue, int slot);

/* ---- commands ----------------------------------------------------------- */

/** control() - post, wait, copy the answer (@room bytes); returns status */
uint32_t control(struct guest *g, const void *request, uint32_t len,
		 void *answer, uint32_t room);

/** control_post() - the same without waiting: an 8-byte answer */
int control_post(struct guest *g, const void *request, uint32_t len);
uint32_t control_wait(struct guest *g, int slot);

uint32_t hello(struct guest *g, struct peer_wire_hello_answer *answer);
uint32_t simple(struct guest *g, uint32_t command, uint32_t ctx);
uint32_t map(struct guest *g, uint32_t ctx, uint64_t va, uint64_t target);
uint32_t invalidate(struct guest *g, uint32_t ctx, uint64_t start, uint64_t end);
int invalidate_post(struct guest *g, uint32_t ctx, uint64_t start, uint64_t end);
uint64_t query(struct guest *g, uint32_t ctx, uint64_t va);
uint32_t option(struct guest *g, uint32_t ctx, uint32_t which, uint64_t value);
void stats(struct guest *g, struct peer_wire_stats_answer *answer);

/* One counter of the device. */
#define STAT(g, field)                                \
	({                                            \
		struct peer_wire_stats_answer stats_; \
		stats(g, &stats_);                    \
		stats_.field;                         \
	})

/* Asks again and again until @cond; giving up fails the test. */
#define AWAIT(cond)                                                         \
	do {                                                                \
		uint64_t end_ = clock_ns() + GUEST_TIMEOUT_MS * 1000000ull; \
		while (!(cond) && clock_ns() < end_)                        \
			;                                                   \
		EXPECT(cond);                                               \
	} while (0)

/** work_post() - post on the first work queue, with room for results */
int work_post(struct guest *g, const struct peer_wire_work *work);
uint32_t work_wait(struct guest *g, int slot, struct peer_wire_work_done *done,
		   uint64_t *results, unsigned int n);

/** work() - both */
uint32_t work(struct guest *g, const struct peer_wire_work *work,
	      struct peer_wire_work_done *done);

/** offer_buffers() - post @n buffers for page requests */
void offer_buffers(struct guest *g, unsigned int n);

/** next_fault() - the next page request; false if none comes in @ms */
bool next_fault(struct guest *g, struct peer_wire_page_request *fault, int ms);

/** respond() - FAULT_RESPONSE with one entry (@target 0: none); the slot */
int respond_post(struct guest *g, const struct peer_wire_page_request *fault,
		 uint32_t result, uint64_t target);
uint32_t respond(struct guest *g, const struct peer_wire_page_request *fault,
		 uint32_t result, uint64_t target);

#define MAP_R   PEER_MAP_READ
#define MAP_RW  (PEER_MAP_READ | PEER_MAP_WRITE)
#define MAP_RWA (PEER_MAP_READ | PEER_MAP_WRITE | PEER_MAP_ATOMIC)

/** The peer program, from the command line or next to the test program. */
extern const char *peer_program;

uint64_t clock_ns(void);

#endif /* TESTS_PEER_GUEST_H */
