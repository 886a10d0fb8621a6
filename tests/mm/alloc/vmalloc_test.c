// SPDX-License-Identifier: MIT
/*
 * tests/mm/alloc/vmalloc_test.c - areas apart, guards empty, no stale translations
 */
#include <arch/page.h>
#include <arch/smp.h>
#include <arch/tlb.h>
#include <arch/upcall.h>
#include <mm/alloc/alloc.h>
#include <lib/cpumask.h>
#include <kernel/ktest.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <mm/alloc/fail.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/memblock.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/vmalloc.h>

#include "tests/ktest/team.h"

static bool mapped(vaddr_t addr)
{
	unsigned long size;

	return kernel_map_walk_leaf(addr, &size) != 0;
}

/*
 *	| page 0 | page 1 | page 2 | guard |
 */
KTEST(vmalloc, an_area_is_mapped_and_its_guard_is_not)
{
	const size_t size = 3 * PAGE_SIZE - 100;
	u8 *area = vmalloc(size);

	REQUIRE(area);
	memset(area, 0x77, size);
	EXPECT(!memchr_inv(area, 0x77, size));
	EXPECT(is_vmalloc_addr(area));
	EXPECT(mapped((vaddr_t)area + 2 * PAGE_SIZE));
	EXPECT(!mapped((vaddr_t)area + 3 * PAGE_SIZE));
	EXPECT_EQ(*(u8 *)page_address(vmalloc_to_page(area + PAGE_SIZE)), 0x77);
	EXPECT_EQ(vmalloc_to_page(area + 3 * PAGE_SIZE), NULL);
	vfree(area);
	EXPECT(!mapped((vaddr_t)area));
	EXPECT(vmalloc_verify());
}

KTEST(vmalloc, zeroed_means_zeroed)
{
	u8 *area = vzalloc(5 * PAGE_SIZE);

	REQUIRE(area);
	EXPECT(!memchr_inv(area, 0, 5 * PAGE_SIZE));
	vfree(area);
	vfree(NULL);
	EXPECT_EQ(vmalloc(0), NULL);
	EXPECT_EQ(vmalloc(~0ul - PAGE_SIZE), NULL);
}

KTEST(vmalloc, addresses_are_not_reused_before_the_flush)
{
	void *first, *second, *third;

	vmalloc_purge();
	first = vmalloc(PAGE_SIZE);
	REQUIRE(first);
	vfree(first);
	second = vmalloc(PAGE_SIZE);
	EXPECT_NE(second, first);
	vfree(second);
	vmalloc_purge();
	third = vmalloc(PAGE_SIZE);
	EXPECT_EQ(third, first);
	vfree(third);
}

static struct {
	volatile u64 *addr;
	u64 want;
	atomic_t wrong;
} look;

static void look_at(void *unused)
{
	if (*look.addr != look.want)
		atomic_inc(&look.wrong);
}

/*
 * Every CPU has the old translation in its TLB before another page comes to
 * stand behind the address; that one is written through the direct map, so
 * that a CPU which still uses the old translation reads an older number.
 */
KTEST(vmalloc, no_cpu_sees_the_old_page_at_a_reused_address)
{
	vaddr_t last = 0;
	unsigned int reused = 0;

	vmalloc_purge();
	atomic_set(&look.wrong, 0);
	for (u64 round = 1; round <= 20; round++) {
		struct page *other = alloc_page(GFP_KERNEL);

		look.addr = vmalloc(PAGE_SIZE);
		if (look.addr && other) {
			reused += (vaddr_t)look.addr == last;
			last = (vaddr_t)look.addr;
			look.want = round;
			*(u64 *)page_address(vmalloc_to_page((void *)look.addr)) =
				round;
			on_each_cpu(look_at, NULL, SMP_WAIT);
		}
		EXPECT(look.addr && other);
		vfree((void *)look.addr);
		if (other)
			put_page(other);
		vmalloc_purge();
	}
	EXPECT_EQ(atomic_read(&look.wrong), 0);
	EXPECT_GE(reused, 15);
}

#define HOLD 24u

/* Each area holds its own address in its first and last word. */
static bool churn(struct rng *rng, unsigned int rounds)
{
	u64 *held[HOLD] = {NULL};
	unsigned long last[HOLD];
	bool ok = true;

	for (unsigned int i = 0; ok && i < rounds; i++) {
		unsigned int at = rng_below(rng, HOLD);

		if (held[at]) {
			ok = held[at][0] == (u64)held[at] &&
			     held[at][last[at]] == (u64)held[at];
			vfree(held[at]);
			held[at] = NULL;
			continue;
		}
		last[at] = rng_below(rng, 9 * PAGE_SIZE / 8);
		held[at] = vmalloc((last[at] + 1) * 8);
		if (!held[at])
			continue;
		held[at][0] = (u64)held[at];
		held[at][last[at]] = (u64)held[at];
	}
	for (unsigned int at = 0; at < HOLD; at++)
		vfree(held[at]);
	return ok;
}

KTEST(vmalloc, random_areas_are_nobody_elses)
{
	EXPECT(churn(ktest_rng(test), 400));
	EXPECT(vmalloc_verify());
}

static void churn_beside_others(struct team_worker *me)
{
	struct ktest *test = me->test;

	EXPECT(churn(&me->rng, 200));
}

KTEST(vmalloc, all_cpus_at_once_share_no_area)
{
	team_run(test, num_online_cpus(), 1, churn_beside_others, NULL);
	EXPECT(vmalloc_verify());
}

KTEST(vmalloc, running_out_halfway_leaves_nothing_behind)
{
	bool done = false;

	for (unsigned long nth = 1; !done && nth < 60; nth++) {
		unsigned long areas = vmalloc_areas();
		void *area;

		alloc_fail_nth(nth);
		area = vmalloc(12 * PAGE_SIZE);
		done = !alloc_fail_hit();
		alloc_fail_end();
		if (IS_ENABLED(CONFIG_DEBUG))
			EXPECT_EQ(area != NULL, done);
		vfree(area);
		EXPECT_EQ(vmalloc_areas(), areas);
	}
	EXPECT(done);
	EXPECT(vmalloc_verify());
}

/* Large, so that a table is needed for a part of it at least. */
KTEST(vmalloc, a_device_that_cannot_be_mapped_leaves_nothing_behind,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	const paddr_t device = 0xfe000000; /* never RAM on a PC */
	unsigned long areas = vmalloc_areas(), nth;
	void __iomem *map = NULL;

	for (nth = 1; !map && nth < 20; nth++) {
		EXPECT_EQ(vmalloc_areas(), areas);
		vmalloc_purge();
		alloc_fail_nth(nth);
		map = ioremap(device, 3 * PMD_SIZE);
		EXPECT_EQ(map != NULL, !alloc_fail_hit(), "at allocation %lu",
			  nth);
		alloc_fail_end();
	}
	EXPECT_GE(nth, 3UL);
	iounmap(map);
	EXPECT_EQ(vmalloc_areas(), areas);
	EXPECT(vmalloc_verify());
}

KTEST(vmalloc, a_page_mapped_behind_an_area_is_found_by_the_verifier)
{
	void *area = vmalloc(PAGE_SIZE);
	vaddr_t guard = (vaddr_t)area + PAGE_SIZE;
	pfn_t pfn;

	REQUIRE(area);
	pfn = page_to_pfn(vmalloc_to_page(area));
	EXPECT_EQ(kernel_map_set(guard, pfn, PAGE_KERNEL, GFP_KERNEL), 0);
	EXPECT(!vmalloc_verify());
	EXPECT_EQ(pte_pfn(kernel_map_clear(guard)), pfn);
	flush_tlb_kernel_range(guard, guard + PAGE_SIZE);
	EXPECT(vmalloc_verify());
	vfree(area);
}

KTEST(vmalloc, a_device_is_mapped_uncached_at_its_offset)
{
	const paddr_t device = 0xfed00010; /* never RAM on a PC */
	unsigned long size, entry;
	vaddr_t addr = (vaddr_t)ioremap(device, 8);

	REQUIRE(addr);
	EXPECT_EQ(addr & ~PAGE_MASK, 0x10);
	entry = kernel_map_walk_leaf(addr, &size);
	EXPECT_EQ(entry & _PAGE_PFN_MASK, device & PAGE_MASK);
	EXPECT(entry & _PAGE_PCD);
	EXPECT(entry & _PAGE_NX);
	EXPECT(!mapped(addr + PAGE_SIZE));
	EXPECT_EQ(vmalloc_to_page((void *)addr), NULL);
	iounmap((void __iomem *)addr);
	iounmap(NULL);
	EXPECT_EQ(ioremap(device, 0), NULL);
	EXPECT_EQ(ioremap(~0ul - 100, 200), NULL);
	EXPECT(vmalloc_verify());
}

KTEST(vmalloc, ram_is_not_remapped, KT_FLAGS(KT_EXPECT_REPORT))
{
	struct page *page = alloc_page(GFP_KERNEL);

	REQUIRE(page);
	EXPECT_EQ(ioremap(page_to_phys(page), 16), NULL);
	put_page(page);
}

/*
 *	| not mapped | stack      | not mapped |
 */
KTEST(vmalloc, a_stack_lies_between_guards)
{
	u8 *stack = kernel_stack_alloc();

	REQUIRE(stack);
	EXPECT_EQ((vaddr_t)stack % KERNEL_STACK_SIZE, 0);
	memset(stack, 1, KERNEL_STACK_SIZE);
	EXPECT(!mapped((vaddr_t)stack - 1));
	EXPECT(!mapped((vaddr_t)stack + KERNEL_STACK_SIZE));
	EXPECT(upcall_stack_guard((vaddr_t)stack - 1));
	EXPECT(upcall_stack_guard((vaddr_t)stack - PAGE_SIZE));
	EXPECT(!upcall_stack_guard((vaddr_t)stack));
	EXPECT(!upcall_stack_guard((vaddr_t)stack + KERNEL_STACK_SIZE - 1));
	EXPECT(!upcall_stack_guard((vaddr_t)page_address(vmalloc_to_page(stack))));
	kernel_stack_free(stack);
}

KTEST(vmalloc, the_running_stack_is_one_of_these)
{
	u8 here = 0;

	EXPECT(is_vmalloc_addr(&here));
	EXPECT(!upcall_stack_guard((vaddr_t)&here));
	EXPECT(upcall_stack_guard(((vaddr_t)&here & ~(KERNEL_STACK_SIZE - 1)) -
				  1));
}

KTEST(vmalloc, stacks_are_cached_and_the_cache_can_be_emptied)
{
	enum { NR = 60 };
	unsigned long live = kernel_stacks_live();
	void *stack[NR];

	for (unsigned int i = 0; i < NR; i++) {
		stack[i] = kernel_stack_alloc();
		REQUIRE(stack[i]);
	}
	EXPECT_EQ(kernel_stacks_live(), live + NR);
	for (unsigned int i = 0; i < NR; i++)
		kernel_stack_free(stack[i]);
	EXPECT_EQ(kernel_stacks_live(), live);
	EXPECT(mapped((vaddr_t)stack[NR - 1]));
	vmalloc_purge();
	for (unsigned int i = 0; i < NR; i++)
		EXPECT(!mapped((vaddr_t)stack[i]));
}

KTEST(vmalloc, a_stack_that_cannot_be_had_leaves_nothing_behind,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	bool done = false;

	for (unsigned long nth = 1; !done && nth < 20; nth++) {
		void *stack;

		vmalloc_purge();
		alloc_fail_nth(nth);
		stack = kernel_stack_alloc();
		done = !alloc_fail_hit();
		alloc_fail_end();
		if (stack)
			kernel_stack_free(stack);
	}
	EXPECT(done);
}
