// SPDX-License-Identifier: MIT
/*
 * tests/explore/race_rounds.c - the race of mm/notifier/rounds.c
 *
 * A look-up under changes without end takes all of its shared rounds, and each of them
 * collides only if a change runs inside it: more preemptions than any bound has. So the
 * reader lets all others run inside each section. In a shared round the change runs
 * there. In an exclusive one it must be kept out by mmap_lock.
 */
#include <mm/notifier/rounds.h>

#include "mirror.h"

static struct mirror *mirror;
static bool looked_up;

static void reader(void *arg)
{
	struct mmu_interval_rounds rounds =
		MMU_INTERVAL_ROUNDS_INIT(&mirror->sub);
	bool retry;
	int err;

	do {
		err = mmu_interval_round_lock(&rounds);
		explore_check(!err, "round %u: %d", rounds.nr, err);
		mmu_interval_round_begin(&rounds);
		explore_others("looks the page up");
		mmu_interval_round_looked_up(&rounds);
		spin_lock(&mirror->lock);
		retry = mmu_interval_round_retry(&rounds);
		spin_unlock(&mirror->lock);
		mmu_interval_round_unlock(&rounds);
	} while (retry);
	looked_up = true;
}

/* As madvise_dontneed() does, under mmap_lock for reading. */
static void change_without_end(void *arg)
{
	while (!looked_up) {
		mmap_read_lock(mm);
		notify_only(NULL);
		mmap_read_unlock(mm);
		explore_others("changes again");
	}
}

static void setup(void)
{
	new_mapping();
	looked_up = false;
	mirror = new_mirror();
	mirror_insert(mirror);
	explore_thread("reader", reader, NULL);
	explore_thread("changes without end", change_without_end, NULL);
}

static void finish(void)
{
	mirror_end(mirror);
	end_mapping();
}

SCENARIO(changes_without_end_are_kept_out_after_eight_rounds, setup, finish);
