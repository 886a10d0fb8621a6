/* SPDX-License-Identifier: MIT */
/*
 * ubsan.h - reports of undefined behaviour, counted
 */
#ifndef KERNEL_UBSAN_H
#define KERNEL_UBSAN_H

#ifdef CONFIG_UBSAN
/** ubsan_report_count() - reports since boot; any fails a test run */
unsigned int ubsan_report_count(void);
#else
static inline unsigned int ubsan_report_count(void)
{
	return 0;
}
#endif

#endif
