// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/invalidate_test.c - a device that does not let go
 *
 * The device is pretended (pretend.h). Any answer but the acknowledgement ends it, so
 * that a change never takes a refusal for one.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/space/mm.h>

#include "pretend.h"

/* The command that a device misbehaves at, and how: a status, of a length. */
struct misdeed {
	u32 command;
	u32 status;
	u32 length;
};

static u32 misbehave(struct pretended *device,
		     struct peer_wire_request *request, void *answer)
{
	const struct misdeed *misdeed = device->arg;
	u32 length = pretended_obey(device, request, answer);

	if (request->command != misdeed->command)
		return length;
	((struct peer_wire_answer *)answer)->status = misdeed->status;
	return misdeed->length;
}

static bool page_given(struct pretended *device)
{
	return peer_context_translations(device->ctx, NULL, 0) == 1;
}

/* A device that has the first page and misbehaves from then on. NULL: failed. */
static struct pretended *with_a_page(struct ktest *test, struct misdeed *misdeed)
{
	struct pretended *device = pretended_new(test);
	struct peer_wire_page_request request;

	if (!device || !pretended_enter(device))
		return NULL;
	request = pretended_request(device, 1, PEER_ACCESS_WRITE);
	EXPECT(pretended_ask(device, &request, sizeof(request)));
	KTEST_WAIT_FOR(test, page_given(device));
	device->arg = misdeed;
	device->command = misbehave;
	return device;
}

/* The change goes on, and the driver says why the device does not. */
static void expect_death(struct ktest *test, struct misdeed misdeed,
			 const char *why)
{
	struct pretended *device = with_a_page(test, &misdeed);

	REQUIRE(device);
	EXPECT_EQ(do_munmap(device->mm, device->base, PAGE_SIZE), 0);
	EXPECT(device->peer->dead);
	if (device->peer->dead)
		EXPECT_STREQ(device->peer->dead, why);
	EXPECT(!page_given(device));
	EXPECT_EQ(device->commands[PEER_CMD_INVALIDATE], 1U);
	/* A dead device is asked nothing more. */
	ktest_cleanup_now(test, device);
	EXPECT_EQ(device->commands[PEER_CMD_CTX_DESTROY], 0U);
	EXPECT(peer_control_idle(device->peer));
}

KTEST(peer_invalidate, a_device_that_refuses_to_let_go_ends)
{
	expect_death(test,
		     (struct misdeed){PEER_CMD_INVALIDATE, PEER_S_BAD_REQUEST,
				      sizeof(struct peer_wire_answer)},
		     "it refuses to let go of pages");
}

/* It knows the context, since the driver has not destroyed it. */
KTEST(peer_invalidate, no_such_context_is_no_acknowledgement_of_an_invalidation)
{
	expect_death(test,
		     (struct misdeed){PEER_CMD_INVALIDATE, PEER_S_NO_CONTEXT,
				      sizeof(struct peer_wire_answer)},
		     "it refuses to let go of pages");
}

KTEST(peer_invalidate, a_garbled_acknowledgement_is_none)
{
	expect_death(test, (struct misdeed){PEER_CMD_INVALIDATE, PEER_S_OK, 4},
		     "it garbles an acknowledgement");
}

/* Of a number that it may not know; a garbled creation ends so. */
KTEST(peer_invalidate, a_context_that_the_device_does_not_know_is_forgotten)
{
	struct misdeed misdeed = {PEER_CMD_CTX_DESTROY, PEER_S_NO_CONTEXT,
				  sizeof(struct peer_wire_answer)};
	struct pretended *device = pretended_new(test);

	REQUIRE(device);
	device->arg = &misdeed;
	device->command = misbehave;
	peer_context_forget(device->peer, 5);
	EXPECT(peer_alive(device->peer));
	EXPECT_EQ(device->commands[PEER_CMD_CTX_DESTROY], 1U);
}

/* Known to be broken: there is no answer to judge, and the death is the interrupt's. */
KTEST(peer_invalidate, a_command_to_let_go_that_cannot_be_sent_gives_its_slot_back)
{
	struct pretended *device = pretended_new(test);

	REQUIRE(device);
	device->peer->control->vq.broken = true;
	peer_context_forget(device->peer, 5);
	EXPECT(peer_control_idle(device->peer));
	EXPECT(peer_alive(device->peer));
	peer_control_interrupt(device->peer);
	EXPECT_STREQ(device->peer->dead, "it broke the control queue");
}
