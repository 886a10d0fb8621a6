// SPDX-License-Identifier: MIT
/*
 * kernel/coverage/seeded.c - a function that runs and one that does not
 *
 * Problem.  A tool that says "covered" of everything looks like a tree that is well
 * tested.
 *
 * Idea.  Two functions of which the answer is known. A kernel that counts calls the
 * first when it starts, on one side of its branch, and the second never.
 * scripts/coverage.py wants exactly that of each run: the first is covered but for
 * the line behind the branch, the second is listed.
 *
 * How counts leave the machine.  No code of the kernel has a part in it. gcc puts a
 * counter for each arc into .bss and the address of each source's table into
 * .gcov_info (linker.ld). The guest's RAM is a file; when QEMU has ended,
 * scripts/run-qemu has scripts/coverage.py read the counters there. So a boot that
 * panics, hangs or ends by a triple fault is counted up to its last instruction.
 *
 * Not counted: assembler, tests, and a device process that is killed.
 */
#include <kernel/coverage.h>
#include <lib/init.h>

unsigned long coverage_seeded_runs(unsigned long n)
{
	if (n > 1)
		return coverage_seeded_never(n);
	return n + 1;
}

unsigned long coverage_seeded_never(unsigned long n)
{
	return 3 * n;
}

static int run_seeded(void)
{
	return coverage_seeded_runs(1) == 2 ? 0 : -1;
}
INITCALL(INIT_CORE, run_seeded);
