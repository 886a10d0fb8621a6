// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/pretend.c - a device that is a few functions of the test
 *
 * Problem.  A peer process lies in the few ways that its options name, and it ends a
 * boot when it dies. The driver must survive any answer, at any moment.
 *
 * Idea.  A virtqueue is memory and a notify function (drivers/virtqueue.h). Here the
 * notify function is the device: it takes what the driver offered, lets a function of
 * the test write the answer, and puts the chain into the used ring. A timer that
 * expires at once plays the interrupt, because the driver notifies with peer->lock
 * held, and its handlers take that lock.
 *
 *	driver				device
 *	lock; add; kick:
 *					command(): the answer
 *					used ring; timer armed
 *	unlock; wait
 *					timer: the driver's handlers
 *
 * All but the queues is the driver's own: slots, contexts, threads, the declaration of
 * death. peers[] does not have it, so peer_count() and peer_get() do not know it, and no
 * heartbeat runs.
 *
 *	field			read with	write with
 *	seen, used ring		peer->lock	peer->lock
 *
 * Not here: the start of a device (device_test.c), accesses to memory: work is answered
 * without doing it.
 */
#include <arch/page.h>
#include <lib/string.h>
#include <mm/space/mm.h>

#include "tests/mm/lib/shadow.h"
#include "pretend.h"

static u64 session_of(const struct pretended *device)
{
	return device->peer->hello.session;
}

u32 pretended_obey(struct pretended *device, struct peer_wire_request *request,
		   void *answer)
{
	struct peer_wire_heartbeat_clock *beat = answer;

	if (request->command != PEER_CMD_HEARTBEAT) {
		memset(answer, 0, sizeof(struct peer_wire_answer));
		return sizeof(struct peer_wire_answer);
	}
	*beat = (struct peer_wire_heartbeat_clock){
		.beat.instance = device->peer->hello.instance,
		.beat.session = session_of(device),
		.now_ns = 1,
	};
	return sizeof(*beat);
}

u32 pretended_do(struct pretended *device, struct peer_wire_work *work,
		 struct peer_wire_work_done *answer)
{
	*answer =
		(struct peer_wire_work_done){.done = work->count * work->repeat};
	return sizeof(*answer);
}

static void push_used(struct pretended *device, unsigned int queue, u32 head,
		      u32 length)
{
	struct virtqueue *vq = &device->queues[queue].vq;
	u16 idx = vq->used->idx;

	vq->used->ring[idx & (vq->size - 1)].id = head;
	vq->used->ring[idx & (vq->size - 1)].len = length;
	smp_store_release(&vq->used->idx, (u16)(idx + 1));
	timer_arm_ns(&device->interrupt, 0);
}

/* The next head that the driver has offered; false: there is none. */
static bool next_head(struct pretended *device, unsigned int queue, u16 *head)
{
	struct virtqueue *vq = &device->queues[queue].vq;

	if (device->seen[queue] == vq->avail_idx)
		return false;
	*head = vq->avail->ring[device->seen[queue]++ & (vq->size - 1)];
	return true;
}

/* Part @nth of a chain. */
static void *part(struct pretended *device, unsigned int queue, u16 head,
		  unsigned int nth)
{
	struct virtqueue *vq = &device->queues[queue].vq;

	while (nth--)
		head = vq->desc[head].next;
	return phys_to_virt(vq->desc[head].addr);
}

static u32 judge(struct pretended *device, unsigned int queue, void *request,
		 void *answer)
{
	struct peer_wire_request *command = request;

	if (queue == PEER_QUEUE_WORK)
		return device->work(device, request, answer);
	if (command->command < ARRAY_SIZE(device->commands))
		device->commands[command->command]++;
	return device->command(device, command, answer);
}

/* The driver rings with peer->lock held. */
static void take_all(struct virtqueue *vq, void *arg)
{
	struct pretended *device = arg;
	unsigned int queue;
	u32 length;
	u16 head;

	for (queue = 0; queue < PRETEND_QUEUES; queue++) {
		/* Buffers for page requests stay until pretended_ask(). */
		if (queue == PEER_QUEUE_PAGE_REQUEST)
			continue;
		while (next_head(device, queue, &head)) {
			length = judge(device, queue,
				       part(device, queue, head, 0),
				       part(device, queue, head, 1));
			if (length != PRETEND_KEEP)
				push_used(device, queue, head, length);
		}
	}
}

/* Page requests first: a device that asks before it answers is heard in that order. */
static void interrupt(struct timer *timer)
{
	struct pretended *device =
		container_of(timer, struct pretended, interrupt);

	peer_request_interrupt(device->peer);
	peer_control_interrupt(device->peer);
	peer_work_interrupt(device->peer);
}

void pretended_answer(struct pretended *device, unsigned int queue,
		      void *cookie, u32 length)
{
	struct virtqueue *vq = &device->queues[queue].vq;
	unsigned long flags;
	unsigned int head;

	spin_lock_irqsave(&device->peer->lock, flags);
	for (head = 0; head < vq->size; head++) {
		if (vq->chains[head].cookie == cookie)
			push_used(device, queue, head, length);
	}
	spin_unlock_irqrestore(&device->peer->lock, flags);
}

bool pretended_ask_locked(struct pretended *device,
			  const struct peer_wire_page_request *request,
			  u32 length)
{
	const unsigned int queue = PEER_QUEUE_PAGE_REQUEST;
	u16 head;

	if (!next_head(device, queue, &head))
		return false;
	memcpy(part(device, queue, head, 0), request, sizeof(*request));
	push_used(device, queue, head, length);
	return true;
}

bool pretended_ask(struct pretended *device,
		   const struct peer_wire_page_request *request, u32 length)
{
	unsigned long flags;
	bool asked;

	spin_lock_irqsave(&device->peer->lock, flags);
	asked = pretended_ask_locked(device, request, length);
	spin_unlock_irqrestore(&device->peer->lock, flags);
	return asked;
}

void pretended_break(struct pretended *device, unsigned int queue)
{
	struct virtqueue *vq = &device->queues[queue].vq;
	unsigned long flags;

	spin_lock_irqsave(&device->peer->lock, flags);
	vq->used->idx = (u16)(vq->used->idx + PRETEND_ENTRIES + 1);
	spin_unlock_irqrestore(&device->peer->lock, flags);
}

static void take_away(void *arg)
{
	struct pretended *device = arg;
	unsigned int queue;

	timer_cancel_sync(&device->interrupt);
	for (queue = 0; queue < PRETEND_QUEUES; queue++)
		virtqueue_destroy(&device->queues[queue].vq);
	peer_free(device->peer);
}

/* HELLO with the least limits that a driver accepts. */
static void say_hello(struct peer_wire_hello_answer *hello)
{
	*hello = (struct peer_wire_hello_answer){
		.magic = PEER_MAGIC,
		.version = PEER_VERSION,
		.instance = 5,
		.session = 7,
		.va_bits = PEER_VA_BITS,
		.max_contexts = PEER_MIN_CONTEXTS,
		.max_map_entries = PEER_MIN_MAP_ENTRIES,
		.max_page_requests = PEER_MIN_PAGE_REQUESTS,
		.max_results = PEER_MIN_RESULTS,
		.workers = 1,
		.max_mappings = PEER_MIN_MAPPINGS,
		.max_count = PEER_MIN_COUNT,
	};
}

struct pretended *pretended_new(struct ktest *test)
{
	static const char *const names[] = {"pretended control",
					    "pretended pages", "pretended work"};
	struct pretended *device = ktest_alloc(test, sizeof(*device));
	unsigned int queue;
	int err = 0;

	device->test = test;
	device->command = pretended_obey;
	device->work = pretended_do;
	timer_init(&device->interrupt, interrupt);
	device->peer = peer_create(NULL);
	if (!device->peer) {
		ktest_fail(test, "no memory for a peer");
		return NULL;
	}
	ktest_cleanup(test, take_away, device);
	for (queue = 0; queue < PRETEND_QUEUES; queue++)
		err = err
			      ?: virtqueue_create(&device->queues[queue].vq,
						  names[queue], PRETEND_ENTRIES,
						  PRETEND_CHAIN, 0, take_all,
						  device);
	if (err) {
		ktest_fail(test, "no queues: %s", errno_name(err));
		return NULL;
	}
	device->peer->control = &device->queues[PEER_QUEUE_CONTROL];
	device->peer->pages = &device->queues[PEER_QUEUE_PAGE_REQUEST];
	device->peer->work = &device->queues[PEER_QUEUE_WORK];
	say_hello(&device->peer->hello);
	peer_request_post_all(device->peer);
	return device;
}

static void leave(void *arg)
{
	struct pretended *device = arg;

	shadow_stop(device->mm);
	peer_context_destroy(device->ctx);
	device->ctx = NULL;
	mmput(device->mm);
	shadow_detach(device, SHADOWS_ALL);
}

bool pretended_enter(struct pretended *device)
{
	long at;
	int err;

	device->mm = mm_alloc();
	if (!device->mm) {
		ktest_fail(device->test, "no memory for an address space");
		return false;
	}
	at = do_mmap(device->mm, 0, PRETEND_PAGES * PAGE_SIZE,
		     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	err = at < 0 ? (int)at : shadow_attach(device->test, device->mm, device);
	if (!err)
		err = peer_context_create(device->peer, device->mm, &device->ctx);
	if (err) {
		ktest_fail(device->test, "no context: %s", errno_name(err));
		mmput(device->mm);
		shadow_detach(device, SHADOWS_ALL);
		return false;
	}
	device->base = (vaddr_t)at;
	ktest_cleanup(device->test, leave, device);
	return true;
}

struct peer_wire_page_request pretended_request(struct pretended *device,
						u64 tag, u32 access)
{
	return (struct peer_wire_page_request){.tag = tag,
					       .ctx = device->ctx->id,
					       .access = access,
					       .va = device->base,
					       .session = session_of(device)};
}
