// SPDX-License-Identifier: MIT
/*
 * tests/mm/alloc/slab_test.c - objects: whole, separate, and missed when lost
 *
 * Tests that must panic (double free, use after free) are in tests/panic.
 */
#include <mm/alloc/alloc.h>
#include <mm/alloc/debug.h>
#include <lib/cpumask.h>
#include <kernel/ktest.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/slab.h>
#include <mm/alloc/slab_def.h>

#include "tests/ktest/heard.h"
#include "tests/ktest/team.h"

#define HOLD 128u

KTEST(slab, every_size_is_whole_and_aligned)
{
	for (size_t size = 1; size <= 20000; size += 1 + size / 7) {
		u8 *object = kmalloc(size, GFP_KERNEL);

		REQUIRE(object);
		memset(object, 0x5a, size);
		EXPECT_EQ((vaddr_t)object % 8, 0);
		if (size > 48 && size <= 64)
			EXPECT_EQ((vaddr_t)object % 64, 0);
		EXPECT_GE(ksize(object), size);
		EXPECT(!memchr_inv(object, 0x5a, size));
		kfree(object);
	}
	EXPECT(slab_verify());
}

KTEST(slab, the_classes_cover_all_sizes_without_gaps)
{
	for (size_t size = 1; size <= KMALLOC_MAX_CACHED; size++) {
		unsigned int class = kmalloc_class(size);

		REQUIRE_LT(class, KMALLOC_CLASSES);
		if (size > 1)
			REQUIRE_GE(class, kmalloc_class(size - 1));
	}
	EXPECT_EQ(kmalloc_class(KMALLOC_MAX_CACHED), KMALLOC_CLASSES - 1);
}

KTEST(slab, sizes_out_of_range_give_null)
{
	volatile size_t nothing = 0, huge = KMALLOC_MAX_SIZE + 1;
	volatile size_t many = ~0ul / 4;
	void *object = kmalloc(KMALLOC_MAX_SIZE, GFP_KERNEL);

	EXPECT(object);
	kfree(object);
	EXPECT_EQ(kmalloc(nothing, GFP_KERNEL), NULL);
	EXPECT_EQ(kmalloc(huge, GFP_KERNEL), NULL);
	EXPECT_EQ(kcalloc(many, 8, GFP_KERNEL), NULL);
	kfree(NULL);
}

KTEST(slab, zeroed_means_zeroed_after_use)
{
	for (unsigned int i = 0; i < 300; i++) {
		u8 *object = kzalloc(200, GFP_KERNEL);

		REQUIRE(object);
		EXPECT(!memchr_inv(object, 0, 200));
		memset(object, 0xff, 200);
		kfree(object);
	}
}

struct built {
	u64 magic;
	u64 data[5];
};

#define BUILT_MAGIC 0x6275696c74ul

static void build(void *object)
{
	((struct built *)object)->magic = BUILT_MAGIC;
}

KTEST(slab, a_constructed_object_comes_back_as_it_was_freed)
{
	struct kmem_cache *cache = kmem_cache_create(
		"built", sizeof(struct built), 0, KMEM_CACHE_ALIGNED, build);
	struct built *object[40];

	REQUIRE(cache);
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(object); i++) {
			object[i] = kmem_cache_alloc(cache, GFP_KERNEL);
			EXPECT(object[i] && object[i]->magic == BUILT_MAGIC);
			EXPECT_EQ((vaddr_t)object[i] % 64, 0);
		}
		for (unsigned int i = 0; i < ARRAY_SIZE(object); i++)
			if (object[i])
				kmem_cache_free(cache, object[i]);
	}
	kmem_cache_destroy(cache);
}

KTEST(slab, destroying_a_cache_returns_its_pages)
{
	struct kmem_cache *cache;
	unsigned long pages;
	void *object[64];

	slab_shrink();
	cache = kmem_cache_create("short-lived", 1000, 0, 0, NULL);
	REQUIRE(cache);
	pages = slab_pages();
	for (unsigned int i = 0; i < ARRAY_SIZE(object); i++) {
		object[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		EXPECT(object[i]);
	}
	EXPECT_GE(slab_pages(), pages + 64 * 1000 / PAGE_SIZE);
	for (unsigned int i = 0; i < ARRAY_SIZE(object); i++)
		kmem_cache_free(cache, object[i]);
	kmem_cache_destroy(cache);
	EXPECT_LE(slab_pages(), pages);
}

/*
 *	list	... -- a -- b
 *	walker	       ^	destroys a, then steps to b
 */
KTEST(slab, a_cache_stays_until_a_walker_has_passed_it)
{
	struct kmem_cache *a = kmem_cache_create("a", 64, 0, 0, NULL);
	struct kmem_cache *b = kmem_cache_create("b", 64, 0, 0, NULL);
	struct kmem_cache *cache;
	bool saw_a = false, saw_b = false;
	unsigned long live;

	REQUIRE(a && b);
	live = slab_live_objects();
	for_each_cache(cache)
	{
		if (cache == a) {
			saw_a = true;
			kmem_cache_destroy(a);
			EXPECT_EQ(slab_live_objects(), live);
		}
		saw_b |= cache == b;
	}
	EXPECT(saw_a && saw_b);
	EXPECT_EQ(slab_live_objects(), live - 1);
	for_each_cache(cache) EXPECT(cache != a);
	kmem_cache_destroy(b);
}

KTEST(slab, live_objects_are_counted_exactly)
{
	unsigned long before, during;
	void *object[50];

	slab_shrink();
	before = slab_live_objects();
	for (unsigned int i = 0; i < ARRAY_SIZE(object); i++)
		object[i] = kmalloc(8 << (i % 9), GFP_KERNEL);
	during = slab_live_objects();
	for (unsigned int i = 0; i < ARRAY_SIZE(object); i++)
		kfree(object[i]);
	EXPECT_EQ(during, before + ARRAY_SIZE(object));
	EXPECT_EQ(slab_live_objects(), before);
}

struct held {
	u8 *object;
	size_t size;
	u8 fill;
};

static bool churn(struct rng *rng, unsigned int rounds)
{
	struct held *held = kcalloc(HOLD, sizeof(*held), GFP_KERNEL);
	bool ok = held != NULL;

	for (unsigned int i = 0; ok && i < rounds; i++) {
		struct held *h = &held[rng_below(rng, HOLD)];

		if (h->object) {
			ok = !memchr_inv(h->object, h->fill, h->size);
			kfree(h->object);
			h->object = NULL;
			continue;
		}
		h->size = 1 + rng_below(rng, 1ul << (3 + rng_below(rng, 11)));
		h->fill = rng_next(rng);
		h->object = kmalloc(h->size, GFP_KERNEL | __GFP_NOWARN);
		if (h->object)
			memset(h->object, h->fill, h->size);
	}
	for (unsigned int i = 0; held && i < HOLD; i++) {
		if (held[i].object)
			ok &= !memchr_inv(held[i].object, held[i].fill,
					  held[i].size);
		kfree(held[i].object);
	}
	kfree(held);
	return ok;
}

KTEST(slab, random_objects_are_nobody_elses)
{
	EXPECT(churn(ktest_rng(test), 4000));
	EXPECT(slab_verify());
}

static void churn_beside_others(struct team_worker *me)
{
	struct ktest *test = me->test;

	EXPECT(churn(&me->rng, 2000));
}

KTEST(slab, all_cpus_at_once_share_no_object)
{
	team_run(test, num_online_cpus(), 1, churn_beside_others, NULL);
	EXPECT(slab_verify());
}

/* Objects allocated on one CPU and freed on whichever takes them next. */
#define MAILBOXES 32

struct post {
	void *box[MAILBOXES];
	atomic_t failures;
};

static int post_thread(void *arg)
{
	struct post *post = arg;
	struct rng rng = rng_init((u64)current);

	for (unsigned int i = 0; i < 3000; i++) {
		u64 *mine = kmalloc(48, GFP_KERNEL);
		u64 *theirs;

		if (!mine)
			continue;
		mine[0] = (u64)mine;
		mine[5] = ~(u64)mine;
		theirs = xchg(&post->box[rng_below(&rng, MAILBOXES)], mine);
		if (!theirs)
			continue;
		if (theirs[0] != (u64)theirs || theirs[5] != ~(u64)theirs)
			atomic_inc(&post->failures);
		kfree(theirs);
	}
	return 0;
}

KTEST(slab, an_object_may_be_freed_on_another_cpu)
{
	struct post *post = kzalloc(sizeof(*post), GFP_KERNEL);
	struct task *task[NR_CPUS] = {NULL};
	unsigned int cpu;

	REQUIRE(post);
	for_each_online_cpu(cpu)
		task[cpu] =
			kthread_run_on(cpu, post_thread, post, "post/%u", cpu);
	for_each_online_cpu(cpu)
		if (!IS_ERR(task[cpu]))
			EXPECT_EQ(kthread_join(task[cpu]), 0);
	EXPECT_EQ(atomic_read(&post->failures), 0);
	for (unsigned int i = 0; i < MAILBOXES; i++)
		kfree(post->box[i]);
	kfree(post);
	EXPECT(slab_verify());
}

/*
 *	thread				interrupt
 *	amid the CPU's list: busy
 *					allocates, frees
 *	goes on with its list		(must be as it was)
 *
 * The mark is the thread's; what an interrupt would do is done while it stands.
 */
KTEST(slab, amid_the_list_of_a_cpu_objects_come_from_the_slabs_and_go_back_there)
{
	struct kmem_cache *cache = kmem_cache_create("amid", 100, 0, 0, NULL);
	struct kmem_cpu *cpu;
	void *kept, *object;
	u32 count;

	REQUIRE(cache);
	kept = kmem_cache_alloc(cache, GFP_KERNEL);
	preempt_disable();
	cpu = &cache->cpu[smp_processor_id()];
	count = cpu->count;
	cpu->busy = 1;
	object = kmem_cache_alloc(cache, GFP_ATOMIC);
	if (object)
		kmem_cache_free(cache, object);
	EXPECT_EQ(cpu->count, count);
	cpu->busy = 0;
	preempt_enable();
	EXPECT_NE(object, NULL);
	EXPECT_NE(object, kept);
	EXPECT(slab_verify());
	if (kept)
		kmem_cache_free(cache, kept);
	kmem_cache_destroy(cache);
}

KTEST(slab, a_cache_with_live_objects_is_not_destroyed)
{
	struct kmem_cache *cache = kmem_cache_create("lived in", 100, 0, 0, NULL);
	unsigned long pages;
	u64 *object;

	REQUIRE(cache);
	object = kmem_cache_zalloc(cache, GFP_KERNEL);
	REQUIRE(object);
	*object = 7;
	hear_begin();
	kmem_cache_destroy(cache);
	hear_end();
	EXPECT(heard("slab: cache lived in destroyed with 1 live objects"));
	EXPECT_EQ(*object, 7UL);
	EXPECT(slab_verify());
	pages = slab_pages();
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	EXPECT_LT(slab_pages(), pages);
}

/* A count has room for 64 places; what is of others is a number alone. */
KTEST(slab, a_count_by_place_that_is_full_counts_the_rest_together)
{
	const size_t bytes = 10;
	struct alloc_sites *sites = alloc_sites_new();

	REQUIRE(sites);
	for (unsigned long place = 1; place <= 66; place++)
		alloc_sites_add(sites, "test", (void *)place, bytes);
	alloc_sites_add(sites, "test", (void *)1UL, bytes);
	hear_begin();
	alloc_sites_print(sites);
	hear_end();
	EXPECT(heard("leak: 2 x test, 20 bytes, allocated by"));
	EXPECT(heard("leak: 2 pieces of further places"));
}

KTEST(slab, a_write_past_the_end_is_seen, KT_FLAGS(KT_NEEDS_DEBUG))
{
	/* Just past it, though the class is larger, and in the zone before. */
	static const int offset[] = {40, 63, 64, -1};
	volatile u8 *object = kmalloc(40, GFP_KERNEL);

	REQUIRE(object);
	EXPECT_EQ(ksize((void *)object), 40);
	for (unsigned int i = 0; i < ARRAY_SIZE(offset); i++) {
		u8 was = object[offset[i]];

		object[offset[i]] = was + 1;
		EXPECT(!slab_verify());
		object[offset[i]] = was;
		EXPECT(slab_verify());
	}
	kfree((void *)object);
}

KTEST(slab, an_address_leads_to_its_cache_and_owner)
{
	char line[200];
	u8 *object = kmalloc(300, GFP_KERNEL);

	REQUIRE(object);
	EXPECT(slab_describe((vaddr_t)object + 17, line, sizeof(line)));
	EXPECT(strstr(line, "kmalloc-512"));
	EXPECT(strstr(line, "+17"));
	kfree(object);
	EXPECT(!slab_describe((vaddr_t)line, line, sizeof(line)));
	EXPECT(!slab_describe(0, line, sizeof(line)));
}

KTEST(slab, no_memory_is_an_answer_and_leaves_nothing_behind,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	for (unsigned long nth = 1; nth < 6; nth++) {
		struct kmem_cache *cache;
		void *object = NULL;

		alloc_fail_nth(nth);
		cache = kmem_cache_create("failing", 3000, 0, 0, NULL);
		if (cache)
			object = kmem_cache_alloc(cache,
						  GFP_KERNEL | __GFP_NOWARN);
		alloc_fail_end();
		if (object)
			kmem_cache_free(cache, object);
		kmem_cache_destroy(cache);
	}
	EXPECT(slab_verify());
}
