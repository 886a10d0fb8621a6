/* SPDX-License-Identifier: MIT */
/*
 * mm/table/swapops.h - what a non-present, non-empty PTE can mean
 *
 * An entry is a type and an offset.  The first types are swap files; the rest
 * are not swap at all but states of a page that no CPU may touch just now:
 *
 *	type			offset holds	a CPU that touches it
 *	swap file		slot		reads the page back in
 *	hwpoison		frame		learns that memory is broken
 *	migration read, read-exclusive, write
 *				frame		waits until the page has moved
 *	device-private write, read
 *				frame		has the page brought home
 *	device-exclusive write, read
 *				frame		takes the page back
 *	pte marker		bits		see the marker
 *	swap-in error		-		gets an error
 *
 * "write" and "read" say what the mapping allowed when the entry was made, or
 * what mprotect left of it (R7.14).  Only the device-exclusive types are made
 * today; the numbers of the others are theirs for good, and a fault on one of
 * them is reported and refused (R7.11).
 *
 * Rules R7.1 - R7.8; the bits are in arch/paging.h.
 */
#ifndef MM_TABLE_SWAPOPS_H
#define MM_TABLE_SWAPOPS_H

#include <lib/assert.h>
#include <lib/compiler.h>
#include <arch/paging.h>

#define MAX_SWAPFILES_SHIFT 5
#define SWP_TYPE_COUNT      (1U << MAX_SWAPFILES_SHIFT)

/* Without device memory its four numbers go to swap files (R6.7). */
#ifdef CONFIG_DEVICE_PRIVATE
#define SWP_DEVICE_NUM 4U
#else
#define SWP_DEVICE_NUM 0U
#endif
#define SWP_MIGRATION_NUM 3U
#define SWP_HWPOISON_NUM  1U
#define SWP_MARKER_NUM    1U
#define SWP_ERROR_NUM     1U

#define MAX_SWAPFILES                                          \
	(SWP_TYPE_COUNT - SWP_DEVICE_NUM - SWP_MIGRATION_NUM - \
	 SWP_HWPOISON_NUM - SWP_MARKER_NUM - SWP_ERROR_NUM)

#define SWP_HWPOISON                 MAX_SWAPFILES
#define SWP_MIGRATION_READ           (SWP_HWPOISON + SWP_HWPOISON_NUM)
#define SWP_MIGRATION_READ_EXCLUSIVE (SWP_MIGRATION_READ + 1)
#define SWP_MIGRATION_WRITE          (SWP_MIGRATION_READ + 2)
#define SWP_DEVICE_BASE              (SWP_MIGRATION_READ + SWP_MIGRATION_NUM)
#ifdef CONFIG_DEVICE_PRIVATE
#define SWP_DEVICE_WRITE           (SWP_DEVICE_BASE + 0)
#define SWP_DEVICE_READ            (SWP_DEVICE_BASE + 1)
#define SWP_DEVICE_EXCLUSIVE_WRITE (SWP_DEVICE_BASE + 2)
#define SWP_DEVICE_EXCLUSIVE_READ  (SWP_DEVICE_BASE + 3)
#endif
#define SWP_PTE_MARKER   (SWP_DEVICE_BASE + SWP_DEVICE_NUM)
#define SWP_SWAPIN_ERROR (SWP_PTE_MARKER + SWP_MARKER_NUM)

static_assert(MAX_SWAPFILES_SHIFT == SWP_TYPE_BITS, "all types, no more");
static_assert(SWP_SWAPIN_ERROR + SWP_ERROR_NUM == SWP_TYPE_COUNT,
	      "every type number has one meaning");
#ifdef CONFIG_DEVICE_PRIVATE
static_assert(MAX_SWAPFILES == 22 && SWP_DEVICE_EXCLUSIVE_WRITE == 28 &&
		      SWP_DEVICE_EXCLUSIVE_READ == 29 && SWP_PTE_MARKER == 30,
	      "docs/semantics.md and scripts/gdb print these numbers");
#endif

/*
 * A frame number is the low part of the offset; a migration entry has the
 * young and the dirty bit of its page above it (R7.7).
 */
#define SWP_PFN_BITS      (MAX_PHYSMEM_BITS - PAGE_SHIFT)
#define SWP_PFN_MASK      ((1UL << SWP_PFN_BITS) - 1)
#define SWP_MIG_YOUNG_BIT SWP_PFN_BITS
#define SWP_MIG_DIRTY_BIT (SWP_PFN_BITS + 1)

/*
 * The highest offset of type 0 would encode to the empty PTE, and frame bits
 * that are all ones are as good as a present address: swap files stay below
 * half of what the frame field can say, times the eight of the bits under it.
 */
#define SWP_MAX_OFFSET \
	((1UL << (52 - 1 - PAGE_SHIFT)) << (PAGE_SHIFT - SWP_ARCH_OFFSET_SHIFT))
static_assert(SWP_MAX_OFFSET < SWP_ARCH_OFFSET_MASK, "none stays none (R7.4)");

/* R7.6: anything that is not a slot of a swap file. */
static __always_inline bool non_swap_entry(swp_entry_t entry)
{
	return swp_type(entry) >= MAX_SWAPFILES;
}

static __always_inline bool is_hwpoison_entry(swp_entry_t entry)
{
	return swp_type(entry) == SWP_HWPOISON;
}

static __always_inline bool is_migration_entry(swp_entry_t entry)
{
	return swp_type(entry) - SWP_MIGRATION_READ < SWP_MIGRATION_NUM;
}

static __always_inline bool is_pte_marker_entry(swp_entry_t entry)
{
	return swp_type(entry) == SWP_PTE_MARKER;
}

#ifdef CONFIG_DEVICE_PRIVATE
static __always_inline const char *swp_device_type_name(unsigned int type)
{
	static const char *const names[] = {
		"device-private-write", "device-private-read",
		"device-exclusive-write", "device-exclusive-read"};

	return names[type - SWP_DEVICE_BASE];
}

static __always_inline bool is_device_private_entry(swp_entry_t entry)
{
	return swp_type(entry) - SWP_DEVICE_WRITE < 2;
}

static __always_inline bool is_device_exclusive_entry(swp_entry_t entry)
{
	return swp_type(entry) - SWP_DEVICE_EXCLUSIVE_WRITE < 2;
}

static __always_inline bool is_writable_device_exclusive_entry(swp_entry_t e)
{
	return swp_type(e) == SWP_DEVICE_EXCLUSIVE_WRITE;
}

static __always_inline swp_entry_t make_writable_device_exclusive_entry(pfn_t pfn)
{
	return swp_entry(SWP_DEVICE_EXCLUSIVE_WRITE, pfn);
}

static __always_inline swp_entry_t make_readable_device_exclusive_entry(pfn_t pfn)
{
	return swp_entry(SWP_DEVICE_EXCLUSIVE_READ, pfn);
}
#else
static __always_inline const char *swp_device_type_name(unsigned int type)
{
	return "?";
}

static __always_inline bool is_device_private_entry(swp_entry_t entry)
{
	return false;
}

static __always_inline bool is_device_exclusive_entry(swp_entry_t entry)
{
	return false;
}

static __always_inline bool is_writable_device_exclusive_entry(swp_entry_t e)
{
	return false;
}

static __always_inline swp_entry_t make_writable_device_exclusive_entry(pfn_t pfn)
{
	return swp_entry(0, 0);
}

static __always_inline swp_entry_t make_readable_device_exclusive_entry(pfn_t pfn)
{
	return swp_entry(0, 0);
}
#endif

/* R7.6: entries whose offset holds a frame number. */
static __always_inline bool is_pfn_swap_entry(swp_entry_t entry)
{
	return is_migration_entry(entry) || is_device_private_entry(entry) ||
	       is_device_exclusive_entry(entry) || is_hwpoison_entry(entry);
}

/* Asking any other kind for its frame is a bug. */
static __always_inline pfn_t swp_offset_pfn(swp_entry_t entry)
{
	ASSERT(is_pfn_swap_entry(entry));
	return swp_offset(entry) & SWP_PFN_MASK;
}

/**
 * swp_type_name() - a word for people
 * @type: a type number
 *
 * Context: any.
 * Return: "swap", "device-exclusive-write", ...
 */
const char *swp_type_name(unsigned int type);

#endif
