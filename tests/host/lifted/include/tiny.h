/* SPDX-License-Identifier: MIT */
/*
 * tests/host/lifted/include/tiny.h - the primitives of a kernel of one CPU
 *
 * Tiny is what docs/lifting.md takes the notifier core over into: one CPU that
 * nothing preempts. So an atomic is an ordinary variable, a spinlock is a flag
 * that shows mistakes, and to wait is to let other tasks run until the
 * condition holds. All that is defined here is listed in docs/lifting.md,
 * beside names that begin with tiny_: scripts/check.py compares the two.
 */
#ifndef LIFTED_TINY_H
#define LIFTED_TINY_H

#include <stdlib.h>
#include <string.h>
#include <mm/notifier/language.h>

/* A file may be given 0, to see that it does not link: option_test. */
#ifndef MMU_NOTIFIER_OPTION
#define MMU_NOTIFIER_OPTION 1
#endif

/* --- tasks: they run until they yield --------------------------------------- */

/** tiny_spawn() - a task that runs @entry(@arg) */
void tiny_spawn(void (*entry)(void *arg), void *arg);
/** tiny_yield() - let the others run; no spinlock is held */
void tiny_yield(void);
/** tiny_run() - run all tasks until each has returned */
void tiny_run(void);
/** tiny_spins - spinlocks held; not to be slept under */
extern int tiny_spins;

void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/** tiny_warn() - print it, count it. Return: @hit */
bool tiny_warn(bool hit, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
#define WARN(cond, ...) tiny_warn(!!(cond), __VA_ARGS__)
#define BUG_ON(cond)                        \
	do {                                \
		if (unlikely(cond))         \
			panic("%s", #cond); \
	} while (0)

/* --- locks and waiting ------------------------------------------------------ */

struct spinlock {
	bool held;
};

#define DEFINE_SPINLOCK(name) struct spinlock name

static inline void spin_lock_init(struct spinlock *lock)
{
	lock->held = false;
}

static inline void spin_lock(struct spinlock *lock)
{
	/* On one CPU a task that finds it held would wait for ever. */
	BUG_ON(lock->held);
	lock->held = true;
	tiny_spins++;
}

static inline void spin_unlock(struct spinlock *lock)
{
	BUG_ON(!lock->held);
	lock->held = false;
	tiny_spins--;
}

/* A waiter looks again whenever it is scheduled, so no call wakes it. */
struct wait_queue_head {
	char unused;
};

#define DECLARE_WAIT_QUEUE_HEAD(name) struct wait_queue_head name
#define init_waitqueue_head(wq)       ((void)(wq))
#define wake_up_all(wq)               ((void)(wq))

/* No clock, so no wait is too long. */
#define wait_event_reporting(wq, condition, report) \
	do {                                        \
		(void)(wq);                         \
		if (0)                              \
			report;                     \
		while (!(condition))                \
			tiny_yield();               \
	} while (0)

struct tiny_rwlock {
	unsigned int readers;
	unsigned int writers_waiting;
	bool writer;
};

static inline int down_write_killable(struct tiny_rwlock *sem)
{
	sem->writers_waiting++;
	while (sem->writer || sem->readers)
		tiny_yield();
	sem->writers_waiting--;
	sem->writer = true;
	return 0;
}

static inline int down_read_killable(struct tiny_rwlock *sem)
{
	while (sem->writer || sem->writers_waiting)
		tiny_yield();
	sem->readers++;
	return 0;
}

/* --- one CPU: what is not interrupted is atomic ------------------------------ */

#define smp_mb()                __asm__ volatile("" ::: "memory")
#define smp_load_acquire(p)     READ_ONCE(*(p))
#define smp_store_release(p, v) WRITE_ONCE(*(p), v)

#define cmpxchg(ptr, old, new)                         \
	({                                             \
		__typeof__(*(ptr)) tiny_was_ = *(ptr); \
		if (tiny_was_ == (old))                \
			*(ptr) = (new);                \
		tiny_was_;                             \
	})

#define try_cmpxchg(ptr, old, new)                      \
	({                                              \
		__typeof__(*(ptr)) tiny_want_ = *(old); \
		*(old) = cmpxchg(ptr, tiny_want_, new); \
		tiny_want_ == *(old);                   \
	})

struct atomic {
	int counter;
};

struct atomic64 {
	s64 counter;
};

static inline int atomic_read(const struct atomic *v)
{
	return v->counter;
}

static inline int atomic_read_acquire(const struct atomic *v)
{
	return v->counter;
}

static inline void atomic_inc(struct atomic *v)
{
	v->counter++;
}

static inline bool atomic_dec_and_test(struct atomic *v)
{
	return --v->counter == 0;
}

static inline s64 atomic64_read(const struct atomic64 *v)
{
	return v->counter;
}

static inline void atomic64_set(struct atomic64 *v, s64 i)
{
	v->counter = i;
}

static inline void atomic64_add(s64 i, struct atomic64 *v)
{
	v->counter += i;
}

static inline void atomic64_or(s64 i, struct atomic64 *v)
{
	v->counter |= i;
}

static inline bool atomic64_add_negative(s64 i, struct atomic64 *v)
{
	return (v->counter += i) < 0;
}

static inline bool atomic64_sub_negative(s64 i, struct atomic64 *v)
{
	return (v->counter -= i) < 0;
}

static inline bool atomic64_try_cmpxchg(struct atomic64 *v, s64 *old, s64 val)
{
	return try_cmpxchg(&v->counter, old, val);
}

/* --- memory ------------------------------------------------------------------- */

#define GFP_KERNEL         0
#define GFP_NOWAIT         0
#define kzalloc(size, gfp) calloc(1, size)
#define kfree(ptr)         free(ptr)

/* --- no lock validator, no traces, no clock ---------------------------------- */

#define DEFINE_LOCKDEP_MAP(map, name)   struct tiny_no_lockdep
#define DECLARE_LOCKDEP_MAP(map)        struct tiny_no_lockdep
#define lock_map_acquire(map)           ((void)0)
#define lock_map_release(map)           ((void)0)
#define lockdep_assert_held_write(lock) BUG_ON(!(lock)->writer)
#define might_sleep()                   BUG_ON(tiny_spins)
#define might_lock(lock)                BUG_ON(tiny_spins)
#define non_block_start()               ((void)0)
#define non_block_end()                 ((void)0)
#define rdtsc()                         0ul
#define DEFINE_TRACE_EVENT(name, ...)   struct tiny_no_trace
#define TRACE(event, ...)               tiny_trace(__VA_ARGS__)
#define tiny_trace(first, ...)          ((void)(first))

/* --- the address space --------------------------------------------------------- */

#define VM_READ    1ul
#define TINY_PAGES 32

struct vm_area_struct {
	unsigned long vm_flags;
};

struct mm_struct {
	struct atomic mm_users;
	struct atomic mm_count;
	struct tiny_rwlock mmap_lock;
	struct mmu_notifier_subscriptions *notifier_subscriptions;
	struct atomic64 notifier_ranges;
	/* Tiny's page table: the frame of each page, 0 without one. */
	unsigned int tiny_table[TINY_PAGES];
};

/** tiny_mm_free() - the last hold of the struct is gone */
void tiny_mm_free(struct mm_struct *mm);

static inline void mmgrab(struct mm_struct *mm)
{
	atomic_inc(&mm->mm_count);
}

static inline void mmdrop(struct mm_struct *mm)
{
	if (atomic_dec_and_test(&mm->mm_count))
		tiny_mm_free(mm);
}

static inline void mmap_write_unlock(struct mm_struct *mm)
{
	mm->mmap_lock.writer = false;
}

static inline void mmap_read_unlock(struct mm_struct *mm)
{
	mm->mmap_lock.readers--;
}

#endif
