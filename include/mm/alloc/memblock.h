/* SPDX-License-Identifier: MIT */
/*
 * include/mm/alloc/memblock.h - owners of memory before the buddy has it
 *
 * Two sorted lists of ranges [start, end): all usable memory, and what of it
 * is taken.  Only the boot CPU uses it, only until memblock_release().
 */
#ifndef MM_ALLOC_MEMBLOCK_H
#define MM_ALLOC_MEMBLOCK_H

#include <lib/types.h>

#define MEMBLOCK_MAX_RANGES 256

struct memblock_range {
	paddr_t start;
	paddr_t end;
};

/* A sorted list of disjoint ranges that do not touch. */
struct memblock_list {
	unsigned int nr;
	struct memblock_range range[MEMBLOCK_MAX_RANGES];
};

/**
 * memblock_list_add() - add a range, merging it with what it touches
 * @list: the list
 * @start: first byte
 * @end: one past the last byte; an empty range adds nothing
 *
 * Context: boot or test, one thread.
 * Return: 0, or -ENOSPC when the list is full; then @list is untouched.
 */
int memblock_list_add(struct memblock_list *list, paddr_t start, paddr_t end);

/**
 * memblock_list_remove() - take a range away, splitting what it cuts
 * @list: the list
 * @start: first byte
 * @end: one past the last byte
 *
 * Context: boot or test, one thread.
 * Return: 0, or -ENOSPC when a split finds the list full; then @list is
 *	   untouched.
 */
int memblock_list_remove(struct memblock_list *list, paddr_t start, paddr_t end);

/**
 * memblock_list_overlaps() - does a range touch the list?
 * @list: the list
 * @start: first byte
 * @end: one past the last byte
 *
 * Context: any, while nobody changes @list.
 * Return: true if a byte of [start, end) is in @list.
 */
bool memblock_list_overlaps(const struct memblock_list *list, paddr_t start,
			    paddr_t end);

/**
 * memblock_list_bytes() - bytes in a list
 * @list: the list
 *
 * Context: any, while nobody changes @list.
 * Return: the sum of its ranges.
 */
u64 memblock_list_bytes(const struct memblock_list *list);

/**
 * memblock_list_verify() - is the list sorted, disjoint and not touching?
 * @list: the list
 *
 * Context: any, while nobody changes @list.
 * Return: true if so.
 */
bool memblock_list_verify(const struct memblock_list *list);

/**
 * memblock_init() - learn the memory from the boot information
 *
 * Clips to whole pages and to the physical address width, sets the first MiB,
 * the image, the modules and the boot information itself aside.  A machine
 * with too little memory, or a map that makes no sense, stops with a message.
 *
 * Context: boot CPU, once, before every other call.
 */
void memblock_init(void);

/**
 * memblock_reserve() - keep the page allocator off a range
 * @start: first byte
 * @end: one past the last byte; rounded outwards to pages
 *
 * Context: boot CPU, before memblock_release().
 */
void memblock_reserve(paddr_t start, paddr_t end);

/**
 * memblock_alloc() - take memory for good
 * @size: bytes, rounded up to pages
 * @align: power of two, at least PAGE_SIZE
 *
 * Searches from the top of the memory that the boot page tables reach.
 * The memory is zeroed.  Panics when there is none.
 *
 * Context: boot CPU, between memblock_init() and memblock_release().
 * Return: the physical address.
 */
paddr_t memblock_alloc(size_t size, size_t align);

/**
 * memblock_alloc_below() - take memory for good, below an address
 * @size: as above
 * @align: as above
 * @end: one past the last byte that it may have
 *
 * Context: as above.
 * Return: the physical address.
 */
paddr_t memblock_alloc_below(size_t size, size_t align, paddr_t end);

/**
 * memblock_set_reach() - how far the current page tables map RAM
 * @end: one past the last mapped physical byte
 *
 * Context: boot CPU; the boot tables reach 4 GiB, the final ones all.
 */
void memblock_set_reach(paddr_t end);

/**
 * memblock_memory() - all usable memory, taken or not
 *
 * Context: any after memblock_init().
 * Return: the list.
 */
const struct memblock_list *memblock_memory(void);

/**
 * memblock_taken() - what is not free, RAM or not
 *
 * Context: any after memblock_init().
 * Return: the list.
 */
const struct memblock_list *memblock_taken(void);

/**
 * memblock_end() - one past the last byte of RAM
 *
 * Context: any after memblock_init().
 * Return: a page-aligned physical address.
 */
paddr_t memblock_end(void);

/**
 * memblock_is_ram() - is this address RAM?
 * @addr: a physical address
 *
 * Context: any after memblock_init().
 * Return: true if the boot loader called it usable memory.
 */
bool memblock_is_ram(paddr_t addr);

/**
 * memblock_release() - hand all memory that is not taken to a receiver
 * @receive: called for each free range in whole pages, lowest first
 *
 * Context: boot CPU, once.
 */
void memblock_release(void (*receive)(paddr_t start, paddr_t end));

#endif
