// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/race_test.c - contexts, CPUs and an owner race for pages
 *
 * The real device in place of the mirrors of tests/mm/notifier/mirror_race_test.c.
 * Also work that is in flight when its context or the address space ends.
 *
 *	pages	kind		changed by		the word in the end
 *	0-2	kept		nothing			step(p) * count
 *	3-4	protected	mprotect: r, rw		step(p) * count
 *	5-7	volatile	dontneed, munmap, mmap	a multiple of step(p)
 */
#include <arch/uaccess.h>
#include <kernel/sched/sched.h>
#include <mm/fault/gup.h>
#include <mm/page/page.h>

#include "tests/ktest/team.h"
#include "arena.h"

#define KEPT     3
#define FIXED    5 /* kept and protected */
#define CONTEXTS 2
#define PHASES   2
#define ROUNDS   8

struct race {
	struct ktest *test;
	struct peer_arena *arena;
	struct peer_context *ctx[CONTEXTS];
	atomic64_t added[ARENA_PAGES];
	atomic_t denied;
	atomic_t changes; /* by the owner */
	struct peer_hooks hooks;
};

static u64 step_of(unsigned int page)
{
	return 1000003 + 2 * page;
}

static vaddr_t draw(struct race *race, struct rng *rng, unsigned int from,
		    unsigned int to, unsigned int *page)
{
	*page = from + (unsigned int)rng_below(rng, to - from);
	return arena_page(race->arena, *page);
}

static void judge(struct race *race, unsigned int page, int err)
{
	if (!err)
		return;
	atomic_inc(&race->denied);
	if (err != -EFAULT || page < KEPT)
		ktest_fail(race->test, "page %u was denied: %pE", page,
			   (void *)(long)err);
}

static void act_as_device(struct team_worker *me)
{
	struct race *race = me->arg;
	struct peer_context *ctx = race->ctx[me->number % CONTEXTS];
	unsigned int page;

	while (team_goes_on(me)) {
		struct peer_work work;
		u64 value;

		device_add_work(&work,
				draw(race, &me->rng, 0, ARENA_PAGES, &page),
				1 + rng_below(&me->rng, 50));
		work.operand = step_of(page);
		if (rng_below(&me->rng, 4) == 0) {
			judge(race, page, device_load(ctx, work.va, &value));
			continue;
		}
		judge(race, page, peer_work_run(ctx, &work, ARENA_NS));
		/* As many as the answer says, also after an error (D7.5). */
		atomic64_add((s64)work.done, &race->added[page]);
	}
}

static void act_as_program(struct team_worker *me)
{
	struct race *race = me->arg;
	unsigned int page;
	vaddr_t va;
	u64 old;
	int err;

	while (team_goes_on(me)) {
		va = draw(race, &me->rng, 0, ARENA_PAGES, &page);
		err = user_xadd64((u64 __user *)va, step_of(page), &old);
		judge(race, page, err);
		if (!err)
			atomic64_inc(&race->added[page]);
	}
}

/* While nothing is mapped at @va every request of the device is denied. */
static long make_a_hole(struct race *race, vaddr_t va)
{
	struct mm_struct *mm = race->arena->mm;
	struct ktest *test = race->test;
	struct peer_translation found;
	long err = do_munmap(mm, va, PAGE_SIZE);
	unsigned int i;

	/* A look-up that let us in installs now, if it is wrong enough to. */
	atomic_inc(&race->changes);
	for (i = 0; i < 10; i++)
		yield();
	for (i = 0; i < CONTEXTS; i++)
		EXPECT_EQ(peer_query(race->ctx[i], va, &found), -ENOENT);
	return err
		       ?: do_mmap(mm, va, PAGE_SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS |
					  MAP_FIXED_NOREPLACE);
}

static void act_as_owner(struct team_worker *me)
{
	struct race *race = me->arg;
	struct mm_struct *mm = race->arena->mm;
	const int rw = PROT_READ | PROT_WRITE;
	unsigned int page;
	vaddr_t va;
	long err;

	while (team_goes_on(me)) {
		switch (rng_below(&me->rng, 4)) {
		case 0:
			va = draw(race, &me->rng, KEPT, FIXED, &page);
			err = do_mprotect(mm, va, PAGE_SIZE, PROT_READ);
			break;
		case 1:
			va = draw(race, &me->rng, KEPT, FIXED, &page);
			err = do_mprotect(mm, va, PAGE_SIZE, rw);
			break;
		case 2:
			va = draw(race, &me->rng, FIXED, ARENA_PAGES, &page);
			err = madvise_dontneed(mm, va, PAGE_SIZE);
			break;
		default:
			va = draw(race, &me->rng, FIXED, ARENA_PAGES, &page);
			err = make_a_hole(race, va);
			break;
		}
		atomic_inc(&race->changes);
		if (err < 0)
			ktest_fail(race->test, "a change failed: %pE",
				   (void *)err);
	}
}

/* Compare the device's own translation with the CPU's entry. */
static void check_page(struct race *race, vaddr_t va)
{
	struct ktest *test = race->test;
	struct peer_translation found[CONTEXTS];
	bool has[CONTEXTS];
	struct page *page;
	unsigned int i;

	mmap_read_lock(race->arena->mm);
	page = follow_page(race->arena->mm, va);
	mmap_read_unlock(race->arena->mm);
	for (i = 0; i < CONTEXTS; i++) {
		has[i] = !peer_query(race->ctx[i], va, &found[i]);
		if (!has[i])
			continue;
		if (found[i].exclusive)
			EXPECT(!page);
		else
			EXPECT(page && page_to_phys(page) == found[i].pa);
	}
	if (has[0] && has[1])
		EXPECT(!found[0].exclusive && !found[1].exclusive);
	if (page)
		put_page(page);
}

static void check(struct race *race)
{
	struct ktest *test = race->test;
	struct peer_arena *arena = race->arena;
	unsigned int page;

	for (page = 0; page < ARENA_PAGES; page++)
		check_page(race, arena_page(arena, page));
	EXPECT_EQ(do_mprotect(arena->mm, arena_page(arena, KEPT),
			      (FIXED - KEPT) * PAGE_SIZE, PROT_READ | PROT_WRITE),
		  0);
	for (page = 0; page < ARENA_PAGES; page++) {
		u64 value = cpu_read(arena, arena_page(arena, page));
		u64 count = (u64)atomic64_read(&race->added[page]);

		EXPECT_EQ(value % step_of(page), 0u);
		if (page < FIXED)
			EXPECT_EQ(value / step_of(page), count);
		else
			EXPECT_LE(value / step_of(page), count);
	}
}

/* Between the look-up of a page and its installation the owner makes a change. */
static void let_owner_in(struct peer_context *ctx, vaddr_t va, void *arg)
{
	struct race *race = arg;
	int before = atomic_read(&race->changes);
	unsigned int i;

	/* It may be kept out, by the last rounds of this look-up (R4.24). */
	for (i = 0; i < 200 && atomic_read(&race->changes) == before; i++)
		yield();
}

static void destroy_context(void *arg)
{
	peer_context_destroy(arg);
}

KTEST(peer_race, contexts_cpus_and_an_owner_leave_nothing_stale_or_lost,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct race *race = ktest_alloc(test, sizeof(*race));
	struct team *team = team_new(test);
	unsigned int phase;

	race->test = test;
	race->arena = arena_new(test);
	REQUIRE(race->arena);
	race->ctx[0] = race->arena->ctx;
	REQUIRE_EQ(peer_context_create(race->arena->peer, race->arena->mm,
				       &race->ctx[1]),
		   0);
	ktest_cleanup(test, destroy_context, race->ctx[1]);
	race->hooks =
		(struct peer_hooks){.before_install = let_owner_in, .arg = race};
	peer_context_hooks(race->ctx[0], &race->hooks);
	peer_context_hooks(race->ctx[1], &race->hooks);
	team->mm = race->arena->mm;
	for (phase = 0; phase < PHASES && !ktest_failed(test); phase++) {
		team_add(team, 3, ROUNDS, act_as_device, race);
		team_add(team, 1, TEAM_UNTIL_STOP, act_as_program, race);
		team_add(team, 1, TEAM_UNTIL_STOP, act_as_owner, race);
		team_go(team);
		team_wait(team);
		check(race);
	}
	EXPECT_GT(atomic_read(&race->denied), 0);
	EXPECT(peer_alive(race->arena->peer));
}

/* Unmaps the third page of a copy while the second is looked up. */
static void unmap_the_third(struct peer_context *ctx, vaddr_t va, void *arg)
{
	struct peer_arena *arena = arg;
	struct ktest *test = arena->test;

	if (va == arena_page(arena, 5))
		EXPECT_EQ(do_munmap(arena->mm, arena_page(arena, 6), PAGE_SIZE),
			  0);
}

/*
 *	pages	0 1 2 3 4 5 6 7
 *	from	[-------]
 *	to		[---]   -	6 goes while 5 is looked up
 */
KTEST(peer_race, unmap_during_a_copy_ends_it_at_that_page,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);
	struct peer_hooks hooks = {.before_install = unmap_the_third,
				   .arg = arena};
	struct peer_work copy;
	unsigned int i;

	REQUIRE(arena);
	for (i = 0; i < 4; i++)
		cpu_write(arena, arena_page(arena, i), i + 1);
	peer_context_hooks(arena->ctx, &hooks);
	copy = (struct peer_work){.op = PEER_OP_COPY,
				  .va = arena_page(arena, 4),
				  .operand = arena->base,
				  .count = 4 * PAGE_SIZE,
				  .repeat = 1};
	EXPECT_EQ(peer_work_run(arena->ctx, &copy, ARENA_NS), -EFAULT);
	peer_context_hooks(arena->ctx, NULL);
	EXPECT_EQ(copy.done, 2 * PAGE_SIZE);
	EXPECT_EQ(copy.fault_va, arena_page(arena, 6));
	EXPECT_EQ(cpu_read(arena, arena_page(arena, 4)), 1u);
	EXPECT_EQ(cpu_read(arena, arena_page(arena, 5)), 2u);
	/* Behind the hole nothing was done. */
	EXPECT_EQ(cpu_read(arena, arena_page(arena, 7)), 0u);
}

static void destroy_by_worker(struct team_worker *me)
{
	peer_context_destroy(me->arg);
}

/* The frame of a page, with a reference; mapped for the CPU. */
static struct page *frame_of(struct peer_arena *arena, vaddr_t va)
{
	struct page *frame;

	mmap_read_lock(arena->mm);
	frame = follow_page(arena->mm, va);
	mmap_read_unlock(arena->mm);
	return frame;
}

/*
 *	device			destroy			DONTNEED
 *	access begins
 *	  (held)		CTX_DESTROY: taken,
 *				waits for the access
 *							start: must wait too
 *	store; access ends
 *				acknowledged
 *							frame is at rest
 */
KTEST(peer_race, change_during_a_destroy_waits_for_the_access_in_flight,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);
	struct team *team = team_new(test);
	struct peer_context *ctx;
	struct peer_work work;
	struct page *frame;
	u64 *word, seen;

	REQUIRE(arena);
	cpu_write(arena, arena->base, 0);
	frame = frame_of(arena, arena->base);
	REQUIRE(frame);
	word = page_address(frame);
	EXPECT_EQ(peer_context_create(arena->peer, arena->mm, &ctx), 0);
	EXPECT(arena_option(arena, ctx, PEER_OPT_TEST_STALL_NS,
			    200 * NSEC_PER_MSEC));
	device_add_work(&work, arena->base, 1000);
	EXPECT_EQ(peer_work_submit(ctx, &work), 0);
	/* The first add is in the frame: from here on another is in flight. */
	KTEST_WAIT_FOR(test, READ_ONCE(*word) > 0);
	team_add(team, 1, 1, destroy_by_worker, ctx);
	team_go(team);
	ktest_wait_blocked(test, team->worker[0].task);
	EXPECT_EQ(madvise_dontneed(arena->mm, arena->base, PAGE_SIZE), 0);
	seen = READ_ONCE(*word);
	team_wait(team);
	EXPECT_EQ(peer_work_wait(&work, ARENA_NS), -ECANCELED);
	EXPECT_EQ(READ_ONCE(*word), seen);
	EXPECT(peer_alive(arena->peer));
	put_page(frame);
}

/* Two workers: one is the exit of the address space, one the driver's close. */
static void end_one_side(struct team_worker *me)
{
	struct peer_arena *arena = me->arg;

	if (rng_below(&me->rng, 2))
		yield();
	if (me->number)
		mmput(arena->mm);
	else
		peer_context_destroy(arena->ctx);
}

/*
 *	device			exit			driver
 *	adds, or copies
 *				RELEASE: INVALIDATE	CTX_DESTROY
 *	acknowledges
 *				ends, once		ends, once
 *
 * A rest of either would be a leak of this test.
 */
KTEST(peer_race, exit_raced_by_destroy_ends_both_during_running_work,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = ktest_alloc(test, sizeof(*arena));
	struct team *team = team_new(test);
	struct peer_work add, copy;
	unsigned int round;
	int err;

	for (round = 0; round < 6; round++) {
		REQUIRE(arena_open(test, arena));
		kthread_unuse_mm(arena->mm);
		/* A microsecond each: it is not done before it is stopped. */
		EXPECT_EQ(peer_set_option(arena->peer, arena->ctx,
					  PEER_OPT_RMW_WINDOW_NS, 1000),
			  0);
		device_add_work(&add, arena->base, 10000000);
		copy = (struct peer_work){.op = PEER_OP_COPY,
					  .va = arena_page(arena, 4),
					  .operand = arena_page(arena, 1),
					  .count = 3 * PAGE_SIZE,
					  .repeat = 1};
		EXPECT_EQ(peer_work_submit(arena->ctx, &add), 0);
		KTEST_WAIT_FOR(test, arena_stats(arena).grants > 0);
		EXPECT_EQ(peer_work_submit(arena->ctx, &copy), 0);
		team_add(team, 2, 1, end_one_side, arena);
		team_go(team);
		team_wait(team);
		err = peer_work_wait(&add, ARENA_NS);
		EXPECT(err == -ECANCELED || err == -EFAULT);
		err = peer_work_wait(&copy, ARENA_NS);
		EXPECT(!err || err == -ECANCELED || err == -EFAULT);
		arena_forget(arena);
	}
	EXPECT(peer_alive(arena->peer));
}
