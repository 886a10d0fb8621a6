/* SPDX-License-Identifier: MIT */
/*
 * mm/table/pte_trace.h - records of entries that change, while the kernel is observed
 *
 * Each is written with the lock of the table held, right after the entry has changed.
 * So the records of one page are in the order of its states.
 */
#ifndef MM_TABLE_PTE_TRACE_H
#define MM_TABLE_PTE_TRACE_H

#include <arch/paging.h>
#include <kernel/trace.h>

DECLARE_TRACE_EVENT(pte_filled);
DECLARE_TRACE_EVENT(pte_shared);
DECLARE_TRACE_EVENT(pte_moved);
DECLARE_TRACE_EVENT(pte_zapped);
DECLARE_TRACE_EVENT(pte_protected);
DECLARE_TRACE_EVENT(pte_lazyfreed);
DECLARE_TRACE_EVENT(pte_cleared);

/* What a CPU may do by a present entry. */
static inline const char *pte_rights(pte_t pte)
{
	if (pte_protnone(pte))
		return "none";
	return pte_write(pte) ? "write" : "read";
}

/** trace_pte() - the entry of @addr has become @pte, which is present */
#define trace_pte(mm, addr, pte) \
	OBSERVE(pte_filled, mm, addr, pte_pfn(pte), pte_rights(pte))

#endif
