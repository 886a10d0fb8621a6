// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/oracle.c - what each word of each process must hold
 *
 * Problem.  Actors change the same pages at once. In which order the kernel does what they
 * ask for is its own affair, so an oracle that wants one order would need a lock around
 * every call, and no two calls would ever meet.
 *
 * Idea.  Each actor has a word of its own in each page, and nobody else writes it. So
 * its value has an order: that of the actor's own accesses. What others do to a word is to
 * empty its page, to forbid it, and to copy it into a child. Such a change says before the
 * call that it begins, and afterwards that it has ended. An access that no change overlaps is
 * exact:
 *
 *	rights		granted if and only if the region allows it
 *	value		what the actor wrote last, or 0 if the page was emptied since
 *
 * An access that a change overlaps may go either way. What it wrote may be there or be
 * gone, so the word becomes loose: 0, or any value of its actor, until the actor's next
 * read says which. From then on it is exact again.
 *
 *	actor				another actor
 *	begin: pending
 *					change begins: the word is marked
 *	put_user() returns 0
 *	end: loose				munmap()
 *					change ends
 *	read: loose, so 0 is right; now it is 0, and nothing else will do
 *
 * A fork is a change of the child alone. Its pages are those of the parent when the fork
 * began; a word that the parent's actor writes before the fork has returned is loose in the
 * child, and exact in the parent.
 *
 * A change of rights leaves values as they are: a write that was granted is there.
 *
 * Values: the actor's number + 1 in the top byte, and a number that counts. So a value
 * that comes from another page, actor or time is told from a right one.
 *
 * Locks: process->oracle_lock, taken at begin and at end and not between.
 */
#include <lib/errno.h>
#include <lib/string.h>

#include "soak.h"

#define OWNER_SHIFT 56

u64 oracle_value(struct soak_actor *me)
{
	return (u64)(me->number + 1) << OWNER_SHIFT | ++me->values;
}

/* Could @actor have written it, or is it the contents of a fresh page? */
static bool is_of_actor(const struct soak_process *p, unsigned int actor,
			u64 value)
{
	u64 count = value & ((1UL << OWNER_SHIFT) - 1);

	return value == 0 || (value >> OWNER_SHIFT == actor + 1 && count > 0 &&
			      count <= p->soak->actor[actor].values);
}

static void loosen(struct soak_word *word)
{
	word->loose = true;
}

static void settle(struct soak_word *word, u64 value)
{
	word->value = value;
	word->loose = false;
}

/* NULL: as it should be. */
static const char *compare(const struct soak_process *p, unsigned int actor,
			   struct soak_word *word, bool exact, u64 value)
{
	if (word->loose || !exact) {
		if (!is_of_actor(p, actor, value))
			return "none of its actor's values";
		if (exact)
			settle(word, value);
		return NULL;
	}
	return value == word->value ? NULL : "not what was written last";
}

/* --- accesses ------------------------------------------------------------------- */

void oracle_begin(struct soak_access *access)
{
	struct soak_process *p = access->p;
	struct soak_page *page = &p->page[access->page];
	struct soak_word *word = &page->word[access->me->number];

	spin_lock(&p->oracle_lock);
	word->pending = true;
	word->rights_changed = page->rights_changing > 0;
	word->content_changed = page->content_changing > 0;
	access->epoch = page->epoch;
	access->emptying = page->content_changing > 0;
	if (access->writes && p->child)
		loosen(&p->child->page[access->page].word[access->me->number]);
	spin_unlock(&p->oracle_lock);
}

/* Is it right that the access was refused, or was not? */
static bool answer_fits(const struct soak_access *access, int err)
{
	struct soak_process *p = access->p;
	const struct soak_page *page = &p->page[access->page];
	const struct soak_word *word = &page->word[access->me->number];
	bool allowed = !(access->needs & ~page->rights);

	if (p->soak->no_memory && (err == -ENOMEM || err == -EFAULT))
		return true;
	if (word->rights_changed)
		return !err || err == -EFAULT;
	return err == (allowed ? 0 : -EFAULT);
}

enum soak_done oracle_end(struct soak_access *access, int err, const u64 *seen)
{
	struct soak_process *p = access->p;
	struct soak_page *page = &p->page[access->page];
	struct soak_word *word = &page->word[access->me->number];
	const char *wrong = NULL;
	struct soak_word was;
	unsigned int rights;
	bool fits;

	spin_lock(&p->oracle_lock);
	was = *word;
	rights = page->rights;
	fits = answer_fits(access, err);
	if (!err && seen)
		wrong = compare(p, access->me->number, word,
				!word->content_changed, *seen);
	if (!err && access->writes) {
		word->written = true;
		settle(word, access->writes);
		if (word->content_changed)
			loosen(word);
	}
	word->pending = false;
	spin_unlock(&p->oracle_lock);
	if (!fits)
		soak_fail(p, access->page,
			  "access %#x of actor %u, where rights are %#x, got %pE",
			  access->needs, access->me->number, rights,
			  (void *)(long)err);
	if (wrong)
		soak_fail(p, access->page, "word of actor %u is %#lx, %s: %#lx%s",
			  access->me->number, *seen, wrong, was.value,
			  was.loose ? ", loose" : "");
	return err ? SOAK_NOTHING : SOAK_DONE;
}

void oracle_cancel(struct soak_access *access)
{
	struct soak_process *p = access->p;

	spin_lock(&p->oracle_lock);
	p->page[access->page].word[access->me->number].pending = false;
	spin_unlock(&p->oracle_lock);
}

void oracle_check_word(struct soak_process *p, unsigned int page,
		       unsigned int actor, u64 value)
{
	struct soak_word *word = &p->page[page].word[actor];
	u64 expected = word->value;
	const char *wrong;

	spin_lock(&p->oracle_lock);
	wrong = compare(p, actor, word, true, value);
	spin_unlock(&p->oracle_lock);
	if (wrong)
		soak_fail(p, page, "stopped: word of actor %u is %#lx, %s: %#lx",
			  actor, value, wrong, expected);
}

/* --- changes -------------------------------------------------------------------- */

static void mark_words(struct soak_page *page, unsigned int what)
{
	bool first = (what & SOAK_CONTENT) && page->content_changing == 1;
	unsigned int i;

	for (i = 0; i < SOAK_ACTORS; i++) {
		struct soak_word *word = &page->word[i];

		if (what & SOAK_RIGHTS)
			word->rights_changed |= word->pending;
		if (what & SOAK_CONTENT)
			word->content_changed |= word->pending;
		if (first)
			word->written = false;
	}
}

/* What is done to the parent while it forks may reach the child or not. */
static void loosen_child(struct soak_process *p, unsigned int page)
{
	unsigned int i;

	for (i = 0; p->child && i < SOAK_ACTORS; i++)
		loosen(&p->child->page[page].word[i]);
}

void oracle_change_begin(struct soak_process *p, unsigned int first,
			 unsigned int nr, unsigned int what)
{
	unsigned int i;

	spin_lock(&p->oracle_lock);
	p->layouts += !!(what & SOAK_RIGHTS);
	for (i = first; i < first + nr; i++) {
		struct soak_page *page = &p->page[i];

		if (what & SOAK_RIGHTS)
			page->rights_changing++;
		if (what & SOAK_CONTENT) {
			page->content_changing++;
			page->epoch++;
			loosen_child(p, i);
		}
		mark_words(page, what);
	}
	spin_unlock(&p->oracle_lock);
}

void oracle_set_rights(struct soak_process *p, unsigned int first,
		       unsigned int nr, unsigned int rights)
{
	unsigned int i;

	spin_lock(&p->oracle_lock);
	for (i = first; i < first + nr; i++)
		p->page[i].rights = rights;
	spin_unlock(&p->oracle_lock);
}

void oracle_emptied(struct soak_process *p, unsigned int first, unsigned int nr)
{
	unsigned int i;

	spin_lock(&p->oracle_lock);
	for (i = first; i < first + nr; i++)
		p->page[i].emptied = true;
	spin_unlock(&p->oracle_lock);
}

static void move_word(struct soak_word *to, const struct soak_word *from)
{
	bool beside =
		from->pending || from->written || to->pending || to->written;

	settle(to, from->value);
	if (from->loose || beside)
		loosen(to);
}

/* Has another change emptied the page since this one began, or does it still? */
static bool emptied_beside(const struct soak_page *page)
{
	return page->content_changing > 1 || page->emptied;
}

/* One page; what others empty meanwhile is emptied before the move or after it. */
static void move_page(struct soak_page *to, struct soak_page *from)
{
	bool mixed = emptied_beside(to) || emptied_beside(from);
	unsigned int i;

	for (i = 0; i < SOAK_ACTORS; i++)
		move_word(&to->word[i], &from->word[i]);
	to->mixed |= mixed;
	from->mixed |= mixed;
	to->emptied = false;
	from->emptied = true;
	to->rights = from->rights;
	from->rights = 0;
}

void oracle_moved(struct soak_process *p, unsigned int from, unsigned int to,
		  unsigned int nr)
{
	unsigned int i;

	spin_lock(&p->oracle_lock);
	for (i = 0; i < nr; i++)
		move_page(&p->page[to + i], &p->page[from + i]);
	spin_unlock(&p->oracle_lock);
}

/* No change of content is left: a word that was left alone is known. */
static void settle_words(struct soak_page *page)
{
	unsigned int i;

	for (i = 0; (page->emptied || page->mixed) && i < SOAK_ACTORS; i++) {
		struct soak_word *word = &page->word[i];

		if (word->written || word->pending || page->mixed)
			loosen(word);
		else
			settle(word, 0);
	}
	page->emptied = false;
	page->mixed = false;
}

void oracle_change_end(struct soak_process *p, unsigned int first,
		       unsigned int nr, unsigned int what)
{
	unsigned int i;

	spin_lock(&p->oracle_lock);
	p->layouts += !!(what & SOAK_RIGHTS);
	for (i = first; i < first + nr; i++) {
		struct soak_page *page = &p->page[i];

		if (what & SOAK_RIGHTS)
			page->rights_changing--;
		if (what & SOAK_CONTENT && --page->content_changing == 0)
			settle_words(page);
	}
	spin_unlock(&p->oracle_lock);
}

static bool any_page(struct soak_process *p, unsigned int first,
		     unsigned int nr, unsigned int mapped)
{
	bool found = false;
	unsigned int i;

	spin_lock(&p->oracle_lock);
	for (i = first; i < first + nr; i++)
		found |= (p->page[i].rights & SOAK_MAPPED) == mapped;
	spin_unlock(&p->oracle_lock);
	return found;
}

bool oracle_holes(struct soak_process *p, unsigned int first, unsigned int nr)
{
	return any_page(p, first, nr, 0);
}

bool oracle_regions(struct soak_process *p, unsigned int first, unsigned int nr)
{
	return any_page(p, first, nr, SOAK_MAPPED);
}

unsigned int oracle_layouts(struct soak_process *p)
{
	unsigned int layouts;

	spin_lock(&p->oracle_lock);
	layouts = p->layouts;
	spin_unlock(&p->oracle_lock);
	return layouts;
}

/* --- fork ----------------------------------------------------------------------- */

static void inherit(struct soak_page *child, const struct soak_page *page)
{
	unsigned int i;

	*child = (struct soak_page){.rights = page->rights};
	for (i = 0; i < SOAK_ACTORS; i++) {
		child->word[i].value = page->word[i].value;
		child->word[i].loose = page->word[i].loose ||
				       page->word[i].pending ||
				       page->content_changing;
	}
}

void oracle_fork_begin(struct soak_process *p, struct soak_process *child)
{
	unsigned int i;

	spin_lock(&p->oracle_lock);
	for (i = 0; i < SOAK_PAGES; i++)
		inherit(&child->page[i], &p->page[i]);
	p->child = child;
	spin_unlock(&p->oracle_lock);
}

void oracle_fork_end(struct soak_process *p)
{
	spin_lock(&p->oracle_lock);
	p->child = NULL;
	spin_unlock(&p->oracle_lock);
}
