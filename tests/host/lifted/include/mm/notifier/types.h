/* SPDX-License-Identifier: MIT */
/* <mm/notifier/types.h> as the core asks for it: see tiny.h, where all of it is. */
#ifndef LIFTED_MM_NOTIFIER_TYPES_H
#define LIFTED_MM_NOTIFIER_TYPES_H

#include <tiny.h>

#endif
