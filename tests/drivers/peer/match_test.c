// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/match_test.c - which front end is a peer, which peer will do
 *
 * Stock QEMU shows one front end only, and the tree's peer one set of limits. These
 * tests make up the others.
 */
#include <kernel/ktest.h>
#include <lib/string.h>

#include "drivers/peer/internal.h"

static struct peer_front stock(void)
{
	struct peer_front front = {.virtio_id = 26, .queues = 4, .has_tag = true};

	memcpy(front.tag, "svm-peer", 8);
	return front;
}

KTEST(peer_match, stock_front_end_with_the_peers_tag_is_accepted)
{
	struct peer_front front = stock();

	EXPECT(!peer_front_refusal(&front));
	front.queues = PEER_QUEUES_MIN;
	EXPECT(!peer_front_refusal(&front));
}

/*
 * vhost-user-device-pci has no configuration space, or an empty one. QEMU gives it
 * a region in which reads find ones.
 */
KTEST(peer_match, generic_front_end_without_a_tag_is_accepted)
{
	struct peer_front front = stock();

	memset(front.tag, 0, sizeof(front.tag));
	EXPECT(!peer_front_refusal(&front));
	memset(front.tag, 0xff, sizeof(front.tag));
	EXPECT(!peer_front_refusal(&front));
	front.has_tag = false;
	EXPECT(!peer_front_refusal(&front));
	/* Not valid, so not looked at. */
	memcpy(front.tag, "files", 5);
	EXPECT(!peer_front_refusal(&front));
}

KTEST(peer_match, file_system_is_left_alone)
{
	static const char *const tags[] = {"files", "svm-pee", "svm-peer2",
					   "Svm-peer", " svm-peer"};
	struct peer_front front;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tags); i++) {
		front = stock();
		memset(front.tag, 0, sizeof(front.tag));
		memcpy(front.tag, tags[i], strlen(tags[i]));
		EXPECT(peer_front_refusal(&front));
	}
	/* A tag may fill its field, without an end. */
	memset(front.tag, 'x', sizeof(front.tag));
	EXPECT(peer_front_refusal(&front));
}

KTEST(peer_match, other_id_or_too_few_queues_are_refused)
{
	struct peer_front front = stock();

	front.queues = PEER_QUEUES_MIN - 1;
	EXPECT(strstr(peer_front_refusal(&front), "queues"));
	front = stock();
	front.virtio_id = 2;
	EXPECT(strstr(peer_front_refusal(&front), "virtio id"));
}

static struct peer_wire_hello_answer least(void)
{
	return (struct peer_wire_hello_answer){
		.magic = PEER_MAGIC,
		.version = PEER_VERSION,
		.instance = 1,
		.session = 1,
		.va_bits = PEER_VA_BITS,
		.max_contexts = PEER_MIN_CONTEXTS,
		.max_map_entries = PEER_MIN_MAP_ENTRIES,
		.max_page_requests = PEER_MIN_PAGE_REQUESTS,
		.max_results = PEER_MIN_RESULTS,
		.workers = 1,
		.max_mappings = PEER_MIN_MAPPINGS,
		.max_count = PEER_MIN_COUNT,
	};
}

KTEST(peer_match, least_and_greatest_limits_are_accepted)
{
	struct peer_wire_hello_answer hello = least();

	EXPECT(!peer_hello_refusal(&hello));
	hello.max_contexts = PEER_MAX_CONTEXTS;
	hello.max_map_entries = PEER_MAX_MAP_ENTRIES;
	hello.max_page_requests = PEER_MAX_PAGE_REQUESTS;
	hello.max_results = PEER_MAX_RESULTS;
	hello.max_mappings = PEER_MAX_MAPPINGS;
	hello.max_count = PEER_MAX_COUNT;
	hello.rmw_window_ns = PEER_MAX_RMW_WINDOW_NS;
	hello.features = PEER_F_KNOWN;
	hello.devmem_size = PEER_PAGE_SIZE;
	EXPECT(!peer_hello_refusal(&hello));
}

/* A device that takes one element at a time is useless to a driver. */
KTEST(peer_match, limit_beyond_its_bounds_is_refused_by_its_name)
{
#define REFUSED(field, value, name)                            \
	do {                                                   \
		struct peer_wire_hello_answer hello = least(); \
		const char *why;                               \
                                                               \
		hello.field = value;                           \
		why = peer_hello_refusal(&hello);              \
		EXPECT(why &&strstr(why, name));               \
	} while (0)
#define BOUNDED(field, LIMIT)                                 \
	do {                                                  \
		REFUSED(field, PEER_MIN_##LIMIT - 1, #field); \
		REFUSED(field, PEER_MAX_##LIMIT + 1, #field); \
	} while (0)
	BOUNDED(max_contexts, CONTEXTS);
	BOUNDED(max_map_entries, MAP_ENTRIES);
	BOUNDED(max_page_requests, PAGE_REQUESTS);
	BOUNDED(max_results, RESULTS);
	BOUNDED(max_mappings, MAPPINGS);
	BOUNDED(max_count, COUNT);
	REFUSED(max_count, 1, "max_count");
#undef BOUNDED
	REFUSED(workers, 0, "workers");
	REFUSED(rmw_window_ns, PEER_MAX_RMW_WINDOW_NS + 1, "window");
	REFUSED(magic, 0, "magic");
	REFUSED(version, 2, "version");
	REFUSED(features, 1ull << 63, "features");
	REFUSED(instance, 0, "instance");
	REFUSED(session, 0, "session");
	REFUSED(va_bits, 57, "48 bits");
	REFUSED(features, PEER_F_DEVMEM, "device memory");
	REFUSED(devmem_size, PEER_PAGE_SIZE, "device memory");
#undef REFUSED
}
