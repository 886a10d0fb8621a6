/* SPDX-License-Identifier: MIT */
/*
 * drivers/peer/internal.h - the objects of the driver
 *
 *	struct peer		one device
 *	struct peer_context	one device in one address space
 *	struct peer_slot	memory for one control command and its answer
 *	struct peer_work_slot	memory for one piece of work and its answer
 *	struct peer_request	memory for one page request
 *	struct peer_table	the translations that a context has
 *
 * Calls go down this list only; the one that goes up is peer->on_death, which
 * life.c calls and device.c sets (tests/scripts/call_order_test.py):
 *
 *	device.c	finding, starting, watching, restarting a device
 *	probe_lock.c	is a guest `lock` atomic against it?
 *	match.c		is it a peer, and one that can be driven?
 *	context.c	a device in an address space, from creation to the end
 *	request.c	page requests come in, answers and denials go out
 *	grant.c		the page for one request: collision and retry
 *	invalidate.c	the device lets go of pages
 *	work.c		work: submit, wait, forget
 *	control.c	commands and their answers
 *	life.c		alive or dead
 *	wire.c		judging what the device wrote
 *	table.c		the translations that a context has
 *
 * Two locks, taken in this order:
 *
 *	ctx->lock	mutex	the translations of a context: held from the
 *				check of read_retry() until the translation has
 *				been sent, and by the invalidate callback until
 *				the device has acknowledged
 *	peer->lock	spin	rings, slots, lists; also taken by the
 *				interrupt handlers
 *
 * Nothing is allocated under either: slots, requests and tables exist from the
 * start. Under ctx->lock the driver waits only for the slots reserved for
 * INVALIDATE and CTX_DESTROY, whose holders wait for the device and for nothing
 * else. Every wait for the device, and for a slot that the device has, ends
 * within a limit.
 *
 * Key letters: (c) constant from setup to the next restart
 *		(p) under peer->lock
 *		(x) under ctx->lock
 *		(o) the holder of the object
 *		(1) single accesses, without a lock
 *		(w) written by the device: copied, then checked
 *
 * slot, tag, replay, grant: docs/peer-device.md; D and G numbers are its
 * statements. Read this file, table.c, invalidate.c, context.c, request.c, and grant.c
 * from peer_grant() upwards; then control.c, work.c, life.c, device.c and the rest.
 */
#ifndef PEER_INTERNAL_H
#define PEER_INTERNAL_H

#include <drivers/peer.h>
#include <drivers/virtio.h>
#include <lib/atomic.h>
#include <lib/list.h>
#include <kernel/sched/mutex.h>
#include <kernel/sched/sched.h>
#include <kernel/lock/spinlock.h>
#include <kernel/sched/wait.h>
#include <mm/notifier/rounds.h>

#define PEER_SLOTS          48 /* for anything */
#define PEER_SLOTS_RESERVED 16 /* for INVALIDATE and CTX_DESTROY only */
#define PEER_SLOTS_BEAT     1  /* for the heartbeat's PING only */
#define PEER_SLOTS_ALL      (PEER_SLOTS + PEER_SLOTS_RESERVED + PEER_SLOTS_BEAT)
#define PEER_WORK_SLOTS     32
#define PEER_REQUESTS       64
#define PEER_PROBE_CONTEXT  (PEER_CONTEXTS + 1) /* the boot probe's id */

/* A device with less is refused (match.c), so these need no look at its limits. */
static_assert(PEER_PROBE_CONTEXT <= PEER_MIN_CONTEXTS,
	      "numbers that each device has");
static_assert(PEER_TABLE_SIZE <= PEER_MIN_MAPPINGS,
	      "each device holds a full table");

#define PEER_REQUEST_BYTES 64
#define PEER_ANSWER_BYTES  192
#define PEER_HEARTBEAT_NS  (250 * 1000 * 1000ULL)

/* The commands that a slot is reserved for. */
enum peer_slot_class {
	PEER_SLOT_ANY,
	PEER_SLOT_INVALIDATE,
	PEER_SLOT_BEAT,
	PEER_SLOT_CLASSES,
};

/**
 * enum peer_slot_state - where a slot is
 * @PEER_SLOT_FREE: in the list of its class
 * @PEER_SLOT_HELD: its holder fills or reads it
 * @PEER_SLOT_FLIGHT: the device has it, its holder waits
 * @PEER_SLOT_ABANDONED: the device has it, no thread waits
 */
enum peer_slot_state {
	PEER_SLOT_FREE,
	PEER_SLOT_HELD,
	PEER_SLOT_FLIGHT,
	PEER_SLOT_ABANDONED,
};

/**
 * struct peer_slot - one control command
 * @link: in the free list (p)
 * @class: (c)
 * @state: (p)
 * @sent: clock_ns() just before the device got it (p)
 * @answered: clock_ns() when its answer was seen (p)
 * @error: 0, -EIO (dead), -EPROTO (answer too short); set when done (p)
 * @written: bytes of the answer (p)
 * @done: completes with the answer, or at the device's death
 * @request: what the device reads (o)
 * @answer: what the device writes (w)
 */
struct peer_slot {
	struct list_head link;
	enum peer_slot_class class;
	enum peer_slot_state state;
	u64 sent;
	u64 answered;
	int error;
	u32 written;
	struct completion done;
	void *request;
	void *answer;
};

/**
 * struct peer_work_slot - one piece of work on its way
 * @link: in the free list (p)
 * @work: the caller's, NULL when abandoned (p)
 * @ctx: its context, NULL for the boot probe (p)
 * @limit: elements or bytes asked for (o)
 * @results: old values asked for (o)
 * @request: what the device reads (o)
 * @answer: what the device writes (w)
 * @values: a page of old values (w)
 * @flight: the device has it (p)
 */
struct peer_work_slot {
	struct list_head link;
	struct peer_work *work;
	struct peer_context *ctx;
	u64 limit;
	u64 results;
	struct peer_wire_work *request;
	struct peer_wire_work_done *answer;
	u64 *values;
	bool flight;
};

/**
 * struct peer_request - one page request
 * @link: in a context's list, or in peer->refused (p)
 * @wire: what the device writes (w)
 * @copy: the copy that is checked (o)
 */
struct peer_request {
	struct list_head link;
	struct peer_wire_page_request *wire;
	struct peer_wire_page_request copy;
};

/**
 * struct peer_table - translations, sorted by address (x)
 * @entries: room for @size
 * @size: (c)
 * @count: entries in use
 * @victim: counts evictions; modulo @count the next entry to evict
 */
struct peer_table {
	struct peer_translation *entries;
	unsigned int size;
	unsigned int count;
	unsigned int victim;
};

/**
 * struct peer_context - a device in an address space
 * @peer: (c)
 * @mm: (c); its struct is held by @sub
 * @id: (c)
 * @sub: covers the whole address space
 * @lock: see the head of this file
 * @table: (x)
 * @stats: (x), but @works and @works_failed (p). Its callbacks_ignored and
 *	callbacks_refused are filled from the next two when it is read
 * @callbacks_ignored: atomic, so that no lock is needed
 * @callbacks_refused: callbacks that returned false, as they may not sleep; atomic too
 * @policy: what an ATOMIC request is given: the page exclusively, or, to show what is
 *	lost then, a plain translation (1)
 * @hooks: functions of a test, called at points of a look-up; NULL in normal use (1),
 *	store-release and load-acquire
 * @requests: page requests that wait for @thread (p)
 * @wait: where @thread sleeps
 * @thread: serves the page requests (c)
 * @works_in_flight: work that the device has (p)
 * @idle: where destroy waits for @works_in_flight to become 0
 */
struct peer_context {
	struct peer *peer;
	struct mm_struct *mm;
	u32 id;
	struct mmu_interval_notifier sub;
	struct mutex lock;
	struct peer_table table;
	struct peer_context_stats stats;
	struct atomic64 callbacks_ignored;
	struct atomic64 callbacks_refused;
	enum peer_atomic_policy policy;
	const struct peer_hooks *hooks;
	struct list_head requests;
	struct wait_queue_head wait;
	struct task *thread;
	unsigned int works_in_flight;
	struct wait_queue_head idle;
};

/**
 * struct peer_counters - of a device since boot, for the monitor (p)
 * @commands: control commands that came back
 * @works: work that came back
 * @requests: page requests that came in
 * @bad_requests: of these, invalid
 * @bad_answers: answers too short, or with impossible contents
 * @beats: heartbeats answered
 */
struct peer_counters {
	u64 commands;
	u64 works;
	u64 requests;
	u64 bad_requests;
	u64 bad_answers;
	u64 beats;
};

/**
 * struct peer - one device
 * @index: (c)
 * @pci: (c)
 * @vdev: (c)
 * @control: (c), NULL if it could not be restarted; so are the next two
 * @pages: (c)
 * @work: (c)
 * @lock: see the head of this file
 * @dead: NULL, or the reason (p), read without it (1); peer_restart() clears it
 * @on_death: ends all that is in flight; called once for each death (c)
 * @hello: its answer to HELLO (c)
 * @slots: (p)
 * @free_slots: by class (p)
 * @slot_wait: where takers wait for a slot
 * @work_slots: (p)
 * @free_work_slots: (p)
 * @work_slot_wait: where submitters wait for a work slot
 * @request_pool: (p)
 * @refused: invalid page requests: @beat_thread denies those with a tag (p)
 * @contexts: by id (p)
 * @memory: one block for everything the device reads and writes (c)
 * @values: pages for the old values of work (c)
 * @counters: (p)
 * @beat_thread: each PEER_HEARTBEAT_NS asks the device for a sign of life; serves
 *	@refused (c)
 * @beat_wait: where it sleeps
 */
struct peer {
	unsigned int index;
	struct pci_device *pci;
	struct virtio_device vdev;
	struct virtio_queue *control;
	struct virtio_queue *pages;
	struct virtio_queue *work;
	struct spinlock lock;
	const char *dead;
	void (*on_death)(struct peer *peer);
	struct peer_wire_hello_answer hello;
	struct peer_slot slots[PEER_SLOTS_ALL];
	struct list_head free_slots[PEER_SLOT_CLASSES];
	struct wait_queue_head slot_wait;
	struct peer_work_slot work_slots[PEER_WORK_SLOTS];
	struct list_head free_work_slots;
	struct wait_queue_head work_slot_wait;
	struct peer_request request_pool[PEER_REQUESTS];
	struct list_head refused;
	struct peer_context *contexts[PEER_CONTEXTS + 1];
	void *memory;
	void *values;
	struct peer_counters counters;
	struct task *beat_thread;
	struct wait_queue_head beat_wait;
};

/* ---- table.c ------------------------------------------------------------- */

int peer_table_create(struct peer_table *table, unsigned int size);
void peer_table_destroy(struct peer_table *table);
const struct peer_translation *peer_table_find(const struct peer_table *table,
					       vaddr_t va);
bool peer_table_overlaps(const struct peer_table *table, vaddr_t start,
			 vaddr_t end);

/* Add or replace; for a new address the caller has made room: peer_table_victim(). */
void peer_table_set(struct peer_table *table,
		    const struct peer_translation *entry);

/* Remove [start, end), calling @gone for each. Return: the number removed. */
unsigned int
peer_table_remove(struct peer_table *table, vaddr_t start, vaddr_t end,
		  void (*gone)(const struct peer_translation *entry, void *arg),
		  void *arg);

/* Return: true, with an address to evict in @va, if the table is full. */
bool peer_table_victim(struct peer_table *table, vaddr_t *va);
bool peer_table_verify(const struct peer_table *table);

/* ---- wire.c -------------------------------------------------------------- */

/* Errno for a status; -EPROTO for one that does not exist. */
int peer_status_errno(u32 status);

/* Could a device that is in @session send it? */
bool peer_page_request_valid(const struct peer_wire_page_request *request,
			     u64 session);

/* Can it be the answer to work of @limit elements or bytes? */
bool peer_work_done_valid(const struct peer_wire_work_done *answer, u64 limit);

/* ---- life.c -------------------------------------------------------------- */

/*
 * Declare the device dead: ends what is in flight, wakes all that wait. Does
 * nothing if it is dead already. Any context.
 */
void peer_die(struct peer *peer, const char *why);
void peer_die_locked(struct peer *peer, const char *why) __must_hold(&peer->lock);

/* ---- control.c ----------------------------------------------------------- */

void peer_control_init(struct peer *peer);
void peer_control_interrupt(void *arg);
void peer_control_die_locked(struct peer *peer) __must_hold(&peer->lock);

/* Are all slots free? Once the device is dead they will be. */
bool peer_control_idle(struct peer *peer);

/* Declare the device dead if a grant was not answered within PEER_DEATH_NS. */
void peer_control_check(struct peer *peer);

/*
 * Take a slot; may sleep. If none comes free within PEER_DEATH_NS the device is
 * declared dead. Return: NULL if the device is dead.
 */
struct peer_slot *peer_slot_get(struct peer *peer, enum peer_slot_class class);
void peer_slot_put(struct peer *peer, struct peer_slot *slot);

/* Send a filled slot: 0 or -EIO. Any context. */
int peer_slot_send(struct peer *peer, struct peer_slot *slot, u32 length,
		   u32 answer_length);

/* Wait for its answer: 0, -EIO, -EPROTO; -ETIMEDOUT: it is abandoned. */
int peer_slot_wait(struct peer *peer, struct peer_slot *slot, u64 timeout_ns);

/* The status in an answered slot; PEER_S_COUNT for one that does not exist. */
u32 peer_slot_status(const struct peer_slot *slot);

/*
 * Send a command and wait for its answer; a device that does not answer is
 * declared dead. Return: 0, or an errno made from the status.
 */
int peer_command(struct peer *peer, const void *request, u32 length,
		 void *answer, u32 answer_length);

/* Send @entry for a request, or a denial for NULL, by @slot: 0 or -EIO. */
int peer_response_send(struct peer *peer, struct peer_slot *slot, u32 ctx,
		       u64 tag, const struct peer_translation *entry);

/* ---- work.c -------------------------------------------------------------- */

void peer_work_init(struct peer *peer);

/* Is each work slot free, or with the device? */
bool peer_work_idle(struct peer *peer);
void peer_work_interrupt(void *arg);
void peer_work_die_locked(struct peer *peer) __must_hold(&peer->lock);

/* As peer_work_submit(); waits for a slot @left_ns at most, and updates it. */
int peer_work_send(struct peer *peer, struct peer_context *ctx, u32 ctx_id,
		   struct peer_work *work, u64 *left_ns);

/* End the work of a context that the device still has with -ECANCELED. */
void peer_work_cancel(struct peer_context *ctx);

/* ---- invalidate.c -------------------------------------------------------- */

extern const struct mmu_interval_notifier_ops peer_context_ops;

/*
 * Forget [start, end) and make the device let go of it; on return it has. Return:
 * the number of translations; in @exclusive that of exclusive ones.
 */
unsigned int peer_context_drop(struct peer_context *ctx, vaddr_t start,
			       vaddr_t end, unsigned int *exclusive)
	__must_hold(&ctx->lock);

/* The device forgets @ctx, which it knows, or is declared dead; forget all. */
void peer_context_empty(struct peer_context *ctx) __must_hold(&ctx->lock);

/*
 * The device forgets context @id, which it may not know, or is declared dead. No
 * access through a context of that number is in flight on return (D5.31).
 */
void peer_context_forget(struct peer *peer, u32 id);

/* Add one to a counter of ctx->stats. */
void peer_context_count(struct peer_context *ctx, u64 *counter);

/* ---- grant.c ------------------------------------------------------------- */

/*
 * Answer @request with a translation, by @slot; the caller holds mm_users.
 * Return: true if the slot is put or abandoned: the request is answered, or the
 * device died during the wait. False if the access is not possible or nothing was
 * sent: the caller puts the slot and denies the tag.
 */
bool peer_grant(struct peer_context *ctx, struct peer_slot *slot,
		const struct peer_request *request);

/* ---- request.c ----------------------------------------------------------- */

void peer_request_init(struct peer *peer);
void peer_request_post_all(struct peer *peer);
void peer_request_interrupt(void *arg);

/* Deny one invalid request, if there is one. */
void peer_request_deny_refused(struct peer *peer);
int peer_request_thread(void *arg);

/* Give the device the buffers of a context's unserved requests back. */
void peer_request_flush(struct peer_context *ctx);

/* ---- match.c ------------------------------------------------------------- */

/**
 * struct peer_front - what a front end shows before HELLO
 * @virtio_id: of the device
 * @queues: from the common configuration
 * @has_tag: its configuration space is long enough for one
 * @tag: valid if @has_tag; not terminated
 */
struct peer_front {
	u16 virtio_id;
	unsigned int queues;
	bool has_tag;
	char tag[sizeof(((struct peer_wire_config *)0)->tag)];
};

/* Return: why the driver cannot drive it; NULL: say HELLO (G1.1). */
const char *peer_front_refusal(const struct peer_front *front);

/* Return: why its answer to HELLO is refused, or NULL (G5.21). */
const char *peer_hello_refusal(const struct peer_wire_hello_answer *hello);

/* ---- device.c ------------------------------------------------------------ */

/* A device with all its memory and without queues; NULL: no memory. Tests make some, too. */
struct peer *peer_create(struct pci_device *pci);

/* For one that was never started, or whose queues are gone. */
void peer_free(struct peer *peer);

/* ---- probe_lock.c -------------------------------------------------------- */

/* Is a guest `lock` atomic against the device? 0 and @atomic, or an errno. */
int peer_probe_lock(struct peer *peer, bool *atomic);

#endif
