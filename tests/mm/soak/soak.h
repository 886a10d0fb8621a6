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
 *			change.c	what changes do to words
 *	operations	layout.c	regions: mmap, munmap, mprotect
 *			remap.c		regions: mremap
 *			advice.c	madvise, mlock
 *			life.c		fork, exit
 *			access.c	a CPU reads, writes, exchanges; pages are held, pinned
 *			marks.c		who has used a page, who has written to it?
 *			device.c	subscribers without hardware read, write, take exclusively
 *			peer.c		the device beside QEMU does
 *	stop		stop.c		compares
 *	failures	fail_test.c	each allocation of each operation fails, one at a time
 *
 * A new operation is a function of its kind, a line in the table, and the change that the
 * oracle is to know.
 *
 *	lock			protects
 *	soak->lock		slots
 *	process->layout		mapped pages and their flags, from before the kernel's call
 *				until the oracle knows; inside it mmap_lock
 *	process->subscribers	mirror and device context: read by their users
 *	soak->oracle_lock	pages, words; spin lock, over no call of the kernel
 */
#ifndef TESTS_MM_SOAK_SOAK_H
#define TESTS_MM_SOAK_SOAK_H

#include <kernel/ktest.h>
#include <kernel/sched/mutex.h>
#include <kernel/sched/rwsem.h>
#include <mm/notifier/stats.h>
#include <mm/space/mm.h>
#include <mm/table/huge.h>

#include "oracle.h"

struct mirror;
struct peer_context;
struct soak;

#define SOAK_PROCESSES 6U
#define SOAK_PINS      3U
#define SOAK_HISTORY   256U
#define SOAK_OPS_MAX   48U

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
 * @layouts: (o) odd while flags change, and another number afterwards
 * @layouts_changing: (o) changes of flags that are under way
 * @clears: (o) odd while write marks are cleared, and another number afterwards
 * @clearing: (o) calls that clear them and are under way
 * @child: (o) the child of a fork that is under way
 * @page: (o)
 *
 * Keys: (a) atomic; (c) constant; (l) a lock; (s) @subscribers; (o) soak->oracle_lock.
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
	unsigned int layouts;
	unsigned int layouts_changing;
	unsigned int clears;
	unsigned int clearing;
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
 * @nr: pages, at least 1, which all are in the window of @first
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
 * @oracle_lock: over all that oracle.h has
 * @born: processes so far
 * @nr_actors: threads
 * @actor: they
 * @no_memory: allocations fail on purpose: any call may return -ENOMEM, an access
 *	-EFAULT
 * @draws: visits so far
 * @done: by operation of the table
 * @events: ranges that started, of processes that have gone
 * @huge: what was counted of huge pages before the piece
 * @records: written to @history so far
 * @history: the last
 */
struct soak {
	struct ktest *test;
	struct mutex lock;
	struct soak_process *slot[SOAK_PROCESSES];
	struct spinlock oracle_lock;
	atomic_t born;
	unsigned int nr_actors;
	struct soak_actor actor[SOAK_ACTORS];
	bool no_memory;
	atomic64_t draws;
	atomic64_t done[SOAK_OPS_MAX];
	atomic64_t events[NR_MMU_NOTIFY_EVENTS];
	struct huge_counters huge;
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

/** soak_whole_huge() - the same choice, of one or both of the huge pages there can be */
struct soak_choice soak_whole_huge(const struct soak_choice *choice);

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

/* --- comparing: stop.c ---------------------------------------------------------- */

/** soak_stop() - no actor runs: compare all with all */
void soak_stop(struct soak *soak);

/* --- operations ----------------------------------------------------------------- */

#define SOAK_OP(name_)                                                      \
	enum soak_done name_(struct soak_actor *me, struct soak_process *p, \
			     const struct soak_choice *choice)

SOAK_OP(soak_mmap);
SOAK_OP(soak_mmap_shared);
SOAK_OP(soak_mmap_huge);
SOAK_OP(soak_munmap);
SOAK_OP(soak_mprotect);
SOAK_OP(soak_move);
SOAK_OP(soak_resize);
SOAK_OP(soak_dontneed);
SOAK_OP(soak_free);
SOAK_OP(soak_populate);
SOAK_OP(soak_fork_advice);
SOAK_OP(soak_huge_advice);
SOAK_OP(soak_collapse);
SOAK_OP(soak_mlock);
SOAK_OP(soak_munlock);
SOAK_OP(soak_clear_marks);
SOAK_OP(soak_pagemap);
SOAK_OP(soak_young);
SOAK_OP(soak_referenced);
SOAK_OP(soak_fork);
SOAK_OP(soak_exit);
SOAK_OP(soak_read);
SOAK_OP(soak_write);
SOAK_OP(soak_swap);
SOAK_OP(soak_hold);
SOAK_OP(soak_pin);
SOAK_OP(soak_use_pin);

/**
 * soak_returned() - compare what a call returned with what it should have returned
 *
 * Return: true if it returned 0, or an address.
 */
bool soak_returned(struct soak_process *p, const struct soak_choice *choice,
		   const char *name, long result, long expected);

/** soak_fill_small() - map pages anew and write to each, which are small then */
void soak_fill_small(struct soak_actor *me, struct soak_process *p,
		     const struct soak_choice *choice);

/** soak_want_huge() - MADV_HUGEPAGE: faults fill the pages with huge ones */
enum soak_done soak_want_huge(struct soak_actor *me, struct soak_process *p,
			      const struct soak_choice *choice);

/** soak_check_pagemap() - compare what the page map says of a page */
void soak_check_pagemap(struct soak_process *p, unsigned int page);

/** soak_hold_page() - the page with the words, by FOLL_GET or FOLL_PIN: 0 or an errno */
int soak_hold_page(struct soak_process *p, unsigned int page,
		   unsigned int flags, struct page **frame);

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
