// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/access.c - a CPU reads, writes and exchanges words; pages are held, pinned
 *
 * Each operation goes through its pages one by one, so it also fills a table, or reads all
 * of it.
 */
#include <lib/panic.h>
#include <mm/fault/gup.h>

#include "tests/mm/lib/user_atomic.h"
#include "soak.h"

#define PASSES_MAX 12

static vaddr_t word_at(const struct soak_actor *me, unsigned int page)
{
	return soak_at(page) + oracle_word(me) * sizeof(u64);
}

/* The actor's word of a frame, by the direct map. */
static u64 *word_in(const struct soak_actor *me, struct page *frame)
{
	u64 *words = page_address(frame);

	return words + oracle_word(me);
}

enum soak_done soak_touch(struct soak_actor *me, struct soak_process *p,
			  unsigned int page, unsigned int needs)
{
	struct soak_access access = {
		.p = p,
		.page = page,
		.me = me,
		.needs = needs,
		.writes = needs & PROT_WRITE ? oracle_value(me) : 0};
	struct user_atomic swap = {
		.op = USER_ATOMIC_SWAP, .width = 8, .operand = access.writes};
	int err;

	oracle_begin(&access);
	if (needs == PROT_READ)
		err = user_peek(word_at(me, page), &swap.old);
	else if (needs == PROT_WRITE)
		err = user_poke(word_at(me, page), access.writes);
	else
		err = user_atomic_at(word_at(me, page), &swap);
	return oracle_end(&access, err, needs & PROT_READ ? &swap.old : NULL);
}

/*
 * Some passes over the pages: between two of them the CPU remembers translations, while
 * another actor changes the pages.
 */
static enum soak_done touch_all(struct soak_actor *me, struct soak_process *p,
				const struct soak_choice *choice,
				unsigned int needs)
{
	unsigned int passes = 1 + choice->bits % PASSES_MAX, pass, i;
	enum soak_done done = SOAK_NOTHING;

	for (pass = 0; pass < passes; pass++) {
		for (i = choice->first; i < choice->first + choice->nr; i++)
			done |= soak_touch(me, p, i, needs);
	}
	return done;
}

SOAK_OP(soak_read)
{
	return touch_all(me, p, choice, PROT_READ);
}

SOAK_OP(soak_write)
{
	return touch_all(me, p, choice, PROT_WRITE);
}

SOAK_OP(soak_swap)
{
	return touch_all(me, p, choice, PROT_READ | PROT_WRITE);
}

/* --- pages held and pinned ------------------------------------------------------ */

int soak_hold_page(struct soak_process *p, unsigned int page,
		   unsigned int flags, struct page **frame)
{
	long got;

	mmap_read_lock(p->mm);
	got = get_user_pages_remote(p->mm, soak_at(page), 1, flags, frame);
	mmap_read_unlock(p->mm);
	return got == 1 ? 0 : (int)got;
}

/* A held page has the actor's word, though the process may leave it meanwhile. */
SOAK_OP(soak_hold)
{
	bool write = choice->bits & 1;
	enum soak_done done = SOAK_NOTHING;
	unsigned int i;

	for (i = choice->first; i < choice->first + choice->nr; i++) {
		struct soak_access access = {.p = p,
					     .page = i,
					     .me = me,
					     .needs = write ? PROT_WRITE
							    : PROT_READ};
		struct page *frame = NULL;
		u64 seen = 0;
		int err;

		oracle_begin(&access);
		err = soak_hold_page(p, i,
				     FOLL_GET | FOLL_UNLOCKABLE |
					     (write ? FOLL_WRITE : 0),
				     &frame);
		if (!err)
			seen = READ_ONCE(*word_in(me, frame));
		done |= oracle_end(&access, err, &seen);
		if (!err)
			put_page(frame);
	}
	return done;
}

void soak_unpin(struct soak_pin *pin)
{
	if (!pin->process)
		return;
	unpin_user_page(pin->frame);
	process_put(pin->process);
	pin->process = NULL;
}

/* The pin of the slot that was drawn goes, and this page's takes its place. */
SOAK_OP(soak_pin)
{
	struct soak_pin *pin = &me->pin[choice->bits % SOAK_PINS];
	bool write = choice->bits & 0x100;
	struct soak_access access = {.p = p,
				     .page = choice->first,
				     .me = me,
				     .needs = write ? PROT_WRITE : PROT_READ};
	struct page *frame = NULL;
	u64 seen = 0;
	int err;

	soak_unpin(pin);
	oracle_begin(&access);
	err = soak_hold_page(
		p, choice->first,
		FOLL_PIN | FOLL_UNLOCKABLE | (write ? FOLL_WRITE : 0), &frame);
	soak_note(me, p, write ? "pin to write" : "pin", choice->first, 1, err);
	if (!err) {
		seen = READ_ONCE(*word_in(me, frame));
		atomic_inc(&p->refs);
		*pin = (struct soak_pin){.process = p,
					 .page = choice->first,
					 .frame = frame,
					 .epoch = access.epoch,
					 .writes = write};
		/* It may be the page before the change or the one after. */
		if (access.emptying)
			soak_unpin(pin);
	}
	return oracle_end(&access, err, &seen);
}

/* A write by a CPU of the process that has the pin, if it still lives. */
static void write_pinned(struct soak_actor *me, struct soak_process *at,
			 const struct soak_pin *pin)
{
	struct soak_process *p = pin->process;

	if (!mmget_not_zero(p->mm))
		return;
	mmget(at->mm);
	kthread_unuse_mm(at->mm);
	kthread_use_mm(p->mm);
	soak_touch(me, p, pin->page, PROT_WRITE);
	kthread_unuse_mm(p->mm);
	kthread_use_mm(at->mm);
	mmput(at->mm);
	mmput(p->mm);
}

/*
 * A pinned page is the process's page until the process empties it or maps another one
 * there: what its CPUs wrote is in it, and what is written to it is theirs. Rights do not
 * matter, nor forks.
 */
SOAK_OP(soak_use_pin)
{
	struct soak_pin *pin = &me->pin[choice->bits % SOAK_PINS];
	struct soak_access access = {.p = pin->process,
				     .page = pin->page,
				     .me = me,
				     .by_frame = true,
				     .writes = pin->writes ? oracle_value(me)
							   : 0};
	u64 seen;

	if (!pin->process)
		return SOAK_NOTHING;
	write_pinned(me, p, pin);
	oracle_begin(&access);
	if (access.epoch != pin->epoch || access.emptying) {
		oracle_cancel(&access);
		soak_unpin(pin);
		return SOAK_NOTHING;
	}
	soak_note(me, pin->process, "use of a pin", pin->page, 1, pin->writes);
	seen = READ_ONCE(*word_in(me, pin->frame));
	if (pin->writes)
		WRITE_ONCE(*word_in(me, pin->frame), access.writes);
	return oracle_end(&access, 0, &seen);
}

/* --- pages taken by nobody's device ---------------------------------------------- */

/*
 * A run of pages is taken from the CPUs and mapped by no device: whoever touches one next
 * has it restored. While it is held the actor's words are read from its frames.
 */
SOAK_OP(soak_take_run)
{
	unsigned int nr = min(choice->nr, SOAK_RUN_MAX), i;
	struct page *frames[SOAK_RUN_MAX] = {NULL};
	struct soak_access access = {.p = p,
				     .page = choice->first,
				     .me = me,
				     .needs = PROT_WRITE,
				     .alone = true};
	u64 seen = 0;
	int made;

	oracle_begin(&access);
	made = sandbox_make_exclusive(&p->box, soak_at(choice->first), nr,
				      frames, me);
	soak_note(me, p, "take a run", choice->first, nr, made);
	if (made > 0)
		seen = READ_ONCE(*word_in(me, frames[0]));
	for (i = 0; i < nr; i++) {
		if ((int)i < made && !PageLocked(frames[i]))
			soak_fail(p, choice->first + i, "taken and not locked");
	}
	if (made > 0)
		release_exclusive(frames, (unsigned long)made);
	if (made == 0) {
		/* Another thread changed the first page meanwhile. */
		oracle_cancel(&access);
		return SOAK_NOTHING;
	}
	return oracle_end(&access, made < 0 ? made : 0, made > 0 ? &seen : NULL);
}
