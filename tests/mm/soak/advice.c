// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/advice.c - madvise and mlock
 *
 *	advice				beside others	the oracle hears that
 *	DONTNEED			yes		private pages are emptied
 *	FREE				yes		they may be
 *	POPULATE_*			yes		nothing
 *	DONTFORK and its like, *HUGEPAGE	no	flags changed
 *	COLLAPSE			yes		nothing
 *	mlock, munlock			no		flags changed
 *
 * "No" is with the process's layout lock held: then the oracle knows what the call must
 * return. Else it knows that only if no flags have changed meanwhile.
 *
 * FREE lets contents go later as well, when memory is short. Nothing in the tree takes them
 * yet, so a word that was read again is exact again.
 */
#include <mm/space/mlock.h>

#include "soak.h"

/**
 * struct advice - an advice, and what the oracle must know of it
 * @name: as printed
 * @advice: MADV_*
 * @refused: a region with one of these flags is -EINVAL, and nothing changes
 * @set: flags that the regions have then
 * @clear: flags that they lack then
 */
struct advice {
	const char *name;
	int advice;
	unsigned long refused;
	unsigned long set;
	unsigned long clear;
};

/* What an advice must return that goes on where there is a hole. */
static int result_of(struct soak_process *p, const struct soak_choice *choice,
		     unsigned long refused)
{
	unsigned int i;

	for (i = choice->first; i < choice->first + choice->nr; i++) {
		if (oracle_flags(p, i) & refused)
			return -EINVAL;
	}
	return oracle_any(p, choice->first, choice->nr, 0, SOAK_MAPPED) ? -ENOMEM
									: 0;
}

/* So was a call answered whose flags may have changed meanwhile. */
static bool may_be(int err)
{
	return !err || err == -ENOMEM || err == -EINVAL || err == -EFAULT;
}

/*
 * Compare, of a call beside others. @layouts: before it. Return: what it should have
 * returned, as far as that is known.
 */
static void compare_beside(struct soak_process *p,
			   const struct soak_choice *choice, const char *name,
			   int err, int expected, unsigned int layouts)
{
	bool known = layouts % 2 == 0 && layouts == oracle_layouts(p);

	soak_returned(p, choice, name, err,
		      !known && may_be(err) ? err : expected);
}

/* --- contents ---------------------------------------------------------------- */

static enum soak_done
advise_contents(struct soak_actor *me, struct soak_process *p,
		const struct soak_choice *choice, const struct advice *advice,
		void (*tell)(struct soak_process *p, unsigned int first,
			     unsigned int nr))
{
	unsigned int first = choice->first, nr = choice->nr;
	unsigned int layouts = oracle_layouts(p);
	int err;

	oracle_change_begin(p, first, nr, SOAK_CONTENT);
	err = do_madvise(p->mm, soak_at(first), soak_len(first, nr),
			 advice->advice);
	soak_note(me, p, advice->name, first, nr, err);
	compare_beside(p, choice, advice->name, err,
		       result_of(p, choice, advice->refused), layouts);
	if (err != -EINVAL)
		tell(p, first, nr);
	oracle_change_end(p, first, nr, SOAK_CONTENT);
	return err == -EINVAL ? SOAK_NOTHING : SOAK_DONE;
}

/* A hole may come and go meanwhile; all around it is emptied. */
SOAK_OP(soak_dontneed)
{
	static const struct advice advice = {"dontneed", MADV_DONTNEED,
					     .refused = VM_LOCKED};

	return advise_contents(me, p, choice, &advice, oracle_emptied);
}

SOAK_OP(soak_free)
{
	static const struct advice advice = {"free", MADV_FREE,
					     .refused = VM_LOCKED | VM_SHARED};

	return advise_contents(me, p, choice, &advice, oracle_may_go);
}

/* It ends at the first page that cannot be had. */
static int result_of_populate(struct soak_process *p,
			      const struct soak_choice *choice,
			      unsigned long needs)
{
	unsigned int i;

	for (i = choice->first; i < choice->first + choice->nr; i++) {
		unsigned long flags = oracle_flags(p, i);

		if (!(flags & SOAK_MAPPED))
			return -ENOMEM;
		if (!(flags & needs))
			return -EINVAL;
	}
	return 0;
}

SOAK_OP(soak_populate)
{
	unsigned int first = choice->first, nr = choice->nr;
	unsigned int layouts = oracle_layouts(p);
	bool write = choice->bits & 1;
	int err;

	err = do_madvise(p->mm, soak_at(first), soak_len(first, nr),
			 write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
	soak_note(me, p, write ? "populate to write" : "populate to read",
		  first, nr, err);
	compare_beside(p, choice, "populate", err,
		       result_of_populate(p, choice, write ? VM_WRITE : VM_READ),
		       layouts);
	return err ? SOAK_NOTHING : SOAK_DONE;
}

/* --- flags --------------------------------------------------------------------- */

static enum soak_done advise_flags(struct soak_actor *me, struct soak_process *p,
				   const struct soak_choice *choice,
				   const struct advice *advice)
{
	unsigned int first = choice->first, nr = choice->nr;
	bool done;
	int err;

	mutex_lock(&p->layout);
	oracle_change_begin(p, first, nr, SOAK_ADVICE);
	err = do_madvise(p->mm, soak_at(first), soak_len(first, nr),
			 advice->advice);
	soak_note(me, p, advice->name, first, nr, err);
	soak_returned(p, choice, advice->name, err,
		      result_of(p, choice, advice->refused));
	done = !err || err == -ENOMEM;
	if (done)
		oracle_set_flags(p, first, nr, advice->set, advice->clear);
	oracle_change_end(p, first, nr, SOAK_ADVICE);
	mutex_unlock(&p->layout);
	return done ? SOAK_DONE : SOAK_NOTHING;
}

SOAK_OP(soak_fork_advice)
{
	static const struct advice advices[] = {
		{"dontfork", MADV_DONTFORK, .set = VM_DONTCOPY},
		{"dofork", MADV_DOFORK, .clear = VM_DONTCOPY},
		{"wipeonfork", MADV_WIPEONFORK, .refused = VM_SHARED,
		 .set = VM_WIPEONFORK},
		{"keeponfork", MADV_KEEPONFORK, .clear = VM_WIPEONFORK},
	};

	return advise_flags(me, p, choice,
			    &advices[choice->bits % ARRAY_SIZE(advices)]);
}

enum soak_done soak_want_huge(struct soak_actor *me, struct soak_process *p,
			      const struct soak_choice *choice)
{
	static const struct advice advice = {"hugepage", MADV_HUGEPAGE,
					     .set = VM_HUGEPAGE,
					     .clear = VM_NOHUGEPAGE};

	return advise_flags(me, p, choice, &advice);
}

SOAK_OP(soak_huge_advice)
{
	static const struct advice advice = {"nohugepage", MADV_NOHUGEPAGE,
					     .set = VM_NOHUGEPAGE,
					     .clear = VM_HUGEPAGE};
	struct soak_choice whole = soak_whole_huge(choice);

	if (choice->bits % 4)
		return soak_want_huge(me, p, &whole);
	return advise_flags(me, p, choice, &advice);
}

/* --- collapse -------------------------------------------------------------------- */

/*
 * It is refused where a page is shared, pinned, a device's or looked at, and where none was
 * ever written to: a 2 MiB that is huge already it leaves so.
 */
SOAK_OP(soak_collapse)
{
	struct soak_choice whole = soak_whole_huge(choice);
	unsigned int layouts;
	int err, expected;

	/* Else they are mostly shared with a child, or huge. */
	if (choice->bits & 1)
		soak_fill_small(me, p, &whole);
	layouts = oracle_layouts(p);
	err = madvise_collapse(p->mm, soak_at(whole.first),
			       soak_len(whole.first, whole.nr));
	soak_note(me, p, "collapse", whole.first, whole.nr, err);
	expected = result_of(p, &whole, 0);
	/* Without a hole it may lack 2 MiB side by side. */
	if (!expected && (err == -EAGAIN || err == -EINVAL || err == -ENOMEM))
		expected = err;
	compare_beside(p, &whole, "collapse", err, expected, layouts);
	return err ? SOAK_NOTHING : SOAK_DONE;
}

/* --- mlock ----------------------------------------------------------------------- */

/* Are all regions of the pages locked? The layout lock is held. */
static bool all_locked(struct soak_process *p, const struct soak_choice *choice)
{
	vaddr_t start = soak_at(choice->first);
	vaddr_t end = start + soak_len(choice->first, choice->nr);
	const struct vm_area_struct *vma;
	bool locked = true;

	mmap_read_lock(p->mm);
	for_each_vma_range(vma, p->mm, start, end)
		locked &= !!(vma->vm_flags & VM_LOCKED);
	mmap_read_unlock(p->mm);
	return locked;
}

/* With a hole nothing is locked. Else all is, also if a page may not be touched. */
static int result_of_mlock(struct soak_process *p,
			   const struct soak_choice *choice)
{
	if (oracle_any(p, choice->first, choice->nr, 0, SOAK_MAPPED) ||
	    oracle_any(p, choice->first, choice->nr, 0, VM_READ | VM_WRITE))
		return -ENOMEM;
	return 0;
}

SOAK_OP(soak_mlock)
{
	unsigned int first = choice->first, nr = choice->nr;
	bool holes, done;
	int err;

	mutex_lock(&p->layout);
	holes = oracle_any(p, first, nr, 0, SOAK_MAPPED);
	oracle_change_begin(p, first, nr, SOAK_ADVICE);
	err = do_mlock(p->mm, soak_at(first), soak_len(first, nr));
	soak_note(me, p, "mlock", first, nr, err);
	soak_returned(p, choice, "mlock", err, result_of_mlock(p, choice));
	/* Without memory it ends before the regions are locked, or after. */
	done = !holes && (!p->soak->no_memory || all_locked(p, choice));
	if (done)
		oracle_set_flags(p, first, nr, VM_LOCKED, 0);
	oracle_change_end(p, first, nr, SOAK_ADVICE);
	mutex_unlock(&p->layout);
	return done ? SOAK_DONE : SOAK_NOTHING;
}

SOAK_OP(soak_munlock)
{
	unsigned int first = choice->first, nr = choice->nr;
	bool done;
	int err;

	mutex_lock(&p->layout);
	oracle_change_begin(p, first, nr, SOAK_ADVICE);
	err = do_munlock(p->mm, soak_at(first), soak_len(first, nr));
	soak_note(me, p, "munlock", first, nr, err);
	done = soak_returned(p, choice, "munlock", err,
			     oracle_any(p, first, nr, 0, SOAK_MAPPED) ? -ENOMEM
								      : 0);
	if (done)
		oracle_set_flags(p, first, nr, 0, VM_LOCKED);
	oracle_change_end(p, first, nr, SOAK_ADVICE);
	mutex_unlock(&p->layout);
	return done ? SOAK_DONE : SOAK_NOTHING;
}
