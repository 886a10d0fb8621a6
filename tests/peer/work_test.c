// SPDX-License-Identifier: MIT
/*
 * tests/peer/work_test.c - requests of the work queues
 *
 * Every operation against a model computed here; every refusal; and the reason
 * for all of it: a read-modify-write in two steps loses updates.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "tap.h"

#define CTX 1
#define VA  0x700000000000ull

static void boot_with_pages(struct guest *g, const char *args, unsigned int n)
{
	guest_boot(g, args);
	EXPECT_EQ(simple(g, PEER_CMD_CTX_CREATE, CTX), PEER_S_OK);
	for (unsigned int i = 0; i < n; i++)
		EXPECT_EQ(map(g, CTX, VA + i * 0x1000, guest_page(i) | MAP_RWA),
			  PEER_S_OK);
}

static uint64_t mask_of(uint32_t width)
{
	return width == 8 ? ~0ull : (1ull << 8 * width) - 1;
}

static uint64_t model(const struct peer_wire_work *w, uint64_t old)
{
	uint64_t mask = mask_of(w->width);
	uint64_t operand = w->operand & mask;

	switch (w->op) {
	case PEER_OP_FETCH_ADD:
		return (old + operand) & mask;
	case PEER_OP_FETCH_AND:
		return old & operand;
	case PEER_OP_FETCH_OR:
		return old | operand;
	case PEER_OP_FETCH_XOR:
		return old ^ operand;
	case PEER_OP_SWAP:
	case PEER_OP_STORE:
		return operand;
	case PEER_OP_CAS:
		return old == (w->compare & mask) ? operand : old;
	case PEER_OP_MIN:
		return old < operand ? old : operand;
	case PEER_OP_MAX:
		return old > operand ? old : operand;
	default:
		return old;
	}
}

static uint64_t get(const unsigned char *p, uint32_t width)
{
	uint64_t value = 0;

	memcpy(&value, p, width);
	return value;
}

static void one_vector(struct guest *g, uint32_t op, uint32_t width)
{
	struct peer_wire_work w = {
		.op = op,
		.ctx = CTX,
		.operand = tap_random(),
		.width = width,
		.flags = PEER_WORK_RESULTS,
		.count = 1 + tap_random() % 20,
		.stride = width * (tap_random() % 40),
		.repeat = 1 + tap_random() % 3,
	};
	static unsigned char shadow[4 * 0x1000];
	struct peer_wire_work_done done;
	uint64_t results[60];
	uint64_t old = 0;
	uint64_t offset = tap_random() % (2 * 0x1000) / width * width;
	int slot;

	w.va = VA + offset;
	for (unsigned int i = 0; i < sizeof(shadow); i += 8) {
		uint64_t word = tap_random();

		memcpy(shadow + i, &word, 8);
		guest_write(g, guest_page(i / 0x1000) + i % 0x1000, word);
	}
	if (op == PEER_OP_CAS)
		w.compare = tap_random() % 2 ? get(shadow + offset, width)
					     : tap_random();
	slot = work_post(g, &w);
	EXPECT_EQ(work_wait(g, slot, &done, results, w.count * w.repeat),
		  PEER_S_OK);
	EXPECT_EQ(done.done, w.count * w.repeat);
	for (unsigned int i = 0; i < w.count * w.repeat; i++) {
		unsigned char *at = shadow + offset + i % w.count * w.stride;
		uint64_t value;

		old = get(at, width);
		EXPECT_EQ(results[i], op == PEER_OP_STORE ? 0 : old);
		value = model(&w, old);
		memcpy(at, &value, width);
	}
	EXPECT_EQ(done.value, op == PEER_OP_STORE ? 0 : old);
	for (unsigned int i = 0; i < 4; i++)
		EXPECT(!memcmp(shadow + i * 0x1000, guest_at(g, guest_page(i)),
			       0x1000));
}

static void every_op_at_every_width_matches_the_model(void)
{
	struct guest g;

	for (int atomic = 0; atomic < 2; atomic++) {
		boot_with_pages(&g, atomic ? "--rmw=atomic" : "", 4);
		for (uint32_t op = PEER_OP_FETCH_ADD; op <= PEER_OP_STORE; op++)
			for (uint32_t width = 1; width <= 8; width *= 2)
				for (unsigned int i = 0; i < 4; i++)
					one_vector(&g, op, width);
		guest_shutdown(&g);
	}
}

static void copy_and_fill_cross_pages_at_any_alignment(void)
{
	static unsigned char shadow[8 * 0x1000];
	struct peer_wire_work_done done;
	struct guest g;

	boot_with_pages(&g, "", 8);
	for (unsigned int round = 0; round < 40; round++) {
		uint64_t len = 1 + tap_random() % (3 * 0x1000);
		uint64_t from = tap_random() % (4 * 0x1000 - len);
		uint64_t to = 4 * 0x1000 + tap_random() % (4 * 0x1000 - len);
		struct peer_wire_work w = {
			.op = round % 2 ? PEER_OP_COPY : PEER_OP_FILL,
			.ctx = CTX,
			.va = VA + to,
			.operand = round % 2 ? VA + from : round,
			.count = len,
			.repeat = 1,
		};

		for (unsigned int i = 0; i < 4 * 0x1000; i += 8) {
			uint64_t word = tap_random();

			memcpy(shadow + i, &word, 8);
			guest_write(&g, guest_page(i / 0x1000) + i % 0x1000,
				    word);
		}
		EXPECT_EQ(work(&g, &w, &done), PEER_S_OK);
		EXPECT_EQ(done.done, len);
		if (round % 2)
			memmove(shadow + to, shadow + from, len);
		else
			memset(shadow + to, (int)round, len);
		for (unsigned int i = 0; i < 8; i++)
			EXPECT(!memcmp(shadow + i * 0x1000,
				       guest_at(&g, guest_page(i)), 0x1000));
	}
	guest_shutdown(&g);
}

static void refused_work_says_why(void)
{
	const struct peer_wire_work good = {
		.op = PEER_OP_FETCH_ADD,
		.ctx = CTX,
		.va = VA,
		.operand = 1,
		.width = 8,
		.count = 4,
		.stride = 8,
		.repeat = 1,
	};
	const struct peer_wire_work copy = {
		.op = PEER_OP_COPY,
		.ctx = CTX,
		.va = VA,
		.operand = VA + 0x1000,
		.count = 64,
		.repeat = 1,
	};
#define BAD(base, field, value, status)                  \
	do {                                             \
		struct peer_wire_work w_ = base;         \
		w_.field = value;                        \
		EXPECT_EQ(work(&g, &w_, &done), status); \
		EXPECT_EQ(done.done, 0);                 \
	} while (0)
	struct peer_wire_work_done done;
	struct guest g;

	boot_with_pages(&g, "", 4);
	EXPECT_EQ(work(&g, &good, &done), PEER_S_OK);
	BAD(good, op, 0, PEER_S_BAD_COMMAND);
	BAD(good, op, PEER_OP_FILL + 1, PEER_S_BAD_COMMAND);
	BAD(good, ctx, 2, PEER_S_NO_CONTEXT);
	BAD(good, ctx, 0xffffffff, PEER_S_NO_CONTEXT);
	BAD(good, width, 0, PEER_S_BAD_REQUEST);
	BAD(good, width, 3, PEER_S_BAD_REQUEST);
	BAD(good, width, 16, PEER_S_BAD_REQUEST);
	BAD(good, flags, 2, PEER_S_BAD_REQUEST);
	BAD(good, compare, 1, PEER_S_BAD_REQUEST);
	BAD(good, count, 0, PEER_S_BAD_REQUEST);
	BAD(good, count, g.limits.max_count + 1, PEER_S_BAD_REQUEST);
	BAD(good, repeat, 0, PEER_S_BAD_REQUEST);
	BAD(good, repeat, 1ull << 63, PEER_S_BAD_REQUEST);
	BAD(good, stride, 4, PEER_S_BAD_REQUEST);
	BAD(good, stride, 1ull << 62, PEER_S_BAD_ADDRESS);
	BAD(good, stride, ~7ull, PEER_S_BAD_ADDRESS);
	BAD(good, va, VA + 4, PEER_S_BAD_ADDRESS);
	BAD(good, va, (1ull << 48) - 8, PEER_S_BAD_ADDRESS);
	BAD(good, va, ~7ull, PEER_S_BAD_ADDRESS);
	EXPECT_EQ(work(&g, &copy, &done), PEER_S_OK);
	BAD(copy, width, 1, PEER_S_BAD_REQUEST);
	BAD(copy, stride, 8, PEER_S_BAD_REQUEST);
	BAD(copy, repeat, 2, PEER_S_BAD_REQUEST);
	BAD(copy, flags, PEER_WORK_RESULTS, PEER_S_BAD_REQUEST);
	BAD(copy, count, 0, PEER_S_BAD_REQUEST);
	BAD(copy, count, ~0ull, PEER_S_BAD_REQUEST);
	BAD(copy, operand, VA + 63, PEER_S_BAD_REQUEST);
	BAD(copy, operand, ~0ull, PEER_S_BAD_ADDRESS);
	BAD(copy, va, 1ull << 48, PEER_S_BAD_ADDRESS);
#undef BAD
	/* Results wanted, and no room for them. */
	struct peer_wire_work w = good;

	w.flags = PEER_WORK_RESULTS;
	EXPECT_EQ(queue_wait(&g, PEER_QUEUE_WORK,
			     queue_post(&g, PEER_QUEUE_WORK, &w, sizeof(w),
					sizeof(done) + 31)),
		  sizeof(done));
	w.count = g.limits.max_results + 1;
	EXPECT_EQ(work(&g, &w, &done), PEER_S_BAD_REQUEST);
	EXPECT_EQ(queue_wait(&g, PEER_QUEUE_WORK,
			     queue_post(&g, PEER_QUEUE_WORK, &good,
					sizeof(good), sizeof(done) - 1)),
		  sizeof(struct peer_wire_answer));
	EXPECT_EQ(queue_wait(&g, PEER_QUEUE_WORK,
			     queue_post(&g, PEER_QUEUE_WORK, &good,
					sizeof(good), 7)),
		  0);
	EXPECT_EQ(queue_wait(&g, PEER_QUEUE_WORK,
			     queue_post(&g, PEER_QUEUE_WORK, &good,
					sizeof(good) - 1, sizeof(done))),
		  sizeof(done));
	EXPECT_EQ(guest_read(&g, guest_page(0)), guest_read(&g, guest_page(1)));
	guest_shutdown(&g);
}

/*
 * Each request is wrong in two ways; the answer names the one that is looked
 * for first: length and room, session, op, fields, addresses, overlap, context.
 */
static void work_is_checked_in_the_stated_order(void)
{
	struct peer_wire_work w = {.op = 99, .ctx = 9, .width = 3};
	struct peer_wire_work_done done;
	struct guest g;
	int slot;

	guest_spawn(&g, "");
	guest_negotiate(&g);
	guest_start(&g);
	slot = queue_post(&g, PEER_QUEUE_WORK, &w, sizeof(w) - 1, sizeof(done));
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_BAD_REQUEST);
	EXPECT_EQ(work(&g, &w, &done), PEER_S_NO_SESSION);
	EXPECT_EQ(hello(&g, &(struct peer_wire_hello_answer){0}), PEER_S_OK);
	EXPECT_EQ(work(&g, &w, &done), PEER_S_BAD_COMMAND);
	w.op = PEER_OP_LOAD;
	w.va = ~0ull;
	EXPECT_EQ(work(&g, &w, &done), PEER_S_BAD_REQUEST);
	w.width = 8;
	w.count = w.repeat = 1;
	EXPECT_EQ(work(&g, &w, &done), PEER_S_BAD_ADDRESS);
	w.va = VA;
	EXPECT_EQ(work(&g, &w, &done), PEER_S_NO_CONTEXT);
	w.op = PEER_OP_COPY;
	w.width = 0;
	w.va = w.operand = ~0ull;
	EXPECT_EQ(work(&g, &w, &done), PEER_S_BAD_ADDRESS);
	w.va = w.operand = VA;
	EXPECT_EQ(work(&g, &w, &done), PEER_S_BAD_REQUEST);
	w.operand = VA + 1;
	EXPECT_EQ(work(&g, &w, &done), PEER_S_NO_CONTEXT);
	EXPECT_EQ(done.done | done.value | done.fault_va | done.page_requests, 0);
	guest_shutdown(&g);
}

/* The page is mapped, and its memory is in the table no more. */
static void work_on_memory_that_went_ends_with_bad_address(void)
{
	const uint64_t low[] = {1, 0, GUEST_REGION, GUEST_UVA, 0};
	const struct peer_wire_work load = {
		.op = PEER_OP_LOAD,
		.ctx = CTX,
		.va = VA + 0x1000,
		.width = 8,
		.count = 1,
		.repeat = 1,
	};
	struct peer_wire_work_done done;
	struct guest g;

	boot_with_pages(&g, "", 2); /* the second is in the high region */
	EXPECT_EQ(work(&g, &load, &done), PEER_S_OK);
	EXPECT(vu_acked(&g, VU_SET_MEM_TABLE, low, sizeof(low), &g.memfd, 1));
	EXPECT_EQ(work(&g, &load, &done), PEER_S_BAD_ADDRESS);
	EXPECT_EQ(query(&g, CTX, VA + 0x1000), guest_page(1) | MAP_RWA);
	guest_shutdown(&g);
}

/* The replay finds its translation, but not the RAM of the page. */
static void a_grant_on_memory_that_went_is_canceled(void)
{
	const uint64_t low[] = {1, 0, GUEST_REGION, GUEST_UVA, 0};
	const struct peer_wire_work add = {
		.op = PEER_OP_FETCH_ADD,
		.ctx = CTX,
		.va = VA,
		.operand = 1,
		.width = 8,
		.count = 1,
		.repeat = 1,
	};
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	struct guest g;
	int slot;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, CTX), PEER_S_OK);
	offer_buffers(&g, 2);
	slot = work_post(&g, &add);
	REQUIRE(next_fault(&g, &fault, GUEST_TIMEOUT_MS));
	EXPECT_EQ(map(&g, CTX, VA, guest_page(1) | MAP_RWA), PEER_S_OK);
	EXPECT(vu_acked(&g, VU_SET_MEM_TABLE, low, sizeof(low), &g.memfd, 1));
	EXPECT_EQ(respond(&g, &fault, PEER_FAULT_OK, 0), PEER_S_CANCELED);
	EXPECT_EQ(work_wait(&g, slot, &done, NULL, 0), PEER_S_BAD_ADDRESS);
	guest_shutdown(&g);
}

static void work_reaches_device_memory_by_its_map(void)
{
	const struct peer_wire_work fill = {
		.op = PEER_OP_FILL,
		.ctx = CTX,
		.va = VA,
		.operand = 0x5a,
		.count = 0x1000,
		.repeat = 1,
	};
	const struct peer_wire_work copy = {
		.op = PEER_OP_COPY,
		.ctx = CTX,
		.va = VA + 0x1000,
		.operand = VA,
		.count = 0x1000,
		.repeat = 1,
	};
	struct peer_wire_work_done done;
	struct guest g;

	guest_boot(&g, "");
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, CTX), PEER_S_OK);
	EXPECT_EQ(map(&g, CTX, VA, 0x3000 | PEER_MAP_DEVMEM | MAP_RWA),
		  PEER_S_OK);
	EXPECT_EQ(map(&g, CTX, VA + 0x1000, guest_page(1) | MAP_RW), PEER_S_OK);
	EXPECT_EQ(work(&g, &fill, &done), PEER_S_OK);
	EXPECT_EQ(work(&g, &copy, &done), PEER_S_OK);
	EXPECT_EQ(guest_read(&g, guest_page(1) + 0xff8), 0x5a5a5a5a5a5a5a5aull);
	guest_shutdown(&g);
}

/* Both work queues, many requests at once; each answered exactly once. */
static void many_requests_in_flight_are_each_done_once(void)
{
	struct peer_wire_work w = {
		.op = PEER_OP_FETCH_ADD,
		.ctx = CTX,
		.operand = 1,
		.width = 8,
		.count = 10,
		.repeat = 1,
	};
	struct guest g;
	int slot[2][50];

	boot_with_pages(&g, "--workers=4 --rmw=atomic", 2);
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < 100; i++) {
			w.va = VA + i % 2 * 0x1000;
			slot[i % 2][i / 2] = queue_post(
				&g, PEER_QUEUE_WORK + i % 2, &w, sizeof(w),
				sizeof(struct peer_wire_work_done));
		}
		for (unsigned int i = 0; i < 100; i++)
			queue_wait(&g, PEER_QUEUE_WORK + i % 2,
				   slot[i % 2][i / 2]);
	}
	EXPECT_EQ(guest_read(&g, guest_page(0)), 20 * 50 * 10);
	EXPECT_EQ(guest_read(&g, guest_page(1)), 20 * 50 * 10);
	guest_shutdown(&g);
}

/*
 *	worker 1   work A: load ...... store
 *	worker 2   work B:      load ...... store	must not happen
 */
static void stores_of_one_device_lose_no_update_to_each_other(void)
{
	const struct peer_wire_work w = {
		.op = PEER_OP_FETCH_ADD,
		.ctx = CTX,
		.va = VA,
		.operand = 1,
		.width = 8,
		.count = 1,
		.repeat = 200,
	};
	struct peer_wire_work_done done;
	struct guest g;
	int slot[20];

	boot_with_pages(&g, "--workers=4 --rmw=split --rmw-window=20000", 1);
	for (unsigned int i = 0; i < 20; i++)
		slot[i] = work_post(&g, &w);
	for (unsigned int i = 0; i < 20; i++)
		EXPECT_EQ(work_wait(&g, slot[i], &done, NULL, 0), PEER_S_OK);
	EXPECT_EQ(guest_read(&g, guest_page(0)), 20 * 200);
	guest_shutdown(&g);
}

struct cpu {
	uint64_t *word;
	uint64_t adds;
	bool stop;
};

static void *busy_cpu(void *arg)
{
	struct cpu *cpu = arg;

	while (!__atomic_load_n(&cpu->stop, __ATOMIC_RELAXED)) {
		__atomic_fetch_add(cpu->word, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&cpu->adds, cpu->adds + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/*
 * A CPU adds to one word, and the device adds to it or compares it with what it
 * never is; returns how many adds were lost.
 */
static uint64_t lost_updates(const char *args, uint32_t op, uint64_t count)
{
	const struct peer_wire_work w = {
		.op = op,
		.ctx = CTX,
		.va = VA,
		.operand = 1,
		.compare = op == PEER_OP_CAS ? ~0ull : 0,
		.width = 8,
		.count = 1,
		.repeat = count,
	};
	struct peer_wire_work_done done;
	struct cpu cpu = {0};
	pthread_t thread;
	struct guest g;
	uint64_t sum, added = op == PEER_OP_FETCH_ADD ? count : 0;

	boot_with_pages(&g, args, 1);
	cpu.word = guest_at(&g, guest_page(0));
	REQUIRE(!pthread_create(&thread, NULL, busy_cpu, &cpu));
	AWAIT(__atomic_load_n(&cpu.adds, __ATOMIC_RELAXED) > 0);
	EXPECT_EQ(work(&g, &w, &done), PEER_S_OK);
	__atomic_store_n(&cpu.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	sum = guest_read(&g, guest_page(0));
	guest_shutdown(&g);
	EXPECT(sum <= cpu.adds + added);
	return cpu.adds + added - sum;
}

static void split_updates_are_lost_against_a_busy_cpu(void)
{
	uint64_t lost = 0;

	/* On a busy host the two may not meet in one time slice. */
	for (unsigned int i = 0; i < 50 && !lost; i++)
		lost = lost_updates("--rmw=split --rmw-window=2000",
				    PEER_OP_FETCH_ADD, 5000);
	EXPECT(lost > 0);
}

/* CAS stores the old value when it fails: the bus has no other CAS. */
static void a_comparison_that_fails_stores_the_old_value(void)
{
	uint64_t lost = 0;

	for (unsigned int i = 0; i < 50 && !lost; i++)
		lost = lost_updates("--rmw=split --rmw-window=2000",
				    PEER_OP_CAS, 5000);
	EXPECT(lost > 0);
}

static void atomic_updates_are_not_lost(void)
{
	EXPECT_EQ(lost_updates("--rmw=atomic", PEER_OP_FETCH_ADD, 100000), 0);
	EXPECT_EQ(lost_updates("--rmw=atomic --rmw-window=2000",
			       PEER_OP_FETCH_ADD, 100000),
		  0);
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(work, T(every_op_at_every_width_matches_the_model),
	  T(copy_and_fill_cross_pages_at_any_alignment),
	  T(refused_work_says_why), T(work_is_checked_in_the_stated_order),
	  T(work_on_memory_that_went_ends_with_bad_address),
	  T(a_grant_on_memory_that_went_is_canceled),
	  T(work_reaches_device_memory_by_its_map),
	  T(many_requests_in_flight_are_each_done_once),
	  T(stores_of_one_device_lose_no_update_to_each_other),
	  T(split_updates_are_lost_against_a_busy_cpu),
	  T(a_comparison_that_fails_stores_the_old_value),
	  T(atomic_updates_are_not_lost));
