// SPDX-License-Identifier: MIT
/*
 * peer/fault.c - an access that finds no page, and its page request
 *
 * Problem.  An access found no translation. The driver must be asked, which may
 * take for ever, and all other work must go on meanwhile.
 *
 * Idea.  No thread waits. The work is parked on a fault. All work that misses
 * the same page with the same access shares one fault.
 *
 *	state		fault is in			leaves it by
 *	queued		context->faults, faults_queued	a buffer of queue 1
 *	sent		context->faults			FAULT_RESPONSE with its
 *							tag
 *	both		-				end of its context
 *
 * At most PEER_MAX_PAGE_REQUESTS are sent and unanswered. HELLO says so, for the
 * driver to size its buffers and its control queue.
 *
 * A response may carry translations. fault_respond() installs them, and for an
 * ATOMIC request makes a grant (grant.c). The caller resumes the parked work,
 * which goes before all other work (pool.c), so that a grant is used at once.
 *
 * Locks: context->lock for a context's faults and the work parked on them. Inside
 * it device->fault_lock, for the queue and the number sent.
 *
 * Tests: tests/peer, group "fault".
 */
#include <stdlib.h>
#include <sys/epoll.h>

#include "device.h"
#include "util.h"

TRACE_EVENT(dev_park, "work ctx va access tag",
	    "%p of ctx %lu waits for %#lx %s, tag %lu");
TRACE_EVENT(dev_request, "ctx va access tag",
	    "ctx %lu asks for %#lx %s, tag %lu");
TRACE_EVENT(dev_response, "ctx tag result count",
	    "ctx %lu tag %lu: result %lu with %lu translations");

static struct fault *find_joinable_locked(struct context *context, uint64_t va,
					  enum peer_access access)
{
	struct fault *fault;

	TAILQ_FOREACH(fault, &context->faults, of_context)
	{
		if (fault->va == va && fault->access == access)
			return fault;
	}
	return NULL;
}

static enum access_result park_locked(struct context *context, struct work *work,
				      uint64_t va, enum peer_access access)
{
	struct device *device = context->device;
	struct fault *fault = find_joinable_locked(context, va, access);

	if (!fault) {
		fault = calloc(1, sizeof(*fault));
		if (!fault)
			return ACCESS_FAILED;
		fault->context = context;
		fault->va = va;
		fault->access = access;
		TAILQ_INIT(&fault->parked);
		TAILQ_INSERT_TAIL(&context->faults, fault, of_context);
		pthread_mutex_lock(&device->fault_lock);
		fault->tag = device->next_tag++;
		TAILQ_INSERT_TAIL(&device->faults_queued, fault, queued);
		pthread_mutex_unlock(&device->fault_lock);
	}
	work->page_requests++;
	TRACE(dev_park, work, context->id, va, trace_access(access), fault->tag);
	TAILQ_INSERT_TAIL(&fault->parked, work, link);
	count(device, COUNT_MISSES);
	return ACCESS_MISSED;
}

static void mark_sent_locked(struct device *device, struct fault *fault)
{
	TAILQ_REMOVE(&device->faults_queued, fault, queued);
	fault->sent = true;
	device->faults_sent++;
	count(device, COUNT_PAGE_REQUESTS);
}

/* A test option: write one wrong field, if that is due. */
static void lie_about(struct device *device,
		      struct peer_wire_page_request *request)
{
	unsigned int lie = atomic_load(&device->lie);

	if (lie < PEER_LIE_PAGE_CONTEXT || lie > PEER_LIE_PAGE_ACCESS ||
	    !atomic_compare_exchange_strong(&device->lie, &lie, PEER_LIE_NONE))
		return;
	if (lie == PEER_LIE_PAGE_CONTEXT)
		request->ctx = PEER_MAX_CONTEXTS + 1;
	else if (lie == PEER_LIE_PAGE_ADDRESS)
		request->va = ~0ull;
	else
		request->access = 99;
}

static void write_request(struct device *device, const struct fault *fault,
			  struct ring_reply *reply)
{
	struct peer_wire_page_request request = {
		.tag = fault->tag,
		.ctx = fault->context->id,
		.access = fault->access,
		.va = fault->va,
		.session = atomic_load(&device->session),
	};

	TRACE(dev_request, request.ctx, request.va,
	      trace_access(request.access), request.tag);
	lie_about(device, &request);
	reply_send(device, reply, &request, sizeof(request));
}

/* One buffer for a page request; NULL if the driver has posted none. */
static struct ring_reply *take_buffer(struct device *device)
{
	struct ring *ring = &device->ring[PEER_QUEUE_PAGE_REQUEST];
	struct ring_reply *reply;
	struct ring_chain chain;

	/* The start of the rings looks again if the gate interrupts this. */
	while (!gate_wanted(&device->gate)) {
		if (!chain_pop(device, ring, &chain)) {
			if (ring_arm(ring))
				break;
			continue;
		}
		if (chain.writable_bytes >=
		    sizeof(struct peer_wire_page_request)) {
			reply = ring_reply_new(ring, &chain);
			if (reply)
				return reply;
		}
		chain_refuse(device, ring, &chain);
	}
	return NULL;
}

void fault_send(struct device *device)
{
	struct ring_reply *reply;
	struct fault *fault;

	pthread_mutex_lock(&device->fault_lock);
	while ((fault = TAILQ_FIRST(&device->faults_queued)) &&
	       device->faults_sent < PEER_MAX_PAGE_REQUESTS) {
		if (option_due(&fault->context->test_lose)) {
			mark_sent_locked(device, fault);
			continue;
		}
		reply = take_buffer(device);
		if (!reply) {
			if (!fault->waited)
				count(device, COUNT_PAGE_REQUEST_WAITS);
			fault->waited = true;
			break;
		}
		mark_sent_locked(device, fault);
		write_request(device, fault, reply);
	}
	pthread_mutex_unlock(&device->fault_lock);
}

void *fault_main(void *arg)
{
	struct device *device = arg;
	struct ring *ring = &device->ring[PEER_QUEUE_PAGE_REQUEST];
	struct epoll_event event;

	trace_thread(TRACE_MEMBER(MEMBER_FAULTS));
	while (gate_enter(&device->gate, MEMBER_FAULTS)) {
		ring_take_kick(ring);
		fault_send(device);
		gate_leave(&device->gate, MEMBER_FAULTS);
		epoll_wait(device->fault_epoll, &event, 1, -1);
	}
	return NULL;
}

enum access_result access_or_park(struct worker *worker, struct work *work,
				  uint64_t va, enum peer_access access,
				  char **page)
{
	struct context *context = work->context;
	struct device *device = worker->device;
	enum access_result result;

	pthread_mutex_lock(&context->lock);
	result = access_begin_locked(worker, context, va, access, page);
	if (result == ACCESS_MISSED) {
		grant_end(device, work, GRANT_REVOKED);
		result = park_locked(context, work, va & PEER_PAGE_MASK, access);
	}
	pthread_mutex_unlock(&context->lock);

	if (result == ACCESS_MISSED)
		fault_send(device);
	if (result == ACCESS_OK)
		wait_ns(atomic_load(&context->test_stall_ns));
	return result;
}

static struct fault *find_sent_locked(struct context *context, uint64_t tag)
{
	struct device *device = context->device;
	struct fault *fault;
	bool sent;

	TAILQ_FOREACH(fault, &context->faults, of_context)
	{
		if (fault->tag != tag)
			continue;
		pthread_mutex_lock(&device->fault_lock);
		sent = fault->sent;
		pthread_mutex_unlock(&device->fault_lock);
		return sent ? fault : NULL;
	}
	return NULL;
}

/* Takes @fault out of both lists and frees it. */
static void fault_remove_locked(struct context *context, struct fault *fault)
{
	struct device *device = context->device;

	TAILQ_REMOVE(&context->faults, fault, of_context);
	pthread_mutex_lock(&device->fault_lock);
	if (fault->sent)
		device->faults_sent--;
	else
		TAILQ_REMOVE(&device->faults_queued, fault, queued);
	pthread_mutex_unlock(&device->fault_lock);
	free(fault);
}

static enum peer_status
respond_locked(struct context *context,
	       const struct peer_wire_fault_response *request,
	       struct work_list *parked, struct grant **grant, uint32_t *bad)
{
	struct fault *fault = find_sent_locked(context, request->tag);
	enum peer_status status;

	if (context->dead)
		return PEER_S_NO_CONTEXT;
	if (!fault)
		return PEER_S_NO_TAG;
	if (request->result == PEER_FAULT_OK &&
	    fault->access == PEER_ACCESS_ATOMIC &&
	    !atomic_load(&context->test_early_grant)) {
		*grant = grant_new(&fault->parked);
		if (!*grant)
			return PEER_S_LIMIT;
		(*grant)->tag = fault->tag;
	}
	status = context_map_locked(context, request->entry, request->count, bad);
	if (status != PEER_S_OK) {
		grant_drop(*grant, &fault->parked);
		*grant = NULL;
		return status;
	}
	TRACE(dev_response, context->id, request->tag, request->result,
	      request->count);
	TAILQ_CONCAT(parked, &fault->parked, link);
	fault_remove_locked(context, fault);
	return PEER_S_OK;
}

enum peer_status fault_respond(struct context *context,
			       const struct peer_wire_fault_response *request,
			       struct ring_reply *reply, struct work_list *parked)
{
	struct device *device = context->device;
	struct peer_wire_answer answer = {0};
	struct grant *grant = NULL;

	pthread_mutex_lock(&context->lock);
	answer.status =
		respond_locked(context, request, parked, &grant, &answer.detail);
	if (grant)
		grant->reply = reply;
	pthread_mutex_unlock(&context->lock);

	if (answer.status == PEER_S_OK)
		count(device, COUNT_FAULT_RESPONSES);
	if (answer.status == PEER_S_BAD_REQUEST)
		count(device, COUNT_MALFORMED);
	if (!grant)
		reply_send(device, reply, &answer, sizeof(answer));
	return answer.status;
}

void fault_drop_locked(struct context *context, struct work_list *parked)
{
	struct fault *fault;

	while ((fault = TAILQ_FIRST(&context->faults))) {
		TAILQ_CONCAT(parked, &fault->parked, link);
		fault_remove_locked(context, fault);
	}
}
