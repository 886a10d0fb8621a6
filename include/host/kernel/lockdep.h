/* SPDX-License-Identifier: MIT */
/* <kernel/lockdep.h> on the host: see notifier_host.h, where all of it is. */
#ifndef HOST_KERNEL_LOCKDEP_H
#define HOST_KERNEL_LOCKDEP_H

#include <notifier_host.h>

#endif
