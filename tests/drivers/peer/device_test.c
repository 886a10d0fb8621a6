// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/device_test.c - a device that is found, started and started again
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/alloc/fail.h>

#include "arena.h"
#include "pretend.h"

/*
 * Each allocation of a restart fails in turn. The device is dead then, can be asked
 * about, and the next restart takes it back.
 */
KTEST(peer_device, a_restart_without_memory_leaves_the_device_dead_until_the_next,
      KT_FLAGS(KT_NEEDS_PEER | KT_NEEDS_DEBUG))
{
	enum { MOST = 60 };
	struct peer *peer = peer_get(0);
	struct peer_context *ctx;
	struct peer_arena *arena;
	bool done = false;
	char text[512];
	u64 value;
	int err;

	for (unsigned long nth = 1; !done && nth < MOST; nth++) {
		alloc_fail_nth(nth);
		err = peer_restart(peer);
		done = !alloc_fail_hit();
		alloc_fail_end();
		EXPECT_EQ(err, done ? 0 : -ENOMEM, "at allocation %lu", nth);
		EXPECT_EQ(peer_alive(peer), done);
		EXPECT_GT(peer_describe(peer, text, sizeof(text)), 0);
		EXPECT_EQ(strstr(text, "dead: it could not be restarted") != NULL,
			  !done);
		if (!done)
			EXPECT_EQ(peer_context_create(peer, NULL, &ctx), -EIO);
	}
	EXPECT(done);
	arena = arena_new(test);
	REQUIRE(arena);
	EXPECT_EQ(device_load(arena->ctx, arena->base, &value), 0);
}

/* A function of the right numbers that cannot be driven, with and without memory for it. */
KTEST(peer_device, a_probe_that_cannot_go_on_leaves_no_device_behind,
      KT_FLAGS(KT_NEEDS_PEER | KT_NEEDS_DEBUG))
{
	/* Without interrupt vectors. */
	struct pci_device pci = {.vendor = VIRTIO_PCI_VENDOR,
				 .device = VIRTIO_PCI_DEVICE_BASE +
					   PEER_VIRTIO_ID};
	const struct pci_driver *driver = peer_get(0)->pci->driver;
	unsigned int before = peer_count();
	unsigned long nth = 0;
	bool failed;

	do {
		alloc_fail_nth(++nth);
		EXPECT_EQ(driver->probe(&pci, driver->ids),
			  alloc_fail_hit() ? -ENOMEM : -ENODEV,
			  "at allocation %lu", nth);
		failed = alloc_fail_hit();
		alloc_fail_end();
	} while (failed);
	EXPECT_GE(nth, 4UL);
	EXPECT_EQ(peer_count(), before);
}

KTEST(peer_device, a_restart_with_a_context_is_refused_at_once_and_changes_nothing)
{
	struct pretended *device = pretended_new(test);

	REQUIRE(device);
	if (!pretended_enter(device))
		return;
	EXPECT_EQ(peer_restart(device->peer), -EBUSY);
	EXPECT(peer_alive(device->peer));
	EXPECT_EQ(peer_ping(device->peer), 0);
}
