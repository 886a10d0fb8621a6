// SPDX-License-Identifier: MIT
/*
 * drivers/peer/wire.c - judge what the device wrote
 *
 * Problem.  The device is another program. It may write anything into an
 * answer or a page request, and change it while the driver reads it.
 *
 * Idea.  The caller copies first. Each function here judges a copy, depends on
 * nothing else and has no effect, so that a test can show it anything.
 *
 * Not here: what a device says of itself before and at HELLO (match.c).
 */
#include <lib/errno.h>

#include "internal.h"

int peer_status_errno(u32 status)
{
	switch (status) {
	case PEER_S_OK:
		return 0;
	case PEER_S_FAULT:
		return -EFAULT;
	case PEER_S_REVOKED:
		return -EAGAIN;
	case PEER_S_CANCELED:
	case PEER_S_NO_CONTEXT:
		return -ECANCELED;
	case PEER_S_LIMIT:
		return -ENOSPC;
	case PEER_S_EXISTS:
		return -EEXIST;
	case PEER_S_NO_TAG:
		return -ENOENT;
	case PEER_S_NOT_PERMITTED:
		return -EPERM;
	case PEER_S_BAD_REQUEST:
	case PEER_S_BAD_COMMAND:
	case PEER_S_BAD_ADDRESS:
		return -EINVAL;
	default:
		return -EPROTO;
	}
}

bool peer_page_request_valid(const struct peer_wire_page_request *request,
			     u64 session)
{
	return request->tag && request->session == session &&
	       request->ctx >= 1 && request->ctx <= PEER_CONTEXTS &&
	       request->access >= PEER_ACCESS_READ &&
	       request->access <= PEER_ACCESS_ATOMIC &&
	       !(request->va & ~PEER_PAGE_MASK) &&
	       !(request->va >> PEER_VA_BITS);
}

bool peer_work_done_valid(const struct peer_wire_work_done *answer, u64 limit)
{
	return answer->status < PEER_S_COUNT && answer->done <= limit &&
	       (answer->status != PEER_S_OK || answer->done == limit);
}
