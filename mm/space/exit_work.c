// SPDX-License-Identifier: MIT
/*
 * mm/space/exit_work.c - the last user may not sleep
 *
 * Problem.  The last user tears the address space down, by mmput(): that sleeps, waits
 * for subscribers and takes mmap_lock.  A thread that became a user for a moment, to
 * look at something under a spinlock or in an interrupt, may be the last against its
 * will.
 *
 * Idea.  It leaves by mmput_async(), and a worker does the rest:
 *
 *	looks at a page of mm			the mm's own threads
 *	mmget_not_zero(): true
 *						mmput(): not the last
 *	mmput_async(): the last
 *	  queues the work, goes on
 *	worker: RELEASE, UNMAP, freed
 *
 *	(tests/mm/space/mm_test.c, the_last_user_may_leave_under_a_spinlock)
 *
 * The worker has a queue of its own, because release() may wait for works of others.  It
 * has one thread, so such exits come one after the other.
 *
 *	field			guarded by
 *	mm->exit_work		its mm has no users: the thread that was the last,
 *				then the worker
 *
 * Lifetime: until the worker is done it holds the mm_count that the users had.
 */
#include <kernel/workqueue.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <mm/space/mm.h>

static struct workqueue_struct *mm_exit_wq;

static int mm_exit_init(void)
{
	mm_exit_wq = alloc_workqueue("mm_exit", 1);
	return mm_exit_wq ? 0 : -ENOMEM;
}
INITCALL(INIT_SMP, mm_exit_init);

static void exit_work(struct work_struct *work)
{
	__mmput(container_of(work, struct mm_struct, exit_work));
}

void mmput_async(struct mm_struct *mm)
{
	if (!atomic_dec_and_test(&mm->mm_users))
		return;
	INIT_WORK(&mm->exit_work, exit_work);
	queue_work(mm_exit_wq, &mm->exit_work);
}
