/* SPDX-License-Identifier: MIT */
/*
 * mm/space/mm_types.h - an address space and its regions
 *
 * Lifetime of an mm, two counts (as the field has them):
 *
 *	mm_users	tasks that work in it, and others that may touch user
 *			addresses or walk the regions.  At zero the mm exits: subscribers are
 *			notified, every page, table and region goes.
 *	mm_count	holders of the struct itself; all users together hold
 *			one.  At zero the struct is freed.
 */
#ifndef MM_SPACE_MM_TYPES_H
#define MM_SPACE_MM_TYPES_H

#include <lib/types.h>
#include <lib/atomic.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <kernel/sched/rwsem.h>
#include <kernel/lock/spinlock.h>
#include <kernel/workqueue.h>
#include <arch/mmu.h>
#include <arch/paging.h>
#include <mm/rmap/root.h>

struct anon_family;
struct mmu_notifier_subscriptions;
struct mm_struct;
struct vm_object;

/* Rights of a region (low bits as PROT_*), and rights it may come to have. */
#define VM_NONE     0x00000000UL
#define VM_READ     0x00000001UL
#define VM_WRITE    0x00000002UL
#define VM_EXEC     0x00000004UL
#define VM_SHARED   0x00000008UL
#define VM_MAYREAD  0x00000010UL
#define VM_MAYWRITE 0x00000020UL
#define VM_MAYEXEC  0x00000040UL
/* How a region behaves at a fork, and whether it may be paged out. */
#define VM_DONTCOPY   0x00000100UL
#define VM_WIPEONFORK 0x00000200UL
#define VM_LOCKED     0x00000400UL
/* MADV_HUGEPAGE and MADV_NOHUGEPAGE; never both. */
#define VM_HUGEPAGE   0x00000800UL
#define VM_NOHUGEPAGE 0x00001000UL
/* It grows to a touch below it (mm/space/stack.c). */
#define VM_GROWSDOWN 0x00002000UL
/*
 * What a driver's object maps (mm/fault/object.c): frames without counting a page, whatever
 * they are; or pages that are counted, and such frames between them.
 */
#define VM_PFNMAP   0x00010000UL
#define VM_MIXEDMAP 0x00020000UL
/* Its pages are charged (mm/space/limits.c). */
#define VM_ACCOUNT 0x00100000UL
/* Of a region that is VM_LOCKED: a page is there from its first touch on, and not before. */
#define VM_LOCKONFAULT 0x00080000UL
/* New, or grown, since write marks were cleared: each page counts as written to. */
#define VM_SOFTDIRTY 0x08000000UL
#define VM_ACCESS    (VM_READ | VM_WRITE | VM_EXEC)
#define VM_MAYACCESS (VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

/**
 * struct vm_area_struct - a run of pages that are mapped alike
 * @vm_start: first address, page aligned
 * @vm_end: first address after it
 * @vm_mm: the address space; fixed from allocation
 * @vm_flags: VM_*
 * @vm_page_prot: what vm_get_page_prot() makes of @vm_flags
 * @vm_pgoff: page offset of @vm_start in what the region shows. Of private
 *	memory it is the page number of the address where it was mapped first;
 *	a move keeps it, so that page->index stays true
 * @vm_object: (c) the object that the region shows, with a reference of the region; NULL:
 *	private anonymous memory. VM_SHARED is set exactly if it is not NULL
 * @vm_rmap: (r) link in the tree of @vm_object, or else of mm->family
 * @vm_prev: the region below, or NULL
 * @vm_next: the region above, or NULL
 * @vm_rb: link in mm->mm_rb, ordered by address
 * @vm_subtree_gap: the largest hole below any region of this subtree; the
 *	hole below a region reaches down to the end of the one before it, or
 *	to USER_START, and up to the gap that a stack wants free
 *
 * Every other field but @vm_mm: read with mmap_lock in either mode, written with it
 * held for writing. @vm_start, @vm_end and @vm_pgoff are written with the lock of the
 * reverse map held as well, so a walk may read them (mm/rmap/family.c).
 *
 * Keys: (c) constant from the first vma_link() on; (r) that lock alone.
 */
struct vm_area_struct {
	vaddr_t vm_start;
	vaddr_t vm_end;
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	pgprot_t vm_page_prot;
	unsigned long vm_pgoff;
	struct vm_object *vm_object;
	struct rmap_node vm_rmap;
	struct vm_area_struct *vm_prev;
	struct vm_area_struct *vm_next;
	struct rb_node vm_rb;
	unsigned long vm_subtree_gap;
};

/* Bits of mm->flags. */
enum mm_flag {
	MMF_EXITED, /* the last user left; nothing is mapped any more */
};

/**
 * struct mm_struct - an address space
 * @context: what the architecture keeps; first, so that it can be cast
 * @pgd: (c) the top table; its kernel half is shared by all
 * @mm_users: (a) see the head of this file
 * @mm_count: (a) likewise
 * @mmap_lock: (l) the regions and which tables exist; see below
 * @mm_rb: (m) the regions by address
 * @mm_first: (m) the lowest region
 * @family: (c) the address spaces that may share anonymous pages with this one
 * @map_count: (m) number of regions
 * @total_vm: (m) pages mapped by regions
 * @map_limit: (w) most regions there may be
 * @as_limit: (w) most pages @total_vm may come to
 * @data_vm: (m) pages mapped by regions that are data (vm_is_data())
 * @data_limit: (w) most pages @data_vm may come to
 * @charged_vm: (m) pages mapped by regions with VM_ACCOUNT
 * @committed: (m) pages that are charged for this address space; @charged_vm, but in the
 *	middle of a call (mm/space/limits.c)
 * @stack_limit: (w) most pages that a region with VM_GROWSDOWN may grow to
 * @locked_vm: (m) pages mapped by regions that are VM_LOCKED
 * @lock_limit: (w) most pages @locked_vm may come to; 0: none may be locked
 * @def_flags: (m) VM_LOCKED, if mappings to come are to be locked, and VM_LOCKONFAULT, if
 *	they are not to be touched for that (mm/space/mlock.c)
 * @start_brk: (w) where the heap begins; 0: there is none
 * @brk: (m) where it ends, to the byte (mm/space/brk.c)
 * @page_table_lock: (l) entries of the tables above the last level, huge ones too
 * @tlb_flush_pending: (a) threads that change entries of the last level and
 *	have not flushed yet; see mm/table/tlb.c
 * @anon_rss: (a) anonymous pages mapped, exclusive entries included
 * @shared_rss: (a) pages of objects mapped, without frames that count no page
 * @nr_ptes: (a) page-table pages below the top table
 * @flags: (a) MMF_*
 * @notifier_subscriptions: the subscribers; mm/notifier/range.c. This
 *	and the next are only there with the option (R6.5)
 * @notifier_ranges: (a) open changes; negative once a driver has subscribed
 * @exit_work: of the last user, if it may not sleep; mm/space/exit_work.c
 * @mm_list: link in the list of all, under its lock; mm/space/mm.c
 * @id: (c) a small number for people
 *
 * Keys: (a) atomic; (c) constant; (l) a lock itself; (m) read under mmap_lock,
 * written under it for writing; (o) the notifiers' own, single accesses; (w)
 * written by the owner before sharing.
 *
 * Lock order: mmap_lock, a page's lock, the lock of the reverse map,
 * page_table_lock, a table's own lock. A table is freed only with mmap_lock held for
 * writing or by the last user, after its regions have left the reverse map.
 * So a holder for reading of either lock may walk; entries of the last level are
 * read and changed under the lock of their table.
 */
struct mm_struct {
	struct mm_context context;
	pgd_t *pgd;
	struct atomic mm_users;
	struct atomic mm_count;
	struct rw_semaphore mmap_lock;
	struct rb_root mm_rb;
	struct vm_area_struct *mm_first;
	struct anon_family *family;
	unsigned int map_count;
	unsigned int map_limit;
	unsigned long total_vm;
	unsigned long as_limit;
	unsigned long data_vm;
	unsigned long data_limit;
	unsigned long charged_vm;
	unsigned long committed;
	unsigned long stack_limit;
	unsigned long locked_vm;
	unsigned long lock_limit;
	unsigned long def_flags;
	vaddr_t start_brk;
	vaddr_t brk;
	struct spinlock page_table_lock;
	struct atomic tlb_flush_pending;
	struct atomic64 anon_rss;
	struct atomic64 shared_rss;
	struct atomic64 nr_ptes;
	unsigned long flags;
#ifdef CONFIG_MMU_NOTIFIER
	struct mmu_notifier_subscriptions *notifier_subscriptions;
	struct atomic64 notifier_ranges;
#endif
	struct work_struct exit_work;
	struct list_head mm_list;
	unsigned int id;
};

#endif
