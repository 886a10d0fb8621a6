// SPDX-License-Identifier: MIT
/*
 * peer/work_check.c - is a work request valid?
 *
 * All fields of a request are checked before a page is touched, in the order of
 * D7.6 of docs/peer-device.md: the op; then the fields; then the addresses; then
 * whether a COPY overlaps. Sums and products are checked for overflow: each field is
 * any 64-bit number.
 *
 * Not here: sessions, contexts and the length of the chain (work.c).
 */
#include "device.h"

static bool range_fits(uint64_t va, uint64_t len)
{
	return va < VA_END && len <= VA_END - va;
}

static enum peer_status check_bytes(const struct peer_wire_work *r)
{
	if (r->width || r->stride || r->repeat != 1 || r->flags || r->compare ||
	    !r->count || r->count > PEER_MAX_COUNT)
		return PEER_S_BAD_REQUEST;
	if (!range_fits(r->va, r->count))
		return PEER_S_BAD_ADDRESS;
	if (r->op == PEER_OP_FILL)
		return PEER_S_OK;
	if (!range_fits(r->operand, r->count))
		return PEER_S_BAD_ADDRESS;
	if (r->va < r->operand + r->count && r->operand < r->va + r->count)
		return PEER_S_BAD_REQUEST;
	return PEER_S_OK;
}

static enum peer_status check_elements(const struct peer_wire_work *r,
				       uint64_t room)
{
	uint64_t total;
	uint64_t span;

	if (r->width != 1 && r->width != 2 && r->width != 4 && r->width != 8)
		return PEER_S_BAD_REQUEST;
	if (r->flags & ~PEER_WORK_RESULTS || r->stride % r->width ||
	    (r->compare && r->op != PEER_OP_CAS))
		return PEER_S_BAD_REQUEST;
	if (!r->count || !r->repeat ||
	    __builtin_mul_overflow(r->count, r->repeat, &total) ||
	    total > PEER_MAX_COUNT)
		return PEER_S_BAD_REQUEST;
	if (r->flags & PEER_WORK_RESULTS &&
	    (total > PEER_MAX_RESULTS ||
	     room < sizeof(struct peer_wire_work_done) + 8 * total))
		return PEER_S_BAD_REQUEST;
	if (r->va % r->width)
		return PEER_S_BAD_ADDRESS;
	if (__builtin_mul_overflow(r->count - 1, r->stride, &span) ||
	    __builtin_add_overflow(span, r->width, &span) ||
	    !range_fits(r->va, span))
		return PEER_S_BAD_ADDRESS;
	return PEER_S_OK;
}

enum peer_status work_check(const struct peer_wire_work *r, uint64_t room)
{
	if (r->op < PEER_OP_FETCH_ADD || r->op > PEER_OP_FILL)
		return PEER_S_BAD_COMMAND;
	return r->op == PEER_OP_COPY || r->op == PEER_OP_FILL
		       ? check_bytes(r)
		       : check_elements(r, room);
}
