/* SPDX-License-Identifier: MIT */
/*
 * tests/explore/internal.h - between the files of the explorer
 *
 *	sched.c		steps, threads; runs one schedule
 *	buffer.c	stores that other processors see late
 *	memory.c	the memory of a schedule; which of it threads share
 *	search.c	which schedules to run: all up to a bound, at random, one again
 *	report.c	a failed schedule as columns
 *	main.c		options, one process for each search and each replay
 *	kernel.c	what the kernel's sources call, and are not compiled for
 */
#ifndef TESTS_EXPLORE_INTERNAL_H
#define TESTS_EXPLORE_INTERNAL_H

#include "explore.h"

#define MAX_THREADS    4
#define MAX_STEPS      20000 /* of one schedule; more is a livelock */
#define MAX_DEVIATIONS 64
#define MAX_TRACE      4000

/* The kinds of steps. */
enum step_kind {
	STEP_LOAD,
	STEP_STORE,
	STEP_STORED, /* behind a store */
	STEP_ATOMIC,
	STEP_BARRIER,
	STEP_LOCK,
	STEP_UNLOCK,
	STEP_LOOK, /* at a wait queue, before the condition */
	STEP_SLEEP,
	STEP_WAKE,
	STEP_POINT, /* of the scenario */
	STEP_FAILS, /* an access to freed memory */
};

/**
 * struct deviation - one decision that was not the usual one
 * @at: which decision of the schedule
 * @choice: the thread that goes on; or DELAY: the store stays in its buffer
 *
 * All other decisions are the usual ones: the thread that runs goes on; behind one that
 * cannot, the next in order; a store is seen at once. So these alone are the schedule.
 */
struct deviation {
	unsigned int at;
	int choice;
};
#define DELAY (-1)

struct trace_entry {
	unsigned int at;
	int thread;
	enum step_kind kind;
	bool writes;
	bool waits; /* the step cannot be taken yet; another entry comes when it is */
	bool delayed; /* a store that others do not see yet */
	bool late;    /* a load of a value that such a store has replaced */
	uintptr_t addr;
	const void *pc;
	const char *what; /* the words of a step of the scenario */
};

/**
 * struct outcome - what a process that ran schedules leaves behind
 *
 * It lies in memory shared with the parent, because the process may die anywhere: an
 * assertion, AddressSanitizer and a signal are failures of the schedule like any other.
 */
struct outcome {
	unsigned long schedules[16]; /* run, by the bound of preemptions */
	unsigned long at_random;
	unsigned long longest; /* decisions of one schedule */
	int bound;             /* highest that was begun */
	int exhausted;         /* highest of which all were run; -1: none */
	int running;           /* the thread in which it failed; -1: none */
	char message[400];
	unsigned int nr_deviations;
	struct deviation deviation[MAX_DEVIATIONS];
	const char *thread_name[MAX_THREADS];
	int nr_threads;
	unsigned int nr_trace;
	struct trace_entry trace[MAX_TRACE];
};
extern struct outcome *outcome;

/* --- sched.c --------------------------------------------------------------- */

/**
 * struct policy - decides which thread goes on
 * @choose: @option[0] is the usual thread, which costs nothing. Each other costs a
 *	preemption if @preempts. Return: an index.
 * @delay: may the store just made stay in the buffer? Return: shall it?
 * @everywhere: ask also where nothing says that another thread's step can matter
 */
struct policy {
	unsigned int (*choose)(const int *option, unsigned int nr, bool preempts);
	bool (*delay)(void);
	bool everywhere;
};

/** run_schedule() - once from setup to finish; returns only if all went well */
void run_schedule(const struct scenario *scenario, const struct policy *policy);
/* The number of the decision that is being made. */
unsigned int decision_number(void);
bool thread_can_run(int thread);

/**
 * step() - what each function of explore.h does first
 * @ready: NULL, or: may the thread take the step now?
 * @pc: the place in the source
 */
void step(enum step_kind kind, const volatile void *addr, const char *what,
	  bool (*ready)(void *arg), void *arg, const void *pc);
#define PC __builtin_return_address(0)

extern const struct policy *policy;
extern bool tracing;
void trace_mark_delayed(void);
void trace_mark_late(void);

/* --- buffer.c -------------------------------------------------------------- */

bool buffer_store(int thread, const volatile void *addr, size_t size,
		  bool may_delay);
const volatile void *buffer_load(int thread, const volatile void *addr,
				 size_t size);
void buffer_drain(int thread);
void buffer_drain_others(int thread, const volatile void *addr, size_t size);

/* --- memory.c -------------------------------------------------------------- */

void memory_reset(void);
/** memory_check_empty() - fails the schedule if an object was not freed */
void memory_check_empty(void);
/**
 * memory_note() - a thread accesses a word
 *
 * Return: do several threads use it, and does one change it? Only then another
 * thread's step before this one can matter.
 */
bool memory_note(int thread, const volatile void *addr, bool writes);
/* Has a word become shared since the last call? Then a search begins anew. */
bool memory_sharing_grew(void);

/* --- search.c, report.c ----------------------------------------------------- */

/** struct asked - what to search: the options of the program */
struct asked {
	int bound;               /* of preemptions */
	unsigned long most;      /* schedules for each bound */
	unsigned long at_random; /* schedules beyond it */
	unsigned long seed;
};

/* Each runs schedules in this process, which the first failure ends. */
void search(const struct scenario *scenario, const struct asked *asked);
void replay(const struct scenario *scenario, const struct deviation *deviation,
	    unsigned int nr);

/** report_columns() - print the traced schedule of `outcome` */
void report_columns(void);

/* kernel.c: once, before the first schedule; and before each. */
void kernel_boot(void);
void kernel_reset(void);

#endif
