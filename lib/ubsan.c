// SPDX-License-Identifier: MIT
/*
 * lib/ubsan.c - what the compiler calls when behaviour is undefined
 *
 * Test builds are compiled with -fsanitize=undefined.  Every check that fails
 * calls one of these functions with a description that begins with the place
 * in the source; the layouts are those that gcc and clang agree on.  A report
 * is one line and a stack; each place reports once (its column is taken away,
 * as a mark), and all are counted, which fails the test run.
 *
 * The release build links this file too: nothing calls it there, and the
 * linker map shows a few hundred bytes.
 */
#include <lib/atomic.h>
#include <lib/compiler.h>
#include <lib/printk.h>
#include <lib/stack.h>
#include <lib/ubsan.h>

struct ubsan_place {
	const char *file;
	u32 line;
	u32 column;
};

struct ubsan_type {
	u16 kind; /* 0 integer, 1 float, 0xffff unknown */
	u16 info; /* integer: bit 0 signed, the rest log2 of the width */
	char name[];
};

#define REPORTED (~0U)

static atomic_t reports;

unsigned int ubsan_report_count(void)
{
	return (unsigned int)atomic_read(&reports);
}

static void report(struct ubsan_place *place, const char *what,
		   const char *detail, unsigned long a, unsigned long b)
{
	atomic_inc(&reports);
	if (xchg(&place->column, REPORTED) == REPORTED)
		return;
	pr_err("UBSAN: %s in %s:%u%s%s (%#lx, %#lx)", what, place->file,
	       place->line, detail ? ", type " : "", detail ? detail : "", a, b);
	print_stack(LOG_ERR, 2);
}

/* Descriptions: a place, then types where the check has some. */
struct ubsan_one_type {
	struct ubsan_place place;
	struct ubsan_type *type;
};

struct ubsan_two_types {
	struct ubsan_place place;
	struct ubsan_type *left;
	struct ubsan_type *right;
};

struct ubsan_mismatch {
	struct ubsan_place place;
	struct ubsan_type *type;
	u8 log_alignment;
	u8 access;
};

struct ubsan_only_place {
	struct ubsan_place place;
};

#define HANDLER(name, ...)                       \
	void __ubsan_handle_##name(__VA_ARGS__); \
	void __ubsan_handle_##name(__VA_ARGS__)

HANDLER(add_overflow, struct ubsan_one_type *d, unsigned long a, unsigned long b)
{
	report(&d->place, "addition overflows", d->type->name, a, b);
}

HANDLER(sub_overflow, struct ubsan_one_type *d, unsigned long a, unsigned long b)
{
	report(&d->place, "subtraction overflows", d->type->name, a, b);
}

HANDLER(mul_overflow, struct ubsan_one_type *d, unsigned long a, unsigned long b)
{
	report(&d->place, "multiplication overflows", d->type->name, a, b);
}

HANDLER(negate_overflow, struct ubsan_one_type *d, unsigned long a)
{
	report(&d->place, "negation overflows", d->type->name, a, 0);
}

HANDLER(divrem_overflow, struct ubsan_one_type *d, unsigned long a,
	unsigned long b)
{
	report(&d->place, "division overflows or by zero", d->type->name, a, b);
}

HANDLER(shift_out_of_bounds, struct ubsan_two_types *d, unsigned long a,
	unsigned long b)
{
	report(&d->place, "shift out of bounds", d->left->name, a, b);
}

HANDLER(out_of_bounds, struct ubsan_two_types *d, unsigned long index)
{
	report(&d->place, "index out of bounds", d->left->name, index, 0);
}

HANDLER(load_invalid_value, struct ubsan_one_type *d, unsigned long value)
{
	report(&d->place, "load of an invalid value", d->type->name, value, 0);
}

HANDLER(vla_bound_not_positive, struct ubsan_one_type *d, unsigned long bound)
{
	report(&d->place, "array bound not positive", d->type->name, bound, 0);
}

HANDLER(pointer_overflow, struct ubsan_only_place *d, unsigned long base,
	unsigned long result)
{
	report(&d->place, "pointer overflows", NULL, base, result);
}

HANDLER(type_mismatch_v1, struct ubsan_mismatch *d, unsigned long ptr)
{
	report(&d->place,
	       ptr ? "misaligned or short object" : "null pointer used",
	       d->type->name, ptr, 1UL << d->log_alignment);
}

HANDLER(function_type_mismatch, struct ubsan_one_type *d, unsigned long fn)
{
	report(&d->place, "call through a wrong type", d->type->name, fn, 0);
}

HANDLER(nonnull_arg, struct ubsan_only_place *d)
{
	report(&d->place, "null passed where forbidden", NULL, 0, 0);
}

HANDLER(nonnull_return_v1, struct ubsan_only_place *d, struct ubsan_place *where)
{
	report(where, "null returned where forbidden", NULL, 0, 0);
}

HANDLER(invalid_builtin, struct ubsan_only_place *d)
{
	report(&d->place, "zero passed to a bit count", NULL, 0, 0);
}

HANDLER(alignment_assumption, struct ubsan_only_place *d, unsigned long ptr,
	unsigned long alignment, unsigned long offset)
{
	report(&d->place, "alignment not as assumed", NULL, ptr, alignment);
}

HANDLER(builtin_unreachable, struct ubsan_only_place *d)
{
	report(&d->place, "unreachable code reached", NULL, 0, 0);
}

HANDLER(missing_return, struct ubsan_only_place *d)
{
	report(&d->place, "function ends without a value", NULL, 0, 0);
}
