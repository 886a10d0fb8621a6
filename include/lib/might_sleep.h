/* SPDX-License-Identifier: MIT */
/*
 * might_sleep.h - say where a thread may sleep, for the lock validator
 *
 * Below the locks and their validator, since the architecture says it too: a call
 * to another CPU waits for it.
 */
#ifndef LIB_MIGHT_SLEEP_H
#define LIB_MIGHT_SLEEP_H

#ifdef CONFIG_LOCKDEP

void lockdep_might_sleep(const char *file, int line);

/**
 * might_sleep() - say that this place may sleep
 *
 * Reported when it is reached with interrupts off, preemption disabled (a
 * spinlock, an RCU section, an interrupt), or in a non-block section; then with
 * the place that opened the section.
 */
#define might_sleep() lockdep_might_sleep(__FILE__, __LINE__)

#else

#define might_sleep() ((void)0)

#endif
#endif
