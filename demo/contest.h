/* SPDX-License-Identifier: MIT */
/*
 * demo/contest.h - the interface between the contest's parts
 *
 * Key letters: (c) constant during a round
 *		(a) atomic, or written by one thread and read with READ_ONCE
 *		(e) written by end(), read after it
 */
#ifndef DEMO_CONTEST_H
#define DEMO_CONTEST_H

#include <lib/atomic.h>
#include <lib/types.h>
#include <arch/paging.h>

struct contest_player;
struct contest_round;
struct mm_struct;

/* The contested words, all on one page, each in a cache line of its own. */
#define CONTEST_WORDS     4
#define CONTEST_WORD_STEP 64

/* Pages on each side of it that the neighbour thread changes. */
#define CONTEST_NEIGHBOURS 8

enum contest_access {
	CONTEST_PLAIN,
	CONTEST_EXCLUSIVE,
};

/**
 * struct contest_counts - of the device side; 0 where a count means nothing (e)
 * @grants: exclusive grants of the page
 * @restores: grants that ended because a CPU restored the page
 * @invalidations: INVALIDATE commands; of the pretender, callbacks
 * @page_requests: pages that the device asked for
 * @retries: look-ups thrown away because of a change
 */
struct contest_counts {
	u64 grants;
	u64 restores;
	u64 invalidations;
	u64 page_requests;
	u64 retries;
};

/**
 * struct contest_round - one round
 * @access: (c)
 * @goal: device operations, over all words, at least (c)
 * @window_ns: between the device's load and its store (c)
 * @mm: (c)
 * @page: address of the contested page (c)
 * @cpu_operations: (a)
 * @device_operations: (a)
 * @changes: to the neighbouring pages (a)
 * @device_done: the device side has reached the goal, or failed (a)
 * @error: 0, or the first thing that went wrong (a)
 * @counts: (e)
 * @player_data: the player's own
 */
struct contest_round {
	enum contest_access access;
	u64 goal;
	u64 window_ns;
	struct mm_struct *mm;
	vaddr_t page;
	struct atomic64 cpu_operations;
	struct atomic64 device_operations;
	struct atomic64 changes;
	bool device_done;
	struct atomic error;
	struct contest_counts counts;
	void *player_data;
};

static inline vaddr_t contest_word(const struct contest_round *round,
				   unsigned int word)
{
	return round->page + word * CONTEST_WORD_STEP;
}

/**
 * contest_keep() - keep a round that is over for the monitor, until the next one
 * @round: its mm and its player's data
 * @player: NULL if it never began
 */
void contest_keep(const struct contest_round *round,
		  const struct contest_player *player);

/* Free the round that was kept. Return: was there one? */
bool contest_forget(void);

/* Note an error, unless there is one already. */
void contest_fail(struct contest_round *round, int err);

/**
 * struct contest_player - the device's side
 * @name: "the peer"
 * @adds: it adds to the words; else only the CPUs do
 * @begin: prepare. Return: 0, or an errno with nothing held
 * @play: do @goal operations and count them in @device_operations, in a thread of
 *	  its own. Every wait has a limit; returns soon once @error is set. Return:
 *	  0 or an errno
 * @end: fill @counts; all threads have ended
 * @leave: free everything; until then its subscription can be looked at
 */
struct contest_player {
	const char *name;
	bool adds;
	int (*begin)(struct contest_round *round);
	int (*play)(struct contest_round *round);
	void (*end)(struct contest_round *round);
	void (*leave)(struct contest_round *round);
};

/* A real device (contest_peer.c). */
extern const struct contest_player contest_peer;

/*
 * The player without a device: a kernel thread (contest_pretend.c), or none in a
 * kernel whose options allow no device (contest_alone.c).
 */
extern const struct contest_player contest_stand_in;

#endif
