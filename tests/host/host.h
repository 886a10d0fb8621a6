/* SPDX-License-Identifier: MIT */
/*
 * tests/host/host.h - what the host programs share
 */
#ifndef TESTS_HOST_HOST_H
#define TESTS_HOST_HOST_H

#include <notifier_host.h>
#include <lib/random.h>
#include <mm/notifier/mmu_notifier.h>

/** host_mm_alloc() - an mm with one user */
struct mm_struct *host_mm_alloc(void);
/** host_mm_exit() - its last user leaves: subscribers are released */
void host_mm_exit(struct mm_struct *mm);

/**
 * host_plan() - print the head of the TAP output; from here on an alarm ends a hang
 *
 * After the options were read: a run of a given OPS or ROUNDS has no alarm.
 */
void host_plan(unsigned int tests);
/** host_result() - print one result */
void host_result(bool ok, const char *name);
/** host_verdict() - the program's exit status */
int host_verdict(void);

/**
 * host_option() - NAME=number from the command line, or the environment
 * @otherwise: when neither has it
 */
unsigned long host_option(int argc, char **argv, const char *name,
			  unsigned long otherwise);

#endif
