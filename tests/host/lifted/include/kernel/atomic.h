/* SPDX-License-Identifier: MIT */
/* <kernel/atomic.h> as the core asks for it: see tiny.h, where all of it is. */
#ifndef LIFTED_KERNEL_ATOMIC_H
#define LIFTED_KERNEL_ATOMIC_H

#include <tiny.h>

#endif
