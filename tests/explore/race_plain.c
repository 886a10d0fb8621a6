// SPDX-License-Identifier: MIT
/*
 * tests/explore/race_plain.c - races of plain subscriptions
 *
 * Each is drawn in mm/notifier/range.c, plain.c or get.c, with the same name below. The
 * device counts the ranges that are open, as a plain driver does, and installs nothing
 * while there is one.
 */
#include "mirror.h"

/* Keys: (l) under @lock. */
struct device {
	struct mmu_notifier sub;
	struct spinlock lock;
	unsigned int open;     /* (l) ranges */
	unsigned long seq;     /* (l) ranges so far */
	struct frame *has;     /* (l) the translation */
	unsigned int releases; /* (l) */
};

static struct device *devices[2];

static struct device *device_of(struct mmu_notifier *sub)
{
	return container_of(sub, struct device, sub);
}

/* --- callbacks --------------------------------------------------------------- */

static int range_start(struct mmu_notifier *sub,
		       const struct mmu_notifier_range *range)
{
	struct device *device = device_of(sub);

	spin_lock(&device->lock);
	device->open++;
	device->seq++;
	device->has = NULL;
	spin_unlock(&device->lock);
	return 0;
}

static void range_end(struct mmu_notifier *sub,
		      const struct mmu_notifier_range *range)
{
	struct device *device = device_of(sub);

	spin_lock(&device->lock);
	explore_check(device->open, "an end came whose start did not");
	device->open--;
	spin_unlock(&device->lock);
}

static void use(struct device *device)
{
	spin_lock(&device->lock);
	explore_check(!device->has || !explore_is_freed(device->has),
		      "stale: the device has a frame that is freed");
	if (device->has)
		device->has->uses++;
	spin_unlock(&device->lock);
}

/* The device works on until this drops its translation. */
static void release(struct mmu_notifier *sub, struct mm_struct *its_mm)
{
	struct device *device = device_of(sub);

	explore_point("release() begins");
	use(device);
	spin_lock(&device->lock);
	device->has = NULL;
	device->releases++;
	explore_check(device->releases == 1, "release() was called twice");
	spin_unlock(&device->lock);
}

static const struct mmu_notifier_ops ops = {
	.invalidate_range_start = range_start,
	.invalidate_range_end = range_end,
	.release = release,
};

/* Installs what it finds, unless a range is open or was open meanwhile. */
static void fault(struct device *device)
{
	struct frame *found;
	unsigned long seq;

	spin_lock(&device->lock);
	seq = device->seq;
	found = device->open ? NULL : READ_ONCE(entry);
	spin_unlock(&device->lock);
	explore_point("looked up");
	spin_lock(&device->lock);
	if (!device->open && device->seq == seq)
		device->has = found;
	spin_unlock(&device->lock);
}

static struct device *new_device(void)
{
	struct device *device = explore_alloc(sizeof(*device));

	device->sub.ops = &ops;
	return device;
}

static void register_device(struct device *device)
{
	int err = mmu_notifier_register(&device->sub, mm);

	explore_check(!err, "register: %d", err);
}

static void unregister_and_free(void *arg)
{
	struct device *device = arg;

	mmu_notifier_unregister(&device->sub, mm);
	explore_free(device);
}

/* --- range.c: both callbacks or neither ---------------------------------------- */

static void register_and_fault(void *arg)
{
	register_device(devices[1]);
	fault(devices[1]);
	use(devices[1]);
}

static void setup_register(void)
{
	new_mapping();
	devices[0] = new_device();
	devices[1] = new_device();
	register_device(devices[0]);
	explore_thread("munmap", change_mapping, NULL);
	explore_thread("register", register_and_fault, NULL);
}

static void finish_register(void)
{
	use(devices[1]);
	unregister_and_free(devices[1]);
	unregister_and_free(devices[0]);
	end_mapping();
}

SCENARIO(the_first_registration_waits_for_a_range_that_is_open, setup_register,
	 finish_register);

/* --- plain.c: a walk and subscribers that leave ---------------------------------- */

static void setup_walk(void)
{
	new_mapping();
	devices[0] = new_device();
	devices[1] = new_device();
	register_device(devices[0]);
	register_device(devices[1]);
	explore_thread("start", notify_only, NULL);
	explore_thread("unregister B", unregister_and_free, devices[1]);
	explore_thread("unregister A", unregister_and_free, devices[0]);
}

SCENARIO(a_walk_survives_the_unlinking_of_where_it_stands, setup_walk,
	 end_mapping);

/* --- plain.c: exit and unregister ----------------------------------------------- */

static void exit_alone(void *arg)
{
	mmu_notifier_release(mm);
}

/* And frees the pages, as an exit does. */
static void exit_and_free(void *arg)
{
	mmu_notifier_release(mm);
	explore_free(entry);
	entry = NULL;
}

static void setup_exit(void (*body)(void *arg))
{
	new_mapping();
	devices[0] = new_device();
	register_device(devices[0]);
	devices[0]->has = entry;
	explore_thread("exit", body, NULL);
	explore_thread("unregister", unregister_and_free, devices[0]);
}

static void setup_release_once(void)
{
	setup_exit(exit_alone);
}

static void setup_release_elsewhere(void)
{
	setup_exit(exit_and_free);
}

static void setup_leaves_notified(void)
{
	setup_exit(exit_alone);
	explore_thread("munmap", change_mapping, NULL);
}

SCENARIO(release_runs_exactly_once_when_unregister_races_exit,
	 setup_release_once, end_mapping);
SCENARIO(exit_waits_for_a_release_that_unregister_runs, setup_release_elsewhere,
	 end_mapping);
SCENARIO(a_subscriber_that_leaves_is_notified_until_exits_release_ends,
	 setup_leaves_notified, end_mapping);

/* --- get.c: a subscription that is shared ----------------------------------------- */

static const struct mmu_notifier_ops shared_ops;

static struct mmu_notifier *alloc_shared(struct mm_struct *its_mm)
{
	struct device *device = new_device();

	device->sub.ops = &shared_ops;
	return &device->sub;
}

static void free_shared(struct mmu_notifier *sub)
{
	explore_free(device_of(sub));
}

static const struct mmu_notifier_ops shared_ops = {
	.invalidate_range_start = range_start,
	.invalidate_range_end = range_end,
	.alloc_notifier = alloc_shared,
	.free_notifier = free_shared,
};

static struct device *get_device(void)
{
	struct mmu_notifier *sub = mmu_notifier_get(&shared_ops, mm);

	explore_check(!IS_ERR(sub), "get: %ld", PTR_ERR(sub));
	return device_of(sub);
}

static void put_device(void *arg)
{
	mmu_notifier_put(&devices[0]->sub);
}

static void put_and_wait(void *arg)
{
	put_device(arg);
	mmu_notifier_synchronize();
}

static void finish_put(void)
{
	explore_check(!mmu_notifier_nr_pending(), "a free is still to come");
	end_mapping();
}

static void setup_put(void)
{
	new_mapping();
	devices[0] = get_device();
	get_device();
	explore_thread("start", notify_only, NULL);
	explore_thread("put", put_and_wait, NULL);
	explore_thread("put", put_device, NULL);
}

SCENARIO(put_frees_after_the_last_callback_has_returned, setup_put, finish_put);

static void get_and_fault(void *arg)
{
	struct device *device = get_device();

	fault(device);
	use(device);
	devices[0] = device;
}

static void setup_get(void)
{
	new_mapping();
	explore_thread("munmap", change_mapping, NULL);
	explore_thread("get", get_and_fault, NULL);
	explore_thread("another get", get_and_fault, NULL);
}

static void finish_get(void)
{
	use(devices[0]);
	put_device(NULL);
	put_device(NULL);
	finish_put();
}

SCENARIO(a_second_get_waits_for_the_ranges_that_the_first_waits_for, setup_get,
	 finish_get);
