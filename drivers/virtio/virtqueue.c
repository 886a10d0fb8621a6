// SPDX-License-Identifier: MIT
/*
 * drivers/virtio/virtqueue.c - the driver's side of a split virtqueue
 *
 * Problem.  Two sides that share only memory pass buffers to each other, with as
 * few notifications as possible, and one of the sides may lie.
 *
 * Idea.  The driver offers a chain of descriptors by putting its head into the
 * available ring; the chain comes back through the used ring. The driver's own
 * state (heads in flight, free descriptors, writable bytes) is in chains[], where
 * the device cannot reach it. The driver only writes the descriptor table and the
 * available ring, and reads each field of the used ring once, then checks it.
 *
 *	descriptor	chains[i].cookie	chains[i].next
 *	free		NULL			next free
 *	head in flight	the caller's		next of its chain
 *	after a head	NULL			next of its chain
 *
 * Event index.  Each side publishes the index at which it wants a notification;
 * the other side sends one when its own index steps past that. The race that both
 * must win is that of two flags:
 *
 *	driver				device
 *	avail->idx = n			avail_event = m
 *	barrier (A)			barrier
 *	read avail_event		read avail->idx
 *
 * At least one of them sees the other's store. Under QEMU's TCG without parallel
 * code a guest barrier does not order against the device's thread. So a driver must
 * also look at its queues from time to time; the peer's heartbeat does.
 *
 * A device that lies breaks its queue until it is reset: after a wrong index no
 * entry of the ring can be trusted.
 *
 * Locks: none here; one caller at a time for each queue.
 *
 * Not here: the addresses of the rings in the device's registers (pci.c).
 */
#include <arch/page.h>
#include <drivers/virtqueue.h>
#include <mm/alloc/alloc.h>
#include <lib/assert.h>
#include <lib/atomic.h>
#include <lib/errno.h>
#include <lib/printk.h>
#include <lib/string.h>

static_assert(sizeof(struct virtq_desc) == 16, "virtqueue descriptor");
static_assert(sizeof(struct virtq_avail) == 4, "available ring header");
static_assert(sizeof(struct virtq_used) == 4, "used ring header");
static_assert(sizeof(struct virtq_used_elem) == 8, "used element");

#define VIRTQUEUE_NONE    0xffff
#define VIRTQUEUE_ALIGN   4096ul
#define VIRTQ_USED_ALIGN  4ul
#define VIRTQ_EVENT_BYTES 2ul

static u16 *used_event(const struct virtqueue *vq)
{
	return &vq->avail->ring[vq->size];
}

static u16 *avail_event(const struct virtqueue *vq)
{
	return (u16 *)&vq->used->ring[vq->size];
}

/* Has an index that went from @old to @now stepped past @event? */
static bool event_passed(u16 event, u16 now, u16 old)
{
	return (u16)(now - event - 1) < (u16)(now - old);
}

static size_t avail_offset(unsigned int size)
{
	return size * sizeof(struct virtq_desc);
}

static size_t used_offset(unsigned int size)
{
	return ALIGN(avail_offset(size) + sizeof(struct virtq_avail) +
			     size * sizeof(u16) + VIRTQ_EVENT_BYTES,
		     VIRTQ_USED_ALIGN);
}

static size_t ring_bytes(unsigned int size)
{
	return ALIGN(used_offset(size) + sizeof(struct virtq_used) +
			     size * sizeof(struct virtq_used_elem) +
			     VIRTQ_EVENT_BYTES,
		     VIRTQUEUE_ALIGN);
}

int virtqueue_create(struct virtqueue *vq, const char *name, unsigned int size,
		     unsigned int longest, unsigned int features,
		     void (*notify)(struct virtqueue *vq, void *arg), void *arg)
{
	if (!size || size > VIRTQUEUE_MAX_SIZE || (size & (size - 1)) ||
	    !longest || longest > VIRTQUEUE_MAX_SIZE)
		return -EINVAL;
	memset(vq, 0, sizeof(*vq));
	vq->memory = kzalloc(ring_bytes(size), GFP_KERNEL);
	vq->chains = kcalloc(size, sizeof(*vq->chains), GFP_KERNEL);
	if (features & VIRTQUEUE_INDIRECT)
		vq->indirect = kzalloc(
			ALIGN((size_t)size * longest * sizeof(struct virtq_desc),
			      VIRTQUEUE_ALIGN),
			GFP_KERNEL);
	if (!vq->memory || !vq->chains ||
	    ((features & VIRTQUEUE_INDIRECT) && !vq->indirect)) {
		virtqueue_destroy(vq);
		return -ENOMEM;
	}
	vq->name = name;
	vq->size = size;
	vq->longest = longest;
	vq->features = features;
	vq->notify = notify;
	vq->notify_arg = arg;
	vq->desc = vq->memory;
	vq->avail = (void *)((u8 *)vq->memory + avail_offset(size));
	vq->used = (void *)((u8 *)vq->memory + used_offset(size));
	virtqueue_clear(vq);
	return 0;
}

void virtqueue_clear(struct virtqueue *vq)
{
	unsigned int i;

	memset(vq->memory, 0, ring_bytes(vq->size));
	for (i = 0; i < vq->size; i++)
		vq->chains[i] = (struct virtqueue_chain){.next = (u16)(i + 1)};
	vq->free_head = 0;
	vq->nr_free = (u16)vq->size;
	vq->avail_idx = 0;
	vq->kicked_idx = 0;
	vq->used_idx = 0;
	vq->broken = false;
	vq->stats.used = vq->stats.added;
}

void virtqueue_destroy(struct virtqueue *vq)
{
	kfree(vq->memory);
	kfree(vq->chains);
	kfree(vq->indirect);
	memset(vq, 0, sizeof(*vq));
}

static u16 take_free(struct virtqueue *vq)
{
	u16 at = vq->free_head;

	vq->free_head = vq->chains[at].next;
	vq->nr_free--;
	return at;
}

static void fill_table(struct virtq_desc *table,
		       const struct virtqueue_buffer *buffers, unsigned int out,
		       unsigned int in)
{
	unsigned int i, total = out + in;

	for (i = 0; i < total; i++) {
		table[i].addr = buffers[i].addr;
		table[i].len = buffers[i].len;
		table[i].flags = (i >= out ? VIRTQ_DESC_F_WRITE : 0) |
				 (i + 1 < total ? VIRTQ_DESC_F_NEXT : 0);
		table[i].next = (u16)(i + 1 < total ? i + 1 : 0);
	}
}

static u16 add_indirect(struct virtqueue *vq,
			const struct virtqueue_buffer *buffers,
			unsigned int out, unsigned int in)
{
	u16 head = take_free(vq);
	struct virtq_desc *table = vq->indirect + head * vq->longest;

	fill_table(table, buffers, out, in);
	vq->desc[head].addr = virt_to_phys(table);
	vq->desc[head].len = (out + in) * (u32)sizeof(*table);
	vq->desc[head].flags = VIRTQ_DESC_F_INDIRECT;
	vq->desc[head].next = 0;
	vq->chains[head].descriptors = 1;
	return head;
}

static u16 add_direct(struct virtqueue *vq,
		      const struct virtqueue_buffer *buffers, unsigned int out,
		      unsigned int in)
{
	unsigned int i, total = out + in;
	u16 head = VIRTQUEUE_NONE, before = VIRTQUEUE_NONE;

	for (i = 0; i < total; i++) {
		u16 at = take_free(vq);
		struct virtq_desc *desc = &vq->desc[at];

		desc->addr = buffers[i].addr;
		desc->len = buffers[i].len;
		desc->flags = i >= out ? VIRTQ_DESC_F_WRITE : 0;
		desc->next = 0;
		if (before == VIRTQUEUE_NONE) {
			head = at;
		} else {
			vq->desc[before].flags |= VIRTQ_DESC_F_NEXT;
			vq->desc[before].next = at;
			vq->chains[before].next = at;
		}
		before = at;
	}
	vq->chains[head].descriptors = (u16)total;
	return head;
}

int virtqueue_add(struct virtqueue *vq, const struct virtqueue_buffer *buffers,
		  unsigned int out, unsigned int in, void *cookie)
{
	unsigned int i, total = out + in;
	bool indirect = vq->indirect && total > 1;
	u64 writable = 0;
	u16 head;

	ASSERT(cookie);
	if (!total || total > vq->longest)
		return -EINVAL;
	for (i = 0; i < total; i++) {
		if (!buffers[i].len)
			return -EINVAL;
		if (i >= out)
			writable += buffers[i].len;
	}
	if (writable > ~0u)
		return -EINVAL;
	if (vq->broken)
		return -EIO;
	if (vq->nr_free < (indirect ? 1 : total))
		return -ENOSPC;

	if (indirect)
		head = add_indirect(vq, buffers, out, in);
	else
		head = add_direct(vq, buffers, out, in);
	vq->chains[head].cookie = cookie;
	vq->chains[head].writable = (u32)writable;
	WRITE_ONCE(vq->avail->ring[vq->avail_idx & (vq->size - 1)], head);
	/* The chain before its index; pairs with the device's read barrier. */
	smp_store_release(&vq->avail->idx, (u16)(vq->avail_idx + 1));
	vq->avail_idx++;
	vq->stats.added++;
	return 0;
}

void virtqueue_kick(struct virtqueue *vq)
{
	u16 old = vq->kicked_idx;
	bool wanted;

	if (old == vq->avail_idx || vq->broken)
		return;
	vq->kicked_idx = vq->avail_idx;
	/* (A): our index before its event; pairs with the device's barrier. */
	smp_mb();
	if (vq->features & VIRTQUEUE_EVENT_IDX)
		wanted = event_passed(READ_ONCE(*avail_event(vq)),
				      vq->avail_idx, old);
	else
		wanted = !(READ_ONCE(vq->used->flags) & VIRTQ_USED_F_NO_NOTIFY);
	if (!wanted) {
		vq->stats.notify_spared++;
		return;
	}
	vq->stats.notified++;
	vq->notify(vq, vq->notify_arg);
}

static void free_chain(struct virtqueue *vq, u16 head)
{
	struct virtqueue_chain *chain = &vq->chains[head];
	u16 tail = head, n;

	for (n = 1; n < chain->descriptors; n++)
		tail = vq->chains[tail].next;
	vq->chains[tail].next = vq->free_head;
	vq->free_head = head;
	vq->nr_free = (u16)(vq->nr_free + chain->descriptors);
	chain->cookie = NULL;
	chain->descriptors = 0;
}

static void *refuse(struct virtqueue *vq, u64 *counter, const char *what,
		    unsigned int value)
{
	(*counter)++;
	vq->broken = true;
	pr_err("virtqueue %s: device wrote a bad %s, %u\n", vq->name, what,
	       value);
	return NULL;
}

/*
 * The number of new entries in the used ring. More than are in flight is a lie of
 * the device.
 */
static bool used_pending(struct virtqueue *vq)
{
	/* The index before the entries; pairs with the device's release. */
	u16 idx = smp_load_acquire(&vq->used->idx);
	u16 fresh = (u16)(idx - vq->used_idx);
	u16 in_flight = (u16)(vq->stats.added - vq->stats.used);

	if (fresh > in_flight) {
		refuse(vq, &vq->stats.bad_index, "used index", idx);
		return false;
	}
	return fresh;
}

bool virtqueue_looks_used(const struct virtqueue *vq)
{
	return !READ_ONCE(vq->broken) &&
	       READ_ONCE(vq->used->idx) != READ_ONCE(vq->used_idx);
}

void *virtqueue_take(struct virtqueue *vq, u32 *written)
{
	struct virtqueue_chain *chain;
	struct virtq_used_elem *elem;
	void *cookie;
	u32 id, len;

	if (vq->broken || !used_pending(vq))
		return NULL;
	elem = &vq->used->ring[vq->used_idx & (vq->size - 1)];
	id = READ_ONCE(elem->id);
	len = READ_ONCE(elem->len);
	if (id >= vq->size || !vq->chains[id].cookie)
		return refuse(vq, &vq->stats.bad_id, "used id", id);
	chain = &vq->chains[id];
	if (len > chain->writable)
		return refuse(vq, &vq->stats.bad_length, "used length", len);
	cookie = chain->cookie;
	*written = len;
	vq->used_idx++;
	vq->stats.used++;
	free_chain(vq, (u16)id);
	return cookie;
}

void virtqueue_interrupt_off(struct virtqueue *vq)
{
	if (vq->features & VIRTQUEUE_EVENT_IDX)
		/* The index furthest away: one lap behind. */
		WRITE_ONCE(*used_event(vq), (u16)(vq->used_idx - 1));
	else
		WRITE_ONCE(vq->avail->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
}

bool virtqueue_interrupt_on(struct virtqueue *vq)
{
	if (vq->features & VIRTQUEUE_EVENT_IDX)
		WRITE_ONCE(*used_event(vq), vq->used_idx);
	else
		WRITE_ONCE(vq->avail->flags, 0);
	/* Our event before its index; pairs with the device's barrier. */
	smp_mb();
	return vq->broken || !used_pending(vq);
}

void *virtqueue_abandon(struct virtqueue *vq)
{
	unsigned int i;

	for (i = 0; i < vq->size; i++) {
		void *cookie = vq->chains[i].cookie;

		if (!cookie)
			continue;
		vq->broken = true;
		vq->stats.used++;
		free_chain(vq, (u16)i);
		return cookie;
	}
	return NULL;
}

bool virtqueue_verify(const struct virtqueue *vq)
{
	unsigned int i, n, held = 0, flights = 0;
	u16 at = vq->free_head;

	for (n = 0; n < vq->nr_free; n++) {
		if (at >= vq->size || vq->chains[at].cookie)
			return false;
		at = vq->chains[at].next;
	}
	for (i = 0; i < vq->size; i++) {
		if (!vq->chains[i].cookie)
			continue;
		held += vq->chains[i].descriptors;
		flights++;
	}
	return held + vq->nr_free == vq->size &&
	       flights == vq->stats.added - vq->stats.used;
}
