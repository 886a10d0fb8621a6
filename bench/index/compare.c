// SPDX-License-Identifier: MIT
/*
 * bench/index/compare.c - one index of intervals at work, to be measured
 *
 * Problem.  Two designs are to be compared in instructions and in cache misses
 * on the work that the notifiers give them, with nothing else in the numbers.
 *
 * Idea.  This source is compiled once for each design (INDEX names the header
 * that gives it its names) and run under callgrind. Its client requests mark
 * where each kind of work begins and ends; the caches it simulates stay as they are
 * between. run.py takes the numbers of the same drawing without the work off
 * and divides by the operations.
 *
 * The stage: N one-page intervals on every other page. Each lies in an object
 * of a driver's size that comes from malloc() by itself, and they are inserted
 * in shuffled order, so that neighbours by address are not neighbours in
 * memory. Pages are drawn evenly over all. A callback is a store beside the
 * interval, where the core keeps the number that a real one stores.
 *
 *	draw	the drawing alone
 *	hit	one covered page: the search and one callback
 *	miss	one page between two intervals
 *	walk	64 covered pages: 64 callbacks
 *	remove	members drawn evenly, each once
 *	insert	what was removed, in the same order; with the reserving
 *
 * Without valgrind it times the same work by the clock of its own CPU time: `ns'
 * lines; not for what comes and goes where a batch is too short for the clock.
 * With CHECK=1
 * it instead tries the design against a linear shadow, as
 * tests/host/interval_tree_host.c does.
 *
 * Options: N=n OPS=n SEED=n CHECK=1. Not here: the designs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <valgrind/callgrind.h>
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/random.h>
#include INDEX

#define PAGE(n)        ((unsigned long)(n) << 12)
#define WALK_PAGES     128
#define BATCH          20000ul
#define CHECK_NODES    320
#define SHORTEST_TIMED 100

/* As large as a driver's object round a subscription, a word more or less. */
struct watch {
	unsigned long drivers_before[4];
	struct index_item item;
	unsigned long seq;
	unsigned long drivers_behind[12];
};

static struct index_tree index_all;
static struct watch **watches;
static unsigned long nr, ops;
static struct rng rng;

static void die(const char *why)
{
	fprintf(stderr, "compare: %s\n", why);
	exit(1);
}

static unsigned long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * 1000000000ul + time.tv_nsec;
}

static unsigned long began, spent;

/* The clock is outside of what valgrind counts. */
static void resume_it(void)
{
	began = now();
	CALLGRIND_TOGGLE_COLLECT;
}

static void pause_it(void)
{
	CALLGRIND_TOGGLE_COLLECT;
	spent += now() - began;
}

static void begin(void)
{
	CALLGRIND_ZERO_STATS;
	resume_it();
}

static void done(const char *what, unsigned long count, bool timed)
{
	char name[64];

	snprintf(name, sizeof(name), "%s %lu", what, count);
	CALLGRIND_DUMP_STATS_AT(name);
	if (timed)
		printf("ns %s %lu\n", what, (spent + count / 2) / count);
	spent = 0;
}

static void insert(struct watch *watch)
{
	if (unlikely(!index_reserve(&index_all)))
		die("out of memory");
	index_insert(&watch->item, &index_all);
}

static void shuffle(void)
{
	unsigned long i, j;

	for (i = nr - 1; i > 0; i--) {
		j = rng_below(&rng, i + 1);
		swap(watches[i], watches[j]);
	}
}

static void fill(void)
{
	unsigned long i;

	watches = calloc(nr, sizeof(watches[0]));
	if (!watches)
		die("out of memory");
	for (i = 0; i < nr; i++) {
		watches[i] =
			calloc(1, sizeof(*watches[i]) + 16 * rng_below(&rng, 4));
		if (!watches[i])
			die("out of memory");
	}
	shuffle();
	for (i = 0; i < nr; i++)
		index_item_init(&watches[i]->item, PAGE(2 * i),
				PAGE(2 * i + 1) - 1);
	shuffle();
	for (i = 0; i < nr; i++)
		insert(watches[i]);
}

static unsigned long draw_page(unsigned long choices, unsigned long odd)
{
	return PAGE(2 * rng_below(&rng, choices) + odd);
}

static void search(const char *what, unsigned long choices, unsigned long odd,
		   unsigned long length, unsigned long times, unsigned long want)
{
	unsigned long i, start, found = 0;
	struct index_walk walk;
	struct index_item *item;

	begin();
	for (i = 0; i < times; i++) {
		start = draw_page(choices, odd);
		for (item = index_first(&index_all, &walk, start, start + length);
		     item; item = index_next(&walk, start, start + length)) {
			WRITE_ONCE(container_of(item, struct watch, item)->seq,
				   i);
			found++;
		}
	}
	pause_it();
	done(what, times, true);
	if (found != want * times)
		die("a search found the wrong number");
}

static void draw_alone(void)
{
	volatile unsigned long drawn __maybe_unused;
	unsigned long i;

	begin();
	for (i = 0; i < ops; i++)
		drawn = draw_page(nr, 1);
	pause_it();
	done("draw", ops, true);
}

/* The first @batch of the shuffled members, out and in again. */
static void remove_all(unsigned long batch)
{
	unsigned long i;

	for (i = 0; i < batch; i++)
		index_remove(&watches[i]->item, &index_all);
}

static void insert_all(unsigned long batch)
{
	unsigned long i;

	for (i = 0; i < batch; i++)
		insert(watches[i]);
}

static void come_and_go(void)
{
	unsigned long batch = nr / 2 < BATCH ? nr / 2 : BATCH;
	unsigned long done_so_far, counted = 0;

	begin();
	for (done_so_far = 0; done_so_far < ops; done_so_far += batch) {
		remove_all(batch);
		pause_it();
		insert_all(batch);
		shuffle();
		counted += batch;
		resume_it();
	}
	pause_it();
	done("remove", counted, batch >= SHORTEST_TIMED);
	counted = 0;
	begin();
	for (done_so_far = 0; done_so_far < ops; done_so_far += batch) {
		pause_it();
		remove_all(batch);
		resume_it();
		insert_all(batch);
		pause_it();
		shuffle();
		counted += batch;
		resume_it();
	}
	pause_it();
	done("insert", counted, batch >= SHORTEST_TIMED);
}

/* --- against a linear shadow ------------------------------------------------ */

static struct {
	struct index_item item;
	bool in;
	unsigned int seen;
} shadow[CHECK_NODES];

static bool query_right(unsigned long start, unsigned long end)
{
	struct index_walk walk;
	struct index_item *item;
	unsigned long before = 0;
	bool right = true;
	int i;

	for (i = 0; i < CHECK_NODES; i++)
		shadow[i].seen = 0;
	for (item = index_first(&index_all, &walk, start, end); item;
	     item = index_next(&walk, start, end)) {
		container_of(item, __typeof__(shadow[0]), item)->seen++;
		right &= index_item_start(item) >= before;
		before = index_item_start(item);
	}
	for (i = 0; i < CHECK_NODES; i++) {
		item = &shadow[i].item;
		right &= shadow[i].seen ==
			 (shadow[i].in && index_item_start(item) < end &&
			  index_item_last(item) >= start);
	}
	return right;
}

static void check_all(void)
{
	long members = 0;
	unsigned long i, k, start;

	for (i = 0; i < ops; i++) {
		k = rng_below(&rng, i & 32768 ? CHECK_NODES : 40);
		if (shadow[k].in) {
			index_remove(&shadow[k].item, &index_all);
			members--;
		} else {
			start = rng_below(&rng, i & 8192 ? 40 : 1000);
			index_item_init(
				&shadow[k].item, start,
				start + rng_below(&rng, i & 4096 ? 600 : 3));
			if (!index_reserve(&index_all))
				die("out of memory");
			index_insert(&shadow[k].item, &index_all);
			members++;
		}
		shadow[k].in = !shadow[k].in;
		start = rng_below(&rng, 1200);
		if (!query_right(start, start + 1 + rng_below(&rng, 300)))
			die("an overlap was missed, invented or repeated");
		if (index_verify(&index_all) != members)
			die("an invariant is broken");
	}
	printf("%s: %lu operations agree with the shadow\n", INDEX_NAME, ops);
}

static unsigned long option(int argc, char **argv, const char *name,
			    unsigned long otherwise)
{
	size_t len = strlen(name);
	int i;

	for (i = 1; i < argc; i++) {
		if (!strncmp(argv[i], name, len) && argv[i][len] == '=')
			return strtoul(argv[i] + len + 1, NULL, 0);
	}
	return otherwise;
}

int main(int argc, char **argv)
{
	unsigned long i;

	nr = option(argc, argv, "N", 1000);
	ops = option(argc, argv, "OPS", 20000);
	rng = rng_init(option(argc, argv, "SEED", 1));
	if (nr < 2)
		die("N must be at least 2");
	index_init(&index_all);
	if (option(argc, argv, "CHECK", 0)) {
		check_all();
		return 0;
	}
	fill();
	draw_alone();
	search("hit", nr, 0, PAGE(1), ops, 1);
	search("miss", nr, 1, PAGE(1), ops, 0);
	if (nr > WALK_PAGES / 2)
		search("walk", nr - WALK_PAGES / 2, 0, PAGE(WALK_PAGES),
		       ops / 16, WALK_PAGES / 2);
	else
		search("walk", 1, 0, PAGE(2 * nr), ops / 16, nr);
	come_and_go();
	printf("bytes %lu\n", sizeof(struct index_item) + index_bytes() / nr);
	if (index_verify(&index_all) != (long)nr)
		die("an invariant is broken");
	for (i = 0; i < nr; i++) {
		index_remove(&watches[i]->item, &index_all);
		free(watches[i]);
	}
	free(watches);
	index_free(&index_all);
	return 0;
}
