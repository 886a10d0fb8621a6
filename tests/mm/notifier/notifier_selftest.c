// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/notifier_selftest.c - interval subscriptions, tried in any kernel
 *
 * Problem.  A kernel that takes the core over must know whether it has given the
 * right primitives and calls them where it must. Its own tests have to be written
 * first; these come along.
 *
 * Idea.  Small tests by one thread, two that hold a range open while another
 * thread waits, and a stress. In the stress a mapping is an array of numbers, one
 * a page. Two threads change pages between start and end. Two devices insert
 * themselves, fault, compare and remove themselves, all the time.
 *
 *	changer				device
 *	start: callback drops		seq = read_begin()
 *	a new number			number = the page's
 *	end				lock; retry? else keep the number
 *					lock; what is kept is the page's number
 *
 * The last line is what must be true. It fails where a barrier is missing: the
 * device was inserted and did not see the range, and the range did not see the
 * device; or it read the page before the number that says "nothing is open".
 *
 *	field			guarded by
 *	page[]			page_lock to write; single accesses
 *	device's translations	device->lock
 *
 * Uses names of the core and of docs/lifting.md alone. Not here: plain
 * subscriptions (tests/mm/notifier/notifier_selftest_plain.c).
 */
#include <mm/notifier/env.h>
#include "notifier_selftest.h"

#define PAGES    8
#define CHANGERS 2
#define DEVICES  2
#define FAULTS   16

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

/* A driver with one lock. */
struct device {
	struct mmu_interval_notifier sub;
	struct spinlock lock;
	unsigned int calls;
	enum mmu_notifier_event event;
	bool refuse;
	unsigned long number[PAGES]; /* lock; 0: no translation */
};

static bool device_invalidate(struct mmu_interval_notifier *sub,
			      const struct mmu_notifier_range *range,
			      unsigned long cur_seq)
{
	struct device *device = container_of(sub, struct device, sub);
	unsigned long p;

	if (device->refuse && !mmu_notifier_range_blockable(range))
		return false;
	spin_lock(&device->lock);
	mmu_interval_set_seq(sub, cur_seq);
	for (p = range->start; p < range->end && p < PAGES; p++)
		device->number[p] = 0;
	device->calls++;
	device->event = range->event;
	spin_unlock(&device->lock);
	return true;
}

static const struct mmu_interval_notifier_ops device_ops = {
	.invalidate = device_invalidate,
};

static void device_init(struct device *device)
{
	memset(device, 0, sizeof(*device));
	spin_lock_init(&device->lock);
}

static int device_insert(struct test *t, struct device *device,
			 unsigned long from, unsigned long to)
{
	return mmu_interval_notifier_insert(&device->sub, t->mm, from,
					    to - from, &device_ops);
}

static bool device_must_retry(struct device *device, unsigned long seq)
{
	bool retry;

	spin_lock(&device->lock);
	retry = mmu_interval_read_retry(&device->sub, seq);
	spin_unlock(&device->lock);
	return retry;
}

static void range_of(struct test *t, struct mmu_notifier_range *range,
		     unsigned long from, unsigned long to)
{
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, NULL, t->mm, from,
				to);
}

/* --- one thread ------------------------------------------------------------ */

/*
 *	pages     0 1 2 3 4 5
 *	a         [---]
 *	b             [---]
 *	change    [---)			a is notified, b is not
 */
static void only_what_overlaps_is_notified(struct test *t)
{
	struct mmu_notifier_range range;
	unsigned long seq_a, seq_b;
	struct device a, b;

	device_init(&a);
	device_init(&b);
	CHECK(t, !device_insert(t, &a, 0, 2));
	CHECK(t, !device_insert(t, &b, 2, 4));
	seq_a = mmu_interval_read_begin(&a.sub);
	seq_b = mmu_interval_read_begin(&b.sub);
	CHECK(t, !device_must_retry(&a, seq_a));
	range_of(t, &range, 0, 2);
	mmu_notifier_invalidate_range_start(&range);
	CHECK(t, a.calls == 1 && a.event == MMU_NOTIFY_CLEAR);
	/* It waits for nothing that only touches its interval. */
	CHECK(t, mmu_interval_read_begin(&b.sub) == seq_b);
	mmu_notifier_invalidate_range_end(&range);
	CHECK(t, b.calls == 0);
	CHECK(t, device_must_retry(&a, seq_a));
	CHECK(t, !device_must_retry(&b, seq_b));
	CHECK(t, !device_must_retry(&a, mmu_interval_read_begin(&a.sub)));
	mmu_interval_notifier_remove(&a.sub);
	mmu_interval_notifier_remove(&b.sub);
}

static void a_refused_start_leaves_nothing_open(struct test *t)
{
	struct mmu_notifier_range range;
	struct device a;

	device_init(&a);
	CHECK(t, !device_insert(t, &a, 0, 2));
	a.refuse = true;
	range_of(t, &range, 1, 2);
	CHECK(t, mmu_notifier_invalidate_range_start_nonblock(&range) == -EAGAIN);
	/* It would wait for ever if the range were open. */
	(void)mmu_interval_read_begin(&a.sub);
	a.refuse = false;
	range_of(t, &range, 1, 2);
	CHECK(t, !mmu_notifier_invalidate_range_start_nonblock(&range));
	mmu_notifier_invalidate_range_end(&range);
	CHECK(t, a.calls == 1);
	mmu_interval_notifier_remove(&a.sub);
}

static void an_interval_of_nothing_is_refused(struct test *t)
{
	struct device a;

	device_init(&a);
	CHECK(t, device_insert(t, &a, 3, 3) == -EOVERFLOW);
	CHECK(t, mmu_interval_notifier_insert(&a.sub, t->mm, 2, ~0ul,
					      &device_ops) == -EOVERFLOW);
}

/* --- two threads ------------------------------------------------------------- */

struct reader {
	struct test *t;
	struct device *device;
	unsigned long seq; /* 0 until it has begun */
};

static void reader_runs(void *arg)
{
	struct reader *reader = arg;

	WRITE_ONCE(reader->seq, mmu_interval_read_begin(&reader->device->sub));
}

/* Much longer than a reader needs that does not wait. */
static void let_it_run(struct test *t)
{
	int i;

	for (i = 0; i < 1000; i++)
		t->env->relax();
}

/*
 *	range			reader
 *	start
 *				read_begin: sleeps
 *	end
 *				goes on
 */
static void a_reader_waits_for(struct test *t, struct mmu_notifier_range *range,
			       struct device *a)
{
	struct reader reader = {.t = t, .device = a};
	void *thread = t->env->spawn(reader_runs, &reader);

	CHECK(t, thread);
	if (thread) {
		let_it_run(t);
		CHECK(t, !READ_ONCE(reader.seq));
	}
	mmu_notifier_invalidate_range_end(range);
	if (thread)
		t->env->join(thread);
	CHECK(t, !thread || !device_must_retry(a, reader.seq));
}

static void a_reader_waits_for_an_open_range(struct test *t)
{
	struct mmu_notifier_range range;
	struct device a;

	device_init(&a);
	CHECK(t, !device_insert(t, &a, 0, 4));
	range_of(t, &range, 3, 5);
	mmu_notifier_invalidate_range_start(&range);
	a_reader_waits_for(t, &range, &a);
	mmu_interval_notifier_remove(&a.sub);
}

/* The range began before the insertion, and its callbacks are over. */
static void a_first_reader_waits_for_older_ranges(struct test *t)
{
	struct mmu_notifier_range range;
	struct device a;

	device_init(&a);
	range_of(t, &range, 3, 5);
	mmu_notifier_invalidate_range_start(&range);
	CHECK(t, !device_insert(t, &a, 0, 4));
	a_reader_waits_for(t, &range, &a);
	mmu_interval_notifier_remove(&a.sub);
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
	struct device device;
};

static unsigned long below(struct worker *worker, unsigned long bound)
{
	worker->random =
		worker->random * 6364136223846793005ul + 1442695040888963407ul;
	return (worker->random >> 33) % bound;
}

static void change_pages(struct stress *stress, unsigned long from,
			 unsigned long to)
{
	spin_lock(&stress->page_lock);
	for (; from < to; from++)
		WRITE_ONCE(stress->page[from], stress->page[from] + 1);
	spin_unlock(&stress->page_lock);
}

static void changer_runs(void *arg)
{
	struct worker *worker = arg;
	struct stress *stress = worker->stress;
	struct test *t = stress->t;
	struct mmu_notifier_range range;
	unsigned long i, from, to;

	for (i = 0; i < t->env->rounds; i++) {
		from = below(worker, PAGES);
		to = from + 1 + below(worker, PAGES - from);
		if (down_read_killable(&t->mm->mmap_lock))
			break;
		range_of(t, &range, from, to);
		mmu_notifier_invalidate_range_start(&range);
		if (!below(worker, 8))
			t->env->relax();
		change_pages(stress, from, to);
		mmu_notifier_invalidate_range_end(&range);
		mmap_read_unlock(t->mm);
		t->env->relax();
	}
	atomic_inc(&stress->over);
}

/* Under device->lock: what it has is what the pages are. */
static bool device_is_right(struct worker *worker)
{
	struct stress *stress = worker->stress;
	unsigned long p, number;

	for (p = 0; p < PAGES; p++) {
		number = worker->device.number[p];
		if (number && number != READ_ONCE(stress->page[p]))
			return false;
	}
	return true;
}

static void device_faults(struct worker *worker)
{
	struct device *device = &worker->device;
	struct stress *stress = worker->stress;
	struct test *t = stress->t;
	unsigned long p = below(worker, PAGES), number, seq;
	bool right;

	seq = mmu_interval_read_begin(&device->sub);
	number = READ_ONCE(stress->page[p]);
	if (!below(worker, 4))
		t->env->relax();
	spin_lock(&device->lock);
	if (!mmu_interval_read_retry(&device->sub, seq))
		device->number[p] = number;
	right = device_is_right(worker);
	spin_unlock(&device->lock);
	CHECK(t, right);
}

/* The same by the rounds, which end whatever changes. */
static void device_faults_in_rounds(struct worker *worker)
{
	struct device *device = &worker->device;
	struct mmu_interval_rounds rounds =
		MMU_INTERVAL_ROUNDS_INIT(&device->sub);
	struct stress *stress = worker->stress;
	struct test *t = stress->t;
	unsigned long p = below(worker, PAGES), number;
	bool again, right;
	int ret;

	do {
		ret = mmu_interval_round_lock(&rounds);
		CHECK(t, !ret);
		if (ret)
			return;
		mmu_interval_round_begin(&rounds);
		number = READ_ONCE(stress->page[p]);
		mmu_interval_round_looked_up(&rounds);
		t->env->relax();
		spin_lock(&device->lock);
		again = mmu_interval_round_retry(&rounds);
		if (!again)
			device->number[p] = number;
		right = device_is_right(worker);
		spin_unlock(&device->lock);
		mmu_interval_round_unlock(&rounds);
		CHECK(t, right);
	} while (again);
}

static void device_runs(void *arg)
{
	struct worker *worker = arg;
	struct stress *stress = worker->stress;
	struct test *t = stress->t;
	int i;

	while (atomic_read_acquire(&stress->over) < CHANGERS) {
		device_init(&worker->device);
		CHECK(t, !device_insert(t, &worker->device, 0, PAGES));
		for (i = 0; i < FAULTS; i++) {
			if (i % 4)
				device_faults(worker);
			else
				device_faults_in_rounds(worker);
			t->env->relax();
		}
		mmu_interval_notifier_remove(&worker->device.sub);
	}
}

static void devices_agree_with_changing_pages(struct test *t)
{
	static struct worker workers[CHANGERS + DEVICES];
	static struct stress stress;
	unsigned int i;

	memset(&stress, 0, sizeof(stress));
	stress.t = t;
	spin_lock_init(&stress.page_lock);
	for (i = 0; i < PAGES; i++)
		stress.page[i] = 1;
	for (i = 0; i < CHANGERS + DEVICES; i++) {
		workers[i].stress = &stress;
		workers[i].random = i + 1;
		workers[i].thread = t->env->spawn(
			i < CHANGERS ? changer_runs : device_runs, &workers[i]);
		CHECK(t, workers[i].thread);
		/* The devices run until all changers are done. */
		if (!workers[i].thread && i < CHANGERS)
			atomic_inc(&stress.over);
	}
	for (i = 0; i < CHANGERS + DEVICES; i++) {
		if (workers[i].thread)
			t->env->join(workers[i].thread);
	}
}

/* --- exit -------------------------------------------------------------------- */

/* Last of all: it ends the mm. The subscription outlives it. */
static void exit_notifies_RELEASE(struct test *t)
{
	struct device a;

	device_init(&a);
	CHECK(t, !device_insert(t, &a, 0, PAGES));
	t->env->mm_exit(t->mm);
	t->mm = NULL;
	CHECK(t, a.calls >= 1);
	mmu_interval_notifier_remove(&a.sub);
}

unsigned int notifier_selftest_intervals(const struct notifier_selftest *env)
{
	static const struct {
		const char *name;
		void (*run)(struct test *t);
	} all[] = {
		{"only_what_overlaps_is_notified", only_what_overlaps_is_notified},
		{"a_refused_start_leaves_nothing_open",
		 a_refused_start_leaves_nothing_open},
		{"an_interval_of_nothing_is_refused",
		 an_interval_of_nothing_is_refused},
		{"a_reader_waits_for_an_open_range",
		 a_reader_waits_for_an_open_range},
		{"a_first_reader_waits_for_older_ranges",
		 a_first_reader_waits_for_older_ranges},
		{"devices_agree_with_changing_pages",
		 devices_agree_with_changing_pages},
		{"exit_notifies_RELEASE", exit_notifies_RELEASE},
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
