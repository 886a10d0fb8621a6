/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/member.h - a subscription on a list of the reference notifier
 *
 * For mm/notifier/reference/reference.c alone. A subscription has it in place of
 * fields that only the usual notifier uses, so that no subscription is larger for it.
 */
#ifndef MM_NOTIFIER_MEMBER_H
#define MM_NOTIFIER_MEMBER_H

#include <mm/notifier/types.h>

/**
 * struct mmu_notifier_member - a subscription on a list
 * @next: (s) the next on the list, or NULL
 * @birth: (c) its number in the order of joining, from 1
 * @state: (s) may its callbacks begin?
 * @calls: (s) its callbacks that run now
 *
 * Keys: (c) constant while it is on the list, (s) under the subscriptions' lock.
 */
struct mmu_notifier_member {
	struct mmu_notifier_member *next;
	u64 birth;
	unsigned int state;
	unsigned int calls;
};

#endif
