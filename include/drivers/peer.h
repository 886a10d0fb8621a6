/* SPDX-License-Identifier: MIT */
/*
 * drivers/peer.h - share an address space with the device that has no atomics
 *
 * A context ties one mm to one peer: the device then works on that mm's
 * addresses, asks for the pages it lacks, and lets go of those that the CPU
 * side wants to change. Work is submitted to a context and done by the device
 * at the same time as the CPUs run.
 *
 * A device that dies, hangs or lies costs its own work and nothing else: every
 * waiter returns with -EIO, its translations count as gone, its contexts serve
 * nothing until they are destroyed, and the kernel goes on.
 */
#ifndef DRIVERS_PEER_H
#define DRIVERS_PEER_H

#include <kernel/sched/completion.h>
#include <lib/errno.h>
#include <lib/types.h>
#include <uapi/peer_wire.h>

struct mm_struct;
struct page_letter;
struct peer;
struct peer_work_slot;
struct peer_context;

/* Peers that are driven at the same time. */
#define PEER_MAX 4

/* A peer that leaves a command unanswered for this long is declared dead. */
#define PEER_DEATH_NS (3 * 1000 * 1000 * 1000ULL)

/* A grant keeps its page locked for this long at most, waiting for the replay. */
#define PEER_REPLAY_NS (500 * 1000 * 1000ULL)

/**
 * enum peer_atomic_policy - the answer to an ATOMIC page request
 * @PEER_ATOMIC_EXCLUSIVE: make_device_exclusive_range(): no CPU has the page
 * @PEER_ATOMIC_PLAIN: an ordinary writable translation that allows ATOMIC; wrong
 *		       on purpose, to show the updates that are lost
 */
enum peer_atomic_policy {
	PEER_ATOMIC_EXCLUSIVE,
	PEER_ATOMIC_PLAIN,
};

/**
 * struct peer_context_stats - counts since the context was created
 * @requests_read: READ page requests
 * @requests_write: WRITE page requests
 * @requests_atomic: ATOMIC page requests
 * @mapped: translations given to the device
 * @grants: exclusive access given: with a new translation, or once more for one
 *	    that the device had
 * @replays: grants that ended with the access done
 * @revoked: responses whose page was revoked before the access was done
 * @replay_timeouts: ATOMIC requests whose replay was not reported in time; if it
 *		     was a grant, its page was unlocked then
 * @callbacks: invalidate callbacks that were carried out
 * @callbacks_ignored: invalidate callbacks for this context's own EXCLUSIVE
 * @callbacks_refused: invalidate callbacks that returned false, since they might
 *		       not sleep
 * @translations_dropped: translations that callbacks dropped
 * @exclusive_dropped: of these, exclusive ones: a CPU restored the page, another
 *		       context took it, or the mapping went
 * @invalidations: INVALIDATE commands sent
 * @evicted: translations dropped because the table was full
 * @retries_collision: rounds that read_retry() ended
 * @retries_changed: rounds whose page another thread changed under the look-up
 * @out_of_rounds: requests denied because no round was left, or the thread was
 *		   killed
 * @denied: requests denied, for these and all other reasons
 * @works: work that has ended
 * @works_failed: of this, with an error
 */
struct peer_context_stats {
	u64 requests_read;
	u64 requests_write;
	u64 requests_atomic;
	u64 mapped;
	u64 grants;
	u64 replays;
	u64 revoked;
	u64 replay_timeouts;
	u64 callbacks;
	u64 callbacks_ignored;
	u64 callbacks_refused;
	u64 translations_dropped;
	u64 exclusive_dropped;
	u64 invalidations;
	u64 evicted;
	u64 retries_collision;
	u64 retries_changed;
	u64 out_of_rounds;
	u64 denied;
	u64 works;
	u64 works_failed;
};

/**
 * struct peer_translation - a translation that the driver gave the device
 * @va: user page address
 * @pa: physical page address
 * @prot: PEER_MAP_* of the wire format
 * @exclusive: it was given by make_device_exclusive_range()
 */
struct peer_translation {
	vaddr_t va;
	paddr_t pa;
	u32 prot;
	bool exclusive;
};

/* The highest number that a context has; the lowest is 1. */
#define PEER_CONTEXTS 32u
/* Translations that the driver keeps of a context at most. */
#define PEER_TABLE_SIZE 2048u

/**
 * struct peer_work - one piece of work for the device; filled by the caller
 * @op: enum peer_op
 * @width: bytes of one element: 1, 2, 4 or 8; 0 for COPY and FILL
 * @va: first element
 * @count: elements of the vector; bytes of a COPY or FILL
 * @stride: bytes from one element to the next, 0 for the same one each time
 * @repeat: the whole vector is done so often, at least 1; 1 for COPY and FILL
 * @operand: second operand; source address of a COPY
 * @compare: expected value of a CAS
 * @results: NULL, or room for the old value of each access (@count * @repeat
 *	     of them, at most PEER_MAX_RESULTS), filled up to @done
 * @done: out: elements, or bytes of COPY and FILL, that were done
 * @value: out: old value of the last element
 * @fault_va: out: the address that was denied, for -EFAULT
 * @page_requests: out: pages the device had to ask for
 * @status: out: 0; -EFAULT (a page request was denied), -EINVAL (the device
 *	    refuses the work), -ECANCELED (context destroyed), -EPROTO (the
 *	    answer is invalid), -EIO (the device is dead)
 * @completion: completes when the outputs are there
 * @slot: the driver's
 *
 * The memory stays valid from peer_work_submit() until peer_work_wait() has
 * returned a status or peer_work_abandon() has returned.
 */
struct peer_work {
	u32 op;
	u32 width;
	u64 va;
	u64 count;
	u64 stride;
	u64 repeat;
	u64 operand;
	u64 compare;
	u64 *results;

	u64 done;
	u64 value;
	u64 fault_va;
	u64 page_requests;
	int status;
	struct completion completion;
	struct peer_work_slot *slot;
};

#ifdef CONFIG_PEER

/**
 * peer_count() - how many peers were found at boot
 *
 * Context: any, after INIT_DRIVER.
 * Return: their number, dead ones included.
 */
unsigned int peer_count(void);

/**
 * peer_get() - a peer by number
 * @index: below peer_count()
 *
 * Peers are never freed, so there is no put. Context: any.
 * Return: the peer, or NULL.
 */
struct peer *peer_get(unsigned int index);

/**
 * peer_present() - is there a first peer, and is it alive?
 *
 * Context: any.
 */
bool peer_present(void);

/**
 * peer_describe() - a few lines about a device, for the monitor
 * @peer: the device
 * @buf: destination
 * @len: its size
 *
 * Context: may sleep.
 * Return: characters written.
 */
int peer_describe(struct peer *peer, char *buf, size_t len);

/**
 * peer_translations_of() - copy the translations of a context, whoever has it
 * @peer: the device
 * @id: the number of the context
 * @mm: whose it should be
 * @table: room for PEER_TABLE_SIZE entries; filled in order of addresses
 *
 * For a map. The context may be destroyed meanwhile.
 *
 * Context: may sleep.
 * Return: their number; -ENOENT: @mm has no context of that number; -EBUSY: its lock
 *	   was held for long.
 */
int peer_translations_of(struct peer *peer, u32 id, const struct mm_struct *mm,
			 struct peer_translation *table);

/** peer_letter() - for a map; @entry may be NULL: no translation. Context: any */
char peer_letter(const struct peer_translation *entry);

/** peer_letters() - the table of these letters; NULL without the driver. Context: any */
const struct page_letter *peer_letters(void);

#else /* no driver in this kernel, so no peer */

static inline unsigned int peer_count(void)
{
	return 0;
}

static inline struct peer *peer_get(unsigned int index)
{
	return NULL;
}

static inline bool peer_present(void)
{
	return false;
}

static inline int peer_describe(struct peer *peer, char *buf, size_t len)
{
	return 0;
}

static inline int peer_translations_of(struct peer *peer, u32 id,
				       const struct mm_struct *mm,
				       struct peer_translation *table)
{
	return -ENOENT;
}

static inline char peer_letter(const struct peer_translation *entry)
{
	return '.';
}

static inline const struct page_letter *peer_letters(void)
{
	return NULL;
}

#endif

/**
 * peer_alive() - has the device not been declared dead?
 * @peer: the device
 *
 * Context: any.
 */
bool peer_alive(const struct peer *peer);

/**
 * peer_restart() - reset a device and start it again
 * @peer: the device, dead or alive, whose process is there and answers
 *
 * Not for a device whose process hangs: the reset would stop the whole machine
 * until it answers.
 *
 * Context: may sleep; no other call on @peer runs.
 * Return: 0; -EBUSY (it has contexts, and nothing was done; or a caller keeps a
 *	   slot, and it is dead); else another errno, and it is dead.
 */
int peer_restart(struct peer *peer);

/**
 * peer_context_create() - let a device into an address space
 * @peer: the device
 * @mm: the address space; the caller holds mm_users
 * @out: the context
 *
 * One interval subscription covers the whole address space, since the device
 * may touch any of it. The context holds mm_count but not mm_users: the mm can
 * exit, and then the context serves no page any more.
 *
 * Context: may sleep; mmap_lock not held.
 * Return: 0, -EIO (dead), -ENOSPC (the device has no more contexts), -ENOMEM,
 *	   -EINTR; @out is untouched on error.
 */
int peer_context_create(struct peer *peer, struct mm_struct *mm,
			struct peer_context **out);

/**
 * peer_context_destroy() - the device lets go of everything; frees the context
 * @ctx: the context; no other call on it runs, or follows
 *
 * Unfinished work ends with -ECANCELED.
 * Context: may sleep; mmap_lock not held.
 */
void peer_context_destroy(struct peer_context *ctx);

/**
 * peer_context_policy() - choose the answer to ATOMIC requests
 * @ctx: the context
 * @policy: PEER_ATOMIC_EXCLUSIVE unless changed
 *
 * Context: any. Holds for requests that are served after it.
 */
void peer_context_policy(struct peer_context *ctx,
			 enum peer_atomic_policy policy);

/**
 * peer_set_option() - set an option of the device
 * @peer: the device
 * @ctx: the context it concerns, or NULL for the device as a whole
 * @option: enum peer_option of the wire format
 * @value: its value
 *
 * Context: may sleep.
 * Return: 0, -EINVAL (refused by the device), -EPERM (a test option on a
 *	   device that takes none), -EIO (dead).
 */
int peer_set_option(struct peer *peer, struct peer_context *ctx, u32 option,
		    u64 value);

/**
 * peer_context_stats() - read the counts
 * @ctx: the context
 * @stats: filled
 *
 * Context: may sleep.
 */
void peer_context_stats(struct peer_context *ctx,
			struct peer_context_stats *stats);

/**
 * peer_context_translations() - copy the translations that the device was given
 * @ctx: the context
 * @table: room for @max entries
 * @max: entries
 *
 * Context: may sleep.
 * Return: their number, which may be more than @max.
 */
unsigned int peer_context_translations(struct peer_context *ctx,
				       struct peer_translation *table,
				       unsigned int max);

/**
 * peer_query() - ask the device itself for its translation of an address
 * @ctx: the context
 * @va: user address
 * @out: filled; @out->exclusive is the driver's knowledge
 *
 * For checks against the driver's own table. Context: may sleep.
 * Return: 0, -ENOENT (no translation), -EIO (dead).
 */
int peer_query(struct peer_context *ctx, vaddr_t va,
	       struct peer_translation *out);

/**
 * peer_ping() - send an empty command and wait for its answer
 * @peer: the device
 *
 * Context: may sleep.
 * Return: 0, -EIO (dead).
 */
int peer_ping(struct peer *peer);

/**
 * peer_work_submit() - hand work to the device
 * @ctx: the context it works in
 * @work: filled by the caller
 *
 * Context: sleeps while no work slot is free, but no longer than PEER_DEATH_NS;
 *	    no lock that a callback takes is held.
 * Return: 0, -EINVAL (@work is invalid), -EBUSY (no slot came free), -EIO
 *	   (dead); after an error the device has nothing of @work, and
 *	   peer_work_wait() returns that error at once.
 */
int peer_work_submit(struct peer_context *ctx, struct peer_work *work);

/**
 * peer_work_wait() - wait until work is done
 * @work: submitted
 * @timeout_ns: how long
 *
 * Context: may sleep.
 * Return: its status, or -ETIMEDOUT: then it still belongs to the device.
 */
int peer_work_wait(struct peer_work *work, u64 timeout_ns);

/**
 * peer_work_abandon() - stop waiting for work that is not done
 * @ctx: the context it was submitted to
 * @work: submitted; may be freed when this has returned
 *
 * The device may still carry it out.
 * Context: any.
 */
void peer_work_abandon(struct peer_context *ctx, struct peer_work *work);

/**
 * peer_work_run() - submit and wait
 * @ctx: the context
 * @work: filled by the caller
 * @timeout_ns: how long, submitting included; then the work is abandoned
 *
 * Context: may sleep.
 * Return: as peer_work_submit() and peer_work_wait().
 */
int peer_work_run(struct peer_context *ctx, struct peer_work *work,
		  u64 timeout_ns);

/**
 * struct peer_hooks - calls at certain points, for tests; NULL in normal use
 * @after_look_up: the page has just been found, inside the read section;
 *		   mmap_lock is held
 * @before_install: the page has been looked up, the driver lock not yet taken
 * @before_unlock: the replay is reported, the page is still locked
 *
 * Called from the context's thread, which may sleep in them.
 */
struct peer_hooks {
	void (*after_look_up)(struct peer_context *ctx, vaddr_t va, void *arg);
	void (*before_install)(struct peer_context *ctx, vaddr_t va, void *arg);
	void (*before_unlock)(struct peer_context *ctx, vaddr_t va, void *arg);
	void *arg;
};

/**
 * peer_context_hooks() - set the hooks of a context
 * @ctx: the context
 * @hooks: the driver keeps the pointer until the next call; or NULL
 *
 * Context: any.
 */
void peer_context_hooks(struct peer_context *ctx, const struct peer_hooks *hooks);

#endif
