/* SPDX-License-Identifier: MIT */
/*
 * bitops.h - bits in words and in arrays of words
 *
 * set_bit, set_bits, clear_bit and the test_and_ pair are atomic and full barriers;
 * the names with two underscores are for memory only one CPU changes.
 */
#ifndef LIB_BITOPS_H
#define LIB_BITOPS_H

#include <lib/compiler.h>
#include <arch/atomic.h>

#define BITS_PER_LONG    64
#define BITS_TO_LONGS(n) DIV_ROUND_UP(n, BITS_PER_LONG)

static __always_inline bool test_bit(unsigned long nr,
				     const volatile unsigned long *addr)
{
	return (addr[nr / BITS_PER_LONG] >> (nr % BITS_PER_LONG)) & 1;
}

static __always_inline void set_bit(unsigned long nr, volatile unsigned long *addr)
{
	arch_set_bit(nr, addr);
}

/** set_bits() - set all bits of @mask in one word, by one atomic instruction */
static __always_inline void set_bits(unsigned long mask,
				     volatile unsigned long *word)
{
	arch_atomic_op("or", "q", word, mask);
}

static __always_inline void clear_bit(unsigned long nr,
				      volatile unsigned long *addr)
{
	arch_clear_bit(nr, addr);
}

static __always_inline bool test_and_set_bit(unsigned long nr,
					     volatile unsigned long *addr)
{
	return arch_test_and_set_bit(nr, addr);
}

static __always_inline bool test_and_clear_bit(unsigned long nr,
					       volatile unsigned long *addr)
{
	return arch_test_and_clear_bit(nr, addr);
}

static __always_inline void __set_bit(unsigned long nr, unsigned long *addr)
{
	addr[nr / BITS_PER_LONG] |= 1UL << (nr % BITS_PER_LONG);
}

static __always_inline void __clear_bit(unsigned long nr, unsigned long *addr)
{
	addr[nr / BITS_PER_LONG] &= ~(1UL << (nr % BITS_PER_LONG));
}

/** __ffs() - number of the lowest set bit; @word must not be 0 */
static __always_inline unsigned int __ffs(unsigned long word)
{
	return (unsigned int)__builtin_ctzl(word);
}

/** __fls() - number of the highest set bit; @word must not be 0 */
static __always_inline unsigned int __fls(unsigned long word)
{
	return 63U - (unsigned int)__builtin_clzl(word);
}

/** fls() - 1 + number of the highest set bit, 0 for 0 */
static __always_inline unsigned int fls(unsigned long word)
{
	return word ? __fls(word) + 1 : 0;
}

/** ilog2() - floor of the binary logarithm; @n must not be 0 */
static __always_inline unsigned int ilog2(unsigned long n)
{
	return __fls(n);
}

/** roundup_pow_of_two() - the least power of two >= @n; 1 for 0 */
static __always_inline unsigned long roundup_pow_of_two(unsigned long n)
{
	return n <= 1 ? 1 : 1UL << fls(n - 1);
}

static __always_inline bool is_power_of_two(unsigned long n)
{
	return n && !(n & (n - 1));
}

/* Counted by halves: the baseline CPU has no popcnt, libgcc is not linked. */
static inline unsigned int hweight64(u64 w)
{
	w -= (w >> 1) & 0x5555555555555555ULL;
	w = (w & 0x3333333333333333ULL) + ((w >> 2) & 0x3333333333333333ULL);
	w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (unsigned int)((w * 0x0101010101010101ULL) >> 56);
}

/** find_next_bit() - first set bit at or after @from, @size when none */
static inline unsigned long find_next_bit(const unsigned long *addr,
					  unsigned long size, unsigned long from)
{
	unsigned long word;

	if (from >= size)
		return size;
	word = addr[from / BITS_PER_LONG] & (~0UL << (from % BITS_PER_LONG));
	from = ALIGN_DOWN(from, BITS_PER_LONG);
	while (!word) {
		from += BITS_PER_LONG;
		if (from >= size)
			return size;
		word = addr[from / BITS_PER_LONG];
	}
	return min(from + __ffs(word), size);
}

static inline unsigned long find_first_bit(const unsigned long *addr,
					   unsigned long size)
{
	return find_next_bit(addr, size, 0);
}

/** find_first_zero_bit() - first clear bit below @size, @size when none */
static inline unsigned long find_first_zero_bit(const unsigned long *addr,
						unsigned long size)
{
	unsigned long i;

	for (i = 0; i < size; i += BITS_PER_LONG) {
		unsigned long word = ~addr[i / BITS_PER_LONG];

		if (word)
			return min(i + __ffs(word), size);
	}
	return size;
}

#endif
