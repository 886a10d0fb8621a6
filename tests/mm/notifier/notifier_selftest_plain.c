// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/notifier_selftest_plain.c - plain subscriptions, tried in any kernel
 *
 * As tests/mm/notifier/notifier_selftest.c, for subscribers that are notified of every
 * range. In the stress two threads change numbers between start and end, and two
 * register and unregister a subscriber all the time, which counts.
 *
 *	changer				subscriber
 *	start: starts++			starts is equal to ends
 *	a new number			read a number twice
 *	end: ends++			starts has not changed: the number has not
 *
 * That fails where a registration returns before the ranges that it was not
 * notified of have ended, which is what the barriers of the count are for.
 *
 * Uses names of the core and of docs/lifting.md alone. A kernel that takes the
 * intervals alone leaves this file out.
 */
#include <mm/notifier/env.h>
#include "notifier_selftest.h"

#define PAGES       8
#define CHANGERS    2
#define SUBSCRIBERS 2
#define LOOKS       16

#define CHECK(t, cond)                                                \
	do {                                                          \
		if (!(cond)) {                                        \
			atomic_inc(&(t)->failures);                   \
			(t)->env->failed((t)->name, #cond, __LINE__); \
		}                                                     \
	} while (0)

struct test {
	const struct notifier_selftest *env;
	const char *name;
	struct atomic failures;
	struct mm_struct *mm;
};

struct listener {
	struct mmu_notifier sub;
	struct atomic starts;
	struct atomic ends;
	struct atomic releases;
};

static int listener_start(struct mmu_notifier *sub,
			  const struct mmu_notifier_range *range)
{
	atomic_inc(&container_of(sub, struct listener, sub)->starts);
	return 0;
}

static void listener_end(struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	atomic_inc(&container_of(sub, struct listener, sub)->ends);
}

static void listener_release(struct mmu_notifier *sub, struct mm_struct *mm)
{
	atomic_inc(&container_of(sub, struct listener, sub)->releases);
}

static const struct mmu_notifier_ops listener_ops = {
	.release = listener_release,
	.invalidate_range_start = listener_start,
	.invalidate_range_end = listener_end,
};

static int listen(struct test *t, struct listener *l)
{
	memset(l, 0, sizeof(*l));
	l->sub.ops = &listener_ops;
	return mmu_notifier_register(&l->sub, t->mm);
}

static bool heard(struct listener *l, int starts, int ends)
{
	return atomic_read(&l->starts) == starts && atomic_read(&l->ends) == ends;
}

static void range_of(struct test *t, struct mmu_notifier_range *range,
		     unsigned long from, unsigned long to)
{
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, NULL, t->mm, from,
				to);
}

/* --- one thread -------------------------------------------------------------- */

static void each_is_notified_of_both_ends(struct test *t)
{
	struct mmu_notifier_range range;
	struct listener a, b;

	CHECK(t, !listen(t, &a));
	CHECK(t, !listen(t, &b));
	range_of(t, &range, 1, 2);
	mmu_notifier_invalidate_range_start(&range);
	CHECK(t, heard(&a, 1, 0) && heard(&b, 1, 0));
	mmu_notifier_unregister(&b.sub, t->mm);
	mmu_notifier_invalidate_range_end(&range);
	CHECK(t, heard(&a, 1, 1));
	/* Gone: not even the end. */
	CHECK(t, heard(&b, 1, 0) && atomic_read(&b.releases) == 1);
	mmu_notifier_unregister(&a.sub, t->mm);
}

static struct atomic freed;

static struct mmu_notifier *counted_alloc(struct mm_struct *mm)
{
	struct mmu_notifier *sub = kzalloc(sizeof(*sub), GFP_KERNEL);

	return sub ? sub : ERR_PTR(-ENOMEM);
}

static void counted_free(struct mmu_notifier *sub)
{
	atomic_inc(&freed);
	kfree(sub);
}

static const struct mmu_notifier_ops counted_ops = {
	.alloc_notifier = counted_alloc,
	.free_notifier = counted_free,
};

static void two_gets_need_two_puts(struct test *t)
{
	struct mmu_notifier *first, *second;
	int before = atomic_read(&freed);

	first = mmu_notifier_get(&counted_ops, t->mm);
	CHECK(t, !IS_ERR(first));
	if (IS_ERR(first))
		return;
	second = mmu_notifier_get(&counted_ops, t->mm);
	CHECK(t, second == first);
	mmu_notifier_put(first);
	CHECK(t, atomic_read(&freed) == before);
	mmu_notifier_put(first);
	mmu_notifier_synchronize();
	CHECK(t, atomic_read(&freed) == before + 1);
}

/* --- two threads ------------------------------------------------------------- */

struct registrar {
	struct test *t;
	struct listener l;
	struct atomic registered;
	int ret;
};

static void registrar_runs(void *arg)
{
	struct registrar *r = arg;

	r->ret = listen(r->t, &r->l);
	atomic_inc(&r->registered);
}

/*
 *	range			registrar
 *	start
 *				register: sleeps
 *	end			is not notified of the end alone
 *				registered
 */
static void register_waits_for_an_open_range(struct test *t)
{
	static struct registrar r;
	struct mmu_notifier_range range;
	void *thread;
	int i;

	memset(&r, 0, sizeof(r));
	r.t = t;
	range_of(t, &range, 1, 2);
	mmu_notifier_invalidate_range_start(&range);
	thread = t->env->spawn(registrar_runs, &r);
	CHECK(t, thread);
	for (i = 0; thread && i < 1000; i++)
		t->env->relax();
	CHECK(t, !atomic_read(&r.registered));
	mmu_notifier_invalidate_range_end(&range);
	if (!thread)
		return;
	t->env->join(thread);
	CHECK(t, !r.ret && heard(&r.l, 0, 0));
	if (!r.ret)
		mmu_notifier_unregister(&r.l.sub, t->mm);
}

/* --- stress ------------------------------------------------------------------ */

struct stress {
	struct test *t;
	struct spinlock page_lock;
	unsigned long page[PAGES];
	struct atomic over; /* changers that are done */
};

struct worker {
	struct stress *stress;
	u64 random;
	void *thread;
	struct listener l;
};

static unsigned long below(struct worker *worker, unsigned long bound)
{
	worker->random =
		worker->random * 6364136223846793005ul + 1442695040888963407ul;
	return (worker->random >> 33) % bound;
}

/* No mmap_lock: a registration, which takes it, must not be kept out by that. */
static void changer_runs(void *arg)
{
	struct worker *worker = arg;
	struct stress *stress = worker->stress;
	struct test *t = stress->t;
	struct mmu_notifier_range range;
	unsigned long i, p;

	for (i = 0; i < t->env->rounds; i++) {
		p = below(worker, PAGES);
		range_of(t, &range, p, p + 1);
		mmu_notifier_invalidate_range_start(&range);
		if (!below(worker, 8))
			t->env->relax();
		spin_lock(&stress->page_lock);
		WRITE_ONCE(stress->page[p], stress->page[p] + 1);
		spin_unlock(&stress->page_lock);
		mmu_notifier_invalidate_range_end(&range);
		t->env->relax();
	}
	atomic_inc(&stress->over);
}

static void subscriber_looks(struct worker *worker)
{
	struct stress *stress = worker->stress;
	struct test *t = stress->t;
	struct listener *l = &worker->l;
	unsigned long p = below(worker, PAGES), first, second;
	int starts, ends;

	/* The ends first: what has begun since is seen as a start too many. */
	ends = atomic_read_acquire(&l->ends);
	starts = atomic_read_acquire(&l->starts);
	smp_mb();
	first = READ_ONCE(stress->page[p]);
	if (!below(worker, 2))
		t->env->relax();
	second = READ_ONCE(stress->page[p]);
	smp_mb();
	CHECK(t, starts != ends || atomic_read(&l->starts) != starts ||
			 first == second);
	CHECK(t, ends <= starts);
}

static void subscriber_runs(void *arg)
{
	struct worker *worker = arg;
	struct stress *stress = worker->stress;
	struct test *t = stress->t;
	int i, ret;

	while (atomic_read_acquire(&stress->over) < CHANGERS) {
		ret = listen(t, &worker->l);
		CHECK(t, !ret);
		if (ret)
			return;
		for (i = 0; i < LOOKS; i++)
			subscriber_looks(worker);
		mmu_notifier_unregister(&worker->l.sub, t->mm);
		CHECK(t, atomic_read(&worker->l.releases) == 1);
	}
}

static void newcomers_miss_no_change(struct test *t)
{
	static struct worker workers[CHANGERS + SUBSCRIBERS];
	static struct stress stress;
	unsigned int i;

	memset(&stress, 0, sizeof(stress));
	stress.t = t;
	spin_lock_init(&stress.page_lock);
	for (i = 0; i < CHANGERS + SUBSCRIBERS; i++) {
		workers[i].stress = &stress;
		workers[i].random = i + 1;
		workers[i].thread = t->env->spawn(i < CHANGERS ? changer_runs
							       : subscriber_runs,
						  &workers[i]);
		CHECK(t, workers[i].thread);
		if (!workers[i].thread && i < CHANGERS)
			atomic_inc(&stress.over);
	}
	for (i = 0; i < CHANGERS + SUBSCRIBERS; i++) {
		if (workers[i].thread)
			t->env->join(workers[i].thread);
	}
}

/* --- exit -------------------------------------------------------------------- */

/* Last of all: it ends the mm. The subscription outlives it. */
static void exit_calls_release_once(struct test *t)
{
	struct mm_struct *mm = t->mm;
	struct listener a;

	CHECK(t, !listen(t, &a));
	t->mm = NULL;
	t->env->mm_exit(mm);
	CHECK(t, atomic_read(&a.releases) == 1);
	mmu_notifier_unregister(&a.sub, mm);
	CHECK(t, atomic_read(&a.releases) == 1);
}

unsigned int notifier_selftest_plain(const struct notifier_selftest *env)
{
	static const struct {
		const char *name;
		void (*run)(struct test *t);
	} all[] = {
		{"each_is_notified_of_both_ends", each_is_notified_of_both_ends},
		{"two_gets_need_two_puts", two_gets_need_two_puts},
		{"register_waits_for_an_open_range",
		 register_waits_for_an_open_range},
		{"newcomers_miss_no_change", newcomers_miss_no_change},
		{"exit_calls_release_once", exit_calls_release_once},
	};
	struct test t = {.env = env, .mm = env->mm_alloc()};
	unsigned int i;

	if (!t.mm) {
		env->failed("mm_alloc", "an address space", __LINE__);
		return 1;
	}
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		t.name = all[i].name;
		all[i].run(&t);
	}
	return (unsigned int)atomic_read(&t.failures);
}
