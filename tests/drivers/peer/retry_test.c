// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/retry_test.c - page requests that collide, and changes
 * that may not wait
 *
 * A hook runs between the look-up of a page and its installation. A change of the
 * page there must make the driver look again, and that must end.
 */
#include <arch/uaccess.h>
#include <kernel/sched/sched.h>
#include <mm/notifier/mmu_notifier.h>

#include "drivers/peer/internal.h"
#include "tests/ktest/team.h"
#include "arena.h"

/* Throws the page away below the first @times look-ups. */
struct nuisance {
	struct mm_struct *mm;
	unsigned int times;
	unsigned int done;
};

static void throw_page_away(struct peer_context *ctx, vaddr_t va, void *arg)
{
	struct nuisance *nuisance = arg;

	if (nuisance->done == nuisance->times)
		return;
	nuisance->done++;
	madvise_dontneed(nuisance->mm, va, PAGE_SIZE);
}

/*
 * Each failed attempt leaves the page exclusive; the next takes it over, which is
 * no event that could fail it in turn.
 */
KTEST(peer_retry, colliding_atomic_request_gets_through_in_the_end,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R4.24 R8.23 R8.25"))
{
	struct nuisance nuisance = {.times = 7};
	struct peer_hooks hooks = {.before_install = throw_page_away,
				   .arg = &nuisance};
	struct peer_arena arena;
	u64 done;

	if (!arena_open(test, &arena))
		return;
	nuisance.mm = arena.mm;
	cpu_write(&arena, arena.base, 100);
	peer_context_hooks(arena.ctx, &hooks);
	EXPECT_EQ(device_add(arena.ctx, arena.base, 3, &done), 0);
	EXPECT_EQ(arena_stats(&arena).retries_collision, 7u);
	EXPECT_EQ(arena_stats(&arena).grants, 1u);
	EXPECT_EQ(cpu_read(&arena, arena.base), 3u);
	peer_context_hooks(arena.ctx, NULL);
	arena_close(&arena);
}

KTEST(peer_retry, colliding_write_request_gets_through_in_the_end,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct nuisance nuisance = {.times = 7};
	struct peer_hooks hooks = {.before_install = throw_page_away,
				   .arg = &nuisance};
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	nuisance.mm = arena.mm;
	peer_context_hooks(arena.ctx, &hooks);
	EXPECT_EQ(device_store(arena.ctx, arena.base, 9), 0);
	EXPECT_EQ(arena_stats(&arena).retries_collision, 7u);
	EXPECT_EQ(cpu_read(&arena, arena.base), 9u);
	peer_context_hooks(arena.ctx, NULL);
	arena_close(&arena);
}

/* A thread that throws the page away whenever it is asked to. */
struct demon {
	struct ktest *test;
	struct task *task;
	struct mm_struct *mm;
	vaddr_t va;
	struct wait_queue_head wait;
	unsigned int asked;
	unsigned int done;
	u64 collisions; /* rounds before the exclusive one */
};

static int demon_thread(void *arg)
{
	struct demon *demon = arg;

	while (!kthread_should_stop()) {
		wait_event(&demon->wait, READ_ONCE(demon->asked) != demon->done ||
						 kthread_should_stop());
		if (kthread_should_stop())
			break;
		madvise_dontneed(demon->mm, demon->va, PAGE_SIZE);
		WRITE_ONCE(demon->done, demon->done + 1);
		wake_up_all(&demon->wait);
	}
	return 0;
}

/*
 * The demon is done, or sleeps because the request keeps changes out. When it wakes
 * it may discard the granted page before the device has used it. Then the device asks
 * again, and the demon does nothing more.
 */
static void ask_demon(struct peer_context *ctx, vaddr_t va, void *arg)
{
	struct demon *demon = arg;

	if (ctx->stats.grants)
		return;
	WRITE_ONCE(demon->asked, demon->asked + 1);
	wake_up_all(&demon->wait);
	if (demon->asked <= MMU_INTERVAL_ROUNDS_SHARED) {
		wait_event(&demon->wait, READ_ONCE(demon->done) == demon->asked);
		return;
	}
	demon->collisions = ctx->stats.retries_collision;
	ktest_wait_blocked(demon->test, demon->task);
}

/* Rounds 1 to 8 collide; in the ninth the demon waits for mmap_lock. */
KTEST(peer_retry, changes_without_end_do_not_keep_the_device_from_its_page,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R4.24 R8.23"))
{
	struct demon demon = {.test = test};
	struct peer_hooks hooks = {.before_install = ask_demon, .arg = &demon};
	struct peer_arena arena;
	u64 done;

	if (!arena_open(test, &arena))
		return;
	demon.mm = arena.mm;
	demon.va = arena.base;
	init_waitqueue_head(&demon.wait);
	demon.task = kthread_run(demon_thread, &demon, "test/demon");
	if (!IS_ERR(demon.task)) {
		peer_context_hooks(arena.ctx, &hooks);
		EXPECT_EQ(device_add(arena.ctx, arena.base, 1, &done), 0);
		EXPECT_EQ(arena_stats(&arena).out_of_rounds, 0u);
		EXPECT_EQ(demon.collisions, (u64)MMU_INTERVAL_ROUNDS_SHARED);
		EXPECT_EQ(demon.asked, MMU_INTERVAL_ROUNDS_SHARED + 1u);
		EXPECT_GE(arena_stats(&arena).grants, 1u);
		peer_context_hooks(arena.ctx, NULL);
		kthread_stop(demon.task);
	}
	arena_close(&arena);
}

/* The page thrown away just behind the look-up, by the demon. */
static void ask_demon_once(struct peer_context *ctx, vaddr_t va, void *arg)
{
	struct demon *demon = arg;

	if (demon->asked)
		return;
	WRITE_ONCE(demon->asked, 1);
	wake_up_all(&demon->wait);
	wait_event(&demon->wait, READ_ONCE(demon->done) == demon->asked);
}

/*
 *	page request			DONTNEED
 *	read_begin()
 *	look up: page p
 *					p thrown away, freed
 *	read_retry(): must		(a section that began after the look-up
 *					would not see the change, and install p)
 */
KTEST(peer_retry, a_change_just_behind_the_look_up_is_seen,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R4.24 R8.23"))
{
	struct demon demon = {.test = test};
	struct peer_hooks hooks = {.after_look_up = ask_demon_once,
				   .arg = &demon};
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	demon.mm = arena.mm;
	demon.va = arena.base;
	init_waitqueue_head(&demon.wait);
	demon.task = kthread_run(demon_thread, &demon, "test/demon");
	if (!IS_ERR(demon.task)) {
		peer_context_hooks(arena.ctx, &hooks);
		EXPECT_EQ(device_store(arena.ctx, arena.base, 9), 0);
		peer_context_hooks(arena.ctx, NULL);
		EXPECT_EQ(demon.done, 1U);
		EXPECT_EQ(arena_stats(&arena).retries_collision, 1u);
		EXPECT_EQ(cpu_read(&arena, arena.base), 9u);
		kthread_stop(demon.task);
	}
	arena_close(&arena);
}

/*
 * A look-up that must change the mapping does so before its section begins, so
 * that it does not collide with itself: for READ and WRITE as for ATOMIC.
 */
KTEST(peer_retry, a_page_that_another_context_has_is_given_without_a_collision,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R8.23"))
{
	struct peer_context *other;
	struct peer_arena arena;
	u64 done, value = 0;

	if (!arena_open(test, &arena))
		return;
	if (peer_context_create(arena.peer, arena.mm, &other)) {
		ktest_fail(test, "no second context");
		arena_close(&arena);
		return;
	}
	EXPECT_EQ(device_add(other, arena.base, 5, &done), 0);
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), 0);
	EXPECT_EQ(value, 5u);
	EXPECT_EQ(device_add(other, arena.base, 1, &done), 0);
	EXPECT_EQ(device_store(arena.ctx, arena.base, 9), 0);
	EXPECT_EQ(device_add(other, arena.base, 1, &done), 0);
	EXPECT_EQ(device_add(arena.ctx, arena.base, 1, &done), 0);
	EXPECT_EQ(arena_stats(&arena).retries_collision, 0u);
	EXPECT_EQ(arena_stats(&arena).retries_changed, 0u);
	peer_context_destroy(other);
	EXPECT_EQ(cpu_read(&arena, arena.base), 11u);
	arena_close(&arena);
}

KTEST(peer_retry, a_page_that_a_cpu_has_read_is_given_without_a_collision,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R8.23"))
{
	struct peer_arena arena;
	u64 done;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(cpu_read(&arena, arena.base), 0u);
	EXPECT_EQ(device_store(arena.ctx, arena.base, 9), 0);
	EXPECT_EQ(cpu_read(&arena, arena_page(&arena, 1)), 0u);
	EXPECT_EQ(device_add(arena.ctx, arena_page(&arena, 1), 1, &done), 0);
	EXPECT_EQ(arena_stats(&arena).retries_collision, 0u);
	EXPECT_EQ(arena_stats(&arena).retries_changed, 0u);
	arena_close(&arena);
}

/* A change that nothing keeps out: its range starts without mmap_lock. */
static void raise_without_a_lock(struct peer_context *ctx, vaddr_t va, void *arg)
{
	struct nuisance *nuisance = arg;
	struct mmu_notifier_range range;

	nuisance->done++;
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, NULL, nuisance->mm,
				va, va + PAGE_SIZE);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
}

KTEST(peer_retry, endless_collisions_end_in_a_denial, KT_FLAGS(KT_NEEDS_PEER),
      KT_RULES("R4.24 R8.23"))
{
	struct nuisance nuisance = {.done = 0};
	struct peer_hooks hooks = {.before_install = raise_without_a_lock,
				   .arg = &nuisance};
	struct peer_arena arena;
	u64 done;

	if (!arena_open(test, &arena))
		return;
	nuisance.mm = arena.mm;
	peer_context_hooks(arena.ctx, &hooks);
	EXPECT_EQ(device_store(arena.ctx, arena.base, 9), -EFAULT);
	EXPECT_EQ(nuisance.done, (unsigned int)MMU_INTERVAL_ROUNDS_ALL);
	EXPECT_EQ(arena_stats(&arena).out_of_rounds, 1u);
	EXPECT_EQ(arena_stats(&arena).retries_collision, nuisance.done);
	EXPECT_EQ(arena_stats(&arena).grants, 0u);
	peer_context_hooks(arena.ctx, NULL);
	EXPECT_EQ(device_add(arena.ctx, arena.base, 1, &done), 0);
	arena_close(&arena);
}

/* One start that may not sleep, over one page; and its end if it succeeded. */
static int try_change(struct peer_arena *arena, vaddr_t va)
{
	struct mmu_notifier_range range;
	int err;

	mmap_read_lock(arena->mm);
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, NULL, arena->mm,
				va, va + PAGE_SIZE);
	err = mmu_notifier_invalidate_range_start_nonblock(&range);
	if (!err)
		mmu_notifier_invalidate_range_end(&range);
	mmap_read_unlock(arena->mm);
	return err;
}

static void change_bytes(struct peer_arena *arena, vaddr_t start, vaddr_t end)
{
	struct mmu_notifier_range range;

	mmap_read_lock(arena->mm);
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, NULL, arena->mm,
				start, end);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	mmap_read_unlock(arena->mm);
}

KTEST(peer_retry, change_that_may_not_sleep_is_refused_if_the_device_is_there,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_translation found;
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_store(arena.ctx, arena.base, 1), 0);
	EXPECT_EQ(try_change(&arena, arena.base), -EAGAIN);
	EXPECT_EQ(peer_query(arena.ctx, arena.base, &found), 0);
	EXPECT_EQ(try_change(&arena, arena_page(&arena, 1)), 0);
	EXPECT_EQ(arena_stats(&arena).callbacks_refused, 1u);
	EXPECT_EQ(arena_stats(&arena).invalidations, 0u);
	/* Nothing was left half done. */
	EXPECT_EQ(do_munmap(arena.mm, arena.base, PAGE_SIZE), 0);
	EXPECT_EQ(peer_query(arena.ctx, arena.base, &found), -ENOENT);
	arena_close(&arena);
}

/*
 *	bytes of page 0		[0x800, 0x900)
 *	and of pages 1, 2	[0x1ff8, 0x2001)
 */
KTEST(peer_retry, a_range_of_bytes_takes_each_page_that_it_touches,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R1.1"))
{
	struct peer_arena *arena = arena_new(test);
	struct peer_translation found;
	unsigned int i;

	REQUIRE(arena);
	for (i = 0; i < 4; i++)
		REQUIRE_EQ(device_store(arena->ctx, arena_page(arena, i), 1), 0);
	change_bytes(arena, arena->base + 0x800, arena->base + 0x900);
	EXPECT_EQ(peer_query(arena->ctx, arena_page(arena, 0), &found), -ENOENT);
	EXPECT_EQ(peer_query(arena->ctx, arena_page(arena, 1), &found), 0);
	change_bytes(arena, arena_page(arena, 2) - 8, arena_page(arena, 2) + 1);
	EXPECT_EQ(peer_query(arena->ctx, arena_page(arena, 1), &found), -ENOENT);
	EXPECT_EQ(peer_query(arena->ctx, arena_page(arena, 2), &found), -ENOENT);
	EXPECT_EQ(peer_query(arena->ctx, arena_page(arena, 3), &found), 0);
	EXPECT_EQ(arena_stats(arena).translations_dropped, 3u);
	EXPECT(peer_alive(arena->peer));
}

struct lock_holder {
	struct peer_arena arena;
	struct ktest_step step;
};

static void hold_the_lock(struct team_worker *me)
{
	struct lock_holder *this = me->arg;

	mutex_lock(&this->arena.ctx->lock);
	step_signal(&this->step, 1);
	step_wait(&this->step, 2);
	mutex_unlock(&this->arena.ctx->lock);
}

/* The range concerns no page of the device, but the callback cannot look. */
KTEST(peer_retry, change_that_may_not_sleep_is_refused_if_the_lock_is_taken,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct lock_holder *this = ktest_alloc(test, sizeof(*this));
	struct team *team = team_new(test);

	if (!arena_open(test, &this->arena))
		return;
	step_init(&this->step, test);
	team_add(team, 1, 1, hold_the_lock, this);
	team_go(team);
	step_wait(&this->step, 1);
	EXPECT_EQ(try_change(&this->arena, this->arena.base), -EAGAIN);
	step_signal(&this->step, 2);
	team_wait(team);
	EXPECT_EQ(arena_stats(&this->arena).callbacks_refused, 1u);
	EXPECT_EQ(arena_stats(&this->arena).callbacks, 0u);
	EXPECT_EQ(try_change(&this->arena, this->arena.base), 0);
	EXPECT_EQ(arena_stats(&this->arena).callbacks, 1u);
	arena_close(&this->arena);
}

KTEST(peer_retry, full_table_evicts_and_the_device_asks_again,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;
	unsigned int round, page;
	u64 value;

	if (!arena_open(test, &arena))
		return;
	mutex_lock(&arena.ctx->lock);
	arena.ctx->table.size = 3;
	mutex_unlock(&arena.ctx->lock);
	for (round = 0; round < 3; round++) {
		for (page = 0; page < ARENA_PAGES; page++) {
			vaddr_t va = arena_page(&arena, page);

			EXPECT_EQ(device_store(arena.ctx, va, page + round), 0);
			EXPECT_EQ(device_load(arena.ctx, va, &value), 0);
			EXPECT_EQ(value, page + round);
		}
	}
	EXPECT_GE(arena_stats(&arena).evicted, 3u * ARENA_PAGES - 6);
	EXPECT_LE(peer_context_translations(arena.ctx, NULL, 0), 3u);
	for (page = 0; page < ARENA_PAGES; page++)
		EXPECT_EQ(cpu_read(&arena, arena_page(&arena, page)), page + 2);
	arena_close(&arena);
}
