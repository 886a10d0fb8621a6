// SPDX-License-Identifier: MIT
/*
 * peer/grant.c - the answer to an ATOMIC response, kept until the replay
 *
 * Problem.  When the driver answers an ATOMIC request it holds the page locked:
 * if the device then did not get around to its access before the CPU took the
 * page back, both could go on for ever without one of them moving.
 *
 * Idea.  The answer to the response is kept back (a grant) until each work that
 * was parked has made its access or found the translation gone, and says which.
 *
 *	field			read with	write with
 *	work->grant		the work's holder
 *	grant->reply		the last holder	context->lock, before any
 *
 * Not here: parking, and what a response maps (fault.c).
 */
#include <stdlib.h>

#include "device.h"

struct grant *grant_new(struct work_list *parked)
{
	struct grant *grant = calloc(1, sizeof(*grant));
	struct work *work;

	if (!grant)
		return NULL;
	TAILQ_FOREACH(work, parked, link)
	{
		atomic_fetch_add(&grant->refs, 1);
		work->grant = grant;
	}
	return grant;
}

void grant_drop(struct grant *grant, struct work_list *parked)
{
	struct work *work;

	TAILQ_FOREACH(work, parked, link)
	{
		work->grant = NULL;
	}
	free(grant);
}

void grant_end(struct device *device, struct work *work, enum grant_end end)
{
	struct peer_wire_answer answer = {.status = PEER_S_REVOKED};
	struct grant *grant = work->grant;

	if (!grant)
		return;
	work->grant = NULL;
	if (end == GRANT_REPLAYED)
		atomic_store(&grant->replayed, true);
	if (end == GRANT_CANCELED)
		atomic_store(&grant->canceled, true);
	if (atomic_fetch_sub(&grant->refs, 1) != 1)
		return;

	if (option_due(&work->context->test_lose_replays)) {
		free(grant->reply);
		free(grant);
		return;
	}
	if (atomic_load(&grant->replayed)) {
		answer.status = PEER_S_OK;
		count(device, COUNT_REPLAYS);
	} else if (atomic_load(&grant->canceled)) {
		answer.status = PEER_S_CANCELED;
	} else {
		count(device, COUNT_REVOKED);
	}
	reply_send(device, grant->reply, &answer, sizeof(answer));
	free(grant);
}
