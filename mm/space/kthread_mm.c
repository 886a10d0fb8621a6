// SPDX-License-Identifier: MIT
/*
 * mm/space/kthread_mm.c - a kernel thread works in an address space
 *
 * Problem.  Tests, the contest and a device's work on behalf of a process touch
 * user addresses from kernel threads, with real translations and real faults.
 *
 * Idea.  A task has two pointers: the mm whose user addresses it may touch, and
 * the context that is loaded when it runs.  Both are set here, together with the
 * CPU's own, with interrupts off: a switch in between would load one and report
 * faults against the other.
 *
 *	current->mm	current->active_ctx	loaded
 *	NULL		NULL			anything (lazy)
 *	mm		&mm->context		that
 *
 * Lifetime.  A task that works in an mm is one of its users, by a reference in mm_users
 * of its own.  So the address space is not torn down under it, whatever its maker and
 * its drivers do, and a thread that was given an mm may be the last that leaves:
 *
 *	maker				thread
 *	mm = mm_alloc()		1
 *	starts the thread
 *					kthread_use_mm(mm)	2
 *	mmput(mm)			1
 *					touches user addresses	(must work)
 *					kthread_unuse_mm(mm)	0: tears it down
 *
 *	(tests/mm/space/mm_test.c, a_thread_is_the_last_user_of_its_address_space)
 *
 * The context is unloaded before the reference is dropped: from then on the top table may
 * be freed.
 */
#include <arch/cpu.h>
#include <kernel/sched/sched.h>
#include <mm/space/mm.h>

void kthread_use_mm(struct mm_struct *mm)
{
	struct task *task = current;
	unsigned long flags;

	might_sleep();
	ASSERT(!task->mm);
	mmget(mm);
	local_irq_save(flags);
	task->mm = mm;
	task->active_ctx = &mm->context;
	arch_switch_mm(&mm->context);
	local_irq_restore(flags);
}

void kthread_unuse_mm(struct mm_struct *mm)
{
	struct task *task = current;
	unsigned long flags;

	might_sleep();
	ASSERT(task->mm == mm);
	local_irq_save(flags);
	task->mm = NULL;
	task->active_ctx = NULL;
	arch_switch_mm(NULL);
	local_irq_restore(flags);
	mmput(mm);
}
