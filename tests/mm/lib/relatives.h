/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/lib/relatives.h - a sandbox and the address spaces forked from it
 *
 * The test's thread lives in the sandbox's address space. To touch another one it moves
 * there and comes back.
 */
#ifndef TESTS_MM_LIB_RELATIVES_H
#define TESTS_MM_LIB_RELATIVES_H

#include "tests/mm/lib/sandbox.h"

/*
 * mm_fork(); NULL, and the test failed, if it did. mmput() it. If the sandbox has a shadow
 * the child has one, which goes with the sandbox or when another child comes.
 */
struct mm_struct *sandbox_fork(struct sandbox *box);

/* A word of a relative: its value, or all ones and a failure; and 0 or -EFAULT. */
u64 read_in(struct sandbox *box, struct mm_struct *mm, vaddr_t addr);
int poke_in(struct sandbox *box, struct mm_struct *mm, vaddr_t addr, u64 value);

/* The entry of an address, and the page that it maps: no reference; NULL if none. */
pte_t pte_in(struct mm_struct *mm, vaddr_t addr);
struct page *page_in(struct mm_struct *mm, vaddr_t addr);

/* Regions, tables and books of a relative agree; else the test fails. */
void verify_in(struct sandbox *box, struct mm_struct *mm);

#endif
