// SPDX-License-Identifier: MIT
/*
 * peer/grant.c - the answer to an ATOMIC response, kept until the replay
 *
 * Problem.  While the driver answers an ATOMIC request it holds the page's lock,
 * and no CPU can restore the page. If the answer came before the device's access,
 * a CPU could restore the page first, again and again, and the device would never
 * make its access.
 *
 * Idea.  The answer to the response is kept (a grant) until each work that was
 * parked has made its access or has found the translation gone. The answer says
 * which.
 *
 *	field			read with	write with
 *	work->grant		work's holder	work's holder
 *	grant->refs, flags	atomic		atomic
 *	grant->reply		the last put	context->lock, before the work
 *						is resumed
 *
 * Not here: parking, and the translations of a response (fault.c).
 */
#include <stdlib.h>

#include "device.h"

TRACE_EVENT(dev_replay, "work ctx tag how", "%p of ctx %lu, tag %lu: %s");
TRACE_EVENT(dev_grant_end, "ctx tag status", "ctx %lu tag %lu: status %lu");

static const char end_words[][16] TRACE_SECTION("trace_words") = {
	[GRANT_REPLAYED] = "replayed",
	[GRANT_REVOKED] = "revoked",
	[GRANT_CANCELED] = "canceled",
};

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
	TRACE(dev_replay, work, work->request.ctx, grant->tag, end_words[end]);
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
	TRACE(dev_grant_end, work->request.ctx, grant->tag, answer.status);
	reply_send(device, grant->reply, &answer, sizeof(answer));
	free(grant);
}
