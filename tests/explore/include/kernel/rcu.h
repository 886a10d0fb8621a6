/* SPDX-License-Identifier: MIT */
/*
 * kernel/rcu.h under the explorer: no scenario has a reader that outlives what it
 * reads, so a grace period is over at once
 */
#ifndef KERNEL_RCU_H
#define KERNEL_RCU_H

struct rcu_head {
	struct rcu_head *next;
	void (*fn)(struct rcu_head *head);
};

static inline void rcu_read_lock(void)
{
}

static inline void rcu_read_unlock(void)
{
}

static inline void call_rcu(struct rcu_head *head,
			    void (*fn)(struct rcu_head *head))
{
	fn(head);
}

#endif
