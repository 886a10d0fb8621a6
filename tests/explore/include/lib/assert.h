/* SPDX-License-Identifier: MIT */
/* lib/assert.h under the explorer: assertions are on, though checks of debug builds are not */
#ifndef EXPLORE_LIB_ASSERT_H
#define EXPLORE_LIB_ASSERT_H

#include "include/lib/assert.h"

#undef ASSERT
#define ASSERT(cond)                                                        \
	do {                                                                \
		if (unlikely(!(cond)))                                      \
			assert_failed(#cond, __FILE__, __LINE__, __func__); \
	} while (0)

#endif
