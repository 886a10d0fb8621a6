// SPDX-License-Identifier: MIT
/*
 * tests/panic/panic.c - boots that must die, each with stated words
 *
 * Problem.  A guard page, a read-only mapping or a double-free check that does
 * not bite looks exactly like one that does, until the day it is needed.
 *
 * Idea.  `mode=panic case=NAME` does one forbidden thing.  The machine must
 * leave with EXIT_PANIC, and the serial line must hold the words that
 * tests/panic/cases states for it; scripts/run-tests.py boots and judges.
 * Coming back from a case is the failure: the mode then returns EXIT_FAIL.
 *
 * The compiler may not see through what is done here, so every address goes
 * through a volatile.
 *
 * Not here: what must be refused during boot (a bad command line, too little
 * memory); those need no code of their own and stand in the cases file only.
 */
#include <mm/alloc/alloc.h>
#include <lib/assert.h>
#include <lib/cmdline.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <lib/panic.h>
#include <lib/printk.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include <arch/smp.h>
#include <mm/space/mm.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/alloc/page_alloc.h>
#include <mm/table/pgtable_notify.h>
#include <mm/alloc/vmalloc.h>

CMDLINE_KEY("case", "which forbidden thing to do (mode=panic)");

static const unsigned long read_only_word = 0x600d;
static unsigned char not_code[16] = {0xc3};

static void poke(unsigned long addr)
{
	volatile unsigned long where = addr;

	*(volatile unsigned long *)where = 1;
}

static void call(unsigned long addr)
{
	volatile unsigned long where = addr;

	((void (*)(void))where)();
}

static void null_read(void)
{
	volatile unsigned long where = 8;

	(void)*(volatile unsigned long *)where;
}

static void null_call(void)
{
	call(0);
}

static void write_rodata(void)
{
	poke((unsigned long)&read_only_word);
}

static void write_text(void)
{
	poke((unsigned long)&printk);
}

static void exec_data(void)
{
	call((unsigned long)not_code);
}

static void exec_heap(void)
{
	unsigned char *code = kmalloc(64, GFP_KERNEL);

	BUG_ON(!code);
	code[0] = 0xc3;
	call((unsigned long)code);
}

/* Not a tail call: each level really takes a frame. */
static noinline unsigned long descend(unsigned long depth)
{
	volatile char frame[256];
	volatile unsigned long deepest = ~0UL;

	frame[0] = (char)depth;
	if (depth == deepest)
		return depth;
	return descend(depth + 1) + (unsigned long)frame[0];
}

static void stack_overflow(void)
{
	pr_info("depth %lu\n", descend(0));
}

static void vmalloc_guard(void)
{
	unsigned char *area = vmalloc(4096);

	BUG_ON(!area);
	poke((unsigned long)area + 4096);
}

static unsigned long user_page(void)
{
	struct mm_struct *mm = mm_alloc();
	long addr;

	BUG_ON(!mm);
	addr = do_mmap(mm, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS);
	BUG_ON(addr < 0);
	kthread_use_mm(mm);
	return (unsigned long)addr;
}

static void smap_violation(void)
{
	poke(user_page());
}

/* Without SMAP the fault must not reach code that would wait for this lock. */
static void null_under_mmap_lock(void)
{
	(void)user_page();
	mmap_write_lock(current->mm);
	null_read();
}

/* Mapped, but not faulted in, and touched by no accessor. */
static void stray_user_access(void)
{
	poke(user_page());
}

static void smep_violation(void)
{
	call(user_page());
}

static void double_free_object(void)
{
	void *object = kmalloc(48, GFP_KERNEL);
	void *volatile again = object;

	kfree(object);
	kfree(again);
}

static void double_free_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	BUG_ON(!page);
	put_page(page);
	put_page(page);
}

static void free_locked_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	BUG_ON(!page);
	lock_page(page);
	put_page(page);
}

static void write_after_free_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	volatile unsigned char *volatile stale;
	int i;

	BUG_ON(!page);
	stale = page_address(page);
	put_page(page);
	stale[32] = 0x41;
	for (i = 0; i < 4096; i++)
		BUG_ON(!alloc_page(GFP_KERNEL));
}

static void double_free_area(void)
{
	void *area = vmalloc(3 * PAGE_SIZE);
	void *volatile again = area;

	BUG_ON(!area);
	vfree(area);
	vfree(again);
}

static void double_free_stack(void)
{
	void *stack = kernel_stack_alloc();
	void *volatile again = stack;

	BUG_ON(!stack);
	kernel_stack_free(stack);
	kernel_stack_free(again);
}

static void free_of_no_object(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	BUG_ON(!page);
	kfree(page_address(page));
}

static void write_after_free(void)
{
	unsigned char *object = kmalloc(48, GFP_KERNEL);
	volatile unsigned char *volatile stale = object;
	int i;

	kfree(object);
	stale[16] = 0x41;
	for (i = 0; i < 4096; i++)
		BUG_ON(!kmalloc(48, GFP_KERNEL));
}

static void write_past_object(void)
{
	unsigned char *object = kmalloc(64, GFP_KERNEL);
	volatile unsigned char *volatile past = object + 64;

	*past = 0x41;
	kfree(object);
}

/* A subscriber that follows entries by value would have both pages at once. */
static void repoint_filled_entry(void)
{
	pte_t pte = pfn_pte(1, PAGE_READONLY);

	set_pte_at_notify(current->mm, PAGE_SIZE, &pte, pte);
}

static void assertion(void)
{
	volatile int one = 1;

	ASSERT(one == 2);
}

static void bug(void)
{
	BUG();
}

static bool never_told(struct mmu_interval_notifier *sub,
		       const struct mmu_notifier_range *range,
		       unsigned long cur_seq)
{
	return true;
}

/* A drop too many: the struct goes, and a subscription is still in its tree. */
static void mm_freed_with_a_subscription(void)
{
	static const struct mmu_interval_notifier_ops ops = {
		.invalidate = never_told,
	};
	static struct mmu_interval_notifier sub;
	struct mm_struct *mm = mm_alloc();

	BUG_ON(!mm);
	BUG_ON(mmu_interval_notifier_insert(&sub, mm, 0, PAGE_SIZE, &ops));
	mmput(mm);
	mmdrop(mm);
}

static bool told_once(struct mmu_interval_notifier *sub,
		      const struct mmu_notifier_range *range,
		      unsigned long cur_seq)
{
	mmu_interval_set_seq(sub, cur_seq);
	return true;
}

/* Started, and forgotten: the interval goes, the struct goes, the range stays. */
static void mm_freed_with_a_range_open(void)
{
	static const struct mmu_interval_notifier_ops ops = {
		.invalidate = told_once,
	};
	static struct mmu_interval_notifier sub;
	static struct mmu_notifier_range range;
	struct mm_struct *mm = mm_alloc();

	BUG_ON(!mm);
	BUG_ON(mmu_interval_notifier_insert(&sub, mm, 0, PAGE_SIZE, &ops));
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, NULL, mm, 0,
				PAGE_SIZE);
	mmu_notifier_invalidate_range_start(&range);
	mmu_interval_notifier_remove(&sub);
	mmput(mm);
}

/* The struct is held, but nobody uses the address space any more. */
static void register_with_a_dead_mm(void)
{
	static const struct mmu_notifier_ops ops;
	static struct mmu_notifier sub = {.ops = &ops};
	struct mm_struct *mm = mm_alloc();

	BUG_ON(!mm);
	mmgrab(mm);
	mmput(mm);
	(void)mmu_notifier_register(&sub, mm);
}

/* Still subscribed: an exit would have released it. */
static void mm_freed_with_a_plain_subscription(void)
{
	static const struct mmu_notifier_ops ops;
	static struct mmu_notifier sub = {.ops = &ops};
	struct mm_struct *mm = mm_alloc();

	BUG_ON(!mm);
	BUG_ON(mmu_notifier_register(&sub, mm));
	mmu_notifier_subscriptions_destroy(mm);
}

static void panic_elsewhere(void *unused)
{
	panic("test: panic on the other CPU");
}

static void panic_on_another_cpu(void)
{
	smp_call_function_single(1, panic_elsewhere, NULL, SMP_WAIT);
}

static void plain_panic(void)
{
	panic("test: plain panic, value=%#x", 0xdead);
}

static const struct panic_case {
	const char *name;
	void (*fn)(void);
} cases[] = {
	{"null_read", null_read},
	{"null_call", null_call},
	{"write_rodata", write_rodata},
	{"write_text", write_text},
	{"exec_data", exec_data},
	{"exec_heap", exec_heap},
	{"stack_overflow", stack_overflow},
	{"vmalloc_guard", vmalloc_guard},
	{"smap_violation", smap_violation},
	{"null_under_mmap_lock", null_under_mmap_lock},
	{"stray_user_access", stray_user_access},
	{"smep_violation", smep_violation},
	{"double_free_object", double_free_object},
	{"double_free_page", double_free_page},
	{"free_locked_page", free_locked_page},
	{"write_after_free_page", write_after_free_page},
	{"double_free_area", double_free_area},
	{"double_free_stack", double_free_stack},
	{"free_of_no_object", free_of_no_object},
	{"write_after_free", write_after_free},
	{"write_past_object", write_past_object},
	{"repoint_filled_entry", repoint_filled_entry},
	{"assertion", assertion},
	{"bug", bug},
	{"mm_freed_with_a_subscription", mm_freed_with_a_subscription},
	{"mm_freed_with_a_range_open", mm_freed_with_a_range_open},
	{"register_with_a_dead_mm", register_with_a_dead_mm},
	{"mm_freed_with_a_plain_subscription", mm_freed_with_a_plain_subscription},
	{"panic_on_another_cpu", panic_on_another_cpu},
	{"plain_panic", plain_panic},
};

static int panic_mode(void)
{
	const char *name = cmdline_get("case");
	unsigned int i;

	for (i = 0; name && i < ARRAY_SIZE(cases); i++) {
		if (strcmp(cases[i].name, name))
			continue;
		pr_info("panic case %s\n", name);
		cases[i].fn();
		pr_err("panic case %s: nothing happened\n", name);
		return EXIT_FAIL;
	}
	pr_err("no panic case '%s'\n", name ? name : "");
	return EXIT_FAIL;
}
RUN_MODE("panic", panic_mode);
