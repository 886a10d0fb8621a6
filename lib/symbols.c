// SPDX-License-Identifier: MIT
/*
 * lib/symbols.c - from a code address to a name
 *
 * The build makes the table after the first link (scripts/kallsyms): offsets
 * from KERNEL_VMA, sorted, each with the place of its name in one pool.  An
 * image without a table has a count of 0 and prints bare addresses.
 */
#include <lib/symbols.h>
#include <lib/string.h>

#define KERNEL_VMA 0xffffffff80000000UL

struct ksym {
	unsigned int off;
	unsigned int name;
};

extern const struct ksym ksyms[];
extern const unsigned int ksyms_count;
extern const char ksyms_names[];
extern char __text_start[], __text_end[];

const char *symbol_lookup(unsigned long addr, unsigned long *offset)
{
	unsigned int low = 0, high = ksyms_count;

	if (addr < (unsigned long)__text_start ||
	    addr >= (unsigned long)__text_end || !high ||
	    addr - KERNEL_VMA < ksyms[0].off)
		return NULL;
	/* ksyms[low] begins at or below addr, ksyms[high] above it. */
	while (high - low > 1) {
		unsigned int mid = low + (high - low) / 2;

		if (ksyms[mid].off <= addr - KERNEL_VMA)
			low = mid;
		else
			high = mid;
	}
	if (offset)
		*offset = addr - KERNEL_VMA - ksyms[low].off;
	return &ksyms_names[ksyms[low].name];
}

int symbol_format(char *buf, size_t size, unsigned long addr)
{
	unsigned long offset = 0;
	const char *name = symbol_lookup(addr, &offset);

	if (!name)
		return snprintf(buf, size, "%#lx", addr);
	return snprintf(buf, size, "%s+0x%lx", name, offset);
}
