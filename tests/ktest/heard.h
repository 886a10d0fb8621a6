/* SPDX-License-Identifier: MIT */
/*
 * tests/ktest/heard.h - what the kernel prints during a part of a test
 */
#ifndef TESTS_KTEST_HEARD_H
#define TESTS_KTEST_HEARD_H

/* From here on what is printed is kept; what was kept before is forgotten. */
void hear_begin(void);

/* No longer. */
void hear_end(void);

/* Where @words were heard first, or NULL. */
const char *heard(const char *words);

#endif
