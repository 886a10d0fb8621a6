// SPDX-License-Identifier: MIT
/*
 * tests/host/host.c - what the host programs share: mm, warnings, TAP
 *
 * Problem.  The core wants an address space and a place to report to; a test
 * wants to print results that scripts/run-tests.py reads.
 *
 * Idea.  An mm is a lock, two counts and the core's three fields. A warning is
 * counted and printed, and a test that did not expect it fails. An alarm ends a
 * program that hangs.
 *
 * Locks: the counters are atomic. Not here: the tests.
 */
#include <errno.h>
#include <stdarg.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "host.h"

/* Far longer than any of them takes, on a busy host and with a sanitizer. */
#define RUN_LIMIT_S 600

int host_fence;

static unsigned int warnings;
static unsigned int tests_run, tests_failed;
static bool length_asked; /* the user set how long it runs: no alarm */

unsigned int warn_count(void)
{
	return __atomic_load_n(&warnings, __ATOMIC_RELAXED);
}

void host_warn(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	__atomic_fetch_add(&warnings, 1, __ATOMIC_RELAXED);
	va_start(args, fmt);
	printf("# WARN %s:%d ", file, line);
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	/* What it warns of may end the program before stdout is written. */
	fflush(stdout);
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("Bail out! panic: ");
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	abort();
}

struct mm_struct *host_mm_alloc(void)
{
	struct mm_struct *mm = calloc(1, sizeof(*mm));
	pthread_rwlockattr_t attr;

	if (!mm)
		panic("out of memory");
	mm->mm_users.counter = 1;
	mm->mm_count.counter = 1;
	/* Later readers do not pass a writer: the bound of R4.24 rests on it. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(
		&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&mm->mmap_lock.lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	mmu_notifier_subscriptions_init(mm);
	return mm;
}

void host_mm_exit(struct mm_struct *mm)
{
	(void)atomic_dec_and_test(&mm->mm_users);
	mmu_notifier_release(mm);
}

void host_mm_free(struct mm_struct *mm)
{
	mmu_notifier_subscriptions_destroy(mm);
	pthread_rwlock_destroy(&mm->mmap_lock.lock);
	free(mm);
}

/* The thread that it interrupts may hold the lock of stdout: no stdio here. */
static void hung(int signal)
{
	static const char said[] = "Bail out! ", why[] = " hangs\n";
	const char *name = program_invocation_short_name;

	(void)!write(STDOUT_FILENO, said, sizeof(said) - 1);
	(void)!write(STDOUT_FILENO, name, strlen(name));
	(void)!write(STDOUT_FILENO, why, sizeof(why) - 1);
	_exit(3);
}

void host_plan(unsigned int tests)
{
	signal(SIGALRM, hung);
	if (!length_asked)
		alarm(RUN_LIMIT_S);
	printf("TAP version 13\n1..%u\n", tests);
	fflush(stdout);
}

void host_result(bool ok, const char *name)
{
	tests_run++;
	tests_failed += !ok;
	printf("%s %u %s\n", ok ? "ok" : "not ok", tests_run, name);
	fflush(stdout);
}

int host_verdict(void)
{
	return tests_failed != 0;
}

/* Report bad input: a run of another length would only look right. */
static unsigned long number(const char *name, const char *text)
{
	unsigned long value;
	char *end;

	length_asked |= !strcmp(name, "OPS") || !strcmp(name, "ROUNDS");
	errno = 0;
	value = strtoul(text, &end, 0);
	if (errno || *end || *text < '0' || *text > '9') {
		printf("Bail out! %s=%s is not a number\n", name, text);
		exit(2);
	}
	return value;
}

unsigned long host_option(int argc, char **argv, const char *name,
			  unsigned long otherwise)
{
	size_t len = strlen(name);
	const char *value;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strncmp(argv[i], name, len) && argv[i][len] == '=')
			return number(name, argv[i] + len + 1);
	}
	value = getenv(name);
	return value && *value ? number(name, value) : otherwise;
}
