// SPDX-License-Identifier: MIT
/*
 * mm/notifier/gate.c - wait for the threads that are inside now, not for later ones
 *
 * Problem.  The notifiers wait for two things. Has every callback returned that may
 * still see this subscription? Has every change of a mapping ended that began before
 * this subscription? Callbacks and changes sleep, new ones begin all the time, and
 * both enter and leave on the hottest paths of the subsystem.
 *
 * Idea.  Count the threads that are inside, in two epochs. A waiter flips the epoch:
 * threads that enter from then on count in the other one. It waits until the old
 * epoch is empty, which must come, because the old epoch only shrinks. From the flip
 * until then is a grace period.
 *
 * The race it must win (tests/mm/notifier/notifier_gate_test.c,
 * a_period_waits_for_a_reader_that_entered_before_and_for_no_later_one):
 *
 *	thread inside			waiter
 *	enter: epoch 0 += 1
 *	p = the subscription
 *					unlink the subscription
 *					request: flip; epoch 0 holds 1: not over
 *	callback(p)
 *	leave: epoch 0 -= 1
 *	   lock; epoch 0 is empty: over
 *					free the subscription
 *
 * Enter and request are full barriers. So either the waiter sees the thread's count,
 * or the thread sees that the subscription is unlinked. Enter stores, by a
 * read-modify-write, and then loads: the barrier is the one after it
 * (litmus.gate_enter).
 *
 * One word holds both counts and SELECT, which names the current epoch. So one atomic
 * instruction enters an epoch and reads whether it was the right one. (SRCU reads the
 * selector first and counts afterwards. A reader that is delayed in between makes it
 * flip twice.) A thread guesses epoch 0. Its instruction tests SLOW, the sign of the
 * word, and if SLOW is set the thread undoes its count and takes the slow path: with
 * the lock held it counts itself in the epoch that SELECT names.
 *
 * SLOW is set together with BUSY, while a grace period runs. In a gate with
 * ->always_slow it is set for good, and the caller tests BUSY itself. While no grace
 * period runs, BUSY and SELECT are clear, and the guess is right. Threads that entered
 * epoch 1 in an earlier grace period may still be inside then: they are left over.
 *
 *	running	SELECT	BUSY	epoch 0		epoch 1
 *	no	0	0	threads enter	left over from a grace period, or empty
 *	yes	1	1	must empty	threads enter; or left over
 *	yes	0	1	threads enter	must empty
 *
 * How long a wait takes.  If no thread is inside and no grace period runs, a request is
 * over at once. If threads are inside, it starts a grace period, which is over when all
 * of them have left. If some of these are left over in epoch 1,
 * two grace periods are needed, one for each epoch; a thread that enters between the
 * two is waited for as well. If a grace period runs, the request is for the next one,
 * because the running one does not wait for threads that entered since it began. So a
 * waiter waits for at most two grace periods, each as long as the longest stay. No
 * thread that enters after the second has begun delays it.
 *
 * Why the guess may be undone.  A thread that entered by the guess has read nothing
 * yet, so undoing its count is always safe. While it is counted in the old epoch, the
 * waiter waits for it. So it undoes the count before it takes the lock: if threads
 * that queue for the lock stayed counted, the old epoch might never be empty. Its
 * count may have been the last one in the old epoch, so with the lock held it looks
 * whether the grace period is over. tests/model/gate.pml tries all orders.
 *
 *	field		read with		written with
 *	word		atomic			atomic; SELECT, BUSY: and ->lock
 *	completed	->lock, or acquire	->lock, release
 *	requested	->lock			->lock
 *	running		->lock			->lock
 *	deferred	->lock			->lock
 *
 * Lifetime.  A gate lies in its owner, which outlives every thread inside and every
 * waiter. A thread that leaves uses the gate after it has counted itself out, so it
 * must hold a reference on the owner (here: the mm). Not here: what a gate protects.
 */
#include <mm/notifier/gate.h>

static void advance(struct notifier_gate *gate) __must_hold(gate->lock);
static void advance_and_unlock(struct notifier_gate *gate) __releases(gate->lock);

/* How many threads are inside epoch 0 or, if @one, epoch 1? */
static long epoch_count(long word, bool one)
{
	return (one ? word >> NOTIFIER_GATE_EPOCH_BITS : word) &
	       NOTIFIER_GATE_MASK;
}

void notifier_gate_init(struct notifier_gate *gate, struct atomic64 *word,
			struct spinlock *lock, struct wait_queue_head *waiters)
{
	gate->word = word;
	gate->lock = lock;
	gate->waiters = waiters;
	gate->completed = 0;
	gate->requested = 0;
	gate->running = false;
	gate->always_slow = false;
	gate->late = NULL;
	gate->deferred = NULL;
	gate->deferred_tail = &gate->deferred;
}

/* --- enter and leave ------------------------------------------------------ */

long notifier_gate_enter_slow(struct notifier_gate *gate)
{
	long ticket = NOTIFIER_GATE_TICKET_0;

	/* Undo the guess before taking the lock: see the head of the file. */
	atomic64_add(-NOTIFIER_GATE_TICKET_0, gate->word);
	spin_lock(gate->lock);
	if (atomic64_read(gate->word) & NOTIFIER_GATE_SELECT)
		ticket = NOTIFIER_GATE_TICKET_1;
	atomic64_add(ticket, gate->word);
	advance_and_unlock(gate);
	return ticket;
}

void notifier_gate_leave_slow(struct notifier_gate *gate)
{
	spin_lock(gate->lock);
	advance_and_unlock(gate);
}

/* --- request a grace period, and wait for it ------------------------------ */

/*
 * The caller holds gate->lock by the owner's name for it, as subs->lock. clang's lock
 * analysis cannot know that the two are one, so it is off here.
 */
u64 notifier_gate_request(struct notifier_gate *gate) __no_thread_safety
{
	u64 gp;

	if (notifier_gate_idle(gate)) {
		gate->requested = gate->completed + 1;
		/* Pairs with the acquire in notifier_gate_wait(). */
		smp_store_release(&gate->completed, gate->requested);
		return gate->completed;
	}
	/*
	 * A running grace period does not wait for threads that entered since it
	 * began: take the next one. If none runs, the first to come empties epoch
	 * 0, and threads left over in epoch 1 need a second.
	 */
	gp = gate->completed + 1;
	if (gate->running || epoch_count(atomic64_read(gate->word), true))
		gp++;
	if (gate->requested < gp)
		gate->requested = gp;
	if (!gate->running)
		advance(gate);
	return gp;
}

static void report_late(struct notifier_gate *gate)
{
	if (gate->late)
		gate->late(gate);
}

void notifier_gate_wait(struct notifier_gate *gate, u64 gp)
{
	/*
	 * Pairs with the release in advance(), which read the count of the last
	 * thread that left by atomic64_read(): on x86 a plain load acquires, and
	 * mm/notifier/atomics.h asks for it elsewhere. So the waiter sees all that
	 * the threads did inside (litmus.gate_wait).
	 */
	wait_event_reporting(gate->waiters,
			     smp_load_acquire(&gate->completed) >= gp,
			     report_late(gate));
	/* Full, as notifier_gate_request() is: no later access moves before it. */
	smp_mb();
}

bool notifier_gate_defer(struct notifier_gate *gate,
			 struct mmu_notifier_deferred *deferred)
{
	deferred->gp = notifier_gate_request(gate);
	if (deferred->gp <= gate->completed)
		return false;
	deferred->next = NULL;
	*gate->deferred_tail = deferred;
	gate->deferred_tail = &deferred->next;
	return true;
}

/* --- grace periods -------------------------------------------------------- */

/* Start a grace period: from here on threads enter the other epoch. */
static void flip_epoch(struct notifier_gate *gate) __must_hold(gate->lock)
{
	s64 word = atomic64_read(gate->word);

	while (!atomic64_try_cmpxchg(gate->word, &word,
				     (word ^ NOTIFIER_GATE_SELECT) |
					     NOTIFIER_GATE_BUSY |
					     NOTIFIER_GATE_SLOW))
		;
	gate->running = true;
}

/*
 * No grace period is wanted: enter and leave take the fast path again. Epoch 1 need
 * not be empty; the next notifier_gate_request() takes it into account.
 */
static void clear_busy(struct notifier_gate *gate) __must_hold(gate->lock)
{
	s64 clear = NOTIFIER_GATE_SELECT | NOTIFIER_GATE_BUSY;
	s64 word = atomic64_read(gate->word);

	if (!gate->always_slow)
		clear |= NOTIFIER_GATE_SLOW;
	do {
		if (!(word & NOTIFIER_GATE_BUSY))
			return;
	} while (!atomic64_try_cmpxchg(gate->word, &word, word & ~clear));
}

/*
 * If the old epoch is empty, complete the grace period. Start the next one if it is
 * requested.
 */
static void advance(struct notifier_gate *gate) __must_hold(gate->lock)
{
	u64 before = gate->completed;
	long word;

	for (;;) {
		if (gate->running) {
			word = atomic64_read(gate->word);
			if (epoch_count(word, !(word & NOTIFIER_GATE_SELECT)))
				break;
			gate->running = false;
			/* Pairs with the acquire in notifier_gate_wait(). */
			smp_store_release(&gate->completed, gate->completed + 1);
		}
		if (gate->requested <= gate->completed) {
			clear_busy(gate);
			break;
		}
		flip_epoch(gate);
	}
	if (gate->completed != before)
		wake_up_all(gate->waiters);
}

/* Take the work off the list whose grace period is completed. */
static struct mmu_notifier_deferred *take_ready(struct notifier_gate *gate)
	__must_hold(gate->lock)
{
	struct mmu_notifier_deferred *first = gate->deferred;
	struct mmu_notifier_deferred **link = &first;

	while (*link && (*link)->gp <= gate->completed)
		link = &(*link)->next;
	gate->deferred = *link;
	if (!gate->deferred)
		gate->deferred_tail = &gate->deferred;
	*link = NULL;
	return first;
}

/* The end of each slow path. Deferred work runs without the lock. */
static void advance_and_unlock(struct notifier_gate *gate) __releases(gate->lock)
{
	struct mmu_notifier_deferred *ready, *next;

	advance(gate);
	ready = take_ready(gate);
	spin_unlock(gate->lock);
	for (; ready; ready = next) {
		next = ready->next;
		ready->run(ready);
	}
}
