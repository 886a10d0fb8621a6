/* SPDX-License-Identifier: MIT */
/*
 * sched.h - tasks: make them, stop them, let them sleep and wake
 *
 * Every task is a kernel thread; one that has an mm works in that address
 * space.  All are preemptible, and share the CPUs fairly (kernel/sched/sched.c).
 */
#ifndef KERNEL_SCHED_SCHED_H
#define KERNEL_SCHED_SCHED_H

#include <arch/task.h>
#include <lib/atomic.h>
#include <kernel/sched/completion.h>
#include <lib/cpumask.h>
#include <lib/heap.h>
#include <lib/list.h>
#include <kernel/lock/lockdep.h>
#include <lib/preempt.h>
#include <kernel/lock/spinlock.h>
#include <lib/types.h>

struct mm_struct;
struct mm_context;

#define TASK_RUNNING         0x00U /* on a CPU, or waiting for one */
#define TASK_INTERRUPTIBLE   0x01U /* sleeps; also task_kill() wakes it */
#define TASK_UNINTERRUPTIBLE 0x02U /* sleeps until woken */
#define TASK_KILLABLE        0x04U /* sleeps; task_kill() wakes it */
#define TASK_NEW             0x08U /* created, never woken yet */
#define TASK_DEAD            0x10U /* has left for good */
#define TASK_NORMAL          (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE | TASK_KILLABLE)

#define TASK_NAME_LEN        24

enum task_flag {
	TASK_FLAG_IDLE = 1 << 0,   /* a CPU's idle task */
	TASK_FLAG_STOP = 1 << 1,   /* kthread_stop() asked it to end */
	TASK_FLAG_KILLED = 1 << 2, /* task_kill() was called on it */
};

/**
 * struct task - a thread of execution
 *
 * Keys: (r) the lock of the run queue of @cpu; (w) @wake_lock; (c) only the
 * task itself; (i) set when made, constant; (a) atomic; (l) task_list_lock.
 */
struct task {
	struct arch_task arch;           /* its CPU, while it is switched */
	unsigned int state;              /* set by itself, cleared by (w) */
	unsigned int cpu;                /* (r) where it runs or ran last */
	bool on_queue;                   /* (r) runnable */
	bool on_cpu;                     /* (r) a CPU executes on its stack */
	struct mm_struct *mm;            /* (c) the address space it works in */
	struct mm_context *active_ctx;   /* (c) what that means to the MMU */
	unsigned int pagefault_disabled; /* (c) sections of pagefault.h */
	u64 vruntime;                    /* (r) fair share used, ns */
	u64 exec_start;             /* (r) clock when it was last counted */
	u64 exec_sum;               /* (r) ns on CPUs so far */
	struct heap_node run_node;  /* (r) */
	struct list_head run_entry; /* (r) */
	struct cpumask allowed;     /* (w) CPUs it may run on */
	struct raw_spinlock wake_lock;
	atomic_t flags;           /* (a) enum task_flag */
	unsigned int pid;         /* (i) */
	char name[TASK_NAME_LEN]; /* (i) */
	void *stack;              /* (i) lowest address */
	int (*fn)(void *arg);     /* (i) */
	void *arg;                /* (i) */
	int exit_code;            /* (c), read after @exited */
	u64 switches;             /* (r) times it was switched to */
	struct completion exited;
	struct list_head all_entry;  /* (l) */
	struct lockdep_task lockdep; /* (c) */
};

DECLARE_PER_CPU(struct task *, current_task);

/** current - the running task */
#define current this_cpu_read_stable(current_task)

/**
 * kthread_create() - make a thread that does not run yet
 * @fn: its body; what it returns is its exit code
 * @arg: for @fn
 * @fmt: its name
 *
 * Start it with wake_up_process().  Every thread made must be joined once, by
 * kthread_join() or kthread_stop(), which frees it.
 *
 * Context: may sleep.
 * Return: the task, or ERR_PTR(-ENOMEM).
 */
struct task *kthread_create(int (*fn)(void *arg), void *arg, const char *fmt,
			    ...) __printf(3, 4);

/** kthread_run() - kthread_create() and wake_up_process() */
#define kthread_run(fn, arg, ...)                                              \
	({                                                                     \
		struct task *run_task_ = kthread_create(fn, arg, __VA_ARGS__); \
		if (!IS_ERR(run_task_))                                        \
			wake_up_process(run_task_);                            \
		run_task_;                                                     \
	})

/** kthread_run_on() - kthread_run() of a thread that stays on @cpu */
#define kthread_run_on(cpu, fn, arg, ...)                                      \
	({                                                                     \
		struct task *run_task_ = kthread_create(fn, arg, __VA_ARGS__); \
		if (!IS_ERR(run_task_)) {                                      \
			kthread_bind(run_task_, cpu);                          \
			wake_up_process(run_task_);                            \
		}                                                              \
		run_task_;                                                     \
	})

/**
 * kthread_bind() - a thread not yet started shall run on @cpu only
 * @task: fresh from kthread_create()
 * @cpu: an online CPU
 */
void kthread_bind(struct task *task, unsigned int cpu);

/**
 * kthread_stop() - ask a thread to end, wait for it, free it
 * @task: never joined before; one never started just goes
 *
 * The thread sees kthread_should_stop() and, asleep, is woken.
 *
 * Context: may sleep; not @task itself.
 * Return: what its function returned; -EINTR if it never ran.
 */
int kthread_stop(struct task *task);

/**
 * kthread_join() - wait until a thread has ended, free it
 *
 * Context: may sleep; not @task itself.
 * Return: what its function returned.
 */
int kthread_join(struct task *task);

/** kthread_should_stop() - has kthread_stop() been called on this thread? */
bool kthread_should_stop(void);

/** kthread_exit() - end the running thread with @code */
void kthread_exit(int code) __noreturn;

/**
 * task_kill() - tell a task that it shall give up what it waits for
 *
 * Wakes it from killable and interruptible sleep; such waits return -EINTR
 * from then on.
 *
 * Context: any; @task cannot be freed meanwhile.
 */
void task_kill(struct task *task);

static inline bool fatal_signal_pending(struct task *task)
{
	return atomic_read(&task->flags) & TASK_FLAG_KILLED;
}

/**
 * schedule() - let another task run
 *
 * Returns when this task is chosen again: with TASK_RUNNING soon, else after
 * a wake-up.
 *
 * Context: thread; preemption enabled, interrupts on.
 */
void schedule(void);

/** yield() - let others on this CPU run first */
void yield(void);

/* The rare half of cond_resched(). */
void cond_resched_slow(void);

/** cond_resched() - a point in a long loop where another task may run */
static __always_inline void cond_resched(void)
{
	might_sleep();
	if (unlikely(need_resched()))
		cond_resched_slow();
}

/**
 * set_current_state() - announce a sleep, or take it back
 * @s: TASK_*
 *
 * A full barrier: the check of the condition comes after it, and a waker that
 * makes the condition true before it wakes cannot be missed.  On x86 no test sees
 * the barrier missing often enough; tests/model/wakeup.pml does.
 */
#define set_current_state(s) ((void)xchg(&current->state, (s)))
/** __set_current_state() - without the barrier: back to TASK_RUNNING */
#define __set_current_state(s) WRITE_ONCE(current->state, (s))

/**
 * wake_up_process() - make a sleeping task runnable
 *
 * A full barrier before the task's state is looked at.
 *
 * Context: any but NMI; @task cannot be freed meanwhile.
 * Return: true when it was asleep (or new).
 */
bool wake_up_process(struct task *task);

/** wake_up_state() - as wake_up_process(), only from a state in @states */
bool wake_up_state(struct task *task, unsigned int states);

/**
 * schedule_timeout_ns() - sleep until woken, at most @ns
 * @ns: nanoseconds; above TIMEOUT_MAX_NS (146 years) counts as that
 *
 * The caller has set its state.
 *
 * Context: thread; preemption enabled, interrupts on.
 * Return: ns left, 0 when the time was up.
 */
u64 schedule_timeout_ns(u64 ns);

/** msleep() - sleep at least @ms milliseconds */
void msleep(unsigned int ms);
/** usleep_range() - sleep at least @min_us; @max_us says what is too long */
void usleep_range(unsigned long min_us, unsigned long max_us);

/* All tasks, idle ones included; hold task_list_lock. */
extern struct spinlock task_list_lock;
extern struct list_head task_list;
#define for_each_task(t) list_for_each_entry(t, &task_list, all_entry)

/** nr_tasks() - tasks that exist, idle ones not counted */
unsigned int nr_tasks(void);

/** task_state_name() - one word for the state, for listings */
const char *task_state_name(const struct task *task);

/** task_is_sleeping() - off every CPU and not runnable */
bool task_is_sleeping(struct task *task);

/**
 * sched_print_tasks() - list all tasks on the raw console
 *
 * Context: any; takes no lock, so that a panic can call it.
 */
void sched_print_tasks(void);

/* ---- for the architecture and kernel/main.c --------------------------- */

/**
 * sched_init() - the boot context becomes the idle task of CPU 0
 *
 * Context: boot CPU, before the first thread is made; memory works.
 */
void sched_init(void);

/** sched_running() - has the scheduler started? */
extern bool sched_is_running;
static inline bool sched_running(void)
{
	return READ_ONCE(sched_is_running);
}

/**
 * sched_start() - end of the boot path: start scheduling, idle from now on
 *
 * Context: boot CPU, interrupts off, on its boot stack; at least one thread
 * was woken.
 */
void sched_start(void) __noreturn;

/**
 * sched_idle_stack() - stack for a CPU to be started (smp_boot_cpus())
 *
 * Makes the CPU's idle task.  Return: its stack, NULL without memory.
 */
void *sched_idle_stack(unsigned int cpu);

/** scheduler_tick() - called by upcall_timer_tick() */
void scheduler_tick(void);

/* ---- between kernel/sched/sched.c and kernel/sched/kthread.c ----------------------- */

/* The task of the boot stack, then of CPU 0's idle loop. */
extern struct task boot_task;

/* Fills what every task has; the caller links it into task_list. */
void task_init(struct task *task, const char *name, unsigned int cpu);
/* Runs first in every new task: finishes the switch to it. */
void sched_task_entered(void);
/* Leaves the CPU for good; the next task completes @exited. */
void sched_task_leave(void) __noreturn;

/* ---- for tests/kernel/sched/sched_test.c and place_test.c ------------------ */

/*
 * Take one of @allowed out of @idle, @best if it is there; its number goes to
 * @cpu.  False when @idle has none of them, or others were faster.
 */
bool sched_claim_cpu(struct cpumask *idle, u64 allowed, unsigned int best,
		     unsigned int *cpu);

/*
 * Called by a waker that has found @task asleep, before it makes it runnable:
 * wake_lock held, interrupts off.  NULL but in one test, which sets it back.
 */
extern void (*sched_late_waker_hook)(struct task *task);
void sched_late_waker_call(struct task *task);

static __always_inline void sched_test_late_waker(struct task *task)
{
	if (IS_ENABLED(CONFIG_KTEST) && READ_ONCE(sched_late_waker_hook))
		sched_late_waker_call(task);
}

#endif
