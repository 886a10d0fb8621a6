// SPDX-License-Identifier: MIT
/*
 * peer/vhost_user.c - the conversation with QEMU
 *
 * Problem.  QEMU owns the guest's memory and the virtio device's registers; we
 * own what the device does. Over a socket it hands us memory, rings and
 * eventfds, and takes them back. While it waits for an answer the whole guest
 * stands still.
 *
 * Idea.  One thread reads one message at a time, with the gate closed, so that
 * it may change anything; sections inside the gate are short, so it waits
 * microseconds. The gate opens when the three queues that every driver has are
 * running and enabled; a ring that stops closes it.
 *
 * A stop looks the same whether the guest reset the device or its user
 * stopped the machine for a while (the monitor, a debugger): GET_VRING_BASE for
 * each ring. The difference is seen at the next start of queue 0:
 *
 *	base and used index as they were, and not 0	the session goes on
 *	anything else					it is dropped
 *
 * A driver that sets a device up begins all rings at 0.
 *
 * A descriptor sent again replaces the old one. A descriptor nobody takes is
 * closed. A message longer than any known one, or with more descriptors than
 * the protocol allows, ends the connection.
 *
 * Tests: tests/peer, group "front end".
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"
#include "vhost_user.h"

/* Requests a front end sends. */
enum {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_RESET_OWNER = 4,
	VU_SET_MEM_TABLE = 5,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_SET_VRING_ERR = 14,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
};

#define VU_VERSION            1u
#define VU_VERSION_MASK       3u
#define VU_FLAG_REPLY         4u
#define VU_FLAG_NEED_REPLY    8u

#define VU_PROTOCOL_MQ        (1ull << 0)
#define VU_PROTOCOL_REPLY_ACK (1ull << 3)
#define VU_PROTOCOL_FEATURES  (VU_PROTOCOL_MQ | VU_PROTOCOL_REPLY_ACK)

#define FEATURE_INDIRECT_DESC (1ull << 28)
#define FEATURE_EVENT_IDX     (1ull << 29)
#define FEATURE_VU_PROTOCOL   (1ull << 30)
#define FEATURE_VERSION_1     (1ull << 32)
#define FEATURES                                                           \
	(FEATURE_INDIRECT_DESC | FEATURE_EVENT_IDX | FEATURE_VU_PROTOCOL | \
	 FEATURE_VERSION_1)

#define VU_VRING_INDEX_MASK 0xffu
#define VU_VRING_NO_FD      (1u << 8)

#define FDS_MAX             MEMORY_REGIONS_MAX

struct vu_region {
	uint64_t gpa;
	uint64_t size;
	uint64_t uva;
	uint64_t offset;
};

struct vu_memory {
	uint32_t regions;
	uint32_t padding;
	struct vu_region region[MEMORY_REGIONS_MAX];
};

struct vu_vring_state {
	uint32_t index;
	uint32_t num;
};

struct vu_vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;
	uint64_t used;
	uint64_t avail;
	uint64_t log;
};

struct message {
	struct {
		uint32_t request;
		uint32_t flags;
		uint32_t size;
	} head;
	union {
		uint64_t u64;
		struct vu_vring_state state;
		struct vu_vring_addr addr;
		struct vu_memory memory;
		unsigned char bytes[512];
	};
	int fd[FDS_MAX];
	unsigned int fds;
};

_Static_assert(sizeof(struct vu_region) == 32 &&
		       sizeof(struct vu_vring_addr) == 40,
	       "as the vhost-user protocol lays them out");

struct front {
	struct device *device;
	int fd;
	int stop_fd;
	uint64_t features;
	uint64_t protocol_features;
};

/* ---- bytes and descriptors ---------------------------------------------- */

enum io_end { IO_DONE, IO_CLOSED, IO_STOPPED };

static enum io_end wait_for(const struct front *front, short events)
{
	struct pollfd p[2] = {
		{.fd = front->fd, .events = events},
		{.fd = front->stop_fd, .events = POLLIN},
	};

	while (poll(p, 2, -1) < 0) {
		if (errno != EINTR)
			return IO_CLOSED;
	}
	return p[1].revents ? IO_STOPPED : IO_DONE;
}

static void close_fds(struct message *message)
{
	while (message->fds)
		close(message->fd[--message->fds]);
}

/* Keeps the descriptors that came along; false if there were too many. */
static bool take_fds(struct message *message, struct msghdr *header)
{
	struct cmsghdr *c;
	bool fine = !(header->msg_flags & MSG_CTRUNC);

	for (c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (message->fds < FDS_MAX) {
				message->fd[message->fds++] = fd;
			} else {
				close(fd);
				fine = false;
			}
		}
	}
	return fine;
}

static enum io_end receive_bytes(const struct front *front,
				 struct message *message, void *to, size_t len)
{
	union {
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	size_t done = 0;

	while (done < len) {
		struct iovec iov = {(char *)to + done, len - done};
		struct msghdr header = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes),
		};
		enum io_end end = wait_for(front, POLLIN);
		ssize_t n;

		if (end != IO_DONE)
			return end;
		n = recvmsg(front->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return IO_CLOSED;
		if (!take_fds(message, &header))
			return IO_CLOSED;
		done += (size_t)n;
	}
	return IO_DONE;
}

static enum io_end send_reply(const struct front *front, struct message *message,
			      const void *payload, uint32_t size)
{
	char bytes[sizeof(message->head) + sizeof(message->bytes)];
	size_t len = sizeof(message->head) + size;
	size_t done = 0;

	message->head.flags = VU_VERSION | VU_FLAG_REPLY;
	message->head.size = size;
	memcpy(bytes, &message->head, sizeof(message->head));
	memcpy(bytes + sizeof(message->head), payload, size);
	while (done < len) {
		enum io_end end = wait_for(front, POLLOUT);
		ssize_t n;

		if (end != IO_DONE)
			return end;
		n = send(front->fd, bytes + done, len - done,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return IO_CLOSED;
		done += (size_t)n;
	}
	return IO_DONE;
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

	if (message->head.size < 8 ||
	    message->memory.regions > MEMORY_REGIONS_MAX ||
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
 * Starts @ring at the base it was told. For the control queue this is where
 * stop-and-continue and reset part; see the head of this file.
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
		device_drop_session(device);
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

static enum io_end get_vring_base(struct front *front, struct message *message,
				  int *error)
{
	struct ring *ring = ring_of(front, message->state.index);
	struct vu_vring_state state = {.index = message->state.index};

	if (!ring) {
		*error = -EINVAL;
	} else {
		ring_stop(ring);
		device_unwatch(front->device, ring);
		state.num = ring->next_avail;
	}
	return send_reply(front, message, &state, sizeof(state));
}

/* The descriptor of a KICK, CALL or ERR message, ours from now on. */
static int take_vring_fd(struct message *message)
{
	int fd = -1;

	if (!(message->u64 & VU_VRING_NO_FD) && message->fds) {
		fd = message->fd[--message->fds];
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	}
	return fd;
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
	fd = take_vring_fd(message);
	switch (message->head.request) {
	case VU_SET_VRING_CALL:
		replace_fd(&ring->call_fd, fd);
		return 0;
	case VU_SET_VRING_ERR:
		replace_fd(&ring->err_fd, fd);
		return 0;
	default:
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

/* Lets the device run if the queues that every driver has do. */
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

static bool has_own_reply(uint32_t request)
{
	return request == VU_GET_FEATURES ||
	       request == VU_GET_PROTOCOL_FEATURES ||
	       request == VU_GET_QUEUE_NUM || request == VU_GET_VRING_BASE;
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
		if (message->u64 & ~VU_PROTOCOL_FEATURES)
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

static enum io_end send_u64(struct front *front, struct message *message,
			    uint64_t value)
{
	return send_reply(front, message, &value, sizeof(value));
}

static enum io_end handle(struct front *front, struct message *message)
{
	const uint32_t flags = message->head.flags;
	const uint32_t request = message->head.request;
	enum io_end end = IO_DONE;
	int error = 0;

	switch (request) {
	case VU_GET_FEATURES:
		end = send_u64(front, message, FEATURES);
		break;
	case VU_GET_PROTOCOL_FEATURES:
		end = send_u64(front, message, VU_PROTOCOL_FEATURES);
		break;
	case VU_GET_QUEUE_NUM:
		end = send_u64(front, message, PEER_QUEUES_MAX);
		break;
	case VU_GET_VRING_BASE:
		end = get_vring_base(front, message, &error);
		break;
	default:
		error = change(front, message);
	}
	log_line(LOG_DEBUG, "vhost-user request %u: %s", request,
		 error ? strerror(-error) : "ok");
	if (end == IO_DONE && flags & VU_FLAG_NEED_REPLY &&
	    front->protocol_features & VU_PROTOCOL_REPLY_ACK &&
	    !has_own_reply(request))
		end = send_u64(front, message, error ? 1 : 0);
	return end;
}

static enum serve_end serve_messages(struct front *front)
{
	struct message message;
	enum io_end end;

	for (;;) {
		memset(&message, 0, sizeof(message));
		end = receive_bytes(front, &message, &message.head,
				    sizeof(message.head));
		if (end == IO_DONE &&
		    (message.head.size > sizeof(message.bytes) ||
		     (message.head.flags & VU_VERSION_MASK) != VU_VERSION)) {
			close_fds(&message);
			return SERVE_REFUSED;
		}
		if (end == IO_DONE)
			end = receive_bytes(front, &message, message.bytes,
					    message.head.size);
		if (end == IO_DONE) {
			gate_close(&front->device->gate);
			end = handle(front, &message);
			open_if_ready(front->device);
		}
		close_fds(&message);
		if (end != IO_DONE)
			return end == IO_STOPPED ? SERVE_STOPPED
						 : SERVE_DISCONNECTED;
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
		.fd = fd,
		.stop_fd = stop_fd,
	};
	enum serve_end end = serve_messages(&front);

	gate_close(&device->gate);
	device_drop_session(device);
	forget_rings(device);
	memory_clear(&device->memory);
	return end;
}
