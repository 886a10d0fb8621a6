// SPDX-License-Identifier: MIT
/*
 * peer/vhost_message.c - messages on the front end's socket
 *
 * A message is a head, a payload and up to eight descriptors. It is read whole
 * before anything looks at it. Not a message of the protocol, and the end of
 * the connection:
 *
 *	a version other than 1
 *	a payload longer than any known one
 *	more descriptors than the protocol allows
 *
 * Each wait for the socket is a wait for the process's end as well. A
 * descriptor that came along is the message's until it is taken, and never
 * blocks a writer from then on.
 *
 * Not here: what a message means (vhost_user.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost_message.h"

static enum io_end wait_for(const struct front_socket *front, short events)
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

void message_close_fds(struct message *message)
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
			if (message->fds < VU_FDS_MAX) {
				message->fd[message->fds++] = fd;
			} else {
				close(fd);
				fine = false;
			}
		}
	}
	return fine;
}

static enum io_end receive_bytes(const struct front_socket *front,
				 struct message *message, void *to, size_t len)
{
	union {
		char bytes[CMSG_SPACE(VU_FDS_MAX * sizeof(int))];
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
			return IO_REFUSED;
		done += (size_t)n;
	}
	return IO_DONE;
}

enum io_end message_receive(const struct front_socket *front,
			    struct message *message)
{
	enum io_end end;

	memset(message, 0, sizeof(*message));
	end = receive_bytes(front, message, &message->head,
			    sizeof(message->head));
	if (end == IO_DONE &&
	    (message->head.size > sizeof(message->bytes) ||
	     (message->head.flags & VU_VERSION_MASK) != VU_VERSION))
		end = IO_REFUSED;
	if (end == IO_DONE)
		end = receive_bytes(front, message, message->bytes,
				    message->head.size);
	if (end != IO_DONE)
		message_close_fds(message);
	return end;
}

enum io_end message_reply(const struct front_socket *front,
			  struct message *message, const void *payload,
			  uint32_t size)
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

int message_take_fd(struct message *message)
{
	int fd;

	if (!message->fds)
		return -1;
	fd = message->fd[--message->fds];
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return fd;
}
