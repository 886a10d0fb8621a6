/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/notifier/notifier_selftest.h - self-tests of the notifiers for any kernel
 *
 * A kernel that has taken the core over runs these inside itself, on its own
 * threads, locks, atomics and CPUs: a barrier that a primitive lacks shows on
 * its hardware, not on ours. Beside the core they want the functions below. They
 * touch no page table: an address is the number of a page in an array.
 *
 * Concord runs them as tests (tests/mm/notifier/mmu_selftest_test.c), under the sanitizers
 * (tests/host/notifier_selftest_host.c) and on one CPU that nothing preempts
 * (tests/host/lifted/selftest.c).
 */
#ifndef TESTS_MM_NOTIFIER_NOTIFIER_SELFTEST_H
#define TESTS_MM_NOTIFIER_NOTIFIER_SELFTEST_H

#include <mm/notifier/mmu_notifier.h>

/**
 * struct notifier_selftest - what the self-tests want of their kernel
 * @mm_alloc: a new address space with one user and nothing mapped, or NULL
 * @mm_exit: its last user leaves: mmu_notifier_release(), then the user's hold of
 *	the struct is dropped
 * @spawn: run @entry(@arg) in a thread of its own; NULL if it cannot. The thread
 *	may run at once, on any CPU
 * @join: wait until a thread has returned, and forget it
 * @relax: let other threads run; called where a thread may sleep
 * @failed: say that @what did not hold in @test, at @line of its file
 * @rounds: changes that each thread makes in the stress; 10,000 is a second or so
 */
struct notifier_selftest {
	struct mm_struct *(*mm_alloc)(void);
	void (*mm_exit)(struct mm_struct *mm);
	void *(*spawn)(void (*entry)(void *arg), void *arg);
	void (*join)(void *thread);
	void (*relax)(void);
	void (*failed)(const char *test, const char *what, int line);
	unsigned long rounds;
};

/**
 * notifier_selftest_intervals() - try interval subscriptions and ranges
 * @env: the kernel's functions
 *
 * Context: a thread that may sleep. Return: how many expectations failed.
 */
unsigned int notifier_selftest_intervals(const struct notifier_selftest *env);

/**
 * notifier_selftest_plain() - try plain subscriptions
 * @env: the kernel's functions
 *
 * Context: a thread that may sleep. Return: how many expectations failed.
 */
unsigned int notifier_selftest_plain(const struct notifier_selftest *env);

#endif
