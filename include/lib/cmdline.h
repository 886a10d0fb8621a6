/* SPDX-License-Identifier: MIT */
/*
 * cmdline.h - the words `key=value` the boot loader handed over
 *
 * A key exists when a part registers it; a word with any other key stops
 * the boot with a message that lists what there is, because a mistyped option
 * that is silently ignored costs more than a boot.
 */
#ifndef LIB_CMDLINE_H
#define LIB_CMDLINE_H

#include <lib/compiler.h>

/**
 * struct cmdline_key - a word the kernel understands
 * @name: left of the equals sign
 * @help: one line on what it means
 */
struct cmdline_key {
	const char *name;
	const char *help;
};

#define CMDLINE_KEY(key, text)                                 \
	static const struct cmdline_key __unique(cmdline_key_) \
	__used __aligned(8)                                    \
		__section(".cmdline_key") = {.name = (key), .help = (text)}

extern const struct cmdline_key __cmdline_key_start[], __cmdline_key_end[];

#define CMDLINE_MAX_WORDS 32

struct cmdline_word {
	const char *key;
	const char *value; /* "" for a word without `=` */
};

/**
 * cmdline_split() - cut a line into words, in place
 * @line: changed: the words point into it
 * @out: filled
 * @max: room in @out
 *
 * Context: any; a pure function.
 * Return: number of words; -E2BIG when there are more than @max, -EINVAL when
 * a quote is not closed.
 */
int cmdline_split(char *line, struct cmdline_word *out, int max);

/**
 * cmdline_parse() - keep the boot command line; refuse the boot if it is wrong
 * @line: as the loader gave it
 *
 * Context: kernel_main(), once.
 */
void cmdline_parse(const char *line);

/**
 * cmdline_get() - value of a registered key
 *
 * Context: any, after kernel_main() parsed the line.
 * Return: the text right of `=`, "" for a word without one, NULL if absent.
 */
const char *cmdline_get(const char *key);

/**
 * cmdline_get_u64() - number of a registered key
 * @key: which
 * @fallback: what @value becomes when the key is absent
 * @value: the result
 *
 * Return: 0; -EINVAL or -ERANGE, with @value untouched, when the text is not
 * such a number.
 */
int cmdline_get_u64(const char *key, u64 fallback, u64 *value);

#endif
