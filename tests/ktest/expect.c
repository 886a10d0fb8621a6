// SPDX-License-Identifier: MIT
/*
 * tests/ktest/expect.c - compare, and say so when it does not hold
 *
 * Problem.  A failed expectation must tell what was expected and what was
 * found, from any context, also from three threads at once, without mixing
 * their lines.
 *
 * Idea.  The site (file, line, both expressions as text) is a constant made by
 * the macro; here the values are compared and, on failure, one text of several
 * lines is written to the console in one piece.
 *
 * The only shared state is test->failures, an atomic.
 *
 * Not here: deciding what a failure means for the run (runner.c).
 */
#include <lib/string.h>
#include <lib/printk.h>

#include "ktest_private.h"

static const char *const op_text[] = {
	[KTEST_OP_TRUE] = "",   [KTEST_OP_EQ] = " == ",
	[KTEST_OP_NE] = " != ", [KTEST_OP_LT] = " < ",
	[KTEST_OP_LE] = " <= ", [KTEST_OP_GT] = " > ",
	[KTEST_OP_GE] = " >= ", [KTEST_OP_STREQ] = " is the text ",
};

static void write_text(char *text, size_t len)
{
	if (len >= KTEST_LINE - 1) {
		len = KTEST_LINE - 1;
		text[len - 1] = '\n';
	}
	console_raw_write(text, len);
}

void ktest_print(const char *fmt, ...)
{
	char text[KTEST_LINE];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	write_text(text, len);
}

void ktest_note(const char *fmt, ...)
{
	char text[KTEST_LINE] = "# ";
	va_list args;
	int len;

	va_start(args, fmt);
	len = 2 + vscnprintf(text + 2, sizeof(text) - 3, fmt, args);
	va_end(args);
	text[len++] = '\n';
	write_text(text, len);
}

void ktest_fail(struct ktest *test, const char *fmt, ...)
{
	char text[KTEST_LINE];
	va_list args;

	atomic_inc(&test->failures);
	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ktest_print("# FAIL %s.%s: %s\n", test->tcase->suite, test->tcase->name,
		    text);
}

static bool strings_equal(const char *left, const char *right)
{
	if (!left || !right)
		return left == right;
	return strcmp(left, right) == 0;
}

bool ktest_holds(const struct ktest_site *site, unsigned long left,
		 unsigned long right)
{
	long sleft = (long)left;
	long sright = (long)right;

	switch (site->op) {
	case KTEST_OP_TRUE:
		return left != 0;
	case KTEST_OP_EQ:
		return left == right;
	case KTEST_OP_NE:
		return left != right;
	case KTEST_OP_LT:
		return site->is_signed ? sleft < sright : left < right;
	case KTEST_OP_LE:
		return site->is_signed ? sleft <= sright : left <= right;
	case KTEST_OP_GT:
		return site->is_signed ? sleft > sright : left > right;
	case KTEST_OP_GE:
		return site->is_signed ? sleft >= sright : left >= right;
	case KTEST_OP_STREQ:
		return strings_equal((const char *)left, (const char *)right);
	}
	return false;
}

/* A number written in the source says its own value. */
static bool is_literal(const char *expr)
{
	if (*expr == '-')
		expr++;
	return (*expr >= '0' && *expr <= '9') || *expr == '"' ||
	       (*expr == 'E' && expr[1] >= 'A' && expr[1] <= 'Z');
}

static size_t append_value(char *text, size_t size, const struct ktest_site *site,
			   const char *expr, unsigned long value)
{
	long number = (long)value;

	if (is_literal(expr))
		return 0;
	if (site->op == KTEST_OP_STREQ)
		return scnprintf(text, size, "#   %s = \"%.100s\"\n", expr,
				 value ? (const char *)value : "(null)");
	if (number < 0 && number > -4096)
		return scnprintf(text, size, "#   %s = %ld (%pE)\n", expr,
				 number, (void *)value);
	if (value < 65536)
		return scnprintf(text, size, "#   %s = %lu\n", expr, value);
	return scnprintf(text, size, "#   %s = %lu (%#lx)\n", expr, value, value);
}

static size_t append_reason(char *text, size_t size, const char *why, va_list args)
{
	size_t len;

	/* The macros put a blank before the reason; alone it is no reason. */
	if (!why[1])
		return 0;
	len = scnprintf(text, size, "#   reason:");
	len += vscnprintf(text + len, size - len, why, args);
	return len + scnprintf(text + len, size - len, "\n");
}

bool ktest_report(struct ktest *test, const struct ktest_site *site,
		  unsigned long left, unsigned long right, const char *why, ...)
{
	char text[KTEST_LINE];
	va_list args;
	size_t len;

	atomic_inc(&test->failures);
	len = scnprintf(text, sizeof(text), "# FAIL %s:%u expected %s%s%s\n",
			site->file, site->line, site->left, op_text[site->op],
			site->right);
	if (site->op != KTEST_OP_TRUE) {
		len += append_value(text + len, sizeof(text) - len, site,
				    site->left, left);
		len += append_value(text + len, sizeof(text) - len, site,
				    site->right, right);
	}
	va_start(args, why);
	len += append_reason(text + len, sizeof(text) - len, why, args);
	va_end(args);
	write_text(text, len);
	return false;
}
