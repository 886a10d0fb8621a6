// SPDX-License-Identifier: MIT
/*
 * trampoline.c - bring one CPU from reset to a C function, or not at all
 *
 * Problem.  A started CPU runs the code of trampoline.asm in a page below
 * 1 MiB, which all starts share: its words name the stack and the function of
 * one CPU at a time, and the mapping of the page goes when all have started. A
 * CPU that comes late, because its host had other things to do, finds the words
 * of another CPU, or no page.
 *
 * Idea.  A ticket, one word of the page, that holds the id of the CPU that may
 * come. The CPU takes it before it does anything else; to give a CPU up is to
 * take its ticket away. Both are one compare-and-exchange, so exactly one of
 * the two gets it:
 *
 *	ticket		changed by		meaning
 *	an APIC id	trampoline_open()	this CPU may come
 *	NO_TICKET	the CPU			it has come, and will reach C: the
 *						words and the mapping must stay
 *	NO_TICKET	trampoline_close()	it has not come and may not
 *
 *	CPU 0				late CPU
 *	STARTUP
 *	waits; it does not come
 *	takes the ticket away
 *					compares the ticket with its id:
 *					NO_TICKET, or that of the next CPU
 *	unmaps the page
 *					stops in real mode (must need neither
 *					the words nor the mapping)
 *
 * The comparison runs in real mode, where the page needs no mapping; its frame
 * is never given to anybody. A CPU that is given up gets an INIT as well, after
 * which only another STARTUP wakes it. The INIT alone would not do: it may
 * arrive before the STARTUP is acted upon.
 *
 * Tests: smp.a_cpu_that_comes_late_is_refused, boots.late_cpus, and
 * boots.cpus_without_patience, where either may be first.
 *
 * Locks: none. One CPU at a time starts others, or tests it.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <arch/page.h>
#include <arch/time.h>
#include <arch/upcall.h>
#include <lib/atomic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <asm/arch.h>
#include <asm/trampoline.h>

#define INIT_DELAY_NS    10000000UL
#define STARTUP_AGAIN_NS 10000000UL
#define NO_TICKET        0xffffffffU /* the id of all CPUs, so of none */

extern const char trampoline_start[], trampoline_end[], trampoline_base[];
extern const char trampoline_pgd[], trampoline_entry[], trampoline_arg[];
extern const char trampoline_stack[], trampoline_ticket[];
extern const char trampoline_id_leaf[], trampoline_refused_count[];

static void *in_page(const char *symbol)
{
	return (char *)phys_to_virt(trampoline_page) +
	       (symbol - trampoline_start);
}

static u32 *ticket(void)
{
	return in_page(trampoline_ticket);
}

int trampoline_map(void)
{
	u32 words[2]; /* trampoline_base, then the far jump's offset */
	int err;

	if (!trampoline_page || init_mm_context.pgd >> 32)
		return -ENOMEM;
	err = kernel_map_low_trampoline(trampoline_page);
	if (err)
		return err;
	memcpy(in_page(trampoline_start), trampoline_start,
	       (size_t)(trampoline_end - trampoline_start));
	memcpy(words, in_page(trampoline_base), sizeof(words));
	words[0] += (u32)trampoline_page;
	words[1] += (u32)trampoline_page;
	memcpy(in_page(trampoline_base), words, sizeof(words));
	*(u64 *)in_page(trampoline_pgd) = init_mm_context.pgd;
	*(u32 *)in_page(trampoline_id_leaf) = lapic_id_leaf();
	WRITE_ONCE(*ticket(), NO_TICKET);
	return 0;
}

void trampoline_unmap(void)
{
	kernel_map_low_trampoline_end();
}

void trampoline_open(u32 apic_id, const struct trampoline_call *call)
{
	*(u64 *)in_page(trampoline_stack) = (u64)call->stack_top;
	*(u64 *)in_page(trampoline_entry) = (u64)call->entry;
	*(u64 *)in_page(trampoline_arg) = call->arg;
	/* The words before the ticket: the CPU that takes it reads them. */
	smp_store_release(ticket(), apic_id);
}

bool trampoline_close(u32 apic_id)
{
	return cmpxchg(ticket(), apic_id, NO_TICKET) == apic_id;
}

static bool taken_within(u64 ns)
{
	u64 start = arch_clock_ns();

	do {
		if (READ_ONCE(*ticket()) == NO_TICKET)
			return true;
		cpu_relax();
	} while (arch_clock_ns() - start < ns);
	return false;
}

static void pass(u64 ns)
{
	u64 start = arch_clock_ns();

	while (arch_clock_ns() - start < ns)
		cpu_relax();
}

void trampoline_send(u32 apic_id)
{
	lapic_send(apic_id, APIC_ICR_INIT | APIC_ICR_ASSERT);
	pass(INIT_DELAY_NS);
	lapic_send(apic_id, APIC_ICR_STARTUP | APIC_ICR_ASSERT |
				    (u32)(trampoline_page >> PAGE_SHIFT));
}

bool trampoline_start_cpu(u32 apic_id, const struct trampoline_call *call,
			  u64 patience_ns)
{
	if (!patience_ns) {
		/* There is no ticket to be had: the CPU comes late for sure. */
		trampoline_send(apic_id);
		return false;
	}
	trampoline_open(apic_id, call);
	trampoline_send(apic_id);
	if (!taken_within(min(patience_ns, STARTUP_AGAIN_NS))) {
		/* Some CPUs miss the first one. */
		lapic_send(apic_id, APIC_ICR_STARTUP | APIC_ICR_ASSERT |
					    (u32)(trampoline_page >> PAGE_SHIFT));
		taken_within(patience_ns);
	}
	if (!trampoline_close(apic_id))
		return true;
	lapic_send(apic_id, APIC_ICR_INIT | APIC_ICR_ASSERT);
	return false;
}

unsigned int trampoline_refused(void)
{
	return READ_ONCE(*(u32 *)in_page(trampoline_refused_count));
}
