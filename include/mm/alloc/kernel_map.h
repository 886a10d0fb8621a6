/* SPDX-License-Identifier: MIT */
/*
 * include/mm/alloc/kernel_map.h - the page tables of the kernel itself
 *
 * The upper half of every address space is the same: its 256 top-level
 * entries are filled at boot and never change, so that a new address space
 * copies them once and never has to copy a change.
 */
#ifndef MM_ALLOC_KERNEL_MAP_H
#define MM_ALLOC_KERNEL_MAP_H

#include <arch/paging.h>
#include <lib/types.h>

/**
 * kernel_map_init() - build the final tables and switch the boot CPU to them
 *
 *	text				R X
 *	rodata				R
 *	data, bss, per-CPU template	RW
 *	direct map of RAM		RW, but R where it shows the image's
 *					text and rodata
 *	vmemmap				RW
 *	lower half			empty
 *
 * Context: boot CPU, memblock is up, the page allocator is not.
 */
void kernel_map_init(void);

/**
 * kernel_map_pgd() - the top-level table of the kernel
 *
 * Context: any after kernel_map_init().
 * Return: its physical address; what CR3 holds while no mm is in use.
 */
paddr_t kernel_map_pgd(void);

/**
 * kernel_map_copy_upper() - give a new address space its upper half
 * @pgd: a top-level table
 *
 * Context: any after kernel_map_init().
 */
void kernel_map_copy_upper(pgd_t *pgd);

/**
 * kernel_map_low_trampoline() - map a page of the first MiB at its own address
 * @paddr: page aligned, below 1 MiB
 *
 * For processors on their way into long mode: executable and read-only, in
 * the kernel's own table only.  The direct map still writes to the page, so
 * put the code there first; until kernel_map_low_trampoline_end() the pair
 * is the one exception to "never writable and executable".
 *
 * Context: boot CPU, thread context, may sleep; one at a time.
 * Return: 0, -EINVAL for an address that is not such a page, -EBUSY while
 *	   another is mapped, -ENOMEM.
 */
int kernel_map_low_trampoline(paddr_t paddr);

/**
 * kernel_map_low_trampoline_end() - take the mapping away again
 *
 * Context: thread context, IRQs on; no CPU runs there any more.
 */
void kernel_map_low_trampoline_end(void);

/* The findings of kernel_map_verify(). */
struct kernel_map_stats {
	unsigned long pages_4k;
	unsigned long pages_2m;
	unsigned long pages_1g;
	unsigned long executable; /* bytes */
	unsigned long writable;   /* bytes */
	unsigned long bad;        /* leaf entries that break a rule */
};

/**
 * kernel_map_verify() - walk all kernel page tables and check W^X
 * @stats: filled, or NULL
 *
 * A leaf is bad when it is writable and executable, when it belongs to the
 * user, when it is executable outside the text, and when a frame of text or
 * rodata has a writable alias anywhere.  Each bad leaf is printed.
 *
 * Context: thread context.
 * Return: the number of bad leaves.
 */
unsigned long kernel_map_verify(struct kernel_map_stats *stats);

/**
 * kernel_map_walk_leaf() - what is an address mapped by?
 * @addr: a kernel address
 * @size: set to the bytes the leaf maps, if there is one
 *
 * Context: any.
 * Return: the leaf's entry, 0 if nothing is mapped.
 */
unsigned long kernel_map_walk_leaf(vaddr_t addr, unsigned long *size);

/**
 * kernel_map_set() - map one page of the vmalloc range
 * @addr: page-aligned address that is not mapped
 * @pfn: the frame
 * @prot: PAGE_KERNEL*
 *
 * Context: may sleep when @gfp says so; the range is the caller's.
 * Return: 0, or -ENOMEM when a table was missing and could not be had.
 */
int kernel_map_set(vaddr_t addr, pfn_t pfn, pgprot_t prot, gfp_t gfp);

/**
 * kernel_map_clear() - unmap one page of the vmalloc range
 * @addr: page-aligned address
 *
 * The caller flushes the TLBs before it uses @addr or the frame for anything
 * else.
 *
 * Context: any; the range is the caller's.
 * Return: the entry that was there.
 */
pte_t kernel_map_clear(vaddr_t addr);

/**
 * kernel_map_table_pages() - pages spent on tables of the vmalloc range
 *
 * They are kept for the next mapping, so a leak check leaves them out.
 *
 * Context: any.
 * Return: the number.
 */
unsigned long kernel_map_table_pages(void);

/* The parts of the image, from the linker script. */
extern char __boot_start[], __boot_end[];
extern char __text_start[], __text_end[];
extern char __rodata_start[], __rodata_end[];
extern char __data_start[], __data_end[], __image_end[];

#endif
