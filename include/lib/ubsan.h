/* SPDX-License-Identifier: MIT */
/*
 * ubsan.h - reports of undefined behaviour, counted
 */
#ifndef LIB_UBSAN_H
#define LIB_UBSAN_H

/**
 * ubsan_report_count() - reports since boot; any fails a test run
 *
 * Always 0 in a build without CONFIG_UBSAN: nobody reports.
 */
unsigned int ubsan_report_count(void);

#endif
