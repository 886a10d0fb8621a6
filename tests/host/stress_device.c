// SPDX-License-Identifier: MIT
/*
 * tests/host/stress_device.c - the stress: devices with interval subscriptions
 *
 * A device keeps copies of page numbers. Half of the devices drop them in the first
 * pass, the others in the second, as a slow device would.
 *
 *	lock		guards
 *	device->lock	its translations
 *	second->lock	the bounds in it, from the first pass to the second
 *	device->owner	the holder alone inserts, removes and faults
 */
#include "stress.h"

struct device devices[DEVICES];

void devices_init(void)
{
	unsigned long i;

	for (i = 0; i < DEVICES; i++) {
		pthread_mutex_init(&devices[i].lock, NULL);
		pthread_mutex_init(&devices[i].owner, NULL);
		pthread_mutex_init(&devices[i].second.lock, NULL);
		devices[i].two_pass = i & 1;
	}
}

/* --- its callbacks -------------------------------------------------------- */

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

/* Lock @device for @range; false: it is at work, and @range may not wait. */
static bool lock_device(struct device *device,
			const struct mmu_notifier_range *range)
{
	COUNT(did.calls);
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

/* --- what a driver does ---------------------------------------------------- */

void no_device_has(unsigned long from, unsigned long to)
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
			COUNT(did.retries);
	} while (again);
}

/* Each translation is current: a page cannot change while it is locked. */
static void device_check(struct device *device)
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

void device_remove(struct device *device)
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

static void device_insert(struct device *device, struct rng *rng)
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
struct device *device_own(struct rng *rng)
{
	unsigned long d = rng_below(rng, DEVICES);

	static_assert(DEVICES > THREADS, "an operation may find no device");
	while (pthread_mutex_trylock(&devices[d].owner))
		d = (d + 1) % DEVICES;
	return &devices[d];
}

void device_use(struct rng *rng)
{
	struct device *device = device_own(rng);

	if (!device->inserted)
		device_insert(device, rng);
	else if (rng_below(rng, 12) == 0)
		device_remove(device);
	else if (rng_below(rng, 16) == 0)
		device_check(device);
	else
		device_fault(device, rng);
	pthread_mutex_unlock(&device->owner);
}
