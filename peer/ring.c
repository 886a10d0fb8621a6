// SPDX-License-Identifier: MIT
/*
 * peer/ring.c - the device's side of a split virtqueue
 *
 * Problem.  The driver's half of a ring is guest memory. Any index, length, link or
 * address in it can be wrong, by mistake or on purpose, and can change between two
 * reads.
 *
 * Idea.  Read each field once, into private memory; check it; use the copy. There
 * are two kinds of wrong:
 *
 *	wrong					then
 *	available index too far ahead, head	the ring is broken: it is not
 *	beyond the ring, more chains in		served until it is set up again;
 *	flight than the ring has entries	the error eventfd fires
 *
 *	link beyond the table, loop, readable	the chain is malformed: it
 *	after writable, nested or empty		comes back with length 0 and
 *	indirect table, bytes not in RAM, too	the ring goes on
 *	many segments
 *
 * Notifications (virtio's event index). To say "no kick needed unless this one
 * comes" is a store, and to look whether it came is a load of another word. The
 * driver has the same pair the other way round. Each side must put a full barrier
 * between the two, or both miss the other. Here the barrier is a seq_cst exchange,
 * which the thread sanitizer understands too.
 *
 *	device				driver
 *	avail_event = next		avail.idx = new
 *	full barrier			full barrier
 *	avail.idx == next? then sleep	avail_event passed? then kick
 *
 * The front end chooses the descriptors. A descriptor that does not take a
 * notification, such as a full pipe or one without a reader, loses it: nothing
 * here waits, and SIGPIPE is ignored (main.c).
 *
 * Locks: ring->lock is innermost. One lock covers both halves: a push and a pop are
 * short, and the answers of one ring come from many threads.
 *
 * Tests: tests/peer, groups "ring" and "descriptor".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ring.h"
#include "util.h"

void ring_init(struct ring *ring, unsigned int index)
{
	*ring = (struct ring){
		.index = index,
		.kick_fd = -1,
		.call_fd = -1,
		.err_fd = -1,
	};
	pthread_mutex_init(&ring->lock, NULL);
}

void ring_destroy(struct ring *ring)
{
	pthread_mutex_destroy(&ring->lock);
}

/* The words of the available ring: flags, idx, ring[size], used_event. */
static uint16_t avail_index(const struct ring *ring)
{
	return __atomic_load_n(&ring->avail[1], __ATOMIC_SEQ_CST);
}

static uint16_t *avail_event(const struct ring *ring)
{
	return (uint16_t *)(ring->used_element + ring->size);
}

static uint16_t used_event(const struct ring *ring)
{
	return __atomic_load_n(&ring->avail[2 + ring->size], __ATOMIC_SEQ_CST);
}

int ring_resolve(struct ring *ring, const struct memory *memory)
{
	const uint64_t size = ring->size;

	if (!size || !ring->have_addresses)
		return -EINVAL;
	ring->desc = memory_at_uva(memory, ring->desc_uva, 16 * size);
	ring->avail = memory_at_uva(memory, ring->avail_uva, 6 + 2 * size);
	ring->used = memory_at_uva(memory, ring->used_uva, 6 + 8 * size);
	if (!ring->desc || !ring->avail || !ring->used)
		return -EINVAL;
	if ((uintptr_t)ring->desc % 16 || (uintptr_t)ring->avail % 2 ||
	    (uintptr_t)ring->used % 4)
		return -EINVAL;
	ring->used_element = (struct ring_used_element *)(ring->used + 2);
	return 0;
}

int ring_start(struct ring *ring, const struct memory *memory)
{
	int error = ring_resolve(ring, memory);

	ring->running = !error;
	if (error)
		return error;
	ring->next_used = __atomic_load_n(&ring->used[1], __ATOMIC_SEQ_CST);
	ring->broken = false;
	return 0;
}

void ring_stop(struct ring *ring)
{
	ring->running = false;
}

static enum ring_pop_result break_ring_locked(struct ring *ring)
{
	ring->broken = true;
	if (ring->err_fd >= 0 && eventfd_write(ring->err_fd, 1))
		log_line(LOG_DEBUG, "ring %u: error notification lost",
			 ring->index);
	return RING_BROKEN;
}

static void load_descriptor(struct ring_descriptor *to,
			    const struct ring_descriptor *guest)
{
	memory_load(to, guest, sizeof(*to));
}

/* Appends one checked segment to @chain; false if it is not acceptable. */
static bool add_segment(struct ring_chain *chain, const struct memory *memory,
			const struct ring_descriptor *desc)
{
	unsigned int n = chain->readable + chain->writable;

	if (!desc->len)
		return true;
	if (n == PEER_MAX_SEGMENTS || !memory_at(memory, desc->addr, desc->len))
		return false;
	if (desc->flags & RING_DESC_WRITE) {
		chain->writable++;
		chain->writable_bytes += desc->len;
	} else {
		if (chain->writable)
			return false;
		chain->readable++;
		chain->readable_bytes += desc->len;
	}
	chain->segment[n].gpa = desc->addr;
	chain->segment[n].len = desc->len;
	return true;
}

/*
 * Follows the links of one table from entry @at. @indirect receives the
 * descriptor of an indirect table if the chain ends in one; it is NULL while
 * walking such a table, where another one is not allowed.
 */
static bool walk_table(struct ring_chain *chain, const struct memory *memory,
		       const struct ring_descriptor *table, unsigned int size,
		       unsigned int at, struct ring_descriptor *indirect)
{
	struct ring_descriptor desc;

	/* More steps than entries is a loop. */
	for (unsigned int steps = 0; steps < size; steps++) {
		if (at >= size)
			return false;
		load_descriptor(&desc, &table[at]);
		if (desc.flags & RING_DESC_INDIRECT) {
			if (!indirect || desc.flags & RING_DESC_NEXT)
				return false;
			*indirect = desc;
			return true;
		}
		if (!add_segment(chain, memory, &desc))
			return false;
		if (!(desc.flags & RING_DESC_NEXT))
			return true;
		at = desc.next;
	}
	return false;
}

static bool walk_chain(const struct ring *ring, const struct memory *memory,
		       struct ring_chain *chain)
{
	struct ring_descriptor indirect = {0};
	const struct ring_descriptor *table;
	unsigned int entries;

	if (!walk_table(chain, memory, ring->desc, ring->size, chain->head,
			&indirect))
		return false;
	if (!(indirect.flags & RING_DESC_INDIRECT))
		return true;

	entries = indirect.len / sizeof(*table);
	if (!entries || indirect.len % sizeof(*table) ||
	    entries > RING_SIZE_MAX || indirect.addr % sizeof(uint64_t))
		return false;
	table = memory_at(memory, indirect.addr, indirect.len);
	return table && walk_table(chain, memory, table, entries, 0, NULL);
}

static enum ring_pop_result pop_locked(struct ring *ring,
				       const struct memory *memory,
				       struct ring_chain *chain)
{
	uint16_t waiting;
	uint16_t head;

	if (!ring->running || !ring->enabled || ring->broken)
		return RING_EMPTY;
	waiting = (uint16_t)(avail_index(ring) - ring->next_avail);
	if (!waiting)
		return RING_EMPTY;
	if (waiting > ring->size || ring->in_flight == ring->size)
		return break_ring_locked(ring);
	head = __atomic_load_n(&ring->avail[2 + ring->next_avail % ring->size],
			       __ATOMIC_RELAXED);
	if (head >= ring->size)
		return break_ring_locked(ring);

	ring->next_avail++;
	ring->in_flight++;
	chain->head = head;
	chain->readable = 0;
	chain->writable = 0;
	chain->readable_bytes = 0;
	chain->writable_bytes = 0;
	chain->malformed = !walk_chain(ring, memory, chain);
	return RING_POPPED;
}

enum ring_pop_result ring_pop(struct ring *ring, const struct memory *memory,
			      struct ring_chain *chain)
{
	enum ring_pop_result result;

	pthread_mutex_lock(&ring->lock);
	result = pop_locked(ring, memory, chain);
	pthread_mutex_unlock(&ring->lock);
	return result;
}

/* Did the index pass @event when it went from @old to @new? */
static bool event_passed(uint16_t event, uint16_t old, uint16_t new)
{
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

static void push_locked(struct ring *ring, uint32_t head, uint32_t len,
			uint16_t skip)
{
	struct ring_used_element *element;
	uint16_t old = ring->next_used;
	uint16_t new = (uint16_t)(old + 1);
	bool wanted;

	if (!ring->running || ring->broken)
		return;
	element = &ring->used_element[old % ring->size];
	__atomic_store_n(&element->id, head, __ATOMIC_RELAXED);
	__atomic_store_n(&element->len, len, __ATOMIC_RELAXED);
	ring->next_used = new;
	new = (uint16_t)(new + skip);
	/* Publishes the element; full barrier before reading used_event. */
	__atomic_exchange_n(&ring->used[1], new, __ATOMIC_SEQ_CST);

	if (ring->event_index)
		wanted = event_passed(used_event(ring), old, new);
	else
		wanted = !(__atomic_load_n(&ring->avail[0], __ATOMIC_SEQ_CST) & 1);
	if (wanted && ring->call_fd >= 0 && eventfd_write(ring->call_fd, 1))
		log_line(LOG_DEBUG, "ring %u: notification lost", ring->index);
}

void ring_push_lie(struct ring *ring, uint32_t head, uint32_t len, uint16_t skip)
{
	pthread_mutex_lock(&ring->lock);
	if (ring->in_flight)
		ring->in_flight--;
	push_locked(ring, head, len, skip);
	pthread_mutex_unlock(&ring->lock);
}

void ring_push(struct ring *ring, uint32_t head, uint32_t len)
{
	ring_push_lie(ring, head, len, 0);
}

bool ring_arm(struct ring *ring)
{
	bool empty = true;

	pthread_mutex_lock(&ring->lock);
	if (ring->running && ring->enabled && !ring->broken) {
		/* Full barrier before the last look at the index. */
		if (ring->event_index)
			__atomic_exchange_n(avail_event(ring), ring->next_avail,
					    __ATOMIC_SEQ_CST);
		empty = avail_index(ring) == ring->next_avail;
	}
	pthread_mutex_unlock(&ring->lock);
	return empty;
}

void ring_take_kick(struct ring *ring)
{
	eventfd_t count;

	if (ring->kick_fd >= 0 && eventfd_read(ring->kick_fd, &count))
		return; /* another thread was first */
}

size_t ring_load(const struct ring_chain *chain, const struct memory *memory,
		 void *to, size_t size)
{
	size_t done = 0;

	for (unsigned int i = 0; i < chain->readable && done < size; i++) {
		const struct ring_segment *s = &chain->segment[i];
		size_t len = s->len < size - done ? s->len : size - done;
		const void *from = memory_at(memory, s->gpa, len);

		if (!from)
			break;
		memory_load((char *)to + done, from, len);
		done += len;
	}
	return done;
}

struct ring_reply *ring_reply_new(struct ring *ring,
				  const struct ring_chain *chain)
{
	struct ring_reply *reply;

	reply = malloc(sizeof(*reply) +
		       chain->writable * sizeof(reply->segment[0]));
	if (!reply)
		return NULL;
	reply->ring = ring;
	reply->head = chain->head;
	reply->segments = chain->writable;
	reply->room = chain->writable_bytes;
	memcpy(reply->segment, &chain->segment[chain->readable],
	       chain->writable * sizeof(reply->segment[0]));
	return reply;
}

void ring_reply_store(const struct ring_reply *reply, const struct memory *memory,
		      uint64_t offset, const void *from, size_t len)
{
	const char *in = from;

	for (unsigned int i = 0; i < reply->segments && len; i++) {
		const struct ring_segment *s = &reply->segment[i];
		size_t piece;
		void *to;

		if (offset >= s->len) {
			offset -= s->len;
			continue;
		}
		piece = s->len - offset < len ? s->len - offset : len;
		/* RAM may have been taken away since the chain was checked. */
		to = memory_at(memory, s->gpa + offset, piece);
		if (to)
			memory_store(to, in, piece);
		in += piece;
		len -= piece;
		offset = 0;
	}
}
