// SPDX-License-Identifier: MIT
/*
 * bench/notifier.c - what it costs to tell, to be told, to come and to go
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
 * One thread; nothing is shared. Not here: operations that raise ranges.
 */
#include <kernel/alloc.h>
#include <kernel/random.h>
#include <kernel/string.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/vmalloc.h>
#include "bench_mm.h"

#define ROUNDS  201
#define PAGE(n) ((unsigned long)(n) << 12)
#define LARGEST 1000000ul

static bool note(struct mmu_interval_notifier *sub,
		 const struct mmu_notifier_range *range, unsigned long cur_seq)
{
	mmu_interval_set_seq(sub, cur_seq);
	return true;
}

static const struct mmu_interval_notifier_ops note_ops = {
	.invalidate = note,
};

static void *must_alloc(unsigned long size)
{
	void *area = vmalloc(size);

	if (!area)
		panic("bench: no memory for %lu bytes", size);
	return area;
}

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

	for (i = 0; i < ROUNDS; i++) {
		prepare(&range, draw);
		BENCH_SAMPLE(b, mmu_notifier_invalidate_range_start(&range));
		mmu_notifier_invalidate_range_end(&range);
	}
	bench_report(b, "inval_%s_start_%c%lu", kind, unit, n);
	for (i = 0; i < ROUNDS; i++) {
		prepare(&range, draw);
		mmu_notifier_invalidate_range_start(&range);
		BENCH_SAMPLE(b, mmu_notifier_invalidate_range_end(&range));
	}
	bench_report(b, "inval_%s_end_%c%lu", kind, unit, n);
	for (i = 0; i < ROUNDS; i++) {
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
	unsigned long page[ROUNDS];
	int i;

	for (i = 0; i < ROUNDS; i++) {
		page[i] = 2 * rng_below(rng, choices) + odd;
		BENCH_SAMPLE(b, insert(mm, &extra, page[i]));
		mmu_interval_notifier_remove(&extra);
	}
	bench_report(b, "itree_%s_insert_n%lu", kind, n);
	for (i = 0; i < ROUNDS; i++) {
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

	for (i = 0; i < ROUNDS; i++) {
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
	struct mmu_interval_notifier *subs = must_alloc(LARGEST * sizeof(*subs));
	unsigned int *order = must_alloc(LARGEST * sizeof(*order));
	unsigned long n;

	for (n = 1; n <= LARGEST; n *= 10)
		disjoint(b, subs, order, n);
	for (n = 1; n <= LARGEST / 10; n *= 10)
		overlapping(b, subs, n);
	vfree(order);
	vfree(subs);
}

/* --- plain ------------------------------------------------------------------ */

static int plain_start(struct mmu_notifier *sub,
		       const struct mmu_notifier_range *range)
{
	return 0;
}

static void plain_end(struct mmu_notifier *sub,
		      const struct mmu_notifier_range *range)
{
}

static const struct mmu_notifier_ops plain_ops = {
	.invalidate_range_start = plain_start,
	.invalidate_range_end = plain_end,
};

static void must_register(struct mmu_notifier *sub, struct mm_struct *mm)
{
	sub->ops = &plain_ops;
	if (mmu_notifier_register(sub, mm))
		panic("bench: register failed");
}

static void plain_pairs(struct bench *b, struct mm_struct *mm, unsigned int k)
{
	struct rng rng = rng_init(k);

	invalidate(b, "plain", 'k', k, &(struct draw){mm, &rng, 1, 0});
}

static void plain(struct bench *b, unsigned int k)
{
	struct mmu_notifier *subs = kcalloc(k + 1, sizeof(*subs), GFP_KERNEL);
	struct mm_struct *mm;
	unsigned int i;

	if (!subs)
		panic("bench: no memory");
	for (i = 0; i < 32; i++) {
		mm = bench_mm_begin();
		BENCH_SAMPLE(b, must_register(&subs[0], mm));
		mmu_notifier_unregister(&subs[0], mm);
		bench_mm_end(mm);
	}
	bench_report(b, "plain_register_first_of_mm_k%u", k);
	mm = bench_mm_begin();
	for (i = 0; i < k; i++)
		must_register(&subs[i], mm);
	plain_pairs(b, mm, k);
	for (i = 0; i < ROUNDS; i++) {
		BENCH_SAMPLE(b, must_register(&subs[k], mm));
		mmu_notifier_unregister(&subs[k], mm);
	}
	bench_report(b, "plain_register_next_k%u", k);
	for (i = 0; i < ROUNDS; i++) {
		must_register(&subs[k], mm);
		BENCH_SAMPLE(b, mmu_notifier_unregister(&subs[k], mm));
	}
	bench_report(b, "plain_unregister_executed_k%u", k);
	for (i = 0; i < k; i++)
		mmu_notifier_unregister(&subs[i], mm);
	bench_mm_end(mm);
	kfree(subs);
}

BENCH(notifier_plain)
{
	struct mm_struct *mm = bench_mm_begin();

	plain_pairs(b, mm, 0);
	bench_mm_end(mm);
	plain(b, 1);
	plain(b, 8);
	plain(b, 64);
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
		must_register(&subs[0], mm);
		for (i = 0; i < ROUNDS; i++) {
			BENCH_SAMPLE(b, must_register(&subs[1], mm));
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
		for (i = 0; i < 32; i++) {
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
	must_register(&other, mm);
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
