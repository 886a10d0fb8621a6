// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/change.c - the oracle hears of changes: of rights, of content, of advice
 *
 * A change begins before the call of the kernel and ends after it. Between, the operation
 * says what the call has done. Changes of content may overlap on a page, because an advice
 * holds no lock of ours. The last that ends settles the words:
 *
 *	what happened to the page	a word that was left alone	any other
 *	emptied				0				loose
 *	emptied, or not			loose				loose
 *	nothing				as it was			loose
 *
 * An access that a change overlaps makes its own word loose when it ends (oracle.c).
 */
#include <mm/alloc/alloc.h>

#include "oracle.h"
#include "soak.h"
#include "values.h"

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

	for (i = 0; is_copied(p, page) && i < SOAK_ACTORS; i++)
		loosen(&p->child->page[page].word[i].own);
}

/* @count is odd while @under_way is not 0: one call may be several changes. */
static void count_begin(unsigned int *count, unsigned int *under_way)
{
	*count += !(*under_way)++;
}

static void count_end(unsigned int *count, unsigned int *under_way)
{
	*count += !--*under_way;
}

static bool is_layout(unsigned int what)
{
	return what & (SOAK_RIGHTS | SOAK_ADVICE);
}

void oracle_change_begin(struct soak_process *p, unsigned int first,
			 unsigned int nr, unsigned int what)
{
	unsigned int i;

	spin_lock(&p->soak->oracle_lock);
	if (is_layout(what))
		count_begin(&p->layouts, &p->layouts_changing);
	for (i = first; i < first + nr; i++) {
		struct soak_page *page = &p->page[i];

		if (what & SOAK_RIGHTS)
			page->rights_changing++;
		if (what & SOAK_CONTENT) {
			page->content_changing++;
			page->epoch++;
			page->marked = false;
			loosen_child(p, i);
		}
		mark_words(page, what);
	}
	spin_unlock(&p->soak->oracle_lock);
}

/* No change of content is left: a word that was left alone is known. */
static void settle_words(struct soak_page *page)
{
	unsigned int i;

	for (i = 0; !page->object && i < SOAK_ACTORS; i++) {
		struct soak_word *word = &page->word[i];

		if (page->unsure)
			loosen(&word->own);
		else if (page->emptied && (word->written || word->pending))
			loosen(&word->own);
		else if (page->emptied)
			settle(&word->own, 0);
	}
	page->emptied = false;
	page->unsure = false;
}

void oracle_change_end(struct soak_process *p, unsigned int first,
		       unsigned int nr, unsigned int what)
{
	unsigned int i;

	spin_lock(&p->soak->oracle_lock);
	if (is_layout(what))
		count_end(&p->layouts, &p->layouts_changing);
	for (i = first; i < first + nr; i++) {
		struct soak_page *page = &p->page[i];

		if (what & SOAK_RIGHTS)
			page->rights_changing--;
		if (what & SOAK_CONTENT && --page->content_changing == 0)
			settle_words(page);
	}
	spin_unlock(&p->soak->oracle_lock);
}

/* --- inside of a change ----------------------------------------------------------- */

static void put_object(struct soak_object *object)
{
	if (object && --object->refs == 0)
		kfree(object);
}

/* The page is not mapped to its object any more; an access may have reached it still. */
static void leave_object(struct soak_page *page)
{
	unsigned int i;

	for (i = 0; page->object && i < SOAK_ACTORS; i++) {
		if (page->word[i].pending)
			loosen(value_of(page, i));
	}
	put_object(page->object);
	page->object = NULL;
}

/* It is mapped to another; an access may have reached that already. */
static void enter_object(struct soak_page *page, struct soak_object *object,
			 unsigned int offset)
{
	unsigned int i;

	page->object = object;
	page->offset = offset;
	object->refs++;
	for (i = 0; i < SOAK_ACTORS; i++) {
		if (page->word[i].pending || page->word[i].written)
			loosen(value_of(page, i));
	}
}

void oracle_mapped(struct soak_process *p, unsigned int first, unsigned int nr,
		   unsigned long flags, struct soak_object *object)
{
	unsigned int i;

	spin_lock(&p->soak->oracle_lock);
	for (i = 0; i < nr; i++) {
		struct soak_page *page = &p->page[first + i];

		leave_object(page);
		page->flags = flags;
		page->emptied = true;
		if (object)
			enter_object(page, object, i);
	}
	spin_unlock(&p->soak->oracle_lock);
}

void oracle_unmapped(struct soak_process *p, unsigned int first, unsigned int nr)
{
	oracle_mapped(p, first, nr, 0, NULL);
}

static void move_word(struct soak_word *to, const struct soak_word *from)
{
	bool beside =
		from->pending || from->written || to->pending || to->written;

	to->own = from->own;
	if (beside)
		loosen(&to->own);
}

/* Has another change emptied the page since this one began, or does it still? */
static bool changed_beside(const struct soak_page *page)
{
	return page->content_changing > 1 || page->emptied || page->unsure;
}

/* Private memory: what others empty meanwhile is emptied before the move or after it. */
static void move_words(struct soak_page *to, struct soak_page *from)
{
	bool unsure = changed_beside(to) || changed_beside(from);
	unsigned int i;

	for (i = 0; i < SOAK_ACTORS; i++)
		move_word(&to->word[i], &from->word[i]);
	to->unsure |= unsure;
	from->unsure |= unsure;
	to->emptied = false;
}

static void move_page(struct soak_page *to, struct soak_page *from, bool stays)
{
	leave_object(to);
	if (from->object) {
		enter_object(to, from->object, from->offset);
		leave_object(from);
	} else {
		move_words(to, from);
	}
	from->emptied = true;
	to->flags = from->flags;
	if (!stays)
		from->flags = 0;
}

void oracle_moved(struct soak_process *p, unsigned int from, unsigned int to,
		  unsigned int nr, bool stays)
{
	unsigned int i;

	spin_lock(&p->soak->oracle_lock);
	for (i = 0; i < nr; i++)
		move_page(&p->page[to + i], &p->page[from + i], stays);
	spin_unlock(&p->soak->oracle_lock);
}

void oracle_set_flags(struct soak_process *p, unsigned int first,
		      unsigned int nr, unsigned long set, unsigned long clear)
{
	unsigned int i;

	spin_lock(&p->soak->oracle_lock);
	for (i = first; i < first + nr; i++) {
		if (p->page[i].flags & SOAK_MAPPED)
			p->page[i].flags = (p->page[i].flags & ~clear) | set;
	}
	spin_unlock(&p->soak->oracle_lock);
}

void oracle_emptied(struct soak_process *p, unsigned int first, unsigned int nr)
{
	unsigned int i;

	spin_lock(&p->soak->oracle_lock);
	for (i = first; i < first + nr; i++)
		p->page[i].emptied = true;
	spin_unlock(&p->soak->oracle_lock);
}

void oracle_may_go(struct soak_process *p, unsigned int first, unsigned int nr)
{
	unsigned int i;

	spin_lock(&p->soak->oracle_lock);
	for (i = first; i < first + nr; i++)
		p->page[i].unsure = true;
	spin_unlock(&p->soak->oracle_lock);
}

/* --- what is known ---------------------------------------------------------------- */

unsigned long oracle_flags(struct soak_process *p, unsigned int page)
{
	return READ_ONCE(p->page[page].flags);
}

bool oracle_any(struct soak_process *p, unsigned int first, unsigned int nr,
		unsigned long set, unsigned long clear)
{
	bool found = false;
	unsigned int i;

	spin_lock(&p->soak->oracle_lock);
	for (i = first; i < first + nr; i++)
		found |= (p->page[i].flags & (set | clear)) == set;
	spin_unlock(&p->soak->oracle_lock);
	return found;
}

unsigned int oracle_layouts(struct soak_process *p)
{
	unsigned int layouts;

	spin_lock(&p->soak->oracle_lock);
	layouts = p->layouts;
	spin_unlock(&p->soak->oracle_lock);
	return layouts;
}

/* --- shared memory ---------------------------------------------------------------- */

struct soak_object *oracle_object_new(void)
{
	return kzalloc(sizeof(struct soak_object), GFP_KERNEL | __GFP_NOFAIL);
}

void oracle_leave_objects(struct soak_process *p)
{
	unsigned int i;

	spin_lock(&p->soak->oracle_lock);
	for (i = 0; i < SOAK_PAGES; i++)
		leave_object(&p->page[i]);
	spin_unlock(&p->soak->oracle_lock);
}

/* --- write marks ------------------------------------------------------------------ */

void oracle_clear_begin(struct soak_process *p)
{
	unsigned int i;

	spin_lock(&p->soak->oracle_lock);
	count_begin(&p->clears, &p->clearing);
	for (i = 0; i < SOAK_PAGES; i++)
		p->page[i].marked = false;
	spin_unlock(&p->soak->oracle_lock);
}

void oracle_clear_end(struct soak_process *p)
{
	spin_lock(&p->soak->oracle_lock);
	count_end(&p->clears, &p->clearing);
	spin_unlock(&p->soak->oracle_lock);
}

bool oracle_marked(struct soak_process *p, unsigned int page, unsigned int *since)
{
	bool marked;

	spin_lock(&p->soak->oracle_lock);
	marked = p->page[page].marked;
	*since = p->clears + p->page[page].epoch;
	spin_unlock(&p->soak->oracle_lock);
	return marked;
}

/* --- fork ----------------------------------------------------------------------- */

static void copy_words(struct soak_page *child, const struct soak_page *page)
{
	unsigned int i;

	for (i = 0; i < SOAK_ACTORS; i++) {
		child->word[i].own = page->word[i].own;
		if (page->word[i].pending || page->content_changing)
			loosen(&child->word[i].own);
	}
}

/* What the child has of a page. It is new: it maps nothing, and all its words are 0. */
static void inherit(struct soak_page *child, struct soak_page *page)
{
	if (page->flags & VM_DONTCOPY)
		return;
	child->flags = page->flags & ~VM_LOCKED;
	if (page->object)
		enter_object(child, page->object, page->offset);
	else if (!(page->flags & VM_WIPEONFORK))
		copy_words(child, page);
}

void oracle_fork_begin(struct soak_process *p, struct soak_process *child)
{
	unsigned int i;

	spin_lock(&p->soak->oracle_lock);
	for (i = 0; i < SOAK_PAGES; i++)
		inherit(&child->page[i], &p->page[i]);
	p->child = child;
	spin_unlock(&p->soak->oracle_lock);
}

void oracle_fork_end(struct soak_process *p)
{
	spin_lock(&p->soak->oracle_lock);
	p->child = NULL;
	spin_unlock(&p->soak->oracle_lock);
}
