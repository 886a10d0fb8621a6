// SPDX-License-Identifier: MIT
/*
 * init.c - run what was registered with INITCALL()
 *
 * The linker sorts the entries by section name, .initcall.LEVEL.FUNCTION, so
 * a level is one run of the table and the order within it is that of names.
 * Nothing may rely on that order but what says so in its name.
 */
#include <lib/errno.h>
#include <lib/init.h>
#include <lib/printk.h>

void initcalls_run(unsigned int level)
{
	for (const struct initcall *c = __initcall_start; c < __initcall_end;
	     c++) {
		int err;

		if (c->level != level)
			continue;
		err = c->fn();
		if (err)
			pr_err("init: %s failed: %s", c->name, errno_name(err));
	}
}
