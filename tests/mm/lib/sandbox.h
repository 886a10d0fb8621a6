/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/lib/sandbox.h - what the tests of the address space share
 *
 * A sandbox is an address space that the test's thread has adopted. Unless the
 * test wants none it has an observer, an interval subscription over everything that
 * notes each event and may stop in the middle of one; and a shadow, which finds changes
 * without an event (shadow.h). In a kernel without MMU_NOTIFIER there is neither and
 * there are no events: tests that want some have the flag KT_NEEDS_NOTIFIER.
 */
#ifndef TESTS_MM_LIB_SANDBOX_H
#define TESTS_MM_LIB_SANDBOX_H

#include <arch/uaccess.h>
#include <kernel/ktest.h>
#include <kernel/lock/lockdep.h>
#include <kernel/sched/rwsem.h>
#include <kernel/sched/sched.h>
#include <kernel/lock/spinlock.h>
#include <mm/fault/fault.h>
#include <mm/space/mm.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/page/page.h>
#include <mm/table/pgtable.h>
#include <mm/table/swapops.h>

#define SEEN_MAX 32

/* Where most tests put their pages; the page of a number from there, so many in bytes. */
#define BASE       0x40000000UL
#define AT(page)   (BASE + (page)*PAGE_SIZE)
#define LEN(pages) ((size_t)(pages)*PAGE_SIZE)

struct seen_event {
	enum mmu_notifier_event event;
	vaddr_t start;
	vaddr_t end;
	void *owner;
	unsigned long vm_flags; /* of range->vma when start was called */
	pte_t first;            /* the entry of start when start was called */
};

struct sandbox {
	struct ktest *test;
	struct mm_struct *mm;
	struct mmu_interval_notifier sub;
	struct spinlock lock;
	unsigned int nr; /* events since the last sandbox_forget() */
	struct seen_event seen[SEEN_MAX];
	/* Called from the callback, before it returns; may sleep. */
	void (*hook)(struct sandbox *box, const struct seen_event *event);
	void *hook_arg;
	bool raises_unlocked; /* the test does, on purpose, without mmap_lock */
	bool observed;
	bool shadowed;
};

/**
 * enum sandbox_watch - what subscribes to a sandbox
 * @SANDBOX_OBSERVED: an observer and a shadow
 * @SANDBOX_UNOBSERVED: a shadow
 * @SANDBOX_WITHOUT_SHADOW: an observer. For a test that counts subscribers or their
 *	calls, or changes entries behind all subscribers
 * @SANDBOX_ALONE: neither, for such a test: ranges find nobody, or only the test's own
 */
enum sandbox_watch {
	SANDBOX_OBSERVED,
	SANDBOX_UNOBSERVED,
	SANDBOX_WITHOUT_SHADOW,
	SANDBOX_ALONE,
};

/* False, and the test failed, if it could not be set up. The first is OBSERVED. */
bool sandbox_open(struct sandbox *box, struct ktest *test);
bool sandbox_open_as(struct sandbox *box, struct ktest *test,
		     enum sandbox_watch watch);
void sandbox_close(struct sandbox *box);

/* One that a clean-up of the test closes and frees; never NULL. */
struct sandbox *sandbox_new(struct ktest *test, enum sandbox_watch watch);

/* The observer comes (0 or an errno) and goes; by the two above. */
#ifdef CONFIG_MMU_NOTIFIER
int sandbox_observe(struct sandbox *box);
void sandbox_observe_end(struct sandbox *box);
#else
static inline int sandbox_observe(struct sandbox *box)
{
	return 0;
}
static inline void sandbox_observe_end(struct sandbox *box)
{
}
#endif

/*
 * Does this thread hold mmap_lock, in either mode? Without the validator: does
 * anybody.
 */
static inline bool holds_mmap_lock(struct mm_struct *mm)
{
	return rwsem_is_locked(&mm->mmap_lock) && lockdep_is_held(&mm->mmap_lock);
}

static inline void sandbox_forget(struct sandbox *box)
{
	box->nr = 0;
}

static inline void __user *user_ptr(vaddr_t addr)
{
	return (void __user *)addr;
}

/*
 * The words of user memory that tests touch; 0 or -EFAULT. Then the shadow of the
 * thread's mm takes the page over (shadow_touched()).
 */
int user_poke(vaddr_t addr, u64 value);
int user_peek(vaddr_t addr, u64 *value);

/* The value of the word, or all ones and a failure. */
u64 sandbox_read(struct sandbox *box, vaddr_t addr);

/*
 * The entry of an address as it is just now; the first wants mmap_lock held. The last
 * changes it behind all subscribers.
 */
pte_t sandbox_pte_locked(struct sandbox *box, vaddr_t addr);
pte_t sandbox_pte(struct sandbox *box, vaddr_t addr);
void sandbox_set_pte(struct sandbox *box, vaddr_t addr, pte_t pte);

/* Map pages read-write at an address, private. */
void sandbox_map(struct sandbox *box, vaddr_t addr, unsigned long pages);

/* From page number @page on, pages hold @first, @first + 1, ...: write that, or look. */
void sandbox_fill(struct sandbox *box, unsigned long page, unsigned long pages,
		  u64 first);
void sandbox_expect_filled(struct sandbox *box, unsigned long page,
			   unsigned long pages, u64 first);

/* sandbox_open() with so many pages from number 0 on, which hold 1, 2, ... */
bool sandbox_open_filled(struct sandbox *box, struct ktest *test,
			 unsigned long pages);

/* The same as sandbox_map(), after MADV_HUGEPAGE. And does a huge entry map the address? */
void sandbox_map_huge(struct sandbox *box, vaddr_t addr, unsigned long pages);
bool sandbox_is_huge(struct sandbox *box, vaddr_t addr);

/* Until the test ends more may be mapped than the machine has (mm/space/limits.h). */
void sandbox_promise_any(struct sandbox *box);

/* Regions, tables, books and shadow all agree; else the test fails with the reason. */
void sandbox_verify(struct sandbox *box);

/* The regions as text: "2 rw 1 - 3 r": pages and rights from BASE up. */
const char *sandbox_draw(struct sandbox *box, char *buf, size_t len);

#ifdef CONFIG_DEVICE_PRIVATE
/* make_device_exclusive_range(). */
int sandbox_make_exclusive(struct sandbox *box, vaddr_t addr,
			   unsigned long pages, struct page **slots, void *owner);
/*
 * lock_device_exclusive(), and make_device_exclusive_locked() of the page that it gave;
 * mmap_lock is held.
 */
int sandbox_lock_exclusive(struct sandbox *box, vaddr_t addr, struct page **slot);
int sandbox_make_exclusive_locked(struct sandbox *box, vaddr_t addr,
				  struct page **slot, void *owner);

/* As a driver does when its device has the translations. */
void release_exclusive(struct page **slots, unsigned long nr);
#else
/* In a kernel without exclusive access no page is ever had. */
static inline int sandbox_make_exclusive(struct sandbox *box, vaddr_t addr,
					 unsigned long pages,
					 struct page **slots, void *owner)
{
	return -EOPNOTSUPP;
}
static inline int sandbox_lock_exclusive(struct sandbox *box, vaddr_t addr,
					 struct page **slot)
{
	return -EOPNOTSUPP;
}
static inline int sandbox_make_exclusive_locked(struct sandbox *box, vaddr_t addr,
						struct page **slot, void *owner)
{
	return -EOPNOTSUPP;
}
static inline void release_exclusive(struct page **slots, unsigned long nr)
{
}
#endif

/*
 * A batched change of one page, up to its flush: counted, the entry emptied.
 * And the rest of it.
 */
struct page *sandbox_empty_unflushed(struct sandbox *box, vaddr_t addr);
void sandbox_flush_and_free(struct sandbox *box, vaddr_t addr, struct page *page);

/* A helper thread in the same address space. */
struct sandbox_thread {
	struct sandbox *box;
	void (*fn)(struct sandbox_thread *self);
	void *arg;
	unsigned long number;
	struct task *task;
};

void sandbox_thread_start(struct sandbox_thread *thread, struct sandbox *box,
			  unsigned int cpu,
			  void (*fn)(struct sandbox_thread *self), void *arg);
void sandbox_thread_join(struct sandbox_thread *thread);

/* An online CPU other than this one, for KT_NEEDS_SMP tests. */
unsigned int another_cpu(void);

#define EXPECT_EVENT(box, i, event_, start_, end_)                  \
	do {                                                        \
		EXPECT_GT((box)->nr, (unsigned int)(i));            \
		EXPECT_EQ((box)->seen[i].event, event_);            \
		EXPECT_EQ((box)->seen[i].start, (vaddr_t)(start_)); \
		EXPECT_EQ((box)->seen[i].end, (vaddr_t)(end_));     \
	} while (0)

#endif
