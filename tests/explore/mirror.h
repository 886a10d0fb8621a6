/* SPDX-License-Identifier: MIT */
/*
 * tests/explore/mirror.h - a mapping of one page, and a device that mirrors it
 *
 * For races that are about the notifiers alone. The mapping is one word, `entry`, which
 * names a frame. A frame is an object of the explorer's memory, so a device that uses
 * one that was freed ends the schedule.
 */
#ifndef TESTS_EXPLORE_MIRROR_H
#define TESTS_EXPLORE_MIRROR_H

#include <mm/notifier/mmu_notifier.h>
#include <mm/notifier/start.h>
#include <mm/space/mm.h>

#include "explore.h"

struct frame {
	u64 uses;
};

/** struct mirror - an interval subscription and what the device has by it */
struct mirror {
	struct mmu_interval_notifier sub;
	struct spinlock lock;
	struct frame *has; /* the device's translation, under @lock */
	unsigned int calls;
};

extern struct mm_struct *mm;
extern struct frame *entry;

/** new_mapping() - an address space whose entry names a fresh frame */
void new_mapping(void);
/** end_mapping() - its last user leaves; the frame is freed */
void end_mapping(void);
/** change_mapping() - start; the entry is emptied, its frame freed; end */
void change_mapping(void *arg);
/** start_range() - of the page, without more; its end is the caller's */
void start_range(struct mmu_notifier_range *range);
/** notify_only() - start and end of the page, without a change */
void notify_only(void *arg);

struct mirror *new_mirror(void);
/** mirror_insert() - subscribe; the page is watched from then on */
void mirror_insert(struct mirror *mirror);
/** mirror_fault() - the device looks the page up and installs it, retrying */
void mirror_fault(struct mirror *mirror);
/** mirror_use() - the device uses the translation that it has, if it has one */
void mirror_use(struct mirror *mirror);
/** mirror_end() - unsubscribe and free; the device must have nothing stale */
void mirror_end(struct mirror *mirror);

#endif
