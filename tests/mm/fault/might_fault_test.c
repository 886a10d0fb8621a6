// SPDX-License-Identifier: MIT
/*
 * tests/mm/fault/might_fault_test.c - user copies where a fault could not be resolved
 *
 *	where			a fault would			reported as
 *	in a callback		take mmap_lock again		same class, or order
 *	mmap_lock held		take mmap_lock again		same class
 *	spinlock held		sleep				sleeping where
 *	pagefault_disable()	fail with -EFAULT		nothing
 *
 * The page is there in each case: nothing faults, and the report comes all the same.
 */
#include <kernel/lock/lockdep.h>
#include <kernel/pagefault.h>
#include "tests/mm/lib/sandbox.h"
#include "tests/mm/notifier/report_words.h"

static DEFINE_SPINLOCK(fault_spinlock);

static bool peek_in_a_section(u64 *value)
{
	int err;

	pagefault_disable();
	err = user_peek(AT(0), value);
	pagefault_enable();
	return !err;
}

static void peek_in_callback(struct sandbox *box, const struct seen_event *event)
{
	struct ktest *test = box->test;
	u64 value = 0;

	lockdep_expect_begin();
	EXPECT(peek_in_a_section(&value));
	EXPECT_NO_REPORT();
	lockdep_expect_begin();
	EXPECT_EQ(user_peek(AT(0), &value), 0);
	EXPECT_ONE_REPORT("same class", TAKES(MMAP_LOCK, "user_peek"));
	EXPECT_EQ(value, 7UL);
}

KTEST(might_fault, reading_user_memory_in_a_callback_is_reported,
      KT_FLAGS(KT_NEEDS_NOTIFIER))
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 7), 0);
	EXPECT_EQ(user_poke(AT(1), 7), 0);
	sandbox_forget(&box);
	box.hook = peek_in_callback;
	EXPECT_EQ(madvise_dontneed(box.mm, AT(1), PAGE_SIZE), 0);
	box.hook = NULL;
	EXPECT_EQ(box.nr, 1);
	sandbox_close(&box);
}

KTEST(might_fault, reading_user_memory_with_mmap_lock_held_is_reported)
{
	struct sandbox box;
	u64 value;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 7), 0);
	for (unsigned int i = 0; i < 2; i++) {
		lockdep_expect_begin();
		if (i)
			mmap_read_lock(box.mm);
		else
			mmap_write_lock(box.mm);
		EXPECT_EQ(user_peek(AT(0), &value), 0);
		EXPECT(peek_in_a_section(&value));
		if (i)
			mmap_read_unlock(box.mm);
		else
			mmap_write_unlock(box.mm);
		EXPECT_ONE_REPORT("same class", TAKES(MMAP_LOCK, "user_peek"));
	}
	sandbox_close(&box);
}

KTEST(might_fault, every_user_copy_under_a_spinlock_is_reported)
{
	struct sandbox box;
	u64 value = 0, old;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 7), 0);
	for (unsigned int i = 0; i < 7; i++) {
		lockdep_expect_begin();
		spin_lock(&fault_spinlock);
		switch (i) {
		case 0:
			EXPECT_EQ(user_peek(AT(0), &value), 0);
			break;
		case 1:
			EXPECT_EQ(user_poke(AT(0), 8), 0);
			break;
		case 2:
			EXPECT_EQ(copy_from_user(&value, user_ptr(AT(0)), 8),
				  0UL);
			break;
		case 3:
			EXPECT_EQ(copy_to_user(user_ptr(AT(0)), &value, 8), 0UL);
			break;
		case 4:
			EXPECT_EQ(clear_user(user_ptr(AT(0)), 8), 0UL);
			break;
		case 5:
			EXPECT_EQ(user_xadd64(user_ptr(AT(0)), 1, &old), 0);
			break;
		default:
			EXPECT_EQ(user_cmpxchg64(user_ptr(AT(0)), 1, 2, &old), 0);
		}
		spin_unlock(&fault_spinlock);
		EXPECT_ONE_REPORT("sleeping where", "fault_spinlock");
	}
	EXPECT_EQ(sandbox_read(&box, AT(0)), 2UL);
	sandbox_close(&box);
}

KTEST(might_fault, in_a_section_without_faults_a_missing_page_is_an_error)
{
	struct sandbox box;
	u64 value;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	lockdep_expect_begin();
	EXPECT(!pagefault_disabled());
	pagefault_disable();
	pagefault_disable();
	EXPECT(!peek_in_a_section(&value));
	pagefault_enable();
	EXPECT(pagefault_disabled());
	EXPECT_EQ(user_poke(AT(0), 1), -EFAULT);
	pagefault_enable();
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT(peek_in_a_section(&value));
	EXPECT_NO_REPORT();
	EXPECT_EQ(value, 1UL);
	sandbox_close(&box);
}
