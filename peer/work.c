// SPDX-License-Identifier: MIT
/*
 * peer/work.c - carry out a work request
 *
 * Problem.  A request names up to millions of elements on thousands of pages, and
 * each page may be missing or be revoked between two elements. Work must be able to
 * stop after each element, and to go on later in another thread.
 *
 * Idea.  A request is its parameters and the number of elements done. A slice
 * touches elements until the page ends, the driver revokes the translation, the gate
 * closes, or the slice is used up. A later slice does the rest.
 *
 * The bus has no atomics.  A read-modify-write is a load, a computation and a store,
 * and any other agent on the bus can write between them; the window option makes the
 * gap wide enough to be seen. The sum is right only while no other agent has the
 * page: the driver's exclusive access arranges that. With the option RMW_ATOMIC it
 * is one compare-and-swap instead, for comparison.
 *
 * The device itself is one agent: each of its stores to a word, by any op, width and
 * context, takes the word's turn (turn.c). A read-modify-write holds it from load to
 * store; COPY and FILL take it for each word.
 *
 *	worker 1, work A		worker 2, work B
 *	turn; load 5
 *					turn: waits	(must not store)
 *	store 6; give the turn
 *					store 9
 *	    tests/peer, group "turn"
 *
 * An access that waits for its turn is in flight. So COPY and FILL stop between two
 * words when a revocation waits.
 *
 * COPY touches one page at a time: it reads a piece into a private page, ends that
 * access, then writes. So no access waits for another page while it holds one, and
 * no grant waits for another grant.
 *
 *	field			owner
 *	work->*			the thread or list that holds the work
 *
 * Tests: tests/peer, groups "work" and "turn".
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "util.h"

TRACE_EVENT(dev_work, "work ctx op va count", "%p of ctx %lu: %s at %#lx, %lu");
TRACE_EVENT(dev_work_end, "work ctx status done",
	    "%p of ctx %lu ends: status %lu, %lu done");
TRACE_EVENT(dev_access, "work ctx va access", "%p of ctx %lu: %#lx %s");
TRACE_EVENT(dev_access_end, "work ctx va done window",
	    "%p of ctx %lu: %#lx, %lu done, windows of %lu ns");

/* A slice: elements under one note of access, and its time with a window. */
#define SLICE_ELEMENTS 256u
#define SLICE_NS       500000u

static bool is_rmw(uint32_t op)
{
	return op >= PEER_OP_FETCH_ADD && op <= PEER_OP_MAX;
}

static bool is_bytes(uint32_t op)
{
	return op == PEER_OP_COPY || op == PEER_OP_FILL;
}

/* ---- the start of work -------------------------------------------------- */

static enum peer_status begin_work(struct device *device, struct work *work,
				   const struct ring_chain *chain)
{
	struct peer_wire_work *r = &work->request;
	enum peer_status status;

	if (chain->readable_bytes != sizeof(*r) ||
	    chain->writable_bytes < sizeof(struct peer_wire_work_done) ||
	    ring_load(chain, &device->memory, r, sizeof(*r)) != sizeof(*r))
		return PEER_S_BAD_REQUEST;
	if (!atomic_load(&device->session))
		return PEER_S_NO_SESSION;
	status = work_check(r, chain->writable_bytes);
	if (status != PEER_S_OK)
		return status;

	work->total = is_bytes(r->op) ? r->count : r->count * r->repeat;
	if (r->flags & PEER_WORK_RESULTS) {
		work->results = calloc(work->total, sizeof(uint64_t));
		if (!work->results)
			return PEER_S_LIMIT;
	}
	if (r->op == PEER_OP_COPY) {
		work->bounce = malloc(PEER_PAGE_SIZE);
		if (!work->bounce)
			return PEER_S_LIMIT;
	}
	work->context = context_get(device, r->ctx);
	return work->context ? PEER_S_OK : PEER_S_NO_CONTEXT;
}

struct work *work_new(struct device *device, struct ring *ring,
		      const struct ring_chain *chain)
{
	enum peer_status status;
	struct work *work;

	work = calloc(1, sizeof(*work));
	if (work)
		work->reply = ring_reply_new(ring, chain);
	if (!work || !work->reply) {
		free(work);
		chain_refuse(device, ring, chain);
		return NULL;
	}
	status = begin_work(device, work, chain);
	count(device, COUNT_WORK_REQUESTS);
	TRACE(dev_work, work, work->request.ctx, trace_op(work->request.op),
	      work->request.va, work->total);
	if (status == PEER_S_OK)
		return work;
	log_line(LOG_DEBUG, "queue %u: work refused, op %u, status %u",
		 ring->index, work->request.op, status);
	count(device, COUNT_MALFORMED);
	work_finish(device, work, status);
	return NULL;
}

/* ---- one element -------------------------------------------------------- */

static uint64_t load_element(const void *p, uint32_t width)
{
	switch (width) {
	case 1:
		return __atomic_load_n((const uint8_t *)p, __ATOMIC_RELAXED);
	case 2:
		return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
	case 4:
		return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
	default:
		return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
	}
}

static void store_element(void *p, uint32_t width, uint64_t value)
{
	switch (width) {
	case 1:
		__atomic_store_n((uint8_t *)p, value, __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n((uint16_t *)p, value, __ATOMIC_RELAXED);
		break;
	case 4:
		__atomic_store_n((uint32_t *)p, value, __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n((uint64_t *)p, value, __ATOMIC_RELAXED);
		break;
	}
}

#define CAS_ELEMENT(type)                                                 \
	({                                                                \
		type was = (type)old;                                     \
		__atomic_compare_exchange_n((type *)p, &was, (type)value, \
					    false, __ATOMIC_SEQ_CST,      \
					    __ATOMIC_SEQ_CST);            \
	})

static bool cas_element(void *p, uint32_t width, uint64_t old, uint64_t value)
{
	switch (width) {
	case 1:
		return CAS_ELEMENT(uint8_t);
	case 2:
		return CAS_ELEMENT(uint16_t);
	case 4:
		return CAS_ELEMENT(uint32_t);
	default:
		return CAS_ELEMENT(uint64_t);
	}
}

static uint64_t compute(const struct peer_wire_work *r, uint64_t old)
{
	const uint64_t mask = r->width == 8 ? ~0ull : (1ull << 8 * r->width) - 1;
	const uint64_t operand = r->operand & mask;

	switch (r->op) {
	case PEER_OP_FETCH_ADD:
		return (old + operand) & mask;
	case PEER_OP_FETCH_AND:
		return old & operand;
	case PEER_OP_FETCH_OR:
		return old | operand;
	case PEER_OP_FETCH_XOR:
		return old ^ operand;
	case PEER_OP_CAS:
		return old == (r->compare & mask) ? operand : old;
	case PEER_OP_MIN:
		return old < operand ? old : operand;
	case PEER_OP_MAX:
		return old > operand ? old : operand;
	default: /* SWAP */
		return operand;
	}
}

/* One read-modify-write, the turn held; returns the old value. */
static uint64_t modify(const struct context *context,
		       const struct peer_wire_work *r, void *p)
{
	uint64_t old;

	if (atomic_load_explicit(&context->rmw_atomic, memory_order_relaxed)) {
		do {
			old = load_element(p, r->width);
		} while (!cas_element(p, r->width, old, compute(r, old)));
		return old;
	}
	old = load_element(p, r->width);
	spin_ns(atomic_load_explicit(&context->rmw_window_ns,
				     memory_order_relaxed));
	store_element(p, r->width, compute(r, old));
	return old;
}

/* One element; returns its old value, 0 for STORE. */
static uint64_t touch_element(struct work *work, void *p)
{
	const struct peer_wire_work *r = &work->request;
	struct turn *turn = turn_of(work->context->device->turns, p);
	uint64_t old = 0;

	if (r->op == PEER_OP_LOAD)
		return load_element(p, r->width);
	turn_take(turn);
	if (r->op == PEER_OP_STORE)
		store_element(p, r->width, r->operand);
	else
		old = modify(work->context, r, p);
	turn_give(turn);
	return old;
}

/* Those of @len bytes that are in the word at @to; returns how many. */
static unsigned int store_in_word(struct device *device, char *to,
				  const void *from, unsigned int len)
{
	struct turn *turn = turn_of(device->turns, to);
	unsigned int room = sizeof(uint64_t) - (uintptr_t)to % sizeof(uint64_t);

	if (len > room)
		len = room;
	turn_take(turn);
	memory_store(to, from, len);
	turn_give(turn);
	return len;
}

/* ---- slices ------------------------------------------------------------- */

static uint64_t element_va(const struct peer_wire_work *r, uint64_t i)
{
	return r->va + i % r->count * r->stride;
}

/* Does a revocation wait, or the socket thread? */
static bool should_stop(struct worker *worker)
{
	return atomic_load_explicit(&worker->revoke, memory_order_relaxed) ||
	       gate_wanted(&worker->device->gate);
}

/* How many elements before other work has a slice. */
static unsigned int slice_elements(const struct work *work)
{
	uint64_t window = atomic_load_explicit(&work->context->rmw_window_ns,
					       memory_order_relaxed);

	if (window <= SLICE_NS / SLICE_ELEMENTS)
		return SLICE_ELEMENTS;
	return window >= SLICE_NS ? 1 : (unsigned int)(SLICE_NS / window);
}

/* Elements from work->done on that are on the page at @page. */
static void touch_page(struct worker *worker, struct work *work, char *page)
{
	const struct peer_wire_work *r = &work->request;
	const uint64_t va = element_va(r, work->done) & PEER_PAGE_MASK;
	const unsigned int limit = slice_elements(work);
	struct device *device = worker->device;
	unsigned int n = 0;

	while (n < limit && work->done < work->total) {
		uint64_t at = element_va(r, work->done);

		if ((at & PEER_PAGE_MASK) != va)
			break;
		work->value = touch_element(work, page + (at - va));
		if (work->results)
			work->results[work->done] = work->value;
		work->done++;
		n++;
		if (work->grant)
			grant_end(device, work, GRANT_REPLAYED);
		if (should_stop(worker))
			break;
	}
	count_many(device, COUNT_ACCESSES, n);
	if (is_rmw(r->op))
		count_many(device, COUNT_RMW, n);
}

static enum peer_access element_access(uint32_t op)
{
	if (op == PEER_OP_LOAD)
		return PEER_ACCESS_READ;
	return op == PEER_OP_STORE ? PEER_ACCESS_WRITE : PEER_ACCESS_ATOMIC;
}

static unsigned int left_on_page(uint64_t va, uint64_t len)
{
	uint64_t left = PEER_PAGE_SIZE - va % PEER_PAGE_SIZE;

	return (unsigned int)(left < len ? left : len);
}

/*
 * Where the next access goes, and of what kind. For COPY it is a read while
 * nothing is in the bounce page, then a write.
 */
static uint64_t next_access(const struct work *work, enum peer_access *access)
{
	const struct peer_wire_work *r = &work->request;

	switch (r->op) {
	case PEER_OP_FILL:
		*access = PEER_ACCESS_WRITE;
		return r->va + work->done;
	case PEER_OP_COPY:
		*access = work->bounced ? PEER_ACCESS_WRITE : PEER_ACCESS_READ;
		return (work->bounced ? r->va : r->operand) + work->done;
	default:
		*access = element_access(r->op);
		return element_va(r, work->done);
	}
}

/* COPY: reads what fits in one page of the target as well. */
static void read_bytes(struct work *work, const char *at, unsigned int len)
{
	len = left_on_page(work->request.va + work->done, len);
	memory_load(work->bounce, at, len);
	work->bounce_at = 0;
	work->bounced = len;
}

/* FILL, and the second half of COPY: word by word, as far as it may go. */
static void write_bytes(struct worker *worker, struct work *work, char *at,
			unsigned int len)
{
	const bool copy = work->request.op == PEER_OP_COPY;
	unsigned char fill[sizeof(uint64_t)];
	unsigned int n;

	memset(fill, (unsigned char)work->request.operand, sizeof(fill));
	if (copy)
		len = work->bounced;
	do {
		n = store_in_word(worker->device, at,
				  copy ? work->bounce + work->bounce_at : fill,
				  len);
		at += n;
		len -= n;
		work->done += n;
		if (copy) {
			work->bounce_at += n;
			work->bounced -= n;
		}
	} while (len && !should_stop(worker));
}

static void touch_bytes(struct worker *worker, struct work *work, char *page,
			uint64_t va)
{
	char *at = page + va % PEER_PAGE_SIZE;
	unsigned int len = left_on_page(va, work->total - work->done);

	if (work->request.op == PEER_OP_COPY && !work->bounced)
		read_bytes(work, at, len);
	else
		write_bytes(worker, work, at, len);
	count(worker->device, COUNT_ACCESSES);
}

enum work_state work_run(struct worker *worker, struct work *work)
{
	struct device *device = worker->device;
	enum peer_access access;
	uint64_t va = next_access(work, &access);
	char *page;

	work->fault_va = va;
	switch (access_or_park(worker, work, va, access, &page)) {
	case ACCESS_OK:
		break;
	case ACCESS_MISSED:
		return WORK_PARKED;
	case ACCESS_CANCELED:
		work_finish(device, work, PEER_S_CANCELED);
		return WORK_FINISHED;
	case ACCESS_FAILED:
		work_finish(device, work, PEER_S_LIMIT);
		return WORK_FINISHED;
	case ACCESS_NOWHERE:
		work_finish(device, work, PEER_S_BAD_ADDRESS);
		return WORK_FINISHED;
	}
	TRACE(dev_access, work, work->context->id, va, trace_access(access));
	if (is_bytes(work->request.op))
		touch_bytes(worker, work, page, va);
	else
		touch_page(worker, work, page);
	TRACE(dev_access_end, work, work->context->id, va, work->done,
	      is_rmw(work->request.op) ? work->context->rmw_window_ns : 0);
	access_end(worker, work->context);

	if (work->done < work->total)
		return WORK_AGAIN;
	work_finish(device, work, PEER_S_OK);
	return WORK_FINISHED;
}

/* ---- the end ------------------------------------------------------------ */

/* A test option: one wrong answer, if that is due; true if it is sent. */
static bool finish_with_lie(struct device *device, struct work *work,
			    struct peer_wire_work_done *done)
{
	unsigned int lie = atomic_load(&device->lie);
	struct ring_reply *reply = work->reply;

	if (device->dropping || lie < PEER_LIE_USED_ID || lie > PEER_LIE_STATUS ||
	    !atomic_compare_exchange_strong(&device->lie, &lie, PEER_LIE_NONE))
		return false;
	if (lie == PEER_LIE_STATUS) {
		done->status = PEER_S_COUNT + 77;
		return false;
	}
	ring_reply_store(reply, &device->memory, 0, done, sizeof(*done));
	switch (lie) {
	case PEER_LIE_USED_ID:
		ring_push_lie(reply->ring, 0xffff0000u, sizeof(*done), 0);
		break;
	case PEER_LIE_USED_LEN:
		ring_push_lie(reply->ring, reply->head, 0x7fffffff, 0);
		break;
	case PEER_LIE_USED_INDEX:
		/* More than the driver can have posted. */
		ring_push_lie(reply->ring, reply->head, sizeof(*done),
			      (uint16_t)reply->ring->size);
		break;
	default:
		ring_push(reply->ring, reply->head, sizeof(*done));
		ring_push_lie(reply->ring, reply->head, sizeof(*done), 0);
		break;
	}
	free(reply);
	return true;
}

static bool counted_down(_Atomic int64_t *left)
{
	return atomic_load(left) >= 0 && atomic_fetch_sub(left, 1) == 0;
}

/*
 * The test options that end the device after so many answers: at the one that
 * comes next. It dies before that is written; when it hangs, that one is the
 * last.
 */
static void die_or_hang(struct device *device)
{
	if (counted_down(&device->die_left)) {
		log_line(LOG_NOTICE, "dying on request");
		_exit(70);
	}
	if (counted_down(&device->hang_left)) {
		log_line(LOG_NOTICE, "hanging on request");
		gate_hang(&device->gate);
	}
}

static void free_work(struct work *work)
{
	if (work->context)
		context_put(work->context);
	free(work->results);
	free(work->bounce);
	free(work);
}

void work_finish(struct device *device, struct work *work, enum peer_status status)
{
	struct peer_wire_work_done done = {
		.status = status,
		.done = work->done,
		.value = work->value,
		.fault_va = status == PEER_S_FAULT ? work->fault_va : 0,
		.page_requests = work->page_requests,
	};

	grant_end(device, work, GRANT_CANCELED);
	TRACE(dev_work_end, work, work->request.ctx, status, work->done);
	count(device, COUNT_WORK_DONE);
	if (status == PEER_S_CANCELED)
		count(device, COUNT_WORK_CANCELED);
	else if (status != PEER_S_OK)
		count(device, COUNT_WORK_FAILED);
	if (!device->dropping)
		die_or_hang(device);

	if (finish_with_lie(device, work, &done)) {
		/* sent */
	} else if (work->results) {
		ring_reply_store(work->reply, &device->memory, sizeof(done),
				 work->results, 8 * work->done);
		ring_reply_store(work->reply, &device->memory, 0, &done,
				 sizeof(done));
		reply_end(device, work->reply,
			  (uint32_t)(sizeof(done) + 8 * work->done));
	} else {
		reply_send(device, work->reply, &done, sizeof(done));
	}
	free_work(work);
}

void work_finish_all(struct device *device, struct work_list *list,
		     enum peer_status status)
{
	struct work *work;

	while ((work = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, work, link);
		work_finish(device, work, status);
	}
}
