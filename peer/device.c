// SPDX-License-Identifier: MIT
/*
 * peer/device.c - life of the device: its threads and what they wake up for
 *
 * Three lives, one inside the other:
 *
 *	process		device_init .. device_destroy; the instance number
 *	connection	a front end on the socket; memory and rings
 *	session		HELLO .. HELLO, or the reset of the device; contexts,
 *			work, faults (session.c)
 *
 * Not here: connections (vhost_user.c).
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
	session_drop(device);
	stop_threads(device, device->config.workers + 2);
	memory_clear(&device->memory);
	free_parts(device);
}

void device_print_stats(struct device *device)
{
	for (unsigned int i = 0; i < COUNTERS; i++)
		log_line(LOG_NOTICE, "stat %s %llu", counter_names[i],
			 (unsigned long long)atomic_load(&device->counter[i]));
}
