// SPDX-License-Identifier: MIT
/*
 * drivers/peer/probe_lock.c - is a guest `lock` atomic against the device?
 *
 * Problem.  QEMU's TCG turns guest `lock` instructions into host atomics only
 * where it generates code for CPUs that run in parallel. With one CPU, or one
 * thread for all of them, `lock xadd` is a load, an add and a store. A value that
 * the device's process writes in between is lost.
 *
 * Idea.  Try it. Both sides add to one word of a page of the kernel's, the device
 * by operations that are atomic on its side, and the sum is compared. A right sum
 * counts as "atomic" only if the CPU added while the device did.
 *
 * The result is printed, and nothing depends on it: words that both sides modify
 * are shared only under the exclusive protocol, which needs no atomics.
 */
#include <arch/cpu.h>
#include <arch/page.h>
#include <lib/atomic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <kernel/time.h>
#include <mm/alloc/page_alloc.h>

#include "internal.h"

#define PROBE_VA        0x10000ul
#define PROBE_DEVICE    200000ul
#define PROBE_CPU_LEAST 1000ul
#define PROBE_NS        (1000 * 1000 * 1000ULL)

static_assert(PROBE_DEVICE <= PEER_MIN_COUNT, "each device takes the work");

#define MAP_BYTES \
	(sizeof(struct peer_wire_map) + sizeof(struct peer_wire_map_entry))

static int simple(struct peer *peer, u32 command, u32 id)
{
	struct peer_wire_request request = {.command = command, .ctx = id};
	struct peer_wire_answer answer;

	return peer_command(peer, &request, sizeof(request), &answer,
			    sizeof(answer));
}

static int make_atomic(struct peer *peer, u32 id)
{
	struct peer_wire_set_option request = {
		.head = {.command = PEER_CMD_SET_OPTION, .ctx = id},
		.option = PEER_OPT_RMW_ATOMIC,
		.value = 1,
	};
	struct peer_wire_answer answer;

	return peer_command(peer, &request, sizeof(request), &answer,
			    sizeof(answer));
}

static int map(struct peer *peer, u32 id, paddr_t pa)
{
	u64 buffer[MAP_BYTES / sizeof(u64)] = {0};
	struct peer_wire_map *request = (void *)buffer;
	struct peer_wire_answer answer;

	request->head.command = PEER_CMD_MAP;
	request->head.ctx = id;
	request->count = 1;
	request->entry[0].va = PROBE_VA;
	request->entry[0].target =
		pa | PEER_MAP_READ | PEER_MAP_WRITE | PEER_MAP_ATOMIC;
	return peer_command(peer, request, MAP_BYTES, &answer, sizeof(answer));
}

static int contend(struct peer *peer, u32 id, struct atomic64 *word, bool *atomic)
{
	struct peer_work work = {
		.op = PEER_OP_FETCH_ADD,
		.width = 8,
		.va = PROBE_VA,
		.count = 1,
		.repeat = PROBE_DEVICE,
		.operand = 1,
	};
	u64 began = clock_ns(), added = 0, left = PEER_DEATH_NS, expected;
	int err = peer_work_send(peer, NULL, id, &work, &left);

	if (err)
		return err;
	while (!completion_done(&work.completion) &&
	       clock_ns() - began < PROBE_NS) {
		atomic64_inc(word);
		added++;
	}
	err = peer_work_wait(&work, PEER_DEATH_NS);
	if (err == -ETIMEDOUT)
		peer_die(peer, "it does not finish the lock probe");
	if (err)
		return err == -ETIMEDOUT ? -EIO : err;
	expected = added + work.done;
	*atomic = (u64)atomic64_read(word) == expected &&
		  added >= PROBE_CPU_LEAST;
	return 0;
}

int peer_probe_lock(struct peer *peer, bool *atomic)
{
	const u32 id = PEER_PROBE_CONTEXT;
	struct atomic64 *word;
	int err;

	word = get_zeroed_page(GFP_KERNEL);
	if (!word)
		return -ENOMEM;
	err = simple(peer, PEER_CMD_CTX_CREATE, id);
	if (err)
		goto out_forget;
	err = make_atomic(peer, id);
	if (!err)
		err = map(peer, id, virt_to_phys(word));
	if (!err)
		err = contend(peer, id, word, atomic);
out_forget:
	peer_context_forget(peer, id);
	/* A dead device may still write there: keep the page. */
	if (peer_alive(peer))
		free_page_at(word);
	return err;
}
