// SPDX-License-Identifier: MIT
/*
 * tests/host/stress_plain.c - the stress: plain and counted subscribers
 *
 * Each counts the ranges that are open to it: every end has had its start. One of
 * three plain ones refuses ranges that may not sleep. plain->owner is held to register
 * and unregister.
 */
#include "stress.h"

struct got {
	struct mmu_notifier sub;
	long open;
};

struct plain plains[PLAINS];
unsigned long gots_alive;

void plains_init(void)
{
	unsigned long i;

	for (i = 0; i < PLAINS; i++) {
		pthread_mutex_init(&plains[i].owner, NULL);
		plains[i].may_fail = i == 0;
	}
}

static const struct mmu_notifier_ops plain_ops;

static int plain_start(struct mmu_notifier *sub,
		       const struct mmu_notifier_range *range)
{
	struct plain *plain = container_of(sub, struct plain, sub);

	linger(range->start);
	CHECK(sub->ops == &plain_ops);
	__atomic_fetch_add(&plain->open, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void plain_end(struct mmu_notifier *sub,
		      const struct mmu_notifier_range *range)
{
	struct plain *plain = container_of(sub, struct plain, sub);

	linger(range->start);
	CHECK(sub->ops == &plain_ops);
	CHECK(__atomic_sub_fetch(&plain->open, 1, __ATOMIC_SEQ_CST) >= 0);
}

static int failing_start(struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	if (mmu_notifier_range_blockable(range))
		return 0;
	return range->start & 1 ? -EAGAIN : 0;
}

static void plain_release(struct mmu_notifier *sub, struct mm_struct *of)
{
	struct plain *plain = container_of(sub, struct plain, sub);

	sched_yield();
	__atomic_fetch_add(&plain->released, 1, __ATOMIC_SEQ_CST);
}

static const struct mmu_notifier_ops plain_ops = {
	.release = plain_release,
	.invalidate_range_start = plain_start,
	.invalidate_range_end = plain_end,
};
static const struct mmu_notifier_ops failing_ops = {
	.release = plain_release,
	.invalidate_range_start = failing_start,
};

static struct mmu_notifier *got_alloc(struct mm_struct *of)
{
	struct got *got = calloc(1, sizeof(*got));

	if (!got)
		return ERR_PTR(-ENOMEM);
	COUNT(gots_alive);
	return &got->sub;
}

static void got_free(struct mmu_notifier *sub)
{
	__atomic_fetch_sub(&gots_alive, 1, __ATOMIC_SEQ_CST);
	free(container_of(sub, struct got, sub));
}

static int got_start(struct mmu_notifier *sub,
		     const struct mmu_notifier_range *range)
{
	struct got *got = container_of(sub, struct got, sub);

	linger(range->start);
	__atomic_fetch_add(&got->open, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void got_end(struct mmu_notifier *sub,
		    const struct mmu_notifier_range *range)
{
	struct got *got = container_of(sub, struct got, sub);

	CHECK(__atomic_sub_fetch(&got->open, 1, __ATOMIC_SEQ_CST) >= 0);
}

static const struct mmu_notifier_ops got_ops = {
	.invalidate_range_start = got_start,
	.invalidate_range_end = got_end,
	.alloc_notifier = got_alloc,
	.free_notifier = got_free,
};

void plain_leave(struct plain *plain)
{
	mmu_notifier_unregister(&plain->sub, mm);
	CHECK(__atomic_load_n(&plain->released, __ATOMIC_SEQ_CST) == 1);
	memset(&plain->sub, 0x6b, sizeof(plain->sub));
	plain->registered = false;
	COUNT(did.unregisters);
}

/* When it returns, each range that did not notify it has ended (R2.20). */
static void plain_join(struct plain *plain)
{
	unsigned long before[THREADS];
	int t;

	plain->sub.ops = plain->may_fail ? &failing_ops : &plain_ops;
	plain->open = 0;
	plain->released = 0;
	for (t = 0; t < THREADS; t++)
		before[t] = __atomic_load_n(&changing[t], __ATOMIC_SEQ_CST);
	plain->registered = !mmu_notifier_register(&plain->sub, mm);
	CHECK(plain->registered);
	for (t = 0; t < THREADS; t++)
		CHECK(!(before[t] & 1) ||
		      before[t] !=
			      __atomic_load_n(&changing[t], __ATOMIC_SEQ_CST));
	COUNT(did.registers);
}

void plain_use(struct rng *rng)
{
	struct plain *plain = &plains[rng_below(rng, PLAINS)];

	pthread_mutex_lock(&plain->owner);
	if (plain->registered) {
		plain_leave(plain);
	} else {
		plain_join(plain);
	}
	pthread_mutex_unlock(&plain->owner);
}

struct mmu_notifier *got_get(struct rng *rng)
{
	struct mmu_notifier *sub;

	if (rng_below(rng, 4)) {
		sub = mmu_notifier_get(&got_ops, mm);
	} else {
		CHECK(!down_write_killable(&mm->mmap_lock));
		sub = mmu_notifier_get_locked(&got_ops, mm);
		mmap_write_unlock(mm);
	}
	if (IS_ERR(sub))
		panic("get: %ld", PTR_ERR(sub));
	COUNT(did.gets);
	return sub;
}

void got_put(struct mmu_notifier *sub)
{
	mmu_notifier_put(sub);
	COUNT(did.puts);
}

void got_use(struct rng *rng)
{
	struct mmu_notifier *sub = got_get(rng);

	if (rng_below(rng, 2))
		change_mapping(rng);
	got_put(sub);
	if (rng_below(rng, 64) == 0)
		mmu_notifier_synchronize();
}
