/* SPDX-License-Identifier: MIT */
/* <mm/notifier/types.h> of the template: see notifier_template.h. */
#ifndef TEMPLATE_MM_NOTIFIER_TYPES_H
#define TEMPLATE_MM_NOTIFIER_TYPES_H

#include <notifier_template.h>

#endif
