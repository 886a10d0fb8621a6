// SPDX-License-Identifier: MIT
/*
 * drivers/virtio/pci.c - reach a modern virtio device over PCI
 *
 * Problem.  A virtio device on PCI describes itself: vendor capabilities give the
 * BAR, the place and the length of each of its register blocks, and each queue has
 * a doorbell of its own.
 *
 * Idea.  A device may offer a block several times, also in a way that is not used
 * here (I/O ports): the first usable one is taken. It is mapped with exactly the
 * length that was checked against its BAR, which must cover all registers that are
 * read there. A doorbell is checked against the notify block when its queue is set
 * up.
 *
 * The steps of the specification, and their functions:
 *
 *	reset, ACKNOWLEDGE, DRIVER	virtio_pci_open()
 *	features, FEATURES_OK		virtio_negotiate()
 *	queues				virtio_queue_setup()
 *	DRIVER_OK			virtio_start()
 *	reset				virtio_stop()
 *	reset, queues freed		virtio_close()
 *
 * Interrupts.  Entry i of the MSI-X table is queue i's; entry 0 serves all queues
 * where the device has fewer entries than queues. Configuration changes have no
 * entry, since no device of this kernel has any. An interrupt means only "look at
 * the queue": several may be merged on the way, and one may come without a reason.
 * A lost one is noticed by a driver that looks without it (virtio_queue_look()).
 *
 *	field			read with	write with
 *	common configuration	one thread sets a device up, then it is constant
 *	queues[i]		any		the thread that sets up, before
 *						the vector can fire
 *
 * Not here: the rings (virtqueue.c), legacy and transitional devices.
 */
#include <arch/io.h>
#include <arch/irq.h>
#include <arch/page.h>
#include <drivers/virtio.h>
#include <mm/alloc/alloc.h>
#include <lib/assert.h>
#include <lib/atomic.h>
#include <lib/cpumask.h>
#include <lib/errno.h>
#include <lib/printk.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>

#define CAP_LENGTH            2
#define CAP_TYPE              3
#define CAP_BAR               4
#define CAP_OFFSET            8
#define CAP_SIZE              12
#define CAP_MULTIPLIER        16
#define CAP_BYTES             16
#define CAP_NOTIFY_BYTES      20

#define COMMON_DEVICE_SELECT  0
#define COMMON_DEVICE_FEATURE 4
#define COMMON_DRIVER_SELECT  8
#define COMMON_DRIVER_FEATURE 12
#define COMMON_MSIX_CONFIG    16
#define COMMON_NUM_QUEUES     18
#define COMMON_STATUS         20
#define COMMON_GENERATION     21
#define COMMON_QUEUE_SELECT   22
#define COMMON_QUEUE_SIZE     24
#define COMMON_QUEUE_VECTOR   26
#define COMMON_QUEUE_ENABLE   28
#define COMMON_QUEUE_NOTIFY   30
#define COMMON_QUEUE_DESC     32
#define COMMON_QUEUE_DRIVER   40
#define COMMON_QUEUE_DEVICE   48
#define COMMON_BYTES          56

#define NOTIFY_BYTES          2
#define ISR_BYTES             1

#define LATE_AT_LEAST         8

#define CONFIG_TRIES          16

#define RESET_TRIES           1000
#define RESET_SLEEP_MS        1

static void __iomem *common(const struct virtio_device *vdev, unsigned int offset)
{
	return (u8 __iomem *)vdev->common.base + offset;
}

static void write_address(const struct virtio_device *vdev, unsigned int offset,
			  paddr_t addr)
{
	writel((u32)addr, common(vdev, offset));
	writel((u32)(addr >> 32), common(vdev, offset + 4));
}

static bool capability_read(const struct pci_device *pci, unsigned int at,
			    struct virtio_capability *cap)
{
	bool notify = cap->type == VIRTIO_CAP_NOTIFY;
	unsigned int bytes = notify ? CAP_NOTIFY_BYTES : CAP_BYTES;

	if (pci_config_read(pci, at + CAP_LENGTH, 1) < bytes ||
	    at + bytes > PCI_CONFIG_SIZE)
		return false;
	cap->bar = (u8)pci_config_read(pci, at + CAP_BAR, 1);
	cap->offset = pci_config_read(pci, at + CAP_OFFSET, 4);
	cap->length = pci_config_read(pci, at + CAP_SIZE, 4);
	cap->multiplier =
		notify ? pci_config_read(pci, at + CAP_MULTIPLIER, 4) : 0;
	return true;
}

int virtio_find_capability(const struct pci_device *pci, u8 type, u32 need,
			   struct virtio_capability *cap)
{
	struct virtio_capability found = {.type = type};
	unsigned int at = 0, steps;
	int err = -ENOENT;

	for (steps = 0; steps < PCI_CAP_LIMIT; steps++) {
		at = pci_find_capability(pci, PCI_CAP_ID_VENDOR, at);
		if (!at)
			break;
		if (pci_config_read(pci, at + CAP_TYPE, 1) != type)
			continue;
		err = -EINVAL;
		if (capability_read(pci, at, &found) && found.length >= need &&
		    pci_has_range(pci, found.bar, found.offset, found.length)) {
			*cap = found;
			return 0;
		}
	}
	return err;
}

static int map_window(struct virtio_device *vdev, u8 type, u32 need,
		      struct virtio_window *window)
{
	struct virtio_capability cap;
	int err;

	err = virtio_find_capability(vdev->pci, type, need, &cap);
	if (err)
		return err;
	err = pci_map_range(vdev->pci, cap.bar, cap.offset, cap.length,
			    &window->base);
	if (err)
		return err;
	window->length = cap.length;
	if (type == VIRTIO_CAP_NOTIFY)
		vdev->notify_multiplier = cap.multiplier;
	return 0;
}

static void unmap_window(struct virtio_window *window)
{
	if (window->base)
		iounmap(window->base);
	window->base = NULL;
	window->length = 0;
}

static void unmap_windows(struct virtio_device *vdev)
{
	unmap_window(&vdev->config);
	unmap_window(&vdev->isr);
	unmap_window(&vdev->notify);
	unmap_window(&vdev->common);
}

static u8 status_get(const struct virtio_device *vdev)
{
	return readb(common(vdev, COMMON_STATUS));
}

static void status_add(struct virtio_device *vdev, u8 bits)
{
	writeb(status_get(vdev) | bits, common(vdev, COMMON_STATUS));
}

static int reset(struct virtio_device *vdev)
{
	unsigned int i;

	writeb(0, common(vdev, COMMON_STATUS));
	for (i = 0; i < RESET_TRIES; i++) {
		if (!status_get(vdev))
			return 0;
		msleep(RESET_SLEEP_MS);
	}
	return -ETIMEDOUT;
}

static void say_driver(struct virtio_device *vdev)
{
	status_add(vdev, VIRTIO_STATUS_ACKNOWLEDGE);
	status_add(vdev, VIRTIO_STATUS_DRIVER);
}

static int map_windows(struct virtio_device *vdev)
{
	int err;

	err = map_window(vdev, VIRTIO_CAP_COMMON, COMMON_BYTES, &vdev->common);
	if (err)
		return err == -ENOENT ? -ENODEV : err;
	err = map_window(vdev, VIRTIO_CAP_NOTIFY, NOTIFY_BYTES, &vdev->notify);
	if (!err)
		err = map_window(vdev, VIRTIO_CAP_ISR, ISR_BYTES, &vdev->isr);
	if (err)
		return err == -ENOENT ? -EINVAL : err;
	/* A device without a configuration of its own has no such block. */
	err = map_window(vdev, VIRTIO_CAP_DEVICE, 1, &vdev->config);
	return err == -ENOENT ? 0 : err;
}

int virtio_pci_open(struct pci_device *pci, struct virtio_device *vdev)
{
	int err;

	memset(vdev, 0, sizeof(*vdev));
	if (pci->vendor != VIRTIO_PCI_VENDOR ||
	    pci->device < VIRTIO_PCI_DEVICE_BASE)
		return -ENODEV;
	if (!pci->msix.cap) {
		pr_warn("virtio: %02x:%02x.%x has no MSI-X and is not driven: give "
			"it vectors\n",
			pci->bus_nr, pci->devfn >> 3, pci->devfn & 7);
		return -ENODEV;
	}
	vdev->pci = pci;
	vdev->id = pci->device - VIRTIO_PCI_DEVICE_BASE;
	pci_enable_device(pci);
	err = map_windows(vdev);
	if (err)
		goto out_unmap;
	err = reset(vdev);
	if (err)
		goto out_unmap;
	say_driver(vdev);
	err = pci_msix_enable(pci);
	if (err < 0)
		goto out_unmap;
	vdev->nr_queues = min_t(unsigned int, VIRTIO_MAX_QUEUES,
				readw(common(vdev, COMMON_NUM_QUEUES)));
	vdev->vectors = pci->msix.count >= vdev->nr_queues ? vdev->nr_queues : 1;
	if (vdev->vectors == 1)
		pr_info("virtio: one interrupt vector for all queues\n");
	writew(VIRTIO_MSIX_NO_VECTOR, common(vdev, COMMON_MSIX_CONFIG));
	return 0;

out_unmap:
	unmap_windows(vdev);
	return err;
}

int virtio_negotiate(struct virtio_device *vdev, u64 wanted)
{
	u64 offered;

	writel(0, common(vdev, COMMON_DEVICE_SELECT));
	offered = readl(common(vdev, COMMON_DEVICE_FEATURE));
	writel(1, common(vdev, COMMON_DEVICE_SELECT));
	offered |= (u64)readl(common(vdev, COMMON_DEVICE_FEATURE)) << 32;

	wanted |= 1ull << VIRTIO_F_VERSION_1;
	vdev->features = offered & wanted;
	if (!(vdev->features & (1ull << VIRTIO_F_VERSION_1)))
		return -EOPNOTSUPP;
	writel(0, common(vdev, COMMON_DRIVER_SELECT));
	writel((u32)vdev->features, common(vdev, COMMON_DRIVER_FEATURE));
	writel(1, common(vdev, COMMON_DRIVER_SELECT));
	writel((u32)(vdev->features >> 32), common(vdev, COMMON_DRIVER_FEATURE));
	status_add(vdev, VIRTIO_STATUS_FEATURES_OK);
	if (!(status_get(vdev) & VIRTIO_STATUS_FEATURES_OK))
		return -EOPNOTSUPP;
	return 0;
}

static void queue_notify(struct virtqueue *vq, void *arg)
{
	struct virtio_queue *queue = arg;

	writew(queue->index, queue->doorbell);
}

static void queue_interrupt(void *arg)
{
	struct virtio_queue *queue = arg;

	WRITE_ONCE(queue->interrupts, queue->interrupts + 1);
	queue->interrupt(queue->arg);
}

bool virtio_interrupts_lost(unsigned long interrupts, unsigned long late)
{
	return late >= LATE_AT_LEAST && late > interrupts;
}

void virtio_queue_look(struct virtio_queue *queue)
{
	unsigned long interrupts = READ_ONCE(queue->interrupts);

	if (virtqueue_looks_used(&queue->vq))
		queue->late++;
	if (!queue->reported && virtio_interrupts_lost(interrupts, queue->late)) {
		queue->reported = true;
		pr_warn("virtio: interrupts of queue `%s` are lost: %lu came, and "
			"%lu times the queue was found used without one\n",
			queue->vq.name, interrupts, queue->late);
	}
	queue->interrupt(queue->arg);
}

static void shared_interrupt(void *arg)
{
	struct virtio_device *vdev = arg;
	unsigned int i;

	for (i = 0; i < vdev->nr_queues; i++) {
		/* Pairs with the release in virtio_queue_setup(). */
		struct virtio_queue *queue = smp_load_acquire(&vdev->queues[i]);

		if (queue)
			queue_interrupt(queue);
	}
}

unsigned int virtio_queue_cpu(unsigned int index, struct cpumask cpus)
{
	unsigned int cpu, nth;

	if (cpumask_empty(&cpus))
		return 0;
	nth = index % cpumask_weight(&cpus);
	for_each_cpu(cpu, &cpus) {
		if (!nth--)
			return cpu;
	}
	return 0;
}

static u16 queue_entry(const struct virtio_queue *queue)
{
	return queue->device->vectors > 1 ? queue->index : 0;
}

/* Give the device the rings of a queue and the entry of its interrupts. */
static int queue_enable(struct virtio_device *vdev, struct virtio_queue *queue)
{
	u16 entry = queue_entry(queue);

	writew(queue->index, common(vdev, COMMON_QUEUE_SELECT));
	writew(entry, common(vdev, COMMON_QUEUE_VECTOR));
	if (readw(common(vdev, COMMON_QUEUE_VECTOR)) != entry)
		return -ENOSPC;
	writew((u16)queue->vq.size, common(vdev, COMMON_QUEUE_SIZE));
	write_address(vdev, COMMON_QUEUE_DESC, virt_to_phys(queue->vq.desc));
	write_address(vdev, COMMON_QUEUE_DRIVER, virt_to_phys(queue->vq.avail));
	write_address(vdev, COMMON_QUEUE_DEVICE, virt_to_phys(queue->vq.used));
	writew(1, common(vdev, COMMON_QUEUE_ENABLE));
	queue->live = true;
	return 0;
}

/* The interrupt of a queue, and then the queue. */
static int queue_start(struct virtio_device *vdev, struct virtio_queue *queue)
{
	struct pci_device *pci = vdev->pci;
	u16 entry = queue_entry(queue);
	unsigned int cpu = virtio_queue_cpu(entry, arch_msi_cpus());
	int err;

	if (vdev->vectors > 1)
		err = pci_msix_request(pci, entry, cpu, queue_interrupt, queue,
				       queue->vq.name);
	else
		err = pci_msix_request(pci, entry, cpu, shared_interrupt, vdev,
				       "virtio");
	if (err && !(err == -EBUSY && vdev->vectors == 1))
		return err;
	err = queue_enable(vdev, queue);
	if (err && vdev->vectors > 1)
		pci_msix_release(pci, entry);
	return err;
}

static unsigned int queue_features(const struct virtio_device *vdev)
{
	unsigned int features = 0;

	if (vdev->features & (1ull << VIRTIO_F_INDIRECT_DESC))
		features |= VIRTQUEUE_INDIRECT;
	if (vdev->features & (1ull << VIRTIO_F_EVENT_IDX))
		features |= VIRTQUEUE_EVENT_IDX;
	return features;
}

/* The doorbell of the selected queue; NULL if it is not in the notify block. */
static void __iomem *queue_doorbell(const struct virtio_device *vdev)
{
	u64 offset = (u64)readw(common(vdev, COMMON_QUEUE_NOTIFY)) *
		     vdev->notify_multiplier;

	if (offset > vdev->notify.length - NOTIFY_BYTES)
		return NULL;
	return (u8 __iomem *)vdev->notify.base + offset;
}

unsigned int virtio_queue_size(struct virtio_device *vdev, unsigned int index)
{
	if (index >= vdev->nr_queues)
		return 0;
	writew((u16)index, common(vdev, COMMON_QUEUE_SELECT));
	return readw(common(vdev, COMMON_QUEUE_SIZE));
}

struct virtio_queue *virtio_queue_setup(struct virtio_device *vdev,
					unsigned int index, unsigned int size,
					unsigned int longest, const char *name,
					void (*interrupt)(void *arg), void *arg)
{
	struct virtio_queue *queue;
	unsigned int most;
	int err;

	if (index >= vdev->nr_queues)
		return ERR_PTR(-EINVAL);
	if (vdev->queues[index])
		return ERR_PTR(-EBUSY);
	most = virtio_queue_size(vdev, index);
	if (!most || (most & (most - 1)) || most > VIRTQUEUE_MAX_SIZE)
		return ERR_PTR(-EINVAL);

	queue = kzalloc(sizeof(*queue), GFP_KERNEL);
	if (!queue)
		return ERR_PTR(-ENOMEM);
	err = virtqueue_create(&queue->vq, name,
			       min_t(unsigned int, most, size), longest,
			       queue_features(vdev), queue_notify, queue);
	if (err)
		goto out_free;
	queue->device = vdev;
	queue->index = (u16)index;
	queue->interrupt = interrupt;
	queue->arg = arg;
	queue->doorbell = queue_doorbell(vdev);
	err = -EINVAL;
	if (!queue->doorbell)
		goto out_destroy;
	/* Release: the handler of a shared vector that sees the queue sees all of it. */
	smp_store_release(&vdev->queues[index], queue);
	/*
	 * After an error no interrupt of its own is enabled, but the handler of a
	 * shared vector may be looking at it: the memory stays until the device is
	 * closed.
	 */
	err = queue_start(vdev, queue);
	return err ? ERR_PTR(err) : queue;

out_destroy:
	virtqueue_destroy(&queue->vq);
out_free:
	kfree(queue);
	return ERR_PTR(err);
}

int virtio_start(struct virtio_device *vdev)
{
	status_add(vdev, VIRTIO_STATUS_DRIVER_OK);
	return status_get(vdev) & VIRTIO_STATUS_NEEDS_RESET ? -EIO : 0;
}

int virtio_config_read(const struct virtio_device *vdev, unsigned int offset,
		       void *buf, size_t len)
{
	u8 *to = buf, generation;
	unsigned int tries;
	size_t i;

	if (offset > vdev->config.length || len > vdev->config.length - offset)
		return -EINVAL;
	for (tries = 0; tries < CONFIG_TRIES; tries++) {
		generation = readb(common(vdev, COMMON_GENERATION));
		for (i = 0; i < len; i++)
			to[i] = readb((u8 __iomem *)vdev->config.base + offset +
				      i);
		if (readb(common(vdev, COMMON_GENERATION)) == generation)
			return 0;
	}
	return -EAGAIN;
}

int virtio_stop(struct virtio_device *vdev)
{
	return reset(vdev);
}

int virtio_restart(struct virtio_device *vdev)
{
	u64 features = vdev->features;
	unsigned int i;
	int err;

	say_driver(vdev);
	writew(VIRTIO_MSIX_NO_VECTOR, common(vdev, COMMON_MSIX_CONFIG));
	err = virtio_negotiate(vdev, features);
	if (!err && vdev->features != features)
		err = -EOPNOTSUPP;
	for (i = 0; !err && i < vdev->nr_queues; i++) {
		if (vdev->queues[i])
			err = queue_enable(vdev, vdev->queues[i]);
	}
	return err ?: virtio_start(vdev);
}

void virtio_close(struct virtio_device *vdev)
{
	unsigned int i;
	bool silent;

	if (!vdev->common.base)
		return;
	silent = !reset(vdev);
	pci_msix_disable(vdev->pci);
	for (i = 0; i < vdev->nr_queues; i++) {
		struct virtio_queue *queue = vdev->queues[i];

		vdev->queues[i] = NULL;
		/* A device that did not reset may write there: not reused. */
		if (!queue || !silent)
			continue;
		virtqueue_destroy(&queue->vq);
		kfree(queue);
	}
	unmap_windows(vdev);
}
