/* SPDX-License-Identifier: MIT */
/*
 * arch/tlb.h - make every CPU forget translations
 *
 * Change the page tables first, then call one of these; when it returns no CPU
 * uses the old translation any more. mm notifies secondary TLBs: user
 * translations are flushed by mm/table/tlb.h only. Only CPUs that may hold entries of the
 * context are interrupted; a CPU that has it loaded lazily leaves it instead.
 *
 * All may be called with any spinlocks held, with interrupts on or off. Two CPUs
 * may flush each other: a CPU that waits for a flush or for a spinlock serves
 * what is asked of it meanwhile. Not from interrupt handlers.
 */
#pragma once

#include <lib/types.h>
#include <arch/mmu.h>

/* a range of more pages than this is flushed by dropping everything */
#define TLB_FLUSH_MAX_PAGES 32

/**
 * flush_tlb_range() - forget [start, end) of an address space
 * @ctx: the address space
 * @start: page aligned
 * @end: page aligned, > @start
 */
void flush_tlb_range(struct mm_context *ctx, vaddr_t start, vaddr_t end);

/**
 * flush_tlb_mm() - forget the whole user half
 * @ctx: the address space
 */
void flush_tlb_mm(struct mm_context *ctx);

/**
 * flush_tlb_kernel_range() - forget [start, end) of the kernel half, on all
 * CPUs
 * @start: page aligned
 * @end: page aligned, > @start
 */
void flush_tlb_kernel_range(vaddr_t start, vaddr_t end);

/**
 * tlb_poll() - flush what other CPUs ask of this one
 *
 * For loops that wait for another CPU with interrupts off, since that CPU may be
 * waiting for this one to flush. Takes no lock and waits for nobody.
 *
 * Context: interrupts off; any but NMI.
 */
void tlb_poll(void);

/* Totals of the flushes of all CPUs since boot */
struct tlb_counters {
	u64 flushes; /* calls of the functions above */
	u64 full;    /* of them, those that dropped everything */
	u64 remote;  /* CPUs asked to flush */
	u64 ipis;    /* interrupts sent; fewer than remote when they coalesce */
};

/**
 * tlb_read_counters() - sum the counters of all CPUs
 * @out: filled
 */
void tlb_read_counters(struct tlb_counters *out);
