// SPDX-License-Identifier: MIT
/*
 * mm/notifier/rounds.c - a driver's look-up that ends, whatever changes
 *
 * Problem.  A device fault looks a page up while the mapping changes, and retries
 * when it collides. Under a stream of changes that overlap its interval it would
 * retry for ever: nothing in the protocol itself bounds it. Elsewhere a second of wall-clock time ends the loop with an error,
 * which is no progress, and on a slow machine no bound either.
 *
 * Idea.  A thread that changes a mapping holds its mmap_lock, shared or exclusive,
 * from before start until after end (R1.9). So a look-up concurrent with changes is
 * tried a few times. Then the reader takes mmap_lock for writing, which waits for the
 * changes that are under way and keeps out all others: the round is exclusive.
 *
 *	round		mmap_lock	collides with
 *	1 .. 8		shared, until	any change that overlaps the interval
 *			looked up
 *	9		exclusive,	only a change that its own look-up made
 *			kept		inside the section
 *	10		still the same	nothing: what the look-up would change,
 *					round 9 has changed, and no other thread
 *					has held mmap_lock since
 *	-		-		-EBUSY: a range was started without
 *					mmap_lock, or the look-up starts one each
 *					time that its driver does not ignore
 *
 * So the bound is MMU_INTERVAL_ROUNDS_ALL rounds, and in each at most one sleep in
 * mmu_interval_read_begin(), for ranges open at its call. It rests on three facts:
 *
 *  1. No other thread changes the mapping in rounds 9 and 10, nor between them:
 *     mmu_interval_round_unlock() keeps the lock after an exclusive round that
 *     collided. Were it dropped there, another thread could undo what round 9 changed, and
 *     round 10 would change it again (mmu_notifier_rounds_test.c,
 *     between_the_rounds_alone_no_change_comes).
 *  2. A look-up that finds everything as it wants it changes nothing. For
 *     get_user_pages_remote() that is every page present with the right asked
 *     for; for make_device_exclusive_range() every entry writable or exclusive.
 *  3. A look-up that finds nothing left to change still starts one range, its own
 *     EXCLUSIVE, which its driver ignores (R1.24). An exclusive entry is taken
 *     over and not restored: a restore would be a CLEAR in every round.
 *
 * A driver need not come that far. By contract it makes the changes first, between
 * mmu_interval_round_lock() and mmu_interval_round_begin(): it faults the page in
 * with the rights that it will want. Then the look-up inside the section has
 * nothing left to change, in any round, unless another thread made a change in between
 * and the round collides anyway; and round 9 is the last. Round 10 is for a driver that
 * does not, so that even then the bound holds.
 *
 *	driver that faults in inside	driver that faults in before
 *	begin				get_user_pages_remote(): zero page
 *					replaced, CLEAR
 *	get_user_pages_remote(): zero	begin
 *	page replaced, CLEAR		get_user_pages_remote(): nothing to change
 *	retry: must, its own change	retry: need not
 *
 * How long the lock is waited for is bounded by those queued before: an rwsem is
 * handed on in the order of arrival, and a thread that comes later to read does not
 * pass a writer. A reader that is killed while it waits returns at once, in any round.
 *
 * Why not let the changes wait for a reader that has announced itself? Because
 * start is called with locks held that the reader wants inside its section.
 *
 *	reader, announced		munmap
 *					mmap_lock, write
 *					start: waits for the reader
 *	look up: mmap_lock, read	(neither goes on)
 *
 *	reader, announced		CPU fault on an exclusive page
 *					page lock
 *					start: waits for the reader
 *	look up: page lock		(neither goes on)
 *
 * Here no change waits for a reader. The reader waits for mmap_lock with nothing
 * held, and takes page locks below it in the usual order (docs/locking.md). A thread
 * that holds a page lock does not wait for mmap_lock.
 *
 * The race it must win (tests/mm/notifier/mmu_notifier_rounds_test.c,
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
 *	field			read with		written with
 *	rounds->...		only by its thread	the same
 *	stats.exclusive_rounds	->lock			->lock
 *
 * Lifetime.  The rounds are on the stack of the caller, a user of the mm. So the exit of
 * the mm (RELEASE, which is started under no lock) does not come between.
 *
 * Not here: ranges started under only a reverse-map lock, which Linux permits and R1.9
 * does not. The tree starts none; docs/adr/0013-readers-are-alone-in-the-end.md says
 * what they would ask for.
 *
 * The model is tests/model/rounds.pml.
 */
#include "internal.h"

/*
 * Which way the lock is held is in @rounds; clang does not follow that, here and
 * in the two below that let go of it.
 */
int mmu_interval_round_lock(struct mmu_interval_rounds *rounds) __no_thread_safety
{
	struct mmu_interval_notifier *sub = rounds->interval_sub;
	struct mm_struct *mm = sub->mm;
	int ret = 0;

	might_sleep();
	if (IS_ENABLED(CONFIG_DEBUG))
		notifier_check_round(mm, __builtin_return_address(0));
	if (rounds->nr == MMU_INTERVAL_ROUNDS_ALL)
		return -EBUSY;
	rounds->exclusive = rounds->nr >= MMU_INTERVAL_ROUNDS_SHARED;
	if (!rounds->locked)
		ret = rounds->exclusive ? down_write_killable(&mm->mmap_lock)
					: down_read_killable(&mm->mmap_lock);
	if (ret)
		return ret;
	if (rounds->exclusive)
		notifier_count_exclusive_round(sub->subscriptions);
	rounds->locked = true;
	rounds->collided = false;
	rounds->nr++;
	return 0;
}

void mmu_interval_round_begin(struct mmu_interval_rounds *rounds)
{
	rounds->seq = mmu_interval_read_begin(rounds->interval_sub);
}

void mmu_interval_round_looked_up(struct mmu_interval_rounds *rounds) __no_thread_safety
{
	if (rounds->exclusive)
		return;
	mmap_read_unlock(rounds->interval_sub->mm);
	rounds->locked = false;
}

void mmu_interval_round_unlock(struct mmu_interval_rounds *rounds) __no_thread_safety
{
	bool keep = rounds->exclusive && rounds->collided &&
		    rounds->nr < MMU_INTERVAL_ROUNDS_ALL;

	/* Once for the next round; a second call has no round to keep it for. */
	rounds->collided = false;
	if (!rounds->locked || keep)
		return;
	rounds->locked = false;
	if (rounds->exclusive)
		mmap_write_unlock(rounds->interval_sub->mm);
	else
		mmap_read_unlock(rounds->interval_sub->mm);
}
