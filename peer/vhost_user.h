/* SPDX-License-Identifier: MIT */
/*
 * peer/vhost_user.h - the conversation with QEMU
 */
#ifndef PEER_VHOST_USER_H
#define PEER_VHOST_USER_H

#include "device.h"

enum serve_end {
	SERVE_DISCONNECTED, /* the front end went away */
	SERVE_REFUSED,      /* it broke the protocol; we hung up */
	SERVE_STOPPED,      /* @stop_fd became readable */
};

/**
 * vhost_user_serve() - be the back end of one connection, to its end
 * @fd: a connected stream socket; the caller closes it
 * @stop_fd: readable when the process should end
 *
 * Afterwards the device has no session, no memory and no ring running.
 */
enum serve_end vhost_user_serve(struct device *device, int fd, int stop_fd);

#endif /* PEER_VHOST_USER_H */
