/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/soak/oracle.h - what the oracle knows of a page, and how operations tell it
 *
 * The idea is in oracle.c. Where the value of a word is kept follows from the page:
 *
 *	page of			values			a fork
 *	private memory		soak_page->word[].own	copies them, as far as advices allow
 *	shared memory		soak_object->value	the child has the same object
 *
 * Everything is under soak->oracle_lock, a spin lock that is held over no call of the kernel.
 */
#ifndef TESTS_MM_SOAK_ORACLE_H
#define TESTS_MM_SOAK_ORACLE_H

#include <lib/bitops.h>
#include <mm/space/mm.h>

#include "window.h"

struct soak_actor;
struct soak_process;

#define SOAK_ACTORS 8U

/** enum soak_done - did an access, or an operation in a visit, do its work? */
enum soak_done {
	SOAK_NOTHING, /* it was refused as the oracle says, or had nothing to work on */
	SOAK_DONE,
};

/**
 * struct soak_value - what a word holds
 * @value: what its actor wrote last, or 0
 * @loose: a change came beside: the word holds 0 or any value of its actor, until the
 *	actor has read it once
 */
struct soak_value {
	u64 value;
	bool loose;
};

/**
 * struct soak_word - a word of a page, which only one actor writes
 * @own: of private memory: what it holds
 * @pending: its actor is accessing it
 * @rights_changed: since that access began, a change of rights was under way
 * @content_changed: likewise of content
 * @written: written since the changes of content began that are under way
 */
struct soak_word {
	struct soak_value own;
	bool pending;
	bool rights_changed;
	bool content_changed;
	bool written;
};

/* Of struct soak_page: there is a region. Beside its flags, of which the oracle knows: */
#define SOAK_MAPPED BIT(31)
#define SOAK_FLAGS                                                         \
	(VM_ACCESS | VM_SHARED | VM_DONTCOPY | VM_WIPEONFORK | VM_LOCKED | \
	 VM_HUGEPAGE | VM_NOHUGEPAGE)

/**
 * struct soak_page - what the oracle knows of a page
 * @flags: SOAK_MAPPED, SOAK_FLAGS; changed with the process's layout lock held, too
 * @object: the shared memory that it is mapped to; NULL: it is private, or not mapped
 * @offset: of the page in @object
 * @rights_changing: changes of rights under way
 * @content_changing: changes of content under way
 * @emptied: one of these has emptied the page
 * @unsure: one of these may have emptied the page, or not
 * @marked: written to, by its address, since write marks were cleared and the content changed
 * @epoch: changes of content that have begun
 * @word: by actor
 */
struct soak_page {
	unsigned long flags;
	struct soak_object *object;
	unsigned int offset;
	unsigned int rights_changing;
	unsigned int content_changing;
	bool emptied;
	bool unsure;
	bool marked;
	unsigned int epoch;
	struct soak_word word[SOAK_ACTORS];
};

/**
 * struct soak_object - shared memory
 * @refs: pages of processes that are mapped to one of its pages
 * @value: by offset and actor
 */
struct soak_object {
	unsigned int refs;
	struct soak_value value[SOAK_PAGES][SOAK_ACTORS];
};

/* --- accesses --------------------------------------------------------------- */

/**
 * struct soak_access - one access by an actor to its word of a page
 * @p: the process
 * @page: number
 * @me: the actor
 * @needs: PROT_READ, PROT_WRITE: rights without which it is refused
 * @alone: it is refused of shared memory, and may be of a huge page that is in use
 * @by_frame: not by the page's address: a write leaves no mark in the entry
 * @writes: 0, or the value that it writes
 * @epoch: out of oracle_begin(): the page's
 * @emptying: likewise: a change of its content is under way
 * @clears: likewise: the process's
 */
struct soak_access {
	struct soak_process *p;
	unsigned int page;
	struct soak_actor *me;
	unsigned int needs;
	bool alone;
	bool by_frame;
	u64 writes;
	unsigned int epoch;
	bool emptying;
	unsigned int clears;
};

/** oracle_value() - a value that nobody has written yet, in which the actor is named */
u64 oracle_value(struct soak_actor *me);

/** oracle_word() - the number of an actor's word in each page */
unsigned int oracle_word(const struct soak_actor *me);

/** oracle_begin() - an access begins */
void oracle_begin(struct soak_access *access);

/**
 * oracle_end() - an access has ended: compare
 * @access: begun
 * @err: 0 or an errno
 * @seen: NULL, or the value that was there before, if @err is 0
 *
 * Return: SOAK_DONE if @err is 0.
 */
enum soak_done oracle_end(struct soak_access *access, int err, const u64 *seen);

/** oracle_cancel() - there was no access after all */
void oracle_cancel(struct soak_access *access);

/** oracle_check_word() - at a stop: does a word hold @value? */
void oracle_check_word(struct soak_process *p, unsigned int page,
		       unsigned int actor, u64 value);

/* --- changes ---------------------------------------------------------------- */

/* What a change is about: may an access be refused? What may it find? What may a call? */
#define SOAK_RIGHTS  0x1U
#define SOAK_CONTENT 0x2U
#define SOAK_ADVICE  0x4U

/** oracle_change_begin() - pages are about to change */
void oracle_change_begin(struct soak_process *p, unsigned int first,
			 unsigned int nr, unsigned int what);

/** oracle_change_end() - the change is over */
void oracle_change_end(struct soak_process *p, unsigned int first,
		       unsigned int nr, unsigned int what);

/*
 * Inside of a change. Of its rights and content:
 */

/** oracle_mapped() - pages are mapped anew, to @object or as private memory of zeroes */
void oracle_mapped(struct soak_process *p, unsigned int first, unsigned int nr,
		   unsigned long flags, struct soak_object *object);

/** oracle_unmapped() - there is no region any more */
void oracle_unmapped(struct soak_process *p, unsigned int first, unsigned int nr);

/** oracle_moved() - pages went from @from on to @to on; @stays: to an empty region */
void oracle_moved(struct soak_process *p, unsigned int from, unsigned int to,
		  unsigned int nr, bool stays);

/*
 * Of its rights, or of advice, for the pages that are mapped:
 */

/** oracle_set_flags() - the flags of the regions change */
void oracle_set_flags(struct soak_process *p, unsigned int first,
		      unsigned int nr, unsigned long set, unsigned long clear);

/*
 * Of its content, for the pages that are private:
 */

/** oracle_emptied() - they were emptied */
void oracle_emptied(struct soak_process *p, unsigned int first, unsigned int nr);

/** oracle_may_go() - they may be emptied, now or later */
void oracle_may_go(struct soak_process *p, unsigned int first, unsigned int nr);

/* --- what is known ---------------------------------------------------------- */

/** oracle_flags() - of a page */
unsigned long oracle_flags(struct soak_process *p, unsigned int page);

/** oracle_any() - has a page of these all flags of @set and none of @clear? */
bool oracle_any(struct soak_process *p, unsigned int first, unsigned int nr,
		unsigned long set, unsigned long clear);

/** oracle_layouts() - two even answers that are equal: no flags changed in between */
unsigned int oracle_layouts(struct soak_process *p);

/* --- shared memory ---------------------------------------------------------- */

/** oracle_object_new() - shared memory of zeroes that no page is mapped to yet */
struct soak_object *oracle_object_new(void);

/** oracle_leave_objects() - the process has gone: it maps none any more */
void oracle_leave_objects(struct soak_process *p);

/* --- write marks ------------------------------------------------------------ */

/** oracle_clear_begin() - the marks of all pages are about to be cleared */
void oracle_clear_begin(struct soak_process *p);

/** oracle_clear_end() - they were */
void oracle_clear_end(struct soak_process *p);

/**
 * oracle_marked() - must a page have a write mark?
 * @since: set, to compare two answers: if they are equal nothing has taken a mark between
 */
bool oracle_marked(struct soak_process *p, unsigned int page,
		   unsigned int *since);

/* --- fork ------------------------------------------------------------------- */

/** oracle_fork_begin() - @child becomes what @p is now; its layout lock is held */
void oracle_fork_begin(struct soak_process *p, struct soak_process *child);

/** oracle_fork_end() - from here on writes in @p are not seen by the child */
void oracle_fork_end(struct soak_process *p);

#endif
