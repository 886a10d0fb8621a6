// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/control_test.c - commands that are answered wrongly, late or not
 *
 * The device is pretended (pretend.h), so that each answer comes when the test wants it.
 */
#include <lib/errno.h>
#include <lib/string.h>

#include "tests/ktest/team.h"
#include "tests/mm/lib/observed.h"
#include "pretend.h"

static u32 keep(struct pretended *device, struct peer_wire_request *request,
		void *answer)
{
	return PRETEND_KEEP;
}

/* A command that is on its way and that the device keeps. */
static struct peer_slot *command_in_flight(struct pretended *device)
{
	struct peer_slot *slot = peer_slot_get(device->peer, PEER_SLOT_ANY);
	struct peer_wire_request *request;

	if (!slot)
		return NULL;
	device->command = keep;
	request = slot->request;
	*request = (struct peer_wire_request){.command = PEER_CMD_STATS};
	if (!peer_slot_send(device->peer, slot, sizeof(*request),
			    sizeof(struct peer_wire_answer)))
		return slot;
	peer_slot_put(device->peer, slot);
	return NULL;
}

static int simple_command(struct pretended *device)
{
	struct peer_wire_request request = {.command = PEER_CMD_STATS};
	struct peer_wire_answer answer;

	return peer_command(device->peer, &request, sizeof(request), &answer,
			    sizeof(answer));
}

KTEST(peer_control, a_broken_control_queue_ends_the_device_and_each_wait)
{
	struct pretended *device = pretended_new(test);
	struct peer_slot *slot;

	REQUIRE(device);
	slot = command_in_flight(device);
	REQUIRE(slot);
	pretended_break(device, PEER_QUEUE_CONTROL);
	peer_control_interrupt(device->peer);
	EXPECT(!peer_alive(device->peer));
	EXPECT_EQ(peer_slot_wait(device->peer, slot, NSEC_PER_SEC), -EIO);
	peer_slot_put(device->peer, slot);
	EXPECT(peer_control_idle(device->peer));
	EXPECT_EQ(simple_command(device), -EIO);
}

/* The queue is known to be broken, and no interrupt has said so yet. */
KTEST(peer_control, a_command_that_cannot_be_sent_gives_its_slot_back)
{
	struct pretended *device = pretended_new(test);

	REQUIRE(device);
	device->peer->control->vq.broken = true;
	EXPECT_EQ(simple_command(device), -EIO);
	EXPECT(peer_control_idle(device->peer));
	EXPECT_EQ(device->commands[PEER_CMD_STATS], 0U);
}

static u32 answer_half(struct pretended *device,
		       struct peer_wire_request *request, void *answer)
{
	memset(answer, 0, sizeof(struct peer_wire_answer));
	return sizeof(struct peer_wire_answer) / 2;
}

KTEST(peer_control, an_answer_that_is_shorter_than_any_is_refused_and_counted)
{
	struct pretended *device = pretended_new(test);

	REQUIRE(device);
	device->command = answer_half;
	EXPECT_EQ(simple_command(device), -EPROTO);
	EXPECT_EQ(device->peer->counters.bad_answers, 1UL);
	EXPECT(peer_alive(device->peer));
	EXPECT(peer_control_idle(device->peer));
}

/* Long enough for a status, which says success, and not for what was asked. */
KTEST(peer_control, a_success_without_its_contents_is_refused)
{
	struct peer_wire_query request = {.head = {.command = PEER_CMD_QUERY}};
	struct pretended *device = pretended_new(test);
	struct peer_wire_query_answer answer = {.target = 3};

	REQUIRE(device);
	EXPECT_EQ(peer_command(device->peer, &request, sizeof(request), &answer,
			       sizeof(answer)),
		  -EPROTO);
	EXPECT_EQ(answer.target, 3UL);
	EXPECT(peer_alive(device->peer));
}

/*
 *	waiter				device		another thread
 *	command sent			keeps it
 *							declares it dead
 *	wait: -EIO
 *					answers
 *					(must change nothing: the waiter has its
 *					error, and may look at the slot)
 */
KTEST(peer_control, an_answer_after_the_death_is_dropped)
{
	struct pretended *device = pretended_new(test);
	struct peer_slot *slot;

	REQUIRE(device);
	slot = command_in_flight(device);
	REQUIRE(slot);
	peer_die(device->peer, "a test says so");
	pretended_answer(device, PEER_QUEUE_CONTROL, slot,
			 sizeof(struct peer_wire_answer));
	KTEST_WAIT_FOR(test, READ_ONCE(device->peer->counters.commands) == 1);
	EXPECT_EQ(slot->state, PEER_SLOT_HELD);
	EXPECT_EQ(peer_slot_wait(device->peer, slot, 0), -EIO);
	EXPECT_EQ(slot->written, 0U);
	peer_slot_put(device->peer, slot);
	/* The first reason stays. */
	peer_die(device->peer, "another test says so");
	EXPECT_STREQ(device->peer->dead, "a test says so");
}

KTEST(peer_control, an_abandoned_command_comes_back_with_its_answer)
{
	struct pretended *device = pretended_new(test);
	struct peer_slot *slot;

	REQUIRE(device);
	slot = command_in_flight(device);
	REQUIRE(slot);
	EXPECT_EQ(peer_slot_wait(device->peer, slot, NSEC_PER_MSEC), -ETIMEDOUT);
	EXPECT_EQ(slot->state, PEER_SLOT_ABANDONED);
	EXPECT(!peer_control_idle(device->peer));
	/* It is young: that alone is no reason to declare the device dead. */
	peer_control_check(device->peer);
	EXPECT(peer_alive(device->peer));
	pretended_answer(device, PEER_QUEUE_CONTROL, slot,
			 sizeof(struct peer_wire_answer));
	KTEST_WAIT_FOR(test, peer_control_idle(device->peer));
	EXPECT(peer_alive(device->peer));
}

struct late {
	struct pretended *device;
	struct peer_slot *slot;
	struct ktest_step step;
	int result;
};

static void end_slowly(struct team_worker *me)
{
	struct late *late = me->arg;
	struct peer *peer = late->device->peer;
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	step_signal(&late->step, 1);
	udelay(5000);
	peer_die_locked(peer, "a test says so");
	spin_unlock_irqrestore(&peer->lock, flags);
}

static void wait_shortly(struct team_worker *me)
{
	struct late *late = me->arg;

	step_wait(&late->step, 1);
	late->result =
		peer_slot_wait(late->device->peer, late->slot, NSEC_PER_MSEC);
}

/*
 *	waiter				another thread
 *					lock
 *	time is up; lock: waits
 *					death: the slot ends with -EIO
 *					unlock
 *	not in flight any more: -EIO	(abandoned, it would never be free again)
 */
KTEST(peer_control, a_wait_that_runs_out_as_its_command_ends_has_the_result,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct pretended *device = pretended_new(test);
	struct late *late = ktest_alloc(test, sizeof(*late));
	struct team *team = team_new(test);

	REQUIRE(device);
	late->device = device;
	late->slot = command_in_flight(device);
	REQUIRE(late->slot);
	step_init(&late->step, test);
	team_add(team, 1, 1, end_slowly, late);
	team_add(team, 1, 1, wait_shortly, late);
	team_go(team);
	team_wait(team);
	EXPECT_EQ(late->result, -EIO);
	EXPECT_EQ(late->slot->state, PEER_SLOT_HELD);
	peer_slot_put(device->peer, late->slot);
	EXPECT(peer_control_idle(device->peer));
}

/* How the process at the other end differs from that of the HELLO. */
static u32 beat_of_another(struct pretended *device,
			   struct peer_wire_request *request, void *answer)
{
	struct peer_wire_heartbeat_clock *beat = answer;
	u32 length = pretended_obey(device, request, answer);

	if (device->arg)
		beat->beat.instance++;
	else
		beat->beat.session = 0;
	return length;
}

static void expect_exchanged(struct ktest *test, void *arg)
{
	struct pretended *device = pretended_new(test);

	REQUIRE(device);
	EXPECT_EQ(peer_ping(device->peer), 0);
	device->command = beat_of_another;
	device->arg = arg;
	EXPECT_EQ(peer_ping(device->peer), -EIO);
	EXPECT_STREQ(device->peer->dead, "its process was restarted");
	EXPECT_EQ(device->peer->counters.beats, 1UL);
}

KTEST(peer_control, a_process_that_was_exchanged_is_noticed_by_its_instance)
{
	expect_exchanged(test, test);
}

KTEST(peer_control, a_session_that_ended_is_noticed_by_its_number)
{
	expect_exchanged(test, NULL);
}

static u32 beat_without_clock(struct pretended *device,
			      struct peer_wire_request *request, void *answer)
{
	pretended_obey(device, request, answer);
	return sizeof(struct peer_wire_heartbeat_answer);
}

KTEST(peer_control, a_device_without_a_clock_lives_and_leaves_no_record_of_it)
{
	struct pretended *device = pretended_new(test);

	REQUIRE(device);
	device->command = beat_without_clock;
	observed_begin(test);
	EXPECT_EQ(peer_ping(device->peer), 0);
	EXPECT_EQ(device->peer->counters.beats, 1UL);
	EXPECT(!observed("*peer_clock: *"));
	device->command = pretended_obey;
	EXPECT_EQ(peer_ping(device->peer), 0);
	EXPECT(observed("*peer_clock: *"));
}

/* The request lies in memory that is shared with the device's process. */
static u32 overwrite_request(struct pretended *device,
			     struct peer_wire_request *request, void *answer)
{
	request->command = 99;
	return pretended_obey(device, request, answer);
}

KTEST(peer_control, a_request_that_the_device_overwrites_has_no_name_in_the_record)
{
	struct pretended *device = pretended_new(test);

	REQUIRE(device);
	device->command = overwrite_request;
	observed_begin(test);
	EXPECT_EQ(simple_command(device), 0);
	EXPECT_OBSERVED("*peer_command: STATS *",
			"*peer_answer: ? *: status 0 *");
}
