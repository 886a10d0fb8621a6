/* SPDX-License-Identifier: MIT */
/*
 * drivers/virtqueue.h - a split virtqueue: the driver's side of three rings
 *
 * The descriptor table and the available ring are written by the driver, the
 * used ring by the device. The device is not trusted. An index that ran too far,
 * an id that is not in flight and a length above the writable bytes are counted and
 * refused, and break the queue: no further entry of it is read.
 *
 * A virtqueue is memory and a notify function. So it runs over PCI and, in tests,
 * over a pretended device in plain memory.
 *
 * Key letters: (c) constant after virtqueue_create()
 *              (q) under the caller's lock for this queue; one caller at a time
 *              (d) written by the device: read once, then checked
 */
#ifndef DRIVERS_VIRTQUEUE_H
#define DRIVERS_VIRTQUEUE_H

#include <lib/types.h>

/* Longest ring the specification allows. */
#define VIRTQUEUE_MAX_SIZE         32768

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
 * enum virtqueue_feature - negotiated features
 * @VIRTQUEUE_INDIRECT: a chain may lie in a table of its own
 * @VIRTQUEUE_EVENT_IDX: each side says at which index it wants a notification
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
 * struct virtqueue_chain - the driver's own state of a descriptor (q)
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
 * struct virtqueue_stats - counts of a queue (q)
 * @added: chains offered
 * @used: chains that came back
 * @notified: notifications sent to the device
 * @notify_spared: notifications that the device did not ask for, not sent
 * @bad_index: used indices beyond the chains in flight
 * @bad_id: used ids that are not the head of a chain in flight
 * @bad_length: used lengths above the writable bytes
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
 * @longest: buffers that one chain may have (c)
 * @features: enum virtqueue_feature (c)
 * @notify: sends a notification to the device (c)
 * @notify_arg: for @notify (c)
 * @memory: holds all the rings (c)
 * @desc: descriptor table (c)
 * @avail: available ring (c)
 * @used: used ring (c), its content (d)
 * @indirect: a table of @longest descriptors for each head, or NULL (c)
 * @chains: one for each head (q)
 * @free_head: first free descriptor (q)
 * @nr_free: how many are free (q)
 * @avail_idx: next index to be offered (q)
 * @kicked_idx: available index at the last notification (q)
 * @used_idx: next index to be taken (q)
 * @broken: the device lied; no further entry is read (q)
 * @stats: (q)
 */
struct virtqueue {
	const char *name;
	unsigned int size;
	unsigned int longest;
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
 * @longest: buffers that one chain may have, at least 1; an indirect table, of which
 *	     each entry has one, holds this many
 * @features: enum virtqueue_feature
 * @notify: sends a notification; called by virtqueue_kick()
 * @arg: for @notify
 *
 * Context: may sleep.
 * Return: 0, -EINVAL (@size, @longest), -ENOMEM; on error @vq holds nothing.
 */
int virtqueue_create(struct virtqueue *vq, const char *name, unsigned int size,
		     unsigned int longest, unsigned int features,
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
 * The device can see the chain at once; only virtqueue_kick() notifies it.
 *
 * Context: any, under the queue's lock.
 * Return: 0, -EINVAL (no buffer, too many, an empty one), -ENOSPC (the ring is
 *	   full), -EIO (the queue is broken).
 */
int virtqueue_add(struct virtqueue *vq, const struct virtqueue_buffer *buffers,
		  unsigned int out, unsigned int in, void *cookie);

/**
 * virtqueue_kick() - notify the device of the chains added, if it asks for it
 * @vq: the queue
 *
 * Context: any, under the queue's lock.
 */
void virtqueue_kick(struct virtqueue *vq);

/**
 * virtqueue_looks_used() - are there used chains that were not taken?
 * @vq: the queue
 *
 * A hint for a caller that does not own the queue. Context: any.
 */
bool virtqueue_looks_used(const struct virtqueue *vq);

/**
 * virtqueue_take() - take the next chain that the device has used
 * @vq: the queue
 * @written: bytes that the device claims to have written, at most the writable ones
 *
 * Context: any, under the queue's lock.
 * Return: the cookie, or NULL if there is none or the queue is broken.
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
 * Return: true if no chain has come in meanwhile; false: take again first, since no
 *	   interrupt may come for chains that are already there.
 */
bool virtqueue_interrupt_on(struct virtqueue *vq);

/**
 * virtqueue_abandon() - take a chain that the device has not used
 * @vq: a queue whose device has been reset or is declared dead
 *
 * Context: any, under the queue's lock.
 * Return: the cookie of one chain, or NULL when none is left.
 */
void *virtqueue_abandon(struct virtqueue *vq);

/**
 * virtqueue_clear() - make a queue as it was when it was created
 * @vq: a queue whose device has been reset
 *
 * The chains that the device had are forgotten: the caller knows its own. The counts
 * go on, and the forgotten chains count as used.
 *
 * Context: any, under the queue's lock.
 */
void virtqueue_clear(struct virtqueue *vq);

/**
 * virtqueue_verify() - compute the queue's state in another way, and compare
 * @vq: the queue
 *
 * Context: any, under the queue's lock.
 * Return: true if the free list, the chains and the indices agree.
 */
bool virtqueue_verify(const struct virtqueue *vq);

#endif
