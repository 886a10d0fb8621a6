// SPDX-License-Identifier: MIT
/*
 * tests/mm/alloc/stack_depth_test.c - a deep function is seen, a shallow one is not
 */
#include <arch/cpu.h>
#include <arch/task.h>
#include <kernel/ktest.h>
#include <kernel/sched/sched.h>
#include <kernel/time.h>
#include <lib/string.h>
#include <mm/alloc/stack_depth.h>

#define DEEP    9216ul
#define USUAL   4096ul /* no deeper than threads go anyway */
#define SHALLOW 3072ul
#define STEP    512

/* Uses at least @bytes of the stack, a step a call. */
static noinline unsigned long go_down(unsigned long bytes)
{
	volatile u8 step[STEP];

	memset((void *)step, 0xa5, sizeof(step));
	if (bytes > STEP)
		return step[STEP - 1] + go_down(bytes - STEP);
	return step[0];
}

static int go_deep(void *arg)
{
	unsigned long *used = arg;

	go_down(DEEP);
	*used = stack_depth_measure(current->stack);
	return 0;
}

static int stay(void *arg)
{
	unsigned long *used = arg;

	*used = stack_depth_measure(current->stack);
	return 0;
}

/* How much of its stack a thread used that runs @fn, noted as the seeded kind. */
static unsigned long used_by(struct ktest *test, int (*fn)(void *))
{
	unsigned long used = 0;
	struct task *task = kthread_create(fn, &used, "seeded");

	if (IS_ERR(task)) {
		ktest_fail(test, "no thread");
		return 0;
	}
	kernel_stack_set_kind(task->stack, STACK_SEEDED);
	wake_up_process(task);
	kthread_join(task);
	return used;
}

KTEST(stack_depth, a_deep_function_is_seen)
{
	unsigned long shallow = used_by(test, stay);
	unsigned long deep = used_by(test, go_deep);

	EXPECT(shallow > 0);
	EXPECT(shallow < SHALLOW, "%lu bytes", shallow);
	EXPECT(deep > DEEP, "%lu bytes", deep);
	EXPECT(deep < KERNEL_STACK_SIZE, "%lu bytes", deep);
	EXPECT(stack_depth_deepest(STACK_SEEDED) >= deep);
}

/* The same stack, from the cache: it has been painted again. */
KTEST(stack_depth, a_stack_is_painted_again_for_the_next_thread)
{
	unsigned long deep = used_by(test, go_deep);
	unsigned long after = used_by(test, stay);

	EXPECT(deep > DEEP, "%lu bytes", deep);
	EXPECT(after < SHALLOW, "%lu bytes", after);
}

/*
 *	go_down(USUAL)	| used by the thread		|
 *	enter		| painted again | head of it	|
 *	leave		only what was used since enter
 */
static int as_an_interrupt(void *arg)
{
	vaddr_t here = (vaddr_t)__builtin_frame_address(0);
	unsigned long flags;
	unsigned long *used = arg;

	go_down(USUAL);
	local_irq_save(flags);
	if (upcall_stack_enter(here))
		*used = upcall_stack_leave(here, STACK_SEEDED);
	local_irq_restore(flags);
	return 0;
}

KTEST(stack_depth, an_entry_does_not_count_what_its_thread_used_before)
{
	unsigned long used = 0;
	struct task *task = kthread_run(as_an_interrupt, &used, "usual");

	REQUIRE(!IS_ERR(task));
	kthread_join(task);
	EXPECT(used > 0);
	EXPECT(used < USUAL - STEP, "%lu bytes", used);
	EXPECT(stack_depth_deepest(STACK_THREAD) > USUAL);
}

KTEST(stack_depth, interrupts_are_measured)
{
	KTEST_WAIT_FOR(test, stack_depth_deepest(STACK_INTERRUPT) > 0);
	EXPECT(stack_depth_deepest(STACK_INTERRUPT) < KERNEL_STACK_SIZE);
}
