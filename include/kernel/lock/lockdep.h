/* SPDX-License-Identifier: MIT */
/*
 * lockdep.h - the lock validator: learn the order of locks, report misuse
 *
 * A lock belongs to a class: all locks initialised at one place in the source
 * are one.  While the system runs, the validator learns which class is taken
 * while which other is held, and in which contexts; from that it reports a
 * deadlock that could happen, once, without having to run into it.  The head of
 * kernel/lock/lockdep.c lists its reports.
 *
 * Without CONFIG_LOCKDEP all of this is nothing: no bytes, no instructions.
 */
#ifndef KERNEL_LOCK_LOCKDEP_H
#define KERNEL_LOCK_LOCKDEP_H

#include <lib/compiler.h>
#include <lib/might_sleep.h>

/* Two locks of a class may nest when the inner says so: a subclass each. */
#define LOCKDEP_SUBCLASSES   4
#define SINGLE_DEPTH_NESTING 1

/** How a waiter waits for a lock of the class. */
enum lock_kind {
	LOCK_KIND_SPIN,  /* spins; may be taken in interrupts */
	LOCK_KIND_SLEEP, /* sleeps: mutex, rwsem */
	LOCK_KIND_SEQ,   /* a sequence counter: readers repeat */
	LOCK_KIND_FAKE,  /* not a lock: says "here one may wait for X" */
};

/** How a lock is taken; bits. */
enum lock_how {
	LOCK_PLAIN = 0,
	LOCK_TRY = 1 << 0,   /* cannot wait, so it orders nothing before it */
	LOCK_READ = 1 << 1,  /* shared */
	LOCK_WRITE = 1 << 2, /* only asked: is it held exclusively? */
	LOCK_NESTS = 1 << 3, /* shared, and may be taken again inside */
};

/**
 * struct lock_class_info - what lockdep_for_each_class() tells of a class
 * @name: the expression the lock was initialised as, without a leading &
 * @kind: what waiting for it does
 * @subclass: 0 unless taken with a _nested call
 * @in_irq: was taken in an interrupt
 * @irqs_on: was taken, waiting, with interrupts on
 * @after: classes taken while this one was held
 */
struct lock_class_info {
	const char *name;
	const char *file;
	unsigned int line;
	enum lock_kind kind;
	unsigned int subclass;
	unsigned int id;
	bool in_irq;
	bool irqs_on;
	unsigned int after;
};

#ifdef CONFIG_LOCKDEP

/*
 * struct lock_class_key - identity of a class: one static object per place of
 * initialisation.  @id is 0 until the first lock of that subclass is taken.
 */
struct lock_class_key {
	const char *name;
	const char *file;
	unsigned int line;
	enum lock_kind kind;
	unsigned short id[LOCKDEP_SUBCLASSES];
};

/** struct lockdep_map - the part of a lock that knows its class */
struct lockdep_map {
	struct lock_class_key *key;
};

#define LOCK_CLASS_KEY_INIT(name_, kind_)                            \
	{                                                            \
		.name = (name_), .file = __FILE__, .line = __LINE__, \
		.kind = (kind_)                                      \
	}

/* In a static initialiser: the compound literal is a static object. */
#define LOCKDEP_MAP_INIT_KIND(name_, kind_)                                      \
	{                                                                        \
		.key = &(struct lock_class_key)LOCK_CLASS_KEY_INIT(name_, kind_) \
	}
/** DEFINE_LOCKDEP_MAP() - a fake lock of a file, @name_ for people */
#define DEFINE_LOCKDEP_MAP(map, name_) \
	struct lockdep_map map = LOCKDEP_MAP_INIT_KIND(name_, LOCK_KIND_FAKE)
/** DECLARE_LOCKDEP_MAP() - the same, for a header */
#define DECLARE_LOCKDEP_MAP(map) extern struct lockdep_map map
/* The member initialiser that locks use, comma included. */
#define LOCKDEP_DEP_INIT(name_, kind_) \
	.dep = LOCKDEP_MAP_INIT_KIND(name_, kind_),

#define lockdep_init_map(map, name_, kind_)                \
	do {                                               \
		static struct lock_class_key lock_key_ =   \
			LOCK_CLASS_KEY_INIT(name_, kind_); \
		(map)->key = &lock_key_;                   \
	} while (0)

/* With a key to which the caller gave place and kind; named here. */
#define lockdep_init_map_key(map, name_, key_) \
	do {                                   \
		(key_)->name = (name_);        \
		(map)->key = (key_);           \
	} while (0)

/* As a member of every lock. */
#define LOCKDEP_MAP_MEMBER struct lockdep_map dep;

#define LOCKDEP_MAX_HELD   32

/** struct held_lock - one lock a task holds, newest last */
struct held_lock {
	struct lockdep_map *map;
	unsigned long ip;
	unsigned short id;
	unsigned char how;
	unsigned char context; /* 0 thread, else depth of the interrupt */
};

/**
 * struct lockdep_task - the validator's part of a task
 * @depth: locks held
 * @non_block: non-block sections it is in
 * @non_block_ip: where the outermost of them was opened
 * @sleep_told: its sleep where one must not was reported, and it has not slept
 *	elsewhere since
 * @taken: locks it has taken since it began, those of interrupts left out
 * @contended: spinlocks it found held, raw ones too
 */
struct lockdep_task {
	unsigned int depth;
	unsigned int non_block;
	unsigned long non_block_ip;
	bool sleep_told;
	unsigned long taken;
	unsigned long contended;
	struct held_lock held[LOCKDEP_MAX_HELD];
};

void lock_acquire(struct lockdep_map *map, unsigned int subclass,
		  unsigned int how);
/* The same, named in reports as taken at @ip; for what others call. */
void lock_acquire_at(struct lockdep_map *map, unsigned int subclass,
		     unsigned int how, unsigned long ip);
void lock_release(struct lockdep_map *map);
bool lock_is_held(const struct lockdep_map *map, unsigned int how);
void lockdep_assert_failed(const char *expr, const char *file, int line);
void lockdep_note_schedule(void);

/**
 * non_block_start() - begin a section in which nothing may sleep
 * non_block_end() - end it; sections nest
 *
 * Context: thread.
 */
void non_block_start(void);
void non_block_end(void);

#define lock_map_acquire(map) lock_acquire(map, 0, LOCK_PLAIN)
#define lock_map_release(map) lock_release(map)

/** might_lock() - say that @lock may be taken here, though it is not now */
#define might_lock(lock)                                   \
	do {                                               \
		lock_acquire(&(lock)->dep, 0, LOCK_PLAIN); \
		lock_release(&(lock)->dep);                \
	} while (0)
#define might_lock_read(lock)                             \
	do {                                              \
		lock_acquire(&(lock)->dep, 0, LOCK_READ); \
		lock_release(&(lock)->dep);               \
	} while (0)

#define lockdep_is_held(lock) lock_is_held(&(lock)->dep, 0)
#define LOCKDEP_ASSERT(cond, text)                                       \
	do {                                                             \
		if (unlikely(!(cond)))                                   \
			lockdep_assert_failed(text, __FILE__, __LINE__); \
	} while (0)
/** lockdep_assert_held() - the caller holds @lock, no matter how */
#define lockdep_assert_held(lock) \
	LOCKDEP_ASSERT(lock_is_held(&(lock)->dep, 0), #lock " is held")
#define lockdep_assert_held_write(lock)                        \
	LOCKDEP_ASSERT(lock_is_held(&(lock)->dep, LOCK_WRITE), \
		       #lock " is held for writing")
#define lockdep_assert_held_read(lock)                        \
	LOCKDEP_ASSERT(lock_is_held(&(lock)->dep, LOCK_READ), \
		       #lock " is held for reading")
#define lockdep_assert_not_held(lock) \
	LOCKDEP_ASSERT(!lock_is_held(&(lock)->dep, 0), #lock " is not held")

/** lockdep_set_class() - give an initialised @lock a class called @name_ */
#define lockdep_set_class(lock, name_)                              \
	do {                                                        \
		static struct lock_class_key lock_key_ =            \
			LOCK_CLASS_KEY_INIT(name_, LOCK_KIND_SPIN); \
		lock_key_.kind = (lock)->dep.key->kind;             \
		(lock)->dep.key = &lock_key_;                       \
	} while (0)

struct task;

/** lockdep_task_exit() - reports what @task still holds */
void lockdep_task_exit(struct task *task);
/** lockdep_task_held_count() - locks the running task holds */
unsigned int lockdep_task_held_count(void);
/**
 * lockdep_task_taken() - locks the running task has taken so far
 *
 * For tests that say how many a path takes. Fakes and raw locks do not count.
 */
unsigned long lockdep_task_taken(void);
/** lockdep_task_contended() - spinlocks it had to wait for, raw ones too */
unsigned long lockdep_task_contended(void);
/* A spinlock is held: the running task is about to wait. */
void lockdep_note_contended(void);
/** lockdep_print_held() - print the locks @task holds, on the raw console */
void lockdep_print_held(struct task *task);

/** lockdep_report_count() - reports since boot, swallowed ones not counted */
unsigned int lockdep_report_count(void);

/**
 * lockdep_expect_begin() - from now on reports are kept, not printed
 *
 * For tests that break a rule on purpose.  Not nested; one test at a time.
 * Within an expectation an order is reported once, as anywhere; what was
 * reported before it, or in it, is reported anew after it.
 */
void lockdep_expect_begin(void);

/**
 * lockdep_expect_end() - reports are printed again
 * @buf: gets the text of the last report kept, NULL if not wanted
 * @size: bytes at @buf
 *
 * Return: how many reports were kept since lockdep_expect_begin().
 */
unsigned int lockdep_expect_end(char *buf, size_t size);

/** lockdep_dump() - print every class with what was learned, for the monitor */
void lockdep_dump(void);

/**
 * lockdep_for_each_class() - call @fn for every class seen so far
 *
 * Context: any; @fn must not take locks.
 */
void lockdep_for_each_class(void (*fn)(const struct lock_class_info *info,
				       void *arg),
			    void *arg);

/** lockdep_is_before() - was class @b ever taken while @a was held? */
bool lockdep_is_before(unsigned int a, unsigned int b);

#else /* !CONFIG_LOCKDEP */

struct task;

struct lock_class_key {
};
struct lockdep_map {
};
struct lockdep_task {
};

/* Not even a symbol is left (R5.9); these are declarations, for the semicolon. */
#define DEFINE_LOCKDEP_MAP(map, name_) struct lockdep_map
#define DECLARE_LOCKDEP_MAP(map)       struct lockdep_map
#define LOCKDEP_DEP_INIT(name_, kind_)
#define LOCKDEP_MAP_MEMBER
#define lockdep_init_map(map, name_, kind_)    ((void)0)
#define lockdep_init_map_key(map, name_, key_) ((void)sizeof(key_))
#define LOCK_CLASS_KEY_INIT(name_, kind_) \
	{                                 \
	}

#define lock_acquire(map, subclass, how)        ((void)0)
#define lock_acquire_at(map, subclass, how, ip) ((void)sizeof(ip))
#define lock_release(map)                       ((void)0)
#define lockdep_note_schedule()                 ((void)0)
#define lockdep_note_contended()                ((void)0)
#define non_block_start()                       ((void)0)
#define non_block_end()                         ((void)0)
#define lock_map_acquire(map)                   ((void)0)
#define lock_map_release(map)                   ((void)0)
/* The maps are not there to be named; locks are, and names stay used and right. */
#define might_lock(lock)                        ((void)sizeof(lock))
#define might_lock_read(lock)                   ((void)sizeof(lock))
#define lockdep_is_held(lock)                   ((void)sizeof(lock), true)
#define lockdep_assert_held(lock)               ((void)sizeof(lock))
#define lockdep_assert_held_write(lock)         ((void)sizeof(lock))
#define lockdep_assert_held_read(lock)          ((void)sizeof(lock))
#define lockdep_assert_not_held(lock)           ((void)sizeof(lock))
#define lockdep_set_class(lock, name_)          ((void)sizeof(lock))

static inline void lockdep_task_exit(struct task *task)
{
}
static inline unsigned int lockdep_task_held_count(void)
{
	return 0;
}
static inline unsigned long lockdep_task_taken(void)
{
	return 0;
}
static inline unsigned long lockdep_task_contended(void)
{
	return 0;
}
static inline void lockdep_print_held(struct task *task)
{
}
static inline unsigned int lockdep_report_count(void)
{
	return 0;
}
static inline void lockdep_expect_begin(void)
{
}
static inline unsigned int lockdep_expect_end(char *buf, size_t size)
{
	if (buf && size)
		buf[0] = '\0';
	return 0;
}
static inline void lockdep_dump(void)
{
}
static inline void lockdep_for_each_class(
	void (*fn)(const struct lock_class_info *info, void *arg), void *arg)
{
}
static inline bool lockdep_is_before(unsigned int a, unsigned int b)
{
	return false;
}

#endif
#endif
