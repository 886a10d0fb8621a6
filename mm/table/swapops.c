// SPDX-License-Identifier: MIT
/*
 * mm/table/swapops.c - names of swap entry types, for people
 *
 * The encoding itself is inline, in arch/paging.h and mm/table/swapops.h, which
 * say what each type means.
 */
#include <mm/table/swapops.h>

const char *swp_type_name(unsigned int type)
{
	if (type < MAX_SWAPFILES)
		return "swap";
	if (type == SWP_HWPOISON)
		return "hwpoison";
	if (type == SWP_MIGRATION_READ)
		return "migration-read";
	if (type == SWP_MIGRATION_READ_EXCLUSIVE)
		return "migration-read-exclusive";
	if (type == SWP_MIGRATION_WRITE)
		return "migration-write";
	if (type == SWP_PTE_MARKER)
		return "pte-marker";
	if (type == SWP_SWAPIN_ERROR)
		return "swapin-error";
	if (type >= SWP_TYPE_COUNT)
		return "?";
	return swp_device_type_name(type);
}
