/* SPDX-License-Identifier: MIT */
/*
 * peer/ring.h - the device's side of a split virtqueue
 */
#ifndef PEER_RING_H
#define PEER_RING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uapi/peer_wire.h>

#include "memory.h"

#define RING_SIZE_MAX 32768

/* The bytes of virtio 1.1 §2.6; little-endian like the host. */
struct ring_descriptor {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

#define RING_DESC_NEXT     1
#define RING_DESC_WRITE    2
#define RING_DESC_INDIRECT 4

struct ring_used_element {
	uint32_t id;
	uint32_t len;
};

/*
 * One queue. Written by (S) the socket thread with the gate closed and read
 * inside the gate; (L) under lock.
 */
struct ring {
	pthread_mutex_t lock;
	unsigned int index;
	/* From the front end. */
	unsigned int size;   /* (S) entries, 0: not known */
	uint64_t desc_uva;   /* (S) */
	uint64_t avail_uva;  /* (S) */
	uint64_t used_uva;   /* (S) */
	bool have_addresses; /* (S) */
	bool enabled;        /* (S) */
	bool event_index;    /* (S) */
	bool moved;          /* (S) its base was set to another index */
	int kick_fd;         /* (S) -1: none */
	int call_fd;         /* (S) -1: none */
	int err_fd;          /* (S) -1: none */
	/* While it runs. */
	bool running;                 /* (S) */
	bool broken;                  /* (L) given up until the next start */
	uint16_t next_avail;          /* (L) */
	uint16_t next_used;           /* (L) */
	unsigned int in_flight;       /* (L) popped and not pushed */
	struct ring_descriptor *desc; /* (S) */
	uint16_t *avail;              /* (S) flags, idx, ring[], used_event */
	uint16_t *used;               /* (S) flags, idx, then elements */
	struct ring_used_element *used_element; /* (S) used + 2 */
};

struct ring_segment {
	uint64_t gpa;
	uint32_t len;
};

/*
 * A chain that the driver posted, checked: every segment was in guest RAM, the
 * readable ones come first. Only the head of a malformed chain is valid.
 */
struct ring_chain {
	uint16_t head;
	bool malformed;
	unsigned int readable; /* segments */
	unsigned int writable; /* segments, after the readable ones */
	uint64_t readable_bytes;
	uint64_t writable_bytes;
	struct ring_segment segment[PEER_MAX_SEGMENTS];
};

/* The writable part of a chain, kept for the answer. */
struct ring_reply {
	struct ring *ring;
	uint16_t head;
	unsigned int segments;
	uint64_t room; /* bytes */
	struct ring_segment segment[];
};

enum ring_pop_result {
	RING_EMPTY,
	RING_POPPED,
	RING_BROKEN, /* found by this call; the next ones return RING_EMPTY */
};

void ring_init(struct ring *ring, unsigned int index);
void ring_destroy(struct ring *ring);

/**
 * ring_resolve() - find the ring in our memory
 *
 * Context: socket thread, gate closed.
 * Return: 0, or -EINVAL if size, addresses or alignment are not right.
 */
int ring_resolve(struct ring *ring, const struct memory *memory);

/**
 * ring_start() - resolve and begin to serve at ->next_avail
 *
 * Context, Return: as ring_resolve(); not running after an error.
 */
int ring_start(struct ring *ring, const struct memory *memory);
void ring_stop(struct ring *ring);

/** ring_pop() - take the next chain the driver made available */
enum ring_pop_result ring_pop(struct ring *ring, const struct memory *memory,
			      struct ring_chain *chain);

/**
 * ring_push() - give a chain back and interrupt the driver if it wants that
 * @len: bytes written into it
 *
 * Context: any thread inside the gate; takes the ring's lock.
 */
void ring_push(struct ring *ring, uint32_t head, uint32_t len);

/** ring_push_lie() - a wrong push, for the driver's tests */
void ring_push_lie(struct ring *ring, uint32_t head, uint32_t len, uint16_t skip);

/**
 * ring_arm() - ask for a kick when the driver posts something
 *
 * Return: false if a chain is there already; then there may be no kick.
 */
bool ring_arm(struct ring *ring);

/** ring_take_kick() - empty the eventfd */
void ring_take_kick(struct ring *ring);

/** ring_load() - copy the readable part, up to @size bytes; returns how many */
size_t ring_load(const struct ring_chain *chain, const struct memory *memory,
		 void *to, size_t size);

/**
 * ring_reply_new() - keep what is needed to answer @chain
 *
 * Return: NULL without memory; the chain is then still the caller's to push.
 */
struct ring_reply *ring_reply_new(struct ring *ring,
				  const struct ring_chain *chain);

/** ring_reply_store() - write at @offset of the answer, as far as room goes */
void ring_reply_store(const struct ring_reply *reply, const struct memory *memory,
		      uint64_t offset, const void *from, size_t len);

#endif /* PEER_RING_H */
