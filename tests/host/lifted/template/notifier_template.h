/* SPDX-License-Identifier: MIT */
/*
 * tests/host/lifted/template/notifier_template.h - primitives to begin a copy at
 *
 * For a preemptive kernel of several CPUs. Each function is declared as the core
 * calls it, and its comment says what it must do; replace the declarations by what
 * the kernel has, and what is marked YOUR by its own. Two files that the core
 * includes by name, mm/notifier/types.h and mm/notifier/env.h, lead here.
 *
 * It is compiled with the whole core by tests/host/lifted/option_test, not linked.
 * docs/lifting.md says why each promise is needed.
 */
#ifndef NOTIFIER_TEMPLATE_H
#define NOTIFIER_TEMPLATE_H

#include <stdarg.h>
#include <mm/notifier/language.h>
#include <mm/notifier/atomics.h>

#define MMU_NOTIFIER_OPTION 1

/* --- memory ------------------------------------------------------------------- */

#define GFP_KERNEL 0u /* may sleep */
#define GFP_NOWAIT 1u /* may not: a spinlock of a driver is held */

/** kzalloc() - zeroed memory, aligned to 8. At most 1,024 bytes. NULL: none left */
void *kzalloc(size_t size, unsigned int gfp);
/** kfree() - from any context of the core, with a page-table lock held too */
void kfree(void *object);

/* The C library's. */
void *memset(void *to, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);

/* --- spinlocks ------------------------------------------------------------------ */

/*
 * Preemption is off while one is held. Interrupts may stay on, if no interrupt
 * handler calls the notifiers. spin_lock() is an acquire, spin_unlock() a release.
 * spin_unlock() does not touch the lock after its store: the next holder may free
 * it.
 */
struct spinlock {
	unsigned int locked;
};

#define DEFINE_SPINLOCK(name) struct spinlock name
void spin_lock_init(struct spinlock *lock);
void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);

/* --- sleeping --------------------------------------------------------------------- */

struct wait_queue_head {
	struct spinlock lock;
	struct template_waiter *first; /* lock */
};

/** struct template_waiter - one sleeper, on its own stack */
struct template_waiter {
	struct template_waiter *next;
	void *thread;
};

#define DECLARE_WAIT_QUEUE_HEAD(name) struct wait_queue_head name
void init_waitqueue_head(struct wait_queue_head *wq);

/** wake_up_all() - wake all; the core's spinlock may be held. Full barrier first */
void wake_up_all(struct wait_queue_head *wq);

/** template_prepare() - queue @self unless it is, "asleep", then a full barrier */
void template_prepare(struct wait_queue_head *wq, struct template_waiter *self);
/** template_sleep() - until woken; false after a time that is long for people */
bool template_sleep(void);
/** template_finish() - "running", and off the queue */
void template_finish(struct wait_queue_head *wq, struct template_waiter *self);

/*
 * No lock of the queue is held while @condition is evaluated: it takes the core's
 * spinlock. Not killable. @report is evaluated at most once.
 */
#define wait_event_reporting(wq, condition, report)            \
	do {                                                   \
		struct template_waiter self_ = {0};            \
		bool reported_ = false;                        \
                                                               \
		for (;;) {                                     \
			template_prepare(wq, &self_);          \
			if (condition)                         \
				break;                         \
			if (!template_sleep() && !reported_) { \
				reported_ = true;              \
				report;                        \
			}                                      \
		}                                              \
		template_finish(wq, &self_);                   \
	} while (0)

/* --- reports ---------------------------------------------------------------------- */

/* Formats: %d %u %lu %ld %#lx %p %s, and %pS: a code address, by its symbol. */
void template_warn(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void panic(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/** WARN() - report if @condition holds. Its value is @condition */
#define WARN(condition, ...)                                            \
	({                                                              \
		bool warn_ = !!(condition);                             \
		if (unlikely(warn_))                                    \
			template_warn(__FILE__, __LINE__, __VA_ARGS__); \
		warn_;                                                  \
	})
#define BUG_ON(condition)                        \
	do {                                     \
		if (unlikely(condition))         \
			panic("%s", #condition); \
	} while (0)

/* --- a lock validator's; each may be left as it is here ----------------------------- */

#define DEFINE_LOCKDEP_MAP(map, name)   struct template_no_lockdep
#define DECLARE_LOCKDEP_MAP(map)        struct template_no_lockdep
#define lock_map_acquire(map)           ((void)0)
#define lock_map_release(map)           ((void)0)
#define might_sleep()                   ((void)0)
#define might_lock(lock)                ((void)0)
#define non_block_start()               ((void)0)
#define non_block_end()                 ((void)0)
#define lockdep_assert_held_write(lock) ((void)0)

/* --- statistics ---------------------------------------------------------------------- */

/** rdtsc() - a clock in any unit; a constant will do, then all times are 0 */
#define rdtsc() 0ul
/* Where nobody traces, the argument keeps variables used. */
#define DEFINE_TRACE_EVENT(name, ...) struct template_no_trace
#define TRACE(event, ...)             template_trace(__VA_ARGS__)
#define template_trace(first, ...)    ((void)(first))

/* --- the address space ----------------------------------------------------------------- */

#define VM_READ 1ul /* YOUR bit: the region may be read */

struct vm_area_struct {
	unsigned long vm_flags;
	/* YOUR region */
};

/* A sleeping lock for many readers or one writer. YOUR lock */
struct template_rwlock {
	struct spinlock lock;
};

struct mm_struct {
	/* Threads that use the address space, and holders of the struct. */
	struct atomic mm_users;
	struct atomic mm_count;
	struct template_rwlock mmap_lock;
	/* The core's, 0 at first. */
	struct mmu_notifier_subscriptions *notifier_subscriptions;
	struct atomic64 notifier_ranges;
	/* YOUR regions and page tables */
};

/** mmgrab() - hold the struct, not the address space */
void mmgrab(struct mm_struct *mm);
/** mmdrop() - let go; the last frees it, and does not sleep. See docs/lifting.md */
void mmdrop(struct mm_struct *mm);

/** down_read_killable() - 0; -EINTR when the thread is being killed. Later readers
 * do not pass a writer that waits */
int down_read_killable(struct template_rwlock *lock);
int down_write_killable(struct template_rwlock *lock);
void mmap_read_unlock(struct mm_struct *mm);
void mmap_write_unlock(struct mm_struct *mm);

#endif
