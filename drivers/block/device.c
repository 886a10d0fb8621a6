// SPDX-License-Identifier: MIT
/*
 * drivers/block/device.c - find a virtio disk, start it, reset it
 *
 * Problem.  A disk is a device like the peer: it can be of any kind behind the same
 * registers, hang, or lie. It is not a device like the peer in that its requests must come
 * back, with their pages, so it cannot just be left alone when it is dead.
 *
 * Idea.  Refuse at the start what cannot be driven (config.c). One queue; more of them
 * would let several CPUs submit without waiting for each other, and no disk behind an
 * emulator is fast enough for that to be seen.
 *
 * Reset.  virtio_stop() resets; QEMU's disk ends or drops all that it has before it says
 * that it was reset. A device that does not say so within a second loses its right to
 * write memory: the bus drops what it sends. The rings stay allocated, and the disk is
 * dead. virtio_restart() gives a device that was reset the same rings again; nothing is
 * allocated (docs/adr/0023-a-request-comes-back-when-the-device-has-let-go.md).
 *
 *	probe			a reset
 *	virtio_pci_open()	virtio_stop()
 *	virtio_negotiate()	the layer takes the last answers
 *	limits			virtqueue_clear(), virtio_blk_slots_init()
 *	queue, virtio_start()	virtio_restart()
 *	the serial number, as an ordinary request
 *
 * Lifetime: from boot to the end. A device that is refused leaves nothing; one that fails
 * in the middle of the probe and does not reset leaves its rings allocated (virtio_close()).
 *
 * Not here: the requests (request.c), time limits (block/watch.c).
 */
#include <arch/page.h>
#include <kernel/time.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/printk.h>
#include <mm/alloc/alloc.h>

#include "internal.h"

/* How long the boot waits for a disk's serial number. */
#define PROBE_LIMIT_NS  (3 * NSEC_PER_SEC)

#define CONFIG_SECTORS  0
#define CONFIG_SEGMENT  8
#define CONFIG_SEGMENTS 12
#define CONFIG_BLOCK    20

static struct virtio_blk *blk_of(struct block_disk *disk)
{
	return container_of(disk, struct virtio_blk, disk);
}

static void notify_device(struct block_disk *disk)
{
	virtqueue_kick(&blk_of(disk)->queue->vq);
}

static void look(struct block_disk *disk)
{
	struct virtio_queue *queue = blk_of(disk)->queue;
	unsigned long flags;

	spin_lock_irqsave(&disk->lock, flags);
	if (!queue->vq.broken)
		queue->vq.notify(&queue->vq, queue->vq.notify_arg);
	spin_unlock_irqrestore(&disk->lock, flags);
	virtio_queue_look(queue);
}

static int stop(struct block_disk *disk)
{
	struct virtio_blk *blk = blk_of(disk);
	int err = virtio_stop(&blk->vdev);

	if (err)
		pci_disable_master(blk->vdev.pci);
	return err;
}

static int restart(struct block_disk *disk)
{
	struct virtio_blk *blk = blk_of(disk);
	unsigned long flags;
	int err;

	spin_lock_irqsave(&disk->lock, flags);
	virtqueue_clear(&blk->queue->vq);
	virtio_blk_slots_init(blk);
	spin_unlock_irqrestore(&disk->lock, flags);
	err = virtio_restart(&blk->vdev);
	if (err)
		pci_disable_master(blk->vdev.pci);
	return err;
}

const struct block_disk_ops virtio_blk_ops = {
	.give = virtio_blk_give,
	.notify = notify_device,
	.take = virtio_blk_take,
	.look = look,
	.stop = stop,
	.restart = restart,
};

static void interrupt(void *arg)
{
	block_interrupt(arg);
}

/* A field that its feature says is there, or 0. */
static int read_field(const struct virtio_device *vdev, unsigned int feature,
		      unsigned int offset, u32 *value)
{
	*value = 0;
	if (!(vdev->features & (1ull << feature)))
		return 0;
	return virtio_config_read(vdev, offset, value, sizeof(*value));
}

static int read_config(const struct virtio_device *vdev,
		       struct virtio_blk_config *config)
{
	int err;

	config->features = vdev->features;
	err = virtio_config_read(vdev, CONFIG_SECTORS, &config->sectors,
				 sizeof(config->sectors));
	if (!err)
		err = read_field(vdev, VIRTIO_BLK_F_SIZE_MAX, CONFIG_SEGMENT,
				 &config->segment_bytes);
	if (!err)
		err = read_field(vdev, VIRTIO_BLK_F_SEG_MAX, CONFIG_SEGMENTS,
				 &config->segments);
	if (!err)
		err = read_field(vdev, VIRTIO_BLK_F_BLK_SIZE, CONFIG_BLOCK,
				 &config->block_bytes);
	return err;
}

static int make_queue(struct virtio_blk *blk)
{
	struct virtio_queue *queue =
		virtio_queue_setup(&blk->vdev, 0, VIRTIO_BLK_ENTRIES,
				   VIRTIO_BLK_SEGMENTS + VIRTIO_BLK_AROUND,
				   "disk", interrupt, &blk->disk);

	if (IS_ERR(queue))
		return (int)PTR_ERR(queue);
	blk->queue = queue;
	return 0;
}

/* The limits want the queue's size, and an interrupt wants the disk: so in this order. */
static int set_up(struct virtio_blk *blk)
{
	struct virtio_blk_config config;
	struct block_limits limits;
	const char *why;
	int err;

	err = virtio_negotiate(&blk->vdev, VIRTIO_BLK_WANTED);
	if (!err)
		err = read_config(&blk->vdev, &config);
	if (err)
		return err;
	why = virtio_blk_refusal(&config, virtio_queue_size(&blk->vdev, 0),
				 &limits);
	if (why) {
		pr_warn("block: %02x:%02x.%x is not driven: %s\n",
			blk->vdev.pci->bus_nr, blk->vdev.pci->devfn >> 3,
			blk->vdev.pci->devfn & 7, why);
		return -ENODEV;
	}
	err = block_disk_init(&blk->disk, &virtio_blk_ops, &limits);
	if (err)
		return err;
	err = make_queue(blk);
	if (!err)
		err = virtio_start(&blk->vdev);
	if (err)
		block_disk_destroy(&blk->disk);
	return err;
}

/* A disk without a serial number has a name all the same; a dead one is an error. */
static int ask_serial(struct block_disk *disk, char *serial)
{
	struct block_segment segment = {virt_to_phys(serial), BLOCK_SERIAL_BYTES};
	struct block_request req = {
		.op = BLOCK_SERIAL, .segments = &segment, .nr_segments = 1};
	u64 limit = block_set_limit(disk, PROBE_LIMIT_NS);
	int err = block_wait(disk, &req);

	block_set_limit(disk, limit);
	if (err)
		serial[0] = '\0';
	return block_alive(disk) ? 0 : -EIO;
}

static int name_and_register(struct block_disk *disk)
{
	char *serial = kzalloc(BLOCK_SERIAL_BYTES, GFP_KERNEL);
	int err;

	if (!serial)
		return -ENOMEM;
	err = ask_serial(disk, serial);
	if (!err)
		err = block_disk_register(disk, serial);
	kfree(serial);
	return err;
}

static void report(const struct virtio_blk *blk)
{
	const struct block_limits *limits = &blk->disk.limits;
	const struct pci_device *pci = blk->vdev.pci;

	pr_info("block: %s at %02x:%02x.%x, %lu sectors, blocks of %u bytes, %u "
		"segments%s%s\n",
		blk->disk.name, pci->bus_nr, pci->devfn >> 3, pci->devfn & 7,
		(unsigned long)limits->sectors, limits->block_bytes,
		limits->segments, limits->cached ? ", cached" : "",
		limits->read_only ? ", read-only" : "");
}

static int probe(struct pci_device *pci, const struct pci_device_id *id)
{
	struct virtio_blk *blk = kzalloc(sizeof(*blk), GFP_KERNEL);
	int err = -ENOMEM;

	if (!blk)
		return -ENOMEM;
	blk->slots = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!blk->slots)
		goto out_free;
	virtio_blk_slots_init(blk);
	err = virtio_pci_open(pci, &blk->vdev);
	if (err)
		goto out_slots;
	err = set_up(blk);
	if (err)
		goto out_close;
	err = name_and_register(&blk->disk);
	if (err)
		goto out_destroy;
	pci->driver_data = blk;
	report(blk);
	return 0;

out_destroy:
	/* The device has no request: it was reset, or has answered. */
	block_disk_destroy(&blk->disk);
out_close:
	virtio_close(&blk->vdev);
out_slots:
	kfree(blk->slots);
out_free:
	kfree(blk);
	return err;
}

static const struct pci_device_id ids[] = {
	{VIRTIO_PCI_VENDOR, VIRTIO_PCI_DEVICE_BASE + VIRTIO_ID_BLOCK},
	{0, 0},
};

static const struct pci_driver virtio_blk_driver = {
	.name = "virtio-blk",
	.ids = ids,
	.probe = probe,
};
PCI_DRIVER(virtio_blk_driver);
