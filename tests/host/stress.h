/* SPDX-License-Identifier: MIT */
/*
 * tests/host/stress.h - what the parts of the stress share
 *
 * notifier_stress.c says what is done and what must hold. The devices are in
 * stress_device.c, plain and counted subscribers in stress_plain.c.
 */
#ifndef TESTS_HOST_STRESS_H
#define TESTS_HOST_STRESS_H

#include "host.h"
#include <sched.h>

#define THREADS 4
#define PAGES   64
#define DEVICES 6
#define PLAINS  3

extern unsigned long failures;

#define CHECK(cond)                                                             \
	do {                                                                    \
		if (!(cond) &&                                                  \
		    __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED) < 20)    \
			printf("# FAIL %s:%d %s\n", __FILE__, __LINE__, #cond); \
	} while (0)

/* The CPU's page table. */
extern unsigned long page[PAGES];
extern pthread_mutex_t page_lock[PAGES];

/* The address space of this round. */
extern struct mm_struct *mm;
/* Odd from the return of a start until the call of its end; one a thread. */
extern unsigned long changing[THREADS];
/* This round's changes hold mmap_lock; else they are as if under rmap's lock. */
extern bool under_mmap_lock;

/* How often each operation was done: printed, and checked not to be zero. */
struct done {
	unsigned long changes, nonblock, failed_starts;
	unsigned long faults, compared, inserts, removes;
	unsigned long registers, unregisters, gets, puts;
	unsigned long exits, left_beside_exit;
	unsigned long second_passes, finished, in_one_pass;
	unsigned long rounds_with_figures, rounds_without;
	unsigned long calls, retries;
};
extern struct done did;

#define COUNT(what) ((void)__atomic_fetch_add(&(what), 1, __ATOMIC_RELAXED))

/* Now and then a callback takes its time, for others to come and go. */
static inline void linger(unsigned long first)
{
	if (first % 8 == 0)
		sched_yield();
}

/* munmap and its like: start, change the entries, end. */
void change_mapping(struct rng *rng);

/* --- stress_device.c --- */

/* The range of a second pass. The first pass takes @lock, the second drops it. */
struct second_pass {
	pthread_mutex_t lock;
	struct mmu_interval_notifier_finish node;
	unsigned long start, end;
};

struct device {
	struct mmu_interval_notifier sub;
	pthread_mutex_t lock;
	unsigned long translation[PAGES]; /* 0: none */
	struct second_pass second;
	bool inserted;
	bool two_pass;
	/* Its holder may insert, remove or fault. */
	pthread_mutex_t owner;
};

extern struct device devices[DEVICES];

void devices_init(void);
/* No device has a translation of pages [@from, @to). */
void no_device_has(unsigned long from, unsigned long to);
/* A device for the caller alone, until it unlocks ->owner. */
struct device *device_own(struct rng *rng);
void device_remove(struct device *device);
/* One operation with an interval subscription. */
void device_use(struct rng *rng);

/* --- stress_plain.c --- */

struct plain {
	struct mmu_notifier sub;
	pthread_mutex_t owner;
	bool registered;
	bool may_fail;
	long open;
	unsigned int released;
};

extern struct plain plains[PLAINS];
extern unsigned long gots_alive;

void plains_init(void);
void plain_leave(struct plain *plain);
/* One operation with a plain subscriber. */
void plain_use(struct rng *rng);

struct mmu_notifier *got_get(struct rng *rng);
void got_put(struct mmu_notifier *sub);
/* One operation with a counted subscriber. */
void got_use(struct rng *rng);

#endif
