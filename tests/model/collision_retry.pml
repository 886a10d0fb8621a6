/* SPDX-License-Identifier: MIT */
/*
 * collision_retry.pml - the collision-retry protocol, for spin
 *
 * Problem.  A device fault reads the CPU's page table without a lock that an
 * invalidation would wait for.  Nothing it read may be installed once an
 * invalidation has told the driver to let go of it.
 *
 * Idea.  Every transition of mm/mmu_notifier.c that another CPU can see is a
 * step here, under the same lock; spin tries every order of them.  A step
 * names the function that it stands for.
 *
 * Who runs: NRANGES invalidations (the last may not block and may fail), one
 * reader for each of the NSUBS subscriptions, an inserter of subscription
 * LATE, a remover of subscription LATE, and the exit of the address space
 * after the ranges.  All subscriptions watch the page that the ranges change.
 *
 *	variable	in the code			written under
 *	open_ranges	active_invalidate_ranges	lock
 *	seq		invalidate_seq			lock
 *	in_tree[]	linked in the tree		lock
 *	add[], del[]	on the deferred list		lock
 *	sub_seq[]	interval_sub->invalidate_seq	lock; driver[] in callbacks
 *	dev[]		the device's translation	driver[]
 *	gen		which frame the PTE names	the range that is open
 *
 * What is checked: no translation of an old frame when the PTE changes and
 * none after; no callback on a subscription whose remove has returned; every
 * process ends (a lost wake-up is an invalid end state); all counts are back
 * at zero when all have ended.
 *
 * Seeded bugs, each of which must be found:
 *	-DBUG_LEAVE_OPEN	a plain subscriber fails a start that may not
 *				block and the interval period stays open (R3.7)
 *	-DBUG_UNLOCKED_REMOVE	remove looks at seq without the lock (R4.14)
 *	-DBUG_EARLY_RETRY	read_retry is asked before the driver lock
 */

#ifndef NRANGES
#define NRANGES 2
#endif
#ifndef NSUBS
#define NSUBS 2
#endif
#define LATE (NSUBS - 1)

byte open_ranges;
byte seq = 2;
byte gen = 1;
byte ranges_done;
byte readers_done;
bool reader_done[NSUBS];

bool in_tree[NSUBS];
bool add[NSUBS];
bool del[NSUBS];
bool inserted[NSUBS];
bool freed[NSUBS];
byte sub_seq[NSUBS];
byte dev[NSUBS];

bool lock;
bool driver[NSUBS];

inline take(l)
{
	atomic { !l -> l = true }
}

inline give(l)
{
	l = false
}

/* mn_itree_is_invalidating(): odd, and somebody's range is open */
#define ODD(x) ((x) & 1)

/* mn_itree_start(): open a range, and the period when it hits something */
inline itree_open(cur, hit)
{
	take(lock);
	d_step {
		open_ranges++;
		hit = false;
		i = 0;
		do
		:: i < NSUBS -> hit = hit || in_tree[i]; i++
		:: else -> break
		od;
		if
		:: hit -> seq = seq | 1
		:: else
		fi;
		cur = seq;
		i = 0
	}
	give(lock)
}

/* mn_itree_end(): the last one out of an odd period makes it even */
inline itree_close()
{
	take(lock);
	open_ranges--;
	if
	:: open_ranges == 0 && ODD(seq) ->
		seq++;
		/* the deferred list, one entry after the other */
		j = 0;
		do
		:: j < NSUBS ->
			if
			:: add[j] ->
				assert(!freed[j]);
				add[j] = false;
				in_tree[j] = true
			:: del[j] ->
				assert(!freed[j]);
				del[j] = false;
				in_tree[j] = false
			:: else
			fi;
			j++
		:: else -> break
		od;
		j = 0
	:: else
	fi;
	give(lock)
}

/* ops->invalidate(): driver lock, set_seq, drop the translation */
inline invalidate(s, cur)
{
	assert(!freed[s]);
	take(driver[s]);
	sub_seq[s] = cur;
	dev[s] = 0;
	give(driver[s])
}

/* mmu_notifier_invalidate_range_start(), the change, and _end() */
proctype Range(bool may_block)
{
	byte cur, i, j;
	bool hit, failed;

	itree_open(cur, hit);
	if
	:: hit ->
		/* while the period is odd the tree does not change */
		do
		:: i < NSUBS && in_tree[i] && !failed ->
			if
			:: may_block -> invalidate(i, cur)
			:: !may_block ->
				if
				:: atomic { !driver[i] -> driver[i] = true };
					assert(!freed[i]);
					sub_seq[i] = cur;
					dev[i] = 0;
					give(driver[i])
				:: driver[i] -> failed = true
				fi
			fi;
			i++
		:: i < NSUBS && (!in_tree[i] || failed) -> i++
		:: i == NSUBS -> break
		od;
		i = 0
	:: else
	fi;
	if
	:: failed ->
		/* R3.6: a subscription said no; close, and do not change */
		itree_close()
	:: !failed && !may_block ->
		/* a plain subscriber may say no as well (R3.7) */
		if
		:: true ->
#ifndef BUG_LEAVE_OPEN
			itree_close();
#endif
			failed = true
		:: true
		fi
	:: else
	fi;
	if
	:: !failed ->
		/* the PTE changes: nobody may still hold the old frame */
		d_step {
			i = 0;
			do
			:: i < NSUBS -> assert(dev[i] == 0);
				i++
			:: else -> break
			od;
			i = 0;
			gen++
		}
		itree_close()
	:: else
	fi;
	ranges_done++
}

/* a device fault: read_begin, look the frame up, lock, read_retry, install */
proctype Reader(byte s)
{
	byte begun, pfn;
	bool again = true;
#ifdef BUG_EARLY_RETRY
	bool stale;
#endif

	inserted[s];
	do
	:: again ->
		/* mmu_interval_read_begin() */
		take(lock);
		begun = sub_seq[s];
		if
		:: begun == seq ->
			give(lock);
			/* wait_event(seq != begun) */
			seq != begun
		:: else -> give(lock)
		fi;
		assert(ODD(begun));
		/* hmm_range_fault(): reads the PTE with no lock of ours */
		pfn = gen;
		/* the driver lock, then mmu_interval_read_retry() */
#ifdef BUG_EARLY_RETRY
		stale = sub_seq[s] != begun;
		take(driver[s]);
		if
		:: !stale ->
#else
		take(driver[s]);
		if
		:: sub_seq[s] == begun ->
#endif
			dev[s] = pfn;
			assert(pfn == gen);
			again = false
		:: else
		fi;
		give(driver[s])
	:: else -> break
	od;
	atomic {
		reader_done[s] = true;
		readers_done++
	}
}

/* mmu_interval_notifier_insert() of a subscription beside open ranges */
proctype Inserter(byte s)
{
	take(lock);
	d_step {
		if
		:: open_ranges > 0 && ODD(seq) -> /* R4.11 */
			add[s] = true;
			sub_seq[s] = seq
		:: open_ranges > 0 && !ODD(seq) -> /* R4.10 */
			seq = seq | 1;
			in_tree[s] = true;
			sub_seq[s] = seq
		:: open_ranges == 0 -> /* R4.9 */
			assert(!ODD(seq));
			in_tree[s] = true;
			sub_seq[s] = seq - 1
		fi;
		inserted[s] = true
	}
	give(lock)
}

/* mmu_interval_notifier_remove(), and the driver frees the memory */
proctype Remover(byte s)
{
	byte begun;
	bool waits;

	/*
	 * A driver removes when no fault of its own is on the way, and drops
	 * its translations first: nobody tells it of changes afterwards.
	 */
	reader_done[s];
	take(driver[s]);
	dev[s] = 0;
	give(driver[s]);
	take(lock);
	if
	:: !ODD(seq) -> in_tree[s] = false
	:: ODD(seq) && add[s] -> add[s] = false
	:: ODD(seq) && !add[s] ->
		del[s] = true;
		begun = seq;
		waits = true
	fi;
	give(lock);
	if
	:: waits ->
#ifdef BUG_UNLOCKED_REMOVE
		seq != begun
#else
		/* wait until seq has changed, as seen under the lock */
		atomic { !lock && seq != begun }
#endif
	:: else
	fi;
	freed[s] = true
}

/* mmu_notifier_release(): RELEASE to every subscription in the tree */
proctype Exit()
{
	byte cur, i, j;
	bool hit;

	/* mm_users is zero: no change and no fault is on the way */
	ranges_done == NRANGES && readers_done == NSUBS;
	itree_open(cur, hit);
	do
	:: i < NSUBS && hit && in_tree[i] -> invalidate(i, cur); i++
	:: i < NSUBS && !(hit && in_tree[i]) -> i++
	:: else -> break
	od;
	itree_close()
}

init {
	byte n;

	d_step {
		n = 0;
		do
		:: n < LATE ->
			in_tree[n] = true;
			inserted[n] = true;
			sub_seq[n] = 1;
			n++
		:: else -> break
		od;
		n = 0
	}
	atomic {
		do
		:: n < NRANGES - 1 -> run Range(true); n++
		:: else -> break
		od;
		run Range(false);
		n = 0;
		do
		:: n < NSUBS -> run Reader(n); n++
		:: else -> break
		od;
		n = 0;
		run Inserter(LATE);
		run Remover(LATE);
		run Exit()
	}
	/* all have ended: the books balance */
	_nr_pr == 1;
	assert(open_ranges == 0);
	assert(!ODD(seq));
	assert(!in_tree[LATE] && !add[LATE] && !del[LATE]);
	n = 0;
	do
	:: n < LATE -> assert(dev[n] == 0); n++
	:: else -> break
	od
}
