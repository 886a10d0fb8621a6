// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/layout.c - regions come, go, and change
 *
 * A change of flags holds the process's layout lock, so the oracle knows what the call
 * finds, and what it must return.
 */
#include <mm/alloc/alloc.h>

#include "soak.h"

static const int rights_drawn[] = {
	PROT_READ | PROT_WRITE,
	PROT_READ | PROT_WRITE,
	PROT_READ | PROT_WRITE,
	PROT_READ,
	PROT_READ,
	PROT_NONE,
};

static int draw_rights(u64 bits)
{
	return rights_drawn[bits % ARRAY_SIZE(rights_drawn)];
}

/* Memory may be short on purpose, and then a call says so. */
bool soak_returned(struct soak_process *p, const struct soak_choice *choice,
		   const char *name, long result, long expected)
{
	bool no_memory =
		p->soak->no_memory && (result == -ENOMEM || result == -EAGAIN);

	if (result != expected && !no_memory)
		soak_fail(p, choice->first, "%s of %u pages: %pE, not %pE",
			  name, choice->nr, (void *)result, (void *)expected);
	return result >= 0;
}

/* --- mmap -------------------------------------------------------------------- */

/* The layout lock is held. @object: NULL, or what the pages are to be of. */
static bool map_pages(struct soak_actor *me, struct soak_process *p,
		      const struct soak_choice *choice, int rights, int fixed,
		      struct soak_object *object)
{
	unsigned int first = choice->first, nr = choice->nr;
	unsigned long flags = (unsigned int)rights | (object ? VM_SHARED : 0);
	bool exists = fixed == MAP_FIXED_NOREPLACE &&
		      oracle_any(p, first, nr, SOAK_MAPPED, 0);
	long expected = exists ? -EEXIST : (long)soak_at(first);
	bool done;
	long at;

	oracle_change_begin(p, first, nr, SOAK_RIGHTS | SOAK_CONTENT);
	at = do_mmap(p->mm, soak_at(first), soak_len(first, nr), rights,
		     MAP_ANONYMOUS | fixed | (object ? MAP_SHARED : MAP_PRIVATE));
	soak_note(me, p, object ? "mmap shared" : "mmap", first, nr, at);
	done = soak_returned(p, choice, "mmap", at, expected);
	if (done)
		oracle_mapped(p, first, nr, SOAK_MAPPED | flags, object);
	oracle_change_end(p, first, nr, SOAK_RIGHTS | SOAK_CONTENT);
	return done;
}

static int draw_fixed(u64 bits)
{
	return bits & 1 ? MAP_FIXED : MAP_FIXED_NOREPLACE;
}

SOAK_OP(soak_mmap)
{
	bool done;

	mutex_lock(&p->layout);
	done = map_pages(me, p, choice, draw_rights(choice->bits >> 8),
			 draw_fixed(choice->bits), NULL);
	mutex_unlock(&p->layout);
	return done ? SOAK_DONE : SOAK_NOTHING;
}

SOAK_OP(soak_mmap_shared)
{
	struct soak_object *object = oracle_object_new();
	bool done;

	mutex_lock(&p->layout);
	done = map_pages(me, p, choice, draw_rights(choice->bits >> 8),
			 draw_fixed(choice->bits), object);
	mutex_unlock(&p->layout);
	if (!done)
		kfree(object);
	return done ? SOAK_DONE : SOAK_NOTHING;
}

void soak_fill_small(struct soak_actor *me, struct soak_process *p,
		     const struct soak_choice *choice)
{
	unsigned int i;

	mutex_lock(&p->layout);
	map_pages(me, p, choice, PROT_READ | PROT_WRITE, MAP_FIXED, NULL);
	mutex_unlock(&p->layout);
	for (i = choice->first; i < choice->first + choice->nr; i++)
		soak_touch(me, p, i, PROT_WRITE);
}

/* Memory that faults fill with huge pages. */
SOAK_OP(soak_mmap_huge)
{
	struct soak_choice whole = soak_whole_huge(choice);
	bool done;

	mutex_lock(&p->layout);
	done = map_pages(me, p, &whole, PROT_READ | PROT_WRITE, MAP_FIXED, NULL);
	mutex_unlock(&p->layout);
	if (!done)
		return SOAK_NOTHING;
	return soak_want_huge(me, p, &whole);
}

/* --- munmap, mprotect ----------------------------------------------------------- */

SOAK_OP(soak_munmap)
{
	unsigned int first = choice->first, nr = choice->nr;
	bool done;
	int err;

	mutex_lock(&p->layout);
	oracle_change_begin(p, first, nr, SOAK_RIGHTS | SOAK_CONTENT);
	err = do_munmap(p->mm, soak_at(first), soak_len(first, nr));
	soak_note(me, p, "munmap", first, nr, err);
	done = soak_returned(p, choice, "munmap", err, 0);
	if (done)
		oracle_unmapped(p, first, nr);
	oracle_change_end(p, first, nr, SOAK_RIGHTS | SOAK_CONTENT);
	mutex_unlock(&p->layout);
	return done ? SOAK_DONE : SOAK_NOTHING;
}

SOAK_OP(soak_mprotect)
{
	unsigned int first = choice->first, nr = choice->nr;
	int rights = draw_rights(choice->bits);
	bool done;
	int err;

	mutex_lock(&p->layout);
	oracle_change_begin(p, first, nr, SOAK_RIGHTS);
	err = do_mprotect(p->mm, soak_at(first), soak_len(first, nr), rights);
	soak_note(me, p, "mprotect", first, nr, err);
	done = soak_returned(p, choice, "mprotect", err,
			     oracle_any(p, first, nr, 0, SOAK_MAPPED) ? -ENOMEM
								      : 0);
	if (done)
		oracle_set_flags(p, first, nr, (unsigned int)rights, VM_ACCESS);
	oracle_change_end(p, first, nr, SOAK_RIGHTS);
	mutex_unlock(&p->layout);
	return done ? SOAK_DONE : SOAK_NOTHING;
}
