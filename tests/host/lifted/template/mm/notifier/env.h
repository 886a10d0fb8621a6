/* SPDX-License-Identifier: MIT */
/* <mm/notifier/env.h> of the template: see notifier_template.h. */
#ifndef TEMPLATE_MM_NOTIFIER_ENV_H
#define TEMPLATE_MM_NOTIFIER_ENV_H

#include <notifier_template.h>

#endif
