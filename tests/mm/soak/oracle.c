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
 * empty its page, to move it, to forbid it, and to copy it into a child. Such a change says before the
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
 * Shared memory.  Its words are the object's, wherever it is mapped. To map it somewhere, or to
 * unmap it, is a change of content of the pages there and not of the object. An access that
 * such a change overlaps may have reached what was there before or what is there after, so
 * its word becomes loose in both.
 *
 * Write marks.  A page that was written to by its address has a mark until marks are cleared
 * or its content is changed. That others have one, too, is no matter here.
 *
 * A change of rights leaves values as they are: a write that was granted is there.
 *
 * Values: the actor's number + 1 in the top byte, and a number that counts. So a value
 * that comes from another page, actor or time is told from a right one.
 *
 * Locks: soak->oracle_lock, taken at begin and at end and not between.
 *
 * Not here: changes (change.c).
 */
#include <lib/errno.h>
#include <lib/string.h>

#include "oracle.h"
#include "soak.h"
#include "values.h"

#define OWNER_SHIFT 56

u64 oracle_value(struct soak_actor *me)
{
	return (u64)(me->number + 1) << OWNER_SHIFT | ++me->values;
}

/* Two actors have words in both halves of a page. */
unsigned int oracle_word(const struct soak_actor *me)
{
	static const u8 eighth[SOAK_ACTORS] = {0, 7, 3, 5, 1, 6, 2, 4};

	return eighth[me->number] * (PAGE_SIZE / sizeof(u64) - 1) /
	       (SOAK_ACTORS - 1);
}

/* Could @actor have written it, or is it the contents of a fresh page? */
static bool is_of_actor(const struct soak_process *p, unsigned int actor,
			u64 value)
{
	u64 count = value & ((1UL << OWNER_SHIFT) - 1);

	return value == 0 || (value >> OWNER_SHIFT == actor + 1 && count > 0 &&
			      count <= p->soak->actor[actor].values);
}

/* NULL: as it should be. */
static const char *compare(const struct soak_process *p, unsigned int actor,
			   struct soak_value *word, bool exact, u64 value)
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
	unsigned int actor = access->me->number;
	struct soak_word *word = &page->word[actor];

	spin_lock(&p->soak->oracle_lock);
	word->pending = true;
	word->rights_changed = page->rights_changing > 0;
	word->content_changed = page->content_changing > 0;
	access->epoch = page->epoch;
	access->emptying = page->content_changing > 0;
	access->clears = p->clears;
	if (access->writes && is_copied(p, access->page))
		loosen(&p->child->page[access->page].word[actor].own);
	spin_unlock(&p->soak->oracle_lock);
}

/* What a device hears that must have the page alone, which shared memory never is. */
static bool refuses_device(int err)
{
	return err == -EOPNOTSUPP || err == -EBUSY || err == -EFAULT;
}

/* Is it right that the access was refused, or was not? */
static bool answer_fits(const struct soak_access *access, int err)
{
	struct soak_process *p = access->p;
	const struct soak_page *page = &p->page[access->page];
	const struct soak_word *word = &page->word[access->me->number];
	bool allowed = !(access->needs & ~page->flags);

	if (p->soak->no_memory && (err == -ENOMEM || err == -EFAULT))
		return true;
	if (word->rights_changed)
		return !err || err == -EFAULT ||
		       (access->alone && refuses_device(err));
	if (!allowed)
		return err == -EFAULT;
	if (access->alone && page->object)
		return refuses_device(err);
	if (access->alone && soak_is_big(access->page) && refuses_device(err))
		return true;
	return !err;
}

/* A write has reached the page. */
static void note_write(const struct soak_access *access, struct soak_page *page)
{
	struct soak_word *word = &page->word[access->me->number];
	struct soak_value *value = value_of(page, access->me->number);
	unsigned int clears = access->p->clears;

	word->written = true;
	settle(value, access->writes);
	if (word->content_changed)
		loosen(value);
	else if (!access->by_frame && clears % 2 == 0 && clears == access->clears)
		page->marked = true;
}

enum soak_done oracle_end(struct soak_access *access, int err, const u64 *seen)
{
	struct soak_process *p = access->p;
	struct soak_page *page = &p->page[access->page];
	unsigned int actor = access->me->number;
	struct soak_word *word = &page->word[actor];
	const char *wrong = NULL;
	struct soak_value was;
	unsigned long flags;
	bool fits;

	spin_lock(&p->soak->oracle_lock);
	was = *value_of(page, actor);
	flags = page->flags;
	fits = answer_fits(access, err);
	if (!err && seen)
		wrong = compare(p, actor, value_of(page, actor),
				!word->content_changed, *seen);
	if (!err && access->writes)
		note_write(access, page);
	word->pending = false;
	spin_unlock(&p->soak->oracle_lock);
	if (!fits)
		soak_fail(p, access->page,
			  "access %#x of actor %u, where flags are %#lx, got %pE",
			  access->needs, actor, flags, (void *)(long)err);
	if (wrong)
		soak_fail(p, access->page,
			  "word of actor %u is %#lx, %s: %#lx%s", actor, *seen,
			  wrong, was.value, was.loose ? ", loose" : "");
	return err ? SOAK_NOTHING : SOAK_DONE;
}

void oracle_cancel(struct soak_access *access)
{
	struct soak_process *p = access->p;

	spin_lock(&p->soak->oracle_lock);
	p->page[access->page].word[access->me->number].pending = false;
	spin_unlock(&p->soak->oracle_lock);
}

void oracle_check_word(struct soak_process *p, unsigned int page,
		       unsigned int actor, u64 value)
{
	struct soak_value *word, was;
	const char *wrong;

	spin_lock(&p->soak->oracle_lock);
	word = value_of(&p->page[page], actor);
	was = *word;
	wrong = compare(p, actor, word, true, value);
	spin_unlock(&p->soak->oracle_lock);
	if (wrong)
		soak_fail(p, page, "stopped: word of actor %u is %#lx, %s: %#lx",
			  actor, value, wrong, was.value);
}
