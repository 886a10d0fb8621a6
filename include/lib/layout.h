/* SPDX-License-Identifier: MIT */
/*
 * layout.h - facts about structs for programs that read the guest's memory
 *
 * A script of the host that walks the kernel's lists and page tables needs offsets
 * and addresses, and has no debug information: the image that it is about may be
 * stripped, or the trace older than the sources. The file that owns a struct exports
 * what there is to know; the linker gathers it in one table (struct trace_header).
 */
#ifndef LIB_LAYOUT_H
#define LIB_LAYOUT_H

#include <lib/compiler.h>
#include <uapi/trace_ring.h>

#define LAYOUT_ENTRY(text, number)                                              \
	static const struct layout_entry __unique(layout_entry_)                \
	__used __aligned(8)                                                     \
		__section(".layout") = {.name = (text), .value = (number)};     \
	static_assert(sizeof(text) <= sizeof(((struct layout_entry *)0)->name), \
		      "the name of a layout entry is too long")

/** LAYOUT_OFFSET() - `type.member` is where that member begins */
#define LAYOUT_OFFSET(type, member) \
	LAYOUT_ENTRY(#type "." #member, __builtin_offsetof(struct type, member))
/** LAYOUT_SIZE() - `sizeof.type` */
#define LAYOUT_SIZE(type) LAYOUT_ENTRY("sizeof." #type, sizeof(struct type))
/** LAYOUT_ADDRESS() - where a variable is */
#define LAYOUT_ADDRESS(variable) \
	LAYOUT_ENTRY(#variable, (unsigned long)&(variable))

extern const struct layout_entry __layout_start[], __layout_end[];

#endif
