/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/device/exclusive_fixture.h - what the tests of exclusive pages share
 *
 * There is no device here: the test holds the page locks that a driver would
 * hold, and a sandbox's observer stands for the driver's subscription. The
 * device's accesses are checked by their effect on memory: the test writes
 * through the direct map while the page is exclusive.
 */
#ifndef TESTS_MM_DEVICE_EXCLUSIVE_FIXTURE_H
#define TESTS_MM_DEVICE_EXCLUSIVE_FIXTURE_H

#include "tests/mm/lib/sandbox.h"

#define RW       (PROT_READ | PROT_WRITE)
#define DEVICE_A ((void *)0xa)
#define DEVICE_B ((void *)0xb)

static inline bool is_exclusive(struct sandbox *box, vaddr_t addr)
{
	pte_t pte = sandbox_pte(box, addr);

	return is_swap_pte(pte) &&
	       is_device_exclusive_entry(pte_to_swp_entry(pte));
}

static inline u64 *device_word(struct page *page)
{
	return page_address(page);
}

/* Stops a thread inside the callback of an event, until the test is done. */
struct stopped_event {
	struct ktest_step step;
	vaddr_t addr;
	bool done;
};

#endif
