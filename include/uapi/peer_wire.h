/* SPDX-License-Identifier: MIT */
/*
 * include/uapi/peer_wire.h - the messages between driver and peer
 *
 * The peer is a device with an MMU of its own and a bus that has no atomics.
 * It is driven through virtqueues; this header describes every byte that crosses
 * them. docs/peer-device.md defines the meaning of the bytes and the duties of
 * each side; this file only their places. The kernel's driver, the peer and the
 * tests include it, so it needs nothing but a compiler for C11, or for C++11 with
 * C's flexible arrays.
 *
 * All fields are little-endian and naturally aligned; all `reserved` fields are
 * written 0 and not read. Each side copies a message to private memory before it
 * looks at it: the other side can change the message at any time.
 *
 *	queue		direction	a chain holds
 *	0 control	driver asks	a request (readable), its answer
 *					(writable)
 *	1 page requests	device asks	one writable struct
 *					peer_wire_page_request
 *	2.. work	driver asks	struct peer_wire_work (readable),
 *					struct peer_wire_work_done and results
 *					(writable)
 */
#ifndef UAPI_PEER_WIRE_H
#define UAPI_PEER_WIRE_H

typedef __UINT32_TYPE__ peer_le32;
typedef __UINT64_TYPE__ peer_le64;

#ifdef __cplusplus
#define PEER_ASSERT static_assert
#else
#define PEER_ASSERT _Static_assert
#endif

PEER_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	    "the wire is little-endian and so are all its users");

/*
 * A stock vhost-user-fs front end carries the device, and names it by its tag.
 */
#define PEER_VIRTIO_ID 26
#define PEER_TAG       "svm-peer"

/* The configuration space, where the front end has one: both are optional. */
struct peer_wire_config {
	char tag[36]; /* PEER_TAG and zeros */
	peer_le32 work_queues;
};

#define PEER_QUEUE_CONTROL      0
#define PEER_QUEUE_PAGE_REQUEST 1
#define PEER_QUEUE_WORK         2
#define PEER_QUEUES_MIN         3
#define PEER_QUEUES_MAX         16

/* "Concord" and a zero byte, read as a little-endian number. */
#define PEER_MAGIC      0x0064726f636e6f43ull
#define PEER_VERSION    1u

#define PEER_PAGE_SHIFT 12
#define PEER_PAGE_SIZE  (1ull << PEER_PAGE_SHIFT)
#define PEER_PAGE_MASK  (~(PEER_PAGE_SIZE - 1))
#define PEER_VA_BITS    48

/* Features, negotiated by HELLO. */
#define PEER_F_DEVMEM       (1ull << 0) /* the device has own memory */
#define PEER_F_RMW_ATOMIC   (1ull << 1) /* its RMW is one bus operation */
#define PEER_F_TEST_OPTIONS (1ull << 2) /* PEER_OPT_TEST_* are accepted */
#define PEER_F_KNOWN        (PEER_F_DEVMEM | PEER_F_RMW_ATOMIC | PEER_F_TEST_OPTIONS)

/*
 * Bounds of a version 1 device. HELLO says the actual limits, each between its
 * MIN, which drivers and tests may rely on, and its MAX.
 */
#define PEER_MIN_CONTEXTS      64u
#define PEER_MAX_CONTEXTS      256u
#define PEER_MIN_MAP_ENTRIES   64u
#define PEER_MAX_MAP_ENTRIES   512u
#define PEER_MIN_PAGE_REQUESTS 8u
#define PEER_MAX_PAGE_REQUESTS 64u
#define PEER_MIN_RESULTS       64u
#define PEER_MAX_RESULTS       512u
#define PEER_MIN_COUNT         10000000ull /* elements or bytes of a work */
#define PEER_MAX_COUNT         (1ull << 24)
#define PEER_MIN_MAPPINGS      2048ull /* pages of one context */
#define PEER_MAX_MAPPINGS      (1ull << 20)

/* Bounds that HELLO does not change. */
#define PEER_MAX_DEVMEM_COPY   (256 * PEER_PAGE_SIZE)
#define PEER_MAX_SEGMENTS      64u /* descriptors of one chain */
#define PEER_MAX_RMW_WINDOW_NS 10000000ull
#define PEER_MAX_STALL_NS      2000000000ull

enum peer_status {
	PEER_S_OK = 0,
	PEER_S_BAD_REQUEST = 1, /* its length, or a field beyond its bounds */
	PEER_S_BAD_COMMAND = 2, /* no such command or operation */
	PEER_S_BAD_VERSION = 3, /* magic, version or features do not match */
	PEER_S_NO_SESSION = 4,  /* no HELLO since the device (re)started */
	PEER_S_NO_CONTEXT = 5,  /* no such context, or no such number */
	PEER_S_NO_TAG = 6,      /* no such page request is outstanding */
	PEER_S_BAD_ADDRESS = 7, /* not in guest RAM, device memory or VA */
	PEER_S_EXISTS = 8,      /* context taken; page mapped otherwise */
	PEER_S_LIMIT = 9,       /* memory, mappings or contexts used up */
	PEER_S_REVOKED = 10,    /* translation gone before the replay */
	PEER_S_CANCELED = 11,   /* its context was destroyed */
	PEER_S_FAULT = 12,      /* the driver denied the access */
	PEER_S_NOT_PERMITTED = 13, /* a test option, not negotiated */
	PEER_S_COUNT = 14,
};

/* ---- control queue ---------------------------------------------------- */

enum peer_command {
	PEER_CMD_HELLO = 1,
	PEER_CMD_HEARTBEAT = 2,
	PEER_CMD_ECHO = 3,
	PEER_CMD_RESET = 4,
	PEER_CMD_CTX_CREATE = 5,
	PEER_CMD_CTX_DESTROY = 6,
	PEER_CMD_MAP = 7,
	PEER_CMD_INVALIDATE = 8,
	PEER_CMD_FAULT_RESPONSE = 9,
	PEER_CMD_DEVMEM_COPY = 10,
	PEER_CMD_SET_OPTION = 11,
	PEER_CMD_STATS = 12,
	PEER_CMD_QUERY = 13,
};

/*
 * The head of every control request. HEARTBEAT, RESET, CTX_CREATE, CTX_DESTROY
 * and STATS consist of this head only. @ctx is 0 where a command has none;
 * context ids are 1 .. max_contexts and chosen by the driver.
 */
struct peer_wire_request {
	peer_le32 command; /* enum peer_command */
	peer_le32 ctx;
};

/* The head of every control answer; the whole answer of most. */
struct peer_wire_answer {
	peer_le32 status; /* enum peer_status */
	peer_le32 detail; /* MAP, FAULT_RESPONSE: index of the entry refused */
};

struct peer_wire_hello {
	struct peer_wire_request head;
	peer_le64 magic;
	peer_le32 version_min; /* the driver knows [min, max] */
	peer_le32 version_max;
	peer_le64 features; /* those that the driver knows */
};

struct peer_wire_hello_answer {
	struct peer_wire_answer head;
	peer_le64 magic;
	peer_le32 version;
	peer_le32 device_number; /* 0, 1, ...: which of several peers */
	peer_le64 features;      /* those that both know */
	peer_le64 instance;      /* never 0, another one at each start */
	peer_le64 session;       /* counts the HELLOs of this instance */
	peer_le32 va_bits;
	peer_le32 max_contexts;
	peer_le32 max_map_entries;   /* of one MAP or FAULT_RESPONSE */
	peer_le32 max_page_requests; /* outstanding at one time */
	peer_le32 max_results;
	peer_le32 workers;
	peer_le64 max_mappings; /* pages of one context */
	peer_le64 max_count;
	peer_le64 devmem_size;   /* bytes; 0: PEER_F_DEVMEM is not offered */
	peer_le64 rmw_window_ns; /* of a context that sets none */
};

struct peer_wire_heartbeat_answer {
	struct peer_wire_answer head;
	peer_le64 instance;
	peer_le64 session;   /* 0: say HELLO */
	peer_le64 beats;     /* of this session, this one included; 0 without */
	peer_le64 work_done; /* requests finished since the process started */
};

/* The answer to a HEARTBEAT with that much room, of a device that has a clock. */
struct peer_wire_heartbeat_clock {
	struct peer_wire_heartbeat_answer beat;
	peer_le64 now_ns; /* of a clock that never goes back */
};

/*
 * Proves that both sides see the same memory: the device reads the word at
 * @gpa, answers it in @seen, and then writes @value there.
 */
struct peer_wire_echo {
	struct peer_wire_request head;
	peer_le64 gpa; /* 8-byte aligned */
	peer_le64 value;
};

struct peer_wire_echo_answer {
	struct peer_wire_answer head;
	peer_le64 seen;
};

/*
 * One translation. @target is a guest-physical page address, or an offset into
 * device memory with PEER_MAP_DEVMEM, with the flags in its low twelve bits.
 */
struct peer_wire_map_entry {
	peer_le64 va;     /* page aligned, below 1 << va_bits */
	peer_le64 target; /* page aligned | PEER_MAP_* */
};

#define PEER_MAP_READ   1ull
#define PEER_MAP_WRITE  2ull /* requires READ */
#define PEER_MAP_ATOMIC 4ull /* requires WRITE */
#define PEER_MAP_DEVMEM 8ull
#define PEER_MAP_FLAGS \
	(PEER_MAP_READ | PEER_MAP_WRITE | PEER_MAP_ATOMIC | PEER_MAP_DEVMEM)

struct peer_wire_map {
	struct peer_wire_request head;
	peer_le32 count; /* 1 .. max_map_entries */
	peer_le32 reserved;
	struct peer_wire_map_entry entry[];
};

struct peer_wire_invalidate {
	struct peer_wire_request head;
	peer_le64 start; /* [start, end), page aligned */
	peer_le64 end;   /* at most 1 << va_bits */
};

enum peer_fault_result {
	PEER_FAULT_OK = 0,   /* try again: a translation is there */
	PEER_FAULT_DENY = 1, /* no such access: the work fails */
};

/* The device's translation of @va; @target 0: none. */
struct peer_wire_query {
	struct peer_wire_request head;
	peer_le64 va; /* page aligned */
};

struct peer_wire_query_answer {
	struct peer_wire_answer head;
	peer_le64 target; /* as in peer_wire_map_entry */
};

struct peer_wire_fault_response {
	struct peer_wire_request head;
	peer_le64 tag;
	peer_le32 result; /* enum peer_fault_result */
	peer_le32 count;  /* 0 .. max_map_entries, 0 with DENY */
	struct peer_wire_map_entry entry[];
};

enum peer_devmem_direction {
	PEER_DEVMEM_FROM_GUEST = 0,
	PEER_DEVMEM_TO_GUEST = 1,
	PEER_DEVMEM_ZERO = 2, /* @gpa is 0 */
};

struct peer_wire_devmem_copy {
	struct peer_wire_request head;
	peer_le32 direction; /* enum peer_devmem_direction */
	peer_le32 reserved;
	peer_le64 offset; /* into device memory */
	peer_le64 gpa;
	peer_le64 length; /* 1 .. PEER_MAX_DEVMEM_COPY bytes */
};

enum peer_option {
	/* Of one context; head.ctx 0: of all contexts created from now on. */
	PEER_OPT_RMW_WINDOW_NS = 1, /* 0 .. PEER_MAX_RMW_WINDOW_NS */
	PEER_OPT_RMW_ATOMIC = 2,    /* 0 load-compute-store, 1 one operation */

	/*
	 * Faults on purpose, accepted only with PEER_F_TEST_OPTIONS. Of one
	 * context; a value holds until it is set again, a count N until N times
	 * have passed.
	 */
	PEER_OPT_TEST_EARLY_ACK = 0x100, /* acknowledge before accesses end */
	PEER_OPT_TEST_KEEP_MAPPING = 0x101, /* acknowledge and forget to drop */
	PEER_OPT_TEST_STALL_NS = 0x102, /* delay each access, 0 .. MAX_STALL */
	PEER_OPT_TEST_LOSE_PAGE_REQUESTS = 0x103, /* the next N are not sent */
	PEER_OPT_TEST_EARLY_GRANT = 0x104,  /* complete before the replay */
	PEER_OPT_TEST_LOSE_REPLAYS = 0x105, /* the next N are not reported */
	PEER_OPT_TEST_ASK_AGAIN = 0x106, /* N look-ups miss a page that is there */

	/* Of the device; head.ctx is 0. */
	PEER_OPT_TEST_HANG_AFTER = 0x180, /* N more answers to work, then none */
	PEER_OPT_TEST_DIE_AFTER = 0x181,  /* N more, then the process exits */
	PEER_OPT_TEST_LIE = 0x182,        /* enum peer_lie, for one time */
};

/* One wrong message of the device, at the next occasion. */
enum peer_lie {
	PEER_LIE_NONE = 0,
	PEER_LIE_USED_ID = 1,     /* work: used id beyond the ring */
	PEER_LIE_USED_LEN = 2,    /* work: 2^31 - 1 bytes written */
	PEER_LIE_USED_REPEAT = 3, /* work: the same head twice */
	PEER_LIE_USED_INDEX = 4, /* work: used index the ring's size too great */
	PEER_LIE_STATUS = 5,     /* work: a status that does not exist */
	PEER_LIE_PAGE_CONTEXT = 6, /* page request: no such context */
	PEER_LIE_PAGE_ADDRESS = 7, /* page request: beyond the address space */
	PEER_LIE_PAGE_ACCESS = 8,  /* page request: no known access */
	PEER_LIE_RESPONSE_REFUSED = 9, /* FAULT_RESPONSE: LIMIT, not done */
	PEER_LIE_CREATE_GARBLED = 10,  /* CTX_CREATE: done, half an answer */
	PEER_LIE_DESTROY_REFUSED = 11, /* CTX_DESTROY: LIMIT, not done */
	PEER_LIE_COUNT = 12,
};

struct peer_wire_set_option {
	struct peer_wire_request head;
	peer_le32 option; /* enum peer_option */
	peer_le32 reserved;
	peer_le64 value;
};

/* Counters of the device since its process started; never reset. */
struct peer_wire_stats_answer {
	struct peer_wire_answer head;
	peer_le64 control_requests;
	peer_le64 work_requests;
	peer_le64 work_done;     /* answered, or dropped by a reset */
	peer_le64 work_failed;   /* of those, neither OK nor CANCELED */
	peer_le64 work_canceled; /* of those, CANCELED or dropped */
	peer_le64 accesses;      /* elements and page pieces touched */
	peer_le64 rmw;           /* of those, read-modify-writes */
	peer_le64 page_requests; /* sent to the driver, or lost on purpose */
	peer_le64 page_request_waits; /* of those, waited for a buffer */
	peer_le64 fault_responses;    /* accepted */
	peer_le64 replays;            /* ATOMIC grants replayed */
	peer_le64 revoked;  /* ATOMIC grants revoked before the replay */
	peer_le64 mapped;   /* pages */
	peer_le64 unmapped; /* pages */
	peer_le64 invalidations;
	peer_le64 invalidations_waited; /* of those, waited for an access in flight */
	peer_le64 malformed;            /* chains and requests refused */
	peer_le64 rings_broken; /* rings given up until the next start */
	peer_le64 misses;       /* accesses that found no translation */
};

/* ---- page-request queue ----------------------------------------------- */

enum peer_access {
	PEER_ACCESS_READ = 1,
	PEER_ACCESS_WRITE = 2,
	PEER_ACCESS_ATOMIC = 3,
};

struct peer_wire_page_request {
	peer_le64 tag; /* never 0, never used twice by an instance */
	peer_le32 ctx;
	peer_le32 access; /* enum peer_access */
	peer_le64 va;     /* page aligned */
	peer_le64 session;
};

/* ---- work queues ------------------------------------------------------ */

/*
 * FETCH_ADD .. MAX are read-modify-writes and need PEER_MAP_ATOMIC. They, LOAD
 * and STORE work on @count elements of @width bytes at va, va + stride, ..., @repeat
 * times over; each element is naturally aligned. COPY and FILL
 * work on @count bytes of any alignment, once.
 */
enum peer_op {
	PEER_OP_FETCH_ADD = 1,
	PEER_OP_FETCH_AND = 2,
	PEER_OP_FETCH_OR = 3,
	PEER_OP_FETCH_XOR = 4,
	PEER_OP_SWAP = 5,
	PEER_OP_CAS = 6, /* if equal to @compare, becomes @operand */
	PEER_OP_MIN = 7, /* unsigned */
	PEER_OP_MAX = 8, /* unsigned */
	PEER_OP_LOAD = 9,
	PEER_OP_STORE = 10, /* @operand */
	PEER_OP_COPY = 11,  /* from @operand (a VA); may not overlap */
	PEER_OP_FILL = 12,  /* with the low byte of @operand */
};

/* Return each element's old value, as u64, after peer_wire_work_done. */
#define PEER_WORK_RESULTS 1u

struct peer_wire_work {
	peer_le32 op; /* enum peer_op */
	peer_le32 ctx;
	peer_le64 va;
	peer_le64 operand;
	peer_le64 compare; /* CAS only, else 0 */
	peer_le32 width;   /* 1, 2, 4, 8; 0 for COPY and FILL */
	peer_le32 flags;   /* PEER_WORK_* */
	peer_le64 count;   /* elements, or bytes; at least 1 */
	peer_le64 stride;  /* bytes, a multiple of width; 0: one word */
	peer_le64 repeat;  /* at least 1; count * repeat <= max_count */
};

struct peer_wire_work_done {
	peer_le32 status; /* enum peer_status */
	peer_le32 reserved;
	peer_le64 done;     /* elements, or bytes of COPY and FILL, finished */
	peer_le64 value;    /* old value of the last element done; else 0 */
	peer_le64 fault_va; /* PEER_S_FAULT: the element or byte denied, else 0 */
	peer_le64 page_requests; /* page requests this one waited for */
};

/* ---- the layout, fixed ------------------------------------------------ */

#define PEER_AT(type, field, offset)                                    \
	PEER_ASSERT(__builtin_offsetof(struct type, field) == (offset), \
		    #type "." #field " moved")
#define PEER_SIZE(type, size) \
	PEER_ASSERT(sizeof(struct type) == (size), #type " changed size")

PEER_AT(peer_wire_config, tag, 0);
PEER_AT(peer_wire_config, work_queues, 36);
PEER_SIZE(peer_wire_config, 40);

PEER_AT(peer_wire_request, command, 0);
PEER_AT(peer_wire_request, ctx, 4);
PEER_SIZE(peer_wire_request, 8);
PEER_AT(peer_wire_answer, status, 0);
PEER_AT(peer_wire_answer, detail, 4);
PEER_SIZE(peer_wire_answer, 8);

PEER_AT(peer_wire_hello, magic, 8);
PEER_AT(peer_wire_hello, version_min, 16);
PEER_AT(peer_wire_hello, version_max, 20);
PEER_AT(peer_wire_hello, features, 24);
PEER_SIZE(peer_wire_hello, 32);

PEER_AT(peer_wire_hello_answer, magic, 8);
PEER_AT(peer_wire_hello_answer, version, 16);
PEER_AT(peer_wire_hello_answer, device_number, 20);
PEER_AT(peer_wire_hello_answer, features, 24);
PEER_AT(peer_wire_hello_answer, instance, 32);
PEER_AT(peer_wire_hello_answer, session, 40);
PEER_AT(peer_wire_hello_answer, va_bits, 48);
PEER_AT(peer_wire_hello_answer, max_contexts, 52);
PEER_AT(peer_wire_hello_answer, max_map_entries, 56);
PEER_AT(peer_wire_hello_answer, max_page_requests, 60);
PEER_AT(peer_wire_hello_answer, max_results, 64);
PEER_AT(peer_wire_hello_answer, workers, 68);
PEER_AT(peer_wire_hello_answer, max_mappings, 72);
PEER_AT(peer_wire_hello_answer, max_count, 80);
PEER_AT(peer_wire_hello_answer, devmem_size, 88);
PEER_AT(peer_wire_hello_answer, rmw_window_ns, 96);
PEER_SIZE(peer_wire_hello_answer, 104);

PEER_AT(peer_wire_heartbeat_answer, instance, 8);
PEER_AT(peer_wire_heartbeat_answer, session, 16);
PEER_AT(peer_wire_heartbeat_answer, beats, 24);
PEER_AT(peer_wire_heartbeat_answer, work_done, 32);
PEER_SIZE(peer_wire_heartbeat_answer, 40);
PEER_AT(peer_wire_heartbeat_clock, beat, 0);
PEER_AT(peer_wire_heartbeat_clock, now_ns, 40);
PEER_SIZE(peer_wire_heartbeat_clock, 48);

PEER_AT(peer_wire_echo, gpa, 8);
PEER_AT(peer_wire_echo, value, 16);
PEER_SIZE(peer_wire_echo, 24);
PEER_AT(peer_wire_echo_answer, seen, 8);
PEER_SIZE(peer_wire_echo_answer, 16);

PEER_AT(peer_wire_map_entry, va, 0);
PEER_AT(peer_wire_map_entry, target, 8);
PEER_SIZE(peer_wire_map_entry, 16);
PEER_AT(peer_wire_map, count, 8);
PEER_AT(peer_wire_map, reserved, 12);
PEER_AT(peer_wire_map, entry, 16);
PEER_SIZE(peer_wire_map, 16);

PEER_AT(peer_wire_invalidate, start, 8);
PEER_AT(peer_wire_invalidate, end, 16);
PEER_SIZE(peer_wire_invalidate, 24);

PEER_AT(peer_wire_query, va, 8);
PEER_SIZE(peer_wire_query, 16);
PEER_AT(peer_wire_query_answer, target, 8);
PEER_SIZE(peer_wire_query_answer, 16);

PEER_AT(peer_wire_fault_response, tag, 8);
PEER_AT(peer_wire_fault_response, result, 16);
PEER_AT(peer_wire_fault_response, count, 20);
PEER_AT(peer_wire_fault_response, entry, 24);
PEER_SIZE(peer_wire_fault_response, 24);

PEER_AT(peer_wire_devmem_copy, direction, 8);
PEER_AT(peer_wire_devmem_copy, reserved, 12);
PEER_AT(peer_wire_devmem_copy, offset, 16);
PEER_AT(peer_wire_devmem_copy, gpa, 24);
PEER_AT(peer_wire_devmem_copy, length, 32);
PEER_SIZE(peer_wire_devmem_copy, 40);

PEER_AT(peer_wire_set_option, option, 8);
PEER_AT(peer_wire_set_option, reserved, 12);
PEER_AT(peer_wire_set_option, value, 16);
PEER_SIZE(peer_wire_set_option, 24);

PEER_AT(peer_wire_stats_answer, control_requests, 8);
PEER_AT(peer_wire_stats_answer, work_requests, 16);
PEER_AT(peer_wire_stats_answer, work_done, 24);
PEER_AT(peer_wire_stats_answer, work_failed, 32);
PEER_AT(peer_wire_stats_answer, work_canceled, 40);
PEER_AT(peer_wire_stats_answer, accesses, 48);
PEER_AT(peer_wire_stats_answer, rmw, 56);
PEER_AT(peer_wire_stats_answer, page_requests, 64);
PEER_AT(peer_wire_stats_answer, page_request_waits, 72);
PEER_AT(peer_wire_stats_answer, fault_responses, 80);
PEER_AT(peer_wire_stats_answer, replays, 88);
PEER_AT(peer_wire_stats_answer, revoked, 96);
PEER_AT(peer_wire_stats_answer, mapped, 104);
PEER_AT(peer_wire_stats_answer, unmapped, 112);
PEER_AT(peer_wire_stats_answer, invalidations, 120);
PEER_AT(peer_wire_stats_answer, invalidations_waited, 128);
PEER_AT(peer_wire_stats_answer, malformed, 136);
PEER_AT(peer_wire_stats_answer, rings_broken, 144);
PEER_AT(peer_wire_stats_answer, misses, 152);
PEER_SIZE(peer_wire_stats_answer, 160);

PEER_AT(peer_wire_page_request, tag, 0);
PEER_AT(peer_wire_page_request, ctx, 8);
PEER_AT(peer_wire_page_request, access, 12);
PEER_AT(peer_wire_page_request, va, 16);
PEER_AT(peer_wire_page_request, session, 24);
PEER_SIZE(peer_wire_page_request, 32);

PEER_AT(peer_wire_work, op, 0);
PEER_AT(peer_wire_work, ctx, 4);
PEER_AT(peer_wire_work, va, 8);
PEER_AT(peer_wire_work, operand, 16);
PEER_AT(peer_wire_work, compare, 24);
PEER_AT(peer_wire_work, width, 32);
PEER_AT(peer_wire_work, flags, 36);
PEER_AT(peer_wire_work, count, 40);
PEER_AT(peer_wire_work, stride, 48);
PEER_AT(peer_wire_work, repeat, 56);
PEER_SIZE(peer_wire_work, 64);

PEER_AT(peer_wire_work_done, status, 0);
PEER_AT(peer_wire_work_done, reserved, 4);
PEER_AT(peer_wire_work_done, done, 8);
PEER_AT(peer_wire_work_done, value, 16);
PEER_AT(peer_wire_work_done, fault_va, 24);
PEER_AT(peer_wire_work_done, page_requests, 32);
PEER_SIZE(peer_wire_work_done, 40);

#undef PEER_AT
#undef PEER_SIZE
#undef PEER_ASSERT

#endif /* UAPI_PEER_WIRE_H */
