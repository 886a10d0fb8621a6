// SPDX-License-Identifier: MIT
/*
 * mm/notifier/rounds.c - a driver's look-up that ends, whatever changes
 *
 * Problem.  A device fault, the reader, looks a page up while other threads change the
 * mapping, and retries if it has collided with a change. Under a stream of changes that
 * overlap its interval it would retry for ever: the protocol itself has no bound. Linux
 * drivers end the loop with an error after one second. That is no progress, and on a
 * slow machine no bound either.
 *
 * Idea.  A thread that changes a mapping holds its mmap_lock, shared or exclusive, from
 * before start until after end (R1.9). So the reader tries a few rounds with mmap_lock
 * held shared, in which changes run concurrently. Then it takes mmap_lock exclusive:
 * that waits for the changes in progress and keeps out all others.
 *
 *	round		mmap_lock	the reader collides with
 *	1 .. 8		shared, until	any change that overlaps the interval
 *			looked up
 *	9		exclusive,	only a change that its own look-up makes
 *			kept		inside the section
 *	10		still held	nothing: round 9 has made the changes of its
 *					look-up, and no other thread has held
 *					mmap_lock since
 *	-		-		-EBUSY: a range was started without mmap_lock,
 *					or the look-up starts a range in every round
 *					that its driver does not ignore
 *
 * So the bound is MMU_INTERVAL_ROUNDS_ALL rounds, and in each round at most one sleep in
 * mmu_interval_read_begin(), for the ranges open at its call. It rests on three facts:
 *
 *  1. No other thread changes the mapping in rounds 9 and 10, nor between them:
 *     mmu_interval_round_unlock() keeps the lock after an exclusive round that has
 *     collided. If it dropped the lock there, another thread could undo what round 9
 *     changed, and round 10 would change it again (mmu_notifier_rounds_test.c,
 *     between_the_rounds_alone_no_change_comes).
 *  2. A look-up that finds every entry as it needs it changes nothing. For
 *     get_user_pages_remote() that is every page present, with the right asked for. For
 *     make_device_exclusive_range() it is every entry writable or exclusive.
 *  3. make_device_exclusive_range() starts one range even when nothing is left to
 *     change: its own EXCLUSIVE, which its driver ignores (R1.24). It takes over an
 *     exclusive entry and does not restore it: that would be a CLEAR in every round.
 *
 * A driver need not come to round 10. By contract it makes the changes first, between
 * mmu_interval_round_lock() and mmu_interval_round_begin(): it faults the page in with
 * the right that it needs. Then the look-up inside the section has nothing left to
 * change, unless another thread came in between. That cannot be in round 9, so it is
 * the last. Round 10 keeps the bound for a driver that does not do this and waits for no
 * page.
 *
 *	driver that faults in inside	driver that faults in before
 *	begin				GUP: zero page replaced, CLEAR
 *	GUP: zero page replaced, CLEAR	begin
 *	retry: true, by its own change	GUP: nothing to change
 *					retry: false
 *
 * The wait for the lock is bounded by the threads queued before: an rwsem is handed on
 * in the order of arrival, and a reader of it that comes later does not pass a writer. A
 * thread that is killed while it waits returns at once, in any round.
 *
 * An alternative that deadlocks.  The reader announces itself, and each start waits for
 * it. But start is called with locks held that the reader takes inside its section.
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
 * Here no start waits for a reader, so no lock is held while waiting for one: a change
 * waits for mmap_lock before its start, with nothing else held but a page's lock. The
 * reader waits for mmap_lock likewise, and with mmap_lock held it waits for no page lock
 * (docs/locking.md).
 *
 * A look-up that has to wait for a page's lock drops mmap_lock to do so. Such a wait stands
 * before the section as well: lock_device_exclusive() keeps the page locked while it takes
 * mmap_lock again, and get_user_pages_remote() with FOLL_UNLOCKABLE restores the page. A
 * driver that waits for a page inside its section, in an exclusive round, lets changes in
 * and has no bound.
 *
 * The race it must win (tests/mm/notifier/mmu_notifier_rounds_test.c,
 * changes_without_end_are_kept_out_after_eight_rounds):
 *
 *	reader				madvise_dontneed(), for ever
 *	8 times: look up
 *					start: callback; entry emptied; end
 *		 retry: true
 *	mmap_lock, write
 *	look up				mmap_lock, read: sleeps
 *	retry: false; installs
 *	unlock
 *					start: callback drops what was installed
 *
 *	field			read with		written with
 *	rounds->...		its thread only		its thread only
 *	stats.exclusive_rounds	->lock			->lock
 *
 * Lifetime.  struct mmu_interval_rounds lies on the caller's stack. The caller holds
 * mm_users, so the mm does not exit in between; exit's RELEASE is the one range that
 * starts without a lock.
 *
 * A walk of the reverse map begins without mmap_lock. Its visitor tries the lock before it
 * starts a range, and leaves the entry alone if the try fails (mm/rmap/walk.c). So fact 1
 * holds for it too. Linux starts ranges under a reverse-map lock alone.
 *
 * Not here: mmap_lock itself (kernel/sched/rwsem.c). The model is tests/model/rounds.pml;
 * docs/adr/0013-readers-are-alone-in-the-end.md has the alternatives.
 */
#include "internal.h"

/*
 * clang's thread-safety analysis cannot follow which way the lock is held, because that
 * is data (@rounds). So it is off here and in the two functions below that drop the lock.
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
	notifier_observe_round(sub, rounds->nr, rounds->exclusive);
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

	/* Kept for one round: a second call drops it. */
	rounds->collided = false;
	if (!rounds->locked || keep)
		return;
	rounds->locked = false;
	if (rounds->exclusive)
		mmap_write_unlock(rounds->interval_sub->mm);
	else
		mmap_read_unlock(rounds->interval_sub->mm);
}
