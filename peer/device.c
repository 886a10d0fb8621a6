// SPDX-License-Identifier: MIT
/*
 * peer/device.c - life of the device and of a session; answering
 *
 * Problem.  A device outlives drivers: the guest resets it, reboots, is
 * stopped and continued by its user, or its QEMU goes away. What one session
 * left behind must neither answer nor touch the next one's memory.
 *
 * Idea.  Three lives, one inside the other:
 *
 *	process		device_init .. device_destroy; the instance number
 *	connection	a front end on the socket; memory and rings
 *	session		HELLO .. HELLO, or the reset of the device; contexts,
 *			work, faults
 *
 * A new HELLO ends a session politely: its work is answered as canceled. A
 * reset or disconnect ends it silently, with the gate closed and everything in
 * some list: `dropping` makes each answer go nowhere, and the same code that
 * cancels politely then frees everything.
 *
 * Not here: when a session ends (vhost_user.c says, from ring state).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "device.h"
#include "util.h"

static const char *const counter_names[COUNTERS] = {
	[COUNT_CONTROL_REQUESTS] = "control_requests",
	[COUNT_WORK_REQUESTS] = "work_requests",
	[COUNT_WORK_DONE] = "work_done",
	[COUNT_WORK_FAILED] = "work_failed",
	[COUNT_WORK_CANCELED] = "work_canceled",
	[COUNT_ACCESSES] = "accesses",
	[COUNT_RMW] = "rmw",
	[COUNT_PAGE_REQUESTS] = "page_requests",
	[COUNT_PAGE_REQUEST_WAITS] = "page_request_waits",
	[COUNT_FAULT_RESPONSES] = "fault_responses",
	[COUNT_REPLAYS] = "replays",
	[COUNT_REVOKED] = "revoked",
	[COUNT_MAPPED] = "mapped",
	[COUNT_UNMAPPED] = "unmapped",
	[COUNT_INVALIDATIONS] = "invalidations",
	[COUNT_INVALIDATIONS_WAITED] = "invalidations_waited",
	[COUNT_MALFORMED] = "malformed",
	[COUNT_RINGS_BROKEN] = "rings_broken",
	[COUNT_MISSES] = "misses",
};

static int watch(int epoll, int fd, uint32_t what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int epoll_of(const struct device *device, const struct ring *ring)
{
	switch (ring->index) {
	case PEER_QUEUE_CONTROL:
		return device->control_epoll;
	case PEER_QUEUE_PAGE_REQUEST:
		return device->fault_epoll;
	default:
		return device->work_epoll;
	}
}

void device_watch(struct device *device, struct ring *ring, int fd)
{
	device_unwatch(device, ring);
	ring->kick_fd = fd;
	if (fd >= 0 && watch(epoll_of(device, ring), fd, ring->index))
		log_line(LOG_ERROR, "queue %u: can not watch its kicks",
			 ring->index);
}

void device_unwatch(struct device *device, struct ring *ring)
{
	if (ring->kick_fd < 0)
		return;
	epoll_ctl(epoll_of(device, ring), EPOLL_CTL_DEL, ring->kick_fd, NULL);
	close(ring->kick_fd);
	ring->kick_fd = -1;
}

static void *fault_main(void *arg)
{
	struct device *device = arg;
	struct ring *ring = &device->ring[PEER_QUEUE_PAGE_REQUEST];
	struct epoll_event event;

	while (gate_enter(&device->gate, MEMBER_FAULTS)) {
		ring_take_kick(ring);
		fault_send(device);
		gate_leave(&device->gate, MEMBER_FAULTS);
		epoll_wait(device->fault_epoll, &event, 1, -1);
	}
	return NULL;
}

static int open_fds(struct device *device)
{
	const int epolls[] = {
		device->control_epoll = epoll_create1(EPOLL_CLOEXEC),
		device->fault_epoll = epoll_create1(EPOLL_CLOEXEC),
		device->work_epoll = epoll_create1(EPOLL_CLOEXEC),
	};
	int error;

	device->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	device->work_wakeup_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned int i = 0; i < ARRAY_SIZE(epolls); i++) {
		error = watch(epolls[i], device->stop_fd, WATCH_STOP);
		if (error)
			return error;
	}
	return watch(device->work_epoll, device->work_wakeup_fd, WATCH_WAKEUP);
}

static void close_fds(struct device *device)
{
	const int fds[] = {
		device->control_epoll,  device->fault_epoll,
		device->work_epoll,     device->stop_fd,
		device->work_wakeup_fd,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* Threads started are counted in *@started, so that an error can end them. */
static int start_threads(struct device *device, unsigned int *started)
{
	int error;

	error = pthread_create(&device->control_thread, NULL, control_main,
			       device);
	if (error)
		return -error;
	++*started;
	error = pthread_create(&device->fault_thread, NULL, fault_main, device);
	if (error)
		return -error;
	++*started;
	for (unsigned int i = 0; i < device->config.workers; i++) {
		struct worker *worker = &device->worker[i];

		worker->device = device;
		worker->number = i;
		atomic_init(&worker->revoke, false);
		error = pthread_create(&worker->thread, NULL, worker_main,
				       worker);
		if (error)
			return -error;
		++*started;
	}
	return 0;
}

static void stop_threads(struct device *device, unsigned int started)
{
	gate_stop(&device->gate);
	if (eventfd_write(device->stop_fd, 1))
		log_line(LOG_ERROR, "can not wake the threads");
	if (started > 0)
		pthread_join(device->control_thread, NULL);
	if (started > 1)
		pthread_join(device->fault_thread, NULL);
	for (unsigned int i = 0; i + 2 < started; i++)
		pthread_join(device->worker[i].thread, NULL);
}

static int allocate_devmem(struct device *device)
{
	void *map;

	if (!device->config.devmem_size)
		return 0;
	map = mmap(NULL, device->config.devmem_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	device->devmem = map;
	return 0;
}

static void free_parts(struct device *device)
{
	close_fds(device);
	if (device->devmem)
		munmap(device->devmem, device->config.devmem_size);
	for (unsigned int i = 0; i < PEER_QUEUES_MAX; i++)
		ring_destroy(&device->ring[i]);
	pthread_mutex_destroy(&device->contexts_lock);
	pthread_mutex_destroy(&device->fault_lock);
	pthread_mutex_destroy(&device->ready_lock);
	gate_destroy(&device->gate);
}

int device_init(struct device *device, const struct device_config *config)
{
	unsigned int started = 0;
	int error;

	*device = (struct device){.config = *config, .next_tag = 1};
	do {
		if (getrandom(&device->instance, sizeof(device->instance), 0) < 0)
			return -errno;
	} while (!device->instance);
	gate_init(&device->gate);
	for (unsigned int i = 0; i < PEER_QUEUES_MAX; i++)
		ring_init(&device->ring[i], i);
	pthread_mutex_init(&device->contexts_lock, NULL);
	pthread_mutex_init(&device->fault_lock, NULL);
	pthread_mutex_init(&device->ready_lock, NULL);
	TAILQ_INIT(&device->destroyed);
	TAILQ_INIT(&device->faults_queued);
	TAILQ_INIT(&device->resumed);
	TAILQ_INIT(&device->ready);
	atomic_init(&device->budget.nodes_left, TABLE_NODES_MAX);
	atomic_init(&device->hang_left, config->hang_after);
	atomic_init(&device->die_left, config->die_after);
	atomic_init(&device->awake, config->workers);

	error = open_fds(device);
	if (!error)
		error = allocate_devmem(device);
	if (!error)
		error = start_threads(device, &started);
	if (error) {
		stop_threads(device, started);
		free_parts(device);
	}
	return error;
}

void device_destroy(struct device *device)
{
	gate_close(&device->gate);
	device_drop_session(device);
	stop_threads(device, device->config.workers + 2);
	memory_clear(&device->memory);
	free_parts(device);
}

void device_drop_session(struct device *device)
{
	struct work_list left = TAILQ_HEAD_INITIALIZER(left);
	struct work *work;

	device->dropping = true;
	for (unsigned int id = 1; id <= PEER_MAX_CONTEXTS; id++) {
		struct context *context = context_get(device, id);

		if (!context)
			continue;
		context_destroy(context, NULL);
		context_put(context);
	}
	pool_take_all(device, &left);
	while ((work = TAILQ_FIRST(&left))) {
		TAILQ_REMOVE(&left, work, link);
		work_finish(device, work, PEER_S_CANCELED);
	}
	for (unsigned int i = 0; i < PEER_QUEUES_MAX; i++)
		device->ring[i].in_flight = 0;
	device->dropping = false;
	atomic_store(&device->session, 0);
	gate_unhang(&device->gate);
}

void device_print_stats(struct device *device)
{
	for (unsigned int i = 0; i < COUNTERS; i++)
		log_line(LOG_NOTICE, "stat %s %llu", counter_names[i],
			 (unsigned long long)atomic_load(&device->counter[i]));
}

bool device_pop(struct device *device, struct ring *ring, struct ring_chain *chain)
{
	/* A driver that posts rubbish without end must not keep QEMU out. */
	while (!gate_wanted(&device->gate)) {
		switch (ring_pop(ring, &device->memory, chain)) {
		case RING_EMPTY:
			return false;
		case RING_BROKEN:
			log_line(LOG_NOTICE,
				 "queue %u: the driver broke it; not served "
				 "until it is set up anew",
				 ring->index);
			count(device, COUNT_RINGS_BROKEN);
			return false;
		case RING_POPPED:
			if (!chain->malformed)
				return true;
			device_refuse(device, ring, chain);
			break;
		}
	}
	return false;
}

void device_refuse(struct device *device, struct ring *ring,
		   const struct ring_chain *chain)
{
	log_line(LOG_DEBUG, "queue %u: chain %u refused", ring->index,
		 chain->head);
	count(device, COUNT_MALFORMED);
	ring_push(ring, chain->head, 0);
}

void device_end_reply(struct device *device, struct ring_reply *reply,
		      uint32_t written)
{
	if (!device->dropping)
		ring_push(reply->ring, reply->head, written);
	free(reply);
}

void device_reply(struct device *device, struct ring_reply *reply,
		  const void *answer, size_t len)
{
	const struct peer_wire_answer no_room = {.status = PEER_S_BAD_REQUEST};

	if (reply->room < len) {
		answer = &no_room;
		len = reply->room < sizeof(no_room) ? 0 : sizeof(no_room);
	}
	if (!device->dropping)
		ring_reply_store(reply, &device->memory, 0, answer, len);
	device_end_reply(device, reply, (uint32_t)len);
}

void ack_put(struct device *device, struct ack *ack)
{
	if (atomic_fetch_sub(&ack->refs, 1) != 1)
		return;
	device_reply(device, ack->reply, ack->answer, ack->len);
	free(ack);
}
