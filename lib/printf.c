// SPDX-License-Identifier: MIT
/*
 * lib/printf.c - formatted text
 *
 * One pass over the format; each conversion is parsed into a struct spec and
 * put into the sink, which counts what would have been written and writes
 * what fits.  Nothing is allocated and no state is global, so it works in any
 * context.  The formats are listed in <lib/string.h>.
 */
#include <lib/string.h>
#include <lib/errno.h>
#include <lib/symbols.h>

struct sink {
	char *buf;
	size_t size;
	size_t len;
};

enum spec_flag {
	SPEC_LEFT = 1 << 0,
	SPEC_PLUS = 1 << 1,
	SPEC_SPACE = 1 << 2,
	SPEC_ALT = 1 << 3,
	SPEC_ZERO = 1 << 4,
	SPEC_UPPER = 1 << 5,
	SPEC_SIGNED = 1 << 6,
};

struct spec {
	unsigned int flags;
	int width;
	int precision; /* -1: none given */
	int length;    /* bytes of the argument */
	unsigned int base;
};

static void put(struct sink *sink, char c)
{
	if (sink->len < sink->size)
		sink->buf[sink->len] = c;
	sink->len++;
}

static void pad(struct sink *sink, char c, int n)
{
	while (n-- > 0)
		put(sink, c);
}

static void put_string(struct sink *sink, const struct spec *spec, const char *s)
{
	size_t max = spec->precision < 0 ? ~0UL : (size_t)spec->precision;
	int len, i;

	if (!s)
		s = "(null)";
	len = (int)strnlen(s, max);
	if (!(spec->flags & SPEC_LEFT))
		pad(sink, ' ', spec->width - len);
	for (i = 0; i < len; i++)
		put(sink, s[i]); /* analyser: strnlen() has read it */
	if (spec->flags & SPEC_LEFT)
		pad(sink, ' ', spec->width - len);
}

/* The text before the digits: a sign, or the mark of the base. */
static const char *number_prefix(const struct spec *spec, bool negative, bool zero)
{
	if (negative)
		return "-";
	if (spec->flags & SPEC_SIGNED) {
		if (spec->flags & SPEC_PLUS)
			return "+";
		return spec->flags & SPEC_SPACE ? " " : "";
	}
	if (!(spec->flags & SPEC_ALT) || zero || spec->base == 10)
		return "";
	if (spec->base == 8)
		return "0";
	return spec->flags & SPEC_UPPER ? "0X" : "0x";
}

static void put_number(struct sink *sink, const struct spec *spec, u64 value)
{
	const char *digits = spec->flags & SPEC_UPPER ? "0123456789ABCDEF"
						      : "0123456789abcdef";
	bool negative = (spec->flags & SPEC_SIGNED) && (s64)value < 0;
	const char *prefix = number_prefix(spec, negative, value == 0);
	char text[24];
	int n = 0, zeros, blanks;

	if (negative)
		value = 0 - value;
	for (; value; value /= spec->base)
		text[n++] = digits[value % spec->base];
	if (!n && spec->precision != 0)
		text[n++] = '0';
	zeros = spec->precision - n;
	if (spec->precision < 0 &&
	    (spec->flags & (SPEC_ZERO | SPEC_LEFT)) == SPEC_ZERO)
		zeros = spec->width - n - (int)strlen(prefix);
	zeros = max(zeros, 0);
	blanks = spec->width - n - zeros - (int)strlen(prefix);

	if (!(spec->flags & SPEC_LEFT))
		pad(sink, ' ', blanks);
	while (*prefix)
		put(sink, *prefix++);
	pad(sink, '0', zeros);
	while (n)
		put(sink, text[--n]);
	if (spec->flags & SPEC_LEFT)
		pad(sink, ' ', blanks);
}

/* %p, %pS, %pE; returns how many letters after the p it used. */
static int put_pointer(struct sink *sink, struct spec *spec, char kind,
		       const void *ptr)
{
	char text[96];

	switch (kind) {
	case 'S':
		symbol_format(text, sizeof(text), (unsigned long)ptr);
		put_string(sink, spec, text);
		return 1;
	case 'E':
		put_string(sink, spec, errno_name((int)(long)ptr));
		return 1;
	default:
		spec->base = 16;
		spec->flags |= SPEC_ALT;
		if (!ptr)
			put_string(sink, spec, "(null)");
		else
			put_number(sink, spec, (u64)ptr);
		return 0;
	}
}

static u64 fetch_number(const struct spec *spec, va_list *args)
{
	if (spec->length == 8)
		return va_arg(*args, u64);
	if (spec->flags & SPEC_SIGNED) {
		int v = va_arg(*args, int);

		if (spec->length == 1)
			return (u64)(signed char)v;
		if (spec->length == 2)
			return (u64)(short)v;
		return (u64)v;
	} else {
		unsigned int v = va_arg(*args, unsigned int);

		if (spec->length == 1)
			return (u8)v;
		if (spec->length == 2)
			return (u16)v;
		return v;
	}
}

static const char *parse_int(const char *fmt, va_list *args, int *out)
{
	int value = 0;

	if (*fmt == '*') {
		*out = va_arg(*args, int);
		return fmt + 1;
	}
	for (; *fmt >= '0' && *fmt <= '9'; fmt++)
		value = min(value * 10 + (*fmt - '0'), 4096);
	*out = value;
	return fmt;
}

static const char *parse_flags(const char *fmt, struct spec *spec)
{
	for (;; fmt++) {
		switch (*fmt) {
		case '-':
			spec->flags |= SPEC_LEFT;
			break;
		case '+':
			spec->flags |= SPEC_PLUS;
			break;
		case ' ':
			spec->flags |= SPEC_SPACE;
			break;
		case '#':
			spec->flags |= SPEC_ALT;
			break;
		case '0':
			spec->flags |= SPEC_ZERO;
			break;
		default:
			return fmt;
		}
	}
}

static const char *parse_length(const char *fmt, struct spec *spec)
{
	switch (*fmt) {
	case 'h':
		spec->length = fmt[1] == 'h' ? 1 : 2;
		return fmt + (fmt[1] == 'h' ? 2 : 1);
	case 'l':
		spec->length = 8;
		return fmt + (fmt[1] == 'l' ? 2 : 1);
	case 'z':
	case 't':
		spec->length = 8;
		return fmt + 1;
	default:
		return fmt;
	}
}

/* Parses what follows a '%'; returns the conversion's letter. */
static const char *parse_spec(const char *fmt, struct spec *spec, va_list *args)
{
	*spec = (struct spec){.precision = -1, .length = 4, .base = 10};
	fmt = parse_flags(fmt, spec);
	fmt = parse_int(fmt, args, &spec->width);
	if (spec->width < 0) {
		spec->flags |= SPEC_LEFT;
		spec->width = -max(spec->width, -4096);
	}
	if (*fmt == '.')
		fmt = parse_int(fmt + 1, args, &spec->precision);
	return parse_length(fmt, spec);
}

/* Puts one conversion; returns the first character after it. */
static const char *convert(struct sink *sink, const char *fmt,
			   struct spec *spec, va_list *args)
{
	char one[2] = {0, 0};

	switch (*fmt) {
	case 'd':
	case 'i':
		spec->flags |= SPEC_SIGNED;
		break;
	case 'u':
		break;
	case 'X':
		spec->flags |= SPEC_UPPER;
		spec->base = 16;
		break;
	case 'x':
		spec->base = 16;
		break;
	case 'o':
		spec->base = 8;
		break;
	case 'c':
		one[0] = (char)va_arg(*args, int);
		if (!one[0])
			put(sink, '\0');
		else
			put_string(sink, spec, one);
		return fmt + 1;
	case 's':
		put_string(sink, spec, va_arg(*args, const char *));
		return fmt + 1;
	case 'p':
		return fmt + 1 +
		       put_pointer(sink, spec, fmt[1],
				   va_arg(*args, const void *));
	case '%':
		put(sink, '%');
		return fmt + 1;
	case '\0':
		return fmt;
	default:
		put(sink, '%');
		put(sink, *fmt);
		return fmt + 1;
	}
	put_number(sink, spec, fetch_number(spec, args));
	return fmt + 1;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct sink sink = {.buf = buf, .size = size};
	struct spec spec;
	va_list ap;

	va_copy(ap, args);
	while (*fmt) {
		if (*fmt != '%') {
			put(&sink, *fmt++);
			continue;
		}
		fmt = parse_spec(fmt + 1, &spec, &ap);
		fmt = convert(&sink, fmt, &spec, &ap);
	}
	va_end(ap);
	if (size)
		buf[min(sink.len, size - 1)] = '\0';
	return (int)sink.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	int len = vsnprintf(buf, size, fmt, args);

	if (!size)
		return 0;
	return min(len, (int)size - 1);
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}
