/* SPDX-License-Identifier: MIT */
/* lib/init.h under the explorer: the boot is over before main() begins */
#ifndef LIB_INIT_H
#define LIB_INIT_H

#include <lib/compiler.h>

#define INITCALL(level, fn)                                             \
	static void __attribute__((constructor)) explore_run_##fn(void) \
	{                                                               \
		(void)fn();                                             \
	}                                                               \
	struct explore_no_initcall

#endif
