// SPDX-License-Identifier: MIT
/*
 * kernel/sched/kthread.c - threads are made, asked to stop, joined, listed
 *
 * Lifetime.  kthread_create() makes a task with a stack; it belongs to its
 * creator, which must join it exactly once.  When its function returns the task
 * leaves its CPU for good, and the task that runs next there completes
 * @exited: only then does nobody stand on the stack any more.  The joiner
 * waits for that, takes the task off the list and frees both.
 *
 *	the task			its CPU's next task	the joiner
 *	exit_code = ...
 *	takes wake_lock, state = DEAD,
 *	lets it go; switched out
 *					on_cpu = false
 *					complete(exited)
 *								frees the stack
 *
 * Nobody holds @wake_lock of what is freed: a task dies with that lock held
 * (sched_task_leave()), so an earlier waker has let go, and later nobody may
 * come.  The waits of this kernel keep that rule by waking with a lock held
 * that the waiter takes before it leaves; others must know that the task is
 * not joined before they are done.
 *
 *	field		read with		write with
 *	task_list	task_list_lock		task_list_lock
 *	flags		atomic			atomic
 *	exit_code	after exited		the task
 */
#include <mm/alloc/alloc.h>
#include <lib/assert.h>
#include <lib/errno.h>
#include <lib/layout.h>
#include <lib/panic.h>
#include <lib/printk.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <kernel/trace.h>
#include <arch/cpu.h>
#include <arch/stacktrace.h>

#define FRAMES_SHOWN 8
#define TASKS_SHOWN  64

DEFINE_SPINLOCK(task_list_lock);
LIST_HEAD(task_list);

static atomic_t last_pid;

DEFINE_TRACE_EVENT(task_new, "task text", "task %lu is %s");

LAYOUT_ADDRESS(task_list);
LAYOUT_OFFSET(task, all_entry);
LAYOUT_OFFSET(task, pid);
LAYOUT_OFFSET(task, name);
LAYOUT_OFFSET(task, state);
LAYOUT_OFFSET(task, cpu);
LAYOUT_OFFSET(task, on_cpu);
LAYOUT_OFFSET(task, arch.sp);
LAYOUT_OFFSET(task, stack);

/* The bytes of the name, for a record: a task may be gone when that is read. */
static void trace_name(const struct task *task)
{
	unsigned long words[TASK_NAME_LEN / sizeof(unsigned long)];

	static_assert(sizeof(words) == TASK_NAME_LEN, "the name is whole words");
	memcpy(words, task->name, sizeof(words));
	OBSERVE(task_new, task->pid, words[0], words[1], words[2]);
}

void task_init(struct task *task, const char *name, unsigned int cpu)
{
	unsigned long flags;

	strscpy(task->name, name, sizeof(task->name));
	task->cpu = cpu;
	task->allowed = CPU_MASK_ALL;
	task->wake_lock = (struct raw_spinlock)RAW_SPINLOCK_INIT;
	task->pid = (unsigned int)atomic_fetch_add(1, &last_pid);
	init_completion(&task->exited);
	trace_name(task);
	spin_lock_irqsave(&task_list_lock, flags);
	list_add_tail(&task->all_entry, &task_list);
	spin_unlock_irqrestore(&task_list_lock, flags);
}

static void task_free(struct task *task)
{
	unsigned long flags;

	spin_lock_irqsave(&task_list_lock, flags);
	list_del(&task->all_entry);
	spin_unlock_irqrestore(&task_list_lock, flags);
	kernel_stack_free(task->stack);
	kfree(task);
}

static void __noreturn thread_main(void *arg)
{
	struct task *task = arg;

	sched_task_entered();
	kthread_exit(task->fn(task->arg));
}

struct task *kthread_create(int (*fn)(void *arg), void *arg, const char *fmt, ...)
{
	char name[TASK_NAME_LEN];
	struct task *task;
	va_list args;

	might_sleep();
	task = kzalloc(sizeof(*task), GFP_KERNEL);
	if (!task)
		return ERR_PTR(-ENOMEM);
	task->stack = kernel_stack_alloc();
	if (!task->stack) {
		kfree(task);
		return ERR_PTR(-ENOMEM);
	}
	task->state = TASK_NEW;
	task->fn = fn;
	task->arg = arg;
	arch_task_init(&task->arch, task->stack, KERNEL_STACK_SIZE, thread_main,
		       task);
	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	task_init(task, name, smp_processor_id());
	return task;
}

void kthread_bind(struct task *task, unsigned int cpu)
{
	ASSERT(task->state == TASK_NEW && cpu_online(cpu));
	task->allowed = cpumask_of(cpu);
}

void kthread_exit(int code)
{
	struct task *me = current;

	lockdep_task_exit(me);
	WARN(me->mm, "task %s ends with an address space", me->name);
	me->exit_code = code;
	sched_task_leave();
}

bool kthread_should_stop(void)
{
	return atomic_read(&current->flags) & TASK_FLAG_STOP;
}

int kthread_join(struct task *task)
{
	int code;

	wait_for_completion(&task->exited);
	code = task->exit_code;
	task_free(task);
	return code;
}

int kthread_stop(struct task *task)
{
	if (READ_ONCE(task->state) == TASK_NEW) {
		task_free(task);
		return -EINTR;
	}
	atomic_or(TASK_FLAG_STOP, &task->flags);
	wake_up_process(task);
	return kthread_join(task);
}

unsigned int nr_tasks(void)
{
	struct task *task;
	unsigned long flags;
	unsigned int n = 0;

	spin_lock_irqsave(&task_list_lock, flags);
	for_each_task(task) n += !(atomic_read(&task->flags) & TASK_FLAG_IDLE);
	spin_unlock_irqrestore(&task_list_lock, flags);
	return n;
}

const char *task_state_name(const struct task *task)
{
	switch (READ_ONCE(task->state)) {
	case TASK_RUNNING:
		return READ_ONCE(task->on_cpu) ? "running" : "runnable";
	case TASK_INTERRUPTIBLE:
		return "interruptible";
	case TASK_UNINTERRUPTIBLE:
		return "uninterruptible";
	case TASK_KILLABLE:
		return "killable";
	case TASK_NEW:
		return "new";
	case TASK_DEAD:
		return "dead";
	default:
		return "?";
	}
}

static void print_task(struct task *task)
{
	unsigned long entries[FRAMES_SHOWN];
	char line[128];
	unsigned int n = 0, i;
	int len;

	len = scnprintf(line, sizeof(line), "  %4u %-24s cpu %-2u %s\n",
			task->pid, task->name, task->cpu, task_state_name(task));
	console_raw_write(line, (size_t)len);
	if (!READ_ONCE(task->on_cpu) && task->state != TASK_NEW)
		n = stack_trace_from(task->arch.sp, entries, FRAMES_SHOWN);
	for (i = 0; i < n; i++) {
		len = scnprintf(line, sizeof(line), "         %pS\n",
				(void *)entries[i]);
		console_raw_write(line, (size_t)len);
	}
	lockdep_print_held(task);
}

void sched_print_tasks(void)
{
	unsigned int n = 0;
	struct task *task;

	console_raw_write("tasks:\n", 7);
	if (!task_list.next)
		return;
	for_each_task(task) if (n++ < TASKS_SHOWN) print_task(task);
}
PANIC_REPORT(PANIC_TASKS, sched_print_tasks);
