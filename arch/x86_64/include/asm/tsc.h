/* SPDX-License-Identifier: MIT */
/*
 * asm/tsc.h - compare the TSCs of two CPUs, and make them one clock
 *
 * Not part of the contract: smp/boot.c calls it, time/tsc.c explains it.
 */
#pragma once

#include <lib/types.h>

/* By how many ticks another TSC lies behind: something in [low, high]. */
struct tsc_bounds {
	s64 low;
	s64 high;
};

enum tsc_verdict {
	TSC_SAME,
	TSC_APART,
	TSC_OTHER_SPEED,
};

/* Nothing is known yet. */
void tsc_bounds_init(struct tsc_bounds *bounds);
/* One round: @stamp was read there between @before and @after here. */
void tsc_bounds_narrow(struct tsc_bounds *bounds, u64 before, u64 stamp,
		       u64 after);
/*
 * @slack: so many ticks apart are no difference
 * @behind: filled for TSC_APART only: what must be added to the other TSC
 */
enum tsc_verdict tsc_judge(const struct tsc_bounds *bounds, s64 slack,
			   s64 *behind);

enum tsc_order {
	TSC_STAMP,
	TSC_ADD,
	TSC_ACCEPTED,
	TSC_REFUSED,
};

/* All zeroes at first. @width: how exactly the last comparison could tell */
struct tsc_meeting {
	u32 asked;
	u32 answered;
	enum tsc_order order;
	s64 add;
	s64 width;
	u64 stamp;
};

/* How the compared CPU reads its TSC and adds to it. */
struct tsc_ops {
	u64 (*read)(void);
	void (*add)(s64 ticks);
};
extern const struct tsc_ops tsc_of_this_cpu;

/**
 * tsc_compare() - compare another CPU's TSC with this CPU's, and have it set
 * @meeting: the other CPU is in tsc_answer() with it, or will be
 *
 * Context: waits for the other CPU, without limit.
 * Return: true if the two are one clock now.
 */
bool tsc_compare(struct tsc_meeting *meeting);

/**
 * tsc_answer() - the other CPU's part of tsc_compare()
 * @meeting: the same
 * @ops: &tsc_of_this_cpu, but in tests
 *
 * Return: as tsc_compare() returned there.
 */
bool tsc_answer(struct tsc_meeting *meeting, const struct tsc_ops *ops);
