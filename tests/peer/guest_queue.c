// SPDX-License-Identifier: MIT
/*
 * tests/peer/guest_queue.c - the driver's side of the queues
 *
 * A slot is one request with its buffers at a fixed place; guest.h draws them.
 * A test that wants a chain no driver would post writes the descriptors itself
 * and uses queue_expose().
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#include "guest.h"
#include "tap.h"

#define SLOT_SIZE    0x5000ull
#define SLOT_AREA(q) (0x100000ull + (q)*GUEST_SLOTS * SLOT_SIZE)
#define SLOT_REQUEST 0x400
#define SLOT_ANSWER  0x3000

_Static_assert(SLOT_AREA(GUEST_QUEUES) <= GUEST_FREE, "slots below the pages");

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

bool queue_sleep(struct guest *g, unsigned int queue, int ms)
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
