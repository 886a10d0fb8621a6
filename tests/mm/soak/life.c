// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/life.c - processes fork and exit
 */
#include "soak.h"

/*
 * The child takes a slot that was drawn; who was there exits, were it the parent. While
 * the call runs other actors read, write and empty pages of the parent.
 */
SOAK_OP(soak_fork)
{
	struct soak_process *child = process_new(me->soak);
	unsigned int slot = choice->bits % SOAK_PROCESSES;
	int err;

	mutex_lock(&p->layout);
	oracle_fork_begin(p, child);
	err = mm_fork(p->mm, &child->mm);
	oracle_fork_end(p);
	mutex_unlock(&p->layout);
	soak_note(me, p, "fork", 0, SOAK_PAGES, err ? err : (long)child->id);
	if (!err) {
		process_settle(me->soak, slot, child);
		return SOAK_DONE;
	}
	if (err != -ENOMEM || !me->soak->no_memory)
		soak_fail(p, 0, "fork: %pE", (void *)(long)err);
	process_put(child);
	return SOAK_NOTHING;
}

/* The actor leaves as well, or it would be the last who lives there. */
SOAK_OP(soak_exit)
{
	soak_note(me, p, "exit", 0, SOAK_PAGES, 0);
	process_settle(me->soak, me->slot, NULL);
	soak_leave(me);
	return SOAK_DONE;
}
