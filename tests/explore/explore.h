/* SPDX-License-Identifier: MIT */
/*
 * tests/explore/explore.h - steps, threads and checks of the explorer
 *
 * The headers in tests/explore/include/ make each marked access, atomic operation,
 * lock, wait and wake-up of a kernel source a step: a call to one of the functions
 * below, in which the scheduler (tests/explore/sched.c) may let another thread go on.
 * Only standard headers are included here, because the kernel's own include this one.
 */
#ifndef TESTS_EXPLORE_H
#define TESTS_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- steps of the sources: each is called before what it names ------------- */

/* Return: where to read; not @addr if another thread's store is still buffered. */
const volatile void *explore_load(const volatile void *addr, size_t size);
void explore_store(const volatile void *addr, size_t size);
/* Behind a store: another thread may see it before this one goes on. */
void explore_stored(const volatile void *addr);
void explore_atomic(const volatile void *addr, size_t size);
void explore_barrier(void);
void explore_lock(uint32_t *holder);
void explore_unlock(uint32_t *holder);
unsigned long explore_look(unsigned long *generation);
void explore_sleep(unsigned long *generation, unsigned long old);
void explore_wake(unsigned long *generation);

/* --- for scenarios and what they stand on ----------------------------------- */

/** explore_point() - a step that @what names; another thread may go before it */
void explore_point(const char *what);
/** explore_until() - a step that cannot be taken before @ready(@arg) */
void explore_until(const char *what, bool (*ready)(void *arg), void *arg);
/** explore_others() - let all others run until they cannot; costs no preemption */
void explore_others(const char *what);

/** explore_thread() - a thread of the scenario, before any has run; at most 4 */
void explore_thread(const char *name, void (*body)(void *arg), void *arg);
/** explore_me() - the running thread's number; -1 outside of threads */
int explore_me(void);

/** explore_alloc() - zeroed memory; it must be freed by the end of the schedule */
void *explore_alloc(size_t size);
/** explore_free() - from here on an access to @object fails the schedule */
void explore_free(const void *object);
bool explore_is_freed(const void *object);

/** explore_fail() - the schedule has failed; does not return */
void explore_fail(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));
#define explore_check(cond, ...)                   \
	do {                                       \
		if (!(cond))                       \
			explore_fail(__VA_ARGS__); \
	} while (0)

/**
 * struct scenario - threads whose orders are tried
 * @name: the name of the race: of the test that is named below its drawing
 * @setup: make the objects and the threads; runs before each schedule
 * @finish: look at the end, and free all; runs after each schedule
 */
struct scenario {
	const char *name;
	void (*setup)(void);
	void (*finish)(void);
};

/* In the section `scenarios`, which the linker gives a beginning and an end. */
#define SCENARIO(name_, setup_, finish_)                                    \
	static const struct scenario scenario_##name_                       \
		__attribute__((used, aligned(8), section("scenarios"))) = { \
			#name_, setup_, finish_}

#endif
