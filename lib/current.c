// SPDX-License-Identifier: MIT
/*
 * lib/current.c - the running task, for code that the scheduler stands on
 *
 * A panic names the running task, the lock validator keeps what a task holds in the
 * task, and an allocation that shall fail is found by it.  All three stand below the
 * scheduler and run before it does, so the words live here; only the scheduler
 * writes them.  Until it runs the only task is the context that boots.
 *
 *	field			read by			written by
 *	current_task		its CPU, one load	the scheduler, at a switch
 *	sched_is_running	any CPU			sched_start(), once
 *	boot_task		its own CPU		sched_init(), the scheduler
 *
 * Not here: what a task is (kernel/sched/sched.h) and which runs next
 * (kernel/sched/sched.c).
 */
#include <kernel/sched/sched.h>

struct task boot_task = {.name = "boot", .on_cpu = true};
DEFINE_PER_CPU(struct task *, current_task) = &boot_task;
bool sched_is_running;
