// SPDX-License-Identifier: MIT
/*
 * tlb.c - which address space a CPU has loaded, and how it forgets
 *
 * Problem.  A CPU goes on using a translation after the page table changed.
 * The changer must know that all CPUs forgot before it frees the frame, while
 * it holds spinlocks, and while another CPU may want the same of it.
 *
 * Idea.  Each CPU owns one request and one inbox, a word with a bit for each
 * CPU that asks something of it. The asker fills its request, sets its bit in
 * the inboxes concerned, interrupts those whose inbox was empty, and waits
 * until every one has taken its bit out of request->pending. A waiting CPU
 * serves its own inbox meanwhile, so two CPUs that flush each other both
 * finish, with interrupts on or off.
 *
 *	field			written by
 *	inbox			askers: add their bit; owner: takes all (xchg)
 *	request->pending	asker: sets; served CPU: clears its bit
 *	request, the rest	asker, while pending is 0
 *	loaded, lazy		the CPU itself, interrupts off
 *
 * The race it must win (tests/arch/tlb_test.c,
 * a_cpu_that_switches_in_sees_the_change):
 *
 *	changer				CPU that loads the space
 *	entry changed
 *	full barrier			own bit set in ctx->cpus (full barrier)
 *	reads ctx->cpus			loads the root, walks the tables
 *
 * Either the changer sees the bit and asks, or the walk sees the new entry.
 *
 * So a root that is loaded has its CPU's bit set, between any two instructions:
 * the bit is set before the root is loaded and cleared after another one is
 * (a_loaded_root_has_its_bit_set_at_every_instruction).
 *
 * Why every request is served (cpus_that_flush_each_other_all_finish in the
 * same file):
 *
 * - No request is lost. The request is filled and pending set before the bit
 *   is added to the inbox (a locked exchange-and-add), and the owner reads the
 *   request after its xchg took the bit. A CPU has one request, which it
 *   reuses only when pending is 0, so its bit is in an inbox at most once.
 * - No interrupt is missing. The asker that makes an inbox non-empty sends one
 *   after that. A later asker need not: the first has sent or, as it cannot be
 *   preempted, will send, and the inbox stays non-empty until the owner takes
 *   all. An owner that polled before that interrupt came finds
 *   nothing then, which is fine.
 * - No circle of waiting. An asker waits for a CPU that (a) has interrupts on:
 *   it takes the interrupt; (b) waits in smp_wait_served(): it polls, whatever
 *   its interrupt flag; (c) waits for a spinlock with interrupts off: it polls
 *   as well (kernel/lock/spinlock.c), so the asker may hold that lock; (d) has
 *   interrupts off and waits for nobody: that ends by itself. Any other loop
 *   that waits for another CPU with interrupts off calls tlb_poll(), unless
 *   the one that it waits for never flushes. No function given to
 *   smp_call_function_single() may take a lock that is held during a flush: (b)
 *   runs it where it stands.
 * - Serving does not wait: serve_local() takes no lock and asks nobody.
 *
 * Cost: a flush needs an instruction from every CPU asked. When the
 * host has fewer cores than the guest has CPUs, that is a time slice of the
 * host for each that is off its core. Each CPU flushing 600 times on a host of
 * 2 cores took 0.04 s with 2 CPUs, 7 s with 3, 6 s (quiet host) to 30 s (busy)
 * with 4, and 35 s with 8; it always ended. That is why CROWD is small.
 *
 * Lazy: a task without address space leaves the last one loaded. The CPU keeps
 * its bit; the first request moves it to init_mm_context, after which it is
 * not asked again. arch_drop_mm() is the same, on purpose, before the tables
 * are freed.
 */
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <arch/page.h>
#include <arch/tlb.h>
#include <arch/upcall.h>
#include <lib/assert.h>
#include <lib/atomic.h>
#include <lib/percpu.h>
#include <lib/preempt.h>
#include <asm/arch.h>

enum tlb_what {
	TLB_USER,
	TLB_KERNEL,
	TLB_DROP, /* leave the address space */
};

struct tlb_request {
	u64 pending; /* CPUs that have not served it yet */
	struct mm_context *ctx;
	vaddr_t start;
	vaddr_t end; /* 0: everything */
	enum tlb_what what;
};

struct mm_context init_mm_context;

static DEFINE_PER_CPU(struct mm_context *, loaded);
static DEFINE_PER_CPU(bool, lazy);
static DEFINE_PER_CPU_ALIGNED(u64, inbox);
static DEFINE_PER_CPU_ALIGNED(struct tlb_request, request);
static DEFINE_PER_CPU(struct tlb_counters, counters);

/*
 * Interrupts off. @next may be loaded already: a lazy CPU that has the kernel's
 * own space loaded is asked to leave it like any other (flush_tlb_mm()). Its
 * bit must then stay set, or the next flush passes this CPU by.
 */
static void load(struct mm_context *next)
{
	struct mm_context *prev = this_cpu_read(loaded);
	unsigned int cpu = smp_processor_id();

	/* A full barrier, pairs with the one in flush(). */
	cpumask_set_cpu(cpu, &next->cpus);
	this_cpu_write(loaded, next);
	write_cr3(next->pgd);
	if (prev && prev != next)
		cpumask_clear_cpu(cpu, &prev->cpus);
}

void arch_switch_mm(struct mm_context *next)
{
	ASSERT(irqs_disabled());
	if (!next) {
		this_cpu_write(lazy, true);
		return;
	}
	this_cpu_write(lazy, false);
	if (next != this_cpu_read(loaded))
		load(next);
}

void arch_set_kernel_pgd(paddr_t pgd)
{
	init_mm_context.pgd = pgd;
	load(&init_mm_context);
}

void arch_mm_setup_cpu(void)
{
	load(&init_mm_context);
}

static void flush_all_local(void)
{
	unsigned long cr4 = read_cr4();

	if (cr4 & CR4_PGE) {
		write_cr4(cr4 & ~CR4_PGE);
		write_cr4(cr4);
	} else {
		write_cr3(read_cr3());
	}
}

static void flush_pages_local(vaddr_t start, vaddr_t end)
{
	for (vaddr_t addr = start; addr < end; addr += PAGE_SIZE)
		invlpg(addr);
}

/* Interrupts off, or preemption off on the asking CPU itself. */
static void serve_local(const struct tlb_request *req)
{
	if (req->what == TLB_KERNEL) {
		if (req->end)
			flush_pages_local(req->start, req->end);
		else
			flush_all_local();
		return;
	}
	if (this_cpu_read(loaded) != req->ctx)
		return;
	if (this_cpu_read(lazy) || req->what == TLB_DROP)
		load(&init_mm_context);
	else if (req->end)
		flush_pages_local(req->start, req->end);
	else
		write_cr3(read_cr3());
}

void tlb_poll(void)
{
	unsigned int self = smp_processor_id();
	u64 askers;

	if (!READ_ONCE(*this_cpu_ptr(&inbox)))
		return;
	askers = xchg(this_cpu_ptr(&inbox), 0);
	while (askers) {
		unsigned int asker = __ffs(askers);
		struct tlb_request *req = per_cpu_ptr(&request, asker);

		askers &= askers - 1;
		serve_local(req);
		upcall_tlb_served(asker);
		/* A full barrier: forgotten first, then said so. */
		arch_clear_bit(self, (unsigned long *)&req->pending);
	}
}

/* Preemption off. */
static void ask(struct tlb_request *req, u64 targets)
{
	u64 self = 1UL << smp_processor_id();

	/* An interrupt handler would find the request in use. */
	ASSERT(!in_interrupt());
	WRITE_ONCE(req->pending, targets);
	for (u64 left = targets; left; left &= left - 1) {
		unsigned int cpu = __ffs(left);

		this_cpu_inc(counters.remote);
		/* Our bit is not there: adding it is setting it. */
		if (xadd(per_cpu_ptr(&inbox, cpu), self) == 0) {
			this_cpu_inc(counters.ipis);
			lapic_send_vector(cpu, VECTOR_TLB);
		}
	}
	smp_wait_served(&req->pending);
}

static void flush(struct mm_context *ctx, enum tlb_what what, vaddr_t start,
		  vaddr_t end)
{
	struct tlb_request *req;
	unsigned long flags;
	u64 targets;

	preempt_disable();
	req = this_cpu_ptr(&request);
	req->ctx = ctx;
	req->what = what;
	req->start = start;
	req->end = end;
	if (end - start > TLB_FLUSH_MAX_PAGES * PAGE_SIZE)
		req->end = 0;
	this_cpu_inc(counters.flushes);
	if (!req->end)
		this_cpu_inc(counters.full);
	flags = arch_irq_save();
	serve_local(req);
	arch_irq_restore(flags);
	/* Pairs with load(): the entry was changed before we look (litmus.tlb_load). */
	smp_mb();
	targets = ctx ? READ_ONCE(ctx->cpus.bits)
		      : READ_ONCE(cpu_online_mask.bits);
	targets &= ~(1UL << smp_processor_id());
	if (targets)
		ask(req, targets);
	preempt_enable();
}

void flush_tlb_range(struct mm_context *ctx, vaddr_t start, vaddr_t end)
{
	ASSERT(start < end);
	flush(ctx, TLB_USER, start, end);
}

void flush_tlb_mm(struct mm_context *ctx)
{
	flush(ctx, TLB_USER, 0, 0);
}

void flush_tlb_kernel_range(vaddr_t start, vaddr_t end)
{
	ASSERT(start < end);
	flush(NULL, TLB_KERNEL, start, end);
}

void arch_drop_mm(struct mm_context *ctx)
{
	flush(ctx, TLB_DROP, 0, 0);
	ASSERT(cpumask_empty(&ctx->cpus));
}

void tlb_read_counters(struct tlb_counters *out)
{
	unsigned int cpu;

	*out = (struct tlb_counters){0};
	for_each_online_cpu(cpu) {
		const struct tlb_counters *c = per_cpu_ptr(&counters, cpu);

		out->flushes += READ_ONCE(c->flushes);
		out->full += READ_ONCE(c->full);
		out->remote += READ_ONCE(c->remote);
		out->ipis += READ_ONCE(c->ipis);
	}
}
