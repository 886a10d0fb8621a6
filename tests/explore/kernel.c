// SPDX-License-Identifier: MIT
/*
 * tests/explore/kernel.c - what the kernel's sources call, and are not compiled for
 *
 * The notifiers, faults, tables, regions, page locks and exclusive access are the
 * kernel's own sources. Below them stands this: memory, tasks, the semaphore of an
 * address space, warnings. tests/explore/machine.c has frames and processors.
 *
 *	a warning, an assertion, a panic	fail the schedule
 *	an object of slab			explore_alloc()
 *	a task					a thread of the scenario
 *	rw_semaphore				a step that waits, on a plain struct
 *
 * The semaphore is not the kernel's: a writer that waits keeps later readers out, and
 * several writers wait in no order.
 */
#include <stdarg.h>

#include <lib/assert.h>
#include <lib/cpumask.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <mm/alloc/alloc.h>
#include <mm/alloc/kernel_map.h>
#include <mm/page/page.h>
#include <kernel/sched/rwsem.h>
#include <kernel/sched/sched.h>
#include <kernel/trace.h>

#include "internal.h"
#include "machine.h"

/* --- memory ---------------------------------------------------------------- */

struct kmem_cache {
	size_t size;
};

#define MAX_CACHES 8

static struct kmem_cache caches[MAX_CACHES];
static unsigned int nr_caches;
static struct kmem_cache kmalloc_cache[KMALLOC_CLASSES];
struct kmem_cache *kmalloc_caches[KMALLOC_CLASSES];
struct cpumask cpu_online_mask = {1};

struct kmem_cache *kmem_cache_create(const char *name, size_t size,
				     size_t align, unsigned int flags,
				     void (*ctor)(void *object))
{
	explore_check(nr_caches < MAX_CACHES, "no room for the cache %s", name);
	caches[nr_caches].size = size;
	return &caches[nr_caches++];
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	return explore_alloc(cache->size);
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	explore_free(object);
}

void *kmalloc_any(size_t size, gfp_t gfp)
{
	return explore_alloc(size);
}

void kfree(const void *object)
{
	if (object)
		explore_free(object);
}

void kernel_boot(void)
{
	static const size_t sizes[KMALLOC_CLASSES] = {
		16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192};
	unsigned int i;

	for (i = 0; i < KMALLOC_CLASSES; i++) {
		kmalloc_cache[i].size = sizes[i];
		kmalloc_caches[i] = &kmalloc_cache[i];
	}
	machine_boot();
}

/* The kernel's half of the tables: no scenario walks there. */
void kernel_map_copy_upper(pgd_t *pgd)
{
}

/* --- tasks ----------------------------------------------------------------- */

static struct task tasks[MAX_THREADS + 1];

void kernel_reset(void)
{
	memset(tasks, 0, sizeof(tasks));
	machine_reset();
}

struct task *explore_task(void)
{
	int me = explore_me();

	return &tasks[me < 0 ? MAX_THREADS : me];
}

void use_mm(struct mm_struct *mm)
{
	unsigned int i;

	for (i = 0; i <= MAX_THREADS; i++)
		tasks[i].mm = mm;
}

static bool task_runs(void *task)
{
	return ((struct task *)task)->state == TASK_RUNNING;
}

void schedule(void)
{
	explore_until("sleeps", task_runs, current);
}

bool wake_up_process(struct task *task)
{
	bool slept;

	explore_atomic(&task->state, sizeof(task->state));
	slept = task->state != TASK_RUNNING;
	task->state = TASK_RUNNING;
	return slept;
}

/* --- the semaphore of an address space --------------------------------------- */

static bool may_read(void *arg)
{
	struct rw_semaphore *sem = arg;

	return !sem->writer && !sem->waiting;
}

static bool may_write(void *arg)
{
	struct rw_semaphore *sem = arg;

	return !sem->writer && !sem->readers;
}

void down_read(struct rw_semaphore *sem)
{
	step(STEP_ATOMIC, sem, "waits for a semaphore, to read", may_read, sem,
	     PC);
	buffer_drain(explore_me());
	sem->readers++;
}

void up_read(struct rw_semaphore *sem)
{
	explore_atomic(sem, sizeof(long));
	BUG_ON(!sem->readers);
	sem->readers--;
}

void down_write(struct rw_semaphore *sem)
{
	explore_atomic(sem, sizeof(long));
	if (!may_write(sem)) {
		sem->waiting++;
		step(STEP_ATOMIC, sem, "waits for a semaphore, to write",
		     may_write, sem, PC);
		sem->waiting--;
	}
	sem->writer = 1;
}

void up_write(struct rw_semaphore *sem)
{
	explore_atomic(sem, sizeof(long));
	BUG_ON(!sem->writer);
	sem->writer = 0;
}

/* --- people ---------------------------------------------------------------- */

/* Nothing is recorded: a schedule is the trace. */
bool trace_on, trace_observing;

void trace_write(const struct trace_event *event, unsigned long a0,
		 unsigned long a1, unsigned long a2, unsigned long a3,
		 unsigned long a4, unsigned long a5, unsigned long a6)
{
}

static void fail(const char *what, const char *fmt, va_list args)
{
	char text[300];

	vsnprintf(text, sizeof(text), fmt, args);
	explore_fail("%s: %s", what, text);
}

void printk(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fail("a message of the kernel", fmt, args);
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fail("panic", fmt, args);
	__builtin_unreachable();
}

void warn_report(const char *file, int line, const char *func, const char *fmt,
		 ...)
{
	va_list args;

	va_start(args, fmt);
	fail("WARN", fmt, args);
}

void assert_failed(const char *expr, const char *file, int line, const char *func)
{
	explore_fail("assertion at %s:%d in %s(): %s", file, line, func, expr);
}
