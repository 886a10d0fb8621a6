// SPDX-License-Identifier: MIT
/*
 * tlb_test.c - what was unmapped is really gone, on every CPU
 *
 * The kernel tests take a page of the vmalloc range and put another frame
 * behind its address. Every CPU has read through the address before; after the
 * flush every CPU must read the new frame. (QEMU keeps stale entries, so that a
 * missing flush shows.) The user tests do the same with munmap.
 */
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <arch/page.h>
#include <arch/smp.h>
#include <arch/tlb.h>
#include <arch/trap.h>
#include <arch/uaccess.h>
#include <lib/atomic.h>
#include <lib/cpumask.h>
#include <lib/errno.h>
#include <kernel/ktest.h>
#include <kernel/time.h>
#include <kernel/sched/sched.h>
#include <kernel/lock/spinlock.h>
#include <mm/alloc/kernel_map.h>
#include <mm/space/mm.h>
#include <mm/page/page.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/vmalloc.h>
#include <asm/arch.h>

#define OLD    0x01d01d01d01d01d0UL
#define NEW    0x2e32e32e32e32e32UL
#define ROUNDS 200
#define CROWD  20 /* rounds, where all CPUs wait for all others */

static u64 *window; /* one page of the vmalloc range */
static u64 seen[NR_CPUS];

static void look(void *unused)
{
	seen[smp_processor_id()] = READ_ONCE(*window);
}

static unsigned int cpus_that_see(u64 value)
{
	unsigned int cpu, n = 0;

	on_each_cpu(look, NULL, SMP_WAIT);
	for_each_online_cpu(cpu)
		n += seen[cpu] == value;
	return n;
}

KTEST(tlb, a_stale_kernel_mapping_is_gone_on_all_cpus)
{
	struct page *before, *after = alloc_page(GFP_KERNEL);
	vaddr_t addr;

	window = vmalloc(PAGE_SIZE);
	REQUIRE(window && after);
	addr = (vaddr_t)window;
	before = vmalloc_to_page(window);
	*window = OLD;
	*(u64 *)page_address(after) = NEW;
	EXPECT_EQ(cpus_that_see(OLD), num_online_cpus());

	kernel_map_clear(addr);
	EXPECT_EQ(kernel_map_set(addr, page_to_pfn(after), PAGE_KERNEL,
				 GFP_KERNEL),
		  0);
	flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
	EXPECT_EQ(cpus_that_see(NEW), num_online_cpus());

	kernel_map_clear(addr);
	EXPECT_EQ(kernel_map_set(addr, page_to_pfn(before), PAGE_KERNEL,
				 GFP_KERNEL),
		  0);
	/* A range too long to be flushed page by page. */
	flush_tlb_kernel_range(addr,
			       addr + (TLB_FLUSH_MAX_PAGES + 1) * PAGE_SIZE);
	EXPECT_EQ(cpus_that_see(OLD), num_online_cpus());
	vfree(window);
	put_page(after);
}

KTEST(tlb, long_ranges_become_full_flushes)
{
	vaddr_t addr = 0xffffe0ff00000000UL;
	struct tlb_counters before, after;

	tlb_read_counters(&before);
	flush_tlb_kernel_range(addr, addr + TLB_FLUSH_MAX_PAGES * PAGE_SIZE);
	tlb_read_counters(&after);
	EXPECT_GE(after.flushes, before.flushes + 1);
	before = after;
	flush_tlb_kernel_range(addr,
			       addr + (TLB_FLUSH_MAX_PAGES + 1) * PAGE_SIZE);
	tlb_read_counters(&after);
	EXPECT_GE(after.full, before.full + 1);
	EXPECT_GE(after.remote, before.remote + num_online_cpus() - 1);
}

KTEST(tlb, a_space_nobody_loaded_costs_no_interrupt)
{
	struct mm_context unused = {0};
	struct tlb_counters before, after;

	preempt_disable();
	tlb_read_counters(&before);
	for (int i = 0; i < ROUNDS; i++)
		flush_tlb_range(&unused, 0x10000, 0x11000);
	tlb_read_counters(&after);
	preempt_enable();
	/* others may flush meanwhile, but not as often */
	EXPECT_LT(after.remote - before.remote, (u64)ROUNDS);
}

enum flush_how {
	PLAIN,
	UNDER_SPINLOCK,
	INTERRUPTS_OFF,
};

static enum flush_how how;

static int flusher(void *arg)
{
	vaddr_t addr = 0xffffe0ff00000000UL;
	struct spinlock own;
	unsigned long flags;

	spin_lock_init(&own);
	for (int i = 0; i < CROWD; i++) {
		switch (how) {
		case UNDER_SPINLOCK:
			spin_lock(&own);
			flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
			spin_unlock(&own);
			break;
		case INTERRUPTS_OFF:
			local_irq_save(flags);
			flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
			local_irq_restore(flags);
			break;
		default:
			flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
		}
	}
	return 0;
}

/*
 * It is enough that this ends. With more CPUs than the host has cores, every
 * flush waits for a time slice of the host (arch/x86_64/smp/tlb.c).
 */
KTEST(tlb, cpus_that_flush_each_other_all_finish)
{
	struct task *tasks[NR_CPUS] = {0};
	unsigned int cpu;

	for (how = PLAIN; how <= INTERRUPTS_OFF; how++) {
		for_each_online_cpu(cpu) {
			tasks[cpu] = kthread_run_on(cpu, flusher, NULL,
						    "flusher/%u", cpu);
			EXPECT(!IS_ERR(tasks[cpu]));
		}
		for_each_online_cpu(cpu)
			if (!IS_ERR(tasks[cpu]))
				kthread_join(tasks[cpu]);
	}
}

static struct ktest_step steps;

struct contest {
	struct ktest_step step;
	struct spinlock lock;
	unsigned int taken;
};

static int take_with_interrupts_off(void *arg)
{
	struct contest *c = arg;
	unsigned long flags;

	step_wait(&c->step, 1);
	local_irq_save(flags);
	step_signal(&c->step, 2);
	spin_lock(&c->lock);
	c->taken++;
	spin_unlock(&c->lock);
	local_irq_restore(flags);
	return 0;
}

/* Return: how often the other had the lock by then. */
static int flush_with_the_lock(void *arg)
{
	vaddr_t addr = 0xffffe0ff00000000UL;
	struct contest *c = arg;
	unsigned long flags;
	int taken;

	spin_lock_irqsave(&c->lock, flags);
	step_signal(&c->step, 1);
	step_spin(&c->step, 2);
	flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
	taken = (int)c->taken;
	spin_unlock_irqrestore(&c->lock, flags);
	return taken;
}

/*
 *	holder				taker, on another CPU
 *	takes the lock
 *					interrupts off; waits for the lock
 *	flushes: asks that CPU
 *					serves it from its wait
 *	lets the lock go
 *					has it
 *
 * That CPU cannot take an interrupt, so its wait must serve the flush.
 */
KTEST(tlb, a_cpu_that_waits_for_a_lock_with_interrupts_off_serves_flushes,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct contest c = {.taken = 0};
	unsigned int first = cpumask_first(&cpu_online_mask);
	unsigned int second = cpumask_next((int)first, &cpu_online_mask);
	struct task *holder, *taker;

	step_init(&c.step, test);
	spin_lock_init(&c.lock);
	taker = kthread_run_on(second, take_with_interrupts_off, &c, "taker");
	REQUIRE(!IS_ERR(taker));
	holder = kthread_run_on(first, flush_with_the_lock, &c, "holder");
	REQUIRE(!IS_ERR(holder));
	EXPECT_EQ(kthread_join(holder), 0);
	kthread_join(taker);
	EXPECT_EQ(c.taken, 1);
}

struct user_reader {
	struct mm_struct *mm;
	vaddr_t addr;
	u64 before;
	int after; /* what the second read returned */
};

static int read_twice(void *arg)
{
	struct user_reader *r = arg;
	u64 value;

	kthread_use_mm(r->mm);
	if (!get_user(value, (u64 __user *)r->addr))
		r->before = value;
	step_signal(&steps, 1);
	step_spin(&steps, 2); /* does not give the CPU away */
	r->after = get_user(value, (u64 __user *)r->addr);
	kthread_unuse_mm(r->mm);
	return 0;
}

KTEST(tlb, a_stale_user_mapping_is_gone_on_the_other_cpu)
{
	struct user_reader r = {.addr = 0x100000};
	struct task *reader;
	u64 value = OLD;

	if (num_online_cpus() < 2) {
		ktest_skip(test, "needs two CPUs");
		return;
	}
	step_init(&steps, test);
	r.mm = mm_alloc();
	REQUIRE(r.mm);
	EXPECT_EQ(do_mmap(r.mm, r.addr, PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)r.addr);
	kthread_use_mm(r.mm);
	EXPECT_EQ(put_user(value, (u64 __user *)r.addr), 0);
	kthread_unuse_mm(r.mm);

	reader = kthread_run_on(cpumask_last(&cpu_online_mask), read_twice, &r,
				"reader");
	REQUIRE(!IS_ERR(reader));
	step_wait(&steps, 1);
	EXPECT_EQ(do_munmap(r.mm, r.addr, PAGE_SIZE), 0);
	step_signal(&steps, 2);
	kthread_join(reader);
	EXPECT_EQ(r.before, OLD);
	EXPECT_EQ(r.after, -EFAULT);
	mmput(r.mm);
}

struct switcher {
	struct mm_struct *mm;
	vaddr_t addr;
	u64 published;
	bool stop;
	bool stale;
};

/* Loads the space, reads, leaves: every read starts from another space. */
static int switch_and_read(void *arg)
{
	struct switcher *s = arg;

	while (!READ_ONCE(s->stop)) {
		u64 before = smp_load_acquire(&s->published), value = 0;

		kthread_use_mm(s->mm);
		/* 0: between the old page and the new one */
		if (!get_user(value, (u64 __user *)s->addr) && value &&
		    value < before)
			s->stale = true;
		kthread_unuse_mm(s->mm);
	}
	return 0;
}

KTEST(tlb, a_cpu_that_switches_in_sees_the_change)
{
	struct switcher s = {.addr = 0x100000};
	struct task *reader;

	if (num_online_cpus() < 2) {
		ktest_skip(test, "needs two CPUs");
		return;
	}
	s.mm = mm_alloc();
	REQUIRE(s.mm);
	EXPECT_EQ(do_mmap(s.mm, s.addr, PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		  (long)s.addr);
	reader = kthread_run_on(cpumask_last(&cpu_online_mask), switch_and_read,
				&s, "switcher");
	REQUIRE(!IS_ERR(reader));
	kthread_use_mm(s.mm);
	for (u64 n = 1; n <= ROUNDS; n++) {
		EXPECT_EQ(madvise_dontneed(s.mm, s.addr, PAGE_SIZE), 0);
		EXPECT_EQ(put_user(n, (u64 __user *)s.addr), 0);
		smp_store_release(&s.published, n);
	}
	kthread_unuse_mm(s.mm);
	WRITE_ONCE(s.stop, true);
	kthread_join(reader);
	EXPECT(!s.stale);
	mmput(s.mm);
}

/*
 * The race that this file's subject begins with, without a second CPU: a CPU
 * that had the root loaded and its bit not set, if only for one instruction,
 * could walk the tables then and be asked for nothing.
 */
static struct {
	const struct mm_context *ctx[2];
	unsigned int steps;
	unsigned int loads;  /* roots seen loaded, one after the other */
	unsigned int unseen; /* steps with a root whose bit is not set */
	paddr_t root;
} stepping;

static void look_at_step(struct trap_regs *regs)
{
	unsigned int cpu = smp_processor_id();
	paddr_t root = read_cr3();

	stepping.steps++;
	stepping.loads += root != stepping.root;
	stepping.root = root;
	for (unsigned int i = 0; i < ARRAY_SIZE(stepping.ctx); i++)
		if (root == stepping.ctx[i]->pgd &&
		    !cpumask_test_cpu(cpu, &stepping.ctx[i]->cpus))
			stepping.unseen++;
}

static void set_single_step(unsigned long tf)
{
	unsigned long flags = (arch_read_flags() & ~EFLAGS_TF) | tf;

	asm volatile("pushq %0\n\tpopfq" : : "r"(flags) : "memory", "cc");
}

KTEST(tlb, a_loaded_root_has_its_bit_set_at_every_instruction)
{
	struct mm_struct *mm = mm_alloc();
	unsigned long flags;

	REQUIRE(mm);
	stepping.ctx[0] = &mm->context;
	stepping.ctx[1] = &init_mm_context;
	stepping.steps = stepping.loads = stepping.unseen = 0;
	kthread_use_mm(mm);
	local_irq_save(flags);
	stepping.root = read_cr3();
	trap_single_step = look_at_step;
	set_single_step(EFLAGS_TF);
	arch_switch_mm(&init_mm_context);
	arch_switch_mm(&mm->context);
	set_single_step(0);
	trap_single_step = NULL;
	local_irq_restore(flags);
	EXPECT_EQ(read_cr3(), mm->context.pgd);
	kthread_unuse_mm(mm);
	EXPECT_GT(stepping.steps, 20U);
	EXPECT_EQ(stepping.loads, 2U);
	EXPECT_EQ(stepping.unseen, 0U);
	mmput(mm);
}

/* A lazy CPU is asked to forget the very space that it leaves others for. */
KTEST(tlb, a_cpu_that_loads_what_it_has_loaded_keeps_its_bit)
{
	unsigned long flags;
	unsigned int cpu;
	bool kept;

	preempt_disable();
	cpu = smp_processor_id();
	local_irq_save(flags);
	arch_switch_mm(&init_mm_context);
	arch_switch_mm(NULL);
	local_irq_restore(flags);
	flush_tlb_mm(&init_mm_context);
	kept = cpumask_test_cpu(cpu, &init_mm_context.cpus);
	preempt_enable();
	EXPECT(kept);
}

static int use_and_leave(void *arg)
{
	struct mm_struct *mm = arg;

	kthread_use_mm(mm);
	kthread_unuse_mm(mm);
	return 0;
}

/* The first request moves a lazy CPU away; later requests do not ask it. */
KTEST(tlb, a_lazy_cpu_is_asked_once, KT_FLAGS(KT_NEEDS_SMP))
{
	unsigned int last = cpumask_last(&cpu_online_mask);
	struct mm_struct *mm = mm_alloc();
	bool had, kept;

	REQUIRE(mm);
	kthread_join(kthread_run_on(last, use_and_leave, mm, "leaver"));
	had = cpumask_test_cpu(last, &mm->context.cpus);
	flush_tlb_mm(&mm->context);
	kept = cpumask_test_cpu(last, &mm->context.cpus);
	EXPECT(had);
	EXPECT(!kept);
	mmput(mm);
}

/* The CPU that serves a flush looks between any two of its instructions. */
static struct {
	u64 *window;
	unsigned int steps;
	unsigned int stale; /* the asker had gone on, and this CPU still read OLD */
	bool returned;
} serving;

static void look_at_serving(struct trap_regs *regs)
{
	u64 end = clock_ns() + 2 * NSEC_PER_MSEC;

	serving.steps++;
	/* Give the asker time to go on, if it may. */
	while (!READ_ONCE(serving.returned) && clock_ns() < end)
		cpu_relax();
	if (READ_ONCE(serving.returned) && READ_ONCE(*serving.window) == OLD)
		serving.stale++;
}

static int serve_by_steps(void *arg)
{
	unsigned long flags;

	local_irq_save(flags);
	(void)READ_ONCE(*serving.window);
	step_signal(&steps, 1);
	while (!READ_ONCE(serving.returned)) {
		trap_single_step = look_at_serving;
		set_single_step(EFLAGS_TF);
		tlb_poll();
		set_single_step(0);
		trap_single_step = NULL;
	}
	local_irq_restore(flags);
	return 0;
}

/*
 *	asker			CPU that serves, step by step
 *				reads OLD through the address
 *	changes the entry; flushes
 *				forgets; acknowledges
 *	goes on
 *				(from here on must not read OLD)
 */
KTEST(tlb, a_cpu_forgets_before_it_acknowledges, KT_FLAGS(KT_NEEDS_SMP))
{
	struct page *before, *after = alloc_page(GFP_KERNEL);
	struct task *server;
	vaddr_t addr;

	window = vmalloc(PAGE_SIZE);
	REQUIRE(window && after);
	addr = (vaddr_t)window;
	before = vmalloc_to_page(window);
	*window = OLD;
	*(u64 *)page_address(after) = NEW;
	serving.window = window;
	serving.steps = serving.stale = 0;
	serving.returned = false;
	step_init(&steps, test);
	server = kthread_run_on(cpumask_last(&cpu_online_mask), serve_by_steps,
				NULL, "server");
	REQUIRE(!IS_ERR(server));
	step_wait(&steps, 1);
	kernel_map_clear(addr);
	EXPECT_EQ(kernel_map_set(addr, page_to_pfn(after), PAGE_KERNEL,
				 GFP_KERNEL),
		  0);
	flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
	WRITE_ONCE(serving.returned, true);
	kthread_join(server);
	EXPECT_GT(serving.steps, 10U);
	EXPECT_EQ(serving.stale, 0U);
	kernel_map_clear(addr);
	EXPECT_EQ(kernel_map_set(addr, page_to_pfn(before), PAGE_KERNEL,
				 GFP_KERNEL),
		  0);
	flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
	vfree(window);
	put_page(after);
}
