// SPDX-License-Identifier: MIT
/*
 * tests/lib/bitops_test.c - bits, masks of CPUs, and the least arithmetic
 */
#include <lib/atomic.h>
#include <lib/bitops.h>
#include <lib/cpumask.h>
#include <kernel/ktest.h>

KTEST(bitops, searching_agrees_with_looking_at_each_bit)
{
	struct rng *rng = ktest_rng(test);

	for (unsigned int round = 0; round < 200; round++) {
		unsigned long map[3] = {0, 0, 0};
		unsigned long size = 1 + rng_below(rng, 192), from, next;

		for (unsigned int i = rng_below(rng, 6); i; i--)
			__set_bit(rng_below(rng, 192), map);
		from = rng_below(rng, size);
		for (next = from; next < size && !test_bit(next, map); next++)
			;
		REQUIRE_EQ(find_next_bit(map, size, from), next);
		for (next = 0; next < size && test_bit(next, map); next++)
			;
		REQUIRE_EQ(find_first_zero_bit(map, size), next);
	}
}

KTEST(bitops, counting_and_logarithms)
{
	for (unsigned int i = 0; i < 64; i++) {
		EXPECT_EQ(hweight64(~0ULL >> i), 64 - i);
		EXPECT_EQ(__ffs(1UL << i | 1UL << 63), i);
		EXPECT_EQ(__fls(1UL << i | 1), i);
		EXPECT_EQ(ilog2(1UL << i), i);
		EXPECT_EQ(fls(1UL << i), i + 1);
	}
	EXPECT_EQ(fls(0), 0);
	EXPECT_EQ(hweight64(0), 0);
	EXPECT_EQ(roundup_pow_of_two(0), 1);
	EXPECT_EQ(roundup_pow_of_two(5), 8);
	EXPECT_EQ(roundup_pow_of_two(8), 8);
	EXPECT_EQ(ALIGN(13, 8), 16);
	EXPECT_EQ(ALIGN_DOWN(13, 8), 8);
	EXPECT_EQ(DIV_ROUND_UP(13, 8), 2);
	EXPECT_EQ(clamp(5, 7, 9), 7);
}

KTEST(bitops, test_and_change_return_what_was)
{
	unsigned long map[2] = {0, 0};

	EXPECT(!test_and_set_bit(70, map));
	EXPECT(test_and_set_bit(70, map));
	EXPECT_EQ(map[1], 1UL << 6);
	EXPECT(test_and_clear_bit(70, map));
	EXPECT(!test_and_clear_bit(70, map));
	set_bit(3, map);
	clear_bit(3, map);
	EXPECT_EQ(map[0], 0);
}

KTEST(bitops, walking_a_mask_visits_its_cpus_in_order)
{
	struct cpumask mask = {BIT(0) | BIT(5) | BIT(63)};
	unsigned int cpu, sum = 0, n = 0;

	for_each_cpu(cpu, &mask) {
		sum = sum * 100 + cpu;
		n++;
	}
	EXPECT_EQ(n, 3);
	EXPECT_EQ(sum, 563);
	EXPECT_EQ(cpumask_next(63, &mask), NR_CPUS);
	EXPECT_EQ(cpumask_first(&CPU_MASK_NONE), NR_CPUS);
	EXPECT_EQ(cpumask_weight(&mask), 3);
	EXPECT(cpumask_test_and_clear_cpu(5, &mask));
	EXPECT(!cpumask_test_cpu(5, &mask));
}

KTEST(bitops, atomics_return_what_their_names_say)
{
	atomic_t a = ATOMIC_INIT(5);
	atomic64_t b = ATOMIC_INIT(1);
	int old = 9;

	EXPECT_EQ(atomic_add_return(3, &a), 8);
	EXPECT_EQ(atomic_fetch_add(2, &a), 8);
	EXPECT_EQ(atomic_sub_return(1, &a), 9);
	EXPECT(atomic_try_cmpxchg(&a, &old, 1));
	EXPECT(!atomic_try_cmpxchg(&a, &old, 2));
	EXPECT_EQ(old, 1);
	EXPECT_EQ(atomic_fetch_or(6, &a), 1);
	EXPECT_EQ(atomic_fetch_and(3, &a), 7);
	EXPECT_EQ(atomic_xchg(&a, 1), 3);
	EXPECT(atomic_inc_not_zero(&a));
	EXPECT(!atomic_dec_and_test(&a));
	EXPECT(atomic_dec_and_test(&a));
	EXPECT(!atomic_inc_not_zero(&a));
	EXPECT(atomic64_add_negative(-2, &b));
	EXPECT(!atomic64_add_negative(1L << 40, &b));
	EXPECT_EQ(atomic64_read(&b), (1L << 40) - 1);
	EXPECT(!atomic64_add_unless(&b, 1, (1L << 40) - 1));
}
