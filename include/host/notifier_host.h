/* SPDX-License-Identifier: MIT */
/*
 * include/host/notifier_host.h - the notifier core's primitives, by pthreads
 *
 * The sources of mm/notifier/ compile against this instead of the kernel: with -Iinclude/host before -Iinclude, the two
 * headers that they ask a kernel for lead here: the test bed of tests/host/.
 * docs/lifting.md says what each name must promise.
 *
 * All shared accesses are the compiler's atomics, so that ThreadSanitizer sees
 * them as such. The lock validator's calls are empty.
 */
#ifndef HOST_NOTIFIER_HOST_H
#define HOST_NOTIFIER_HOST_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>

#define MMU_NOTIFIER_OPTION 1

/* --- single accesses, atomics, barriers ---------------------------------- */

#undef READ_ONCE
#undef WRITE_ONCE
#define READ_ONCE(x)       __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, val) __atomic_store_n(&(x), (val), __ATOMIC_RELAXED)

/*
 * ThreadSanitizer knows no fences. There smp_mb() is a read-modify-write of one
 * word, which is more than a barrier: it orders whoever comes after everybody who
 * came before, at any other barrier too, so that an acquire or a release that is
 * missing between two threads that pass one is not seen. Therefore the fences round
 * read-modify-writes are left out there; on x86, where TSan runs here, an atomic
 * instruction is a full barrier anyway. That barriers are needed, and are there, is
 * shown by tests/model/ and tests/model/litmus/. A program of one thread that is
 * measured leaves them out too, as the kernel does.
 */
extern int host_fence;
#if defined(__SANITIZE_THREAD__)
#define smp_mb()             ((void)__atomic_fetch_add(&host_fence, 0, __ATOMIC_SEQ_CST))
#define NOTIFIER_RMW_FENCE() ((void)0)
#elif defined(HOST_ONE_THREAD)
#define NOTIFIER_RMW_FENCE() ((void)0)
#endif
#include <mm/notifier/atomics.h>

/* --- locks and waiting ---------------------------------------------------- */

#ifdef HOST_ONE_THREAD
/* For a program that is measured: the kernel's spinlock, without its waiting. */
struct spinlock {
	unsigned int locked;
};

#define DEFINE_SPINLOCK(name) struct spinlock name
#define spin_lock_init(lock)  ((void)((lock)->locked = 0))

extern unsigned int host_preempt_depth;

static inline void spin_lock(struct spinlock *lock)
{
	host_preempt_depth++;
	if (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
		abort();
}

static inline void spin_unlock(struct spinlock *lock)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
	host_preempt_depth--;
}
#else
struct spinlock {
	pthread_mutex_t mutex;
};

#define DEFINE_SPINLOCK(name) struct spinlock name = {PTHREAD_MUTEX_INITIALIZER}
#define spin_lock_init(lock)  pthread_mutex_init(&(lock)->mutex, NULL)
#define spin_lock(lock)       pthread_mutex_lock(&(lock)->mutex)
#define spin_unlock(lock)     pthread_mutex_unlock(&(lock)->mutex)
#endif

/* Each wake-up is a new generation; a sleeper waits for the next one. */
struct wait_queue_head {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned long generation;
};

#define DECLARE_WAIT_QUEUE_HEAD(name)                             \
	struct wait_queue_head name = {PTHREAD_MUTEX_INITIALIZER, \
				       PTHREAD_COND_INITIALIZER, 0}

static inline void init_waitqueue_head(struct wait_queue_head *wq)
{
	pthread_mutex_init(&wq->mutex, NULL);
	pthread_cond_init(&wq->cond, NULL);
	wq->generation = 0;
}

/* Out of line, as in a kernel: a caller that wakes nobody saves no registers. */
static noinline __maybe_unused void wake_up_all(struct wait_queue_head *wq)
{
	pthread_mutex_lock(&wq->mutex);
	wq->generation++;
	pthread_cond_broadcast(&wq->cond);
	pthread_mutex_unlock(&wq->mutex);
}

static inline unsigned long host_wait_generation(struct wait_queue_head *wq)
{
	unsigned long generation;

	pthread_mutex_lock(&wq->mutex);
	generation = wq->generation;
	pthread_mutex_unlock(&wq->mutex);
	return generation;
}

static inline void host_wait_next(struct wait_queue_head *wq, unsigned long old)
{
	pthread_mutex_lock(&wq->mutex);
	while (wq->generation == old)
		pthread_cond_wait(&wq->cond, &wq->mutex);
	pthread_mutex_unlock(&wq->mutex);
}

/* The generation is read before the condition, so no wake-up is lost. */
#define wait_event(wq, condition)                                   \
	do {                                                        \
		unsigned long wait_gen_ = host_wait_generation(wq); \
		if (condition)                                      \
			break;                                      \
		host_wait_next(wq, wait_gen_);                      \
	} while (1)

/* Without a clock: never too long. */
#define wait_event_reporting(wq, condition, report) \
	do {                                        \
		if (0)                              \
			report;                     \
		wait_event(wq, condition);          \
	} while (0)

struct rw_semaphore {
	pthread_rwlock_t lock;
};

static inline int down_write_killable(struct rw_semaphore *sem)
{
	pthread_rwlock_wrlock(&sem->lock);
	return 0;
}

static inline int down_read_killable(struct rw_semaphore *sem)
{
	pthread_rwlock_rdlock(&sem->lock);
	return 0;
}

/* --- memory ----------------------------------------------------------------- */

#define GFP_KERNEL         0
#define GFP_NOWAIT         0
#define kzalloc(size, gfp) calloc(1, size)
#define kfree(ptr)         free(ptr)

/* --- checks: a warning is counted and shown, a panic ends the program ------ */

unsigned int warn_count(void);
void host_warn(const char *file, int line, const char *fmt, ...) __printf(3, 4);
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;

#define WARN(cond, ...)                                             \
	({                                                          \
		bool warn_hit_ = !!(cond);                          \
		if (unlikely(warn_hit_))                            \
			host_warn(__FILE__, __LINE__, __VA_ARGS__); \
		unlikely(warn_hit_);                                \
	})
#define BUG_ON(cond)                                 \
	do {                                         \
		if (unlikely(cond))                  \
			panic("%s", "!(" #cond ")"); \
	} while (0)

#define lock_map_acquire(map)           ((void)0)
#define lock_map_release(map)           ((void)0)
#define might_sleep()                   ((void)0)
#define might_lock(lock)                ((void)(lock))
#define non_block_start()               ((void)0)
#define non_block_end()                 ((void)0)
#define lockdep_assert_held_write(lock) ((void)(lock))

/* --- the address space ------------------------------------------------------- */

#define VM_READ 1ul

struct vm_area_struct {
	unsigned long vm_flags;
};

struct mm_struct {
	struct atomic mm_users;
	struct atomic mm_count;
	struct rw_semaphore mmap_lock;
	struct mmu_notifier_subscriptions *notifier_subscriptions;
	struct atomic64 notifier_ranges;
};

void host_mm_free(struct mm_struct *mm);

static inline void mmgrab(struct mm_struct *mm)
{
	atomic_inc(&mm->mm_count);
}

static inline void mmdrop(struct mm_struct *mm)
{
	if (atomic_dec_and_test(&mm->mm_count))
		host_mm_free(mm);
}

static inline void mmap_write_unlock(struct mm_struct *mm)
{
	pthread_rwlock_unlock(&mm->mmap_lock.lock);
}

static inline void mmap_read_lock(struct mm_struct *mm)
{
	pthread_rwlock_rdlock(&mm->mmap_lock.lock);
}

static inline void mmap_read_unlock(struct mm_struct *mm)
{
	pthread_rwlock_unlock(&mm->mmap_lock.lock);
}

/* --- people --------------------------------------------------------------- */

static inline unsigned long rdtsc(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ul + now.tv_nsec;
}

#define DEFINE_TRACE_EVENT(name, ...) struct host_no_trace
#define TRACE(event, ...)             host_trace(__VA_ARGS__)
#define host_trace(first, ...)        ((void)(first))

/* No lock validator here: ThreadSanitizer is one. */
#define DEFINE_LOCKDEP_MAP(map, name_) struct host_no_lockdep
#define DECLARE_LOCKDEP_MAP(map)       struct host_no_lockdep

#endif
