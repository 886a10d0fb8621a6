// SPDX-License-Identifier: MIT
/*
 * block/wait.c - a request that its thread waits for
 *
 * done() runs in an interrupt and completes what the thread waits for; request and
 * completion are on the thread's stack, side by side, and the layer has forgotten both when
 * the wait returns. The wait has no limit of its own: each request comes back (watch.c).
 *
 * Locks: none.
 * Not here: batches; a user of several requests waits for its own count.
 */
#include <block/block.h>
#include <kernel/sched/completion.h>
#include <lib/compiler.h>

struct transfer {
	struct block_request req;
	struct completion done;
};

static void transfer_done(struct block_request *req)
{
	struct transfer *transfer = container_of(req, struct transfer, req);

	complete(&transfer->done);
}

int block_wait(struct block_disk *disk, struct block_request *req)
{
	struct transfer transfer = {.req = *req};

	init_completion(&transfer.done);
	transfer.req.done = transfer_done;
	block_submit_one(disk, &transfer.req);
	wait_for_completion(&transfer.done);
	return transfer.req.error;
}

int block_flush(struct block_disk *disk)
{
	struct block_request req = {.op = BLOCK_FLUSH};

	return block_wait(disk, &req);
}
