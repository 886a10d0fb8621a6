/* SPDX-License-Identifier: MIT */
/*
 * tests/drivers/peer/pretend.h - a device that is a few functions of the test
 */
#ifndef TESTS_DRIVERS_PEER_PRETEND_H
#define TESTS_DRIVERS_PEER_PRETEND_H

#include <kernel/ktest.h>
#include <kernel/time.h>
#include <kernel/timer.h>

#include "drivers/peer/internal.h"

#define PRETEND_ENTRIES 256
#define PRETEND_CHAIN   3 /* as the driver's */
#define PRETEND_QUEUES  3
#define PRETEND_PAGES   4

/* In the place of a length: the chain is kept, and not answered. */
#define PRETEND_KEEP (~0u)

/**
 * struct pretended - a driver's device without hardware
 * @test: failures count for it
 * @peer: the driver's object; no heartbeat runs
 * @command: answers a command: writes the answer, which has room for the whole, and
 *	     returns its length or PRETEND_KEEP. Called with peer->lock held
 * @work: the same for a piece of work
 * @commands: how often each command came (p)
 * @arg: for @command and @work
 * @ctx: of pretended_enter(); NULL without
 * @mm: its address space, PRETEND_PAGES of which are mapped at @base
 * @base: page address
 *
 * The rest is pretend.c's. (p): under peer->lock.
 */
struct pretended {
	struct ktest *test;
	struct peer *peer;
	u32 (*command)(struct pretended *device,
		       struct peer_wire_request *request, void *answer);
	u32 (*work)(struct pretended *device, struct peer_wire_work *work,
		    struct peer_wire_work_done *answer);
	unsigned int commands[PEER_CMD_QUERY + 1];
	void *arg;
	struct peer_context *ctx;
	struct mm_struct *mm;
	vaddr_t base;
	struct virtio_queue queues[PRETEND_QUEUES];
	u16 seen[PRETEND_QUEUES];
	struct timer interrupt;
};

/* A device that obeys; a clean-up of the test takes it away. NULL: the test has failed. */
struct pretended *pretended_new(struct ktest *test);

/* An address space with a context; a clean-up with @device ends both. False: failed. */
bool pretended_enter(struct pretended *device);

/* A request that the driver takes for valid, for the first page of the address space. */
struct peer_wire_page_request pretended_request(struct pretended *device,
						u64 tag, u32 access);

/* What a device that obeys answers. */
u32 pretended_obey(struct pretended *device, struct peer_wire_request *request,
		   void *answer);
u32 pretended_do(struct pretended *device, struct peer_wire_work *work,
		 struct peer_wire_work_done *answer);

/* Answer a chain that was kept, by the driver's cookie for it; the interrupt follows. */
void pretended_answer(struct pretended *device, unsigned int queue,
		      void *cookie, u32 length);

/*
 * Ask for a page, in a message of @length bytes; the interrupt follows. False: no buffer
 * is there. The _locked one is for @command and @work.
 */
bool pretended_ask(struct pretended *device,
		   const struct peer_wire_page_request *request, u32 length);
bool pretended_ask_locked(struct pretended *device,
			  const struct peer_wire_page_request *request,
			  u32 length) __must_hold(&device->peer->lock);

/* Write a used index that cannot be; the driver sees it at the next interrupt. */
void pretended_break(struct pretended *device, unsigned int queue);

#endif
