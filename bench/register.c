// SPDX-License-Identifier: MIT
/*
 * bench/register.c - plain subscribers come and go, are got and put
 *
 * Problem.  A device context subscribes when it is made and leaves when it is
 * closed. Neither may cost more in an mm that has many regions, or many other
 * subscribers.
 *
 * Idea.  Register the first and the next of K; the next beside regions that do not
 * merge; unregister; get and put one that is there and one that is not. Nobody has
 * a range open, so nothing waits.
 *
 * One thread; nothing is shared. Not here: the cost of subscribers to ranges
 * (bench/notifier.c).
 */
#include <mm/alloc/alloc.h>
#include <mm/notifier/mmu_notifier.h>
#include "bench_mm.h"
#include "plain.h"

#define ROUNDS 201
#define FRESH  32

static void register_first(struct bench *b, unsigned int k)
{
	struct mmu_notifier sub;
	struct mm_struct *mm;
	unsigned int i;

	for (i = 0; i < FRESH; i++) {
		mm = bench_mm_begin();
		BENCH_SAMPLE(b, plain_register(&sub, mm));
		mmu_notifier_unregister(&sub, mm);
		bench_mm_end(mm);
	}
	bench_report(b, "plain_register_first_of_mm_k%u", k);
}

static void register_next(struct bench *b, unsigned int k)
{
	struct mmu_notifier *subs = kcalloc(k + 1, sizeof(*subs), GFP_KERNEL);
	struct mm_struct *mm = bench_mm_begin();
	unsigned int i;

	if (!subs)
		panic("bench: no memory");
	for (i = 0; i < k; i++)
		plain_register(&subs[i], mm);
	for (i = 0; i < ROUNDS; i++) {
		BENCH_SAMPLE(b, plain_register(&subs[k], mm));
		mmu_notifier_unregister(&subs[k], mm);
	}
	bench_report(b, "plain_register_next_k%u", k);
	for (i = 0; i < ROUNDS; i++) {
		plain_register(&subs[k], mm);
		BENCH_SAMPLE(b, mmu_notifier_unregister(&subs[k], mm));
	}
	bench_report(b, "plain_unregister_executed_k%u", k);
	for (i = 0; i < k; i++)
		mmu_notifier_unregister(&subs[i], mm);
	bench_mm_end(mm);
	kfree(subs);
}

BENCH(notifier_register)
{
	static const unsigned int others[] = {1, 8, 64};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		register_first(b, others[i]);
		register_next(b, others[i]);
	}
}

/* Regions that do not merge: every other page of a mapping is made read-only. */
static void many_regions(struct mm_struct *mm, unsigned long regions)
{
	vaddr_t addr = bench_map(mm, regions);
	unsigned long i;

	for (i = 0; i < regions; i += 2) {
		if (do_mprotect(mm, addr + i * PAGE_SIZE, PAGE_SIZE, PROT_READ))
			panic("bench: mprotect");
	}
}

BENCH(notifier_register_regions)
{
	static const unsigned int regions[] = {1000, 50000};
	struct mmu_notifier subs[2];
	struct mm_struct *mm;
	unsigned int r, i;

	for (r = 0; r < ARRAY_SIZE(regions); r++) {
		mm = bench_mm_begin();
		many_regions(mm, regions[r]);
		plain_register(&subs[0], mm);
		for (i = 0; i < ROUNDS; i++) {
			BENCH_SAMPLE(b, plain_register(&subs[1], mm));
			mmu_notifier_unregister(&subs[1], mm);
		}
		bench_report(b, "plain_register_next_with_%u_more_vmas",
			     regions[r]);
		mmu_notifier_unregister(&subs[0], mm);
		bench_mm_end(mm);
	}
}

/* --- get and put ------------------------------------------------------------ */

static struct mmu_notifier *got_alloc(struct mm_struct *mm)
{
	struct mmu_notifier *sub = kmalloc(sizeof(*sub), GFP_KERNEL);

	return sub ? sub : ERR_PTR(-ENOMEM);
}

static void got_free(struct mmu_notifier *sub)
{
	kfree(sub);
}

static const struct mmu_notifier_ops got_ops = {
	.alloc_notifier = got_alloc,
	.free_notifier = got_free,
};

static struct mmu_notifier *must_get(struct mm_struct *mm)
{
	struct mmu_notifier *sub = mmu_notifier_get(&got_ops, mm);

	if (IS_ERR(sub))
		panic("bench: get failed");
	return sub;
}

BENCH(notifier_get_put)
{
	struct mmu_notifier *sub, other;
	struct mm_struct *mm;
	int which, i;

	for (which = 0; which < 2; which++) {
		for (i = 0; i < FRESH; i++) {
			mm = bench_mm_begin();
			if (which == 0) {
				BENCH_SAMPLE(b, sub = must_get(mm));
				mmu_notifier_put(sub);
			} else {
				sub = must_get(mm);
				BENCH_SAMPLE(b, mmu_notifier_put(sub));
			}
			bench_mm_end(mm);
		}
		bench_report(b, which ? "notifier_put_last"
				      : "notifier_get_first_of_mm");
	}
	mm = bench_mm_begin();
	sub = must_get(mm);
	for (i = 0; i < ROUNDS; i++) {
		BENCH_SAMPLE(b, (void)must_get(mm));
		mmu_notifier_put(sub);
	}
	bench_report(b, "notifier_get_existing");
	for (i = 0; i < ROUNDS; i++) {
		(void)must_get(mm);
		BENCH_SAMPLE(b, mmu_notifier_put(sub));
	}
	bench_report(b, "notifier_put_not_last");
	mmu_notifier_put(sub);
	plain_register(&other, mm);
	for (i = 0; i < ROUNDS; i++) {
		BENCH_SAMPLE(b, sub = must_get(mm));
		mmu_notifier_put(sub);
	}
	bench_report(b, "notifier_get_new_in_used_mm");
	for (i = 0; i < ROUNDS; i++) {
		sub = must_get(mm);
		BENCH_SAMPLE(b, mmu_notifier_put(sub));
	}
	bench_report(b, "notifier_put_last_in_used_mm");
	mmu_notifier_unregister(&other, mm);
	bench_mm_end(mm);
}
