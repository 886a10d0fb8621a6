/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/member.h - a subscription on a list of the reference notifier
 *
 * It lies in the place of members that only the usual notifier has, so that no
 * subscription is larger for it; mm/notifier/reference/reference.c uses it.
 */
#ifndef MM_NOTIFIER_MEMBER_H
#define MM_NOTIFIER_MEMBER_H

#include <mm/notifier/types.h>

/**
 * struct mmu_notifier_member - a subscription on a list
 * @next: (s) the one after it, or NULL
 * @birth: (c) in the order of joining, from 1
 * @state: (s) may its callbacks begin
 * @calls: (s) callbacks of it that run
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
