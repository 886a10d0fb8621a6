/* SPDX-License-Identifier: MIT */
/*
 * tests/host/lifted/tiny_test.h - what kernel.c asks of tiny.c for its tests
 */
#ifndef LIFTED_TINY_TEST_H
#define LIFTED_TINY_TEST_H

#include <tiny.h>

/** tiny_seed() - begin the drawing of numbers anew */
void tiny_seed(u64 seed);
/** tiny_below() - a number in [0, @bound) */
unsigned long tiny_below(unsigned long bound);
/** tiny_warnings() - how many WARN()s were hit */
unsigned int tiny_warnings(void);

#endif
