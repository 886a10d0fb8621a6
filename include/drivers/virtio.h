/* SPDX-License-Identifier: MIT */
/*
 * drivers/virtio.h - virtio devices on PCI, the modern interface only
 *
 * Key letters: (c) constant after virtio_pci_open()
 *              (s) written while the device is set up, by one thread
 */
#ifndef DRIVERS_VIRTIO_H
#define DRIVERS_VIRTIO_H

#include <drivers/pci.h>
#include <drivers/virtqueue.h>
#include <lib/cpumask.h>

#define VIRTIO_PCI_VENDOR         0x1af4
#define VIRTIO_PCI_DEVICE_BASE    0x1040 /* + virtio id */

#define VIRTIO_ID_BLOCK           2
#define VIRTIO_ID_FS              26

#define VIRTIO_F_INDIRECT_DESC    28
#define VIRTIO_F_EVENT_IDX        29
#define VIRTIO_F_VERSION_1        32

#define VIRTIO_STATUS_ACKNOWLEDGE 1
#define VIRTIO_STATUS_DRIVER      2
#define VIRTIO_STATUS_DRIVER_OK   4
#define VIRTIO_STATUS_FEATURES_OK 8
#define VIRTIO_STATUS_NEEDS_RESET 64
#define VIRTIO_STATUS_FAILED      128

#define VIRTIO_MSIX_NO_VECTOR     0xffff

/* A device's further queues are not used. */
#define VIRTIO_MAX_QUEUES 16

struct virtio_device;

/**
 * struct virtio_queue - a virtqueue and its doorbell
 * @vq: the rings
 * @device: its device (c)
 * @index: its number (c)
 * @doorbell: a notification is a write there (s)
 * @live: the device has the rings (s)
 * @interrupt: called with interrupts off when the device has used chains (c)
 * @arg: for @interrupt (c)
 * @interrupts: how many came (i)
 * @late: times that virtio_queue_look() found chains first (t)
 * @reported: lost interrupts were reported (t)
 *
 * (i) written by the interrupt handler, (t) by the thread that looks
 */
struct virtio_queue {
	struct virtqueue vq;
	struct virtio_device *device;
	u16 index;
	void __iomem *doorbell;
	bool live;
	void (*interrupt)(void *arg);
	void *arg;
	unsigned long interrupts;
	unsigned long late;
	bool reported;
};

/**
 * struct virtio_window - a register block that a capability pointed at (c)
 * @base: mapping, or NULL
 * @length: bytes
 */
struct virtio_window {
	void __iomem *base;
	u32 length;
};

/**
 * struct virtio_device - one device
 * @pci: (c)
 * @id: virtio id (c)
 * @features: negotiated (s)
 * @nr_queues: queues it has, at most VIRTIO_MAX_QUEUES (c)
 * @common: common configuration (c)
 * @notify: doorbells (c)
 * @isr: interrupt status (c)
 * @config: the device's own configuration (c)
 * @notify_multiplier: bytes between doorbells (c)
 * @vectors: MSI-X entries in use; 1 means that all queues share it (s)
 * @queues: those that were set up, else NULL (s)
 */
struct virtio_device {
	struct pci_device *pci;
	u16 id;
	u64 features;
	unsigned int nr_queues;
	struct virtio_window common;
	struct virtio_window notify;
	struct virtio_window isr;
	struct virtio_window config;
	u32 notify_multiplier;
	unsigned int vectors;
	struct virtio_queue *queues[VIRTIO_MAX_QUEUES];
};

/**
 * virtio_pci_open() - find the register blocks, reset, say DRIVER
 * @pci: a device of vendor VIRTIO_PCI_VENDOR
 * @vdev: filled
 *
 * Context: may sleep.
 * Return: 0, -ENODEV (not a modern device, or one without MSI-X, which is
 *	   reported), -EINVAL (a block is missing or not inside of its BAR),
 *	   -ETIMEDOUT (does not reset), -ENOMEM.
 */
int virtio_pci_open(struct pci_device *pci, struct virtio_device *vdev);

/**
 * virtio_negotiate() - agree on features
 * @vdev: the device
 * @wanted: bits to take if offered; VERSION_1 is always demanded
 *
 * Context: may sleep.
 * Return: 0 and @vdev->features, or -EOPNOTSUPP.
 */
int virtio_negotiate(struct virtio_device *vdev, u64 wanted);

/**
 * virtio_queue_size() - how many entries a queue can have
 * @vdev: a device after virtio_negotiate()
 * @index: of the queue
 *
 * Context: may sleep.
 * Return: what the device says; 0 where it has no such queue.
 */
unsigned int virtio_queue_size(struct virtio_device *vdev, unsigned int index);

/**
 * virtio_queue_setup() - give the device a queue
 * @vdev: a device after virtio_negotiate()
 * @index: below @vdev->nr_queues
 * @size: most entries; the device may have fewer
 * @longest: buffers that one chain may have
 * @name: not copied
 * @interrupt: called with interrupts off, at least once after the device has
 *	       used chains; one call can stand for many, and one for none
 * @arg: for @interrupt
 *
 * Context: may sleep.
 * Return: the queue or ERR_PTR: -EINVAL, -EBUSY, -ENOSPC (no vector), -ENOMEM.
 */
struct virtio_queue *virtio_queue_setup(struct virtio_device *vdev,
					unsigned int index, unsigned int size,
					unsigned int longest, const char *name,
					void (*interrupt)(void *arg), void *arg);

/**
 * virtio_queue_look() - look for used chains, though no interrupt has come
 * @queue: the queue
 *
 * For a driver that looks from time to time. Counts how often it finds chains
 * (@late). If virtio_interrupts_lost(), reports that once.
 *
 * Context: thread context; calls the queue's handler.
 */
void virtio_queue_look(struct virtio_queue *queue);

/**
 * virtio_interrupts_lost() - do these counts mean that interrupts are lost?
 * @interrupts: how many came
 * @late: how often chains were found by looking
 *
 * A pure function. A look can come before an interrupt that is on its way. Several
 * such looks, and more than there were interrupts, mean that interrupts are lost.
 */
bool virtio_interrupts_lost(unsigned long interrupts, unsigned long late);

/**
 * virtio_queue_cpu() - the CPU that a queue's interrupts go to
 * @index: number of the queue
 * @cpus: the CPUs that a device's message can name, arch_msi_cpus()
 *
 * A pure function: queue i takes CPU i of @cpus, modulo their number. Return: 0 if
 * there is none; pci_msix_request() then fails.
 */
unsigned int virtio_queue_cpu(unsigned int index, struct cpumask cpus);

/**
 * virtio_start() - DRIVER_OK: the device may work from here on
 * @vdev: the device
 *
 * Context: may sleep.
 * Return: 0, or -EIO if the device asks to be reset instead.
 */
int virtio_start(struct virtio_device *vdev);

/**
 * virtio_config_read() - copy from the device's own configuration
 * @vdev: the device
 * @offset: first byte
 * @buf: destination
 * @len: bytes
 *
 * If the device changes its configuration meanwhile, the bytes are read again.
 *
 * Context: any.
 * Return: 0; -EINVAL if that is not inside of the block, -EAGAIN if the device changes
 *	   it each time.
 */
int virtio_config_read(const struct virtio_device *vdev, unsigned int offset,
		       void *buf, size_t len);

/**
 * virtio_stop() - reset the device, and keep its queues and their interrupts
 * @vdev: a device after virtio_pci_open()
 *
 * When it returns 0 the device has none of the chains any more and writes no memory.
 * The used rings are what it last made of them. virtio_restart() or virtio_close()
 * follows.
 *
 * Context: may sleep; waits about a second for a device that does not answer.
 * Return: 0, or -ETIMEDOUT: the device does not say that it was reset, and may still
 *	   write.
 */
int virtio_stop(struct virtio_device *vdev);

/**
 * virtio_restart() - let a device work again that virtio_stop() has stopped
 * @vdev: the device; the caller has emptied its queues by virtqueue_clear()
 *
 * The same features are negotiated, and the device gets the same rings and interrupts.
 * Nothing is allocated, so memory that waits for this very device can wait here.
 *
 * Context: thread.
 * Return: 0; -EOPNOTSUPP (the device does not offer the same any more), -ENOSPC (it
 *	   does not take the vector), -EIO (it asks to be reset).
 */
int virtio_restart(struct virtio_device *vdev);

/**
 * virtio_close() - reset the device, free its queues, unmap
 * @vdev: the device; no interrupt handler of it runs after the return
 *
 * Not for a device that may hang: the reset waits for it. Nothing is to be done for one
 * that virtio_pci_open() could not open.
 * Context: may sleep.
 */
void virtio_close(struct virtio_device *vdev);

/* A register block starting at @base, as a capability describes it. */
struct virtio_capability {
	u8 type;
	u8 bar;
	u32 offset;
	u32 length;
	u32 multiplier;
};

#define VIRTIO_CAP_COMMON 1
#define VIRTIO_CAP_NOTIFY 2
#define VIRTIO_CAP_ISR    3
#define VIRTIO_CAP_DEVICE 4

/**
 * virtio_find_capability() - the first capability of a type that can be used
 * @pci: the device
 * @type: VIRTIO_CAP_*
 * @need: least length of its block, bytes
 * @cap: filled
 *
 * It can be used if it is long enough for its own fields, and its block lies
 * inside of a memory BAR and is not shorter than @need.
 *
 * Context: any.
 * Return: 0; -ENOENT (none of this type), -EINVAL (none can be used).
 */
int virtio_find_capability(const struct pci_device *pci, u8 type, u32 need,
			   struct virtio_capability *cap);

#endif
