/* SPDX-License-Identifier: MIT */
/*
 * kernel/ktest.h - tests that run inside the kernel
 *
 * A test is a sentence and a body:
 *
 *	KTEST(mmu_interval, overlap_by_one_page_invalidates_and_forces_retry)
 *	{
 *		REQUIRE_EQ(mmu_interval_notifier_insert(...), 0);
 *		...
 *		EXPECT_EQ(calls, 1);
 *	}
 *
 * The body runs in a kernel thread of its own, may sleep, and sees one
 * argument: `test`.  It passes when no expectation failed, it gave back all
 * it took (frames, slab objects, locks, tasks, subscriptions), no report was
 * printed that it had not announced, and it was done before its deadline.
 * The runner (tests/ktest/) prints KTAP on the serial line.
 *
 * EXPECT_x notes a failure and goes on; REQUIRE_x notes it and returns from
 * the function it stands in, so it may only stand in a void function and only
 * where all that is left to undo is registered with ktest_cleanup().  Both may
 * be used from any context, and from helper threads that were handed `test`.
 *
 * An interleaving is forced with a struct ktest_step, never with a sleep: it
 * is a number that only grows.  One side announces that it has come to n with
 * step_signal(), the other waits for it with step_wait().
 */
#ifndef KERNEL_KTEST_H
#define KERNEL_KTEST_H

#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/atomic.h>
#include <lib/random.h>

struct task;
struct ktest;

/** Flags of a test, for KT_FLAGS(). */
enum ktest_flags {
	/** Skipped, by name, when no peer device answers. */
	KT_NEEDS_PEER = 1 << 0,
	/**
	 * Prints at least one report (WARN, lock validator) on purpose; it
	 * fails when none came.  Without the flag any report fails the test.
	 */
	KT_EXPECT_REPORT = 1 << 1,
	/** Gets six times the usual deadline. */
	KT_SLOW = 1 << 2,
	/** Skipped, by name, when only one CPU is online. */
	KT_NEEDS_SMP = 1 << 3,
	/**
	 * May end with other counts than it began with (frames in per-CPU
	 * lists of a cache made on first use, say): the runner compares locks
	 * and contexts, but not memory.  State the reason above the test.
	 */
	KT_KEEPS_MEMORY = 1 << 4,
	/**
	 * Not chosen by a pattern with a wildcard, only by its whole name in
	 * the list: for tests of the runner that must fail or hang.
	 */
	KT_BY_NAME_ONLY = 1 << 5,
	/** Skipped, by name, in a kernel without notifiers. */
	KT_NEEDS_NOTIFIER = 1 << 6,
	/** Skipped, by name, in a kernel without assertions and poison. */
	KT_NEEDS_DEBUG = 1 << 7,
	/** Skipped, by name, in a kernel without the lock validator. */
	KT_NEEDS_LOCKDEP = 1 << 8,
	/** Skipped, by name, in a kernel without exclusive access. */
	KT_NEEDS_DEVICE_PRIVATE = 1 << 9,
	/**
	 * Ends a device's life for good, on purpose. Without the flag a device
	 * that dies ends the boot and fails the run.
	 */
	KT_ENDS_PEER = 1 << 10,
	/**
	 * Skipped, by name, without a disk whose serial number is KTEST_DISK. Its
	 * content is the test's to overwrite; no other disk is written.
	 */
	KT_NEEDS_DISK = 1 << 11,
};

/** KTEST_DISK - the serial number of the disk that tests may overwrite */
#define KTEST_DISK "scratch"

/**
 * KTEST_SLOWER - how many times slower than the build `test` this build runs
 *
 * SLOWER_ in options.mk, by the Makefile. The runner's limits are so many times longer.
 * A test that states how soon something happens multiplies the time that it allows for
 * slowness, and leaves a limit of the product as it is.
 */
#ifndef KTEST_SLOWER
#define KTEST_SLOWER 1
#endif

/** A registered test; KTEST() fills it in, the runner reads it. */
struct ktest_case {
	const char *suite;
	const char *name;
	const char *file;
	unsigned int line;
	unsigned int flags;
	void (*fn)(struct ktest *test);
	const char *rules; /* NULL, or numbers of docs/semantics.md */
};

/** The most clean-ups that are registered at one time. */
#define KTEST_CLEANUPS 32

/** struct ktest_cleanup - a call that undoes something; see ktest_cleanup() */
struct ktest_cleanup {
	void (*fn)(void *arg);
	void *arg;
};

/**
 * struct ktest - one run of one test
 * @tcase: what runs
 * @seed: what @rng began with; printed when the test fails
 * @rng: see ktest_rng()
 * @began: rdtsc() when it began; its trace records are not older
 * @failures: expectations that did not hold
 * @skip_reason: NULL, or why the test did not apply
 * @cleanup: calls to make when the body has ended, the oldest first
 * @nr_cleanups: how many there are
 *
 * @failures is atomic: any thread of the test may count one.  The others
 * belong to the thread that runs the body.
 */
struct ktest {
	const struct ktest_case *tcase;
	u64 seed;
	struct rng rng;
	u64 began;
	atomic_t failures;
	const char *skip_reason;
	struct ktest_cleanup cleanup[KTEST_CLEANUPS];
	unsigned int nr_cleanups;
};

/** Needs of a test, and how it is run; for KTEST(). */
#define KT_FLAGS(flags_) .flags = (flags_)

/** The rules of docs/semantics.md that a test states: "R4.9 R4.10"; for KTEST(). */
#define KT_RULES(rules_) .rules = (rules_)

/**
 * KTEST() - define and register a test
 * @suite_: the source it is about, without directory and `_test`
 * @name_: a sentence: what holds
 * @...: KT_FLAGS(), KT_RULES(), or both
 */
#define KTEST(suite_, name_, ...)                                  \
	static void ktest_##suite_##__##name_(struct ktest *test); \
	static const struct ktest_case __used __aligned(8)         \
		__section(".ktest." #suite_ "." #name_)            \
			ktest_case_##suite_##__##name_ = {         \
				.suite = #suite_,                  \
				.name = #name_,                    \
				.file = __FILE__,                  \
				.line = __LINE__,                  \
				.fn = ktest_##suite_##__##name_,   \
				__VA_ARGS__};                      \
	static void ktest_##suite_##__##name_(struct ktest *test)

/** How two values are compared; internal to the EXPECT macros. */
enum ktest_op {
	KTEST_OP_TRUE,
	KTEST_OP_EQ,
	KTEST_OP_NE,
	KTEST_OP_LT,
	KTEST_OP_LE,
	KTEST_OP_GT,
	KTEST_OP_GE,
	KTEST_OP_STREQ,
};

/** Where an expectation stands and what it says; internal to the macros. */
struct ktest_site {
	const char *file;
	unsigned int line;
	enum ktest_op op;
	bool is_signed;
	const char *left;
	const char *right;
};

bool ktest_holds(const struct ktest_site *site, unsigned long left,
		 unsigned long right);
bool ktest_report(struct ktest *test, const struct ktest_site *site,
		  unsigned long left, unsigned long right, const char *why, ...)
	__printf(5, 6);

#define KTEST_SITE(op_, signed_, left_, right_)        \
	static const struct ktest_site ktest_site_ = { \
		.file = __FILE__,                      \
		.line = __LINE__,                      \
		.op = (op_),                           \
		.is_signed = (signed_),                \
		.left = left_,                         \
		.right = right_,                       \
	}

/* The reason is evaluated after both sides, and only for a failure. */
#define KTEST_CHECK(left_, right_, ...)                                     \
	unsigned long ktest_left_ = (unsigned long)(left_);                 \
	unsigned long ktest_right_ = (unsigned long)(right_);               \
	ktest_holds(&ktest_site_, ktest_left_, ktest_right_) ||             \
		ktest_report(test, &ktest_site_, ktest_left_, ktest_right_, \
			     " " __VA_ARGS__)

/*
 * The texts are made by the macros that a test names: an argument that is handed
 * on is expanded, and READ_ONCE(x) would be shown as what it is made of.
 *
 * Pointers and integers alike: a cast to unsigned long keeps equality.
 */
#define KTEST_CHECK_EQUAL(op_, a_, a_text_, b_, b_text_, ...) \
	({                                                    \
		KTEST_SITE(op_, true, a_text_, b_text_);      \
		KTEST_CHECK(a_, b_, __VA_ARGS__);             \
	})

/* Order is that of the common type of both, as C compares them. */
#define KTEST_CHECK_ORDER(op_, a_, a_text_, b_, b_text_, ...)             \
	({                                                                \
		KTEST_SITE(op_, (__typeof__((a_) + (b_)))-1 < 1, a_text_, \
			   b_text_);                                      \
		KTEST_CHECK(a_, b_, __VA_ARGS__);                         \
	})

#define KTEST_CHECK_TRUE(cond_, text_, ...)                  \
	({                                                   \
		KTEST_SITE(KTEST_OP_TRUE, false, text_, ""); \
		KTEST_CHECK(!!(cond_), 0, __VA_ARGS__);      \
	})

#define KTEST_CHECK_STREQ(a_, a_text_, b_, b_text_, ...)             \
	({                                                           \
		KTEST_SITE(KTEST_OP_STREQ, false, a_text_, b_text_); \
		KTEST_CHECK((const char *)(a_), (const char *)(b_),  \
			    __VA_ARGS__);                            \
	})

/*
 * After both sides each of these takes, if the writer likes, a reason: a
 * printf format (a literal) with its values, printed when the test fails.
 *
 *	EXPECT_EQ(calls, 1, "after %u ranges", ranges);
 */
#define EXPECT(cond, ...) ((void)KTEST_CHECK_TRUE(cond, #cond, __VA_ARGS__))
#define EXPECT_EQ(a, b, ...) \
	((void)KTEST_CHECK_EQUAL(KTEST_OP_EQ, a, #a, b, #b, __VA_ARGS__))
#define EXPECT_NE(a, b, ...) \
	((void)KTEST_CHECK_EQUAL(KTEST_OP_NE, a, #a, b, #b, __VA_ARGS__))
#define EXPECT_LT(a, b, ...) \
	((void)KTEST_CHECK_ORDER(KTEST_OP_LT, a, #a, b, #b, __VA_ARGS__))
#define EXPECT_LE(a, b, ...) \
	((void)KTEST_CHECK_ORDER(KTEST_OP_LE, a, #a, b, #b, __VA_ARGS__))
#define EXPECT_GT(a, b, ...) \
	((void)KTEST_CHECK_ORDER(KTEST_OP_GT, a, #a, b, #b, __VA_ARGS__))
#define EXPECT_GE(a, b, ...) \
	((void)KTEST_CHECK_ORDER(KTEST_OP_GE, a, #a, b, #b, __VA_ARGS__))
#define EXPECT_STREQ(a, b, ...) \
	((void)KTEST_CHECK_STREQ(a, #a, b, #b, __VA_ARGS__))

#define KTEST_RETURN_UNLESS(check) \
	do {                       \
		if (!(check))      \
			return;    \
	} while (0)

#define REQUIRE(cond, ...) \
	KTEST_RETURN_UNLESS(KTEST_CHECK_TRUE(cond, #cond, __VA_ARGS__))
#define REQUIRE_EQ(a, b, ...) \
	KTEST_RETURN_UNLESS(  \
		KTEST_CHECK_EQUAL(KTEST_OP_EQ, a, #a, b, #b, __VA_ARGS__))
#define REQUIRE_NE(a, b, ...) \
	KTEST_RETURN_UNLESS(  \
		KTEST_CHECK_EQUAL(KTEST_OP_NE, a, #a, b, #b, __VA_ARGS__))
#define REQUIRE_LT(a, b, ...) \
	KTEST_RETURN_UNLESS(  \
		KTEST_CHECK_ORDER(KTEST_OP_LT, a, #a, b, #b, __VA_ARGS__))
#define REQUIRE_GE(a, b, ...) \
	KTEST_RETURN_UNLESS(  \
		KTEST_CHECK_ORDER(KTEST_OP_GE, a, #a, b, #b, __VA_ARGS__))

/**
 * ktest_fail() - note a failure in words of one's own
 * @test: the running test
 * @fmt: one line, without the newline
 *
 * Context: any.
 */
void ktest_fail(struct ktest *test, const char *fmt, ...) __printf(2, 3);

/**
 * ktest_note() - print a line beside the test's result (`# ...`)
 * @fmt: one line, without the newline
 *
 * Context: any.
 */
void ktest_note(const char *fmt, ...) __printf(1, 2);

/**
 * ktest_skip() - say that the test does not apply here
 * @test: the running test
 * @why: a literal; printed after `# SKIP`
 *
 * The caller returns afterwards.  A failure noted before or after wins.
 */
static inline void ktest_skip(struct ktest *test, const char *why)
{
	test->skip_reason = why;
}

/**
 * ktest_cleanup() - have something undone when the test's body has ended
 * @test: the running test
 * @fn: called once, with @arg
 * @arg: must outlive the body: static, or from ktest_alloc()
 *
 * The runner makes these calls in reverse order of registration, however the
 * body ended: by its last line, or by a REQUIRE that failed.  They count
 * against the test's deadline, and an expectation that fails in one of them
 * fails the test.
 *
 * Context: the thread of the body, in a clean-up too.
 */
void ktest_cleanup(struct ktest *test, void (*fn)(void *arg), void *arg);

/**
 * ktest_cleanup_now() - undo one thing before the body ends
 * @test: the running test
 * @arg: as registered; of several clean-ups the newest with it is called
 *
 * For a test about the undoing itself.  It fails where no clean-up has @arg.
 * Context: as ktest_cleanup().
 */
void ktest_cleanup_now(struct ktest *test, const void *arg);

/**
 * ktest_alloc() - zeroed memory that the runner frees
 * @test: the running test
 * @size: bytes
 *
 * It is freed by a clean-up, so it outlives all that is registered later.
 *
 * Context: as ktest_cleanup(); may sleep.
 * Return: the memory, never NULL.
 */
void *ktest_alloc(struct ktest *test, size_t size);

/**
 * EXPECT_ONE_REPORT() - the lock validator spoke exactly once, and of all these
 *
 * Ends what lockdep_expect_begin() began; the arguments are texts that the
 * report must contain.  A failure prints the report.
 */
#define EXPECT_ONE_REPORT(...) \
	ktest_one_report(test, (const char *const[]){__VA_ARGS__, NULL})
/** EXPECT_NO_REPORT() - ends the expectation; the validator said nothing */
#define EXPECT_NO_REPORT() ktest_no_report(test)

void ktest_one_report(struct ktest *test, const char *const *words);
void ktest_no_report(struct ktest *test);

/** ktest_failed() - has an expectation of this run failed so far? */
static inline bool ktest_failed(struct ktest *test)
{
	return atomic_read(&test->failures) != 0;
}

/**
 * ktest_rng() - the test's own generator
 * @test: the running test
 *
 * Seeded from the run's seed and the test's name, so that a test replays
 * alone as it ran in the crowd.  Not locked: a helper thread makes its own
 * with rng_init(rng_next(ktest_rng(test))).
 */
static inline struct rng *ktest_rng(struct ktest *test)
{
	return &test->rng;
}

/**
 * struct ktest_step - a point in a forced interleaving
 * @test: the test that a time-out fails
 * @reached: the greatest n that was signalled
 */
struct ktest_step {
	struct ktest *test;
	atomic_t reached;
};

#define KTEST_STEP_INIT(test_)                    \
	{                                         \
		.test = (test_), .reached = { 0 } \
	}

/** step_init() - for a step that lives in an object made at run time */
void step_init(struct ktest_step *step, struct ktest *test);

/**
 * step_signal() - announce that a side has come to @n
 * @step: the step
 * @n: never makes the step go back; 1 is the first point
 *
 * All that the signaller did before is seen by a waiter for @n.
 * Context: any.
 */
void step_signal(struct ktest_step *step, int n);

/**
 * step_wait() - wait until another side has come to @n
 * @step: the step
 * @n: the point
 *
 * Context: a thread that may be switched out; no spinlock held.
 * Return: 0, or -ETIMEDOUT when nobody came for ten seconds (one second, if
 *         the test has failed already): the test is failed and the caller goes
 *         on, to undo what it holds.
 */
int step_wait(struct ktest_step *step, int n);

/**
 * step_spin() - step_wait() for a caller that may not sleep
 * @step: the step
 * @n: the point
 *
 * Context: any; the signaller must run on another CPU.
 * Return: as step_wait().
 */
int step_spin(struct ktest_step *step, int n);

/** step_reached() - has a side come to @n yet?  Any context. */
static inline bool step_reached(struct ktest_step *step, int n)
{
	return atomic_read(&step->reached) >= n;
}

/**
 * ktest_wait_blocked() - wait until a task sleeps
 * @test: failed when it does not within ten seconds, or has ended
 * @task: the task that should sleep, in a wait queue say; not joined yet
 *
 * For "and now B waits for A": the task has been seen not runnable and off
 * its CPU.  Context: may be switched out.
 * Return: 0; -ETIMEDOUT; or, at once, -ESRCH when the task has ended.
 */
int ktest_wait_blocked(struct ktest *test, struct task *task);

bool ktest_poll_again(struct ktest *test, u64 *deadline,
		      const struct ktest_site *site);

/**
 * KTEST_WAIT_FOR() - give way until a condition holds
 * @test: failed, with the condition's text, when it does not in ten seconds
 * @cond: evaluated again and again, in thread context
 *
 * Return: true when @cond held.
 */
#define KTEST_WAIT_FOR(test, cond)                                  \
	({                                                          \
		static const struct ktest_site ktest_wait_site_ = { \
			.file = __FILE__,                           \
			.line = __LINE__,                           \
			.left = #cond,                              \
		};                                                  \
		u64 ktest_deadline_ = 0;                            \
		bool ktest_held_;                                   \
                                                                    \
		while (!(ktest_held_ = !!(cond)) &&                 \
		       ktest_poll_again(test, &ktest_deadline_,     \
					&ktest_wait_site_))         \
			;                                           \
		ktest_held_;                                        \
	})

/**
 * struct ktest_state - a count that must be back after each test
 * @name: as printed: "free frames"
 * @memory: not compared for tests with KT_KEEPS_MEMORY
 * @read: the count now; may sleep, may drain caches and wait for callbacks
 * @mark: NULL, or called before the test, to note whose objects exist
 * @report: NULL, or prints, with ktest_note(), owners of all taken since @mark
 *
 * Registered with KTEST_STATE() by the tests of the layer that owns the count.
 */
struct ktest_state {
	const char *name;
	bool memory;
	u64 (*read)(void);
	void (*mark)(void);
	void (*report)(void);
};

#define KTEST_STATE(ident)                                  \
	static const struct ktest_state __used __aligned(8) \
		__section(".ktest_state." #ident) ktest_state_##ident

/**
 * KTEST_RESCUE() - register a way to end waits that would never end
 * @fn: void (void); lets the tasks go on that wait inside the code under test
 *
 * A test that waits for ever inside the code under test, not in a step, cannot
 * give up by itself. When it is not done by its deadline it has failed, and
 * every rescue is called again and again until its thread ends, so that it is
 * `not ok` by its own name and the run goes on. The objects of such a test are
 * not to be trusted afterwards.
 *
 * Context of @fn: thread, may sleep.
 */
#define KTEST_RESCUE(fn)                                                 \
	static void (*const ktest_rescue_##fn)(void) __used __aligned(8) \
		__section(".ktest_rescue." #fn) = fn

/** struct ktest_skip - a test that this kernel does not run; see KTEST_SKIP() */
struct ktest_skip {
	const char *name;
	const char *reason;
};

/**
 * KTEST_SKIP() - skip a test of another file, in every kernel that has this line
 * @suite_: of the test
 * @name_: of the test
 * @reason_: why, for the result
 *
 * For a kernel that has something else in the place of what the test is about.
 */
#define KTEST_SKIP(suite_, name_, reason_)                                    \
	static const struct ktest_skip ktest_skip_##suite_##__##name_ __used  \
		__aligned(8) __section(".ktest_skip." #suite_ "." #name_) = { \
			.name = #suite_ "." #name_, .reason = (reason_)}

#if IS_ENABLED(CONFIG_KTEST)
/** ktest_count() - how many tests have a `suite.name` that @globs choose */
unsigned long ktest_count(const char *globs);

/**
 * ktest_run() - run all tests whose `suite.name` is chosen
 * @globs: patterns, see glob_match(); NULL or "" for all
 * @repeat: how often the whole selection runs, at least 1
 * @seed: of the first round; round i uses @seed + i
 * @done: tests at the front of the selection that an earlier boot has run;
 *        they are left out
 *
 * Context: a thread that may sleep.
 * Return: 0 when at least one test ran, none failed and none was missing;
 *         -ENOENT when nothing matched; -EIO when a test failed or a device
 *         died.
 */
int ktest_run(const char *globs, unsigned long repeat, u64 seed,
	      unsigned long done);
#else
static inline unsigned long ktest_count(const char *globs)
{
	return 0;
}

static inline int ktest_run(const char *globs, unsigned long repeat, u64 seed,
			    unsigned long done)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* KERNEL_KTEST_H */
