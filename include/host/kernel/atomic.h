/* SPDX-License-Identifier: MIT */
/* <kernel/atomic.h> on the host: see notifier_host.h, where all of it is. */
#ifndef HOST_KERNEL_ATOMIC_H
#define HOST_KERNEL_ATOMIC_H

#include <notifier_host.h>

#endif
