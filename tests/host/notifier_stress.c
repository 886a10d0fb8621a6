// SPDX-License-Identifier: MIT
/*
 * tests/host/notifier_stress.c - the notifier core under four threads
 *
 * Problem.  What forced interleavings do not think of, chance does; and the
 * sanitizers that know data races and freed memory run here, not in a boot.
 *
 * Idea.  Four threads do random things to one mm. The mapping is an array of
 * numbers, one a page; changing a page makes a new number. A device's
 * translation is a copied number. An operation is one of these:
 *
 *	12 of 32	a change: start, new numbers, end. A quarter may not sleep,
 *			and ends at the start if somebody would have to, or
 *			plays so
 *	17 of 32	something with one of six interval subscriptions, three
 *			of them of the two-pass form: insert it if it is not in;
 *			else remove it, compare all it has with the pages, or
 *			mostly a fault, which is a whole look-up with retries
 *	2 of 32		register a plain subscriber, or unregister it; one of
 *			three refuses ranges that may not sleep
 *	1 of 32		get a counted subscriber, mostly change a mapping, put it,
 *			at times wait for its freeing
 *
 * What must hold:
 *
 *	between start and end	no device has a translation in the range; those
 *				of the two-pass form drop in the second pass
 *	at rest			each second pass that was asked for has run
 *	after a false retry	the number installed is the page's number, until
 *				an invalidation comes
 *	changes under mmap_lock	every look-up is done in the rounds of R4.24;
 *				the changes of half of the rounds are
 *	plain subscribers	every end has had its start, open count never
 *				below zero, zero when no range is open
 *	when register returns	the changes that were open at its call have ended
 *	at the end of a round	nothing open, invariants right
 *	exit, the other three	one release each, no translation left; then no
 *	leave meanwhile		subscription, no free pending
 *
 *	lock		guards
 *	page_lock[p]	page[p], as the page-table lock does
 *	device->lock	its translations
 *	second->lock	the bounds in it, from the first pass to the second
 *
 * A round is its share of the operations, then exit and a new mm. Of eight
 * rounds each is another kind, so that ranges take all of their ways: figures
 * off or on, changes under mmap_lock or not, the last two operations or not.
 * That each kind of work was done is itself a result. Options: OPS=n a thread,
 * ROUNDS=n, SEED=n, OBSERVE=0 or 1 (figures off or on in all rounds). Not here:
 * what one thread alone can show.
 *
 * Over 600 lines because what the threads do and what must hold of it are one
 * state, which each operation changes.
 */
#include "host.h"
#include <sched.h>

#include "mm/notifier/internal.h"

#define THREADS 4
#define PAGES   64
#define DEVICES 6
#define PLAINS  3

static unsigned long failures;

#define CHECK(cond)                                                             \
	do {                                                                    \
		if (!(cond) &&                                                  \
		    __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED) < 20)    \
			printf("# FAIL %s:%d %s\n", __FILE__, __LINE__, #cond); \
	} while (0)

/* The CPU's page table. */
static unsigned long page[PAGES];
static pthread_mutex_t page_lock[PAGES];

/* What a second pass is to drop; whose it is holds @lock from the first to it. */
struct second_pass {
	pthread_mutex_t lock;
	struct mmu_interval_notifier_finish node;
	unsigned long start, end;
};

struct device {
	struct mmu_interval_notifier sub;
	pthread_mutex_t lock;
	unsigned long translation[PAGES]; /* 0: none */
	struct second_pass second;
	bool inserted;
	bool two_pass;
	/* Whoever holds it may insert, remove or fault. */
	pthread_mutex_t owner;
};

struct plain {
	struct mmu_notifier sub;
	pthread_mutex_t owner;
	bool registered;
	bool may_fail;
	long open;
	unsigned int released;
};

struct got {
	struct mmu_notifier sub;
	long open;
};

static struct mm_struct *mm;
static struct device devices[DEVICES];
static struct plain plains[PLAINS];
static unsigned long gots_alive;
/* Odd from the return of a start until the call of its end; one a thread. */
static unsigned long changing[THREADS];
static __thread unsigned long self;
static pthread_barrier_t barrier;
static unsigned long ops, rounds, seed;
/* Off, on, or */
#define FIGURES_BY_TURNS 2
static unsigned long figures;
static bool under_mmap_lock; /* this round's changes; else as if under rmap's */
static bool intervals_alone, looked_at; /* this round */
static unsigned long calls, retries, waits_seen, alone_seen;

/* What was done, to be shown, and to be seen not to be nothing. */
static struct {
	unsigned long changes, nonblock, failed_starts;
	unsigned long faults, compared, inserts, removes;
	unsigned long registers, unregisters, gets, puts;
	unsigned long exits, left_beside_exit;
	unsigned long second_passes, finished, in_one_pass;
	unsigned long rounds_with_figures, rounds_without;
} did;

#define COUNT(what) ((void)__atomic_fetch_add(&(what), 1, __ATOMIC_RELAXED))

/* Now and then a callback takes its time, for others to come and go. */
static void linger(unsigned long first)
{
	if (first % 8 == 0)
		sched_yield();
}

static void drop(struct device *device, unsigned long start, unsigned long end)
{
	unsigned long p;

	for (p = 0; p < PAGES; p++) {
		if (p >= start && p < end)
			device->translation[p] = 0;
	}
}

/* Not all of them for one range: one that was started before is finished then. */
static bool plays_busy(const struct device *device,
		       const struct mmu_notifier_range *range)
{
	return (range->start + (unsigned long)(device - devices)) % 8 == 1;
}

/* To let go for @range; false: somebody is at work, and it may not wait. */
static bool lock_device(struct device *device,
			const struct mmu_notifier_range *range)
{
	COUNT(calls);
	if (!mmu_notifier_range_blockable(range))
		return !plays_busy(device, range) &&
		       !pthread_mutex_trylock(&device->lock);
	pthread_mutex_lock(&device->lock);
	return true;
}

static bool device_invalidate(struct mmu_interval_notifier *sub,
			      const struct mmu_notifier_range *range,
			      unsigned long cur_seq)
{
	struct device *device = container_of(sub, struct device, sub);

	CHECK(cur_seq & 1);
	if (!lock_device(device, range))
		return false;
	mmu_interval_set_seq(sub, cur_seq);
	drop(device, range->start, range->end);
	pthread_mutex_unlock(&device->lock);
	return true;
}

static bool put_off_drop(struct second_pass *second,
			 const struct mmu_notifier_range *range)
{
	if (pthread_mutex_trylock(&second->lock))
		return false;
	second->start = range->start;
	second->end = range->end;
	return true;
}

/*
 * Leaves the dropping to the second pass, as a device that is slow would. There
 * is one for each device; a range beside one that has it drops at once.
 */
static bool device_start(struct mmu_interval_notifier *sub,
			 const struct mmu_notifier_range *range,
			 unsigned long cur_seq,
			 struct mmu_interval_notifier_finish **finish)
{
	struct device *device = container_of(sub, struct device, sub);

	CHECK(cur_seq & 1);
	if (!lock_device(device, range))
		return false;
	mmu_interval_set_seq(sub, cur_seq);
	if (put_off_drop(&device->second, range)) {
		*finish = &device->second.node;
		COUNT(did.second_passes);
	} else {
		drop(device, range->start, range->end);
		COUNT(did.in_one_pass);
	}
	pthread_mutex_unlock(&device->lock);
	linger(range->start);
	return true;
}

/* The lock is never held for long, so a range that may not sleep has it too. */
static void device_finish(struct mmu_interval_notifier_finish *finish)
{
	struct device *device = container_of(finish, struct device, second.node);

	CHECK(finish->interval_sub == &device->sub);
	pthread_mutex_lock(&device->lock);
	drop(device, device->second.start, device->second.end);
	pthread_mutex_unlock(&device->lock);
	COUNT(did.finished);
	pthread_mutex_unlock(&device->second.lock);
}

static const struct mmu_interval_notifier_ops one_pass_ops = {
	.invalidate = device_invalidate,
};
static const struct mmu_interval_notifier_ops two_pass_ops = {
	.invalidate_start = device_start,
	.invalidate_finish = device_finish,
};

static const struct mmu_notifier_ops plain_ops;

static int plain_start(struct mmu_notifier *sub,
		       const struct mmu_notifier_range *range)
{
	struct plain *plain = container_of(sub, struct plain, sub);

	linger(range->start);
	CHECK(sub->ops == &plain_ops);
	__atomic_fetch_add(&plain->open, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void plain_end(struct mmu_notifier *sub,
		      const struct mmu_notifier_range *range)
{
	struct plain *plain = container_of(sub, struct plain, sub);

	linger(range->start);
	CHECK(sub->ops == &plain_ops);
	CHECK(__atomic_sub_fetch(&plain->open, 1, __ATOMIC_SEQ_CST) >= 0);
}

static int failing_start(struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	if (mmu_notifier_range_blockable(range))
		return 0;
	return range->start & 1 ? -EAGAIN : 0;
}

static void plain_release(struct mmu_notifier *sub, struct mm_struct *of)
{
	struct plain *plain = container_of(sub, struct plain, sub);

	sched_yield();
	__atomic_fetch_add(&plain->released, 1, __ATOMIC_SEQ_CST);
}

static const struct mmu_notifier_ops plain_ops = {
	.release = plain_release,
	.invalidate_range_start = plain_start,
	.invalidate_range_end = plain_end,
};
static const struct mmu_notifier_ops failing_ops = {
	.release = plain_release,
	.invalidate_range_start = failing_start,
};

static struct mmu_notifier *got_alloc(struct mm_struct *of)
{
	struct got *got = calloc(1, sizeof(*got));

	if (!got)
		return ERR_PTR(-ENOMEM);
	COUNT(gots_alive);
	return &got->sub;
}

static void got_free(struct mmu_notifier *sub)
{
	__atomic_fetch_sub(&gots_alive, 1, __ATOMIC_SEQ_CST);
	free(container_of(sub, struct got, sub));
}

static int got_start(struct mmu_notifier *sub,
		     const struct mmu_notifier_range *range)
{
	struct got *got = container_of(sub, struct got, sub);

	linger(range->start);
	__atomic_fetch_add(&got->open, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void got_end(struct mmu_notifier *sub,
		    const struct mmu_notifier_range *range)
{
	struct got *got = container_of(sub, struct got, sub);

	CHECK(__atomic_sub_fetch(&got->open, 1, __ATOMIC_SEQ_CST) >= 0);
}

static const struct mmu_notifier_ops got_ops = {
	.invalidate_range_start = got_start,
	.invalidate_range_end = got_end,
	.alloc_notifier = got_alloc,
	.free_notifier = got_free,
};

static void nobody_has(unsigned long from, unsigned long to)
{
	unsigned long p;
	int d;

	for (d = 0; d < DEVICES; d++) {
		pthread_mutex_lock(&devices[d].lock);
		for (p = from; p < to; p++)
			CHECK(!devices[d].translation[p]);
		pthread_mutex_unlock(&devices[d].lock);
	}
}

/* munmap and its like: start, change the entries, end. */
static void change_mapping(struct rng *rng)
{
	unsigned long from = rng_below(rng, PAGES);
	unsigned long to = from + 1 + rng_below(rng, PAGES - from);
	struct mmu_notifier_range range;
	unsigned long p;

	if (rng_below(rng, 4))
		to = from + 1;
	if (under_mmap_lock)
		mmap_read_lock(mm);
	mmu_notifier_range_init(&range, rng_below(rng, 5), 0, NULL, mm, from, to);
	if (rng_below(rng, 4)) {
		mmu_notifier_invalidate_range_start(&range);
	} else if (!mmu_notifier_invalidate_range_start_nonblock(&range)) {
		COUNT(did.nonblock);
	} else {
		COUNT(did.failed_starts);
		goto out_unlock;
	}
	COUNT(did.changes);
	__atomic_fetch_add(&changing[self], 1, __ATOMIC_SEQ_CST);
	nobody_has(from, to);
	for (p = from; p < to; p++) {
		pthread_mutex_lock(&page_lock[p]);
		page[p]++;
		pthread_mutex_unlock(&page_lock[p]);
	}
	if (rng_below(rng, 4) == 0)
		sched_yield();
	nobody_has(from, to);
	__atomic_fetch_add(&changing[self], 1, __ATOMIC_SEQ_CST);
	mmu_notifier_invalidate_range_end(&range);
out_unlock:
	if (under_mmap_lock)
		mmap_read_unlock(mm);
}

/*
 * The loop of a driver; the caller holds device->owner. It is bounded where the
 * changes hold mmap_lock (R4.24).
 */
static void device_fault(struct device *device, struct rng *rng)
{
	unsigned long first = interval_tree_start(&device->sub.interval_tree);
	unsigned long last = interval_tree_last(&device->sub.interval_tree);
	struct mmu_interval_rounds reader =
		MMU_INTERVAL_ROUNDS_INIT(&device->sub);
	unsigned long p, found;
	bool surely, again;

	if (last >= PAGES)
		last = PAGES - 1;
	p = first + rng_below(rng, last - first + 1);
	COUNT(did.faults);
	do {
		if (mmu_interval_round_lock(&reader)) {
			CHECK(!under_mmap_lock);
			return;
		}
		mmu_interval_round_begin(&reader);
		CHECK(reader.seq & 1);
		pthread_mutex_lock(&page_lock[p]);
		found = page[p];
		pthread_mutex_unlock(&page_lock[p]);
		mmu_interval_round_looked_up(&reader);
		if (rng_below(rng, 8) == 0)
			sched_yield();
		surely = mmu_interval_check_retry(&device->sub, reader.seq);
		pthread_mutex_lock(&device->lock);
		again = mmu_interval_round_retry(&reader);
		CHECK(again || !surely);
		if (!again)
			device->translation[p] = found;
		pthread_mutex_unlock(&device->lock);
		mmu_interval_round_unlock(&reader);
		if (again)
			COUNT(retries);
	} while (again);
}

/* What is installed is current: the page cannot change while it is locked. */
static void check_device(struct device *device)
{
	unsigned long p;

	for (p = 0; p < PAGES; p++) {
		pthread_mutex_lock(&page_lock[p]);
		pthread_mutex_lock(&device->lock);
		CHECK(!device->translation[p] ||
		      device->translation[p] == page[p]);
		pthread_mutex_unlock(&device->lock);
		pthread_mutex_unlock(&page_lock[p]);
	}
	COUNT(did.compared);
}

static void remove_device(struct device *device)
{
	pthread_mutex_lock(&device->lock);
	memset(device->translation, 0, sizeof(device->translation));
	pthread_mutex_unlock(&device->lock);
	mmu_interval_notifier_remove(&device->sub);
	/* Nobody may look at it any more: poison it. */
	memset(&device->sub, 0x6b, sizeof(device->sub));
	device->inserted = false;
	COUNT(did.removes);
}

static const struct mmu_interval_notifier_ops *ops_of(const struct device *device)
{
	return device->two_pass ? &two_pass_ops : &one_pass_ops;
}

static void insert_device(struct device *device, struct rng *rng)
{
	unsigned long start = rng_below(rng, PAGES);
	unsigned long length = 1 + rng_below(rng, PAGES - start);
	int ret;

	if (rng_below(rng, 16) == 0) {
		start = 0;
		length = ~0ul;
	}
	if (rng_below(rng, 4)) {
		ret = mmu_interval_notifier_insert(&device->sub, mm, start,
						   length, ops_of(device));
	} else {
		CHECK(!down_write_killable(&mm->mmap_lock));
		ret = mmu_interval_notifier_insert_locked(
			&device->sub, mm, start, length, ops_of(device));
		mmap_write_unlock(mm);
	}
	CHECK(!ret);
	device->inserted = !ret;
	COUNT(did.inserts);
}

/* More devices than threads, so one is always to be had. */
static struct device *own_device(struct rng *rng)
{
	unsigned long d = rng_below(rng, DEVICES);

	static_assert(DEVICES > THREADS, "an operation may find no device");
	while (pthread_mutex_trylock(&devices[d].owner))
		d = (d + 1) % DEVICES;
	return &devices[d];
}

static void use_device(struct rng *rng)
{
	struct device *device = own_device(rng);

	if (!device->inserted)
		insert_device(device, rng);
	else if (rng_below(rng, 12) == 0)
		remove_device(device);
	else if (rng_below(rng, 16) == 0)
		check_device(device);
	else
		device_fault(device, rng);
	pthread_mutex_unlock(&device->owner);
}

static void leave(struct plain *plain)
{
	mmu_notifier_unregister(&plain->sub, mm);
	CHECK(__atomic_load_n(&plain->released, __ATOMIC_SEQ_CST) == 1);
	memset(&plain->sub, 0x6b, sizeof(plain->sub));
	plain->registered = false;
	COUNT(did.unregisters);
}

/* When it returns, what was not told of it has ended (R2.20). */
static void join(struct plain *plain)
{
	unsigned long before[THREADS];
	int t;

	plain->sub.ops = plain->may_fail ? &failing_ops : &plain_ops;
	plain->open = 0;
	plain->released = 0;
	for (t = 0; t < THREADS; t++)
		before[t] = __atomic_load_n(&changing[t], __ATOMIC_SEQ_CST);
	plain->registered = !mmu_notifier_register(&plain->sub, mm);
	CHECK(plain->registered);
	for (t = 0; t < THREADS; t++)
		CHECK(!(before[t] & 1) ||
		      before[t] !=
			      __atomic_load_n(&changing[t], __ATOMIC_SEQ_CST));
	COUNT(did.registers);
}

static void use_plain(struct rng *rng)
{
	struct plain *plain = &plains[rng_below(rng, PLAINS)];

	pthread_mutex_lock(&plain->owner);
	if (plain->registered) {
		leave(plain);
	} else {
		join(plain);
	}
	pthread_mutex_unlock(&plain->owner);
}

static struct mmu_notifier *get(struct rng *rng)
{
	struct mmu_notifier *sub;

	if (rng_below(rng, 4)) {
		sub = mmu_notifier_get(&got_ops, mm);
	} else {
		CHECK(!down_write_killable(&mm->mmap_lock));
		sub = mmu_notifier_get_locked(&got_ops, mm);
		mmap_write_unlock(mm);
	}
	if (IS_ERR(sub))
		panic("get: %ld", PTR_ERR(sub));
	COUNT(did.gets);
	return sub;
}

static void put(struct mmu_notifier *sub)
{
	mmu_notifier_put(sub);
	COUNT(did.puts);
}

static void use_got(struct rng *rng)
{
	struct mmu_notifier *sub = get(rng);

	if (rng_below(rng, 2))
		change_mapping(rng);
	put(sub);
	if (rng_below(rng, 64) == 0)
		mmu_notifier_synchronize();
}

static void one_operation(struct rng *rng)
{
	switch (rng_below(rng, intervals_alone ? 29 : 32)) {
	case 0 ... 11:
		change_mapping(rng);
		break;
	case 12 ... 28:
		use_device(rng);
		break;
	case 29 ... 30:
		use_plain(rng);
		break;
	default:
		use_got(rng);
	}
}

/* No thread does anything. */
static void look_at_rest(void)
{
	struct mmu_notifier_stats stats;
	int i;

	CHECK(mmu_notifier_verify(mm));
	mmu_notifier_read_stats(mm, &stats);
	CHECK(stats.open_ranges == 0);
	CHECK(stats.open_overlaps == 0);
	CHECK(did.finished == did.second_passes);
	for (i = 0; i < PLAINS; i++)
		CHECK(plains[i].open == 0 || !plains[i].registered);
	waits_seen += stats.waits;
	alone_seen += stats.exclusive_rounds;
}

/* Likewise. */
static void begin_round(unsigned long round)
{
	looked_at = figures == FIGURES_BY_TURNS ? round & 1 : figures;
	under_mmap_lock = round & 2;
	intervals_alone = round & 4;
	mmu_notifier_observe(looked_at);
	if (looked_at)
		did.rounds_with_figures++;
	else
		did.rounds_without++;
}

/* Another thread is at the exit; this one takes out some of what it meets. */
static void leave_beside_exit(struct rng *rng)
{
	struct device *device = own_device(rng);
	struct plain *plain = &plains[rng_below(rng, PLAINS)];

	if (device->inserted) {
		remove_device(device);
		COUNT(did.left_beside_exit);
	}
	pthread_mutex_unlock(&device->owner);
	pthread_mutex_lock(&plain->owner);
	if (plain->registered) {
		leave(plain);
		COUNT(did.left_beside_exit);
	}
	pthread_mutex_unlock(&plain->owner);
}

/* One thread takes out what the exit left, and begins anew. */
static void end_round(void)
{
	int i;

	nobody_has(0, PAGES);
	CHECK(mmu_notifier_verify(mm));
	for (i = 0; i < PLAINS; i++) {
		if (plains[i].registered)
			leave(&plains[i]);
	}
	for (i = 0; i < DEVICES; i++) {
		if (devices[i].inserted)
			remove_device(&devices[i]);
	}
	mmu_notifier_synchronize();
	CHECK(__atomic_load_n(&gots_alive, __ATOMIC_SEQ_CST) == 0);
	CHECK(mmu_notifier_nr_subscriptions() == 0);
	CHECK(mmu_notifier_nr_pending() == 0);
	mmdrop(mm);
	mm = host_mm_alloc();
	COUNT(did.exits);
}

static void *thread(void *arg)
{
	struct rng rng = rng_init(seed * THREADS + (unsigned long)arg);
	struct mmu_notifier *got;
	unsigned long round, i;

	self = (unsigned long)arg;
	for (round = 0; round < rounds; round++) {
		if (!arg)
			begin_round(round);
		pthread_barrier_wait(&barrier);
		for (i = ops * round / rounds; i < ops * (round + 1) / rounds; i++)
			one_operation(&rng);
		got = get(&rng);
		pthread_barrier_wait(&barrier);
		if (!arg)
			look_at_rest();
		pthread_barrier_wait(&barrier);
		if (!arg)
			host_mm_exit(mm);
		else
			leave_beside_exit(&rng);
		put(got);
		pthread_barrier_wait(&barrier);
		if (!arg)
			end_round();
	}
	return NULL;
}

static bool all_ways_taken(void)
{
	return figures != FIGURES_BY_TURNS || rounds < 8 ||
	       (did.rounds_without && did.rounds_with_figures);
}

static bool all_kinds_done(void)
{
	printf("# %lu changes, %lu of them nonblock; %lu starts failed\n",
	       did.changes, did.nonblock, did.failed_starts);
	printf("# %lu faults, %lu retries, %lu compared; %lu second passes, %lu finished, %lu drops in one pass\n",
	       did.faults, retries, did.compared, did.second_passes,
	       did.finished, did.in_one_pass);
	printf("# %lu inserts, %lu removes; %lu registers, %lu unregisters; %lu gets, %lu puts; %lu exits, %lu left beside them\n",
	       did.inserts, did.removes, did.registers, did.unregisters,
	       did.gets, did.puts, did.exits, did.left_beside_exit);
	printf("# %lu rounds without figures, %lu with them\n",
	       did.rounds_without, did.rounds_with_figures);
	return did.changes && did.nonblock && did.failed_starts && did.faults &&
	       did.compared && did.inserts == did.removes && did.inserts &&
	       did.registers == did.unregisters && did.registers &&
	       did.gets == did.puts && did.gets && did.exits == rounds &&
	       did.left_beside_exit && did.second_passes &&
	       did.finished == did.second_passes && all_ways_taken();
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	unsigned long i;

	ops = host_option(argc, argv, "OPS", 100000);
	rounds = host_option(argc, argv, "ROUNDS", 200);
	seed = host_option(argc, argv, "SEED", 1);
	figures = host_option(argc, argv, "OBSERVE", FIGURES_BY_TURNS);
	host_plan(3);
	for (i = 0; i < PAGES; i++) {
		page[i] = 1;
		pthread_mutex_init(&page_lock[i], NULL);
	}
	for (i = 0; i < DEVICES; i++) {
		pthread_mutex_init(&devices[i].lock, NULL);
		pthread_mutex_init(&devices[i].owner, NULL);
		pthread_mutex_init(&devices[i].second.lock, NULL);
		devices[i].two_pass = i & 1;
	}
	for (i = 0; i < PLAINS; i++) {
		pthread_mutex_init(&plains[i].owner, NULL);
		plains[i].may_fail = i == 0;
	}
	mm = host_mm_alloc();
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, thread, (void *)i);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	mmdrop(mm);
	printf("# seed %lu: %lu operations, %lu callbacks, %lu waits, %lu alone\n",
	       seed, ops * THREADS, calls, waits_seen, alone_seen);
	host_result(failures == 0, "no_stale_translation_and_every_pair_whole");
	host_result(warn_count() == 0, "no_warning");
	host_result(all_kinds_done(), "every_kind_of_work_was_done");
	return host_verdict();
}
