/* SPDX-License-Identifier: MIT */
/*
 * kernel/coverage.h - two functions by which counting is checked
 *
 * Only in kernels with COVERAGE, which call them themselves; kernel/coverage/seeded.c
 * says what a run must find of them.
 */
#ifndef KERNEL_COVERAGE_H
#define KERNEL_COVERAGE_H

/**
 * coverage_seeded_runs() - called once at start, with 1
 * @n: from 2 on it would call the other
 *
 * Context: any.
 * Return: @n + 1, for 1 and less.
 */
unsigned long coverage_seeded_runs(unsigned long n);

/**
 * coverage_seeded_never() - never called
 * @n: any
 *
 * Context: any.
 * Return: three times @n.
 */
unsigned long coverage_seeded_never(unsigned long n);

#endif
