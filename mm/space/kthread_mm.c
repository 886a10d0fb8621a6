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
 * Lifetime.  The caller is a user of the mm for the whole time; the struct is
 * held as well, so that a caller that gets that wrong meets an assertion in
 * mmput's teardown and not a wild CR3.
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
	ASSERT(atomic_read(&mm->mm_users) > 0);
	mmgrab(mm);
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
	mmdrop(mm);
}
