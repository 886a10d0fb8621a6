// SPDX-License-Identifier: MIT
/*
 * tests/drivers/virtio/virtio_test.c - interrupts that a device cannot send, or that
 * get lost
 *
 * QEMU 7.2 gives no CPU a number that a message cannot name, so the choice of
 * CPUs and the judgement on lost interrupts are asked with made-up figures. The
 * queue here has no device: the tests write the used ring themselves.
 */
#include <drivers/virtio.h>
#include <lib/errno.h>
#include <kernel/ktest.h>
#include <lib/string.h>

#include "tests/ktest/heard.h"

KTEST(virtio, a_device_without_vectors_is_named_and_left_alone)
{
	struct pci_device pci = {
		.vendor = VIRTIO_PCI_VENDOR,
		.device = VIRTIO_PCI_DEVICE_BASE + VIRTIO_ID_FS,
		.bus_nr = 2,
		.devfn = 5 << 3 | 1,
	};
	struct virtio_device vdev;
	int err;

	hear_begin();
	err = virtio_pci_open(&pci, &vdev);
	hear_end();
	EXPECT_EQ(err, -ENODEV);
	EXPECT(heard("virtio: 02:05.1 has no MSI-X") != NULL);
}

/* CPUs 1 and 3 have ids above 254: the queues go round 0, 2 and 4. */
KTEST(virtio, queues_go_round_the_cpus_that_a_message_can_name)
{
	const struct cpumask cpus = {0x15};

	EXPECT_EQ(virtio_queue_cpu(0, cpus), 0U);
	EXPECT_EQ(virtio_queue_cpu(1, cpus), 2U);
	EXPECT_EQ(virtio_queue_cpu(2, cpus), 4U);
	EXPECT_EQ(virtio_queue_cpu(3, cpus), 0U);
	EXPECT_EQ(virtio_queue_cpu(7, CPU_MASK_NONE), 0U);
}

KTEST(virtio, interrupts_are_lost_when_looking_finds_more_than_they_bring)
{
	EXPECT(!virtio_interrupts_lost(0, 0));
	EXPECT(!virtio_interrupts_lost(0, 3));
	EXPECT(virtio_interrupts_lost(0, 8));
	EXPECT(virtio_interrupts_lost(7, 8));
	EXPECT(!virtio_interrupts_lost(8, 8));
	EXPECT(!virtio_interrupts_lost(100000, 400));
}

static unsigned int handled;

static void take_all(void *arg)
{
	struct virtio_queue *queue = arg;

	handled++;
	queue->vq.used_idx = queue->vq.used->idx;
}

static void no_device(struct virtqueue *vq, void *arg)
{
}

KTEST(virtio, lost_interrupts_are_counted_and_reported_once)
{
	struct virtio_queue queue = {.interrupt = take_all, .arg = &queue};
	const char *told;

	REQUIRE_EQ(virtqueue_create(&queue.vq, "lost", 8, 1, 0, no_device, NULL),
		   0);
	handled = 0;
	hear_begin();
	for (unsigned int i = 0; i < 20; i++) {
		virtio_queue_look(&queue); /* nothing is there */
		queue.vq.used->idx++;
		virtio_queue_look(&queue);
	}
	hear_end();
	EXPECT_EQ(handled, 40U);
	EXPECT_EQ(queue.late, 20);
	told = heard("interrupts of queue `lost` are lost: 0 came");
	EXPECT(told != NULL);
	EXPECT(!told || !strstr(told + 1, "interrupts of"));
	virtqueue_destroy(&queue.vq);
}
