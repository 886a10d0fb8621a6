// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/remap.c - mappings move, grow and shrink
 *
 * The contents go along, and the flags, and shared memory stays shared:
 *
 *	operation		pages of the old place		pages of the new place
 *	move			unmapped			those, or zeroes behind them
 *	move and keep		private zeroes			those
 *	shrink			the last are unmapped		-
 *	grow			-				zeroes, private
 *
 * Whether the old range is in one region is asked of the kernel: which of them have become
 * one the oracle does not know.
 */
#include "soak.h"

/**
 * struct move - pages that move
 * @from: the first
 * @nr: how many
 * @to: the first in the new place
 * @new_nr: how many there are to be there
 * @keeps: the region of the old place stays
 */
struct move {
	unsigned int from;
	unsigned int nr;
	unsigned int to;
	unsigned int new_nr;
	bool keeps;
};

/* Are the pages in one region? The layout lock is held. */
static bool one_region(struct soak_process *p, unsigned int first, unsigned int nr)
{
	struct vm_area_struct *vma;
	bool one;

	mmap_read_lock(p->mm);
	vma = vma_lookup(p->mm, soak_at(first));
	one = vma && vma->vm_end >= soak_at(first) + soak_len(first, nr);
	mmap_read_unlock(p->mm);
	return one;
}

/* Mostly as many pages as before. Behind an object's end there would be no pages. */
static unsigned int draw_new_nr(struct soak_process *p,
				const struct soak_choice *choice)
{
	unsigned int window = soak_window_pages(choice->first);
	unsigned int other =
		1 + (unsigned int)(choice->bits >> 24) % (2 * choice->nr);

	if ((choice->bits >> 16) % 4)
		return choice->nr;
	if (oracle_flags(p, choice->first) & VM_SHARED)
		other = min(other, choice->nr);
	return min(other, window);
}

static struct move draw_move(struct soak_process *p,
			     const struct soak_choice *choice)
{
	unsigned int first = choice->first, window = soak_window(first), places;
	struct move move = {.from = first,
			    .nr = choice->nr,
			    .new_nr = draw_new_nr(p, choice),
			    .keeps = (choice->bits >> 20) % 4 == 0};

	if (move.keeps)
		move.new_nr = move.nr;
	places = soak_window_pages(first) - move.new_nr + 1;
	move.to = window + (unsigned int)(choice->bits >> 32) % places;
	/* A huge page moves as a whole from one aligned place to another. */
	if (soak_is_big(first) && choice->bits & 1)
		move.to = window + (move.to - window) / SOAK_HUGE * SOAK_HUGE;
	return move;
}

static long move_result(struct soak_process *p, const struct move *move)
{
	if (move->from < move->to + move->new_nr &&
	    move->to < move->from + move->nr)
		return -EINVAL;
	if (!one_region(p, move->from, move->nr))
		return -EFAULT;
	if (move->keeps && (oracle_flags(p, move->from) & VM_SHARED))
		return -EINVAL;
	return (long)soak_at(move->to);
}

static void tell_move(struct soak_process *p, const struct move *move)
{
	unsigned int moved = min(move->nr, move->new_nr);
	unsigned long flags = oracle_flags(p, move->from);

	oracle_moved(p, move->from, move->to, moved, move->keeps);
	oracle_unmapped(p, move->from + moved, move->nr - moved);
	oracle_mapped(p, move->to + moved, move->new_nr - moved, flags, NULL);
}

/* The layout lock is held. */
static bool move_pages(struct soak_actor *me, struct soak_process *p,
		       const struct soak_choice *choice, const struct move *move)
{
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED |
		    (move->keeps ? MREMAP_DONTUNMAP : 0);
	long at, expected = move_result(p, move);
	bool done;

	oracle_change_begin(p, move->from, move->nr, SOAK_RIGHTS | SOAK_CONTENT);
	oracle_change_begin(p, move->to, move->new_nr,
			    SOAK_RIGHTS | SOAK_CONTENT);
	at = do_mremap(p->mm, soak_at(move->from), soak_len(move->from, move->nr),
		       soak_len(move->to, move->new_nr), flags,
		       soak_at(move->to));
	soak_note(me, p, move->keeps ? "move from, and keep" : "move from",
		  move->from, move->nr, at);
	soak_note(me, p, "move to", move->to, move->new_nr, at);
	done = soak_returned(p, choice, "mremap", at, expected);
	if (done)
		tell_move(p, move);
	oracle_change_end(p, move->to, move->new_nr, SOAK_RIGHTS | SOAK_CONTENT);
	oracle_change_end(p, move->from, move->nr, SOAK_RIGHTS | SOAK_CONTENT);
	return done;
}

/* Pages go over others, or into a hole, with all that they hold. */
SOAK_OP(soak_move)
{
	struct move move;
	bool done;

	mutex_lock(&p->layout);
	move = draw_move(p, choice);
	done = move_pages(me, p, choice, &move);
	mutex_unlock(&p->layout);
	return done ? SOAK_DONE : SOAK_NOTHING;
}

/* The pages from @first on, which are @nr, shall be @new_nr where they are. */
static bool resize(struct soak_actor *me, struct soak_process *p,
		   const struct soak_choice *choice, unsigned int new_nr)
{
	unsigned int first = choice->first, nr = choice->nr;
	unsigned int at = first + min(nr, new_nr);
	unsigned int changed = max(nr, new_nr) - min(nr, new_nr);
	unsigned long flags = oracle_flags(p, first);
	long result, expected = (long)soak_at(first);
	bool done;

	if (!one_region(p, first, nr))
		expected = -EFAULT;
	else if (new_nr > nr && oracle_any(p, at, changed, SOAK_MAPPED, 0))
		expected = -ENOMEM;
	oracle_change_begin(p, at, changed, SOAK_RIGHTS | SOAK_CONTENT);
	result = do_mremap(p->mm, soak_at(first), soak_len(first, nr),
			   soak_len(first, new_nr), 0, 0);
	soak_note(me, p, new_nr < nr ? "shrink" : "grow", first, new_nr, result);
	done = soak_returned(p, choice, "mremap in place", result, expected);
	if (done)
		oracle_mapped(p, at, changed, new_nr < nr ? 0 : flags, NULL);
	oracle_change_end(p, at, changed, SOAK_RIGHTS | SOAK_CONTENT);
	return done;
}

SOAK_OP(soak_resize)
{
	unsigned int few = 1 + (unsigned int)(choice->bits >> 8) % 3;
	unsigned int nr = choice->nr, new_nr;
	bool done = false;

	mutex_lock(&p->layout);
	if (choice->bits & 1)
		new_nr = nr > few ? nr - few : 1;
	else if (oracle_flags(p, choice->first) & VM_SHARED)
		new_nr = nr;
	else
		new_nr = min(nr + few, soak_room(choice->first));
	if (new_nr != nr)
		done = resize(me, p, choice, new_nr);
	mutex_unlock(&p->layout);
	return done ? SOAK_DONE : SOAK_NOTHING;
}
