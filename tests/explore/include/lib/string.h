/* SPDX-License-Identifier: MIT */
/* lib/string.h under the explorer: the host's sanitizer has its own memset() and kin */
#ifndef EXPLORE_LIB_STRING_H
#define EXPLORE_LIB_STRING_H

#pragma push_macro("__SANITIZE_ADDRESS__")
#undef __SANITIZE_ADDRESS__
#include "include/lib/string.h"
#pragma pop_macro("__SANITIZE_ADDRESS__")

#endif
