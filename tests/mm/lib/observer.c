// SPDX-License-Identifier: MIT
/*
 * tests/mm/lib/observer.c - the subscriber that watches a sandbox
 *
 * The observer notes events in the order of their starts.  It reads the entry
 * of the first address in the callback, which a real subscriber must not need:
 * this is how tests see that the start came before the change (R1.10).  It may
 * do so because no table's lock is held at start, and mmap_lock is (R1.9): which
 * it expects of every event, unless the test starts a range without it to see
 * what comes of it.
 */
#include "sandbox.h"

static bool observer_invalidate(struct mmu_interval_notifier *sub,
				const struct mmu_notifier_range *range,
				unsigned long cur_seq)
{
	struct sandbox *box = container_of(sub, struct sandbox, sub);
	struct ktest *test = box->test;
	struct seen_event event = {
		.event = range->event,
		.start = range->start,
		.end = range->end,
		.owner = range->owner,
		.vm_flags = range->vma ? range->vma->vm_flags : 0,
	};

	if (range->event != MMU_NOTIFY_RELEASE) {
		EXPECT(box->raises_unlocked || holds_mmap_lock(range->mm));
		event.first = sandbox_pte_locked(box, range->start);
	}
	spin_lock(&box->lock);
	mmu_interval_set_seq(sub, cur_seq);
	if (box->nr < SEEN_MAX)
		box->seen[box->nr] = event;
	box->nr++;
	spin_unlock(&box->lock);
	if (box->hook)
		box->hook(box, &event);
	return true;
}

static const struct mmu_interval_notifier_ops observer_ops = {
	.invalidate = observer_invalidate,
};

int sandbox_observe(struct sandbox *box)
{
	return mmu_interval_notifier_insert(&box->sub, box->mm, 0,
					    ~0UL & PAGE_MASK, &observer_ops);
}

void sandbox_observe_end(struct sandbox *box)
{
	mmu_interval_notifier_remove(&box->sub);
}
