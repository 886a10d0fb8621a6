// SPDX-License-Identifier: MIT
/*
 * mm/notifier/off.c - all that a kernel without the notifiers has of them
 *
 * Problem.  A file that is compiled without the option, and linked with a core that was
 * compiled with it, would change mappings and notify no device.
 *
 * Idea.  Where the option is off, include/mm/notifier/off.h makes each file refer to the
 * name below, in a section that is not loaded. Only this file defines it, and only a
 * kernel without the notifiers has this file. So the mismatch does not link, and the name
 * says why.
 */
#include <mm/notifier/mmu_notifier.h>

const char without_mmu_notifier;
