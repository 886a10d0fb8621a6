// SPDX-License-Identifier: MIT
/*
 * drivers/peer/match.c - is this a peer, and one that the driver can drive?
 *
 * Problem.  The peer stands behind a front end of QEMU that was made for other
 * devices. The stock one, vhost-user-fs, has a configuration space of its own and
 * names the device by a tag. The generic one of newer versions has none, unless
 * the peer offers one. And a peer may be another program than this tree's, with
 * other limits.
 *
 * Idea.  Two decisions, each a function of what the other side shows and of
 * nothing else, so that tests can show it anything.
 *
 *	before HELLO	virtio id, number of queues, tag
 *			a tag of another name is a file system's: leave it alone;
 *			no tag, or an empty one, decides nothing: say HELLO
 *	after HELLO	magic, version, features, limits
 *			a limit outside of its bounds is a peer with which the
 *			driver, or a test, could not work
 *
 * Each returns the reason to refuse, for the log, or NULL.
 *
 * Not here: ECHO and the probe (device.c).
 */
#include <lib/string.h>
#include <lib/types.h>

#include "internal.h"

const char *peer_front_refusal(const struct peer_front *front)
{
	if (front->virtio_id != PEER_VIRTIO_ID)
		return "its virtio id is not a peer's";
	/* Ones: no config space lies there. A tag is UTF-8, so none begins so. */
	if (front->has_tag && front->tag[0] && (u8)front->tag[0] != 0xff &&
	    strncmp(front->tag, PEER_TAG, sizeof(front->tag)))
		return "its tag is a file system's, not \"" PEER_TAG "\"";
	if (front->queues < PEER_QUEUES_MIN)
		return "it has fewer than 3 queues: give it num-request-queues=2 or more";
	return NULL;
}

static bool within(u64 value, u64 least, u64 most)
{
	return value >= least && value <= most;
}

const char *peer_hello_refusal(const struct peer_wire_hello_answer *hello)
{
	if (hello->magic != PEER_MAGIC)
		return "it does not know the magic";
	if (hello->version != PEER_VERSION)
		return "it speaks another version";
	if (hello->features & ~PEER_F_KNOWN)
		return "it takes features that the driver did not ask for";
	if (!hello->instance || !hello->session)
		return "its instance or session is 0";
	if (hello->va_bits != PEER_VA_BITS)
		return "its address space is not of 48 bits";
	if (!within(hello->max_contexts, PEER_MIN_CONTEXTS, PEER_MAX_CONTEXTS))
		return "its max_contexts is out of bounds";
	if (!within(hello->max_map_entries, PEER_MIN_MAP_ENTRIES,
		    PEER_MAX_MAP_ENTRIES))
		return "its max_map_entries is out of bounds";
	if (!within(hello->max_page_requests, PEER_MIN_PAGE_REQUESTS,
		    PEER_MAX_PAGE_REQUESTS))
		return "its max_page_requests is out of bounds";
	if (!within(hello->max_results, PEER_MIN_RESULTS, PEER_MAX_RESULTS))
		return "its max_results is out of bounds";
	if (!within(hello->max_mappings, PEER_MIN_MAPPINGS, PEER_MAX_MAPPINGS))
		return "its max_mappings is out of bounds";
	if (!within(hello->max_count, PEER_MIN_COUNT, PEER_MAX_COUNT))
		return "its max_count is out of bounds";
	if (!hello->workers || hello->rmw_window_ns > PEER_MAX_RMW_WINDOW_NS)
		return "its workers or its RMW window are out of bounds";
	if (!(hello->features & PEER_F_DEVMEM) != !hello->devmem_size)
		return "it has device memory without the feature, or none with it";
	return NULL;
}
