/* SPDX-License-Identifier: MIT */
/*
 * peer/vhost_message.h - one message of the vhost-user protocol
 */
#ifndef PEER_VHOST_MESSAGE_H
#define PEER_VHOST_MESSAGE_H

#include <stdint.h>

#include "memory.h"

/* Requests that a front end sends. */
enum vu_request {
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
	VU_GET_CONFIG = 24,
};

#define VU_VERSION            1u
#define VU_VERSION_MASK       3u
#define VU_FLAG_REPLY         4u
#define VU_FLAG_NEED_REPLY    8u

#define VU_PROTOCOL_MQ        (1ull << 0)
#define VU_PROTOCOL_REPLY_ACK (1ull << 3)
#define VU_PROTOCOL_CONFIG    (1ull << 9)

#define VU_VRING_INDEX_MASK   0xffu
#define VU_VRING_NO_FD        (1u << 8)

#define VU_CONFIG_MAX         256u
#define VU_FDS_MAX            MEMORY_REGIONS_MAX

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

struct vu_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	unsigned char bytes[VU_CONFIG_MAX];
};

#define VU_CONFIG_HEAD 12u

struct message {
	struct {
		uint32_t request; /* enum vu_request, or any other number */
		uint32_t flags;
		uint32_t size;
	} head;
	union {
		uint64_t u64;
		struct vu_vring_state state;
		struct vu_vring_addr addr;
		struct vu_memory memory;
		struct vu_config config;
		unsigned char bytes[512];
	};
	int fd[VU_FDS_MAX];
	unsigned int fds;
};

_Static_assert(sizeof(struct vu_region) == 32 &&
		       sizeof(struct vu_vring_addr) == 40 &&
		       __builtin_offsetof(struct vu_config, bytes) ==
			       VU_CONFIG_HEAD,
	       "as the vhost-user protocol lays them out");

/**
 * struct front_socket - the connection
 * @fd: to the front end
 * @stop_fd: readable when the process shall end
 */
struct front_socket {
	int fd;
	int stop_fd;
};

enum io_end {
	IO_DONE,
	IO_CLOSED,  /* the front end hung up */
	IO_REFUSED, /* not a message of the protocol */
	IO_STOPPED, /* stop_fd became readable */
};

/**
 * message_receive() - wait for the next message
 * @message: filled on IO_DONE, its descriptors the caller's to close
 *
 * The payload is padded with zeros.
 */
enum io_end message_receive(const struct front_socket *front,
			    struct message *message);

/** message_reply() - answer @message; its head is overwritten */
enum io_end message_reply(const struct front_socket *front,
			  struct message *message, const void *payload,
			  uint32_t size);

/** message_take_fd() - one descriptor, non-blocking and the caller's, or -1 */
int message_take_fd(struct message *message);

void message_close_fds(struct message *message);

#endif /* PEER_VHOST_MESSAGE_H */
