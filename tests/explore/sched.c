// SPDX-License-Identifier: MIT
/*
 * tests/explore/sched.c - threads that take turns where the explorer says so
 *
 * Problem.  A race is an order of steps that comes once in a million runs. A program
 * with real threads meets the orders that its machine likes, and not twice the same.
 *
 * Idea.  The threads of a scenario are coroutines in one thread of the host. Each
 * marked access, atomic operation, lock, wait and wake-up calls step() first. There the
 * scheduler decides who goes on, by a policy (tests/explore/search.c). Nothing else
 * depends on chance: memory has the same addresses in each run, the clock stands still.
 * So the same decisions give the same run.
 *
 *	a decision	at each step of a thread, and at its end
 *	can go on	a thread whose next step is possible: the lock is free, the
 *			wake-up has come
 *	usual		the thread that runs goes on; if it cannot, the next in order
 *	preemption	another goes on though the thread that runs could
 *
 * If no thread can go on and one has not ended, that is a deadlock: a lost wake-up, a
 * wait without an end. More than MAX_STEPS steps are a livelock.
 *
 * Not seen here.  A plain access is no step: it happens together with the step
 * before it. So two plain accesses that race are not noticed as such.
 * Steps are in the order of the program, but for the stores that tests/explore/buffer.c
 * delays: the disorder of x86 and no other. The models and the litmus tests
 * (tests/model/) have what weaker processors do.
 *
 * Lifetime.  A thread lives for one schedule. After a failure nothing is cleaned up: the
 * process ends, and its parent has what it left in `outcome`.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include <sanitizer/common_interface_defs.h>

#include "internal.h"

#define STACK_SIZE (256u << 10)

struct thread {
	ucontext_t context;
	void *shadow_stack; /* AddressSanitizer's, while it does not run */
	void (*body)(void *arg);
	void *body_arg;
	bool ended;
	/* The step that it is at, while others run. */
	bool (*ready)(void *arg);
	void *ready_arg;
	const char *what;
};

static struct thread threads[MAX_THREADS];
static char stacks[MAX_THREADS][STACK_SIZE] __attribute__((aligned(4096)));
static int nr_threads;
static int running = -1; /* -1: setup or finish */
static unsigned int decisions;
static struct thread host; /* where the schedule was begun */
static const void *host_stack;
static size_t host_stack_size;

const struct policy *policy;
bool tracing;
struct outcome *outcome;

void explore_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(outcome->message, sizeof(outcome->message), format, args);
	va_end(args);
	_exit(1);
}

int explore_me(void)
{
	return running;
}

unsigned int decision_number(void)
{
	return decisions;
}

/* --- from one thread to another --------------------------------------------- */

static void switch_context(struct thread *from, struct thread *to,
			   const void *stack, size_t size)
{
	__sanitizer_start_switch_fiber(from->ended ? NULL : &from->shadow_stack,
				       stack, size);
	swapcontext(&from->context, &to->context);
	__sanitizer_finish_switch_fiber(from->shadow_stack, NULL, NULL);
}

static void switch_to(int next)
{
	struct thread *from = running < 0 ? &host : &threads[running];

	running = next;
	outcome->running = next;
	if (next < 0)
		switch_context(from, &host, host_stack, host_stack_size);
	else
		switch_context(from, &threads[next], stacks[next], STACK_SIZE);
}

static void decide(bool can_go_on, bool shared, bool yields);

static void trampoline(void)
{
	struct thread *me = &threads[running];
	int number = running;

	/* The first thread of all is begun from the host's own stack. */
	__sanitizer_finish_switch_fiber(NULL, host_stack ? NULL : &host_stack,
					host_stack ? NULL : &host_stack_size);
	me->body(me->body_arg);
	buffer_drain(number);
	me->ended = true;
	decide(false, true, false);
}

void explore_thread(const char *name, void (*body)(void *arg), void *arg)
{
	struct thread *thread = &threads[nr_threads];

	if (nr_threads == MAX_THREADS)
		explore_fail("more than %d threads", MAX_THREADS);
	*thread = (struct thread){.body = body, .body_arg = arg};
	getcontext(&thread->context);
	thread->context.uc_stack.ss_sp = stacks[nr_threads];
	thread->context.uc_stack.ss_size = STACK_SIZE;
	thread->context.uc_link = NULL;
	makecontext(&thread->context, trampoline, 0);
	outcome->thread_name[nr_threads++] = name;
	outcome->nr_threads = nr_threads;
}

/* --- decisions --------------------------------------------------------------- */

bool thread_can_run(int number)
{
	struct thread *thread = &threads[number];

	return !thread->ended &&
	       (!thread->ready || thread->ready(thread->ready_arg));
}

static void report_deadlock(void)
{
	char where[300] = "";
	size_t used = 0;
	int i;

	for (i = 0; i < nr_threads; i++) {
		if (!threads[i].ended && used < sizeof(where))
			used += (size_t)snprintf(
				where + used, sizeof(where) - used, "%s %s: %s",
				used ? ";" : "", outcome->thread_name[i],
				threads[i].what);
	}
	outcome->running = -1;
	explore_fail("deadlock, no thread can go on:%s", where);
}

/*
 * @shared: another thread's step before this one can matter. @yields: the thread that
 * runs wants all others to go first; if it goes on all the same, or they do in another
 * order, that costs a preemption, so that no schedule is unfair for ever.
 */
static void decide(bool can_go_on, bool shared, bool yields)
{
	int option[MAX_THREADS];
	unsigned int nr = 0, pick = 0;
	int me = running, i, other;

	decisions++;
	if (decisions > MAX_STEPS)
		explore_fail("livelock: more than %d steps", MAX_STEPS);
	if (can_go_on && !yields)
		option[nr++] = me;
	for (i = 1; i <= nr_threads; i++) {
		other = me < 0 ? i - 1 : (me + i) % nr_threads;
		if (other != me && thread_can_run(other))
			option[nr++] = other;
	}
	if (can_go_on && yields)
		option[nr++] = me;
	if (!nr) {
		for (i = 0; i < nr_threads; i++) {
			if (!threads[i].ended)
				report_deadlock();
		}
		switch_to(-1);
		return;
	}
	if (nr > 1 && (shared || policy->everywhere))
		pick = policy->choose(option, nr, can_go_on);
	if (option[pick] != me)
		switch_to(option[pick]);
}

/* Return: the entry; NULL while nothing is traced, or no room is left. */
static struct trace_entry *trace(enum step_kind kind, const volatile void *addr,
				 const char *what, const void *pc)
{
	struct trace_entry *entry;

	if (!tracing || outcome->nr_trace == MAX_TRACE)
		return NULL;
	entry = &outcome->trace[outcome->nr_trace++];
	*entry = (struct trace_entry){.at = decisions,
				      .thread = running,
				      .kind = kind,
				      .addr = (uintptr_t)addr & ~7ul,
				      .pc = pc,
				      .what = what};
	return entry;
}

static bool only_looks(enum step_kind kind)
{
	return kind == STEP_LOAD || kind == STEP_LOOK || kind == STEP_SLEEP;
}

void step(enum step_kind kind, const volatile void *addr, const char *what,
	  bool (*ready)(void *arg), void *arg, const void *pc)
{
	struct trace_entry *entry;
	bool shared, can_go_on;
	struct thread *me;

	if (running < 0) {
		if (ready && !ready(arg))
			explore_fail("%s: would wait, and no thread runs", what);
		return;
	}
	me = &threads[running];
	shared = !addr || memory_note(running, addr, !only_looks(kind));
	if (kind == STEP_BARRIER)
		shared = false;
	me->ready = ready;
	me->ready_arg = arg;
	me->what = what;
	can_go_on = !ready || ready(arg);
	entry = can_go_on ? NULL : trace(kind, addr, what, pc);
	if (entry)
		entry->waits = true;
	decide(can_go_on, shared, false);
	me->ready = NULL;
	entry = trace(kind, addr, what, pc);
	if (entry)
		entry->writes = !only_looks(kind);
}

void trace_mark_delayed(void)
{
	if (tracing && outcome->nr_trace)
		outcome->trace[outcome->nr_trace - 1].delayed = true;
}

void trace_mark_late(void)
{
	if (tracing && outcome->nr_trace)
		outcome->trace[outcome->nr_trace - 1].late = true;
}

/* --- the steps ------------------------------------------------------------- */

const volatile void *explore_load(const volatile void *addr, size_t size)
{
	step(STEP_LOAD, addr, "load", NULL, NULL, PC);
	return buffer_load(running, addr, size);
}

void explore_store(const volatile void *addr, size_t size)
{
	bool delayed;

	step(STEP_STORE, addr, "store", NULL, NULL, PC);
	if (running < 0)
		return;
	decisions++;
	delayed = buffer_store(running, addr, size,
			       memory_note(running, addr, true) ||
				       policy->everywhere);
	if (delayed)
		trace_mark_delayed();
}

void explore_stored(const volatile void *addr)
{
	step(STEP_STORED, addr, "stored", NULL, NULL, PC);
}

void explore_atomic(const volatile void *addr, size_t size)
{
	step(STEP_ATOMIC, addr, "atomic", NULL, NULL, PC);
	buffer_drain(running);
	buffer_drain_others(running, addr, size);
}

void explore_barrier(void)
{
	step(STEP_BARRIER, NULL, "barrier", NULL, NULL, PC);
	buffer_drain(running);
}

/* A lock's word: the holder, and in the next byte the holder before; 0: none. */
static bool lock_is_free(void *holder)
{
	return !(*(uint32_t *)holder & 0xff);
}

void explore_lock(uint32_t *holder)
{
	int before;

	step(STEP_LOCK, holder, "waits for a lock", lock_is_free, holder, PC);
	/* The unlock is a store behind all others of the holder before. */
	before = (int)(*holder >> 8) - 1;
	if (before >= 0)
		buffer_drain(before);
	buffer_drain(running);
	*holder = (uint32_t)(running + 1) | (running < 0 ? 0x80 : 0);
}

void explore_unlock(uint32_t *holder)
{
	if ((*holder & 0x7f) != (uint32_t)(running + 1))
		explore_fail("an unlock by a thread that does not hold the lock");
	*holder = (uint32_t)(running + 1) << 8;
	step(STEP_UNLOCK, holder, "unlock", NULL, NULL, PC);
}

unsigned long explore_look(unsigned long *generation)
{
	step(STEP_LOOK, generation, "look", NULL, NULL, PC);
	buffer_drain(running);
	return *generation;
}

struct sleep {
	unsigned long *generation;
	unsigned long old;
};

static bool is_woken(void *arg)
{
	struct sleep *sleep = arg;

	return *sleep->generation != sleep->old;
}

void explore_sleep(unsigned long *generation, unsigned long old)
{
	struct sleep sleep = {generation, old};

	buffer_drain(running);
	step(STEP_SLEEP, generation, "sleeps", is_woken, &sleep, PC);
}

void explore_wake(unsigned long *generation)
{
	step(STEP_WAKE, generation, "wakes", NULL, NULL, PC);
	buffer_drain(running);
	++*generation;
}

void explore_point(const char *what)
{
	step(STEP_POINT, NULL, what, NULL, NULL, PC);
}

void explore_until(const char *what, bool (*ready)(void *arg), void *arg)
{
	buffer_drain(running);
	step(STEP_POINT, NULL, what, ready, arg, PC);
}

void explore_others(const char *what)
{
	if (running < 0)
		return;
	threads[running].what = what;
	threads[running].ready = NULL;
	buffer_drain(running);
	decide(true, true, true);
}

/* --- one schedule ----------------------------------------------------------- */

void run_schedule(const struct scenario *scenario, const struct policy *by)
{
	policy = by;
	nr_threads = 0;
	decisions = 0;
	outcome->running = -1;
	outcome->nr_deviations = 0;
	outcome->nr_trace = 0;
	memory_reset();
	kernel_reset();
	scenario->setup();
	decide(false, true, false);
	scenario->finish();
	memory_check_empty();
	if (outcome->longest < decisions)
		outcome->longest = decisions;
}
