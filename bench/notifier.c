// SPDX-License-Identifier: MIT
/*
 * bench/notifier.c - start and end, insert and remove, read sections
 *
 * Problem.  Start and end stand on every fault that copies a page and on every
 * munmap; read sections on every device fault. They must be cheap with a
 * million subscriptions, and free with none.
 *
 * Idea.  The stage that was set for Linux: N one-page intervals on every other
 * page, inserted in shuffled order; one page that is covered (hit1) or is not
 * (hit0) is invalidated; one more interval comes and goes in a random gap; all
 * N on one page (overlap). For plain subscribers, K of them. Callbacks do the
 * least a driver may do: note the number, answer. Statistics are off, as they
 * are in a release kernel.
 *
 * This file is compiled for the host as well, where valgrind simulates caches and
 * branches (bench/host/). So it asks for nothing but the core, <kernel/bench.h>
 * and an mm.
 *
 * One thread; nothing is shared. Not here: registration (bench/register.c),
 * operations that start ranges.
 */
#include <kernel/bench.h>
#include <lib/random.h>
#include <mm/notifier/env.h>
#include <mm/notifier/mmu_notifier.h>
#include "plain.h"

#define PAGE(n)    ((unsigned long)(n) << 12)
#define LARGEST    1000000ul
#define MOST_PLAIN 64

static bool note(struct mmu_interval_notifier *sub,
		 const struct mmu_notifier_range *range, unsigned long cur_seq)
{
	mmu_interval_set_seq(sub, cur_seq);
	return true;
}

static const struct mmu_interval_notifier_ops note_ops = {
	.invalidate = note,
};

static void insert(struct mm_struct *mm, struct mmu_interval_notifier *sub,
		   unsigned long page)
{
	if (mmu_interval_notifier_insert(sub, mm, PAGE(page), PAGE(1), &note_ops))
		panic("bench: insert failed");
}

/* Start, end, and both, of one page; the page is drawn for each sample. */
struct draw {
	struct mm_struct *mm;
	struct rng *rng;
	unsigned long choices;
	unsigned long odd;
};

static noinline void prepare(struct mmu_notifier_range *range,
			     const struct draw *draw)
{
	unsigned long page = 2 * rng_below(draw->rng, draw->choices) + draw->odd;

	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, NULL, draw->mm,
				PAGE(page), PAGE(page + 1));
}

static void invalidate(struct bench *b, const char *kind, char unit,
		       unsigned long n, const struct draw *draw)
{
	struct mmu_notifier_range range;
	int i;

	for (i = 0; i < BENCH_ROUNDS; i++) {
		prepare(&range, draw);
		BENCH_SAMPLE(b, mmu_notifier_invalidate_range_start(&range));
		mmu_notifier_invalidate_range_end(&range);
	}
	bench_report(b, "inval_%s_start_%c%lu", kind, unit, n);
	for (i = 0; i < BENCH_ROUNDS; i++) {
		prepare(&range, draw);
		mmu_notifier_invalidate_range_start(&range);
		BENCH_SAMPLE(b, mmu_notifier_invalidate_range_end(&range));
	}
	bench_report(b, "inval_%s_end_%c%lu", kind, unit, n);
	for (i = 0; i < BENCH_ROUNDS; i++) {
		prepare(&range, draw);
		BENCH_SAMPLE(b, {
			mmu_notifier_invalidate_range_start(&range);
			mmu_notifier_invalidate_range_end(&range);
		});
	}
	bench_report(b, "inval_%s_pair_%c%lu", kind, unit, n);
}

static void shuffled(unsigned int *order, unsigned long n, struct rng *rng)
{
	unsigned long i, j;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n - 1; i > 0; i--) {
		j = rng_below(rng, i + 1);
		swap(order[i], order[j]);
	}
}

static void come_and_go(struct bench *b, struct mm_struct *mm, const char *kind,
			unsigned long n, struct rng *rng, unsigned long choices,
			unsigned long odd)
{
	struct mmu_interval_notifier extra;
	unsigned long page[BENCH_ROUNDS];
	int i;

	for (i = 0; i < BENCH_ROUNDS; i++) {
		page[i] = 2 * rng_below(rng, choices) + odd;
		BENCH_SAMPLE(b, insert(mm, &extra, page[i]));
		mmu_interval_notifier_remove(&extra);
	}
	bench_report(b, "itree_%s_insert_n%lu", kind, n);
	for (i = 0; i < BENCH_ROUNDS; i++) {
		insert(mm, &extra, page[i]);
		BENCH_SAMPLE(b, mmu_interval_notifier_remove(&extra));
	}
	bench_report(b, "itree_%s_remove_n%lu", kind, n);
}

static void read_sections(struct bench *b, struct mmu_interval_notifier *sub,
			  unsigned long n)
{
	unsigned long seq;
	bool retry = false;
	int i;

	for (i = 0; i < BENCH_ROUNDS; i++) {
		BENCH_SAMPLE(b, {
			seq = mmu_interval_read_begin(sub);
			retry |= mmu_interval_read_retry(sub, seq);
		});
	}
	if (retry)
		panic("bench: a read section collided with nothing");
	bench_report(b, "read_begin_retry_pair_n%lu", n);
}

static void disjoint(struct bench *b, struct mmu_interval_notifier *subs,
		     unsigned int *order, unsigned long n)
{
	struct mm_struct *mm = mm_alloc();
	struct rng rng = rng_init(n);
	unsigned long i;
	u64 began;

	if (!mm)
		panic("bench: no mm");
	shuffled(order, n, &rng);
	began = bench_start();
	for (i = 0; i < n; i++)
		insert(mm, &subs[i], 2ul * order[i]);
	bench_keep(b, bench_elapsed(b, began));
	bench_report_per(b, n, "itree_disjoint_fill_per_insert_n%lu", n);
	come_and_go(b, mm, "disjoint", n, &rng, n, 1);
	invalidate(b, "disjoint_hit1", 'n', n, &(struct draw){mm, &rng, n, 0});
	invalidate(b, "disjoint_hit0", 'n', n, &(struct draw){mm, &rng, n, 1});
	read_sections(b, &subs[n / 2], n);
	began = bench_start();
	for (i = 0; i < n; i++)
		mmu_interval_notifier_remove(&subs[i]);
	bench_keep(b, bench_elapsed(b, began));
	bench_report_per(b, n, "itree_disjoint_clear_per_remove_n%lu", n);
	mmput(mm);
}

static void overlapping(struct bench *b, struct mmu_interval_notifier *subs,
			unsigned long n)
{
	struct mm_struct *mm = mm_alloc();
	struct rng rng = rng_init(n);
	unsigned long i;
	u64 began;

	if (!mm)
		panic("bench: no mm");
	began = bench_start();
	for (i = 0; i < n; i++)
		insert(mm, &subs[i], 0);
	bench_keep(b, bench_elapsed(b, began));
	bench_report_per(b, n, "itree_overlap_fill_per_insert_n%lu", n);
	come_and_go(b, mm, "overlap", n, &rng, 1, 0);
	invalidate(b, "overlap_hitall", 'n', n, &(struct draw){mm, &rng, 1, 0});
	invalidate(b, "overlap_hit0", 'n', n, &(struct draw){mm, &rng, 1, 3});
	began = bench_start();
	for (i = 0; i < n; i++)
		mmu_interval_notifier_remove(&subs[i]);
	bench_keep(b, bench_elapsed(b, began));
	bench_report_per(b, n, "itree_overlap_clear_per_remove_n%lu", n);
	mmput(mm);
}

BENCH(notifier_intervals)
{
	struct mmu_interval_notifier *subs = bench_alloc(LARGEST * sizeof(*subs));
	unsigned int *order = bench_alloc(LARGEST * sizeof(*order));
	unsigned long n;

	for (n = 1; n <= LARGEST; n *= BENCH_GROWTH)
		disjoint(b, subs, order, n);
	for (n = 1; n <= LARGEST / 10; n *= BENCH_GROWTH)
		overlapping(b, subs, n);
	bench_free(order);
	bench_free(subs);
}

/* --- plain ------------------------------------------------------------------ */

static void plain(struct bench *b, unsigned int k)
{
	struct mmu_notifier subs[MOST_PLAIN];
	struct mm_struct *mm = mm_alloc();
	struct rng rng = rng_init(k);
	unsigned int i;

	if (!mm)
		panic("bench: no mm");
	for (i = 0; i < k; i++)
		plain_register(&subs[i], mm);
	invalidate(b, "plain", 'k', k, &(struct draw){mm, &rng, 1, 0});
	for (i = 0; i < k; i++)
		mmu_notifier_unregister(&subs[i], mm);
	mmput(mm);
}

BENCH(notifier_plain)
{
	plain(b, 0);
	plain(b, 1);
	plain(b, 8);
	plain(b, MOST_PLAIN);
}
