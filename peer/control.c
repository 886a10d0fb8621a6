// SPDX-License-Identifier: MIT
/*
 * peer/control.c - the commands of the control queue
 *
 * Problem.  Commands change what every other thread works on, and some commands
 * are complete only when other threads have finished an access. A later command
 * may be the one that lets them finish.
 *
 * Idea.  One thread takes the commands in the order in which they were posted,
 * so a MAP before an INVALIDATE stays before it. This thread never waits. A
 * command that must wait leaves its reply behind in an ack or a grant, and the
 * thread that ends the last access sends it. So commands take effect in order
 * and complete in any order.
 *
 * Each command has a row in a table: its length, its answer's length, and its
 * needs. A handler runs only if these hold. It looks at a private copy and checks
 * everything before it changes anything.
 *
 * Locks: none of its own; fields marked (K) in device.h belong to this thread.
 *
 * Tests: tests/peer, groups "control" and "map".
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "device.h"
#include "util.h"

#define REQUEST_MAX                                \
	(sizeof(struct peer_wire_fault_response) + \
	 PEER_MAX_MAP_ENTRIES * sizeof(struct peer_wire_map_entry))

/* A request in memory of our own, and where its answer goes. */
struct call {
	size_t len;
	size_t more;              /* bytes of the answer, where there is room */
	struct context *context;  /* if the command has one */
	struct ring_reply *reply; /* NULL once an ack or a grant has it */
	union {
		struct peer_wire_answer answer;
		struct peer_wire_hello_answer hello_answer;
		struct peer_wire_heartbeat_answer heartbeat_answer;
		struct peer_wire_heartbeat_clock heartbeat_clock;
		struct peer_wire_echo_answer echo_answer;
		struct peer_wire_query_answer query_answer;
		struct peer_wire_stats_answer stats_answer;
	};
	/* Last, for what follows the heads of MAP and FAULT_RESPONSE. */
	union {
		struct peer_wire_request head;
		struct peer_wire_hello hello;
		struct peer_wire_echo echo;
		struct peer_wire_map map;
		struct peer_wire_invalidate invalidate;
		struct peer_wire_fault_response fault_response;
		struct peer_wire_query query;
		struct peer_wire_devmem_copy devmem_copy;
		struct peer_wire_set_option set_option;
		unsigned char bytes[REQUEST_MAX];
	};
};

/* An ack that answers @call in its place; NULL without memory. */
static struct ack *call_ack(struct call *call, const void *answer, size_t len)
{
	struct ack *ack = ack_new(call->reply, answer, len);

	if (ack)
		call->reply = NULL;
	return ack;
}

static struct ack *call_ack_ok(struct call *call)
{
	const struct peer_wire_answer ok = {.status = PEER_S_OK};

	return call_ack(call, &ok, sizeof(ok));
}

static enum peer_status do_hello(struct device *device, struct call *call)
{
	const struct device_config *config = &device->config;
	uint64_t offered = (config->devmem_size ? PEER_F_DEVMEM : 0) |
			   (config->rmw_atomic ? PEER_F_RMW_ATOMIC : 0) |
			   (config->allow_test_options ? PEER_F_TEST_OPTIONS : 0);
	struct ack *ack;

	if (call->hello.magic != PEER_MAGIC ||
	    call->hello.version_min > PEER_VERSION ||
	    call->hello.version_max < PEER_VERSION)
		return PEER_S_BAD_VERSION;

	call->hello_answer = (struct peer_wire_hello_answer){
		.magic = PEER_MAGIC,
		.version = PEER_VERSION,
		.device_number = config->number,
		.features = offered & call->hello.features,
		.instance = device->instance,
		.session = device->sessions + 1,
		.va_bits = PEER_VA_BITS,
		.max_contexts = PEER_MAX_CONTEXTS,
		.max_map_entries = PEER_MAX_MAP_ENTRIES,
		.max_page_requests = PEER_MAX_PAGE_REQUESTS,
		.max_results = PEER_MAX_RESULTS,
		.workers = config->workers,
		.max_mappings = PEER_MAX_MAPPINGS,
		.max_count = PEER_MAX_COUNT,
		.devmem_size = config->devmem_size,
		.rmw_window_ns = config->rmw_window_ns,
	};
	ack = call_ack(call, &call->hello_answer, sizeof(call->hello_answer));
	if (!ack)
		return PEER_S_LIMIT;
	device->features = offered & call->hello.features;
	device->beats = 0;
	options_reset(device);
	session_end_contexts(device, ack);
	atomic_store(&device->session, ++device->sessions);
	ack_put(device, ack);
	return PEER_S_OK;
}

static enum peer_status do_heartbeat(struct device *device, struct call *call)
{
	const uint64_t session = atomic_load(&device->session);

	call->heartbeat_answer.instance = device->instance;
	call->heartbeat_answer.session = session;
	call->heartbeat_answer.beats = session ? ++device->beats : 0;
	call->heartbeat_answer.work_done =
		atomic_load(&device->counter[COUNT_WORK_DONE]);
	/* A driver that knows no clock has no room for one. */
	if (call->reply->room >= sizeof(call->heartbeat_clock)) {
		call->heartbeat_clock.now_ns = now_ns();
		call->more = sizeof(call->heartbeat_clock) -
			     sizeof(call->heartbeat_answer);
	}
	return PEER_S_OK;
}

static enum peer_status do_echo(struct device *device, struct call *call)
{
	uint64_t *word;

	word = memory_at(&device->memory, call->echo.gpa, sizeof(*word));
	if (!word || call->echo.gpa % sizeof(*word))
		return PEER_S_BAD_ADDRESS;
	call->echo_answer.seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
	__atomic_store_n(word, call->echo.value, __ATOMIC_SEQ_CST);
	return PEER_S_OK;
}

static enum peer_status do_reset(struct device *device, struct call *call)
{
	struct ack *ack = call_ack_ok(call);

	if (!ack)
		return PEER_S_LIMIT;
	session_end_contexts(device, ack);
	ack_put(device, ack);
	return PEER_S_OK;
}

/* A test option: is @lie due now? Consumes it. */
static bool lie_now(struct device *device, unsigned int lie)
{
	return atomic_load(&device->lie) == lie &&
	       atomic_compare_exchange_strong(&device->lie, &lie, PEER_LIE_NONE);
}

static enum peer_status do_ctx_create(struct device *device, struct call *call)
{
	switch (context_create(device, call->head.ctx)) {
	case 0:
		if (lie_now(device, PEER_LIE_CREATE_GARBLED)) {
			reply_end(device, call->reply,
				  sizeof(call->answer.status));
			call->reply = NULL;
		}
		return PEER_S_OK;
	case -EINVAL:
		return PEER_S_NO_CONTEXT;
	case -EEXIST:
		return PEER_S_EXISTS;
	default:
		return PEER_S_LIMIT;
	}
}

static enum peer_status do_ctx_destroy(struct device *device, struct call *call)
{
	struct ack *ack;

	if (lie_now(device, PEER_LIE_DESTROY_REFUSED))
		return PEER_S_LIMIT;
	ack = call_ack_ok(call);
	if (!ack)
		return PEER_S_LIMIT;
	session_end_context(call->context, ack);
	ack_put(device, ack);
	return PEER_S_OK;
}

static bool entries_fit(const struct call *call, size_t head, uint32_t count)
{
	return count <= PEER_MAX_MAP_ENTRIES &&
	       call->len == head + count * sizeof(struct peer_wire_map_entry);
}

static enum peer_status do_map(struct device *device, struct call *call)
{
	enum peer_status status;

	(void)device;
	if (!call->map.count ||
	    !entries_fit(call, sizeof(call->map), call->map.count))
		return PEER_S_BAD_REQUEST;
	pthread_mutex_lock(&call->context->lock);
	status = context_map_locked(call->context, call->map.entry,
				    call->map.count, &call->answer.detail);
	pthread_mutex_unlock(&call->context->lock);
	return status;
}

static enum peer_status do_invalidate(struct device *device, struct call *call)
{
	const uint64_t start = call->invalidate.start;
	const uint64_t end = call->invalidate.end;
	struct ack *ack;

	if ((start | end) & ~PEER_PAGE_MASK || start >= end || end > VA_END)
		return PEER_S_BAD_ADDRESS;
	ack = call_ack_ok(call);
	if (!ack)
		return PEER_S_LIMIT;
	count(device, COUNT_INVALIDATIONS);
	context_invalidate(call->context, start, end, ack);
	ack_put(device, ack);
	return PEER_S_OK;
}

static enum peer_status do_fault_response(struct device *device, struct call *call)
{
	const struct peer_wire_fault_response *request = &call->fault_response;
	struct work_list parked = TAILQ_HEAD_INITIALIZER(parked);
	struct ring_reply *reply = call->reply;

	if (!entries_fit(call, sizeof(*request), request->count) ||
	    request->result > PEER_FAULT_DENY ||
	    (request->result == PEER_FAULT_DENY && request->count))
		return PEER_S_BAD_REQUEST;
	if (request->result == PEER_FAULT_OK &&
	    lie_now(device, PEER_LIE_RESPONSE_REFUSED))
		return PEER_S_LIMIT;
	call->reply = NULL;
	if (fault_respond(call->context, request, reply, &parked) != PEER_S_OK)
		return PEER_S_OK; /* answered */
	if (request->result == PEER_FAULT_OK)
		pool_resume(device, &parked);
	else
		work_finish_all(device, &parked, PEER_S_FAULT);
	fault_send(device);
	return PEER_S_OK;
}

static enum peer_status do_query(struct device *device, struct call *call)
{
	(void)device;
	if (call->query.va & ~PEER_PAGE_MASK || call->query.va >= VA_END)
		return PEER_S_BAD_ADDRESS;
	pthread_mutex_lock(&call->context->lock);
	call->query_answer.target =
		table_get(&call->context->table, call->query.va);
	pthread_mutex_unlock(&call->context->lock);
	return PEER_S_OK;
}

/* Pages of device memory and of RAM, through a page of our own. */
static void copy_devmem(enum peer_devmem_direction direction,
			unsigned char *devmem, unsigned char *ram,
			uint64_t length)
{
	unsigned char page[PEER_PAGE_SIZE];

	while (length) {
		size_t piece = length < sizeof(page) ? length : sizeof(page);

		if (direction == PEER_DEVMEM_TO_GUEST) {
			memory_load(page, devmem, piece);
			memory_store(ram, page, piece);
		} else {
			memory_load(page, ram, piece);
			memory_store(devmem, page, piece);
		}
		devmem += piece;
		ram += piece;
		length -= piece;
	}
}

static enum peer_status do_devmem_copy(struct device *device, struct call *call)
{
	const struct peer_wire_devmem_copy *r = &call->devmem_copy;
	unsigned char *ram = NULL;

	if (r->direction > PEER_DEVMEM_ZERO || !r->length ||
	    r->length > PEER_MAX_DEVMEM_COPY ||
	    (r->direction == PEER_DEVMEM_ZERO && r->gpa))
		return PEER_S_BAD_REQUEST;
	if (r->offset > device->config.devmem_size ||
	    r->length > device->config.devmem_size - r->offset)
		return PEER_S_BAD_ADDRESS;
	if (r->direction == PEER_DEVMEM_ZERO) {
		memory_fill(device->devmem + r->offset, 0, r->length);
		return PEER_S_OK;
	}
	ram = memory_at(&device->memory, r->gpa, r->length);
	if (!ram)
		return PEER_S_BAD_ADDRESS;
	copy_devmem(r->direction, device->devmem + r->offset, ram, r->length);
	return PEER_S_OK;
}

static enum peer_status do_set_option(struct device *device, struct call *call)
{
	return option_set(device, &call->set_option);
}

static enum peer_status do_stats(struct device *device, struct call *call)
{
	peer_le64 *field = &call->stats_answer.control_requests;

	for (unsigned int i = 0; i < COUNTERS; i++)
		field[i] = atomic_load(&device->counter[i]);
	return PEER_S_OK;
}

enum call_needs {
	NEEDS_NOTHING = 0,
	NEEDS_SESSION = 1,
	NEEDS_CONTEXT = 2,
	HAS_ENTRIES = 4,
	REVOKES = 8, /* its answer says that accesses have ended */
};

static const struct command {
	enum peer_status (*run)(struct device *device, struct call *call);
	size_t request_size;
	size_t answer_size;
	unsigned int needs;
} commands[] = {
	[PEER_CMD_HELLO] = {do_hello, sizeof(struct peer_wire_hello),
			    sizeof(struct peer_wire_hello_answer), NEEDS_NOTHING},
	[PEER_CMD_HEARTBEAT] = {do_heartbeat, sizeof(struct peer_wire_request),
				sizeof(struct peer_wire_heartbeat_answer),
				NEEDS_NOTHING},
	[PEER_CMD_ECHO] = {do_echo, sizeof(struct peer_wire_echo),
			   sizeof(struct peer_wire_echo_answer), NEEDS_SESSION},
	[PEER_CMD_RESET] = {do_reset, sizeof(struct peer_wire_request),
			    sizeof(struct peer_wire_answer), NEEDS_SESSION},
	[PEER_CMD_CTX_CREATE] = {do_ctx_create, sizeof(struct peer_wire_request),
				 sizeof(struct peer_wire_answer), NEEDS_SESSION},
	[PEER_CMD_CTX_DESTROY] = {do_ctx_destroy, sizeof(struct peer_wire_request),
				  sizeof(struct peer_wire_answer),
				  NEEDS_SESSION | NEEDS_CONTEXT | REVOKES},
	[PEER_CMD_MAP] = {do_map, sizeof(struct peer_wire_map),
			  sizeof(struct peer_wire_answer),
			  NEEDS_SESSION | NEEDS_CONTEXT | HAS_ENTRIES},
	[PEER_CMD_INVALIDATE] = {do_invalidate,
				 sizeof(struct peer_wire_invalidate),
				 sizeof(struct peer_wire_answer),
				 NEEDS_SESSION | NEEDS_CONTEXT | REVOKES},
	[PEER_CMD_FAULT_RESPONSE] = {do_fault_response,
				     sizeof(struct peer_wire_fault_response),
				     sizeof(struct peer_wire_answer),
				     NEEDS_SESSION | NEEDS_CONTEXT | HAS_ENTRIES},
	[PEER_CMD_DEVMEM_COPY] = {do_devmem_copy,
				  sizeof(struct peer_wire_devmem_copy),
				  sizeof(struct peer_wire_answer), NEEDS_SESSION},
	[PEER_CMD_SET_OPTION] = {do_set_option,
				 sizeof(struct peer_wire_set_option),
				 sizeof(struct peer_wire_answer), NEEDS_SESSION},
	[PEER_CMD_STATS] = {do_stats, sizeof(struct peer_wire_request),
			    sizeof(struct peer_wire_stats_answer), NEEDS_NOTHING},
	[PEER_CMD_QUERY] = {do_query, sizeof(struct peer_wire_query),
			    sizeof(struct peer_wire_query_answer),
			    NEEDS_SESSION | NEEDS_CONTEXT},
};

/*
 * There is no context of that number now, but the accesses of one that was
 * destroyed may still be in flight; the driver may free pages on this answer.
 */
static enum peer_status refuse_after_accesses(struct device *device,
					      struct call *call)
{
	const struct peer_wire_answer answer = {.status = PEER_S_NO_CONTEXT};
	struct ack *ack = call_ack(call, &answer, sizeof(answer));

	if (!ack)
		return PEER_S_LIMIT;
	context_await_destroyed(device, call->head.ctx, ack);
	ack_put(device, ack);
	return PEER_S_NO_CONTEXT;
}

static enum peer_status run_call(struct device *device, struct call *call,
				 const struct command *command)
{
	enum peer_status status;

	if (call->len < command->request_size ||
	    (call->len > command->request_size && !(command->needs & HAS_ENTRIES)) ||
	    call->reply->room < command->answer_size)
		return PEER_S_BAD_REQUEST;
	if (command->needs & NEEDS_SESSION && !atomic_load(&device->session))
		return PEER_S_NO_SESSION;
	if (command->needs & NEEDS_CONTEXT) {
		call->context = context_get(device, call->head.ctx);
		if (!call->context)
			return command->needs & REVOKES
				       ? refuse_after_accesses(device, call)
				       : PEER_S_NO_CONTEXT;
	}
	status = command->run(device, call);
	if (call->context)
		context_put(call->context);
	return status;
}

static void serve_chain(struct device *device, struct ring *ring,
			const struct ring_chain *chain)
{
	size_t answer_size = sizeof(struct peer_wire_answer);
	enum peer_status status;
	struct call call;

	memset(&call.stats_answer, 0, sizeof(call.stats_answer));
	call.context = NULL;
	call.more = 0;
	call.reply = ring_reply_new(ring, chain);
	if (!call.reply) {
		chain_refuse(device, ring, chain);
		return;
	}
	count(device, COUNT_CONTROL_REQUESTS);
	call.len = ring_load(chain, &device->memory, call.bytes,
			     sizeof(call.bytes));
	if (call.len < sizeof(call.head) ||
	    chain->readable_bytes > sizeof(call.bytes)) {
		status = PEER_S_BAD_REQUEST;
	} else if (call.head.command >= ARRAY_SIZE(commands) ||
		   !commands[call.head.command].run) {
		status = PEER_S_BAD_COMMAND;
	} else {
		status = run_call(device, &call, &commands[call.head.command]);
		if (status == PEER_S_OK)
			answer_size = commands[call.head.command].answer_size +
				      call.more;
	}
	if (status == PEER_S_BAD_REQUEST || status == PEER_S_BAD_COMMAND) {
		count(device, COUNT_MALFORMED);
		log_line(LOG_DEBUG, "control: command refused, status %u",
			 status);
	}
	if (call.reply) {
		call.answer.status = status;
		reply_send(device, call.reply, &call.answer, answer_size);
	}
}

/* All that waits on queue 0; false if there was nothing. */
static bool serve(struct device *device)
{
	struct ring *ring = &device->ring[PEER_QUEUE_CONTROL];
	struct ring_chain chain;
	bool served = false;

	while (!gate_wanted(&device->gate) && chain_pop(device, ring, &chain)) {
		serve_chain(device, ring, &chain);
		served = true;
	}
	return served;
}

void *control_main(void *arg)
{
	struct device *device = arg;
	struct ring *ring = &device->ring[PEER_QUEUE_CONTROL];
	struct epoll_event event;
	uint64_t spin_end = 0;
	bool kicked = false;
	bool quiet;

	trace_thread(TRACE_MEMBER(MEMBER_CONTROL));
	while (gate_enter(&device->gate, MEMBER_CONTROL)) {
		if (kicked)
			ring_take_kick(ring);
		kicked = false;
		if (serve(device)) {
			gate_leave(&device->gate, MEMBER_CONTROL);
			spin_end = now_ns() + device->config.spin_ns;
			continue;
		}
		if (now_ns() < spin_end) {
			gate_leave(&device->gate, MEMBER_CONTROL);
			relax();
			continue;
		}
		quiet = ring_arm(ring);
		gate_leave(&device->gate, MEMBER_CONTROL);
		if (quiet)
			kicked = epoll_wait(device->control_epoll, &event, 1,
					    -1) > 0;
	}
	return NULL;
}
