// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/history.c - what was done to the process where something is wrong
 *
 * The last operations are kept, of all actors in the order in which they returned. The
 * first failure prints those of its process: a fork names the child.
 */
#include <lib/string.h>

#include "soak.h"

void soak_note(struct soak_actor *me, const struct soak_process *p,
	       const char *name, unsigned int first, unsigned int nr, long result)
{
	struct soak *soak = me->soak;
	unsigned int at = (unsigned int)atomic_fetch_add(1, &soak->records);

	soak->history[at % SOAK_HISTORY] = (struct soak_record){
		.name = name,
		.actor = me->number,
		.process = p->id,
		.first = first,
		.nr = nr,
		.result = result,
	};
}

static void tell(const struct soak_process *p)
{
	struct soak *soak = p->soak;
	unsigned int end = (unsigned int)atomic_read(&soak->records), i;
	unsigned int begin = end > SOAK_HISTORY ? end - SOAK_HISTORY : 0;

	ktest_note("what was done to process %u, as far as is known:", p->id);
	for (i = begin; i < end; i++) {
		const struct soak_record *r = &soak->history[i % SOAK_HISTORY];

		if (r->process == p->id)
			ktest_note("%6u: actor %u: %s, pages %u to %u: %ld", i,
				   r->actor, r->name, r->first,
				   r->first + r->nr - 1, r->result);
	}
}

void soak_fail(const struct soak_process *p, unsigned int page, const char *fmt,
	       ...)
{
	bool first = !ktest_failed(p->soak->test);
	char what[160];
	va_list args;

	va_start(args, fmt);
	vscnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	ktest_fail(p->soak->test, "process %u, page %u: %s", p->id, page, what);
	if (first)
		tell(p);
}
