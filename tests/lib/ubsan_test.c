// SPDX-License-Identifier: MIT
/*
 * tests/lib/ubsan_test.c - undefined behaviour is reported and counted
 */
#include <kernel/ktest.h>
#include <lib/ubsan.h>

/* Not inlined, so that no compiler says before what we want said after. */
static noinline int one_shifted(int by)
{
	return 1 << by;
}

KTEST(ubsan, undefined_behaviour_is_counted_each_time, KT_FLAGS(KT_EXPECT_REPORT))
{
	volatile int big = 0x7fffffff;
	unsigned int before = ubsan_report_count();

	big = big + 1;
	EXPECT_EQ(ubsan_report_count(), before + 1);
	big = one_shifted(40);
	EXPECT_EQ(ubsan_report_count(), before + 2);
}
