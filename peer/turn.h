/* SPDX-License-Identifier: MIT */
/*
 * peer/turn.h - one store of the device at a time for each word
 */
#ifndef PEER_TURN_H
#define PEER_TURN_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <uapi/peer_wire.h>

/* One for each 8-byte word of a page; pages share them. */
#define TURNS (PEER_PAGE_SIZE / sizeof(uint64_t))

/**
 * struct turn - which thread may store to a class of words
 * @next: ticket of the next thread that asks
 * @now: ticket of the thread whose turn it is
 */
struct turn {
	atomic_uint next;
	atomic_uint now;
};

/** turn_of() - the turn of the word that @p is in */
static inline struct turn *turn_of(struct turn *turns, const void *p)
{
	return &turns[(uintptr_t)p / sizeof(uint64_t) % TURNS];
}

/**
 * turn_take() - wait for the turn at a word
 *
 * Turns are given in the order of the tickets, so the wait is at most one turn of
 * each other worker. A thread that holds a turn waits for nothing.
 */
void turn_take(struct turn *turn);
void turn_give(struct turn *turn);

#endif /* PEER_TURN_H */
