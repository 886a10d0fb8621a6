// SPDX-License-Identifier: MIT
/*
 * peer/util.c - logging, time and short waits
 *
 * A log line is built in one buffer and written by one write(), so that threads
 * do not tear each other's lines; a line too long is cut. No thread waits for
 * the reader of the log: a line that stderr does not take at once is dropped. A
 * pipe that polls as writable takes a line whole, and log_lock keeps the other
 * threads from filling it in between.
 */
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

enum log_level log_limit = LOG_NOTICE;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static void log_write(const char *line, size_t len)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	ssize_t written = 0;

	pthread_mutex_lock(&log_lock);
	if (poll(&p, 1, 0) == 1 && p.revents & POLLOUT)
		written = write(STDERR_FILENO, line, len);
	pthread_mutex_unlock(&log_lock);
	/* The reader may be gone; then the line is, too. */
	(void)written;
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[512] = "concord-peer: ";
	const int prefix = 14;
	va_list args;
	int len;

	if (level > log_limit)
		return;
	va_start(args, format);
	len = vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, args);
	va_end(args);
	if (len < 0)
		return;
	len += prefix;
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	log_write(line, (size_t)len);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("" ::: "memory");
#endif
}

void spin_ns(uint64_t ns)
{
	uint64_t end;

	if (!ns)
		return;
	end = now_ns() + ns;
	while (now_ns() < end)
		relax();
}

void wait_ns(uint64_t ns)
{
	const uint64_t shortest_sleep = 1000000;
	const struct timespec ts = {
		.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u),
	};

	if (ns >= shortest_sleep)
		while (nanosleep(&ts, NULL))
			;
	else
		spin_ns(ns);
}
