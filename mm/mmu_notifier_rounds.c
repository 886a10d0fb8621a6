// SPDX-License-Identifier: MIT
/*
 * mm/mmu_notifier_rounds.c - a driver's look-up that ends, whatever changes
 *
 * Problem.  A device fault looks a page up beside changes of the mapping and
 * begins again when one came between. Under a stream of changes that overlap
 * its interval it would begin again for ever: nothing in the protocol itself
 * bounds it. Elsewhere a second of wall-clock time ends the loop with an error,
 * which is no progress, and on a slow machine no bound either.
 *
 * Idea.  Whoever changes a mapping holds its mmap_lock, shared or exclusive,
 * from before start until after end (R1.9). So a look-up beside changes is
 * tried a few times; then mmap_lock is taken for writing, which waits for the
 * changes that are under way and keeps out all others, and the look-up is alone.
 *
 *	round		mmap_lock	what can make it begin again
 *	1 .. 8		shared, until	any change that hits the interval
 *			looked up
 *	9		exclusive,	only what its own look-up raises: a copy
 *			until told	of the zero page, a page taken back
 *	10		the same	nothing: what the look-up would raise,
 *					round 9 has raised
 *	-		-		-EBUSY: somebody raises ranges without
 *					mmap_lock, or the look-up never settles
 *
 * So that is the bound: MMU_INTERVAL_ROUNDS_ALL rounds, and in each at most one
 * sleep in mmu_interval_read_begin(), for ranges open at its call. How long the
 * lock is waited for is bounded by those queued before: an rwsem is handed on
 * in the order of arrival, and a reader that comes later does not pass a writer.
 * A reader that is killed meanwhile does not wait for its turn, in any round.
 *
 * Why not let the changes wait for a reader that has announced itself? Because
 * start is called with locks held that the reader wants inside its section.
 *
 *	reader, announced		munmap
 *					mmap_lock, write
 *					start: gives way to the reader
 *	look up: mmap_lock, read	(neither goes on)
 *
 *	reader, announced		CPU fault on an exclusive page
 *					page lock
 *					start: gives way to the reader
 *	look up: page lock		(neither goes on)
 *
 * Here nobody waits for a reader. The reader waits for mmap_lock with nothing
 * held, takes page locks below it in the usual order (docs/locking.md), and
 * whoever holds one of those does not want mmap_lock.
 *
 * The race it must win (tests/mm/mmu_notifier_rounds_test.c,
 * changes_without_end_are_kept_out_after_eight_rounds):
 *
 *	reader				madvise_dontneed(), for ever
 *	8 times: look up
 *					start: callback; entry emptied; end
 *		 retry: must
 *	mmap_lock, write
 *	look up				mmap_lock, read: sleeps
 *	retry: need not; installs
 *	unlock
 *					start: callback drops what was installed
 *
 *	field		read with		written with
 *	rounds->...	its thread alone	the same
 *	stats.alone	->lock			->lock
 *
 * Lifetime.  The rounds are on the caller's stack, who is a user of the mm, so
 * that its end (RELEASE, which is raised under no lock) does not come between.
 *
 * Not here: ranges raised under a reverse-map lock alone, which R1.9 would
 * permit. The tree raises none; docs/adr/0013-readers-are-alone-in-the-end.md
 * says what they would ask for.
 */
#include "notifier_internal.h"

/*
 * Which way the lock is held is in @rounds; clang does not follow that, here and
 * in the two below that let go of it.
 */
int mmu_interval_round_lock(struct mmu_interval_rounds *rounds) __no_thread_safety
{
	struct mmu_interval_notifier *sub = rounds->interval_sub;
	struct mm_struct *mm = sub->mm;
	int ret;

	might_sleep();
	if (unlikely(rounds->nr == MMU_INTERVAL_ROUNDS_ALL))
		return -EBUSY;
	rounds->alone = rounds->nr >= MMU_INTERVAL_ROUNDS_BESIDE;
	ret = rounds->alone ? down_write_killable(&mm->mmap_lock)
			    : down_read_killable(&mm->mmap_lock);
	if (unlikely(ret))
		return ret;
	if (unlikely(rounds->alone))
		notifier_count_alone(sub->subscriptions);
	rounds->locked = true;
	rounds->nr++;
	return 0;
}

void mmu_interval_round_begin(struct mmu_interval_rounds *rounds)
{
	rounds->seq = mmu_interval_read_begin(rounds->interval_sub);
}

void mmu_interval_round_looked_up(struct mmu_interval_rounds *rounds) __no_thread_safety
{
	if (rounds->alone)
		return;
	mmap_read_unlock(rounds->interval_sub->mm);
	rounds->locked = false;
}

void mmu_interval_round_unlock(struct mmu_interval_rounds *rounds) __no_thread_safety
{
	if (!rounds->locked)
		return;
	rounds->locked = false;
	if (rounds->alone)
		mmap_write_unlock(rounds->interval_sub->mm);
	else
		mmap_read_unlock(rounds->interval_sub->mm);
}
