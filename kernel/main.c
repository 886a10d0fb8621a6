// SPDX-License-Identifier: MIT
/*
 * main.c - the portable kernel, from its first line to its exit code
 *
 *	arch_setup()		CPUs counted, per-CPU areas, clock
 *	INIT_EARLY		consoles: from here on we can be heard
 *	command line		a word nobody knows ends the boot
 *	INIT_MEMORY		frames, slab, the kernel's own page tables
 *	sched_init()		this context becomes CPU 0's idle task
 *	INIT_CORE		interrupts, time, RCU, work
 *	smp_boot_cpus()		the other CPUs
 *	INIT_SMP		what wants to know how many there are
 *	the tick, sched_start()	never returns; what follows is the init thread:
 *	INIT_MM, INIT_DRIVER, INIT_LATE
 *	the mode		mode=NAME, else the first that suits
 *	machine_exit()		with what the mode returned
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/smp.h>
#include <lib/cmdline.h>
#include <lib/cpumask.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <lib/panic.h>
#include <lib/printk.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <kernel/time.h>

CMDLINE_KEY("mode", "what to boot for: run, monitor, test, bench, ...");

#define DEFAULT_MODE "run"

static const struct run_mode *find_mode(const char *name)
{
	for (const struct run_mode *m = __run_mode_start; m < __run_mode_end; m++)
		if (!strcmp(m->name, name))
			return m;
	return NULL;
}

static void refuse_mode(const char *name)
{
	char known[160];
	int n = 0;

	known[0] = '\0';
	for (const struct run_mode *m = __run_mode_start; m < __run_mode_end; m++)
		n += scnprintf(known + n, sizeof(known) - (size_t)n, " %s",
			       m->name);
	boot_refuse("command line: there is no mode=%s; this image has:%s",
		    name, known);
}

/* Checked before anything is started, run at the end. */
static const struct run_mode *choose_mode(void)
{
	const char *name = cmdline_get("mode");
	const struct run_mode *mode;

	if (!name)
		name = DEFAULT_MODE;
	mode = find_mode(name);
	if (!mode)
		refuse_mode(name);
	return mode;
}

static int init_thread(void *arg)
{
	const struct run_mode *mode = arg;
	int code;

	initcalls_run(INIT_MM);
	initcalls_run(INIT_DRIVER);
	initcalls_run(INIT_LATE);
	pr_info("boot: %lu ms, %u CPUs, mode %s", clock_ns() / NSEC_PER_MSEC,
		num_online_cpus(), mode->name);
	code = mode->fn();
	console_flush();
	machine_exit(code);
}

void kernel_main(void)
{
	const struct run_mode *mode;
	struct task *init;

	arch_setup();
	initcalls_run(INIT_EARLY);
	pr_info("Concord: a CPU and a device in one address space");
	if (boot_error())
		boot_refuse("%s", boot_error());
	pr_info("boot: by %s, command line '%s'", boot_info.loader,
		boot_info.cmdline);
	cmdline_parse(boot_info.cmdline);
	mode = choose_mode();

	initcalls_run(INIT_MEMORY);
	sched_init();
	initcalls_run(INIT_CORE);
	smp_boot_cpus(sched_idle_stack);
	initcalls_run(INIT_SMP);
	init = kthread_create(init_thread, (void *)mode, "init");
	if (IS_ERR(init))
		boot_refuse("too little memory for the first thread");
	wake_up_process(init);
	arch_timer_start_cpu();
	sched_start();
}
