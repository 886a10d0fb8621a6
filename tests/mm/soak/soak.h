/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/soak/soak.h - random operations on address spaces that fork from each other
 *
 * Problem.  Each operation has its tests, and each race that is known has one. What no
 * test knows is how they go together: a fork beside a munmap beside a device that takes a
 * page, in the grandchild of a process that has exited.
 *
 * Idea.  A few actors, threads, visit a few processes, and do in each visit what their
 * numbers draw from one table (soak_test.c). An oracle beside the kernel says what each
 * word of each process holds and what each page allows. Now and then all stop, and
 * everything is compared with everything (stop.c).
 *
 *	generator	soak_test.c	draws; the table of operations; counts and floors
 *	processes	process.c	are born, forked, exit; who is in which slot
 *	oracle		oracle.c	what a word must hold, and why that needs no order
 *	operations	layout.c	regions: mmap, munmap, mprotect, madvise
 *			life.c		fork, exit, subscribers that come and go
 *			access.c	a CPU reads, writes, exchanges; pages are held, pinned
 *			device.c	subscribers without hardware read, write, take exclusively
 *			peer.c		the device beside QEMU does
 *	stop		stop.c		compares
 *	failures	fail_test.c	each allocation of each operation fails, one at a time
 *
 * A new operation is a function of its kind, a line in the table, and the change that the
 * oracle is to know.
 *
 *	pages	0                               32                              63
 *		[           table              ||             next table         ]
 *
 *	lock			protects
 *	soak->lock		slots
 *	process->layout		mapped pages and their rights, from before the kernel's call
 *				until the oracle knows; inside it mmap_lock
 *	process->subscribers	mirror and device context: read by their users
 *	process->oracle_lock	pages, words; spin lock, over no call of the kernel
 */
#ifndef TESTS_MM_SOAK_SOAK_H
#define TESTS_MM_SOAK_SOAK_H

#include <kernel/ktest.h>
#include <kernel/sched/mutex.h>
#include <kernel/sched/rwsem.h>
#include <mm/notifier/stats.h>
#include <mm/space/mm.h>

#include "tests/mm/lib/sandbox.h"

struct mirror;
struct peer_context;
struct soak;

#define SOAK_PAGES     64U
#define SOAK_PROCESSES 6U
#define SOAK_ACTORS    8U
#define SOAK_PINS      3U
#define SOAK_HISTORY   256U
#define SOAK_RUN_MAX   8U
#define SOAK_OPS_MAX   40U

/* Half of the pages are in one page table and half in the next. */
#define SOAK_START  (BASE + PMD_SIZE - SOAK_PAGES / 2 * PAGE_SIZE)
#define SOAK_AT(p)  (SOAK_START + (vaddr_t)(p)*PAGE_SIZE)
#define SOAK_LEN(n) ((size_t)(n)*PAGE_SIZE)

/**
 * struct soak_word - a word of a page, which only one actor writes
 * @value: what its actor wrote last, or 0
 * @loose: a change came beside: the word holds 0 or any value of its actor, until the
 *	actor has read it once
 * @pending: its actor is accessing it
 * @rights_changed: since that access began, a change of rights was under way
 * @content_changed: likewise of content
 * @written: written since the changes of content began that are under way
 *
 * Under the oracle's lock.
 */
struct soak_word {
	u64 value;
	bool loose;
	bool pending;
	bool rights_changed;
	bool content_changed;
	bool written;
};

/** Of struct soak_page: there is a region. Beside PROT_READ and PROT_WRITE. */
#define SOAK_MAPPED 0x100U

/**
 * struct soak_page - what the oracle knows of a page
 * @rights: SOAK_MAPPED, PROT_*; under the process's layout lock and the oracle's
 * @rights_changing: changes of rights under way
 * @content_changing: changes of content under way
 * @emptied: one of these has emptied the page
 * @mixed: a page was moved here or away while another change of content was under way
 * @epoch: changes of content that have begun
 * @word: by actor
 *
 * Under the oracle's lock.
 */
struct soak_page {
	unsigned int rights;
	unsigned int rights_changing;
	unsigned int content_changing;
	bool emptied;
	bool mixed;
	unsigned int epoch;
	struct soak_word word[SOAK_ACTORS];
};

/**
 * struct soak_process - an address space and what it should contain
 * @soak: whose
 * @id: 1, 2, ... in the order of births
 * @refs: (a) slot, visitors, pins; the last frees the struct
 * @mm: (c) the slot is a user, each visitor is
 * @box: (c) the same @mm for the libraries of tests
 * @layout: (l)
 * @subscribers: (l)
 * @mirror: (s) NULL, or a subscriber without hardware
 * @ctx: (s) NULL, or the peer's context
 * @oracle_lock: (l)
 * @layouts: (o) changes of rights that began and that ended: odd while one is under way
 * @child: (o) the child of a fork that is under way
 * @page: (o)
 *
 * Keys: (a) atomic; (c) constant; (l) a lock; (s) @subscribers; (o) @oracle_lock.
 */
struct soak_process {
	struct soak *soak;
	unsigned int id;
	atomic_t refs;
	struct mm_struct *mm;
	struct sandbox box;
	struct mutex layout;
	struct rw_semaphore subscribers;
	struct mirror *mirror;
	struct peer_context *ctx;
	struct spinlock oracle_lock;
	unsigned int layouts;
	struct soak_process *child;
	struct soak_page page[SOAK_PAGES];
};

/**
 * struct soak_pin - a page that an actor keeps pinned, as a driver would
 * @process: NULL: none
 * @page: its number
 * @frame: the page
 * @epoch: of the oracle, when it was pinned
 * @writes: pinned for writing
 */
struct soak_pin {
	struct soak_process *process;
	unsigned int page;
	struct page *frame;
	unsigned int epoch;
	bool writes;
};

/**
 * struct soak_actor - a thread
 * @soak: whose
 * @number: below SOAK_ACTORS; the word of each page that it writes
 * @p: the process that it is in; NULL: none
 * @slot: where it entered that
 * @values: that it has written so far
 * @drawn: a sum over all that it has drawn, to compare two runs
 * @pin: what it holds
 */
struct soak_actor {
	struct soak *soak;
	unsigned int number;
	struct soak_process *p;
	unsigned int slot;
	u64 values;
	u64 drawn;
	struct soak_pin pin[SOAK_PINS];
};

/**
 * struct soak_choice - what an actor draws before it looks at anything
 * @op: number in the table
 * @stays: stay in the process where the actor is, if it is in one: a CPU that goes to
 *	another address space forgets its translations, and so every mistake about them
 * @slot: of the process, otherwise
 * @first: page
 * @nr: pages, at least 1; @first + @nr is at most SOAK_PAGES
 * @bits: for the operation
 */
struct soak_choice {
	unsigned int op;
	bool stays;
	unsigned int slot;
	unsigned int first;
	unsigned int nr;
	u64 bits;
};

/** enum soak_needs - what an operation is nothing without */
enum soak_needs {
	SOAK_ANY = 0,
	SOAK_NOTIFIER = 1 << 0,
	SOAK_EXCLUSIVE = 1 << 1,
	SOAK_PEER = 1 << 2,
};

/** enum soak_done - how often an operation did its work in a visit: for the counts */
enum soak_done {
	SOAK_NOTHING, /* it was refused as the oracle says, or had nothing to work on */
	SOAK_DONE,
};

/**
 * struct soak_op - a line of the table
 * @name: as printed
 * @weight: how often it is drawn, of the sum of all
 * @floor: how often it must have been done in 1000 draws
 * @needs: enum soak_needs
 * @run: does it to @p, whose mm the actor has adopted, and compares what it learns
 */
struct soak_op {
	const char *name;
	unsigned int weight;
	unsigned int floor;
	unsigned int needs;
	enum soak_done (*run)(struct soak_actor *me, struct soak_process *p,
			      const struct soak_choice *choice);
};

/** struct soak_record - an operation that was done, for the history of a failure */
struct soak_record {
	const char *name;
	unsigned int actor;
	unsigned int process;
	unsigned int first;
	unsigned int nr;
	long result;
};

/**
 * struct soak - one piece: from empty slots to empty slots
 * @test: fails
 * @lock: over @slot
 * @slot: the processes that can be visited; NULL: none
 * @born: processes so far
 * @nr_actors: threads
 * @actor: they
 * @no_memory: allocations fail on purpose: any call may return -ENOMEM, an access
 *	-EFAULT
 * @draws: visits so far
 * @done: by operation of the table
 * @events: ranges that started, of processes that have gone
 * @records: written to @history so far
 * @history: the last
 */
struct soak {
	struct ktest *test;
	struct mutex lock;
	struct soak_process *slot[SOAK_PROCESSES];
	atomic_t born;
	unsigned int nr_actors;
	struct soak_actor actor[SOAK_ACTORS];
	bool no_memory;
	atomic64_t draws;
	atomic64_t done[SOAK_OPS_MAX];
	atomic64_t events[NR_MMU_NOTIFY_EVENTS];
	atomic_t records;
	struct soak_record history[SOAK_HISTORY];
};

/* --- the generator: soak_test.c ------------------------------------------------- */

extern const struct soak_op soak_ops[];
extern const unsigned int soak_nr_ops;

/** soak_can() - is the operation one that is drawn, in this kernel, on this machine? */
bool soak_can(unsigned int op);

/** soak_op_named() - the number of an operation that is in the table */
unsigned int soak_op_named(const char *name);

/** soak_new() - a piece with empty slots; a clean-up of the test ends it */
struct soak *soak_new(struct ktest *test, unsigned int nr_actors);

/** soak_draw() - the next choice; it depends on @rng and on the device being there alone */
struct soak_choice soak_draw(struct rng *rng);

/** soak_act() - do what was chosen, in the process where it is to be; if empty, a birth */
void soak_act(struct soak_actor *me, const struct soak_choice *choice);

/** soak_leave() - leave the process, which is torn down if it has exited */
void soak_leave(struct soak_actor *me);

/** soak_visit() - soak_act(), and leave */
void soak_visit(struct soak_actor *me, const struct soak_choice *choice);

/** soak_note() - remember for the history what a call of the kernel returned */
void soak_note(struct soak_actor *me, const struct soak_process *p,
	       const char *name, unsigned int first, unsigned int nr,
	       long result);

/** soak_fail() - fail the test; the first failure tells what was done to @p */
void soak_fail(const struct soak_process *p, unsigned int page, const char *fmt,
	       ...) __printf(3, 4);

/* --- processes: process.c ------------------------------------------------------- */

/** process_new() - a process of @mm, whose user it becomes; in no slot */
struct soak_process *process_new(struct soak *soak);

/** process_get() - the process of a slot, and its mm with a user; NULL: empty */
struct soak_process *process_get(struct soak *soak, unsigned int slot);

/** process_put() - drop a reference to the struct; the last frees it */
void process_put(struct soak_process *p);

/** process_settle() - a new process goes to a slot, whose old one exits */
void process_settle(struct soak *soak, unsigned int slot, struct soak_process *p);

/** process_born() - a process that maps some pages goes to an empty slot */
void process_born(struct soak_actor *me, unsigned int slot, u64 bits);

/** soak_end() - unpin, and let all processes exit */
void soak_end(struct soak *soak);

/* --- the oracle: oracle.c ------------------------------------------------------- */

/**
 * struct soak_access - one access by an actor to its word of a page
 * @p: the process
 * @page: number
 * @me: the actor
 * @needs: PROT_READ, PROT_WRITE: rights without which it is refused
 * @writes: 0, or the value that it writes
 * @epoch: out of oracle_begin(): the page's
 * @emptying: likewise: a change of its content is under way
 */
struct soak_access {
	struct soak_process *p;
	unsigned int page;
	struct soak_actor *me;
	unsigned int needs;
	u64 writes;
	unsigned int epoch;
	bool emptying;
};

/** oracle_cancel() - there was no access after all */
void oracle_cancel(struct soak_access *access);

/** What a change is about. */
#define SOAK_RIGHTS  0x1U
#define SOAK_CONTENT 0x2U

/** oracle_value() - a value that nobody has written yet, in which the actor is named */
u64 oracle_value(struct soak_actor *me);

/* Which word of a page the actor writes: two actors have words in both of its halves. */
static inline unsigned int oracle_word(const struct soak_actor *me)
{
	static const u8 eighth[SOAK_ACTORS] = {0, 7, 3, 5, 1, 6, 2, 4};

	return eighth[me->number] * (PAGE_SIZE / sizeof(u64) - 1) /
	       (SOAK_ACTORS - 1);
}

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

/** oracle_change_begin() - pages are about to change: SOAK_RIGHTS, SOAK_CONTENT */
void oracle_change_begin(struct soak_process *p, unsigned int first,
			 unsigned int nr, unsigned int what);

/** oracle_set_rights() - inside of a change: pages have these rights now */
void oracle_set_rights(struct soak_process *p, unsigned int first,
		       unsigned int nr, unsigned int rights);

/** oracle_emptied() - inside of a change: the mapped pages were emptied */
void oracle_emptied(struct soak_process *p, unsigned int first, unsigned int nr);

/** oracle_moved() - inside of a change of both: pages went from @from on to @to on */
void oracle_moved(struct soak_process *p, unsigned int from, unsigned int to,
		  unsigned int nr);

/** oracle_change_end() - the change is over */
void oracle_change_end(struct soak_process *p, unsigned int first,
		       unsigned int nr, unsigned int what);

/** oracle_holes() - are there pages without a region? */
bool oracle_holes(struct soak_process *p, unsigned int first, unsigned int nr);

/** oracle_regions() - are there pages with a region? */
bool oracle_regions(struct soak_process *p, unsigned int first, unsigned int nr);

/** oracle_layouts() - two even answers that are equal: no rights changed in between */
unsigned int oracle_layouts(struct soak_process *p);

/** oracle_fork_begin() - @child becomes what @p is now; its layout lock is held */
void oracle_fork_begin(struct soak_process *p, struct soak_process *child);

/** oracle_fork_end() - from here on writes in @p are not seen by the child */
void oracle_fork_end(struct soak_process *p);

/** oracle_check_word() - at a stop: does a word hold @value? */
void oracle_check_word(struct soak_process *p, unsigned int page,
		       unsigned int actor, u64 value);

/* --- comparing: stop.c ---------------------------------------------------------- */

/** soak_stop() - no actor runs: compare all with all */
void soak_stop(struct soak *soak);

/* --- operations ----------------------------------------------------------------- */

#define SOAK_OP(name_)                                                      \
	enum soak_done name_(struct soak_actor *me, struct soak_process *p, \
			     const struct soak_choice *choice)

SOAK_OP(soak_mmap);
SOAK_OP(soak_munmap);
SOAK_OP(soak_mprotect);
SOAK_OP(soak_mremap);
SOAK_OP(soak_dontneed);
SOAK_OP(soak_fork);
SOAK_OP(soak_exit);
SOAK_OP(soak_read);
SOAK_OP(soak_write);
SOAK_OP(soak_swap);
SOAK_OP(soak_hold);
SOAK_OP(soak_pin);
SOAK_OP(soak_use_pin);

/** soak_touch() - one access by this CPU: PROT_READ, PROT_WRITE, or both: an exchange */
enum soak_done soak_touch(struct soak_actor *me, struct soak_process *p,
			  unsigned int page, unsigned int needs);

/** soak_unpin() - give a pin back */
void soak_unpin(struct soak_pin *pin);

#ifdef CONFIG_MMU_NOTIFIER
SOAK_OP(soak_subscribe);
SOAK_OP(soak_unsubscribe);
SOAK_OP(soak_device_read);
SOAK_OP(soak_device_write);
SOAK_OP(soak_device_swap);

/** soak_compare_device() - at a stop: the mirror has what the tables allow */
void soak_compare_device(struct soak_process *p);

/** soak_leave_devices() - subscribers go, with @p->subscribers held for writing */
void soak_leave_devices(struct soak_process *p);
#else
static inline SOAK_OP(soak_subscribe)
{
	return SOAK_NOTHING;
}

#define soak_unsubscribe  soak_subscribe
#define soak_device_read  soak_subscribe
#define soak_device_write soak_subscribe
#define soak_device_swap  soak_subscribe

static inline void soak_compare_device(struct soak_process *p)
{
}

static inline void soak_leave_devices(struct soak_process *p)
{
}
#endif

SOAK_OP(soak_take_run);

#ifdef CONFIG_PEER
SOAK_OP(soak_peer_load);
SOAK_OP(soak_peer_store);
SOAK_OP(soak_peer_swap);

/** soak_peer_enters() - a context of the peer, or NULL */
struct peer_context *soak_peer_enters(struct soak_process *p);
void soak_peer_leaves(struct peer_context *ctx);
#else
static inline SOAK_OP(soak_peer_load)
{
	return SOAK_NOTHING;
}

#define soak_peer_store soak_peer_load
#define soak_peer_swap  soak_peer_load

static inline struct peer_context *soak_peer_enters(struct soak_process *p)
{
	return NULL;
}

static inline void soak_peer_leaves(struct peer_context *ctx)
{
}
#endif

#endif
