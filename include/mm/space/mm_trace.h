/* SPDX-License-Identifier: MIT */
/*
 * mm/space/mm_trace.h - records of the calls that change an address space
 *
 * A call is recorded before it takes mmap_lock, and again when it has dropped it; what
 * it did in between has records of its own.
 */
#ifndef MM_SPACE_MM_TRACE_H
#define MM_SPACE_MM_TRACE_H

#include <kernel/trace.h>

DECLARE_TRACE_EVENT(mm_call);
DECLARE_TRACE_EVENT(mm_return);

#endif
