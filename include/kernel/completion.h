/* SPDX-License-Identifier: MIT */
/*
 * completion.h - one side waits until another says "done"
 *
 * The waiter may free the completion as soon as its wait returns: complete()
 * touches it last when it drops the lock that the waiter takes to look.
 */
#ifndef KERNEL_COMPLETION_H
#define KERNEL_COMPLETION_H

#include <kernel/wait.h>

/**
 * struct completion
 * @done: how many waits may pass; COMPLETION_ALL: any number (wait.lock)
 * @wait: who waits
 */
struct completion {
	unsigned int done;
	struct wait_queue_head wait;
};

#define COMPLETION_ALL (~0U / 2)

#define COMPLETION_INIT(name)                                      \
	{                                                          \
		.done = 0, .wait = WAIT_QUEUE_HEAD_INIT(name.wait) \
	}
#define DECLARE_COMPLETION(name) struct completion name = COMPLETION_INIT(name)

#define init_completion(c)                                 \
	do {                                               \
		(c)->done = 0;                             \
		init_waitqueue_head_named(&(c)->wait, #c); \
	} while (0)

/** reinit_completion() - use again; nobody waits or completes now */
static inline void reinit_completion(struct completion *c)
{
	c->done = 0;
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
