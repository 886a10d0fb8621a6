/* SPDX-License-Identifier: MIT */
/*
 * demo/contest.h - what the contest's parts know of each other
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

/* Words that are fought over, all on one page, in cache lines of their own. */
#define CONTEST_WORDS     4
#define CONTEST_WORD_STEP 64

/* Pages on each side of it that are unmapped, mapped and protected meanwhile. */
#define CONTEST_NEIGHBOURS 8

enum contest_access {
	CONTEST_PLAIN,
	CONTEST_EXCLUSIVE,
};

/**
 * struct contest_counts - what it took; where a figure means nothing, 0 (e)
 * @grants: times the device side was given the page exclusively
 * @restores: times the device side lost it because a CPU restored it
 * @invalidations: times the device was made to let go
 * @page_requests: pages the device asked for
 * @retries: attempts to give one that were thrown away
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
 * contest_keep() - leave a round to be looked at, until the next one
 * @round: over; its mm and what @player has in it
 * @player: NULL if nobody played
 */
void contest_keep(const struct contest_round *round,
		  const struct contest_player *player);

/* Let go of what was kept; true if there was anything. */
bool contest_forget(void);

/* Note an error, unless there is one already. */
void contest_fail(struct contest_round *round, int err);

/**
 * struct contest_player - who plays the device's side
 * @name: "the peer"
 * @adds: it is a device, or as good as one; else the CPUs are alone
 * @begin: make ready: 0 or an errno, with nothing held
 * @play: do @goal operations, counting them in @device_operations; runs in a
 *	  thread of its own: 0 or an errno; never waits without a limit and
 *	  returns soon once @error is set, done or not
 * @end: all threads have ended: fill @counts
 * @leave: let go of everything; its subscription stays until the next contest,
 *	   to be looked at
 */
struct contest_player {
	const char *name;
	bool adds;
	int (*begin)(struct contest_round *round);
	int (*play)(struct contest_round *round);
	void (*end)(struct contest_round *round);
	void (*leave)(struct contest_round *round);
};

/* A device that is really there (contest_peer.c). */
extern const struct contest_player contest_peer;

/*
 * Who plays when there is none: a kernel thread (contest_pretend.c), or nobody
 * in a kernel whose options let no device in (contest_alone.c).
 */
extern const struct contest_player contest_stand_in;

#endif
