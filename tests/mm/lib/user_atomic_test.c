// SPDX-License-Identifier: MIT
/*
 * tests/mm/lib/user_atomic_test.c - each operation at each width, and all at once
 */
#include "tests/ktest/team.h"
#include "sandbox.h"
#include "user_atomic.h"

/* Words of every width at every place of eight bytes, and at their edge. */
KTEST(user_atomic, every_operation_at_every_width_leaves_the_bytes_beside_it)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct rng *rng = ktest_rng(test);
	unsigned int op, width, at;

	sandbox_map(box, BASE, 1);
	for (op = 0; op < USER_ATOMIC_OPS; op++) {
		for (width = 1; width <= 8; width *= 2) {
			for (at = 0; at < 8; at += width) {
				struct user_atomic atomic = {
					.op = op,
					.width = width,
					.operand = rng_next(rng),
					.compare = rng_next(rng),
				};
				u64 mask = user_atomic_mask(width) << 8 * at;
				u64 before = rng_next(rng), word, want;

				if (rng_below(rng, 2))
					atomic.compare = before >> 8 * at;
				EXPECT_EQ(user_poke(BASE, before), 0);
				EXPECT_EQ(user_atomic_at(BASE + at, &atomic), 0);
				word = (before & mask) >> 8 * at;
				EXPECT_EQ(atomic.old, word);
				want = user_atomic_result(&atomic, word);
				EXPECT_EQ(sandbox_read(box, BASE),
					  (before & ~mask) | want << 8 * at);
			}
		}
	}
}

/* The second way to compute what the test above expects. */
KTEST(user_atomic, results_are_those_of_the_operation_cut_to_the_width)
{
	static const struct {
		struct user_atomic atomic;
		u64 old, result;
	} cases[] = {
		{{USER_ATOMIC_ADD, 1, 0x1ff, 0, 0}, 0x01, 0x00},
		{{USER_ATOMIC_ADD, 8, ~0UL, 0, 0}, 1, 0},
		{{USER_ATOMIC_AND, 2, 0xff0f0f, 0, 0}, 0x1234, 0x0204},
		{{USER_ATOMIC_OR, 2, 0xff0f0f, 0, 0}, 0x1234, 0x1f3f},
		{{USER_ATOMIC_XOR, 2, 0xff0f0f, 0, 0}, 0x1234, 0x1d3b},
		{{USER_ATOMIC_SWAP, 4, 0x1122334455UL, 0, 0}, 7, 0x22334455},
		{{USER_ATOMIC_CAS, 1, 0x155, 0x107, 0}, 7, 0x55},
		{{USER_ATOMIC_CAS, 1, 0x155, 0x106, 0}, 7, 7},
		{{USER_ATOMIC_MIN, 1, 0x180, 0, 0}, 0x7f, 0x7f},
		{{USER_ATOMIC_MAX, 1, 0x180, 0, 0}, 0x7f, 0x80},
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_EQ(user_atomic_result(&cases[i].atomic, cases[i].old),
			  cases[i].result);
}

/*
 *	pages	0    1    2
 *		[rw] [r ] hole
 */
KTEST(user_atomic, what_may_not_be_written_faults_and_nothing_is_done)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	unsigned int op, width, page;

	sandbox_map(box, BASE, 2);
	EXPECT_EQ(user_poke(BASE + PAGE_SIZE, 5), 0);
	EXPECT_EQ(do_mprotect(box->mm, BASE + PAGE_SIZE, PAGE_SIZE, PROT_READ),
		  0);
	for (op = 0; op < USER_ATOMIC_OPS; op++) {
		for (width = 1; width <= 8; width *= 2) {
			for (page = 1; page <= 2; page++) {
				struct user_atomic atomic = {
					.op = op,
					.width = width,
					.operand = 3,
					.old = 77,
				};

				EXPECT_EQ(user_atomic_at(BASE + page * PAGE_SIZE,
							 &atomic),
					  -EFAULT);
				EXPECT_EQ(atomic.old, 77UL);
			}
		}
	}
	EXPECT_EQ(sandbox_read(box, BASE + PAGE_SIZE), 5UL);
}

#define ADDERS 4
#define ROUNDS 100
#define RUN    32 /* adds in a row, with little between them */

/* Where the word of each width lies: none shares a byte with another. */
static vaddr_t word_of(unsigned int width)
{
	return BASE + (width == 8 ? 8 : width);
}

static void add_at_all_widths(struct team_worker *me)
{
	unsigned int width, i;
	int err = 0;

	while (team_goes_on(me)) {
		for (width = 1; width <= 8; width *= 2) {
			struct user_atomic add = {.op = USER_ATOMIC_ADD,
						  .width = width,
						  .operand = 1};
			struct user_atomic flip = {.op = USER_ATOMIC_XOR,
						   .width = width,
						   .operand = 1};

			for (i = 0; i < RUN; i++)
				err |= user_atomic_at(word_of(width), &add);
			err |= user_atomic_at(word_of(width) + 16, &flip);
		}
	}
	if (err)
		ktest_fail(me->test, "an operation failed: %pE",
			   (void *)(long)err);
}

KTEST(user_atomic, threads_at_words_side_by_side_lose_no_update)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct team *team = team_new(test);
	unsigned int width;

	sandbox_map(box, BASE, 1);
	team->mm = box->mm;
	team_add(team, ADDERS, ROUNDS, add_at_all_widths, NULL);
	/* One more round, so that the last bit of the flips says something. */
	team_add(team, 1, 1, add_at_all_widths, NULL);
	team_go(team);
	team_wait(team);
	for (width = 1; width <= 8; width *= 2) {
		struct user_atomic read = {.op = USER_ATOMIC_OR, .width = width};

		EXPECT_EQ(user_atomic_at(word_of(width), &read), 0);
		EXPECT_EQ(read.old, (ADDERS * ROUNDS + 1) * RUN &
					    user_atomic_mask(width));
		EXPECT_EQ(user_atomic_at(word_of(width) + 16, &read), 0);
		EXPECT_EQ(read.old, 1UL);
	}
}
