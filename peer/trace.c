// SPDX-License-Identifier: MIT
/*
 * peer/trace.c - a ring of records for each thread, in a file that others map
 *
 * Problem.  What the device does is half of every race between it and the kernel, and
 * what the kernel traces says nothing of it.
 *
 * Idea.  The file has the form of the kernel's rings (uapi/trace_ring.h), so that the
 * same reader reads both while they are written. Each thread has a ring that it alone
 * writes: no lock, no atomic addition.
 *
 *	offset			holds
 *	0			the header; its magic is stored last
 *	IMAGE_AT		a copy of two sections of this program: the events,
 *				and the words that arguments point to
 *	RECORDS_AT		the rings
 *
 * An address in a record is one of this process. The header says where the sections
 * were, so the reader finds what the address means in the copy.
 *
 *	field		read with		write with
 *	slot		seq before and after	its thread, between seqs
 *	ring->count	its thread		its thread
 *	header  	any time		before the threads run
 *
 * The clock is CLOCK_MONOTONIC in ns. HEARTBEAT's answer has the same clock, so that
 * the reader can tell it from the guest's.
 *
 * Not here: what the events mean (docs/trace.md).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <uapi/peer_wire.h>

#include "trace.h"
#include "util.h"

#define SLOTS      (1u << 15)
#define RINGS_MAX  32u
#define IMAGE_AT   4096u
#define RECORDS_AT 65536u
#define WORD       16

struct trace_ring {
	struct trace_record *slots;
	uint32_t count;
	uint32_t number;
	uint32_t thread;
};

_Thread_local struct trace_ring *trace_mine;

/* The linker names the ends of a section whose name is an identifier. */
extern const struct trace_event __start_trace_events[], __stop_trace_events[];
extern const char __start_trace_words[], __stop_trace_words[];

static unsigned char *file;
static struct trace_ring rings[RINGS_MAX];
static unsigned int nr_rings;

static const char ring_words[][TRACE_RING_NAME] TRACE_SECTION("trace_words") = {
	"socket",   "control",  "faults",   "worker0",  "worker1",
	"worker2",  "worker3",  "worker4",  "worker5",  "worker6",
	"worker7",  "worker8",  "worker9",  "worker10", "worker11",
	"worker12", "worker13", "worker14", "worker15",
};

static const char access_words[][WORD] TRACE_SECTION("trace_words") = {
	"?",
	[PEER_ACCESS_READ] = "read",
	[PEER_ACCESS_WRITE] = "write",
	[PEER_ACCESS_ATOMIC] = "atomic",
};

static const char op_words[][WORD] TRACE_SECTION("trace_words") = {
	"?",
	[PEER_OP_FETCH_ADD] = "fetch_add",
	[PEER_OP_FETCH_AND] = "fetch_and",
	[PEER_OP_FETCH_OR] = "fetch_or",
	[PEER_OP_FETCH_XOR] = "fetch_xor",
	[PEER_OP_SWAP] = "swap",
	[PEER_OP_CAS] = "cas",
	[PEER_OP_MIN] = "min",
	[PEER_OP_MAX] = "max",
	[PEER_OP_LOAD] = "load",
	[PEER_OP_STORE] = "store",
	[PEER_OP_COPY] = "copy",
	[PEER_OP_FILL] = "fill",
};

const char *trace_access(unsigned int access)
{
	return access_words[access < ARRAY_SIZE(access_words) ? access : 0];
}

const char *trace_op(unsigned int op)
{
	return op_words[op < ARRAY_SIZE(op_words) ? op : 0];
}

void trace_write(const struct trace_event *event,
		 const unsigned long args[TRACE_ARGS])
{
	struct trace_ring *ring = trace_mine;
	struct trace_record *rec = &ring->slots[ring->count % SLOTS];

	/* A reader that sees a new field sees that the old record is gone. */
	__atomic_exchange_n(&rec->seq, 0, __ATOMIC_SEQ_CST);
	rec->tsc = now_ns();
	rec->event = event;
	rec->pid = ring->thread;
	rec->cpu = ring->number;
	memcpy(rec->args, args, sizeof(rec->args));
	/* One that sees the number sees the fields. */
	__atomic_store_n(&rec->seq, ++ring->count, __ATOMIC_RELEASE);
}

void trace_thread(unsigned int number)
{
	if (number >= nr_rings)
		return;
	rings[number].thread = (uint32_t)gettid();
	trace_mine = &rings[number];
}

/* ---- the file ------------------------------------------------------------ */

/* Both sections; the linker lays them side by side, among what is constant. */
static uintptr_t image_start(void)
{
	uintptr_t events = (uintptr_t)__start_trace_events;
	uintptr_t words = (uintptr_t)__start_trace_words;

	return events < words ? events : words;
}

static uintptr_t image_end(void)
{
	uintptr_t events = (uintptr_t)__stop_trace_events;
	uintptr_t words = (uintptr_t)__stop_trace_words;

	return events > words ? events : words;
}

static void fill(void)
{
	const size_t image = image_end() - image_start();
	struct trace_header *header = (struct trace_header *)file;
	unsigned int i;

	memcpy(file + IMAGE_AT, (const void *)image_start(), image);
	for (i = 0; i < nr_rings; i++) {
		rings[i].number = i;
		rings[i].slots = (struct trace_record *)(file + RECORDS_AT) +
				 (size_t)i * SLOTS;
	}
	*header = (struct trace_header){
		.version = TRACE_VERSION,
		.header_size = sizeof(struct trace_header),
		.record_size = sizeof(struct trace_record),
		.event_size = sizeof(struct trace_event),
		.rings = nr_rings,
		.slots = SLOTS,
		.records = RECORDS_AT,
		.image = image_start(),
		.image_size = image,
		.image_at = IMAGE_AT,
		.events = (uintptr_t)__start_trace_events,
		.events_end = (uintptr_t)__stop_trace_events,
		.ring_names = (uintptr_t)ring_words,
		.clock_mult = 1ull << 32,
	};
	__atomic_store_n(&header->magic, TRACE_MAGIC, __ATOMIC_RELEASE);
}

int trace_open(const char *path, unsigned int count)
{
	const size_t size =
		RECORDS_AT + (size_t)count * SLOTS * sizeof(struct trace_record);
	int error = 0;
	void *map;
	int fd;

	if (count > RINGS_MAX ||
	    image_end() - image_start() > RECORDS_AT - IMAGE_AT)
		return -E2BIG;
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size)) {
		error = -errno;
	} else {
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			error = -errno;
	}
	close(fd);
	if (error)
		return error;
	file = map;
	nr_rings = count;
	fill();
	return 0;
}
