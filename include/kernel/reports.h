/* SPDX-License-Identifier: MIT */
/*
 * reports.h - how many faults the tools in this kernel have reported
 *
 * A report is printed where it is made and the kernel goes on. A test or a contest in
 * which one came has failed: it compares the count before and after.
 */
#ifndef KERNEL_REPORTS_H
#define KERNEL_REPORTS_H

#include <kernel/lock/lockdep.h>
#include <lib/assert.h>
#include <lib/kasan.h>
#include <lib/race.h>
#include <lib/ubsan.h>

/**
 * reports_printed() - reports and warnings since boot, of all tools
 *
 * A tool that the kernel lacks has none.
 *
 * Context: any.
 */
static inline unsigned long reports_printed(void)
{
	return warn_count() + lockdep_report_count() + ubsan_report_count() +
	       race_report_count() + kasan_report_count();
}

#endif
