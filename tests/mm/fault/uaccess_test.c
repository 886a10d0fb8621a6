// SPDX-License-Identifier: MIT
/*
 * tests/mm/fault/uaccess_test.c - user memory, from the kernel, with faults
 */
#include <arch/cpu.h>
#include <lib/cpumask.h>
#include <lib/string.h>
#include "tests/ktest/team.h"
#include "tests/mm/lib/sandbox.h"

KTEST(uaccess, a_copy_that_runs_into_a_hole_says_how_much_is_missing)
{
	struct sandbox box;
	u8 out[64];
	u8 in[64];
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	memset(out, 0x5a, sizeof(out));
	/* Every way to divide 64 bytes between the page and the hole. */
	for (i = 0; i <= 64; i++) {
		void __user *at = user_ptr(AT(1) - i);

		EXPECT_EQ(copy_to_user(at, out, 64), 64UL - i);
		memset(in, 0, sizeof(in));
		EXPECT_EQ(copy_from_user(in, at, 64), 64UL - i);
		EXPECT(!i || memcmp(in, out, i) == 0);
		EXPECT(i == 64 || in[i] == 0);
		EXPECT_EQ(clear_user(at, 64), 64UL - i);
	}
	EXPECT_EQ(sandbox_read(&box, AT(1) - 64), 0UL);
	sandbox_close(&box);
}

KTEST(uaccess, copies_cross_pages_and_start_anywhere)
{
	struct sandbox box;
	u8 out[100];
	u8 in[100];
	unsigned int i, at;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	for (i = 0; i < sizeof(out); i++)
		out[i] = i * 7 + 1;
	for (at = 0; at < 16; at++) {
		void __user *ptr = user_ptr(AT(1) - 50 + at);

		EXPECT_EQ(copy_to_user(ptr, out, 100 - at), 0UL);
		memset(in, 0, sizeof(in));
		EXPECT_EQ(copy_from_user(in, ptr, 100 - at), 0UL);
		EXPECT_EQ(memcmp(in, out, 100 - at), 0);
	}
	sandbox_close(&box);
}

KTEST(uaccess, kernel_addresses_are_refused_untouched)
{
	struct sandbox box;
	u64 secret = 42;
	u64 value = 7;
	u64 old = 9;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(get_user(value, (u64 __user *)&secret), -EFAULT);
	EXPECT_EQ(value, 0UL);
	EXPECT_EQ(put_user((u64)1, (u64 __user *)&secret), -EFAULT);
	EXPECT_EQ(copy_from_user(&value, (void __user *)&secret, 8), 8UL);
	EXPECT_EQ(copy_to_user((void __user *)&secret, &value, 8), 8UL);
	EXPECT_EQ(clear_user((void __user *)&secret, 8), 8UL);
	EXPECT_EQ(user_xadd64((u64 __user *)&secret, 1, &old), -EFAULT);
	EXPECT_EQ(user_cmpxchg64((u64 __user *)&secret, 42, 1, &old), -EFAULT);
	EXPECT_EQ(secret, 42UL);
	EXPECT_EQ(old, 9UL);
	EXPECT(!access_ok(user_ptr(USER_END - 4), 8));
	EXPECT(access_ok(user_ptr(USER_END - 8), 8));
	EXPECT(!access_ok(user_ptr(8), ~0UL));
	sandbox_close(&box);
}

KTEST(uaccess, words_of_every_size_come_back_as_they_went)
{
	struct sandbox box;
	u64 v64 = 0;
	u32 v32 = 0;
	u16 v16 = 0;
	u8 v8 = 0;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(put_user(0x1122334455667788UL, (u64 __user *)user_ptr(AT(0))),
		  0);
	EXPECT_EQ(get_user(v8, (u8 __user *)user_ptr(AT(0))), 0);
	EXPECT_EQ(get_user(v16, (u16 __user *)user_ptr(AT(0))), 0);
	EXPECT_EQ(get_user(v32, (u32 __user *)user_ptr(AT(0))), 0);
	EXPECT_EQ(get_user(v64, (u64 __user *)user_ptr(AT(0))), 0);
	EXPECT_EQ(v8, 0x88);
	EXPECT_EQ(v16, 0x7788);
	EXPECT_EQ(v32, 0x55667788U);
	EXPECT_EQ(v64, 0x1122334455667788UL);
	EXPECT_EQ(put_user(0xff, (u8 __user *)user_ptr(AT(0))), 0);
	EXPECT_EQ(put_user(0xeeee, (u16 __user *)user_ptr(AT(0) + 2)), 0);
	EXPECT_EQ(put_user(0xddddddddU, (u32 __user *)user_ptr(AT(0) + 4)), 0);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0xddddddddeeee77ffUL);
	sandbox_close(&box);
}

KTEST(uaccess, the_locked_operations_fault_and_restart)
{
	struct sandbox box;
	u64 old = 9;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_xadd64(user_ptr(AT(0)), 5, &old), 0);
	EXPECT_EQ(old, 0UL);
	EXPECT_EQ(user_xadd64(user_ptr(AT(0)), 2, &old), 0);
	EXPECT_EQ(old, 5UL);
	EXPECT_EQ(user_cmpxchg64(user_ptr(AT(0)), 7, 70, &old), 0);
	EXPECT_EQ(old, 7UL);
	EXPECT_EQ(user_cmpxchg64(user_ptr(AT(0)), 7, 80, &old), 0);
	EXPECT_EQ(old, 70UL);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 70UL);
	old = 9;
	EXPECT_EQ(user_xadd64(user_ptr(AT(1)), 1, &old), -EFAULT);
	EXPECT_EQ(user_cmpxchg64(user_ptr(AT(1)), 0, 1, &old), -EFAULT);
	EXPECT_EQ(old, 9UL);
	sandbox_close(&box);
}

#define ADDERS 4
#define ADDS   2000

static void add_words(struct team_worker *me)
{
	struct ktest *test = me->test;
	u64 old;

	while (team_goes_on(me))
		EXPECT_EQ(user_xadd64(user_ptr(AT(0)), 1, &old), 0);
}

KTEST(uaccess, locked_adds_of_all_cpus_add_up)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct team *team = team_new(test);

	sandbox_map(box, AT(0), 1);
	team->mm = box->mm;
	team_add(team, ADDERS, ADDS, add_words, NULL);
	team_go(team);
	team_wait(team);
	EXPECT_EQ(sandbox_read(box, AT(0)), (u64)ADDERS * ADDS);
}

KTEST(uaccess, the_guard_is_shut_after_every_access)
{
	struct sandbox box;
	u64 value;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(arch_read_flags() & EFLAGS_AC, 0UL);
	EXPECT_EQ(user_peek(AT(1), &value), -EFAULT);
	EXPECT_EQ(arch_read_flags() & EFLAGS_AC, 0UL);
	EXPECT_EQ(copy_from_user(&value, user_ptr(AT(1)), 8), 8UL);
	EXPECT_EQ(arch_read_flags() & EFLAGS_AC, 0UL);
	sandbox_close(&box);
}
