/* SPDX-License-Identifier: MIT */
/* <mm/notifier/env.h> as the core asks for it: see tiny.h, where all of it is. */
#ifndef LIFTED_MM_NOTIFIER_ENV_H
#define LIFTED_MM_NOTIFIER_ENV_H

#include <tiny.h>

#endif
