/* SPDX-License-Identifier: MIT */
/*
 * printk.h - messages, with a level, to every console
 */
#ifndef LIB_PRINTK_H
#define LIB_PRINTK_H

#include <stdarg.h>
#include <lib/compiler.h>

enum log_level {
	LOG_EMERG,
	LOG_ERR,
	LOG_WARN,
	LOG_NOTICE,
	LOG_INFO,
	LOG_DEBUG,
};

/**
 * printk() - say something
 * @level: how grave; consoles show what is at or below their threshold
 * @fmt: see <lib/string.h>; a whole line, the newline may be left out
 *
 * The text goes into a ring and from there to the consoles.  In NMI context,
 * or when another CPU is writing to the consoles, it stays in the ring until
 * the console's owner comes by.
 *
 * Context: any.
 */
void printk(enum log_level level, const char *fmt, ...) __printf(2, 3);
void vprintk(enum log_level level, const char *fmt, va_list args) __printf(2, 0);

#define pr_emerg(...)  printk(LOG_EMERG, __VA_ARGS__)
#define pr_err(...)    printk(LOG_ERR, __VA_ARGS__)
#define pr_warn(...)   printk(LOG_WARN, __VA_ARGS__)
#define pr_notice(...) printk(LOG_NOTICE, __VA_ARGS__)
#define pr_info(...)   printk(LOG_INFO, __VA_ARGS__)
#define pr_debug(...)  printk(LOG_DEBUG, __VA_ARGS__)

/**
 * struct console - where messages go
 * @name: for the log
 * @write: put @len bytes out, waiting as long as that takes; called with
 *	   interrupts off, and from any context at all during a panic
 * @next: list of consoles, printk's own
 */
struct console {
	const char *name;
	void (*write)(struct console *con, const char *buf, size_t len);
	struct console *next;
};

/**
 * register_console() - add a console, and show it what was logged so far
 *
 * Context: any but NMI.  There is no unregister.
 */
void register_console(struct console *con);

/**
 * console_raw_write() - put bytes on every console, past the log
 *
 * For test reports and panics: no prefix, no level, no copy in the ring.
 * Messages waiting in the ring are written first, so that the order holds.
 *
 * Context: any.
 */
void console_raw_write(const char *buf, size_t len);

/** console_set_level() - show messages up to @level; the default is INFO */
void console_set_level(enum log_level level);

/** console_flush() - write what the ring still holds; any context but NMI */
void console_flush(void);

/**
 * console_panic() - from now on this CPU owns the consoles, even if another did
 *
 * Context: any; called once by panic().
 */
void console_panic(void);

/*
 * For tests/lib/printk_test.c: called by a writer that has taken a number and
 * not filled its slot.  NULL but in one test, which sets it back.
 */
extern void (*printk_numbered_hook)(void);

#endif
