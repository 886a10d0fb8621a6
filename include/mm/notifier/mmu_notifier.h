/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/mmu_notifier.h - be told before a mapping changes
 *
 * A driver whose device keeps translations outside the CPU's page tables
 * subscribes here, in one of two ways:
 *
 *	plain		struct mmu_notifier: told of every change in the mm
 *	interval	struct mmu_interval_notifier: told of changes that touch
 *			one interval, with a collision-retry read section for
 *			device faults that run in parallel
 *
 * An invalidator, code that changes a mapping, brackets the change:
 *
 *	mmu_notifier_range_init(&range, MMU_NOTIFY_UNMAP, 0, vma, mm, s, e);
 *	mmu_notifier_invalidate_range_start(&range);
 *	... change page tables, flush the CPU TLBs ...
 *	mmu_notifier_invalidate_range_end(&range);
 *
 * with mmap_lock or an rmap lock held over the pair and no page-table lock
 * held at either call. When start has returned nobody has a translation of
 * the range, and nobody makes one before end. The range object stays where it
 * is from start to end.
 *
 * mm/notifier/range.c tells how; docs/semantics.md lists every rule (R...) with
 * its test. This file includes all of the contract:
 *
 *	reader				reads
 *	driver, intervals		interval.h, rounds.h; range.h, event.h
 *	driver, plain			plain.h; range.h, event.h
 *	code that changes mappings	start.h; range.h, event.h
 *	tests, a monitor		stats.h
 *	a kernel without the option	off.h
 */
#ifndef MM_NOTIFIER_MMU_NOTIFIER_H
#define MM_NOTIFIER_MMU_NOTIFIER_H

#include <mm/notifier/event.h>
#include <mm/notifier/range.h>
#include <mm/notifier/interval.h>
#include <mm/notifier/rounds.h>
#include <mm/notifier/plain.h>
#include <mm/notifier/start.h>
#include <mm/notifier/stats.h>

#endif
