// SPDX-License-Identifier: MIT
/*
 * tests/mm/lib/sandbox.c - the sandbox: an address space under observation
 *
 * Closing a sandbox checks that regions, tables and books agree, and that
 * nothing of the address space is left. A test closes what it opened;
 * sandbox_new() has the runner do it. The shadow goes after the mm's last user, so
 * that it sees the exit.
 *
 * Not here: the observer (observer.c), the shadow (shadow.c).
 */
#include <arch/cpu.h>
#include <lib/cpumask.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/page/rmap.h>
#include <mm/space/limits.h>
#include <mm/space/madvise.h>
#include <mm/table/huge.h>
#include <mm/table/tlb.h>
#include "sandbox.h"
#include "shadow.h"

pte_t sandbox_pte_locked(struct sandbox *box, vaddr_t addr)
{
	struct spinlock *ptl;
	pte_t *ptep;
	pte_t pte;

	if (addr >= USER_END)
		return __pte(0);
	ptep = pgtable_map_lock(box->mm, addr, &ptl);
	if (!ptep) {
		const pmd_t *pmdp = pgtable_walk_pmd(box->mm, addr);

		return pmdp ? huge_part(pmdp_get(pmdp), addr) : __pte(0);
	}
	pte = ptep_get(ptep);
	spin_unlock(ptl);
	return pte;
}

/* The subscribers that the test wants; 0 or an errno. */
static int watch_sandbox(struct sandbox *box, enum sandbox_watch watch)
{
	int err = 0;

	box->observed =
		watch == SANDBOX_OBSERVED || watch == SANDBOX_WITHOUT_SHADOW;
	box->shadowed = watch == SANDBOX_OBSERVED || watch == SANDBOX_UNOBSERVED;
	if (box->shadowed)
		err = shadow_attach(box->test, box->mm, box);
	if (!err && box->observed)
		err = sandbox_observe(box);
	return err;
}

bool sandbox_open_as(struct sandbox *box, struct ktest *test,
		     enum sandbox_watch watch)
{
	*box = (struct sandbox){.test = test};
	spin_lock_init(&box->lock);
	box->mm = mm_alloc();
	if (!box->mm) {
		ktest_fail(test, "no memory for an mm");
		return false;
	}
	if (watch_sandbox(box, watch)) {
		ktest_fail(test, "no subscription for observer or shadow");
		mmput(box->mm);
		shadow_detach(box, SHADOWS_ALL);
		return false;
	}
	kthread_use_mm(box->mm);
	return true;
}

bool sandbox_open(struct sandbox *box, struct ktest *test)
{
	return sandbox_open_as(box, test, SANDBOX_OBSERVED);
}

static void close_sandbox(void *arg)
{
	sandbox_close(arg);
}

struct sandbox *sandbox_new(struct ktest *test, enum sandbox_watch watch)
{
	struct sandbox *box = ktest_alloc(test, sizeof(*box));

	if (!sandbox_open_as(box, test, watch))
		panic("mm_test: no sandbox for %s.%s", test->tcase->suite,
		      test->tcase->name);
	ktest_cleanup(test, close_sandbox, box);
	return box;
}

void sandbox_close(struct sandbox *box)
{
	sandbox_verify(box);
	box->hook = NULL;
	kthread_unuse_mm(box->mm);
	if (box->observed)
		sandbox_observe_end(box);
	mmput(box->mm);
	shadow_detach(box, SHADOWS_ALL);
}

int user_poke(vaddr_t addr, u64 value)
{
	int err = put_user(value, (u64 __user *)user_ptr(addr));

	shadow_touched(current->mm, addr);
	return err;
}

int user_peek(vaddr_t addr, u64 *value)
{
	int err = get_user(*value, (u64 __user *)user_ptr(addr));

	shadow_touched(current->mm, addr);
	return err;
}

u64 sandbox_read(struct sandbox *box, vaddr_t addr)
{
	struct ktest *test = box->test;
	u64 value = 0;
	int err = user_peek(addr, &value);

	EXPECT_EQ(err, 0);
	return err ? ~0UL : value;
}

pte_t sandbox_pte(struct sandbox *box, vaddr_t addr)
{
	pte_t pte;

	shadow_touched(box->mm, addr);
	mmap_read_lock(box->mm);
	pte = sandbox_pte_locked(box, addr);
	mmap_read_unlock(box->mm);
	return pte;
}

void sandbox_set_pte(struct sandbox *box, vaddr_t addr, pte_t pte) __no_thread_safety
{
	struct spinlock *ptl;
	pte_t *ptep;

	mmap_read_lock(box->mm);
	shadow_forget(box->mm, addr);
	ptep = pgtable_alloc_map_lock(box->mm, addr, &ptl);
	if (ptep) {
		set_pte(ptep, pte);
		spin_unlock(ptl);
	} else {
		ktest_fail(box->test, "no memory for a table");
	}
	mmap_read_unlock(box->mm);
}

static struct commit_info promised;

static void restore_promises(void *unused)
{
	commit_set(promised.policy, promised.limit);
}

void sandbox_promise_any(struct sandbox *box)
{
	commit_read(&promised);
	ktest_cleanup(box->test, restore_promises, NULL);
	commit_set(OVERCOMMIT_ALWAYS, promised.limit);
}

void sandbox_map(struct sandbox *box, vaddr_t addr, unsigned long pages)
{
	struct ktest *test = box->test;

	EXPECT_EQ(do_mmap(box->mm, addr, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE),
		  (long)addr);
}

void sandbox_fill(struct sandbox *box, unsigned long page, unsigned long pages,
		  u64 first)
{
	struct ktest *test = box->test;
	unsigned long i;

	for (i = 0; i < pages; i++)
		EXPECT_EQ(user_poke(AT(page + i), first + i), 0);
}

void sandbox_expect_filled(struct sandbox *box, unsigned long page,
			   unsigned long pages, u64 first)
{
	struct ktest *test = box->test;
	unsigned long i;

	for (i = 0; i < pages; i++)
		EXPECT_EQ(sandbox_read(box, AT(page + i)), first + i);
}

bool sandbox_open_filled(struct sandbox *box, struct ktest *test,
			 unsigned long pages)
{
	if (!sandbox_open(box, test))
		return false;
	sandbox_map(box, AT(0), pages);
	sandbox_fill(box, 0, pages, 1);
	return true;
}

void sandbox_map_huge(struct sandbox *box, vaddr_t addr, unsigned long pages)
{
	struct ktest *test = box->test;

	sandbox_map(box, addr, pages);
	EXPECT_EQ(do_madvise(box->mm, addr, pages * PAGE_SIZE, MADV_HUGEPAGE), 0);
}

bool sandbox_is_huge(struct sandbox *box, vaddr_t addr)
{
	const pmd_t *pmdp;
	bool huge;

	mmap_read_lock(box->mm);
	pmdp = pgtable_walk_pmd(box->mm, addr);
	huge = pmdp && pmd_leaf(pmdp_get(pmdp));
	mmap_read_unlock(box->mm);
	return huge;
}

void sandbox_verify(struct sandbox *box)
{
	const char *wrong;

	shadow_stop(box->mm);
	mmap_write_lock(box->mm);
	wrong = vma_tree_verify(box->mm);
	if (!wrong)
		wrong = pgtable_verify(box->mm);
	mmap_write_unlock(box->mm);
	if (wrong)
		ktest_fail(box->test, "the address space is wrong: %s", wrong);
}

const char *sandbox_draw(struct sandbox *box, char *buf, size_t len)
{
	struct vm_area_struct *vma;
	vaddr_t covered = BASE;
	size_t at = 0;

	buf[0] = '\0';
	mmap_read_lock(box->mm);
	for_each_vma(vma, box->mm) {
		if (vma->vm_start > covered)
			at += scnprintf(buf + at, len - at, "%lu - ",
					(vma->vm_start - covered) >> PAGE_SHIFT);
		covered = vma->vm_end;
		at += scnprintf(buf + at, len - at, "%lu %s%s%s ", vma_pages(vma),
				vma->vm_flags & VM_READ ? "r" : "",
				vma->vm_flags & VM_WRITE ? "w" : "",
				vma->vm_flags & VM_ACCESS ? "" : "none");
	}
	mmap_read_unlock(box->mm);
	if (at)
		buf[at - 1] = '\0';
	return buf;
}

struct page *sandbox_empty_unflushed(struct sandbox *box,
				     vaddr_t addr) __no_thread_safety
{
	struct spinlock *ptl;
	struct page *page;
	pte_t *ptep;

	mmap_read_lock(box->mm);
	shadow_forget(box->mm, addr);
	atomic_inc(&box->mm->tlb_flush_pending);
	ptep = pgtable_map_lock(box->mm, addr, &ptl);
	page = pfn_to_page(pte_pfn(ptep_get_and_clear(ptep)));
	spin_unlock(ptl);
	mmap_read_unlock(box->mm);
	return page;
}

void sandbox_flush_and_free(struct sandbox *box, vaddr_t addr, struct page *page)
{
	mmap_read_lock(box->mm);
	flush_tlb_mm_range(box->mm, addr, addr + PAGE_SIZE);
	atomic_dec(&box->mm->tlb_flush_pending);
	page_remove_rmap(page);
	atomic64_dec(&box->mm->anon_rss);
	put_page(page);
	mmap_read_unlock(box->mm);
}

static int sandbox_thread_main(void *arg)
{
	struct sandbox_thread *thread = arg;

	kthread_use_mm(thread->box->mm);
	thread->fn(thread);
	kthread_unuse_mm(thread->box->mm);
	return 0;
}

void sandbox_thread_start(struct sandbox_thread *thread, struct sandbox *box,
			  unsigned int cpu,
			  void (*fn)(struct sandbox_thread *self), void *arg)
{
	thread->box = box;
	thread->fn = fn;
	thread->arg = arg;
	thread->task = kthread_run_on(cpu, sandbox_thread_main, thread,
				      "mm-test/%u", cpu);
	if (IS_ERR(thread->task)) {
		ktest_fail(box->test, "no memory for a thread");
		thread->task = NULL;
	}
}

void sandbox_thread_join(struct sandbox_thread *thread)
{
	if (thread->task)
		kthread_join(thread->task);
	thread->task = NULL;
}

unsigned int another_cpu(void)
{
	unsigned int me = smp_processor_id();
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		if (cpu != me)
			return cpu;
	}
	return me;
}
