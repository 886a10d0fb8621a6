// SPDX-License-Identifier: MIT
/*
 * mm/kasan/globals.c - gaps behind the variables of the image
 *
 * Problem.  The linker puts variables side by side, so an overflow of one is a write to
 * the next.
 *
 * Idea.  The compiler pads each variable and makes a table of them for each source file,
 * and a constructor that hands the table to __asan_register_globals().  The linker
 * gathers the constructors (linker.ld); kasan_start() runs them, and the padding is
 * marked.
 *
 *	| variable, size bytes | padding |  next variable
 *	|<--------- size_with_padding -->|
 *
 * Variables with a section of their own, such as the linker's tables and per-CPU
 * variables, get no padding.
 *
 *	field		written by
 *	tables		the boot CPU, once; constant afterwards
 */
#include <lib/assert.h>
#include <lib/string.h>

#include "mm/kasan/internal.h"

#define TABLES_MAX 1024u

/* As gcc lays it out. */
struct kasan_global {
	vaddr_t start;
	size_t size;
	size_t size_with_padding;
	const char *name;
	const char *file;
	unsigned long unused[3];
};

static struct {
	const struct kasan_global *global;
	size_t nr;
} tables[TABLES_MAX];

static unsigned int nr_tables;

typedef void constructor_t(void);
extern constructor_t *const __constructors_start[], *const __constructors_end[];

KASAN_ENTRY(void, __asan_register_globals, void *table, size_t nr)
{
	const struct kasan_global *global = table;

	ASSERT(nr_tables < TABLES_MAX);
	tables[nr_tables].global = global;
	tables[nr_tables++].nr = nr;
	for (size_t i = 0; i < nr; i++)
		kasan_tail((void *)global[i].start, global[i].size,
			   global[i].size_with_padding, KASAN_GLOBAL);
}

/* Constructors come with destructors; the image is never unloaded. */
KASAN_ENTRY(void, __asan_unregister_globals, void *table, size_t nr)
{
}

bool kasan_describe_global(vaddr_t bad, char *buf, size_t len)
{
	for (unsigned int t = 0; t < nr_tables; t++) {
		for (size_t i = 0; i < tables[t].nr; i++) {
			const struct kasan_global *global = &tables[t].global[i];

			if (bad - global->start >= global->size_with_padding)
				continue;
			scnprintf(buf, len,
				  "%lu bytes past the end of %s, %zu "
				  "bytes, of %s",
				  bad - global->start - global->size,
				  global->name, global->size, global->file);
			return true;
		}
	}
	return false;
}

void kasan_globals_start(void)
{
	constructor_t *const *constructor;

	for (constructor = __constructors_start;
	     constructor < __constructors_end; constructor++)
		(*constructor)();
}
