// SPDX-License-Identifier: MIT
/*
 * tests/host/lifted/kernel.c - the notifier core at work in another kernel
 *
 * Problem.  To take the core over is to call it in the right places. Which, is
 * shown here with as little round it as can be; docs/lifting.md walks through.
 *
 * Idea.  Tiny's address space is a table of frames, one a page, and an address
 * is the number of a page. A frame that is given back goes to the next caller.
 * The device has a table of translations, and writes through them whenever it
 * runs. Two devices fault and write while two tasks map and unmap; every yield
 * is where another kernel would be interrupted. In the end the mm's own user
 * leaves while a device is inside a look-up, so that the device is the last.
 *
 *	what must hold			how it is seen
 *	no write to a frame that was	each frame knows the page it stands for;
 *	given away			the device compares when it writes
 *	every end has had its start	the plain subscriber counts
 *	exit notifies all first		no device has a translation when the
 *					frames go
 *	the last user may be a device	its thread ran the exit, with its lock
 *					free
 *
 * That the first of these is really looked at is shown by the same run without
 * the bracket of start and end: then there are such writes.
 *
 *	lock			guards
 *	mm->mmap_lock		the table of frames
 *	device->lock		its translations
 *
 * Options: SEED=n in the environment. Not here: the primitives (tiny.h), tasks
 * (tiny.c).
 */
#include <errno.h>
#include <stdio.h>
#include <mm/notifier/mmu_notifier.h>
#include "tiny_test.h"

#define FRAMES  48
#define ROUNDS  20000
#define DEVICES 2
#define MAPPERS 2

enum bracket {
	BRACKET_LEFT_OUT,
	BRACKET_KEPT,
};

struct device {
	struct mmu_interval_notifier sub;
	struct spinlock lock;
	unsigned int translation[TINY_PAGES]; /* 0: none */
};

struct listener {
	struct mmu_notifier sub;
	long open;
	bool unpaired;
	bool released;
};

/* Frame 0 is never given out. */
static unsigned int frame_page[FRAMES]; /* page + 1, 0 while it is free */
static unsigned int last_frame;

static struct mm_struct *mm;
static struct device devices[DEVICES];
static struct listener listener;
static enum bracket bracket;
static int mappers_left;
static unsigned long writes, stale_writes, retries;
static bool let_go, exited;

/* --- memory ------------------------------------------------------------------- */

static unsigned int frame_alloc(unsigned int page)
{
	unsigned int i;

	for (i = 0; i < FRAMES; i++) {
		last_frame = last_frame % (FRAMES - 1) + 1;
		if (!frame_page[last_frame]) {
			frame_page[last_frame] = page + 1;
			return last_frame;
		}
	}
	return 0;
}

static unsigned int frames_in_use(void)
{
	unsigned int i, used = 0;

	for (i = 1; i < FRAMES; i++)
		used += frame_page[i] != 0;
	return used;
}

/* --- the address space: the first two of the three calls ------------------------ */

static struct mm_struct *mm_alloc(void)
{
	struct mm_struct *fresh = calloc(1, sizeof(*fresh));

	BUG_ON(!fresh);
	fresh->mm_users.counter = 1;
	fresh->mm_count.counter = 1;
	mmu_notifier_subscriptions_init(fresh);
	return fresh;
}

static void drop_frames(unsigned long from, unsigned long to)
{
	unsigned int frame;

	for (; from < to; from++) {
		frame = mm->tiny_table[from];
		mm->tiny_table[from] = 0;
		frame_page[frame] = 0;
	}
}

/* Where there is no user any more there is none to come. */
static bool mmget_not_zero(void)
{
	if (!mm->mm_users.counter)
		return false;
	mm->mm_users.counter++;
	return true;
}

/* The last user leaves: all subscribers let go before the first frame does. */
static void mmput(void)
{
	int d, p;

	if (!atomic_dec_and_test(&mm->mm_users))
		return;
	mmu_notifier_release(mm);
	for (d = 0; d < DEVICES; d++) {
		for (p = 0; p < TINY_PAGES; p++)
			let_go &= !devices[d].translation[p];
	}
	drop_frames(0, TINY_PAGES);
	mmu_notifier_check_exit(mm);
	exited = true;
}

/* --- the third call ---------------------------------------------------------------- */

void tiny_mm_free(struct mm_struct *gone)
{
	mmu_notifier_subscriptions_destroy(gone);
	free(gone);
}

/* --- changes of the mapping --------------------------------------------------------- */

/* Where nothing was, no device has anything: no bracket. */
static void map(unsigned long page)
{
	if (down_write_killable(&mm->mmap_lock))
		return;
	if (!mm->tiny_table[page])
		mm->tiny_table[page] = frame_alloc(page);
	mmap_write_unlock(mm);
}

static void unmap(unsigned long from, unsigned long to)
{
	struct mmu_notifier_range range;

	if (down_write_killable(&mm->mmap_lock))
		return;
	mmu_notifier_range_init(&range, MMU_NOTIFY_UNMAP, 0, NULL, mm, from, to);
	if (bracket == BRACKET_KEPT)
		mmu_notifier_invalidate_range_start(&range);
	tiny_yield();
	drop_frames(from, to);
	tiny_yield();
	if (bracket == BRACKET_KEPT)
		mmu_notifier_invalidate_range_end(&range);
	mmap_write_unlock(mm);
}

/* Its own user leaves when a device is one too, which then is the last. */
static void leave(void)
{
	if (--mappers_left)
		return;
	while (atomic_read(&mm->mm_users) == 1)
		tiny_yield();
	mmput();
}

static void mapper(void *arg)
{
	unsigned long page, i, pause;

	for (i = 0; i < ROUNDS; i++) {
		page = tiny_below(TINY_PAGES - 4);
		if (tiny_below(4))
			map(page);
		else
			unmap(page, page + 1 + tiny_below(4));
		for (pause = tiny_below(16); pause > 0; pause--)
			tiny_yield();
	}
	leave();
}

/* --- the device ------------------------------------------------------------------- */

static bool device_invalidate(struct mmu_interval_notifier *sub,
			      const struct mmu_notifier_range *range,
			      unsigned long cur_seq)
{
	struct device *device = container_of(sub, struct device, sub);
	unsigned long p;

	spin_lock(&device->lock);
	mmu_interval_set_seq(sub, cur_seq);
	for (p = range->start; p < TINY_PAGES && p < range->end; p++)
		device->translation[p] = 0;
	spin_unlock(&device->lock);
	return true;
}

static const struct mmu_interval_notifier_ops device_ops = {
	.invalidate = device_invalidate,
};

static int device_fault(struct device *device, unsigned long page)
{
	struct mmu_interval_rounds rounds =
		MMU_INTERVAL_ROUNDS_INIT(&device->sub);
	unsigned int frame;
	bool again;
	int ret;

	/* A user of the mm: the table stays until mmput(). */
	if (!mmget_not_zero())
		return -ESRCH;
	do {
		ret = mmu_interval_round_lock(&rounds);
		if (ret)
			break;
		mmu_interval_round_begin(&rounds);
		frame = mm->tiny_table[page];
		mmu_interval_round_looked_up(&rounds);
		tiny_yield();
		spin_lock(&device->lock);
		again = mmu_interval_round_retry(&rounds);
		if (!again)
			device->translation[page] = frame;
		spin_unlock(&device->lock);
		mmu_interval_round_unlock(&rounds);
		retries += again;
	} while (again);
	/* Perhaps as the last user: then exit runs here, with our lock free. */
	mmput();
	return ret;
}

static void device_write(struct device *device, unsigned long page)
{
	unsigned int frame = device->translation[page];

	if (!frame)
		return;
	writes++;
	stale_writes += frame_page[frame] != page + 1;
}

static void device_runs(void *arg)
{
	struct device *device = arg;
	unsigned long page;

	for (;;) {
		page = tiny_below(TINY_PAGES);
		if (device->translation[page])
			device_write(device, page);
		else if (device_fault(device, page) == -ESRCH)
			return;
		tiny_yield();
	}
}

/* --- a plain subscriber --------------------------------------------------------------- */

static int heard_start(struct mmu_notifier *sub,
		       const struct mmu_notifier_range *range)
{
	container_of(sub, struct listener, sub)->open++;
	return 0;
}

static void heard_end(struct mmu_notifier *sub,
		      const struct mmu_notifier_range *range)
{
	struct listener *heard = container_of(sub, struct listener, sub);

	heard->unpaired |= --heard->open < 0;
}

static void heard_release(struct mmu_notifier *sub, struct mm_struct *of)
{
	container_of(sub, struct listener, sub)->released = true;
}

static const struct mmu_notifier_ops listener_ops = {
	.release = heard_release,
	.invalidate_range_start = heard_start,
	.invalidate_range_end = heard_end,
};

/* --- one life of an address space ------------------------------------------------------- */

static void live(enum bracket with)
{
	int i;

	bracket = with;
	writes = stale_writes = retries = 0;
	let_go = true;
	exited = false;
	memset(devices, 0, sizeof(devices));
	memset(&listener, 0, sizeof(listener));
	mm = mm_alloc();
	listener.sub.ops = &listener_ops;
	BUG_ON(mmu_notifier_register(&listener.sub, mm));
	for (i = 0; i < DEVICES; i++) {
		spin_lock_init(&devices[i].lock);
		BUG_ON(mmu_interval_notifier_insert(&devices[i].sub, mm, 0,
						    TINY_PAGES, &device_ops));
		tiny_spawn(device_runs, &devices[i]);
	}
	mappers_left = MAPPERS;
	for (i = 0; i < MAPPERS; i++)
		tiny_spawn(mapper, NULL);
	tiny_run();
	for (i = 0; i < DEVICES; i++)
		mmu_interval_notifier_remove(&devices[i].sub);
	mmu_notifier_unregister(&listener.sub, mm);
	mmdrop(mm);
}

/* Tiny's clock stands still: calls are counted nevertheless. */
static bool statistics_count_without_a_clock(void)
{
	struct mmu_notifier_stats stats;

	mmu_notifier_observe(true);
	memset(&listener, 0, sizeof(listener));
	mm = mm_alloc();
	listener.sub.ops = &listener_ops;
	BUG_ON(mmu_notifier_register(&listener.sub, mm));
	mmput();
	mmu_notifier_read_stats(mm, &stats);
	mmu_notifier_observe(false);
	mmu_notifier_unregister(&listener.sub, mm);
	mmdrop(mm);
	return listener.released && stats.callbacks == 1;
}

static int tests, failed;

static void result(bool ok, const char *name)
{
	tests++;
	failed += !ok;
	printf("%s %d %s\n", ok ? "ok" : "not ok", tests, name);
}

int main(void)
{
	const char *given = getenv("SEED");
	unsigned long seed = given && *given ? strtoul(given, NULL, 0) : 1;

	tiny_seed(seed);
	printf("TAP version 13\n1..8\n# seed %lu\n", seed);
	live(BRACKET_KEPT);
	printf("# %lu writes, %lu retries\n", writes, retries);
	result(!stale_writes && writes && retries,
	       "no_device_writes_a_frame_that_was_given_away");
	result(!listener.unpaired && !listener.open && listener.released,
	       "the_plain_subscriber_hears_whole_pairs_and_the_exit");
	result(let_go, "exit_empties_the_devices_before_the_frames_go");
	result(exited, "a_device_may_be_the_last_user");
	result(!frames_in_use() && !mmu_notifier_nr_subscriptions(),
	       "nothing_is_left_after_the_exit");
	result(statistics_count_without_a_clock(),
	       "statistics_count_without_a_clock");
	result(!tiny_warnings(), "nobody_warned");
	live(BRACKET_LEFT_OUT);
	printf("# without start and end: %lu of %lu writes stale\n",
	       stale_writes, writes);
	result(stale_writes,
	       "without_the_bracket_devices_write_where_they_must_not");
	return failed != 0;
}
