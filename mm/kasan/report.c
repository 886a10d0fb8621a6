// SPDX-License-Identifier: MIT
/*
 * mm/kasan/report.c - say which access was wrong, and where the memory came from
 *
 * Problem.  The line that crashes is rarely the line that is wrong.  A reader wants
 * the access, the object, and the calls that allocated and freed it.
 *
 * Idea.  A report is printed once for each place, which is the return address of
 * the check, and counted each time; the count fails the running test
 * (tests/ktest/runner.c).
 *
 *	KASAN: write of 1 byte at 0xffff80000e8d1a14 is outside of an object, by f+0x42
 *	KASAN: 0 bytes past the end of 0xffff80000e8d1a00, 20 bytes, of kmalloc-32
 *	  the calls that led there
 *	KASAN: allocated by: ...
 *	KASAN: freed by: ...
 *	KASAN: shadow, three lines of 128 bytes of memory, the wrong byte's in brackets
 *
 * One CPU reports at a time, with interrupts off.  What it calls is instrumented, and an
 * NMI may come: a fault that the reporting CPU meets meanwhile is counted and not
 * printed.  printk() takes no lock, so a report may come from anywhere.  After a
 * panic no CPU waits for another one, which may be halted.
 *
 *	field		guarded by
 *	reporter	compare and exchange; the CPU that reports, or NOBODY
 *	places, last	reporter
 *	reports		atomic
 */
#include <arch/cpu.h>
#include <kernel/sched/sched.h>
#include <lib/atomic.h>
#include <lib/panic.h>
#include <lib/percpu.h>
#include <lib/printk.h>
#include <lib/stack.h>
#include <lib/string.h>

#include "mm/kasan/internal.h"

#define NOBODY      (-1)
#define PLACES      256u
#define SHADOW_LINE 16u

static atomic_t reports;
static int reporter = NOBODY;
static unsigned long places[PLACES];

/* The head of the last report. */
static struct {
	char access[192];
	char object[192];
} last;

unsigned int kasan_report_count(void)
{
	return (unsigned int)atomic_read(&reports);
}

bool kasan_last_report_says(const char *words)
{
	return strstr(last.access, words) || strstr(last.object, words);
}

static const char *reason(u8 mark)
{
	switch (mark) {
	case KASAN_STACK_LEFT:
	case KASAN_STACK_MID:
	case KASAN_STACK_RIGHT:
		return "outside of a stack variable";
	case KASAN_STACK_SCOPE:
		return "in a stack variable whose block was left";
	case KASAN_SLAB_REDZONE:
		return "outside of an object";
	case KASAN_SLAB_FREE:
		return "in a freed object";
	case KASAN_PAGE_FREE:
		return "in a freed page";
	case KASAN_LARGE_TAIL:
		return "past the end of a large object";
	case KASAN_VMALLOC_TAIL:
		return "past the end of a vmalloc area";
	case KASAN_VMALLOC_FREE:
		return "in a freed vmalloc area";
	case KASAN_STACK_FREE:
		return "in a freed kernel stack";
	case KASAN_GLOBAL:
		return "outside of a global variable";
	case KASAN_PERCPU_TAIL:
		return "past the end of a CPU's variables";
	case KASAN_PERCPU_TEMPLATE:
		return "in the template of the per-CPU variables";
	default:
		return "in memory marked for no known reason";
	}
}

static void compose(vaddr_t addr, size_t size, vaddr_t bad,
		    enum kasan_access access, unsigned long by)
{
	static const char *const verb[] = {"read", "write", "free"};
	u8 mark = kasan_mark_of(bad);

	scnprintf(last.access, sizeof(last.access),
		  "KASAN: %s of %zu byte%s at %#lx is %s, by %pS", verb[access],
		  size, size == 1 ? "" : "s", addr, reason(mark), (void *)by);
	kasan_describe(bad, mark, last.object, sizeof(last.object));
}

/* Was this place printed?  From now on it was. */
static bool seen(unsigned long by)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		if (places[i] == by)
			return true;
		if (!places[i]) {
			places[i] = by;
			return false;
		}
	}
	return true;
}

static void print_shadow(vaddr_t bad)
{
	vaddr_t step = SHADOW_LINE * KASAN_GRANULE;
	vaddr_t line = ALIGN_DOWN(bad, step) - step;

	for (unsigned int i = 0; i < 3; i++, line += step) {
		char text[SHADOW_LINE * 4 + 1] = "";
		int n = 0;

		if (kasan_covered(line, step) < step)
			continue;
		for (vaddr_t at = line; at < line + step; at += KASAN_GRANULE)
			n += scnprintf(text + n, sizeof(text) - (size_t)n,
				       bad - at < KASAN_GRANULE ? "[%02x]"
								: " %02x ",
				       *kasan_shadow_of(at));
		pr_err("KASAN: %016lx %s", line, text);
	}
}

static void print_report(vaddr_t bad)
{
	struct kasan_stacks stacks;

	pr_err("%s", last.access);
	pr_err("KASAN: %s; CPU %u, task %s", last.object, smp_processor_id(),
	       current ? current->name : "none");
	print_stack(LOG_ERR, 3);
	if (kasan_stacks_of(bad, &stacks)) {
		kasan_stack_print("allocated by", stacks.alloc);
		if (stacks.free)
			kasan_stack_print("freed by", stacks.free);
	}
	print_shadow(bad);
}

/* Return: false if this CPU reports already, or will never come to it. */
static bool reporter_begin(void)
{
	int me = (int)smp_processor_id();

	while (cmpxchg(&reporter, NOBODY, me) != NOBODY) {
		if (READ_ONCE(reporter) == me || panic_in_progress())
			return false;
		cpu_relax();
	}
	return true;
}

void kasan_report(vaddr_t addr, size_t size, vaddr_t bad,
		  enum kasan_access access, unsigned long by)
{
	unsigned long flags;

	atomic_inc(&reports);
	local_irq_save(flags);
	if (reporter_begin()) {
		compose(addr, size, bad, access, by);
		if (!seen(by))
			print_report(bad);
		smp_store_release(&reporter, NOBODY);
	}
	local_irq_restore(flags);
}
