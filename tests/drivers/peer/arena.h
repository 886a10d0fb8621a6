/* SPDX-License-Identifier: MIT */
/*
 * tests/drivers/peer/arena.h - an address space with a peer in it, for tests
 */
#ifndef TESTS_DRIVERS_PEER_ARENA_H
#define TESTS_DRIVERS_PEER_ARENA_H

#include <arch/paging.h>
#include <drivers/peer.h>
#include <kernel/ktest.h>
#include <kernel/time.h>
#include <mm/space/mm.h>

/* Writable pages at base; the page after them is not mapped. */
#define ARENA_PAGES 8
#define ARENA_NS    (5 * NSEC_PER_SEC)

/**
 * struct peer_arena - an address space with a context of the peer
 * @test: failures count for it
 * @peer: the first peer
 * @mm: ARENA_PAGES of it are mapped at @base; the test's thread has adopted it
 * @ctx: the peer in it
 * @base: page address
 */
struct peer_arena {
	struct ktest *test;
	struct peer *peer;
	struct mm_struct *mm;
	struct peer_context *ctx;
	vaddr_t base;
};

/* Return: false, with the test failed and nothing held, if that is not possible. */
bool arena_open(struct ktest *test, struct peer_arena *arena);
void arena_close(struct peer_arena *arena);

/* Instead, of a test that has ended address space and context itself. */
void arena_forget(struct peer_arena *arena);

/* As arena_open(); a clean-up of the test closes it. NULL: the test has failed. */
struct peer_arena *arena_new(struct ktest *test);

/* Set an option of a context, or of the device; false, skipping, if it takes none. */
bool arena_option(struct peer_arena *arena, struct peer_context *ctx,
		  u32 option, u64 value);

/*
 * From now on an access of @ctx takes longer than the driver waits before it unlocks
 * the page, and shorter than it waits before it declares the device dead. Commands
 * and heartbeats are answered as before. False: skip.
 */
bool arena_slower_than_a_grant(struct peer_arena *arena,
			       struct peer_context *ctx);

static inline vaddr_t arena_page(const struct peer_arena *arena, unsigned int page)
{
	return arena->base + page * PAGE_SIZE;
}

/* Accesses by the CPU, in the test's own thread. */
u64 cpu_read(struct peer_arena *arena, vaddr_t va);
void cpu_write(struct peer_arena *arena, vaddr_t va, u64 value);

/* One 64-bit access by the device; errno of the work. */
int device_load(struct peer_context *ctx, vaddr_t va, u64 *value);
int device_store(struct peer_context *ctx, vaddr_t va, u64 value);

/* fetch_add 1, @repeat times; @done: how many were done. */
int device_add(struct peer_context *ctx, vaddr_t va, u64 repeat, u64 *done);

/* Fill @work with the same, to be submitted by the caller. */
void device_add_work(struct peer_work *work, vaddr_t va, u64 repeat);

/*
 * The errno of a submitted work, -ETIMEDOUT after ARENA_NS; either way it is the
 * caller's again.
 */
int arena_wait(struct peer_arena *arena, struct peer_work *work);

struct peer_context_stats arena_stats(struct peer_arena *arena);

#endif
