// SPDX-License-Identifier: MIT
/*
 * tests/mm/lib/relatives.c - a sandbox and the address spaces forked from it
 */
#include "tests/mm/lib/relatives.h"
#include "tests/mm/lib/shadow.h"

struct mm_struct *sandbox_fork(struct sandbox *box)
{
	struct ktest *test = box->test;
	struct mm_struct *child = NULL;

	shadow_detach(box, SHADOWS_OF_THE_DEAD);
	EXPECT_EQ(mm_fork(box->mm, &child), 0);
	if (child && box->shadowed)
		EXPECT_EQ(shadow_attach(test, child, box), 0);
	return child;
}

u64 read_in(struct sandbox *box, struct mm_struct *mm, vaddr_t addr)
{
	u64 value;

	kthread_unuse_mm(box->mm);
	kthread_use_mm(mm);
	value = sandbox_read(box, addr);
	kthread_unuse_mm(mm);
	kthread_use_mm(box->mm);
	return value;
}

int poke_in(struct sandbox *box, struct mm_struct *mm, vaddr_t addr, u64 value)
{
	int err;

	kthread_unuse_mm(box->mm);
	kthread_use_mm(mm);
	err = user_poke(addr, value);
	kthread_unuse_mm(mm);
	kthread_use_mm(box->mm);
	return err;
}

pte_t pte_in(struct mm_struct *mm, vaddr_t addr)
{
	struct sandbox other = {.mm = mm};

	return sandbox_pte(&other, addr);
}

struct page *page_in(struct mm_struct *mm, vaddr_t addr)
{
	pte_t pte = pte_in(mm, addr);

	return pte_present(pte) ? pfn_to_page(pte_pfn(pte)) : NULL;
}

void verify_in(struct sandbox *box, struct mm_struct *mm)
{
	struct sandbox other = {.test = box->test, .mm = mm};

	sandbox_verify(&other);
}
