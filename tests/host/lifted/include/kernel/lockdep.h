/* SPDX-License-Identifier: MIT */
/* <kernel/lockdep.h> as the core asks for it: see tiny.h, where all of it is. */
#ifndef LIFTED_KERNEL_LOCKDEP_H
#define LIFTED_KERNEL_LOCKDEP_H

#include <tiny.h>

#endif
