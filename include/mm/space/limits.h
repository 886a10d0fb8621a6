/* SPDX-License-Identifier: MIT */
/*
 * mm/space/limits.h - how much an address space may map, and all of them together
 */
#ifndef MM_SPACE_LIMITS_H
#define MM_SPACE_LIMITS_H

#include <mm/space/mm_types.h>

/**
 * enum overcommit - how much private memory may be promised; by the numbers of Linux
 * @OVERCOMMIT_GUESS: each request by itself: no more than the machine has
 * @OVERCOMMIT_ALWAYS: any
 * @OVERCOMMIT_NEVER: all that is promised together: at most commit_limit()
 */
enum overcommit {
	OVERCOMMIT_GUESS,
	OVERCOMMIT_ALWAYS,
	OVERCOMMIT_NEVER,
};

/**
 * struct vm_change - what a call is going to map and to unmap, in pages
 * @pages: of all regions
 * @data: of regions that are data: private, writable now, and no stack
 * @charged: of regions with VM_ACCOUNT
 *
 * Each is negative if the call unmaps more than it maps.
 */
struct vm_change {
	long pages;
	long data;
	long charged;
};

/** vm_is_data() - does a region with these flags count for mm->data_limit? */
static inline bool vm_is_data(unsigned long vm_flags)
{
	return (vm_flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

/** vm_charged() - the same flags, with VM_ACCOUNT if the region has to be charged */
static inline unsigned long vm_charged(unsigned long vm_flags)
{
	return (vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE
		       ? vm_flags | VM_ACCOUNT
		       : vm_flags;
}

/**
 * vm_change_add() - the call maps pages, or, if @pages is negative, unmaps some
 * @change: gains them
 * @vm_flags: of their region
 * @pages: how many
 */
void vm_change_add(struct vm_change *change, unsigned long vm_flags, long pages);

/**
 * limits_reserve() - may the call be carried out? Then its pages are charged
 * @mm: the address space
 * @change: all that the call will do
 *
 * A call that maps less of a kind than it unmaps is never refused for that kind.
 * limits_settle() follows, whether the call succeeds or not.
 *
 * Context: mmap_lock held for writing; does not sleep.
 * Return: 0; -ENOMEM: more than mm->as_limit, mm->data_limit, or the machine allows.
 *	   Nothing has changed.
 */
int limits_reserve(struct mm_struct *mm, const struct vm_change *change);

/**
 * limits_settle() - give back what is charged and not mapped
 * @mm: the address space
 *
 * The last step of each call that reserves, or that unmaps.
 *
 * Context: mmap_lock held for writing; does not sleep.
 */
void limits_settle(struct mm_struct *mm);

/**
 * limits_inherit() - a child has the limits of its parent
 * @child: new; nobody else knows it
 * @parent: mmap_lock held
 */
void limits_inherit(struct mm_struct *child, const struct mm_struct *parent);

/**
 * commit_charge() - promise so many pages
 * @pages: how many
 *
 * Context: any.
 * Return: 0; -ENOMEM: they may not be promised.
 */
int commit_charge(unsigned long pages);

/**
 * commit_uncharge() - take a promise back
 * @pages: how many; charged before
 *
 * Context: any.
 */
void commit_uncharge(unsigned long pages);

/**
 * struct commit_info - what is promised on this machine
 * @policy: the way to decide
 * @charged: pages that are promised
 * @limit: pages that may be; matters for OVERCOMMIT_NEVER
 */
struct commit_info {
	enum overcommit policy;
	unsigned long charged;
	unsigned long limit;
};

/** commit_read() - look at it; other CPUs may change it meanwhile */
void commit_read(struct commit_info *out);

/**
 * commit_set() - decide otherwise from now on
 * @policy: the way
 * @limit: pages
 *
 * What is promised stays promised, also above @limit.
 *
 * Context: any.
 */
void commit_set(enum overcommit policy, unsigned long limit);

/** commit_policy_name() - as the option overcommit= has it */
const char *commit_policy_name(enum overcommit policy);

#endif
