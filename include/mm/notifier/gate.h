/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/gate.h - wait for the threads that are inside now, not for later ones
 *
 * For the core. Threads enter a gate and leave it, and may sleep inside. Another
 * thread waits until all threads that are inside at this moment have left. Threads
 * that enter later do not delay it for ever: a wait takes two grace periods at most.
 * SRCU solves the same problem; docs/adr/0010 says why the notifiers have a gate.
 *
 * To enter and to leave are one atomic instruction and one test each. The word of the
 * gate counts the threads inside, in two epochs:
 *
 *	bits	0..29	threads inside, epoch 0
 *		30..59	threads inside, epoch 1
 *		61	SELECT: the epoch in which a thread that enters is counted
 *		62	BUSY: a grace period runs
 *		63	SLOW: a thread that enters or leaves takes the slow path. It
 *			is the sign bit, so that one instruction counts and tests
 *			it. It is set together with BUSY; in a gate with
 *			@always_slow it is set for good
 */
#ifndef MM_NOTIFIER_GATE_H
#define MM_NOTIFIER_GATE_H

#include <mm/notifier/env.h>
#include <mm/notifier/plain.h>
#include <mm/notifier/start.h>

/* A word of 64 bits holds two counts and three flags. */
_Static_assert(sizeof(long) == 8 && sizeof(void *) == 8,
	       "a long is as wide as a pointer, 64 bits");

#define NOTIFIER_GATE_EPOCH_BITS 30
#define NOTIFIER_GATE_MASK       ((1l << NOTIFIER_GATE_EPOCH_BITS) - 1)
#define NOTIFIER_GATE_COUNTS     ((1l << (2 * NOTIFIER_GATE_EPOCH_BITS)) - 1)
#define NOTIFIER_GATE_SELECT     (1l << 61)
#define NOTIFIER_GATE_SLOW       (-0x7fffffffffffffffl - 1)
#define NOTIFIER_GATE_BUSY       (1l << 62)
/* NOTIFIER_GATE_TICKET_0, of epoch 0, is in mm/notifier/start.h. */
#define NOTIFIER_GATE_TICKET_1 (1l << NOTIFIER_GATE_EPOCH_BITS)

/**
 * struct notifier_gate - one gate
 * @word: (a) the threads inside, and the flags
 * @lock: (c) the owner's; guards the fields (s)
 * @waiters: (c) the owner's; woken when a grace period is over
 * @late: (c) NULL, or called without locks by a waiter that has waited long
 * @always_slow: (c) SLOW stays set when BUSY is cleared
 * @completed: (s) the last grace period that is over; also read with an acquire
 * @requested: (s) the last grace period that a thread has requested
 * @running: (s) a grace period runs: threads that enter are counted in the epoch that
 *	SELECT names, and the other must become empty
 * @deferred: (s) work that waits for a grace period, oldest first
 * @deferred_tail: (s) where the next is linked
 *
 * Keys: (a) atomic, (c) constant, (s) under @lock.
 */
struct notifier_gate {
	struct atomic64 *word;
	struct spinlock *lock;
	struct wait_queue_head *waiters;
	void (*late)(struct notifier_gate *gate);
	bool always_slow;
	u64 completed;
	u64 requested;
	bool running;
	struct mmu_notifier_deferred *deferred;
	struct mmu_notifier_deferred **deferred_tail;
};

/**
 * notifier_gate_init() - prepare a gate
 * @gate: the gate
 * @word: its word, 0, or counting already
 * @lock: the owner's, ready to use
 * @waiters: the owner's, ready to use
 *
 * @late and @always_slow may be set afterwards.
 *
 * Context: any; no other thread uses the gate.
 */
void notifier_gate_init(struct notifier_gate *gate, struct atomic64 *word,
			struct spinlock *lock, struct wait_queue_head *waiters);

/* Enter and leave, where SLOW is set. */
long notifier_gate_enter_slow(struct notifier_gate *gate);
void notifier_gate_leave_slow(struct notifier_gate *gate);

/**
 * notifier_gate_enter() - enter
 * @gate: the gate
 *
 * Full barrier: nothing that is read inside is older than the entry.
 *
 * Context: any where a spinlock may be taken.
 * Return: the ticket for notifier_gate_leave().
 */
static inline long notifier_gate_enter(struct notifier_gate *gate)
{
	if (unlikely(atomic64_add_negative(NOTIFIER_GATE_TICKET_0, gate->word)))
		return notifier_gate_enter_slow(gate);
	return NOTIFIER_GATE_TICKET_0;
}

/**
 * notifier_gate_leave() - leave
 * @gate: the gate
 * @ticket: the value that notifier_gate_enter() returned
 *
 * May run deferred work. Uses the gate after the thread has counted itself out.
 *
 * Context: as notifier_gate_enter(); the caller holds a reference on the gate's owner.
 */
static inline void notifier_gate_leave(struct notifier_gate *gate, long ticket)
{
	if (unlikely(atomic64_sub_negative(ticket, gate->word)))
		notifier_gate_leave_slow(gate);
}

/** notifier_gate_word_occupied() - is a thread inside? For after a full barrier */
static inline bool notifier_gate_word_occupied(const struct atomic64 *word)
{
	return atomic64_read(word) & NOTIFIER_GATE_COUNTS;
}

/**
 * notifier_gate_idle() - is no thread inside, and does no grace period run?
 * @gate: the gate
 *
 * Full barrier: a thread that enters later sees all that was done before.
 *
 * Context: gate->lock held.
 */
static inline bool notifier_gate_idle(const struct notifier_gate *gate)
{
	/* Pairs with the atomic in enter: see the head of mm/notifier/gate.c. */
	smp_mb();
	return !gate->running && !notifier_gate_word_occupied(gate->word);
}

/**
 * notifier_gate_request() - request a grace period for the threads inside
 * @gate: the gate
 *
 * If no thread is inside and no grace period runs, the grace period is over at once. Else
 * this starts one, or joins the next one. Full barrier.
 *
 * Context: gate->lock held.
 * Return: its number. It is over when gate->completed has reached that number, which
 *	   it may have done already.
 */
u64 notifier_gate_request(struct notifier_gate *gate);

/**
 * notifier_gate_wait() - sleep until a grace period is over
 * @gate: the gate
 * @gp: the number that notifier_gate_request() returned
 *
 * Full barrier: all that the threads did inside is seen after it.
 *
 * Context: may sleep; not from inside the gate.
 */
void notifier_gate_wait(struct notifier_gate *gate, u64 gp);

/**
 * notifier_gate_defer() - defer work until the threads inside have left
 * @gate: the gate
 * @deferred: with @run set; the gate does not touch it once it runs
 *
 * Context: gate->lock held.
 * Return: true if it will run later; false if no thread is inside. Then the caller
 *	   runs it itself, after it has dropped the lock.
 */
bool notifier_gate_defer(struct notifier_gate *gate,
			 struct mmu_notifier_deferred *deferred);

/** notifier_gate_word_inside() - the number of threads inside, by the word; a hint */
static inline unsigned long
notifier_gate_word_inside(const struct atomic64 *gate_word)
{
	long word = atomic64_read(gate_word);

	return (word & NOTIFIER_GATE_MASK) +
	       ((word >> NOTIFIER_GATE_EPOCH_BITS) & NOTIFIER_GATE_MASK);
}

/** notifier_gate_inside() - the number of threads inside; a hint */
static inline unsigned long notifier_gate_inside(const struct notifier_gate *gate)
{
	return notifier_gate_word_inside(gate->word);
}

#endif
