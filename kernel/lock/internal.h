/* SPDX-License-Identifier: MIT */
/*
 * kernel/lock/internal.h - between the files of the lock validator
 *
 * Each calls only files above it in this list:
 *
 *	lockdep_report.c	the text of a report, printed or kept for a test
 *	lockdep_graph.c		classes, and what was learned of them
 *	lockdep_check.c		may this lock be waited for?
 *	lockdep.c		the locks that a task holds; the calls of locks
 *	lockdep_sleep.c		may this task sleep?
 */
#ifndef KERNEL_LOCK_INTERNAL_H
#define KERNEL_LOCK_INTERNAL_H

#include <lib/bitops.h>
#include <lib/panic.h>
#include <lib/preempt.h>
#include <lib/types.h>
#include <kernel/lock/lockdep.h>
#include <kernel/lock/spinlock.h>

struct task;

/* While an NMI or a panic runs, what it interrupted may be half done. */
static inline bool lockdep_rests(void)
{
	return unlikely(in_nmi() || panic_in_progress());
}

/* ---- lockdep_report.c: interrupts are off from begin to end ------------- */

void lockdep_report_begin(const char *what);
void lockdep_report_add(const char *fmt, ...) __printf(1, 2);
void lockdep_report_end(void);

/* For a test: reports are kept from now on; and printed again. */
void lockdep_reports_keep(void);
unsigned int lockdep_reports_kept(char *buf, size_t size);

/* ---- lockdep_graph.c ---------------------------------------------------- */

#define LOCKDEP_MAX_CLASSES 512
#define LOCKDEP_MAX_EDGES   4096
#define CLASS_WORDS         (LOCKDEP_MAX_CLASSES / 64)

struct class_set {
	unsigned long bits[CLASS_WORDS];
};

static inline bool class_set_has(const struct class_set *set, unsigned int id)
{
	return test_bit(id, set->bits);
}

static inline void class_set_add(struct class_set *set, unsigned int id)
{
	set_bit(id, set->bits);
}

/*
 * Keys: (g) written under lockdep_graph_lock, read with ONCE; (i) set when made,
 * constant.
 */
struct lock_class {
	struct lock_class_key *key; /* (i) */
	unsigned int subclass;      /* (i) */
	unsigned long in_irq_ip;    /* (g) where it was taken in an interrupt */
	unsigned long irqs_on_ip;   /* (g) where with interrupts on */
	struct class_set after;     /* (g) taken while this was held */
	struct class_set before;    /* (g) held while this was taken */
	struct class_set accused; /* orders reported already; set atomically */
	bool irq_accused;         /* (g) */
};

/* Class 0 is "none": a key starts with id 0. */
extern struct lock_class lockdep_classes[LOCKDEP_MAX_CLASSES];
extern unsigned int lockdep_nr_classes; /* (g) */
extern struct raw_spinlock lockdep_graph_lock;

/* The class of a lock, made if it is new; 0: there is no room for it. */
unsigned int lockdep_class_of(struct lockdep_map *map, unsigned int subclass);
const char *lockdep_class_name(unsigned int id);
void lockdep_report_class(unsigned int id);

/* ---- the same, lockdep_graph_lock held ---------------------------------- */

enum direction {
	TO_AFTER,
	TO_BEFORE,
};

/* Search the classes after @start, or before it; @start is the first it reaches. */
void lockdep_reach(unsigned int start, enum direction direction);
/* Did the last search reach @id? */
bool lockdep_reached(unsigned int id);
/* A class it reached that was taken in an interrupt, with interrupts on; 0: none. */
unsigned int lockdep_reached_in_irq(void);
unsigned int lockdep_reached_irqs_on(void);
/* Report the way that the search took to @to, last step first. */
void lockdep_report_path(unsigned int to, enum direction direction);
/* Learn @held -> @id; true: it is the first whose places are not kept. */
bool lockdep_add_order(const struct held_lock *held, unsigned int id,
		       unsigned long ip);

/* ---- lockdep_check.c: interrupts are off -------------------------------- */

/* Check a wait for @lock against the locks already held. */
void lockdep_check_held(const struct lockdep_task *ld,
			const struct held_lock *lock);
/* Check it against other uses of its class, in an interrupt or outside. */
void lockdep_check_irq_use(const struct held_lock *lock, enum lock_kind kind,
			   bool irqs_on);

/* ---- lockdep.c ---------------------------------------------------------- */

/* Report the locks that @task holds. */
void lockdep_report_held(struct task *task);

#endif
