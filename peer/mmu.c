// SPDX-License-Identifier: MIT
/*
 * peer/mmu.c - the device's MMU: contexts, translations, revocation
 *
 * Problem.  A driver that revokes a translation is about to give the page to
 * another user. The acknowledgement must mean that no access through the
 * translation is in flight, and that none follows. It must come soon, even if the
 * device waits for other things: the driver may hold locks that the answer to a
 * page request needs.
 *
 * Idea.  An access is short. The worker looks the page up and notes "worker i is in
 * page P" under the context's lock, touches the page without the lock, and removes
 * the note under it. Work that finds no translation is parked (fault.c), and no
 * worker and no lock waits with it. So a revocation waits for at most one access of
 * each worker. It does not block either: it leaves a list of these workers with
 * the context, and the last of them to end its access sends the acknowledgement. A
 * later access cannot use the old translation, so it is not waited for and cannot
 * delay the acknowledgement.
 *
 *	worker				control
 *	lock; entry found; note P; unlock
 *					lock; drop P; note "wait for worker";
 *					unlock; goes on with other commands
 *	store to P
 *	lock; remove the note; the last
 *	one waited for; unlock; send ack
 *
 * The worker's unlock comes before the ack, and the ack is a release store to the
 * used ring: a driver that sees the ack also sees what was written to P.
 *
 *	field			read with	write with
 *	context->table		lock		lock
 *	context->in_flight	lock		lock
 *	worker->revoke		anything	context->lock
 *	device->destroyed	contexts_lock	contexts_lock
 *
 * A destroyed context gives its number up at once, and may still have an access in
 * flight. It stays on device->destroyed until its last reference goes, so that a
 * command that names the number meanwhile is not answered too early
 * (tests/peer, invalidate.no_context_waits_for_what_was_destroyed):
 *
 *	worker			control			driver
 *	access begins
 *				CTX_DESTROY 1: number
 *				is free; ack waits
 *				INVALIDATE 1: no such
 *				context; answer waits
 *	store to P
 *	access ends; both
 *	are answered
 *							frees P (must not be
 *							before the store)
 *
 * Several elements of one page may be touched under one note, to save the lock;
 * worker->revoke asks for an end after the current element.
 *
 * Tests: tests/peer, group "invalidate". With PEER_OPT_TEST_EARLY_ACK the test
 * early_ack_is_caught shows that they can fail.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "util.h"

TRACE_EVENT(dev_map, "ctx va pa prot", "ctx %lu: %#lx is pa %#lx, prot %lx");
TRACE_EVENT(dev_revoke, "ctx start end pages ack",
	    "ctx %lu [%#lx, %#lx): %lu translations gone, ack %p");
TRACE_EVENT(dev_ack_wait, "ctx start end workers ack",
	    "ctx %lu [%#lx, %#lx): workers %lx are inside, ack %p");

int context_create(struct device *device, unsigned int id)
{
	struct context *context;
	int error = 0;

	if (!id || id > PEER_MAX_CONTEXTS)
		return -EINVAL;
	context = calloc(1, sizeof(*context));
	if (!context)
		return -ENOMEM;
	context->id = id;
	context->device = device;
	atomic_init(&context->refs, 1);
	pthread_mutex_init(&context->lock, NULL);
	table_init(&context->table, &device->budget);
	TAILQ_INIT(&context->faults);
	TAILQ_INIT(&context->revocations);
	atomic_init(&context->rmw_window_ns, device->rmw_window_ns);
	atomic_init(&context->rmw_atomic, device->rmw_atomic);

	pthread_mutex_lock(&device->contexts_lock);
	if (device->context[id])
		error = -EEXIST;
	else
		device->context[id] = context;
	pthread_mutex_unlock(&device->contexts_lock);
	if (error)
		context_put(context);
	return error;
}

struct context *context_get(struct device *device, unsigned int id)
{
	struct context *context = NULL;

	if (!id || id > PEER_MAX_CONTEXTS)
		return NULL;
	pthread_mutex_lock(&device->contexts_lock);
	context = device->context[id];
	if (context)
		atomic_fetch_add(&context->refs, 1);
	pthread_mutex_unlock(&device->contexts_lock);
	return context;
}

void context_put(struct context *context)
{
	struct device *device = context->device;

	if (atomic_fetch_sub(&context->refs, 1) != 1)
		return;
	if (context->dead) {
		pthread_mutex_lock(&device->contexts_lock);
		TAILQ_REMOVE(&device->destroyed, context, link);
		pthread_mutex_unlock(&device->contexts_lock);
	}
	table_clear(&context->table, 0, VA_END);
	pthread_mutex_destroy(&context->lock);
	free(context);
}

/* Could a correct driver send @entry? */
static enum peer_status check_entry(const struct context *context,
				    const struct peer_wire_map_entry *entry)
{
	const struct device *device = context->device;
	uint64_t flags = entry->target & ~PEER_PAGE_MASK;
	uint64_t page = entry->target & PEER_PAGE_MASK;

	if (flags & ~PEER_MAP_FLAGS || !(flags & PEER_MAP_READ))
		return PEER_S_BAD_REQUEST;
	if (flags & PEER_MAP_ATOMIC && !(flags & PEER_MAP_WRITE))
		return PEER_S_BAD_REQUEST;
	if (entry->va & ~PEER_PAGE_MASK || entry->va >= VA_END)
		return PEER_S_BAD_ADDRESS;
	if (flags & PEER_MAP_DEVMEM)
		return page < device->config.devmem_size ? PEER_S_OK
							 : PEER_S_BAD_ADDRESS;
	return memory_at(&device->memory, page, PEER_PAGE_SIZE)
		       ? PEER_S_OK
		       : PEER_S_BAD_ADDRESS;
}

static enum peer_status map_one_locked(struct context *context,
				       const struct peer_wire_map_entry *entry,
				       uint64_t old)
{
	const uint64_t rights = PEER_MAP_READ | PEER_MAP_WRITE | PEER_MAP_ATOMIC;

	/* A revocation of rights must go by INVALIDATE, which waits. */
	if (old &&
	    ((old ^ entry->target) & ~rights || old & ~entry->target & rights))
		return PEER_S_EXISTS;
	if (!old && context->table.mapped >= PEER_MAX_MAPPINGS)
		return PEER_S_LIMIT;
	if (table_set(&context->table, entry->va, entry->target))
		return PEER_S_LIMIT;
	return PEER_S_OK;
}

enum peer_status context_map_locked(struct context *context,
				    const struct peer_wire_map_entry *entry,
				    unsigned int entries, uint32_t *bad)
{
	uint64_t old[PEER_MAX_MAP_ENTRIES];
	enum peer_status status = PEER_S_OK;
	uint64_t mapped = context->table.mapped;
	unsigned int i;

	for (i = 0; i < entries; i++) {
		status = check_entry(context, &entry[i]);
		if (status != PEER_S_OK) {
			*bad = i;
			return status;
		}
	}
	for (i = 0; i < entries; i++) {
		old[i] = table_get(&context->table, entry[i].va);
		status = map_one_locked(context, &entry[i], old[i]);
		if (status != PEER_S_OK)
			break;
	}
	if (status == PEER_S_OK) {
		for (i = 0; i < entries; i++)
			TRACE(dev_map, context->id, entry[i].va,
			      entry[i].target & PEER_PAGE_MASK,
			      entry[i].target & ~PEER_PAGE_MASK);
		count_many(context->device, COUNT_MAPPED,
			   context->table.mapped - mapped);
		return PEER_S_OK;
	}

	*bad = i;
	while (i--) {
		/* Restoring an old entry takes no new node. */
		if (old[i])
			table_set(&context->table, entry[i].va, old[i]);
		else
			table_clear(&context->table, entry[i].va,
				    entry[i].va + PEER_PAGE_SIZE);
	}
	return status;
}

static uint64_t rights_needed(enum peer_access access)
{
	switch (access) {
	case PEER_ACCESS_READ:
		return PEER_MAP_READ;
	case PEER_ACCESS_WRITE:
		return PEER_MAP_WRITE;
	default:
		return PEER_MAP_ATOMIC;
	}
}

static char *target_page(const struct device *device, uint64_t entry)
{
	uint64_t page = entry & PEER_PAGE_MASK;

	if (entry & PEER_MAP_DEVMEM)
		return (char *)device->devmem + page;
	return memory_at(&device->memory, page, PEER_PAGE_SIZE);
}

enum access_result access_begin_locked(struct worker *worker,
				       struct context *context, uint64_t va,
				       enum peer_access access, char **page)
{
	uint64_t entry;

	if (context->dead)
		return ACCESS_CANCELED;
	entry = table_get(&context->table, va);
	if (!(entry & rights_needed(access)) ||
	    option_due(&context->test_ask_again))
		return ACCESS_MISSED;
	*page = target_page(context->device, entry);
	if (!*page)
		return ACCESS_NOWHERE;
	context->in_flight |= 1u << worker->number;
	context->in_flight_va[worker->number] = va & PEER_PAGE_MASK;
	atomic_store(&worker->revoke, false);
	return ACCESS_OK;
}

void access_end(struct worker *worker, struct context *context)
{
	struct revocation_list ended = TAILQ_HEAD_INITIALIZER(ended);
	struct revocation *revocation;
	struct revocation *next;

	pthread_mutex_lock(&context->lock);
	context->in_flight &= ~(1u << worker->number);
	for (revocation = TAILQ_FIRST(&context->revocations); revocation;
	     revocation = next) {
		next = TAILQ_NEXT(revocation, link);
		revocation->workers &= ~(1u << worker->number);
		if (revocation->workers)
			continue;
		TAILQ_REMOVE(&context->revocations, revocation, link);
		TAILQ_INSERT_TAIL(&ended, revocation, link);
	}
	pthread_mutex_unlock(&context->lock);

	while ((revocation = TAILQ_FIRST(&ended))) {
		TAILQ_REMOVE(&ended, revocation, link);
		ack_put(worker->device, revocation->ack);
		free(revocation);
	}
}

/*
 * A revocation without memory for its list must not be acknowledged early. So the
 * process ends: to the driver that is a device that died, which it survives.
 */
static struct revocation *revocation_new(struct ack *ack)
{
	struct revocation *revocation = calloc(1, sizeof(*revocation));

	if (!revocation) {
		log_line(LOG_ERROR, "out of memory in a revocation");
		abort();
	}
	revocation->ack = ack;
	return revocation;
}

/*
 * Leaves @ack with the context until the accesses to [start, end) that are in
 * flight now have ended.
 */
static void wait_for_accesses_locked(struct context *context, uint64_t start,
				     uint64_t end, struct revocation *revocation)
{
	struct device *device = context->device;
	uint32_t workers = 0;

	for (unsigned int i = 0; i < device->config.workers; i++) {
		uint64_t va = context->in_flight_va[i];

		if (context->in_flight & 1u << i && va >= start && va < end) {
			workers |= 1u << i;
			atomic_store(&device->worker[i].revoke, true);
		}
	}
	if (!workers || atomic_load(&context->test_early_ack)) {
		free(revocation);
		return;
	}
	TRACE(dev_ack_wait, context->id, start, end, workers, revocation->ack);
	count(device, COUNT_INVALIDATIONS_WAITED);
	revocation->workers = workers;
	atomic_fetch_add(&revocation->ack->refs, 1);
	TAILQ_INSERT_TAIL(&context->revocations, revocation, link);
}

void context_invalidate(struct context *context, uint64_t start, uint64_t end,
			struct ack *ack)
{
	struct revocation *revocation = revocation_new(ack);
	uint64_t pages = 0;

	pthread_mutex_lock(&context->lock);
	if (!atomic_load(&context->test_keep_mapping))
		pages = table_clear(&context->table, start, end);
	count_many(context->device, COUNT_UNMAPPED, pages);
	TRACE(dev_revoke, context->id, start, end, pages, ack);
	wait_for_accesses_locked(context, start, end, revocation);
	pthread_mutex_unlock(&context->lock);
}

void context_remove(struct context *context)
{
	struct device *device = context->device;

	pthread_mutex_lock(&device->contexts_lock);
	device->context[context->id] = NULL;
	TAILQ_INSERT_TAIL(&device->destroyed, context, link);
	pthread_mutex_unlock(&device->contexts_lock);
}

void context_end_locked(struct context *context, struct ack *ack)
{
	struct device *device = context->device;
	struct revocation *revocation;
	uint64_t pages = table_clear(&context->table, 0, VA_END);

	context->dead = true;
	count_many(device, COUNT_UNMAPPED, pages);
	TRACE(dev_revoke, context->id, 0, VA_END, pages, ack);
	if (ack) {
		wait_for_accesses_locked(context, 0, VA_END, revocation_new(ack));
		return;
	}
	while ((revocation = TAILQ_FIRST(&context->revocations))) {
		TAILQ_REMOVE(&context->revocations, revocation, link);
		ack_put(device, revocation->ack);
		free(revocation);
	}
}

void context_await_destroyed(struct device *device, unsigned int id,
			     struct ack *ack)
{
	struct context *context;

	pthread_mutex_lock(&device->contexts_lock);
	TAILQ_FOREACH(context, &device->destroyed, link)
	{
		if (context->id != id)
			continue;
		pthread_mutex_lock(&context->lock);
		wait_for_accesses_locked(context, 0, VA_END, revocation_new(ack));
		pthread_mutex_unlock(&context->lock);
	}
	pthread_mutex_unlock(&device->contexts_lock);
}
