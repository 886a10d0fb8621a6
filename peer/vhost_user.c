// SPDX-License-Identifier: MIT
/*
 * peer/vhost_user.c - the conversation with QEMU
 *
 * Problem.  QEMU owns the guest's memory and the virtio device's registers; the peer
 * owns what the device does. Over a socket QEMU hands over memory, rings and
 * eventfds, and takes them away again. While QEMU waits for an answer the whole
 * guest stands still.
 *
 * Idea.  One thread reads one message at a time, and handles it with the gate closed,
 * so that it may change anything. Sections inside the gate are short, so it waits
 * microseconds. The gate opens when the three queues that every driver has are
 * running and enabled; a ring that stops closes it.
 *
 * A stop looks the same whether the guest reset the device or its user stopped the
 * machine for a while (the monitor, a debugger): GET_VRING_BASE for each ring. The
 * difference is seen at the next start of queue 0:
 *
 *	base and used index as they were, and not 0	the session goes on
 *	anything else					it is dropped
 *
 * A driver that sets a device up begins all rings at 0.
 *
 * A descriptor that is sent again replaces the old one. A message that is refused has
 * changed nothing and is closed with its descriptors.
 *
 * The configuration space belongs to the front end: QEMU's vhost-user-fs has one of
 * its own. A generic front end asks for it by GET_CONFIG, if the peer offers one
 * (--config). It is not offered by default: QEMU 7.2 warns of an offer that it cannot
 * use.
 *
 * Not here: the bytes on the socket (vhost_message.c).
 *
 * Tests: tests/peer, group "front".
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util.h"
#include "vhost_message.h"
#include "vhost_user.h"

#define FEATURE_INDIRECT_DESC (1ull << 28)
#define FEATURE_EVENT_IDX     (1ull << 29)
#define FEATURE_VU_PROTOCOL   (1ull << 30)
#define FEATURE_VERSION_1     (1ull << 32)
#define FEATURES                                                           \
	(FEATURE_INDIRECT_DESC | FEATURE_EVENT_IDX | FEATURE_VU_PROTOCOL | \
	 FEATURE_VERSION_1)

struct front {
	struct device *device;
	struct front_socket socket;
	uint64_t features;
	uint64_t protocol_features;
};

/* The configuration space, for a front end that has none of its own. */
static const struct peer_wire_config config = {
	.tag = PEER_TAG,
	.work_queues = PEER_QUEUES_MAX - PEER_QUEUE_WORK,
};

_Static_assert(sizeof(config) <= VU_CONFIG_MAX, "the protocol carries it");

/* The offer of the peer. */
static uint64_t protocol_features(const struct front *front)
{
	return VU_PROTOCOL_MQ | VU_PROTOCOL_REPLY_ACK |
	       (front->device->config.offer_config ? VU_PROTOCOL_CONFIG : 0);
}

/* ---- rings -------------------------------------------------------------- */

static struct ring *ring_of(struct front *front, uint64_t index)
{
	return index < PEER_QUEUES_MAX ? &front->device->ring[index] : NULL;
}

static int set_mem_table(struct front *front, struct message *message)
{
	struct device *device = front->device;
	struct memory new = {0};
	int error = 0;

	if (message->memory.regions > MEMORY_REGIONS_MAX ||
	    message->memory.regions != message->fds ||
	    message->head.size <
		    8 + message->memory.regions * sizeof(struct vu_region))
		return -EINVAL;
	for (unsigned int i = 0; i < message->fds && !error; i++) {
		const struct vu_region *r = &message->memory.region[i];

		error = memory_add(&new, message->fd[i], r->gpa, r->size,
				   r->uva, r->offset);
	}
	if (error) {
		memory_clear(&new);
		return error;
	}
	memory_clear(&device->memory);
	device->memory = new;
	for (unsigned int i = 0; i < PEER_QUEUES_MAX; i++) {
		struct ring *ring = &device->ring[i];

		if (ring->running && ring_resolve(ring, &device->memory))
			ring_stop(ring);
	}
	return 0;
}

static int set_vring_num(struct front *front, const struct message *message)
{
	struct ring *ring = ring_of(front, message->state.index);
	uint32_t num = message->state.num;

	if (!ring || ring->running || !num || num > RING_SIZE_MAX ||
	    num & (num - 1))
		return -EINVAL;
	ring->size = num;
	return 0;
}

static int set_vring_addr(struct front *front, const struct message *message)
{
	struct ring *ring = ring_of(front, message->addr.index);

	if (!ring || ring->running)
		return -EINVAL;
	ring->desc_uva = message->addr.desc;
	ring->avail_uva = message->addr.avail;
	ring->used_uva = message->addr.used;
	ring->have_addresses = true;
	return 0;
}

/*
 * Starts @ring at its base. For the control queue this is where stop-and-continue
 * and reset differ; see the head of this file.
 */
static int start_ring(struct front *front, struct ring *ring)
{
	struct device *device = front->device;
	uint16_t stopped_used = ring->next_used;
	int error;

	if (ring->running)
		return 0;
	error = ring_start(ring, &device->memory);
	if (error)
		return error;
	ring->event_index = front->features & FEATURE_EVENT_IDX;
	if (ring->index == PEER_QUEUE_CONTROL &&
	    (!ring->next_avail || ring->moved || ring->next_used != stopped_used)) {
		log_line(LOG_DEBUG, "new session");
		session_drop(device);
	}
	ring->moved = false;
	return 0;
}

static int set_vring_base(struct front *front, const struct message *message)
{
	struct ring *ring = ring_of(front, message->state.index);

	if (!ring || ring->running || message->state.num > UINT16_MAX)
		return -EINVAL;
	if (ring->next_avail != message->state.num)
		ring->moved = true;
	ring->next_avail = (uint16_t)message->state.num;
	return 0;
}

static int get_vring_base(struct front *front, uint32_t index, uint32_t *base)
{
	struct ring *ring = ring_of(front, index);

	if (!ring)
		return -EINVAL;
	ring_stop(ring);
	device_unwatch(front->device, ring);
	*base = ring->next_avail;
	return 0;
}

static void replace_fd(int *where, int fd)
{
	if (*where >= 0)
		close(*where);
	*where = fd;
}

static int set_vring_fd(struct front *front, struct message *message)
{
	struct ring *ring = ring_of(front, message->u64 & VU_VRING_INDEX_MASK);
	int fd;

	if (!ring)
		return -EINVAL;
	fd = message->u64 & VU_VRING_NO_FD ? -1 : message_take_fd(message);
	switch (message->head.request) {
	case VU_SET_VRING_CALL:
		replace_fd(&ring->call_fd, fd);
		return 0;
	case VU_SET_VRING_ERR:
		replace_fd(&ring->err_fd, fd);
		return 0;
	default:
		if (fd < 0)
			return -EINVAL; /* a ring that is never kicked */
		device_watch(front->device, ring, fd);
		if (!(front->features & FEATURE_VU_PROTOCOL))
			ring->enabled = true;
		return start_ring(front, ring);
	}
}

static int set_vring_enable(struct front *front, const struct message *message)
{
	struct ring *ring = ring_of(front, message->state.index);

	if (!ring || message->state.num > 1)
		return -EINVAL;
	ring->enabled = message->state.num;
	return 0;
}

/*
 * The driver may have posted before the ring could be served: look once
 * without being kicked.
 */
static void kick_all(struct device *device)
{
	for (unsigned int i = 0; i < PEER_QUEUES_MAX; i++) {
		const struct ring *ring = &device->ring[i];

		if (ring->running && ring->enabled && ring->kick_fd >= 0 &&
		    eventfd_write(ring->kick_fd, 1))
			log_line(LOG_DEBUG, "queue %u: kick eventfd is full", i);
	}
}

/* Opens the gate if the queues that every driver has are running. */
static void open_if_ready(struct device *device)
{
	for (unsigned int i = 0; i < PEER_QUEUES_MIN; i++) {
		if (!device->ring[i].running || !device->ring[i].enabled)
			return;
	}
	kick_all(device);
	gate_open(&device->gate);
}

/* ---- messages ----------------------------------------------------------- */

/* Bytes of payload that a request has at least. */
static uint32_t payload_of(uint32_t request)
{
	switch (request) {
	case VU_SET_MEM_TABLE:
		return offsetof(struct vu_memory, region);
	case VU_SET_VRING_ADDR:
		return sizeof(struct vu_vring_addr);
	case VU_GET_CONFIG:
		return VU_CONFIG_HEAD;
	case VU_SET_FEATURES:
	case VU_SET_PROTOCOL_FEATURES:
	case VU_SET_VRING_KICK:
	case VU_SET_VRING_CALL:
	case VU_SET_VRING_ERR:
		return sizeof(uint64_t);
	case VU_SET_VRING_NUM:
	case VU_SET_VRING_BASE:
	case VU_GET_VRING_BASE:
	case VU_SET_VRING_ENABLE:
		return sizeof(struct vu_vring_state);
	default:
		return 0;
	}
}

static int change(struct front *front, struct message *message)
{
	switch (message->head.request) {
	case VU_SET_FEATURES:
		if (message->u64 & ~FEATURES)
			return -EINVAL;
		front->features = message->u64;
		return 0;
	case VU_SET_PROTOCOL_FEATURES:
		if (message->u64 & ~protocol_features(front))
			return -EINVAL;
		front->protocol_features = message->u64;
		return 0;
	case VU_SET_OWNER:
	case VU_RESET_OWNER:
		return 0;
	case VU_SET_MEM_TABLE:
		return set_mem_table(front, message);
	case VU_SET_VRING_NUM:
		return set_vring_num(front, message);
	case VU_SET_VRING_ADDR:
		return set_vring_addr(front, message);
	case VU_SET_VRING_BASE:
		return set_vring_base(front, message);
	case VU_SET_VRING_KICK:
	case VU_SET_VRING_CALL:
	case VU_SET_VRING_ERR:
		return set_vring_fd(front, message);
	case VU_SET_VRING_ENABLE:
		return set_vring_enable(front, message);
	default:
		return -EOPNOTSUPP;
	}
}

/*
 * Requests that have an answer of their own are always answered, or QEMU waits
 * for ever; a wrong one with zeros, GET_CONFIG with no payload at all.
 */
static enum io_end answer_u64(struct front *front, struct message *message,
			      uint64_t value)
{
	return message_reply(&front->socket, message, &value, sizeof(value));
}

static enum io_end answer_base(struct front *front, struct message *message,
			       int *error)
{
	struct vu_vring_state state = {.index = message->state.index};

	if (!*error)
		*error = get_vring_base(front, state.index, &state.num);
	return message_reply(&front->socket, message, &state, sizeof(state));
}

static enum io_end answer_config(struct front *front, struct message *message,
				 int *error)
{
	struct vu_config *c = &message->config;
	unsigned char space[VU_CONFIG_MAX] = {0};

	memcpy(space, &config, sizeof(config));
	if (!*error &&
	    (c->offset > sizeof(space) || c->size > sizeof(space) - c->offset ||
	     message->head.size != VU_CONFIG_HEAD + c->size))
		*error = -EINVAL;
	if (*error)
		return message_reply(&front->socket, message, message->bytes, 0);
	memcpy(c->bytes, space + c->offset, c->size);
	return message_reply(&front->socket, message, c,
			     VU_CONFIG_HEAD + c->size);
}

static enum io_end handle(struct front *front, struct message *message)
{
	const uint32_t flags = message->head.flags;
	const uint32_t request = message->head.request;
	enum io_end end = IO_DONE;
	bool answered = true;
	int error = 0;

	if (message->head.size < payload_of(request))
		error = -EINVAL;
	switch (request) {
	case VU_GET_FEATURES:
		end = answer_u64(front, message, FEATURES);
		break;
	case VU_GET_PROTOCOL_FEATURES:
		end = answer_u64(front, message, protocol_features(front));
		break;
	case VU_GET_QUEUE_NUM:
		end = answer_u64(front, message, PEER_QUEUES_MAX);
		break;
	case VU_GET_VRING_BASE:
		end = answer_base(front, message, &error);
		break;
	case VU_GET_CONFIG:
		end = answer_config(front, message, &error);
		break;
	default:
		answered = false;
		if (!error)
			error = change(front, message);
	}
	log_line(LOG_DEBUG, "vhost-user request %u: %s", request,
		 error ? strerror(-error) : "ok");
	if (!answered && flags & VU_FLAG_NEED_REPLY &&
	    front->protocol_features & VU_PROTOCOL_REPLY_ACK)
		end = answer_u64(front, message, error ? 1 : 0);
	return end;
}

static enum serve_end serve_messages(struct front *front)
{
	struct message message;
	enum io_end end;

	for (;;) {
		end = message_receive(&front->socket, &message);
		if (end == IO_DONE) {
			gate_close(&front->device->gate);
			end = handle(front, &message);
			open_if_ready(front->device);
			message_close_fds(&message);
		}
		switch (end) {
		case IO_DONE:
			break;
		case IO_CLOSED:
			return SERVE_DISCONNECTED;
		case IO_REFUSED:
			return SERVE_REFUSED;
		case IO_STOPPED:
			return SERVE_STOPPED;
		}
	}
}

static void forget_rings(struct device *device)
{
	for (unsigned int i = 0; i < PEER_QUEUES_MAX; i++) {
		struct ring *ring = &device->ring[i];

		ring_stop(ring);
		device_unwatch(device, ring);
		replace_fd(&ring->call_fd, -1);
		replace_fd(&ring->err_fd, -1);
		ring->size = 0;
		ring->have_addresses = false;
		ring->enabled = false;
		ring->next_avail = 0;
		ring->moved = false;
	}
}

enum serve_end vhost_user_serve(struct device *device, int fd, int stop_fd)
{
	struct front front = {
		.device = device,
		.socket = {.fd = fd, .stop_fd = stop_fd},
	};
	enum serve_end end = serve_messages(&front);

	gate_close(&device->gate);
	session_drop(device);
	forget_rings(device);
	memory_clear(&device->memory);
	return end;
}
