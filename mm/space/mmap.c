// SPDX-License-Identifier: MIT
/*
 * mm/space/mmap.c - map a range
 *
 * Problem.  A call asks for memory, at an address or anywhere. Something may be mapped
 * there, and the call may not fail after that is gone.
 *
 * Idea.  Find the place, count what the address space would have, and allocate the
 * regions; from then on nothing can fail:
 *
 *	place		what is there		so
 *	a wish		nothing			there
 *	a wish		anything		the lowest hole that is large enough
 *	MAP_FIXED	anything		it is unmapped first	(mm/space/munmap.c)
 *	NOREPLACE	anything		-EEXIST
 *
 *	neighbours	[ rw ]      [ r  ]
 *	map rw		      [ rw ]
 *	after		[    rw    ][ r  ]	alike ones become one
 *
 * MAP_POPULATE and locked mappings are touched afterwards, without mmap_lock held throughout
 * (mm/space/populate.c): by then the call has succeeded.
 *
 * Locks: mmap_lock for writing all the time. A mapping over an old one is an unmapping
 * and a mapping under one hold, so neither a fault nor a walker sees the hole between.
 *
 * Shared anonymous memory is an object that the call makes and that only its regions know
 * afterwards: the last of them, in this address space or a child, frees it.
 *
 * brk() and mremap() of length 0 map by the same function (map_region()).
 *
 * Not here: the tree (mm/space/vma.c), shared memory (mm/object/shmem.c); files, which do
 * not exist.
 */
#include <mm/object/shmem.h>
#include <mm/space/mlock.h>
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/space/populate.h>
#include <mm/space/stack.h>

#include "mm/space/internal.h"

#define MAP_TYPE  (MAP_PRIVATE | MAP_SHARED)
#define MAP_PLACE (MAP_FIXED | MAP_FIXED_NOREPLACE)
#define MAP_TOUCH (MAP_POPULATE | MAP_LOCKED)

static_assert(PROT_READ == VM_READ && PROT_WRITE == VM_WRITE &&
		      PROT_EXEC == VM_EXEC,
	      "a protection is the low bits of a region's flags");

/* Grow a neighbour over the place of @vma if it is alike; true if one was. */
static bool mmap_extend(struct mm_struct *mm, const struct vm_area_struct *vma)
{
	struct vm_area_struct *prev;
	struct vm_area_struct *next = find_vma_prev(mm, vma->vm_start, &prev);

	if (prev && vma_alike(prev, vma)) {
		vma_take_mark(prev, vma);
		vma_set_range(mm, prev, prev->vm_start, vma->vm_end);
		vma_merge(mm, prev);
		return true;
	}
	if (next && vma_alike(vma, next)) {
		vma_take_mark(next, vma);
		vma_set_range(mm, next, vma->vm_start, next->vm_end);
		return true;
	}
	return false;
}

bool vma_is_free(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	const struct vm_area_struct *vma = find_vma(mm, start);

	return !vma || end <= vma_start_gap(vma);
}

/*
 * Where the mapping shall go: an address, or an error. A wish that cannot be
 * had is no error.
 */
static long mmap_place(struct mm_struct *mm, vaddr_t addr, size_t len, int flags)
{
	bool fits = addr >= USER_START && addr <= USER_END - len;

	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (!IS_ALIGNED(addr, PAGE_SIZE))
			return -EINVAL;
		if (!fits)
			return -ENOMEM;
		if ((flags & MAP_FIXED_NOREPLACE) &&
		    find_vma_intersection(mm, addr, addr + len))
			return -EEXIST;
		return addr;
	}
	addr &= PAGE_MASK;
	if (addr >= USER_START && fits && vma_is_free(mm, addr, addr + len))
		return addr;
	return vma_find_gap(mm, len);
}

/*
 * Map @vma where the plan has made sure of room. It is linked, or freed after a
 * neighbour has grown over its place.
 */
static int mmap_planned(struct mm_struct *mm, struct vm_area_struct *vma,
			const struct unmap_plan *plan)
{
	struct vm_area_struct *spare = NULL;

	if (!plan->first && mmap_extend(mm, vma)) {
		vma_free(vma);
		return 0;
	}
	if (mm->map_count - plan->removed + plan->splits + 1 > mm->map_limit)
		return -ENOMEM;
	if (plan->splits) {
		spare = vma_alloc(mm);
		if (!spare)
			return -ENOMEM;
	}
	if (plan->first)
		unmap_planned(mm, plan, spare);
	vma_link(mm, vma);
	vma_merge(mm, vma);
	return 0;
}

long map_region(struct mm_struct *mm, const struct map_request *request)
{
	unsigned long vm_flags = request->object ? request->vm_flags | VM_SHARED
						 : vm_charged(request->vm_flags);
	unsigned long pages = request->len >> PAGE_SHIFT;
	struct vm_area_struct *vma;
	struct unmap_plan plan;
	struct vm_change change;
	long start = mmap_place(mm, request->addr, request->len, request->place);
	int err;

	if (start < 0)
		return start;
	if (!mlock_allows(mm, vm_flags, pages))
		return -EAGAIN;
	plan_unmap(mm, start, start + request->len, &plan);
	change = plan.gone;
	vm_change_add(&change, vm_flags, (long)pages);
	err = limits_reserve(mm, &change);
	if (err)
		return err;
	vma = vma_alloc(mm);
	if (!vma)
		return -ENOMEM;
	vma_init(vma, start, start + request->len, vm_flags);
	if (request->object)
		vma_set_object(vma, request->object, request->pgoff);
	err = mmap_planned(mm, vma, &plan);
	if (!err)
		return start;
	vma_free(vma);
	return err;
}

/**
 * struct mmap_call - what a call asks for
 * @region: its @len as the caller gave it, its @vm_flags without those of the mm
 * @prot: PROT_*
 * @touch: of MAP_TOUCH
 */
struct mmap_call {
	struct map_request region;
	int prot;
	int touch;
};

static int mmap_check(const struct mmap_call *call)
{
	const struct map_request *region = &call->region;
	unsigned long pages = ALIGN(region->len, PAGE_SIZE) >> PAGE_SHIFT;

	if (!region->len || (call->prot & ~PROT_ALL) ||
	    (region->place & ~MAP_PLACE))
		return -EINVAL;
	if (region->len > USER_END - USER_START)
		return -ENOMEM;
	return region->pgoff + pages < region->pgoff ? -EOVERFLOW : 0;
}

static long mmap_locked(struct mm_struct *mm, const struct map_request *region,
			int touch)
{
	if ((touch & MAP_LOCKED) && !mm->lock_limit)
		return -EPERM;
	return map_region(mm, region);
}

/* @call has been checked. */
static long mmap_call(struct mm_struct *mm, const struct mmap_call *call)
{
	struct map_request region = call->region;
	bool touches = call->touch & MAP_POPULATE;
	long result;

	region.len = ALIGN(region.len, PAGE_SIZE);
	OBSERVE(mm_call, mm, "mmap", region.addr, region.addr + region.len,
		call->prot);
	result = mmap_write_lock_killable(mm);
	if (!result) {
		region.vm_flags |= mm->def_flags | (unsigned long)call->prot;
		result = mmap_locked(mm, &region, call->touch);
		limits_settle(mm);
		mmap_write_unlock(mm);
		touches |= mlock_touches(region.vm_flags);
	}
	if (touches && result > 0)
		(void)populate(mm, result, result + region.len, POPULATE_ALLOWED);
	OBSERVE(mm_return, mm, "mmap", result);
	return result;
}

/* Flags of a region that is new, by the flags of the call. */
static unsigned long mmap_flags(int flags)
{
	return VM_SOFTDIRTY | VM_MAYACCESS |
	       (flags & MAP_LOCKED ? VM_LOCKED : 0) |
	       (flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0);
}

long do_mmap_object(struct mm_struct *mm, vaddr_t addr, size_t len, int prot,
		    int flags, struct vm_object *object, unsigned long pgoff)
{
	struct mmap_call call = {.region = {.addr = addr,
					    .len = len,
					    .place = flags & ~MAP_TOUCH,
					    .vm_flags = mmap_flags(flags),
					    .object = object,
					    .pgoff = pgoff},
				 .prot = prot,
				 .touch = flags & MAP_TOUCH};
	int err = mmap_check(&call);

	return err ? err : mmap_call(mm, &call);
}

long do_mmap(struct mm_struct *mm, vaddr_t addr, size_t len, int prot, int flags)
{
	const int known = MAP_TYPE | MAP_ANONYMOUS | MAP_TOUCH | MAP_GROWSDOWN;
	struct mmap_call call = {.region = {.addr = addr,
					    .len = len,
					    .place = flags & ~known,
					    .vm_flags = mmap_flags(flags)},
				 .prot = prot,
				 .touch = flags & MAP_TOUCH};
	int type = flags & MAP_TYPE;
	long result = mmap_check(&call);

	if (!(flags & MAP_ANONYMOUS) || !type || type == MAP_TYPE ||
	    (type == MAP_SHARED && (flags & MAP_GROWSDOWN)))
		return -EINVAL;
	if (result || type == MAP_PRIVATE)
		return result ? result : mmap_call(mm, &call);
	call.region.object = shmem_create(ALIGN(len, PAGE_SIZE) >> PAGE_SHIFT);
	if (!call.region.object)
		return -ENOMEM;
	result = mmap_call(mm, &call);
	vm_object_put(call.region.object);
	return result;
}
