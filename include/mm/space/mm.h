/* SPDX-License-Identifier: MIT */
/*
 * mm/space/mm.h - address spaces: life, locks, mapping and unmapping
 */
#ifndef MM_SPACE_MM_H
#define MM_SPACE_MM_H

#include <lib/assert.h>
#include <kernel/lock/lockdep.h>
#include <mm/space/madvise.h>
#include <mm/space/mm_types.h>
#include <mm/notifier/start.h>
#include <mm/space/vma.h>

#define PROT_NONE           0x0
#define PROT_READ           0x1
#define PROT_WRITE          0x2
#define PROT_EXEC           0x4
#define PROT_ALL            (PROT_READ | PROT_WRITE | PROT_EXEC)

#define MAP_SHARED          0x01
#define MAP_PRIVATE         0x02
#define MAP_FIXED           0x10
#define MAP_ANONYMOUS       0x20
#define MAP_GROWSDOWN       0x00100
#define MAP_LOCKED          0x02000
#define MAP_POPULATE        0x08000
#define MAP_FIXED_NOREPLACE 0x100000

#define MREMAP_MAYMOVE      0x1
#define MREMAP_FIXED        0x2
#define MREMAP_DONTUNMAP    0x4

/* Regions an mm may have unless mm->map_limit says otherwise. */
#define DEFAULT_MAX_MAP_COUNT 65530U

/* --- life --------------------------------------------------------------- */

/**
 * mm_alloc() - make an empty address space
 *
 * Context: may sleep.
 * Return: the mm with one user (and one count held by the users), or NULL
 *	   when there is no memory.
 */
struct mm_struct *mm_alloc(void);

/**
 * mm_alloc_in() - make an empty address space that will share another's pages
 * @family: the other's
 *
 * Context: may sleep.
 * Return: as mm_alloc().
 */
struct mm_struct *mm_alloc_in(struct anon_family *family);

/**
 * mm_fork() - make a second address space with the same contents
 * @parent: the address space
 * @childp: set to the new one, with one user, on success
 *
 * Pages are shared until one of the two writes. Regions with MADV_DONTFORK are left out,
 * those with MADV_WIPEONFORK are empty in the child. Subscriptions and locked pages stay with
 * the parent. PROTECTION_PAGE is raised over each region of the parent that has entries to
 * share, CLEAR over each exclusive entry that is restored (SEMANTICS 8.5).
 *
 * Context: takes mmap_lock for writing; may sleep. The caller is a user of @parent.
 * Return: 0; -ENOMEM (no memory, or the machine may not promise it: mm/space/limits.h);
 *	   -EINTR (killed). On error the parent's contents, regions and rights
 *	   are what they were. Rules R1.13, R2.26, R7.13.
 */
int mm_fork(struct mm_struct *parent, struct mm_struct **childp);

void __mmput(struct mm_struct *mm);
void __mmdrop(struct mm_struct *mm);

/**
 * mmget() - become another user
 * @mm: an mm that has users
 *
 * Context: any.
 */
static __always_inline void mmget(struct mm_struct *mm)
{
	ASSERT(atomic_read(&mm->mm_users) > 0);
	atomic_inc(&mm->mm_users);
}

/**
 * mmget_not_zero() - become a user unless the last one has left
 * @mm: an mm whose struct the caller holds
 *
 * Context: any.
 * Return: true if the caller is a user now.
 */
static __always_inline bool mmget_not_zero(struct mm_struct *mm)
{
	return atomic_inc_not_zero(&mm->mm_users);
}

/**
 * mmput() - stop being a user
 * @mm: the mm
 *
 * The last user tears the address space down: subscribers get RELEASE and then
 * UNMAP for everything, pages and tables are freed (R4.27).
 *
 * Context: may sleep; no lock held that a subscriber's callback takes.
 */
static __always_inline void mmput(struct mm_struct *mm)
{
	might_sleep();
	mmu_notifier_might_invalidate();
	if (atomic_dec_and_test(&mm->mm_users))
		__mmput(mm);
}

/**
 * mmput_async() - mmput() from where the caller may not sleep
 * @mm: the mm
 *
 * If this was the last user, a worker tears the address space down, some time later.
 *
 * Context: any but NMI; locks may be held.
 */
void mmput_async(struct mm_struct *mm);

/**
 * mmgrab() - hold the struct
 * @mm: an mm whose struct the caller holds or uses
 *
 * Context: any.
 */
static __always_inline void mmgrab(struct mm_struct *mm)
{
	atomic_inc(&mm->mm_count);
}

/**
 * mmdrop() - stop holding the struct
 * @mm: the mm
 *
 * Context: any that may take a spinlock.
 */
static __always_inline void mmdrop(struct mm_struct *mm)
{
	if (unlikely(atomic_dec_and_test(&mm->mm_count)))
		__mmdrop(mm);
}

/**
 * mm_for_each() - call a function for every mm
 * @fn: called with the list locked and the struct held; may not sleep; stops
 *	the walk by returning non-zero
 * @arg: passed on
 *
 * Context: any thread context.
 * Return: what the last call of @fn returned, 0 without any.
 */
int mm_for_each(int (*fn)(struct mm_struct *mm, void *arg), void *arg);

/**
 * mm_find_get() - find an address space by its number
 * @id: mm->id
 *
 * Context: any thread context.
 * Return: the mm with another user, or NULL; mmput() it.
 */
struct mm_struct *mm_find_get(unsigned int id);

/**
 * kthread_use_mm() - let this kernel thread touch an mm's user addresses
 * @mm: an mm the caller is a user of when it calls
 *
 * The thread is a user of its own until kthread_unuse_mm().
 *
 * Context: kernel thread without an mm; may sleep.
 */
void kthread_use_mm(struct mm_struct *mm);

/**
 * kthread_unuse_mm() - undo kthread_use_mm()
 * @mm: the same mm; if the thread was its last user, it is torn down here
 *
 * Context: the thread that called kthread_use_mm(); as mmput().
 */
void kthread_unuse_mm(struct mm_struct *mm);

/* --- the lock ----------------------------------------------------------- */

/*
 * A call that waits for mmap_lock on behalf of a task waits killably, and fails with
 * -EINTR when the task is killed. mmap_read_lock() and mmap_write_lock() are for the
 * few that may not fail: the teardown by the last user, mmap_retake(), and tests.
 */

static __always_inline void mmap_read_lock(struct mm_struct *mm)
	__acquires_shared(&mm->mmap_lock) __no_thread_safety
{
	down_read(&mm->mmap_lock);
}

/* 0 with the lock held, or -EINTR. */
static __always_inline int __must_check mmap_read_lock_killable(struct mm_struct *mm)
	__try_acquires_shared(false, &mm->mmap_lock) __no_thread_safety
{
	return down_read_killable(&mm->mmap_lock);
}

static __always_inline bool mmap_read_trylock(struct mm_struct *mm)
	__try_acquires_shared(true, &mm->mmap_lock) __no_thread_safety
{
	return down_read_trylock(&mm->mmap_lock);
}

static __always_inline void mmap_read_unlock(struct mm_struct *mm)
	__releases_shared(&mm->mmap_lock) __no_thread_safety
{
	up_read(&mm->mmap_lock);
}

static __always_inline void mmap_write_lock(struct mm_struct *mm)
	__acquires(&mm->mmap_lock) __no_thread_safety
{
	down_write(&mm->mmap_lock);
}

/* 0 with the lock held, or -EINTR. */
static __always_inline int __must_check
mmap_write_lock_killable(struct mm_struct *mm)
	__try_acquires(false, &mm->mmap_lock) __no_thread_safety
{
	return down_write_killable(&mm->mmap_lock);
}

/* Of a child that nobody else knows yet, with its parent's held. */
static __always_inline void mmap_write_lock_nested(struct mm_struct *mm)
	__acquires(&mm->mmap_lock) __no_thread_safety
{
	down_write_nested(&mm->mmap_lock, 1);
}

static __always_inline bool mmap_write_trylock(struct mm_struct *mm)
	__try_acquires(true, &mm->mmap_lock) __no_thread_safety
{
	return down_write_trylock(&mm->mmap_lock);
}

static __always_inline void mmap_write_unlock(struct mm_struct *mm)
	__releases(&mm->mmap_lock) __no_thread_safety
{
	up_write(&mm->mmap_lock);
}

static __always_inline void mmap_write_downgrade(struct mm_struct *mm) __no_thread_safety
{
	downgrade_write(&mm->mmap_lock);
}

/* Held in either mode. */
static __always_inline void mmap_assert_locked(struct mm_struct *mm)
{
	lockdep_assert_held(&mm->mmap_lock);
}

static __always_inline void mmap_assert_write_locked(struct mm_struct *mm)
{
	lockdep_assert_held_write(&mm->mmap_lock);
}

/* The mode of a holder of mmap_lock, to drop it and take it again. */
enum mmap_mode {
	MMAP_SHARED,
	MMAP_EXCLUSIVE,
};

/* In which mode does the caller hold mmap_lock? */
static __always_inline enum mmap_mode mmap_mode(struct mm_struct *mm)
{
	mmap_assert_locked(mm);
	/* A holder for reading excludes writers: a writer is this thread. */
	return rwsem_is_write_locked(&mm->mmap_lock) ? MMAP_EXCLUSIVE
						     : MMAP_SHARED;
}

/* Drop mmap_lock, which the caller holds in either mode. */
static __always_inline void mmap_drop(struct mm_struct *mm) __no_thread_safety
{
	if (mmap_mode(mm) == MMAP_EXCLUSIVE)
		mmap_write_unlock(mm);
	else
		mmap_read_unlock(mm);
}

/* Take mmap_lock again, in a mode that mmap_mode() returned. */
static __always_inline void mmap_retake(struct mm_struct *mm,
					enum mmap_mode mode) __no_thread_safety
{
	if (mode == MMAP_EXCLUSIVE)
		mmap_write_lock(mm);
	else
		mmap_read_lock(mm);
}

/* --- mapping ------------------------------------------------------------ */

/**
 * do_mmap() - map anonymous memory
 * @mm: the address space
 * @addr: where, as far as @flags say so; else a wish that is kept if the place
 *	is free
 * @len: bytes; rounded up to pages
 * @prot: PROT_*
 * @flags: MAP_ANONYMOUS; MAP_PRIVATE, or MAP_SHARED: with the children that will be
 *	forked; and MAP_FIXED (replaces what is there, starting UNMAP for it) or
 *	MAP_FIXED_NOREPLACE (refuses); MAP_POPULATE (the pages are touched), MAP_LOCKED
 *	(likewise, unless MCL_ONFAULT says otherwise, and the region is locked:
 *	mm/space/mlock.h), MAP_GROWSDOWN (a private region that grows to a touch below it:
 *	mm/space/stack.c)
 *
 * A private region that fits its neighbours becomes one with them. Each shared one begins
 * an object of its own (mm/object/shmem.h). A page that cannot be had for MAP_POPULATE or
 * MAP_LOCKED is no error: it comes when it is touched.
 *
 * Context: takes mmap_lock for writing; may sleep.
 * Return: the address, or
 *	   -EINVAL (@len 0, unknown @prot or @flags, not anonymous, private and
 *	   shared or neither, shared and growing, fixed and not page aligned), -EEXIST (NOREPLACE and occupied),
 *	   -ENOMEM (no room, fixed out of user space, too many regions,
 *	   more pages than a limit of mm/space/limits.h, no memory), -EINTR (killed while it waited for mmap_lock); of a
 *	   mapping that is to be locked, by MAP_LOCKED or MCL_FUTURE, -EPERM (MAP_LOCKED,
 *	   and mm->lock_limit is 0), -EAGAIN (more than mm->lock_limit). On error nothing
 *	   has changed.
 */
long do_mmap(struct mm_struct *mm, vaddr_t addr, size_t len, int prot, int flags);

/**
 * do_mmap_object() - map a part of an object, shared
 * @mm: the address space
 * @addr: as for do_mmap()
 * @len: bytes; rounded up to pages
 * @prot: PROT_*
 * @flags: 0, or MAP_FIXED or MAP_FIXED_NOREPLACE, MAP_POPULATE and MAP_LOCKED
 * @object: the object; the region takes a reference of its own
 * @pgoff: the page of the object that comes first
 *
 * A region that goes on where a neighbour of the same object ends becomes one with it.
 *
 * Context: as do_mmap().
 * Return: as do_mmap(); -EOVERFLOW (the last page has no offset).
 */
long do_mmap_object(struct mm_struct *mm, vaddr_t addr, size_t len, int prot,
		    int flags, struct vm_object *object, unsigned long pgoff);

/**
 * do_munmap() - unmap whatever is in a range
 * @mm: the address space
 * @addr: first address, page aligned
 * @len: bytes; rounded up to pages
 *
 * One UNMAP event for the whole range if anything was mapped there, before any
 * page goes. Holes in the range are no error. Rules R1.9, R1.10, R1.17.
 *
 * Context: takes mmap_lock for writing; may sleep.
 * Return: 0, -EINVAL (unaligned, @len 0, outside user space), -ENOMEM (would
 *	   need one region too many, no memory), -EINTR (killed while it waited for
 *	   mmap_lock). On error nothing has changed.
 */
int do_munmap(struct mm_struct *mm, vaddr_t addr, size_t len);

/**
 * do_mprotect() - change what a range allows
 * @mm: the address space
 * @addr: first address, page aligned
 * @len: bytes; rounded up to pages; 0 does nothing
 * @prot: PROT_*
 *
 * Starts PROTECTION_VMA from the first populated page on, with the region's
 * new protection already stored (R1.13, R1.15, R1.19). Everything is checked
 * and reserved before the first change.
 *
 * Context: takes mmap_lock for writing; may sleep.
 * Return: 0, -EINVAL (unaligned, unknown @prot), -ENOMEM (a hole in the range,
 *	   too many regions, pages become data or charged beyond a limit of
 *	   mm/space/limits.h, no memory), -EINTR (killed while it waited for
 *	   mmap_lock). On error nothing has changed.
 */
int do_mprotect(struct mm_struct *mm, vaddr_t addr, size_t len, int prot);

/**
 * do_mremap() - make a mapping longer or shorter, or take it to another address
 * @mm: the address space
 * @old: first address of the mapping, or of a part of it; page aligned
 * @old_len: bytes; rounded up to pages; 0, of shared memory and with MREMAP_MAYMOVE, maps
 *	what is there from @old on once more, @new_len bytes, at @new or in a hole
 * @new_len: bytes that it shall have; rounded up to pages
 * @flags: 0, or MREMAP_MAYMOVE (move it if it cannot grow where it is), and with that:
 *	MREMAP_FIXED (move it to @new; what is there is unmapped), MREMAP_DONTUNMAP (move
 *	the contents, to @new if that is free; the old mapping stays, empty)
 * @new: page aligned; only with MREMAP_FIXED or MREMAP_DONTUNMAP
 *
 * The pages keep their frames; what a locked region gains is touched (mm/space/mlock.h). A
 * part that grows where it is becomes one region with a
 * neighbour that is alike. With MREMAP_DONTUNMAP both mappings count for the limits, and
 * have the same flags.
 *
 * Starts one UNMAP over the old range if it is moved, and over the part that is cut off
 * if it is not; before that one over what is mapped at @new (R1.14, R1.17). Device-exclusive
 * entries stay exclusive (SEMANTICS 8.5).
 *
 * Context: takes mmap_lock for writing; may sleep.
 * Return: where the mapping is, or
 *	   -EINVAL (@old unaligned; @new_len 0; unknown or contradictory @flags: the last two
 *	   need MAYMOVE, and DONTUNMAP needs @old_len == @new_len and private memory; @new
 *	   unaligned or, if fixed, not in user space or in the old range; @old_len 0 of private
 *	   memory; an object's page offsets would overflow), -EFAULT (the old range is not in
 *	   one region), -ENOMEM (cannot grow where it is, or be mapped once more, and may not
 *	   move; no room; too many regions; more pages than a limit of mm/space/limits.h; no
 *	   memory), -EAGAIN (a locked region would come to more than mm->lock_limit), -EINTR
 *	   (killed while it waited for mmap_lock). On error nothing has changed.
 */
long do_mremap(struct mm_struct *mm, vaddr_t old, size_t old_len,
	       size_t new_len, int flags, vaddr_t new);

/* do_munmap() with mmap_lock held for writing by the caller. */
int do_munmap_locked(struct mm_struct *mm, vaddr_t addr, size_t len)
	__must_hold(&mm->mmap_lock);

/* Drop all that is mapped; the last user's, mm/space/exit.c. */
void exit_mmap(struct mm_struct *mm);

/**
 * pte_describe() - say in words what maps an address
 * @mm: the address space
 * @addr: any user address
 * @buf: where to; always terminated
 * @len: its size
 *
 * Context: thread context; takes mmap_lock for reading.
 * Return: characters written, without the terminator; or -EINTR (killed).
 */
int pte_describe(struct mm_struct *mm, vaddr_t addr, char *buf, size_t len);

#endif
