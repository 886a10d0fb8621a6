// SPDX-License-Identifier: MIT
/*
 * drivers/peer/control.c - commands to the device, and their answers
 *
 * Problem.  An invalidate callback must send a command and wait for its answer
 * without allocating, and must not wait behind commands that take long.
 *
 * Idea.  A command lives in a slot, and all slots exist from the start. Most are
 * for any command. Some are reserved for INVALIDATE and CTX_DESTROY, by which the
 * device lets go of pages: it answers these as soon as no access is in flight.
 * One is for the heartbeat, which must go on when all others are used up. The
 * device carries commands out in the order in which they were sent. It may answer
 * in any order: the answer to a grant comes only when the device has replayed the
 * access.
 *
 *	state		owner			leaves it by
 *	FREE		the list		peer_slot_get()
 *	HELD		its holder		peer_slot_send(), _put()
 *	FLIGHT		the device		answer or death: HELD;
 *						timeout: ABANDONED
 *	ABANDONED	the device		answer or death: FREE
 *
 * Every wait has a limit, because a device that answers nothing but heartbeats
 * must not hold up its users for good:
 *
 *	wait for			limit		then
 *	the answer to a command		PEER_DEATH_NS	declared dead
 *	the answer to a grant		PEER_REPLAY_NS	abandoned: page unlocked
 *	the same, abandoned		PEER_DEATH_NS	declared dead
 *	a slot				PEER_DEATH_NS	declared dead
 *
 * A slot that the device may still write is not used again. When the device is
 * declared dead, all slots come back with -EIO. A device that is not dead after
 * all could then write into an answer, but no command is sent until
 * peer_restart() has reset it, so no answer is read.
 *
 *	field			read with	write with
 *	slot->state, ->link	peer->lock	peer->lock
 *	slot->sent		peer->lock	peer->lock
 *	slot->error, ->written	after ->done	peer->lock
 *	slot->request		the device	holder, while HELD
 *	slot->answer		after ->done	the device
 *
 * Not here: the check of an answer's contents (wire.c).
 */
#include <arch/page.h>
#include <lib/assert.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <kernel/time.h>
#include <kernel/trace.h>

#include "internal.h"

DEFINE_TRACE_EVENT(peer_command, "command ctx slot peer",
		   "%s of ctx %lu in slot %lu of peer %lu");
DEFINE_TRACE_EVENT(peer_answer, "command ctx slot status ns peer",
		   "%s of ctx %lu in slot %lu: status %ld after %lu ns of peer %lu");
DEFINE_TRACE_EVENT(peer_clock, "peer before after device",
		   "peer %lu, between %lu and %lu ns: its clock has %lu ns");

static const char *const command_names[] = {
	[PEER_CMD_HELLO] = "HELLO",
	[PEER_CMD_HEARTBEAT] = "HEARTBEAT",
	[PEER_CMD_ECHO] = "ECHO",
	[PEER_CMD_RESET] = "RESET",
	[PEER_CMD_CTX_CREATE] = "CTX_CREATE",
	[PEER_CMD_CTX_DESTROY] = "CTX_DESTROY",
	[PEER_CMD_MAP] = "MAP",
	[PEER_CMD_INVALIDATE] = "INVALIDATE",
	[PEER_CMD_FAULT_RESPONSE] = "FAULT_RESPONSE",
	[PEER_CMD_DEVMEM_COPY] = "DEVMEM_COPY",
	[PEER_CMD_SET_OPTION] = "SET_OPTION",
	[PEER_CMD_STATS] = "STATS",
	[PEER_CMD_QUERY] = "QUERY",
};

/* For records. The request is the driver's: the device only reads it. */
static const char *command_name(const struct peer_slot *slot)
{
	const struct peer_wire_request *request = slot->request;

	return request->command < ARRAY_SIZE(command_names)
		       ? command_names[request->command]
		       : "?";
}

static u32 command_ctx(const struct peer_slot *slot)
{
	return ((const struct peer_wire_request *)slot->request)->ctx;
}

static enum peer_slot_class slot_class(unsigned int i)
{
	if (i < PEER_SLOTS)
		return PEER_SLOT_ANY;
	return i < PEER_SLOTS + PEER_SLOTS_RESERVED ? PEER_SLOT_INVALIDATE
						    : PEER_SLOT_BEAT;
}

void peer_control_init(struct peer *peer)
{
	unsigned int i;

	for (i = 0; i < PEER_SLOT_CLASSES; i++)
		INIT_LIST_HEAD(&peer->free_slots[i]);
	for (i = 0; i < ARRAY_SIZE(peer->slots); i++) {
		struct peer_slot *slot = &peer->slots[i];

		slot->class = slot_class(i);
		slot->state = PEER_SLOT_FREE;
		list_add_tail(&slot->link, &peer->free_slots[slot->class]);
	}
}

static struct peer_slot *slot_try_get(struct peer *peer,
				      enum peer_slot_class class)
{
	struct peer_slot *slot = NULL;
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	if (!peer->dead && !list_empty(&peer->free_slots[class])) {
		slot = list_first_entry(&peer->free_slots[class],
					struct peer_slot, link);
		list_del(&slot->link);
		slot->state = PEER_SLOT_HELD;
		slot->error = 0;
		slot->written = 0;
		init_completion(&slot->done);
	}
	spin_unlock_irqrestore(&peer->lock, flags);
	return slot;
}

struct peer_slot *peer_slot_get(struct peer *peer, enum peer_slot_class class)
{
	struct peer_slot *slot = NULL;

	wait_event_timeout_ns(&peer->slot_wait,
			      (slot = slot_try_get(peer, class)) ||
				      !peer_alive(peer),
			      PEER_DEATH_NS);
	if (!slot)
		peer_die(peer, "it leaves too many commands unanswered");
	return slot;
}

int peer_slot_send(struct peer *peer, struct peer_slot *slot, u32 length,
		   u32 answer_length)
{
	struct virtqueue_buffer buffers[2] = {
		{virt_to_phys(slot->request), length},
		{virt_to_phys(slot->answer), answer_length},
	};
	unsigned long flags;
	int err = -EIO;

	ASSERT(length <= PEER_REQUEST_BYTES);
	ASSERT(answer_length <= PEER_ANSWER_BYTES);
	memset(slot->answer, 0xff, answer_length);
	spin_lock_irqsave(&peer->lock, flags);
	ASSERT(slot->state == PEER_SLOT_HELD);
	/* Both before the device can see it: what it does comes later. */
	slot->sent = clock_ns();
	OBSERVE(peer_command, command_name(slot), command_ctx(slot),
		slot - peer->slots, peer->index);
	if (!peer->dead)
		err = virtqueue_add(&peer->control->vq, buffers, 1, 1, slot);
	if (!err) {
		slot->state = PEER_SLOT_FLIGHT;
		virtqueue_kick(&peer->control->vq);
	}
	spin_unlock_irqrestore(&peer->lock, flags);
	return err ? -EIO : 0;
}

static void slot_free_locked(struct peer *peer, struct peer_slot *slot)
{
	lockdep_assert_held(&peer->lock);
	slot->state = PEER_SLOT_FREE;
	list_add_tail(&slot->link, &peer->free_slots[slot->class]);
}

static void slot_finish_locked(struct peer *peer, struct peer_slot *slot,
			       int error)
{
	if (slot->state == PEER_SLOT_ABANDONED) {
		slot_free_locked(peer, slot);
		return;
	}
	/* An answer after death: at death its waiter got -EIO already. */
	if (slot->state != PEER_SLOT_FLIGHT)
		return;
	slot->error = error;
	slot->state = PEER_SLOT_HELD;
	complete(&slot->done);
}

void peer_control_interrupt(void *arg)
{
	struct peer *peer = arg;
	struct virtqueue *vq = &peer->control->vq;
	struct peer_slot *slot;
	unsigned long flags;
	u32 written;

	spin_lock_irqsave(&peer->lock, flags);
	do {
		virtqueue_interrupt_off(vq);
		while ((slot = virtqueue_take(vq, &written))) {
			int error = 0;

			peer->counters.commands++;
			slot->answered = clock_ns();
			OBSERVE(peer_answer, command_name(slot),
				command_ctx(slot), slot - peer->slots,
				peer_slot_status(slot),
				slot->answered - slot->sent, peer->index);
			if (slot->state == PEER_SLOT_FLIGHT)
				slot->written = written;
			if (written < sizeof(struct peer_wire_answer)) {
				peer->counters.bad_answers++;
				error = -EPROTO;
			}
			slot_finish_locked(peer, slot, error);
		}
	} while (!virtqueue_interrupt_on(vq));
	if (vq->broken)
		peer_die_locked(peer, "it broke the control queue");
	spin_unlock_irqrestore(&peer->lock, flags);
	wake_up_all(&peer->slot_wait);
}

int peer_slot_wait(struct peer *peer, struct peer_slot *slot, u64 timeout_ns)
{
	unsigned long flags;
	bool abandoned;

	if (wait_for_completion_timeout_ns(&slot->done, timeout_ns))
		return slot->error;
	spin_lock_irqsave(&peer->lock, flags);
	abandoned = slot->state == PEER_SLOT_FLIGHT;
	if (abandoned)
		slot->state = PEER_SLOT_ABANDONED;
	spin_unlock_irqrestore(&peer->lock, flags);
	return abandoned ? -ETIMEDOUT : slot->error;
}

u32 peer_slot_status(const struct peer_slot *slot)
{
	const struct peer_wire_answer *answer = slot->answer;
	u32 status = READ_ONCE(answer->status);

	return min_t(u32, status, PEER_S_COUNT);
}

void peer_slot_put(struct peer *peer, struct peer_slot *slot)
{
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	ASSERT(slot->state == PEER_SLOT_HELD);
	slot_free_locked(peer, slot);
	spin_unlock_irqrestore(&peer->lock, flags);
	wake_up_all(&peer->slot_wait);
}

void peer_control_die_locked(struct peer *peer)
{
	unsigned int i;

	lockdep_assert_held(&peer->lock);
	for (i = 0; i < ARRAY_SIZE(peer->slots); i++) {
		struct peer_slot *slot = &peer->slots[i];

		if (slot->state == PEER_SLOT_FLIGHT ||
		    slot->state == PEER_SLOT_ABANDONED)
			slot_finish_locked(peer, slot, -EIO);
	}
	wake_up_all(&peer->slot_wait);
}

void peer_control_check(struct peer *peer)
{
	u64 now = clock_ns();
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&peer->lock, flags);
	for (i = 0; i < ARRAY_SIZE(peer->slots); i++) {
		const struct peer_slot *slot = &peer->slots[i];

		if (slot->state == PEER_SLOT_ABANDONED &&
		    (s64)(now - slot->sent) > (s64)PEER_DEATH_NS)
			peer_die_locked(peer, "it does not report a replay");
	}
	spin_unlock_irqrestore(&peer->lock, flags);
}

bool peer_control_idle(struct peer *peer)
{
	unsigned long flags;
	unsigned int i;
	bool idle = true;

	spin_lock_irqsave(&peer->lock, flags);
	for (i = 0; i < ARRAY_SIZE(peer->slots); i++)
		idle = idle && peer->slots[i].state == PEER_SLOT_FREE;
	spin_unlock_irqrestore(&peer->lock, flags);
	return idle;
}

/**
 * struct exchange - a command and its answer
 * @request: @length bytes
 * @answer: room for @room bytes; a success has at least @least
 * @written: bytes of the answer
 * @sent, @answered: clock_ns()
 */
struct exchange {
	const void *request;
	u32 length;
	void *answer;
	u32 room;
	u32 least;
	u32 written;
	u64 sent;
	u64 answered;
};

static int exchange(struct peer *peer, enum peer_slot_class class,
		    struct exchange *x)
{
	struct peer_slot *slot = peer_slot_get(peer, class);
	u32 status;
	int err;

	if (!slot)
		return -EIO;
	memcpy(slot->request, x->request, x->length);
	err = peer_slot_send(peer, slot, x->length, x->room);
	if (!err)
		err = peer_slot_wait(peer, slot, PEER_DEATH_NS);
	if (err == -ETIMEDOUT) {
		peer_die(peer, "it does not answer a command");
		return -EIO;
	}
	if (!err) {
		status = peer_slot_status(slot);
		err = peer_status_errno(status);
		if (!err && slot->written < x->least)
			err = -EPROTO;
		if (!err)
			memcpy(x->answer, slot->answer, x->room);
		x->written = slot->written;
		x->sent = slot->sent;
		x->answered = slot->answered;
	}
	peer_slot_put(peer, slot);
	return err;
}

int peer_command(struct peer *peer, const void *request, u32 length,
		 void *answer, u32 answer_length)
{
	struct exchange x = {.request = request,
			     .length = length,
			     .answer = answer,
			     .room = answer_length,
			     .least = answer_length};

	return exchange(peer, PEER_SLOT_ANY, &x);
}

int peer_ping(struct peer *peer)
{
	struct peer_wire_request request = {.command = PEER_CMD_HEARTBEAT};
	struct peer_wire_heartbeat_clock answer;
	struct exchange x = {.request = &request,
			     .length = sizeof(request),
			     .answer = &answer,
			     .room = sizeof(answer),
			     .least = sizeof(answer.beat)};
	unsigned long flags;
	int err = exchange(peer, PEER_SLOT_BEAT, &x);

	if (err)
		return -EIO;
	if (answer.beat.instance != peer->hello.instance ||
	    answer.beat.session != peer->hello.session) {
		peer_die(peer, "its process was restarted");
		return -EIO;
	}
	if (x.written >= sizeof(answer))
		OBSERVE(peer_clock, peer->index, x.sent, x.answered,
			answer.now_ns);
	spin_lock_irqsave(&peer->lock, flags);
	peer->counters.beats++;
	spin_unlock_irqrestore(&peer->lock, flags);
	return 0;
}

int peer_set_option(struct peer *peer, struct peer_context *ctx, u32 option,
		    u64 value)
{
	struct peer_wire_set_option request = {
		.head = {.command = PEER_CMD_SET_OPTION, .ctx = ctx ? ctx->id : 0},
		.option = option,
		.value = value,
	};
	struct peer_wire_answer answer;

	return peer_command(peer, &request, sizeof(request), &answer,
			    sizeof(answer));
}

int peer_response_send(struct peer *peer, struct peer_slot *slot, u32 ctx,
		       u64 tag, const struct peer_translation *entry)
{
	struct peer_wire_fault_response *response = slot->request;
	u32 length = sizeof(*response);

	response->head.command = PEER_CMD_FAULT_RESPONSE;
	response->head.ctx = ctx;
	response->tag = tag;
	response->result = entry ? PEER_FAULT_OK : PEER_FAULT_DENY;
	response->count = entry ? 1 : 0;
	if (entry) {
		response->entry[0].va = entry->va;
		response->entry[0].target = entry->pa | entry->prot;
		length += sizeof(response->entry[0]);
	}
	return peer_slot_send(peer, slot, length,
			      sizeof(struct peer_wire_answer));
}
