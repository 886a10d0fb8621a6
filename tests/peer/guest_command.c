// SPDX-License-Identifier: MIT
/*
 * tests/peer/guest_command.c - the driver: commands, work, page requests
 */
#include <string.h>

#include "guest.h"
#include "tap.h"

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

	if (status == PEER_S_OK)
		g->limits = *answer;
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
