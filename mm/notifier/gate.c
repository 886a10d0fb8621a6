// SPDX-License-Identifier: MIT
/*
 * mm/notifier/gate.c - wait for those who are inside, not for all who follow
 *
 * Problem.  Two questions of the notifiers have one shape. "Has every callback
 * returned that might still see this subscription?" and "has every change of
 * a mapping ended that began before this subscription?" Callbacks and changes
 * sleep, new ones begin all the time, and both go in and out on the hottest
 * paths of the subsystem.
 *
 * Idea.  Count who is inside in two epochs. To wait, turn newcomers to the
 * other epoch and wait until the old one is empty: it only shrinks. Both
 * counts and the selector live in one word, so that one atomic instruction
 * enters an epoch and learns whether it was the right one. SRCU samples the
 * selector first and counts afterwards; a reader delayed between the two makes
 * it turn twice. Here a newcomer counts itself into epoch 0 blindly; only when
 * the word says BUSY does it take that back and count itself where it belongs,
 * under the lock. A gate at rest has BUSY and SELECT clear: the blind guess is
 * right.
 *
 *	running	SELECT	BUSY	epoch 0		epoch 1
 *	no	0	0	newcomers	left over from a period, or empty
 *	yes	1	1	to empty	newcomers, and what was left over
 *	yes	0	1	newcomers	to empty
 *
 * How long is waited.  A question asked at rest is answered when all who were
 * inside have left; where some are left over from a period before, that takes
 * two turns, and those who came between the two are waited for as well. A
 * question asked while a period runs is answered with the period after it, and
 * so waits for those who came before that one began. Nobody who comes later is
 * waited for: at most two periods, as long as the longest stay in each.
 *
 * Who has guessed has done nothing yet, so that the guess may be taken back
 * whatever has turned meanwhile. But in the old epoch it is waited for, so it
 * must not stay there while its maker waits for the lock: newcomers that queue
 * there would starve who asked. Guess and taking back are some instructions
 * apart, without a wait; and who took one back looks at the epoch again, so that
 * a period held up by nothing else ends. tests/model/gate.pml tries all orders.
 *
 *	field		read with		written with
 *	word		atomic			atomic; SELECT, BUSY: and ->lock
 *	passed		->lock, or ONCE		->lock
 *	others		->lock			->lock
 *
 * The race it must win (tests/mm/notifier/notifier_gate_test.c,
 * a_period_waits_for_a_reader_that_entered_before_and_for_no_later_one):
 *
 *	reader				waiter
 *	enter: word += 1
 *	p = the subscription
 *					unhook the subscription
 *					ask: turn, epoch 0 has 1: not over
 *	callback(p)
 *	leave: word -= 1, BUSY
 *	   lock; epoch 0 empty: over
 *					free the subscription
 *
 * Both enter and ask are full barriers: either the reader's count is seen by
 * the waiter or the waiter's unhooking by the reader. Entering stores, by a
 * read-modify-write, and then loads: the barrier is the one after it
 * (litmus.gate_enter).
 *
 * Lifetime: the gate belongs to its owner, who outlives everybody inside and
 * every waiter; who leaves touches the gate after its count is gone, so it
 * needs a hold of its own (the mm). Not here: what is protected.
 */
#include <mm/notifier/gate.h>

static void advance(struct notifier_gate *gate) __must_hold(gate->lock);
static void advance_and_unlock(struct notifier_gate *gate) __releases(gate->lock);

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

/* --- enter and leave ---------------------------------------------------------- */

long notifier_gate_enter_slow(struct notifier_gate *gate)
{
	long ticket = NOTIFIER_GATE_TICKET_0;

	/* Before the lock: see the head of the file. */
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

/* --- request a grace period, and wait for it ---------------------------------- */

/* The owner holds the lock under a name of its own, which clang cannot know. */
u64 notifier_gate_request(struct notifier_gate *gate) __no_thread_safety
{
	u64 gp;

	if (notifier_gate_idle(gate)) {
		gate->requested = gate->completed + 1;
		/* Release, pairs with notifier_gate_wait(). */
		smp_store_release(&gate->completed, gate->requested);
		return gate->completed;
	}
	/* One that is under way began before this question; else SELECT is 0. */
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
	 * Acquire, of what was stored by whoever read, acquiring, the count of
	 * the last to leave: what was done inside is seen (litmus.gate_wait).
	 */
	wait_event_reporting(gate->waiters,
			     smp_load_acquire(&gate->completed) >= gp,
			     report_late(gate));
	/* Full, as in the question: nothing of what follows comes earlier. */
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

/* --- grace periods ------------------------------------------------------------ */

/* Newcomers go to the other epoch from here on; what is counted now is old. */
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
 * Nobody wants anything: let enter and leave take their short way again, though
 * some are inside epoch 1 yet. The next who asks minds them.
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

/* See whether the old epoch has emptied, and begin what else is wanted. */
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
			/* Release, pairs with notifier_gate_wait(). */
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

/* Take off what may run now. */
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
