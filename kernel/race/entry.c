// SPDX-License-Identifier: MIT
/*
 * kernel/race/entry.c - what the compiler calls at each access, and the choice
 *
 * Problem.  The compiler can call a function before each access to memory that others
 * may see (-fsanitize=thread).  There are a hundred million in a test run: nearly all
 * must cost next to nothing, and a few of them, everywhere, must be watched.
 *
 * Idea.  Each access looks whether it is watched (watch.c), and counts its CPU's number
 * down.  At 0 it is watched itself, and the number is drawn anew from a generator that
 * follows from the run's seed.
 *
 *	field		read, written by
 *	skip		its CPU
 *	busy		its CPU, with interrupts off
 *	rng		its CPU, with interrupts off
 *	ready		all; written once, when all CPUs that boot together run; the
 *			numbers of the command line are written before it
 *
 * The detector's own work, printing included, is not watched: .busy says that its CPU is
 * inside.  Nor is an NMI, which could come between two instructions of the detector; nor
 * a panic, which may have stopped a CPU that holds the lock of report.c.
 *
 * A watcher has interrupts off.  So a race of a thread with an interrupt or with a task
 * of its own CPU is not found: the same race is found when the other runs on another
 * CPU.  A machine with one CPU finds what the device changes, and nothing else.
 */
#include <arch/cpu.h>
#include <arch/paging.h>
#include <lib/cmdline.h>
#include <lib/compiler.h>
#include <lib/init.h>
#include <lib/panic.h>
#include <lib/percpu.h>
#include <lib/preempt.h>
#include <lib/random.h>
#include <kernel/time.h>
#include "kernel/race/internal.h"

/* One access of so many is watched, for so long: drawn between 1 and twice this. */
#define ONE_IN   1000
#define WATCH_NS 40000

CMDLINE_KEY("watch_one_in", "so many accesses and the race detector watches one");

static bool ready;
static u32 one_in;
static u64 watch_ticks;
static DEFINE_PER_CPU(u32, skip) = ONE_IN;
static DEFINE_PER_CPU(bool, busy);
static DEFINE_PER_CPU(struct rng, rng);

static int race_start(void)
{
	u64 seed, asked, began, ticks;
	unsigned int cpu;

	if (cmdline_get_u64("seed", 1, &seed))
		seed = 1;
	if (cmdline_get_u64("watch_one_in", ONE_IN, &asked) || !asked)
		asked = ONE_IN;
	one_in = (u32)min(asked, 1000000UL);
	for (cpu = 0; cpu < NR_CPUS; cpu++)
		per_cpu(rng, cpu) = rng_init(seed + cpu);
	began = clock_ns();
	ticks = rdtsc();
	while (clock_ns() - began < NSEC_PER_MSEC)
		cpu_relax();
	watch_ticks = (rdtsc() - ticks) * WATCH_NS / NSEC_PER_MSEC;
	WRITE_ONCE(ready, true);
	return 0;
}
INITCALL(INIT_SMP, race_start);

/* Begin the detector's own work. Return: false if it is at work already. */
static bool enter(unsigned long *flags)
{
	*flags = arch_irq_save();
	if (!this_cpu_read(busy) && !in_nmi() && !panic_in_progress()) {
		this_cpu_write(busy, true);
		return true;
	}
	arch_irq_restore(*flags);
	return false;
}

static void leave(unsigned long flags)
{
	this_cpu_write(busy, false);
	arch_irq_restore(flags);
}

static noinline void meet(int slot, const struct race_access *access,
			  unsigned long place)
{
	unsigned long flags;

	if (!enter(&flags))
		return;
	race_hit(slot, access, place);
	leave(flags);
}

static noinline void watch(const struct race_access *access, unsigned long place)
{
	struct rng *mine;
	unsigned long flags;

	this_cpu_write(skip, one_in);
	if (!enter(&flags))
		return;
	mine = this_cpu_ptr(&rng);
	this_cpu_write(skip, 1 + (u32)rng_below(mine, 2 * one_in));
	race_watch(access, place, 1 + rng_below(mine, 2 * watch_ticks));
	leave(flags);
}

/* Inlined: each access of the kernel comes here, with a size and a kind that are constants. */
static __always_inline void check(const volatile void *ptr, size_t size,
				  u32 kind, unsigned long place)
{
	struct race_access access = {(unsigned long)ptr, (u32)size, kind};
	int slot;

	if (unlikely(!READ_ONCE(ready)) || !size)
		return;
	if (kind & RACE_MARKED)
		race_switch_point(place);
	slot = race_watched(&access);
	if (unlikely(slot >= 0))
		meet(slot, &access, place);
	else if (unlikely(this_cpu_dec_is_zero(skip)))
		watch(&access, place);
}

#define PLACE ((unsigned long)__builtin_return_address(0))

void race_access(const volatile void *ptr, size_t size, u32 kind)
{
	check(ptr, size, kind, PLACE);
}

void race_access_by(const volatile void *ptr, size_t size, u32 kind,
		    unsigned long by)
{
	check(ptr, size, kind, by);
}

#define DEFINE_ENTRY(name, size, kind)         \
	void name(void *ptr);                  \
	void name(void *ptr)                   \
	{                                      \
		check(ptr, size, kind, PLACE); \
	}

#define DEFINE_ENTRIES(size)                                                      \
	DEFINE_ENTRY(__tsan_read##size, size, RACE_READ)                          \
	DEFINE_ENTRY(__tsan_write##size, size, RACE_WRITE)                        \
	DEFINE_ENTRY(__tsan_unaligned_read##size, size, RACE_READ)                \
	DEFINE_ENTRY(__tsan_unaligned_write##size, size, RACE_WRITE)              \
	DEFINE_ENTRY(__tsan_volatile_read##size, size, RACE_MARKED)               \
	DEFINE_ENTRY(__tsan_volatile_write##size, size, RACE_MARKED | RACE_WRITE) \
	DEFINE_ENTRY(__tsan_unaligned_volatile_read##size, size, RACE_MARKED)     \
	DEFINE_ENTRY(__tsan_unaligned_volatile_write##size, size,                 \
		     RACE_MARKED | RACE_WRITE)

DEFINE_ENTRIES(1)
DEFINE_ENTRIES(2)
DEFINE_ENTRIES(4)
DEFINE_ENTRIES(8)
DEFINE_ENTRIES(16)

void __tsan_read_range(void *ptr, size_t size);
void __tsan_read_range(void *ptr, size_t size)
{
	check(ptr, size, RACE_READ, PLACE);
}

void __tsan_write_range(void *ptr, size_t size);
void __tsan_write_range(void *ptr, size_t size)
{
	check(ptr, size, RACE_WRITE, PLACE);
}

/* Each object asks for this once; the linker leaves the call out. */
void __tsan_init(void);
void __tsan_init(void)
{
}
