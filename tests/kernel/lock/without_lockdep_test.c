// SPDX-License-Identifier: MIT
/*
 * tests/kernel/lock/without_lockdep_test.c - a kernel without the lock validator
 *
 * A call of the validator costs no byte and no instruction (R5.9).  That no
 * object of the kernel refers to it is seen in them: scripts/configs.py.
 */
#include <kernel/ktest.h>
#include <kernel/lock/lockdep.h>
#include <kernel/sched/mutex.h>
#include <kernel/lock/spinlock.h>

static_assert(sizeof(struct lockdep_map) == 0 &&
		      sizeof(struct lockdep_task) == 0 &&
		      sizeof(struct lock_class_key) == 0,
	      "what the validator keeps is nothing");
static_assert(sizeof(struct spinlock) == sizeof(struct raw_spinlock),
	      "a lock is its word and no more");

/* Counts each evaluation of an argument: a lock, a map, or anything else. */
static struct spinlock *__maybe_unused looked_for(struct spinlock *lock,
						  unsigned int *looks)
{
	++*looks;
	return lock;
}

static __maybe_unused struct lockdep_map *map_looked_for(unsigned int *looks)
{
	static struct lockdep_map map;

	++*looks;
	return &map;
}

static __maybe_unused struct lock_class_key *key_looked_for(unsigned int *looks)
{
	static struct lock_class_key key;

	++*looks;
	return &key;
}

static __maybe_unused unsigned int number_looked_for(unsigned int *looks)
{
	return ++*looks;
}

static __maybe_unused const char *name_looked_for(unsigned int *looks)
{
	++*looks;
	return "";
}

KTEST(without_lockdep, what_is_said_to_the_validator_is_not_even_evaluated,
      KT_RULES("R5.9"))
{
	static DEFINE_SPINLOCK(lock);
	unsigned int looks = 0;

	might_lock(looked_for(&lock, &looks));
	might_lock_read(looked_for(&lock, &looks));
	lockdep_assert_held(looked_for(&lock, &looks));
	lockdep_assert_held_write(looked_for(&lock, &looks));
	lockdep_assert_held_read(looked_for(&lock, &looks));
	lockdep_assert_not_held(looked_for(&lock, &looks));
	EXPECT(lockdep_is_held(looked_for(&lock, &looks)));
	lockdep_set_class(looked_for(&lock, &looks), name_looked_for(&looks));
	EXPECT_EQ(looks, 0U);
}

KTEST(without_lockdep, neither_are_maps_numbers_names_and_keys, KT_RULES("R5.9"))
{
	unsigned int looks = 0;

	lock_acquire(map_looked_for(&looks), number_looked_for(&looks),
		     number_looked_for(&looks));
	lock_acquire_at(map_looked_for(&looks), number_looked_for(&looks),
			number_looked_for(&looks), number_looked_for(&looks));
	lock_release(map_looked_for(&looks));
	lock_map_acquire(map_looked_for(&looks));
	lock_map_release(map_looked_for(&looks));
	lockdep_init_map(map_looked_for(&looks), name_looked_for(&looks),
			 number_looked_for(&looks));
	lockdep_init_map_key(map_looked_for(&looks), name_looked_for(&looks),
			     key_looked_for(&looks));
	EXPECT_EQ(looks, 0U);
}

/* Asked in an assertion, as is the use of it, it must not object. */
KTEST(without_lockdep, a_lock_that_nobody_took_counts_as_held)
{
	static DEFINE_SPINLOCK(lock);

	EXPECT(lockdep_is_held(&lock));
	EXPECT_EQ(lockdep_task_held_count(), 0U);
}

KTEST(without_lockdep, nothing_is_ever_reported, KT_RULES("R5.9"))
{
	char text[8] = "before";

	lockdep_expect_begin();
	non_block_start();
	might_sleep();
	non_block_end();
	EXPECT_EQ(lockdep_expect_end(text, sizeof(text)), 0U);
	EXPECT_STREQ(text, "");
	EXPECT_EQ(lockdep_report_count(), 0U);
}
