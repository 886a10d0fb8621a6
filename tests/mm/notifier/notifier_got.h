/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/notifier/notifier_got.h - a subscription that is got, for tests of get and put
 *
 * mmu_notifier_get() returns a listener here, made by got_alloc() and freed by
 * got_free(), which count.
 */
#ifndef TESTS_MM_NOTIFIER_GOT_H
#define TESTS_MM_NOTIFIER_GOT_H

#include "notifier_fixture.h"

/* Since gots_reset(). */
extern atomic_t gots_freed;
extern atomic_t gots_made;
/* The error that got_alloc() returns, if not 0. */
extern int got_error;

struct mmu_notifier *got_alloc(struct mm_struct *mm);
void got_free(struct mmu_notifier *sub);
extern const struct mmu_notifier_ops got_ops;

void gots_reset(void);

struct getter {
	struct mm_struct *mm;
	struct mmu_notifier *sub;
	struct task *task;
	atomic_t done;
};

/* Start its thread. */
void getter_run(struct getter *g, struct mm_struct *mm);

#endif
