/* SPDX-License-Identifier: MIT */
/*
 * random.h - repeatable pseudo-random numbers; not for secrets
 */
#ifndef LIB_RANDOM_H
#define LIB_RANDOM_H

#include <lib/types.h>

/** struct rng - a generator of its own; not locked */
struct rng {
	u64 state;
};

/** rng_init() - the generator that @seed names; every seed is fine */
static inline struct rng rng_init(u64 seed)
{
	return (struct rng){.state = seed};
}

/** rng_next() - 64 random bits: a counter, mixed until every bit depends */
static inline u64 rng_next(struct rng *rng)
{
	u64 z = (rng->state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/** rng_below() - a number in [0, @bound); @bound is not 0 */
static inline u64 rng_below(struct rng *rng, u64 bound)
{
	return (u64)(((unsigned __int128)rng_next(rng) * bound) >> 64);
}

#endif
