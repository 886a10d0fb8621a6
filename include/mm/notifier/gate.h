/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/gate.h - wait for those who are inside, not for all who follow
 *
 * Many go in and out of a gate; they may sleep inside. Somebody else wants to
 * know when all who are inside at this moment have left, however many come
 * after: some of those may be waited for, but no stream of them (two periods at
 * most). It is the problem that SRCU solves; docs/adr/0010 says why not it.
 *
 * Going in and out is one atomic instruction each and a test. The word of the
 * gate counts who is inside, in two epochs:
 *
 *	bits	0..29	inside, epoch 0
 *		30..59	inside, epoch 1
 *		61	SELECT: the epoch that newcomers belong to
 *		62	BUSY: a thread waits
 *		63	SLOW: a guest that comes or goes looks closer. The sign,
 *			so that one instruction counts and tests. Set with BUSY,
 *			and for good where the owner wants each one to look
 */
#ifndef MM_NOTIFIER_GATE_H
#define MM_NOTIFIER_GATE_H

#include <mm/notifier/env.h>
#include <mm/notifier/plain.h>

/* A word of 64 bits holds two counts and three flags. */
_Static_assert(sizeof(long) == 8 && sizeof(void *) == 8,
	       "a long is as wide as a pointer, 64 bits");

#define NOTIFIER_GATE_EPOCH_BITS 30
#define NOTIFIER_GATE_MASK       ((1l << NOTIFIER_GATE_EPOCH_BITS) - 1)
#define NOTIFIER_GATE_COUNTS     ((1l << (2 * NOTIFIER_GATE_EPOCH_BITS)) - 1)
#define NOTIFIER_GATE_SELECT     (1l << 61)
#define NOTIFIER_GATE_SLOW       (-0x7fffffffffffffffl - 1)
#define NOTIFIER_GATE_BUSY       (1l << 62)
#define NOTIFIER_GATE_TICKET_0   1l
#define NOTIFIER_GATE_TICKET_1   (1l << NOTIFIER_GATE_EPOCH_BITS)

/**
 * struct notifier_gate - one gate
 * @word: (a) who is inside
 * @lock: (c) guards the rest; the owner's
 * @waiters: (c) woken when a period has passed; the owner's
 * @late: (c) NULL, or called, without locks, by a waiter that has waited long
 * @always_slow: (c) SLOW stays set when BUSY is cleared
 * @completed: (s) periods over; also read with an acquire
 * @requested: (s) the last period anybody asked for
 * @running: (s) one is under way: newcomers are in the epoch SELECT says, and
 *	the other has to empty
 * @deferred: (s) what runs when its period is over, oldest first
 * @deferred_tail: (s) where the next is hung
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

/** notifier_gate_init() - prepare a gate whose word, lock and queue are ready */
void notifier_gate_init(struct notifier_gate *gate, struct atomic64 *word,
			struct spinlock *lock, struct wait_queue_head *waiters);

long notifier_gate_enter_slow(struct notifier_gate *gate);
void notifier_gate_leave_slow(struct notifier_gate *gate);

/**
 * notifier_gate_enter() - go in
 *
 * Full barrier: what is read inside is not older than the entry.
 * Context: any that may take a spinlock. Return: the ticket for leaving.
 */
static inline long notifier_gate_enter(struct notifier_gate *gate)
{
	if (unlikely(atomic64_add_negative(NOTIFIER_GATE_TICKET_0, gate->word)))
		return notifier_gate_enter_slow(gate);
	return NOTIFIER_GATE_TICKET_0;
}

/**
 * notifier_gate_leave() - go out
 * @ticket: from the entry
 *
 * May run what was deferred. Context: as the entry; the gate outlives the call
 * by another hold of the caller.
 */
static inline void notifier_gate_leave(struct notifier_gate *gate, long ticket)
{
	if (unlikely(atomic64_sub_negative(ticket, gate->word)))
		notifier_gate_leave_slow(gate);
}

/** notifier_gate_word_occupied() - is anybody inside? After a full barrier */
static inline bool notifier_gate_word_occupied(const struct atomic64 *word)
{
	return atomic64_read(word) & NOTIFIER_GATE_COUNTS;
}

/**
 * notifier_gate_idle() - has everybody left, and does nobody wait for it?
 *
 * Full barrier: who enters later sees what was done before.
 * Context: gate->lock held.
 */
static inline bool notifier_gate_idle(const struct notifier_gate *gate)
{
	/* Pairs with the atomic in enter; see the head of mm/notifier/gate.c. */
	smp_mb();
	return !gate->running && !notifier_gate_word_occupied(gate->word);
}

/**
 * notifier_gate_request() - begin to wait for all who are inside
 *
 * Context: gate->lock held. Return: the period's number; it is over when
 * gate->completed has reached it, which may be so already.
 */
u64 notifier_gate_request(struct notifier_gate *gate);

/**
 * notifier_gate_wait() - sleep until a period is over
 * @gp: what notifier_gate_request() returned
 *
 * Context: may sleep; not from inside the gate.
 */
void notifier_gate_wait(struct notifier_gate *gate, u64 gp);

/**
 * notifier_gate_defer() - run something when all who are inside have left
 * @deferred: with @run set; not touched by the gate once it runs
 *
 * Context: gate->lock held.
 * Return: true if it will run later; false if no thread is inside: then the
 *	   caller runs it itself, after it has dropped the lock.
 */
bool notifier_gate_defer(struct notifier_gate *gate,
			 struct mmu_notifier_deferred *deferred);

/** notifier_gate_word_inside() - how many are inside, by the word; a hint */
static inline unsigned long
notifier_gate_word_inside(const struct atomic64 *gate_word)
{
	long word = atomic64_read(gate_word);

	return (word & NOTIFIER_GATE_MASK) +
	       ((word >> NOTIFIER_GATE_EPOCH_BITS) & NOTIFIER_GATE_MASK);
}

/** notifier_gate_inside() - how many are inside; a hint */
static inline unsigned long notifier_gate_inside(const struct notifier_gate *gate)
{
	return notifier_gate_word_inside(gate->word);
}

#endif
