/* SPDX-License-Identifier: MIT */
/*
 * mm/space/counters.h - what calls on address spaces came to since boot
 */
#ifndef MM_SPACE_COUNTERS_H
#define MM_SPACE_COUNTERS_H

#include <lib/percpu.h>

/**
 * struct space_counters - by CPU
 * @refused: requests for pages that mm/space/limits.c refused
 * @remaps: calls of do_mremap() that named a range
 * @grown: growths of a stack
 * @brks: calls of do_brk() that made a heap end elsewhere
 * @advices: calls of do_madvise() that named pages
 * @lazyfreed: pages whose contents may go (MADV_FREE)
 * @populated: pages touched before their program did
 * @young: pages of a range that were found used
 * @cleared: entries whose write mark was cleared
 */
struct space_counters {
	unsigned long refused;
	unsigned long remaps;
	unsigned long grown;
	unsigned long brks;
	unsigned long advices;
	unsigned long lazyfreed;
	unsigned long populated;
	unsigned long young;
	unsigned long cleared;
};

/* Each CPU counts its own, with one instruction. */
DECLARE_PER_CPU(struct space_counters, space_counters);

/**
 * space_read_counters() - sum the counters of all CPUs
 * @out: filled
 *
 * Context: any.
 */
void space_read_counters(struct space_counters *out);

#endif
