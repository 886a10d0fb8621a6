// SPDX-License-Identifier: MIT
/*
 * tests/explore/mirror.c - a mapping of one page, and a device that mirrors it
 *
 * Problem.  The notifiers promise that no device has a stale translation once a change
 * has ended. To see the promise broken takes a mapping, a change and a device, and
 * nothing else of a kernel.
 *
 * Idea.  The device is what docs/first-driver.md makes: a callback that takes the
 * number and drops the translation under the driver's lock, and a fault that begins a
 * read section, looks the entry up, and installs it unless it has to retry.
 *
 *	field		read with		written with
 *	entry		marked, no lock		marked, inside a range
 *	mirror->has	->lock			->lock
 *
 * Lifetime.  A frame goes when its entry was emptied, before the range ends. So a
 * device that has it after that is stale, and its use an access to freed memory.
 */
#include "mirror.h"

struct mm_struct *mm;
struct frame *entry;

#define PAGE_ADDR 0x10000ul

/* --- the mapping ------------------------------------------------------------ */

void new_mapping(void)
{
	mm = mm_alloc();
	entry = explore_alloc(sizeof(*entry));
}

void end_mapping(void)
{
	mmput(mm);
	if (entry)
		explore_free(entry);
	entry = NULL;
}

void start_range(struct mmu_notifier_range *range)
{
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, NULL, mm, PAGE_ADDR,
				PAGE_ADDR + PAGE_SIZE);
	mmu_notifier_invalidate_range_start(range);
}

void notify_only(void *arg)
{
	struct mmu_notifier_range range;

	start_range(&range);
	mmu_notifier_invalidate_range_end(&range);
}

void change_mapping(void *arg)
{
	struct mmu_notifier_range range;
	struct frame *old;

	start_range(&range);
	old = xchg(&entry, NULL);
	if (old)
		explore_free(old);
	explore_point("the frame is freed");
	mmu_notifier_invalidate_range_end(&range);
}

/* --- the device -------------------------------------------------------------- */

static bool invalidate(struct mmu_interval_notifier *sub,
		       const struct mmu_notifier_range *range,
		       unsigned long cur_seq)
{
	struct mirror *mirror = container_of(sub, struct mirror, sub);

	spin_lock(&mirror->lock);
	mmu_interval_set_seq(sub, cur_seq);
	mirror->has = NULL;
	mirror->calls++;
	spin_unlock(&mirror->lock);
	return true;
}

static const struct mmu_interval_notifier_ops ops = {.invalidate = invalidate};

struct mirror *new_mirror(void)
{
	return explore_alloc(sizeof(struct mirror));
}

void mirror_insert(struct mirror *mirror)
{
	int err = mmu_interval_notifier_insert(&mirror->sub, mm, PAGE_ADDR,
					       PAGE_SIZE, &ops);

	explore_check(!err, "insert: %d", err);
}

void mirror_fault(struct mirror *mirror)
{
	struct frame *found;
	unsigned long seq;

	for (;;) {
		seq = mmu_interval_read_begin(&mirror->sub);
		found = READ_ONCE(entry);
		spin_lock(&mirror->lock);
		if (!mmu_interval_read_retry(&mirror->sub, seq))
			break;
		spin_unlock(&mirror->lock);
	}
	mirror->has = found;
	spin_unlock(&mirror->lock);
}

void mirror_use(struct mirror *mirror)
{
	spin_lock(&mirror->lock);
	explore_check(!mirror->has || !explore_is_freed(mirror->has),
		      "stale: the device has a frame that is freed");
	if (mirror->has)
		mirror->has->uses++;
	spin_unlock(&mirror->lock);
}

void mirror_end(struct mirror *mirror)
{
	mirror_use(mirror);
	mmu_interval_notifier_remove(&mirror->sub);
	explore_free(mirror);
}
