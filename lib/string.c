// SPDX-License-Identifier: MIT
/*
 * lib/string.c - strings, numbers from text, names of errors
 *
 * They are short and rarely hot.  Not here: blocks of memory (lib/memory.c), formatted
 * text (lib/printf.c).
 */
#include <lib/string.h>
#include <lib/errno.h>

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)last;
	}
}

char *strstr(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (;; text++) {
		if (!strncmp(text, word, n))
			return (char *)text;
		if (!*text)
			return NULL;
	}
}

ssize_t strscpy(char *dst, const char *src, size_t size)
{
	size_t n;

	if (!size)
		return -E2BIG;
	n = strnlen(src, size);
	if (n == size) {
		memcpy(dst, src, size - 1);
		dst[size - 1] = '\0';
		return -E2BIG;
	}
	memcpy(dst, src, n + 1);
	return (ssize_t)n;
}

static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'z')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'Z')
		return (unsigned int)(c - 'A') + 10;
	return ~0U;
}

int kstrtoul(const char *s, unsigned int base, unsigned long *out)
{
	unsigned long value = 0;

	if (base == 1 || base > 36)
		return -EINVAL;
	if ((base == 0 || base == 16) && s[0] == '0' &&
	    (s[1] == 'x' || s[1] == 'X')) {
		s += 2;
		base = 16;
	} else if (base == 0) {
		base = s[0] == '0' && s[1] ? 8 : 10;
	}
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		unsigned int digit = digit_value(*s);

		if (digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(value, (unsigned long)base, &value) ||
		    __builtin_add_overflow(value, (unsigned long)digit, &value))
			return -ERANGE;
	}
	*out = value;
	return 0;
}

static const struct {
	int err;
	const char *name;
} errno_names[] = {
#define NAME(e)       \
	{             \
		e, #e \
	}
	NAME(EPERM),     NAME(ENOENT),    NAME(ESRCH),        NAME(EINTR),
	NAME(EIO),       NAME(ENXIO),     NAME(E2BIG),        NAME(EBADF),
	NAME(EAGAIN),    NAME(ENOMEM),    NAME(EACCES),       NAME(EFAULT),
	NAME(EBUSY),     NAME(EEXIST),    NAME(ENODEV),       NAME(EINVAL),
	NAME(ENOSPC),    NAME(EROFS),     NAME(EPIPE),        NAME(EDOM),
	NAME(ERANGE),    NAME(EDEADLK),   NAME(ENAMETOOLONG), NAME(ENOSYS),
	NAME(ENODATA),   NAME(ETIME),     NAME(EPROTO),       NAME(EBADMSG),
	NAME(EOVERFLOW), NAME(EILSEQ),    NAME(EMSGSIZE),     NAME(EOPNOTSUPP),
	NAME(ESHUTDOWN), NAME(ETIMEDOUT), NAME(EALREADY),     NAME(EINPROGRESS),
	NAME(EREMOTEIO), NAME(ECANCELED), NAME(EOWNERDEAD),   NAME(EHWPOISON),
#undef NAME
};

const char *errno_name(int err)
{
	size_t i;

	if (!err)
		return "0";
	for (i = 0; i < ARRAY_SIZE(errno_names); i++)
		if (errno_names[i].err == err || errno_names[i].err == -err)
			return errno_names[i].name;
	return "E?";
}
