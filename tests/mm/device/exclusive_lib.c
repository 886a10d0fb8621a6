// SPDX-License-Identifier: MIT
/*
 * tests/mm/device/exclusive_lib.c - pages of a sandbox that a device has to itself
 *
 * The device's side of exclusive access, without the device: take the CPUs'
 * access away, let go of the pages.  Threads and timing are the tests' own.
 */
#include <mm/device/exclusive.h>
#include "tests/mm/lib/sandbox.h"

int sandbox_lock_exclusive(struct sandbox *box, vaddr_t addr, struct page **slot)
{
	return lock_device_exclusive(box->mm, addr, slot);
}

int sandbox_make_exclusive_locked(struct sandbox *box, vaddr_t addr,
				  struct page **slot, void *owner)
{
	return make_device_exclusive_locked(box->mm, addr, addr + PAGE_SIZE,
					    slot, owner);
}

int sandbox_make_exclusive(struct sandbox *box, vaddr_t addr,
			   unsigned long pages, struct page **slots, void *owner)
{
	int made;

	mmap_read_lock(box->mm);
	made = make_device_exclusive_range(
		box->mm, addr, addr + pages * PAGE_SIZE, slots, owner);
	mmap_read_unlock(box->mm);
	return made;
}

void release_exclusive(struct page **slots, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		if (!slots[i])
			continue;
		unlock_page(slots[i]);
		put_page(slots[i]);
		slots[i] = NULL;
	}
}
