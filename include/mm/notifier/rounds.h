/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/rounds.h - the loop of a device fault
 *
 * For a driver with interval subscriptions. This loop is the recipe for a look-up
 * that collides with changes and retries, and it ends whatever changes (R4.24):
 *
 *	struct mmu_interval_rounds rounds = MMU_INTERVAL_ROUNDS_INIT(&sub);
 *
 *	do {
 *		ret = mmu_interval_round_lock(&rounds);
 *		if (ret)
 *			return ret;
 *		fault the page in			may start ranges
 *		mmu_interval_round_begin(&rounds);
 *		look the page up			mmap_lock is held
 *		mmu_interval_round_looked_up(&rounds);
 *		lock the driver's lock
 *		again = mmu_interval_round_retry(&rounds);
 *		if (!again)
 *			install the translation
 *		unlock the driver's lock
 *		mmu_interval_round_unlock(&rounds);
 *	} while (again);
 *
 * Each round is one read section of mm/notifier/interval.h. The first rounds hold
 * mmap_lock for reading, so changes run concurrently and may collide. The last ones
 * hold it for writing, so changes wait.
 *
 * Fault the page in before the section begins, with the right that the device asks
 * for: get_user_pages_remote() without FOLL_GET, with FOLL_UNLOCKABLE. That fills an empty
 * entry, or replaces the zero page, or waits for another device's page and restores it.
 * Inside the section the look-up then changes nothing and waits for nothing. A change
 * inside is a change like any other, and the round collides with it.
 *
 * A look-up of several pages stays in the interval of its subscription: for pages
 * outside no callback comes. If the first call faults in fewer pages than it was asked
 * for, the call inside the section looks up that many.
 *
 * Each pass of the loop also needs what mmu_interval_read_begin() needs: a reference
 * in mm_users. A driver that wants no bound takes mmap_lock for reading itself, and
 * calls mmu_interval_read_begin() and mmu_interval_read_retry() in the same places.
 */
#ifndef MM_NOTIFIER_ROUNDS_H
#define MM_NOTIFIER_ROUNDS_H

#include <mm/notifier/interval.h>

/** MMU_INTERVAL_ROUNDS_SHARED - rounds that hold mmap_lock for reading */
#define MMU_INTERVAL_ROUNDS_SHARED 8
/** MMU_INTERVAL_ROUNDS_EXCLUSIVE - rounds after those, which hold it for writing */
#define MMU_INTERVAL_ROUNDS_EXCLUSIVE 2
/** MMU_INTERVAL_ROUNDS_ALL - the bound of a look-up */
#define MMU_INTERVAL_ROUNDS_ALL \
	(MMU_INTERVAL_ROUNDS_SHARED + MMU_INTERVAL_ROUNDS_EXCLUSIVE)

/**
 * struct mmu_interval_rounds - one look-up, on the stack of its thread
 * @interval_sub: an inserted subscription; the caller is a user of its mm
 * @seq: the number of this round's read section
 * @nr: rounds that have begun
 * @exclusive: this round holds mmap_lock for writing
 * @locked: mmap_lock is held
 * @collided: this round has collided
 */
struct mmu_interval_rounds {
	struct mmu_interval_notifier *interval_sub;
	unsigned long seq;
	unsigned int nr;
	bool exclusive;
	bool locked;
	bool collided;
};

/** MMU_INTERVAL_ROUNDS_INIT() - the rounds of a look-up, before the first begins */
#define MMU_INTERVAL_ROUNDS_INIT(sub)  \
	{                              \
		.interval_sub = (sub), \
	}

/**
 * mmu_interval_round_lock() - begin a round: take mmap_lock
 * @rounds: the look-up
 *
 * The first MMU_INTERVAL_ROUNDS_SHARED rounds take it for reading, later ones for
 * writing. If the round before has kept it, this call takes nothing.
 *
 * Context: may sleep; no range open, and no lock held that is taken inside mmap_lock.
 * Return: 0 with mmap_lock held; -EINTR if the task was killed; -EBUSY after
 *	   MMU_INTERVAL_ROUNDS_ALL rounds. That needs a range that was started
 *	   without mmap_lock, or a look-up that in every round starts a range that
 *	   its driver does not ignore. On error nothing is held (R4.24). Debug
 *	   builds report an mm without a user.
 */
int mmu_interval_round_lock(struct mmu_interval_rounds *rounds);

/**
 * mmu_interval_round_begin() - mmu_interval_read_begin() of this round
 * @rounds: locked
 *
 * Waits for open ranges with mmap_lock held. Their invalidators hold it too (R1.9),
 * so none of them waits for this caller.
 *
 * Context: as mmu_interval_read_begin(), with mmap_lock held.
 */
void mmu_interval_round_begin(struct mmu_interval_rounds *rounds);

/**
 * mmu_interval_round_looked_up() - the look-up is complete, or has failed
 * @rounds: locked; begun or not
 *
 * Drops mmap_lock if it is held for reading. So a driver that then waits for its own
 * lock, or for its device, does not hold up the mm.
 *
 * Context: any that may release mmap_lock.
 */
void mmu_interval_round_looked_up(struct mmu_interval_rounds *rounds);

/**
 * mmu_interval_round_retry() - mmu_interval_read_retry() of this round
 * @rounds: begun
 *
 * Context: under the driver's lock.
 * Return: false: install. true: this round has collided; go on to the next.
 */
static inline bool mmu_interval_round_retry(struct mmu_interval_rounds *rounds)
{
	rounds->collided =
		mmu_interval_read_retry(rounds->interval_sub, rounds->seq);
	return rounds->collided;
}

/**
 * mmu_interval_round_unlock() - end a round
 * @rounds: locked; the round may end here at any step
 *
 * Drops mmap_lock if it is still held, with one exception. A round that held it for
 * writing and has collided keeps it for the next round, so that no other thread
 * undoes what this round has changed. The driver then goes on to
 * mmu_interval_round_lock() without sleeping, or calls this once more to drop the
 * lock.
 *
 * Context: any that may release mmap_lock; the driver's lock is not held.
 */
void mmu_interval_round_unlock(struct mmu_interval_rounds *rounds);

#endif
