// SPDX-License-Identifier: MIT
/*
 * drivers/peer/device.c - find a peer, watch it, restart it
 *
 * Problem.  The device is a process behind a socket. It can be of another version,
 * see other memory than this machine's, and end at any time. QEMU's front end does
 * not report that to the guest: the used index just stops.
 *
 * Idea.  Test everything that the driver relies on before the first use, then watch
 * the device by time limits. A device that fails a test is refused; one that exceeds
 * a limit is declared dead, and only peer_restart() brings it back.
 *
 * Starting, in this order; each step is a reason to refuse:
 *
 *	virtio id 26, 3 queues, no other tag	else it is a file system
 *	HELLO: magic, version, features, limits	else the driver cannot talk to it
 *	ECHO: it reads what the driver wrote,	else guest memory is not
 *	the driver reads what it wrote		shared with it
 *	the lock probe (probe_lock.c)		no reason: the result is printed
 *
 * Watching.  A heartbeat every PEER_HEARTBEAT_NS by the clock, and a limit on each
 * command (control.c). A device that has not answered within PEER_DEATH_NS is
 * declared dead (life.c):
 *
 *	state	commands, work		translations	invalidate callback
 *	alive	sent			as in the table	INVALIDATE, and wait
 *	dead	-EIO, those waiting too	count as gone	returns at once
 *
 * A dead device is not reset: the reset of a device whose process hangs stops all
 * of QEMU until the process answers (docs/adr/0012). So rings and answers, which
 * the device could still write, are never given back to the allocator. User pages
 * are given back: there is no IOMMU that could stop a device that was declared
 * dead and is not.
 *
 * With each heartbeat the driver also looks at every queue and rings every bell.
 * Where guest barriers do not order against the device's threads (one CPU under
 * TCG), a notification can be lost in either direction.
 *
 * Peers are made at boot and never freed, so pointers to them need no reference.
 *
 * Not here: commands (control.c), pages (request.c, context.c), work (work.c).
 */
#include <arch/page.h>
#include <mm/alloc/alloc.h>
#include <lib/assert.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <lib/layout.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <kernel/time.h>

#include "internal.h"

#define PEER_QUEUE_ENTRIES 256
#define PEER_CHAIN         3 /* buffers of the longest chain, that of a work */
#define PEER_ECHO_WORD     0x636f6e636f726421ull

static struct peer *peers[PEER_MAX];
static unsigned int nr_peers;

LAYOUT_ADDRESS(peers);
LAYOUT_ADDRESS(nr_peers);
LAYOUT_OFFSET(peer, contexts);
LAYOUT_OFFSET(peer_context, mm);
LAYOUT_OFFSET(peer_context, id);
LAYOUT_OFFSET(peer_context, table);
LAYOUT_OFFSET(peer_table, entries);
LAYOUT_OFFSET(peer_table, count);
LAYOUT_SIZE(peer_translation);
LAYOUT_OFFSET(peer_translation, va);
LAYOUT_OFFSET(peer_translation, pa);
LAYOUT_OFFSET(peer_translation, prot);
LAYOUT_OFFSET(peer_translation, exclusive);

unsigned int peer_count(void)
{
	return nr_peers;
}

struct peer *peer_get(unsigned int index)
{
	return index < nr_peers ? peers[index] : NULL;
}

bool peer_present(void)
{
	return nr_peers && peer_alive(peers[0]);
}

/* One block for all that the device touches, cut into the pieces. */
static int memory_create(struct peer *peer)
{
	const size_t slot = PEER_REQUEST_BYTES + PEER_ANSWER_BYTES;
	const size_t work = ALIGN(sizeof(struct peer_wire_work), 64) +
			    ALIGN(sizeof(struct peer_wire_work_done), 64);
	const size_t request = ALIGN(sizeof(struct peer_wire_page_request), 64);
	u8 *at;
	unsigned int i;

	peer->memory =
		kzalloc(ARRAY_SIZE(peer->slots) * slot +
				PEER_WORK_SLOTS * work + PEER_REQUESTS * request,
			GFP_KERNEL);
	peer->values = kzalloc(PEER_WORK_SLOTS * PEER_PAGE_SIZE, GFP_KERNEL);
	if (!peer->memory || !peer->values)
		return -ENOMEM;
	at = peer->memory;
	for (i = 0; i < ARRAY_SIZE(peer->slots); i++, at += slot) {
		peer->slots[i].request = at;
		peer->slots[i].answer = at + PEER_REQUEST_BYTES;
	}
	for (i = 0; i < PEER_WORK_SLOTS; i++, at += work) {
		peer->work_slots[i].request = (void *)at;
		peer->work_slots[i].answer =
			(void *)(at + ALIGN(sizeof(struct peer_wire_work), 64));
		peer->work_slots[i].values =
			(void *)((u8 *)peer->values + i * PEER_PAGE_SIZE);
	}
	for (i = 0; i < PEER_REQUESTS; i++, at += request)
		peer->request_pool[i].wire = (void *)at;
	return 0;
}

static_assert(PEER_MAX_RESULTS * sizeof(u64) <= PEER_PAGE_SIZE,
	      "the old values of a piece of work fit in its page");

void peer_free(struct peer *peer)
{
	kfree(peer->memory);
	kfree(peer->values);
	kfree(peer);
}

/* All that the device has ends with -EIO, and every waiter looks again. */
static void end_in_flight(struct peer *peer) __must_hold(&peer->lock)
{
	unsigned int id;

	lockdep_assert_held(&peer->lock);
	peer_control_die_locked(peer);
	peer_work_die_locked(peer);
	for (id = 1; id <= PEER_CONTEXTS; id++) {
		if (peer->contexts[id])
			wake_up_all(&peer->contexts[id]->wait);
	}
}

struct peer *peer_create(struct pci_device *pci)
{
	struct peer *peer = kzalloc(sizeof(*peer), GFP_KERNEL);

	if (!peer)
		return NULL;
	peer->pci = pci;
	peer->on_death = end_in_flight;
	spin_lock_init(&peer->lock);
	init_waitqueue_head(&peer->slot_wait);
	init_waitqueue_head(&peer->work_slot_wait);
	init_waitqueue_head(&peer->beat_wait);
	INIT_LIST_HEAD(&peer->refused);
	if (memory_create(peer)) {
		peer_free(peer);
		return NULL;
	}
	peer_control_init(peer);
	peer_work_init(peer);
	peer_request_init(peer);
	return peer;
}

/* Not every device of this id is a peer: see what the front end shows. */
static int look_at_front(const struct peer *peer)
{
	const struct virtio_device *vdev = &peer->vdev;
	struct peer_front front = {
		.virtio_id = vdev->id,
		.queues = vdev->nr_queues,
	};
	const char *why;

	front.has_tag =
		!virtio_config_read(vdev, 0, front.tag, sizeof(front.tag));
	why = peer_front_refusal(&front);
	if (!why)
		return 0;
	pr_info("peer: %02x:%02x.%x is not driven: %s\n", peer->pci->bus_nr,
		peer->pci->devfn >> 3, peer->pci->devfn & 7, why);
	return -ENODEV;
}

/* Can the queue hold @chains of @buffers each at once? */
static bool queue_holds(const struct virtqueue *vq, unsigned int chains,
			unsigned int buffers)
{
	return vq->size >= (vq->indirect ? chains : chains * buffers);
}

static int queue_create(struct peer *peer, unsigned int index, const char *name,
			void (*interrupt)(void *arg), struct virtio_queue **out)
{
	struct virtio_queue *queue =
		virtio_queue_setup(&peer->vdev, index, PEER_QUEUE_ENTRIES,
				   PEER_CHAIN, name, interrupt, peer);

	if (IS_ERR(queue))
		return (int)PTR_ERR(queue);
	*out = queue;
	return 0;
}

static int queues_create(struct peer *peer)
{
	int err = queue_create(peer, PEER_QUEUE_CONTROL, "peer control",
			       peer_control_interrupt, &peer->control);

	if (!err)
		err = queue_create(peer, PEER_QUEUE_PAGE_REQUEST, "peer pages",
				   peer_request_interrupt, &peer->pages);
	if (!err)
		err = queue_create(peer, PEER_QUEUE_WORK, "peer work",
				   peer_work_interrupt, &peer->work);
	if (err)
		return err;
	if (!queue_holds(&peer->control->vq, ARRAY_SIZE(peer->slots), 2) ||
	    !queue_holds(&peer->pages->vq, PEER_REQUESTS, 1) ||
	    !queue_holds(&peer->work->vq, PEER_WORK_SLOTS, PEER_CHAIN)) {
		pr_err("peer: queues of %u entries are too small: give the front "
		       "end %u\n",
		       peer->control->vq.size, PEER_QUEUE_ENTRIES);
		return -ENOSPC;
	}
	return 0;
}

static int hello(struct peer *peer)
{
	struct peer_wire_hello request = {
		.head = {.command = PEER_CMD_HELLO},
		.magic = PEER_MAGIC,
		.version_min = PEER_VERSION,
		.version_max = PEER_VERSION,
		.features = PEER_F_KNOWN,
	};
	const char *why;
	int err;

	err = peer_command(peer, &request, sizeof(request), &peer->hello,
			   sizeof(peer->hello));
	if (err)
		return err;
	why = peer_hello_refusal(&peer->hello);
	if (!why)
		return 0;
	pr_err("peer: refused after HELLO: %s\n", why);
	return -EPROTO;
}

static int echo(struct peer *peer)
{
	struct peer_wire_echo request = {
		.head = {.command = PEER_CMD_ECHO},
		.value = ~PEER_ECHO_WORD,
	};
	struct peer_wire_echo_answer answer;
	u64 *word = kmalloc(sizeof(*word), GFP_KERNEL);
	int err;

	if (!word)
		return -ENOMEM;
	WRITE_ONCE(*word, PEER_ECHO_WORD);
	request.gpa = virt_to_phys(word);
	err = peer_command(peer, &request, sizeof(request), &answer,
			   sizeof(answer));
	if (!err && (answer.seen != PEER_ECHO_WORD ||
		     READ_ONCE(*word) != ~PEER_ECHO_WORD)) {
		pr_err("peer: it sees other memory than this machine's (is "
		       "the RAM shared?)\n");
		err = -EPROTO;
	}
	/* A device that did not answer may still write there: keep it. */
	if (peer_alive(peer))
		kfree(word);
	return err;
}

static int start(struct peer *peer)
{
	int err;

	err = virtio_negotiate(&peer->vdev, 1ull << VIRTIO_F_INDIRECT_DESC |
						    1ull << VIRTIO_F_EVENT_IDX);
	if (!err)
		err = queues_create(peer);
	if (!err)
		err = virtio_start(&peer->vdev);
	if (err)
		return err;
	peer_request_post_all(peer);
	err = hello(peer);
	if (!err)
		err = echo(peer);
	return err;
}

static void ring_bell(struct peer *peer, struct virtio_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&peer->lock, flags);
	if (!queue->vq.broken)
		queue->vq.notify(&queue->vq, queue->vq.notify_arg);
	spin_unlock_irqrestore(&peer->lock, flags);
}

static void look_at_queues(struct peer *peer)
{
	ring_bell(peer, peer->control);
	ring_bell(peer, peer->pages);
	ring_bell(peer, peer->work);
	virtio_queue_look(peer->control);
	virtio_queue_look(peer->pages);
	virtio_queue_look(peer->work);
}

static bool refused_waiting(struct peer *peer)
{
	unsigned long flags;
	bool waiting;

	spin_lock_irqsave(&peer->lock, flags);
	waiting = !list_empty(&peer->refused);
	spin_unlock_irqrestore(&peer->lock, flags);
	return waiting;
}

static int beat_thread(void *arg)
{
	struct peer *peer = arg;
	u64 next = clock_ns();

	while (peer_alive(peer)) {
		u64 now = clock_ns();

		if (now < next) {
			wait_event_timeout_ns(&peer->beat_wait,
					      refused_waiting(peer) ||
						      !peer_alive(peer),
					      next - now);
			peer_request_deny_refused(peer);
			continue;
		}
		look_at_queues(peer);
		peer_control_check(peer);
		peer_ping(peer);
		next = clock_ns() + PEER_HEARTBEAT_NS;
	}
	return 0;
}

static void report(struct peer *peer)
{
	const struct peer_wire_hello_answer *h = &peer->hello;
	bool lock_atomic = false;
	int err = peer_probe_lock(peer, &lock_atomic);
	const char *word = lock_atomic ? "is" : "is NOT";

	pr_info("peer%u: device %u at %02x:%02x.%x, %u contexts, %u workers, "
		"RMW window %lu ns%s\n",
		peer->index, h->device_number, peer->pci->bus_nr,
		peer->pci->devfn >> 3, peer->pci->devfn & 7, h->max_contexts,
		h->workers, (unsigned long)h->rmw_window_ns,
		h->features & PEER_F_TEST_OPTIONS ? ", takes test options" : "");
	if (err)
		pr_info("peer%u: the probe of `lock` failed: %s\n", peer->index,
			errno_name(err));
	else
		pr_info("peer%u: guest `lock` %s atomic against it; exclusive "
			"access is exact either way\n",
			peer->index, word);
}

static int peer_probe(struct pci_device *pci, const struct pci_device_id *id)
{
	struct task *thread;
	struct peer *peer;
	int err;

	if (nr_peers == PEER_MAX)
		return -ENOSPC;
	peer = peer_create(pci);
	if (!peer)
		return -ENOMEM;
	err = virtio_pci_open(pci, &peer->vdev);
	if (err) {
		peer_free(peer);
		return err;
	}
	peer->index = nr_peers;
	err = look_at_front(peer);
	if (!err)
		err = start(peer);
	if (err)
		goto out_close;
	thread = kthread_run(beat_thread, peer, "peer%u/beat", peer->index);
	if (IS_ERR(thread)) {
		err = (int)PTR_ERR(thread);
		goto out_close;
	}
	peer->beat_thread = thread;
	pci->driver_data = peer;
	peers[nr_peers++] = peer;
	report(peer);
	return 0;

out_close:
	/*
	 * A device that was declared dead keeps all the memory that it may
	 * write: see the head of this file.
	 */
	if (peer->dead)
		return err;
	virtio_close(&peer->vdev);
	peer_free(peer);
	return err;
}

/* Refuse if there are contexts; else it is dead, so that none can be made. */
static int shut(struct peer *peer)
{
	unsigned long flags;
	unsigned int id;
	int err = 0;

	spin_lock_irqsave(&peer->lock, flags);
	for (id = 1; id <= PEER_CONTEXTS; id++) {
		if (peer->contexts[id])
			err = -EBUSY;
	}
	if (!err)
		peer_die_locked(peer, "it is being restarted");
	spin_unlock_irqrestore(&peer->lock, flags);
	return err;
}

/*
 * A dead device's slots can only come back, since none can be taken. A work slot
 * that the device has stays there, and no thread looks at it.
 */
static int wait_for_returns(struct peer *peer)
{
	if (!wait_event_timeout_ns(&peer->slot_wait, peer_control_idle(peer),
				   PEER_DEATH_NS) ||
	    !wait_event_timeout_ns(&peer->work_slot_wait, peer_work_idle(peer),
				   PEER_DEATH_NS))
		return -EBUSY;
	return 0;
}

int peer_restart(struct peer *peer)
{
	struct task *thread;
	int err = shut(peer);

	if (err)
		return err;
	wake_up_all(&peer->beat_wait);
	if (peer->beat_thread)
		kthread_join(peer->beat_thread);
	peer->beat_thread = NULL;
	err = wait_for_returns(peer);
	if (err)
		return err;
	virtio_close(&peer->vdev);
	peer->control = NULL;
	peer->pages = NULL;
	peer->work = NULL;
	peer_control_init(peer);
	peer_work_init(peer);
	peer_request_init(peer);
	INIT_LIST_HEAD(&peer->refused);
	WRITE_ONCE(peer->dead, NULL);
	err = virtio_pci_open(peer->pci, &peer->vdev);
	if (err)
		goto out_dead;
	err = start(peer);
	if (err)
		goto out_dead;
	thread = kthread_run(beat_thread, peer, "peer%u/beat", peer->index);
	if (IS_ERR(thread)) {
		err = (int)PTR_ERR(thread);
		goto out_dead;
	}
	peer->beat_thread = thread;
	return 0;

out_dead:
	peer_die(peer, "it could not be restarted");
	return err;
}

static const struct pci_device_id peer_ids[] = {
	{VIRTIO_PCI_VENDOR, VIRTIO_PCI_DEVICE_BASE + PEER_VIRTIO_ID},
	{0, 0},
};

static const struct pci_driver peer_driver = {
	.name = "peer",
	.ids = peer_ids,
	.probe = peer_probe,
};
PCI_DRIVER(peer_driver);

/* A device that could not be restarted has not all its queues. */
static void add_stats(struct virtqueue_stats *sum,
		      const struct virtio_queue *queue)
{
	if (!queue)
		return;
	sum->bad_index += queue->vq.stats.bad_index;
	sum->bad_id += queue->vq.stats.bad_id;
	sum->bad_length += queue->vq.stats.bad_length;
	sum->notified += queue->vq.stats.notified;
	sum->notify_spared += queue->vq.stats.notify_spared;
}

int peer_describe(struct peer *peer, char *buf, size_t len)
{
	struct virtqueue_stats queues = {0};
	struct peer_counters counters;
	unsigned int id, contexts = 0;
	unsigned long flags;
	int at;

	spin_lock_irqsave(&peer->lock, flags);
	counters = peer->counters;
	for (id = 1; id <= PEER_CONTEXTS; id++)
		contexts += peer->contexts[id] != NULL;
	add_stats(&queues, peer->control);
	add_stats(&queues, peer->pages);
	add_stats(&queues, peer->work);
	spin_unlock_irqrestore(&peer->lock, flags);

	at = scnprintf(buf, len, "peer%u: %s%s, %u contexts, %lu beats\n",
		       peer->index, peer->dead ? "dead: " : "alive",
		       peer->dead ? peer->dead : "", contexts,
		       (unsigned long)counters.beats);
	at += scnprintf(buf + at, len - at,
			"  done: %lu commands, %lu works, %lu page requests\n",
			(unsigned long)counters.commands,
			(unsigned long)counters.works,
			(unsigned long)counters.requests);
	at += scnprintf(buf + at, len - at,
			"  refused: %lu requests, %lu answers, %lu used "
			"entries\n",
			(unsigned long)counters.bad_requests,
			(unsigned long)counters.bad_answers,
			(unsigned long)(queues.bad_index + queues.bad_id +
					queues.bad_length));
	at += scnprintf(buf + at, len - at, "  notified %lu times, spared %lu\n",
			(unsigned long)queues.notified,
			(unsigned long)queues.notify_spared);
	return at;
}
