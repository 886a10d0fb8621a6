// SPDX-License-Identifier: MIT
/*
 * demo/contest_peer.c - the contest's device side, played by a peer
 *
 * The goal is cut into pieces of work, one at a time for each word: with two at a
 * time on one word the device's workers would only compete with each other. Work on
 * different words runs concurrently.
 *
 * Without exclusive access the context answers ATOMIC requests with an ordinary
 * writable translation (PEER_ATOMIC_PLAIN). The device's window between load and
 * store is the same in both rounds.
 */
#include <drivers/peer.h>
#include <mm/alloc/alloc.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <kernel/time.h>

#include "contest.h"

#define WORK_OPERATIONS 2500ul
#define WORK_NS         (20 * NSEC_PER_SEC)
#define LOOK_UP_NS      (100 * NSEC_PER_MSEC)

/* The round goes on until there were so many, even if the goal is met. */
#define RESTORES_LEAST 40

struct peer_player {
	struct peer *peer;
	struct peer_context *ctx;
	struct peer_work work[CONTEST_WORDS];
	u64 left[CONTEST_WORDS];
};

static int peer_begin(struct contest_round *round)
{
	struct peer_player *player = kzalloc(sizeof(*player), GFP_KERNEL);
	int err;

	if (!player)
		return -ENOMEM;
	player->peer = peer_get(0);
	err = peer_context_create(player->peer, round->mm, &player->ctx);
	if (err)
		goto out_free;
	peer_context_policy(player->ctx, round->access == CONTEST_PLAIN
						 ? PEER_ATOMIC_PLAIN
						 : PEER_ATOMIC_EXCLUSIVE);
	err = peer_set_option(player->peer, player->ctx, PEER_OPT_RMW_WINDOW_NS,
			      round->window_ns);
	if (!err)
		err = peer_set_option(player->peer, player->ctx,
				      PEER_OPT_RMW_ATOMIC, 0);
	if (err)
		goto out_destroy;
	round->player_data = player;
	return 0;

out_destroy:
	peer_context_destroy(player->ctx);
out_free:
	kfree(player);
	return err;
}

static int submit(struct contest_round *round, unsigned int word)
{
	struct peer_player *player = round->player_data;
	struct peer_work *work = &player->work[word];

	memset(work, 0, sizeof(*work));
	work->op = PEER_OP_FETCH_ADD;
	work->width = sizeof(u64);
	work->va = contest_word(round, word);
	work->count = 1;
	work->repeat = min(player->left[word], WORK_OPERATIONS);
	work->operand = 1;
	return peer_work_submit(player->ctx, work);
}

/* On a busy host the goal can be met before the CPUs have added enough. */
static bool more_wanted(struct contest_round *round)
{
	struct peer_player *player = round->player_data;
	struct peer_context_stats stats;

	if (round->access == CONTEST_PLAIN)
		return (u64)atomic64_read(&round->cpu_operations) <
		       round->goal / 3;
	peer_context_stats(player->ctx, &stats);
	return stats.exclusive_dropped < RESTORES_LEAST;
}

/* Waits for WORK_NS at most, or until the round has failed. */
static int wait_for_work(struct contest_round *round, struct peer_work *work)
{
	u64 began = clock_ns();
	int err;

	do {
		err = peer_work_wait(work, LOOK_UP_NS);
	} while (err == -ETIMEDOUT && !atomic_read(&round->error) &&
		 clock_ns() - began < WORK_NS);
	return err;
}

/* Wait for the work on @word, and submit more if the goal is not met. */
static int wait_and_submit(struct contest_round *round, unsigned int word)
{
	struct peer_player *player = round->player_data;
	struct peer_work *work = &player->work[word];
	int err = wait_for_work(round, work);

	if (err == -ETIMEDOUT) {
		peer_work_abandon(player->ctx, work);
		return err;
	}
	atomic64_add((s64)work->done, &round->device_operations);
	player->left[word] -= work->done;
	if (!player->left[word] && more_wanted(round))
		player->left[word] = WORK_OPERATIONS;
	if (err || !player->left[word] || atomic_read(&round->error))
		return err;
	return submit(round, word);
}

static int peer_play(struct contest_round *round)
{
	struct peer_player *player = round->player_data;
	bool pending[CONTEST_WORDS] = {false};
	bool more = true;
	unsigned int i;
	int err = 0;

	for (i = 0; i < CONTEST_WORDS && !err; i++) {
		player->left[i] = round->goal / CONTEST_WORDS;
		err = submit(round, i);
		pending[i] = !err;
	}
	/* After an error the other work is waited for briefly, or abandoned. */
	while (more) {
		more = false;
		for (i = 0; i < CONTEST_WORDS; i++) {
			int last;

			if (!pending[i])
				continue;
			last = wait_and_submit(round, i);
			if (last && !err) {
				err = last;
				contest_fail(round, err);
			}
			pending[i] = !last && player->left[i] &&
				     !atomic_read(&round->error);
			more |= pending[i];
		}
	}
	return err;
}

static void peer_end(struct contest_round *round)
{
	struct peer_player *player = round->player_data;
	struct peer_context_stats stats;

	peer_context_stats(player->ctx, &stats);
	round->counts = (struct contest_counts){
		.grants = stats.grants,
		.restores = stats.exclusive_dropped,
		.invalidations = stats.invalidations,
		.page_requests = stats.requests_read + stats.requests_write +
				 stats.requests_atomic,
		.retries = stats.retries_collision + stats.retries_changed,
	};
}

static void peer_leave(struct contest_round *round)
{
	struct peer_player *player = round->player_data;

	peer_context_destroy(player->ctx);
	kfree(player);
}

const struct contest_player contest_peer = {
	.name = "the peer",
	.adds = true,
	.begin = peer_begin,
	.play = peer_play,
	.end = peer_end,
	.leave = peer_leave,
};
