/* SPDX-License-Identifier: MIT */
/*
 * completion.h - one side waits until another says "done"
 *
 * The waiter may free the completion as soon as its wait returns: complete()
 * touches it last when it drops the lock that the waiter takes to look.
 *
 * To the lock validator a completion is a fake lock of the class of the place
 * that initialised it.  A waiter takes it for a moment; the completer holds it
 * from completing_begin() to completing_end().  So the validator learns that
 * each lock, wait and allocation in between is needed before the waiters go
 * on.  It reports a waiter that holds a lock which the completer needs: the
 * second of the two gets the report, though neither had to wait.
 *
 * Call completing_begin() where a task may already wait, or where work was
 * promised that ends in complete(): in the body of a thread that serves
 * requests, not in its start-up.  Without the two calls a wait is ordered after
 * the locks that its waiter holds, and nothing else is known of it.
 *
 * A notifier callback that waits for a fence of its device is the case that
 * matters (R5.8 e): see docs/locking.md.
 */
#ifndef KERNEL_SCHED_COMPLETION_H
#define KERNEL_SCHED_COMPLETION_H

#include <kernel/sched/wait.h>

/**
 * struct completion
 * @done: how many waits may pass; COMPLETION_ALL: any number (wait.lock)
 * @wait: the waiters
 */
struct completion {
	unsigned int done;
	struct wait_queue_head wait;
	LOCKDEP_MAP_MEMBER
};

#define COMPLETION_ALL (~0U / 2)

#define COMPLETION_INIT(name)                                       \
	{                                                           \
		.done = 0, .wait = WAIT_QUEUE_HEAD_INIT(name.wait), \
		LOCKDEP_DEP_INIT(#name, LOCK_KIND_FAKE)             \
	}
#define DECLARE_COMPLETION(name) struct completion name = COMPLETION_INIT(name)

#define init_completion(c)                                         \
	do {                                                       \
		(c)->done = 0;                                     \
		init_waitqueue_head_named(&(c)->wait, #c ".wait"); \
		lockdep_init_map(&(c)->dep, #c, LOCK_KIND_FAKE);   \
	} while (0)

/** reinit_completion() - use again; nobody waits or completes now */
static inline void reinit_completion(struct completion *c)
{
	c->done = 0;
}

/**
 * completing_begin() - from here on waiters of @c depend on what I do
 * @c: it, or another that was initialised at the same place
 *
 * For the lock validator, see above; nothing without it.  Held like a lock: to
 * be ended by the same task, and reported if the task waits for @c meanwhile.
 */
static __always_inline void completing_begin(struct completion *c)
{
	lock_map_acquire(&c->dep);
}

/**
 * completing_end() - I have completed @c, or another task will
 * @c: as given to completing_begin(); it may be gone, its address is compared
 */
static __always_inline void completing_end(struct completion *c)
{
	lock_map_release(&c->dep);
}

/** complete() - let one waiter pass, now or later; any context but NMI */
void complete(struct completion *c);
/** complete_all() - let all pass, those yet to come too */
void complete_all(struct completion *c);

/** wait_for_completion() - sleep until completed; thread context */
void wait_for_completion(struct completion *c);

/**
 * wait_for_completion_timeout_ns() - the same with a limit
 *
 * Return: 0 when the time was up, else the ns left, at least 1.
 */
u64 wait_for_completion_timeout_ns(struct completion *c, u64 ns);

/** wait_for_completion_killable() - 0, or -EINTR when killed */
int wait_for_completion_killable(struct completion *c);

/** try_wait_for_completion() - pass if completed, without waiting */
bool try_wait_for_completion(struct completion *c);

/** completion_done() - would a wait pass now? */
bool completion_done(struct completion *c);

#endif
