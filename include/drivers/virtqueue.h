/* SPDX-License-Identifier: MIT */
/*
 * drivers/virtqueue.h - a split virtqueue: the driver's side of three rings
 *
 * The descriptor table and the available ring are written by the driver, the
 * used ring by the device.  The device is not trusted: an index that ran too
 * far, an id that is not in flight and a length larger than what was offered
 * are counted, refused, and break the queue: no entry of a broken queue is
 * believed any more.
 *
 * A virtqueue does not know how its device is reached.  It is given memory and
 * a notify function; so it runs over PCI and, in tests, over a pretended
 * device in plain memory.
 *
 * Key letters: (c) constant after virtqueue_create()
 *              (q) under the caller's lock for this queue; one caller at a time
 *              (d) written by the device: read once, then checked
 */
#ifndef DRIVERS_VIRTQUEUE_H
#define DRIVERS_VIRTQUEUE_H

#include <lib/types.h>

/* Longest ring the specification allows. */
#define VIRTQUEUE_MAX_SIZE 32768

/* Buffers that one chain may have; an indirect table holds this many. */
#define VIRTQUEUE_MAX_CHAIN        8

#define VIRTQ_DESC_F_NEXT          1
#define VIRTQ_DESC_F_WRITE         2
#define VIRTQ_DESC_F_INDIRECT      4

#define VIRTQ_AVAIL_F_NO_INTERRUPT 1
#define VIRTQ_USED_F_NO_NOTIFY     1

/* struct virtq_desc - one buffer: the layout the specification gives */
struct virtq_desc {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next;
};

/* struct virtq_avail - heads offered; the event index follows the ring */
struct virtq_avail {
	u16 flags;
	u16 idx;
	u16 ring[];
};

/* struct virtq_used_elem - a chain given back, and the bytes written to it */
struct virtq_used_elem {
	u32 id;
	u32 len;
};

/* struct virtq_used - chains given back; the event index follows the ring */
struct virtq_used {
	u16 flags;
	u16 idx;
	struct virtq_used_elem ring[];
};

/**
 * enum virtqueue_feature - what was negotiated
 * @VIRTQUEUE_INDIRECT: a chain may lie in a table of its own
 * @VIRTQUEUE_EVENT_IDX: each side says at which index it wants to be told
 */
enum virtqueue_feature {
	VIRTQUEUE_INDIRECT = 1,
	VIRTQUEUE_EVENT_IDX = 2,
};

/**
 * struct virtqueue_buffer - a part of a chain, contiguous in memory
 * @addr: physical address
 * @len: bytes, not 0
 */
struct virtqueue_buffer {
	paddr_t addr;
	u32 len;
};

/**
 * struct virtqueue_chain - what the driver remembers of a descriptor (q)
 * @cookie: the caller's; NULL unless a chain in flight begins here
 * @writable: bytes the device may write, of a head
 * @descriptors: descriptors of the ring that the chain holds, of a head
 * @next: the next of the chain, or of the free list
 *
 * Kept apart from the descriptor table, which the device could write.
 */
struct virtqueue_chain {
	void *cookie;
	u32 writable;
	u16 descriptors;
	u16 next;
};

/**
 * struct virtqueue_stats - what went over a queue, and what was refused (q)
 * @added: chains offered
 * @used: chains taken back
 * @notified: times the device was told
 * @notify_spared: times it had asked not to be
 * @bad_index: used index further on than chains in flight
 * @bad_id: used id that is not the head of a chain in flight
 * @bad_length: used length larger than the writable bytes
 */
struct virtqueue_stats {
	u64 added;
	u64 used;
	u64 notified;
	u64 notify_spared;
	u64 bad_index;
	u64 bad_id;
	u64 bad_length;
};

/**
 * struct virtqueue - one queue
 * @name: for messages (c)
 * @size: entries, a power of two (c)
 * @features: enum virtqueue_feature (c)
 * @notify: tell the device that something is available (c)
 * @notify_arg: for @notify (c)
 * @memory: what all the rings lie in (c)
 * @desc: descriptor table (c)
 * @avail: available ring (c)
 * @used: used ring (c), its content (d)
 * @indirect: a table of VIRTQUEUE_MAX_CHAIN for each head, or NULL (c)
 * @chains: one for each head (q)
 * @free_head: first free descriptor (q)
 * @nr_free: how many are free (q)
 * @avail_idx: next index to be offered (q)
 * @kicked_idx: available index when the device was last told (q)
 * @used_idx: next index to be taken back (q)
 * @broken: the device lied; nothing is believed any more (q)
 * @stats: (q)
 */
struct virtqueue {
	const char *name;
	unsigned int size;
	unsigned int features;
	void (*notify)(struct virtqueue *vq, void *arg);
	void *notify_arg;
	void *memory;
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;
	struct virtq_desc *indirect;
	struct virtqueue_chain *chains;
	u16 free_head;
	u16 nr_free;
	u16 avail_idx;
	u16 kicked_idx;
	u16 used_idx;
	bool broken;
	struct virtqueue_stats stats;
};

/**
 * virtqueue_create() - make an empty queue
 * @vq: filled; need not be zeroed before
 * @name: not copied
 * @size: entries, a power of two up to VIRTQUEUE_MAX_SIZE
 * @features: enum virtqueue_feature
 * @notify: tells the device; called from virtqueue_kick()
 * @arg: for @notify
 *
 * Context: may sleep.
 * Return: 0, -EINVAL (@size), -ENOMEM; on error @vq holds nothing.
 */
int virtqueue_create(struct virtqueue *vq, const char *name, unsigned int size,
		     unsigned int features,
		     void (*notify)(struct virtqueue *vq, void *arg), void *arg);

/**
 * virtqueue_destroy() - free the rings
 * @vq: a queue whose device has been reset, or was never started
 *
 * Context: may sleep.
 */
void virtqueue_destroy(struct virtqueue *vq);

/**
 * virtqueue_add() - offer a chain to the device
 * @vq: the queue
 * @buffers: @out readable buffers, then @in writable ones
 * @out: how many the device reads
 * @in: how many the device writes
 * @cookie: comes back from virtqueue_take(); not NULL
 *
 * The device sees the chain at once but is told by virtqueue_kick() only.
 *
 * Context: any, under the queue's lock.
 * Return: 0, -EINVAL (no buffer, too many, an empty one), -ENOSPC (the ring is
 *	   full), -EIO (the queue is broken).
 */
int virtqueue_add(struct virtqueue *vq, const struct virtqueue_buffer *buffers,
		  unsigned int out, unsigned int in, void *cookie);

/**
 * virtqueue_kick() - tell the device of what was added since, if it asks for it
 * @vq: the queue
 *
 * Context: any, under the queue's lock.
 */
void virtqueue_kick(struct virtqueue *vq);

/**
 * virtqueue_looks_used() - has the device used chains that were not taken yet?
 * @vq: the queue
 *
 * A hint for a caller that does not own the queue. Context: any.
 */
bool virtqueue_looks_used(const struct virtqueue *vq);

/**
 * virtqueue_take() - take back the next chain that the device has done
 * @vq: the queue
 * @written: bytes the device says it wrote, never more than were offered
 *
 * Context: any, under the queue's lock.
 * Return: the cookie, or NULL when there is none (look at @vq->broken).
 */
void *virtqueue_take(struct virtqueue *vq, u32 *written);

/**
 * virtqueue_interrupt_off() - ask for no interrupts (a hint)
 * @vq: the queue
 *
 * Context: any, under the queue's lock.
 */
void virtqueue_interrupt_off(struct virtqueue *vq);

/**
 * virtqueue_interrupt_on() - ask for an interrupt at the next used chain
 * @vq: the queue
 *
 * Context: any, under the queue's lock.
 * Return: true if nothing came in meanwhile; false: take again first, no
 *	   interrupt may come for what is already there.
 */
bool virtqueue_interrupt_on(struct virtqueue *vq);

/**
 * virtqueue_abandon() - take back chains that the device never finished
 * @vq: a queue whose device has been reset or is declared dead
 *
 * Context: any, under the queue's lock.
 * Return: the cookie of one chain, or NULL when none is left.
 */
void *virtqueue_abandon(struct virtqueue *vq);

/**
 * virtqueue_verify() - count again what the queue believes of itself
 * @vq: the queue
 *
 * Context: any, under the queue's lock.
 * Return: true if the free list, the chains and the indices agree.
 */
bool virtqueue_verify(const struct virtqueue *vq);

#endif
