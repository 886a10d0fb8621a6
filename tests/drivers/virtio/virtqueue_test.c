// SPDX-License-Identifier: MIT
/*
 * tests/drivers/virtio/virtqueue_test.c - rings against a device that may lie
 *
 * The device is a few functions in here that read the available ring and write
 * the used ring as a device would, or as a liar would. Nothing runs in
 * parallel: what is tested is what the driver believes.
 */
#include <arch/page.h>
#include <drivers/virtqueue.h>
#include <kernel/ktest.h>
#include <lib/string.h>

#define SIZE    16u
#define LONGEST 8u

/* A device at the other end of @vq. */
struct fake {
	struct virtqueue vq;
	u16 seen;     /* available entries taken */
	u16 used;     /* used index published */
	u64 notified; /* times the bell rang */
};

static void fake_notify(struct virtqueue *vq, void *arg)
{
	struct fake *fake = arg;

	fake->notified++;
}

static bool fake_create(struct ktest *test, struct fake *fake,
			unsigned int features)
{
	memset(fake, 0, sizeof(*fake));
	EXPECT_EQ(virtqueue_create(&fake->vq, "test", SIZE, LONGEST, features,
				   fake_notify, fake),
		  0);
	return !ktest_failed(test);
}

/* The next head that the driver offered, or SIZE if there is none. */
static u16 fake_take(struct fake *fake)
{
	if (fake->seen == fake->vq.avail->idx)
		return SIZE;
	return fake->vq.avail->ring[fake->seen++ % SIZE];
}

static void fake_use(struct fake *fake, u32 id, u32 len)
{
	fake->vq.used->ring[fake->used % SIZE].id = id;
	fake->vq.used->ring[fake->used % SIZE].len = len;
	fake->vq.used->idx = ++fake->used;
}

static void fake_avail_event(struct fake *fake, u16 index)
{
	*(u16 *)&fake->vq.used->ring[SIZE] = index;
}

static int offer(struct fake *fake, unsigned int out, unsigned int in,
		 void *cookie)
{
	struct virtqueue_buffer buffers[LONGEST + 1];
	unsigned int i;

	for (i = 0; i < out + in; i++)
		buffers[i] = (struct virtqueue_buffer){0x1000ul * (i + 1), 100};
	return virtqueue_add(&fake->vq, buffers, out, in, cookie);
}

static int cookies[2 * SIZE];

KTEST(virtqueue, chain_comes_back_with_its_cookie_and_length)
{
	struct fake fake;
	u32 written = 0;

	if (!fake_create(test, &fake, 0))
		return;
	EXPECT_EQ(offer(&fake, 1, 1, &cookies[0]), 0);
	EXPECT_EQ(offer(&fake, 1, 1, &cookies[1]), 0);
	EXPECT(!virtqueue_take(&fake.vq, &written));
	fake_take(&fake);
	fake_use(&fake, fake_take(&fake), 42);
	EXPECT(virtqueue_take(&fake.vq, &written) == &cookies[1]);
	EXPECT_EQ(written, 42u);
	EXPECT(!virtqueue_take(&fake.vq, &written));
	EXPECT(virtqueue_verify(&fake.vq));
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, direct_chain_links_its_descriptors)
{
	struct virtq_desc *desc;
	struct fake fake;
	u16 head;

	if (!fake_create(test, &fake, 0))
		return;
	EXPECT_EQ(offer(&fake, 1, 2, &cookies[0]), 0);
	head = fake_take(&fake);
	desc = &fake.vq.desc[head];
	EXPECT_EQ(desc->addr, 0x1000ul);
	EXPECT_EQ(desc->flags, VIRTQ_DESC_F_NEXT);
	desc = &fake.vq.desc[desc->next];
	EXPECT_EQ(desc->addr, 0x2000ul);
	EXPECT_EQ(desc->flags, VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE);
	desc = &fake.vq.desc[desc->next];
	EXPECT_EQ(desc->addr, 0x3000ul);
	EXPECT_EQ(desc->flags, VIRTQ_DESC_F_WRITE);
	EXPECT_EQ(fake.vq.nr_free, SIZE - 3);
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, indirect_chain_takes_one_descriptor)
{
	struct virtq_desc *desc, *table;
	struct fake fake;

	if (!fake_create(test, &fake, VIRTQUEUE_INDIRECT))
		return;
	EXPECT_EQ(offer(&fake, 1, 2, &cookies[0]), 0);
	EXPECT_EQ(fake.vq.nr_free, SIZE - 1);
	desc = &fake.vq.desc[fake_take(&fake)];
	EXPECT_EQ(desc->flags, VIRTQ_DESC_F_INDIRECT);
	EXPECT_EQ(desc->len, 3 * sizeof(*table));
	table = phys_to_virt(desc->addr);
	EXPECT_EQ(table[0].flags, VIRTQ_DESC_F_NEXT);
	EXPECT_EQ(table[1].flags, VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE);
	EXPECT_EQ(table[1].next, 2);
	EXPECT_EQ(table[2].flags, VIRTQ_DESC_F_WRITE);
	EXPECT_EQ(table[2].addr, 0x3000ul);
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, nonsense_from_the_caller_is_refused)
{
	struct virtqueue_buffer empty = {0x1000, 0};
	struct virtqueue vq;
	struct fake fake;

	EXPECT_EQ(virtqueue_create(&vq, "x", 0, 1, 0, fake_notify, NULL),
		  -EINVAL);
	EXPECT_EQ(virtqueue_create(&vq, "x", 24, 1, 0, fake_notify, NULL),
		  -EINVAL);
	EXPECT_EQ(virtqueue_create(&vq, "x", SIZE, 0, 0, fake_notify, NULL),
		  -EINVAL);
	EXPECT_EQ(virtqueue_create(&vq, "x", 2 * VIRTQUEUE_MAX_SIZE, 1, 0,
				   fake_notify, NULL),
		  -EINVAL);
	if (!fake_create(test, &fake, 0))
		return;
	EXPECT_EQ(offer(&fake, 0, 0, &cookies[0]), -EINVAL);
	EXPECT_EQ(offer(&fake, LONGEST, 1, &cookies[0]), -EINVAL);
	EXPECT_EQ(virtqueue_add(&fake.vq, &empty, 1, 0, &cookies[0]), -EINVAL);
	EXPECT_EQ(fake.vq.nr_free, SIZE);
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, full_ring_refuses_and_stays_sound)
{
	struct fake fake;
	unsigned int i;
	u32 written;

	if (!fake_create(test, &fake, 0))
		return;
	for (i = 0; i < SIZE / 2; i++)
		EXPECT_EQ(offer(&fake, 1, 1, &cookies[i]), 0);
	EXPECT_EQ(offer(&fake, 1, 0, &cookies[i]), -ENOSPC);
	EXPECT(virtqueue_verify(&fake.vq));
	fake_use(&fake, fake_take(&fake), 0);
	EXPECT(virtqueue_take(&fake.vq, &written) == &cookies[0]);
	EXPECT_EQ(offer(&fake, 1, 1, &cookies[i]), 0);
	EXPECT(virtqueue_verify(&fake.vq));
	virtqueue_destroy(&fake.vq);
}

/* After a lie nothing is believed and nothing is sent any more. */
static void expect_broken(struct ktest *test, struct fake *fake)
{
	u32 written;

	EXPECT(!virtqueue_take(&fake->vq, &written));
	EXPECT(fake->vq.broken);
	EXPECT_EQ(offer(fake, 1, 0, &cookies[3]), -EIO);
	fake_use(fake, 0, 0);
	EXPECT(!virtqueue_take(&fake->vq, &written));
	EXPECT(virtqueue_verify(&fake->vq));
}

KTEST(virtqueue, used_id_beyond_the_ring_breaks_the_queue)
{
	struct fake fake;

	if (!fake_create(test, &fake, VIRTQUEUE_INDIRECT))
		return;
	EXPECT_EQ(offer(&fake, 1, 1, &cookies[0]), 0);
	fake_use(&fake, SIZE, 0);
	expect_broken(test, &fake);
	EXPECT_EQ(fake.vq.stats.bad_id, 1u);
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, used_id_behind_a_head_breaks_the_queue)
{
	struct fake fake;

	if (!fake_create(test, &fake, 0))
		return;
	EXPECT_EQ(offer(&fake, 1, 1, &cookies[0]), 0);
	fake_use(&fake, fake.vq.desc[fake_take(&fake)].next, 0);
	expect_broken(test, &fake);
	EXPECT_EQ(fake.vq.stats.bad_id, 1u);
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, head_used_twice_breaks_the_queue)
{
	struct fake fake;
	u32 written;
	u16 head;

	if (!fake_create(test, &fake, 0))
		return;
	EXPECT_EQ(offer(&fake, 1, 0, &cookies[0]), 0);
	EXPECT_EQ(offer(&fake, 1, 0, &cookies[1]), 0);
	head = fake_take(&fake);
	fake_use(&fake, head, 0);
	fake_use(&fake, head, 0);
	EXPECT(virtqueue_take(&fake.vq, &written) == &cookies[0]);
	expect_broken(test, &fake);
	EXPECT_EQ(fake.vq.stats.bad_id, 1u);
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, used_length_beyond_the_buffers_breaks_the_queue)
{
	struct fake fake;

	if (!fake_create(test, &fake, 0))
		return;
	EXPECT_EQ(offer(&fake, 1, 2, &cookies[0]), 0);
	fake_use(&fake, fake_take(&fake), 201);
	expect_broken(test, &fake);
	EXPECT_EQ(fake.vq.stats.bad_length, 1u);
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, used_index_beyond_what_is_in_flight_breaks_the_queue)
{
	struct fake fake;

	if (!fake_create(test, &fake, 0))
		return;
	EXPECT_EQ(offer(&fake, 1, 1, &cookies[0]), 0);
	fake_use(&fake, fake_take(&fake), 0);
	fake.vq.used->idx = 2;
	expect_broken(test, &fake);
	EXPECT_EQ(fake.vq.stats.bad_index, 1u);
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, descriptors_overwritten_by_the_device_do_no_harm)
{
	struct fake fake;
	unsigned int i;
	u32 written;
	u16 head;

	if (!fake_create(test, &fake, 0))
		return;
	EXPECT_EQ(offer(&fake, 1, 2, &cookies[0]), 0);
	head = fake_take(&fake);
	memset(fake.vq.desc, 0xff, SIZE * sizeof(*fake.vq.desc));
	fake_use(&fake, head, 0);
	EXPECT(virtqueue_take(&fake.vq, &written) == &cookies[0]);
	EXPECT(virtqueue_verify(&fake.vq));
	for (i = 0; i < SIZE; i++)
		EXPECT_EQ(offer(&fake, 1, 0, &cookies[i]), 0);
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, device_is_notified_only_when_its_event_index_is_passed)
{
	struct fake fake;

	if (!fake_create(test, &fake, VIRTQUEUE_EVENT_IDX))
		return;
	fake_avail_event(&fake, 1);
	EXPECT_EQ(offer(&fake, 1, 0, &cookies[0]), 0);
	virtqueue_kick(&fake.vq);
	EXPECT_EQ(fake.notified, 0u);
	EXPECT_EQ(offer(&fake, 1, 0, &cookies[1]), 0);
	EXPECT_EQ(offer(&fake, 1, 0, &cookies[2]), 0);
	virtqueue_kick(&fake.vq);
	EXPECT_EQ(fake.notified, 1u);
	virtqueue_kick(&fake.vq);
	EXPECT_EQ(fake.notified, 1u);
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, device_without_event_index_is_notified_unless_its_flag_says_no)
{
	struct fake fake;

	if (!fake_create(test, &fake, 0))
		return;
	EXPECT_EQ(offer(&fake, 1, 0, &cookies[0]), 0);
	virtqueue_kick(&fake.vq);
	EXPECT_EQ(fake.notified, 1u);
	fake.vq.used->flags = VIRTQ_USED_F_NO_NOTIFY;
	EXPECT_EQ(offer(&fake, 1, 0, &cookies[1]), 0);
	virtqueue_kick(&fake.vq);
	EXPECT_EQ(fake.notified, 1u);
	EXPECT_EQ(fake.vq.stats.notify_spared, 1u);
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, switching_interrupts_on_reports_what_came_meanwhile)
{
	struct fake fake;
	u32 written;

	if (!fake_create(test, &fake, VIRTQUEUE_EVENT_IDX))
		return;
	EXPECT_EQ(offer(&fake, 1, 0, &cookies[0]), 0);
	virtqueue_interrupt_off(&fake.vq);
	fake_use(&fake, fake_take(&fake), 0);
	EXPECT(!virtqueue_interrupt_on(&fake.vq));
	EXPECT(virtqueue_take(&fake.vq, &written) == &cookies[0]);
	EXPECT(virtqueue_interrupt_on(&fake.vq));
	EXPECT_EQ(fake.vq.avail->ring[SIZE], 1);
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, indices_wrap_around)
{
	unsigned int i, bad = 0;
	struct fake fake;
	u32 written;

	if (!fake_create(test, &fake, VIRTQUEUE_EVENT_IDX | VIRTQUEUE_INDIRECT))
		return;
	for (i = 0; i < 70000; i++) {
		bad += offer(&fake, 1, 1, &cookies[i % SIZE]) != 0;
		fake_avail_event(&fake, (u16)i);
		virtqueue_kick(&fake.vq);
		fake_use(&fake, fake_take(&fake), 8);
		bad += virtqueue_take(&fake.vq, &written) != &cookies[i % SIZE];
	}
	EXPECT_EQ(bad, 0u);
	EXPECT_EQ(fake.notified, 70000u);
	EXPECT(virtqueue_verify(&fake.vq));
	virtqueue_destroy(&fake.vq);
}

KTEST(virtqueue, abandoned_chains_come_back_once_each)
{
	unsigned int i, seen = 0;
	struct fake fake;
	int *cookie;

	if (!fake_create(test, &fake, VIRTQUEUE_INDIRECT))
		return;
	for (i = 0; i < 5; i++)
		EXPECT_EQ(offer(&fake, 1, 1, &cookies[i]), 0);
	while ((cookie = virtqueue_abandon(&fake.vq)))
		seen |= 1u << (cookie - cookies);
	EXPECT_EQ(seen, 0x1fu);
	EXPECT(virtqueue_verify(&fake.vq));
	EXPECT_EQ(fake.vq.nr_free, SIZE);
	virtqueue_destroy(&fake.vq);
}

/* Chains in any order, of any length, checked against a list of our own. */
KTEST(virtqueue, random_chains_agree_with_a_shadow)
{
	struct rng *rng = ktest_rng(test);
	u16 heads[SIZE];
	void *owners[SIZE];
	unsigned int step, flights = 0, bad = 0;
	struct fake fake;
	u32 written;

	if (!fake_create(test, &fake, rng_below(rng, 2) ? VIRTQUEUE_INDIRECT : 0))
		return;
	for (step = 0; step < 5000; step++) {
		unsigned int pick;

		if (rng_below(rng, 2)) {
			void *cookie = &cookies[step % (2 * SIZE)];
			unsigned int out = (unsigned int)rng_below(rng, 3);
			unsigned int in = 1 + (unsigned int)rng_below(rng, 3);

			if (offer(&fake, out, in, cookie))
				continue;
			heads[flights] = fake_take(&fake);
			owners[flights++] = cookie;
		} else if (flights) {
			pick = (unsigned int)rng_below(rng, flights);
			fake_use(&fake, heads[pick], 100);
			bad += virtqueue_take(&fake.vq, &written) != owners[pick];
			bad += written != 100;
			flights--;
			heads[pick] = heads[flights];
			owners[pick] = owners[flights];
		}
		bad += !virtqueue_verify(&fake.vq);
	}
	EXPECT_EQ(bad, 0u);
	virtqueue_destroy(&fake.vq);
}
