// SPDX-License-Identifier: MIT
/*
 * task.c - the first stack frame of a task
 *
 * arch_task_switch() expects that the task it switches to once called it. A
 * new task never did, so its stack is made to look as if: six saved registers
 * and a return address, which is arch_task_start().
 */
#include <arch/task.h>
#include <lib/compiler.h>
#include <lib/layout.h>

/* The words that arch_task_switch() pops, lowest address first. */
struct switch_frame {
	u64 r15, r14, r13, r12, rbx, rbp;
	u64 rip;
	u64 end[2]; /* a frame of zeroes, and 16-byte alignment at the call */
};

static_assert(sizeof(struct switch_frame) == 72, "as switch.asm has it");

/* Of a task that does not run: its frame pointer, and where it goes on. */
LAYOUT_OFFSET(switch_frame, rbp);
LAYOUT_OFFSET(switch_frame, rip);

void arch_task_start(void);

void arch_task_init(struct arch_task *t, void *stack, size_t size,
		    void (*fn)(void *), void *arg)
{
	unsigned long top = ALIGN_DOWN((unsigned long)stack + size, 16);
	struct switch_frame *frame = (void *)(top - sizeof(*frame));

	*frame = (struct switch_frame){
		.r12 = (u64)fn,
		.r13 = (u64)arg,
		.rip = (u64)arch_task_start,
	};
	t->sp = (unsigned long)frame;
}
