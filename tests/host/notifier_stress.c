// SPDX-License-Identifier: MIT
/*
 * tests/host/notifier_stress.c - the notifier core under four threads
 *
 * Problem.  Chance finds interleavings that no test forces; and the sanitizers
 * that know data races and freed memory run here, not in a boot.
 *
 * Idea.  Four threads do random things to one mm. The mapping is an array of
 * numbers, one a page; changing a page makes a new number. A device's
 * translation is a copied number. An operation is one of these:
 *
 *	12 of 32	a change: start, new numbers, end. A quarter may not sleep,
 *			and ends at the start if a callback would have to, or
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
 * These must hold:
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
 *
 * A round is its share of the operations, then exit and a new mm. Of eight
 * rounds each is another kind, so that ranges take all of their ways: statistics
 * off or on, changes under mmap_lock or not, the last two operations or not.
 * That each kind of work was done is itself a result. Options: OPS=n a thread,
 * ROUNDS=n, SEED=n, OBSERVE=0 or 1 (statistics off or on in all rounds). Not here:
 * the devices (stress_device.c), plain and counted subscribers (stress_plain.c),
 * what one thread alone can show.
 */
#include "stress.h"

unsigned long failures;
unsigned long page[PAGES];
pthread_mutex_t page_lock[PAGES];
struct mm_struct *mm;
unsigned long changing[THREADS];
bool under_mmap_lock;
struct done did;

static __thread unsigned long self;
static pthread_barrier_t barrier;
static unsigned long ops, rounds, seed;
/* Off, on, or */
#define FIGURES_BY_TURNS 2
static unsigned long figures;
static bool intervals_alone, looked_at; /* this round */
static unsigned long waits_seen, alone_seen;

void change_mapping(struct rng *rng)
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
	no_device_has(from, to);
	for (p = from; p < to; p++) {
		pthread_mutex_lock(&page_lock[p]);
		page[p]++;
		pthread_mutex_unlock(&page_lock[p]);
	}
	if (rng_below(rng, 4) == 0)
		sched_yield();
	no_device_has(from, to);
	__atomic_fetch_add(&changing[self], 1, __ATOMIC_SEQ_CST);
	mmu_notifier_invalidate_range_end(&range);
out_unlock:
	if (under_mmap_lock)
		mmap_read_unlock(mm);
}

static void one_operation(struct rng *rng)
{
	switch (rng_below(rng, intervals_alone ? 29 : 32)) {
	case 0 ... 11:
		change_mapping(rng);
		break;
	case 12 ... 28:
		device_use(rng);
		break;
	case 29 ... 30:
		plain_use(rng);
		break;
	default:
		got_use(rng);
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
	struct device *device = device_own(rng);
	struct plain *plain = &plains[rng_below(rng, PLAINS)];

	if (device->inserted) {
		device_remove(device);
		COUNT(did.left_beside_exit);
	}
	pthread_mutex_unlock(&device->owner);
	pthread_mutex_lock(&plain->owner);
	if (plain->registered) {
		plain_leave(plain);
		COUNT(did.left_beside_exit);
	}
	pthread_mutex_unlock(&plain->owner);
}

/* One thread takes out what the exit left, and begins anew. */
static void end_round(void)
{
	int i;

	no_device_has(0, PAGES);
	CHECK(mmu_notifier_verify(mm));
	for (i = 0; i < PLAINS; i++) {
		if (plains[i].registered)
			plain_leave(&plains[i]);
	}
	for (i = 0; i < DEVICES; i++) {
		if (devices[i].inserted)
			device_remove(&devices[i]);
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
		got = got_get(&rng);
		pthread_barrier_wait(&barrier);
		if (!arg)
			look_at_rest();
		pthread_barrier_wait(&barrier);
		if (!arg)
			host_mm_exit(mm);
		else
			leave_beside_exit(&rng);
		got_put(got);
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
	       did.faults, did.retries, did.compared, did.second_passes,
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
	devices_init();
	plains_init();
	mm = host_mm_alloc();
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, thread, (void *)i);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	mmdrop(mm);
	printf("# seed %lu: %lu operations, %lu callbacks, %lu waits, %lu alone\n",
	       seed, ops * THREADS, did.calls, waits_seen, alone_seen);
	host_result(failures == 0, "no_stale_translation_and_every_pair_whole");
	host_result(warn_count() == 0, "no_warning");
	host_result(all_kinds_done(), "every_kind_of_work_was_done");
	return host_verdict();
}
