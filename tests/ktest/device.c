// SPDX-License-Identifier: MIT
/*
 * tests/ktest/device.c - a device that is there at the start is there at the end
 *
 * Problem.  A device that dies takes its tests with it: they would be skipped,
 * and the run would pass without them.
 *
 * Idea.  The runner counts the live devices when the run begins, compares
 * after each test, and pings each device at the end. A loss ends the boot with
 * `Bail out!`, and the host runs the remaining tests in a new boot with a new
 * device. A test that uses a device and loses one has failed as well.
 *
 * A test that ends a device on purpose carries KT_ENDS_PEER. After it the
 * runner expects only the devices that are left, and skips, by name, the tests
 * that find none.
 *
 * The driver notices a death only when an answer is missing. The test that the
 * loss is noticed after need not be the one it happened in, so the text says
 * "noticed after".
 *
 * Not here: a device that was given to QEMU and that no driver found. Only the
 * host knows that it was given (scripts/meant.py).
 */
#include <drivers/peer.h>

#include "ktest_private.h"

static unsigned int expected;

unsigned int ktest_devices(void)
{
	unsigned int i, alive = 0;

	for (i = 0; i < peer_count(); i++)
		alive += peer_alive(peer_get(i));
	return alive;
}

void ktest_devices_begin(void)
{
	expected = ktest_devices();
}

void ktest_devices_compare(struct ktest *test)
{
	unsigned int alive = ktest_devices();

	if (test->tcase->flags & KT_ENDS_PEER)
		expected = alive;
	else if (alive < expected && (test->tcase->flags & KT_NEEDS_PEER))
		ktest_fail(test, "%u of %u devices died", expected - alive,
			   expected);
}

bool ktest_devices_lost(void)
{
	return ktest_devices() < expected;
}

void ktest_devices_ping(void)
{
	unsigned int i;

	for (i = 0; i < peer_count(); i++)
		if (peer_alive(peer_get(i)))
			peer_ping(peer_get(i));
}
