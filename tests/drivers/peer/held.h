/* SPDX-License-Identifier: MIT */
/*
 * tests/drivers/peer/held.h - a page request that stops before its page is installed
 */
#ifndef TESTS_DRIVERS_PEER_HELD_H
#define TESTS_DRIVERS_PEER_HELD_H

#include "arena.h"

/* The word before the device's store, and after it. */
#define HELD_BEFORE 1
#define HELD_STORED 77

/* A store by the device; its first page request is held between look-up and installation. */
struct held_request {
	struct peer_arena *arena;
	struct ktest_step step;
	struct peer_hooks hooks;
	struct peer_work work;
	bool came;
};

/* Return when the request for the page at @va is held. The test changes the page then. */
void held_request_start(struct held_request *held, struct peer_arena *arena,
			vaddr_t va);

/* Let the request go on. It must have noticed the change; return when the store is made. */
void held_request_end(struct held_request *held);

#endif
