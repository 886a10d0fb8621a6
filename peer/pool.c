// SPDX-License-Identifier: MIT
/*
 * peer/pool.c - the workers: which work runs when, and which worker sleeps
 *
 * Problem.  Work must start within microseconds, but the guest's CPUs are threads
 * of the same few host CPUs. A device that spins takes CPU time from the guest
 * that it waits for.
 *
 * Idea.  A worker's loop: fetch what the driver posted, run one slice of one work,
 * put the work back. Work whose page has just come goes first (fault.c). One worker
 * without work spins for a short time on behalf of all; the others block. Only the
 * last worker to block asks the driver for kicks: a worker that is awake looks at
 * the rings between slices.
 *
 * A work is in a list, or held by a worker inside the gate. It is never held by a
 * worker outside. So when the gate is closed all work is in lists.
 *
 * The race between adding work and going to sleep:
 *
 *	adding					sleeping
 *	ready_count++				spinner = false; awake--
 *	spinner? all awake? then done		ready_count? then stay
 *	else write the wakeup eventfd		read eventfds, block
 *
 * All four are seq_cst: at least one of the two sees the other.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "device.h"
#include "util.h"

static void wake_one(struct device *device)
{
	if (atomic_load(&device->spinner) ||
	    atomic_load(&device->awake) >= device->config.workers)
		return;
	if (eventfd_write(device->work_wakeup_fd, 1))
		log_line(LOG_DEBUG, "wakeup eventfd is full");
}

void pool_resume(struct device *device, struct work_list *list)
{
	struct work *work;
	unsigned int n = 0;

	TAILQ_FOREACH(work, list, link)
	{
		n++;
	}
	pthread_mutex_lock(&device->ready_lock);
	TAILQ_CONCAT(&device->resumed, list, link);
	atomic_fetch_add(&device->ready_count, n);
	pthread_mutex_unlock(&device->ready_lock);
	wake_one(device);
}

void pool_take_all(struct device *device, struct work_list *list)
{
	pthread_mutex_lock(&device->ready_lock);
	TAILQ_CONCAT(list, &device->resumed, link);
	TAILQ_CONCAT(list, &device->ready, link);
	atomic_store(&device->ready_count, 0);
	pthread_mutex_unlock(&device->ready_lock);
}

static void put_ready(struct device *device, struct work *work)
{
	pthread_mutex_lock(&device->ready_lock);
	TAILQ_INSERT_TAIL(&device->ready, work, link);
	atomic_fetch_add(&device->ready_count, 1);
	pthread_mutex_unlock(&device->ready_lock);
}

static struct work *take_ready(struct device *device)
{
	struct work_list *from = &device->resumed;
	struct work *work;

	if (!atomic_load(&device->ready_count))
		return NULL;
	pthread_mutex_lock(&device->ready_lock);
	if (TAILQ_EMPTY(from))
		from = &device->ready;
	work = TAILQ_FIRST(from);
	if (work) {
		TAILQ_REMOVE(from, work, link);
		atomic_fetch_sub(&device->ready_count, 1);
	}
	pthread_mutex_unlock(&device->ready_lock);
	return work;
}

/* All that the driver posted joins the end of the queue. */
static void fetch(struct device *device)
{
	struct ring_chain chain;
	struct work *work;

	for (unsigned int i = PEER_QUEUE_WORK; i < PEER_QUEUES_MAX; i++) {
		struct ring *ring = &device->ring[i];

		while (ring->running && chain_pop(device, ring, &chain)) {
			work = work_new(device, ring, &chain);
			if (work)
				put_ready(device, work);
		}
	}
}

/* One slice of one work; false if there was none. */
static bool take_turn(struct worker *worker)
{
	struct device *device = worker->device;
	struct work *work;

	fetch(device);
	work = take_ready(device);
	if (!work)
		return false;
	if (atomic_load(&device->ready_count))
		wake_one(device);
	if (work_run(worker, work) == WORK_AGAIN)
		put_ready(device, work);
	return true;
}

/* Asks for kicks; false if there is work already. */
static bool arm(struct device *device)
{
	bool quiet = true;

	for (unsigned int i = PEER_QUEUE_WORK; i < PEER_QUEUES_MAX; i++) {
		if (device->ring[i].running && !ring_arm(&device->ring[i]))
			quiet = false;
	}
	return quiet;
}

/* Sleeps until there may be work; false if the process ends. */
static bool block(struct worker *worker)
{
	const unsigned int member = MEMBER_WORKER(worker->number);
	struct device *device = worker->device;
	struct epoll_event event[4];
	eventfd_t ignored;
	bool quiet = true;
	int events;

	if (atomic_fetch_sub(&device->awake, 1) == 1) {
		if (!gate_enter(&device->gate, member))
			return false;
		quiet = arm(device);
		gate_leave(&device->gate, member);
	}
	if (!quiet || atomic_load(&device->ready_count)) {
		atomic_fetch_add(&device->awake, 1);
		return true;
	}
	events = epoll_wait(device->work_epoll, event, ARRAY_SIZE(event), -1);
	atomic_fetch_add(&device->awake, 1);

	if (!gate_enter(&device->gate, member))
		return false;
	for (int i = 0; i < events; i++) {
		if (event[i].data.u32 < PEER_QUEUES_MAX)
			ring_take_kick(&device->ring[event[i].data.u32]);
		else if (event[i].data.u32 == WATCH_WAKEUP &&
			 eventfd_read(device->work_wakeup_fd, &ignored))
			continue; /* another worker was first */
	}
	gate_leave(&device->gate, member);
	return true;
}

void *worker_main(void *arg)
{
	struct worker *worker = arg;
	struct device *device = worker->device;
	const unsigned int member = MEMBER_WORKER(worker->number);
	bool spinning = false;
	uint64_t spin_end = 0;
	bool busy;

	trace_thread(TRACE_MEMBER(member));
	while (gate_enter(&device->gate, member)) {
		busy = take_turn(worker);
		gate_leave(&device->gate, member);

		if (busy) {
			if (spinning)
				atomic_store(&device->spinner, false);
			spinning = false;
			spin_end = 0;
			continue;
		}
		if (!spin_end) {
			spin_end = now_ns() + device->config.spin_ns;
			spinning = !atomic_exchange(&device->spinner, true);
		}
		if (spinning && now_ns() < spin_end) {
			relax();
			continue;
		}
		if (spinning)
			atomic_store(&device->spinner, false);
		spinning = false;
		spin_end = 0;
		if (!block(worker))
			break;
	}
	return NULL;
}
