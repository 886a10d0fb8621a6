// SPDX-License-Identifier: MIT
/*
 * mm/space/mm.c - the life of an address space
 *
 * Problem.  Threads run in an mm, drivers and subscribers merely know it.  The
 * contents must go when the last thread is done, however many still know it;
 * the struct must stay as long as anybody does.
 *
 * Idea.  Two counts.  All users together hold one mm_count.
 *
 *	state		mm_users	mm_count	there is
 *	alive		> 0		> 0		everything
 *	exiting		0		> 0		less and less: __mmput()
 *	exited		0		> 0		the struct only
 *	gone		0		0		nothing
 *
 * On the way from alive to exited, in this order: subscribers get RELEASE, then
 * UNMAP for all of it (R4.27), pages and tables are freed, no CPU has the top
 * table loaded any more (not even one that idles on it), the top table goes.
 *
 *	field			read with	write with
 *	mm_list (of all)	mm_list_lock	mm_list_lock
 *	the counts		atomically	atomically
 *
 * A walk over the list meets mms on their way out.  It may look at the struct
 * under the lock, because a struct leaves the list before it is freed; to use
 * an mm it must win mmget_not_zero().
 *
 * Not here: emptying the address space (mm/space/exit.c), a last user that may not sleep
 * (mm/space/exit_work.c), threads that work in an mm (mm/space/kthread_mm.c).
 */
#include <mm/alloc/alloc.h>
#include <lib/bitops.h>
#include <lib/init.h>
#include <lib/layout.h>
#include <lib/list.h>
#include <arch/mmu.h>
#include <mm/space/mm.h>
#include <mm/space/mm_trace.h>
#include <mm/space/stack.h>
#include <mm/notifier/start.h>
#include <mm/page/page.h>
#include <mm/rmap/family.h>
#include <mm/table/pgtable.h>

static struct kmem_cache *mm_cache;
static DEFINE_SPINLOCK(mm_list_lock);
static struct list_head mm_list = {&mm_list, &mm_list};
static unsigned int mm_last_id;

DEFINE_TRACE_EVENT(mm_born, "mm id", "mm %p is mm number %lu");
DEFINE_TRACE_EVENT(mm_gone, "mm id", "mm %p is freed, number %lu");
DEFINE_TRACE_EVENT(mm_call, "mm what start end arg",
		   "mm %p: %s [%#lx, %#lx) with %lx");
DEFINE_TRACE_EVENT(mm_return, "mm what ret", "mm %p: %s returns %ld");

LAYOUT_ADDRESS(mm_list);
LAYOUT_OFFSET(list_head, next);
LAYOUT_OFFSET(mm_struct, mm_list);
LAYOUT_OFFSET(mm_struct, id);
LAYOUT_OFFSET(mm_struct, pgd);
LAYOUT_OFFSET(mm_struct, mm_users);
LAYOUT_OFFSET(mm_struct, mm_first);
LAYOUT_OFFSET(mm_struct, map_count);
LAYOUT_OFFSET(mm_struct, anon_rss);
LAYOUT_ENTRY("USER_END", USER_END);
LAYOUT_OFFSET(vm_area_struct, vm_mm);
LAYOUT_OFFSET(vm_area_struct, vm_start);
LAYOUT_OFFSET(vm_area_struct, vm_end);
LAYOUT_OFFSET(vm_area_struct, vm_flags);
LAYOUT_OFFSET(vm_area_struct, vm_next);

static int mm_cache_init(void)
{
	mm_cache = kmem_cache_create("mm_struct", sizeof(struct mm_struct), 0,
				     0, NULL);
	return mm_cache ? 0 : -ENOMEM;
}
INITCALL(INIT_CORE, mm_cache_init);

/*
 * Teach the validator at boot, and not only at the first range that starts with
 * these held: a callback that takes one of them is wrong from the beginning, and so is a
 * wait for a page with mmap_lock held.
 */
static int mm_teach_order(void)
{
	struct mm_struct *mm;

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return 0;
	mm = mm_alloc();
	if (!mm)
		return -ENOMEM;
	lock_map_acquire(&page_lock_map);
	mmap_read_lock(mm);
	down_read(&mm->family->root.lock);
	mmu_notifier_might_invalidate();
	up_read(&mm->family->root.lock);
	mmap_read_unlock(mm);
	lock_map_release(&page_lock_map);
	mmput(mm);
	return 0;
}
INITCALL(INIT_MM, mm_teach_order);

struct mm_struct *mm_alloc(void)
{
	struct anon_family *family = anon_family_alloc();
	struct mm_struct *mm;

	if (!family)
		return NULL;
	mm = mm_alloc_in(family);
	rmap_root_put(&family->root);
	return mm;
}

struct mm_struct *mm_alloc_in(struct anon_family *family)
{
	struct mm_struct *mm = kmem_cache_zalloc(mm_cache, GFP_KERNEL);

	if (!mm)
		return NULL;
	if (pgd_alloc(mm)) {
		kmem_cache_free(mm_cache, mm);
		return NULL;
	}
	rmap_root_get(&family->root);
	mm->family = family;
	atomic_set(&mm->mm_users, 1);
	atomic_set(&mm->mm_count, 1);
	init_rwsem(&mm->mmap_lock);
	spin_lock_init(&mm->page_table_lock);
	mm->mm_rb = RB_ROOT;
	mm->map_limit = DEFAULT_MAX_MAP_COUNT;
	mm->as_limit = (USER_END - USER_START) >> PAGE_SHIFT;
	mm->data_limit = mm->as_limit;
	mm->lock_limit = mm->as_limit;
	mm->stack_limit = DEFAULT_STACK_PAGES;
	mmu_notifier_subscriptions_init(mm);
	spin_lock(&mm_list_lock);
	mm->id = ++mm_last_id;
	list_add_tail(&mm->mm_list, &mm_list);
	spin_unlock(&mm_list_lock);
	OBSERVE(mm_born, mm, mm->id);
	return mm;
}

void __mmput(struct mm_struct *mm)
{
	ASSERT(atomic_read(&mm->mm_users) == 0);
	OBSERVE(mm_call, mm, "exit", 0, USER_END);
	mmu_notifier_release(mm);
	exit_mmap(mm);
	rmap_root_put(&mm->family->root);
	arch_drop_mm(&mm->context);
	pgd_free(mm);
	set_bit(MMF_EXITED, &mm->flags);
	OBSERVE(mm_return, mm, "exit", 0);
	mmdrop(mm);
}

void __mmdrop(struct mm_struct *mm)
{
	ASSERT(test_bit(MMF_EXITED, &mm->flags));
	/* First: a walk over the list may look at any part of a listed struct. */
	spin_lock(&mm_list_lock);
	list_del(&mm->mm_list);
	spin_unlock(&mm_list_lock);
	mmu_notifier_subscriptions_destroy(mm);
	OBSERVE(mm_gone, mm, mm->id);
	kmem_cache_free(mm_cache, mm);
}

int mm_for_each(int (*fn)(struct mm_struct *mm, void *arg), void *arg)
{
	struct mm_struct *mm;
	int result = 0;

	spin_lock(&mm_list_lock);
	list_for_each_entry(mm, &mm_list, mm_list) {
		result = fn(mm, arg);
		if (result)
			break;
	}
	spin_unlock(&mm_list_lock);
	return result;
}

struct mm_struct *mm_find_get(unsigned int id)
{
	struct mm_struct *found = NULL;
	struct mm_struct *mm;

	spin_lock(&mm_list_lock);
	list_for_each_entry(mm, &mm_list, mm_list) {
		if (mm->id == id && mmget_not_zero(mm)) {
			found = mm;
			break;
		}
	}
	spin_unlock(&mm_list_lock);
	return found;
}
