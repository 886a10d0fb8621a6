// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/peer_test.c - the peer reads and writes an address space
 *
 * Pages are drawn as they lie in the arena:
 *
 *	pages     0 1 2 3 4 5 6 7 | 8
 *	mapped    [-------------) | nothing
 */
#include <arch/uaccess.h>
#include <kernel/sched/sched.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <kernel/trace.h>
#include <mm/fault/gup.h>
#include <mm/page/page.h>

#include "held.h"
#include "tests/mm/lib/observed.h"

DECLARE_TRACE_EVENT(peer_invalidate);

KTEST(peer, device_reads_what_the_cpu_wrote, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;
	u64 value = 0;

	if (!arena_open(test, &arena))
		return;
	cpu_write(&arena, arena_page(&arena, 1) + 8, 0x1122334455667788);
	EXPECT_EQ(device_load(arena.ctx, arena_page(&arena, 1) + 8, &value), 0);
	EXPECT_EQ(value, 0x1122334455667788u);
	EXPECT_EQ(arena_stats(&arena).requests_read, 1u);
	arena_close(&arena);
}

KTEST(peer, a_device_is_described_with_what_it_has_done, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;
	char text[512];
	int length;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_store(arena.ctx, arena.base, 1), 0);
	length = peer_describe(arena.peer, text, sizeof(text));
	EXPECT_EQ(length, (int)strlen(text));
	EXPECT(strstr(text, ": alive, 1 contexts, "), "%s", text);
	EXPECT(strstr(text, "\n  refused: "), "%s", text);
	EXPECT(!strstr(text, " 0 works"), "%s", text);
	EXPECT_EQ(peer_describe(arena.peer, text, 6), 5);
	EXPECT_EQ(strncmp(text, "peer", 4), 0);
	arena_close(&arena);
}

KTEST(peer, device_reads_zeroes_where_no_cpu_wrote, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;
	u64 value = 1;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), 0);
	EXPECT_EQ(value, 0u);
	/* Then the CPU writes: the zero page must not stay with the device. */
	cpu_write(&arena, arena.base, 7);
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), 0);
	EXPECT_EQ(value, 7u);
	arena_close(&arena);
}

KTEST(peer, cpu_reads_what_the_device_wrote, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_store(arena.ctx, arena_page(&arena, 2), 42), 0);
	EXPECT_EQ(cpu_read(&arena, arena_page(&arena, 2)), 42u);
	EXPECT_EQ(arena_stats(&arena).requests_write, 1u);
	arena_close(&arena);
}

KTEST(peer, second_access_to_a_page_needs_no_request, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;
	u64 value;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_store(arena.ctx, arena.base, 1), 0);
	EXPECT_EQ(device_store(arena.ctx, arena.base + 8, 2), 0);
	EXPECT_EQ(device_load(arena.ctx, arena.base + 8, &value), 0);
	EXPECT_EQ(arena_stats(&arena).requests_write, 1u);
	EXPECT_EQ(arena_stats(&arena).requests_read, 0u);
	arena_close(&arena);
}

KTEST(peer, fill_and_copy_cross_pages, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_work fill = {.op = PEER_OP_FILL,
				 .count = 2 * PAGE_SIZE,
				 .repeat = 1,
				 .operand = 0xab};
	struct peer_work copy = {
		.op = PEER_OP_COPY, .count = PAGE_SIZE, .repeat = 1};
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	fill.va = arena.base + 100;
	copy.va = arena_page(&arena, 5) + 52;
	copy.operand = arena.base + 1000;
	EXPECT_EQ(peer_work_run(arena.ctx, &fill, ARENA_NS), 0);
	EXPECT_EQ(fill.done, 2 * PAGE_SIZE);
	EXPECT_EQ(peer_work_run(arena.ctx, &copy, ARENA_NS), 0);
	EXPECT_EQ(cpu_read(&arena, arena.base + 96), 0xabababab00000000u);
	EXPECT_EQ(cpu_read(&arena, arena_page(&arena, 5) + 48),
		  0xabababab00000000u);
	EXPECT_EQ(cpu_read(&arena, arena_page(&arena, 6) + 44),
		  0xababababababababu);
	EXPECT_EQ(cpu_read(&arena, arena_page(&arena, 6) + 52), 0u);
	arena_close(&arena);
}

KTEST(peer, vector_gives_back_each_old_value, KT_FLAGS(KT_NEEDS_PEER))
{
	u64 results[16];
	struct peer_work work = {.op = PEER_OP_FETCH_ADD,
				 .width = 8,
				 .count = 8,
				 .stride = 1024,
				 .repeat = 2,
				 .operand = 5,
				 .results = results};
	struct peer_arena arena;
	unsigned int i;

	if (!arena_open(test, &arena))
		return;
	work.va = arena.base;
	for (i = 0; i < 8; i++)
		cpu_write(&arena, arena.base + i * 1024, i);
	EXPECT_EQ(peer_work_run(arena.ctx, &work, ARENA_NS), 0);
	EXPECT_EQ(work.done, 16u);
	for (i = 0; i < 16; i++)
		EXPECT_EQ(results[i], i % 8 + i / 8 * 5);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(cpu_read(&arena, arena.base + i * 1024), i + 10);
	arena_close(&arena);
}

KTEST(peer, access_to_nothing_fails_and_says_where, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_work work = {.op = PEER_OP_STORE,
				 .width = 8,
				 .count = 3,
				 .stride = PAGE_SIZE,
				 .repeat = 1};
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	work.va = arena_page(&arena, ARENA_PAGES - 1);
	EXPECT_EQ(peer_work_run(arena.ctx, &work, ARENA_NS), -EFAULT);
	EXPECT_EQ(work.done, 1u);
	EXPECT_EQ(work.fault_va, arena_page(&arena, ARENA_PAGES));
	EXPECT_EQ(arena_stats(&arena).denied, 1u);
	arena_close(&arena);
}

KTEST(peer, invalid_work_is_refused, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_work none = {.op = PEER_OP_LOAD, .width = 8, .repeat = 1};
	struct peer_work odd = {
		.op = PEER_OP_LOAD, .width = 3, .count = 1, .repeat = 1};
	struct peer_work op = {.op = 99, .width = 8, .count = 1, .repeat = 1};
	struct peer_work huge = {
		.op = PEER_OP_LOAD, .width = 8, .count = ~0ull, .repeat = 2};
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(peer_work_run(arena.ctx, &none, ARENA_NS), -EINVAL);
	EXPECT_EQ(peer_work_run(arena.ctx, &odd, ARENA_NS), -EINVAL);
	EXPECT_EQ(peer_work_run(arena.ctx, &op, ARENA_NS), -EINVAL);
	EXPECT_EQ(peer_work_run(arena.ctx, &huge, ARENA_NS), -EINVAL);
	arena_close(&arena);
}

/* A caller that waits all the same learns it at once. */
KTEST(peer, work_that_was_refused_is_done_with_its_error, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_work none = {.op = PEER_OP_LOAD, .width = 8, .repeat = 1};
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(peer_work_submit(arena.ctx, &none), -EINVAL);
	EXPECT_EQ(peer_work_wait(&none, 0), -EINVAL);
	peer_work_abandon(arena.ctx, &none);
	arena_close(&arena);
}

KTEST(peer, unmapped_page_is_gone_from_the_device, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_translation found;
	struct peer_arena arena;
	u64 value;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_store(arena.ctx, arena.base, 1), 0);
	EXPECT_EQ(device_store(arena.ctx, arena_page(&arena, 1), 2), 0);
	EXPECT_EQ(peer_query(arena.ctx, arena.base, &found), 0);
	EXPECT_EQ(do_munmap(arena.mm, arena.base, PAGE_SIZE), 0);
	EXPECT_EQ(peer_query(arena.ctx, arena.base, &found), -ENOENT);
	EXPECT_EQ(peer_query(arena.ctx, arena_page(&arena, 1), &found), 0);
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), -EFAULT);
	EXPECT_EQ(arena_stats(&arena).invalidations, 1u);
	arena_close(&arena);
}

KTEST(peer, a_page_request_is_seen_from_work_to_its_answer,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);
	u64 done;

	if (!arena)
		return;
	cpu_write(arena, arena->base, 1);
	observed_begin(test);
	EXPECT_EQ(device_add(arena->ctx, arena->base, 1, &done), 0);
	/* The work can be over before the request's thread notes its response. */
	KTEST_WAIT_FOR(test, observed("*peer_grant: *") &&
				     observed("*peer_replay: *"));
	EXPECT_OBSERVED("*work_sent: ctx * op 1 *",
			"*peer_request: * access atomic *", "*read_begin: *",
			"*exclusive_page: *: 1", "*peer_grant: * round 1 *",
			"*peer_command: FAULT_RESPONSE *");
	EXPECT_OBSERVED("*peer_command: FAULT_RESPONSE *",
			"*peer_answer: FAULT_RESPONSE *: status 0 *",
			"*peer_replay: * result 0 *");
	EXPECT_OBSERVED("*peer_command: FAULT_RESPONSE *",
			"*work_done: *: 0? 1 elements *");
	EXPECT_EQ(do_munmap(arena->mm, arena->base, PAGE_SIZE), 0);
	EXPECT_OBSERVED("*peer_command: INVALIDATE *",
			"*peer_answer: INVALIDATE *",
			"*peer_invalidate: * UNMAP *");
}

KTEST(peer, a_denial_is_seen_with_its_tag, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);
	u64 value;

	if (!arena)
		return;
	observed_begin(test);
	EXPECT_EQ(device_load(arena->ctx, arena_page(arena, ARENA_PAGES), &value),
		  -EFAULT);
	EXPECT_OBSERVED("*peer_request: * access read *", "*peer_deny: *",
			"*work_done: *: -14? 0 elements *");
}

/* A device of version 1 may have no clock; ours has. */
KTEST(peer, a_heartbeat_reads_the_devices_clock_between_two_of_ours,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena *arena = arena_new(test);

	if (!arena)
		return;
	observed_begin(test);
	EXPECT_EQ(peer_ping(arena->peer), 0);
	EXPECT_OBSERVED("*peer_answer: HEARTBEAT *",
			"*peer_clock: peer 0? between *");
}

/* Did this thread leave one record of an invalidation, which has @words? */
static bool one_invalidation_traced(const char *words)
{
	static struct trace_record recs[64];
	unsigned int n = trace_read_last(recs, ARRAY_SIZE(recs)), found = 0, i;
	bool named = false;
	char line[200];

	for (i = 0; i < n; i++) {
		if (recs[i].event != &trace_event_peer_invalidate ||
		    recs[i].pid != current->pid)
			continue;
		trace_format(line, sizeof(line), &recs[i]);
		named = strstr(line, words);
		found++;
	}
	return found == 1 && named;
}

KTEST(peer, invalidation_is_traced_with_the_name_of_its_event,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;
	char words[100];

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_store(arena.ctx, arena.base, 1), 0);
	EXPECT_EQ(device_store(arena.ctx, arena_page(&arena, 1), 2), 0);
	trace_clear();
	EXPECT_EQ(do_munmap(arena.mm, arena.base, 2 * PAGE_SIZE), 0);
	snprintf(words, sizeof(words), " UNMAP [%#lx, %#lx) dropped 2 in ",
		 arena.base, arena_page(&arena, 2));
	EXPECT(one_invalidation_traced(words));
	arena_close(&arena);
}

KTEST(peer, change_elsewhere_sends_no_command, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	cpu_write(&arena, arena_page(&arena, 3), 1);
	EXPECT_EQ(device_store(arena.ctx, arena.base, 1), 0);
	EXPECT_EQ(do_munmap(arena.mm, arena_page(&arena, 3), PAGE_SIZE), 0);
	EXPECT_EQ(arena_stats(&arena).callbacks, 1u);
	EXPECT_EQ(arena_stats(&arena).invalidations, 0u);
	arena_close(&arena);
}

KTEST(peer, read_only_page_can_be_read_but_not_written, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;
	u64 value = 0;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_store(arena.ctx, arena.base, 9), 0);
	EXPECT_EQ(do_mprotect(arena.mm, arena.base, PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(device_store(arena.ctx, arena.base, 10), -EFAULT);
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), 0);
	EXPECT_EQ(value, 9u);
	EXPECT_EQ(do_mprotect(arena.mm, arena.base, PAGE_SIZE,
			      PROT_READ | PROT_WRITE),
		  0);
	EXPECT_EQ(device_store(arena.ctx, arena.base, 11), 0);
	EXPECT_EQ(cpu_read(&arena, arena.base), 11u);
	EXPECT_EQ(do_mprotect(arena.mm, arena.base, PAGE_SIZE, PROT_NONE), 0);
	EXPECT_EQ(device_load(arena.ctx, arena.base, &value), -EFAULT);
	arena_close(&arena);
}

/* R8.14: the CPU's entry knows nothing of what the device has written. */
KTEST(peer, page_that_the_device_could_write_is_marked_dirty,
      KT_FLAGS(KT_NEEDS_PEER), KT_RULES("R8.14"))
{
	struct peer_arena arena;
	struct page *frame;
	u64 value;

	if (!arena_open(test, &arena))
		return;
	EXPECT_EQ(device_store(arena.ctx, arena.base, 1), 0);
	mmap_read_lock(arena.mm);
	frame = follow_page(arena.mm, arena.base);
	mmap_read_unlock(arena.mm);
	if (frame) {
		ClearPageDirty(frame);
		EXPECT_EQ(device_load(arena.ctx, arena.base, &value), 0);
		EXPECT(!PageDirty(frame));
		EXPECT_EQ(do_munmap(arena.mm, arena.base, PAGE_SIZE), 0);
		EXPECT(PageDirty(frame));
		put_page(frame);
	} else {
		ktest_fail(test, "no frame was mapped");
	}
	arena_close(&arena);
}

/*
 *	page request			this thread
 *	read_begin, look-up: frame A
 *					page thrown away, frame B written
 *	read_retry: true, again: B
 */
KTEST(peer, page_looked_up_before_an_unmap_is_not_installed,
      KT_FLAGS(KT_NEEDS_PEER))
{
	struct held_request held;
	struct peer_arena arena;

	if (!arena_open(test, &arena))
		return;
	held_request_start(&held, &arena, arena.base);
	EXPECT_EQ(madvise_dontneed(arena.mm, arena.base, PAGE_SIZE), 0);
	cpu_write(&arena, arena.base + 8, 2);
	held_request_end(&held);
	EXPECT_EQ(cpu_read(&arena, arena.base + 8), 2u);
	arena_close(&arena);
}

/* The device's table, the driver's and the CPU's, after each step. */
static void compare_page(struct peer_arena *arena, vaddr_t va)
{
	struct peer_translation table[ARENA_PAGES], found;
	unsigned int i, count;
	bool known = false;
	struct page *page;
	int err;

	count = peer_context_translations(arena->ctx, table, ARENA_PAGES);
	for (i = 0; i < count; i++)
		known |= table[i].va == va;
	err = peer_query(arena->ctx, va, &found);
	if (err ? known : !known)
		ktest_fail(arena->test, "driver and device differ at %#lx", va);
	mmap_read_lock(arena->mm);
	page = follow_page(arena->mm, va);
	mmap_read_unlock(arena->mm);
	if (!err && found.exclusive && page)
		ktest_fail(arena->test, "%#lx is exclusive and present", va);
	if (!err && !found.exclusive && (!page || page_to_phys(page) != found.pa))
		ktest_fail(arena->test, "%#lx is another frame for the device",
			   va);
	if (page)
		put_page(page);
}

static void random_step(struct peer_arena *arena, struct rng *rng)
{
	vaddr_t va = arena_page(arena, (unsigned int)rng_below(rng, ARENA_PAGES));
	u64 value;

	switch (rng_below(rng, 8)) {
	case 0:
		do_munmap(arena->mm, va, PAGE_SIZE);
		break;
	case 1:
		do_mmap(arena->mm, va, PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
		break;
	case 2:
		do_mprotect(arena->mm, va, PAGE_SIZE,
			    rng_below(rng, 2) ? PROT_READ
					      : PROT_READ | PROT_WRITE);
		break;
	case 3:
		madvise_dontneed(arena->mm, va, PAGE_SIZE);
		break;
	case 4:
		(void)put_user(va, (u64 __user *)va);
		break;
	case 5:
		device_load(arena->ctx, va, &value);
		break;
	case 6:
		device_store(arena->ctx, va, va);
		break;
	default:
		device_add(arena->ctx, va, 3, &value);
		break;
	}
}

KTEST(peer, no_translation_outlives_its_mapping, KT_FLAGS(KT_NEEDS_PEER))
{
	struct peer_arena arena;
	unsigned int step, page;

	if (!arena_open(test, &arena))
		return;
	for (step = 0; step < 200 && !ktest_failed(test); step++) {
		random_step(&arena, ktest_rng(test));
		for (page = 0; page < ARENA_PAGES; page++)
			compare_page(&arena, arena_page(&arena, page));
	}
	arena_close(&arena);
}
