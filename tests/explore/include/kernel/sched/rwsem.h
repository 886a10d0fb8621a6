/* SPDX-License-Identifier: MIT */
/*
 * kernel/sched/rwsem.h under the explorer: many readers or one writer
 *
 * A writer that waits keeps later readers out, as in the kernel.
 */
#ifndef KERNEL_SCHED_RWSEM_H
#define KERNEL_SCHED_RWSEM_H

#include <kernel/sched/sched.h>

struct rw_semaphore {
	unsigned int readers;
	unsigned int writer;  /* one holds it */
	unsigned int waiting; /* writers */
};

#define init_rwsem(sem) ((void)(*(sem) = (struct rw_semaphore){0}))

void down_read(struct rw_semaphore *sem);
void up_read(struct rw_semaphore *sem);
void down_write(struct rw_semaphore *sem);
void up_write(struct rw_semaphore *sem);
void downgrade_write(struct rw_semaphore *sem);
bool down_read_trylock(struct rw_semaphore *sem);
bool down_write_trylock(struct rw_semaphore *sem);

static inline bool rwsem_is_write_locked(const struct rw_semaphore *sem)
{
	return sem->writer;
}

static inline void down_write_nested(struct rw_semaphore *sem,
				     unsigned int subclass)
{
	down_write(sem);
}

static inline int down_read_killable(struct rw_semaphore *sem)
{
	down_read(sem);
	return 0;
}

static inline int down_write_killable(struct rw_semaphore *sem)
{
	down_write(sem);
	return 0;
}

#endif
