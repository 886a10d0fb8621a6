/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/lib/by_hand.h - operations that the tree does not have yet
 *
 * Pages are counted from BASE.
 */
#ifndef TESTS_MM_LIB_BY_HAND_H
#define TESTS_MM_LIB_BY_HAND_H

#include "sandbox.h"

#define RW (PROT_READ | PROT_WRITE)

/* Page @i goes to another frame; others of [from, to) stay where they are. */
void migrate_by_hand(struct sandbox *box, unsigned int from, unsigned int to,
		     unsigned int i, void *owner);

#endif
