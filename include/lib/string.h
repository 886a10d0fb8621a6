/* SPDX-License-Identifier: MIT */
/*
 * string.h - memory, strings, formatted text, numbers from text, globs
 *
 * The formats of vsnprintf(): the C flags, width and precision with d i u x X
 * o c s p %, lengths hh h l ll z t, and behind %p a letter:
 *	%pS	a code address as symbol+0xoffset
 *	%pE	an errno given as (void *)(long)err, by name
 * There is no %n and no floating point.
 */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <stdarg.h>
#include <lib/compiler.h>

/* Code that the memory checker checks calls its forms of these (mm/kasan/access.c). */
#ifdef __SANITIZE_ADDRESS__
#define CHECKED(name) __asm__("kasan_" #name)
#else
#define CHECKED(name)
#endif
void *memcpy(void *dst, const void *src, size_t n) CHECKED(memcpy);
void *memmove(void *dst, const void *src, size_t n) CHECKED(memmove);
void *memset(void *dst, int byte, size_t n) CHECKED(memset);
int memcmp(const void *a, const void *b, size_t n) CHECKED(memcmp);
/** memchr_inv() - first byte of @p that is not @byte, NULL when all are */
void *memchr_inv(const void *p, int byte, size_t n) CHECKED(memchr_inv);
#undef CHECKED

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *text, const char *word);

/**
 * strscpy() - copy a string into a buffer of @size bytes
 *
 * The result ends in a zero byte whenever @size is not 0.
 *
 * Return: the length copied, or -E2BIG when @src did not fit (it is cut).
 */
ssize_t strscpy(char *dst, const char *src, size_t size);

/**
 * vsnprintf() - format into a buffer
 * @buf: where to; may be NULL when @size is 0
 * @size: bytes at @buf; a terminating zero is always written when not 0
 *
 * Context: any.
 * Return: the length the whole text has, which may exceed @size - 1.
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
	__printf(3, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/** scnprintf() - as snprintf(); returns the length really written */
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
	__printf(3, 0);

/**
 * kstrtoul() - a whole string to a number
 * @s: digits with an optional 0x (base 0: also leading 0 for octal)
 * @base: 0, or 2 to 36
 * @out: written only on success
 *
 * Return: 0, -EINVAL when @s is not a number and nothing else, -ERANGE when
 * it does not fit.
 */
int kstrtoul(const char *s, unsigned int base, unsigned long *out);

/**
 * glob_match() - does a list of shell patterns choose the whole of @str?
 * @patterns: patterns separated by commas; `-` before a pattern excludes
 * @str: the text
 *
 * `*` any run, `?` any character, `[a-z]` and `[!a-z]` a class, `\c` the
 * character c.
 *
 * Context: any; a pure function.
 * Return: true when a pattern matches and no exclusion does. When every
 *         pattern is an exclusion, true when none matches.
 */
bool glob_match(const char *patterns, const char *str);

#endif
