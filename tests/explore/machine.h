/* SPDX-License-Identifier: MIT */
/*
 * tests/explore/machine.h - frames and processors, for scenarios
 */
#ifndef TESTS_EXPLORE_MACHINE_H
#define TESTS_EXPLORE_MACHINE_H

#include <lib/types.h>
#include <mm/table/pgtable.h>

struct mm_struct;

/* Once; and before each schedule. */
void machine_boot(void);
void machine_reset(void);

/** cpu_load() - the running thread loads a word of user memory; may fault */
u64 cpu_load(struct mm_struct *mm, vaddr_t addr);
/** cpu_add() - it adds to the word, by one locked instruction */
void cpu_add(struct mm_struct *mm, vaddr_t addr, u64 add);

/** walk_tables() - the word at @addr as a walk of the tables finds it; NULL: no page */
u64 *walk_tables(struct mm_struct *mm, vaddr_t addr);

/** frames_in_use() - frames that were allocated in this schedule and not freed */
unsigned int frames_in_use(void);

/** use_mm() - all threads of the schedule run in @mm */
void use_mm(struct mm_struct *mm);

#endif
