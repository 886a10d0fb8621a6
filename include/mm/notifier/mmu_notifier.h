/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/mmu_notifier.h - notify devices before a mapping changes
 *
 * A device may keep translations outside the CPU's page tables. Its driver
 * subscribes here, in one of two ways:
 *
 *	plain		struct mmu_notifier: notified of every change in the mm
 *	interval	struct mmu_interval_notifier: notified of changes that
 *			overlap one interval, with a collision-retry read
 *			section for device faults that run concurrently
 *
 * An invalidator is code that changes a mapping. It brackets the change:
 *
 *	mmu_notifier_range_init(&range, MMU_NOTIFY_UNMAP, 0, vma, mm, s, e);
 *	mmu_notifier_invalidate_range_start(&range);
 *	... change page tables, flush the CPU TLBs ...
 *	mmu_notifier_invalidate_range_end(&range);
 *
 * It holds mmap_lock over the pair, in either mode, and no page-table lock at
 * either call (R1.9). The range object stays where it is from start to end.
 *
 * When start has returned, no device that subscribed with a start callback or an
 * interval uses a translation that the event takes away. None makes a new one
 * before end. The CPUs still have theirs: the invalidator flushes them between
 * start and end, and secondary TLBs with them (R1.10, R2.10).
 *
 * This header includes all that a driver or an invalidator needs. Each header may also
 * be included alone:
 *
 *	reader				reads
 *	driver with intervals		interval.h, then rounds.h
 *	driver with a plain		plain.h
 *	  subscription
 *	both, in their callbacks	range.h, event.h
 *	invalidator			start.h; range.h, event.h
 *	test, monitor			stats.h
 *	any of these, where the		off.h
 *	  option is off
 *	kernel that takes the core	types.h, env.h; language.h, atomics.h
 *	the core itself			interval_tree.h, gate.h, member.h
 *
 * docs/semantics.md lists each rule (R...) with its test. mm/notifier/range.c says
 * how a start and an end work.
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
