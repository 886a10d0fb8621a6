/* SPDX-License-Identifier: MIT */
/*
 * symbols.h - from a code address to a name
 */
#ifndef LIB_SYMBOLS_H
#define LIB_SYMBOLS_H

#include <lib/types.h>

/**
 * symbol_lookup() - the function that holds an address
 * @addr: a code address of the kernel image
 * @offset: gets the distance from the symbol; may be NULL
 *
 * Context: any.
 * Return: the name, which lives for ever, or NULL when there is none.
 */
const char *symbol_lookup(unsigned long addr, unsigned long *offset);

/**
 * symbol_format() - "name+0xoffset", or the bare address when not known
 *
 * Return: length as snprintf() has it.
 */
int symbol_format(char *buf, size_t size, unsigned long addr);

#endif
