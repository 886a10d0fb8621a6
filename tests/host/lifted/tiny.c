// SPDX-License-Identifier: MIT
/*
 * tests/host/lifted/tiny.c - a kernel of one CPU: tasks and reports
 *
 * Problem.  docs/lifting.md says that the notifier core runs in any kernel that
 * gives it the names in a table. That is only worth something if a kernel that
 * is not ours, nor pthreads, has been seen to do it.
 *
 * Idea.  Tasks are contexts of the C library in a ring; a task that yields lets
 * the next one run. Nothing else switches, so there is no race between two lines
 * without a yield, and no lock is ever waited for with the CPU. Where the core
 * sleeps under a spinlock, or takes one twice, this stops; where it would wait
 * for what nobody does, all tasks yield for ever, and this stops too.
 *
 * Lifetime: a task's stack is freed when all have ended. Not here: the address
 * space and the device (kernel.c).
 */
#include <stdarg.h>
#include <stdio.h>
#include <ucontext.h>
#include "tiny_test.h"

#define TASKS       16
#define STACK_SIZE  (64 * 1024)
#define IDLE_YIELDS 10000000ul

int tiny_spins;

static struct {
	ucontext_t context;
	char *stack;
	void (*entry)(void *arg);
	void *arg;
	bool done;
} tasks[TASKS];
static ucontext_t all_done;
static int nr_tasks, running = -1;
static unsigned long yields;
static unsigned int warnings;
static u64 random_state;

void tiny_seed(u64 seed)
{
	random_state = seed;
}

/* Only to vary the order of things: the upper half of a linear congruence. */
unsigned long tiny_below(unsigned long bound)
{
	random_state =
		random_state * 6364136223846793005ul + 1442695040888963407ul;
	return (random_state >> 32) % bound;
}

unsigned int tiny_warnings(void)
{
	return warnings;
}

bool tiny_warn(bool hit, const char *fmt, ...)
{
	va_list args;

	if (!hit)
		return false;
	warnings++;
	printf("# WARN ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	return true;
}

void panic(const char *fmt, ...)
{
	va_list args;

	printf("Bail out! panic: ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	abort();
}

static int next_task(void)
{
	int i, next;

	for (i = 1; i <= nr_tasks; i++) {
		next = (running + i) % nr_tasks;
		if (!tasks[next].done)
			return next;
	}
	return -1;
}

static void run_task(void)
{
	tasks[running].entry(tasks[running].arg);
	tasks[running].done = true;
	running = next_task();
	if (running < 0)
		setcontext(&all_done);
	else
		setcontext(&tasks[running].context);
}

void tiny_spawn(void (*entry)(void *arg), void *arg)
{
	ucontext_t *context = &tasks[nr_tasks].context;

	BUG_ON(nr_tasks == TASKS);
	tasks[nr_tasks].entry = entry;
	tasks[nr_tasks].arg = arg;
	tasks[nr_tasks].done = false;
	tasks[nr_tasks].stack = malloc(STACK_SIZE);
	BUG_ON(!tasks[nr_tasks].stack || getcontext(context));
	context->uc_stack.ss_sp = tasks[nr_tasks].stack;
	context->uc_stack.ss_size = STACK_SIZE;
	context->uc_link = NULL;
	makecontext(context, run_task, 0);
	nr_tasks++;
}

/* Outside of every task there is nobody to wait for. */
void tiny_yield(void)
{
	int self = running;

	BUG_ON(tiny_spins);
	if (++yields > IDLE_YIELDS || self < 0)
		panic("everybody waits");
	running = next_task();
	if (running != self)
		swapcontext(&tasks[self].context, &tasks[running].context);
}

void tiny_run(void)
{
	int i;

	yields = 0;
	running = 0;
	swapcontext(&all_done, &tasks[0].context);
	for (i = 0; i < nr_tasks; i++)
		free(tasks[i].stack);
	nr_tasks = 0;
	running = -1;
}
