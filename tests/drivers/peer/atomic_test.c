// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/atomic_test.c - exclusive access, back and forth
 */
#include <arch/uaccess.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <mm/fault/fault.h>
#include <mm/fault/gup.h>
#include <mm/page/page.h>

#include "tests/ktest/team.h"
#include "arena.h"

KTEST(peer_atomic, grant_takes_the_page_and_a_touch_restores_it,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_translation found = {0};
	struct peer_arena arena;
	struct page *page;
	u64 done;

	if (!arena_open(test, &arena))
		return;
	cpu_write(&arena, arena.base, 40);
	EXPECT_EQ(device_add(arena.ctx, arena.base, 2, &done), 0);
	EXPECT_EQ(done, 2u);
	EXPECT_EQ(peer_query(arena.ctx, arena.base, &found), 0);
	EXPECT(found.exclusive);
	EXPECT(found.prot & PEER_MAP_ATOMIC);
	mmap_read_lock(arena.mm);
	page = follow_page(arena.mm, arena.base);
	mmap_read_unlock(arena.mm);
	EXPECT(!page);
	if (page)
		put_page(page);
	EXPECT_EQ(cpu_read(&arena, arena.base), 42u);
	EXPECT_EQ(peer_query(arena.ctx, arena.base, &found), -ENOENT);
	EXPECT_EQ(arena_stats(&arena).grants, 1u);
	EXPECT_EQ(arena_stats(&arena).replays, 1u);
	EXPECT_EQ(arena_stats(&arena).exclusive_dropped, 1u);
	arena_close(&arena);
}

struct operation {
	u32 op;
	u64 old;
	u64 operand;
	u64 compare;
	u64 new;
};

static const struct operation operations[] = {
	{PEER_OP_FETCH_ADD, 0xff, 1, 0, 0x100},
	{PEER_OP_FETCH_AND, 0x3c, 0x0f, 0, 0x0c},
	{PEER_OP_FETCH_OR, 0x30, 0x0f, 0, 0x3f},
	{PEER_OP_FETCH_XOR, 0x3c, 0x0f, 0, 0x33},
	{PEER_OP_SWAP, 0x12, 0x34, 0, 0x34},
	{PEER_OP_CAS, 0x12, 0x34, 0x12, 0x34},
	{PEER_OP_CAS, 0x12, 0x34, 0x13, 0x12},
	{PEER_OP_MIN, 0x12, 0x34, 0, 0x12},
	{PEER_OP_MIN, 0x12, 0x11, 0, 0x11},
	{PEER_OP_MAX, 0x12, 0x34, 0, 0x34},
	{PEER_OP_MAX, 0x12, 0x11, 0, 0x12},
};

KTEST(peer_atomic, every_operation_at_every_width_computes_what_it_says,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;
	unsigned int i, width;

	if (!arena_open(test, &arena))
		return;
	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		const struct operation *o = &operations[i];

		for (width = 1; width <= 8; width *= 2) {
			u64 mask = width == 8 ? ~0ull : (1ull << 8 * width) - 1;
			struct peer_work work = {.op = o->op,
						 .width = width,
						 .va = arena.base,
						 .operand = o->operand,
						 .compare = o->compare,
						 .count = 1,
						 .repeat = 1};

			/* The bytes behind the operand must stay. */
			cpu_write(&arena, arena.base, ~mask | o->old);
			EXPECT_EQ(peer_work_run(arena.ctx, &work, ARENA_NS), 0);
			EXPECT_EQ(work.value, o->old);
			EXPECT_EQ(cpu_read(&arena, arena.base),
				  ~mask | (o->new &mask));
		}
	}
	arena_close(&arena);
}

KTEST(peer_atomic, read_only_page_is_denied_to_an_atomic, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;
	u64 done;

	if (!arena_open(test, &arena))
		return;
	cpu_write(&arena, arena.base, 4);
	EXPECT_EQ(do_mprotect(arena.mm, arena.base, PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(device_add(arena.ctx, arena.base, 1, &done), -EFAULT);
	EXPECT_EQ(done, 0u);
	EXPECT_EQ(cpu_read(&arena, arena.base), 4u);
	arena_close(&arena);
}

struct lock_check {
	unsigned int unlocked;
	unsigned int seen;
};

static void look_at_lock(struct peer_context *ctx, vaddr_t va, void *arg)
{
	struct peer_translation table[ARENA_PAGES];
	struct lock_check *check = arg;
	unsigned int i, count;

	count = peer_context_translations(ctx, table, ARENA_PAGES);
	for (i = 0; i < count; i++) {
		if (table[i].va != va)
			continue;
		check->seen++;
		check->unlocked += !PageLocked(phys_to_page(table[i].pa));
	}
}

/*
 * R8.20, R8.24: the page lock is what makes a grant worth an access. The hook
 * is called when the replay has been reported.
 */
KTEST(peer_atomic, page_stays_locked_until_the_replay_is_reported,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R8.24"))
{
	struct lock_check check = {0};
	struct peer_hooks hooks = {.before_unlock = look_at_lock, .arg = &check};
	struct peer_arena arena;
	unsigned int page;
	u64 done;

	if (!arena_open(test, &arena))
		return;
	peer_context_hooks(arena.ctx, &hooks);
	for (page = 0; page < ARENA_PAGES; page++)
		EXPECT_EQ(device_add(arena.ctx, arena_page(&arena, page), 1,
				     &done),
			  0);
	/* The work is done a little before the hook is called for it. */
	KTEST_WAIT_FOR(test, READ_ONCE(check.seen) == ARENA_PAGES);
	EXPECT_EQ(check.unlocked, 0u);
	EXPECT_EQ(arena_stats(&arena).replay_timeouts, 0u);
	/* The grant is over: the CPU gets the page at once. */
	cpu_write(&arena, arena.base, 1);
	peer_context_hooks(arena.ctx, NULL);
	arena_close(&arena);
}

/* A word that CPUs add to until their team stops. */
struct adders {
	vaddr_t va;
	struct atomic64 added;
	struct atomic failures;
};

static void add_from_a_cpu(struct team_worker *me)
{
	struct adders *adders = me->arg;
	u64 old;

	while (team_goes_on(me)) {
		if (user_xadd64((u64 __user *)adders->va, 1, &old))
			atomic_inc(&adders->failures);
		else
			atomic64_inc(&adders->added);
	}
}

/* So many times a CPU must have waited for a page of the device. */
#define MEETINGS 5

static unsigned long faults_that_waited(void)
{
	struct fault_counters counters;

	fault_read_counters(&counters);
	return counters.waited;
}

static void add_from_the_device(struct peer_arena *arena, u64 *sum)
{
	struct ktest *test = arena->test;
	u64 done;

	EXPECT_EQ(device_add(arena->ctx, arena->base, 1, &done), 0);
	*sum += done;
}

/* One more; true when a CPU has met enough of them, or the test has failed. */
static bool add_until_met(struct peer_arena *arena, u64 *sum, unsigned long before)
{
	add_from_the_device(arena, sum);
	return faults_that_waited() - before >= MEETINGS ||
	       ktest_failed(arena->test);
}

/*
 * A CPU cannot restore the page before the device has made its access. So no grant
 * is revoked unused, however hard the CPUs try (the progress promise). A CPU that the
 * host keeps away may miss the first 200, which need no grant then.
 */
KTEST(peer_atomic, every_grant_is_worth_an_access, KT_FLAGS(KT_NEEDS_PEER),
      KT_RULES("R8.24"))
{
	struct adders *adders = ktest_alloc(test, sizeof(*adders));
	struct peer_arena *arena = arena_new(test);
	struct team *team = team_new(test);
	unsigned long before = faults_that_waited();
	struct peer_context_stats stats;
	unsigned int i;
	u64 sum = 0;

	REQUIRE(arena);
	adders->va = arena->base;
	team->mm = arena->mm;
	team_add(team, 1, TEAM_UNTIL_STOP, add_from_a_cpu, adders);
	team_go(team);
	for (i = 0; i < 200; i++)
		add_from_the_device(arena, &sum);
	KTEST_WAIT_FOR(test, add_until_met(arena, &sum, before));
	team_stop(team);
	EXPECT_EQ(atomic_read(&adders->failures), 0);
	EXPECT_EQ(cpu_read(arena, arena->base),
		  sum + (u64)atomic64_read(&adders->added));
	stats = arena_stats(arena);
	EXPECT_EQ(stats.revoked, 0u);
	EXPECT_EQ(stats.replays, stats.grants);
	EXPECT_GE(stats.grants, 1u);
}

static void change_neighbours(struct team_worker *me)
{
	struct peer_arena *arena = me->arg;
	vaddr_t va = arena_page(arena, 1);

	while (team_goes_on(me)) {
		if (do_munmap(arena->mm, va, 2 * PAGE_SIZE) ||
		    do_mmap(arena->mm, va, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE) <
			    0 ||
		    do_mprotect(arena->mm, va, PAGE_SIZE, PROT_READ))
			ktest_fail(arena->test, "a neighbour did not change");
	}
}

/* Both sides add in @rounds pieces of work. Return: the additions that are missing. */
static s64 contest(struct peer_arena *arena, unsigned int rounds,
		   enum peer_atomic_policy policy, u64 window_ns)
{
	struct adders adders = {.va = arena->base};
	struct team *team = team_new(arena->test);
	u64 done, sum = 0;

	peer_context_policy(arena->ctx, policy);
	peer_set_option(arena->peer, arena->ctx, PEER_OPT_RMW_WINDOW_NS,
			window_ns);
	team->mm = arena->mm;
	team_add(team, 1, TEAM_UNTIL_STOP, add_from_a_cpu, &adders);
	team_add(team, 1, TEAM_UNTIL_STOP, change_neighbours, arena);
	team_go(team);
	KTEST_WAIT_FOR(arena->test, atomic64_read(&adders.added) > 0);
	while (rounds--) {
		if (device_add(arena->ctx, arena->base, 1000, &done))
			ktest_fail(arena->test, "the device could not add");
		sum += done;
	}
	KTEST_WAIT_FOR(arena->test, atomic64_read(&adders.added) > 1000);
	ktest_cleanup_now(arena->test, team);
	sum += (u64)atomic64_read(&adders.added);
	return (s64)(sum - cpu_read(arena, arena->base));
}

KTEST(peer_atomic, with_exclusive_access_no_update_is_lost,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(contest(&arena, 20, PEER_ATOMIC_EXCLUSIVE, 200), 0);
	EXPECT_GE(arena_stats(&arena).exclusive_dropped, 1u);
	EXPECT_EQ(arena_stats(&arena).out_of_rounds, 0u);
	arena_close(&arena);
}

/*
 * The control of the one above: without it that one would prove nothing. On a
 * host that is busy enough the two may take turns by chance, so it may be tried
 * again.
 */
KTEST(peer_atomic, without_exclusive_access_updates_are_lost,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;
	unsigned int tries;
	s64 lost = 0;

	if (!arena_open(test, &arena))
		return;
	for (tries = 0; tries < 10 && !lost; tries++) {
		cpu_write(&arena, arena.base, 0);
		lost = contest(&arena, 20, PEER_ATOMIC_PLAIN, 2000);
	}
	EXPECT_GT(lost, 0);
	EXPECT_EQ(arena_stats(&arena).grants, 0u);
	arena_close(&arena);
}

KTEST(peer_atomic, two_contexts_take_the_page_from_each_other,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R8.26"))
{
	struct peer_translation found;
	struct peer_context *other;
	struct peer_arena arena;
	unsigned int i;
	u64 done;

	if (!arena_open(test, &arena))
		return;
	if (!peer_context_create(arena.peer, arena.mm, &other)) {
		for (i = 0; i < 10; i++) {
			EXPECT_EQ(device_add(arena.ctx, arena.base, 3, &done), 0);
			EXPECT_EQ(peer_query(other, arena.base, &found), -ENOENT);
			EXPECT_EQ(device_add(other, arena.base, 4, &done), 0);
			EXPECT_EQ(peer_query(arena.ctx, arena.base, &found),
				  -ENOENT);
		}
		EXPECT_EQ(cpu_read(&arena, arena.base), 70u);
		EXPECT_EQ(arena_stats(&arena).grants, 10u);
		peer_context_destroy(other);
	} else {
		ktest_fail(test, "no second context");
	}
	arena_close(&arena);
}

/*
 * The page goes away below a device that is adding to it: what it says it has
 * done is in the frame, and not one more.
 */
KTEST(peer_atomic, unmap_during_device_atomics_stops_them_exactly,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R8.25"))
{
	struct peer_arena arena;
	struct peer_work work;
	unsigned int page;

	if (!arena_open(test, &arena))
		return;
	for (page = 0; page < 4; page++) {
		vaddr_t va = arena_page(&arena, page);
		struct page *frame = NULL;
		u64 *word;

		cpu_write(&arena, va, 0);
		mmap_read_lock(arena.mm);
		frame = follow_page(arena.mm, va);
		mmap_read_unlock(arena.mm);
		if (!frame) {
			ktest_fail(test, "no frame was mapped");
			break;
		}
		word = page_address(frame);
		device_add_work(&work, va, 10000000);
		EXPECT_EQ(peer_work_submit(arena.ctx, &work), 0);
		KTEST_WAIT_FOR(test, READ_ONCE(*word) > 10);
		EXPECT_EQ(do_munmap(arena.mm, va, PAGE_SIZE), 0);
		EXPECT_EQ(arena_wait(&arena, &work), -EFAULT);
		EXPECT_EQ(READ_ONCE(*word), work.done);
		put_page(frame);
	}
	arena_close(&arena);
}
