// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/layout.c - regions come, go, change, and are emptied
 *
 * A change of rights holds the process's layout lock, so the oracle knows what the call
 * finds, and what it must return. madvise() does not: it comes beside all others.
 */
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

/* The call returned @err, and should have returned @expected. */
static bool returned(struct soak_process *p, const struct soak_choice *choice,
		     const char *name, long err, long expected)
{
	if (err != expected && !(p->soak->no_memory && err == -ENOMEM))
		soak_fail(p, choice->first, "%s of %u pages: %pE, not %pE",
			  name, choice->nr, (void *)err, (void *)expected);
	return !err;
}

SOAK_OP(soak_mmap)
{
	int rights = draw_rights(choice->bits >> 8);
	bool fixed = choice->bits & 1;
	bool done;
	long at;

	mutex_lock(&p->layout);
	oracle_change_begin(p, choice->first, choice->nr,
			    SOAK_RIGHTS | SOAK_CONTENT);
	at = do_mmap(p->mm, SOAK_AT(choice->first), SOAK_LEN(choice->nr), rights,
		     MAP_PRIVATE | MAP_ANONYMOUS |
			     (fixed ? MAP_FIXED : MAP_FIXED_NOREPLACE));
	soak_note(me, p, fixed ? "mmap over" : "mmap", choice->first,
		  choice->nr, at);
	done = returned(
		p, choice, "mmap", at == (long)SOAK_AT(choice->first) ? 0 : at,
		!fixed && oracle_regions(p, choice->first, choice->nr) ? -EEXIST
								       : 0);
	if (done) {
		oracle_set_rights(p, choice->first, choice->nr,
				  SOAK_MAPPED | (unsigned int)rights);
		oracle_emptied(p, choice->first, choice->nr);
	}
	oracle_change_end(p, choice->first, choice->nr,
			  SOAK_RIGHTS | SOAK_CONTENT);
	mutex_unlock(&p->layout);
	return done ? SOAK_DONE : SOAK_NOTHING;
}

SOAK_OP(soak_munmap)
{
	bool done;
	int err;

	mutex_lock(&p->layout);
	oracle_change_begin(p, choice->first, choice->nr,
			    SOAK_RIGHTS | SOAK_CONTENT);
	err = do_munmap(p->mm, SOAK_AT(choice->first), SOAK_LEN(choice->nr));
	soak_note(me, p, "munmap", choice->first, choice->nr, err);
	done = returned(p, choice, "munmap", err, 0);
	if (done) {
		oracle_set_rights(p, choice->first, choice->nr, 0);
		oracle_emptied(p, choice->first, choice->nr);
	}
	oracle_change_end(p, choice->first, choice->nr,
			  SOAK_RIGHTS | SOAK_CONTENT);
	mutex_unlock(&p->layout);
	return done ? SOAK_DONE : SOAK_NOTHING;
}

SOAK_OP(soak_mprotect)
{
	int rights = draw_rights(choice->bits);
	bool done;
	int err;

	mutex_lock(&p->layout);
	oracle_change_begin(p, choice->first, choice->nr, SOAK_RIGHTS);
	err = do_mprotect(p->mm, SOAK_AT(choice->first), SOAK_LEN(choice->nr),
			  rights);
	soak_note(me, p, "mprotect", choice->first, choice->nr, err);
	done = returned(p, choice, "mprotect", err,
			oracle_holes(p, choice->first, choice->nr) ? -ENOMEM : 0);
	if (done)
		oracle_set_rights(p, choice->first, choice->nr,
				  SOAK_MAPPED | (unsigned int)rights);
	oracle_change_end(p, choice->first, choice->nr, SOAK_RIGHTS);
	mutex_unlock(&p->layout);
	return done ? SOAK_DONE : SOAK_NOTHING;
}

/* Are the pages in one region? The layout lock is held. */
static bool one_region(struct soak_process *p, unsigned int first, unsigned int nr)
{
	struct vm_area_struct *vma;
	bool one;

	mmap_read_lock(p->mm);
	vma = vma_lookup(p->mm, SOAK_AT(first));
	one = vma && vma->vm_end >= SOAK_AT(first + nr);
	mmap_read_unlock(p->mm);
	return one;
}

static long moved_to(const struct soak_process *p, bool one, unsigned int from,
		     unsigned int to, unsigned int nr)
{
	if (from < to + nr && to < from + nr)
		return -EINVAL;
	return one ? 0 : -EFAULT;
}

/* Pages go over others, or into a hole, with all that they hold. */
SOAK_OP(soak_mremap)
{
	unsigned int from = choice->first, nr = choice->nr;
	unsigned int to = (unsigned int)(choice->bits % (SOAK_PAGES - nr + 1));
	long at, expected;
	bool done;

	mutex_lock(&p->layout);
	expected = moved_to(p, one_region(p, from, nr), from, to, nr);
	oracle_change_begin(p, from, nr, SOAK_RIGHTS | SOAK_CONTENT);
	oracle_change_begin(p, to, nr, SOAK_RIGHTS | SOAK_CONTENT);
	at = do_mremap(p->mm, SOAK_AT(from), SOAK_LEN(nr), SOAK_LEN(nr),
		       MREMAP_MAYMOVE | MREMAP_FIXED, SOAK_AT(to));
	soak_note(me, p, "mremap from", from, nr, at);
	soak_note(me, p, "mremap to", to, nr, at);
	done = returned(p, choice, "mremap", at == (long)SOAK_AT(to) ? 0 : at,
			expected);
	if (done)
		oracle_moved(p, from, to, nr);
	oracle_change_end(p, to, nr, SOAK_RIGHTS | SOAK_CONTENT);
	oracle_change_end(p, from, nr, SOAK_RIGHTS | SOAK_CONTENT);
	mutex_unlock(&p->layout);
	return done ? SOAK_DONE : SOAK_NOTHING;
}

/* A hole may come and go meanwhile; all around it is emptied. */
SOAK_OP(soak_dontneed)
{
	unsigned int layouts = oracle_layouts(p);
	bool holes;
	int err;

	oracle_change_begin(p, choice->first, choice->nr, SOAK_CONTENT);
	err = madvise_dontneed(p->mm, SOAK_AT(choice->first),
			       SOAK_LEN(choice->nr));
	soak_note(me, p, "dontneed", choice->first, choice->nr, err);
	holes = oracle_holes(p, choice->first, choice->nr);
	if (layouts % 2 || layouts != oracle_layouts(p))
		holes = err == -ENOMEM;
	if (err != (holes ? -ENOMEM : 0))
		soak_fail(p, choice->first, "madvise(DONTNEED): %pE",
			  (void *)(long)err);
	oracle_emptied(p, choice->first, choice->nr);
	oracle_change_end(p, choice->first, choice->nr, SOAK_CONTENT);
	return SOAK_DONE;
}
