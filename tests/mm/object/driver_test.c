// SPDX-License-Identifier: MIT
/*
 * tests/mm/object/driver_test.c - pages and frames that a driver maps
 *
 * The driver of these tests has two frames: one is a page that it has allocated, the other
 * has no struct page at all, as the registers of a device.
 */
#include <lib/string.h>
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>
#include <mm/fault/gup.h>
#include <mm/object/object.h>
#include "tests/mm/lib/relatives.h"

#define RW (PROT_READ | PROT_WRITE)

/* Behind all memory: vmemmap is not mapped there. */
#define NO_RAM ((pfn_t)1 << (MAX_PHYSMEM_BITS - PAGE_SHIFT - 1))

/**
 * struct driver - an object of four pages
 * @object: the part that regions know
 * @page: what it maps at offset 0, by a reference for each entry
 * @faults: how often it was asked
 * @freed: how often the last reference went
 *
 * Offset 1: @page's frame, not counted. Offset 2: a frame without RAM. 3: nothing.
 */
struct driver {
	struct vm_object object;
	struct page *page;
	unsigned int faults;
	unsigned int freed;
};

static struct driver *driver_of(struct vm_object *object)
{
	return container_of(object, struct driver, object);
}

static vm_fault_t driver_fault(struct vm_fault *vmf, struct page **pagep)
{
	struct driver *driver = driver_of(vmf->vma->vm_object);
	vaddr_t addr = vmf->address & PAGE_MASK;
	int err = -EFAULT;

	driver->faults++;
	switch (vma_pgoff_of(vmf->vma, addr)) {
	case 0:
		get_page(driver->page);
		*pagep = driver->page;
		return 0;
	case 1:
		err = vm_insert_pfn(vmf->vma, addr, page_to_pfn(driver->page));
		break;
	case 2:
		err = vm_insert_pfn(vmf->vma, addr, NO_RAM);
		break;
	}
	return err && err != -EBUSY ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}

static void driver_free(struct vm_object *object)
{
	driver_of(object)->freed++;
}

static const struct vm_object_ops driver_ops = {.fault = driver_fault,
						.free = driver_free};

/* The object, mapped from AT(0) on: pages [@first, 4). */
static bool driver_open(struct driver *driver, struct sandbox *box,
			unsigned long vm_flags, unsigned long first)
{
	struct ktest *test = box->test;

	*driver = (struct driver){.page = alloc_page(GFP_KERNEL | __GFP_ZERO)};
	if (!driver->page)
		return false;
	vm_object_init(&driver->object, &driver_ops, vm_flags);
	EXPECT_EQ(do_mmap_object(box->mm, AT(0), LEN(4 - first), RW, MAP_FIXED,
				 &driver->object, first),
		  (long)AT(0));
	return true;
}

static void driver_close(struct driver *driver, struct sandbox *box)
{
	struct ktest *test = box->test;

	EXPECT_EQ(do_munmap(box->mm, AT(0), LEN(8)), 0);
	EXPECT_EQ(page_mapcount(driver->page), 0);
	EXPECT_EQ(page_ref_count(driver->page), 1);
	vm_object_put(&driver->object);
	EXPECT_EQ(driver->freed, 1U);
	put_page(driver->page);
}

/* What the driver wants to map, as in a call of mmap(). */
static int insert_page(struct sandbox *box, vaddr_t addr, struct page *page)
{
	int err;

	mmap_write_lock(box->mm);
	err = vm_insert_page(find_vma(box->mm, AT(0)), addr, page);
	mmap_write_unlock(box->mm);
	return err;
}

static int insert_pfn(struct sandbox *box, vaddr_t addr, pfn_t pfn)
{
	int err;

	mmap_write_lock(box->mm);
	err = vm_insert_pfn(find_vma(box->mm, AT(0)), addr, pfn);
	mmap_write_unlock(box->mm);
	return err;
}

static long hold(struct sandbox *box, vaddr_t addr, unsigned int flags,
		 struct page **page)
{
	long got;

	*page = NULL;
	mmap_read_lock(box->mm);
	got = get_user_pages_remote(box->mm, addr, 1, flags, page);
	mmap_read_unlock(box->mm);
	return got;
}

KTEST(driver_map, a_page_is_counted_and_its_frame_alone_is_not)
{
	struct driver driver;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	REQUIRE(driver_open(&driver, &box, VM_MIXEDMAP, 0));
	EXPECT_EQ(user_poke(AT(0), 5), 0);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 5UL);
	EXPECT_EQ(page_mapcount(driver.page), 1);
	EXPECT_EQ(page_ref_count(driver.page), 2);
	EXPECT(pte_special(sandbox_pte(&box, AT(1))));
	EXPECT(!pte_special(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(atomic64_read(&box.mm->shared_rss), 1L);
	EXPECT_EQ(user_poke(AT(3), 1), -EFAULT);
	EXPECT_EQ(box.nr, 0U);
	sandbox_verify(&box);
	driver_close(&driver, &box);
	sandbox_close(&box);
}

/*
 *	pages	0 page		1 frame of the page	2 frame without RAM
 *	held	yes		no			no
 */
KTEST(driver_map, look_ups_have_a_page_and_never_a_frame)
{
	struct driver driver;
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	REQUIRE(driver_open(&driver, &box, VM_MIXEDMAP, 0));
	EXPECT_EQ(hold(&box, AT(0), FOLL_PIN | FOLL_WRITE, &page), 1L);
	EXPECT_EQ(page, driver.page);
	if (page)
		unpin_user_page(page);
	EXPECT_EQ(hold(&box, AT(1), FOLL_GET, &page), (long)-EFAULT);
	EXPECT_EQ(hold(&box, AT(2), FOLL_GET | FOLL_WRITE, &page), (long)-EFAULT);
	EXPECT_EQ(hold(&box, AT(0), FOLL_GET | FOLL_WRITE | FOLL_TAKE_OVER, &page),
		  (long)-EOPNOTSUPP);
	mmap_read_lock(box.mm);
	EXPECT_EQ(follow_page(box.mm, AT(1)), NULL);
	EXPECT_EQ(follow_page(box.mm, AT(2)), NULL);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(page_ref_count(driver.page), 2);
	sandbox_verify(&box);
	driver_close(&driver, &box);
	sandbox_close(&box);
}

/* The struct page of the frame does not exist: an access to it would be a fault. */
KTEST(driver_map, frames_without_memory_survive_all_that_changes_entries)
{
	struct mm_struct *child;
	struct driver driver;
	struct sandbox box;
	struct page *page;
	char text[100];

	REQUIRE(sandbox_open(&box, test));
	REQUIRE(driver_open(&driver, &box, VM_PFNMAP, 1));
	EXPECT_EQ(insert_pfn(&box, AT(1), NO_RAM), 0);
	EXPECT_EQ(insert_pfn(&box, AT(0), page_to_pfn(driver.page)), 0);
	EXPECT_EQ(hold(&box, AT(1), FOLL_GET, &page), (long)-EFAULT);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_NONE), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_READ), 0);
	EXPECT(!pte_write(sandbox_pte(&box, AT(1))));
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), RW), 0);
	EXPECT(pte_write(sandbox_pte(&box, AT(1))));
	EXPECT_EQ(pte_pfn(sandbox_pte(&box, AT(1))), NO_RAM);
	EXPECT_GT(pte_describe(box.mm, AT(1), text, sizeof(text)), 0);
	EXPECT(glob_match("pfn 0x* writable* no page", text));
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(2)), -EINVAL);
	EXPECT_EQ(page_ref_count(driver.page), 1);
	EXPECT_EQ(atomic64_read(&box.mm->shared_rss), 0L);
	sandbox_verify(&box);
	/* A fork copies no entry: the child's faults ask the driver. */
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(driver.faults, 0U);
		EXPECT_EQ(poke_in(&box, child, AT(0), 6), 0);
		EXPECT_EQ(driver.faults, 1U);
		EXPECT_EQ(sandbox_read(&box, AT(0)), 6UL);
		verify_in(&box, child);
		mmput(child);
	}
	driver_close(&driver, &box);
	sandbox_close(&box);
}

KTEST(driver_map, a_driver_is_refused_what_is_not_its_to_map)
{
	struct driver mixed, frames;
	struct sandbox box, other;
	struct page *anon;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(20), 1);
	EXPECT_EQ(hold(&box, AT(20), FOLL_GET | FOLL_WRITE, &anon), 1L);
	REQUIRE(anon && driver_open(&mixed, &box, VM_MIXEDMAP, 0));
	EXPECT_EQ(insert_page(&box, AT(4), mixed.page), -EFAULT);
	EXPECT_EQ(insert_pfn(&box, AT(4), 0), -EFAULT);
	EXPECT_EQ(insert_page(&box, AT(1) + 8, mixed.page), -EINVAL);
	EXPECT_EQ(insert_page(&box, AT(1), anon), -EINVAL);
	EXPECT_EQ(insert_page(&box, AT(1), empty_zero_page), -EINVAL);
	EXPECT_EQ(insert_pfn(&box, AT(1), 2 * NO_RAM), -EINVAL);
	EXPECT(pte_none(sandbox_pte(&box, AT(1))));
	EXPECT_EQ(insert_page(&box, AT(1), mixed.page), 0);
	EXPECT_EQ(insert_page(&box, AT(1), mixed.page), -EBUSY);
	EXPECT_EQ(insert_pfn(&box, AT(1), NO_RAM), -EBUSY);
	EXPECT_EQ(page_ref_count(mixed.page), 2);
	sandbox_verify(&box);
	driver_close(&mixed, &box);
	REQUIRE(driver_open(&frames, &box, VM_PFNMAP, 0));
	EXPECT_EQ(insert_page(&box, AT(1), frames.page), -EINVAL);
	driver_close(&frames, &box);
	put_page(anon);
	sandbox_close(&box);
	/* Private memory is no driver's. */
	REQUIRE(sandbox_open(&other, test));
	sandbox_map(&other, AT(0), 1);
	EXPECT_EQ(insert_pfn(&other, AT(0), NO_RAM), -EINVAL);
	sandbox_close(&other);
}

/* Without memory for the tables nothing is mapped, and no reference is left. */
KTEST(driver_map, an_insert_without_memory_changes_nothing,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct driver driver;
	struct sandbox box;
	int err = -ENOMEM;
	unsigned long nth;

	REQUIRE(sandbox_open(&box, test));
	REQUIRE(driver_open(&driver, &box, VM_MIXEDMAP, 0));
	for (nth = 1; nth < 20 && err; nth++) {
		alloc_fail_nth(nth);
		err = insert_page(&box, AT(1), driver.page);
		EXPECT_EQ(err, alloc_fail_hit() ? -ENOMEM : 0);
		alloc_fail_end();
		EXPECT_EQ(page_ref_count(driver.page), err ? 1 : 2);
	}
	EXPECT_GT(nth, 3UL);
	sandbox_verify(&box);
	driver_close(&driver, &box);
	sandbox_close(&box);
}
