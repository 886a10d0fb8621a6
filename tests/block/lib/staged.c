// SPDX-License-Identifier: MIT
/*
 * tests/block/lib/staged.c - a disk whose every step the test decides
 *
 * Problem.  A real disk answers when it likes. What matters here are orders: an answer
 * before, with and after a reset; a write that is not done when a flush comes.
 *
 * Idea.  A driver of the block layer with no device behind it. It keeps what it is given
 * until the test says that a request is done. A reset forgets it.
 *
 * At the end of the test all that it still has is answered, so that each request comes back
 * before the disk goes. The requests are in the disk, because a test's own memory is freed
 * before that.
 *
 * Locks: disk.lock, by the layer in the functions of the driver, else taken here.
 */
#include <arch/page.h>

#include <lib/assert.h>

#include "staged.h"

static struct staged_disk *of(struct block_disk *disk)
{
	return container_of(disk, struct staged_disk, disk);
}

static int give(struct block_disk *disk, struct block_request *req)
{
	struct staged_disk *p = of(disk);

	if (p->nr_has + p->nr_answers >= p->room)
		return -ENOSPC;
	p->has[p->nr_has++] = req;
	p->given++;
	return 0;
}

static void notify(struct block_disk *disk)
{
}

static struct block_request *take(struct block_disk *disk, int *error)
{
	struct staged_disk *p = of(disk);
	struct block_request *req;

	if (p->lies)
		return ERR_PTR(-EPROTO);
	if (!p->nr_answers)
		return NULL;
	req = p->answers[0];
	*error = p->errors[0];
	p->nr_answers--;
	for (unsigned int i = 0; i < p->nr_answers; i++) {
		p->answers[i] = p->answers[i + 1];
		p->errors[i] = p->errors[i + 1];
	}
	return req;
}

static void look(struct block_disk *disk)
{
	block_interrupt(disk);
}

static int stop(struct block_disk *disk)
{
	struct staged_disk *p = of(disk);
	unsigned long flags;

	if (p->at_stop)
		p->at_stop(p);
	spin_lock_irqsave(&disk->lock, flags);
	p->stops++;
	p->nr_has = 0;
	spin_unlock_irqrestore(&disk->lock, flags);
	return p->stop_error;
}

static int restart(struct block_disk *disk)
{
	struct staged_disk *p = of(disk);
	unsigned long flags;

	spin_lock_irqsave(&disk->lock, flags);
	p->lies = false;
	spin_unlock_irqrestore(&disk->lock, flags);
	return p->restart_error;
}

static const struct block_disk_ops staged_ops = {
	.give = give,
	.notify = notify,
	.take = take,
	.look = look,
	.stop = stop,
	.restart = restart,
};

static unsigned int answer_all(struct staged_disk *p)
{
	unsigned int nr;
	unsigned long flags;

	spin_lock_irqsave(&p->disk.lock, flags);
	for (nr = 0; nr < p->nr_has; nr++) {
		p->answers[p->nr_answers] = p->has[nr];
		p->errors[p->nr_answers++] = 0;
	}
	p->nr_has = 0;
	spin_unlock_irqrestore(&p->disk.lock, flags);
	return nr;
}

static void staged_destroy(void *arg)
{
	struct staged_disk *p = arg;

	p->room = STAGED_MOST;
	p->at_stop = NULL;
	do {
		block_interrupt(&p->disk);
	} while (answer_all(p));
	block_disk_destroy(&p->disk);
}

struct staged_disk *staged_new(struct ktest *test, unsigned int room)
{
	const struct block_limits limits = {
		.sectors = STAGED_SECTORS,
		.block_bytes = BLOCK_SECTOR_BYTES,
		.segments = STAGED_SEGMENTS,
		.segment_bytes = 4096,
		.cached = true,
	};
	struct staged_disk *p = ktest_alloc(test, sizeof(*p));

	p->room = room;
	if (block_disk_init(&p->disk, &staged_ops, &limits)) {
		ktest_fail(test, "no memory for a disk");
		return NULL;
	}
	ktest_cleanup(test, staged_destroy, p);
	return p;
}

static void asked_done(struct block_request *req)
{
	struct asked *asked = container_of(req, struct asked, req);

	asked->stops = asked->disk->stops;
	asked->done++;
	step_signal(&asked->came, 1);
}

struct asked *asked_new(struct ktest *test, struct staged_disk *staged,
			enum block_op op, unsigned int i)
{
	struct asked *asked = &staged->asked[staged->nr_asked++];

	ASSERT(staged->nr_asked <= STAGED_ASKED);
	asked->disk = staged;
	asked->segment = (struct block_segment){PAGE_SIZE, BLOCK_SECTOR_BYTES};
	asked->req = (struct block_request){.op = op, .done = asked_done};
	if (op != BLOCK_FLUSH) {
		asked->req.sector = i;
		asked->req.segments = &asked->segment;
		asked->req.nr_segments = 1;
	}
	step_init(&asked->came, test);
	return asked;
}

void asked_array(struct ktest *test, struct staged_disk *staged,
		 enum block_op op, struct asked **asked, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		asked[i] = asked_new(test, staged, op, i);
}

void submit_all(struct staged_disk *staged, struct asked **asked, unsigned int nr)
{
	LIST_HEAD(requests);

	for (unsigned int i = 0; i < nr; i++)
		list_add_tail(&asked[i]->req.link, &requests);
	block_submit(&staged->disk, &requests);
}

static unsigned int place_of(const struct staged_disk *p,
			     const struct asked *asked)
{
	unsigned int i;

	for (i = 0; i < p->nr_has && p->has[i] != &asked->req; i++)
		;
	return i;
}

void staged_answer(struct staged_disk *p, struct asked *asked, int error)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&p->disk.lock, flags);
	i = place_of(p, asked);
	if (i < p->nr_has) {
		p->answers[p->nr_answers] = p->has[i];
		p->errors[p->nr_answers++] = error;
		for (p->nr_has--; i < p->nr_has; i++)
			p->has[i] = p->has[i + 1];
	} else {
		ktest_fail(asked->came.test,
			   "the device does not have sector %lu",
			   (unsigned long)asked->req.sector);
	}
	spin_unlock_irqrestore(&p->disk.lock, flags);
}

void staged_end(struct staged_disk *p, struct asked *asked, int error)
{
	staged_answer(p, asked, error);
	block_interrupt(&p->disk);
}

void staged_lie(struct staged_disk *p)
{
	unsigned long flags;

	spin_lock_irqsave(&p->disk.lock, flags);
	p->lies = true;
	spin_unlock_irqrestore(&p->disk.lock, flags);
	block_interrupt(&p->disk);
}

bool staged_has(struct staged_disk *p, const struct asked *asked)
{
	unsigned long flags;
	bool has;

	spin_lock_irqsave(&p->disk.lock, flags);
	has = place_of(p, asked) < p->nr_has;
	spin_unlock_irqrestore(&p->disk.lock, flags);
	return has;
}
