/* SPDX-License-Identifier: MIT */
/*
 * seqlock.h - read without a lock, notice a writer, read again
 *
 * The count is odd while a writer is at work.  A reader takes it even before,
 * and compares after: same number, no writer in between.  Values read before
 * the comparison may be torn, so a reader must not follow them.
 *
 *	writer				reader
 *	seq++ (odd); wmb		s = seq (even); rmb
 *	change the data			read the data
 *	wmb; seq++ (even)		rmb; seq == s ?
 *
 * Writers exclude each other by a lock of their own (seqlock has it inside)
 * and run with preemption off: a reader that preempted one would spin.
 */
#ifndef KERNEL_LOCK_SEQLOCK_H
#define KERNEL_LOCK_SEQLOCK_H

#include <kernel/lock/spinlock.h>

struct seqcount {
	unsigned int seq;
	LOCKDEP_MAP_MEMBER
};

#define SEQCOUNT_INIT(name)                                      \
	{                                                        \
		.seq = 0, LOCKDEP_DEP_INIT(#name, LOCK_KIND_SEQ) \
	}
#define seqcount_init(s)                                              \
	do {                                                          \
		struct seqcount *init_seq_ = (s);                     \
		init_seq_->seq = 0;                                   \
		lockdep_init_map(&init_seq_->dep, #s, LOCK_KIND_SEQ); \
	} while (0)

static __always_inline unsigned int read_seqcount_begin(const struct seqcount *s)
{
	unsigned int seq;

	/* Reading inside one's own write section would never end. */
	lock_acquire((struct lockdep_map *)&s->dep, 0, LOCK_READ);
	lock_release((struct lockdep_map *)&s->dep);
	while (unlikely((seq = READ_ONCE(s->seq)) & 1))
		cpu_relax();
	smp_rmb();
	return seq;
}

/** read_seqcount_retry() - true when what was read since must be thrown away */
static __always_inline bool read_seqcount_retry(const struct seqcount *s,
						unsigned int seq)
{
	smp_rmb();
	return unlikely(READ_ONCE(s->seq) != seq);
}

/* The caller holds the writers' lock. */
static __always_inline void write_seqcount_begin(struct seqcount *s)
{
	preempt_disable();
	lock_acquire(&s->dep, 0, LOCK_PLAIN);
	WRITE_ONCE(s->seq, s->seq + 1);
	smp_wmb();
}

static __always_inline void write_seqcount_end(struct seqcount *s)
{
	smp_wmb();
	WRITE_ONCE(s->seq, s->seq + 1);
	lock_release(&s->dep);
	preempt_enable();
}

struct seqlock {
	struct seqcount count;
	struct spinlock lock;
};

#define SEQLOCK_INIT(name)                          \
	{                                           \
		.count = SEQCOUNT_INIT(name.count), \
		.lock = SPINLOCK_INIT(name.lock)    \
	}
#define DEFINE_SEQLOCK(name) struct seqlock name = SEQLOCK_INIT(name)
#define seqlock_init(sl)                     \
	do {                                 \
		seqcount_init(&(sl)->count); \
		spin_lock_init(&(sl)->lock); \
	} while (0)

static __always_inline void write_seqlock(struct seqlock *sl)
{
	spin_lock(&sl->lock);
	write_seqcount_begin(&sl->count);
}

static __always_inline void write_sequnlock(struct seqlock *sl)
{
	write_seqcount_end(&sl->count);
	spin_unlock(&sl->lock);
}

static __always_inline unsigned int read_seqbegin(const struct seqlock *sl)
{
	return read_seqcount_begin(&sl->count);
}

static __always_inline bool read_seqretry(const struct seqlock *sl,
					  unsigned int seq)
{
	return read_seqcount_retry(&sl->count, seq);
}

#endif
