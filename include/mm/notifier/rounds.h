/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/rounds.h - the loop of a device fault, with a bound
 *
 * For a driver with interval subscriptions.
 *
 * The rounds of one look-up (R4.24). A driver that wants a bound on how often a
 * look-up begins again writes its loop with these:
 *
 *	struct mmu_interval_rounds rounds = MMU_INTERVAL_ROUNDS_INIT(&sub);
 *
 *	do {
 *		ret = mmu_interval_round_lock(&rounds);
 *		if (ret)
 *			return ret;
 *		fault the page in			may raise ranges
 *		mmu_interval_round_begin(&rounds);
 *		look the page up			mmap_lock is held
 *		mmu_interval_round_looked_up(&rounds);
 *		lock the driver's lock
 *		again = mmu_interval_round_retry(&rounds);
 *		if (!again)
 *			install
 *		unlock the driver's lock
 *		mmu_interval_round_unlock(&rounds);
 *	} while (again);
 *
 * A driver makes the changes of its look-up (an empty entry, the zero page, an
 * exclusive entry) before the section: get_user_pages_remote() without FOLL_GET. A
 * change inside is a change like any other's, and the round is lost.
 */
#ifndef MM_NOTIFIER_ROUNDS_H
#define MM_NOTIFIER_ROUNDS_H

#include <mm/notifier/interval.h>

/** MMU_INTERVAL_ROUNDS_BESIDE - rounds that run beside changes */
#define MMU_INTERVAL_ROUNDS_BESIDE 8
/** MMU_INTERVAL_ROUNDS_ALONE - rounds after those, with changes kept out */
#define MMU_INTERVAL_ROUNDS_ALONE 2
/** MMU_INTERVAL_ROUNDS_ALL - the bound: a look-up is done in as many rounds */
#define MMU_INTERVAL_ROUNDS_ALL \
	(MMU_INTERVAL_ROUNDS_BESIDE + MMU_INTERVAL_ROUNDS_ALONE)

/**
 * struct mmu_interval_rounds - one look-up, on its thread's stack
 * @interval_sub: an inserted subscription of an mm that the caller is a user of
 * @seq: of the round's read section
 * @nr: rounds begun
 * @alone: this round holds mmap_lock for writing
 * @locked: mmap_lock is held
 * @lost: this round's retry said true
 */
struct mmu_interval_rounds {
	struct mmu_interval_notifier *interval_sub;
	unsigned long seq;
	unsigned int nr;
	bool alone;
	bool locked;
	bool lost;
};

/** MMU_INTERVAL_ROUNDS_INIT() - rounds of which none was begun */
#define MMU_INTERVAL_ROUNDS_INIT(sub)  \
	{                              \
		.interval_sub = (sub), \
	}

/**
 * mmu_interval_round_lock() - begin a round: take mmap_lock
 * @rounds: begun less than MMU_INTERVAL_ROUNDS_ALL times, or it says so
 *
 * For reading; and from round MMU_INTERVAL_ROUNDS_BESIDE + 1 on for writing, so
 * that no change comes between. It may be held already, from the round before.
 *
 * Context: may sleep; no lock held that is taken below mmap_lock, a page's
 *	    included; no range open.
 * Return: 0 with mmap_lock held; -EINTR: the task was killed; -EBUSY: the
 *	   rounds are used up, which takes a range raised without mmap_lock, or a
 *	   look-up that raises one in every round that the driver does not
 *	   ignore. On error nothing is held.
 */
int mmu_interval_round_lock(struct mmu_interval_rounds *rounds);

/**
 * mmu_interval_round_begin() - mmu_interval_read_begin() of this round
 * @rounds: locked
 *
 * Holding mmap_lock it waits only for ranges whose raiser holds it too.
 */
void mmu_interval_round_begin(struct mmu_interval_rounds *rounds);

/**
 * mmu_interval_round_looked_up() - mmap_lock is not needed any more
 * @rounds: begun
 *
 * Drops mmap_lock unless it is what keeps changes out. The driver's lock may be
 * waited for after this; while the device is told, the mm is not held up.
 */
void mmu_interval_round_looked_up(struct mmu_interval_rounds *rounds);

/**
 * mmu_interval_round_retry() - mmu_interval_read_retry() of this round
 * @rounds: begun
 *
 * Context: under the driver's own lock.
 */
static inline bool mmu_interval_round_retry(struct mmu_interval_rounds *rounds)
{
	rounds->lost = mmu_interval_read_retry(rounds->interval_sub, rounds->seq);
	return rounds->lost;
}

/**
 * mmu_interval_round_unlock() - end a round
 * @rounds: locked, however far it came
 *
 * Drops mmap_lock if it is still held; but after a round alone whose retry said
 * true it stays held for the next, so that no other thread undoes what this
 * round changed. A driver that does not go on to mmu_interval_round_lock() then
 * calls this once more. The driver sleeps for nothing in between.
 */
void mmu_interval_round_unlock(struct mmu_interval_rounds *rounds);

#endif
