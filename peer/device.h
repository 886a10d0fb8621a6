/* SPDX-License-Identifier: MIT */
/*
 * peer/device.h - the device: contexts, faults, work, threads and locks
 *
 * Threads, each a member of the gate while it works:
 *
 *	control	  serves queue 0, in order
 *	faults	  sends page requests that waited for a buffer
 *	worker i  takes work from the queues and runs it in slices
 *
 * The socket thread (vhost_user.c) changes the device only while the gate is
 * closed.
 *
 * Calls go down this list only (tests/scripts/call_order_test.py):
 *
 *	main.c		the program: options, socket, signals
 *	vhost_user.c	the conversation with QEMU
 *	vhost_message.c	one message of it
 *	device.c	the device's threads, from init to destroy
 *	control.c	commands
 *	option.c	SET_OPTION
 *	session.c	the end of a context and of a session
 *	pool.c		the workers
 *	work.c		what a work request does
 *	work_check.c	can it be done?
 *	fault.c		an access that finds no page, and its page request
 *	mmu.c		contexts, translations, accesses, revocation
 *	grant.c		the answer to an ATOMIC response, kept until the replay
 *	reply.c		a chain taken, and answered
 *	ring.c		the device's side of a virtqueue
 *	table.c		one context's translations
 *	turn.c		one store at a time for each word
 *	gate.c		the socket thread has the device to itself
 *	memory.c	the guest's RAM
 *	trace.c		records of what threads do
 *	util.c		logging, time
 *
 * Locks, outermost first; a thread holds at most one of each kind:
 *
 *	device->contexts_lock	the array of contexts, the destroyed ones
 *	context->lock		its table, faults, accesses in flight
 *	device->fault_lock	the queue of page requests
 *	device->ready_lock	work that can run
 *	ring->lock		one ring
 *	device->turns[]		stores to a word (turn.h); nothing inside it
 *
 * Key letters below: (G) written with the gate closed or before the threads
 * exist, read inside the gate; (K) control thread only; (X) contexts_lock;
 * (F) fault_lock; (R) ready_lock; (C) context->lock; (A) atomic;
 * (O) the list or thread that holds the object.
 */
#ifndef PEER_DEVICE_H
#define PEER_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <uapi/peer_wire.h>

#include "gate.h"
#include "memory.h"
#include "ring.h"
#include "table.h"
#include "trace.h"
#include "turn.h"

#define WORKERS_MAX     16u
#define TABLE_NODES_MAX 65536 /* 256 MiB of tables */
#define VA_END          (1ull << PEER_VA_BITS)

/* The data of an epoll event that is not a queue's index. */
#define WATCH_WAKEUP 100u
#define WATCH_STOP   101u

/* Members of the gate. */
#define MEMBER_CONTROL   0u
#define MEMBER_FAULTS    1u
#define MEMBER_WORKER(i) (2u + (i))

_Static_assert(MEMBER_WORKER(WORKERS_MAX) <= GATE_MEMBERS_MAX,
	       "every thread has its place in the gate");

/* In the order of struct peer_wire_stats_answer. */
enum counter {
	COUNT_CONTROL_REQUESTS,
	COUNT_WORK_REQUESTS,
	COUNT_WORK_DONE,
	COUNT_WORK_FAILED,
	COUNT_WORK_CANCELED,
	COUNT_ACCESSES,
	COUNT_RMW,
	COUNT_PAGE_REQUESTS,
	COUNT_PAGE_REQUEST_WAITS,
	COUNT_FAULT_RESPONSES,
	COUNT_REPLAYS,
	COUNT_REVOKED,
	COUNT_MAPPED,
	COUNT_UNMAPPED,
	COUNT_INVALIDATIONS,
	COUNT_INVALIDATIONS_WAITED,
	COUNT_MALFORMED,
	COUNT_RINGS_BROKEN,
	COUNT_MISSES,
	COUNTERS
};

_Static_assert(sizeof(struct peer_wire_stats_answer) ==
		       sizeof(struct peer_wire_answer) +
			       COUNTERS * sizeof(peer_le64),
	       "one counter for each field of the answer");

struct device;
struct context;

/* From the command line. Constant once the threads run. */
struct device_config {
	unsigned int number; /* --number */
	unsigned int workers;
	uint64_t devmem_size; /* bytes */
	uint64_t rmw_window_ns;
	uint64_t spin_ns;
	bool rmw_atomic;
	bool allow_test_options;
	bool offer_config;  /* the front end may ask for the configuration */
	int64_t hang_after; /* work requests, -1: never */
	int64_t die_after;  /* work requests, -1: never */
};

/*
 * An answer that waits for accesses to end. Each context that it waits for holds a
 * reference; the last put sends it.
 */
struct ack {
	atomic_uint refs;
	struct ring_reply *reply;
	size_t len;
	unsigned char answer[sizeof(struct peer_wire_hello_answer)];
};

/* A context's part of an ack: the workers whose accesses must end. */
struct revocation {
	TAILQ_ENTRY(revocation) link;
	uint32_t workers; /* (C) bit i: worker i */
	struct ack *ack;
};
TAILQ_HEAD(revocation_list, revocation);

/* The answer to an ATOMIC page request; each parked work holds a reference. */
struct grant {
	atomic_uint refs;
	atomic_bool replayed;
	atomic_bool canceled;
	uint64_t tag;
	struct ring_reply *reply;
};

/* One request of a work queue, running in slices. (O) throughout. */
struct work {
	TAILQ_ENTRY(work) link;
	struct ring_reply *reply;
	struct context *context; /* holds a reference */
	struct peer_wire_work request;
	uint64_t total; /* elements or bytes */
	uint64_t done;  /* of those */
	uint64_t value;
	uint64_t fault_va;
	uint64_t page_requests;
	struct grant *grant;    /* ended by the next access, or NULL */
	uint64_t *results;      /* total of them, or NULL */
	unsigned char *bounce;  /* COPY: one page */
	unsigned int bounce_at; /* COPY: the first byte not yet written */
	unsigned int bounced;   /* COPY: bytes read and not yet written */
};
TAILQ_HEAD(work_list, work);

/* An access that found no translation, and the work that waits for it. */
struct fault {
	TAILQ_ENTRY(fault) of_context; /* (C) */
	TAILQ_ENTRY(fault) queued;     /* (F) */
	struct context *context;
	uint64_t tag;
	uint64_t va;
	enum peer_access access;
	bool sent;               /* (F) */
	bool waited;             /* (F) counted as lacking a buffer */
	struct work_list parked; /* (C) */
};
TAILQ_HEAD(fault_list, fault);

struct context {
	TAILQ_ENTRY(context) link; /* (X) device->destroyed, once dead */
	unsigned int id;
	atomic_uint refs; /* the device's array, each work */
	struct device *device;
	pthread_mutex_t lock;
	struct table table;                 /* (C) */
	bool dead;                          /* (C) destroyed */
	uint32_t in_flight;                 /* (C) bit i: worker i */
	uint64_t in_flight_va[WORKERS_MAX]; /* (C) */
	struct fault_list faults;           /* (C) */
	struct revocation_list revocations; /* (C) */
	/* Options. */
	_Atomic uint64_t rmw_window_ns;
	atomic_bool rmw_atomic;
	atomic_bool test_early_ack;
	atomic_bool test_keep_mapping;
	atomic_bool test_early_grant;
	_Atomic uint64_t test_stall_ns;
	_Atomic int64_t test_lose;
	_Atomic int64_t test_lose_replays;
	_Atomic int64_t test_ask_again;
};

TAILQ_HEAD(context_list, context);

struct worker {
	struct device *device;
	unsigned int number;
	pthread_t thread;
	atomic_bool revoke; /* an INVALIDATE or a destroy waits for its access */
};

struct device {
	struct device_config config;
	struct gate gate;
	struct memory memory;              /* (G) */
	struct ring ring[PEER_QUEUES_MAX]; /* (G), own locks */
	unsigned char *devmem;
	uint64_t instance;
	_Atomic uint64_t session; /* 0: no HELLO yet */
	uint64_t sessions;        /* (K) HELLOs so far */
	uint64_t beats;           /* (K) */
	uint64_t features;        /* (K) negotiated */
	uint64_t rmw_window_ns;   /* (K) for new contexts */
	bool rmw_atomic;          /* (K) for new contexts */
	bool dropping;            /* (G) answers go nowhere */
	_Atomic uint64_t counter[COUNTERS];
	_Atomic int64_t hang_left; /* answers to work, -1: never */
	_Atomic int64_t die_left;  /* answers to work, -1: never */
	atomic_uint lie;           /* enum peer_lie */

	pthread_mutex_t contexts_lock;
	struct context *context[PEER_MAX_CONTEXTS + 1]; /* (X) */
	struct context_list destroyed; /* (X) until their last access ends */
	struct table_budget budget;

	pthread_mutex_t fault_lock;
	struct turn turns[TURNS];
	struct fault_list faults_queued; /* (F) */
	unsigned int faults_sent;        /* (F) outstanding at the driver */
	uint64_t next_tag;               /* (F) */

	pthread_mutex_t ready_lock;
	struct work_list resumed; /* (R) their page came: they go first */
	struct work_list ready;   /* (R) */
	atomic_uint ready_count;
	atomic_uint awake;   /* workers not blocked */
	atomic_bool spinner; /* one worker spins for new work */
	int work_wakeup_fd;
	int stop_fd; /* readable when the process ends */
	int control_epoll;
	int fault_epoll;
	int work_epoll;
	pthread_t control_thread;
	pthread_t fault_thread;
	struct worker worker[WORKERS_MAX];
	bool threads_run;
};

/* A test option that holds for the next N times: is this one of them? */
static inline bool option_due(_Atomic int64_t *left)
{
	int64_t was = atomic_load(left);

	while (was > 0) {
		if (atomic_compare_exchange_weak(left, &was, was - 1))
			return true;
	}
	return false;
}

static inline void count_many(struct device *device, enum counter which,
			      uint64_t n)
{
	atomic_fetch_add_explicit(&device->counter[which], n,
				  memory_order_relaxed);
}

static inline void count(struct device *device, enum counter which)
{
	count_many(device, which, 1);
}

/* ---- reply.c: a chain taken, and answered ------------------------------- */

/** chain_pop() - ring_pop() with the counting of broken rings */
bool chain_pop(struct device *device, struct ring *ring,
	       struct ring_chain *chain);

/** chain_refuse() - give a chain back that can not be answered */
void chain_refuse(struct device *device, struct ring *ring,
		  const struct ring_chain *chain);

/**
 * reply_send() - answer a chain and free @reply
 *
 * An answer that does not fit becomes PEER_S_BAD_REQUEST, or length 0 if that does
 * not fit either.
 */
void reply_send(struct device *device, struct ring_reply *reply,
		const void *answer, size_t len);

/** reply_end() - the same when @written bytes are there already */
void reply_end(struct device *device, struct ring_reply *reply, uint32_t written);

/**
 * ack_new() - an answer that waits, with one reference
 *
 * Return: NULL without memory; @reply is then still the caller's.
 */
struct ack *ack_new(struct ring_reply *reply, const void *answer, size_t len);

/** ack_put() - drop one reference; the last one sends the answer */
void ack_put(struct device *device, struct ack *ack);

/* ---- grant.c: the answer to an ATOMIC response, kept until the replay --- */

/** grant_new() - all work in @parked shares it; NULL without memory */
struct grant *grant_new(struct work_list *parked);

/** grant_drop() - undo grant_new(); @grant may be NULL */
void grant_drop(struct grant *grant, struct work_list *parked);

enum grant_end { GRANT_REPLAYED, GRANT_REVOKED, GRANT_CANCELED };

/** grant_end() - record how the access that @work was granted ended, if any */
void grant_end(struct device *device, struct work *work, enum grant_end end);

/* ---- mmu.c: contexts, translations, accesses ---------------------------- */

int context_create(struct device *device, unsigned int id);
struct context *context_get(struct device *device, unsigned int id);
void context_put(struct context *context);

/**
 * context_map_locked() - install translations, all or none
 * @bad: index of the entry refused
 *
 * Return: enum peer_status.
 */
enum peer_status context_map_locked(struct context *context,
				    const struct peer_wire_map_entry *entry,
				    unsigned int entries, uint32_t *bad);

enum access_result {
	ACCESS_OK,
	ACCESS_MISSED,   /* no translation that allows it */
	ACCESS_CANCELED, /* the context is gone */
	ACCESS_FAILED,   /* no memory to wait with */
	ACCESS_NOWHERE,  /* the page's RAM was taken away */
};

/**
 * access_begin_locked() - start to touch the page of @va
 * @page: where the page is, on ACCESS_OK
 *
 * On ACCESS_OK the translation can not be revoked until access_end(); the
 * worker looks at worker->revoke and ends early when it is set.
 *
 * Return: ACCESS_OK, _MISSED, _CANCELED or _NOWHERE.
 */
enum access_result access_begin_locked(struct worker *worker,
				       struct context *context, uint64_t va,
				       enum peer_access access, char **page);
void access_end(struct worker *worker, struct context *context);

/** context_invalidate() - drop [start, end); then @ack is sent */
void context_invalidate(struct context *context, uint64_t start, uint64_t end,
			struct ack *ack);

/** context_remove() - give its number up; the caller calls context_end_locked() */
void context_remove(struct context *context);

/**
 * context_end_locked() - drop all translations; no access begins any more
 * @ack: sent when the last access has ended; NULL: none is in flight
 */
void context_end_locked(struct context *context, struct ack *ack);

/**
 * context_await_destroyed() - make @ack wait for contexts that had number @id
 *
 * Each access in flight of a destroyed context with that number holds it back.
 */
void context_await_destroyed(struct device *device, unsigned int id,
			     struct ack *ack);

/* ---- fault.c: page requests --------------------------------------------- */

/**
 * access_or_park() - begin an access, or park @work until its page is there
 *
 * As access_begin_locked(), which it calls; for a page that is missing the
 * driver is asked. On ACCESS_MISSED @work is parked and not the caller's any more.
 *
 * Return: ACCESS_OK, _MISSED, _CANCELED, _FAILED (not parked) or _NOWHERE.
 */
enum access_result access_or_park(struct worker *worker, struct work *work,
				  uint64_t va, enum peer_access access,
				  char **page);

/** fault_send() - hand waiting page requests to the driver */
void fault_send(struct device *device);

/** fault_main() - the thread that sends those which waited for a buffer */
void *fault_main(void *arg);

/**
 * fault_respond() - FAULT_RESPONSE; consumes @reply
 * @parked: the work that waited, if the response is accepted
 *
 * Return: the status; after PEER_S_OK the caller resumes or ends @parked, and
 * calls fault_send().
 */
enum peer_status fault_respond(struct context *context,
			       const struct peer_wire_fault_response *request,
			       struct ring_reply *reply,
			       struct work_list *parked);

/** fault_drop_locked() - forget all faults of a context; collects the work */
void fault_drop_locked(struct context *context, struct work_list *parked);

/* ---- work_check.c ------------------------------------------------------- */

/**
 * work_check() - can this be done, with @room bytes for the answer?
 *
 * Return: PEER_S_OK, PEER_S_BAD_COMMAND, _BAD_REQUEST or _BAD_ADDRESS.
 */
enum peer_status work_check(const struct peer_wire_work *request, uint64_t room);

/* ---- work.c: what a request does ---------------------------------------- */

/** work_new() - check a request and begin it; answers what it refuses */
struct work *work_new(struct device *device, struct ring *ring,
		      const struct ring_chain *chain);

enum work_state { WORK_AGAIN, WORK_PARKED, WORK_FINISHED };

/** work_run() - one slice; @work is the caller's still on WORK_AGAIN only */
enum work_state work_run(struct worker *worker, struct work *work);

/** work_finish() - answer and free @work */
void work_finish(struct device *device, struct work *work,
		 enum peer_status status);

/** work_finish_all() - the same for each in @list, which is empty then */
void work_finish_all(struct device *device, struct work_list *list,
		     enum peer_status status);

/* ---- pool.c: the workers ------------------------------------------------ */

void *worker_main(void *arg);

/** pool_resume() - work whose page came; empties @list */
void pool_resume(struct device *device, struct work_list *list);

/** pool_take_all() - all ready work, for session_drop() */
void pool_take_all(struct device *device, struct work_list *list);

/* ---- session.c: the end of a context and of a session ------------------- */

/**
 * session_end_context() - drop its translations, cancel its work
 * @ack: sent when the last access has ended; NULL: none is in flight
 */
void session_end_context(struct context *context, struct ack *ack);

/** session_end_contexts() - the same for all of them */
void session_end_contexts(struct device *device, struct ack *ack);

/**
 * session_drop() - forget contexts, work and faults, without an answer
 *
 * Context: socket thread, gate closed.
 */
void session_drop(struct device *device);

/* ---- option.c ----------------------------------------------------------- */

/** options_reset() - back to the command line's values, for a new session */
void options_reset(struct device *device);

/** option_set() - SET_OPTION; control thread */
enum peer_status option_set(struct device *device,
			    const struct peer_wire_set_option *request);

/* ---- control.c: commands ------------------------------------------------ */

void *control_main(void *arg);

/* ---- device.c: the device's threads, from init to destroy --------------- */

/**
 * device_init() - a stopped device with its threads waiting at the gate
 *
 * Return: 0 or -errno; nothing is left behind on error.
 */
int device_init(struct device *device, const struct device_config *config);
void device_destroy(struct device *device);

/** device_watch() - (un)watch a ring's kick eventfd; gate closed */
void device_watch(struct device *device, struct ring *ring, int fd);
void device_unwatch(struct device *device, struct ring *ring);

void device_print_stats(struct device *device);

#endif /* PEER_DEVICE_H */
