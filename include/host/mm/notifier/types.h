/* SPDX-License-Identifier: MIT */
/* <mm/notifier/types.h> on the host: see notifier_host.h, where all of it is. */
#ifndef HOST_MM_NOTIFIER_TYPES_H
#define HOST_MM_NOTIFIER_TYPES_H

#include <notifier_host.h>

#endif
