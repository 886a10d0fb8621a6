/* SPDX-License-Identifier: MIT */
/*
 * peer/util.h - logging, time and short waits
 */
#ifndef PEER_UTIL_H
#define PEER_UTIL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* How much is said on stderr. */
enum log_level {
	LOG_ERROR,  /* the process can not do what it was asked to */
	LOG_NOTICE, /* once per run or connection */
	LOG_DEBUG,  /* --verbose: refused requests, vhost-user messages */
};

/* Set once by main() before any thread exists. */
extern enum log_level log_limit;

/**
 * log_line() - one line to stderr, with the program's name before it
 *
 * Context: any thread; lines of several threads do not mix.
 */
void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** now_ns() - monotonic time in nanoseconds */
uint64_t now_ns(void);

/** relax() - tell the CPU that this is a spin loop */
void relax(void);

/** spin_ns() - busy-wait, for windows shorter than a sleep can be */
void spin_ns(uint64_t ns);

/** wait_ns() - wait at least that long, asleep unless it is too short for that */
void wait_ns(uint64_t ns);

#endif /* PEER_UTIL_H */
