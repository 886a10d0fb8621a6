/* SPDX-License-Identifier: MIT */
/*
 * mm/kasan/internal.h - between the files of the memory checker
 */
#ifndef MM_KASAN_INTERNAL_H
#define MM_KASAN_INTERNAL_H

#include <lib/kasan.h>
#include <lib/types.h>

#define KASAN_GRANULE 8ul

/* Only the compiler calls these. */
#define KASAN_ENTRY(type, name, ...) \
	type name(__VA_ARGS__);      \
	type name(__VA_ARGS__)

enum kasan_access {
	KASAN_READ,
	KASAN_WRITE,
	KASAN_FREE,
};

/* shadow.c */

/* Where the shadow of an address is; it need not be mapped. */
u8 *kasan_shadow_of(vaddr_t addr);

/* How many of @size bytes at @addr have a shadow; 0 before kasan_start(). */
size_t kasan_covered(vaddr_t addr, size_t size);

/* The first byte of a range that may not be used, or 0. */
vaddr_t kasan_first_bad(vaddr_t addr, size_t size);

/* Why a byte may not be used: the mark of its granule, or of the one behind it. */
u8 kasan_mark_of(vaddr_t bad);

/* report.c: @bad of the @size bytes at @addr may not be used; @by wants to. */
void kasan_report(vaddr_t addr, size_t size, vaddr_t bad,
		  enum kasan_access access, unsigned long by);

/* describe.c: what lies at an address, as words. */
void kasan_describe(vaddr_t bad, u8 mark, char *buf, size_t len);
/* The stacks that allocated and freed it; false: none are kept of such a thing. */
bool kasan_stacks_of(vaddr_t bad, struct kasan_stacks *stacks);

/* memory.c: those of a page. */
void kasan_page_stacks(vaddr_t addr, struct kasan_stacks *stacks);
void kasan_memory_start(void);
void kasan_percpu_start(void);

/* stacks.c: stored stacks. */
void kasan_stacks_start(void);
u32 kasan_stack_save(void);
void kasan_stack_print(const char *what, u32 stack);

/* globals.c */
void kasan_globals_start(void);
bool kasan_describe_global(vaddr_t bad, char *buf, size_t len);

/* quarantine.c */
void kasan_quarantine_put(struct kmem_cache *cache, void *object);

#endif
