/* SPDX-License-Identifier: MIT */
/*
 * peer/gate.h - keep all device threads out while the socket thread changes things
 */
#ifndef PEER_GATE_H
#define PEER_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define GATE_MEMBERS_MAX 20

struct gate_member {
	_Alignas(64) atomic_bool inside;
};

/*
 * (L) under lock; (A) atomic, written under lock
 */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	atomic_bool shut; /* (A) closed || hung || stopping */
	bool closed;      /* (L) by the socket thread */
	bool hung;        /* (L) on purpose, by a test option */
	bool stopping;    /* (L) the process ends */
	struct gate_member member[GATE_MEMBERS_MAX];
};

/** gate_init() - a closed gate */
void gate_init(struct gate *gate);
void gate_destroy(struct gate *gate);

/**
 * gate_enter() - begin a section in which rings, memory and contexts stay
 * @member: the caller's own number, below GATE_MEMBERS_MAX
 *
 * Context: waits while the gate is closed. The section up to gate_leave()
 *          is bounded: no waiting for the guest.
 * Return: false if the process stops and the thread should end.
 */
bool gate_enter(struct gate *gate, unsigned int member);
void gate_leave(struct gate *gate, unsigned int member);

/** gate_wanted() - should the member inside leave soon? */
static inline bool gate_wanted(struct gate *gate)
{
	return atomic_load_explicit(&gate->shut, memory_order_relaxed);
}

/** gate_close() - keep members out and wait until none is inside */
void gate_close(struct gate *gate);
void gate_open(struct gate *gate);

/**
 * gate_hang() - keep members out until gate_unhang(), even if the gate is opened
 *
 * Context: a member inside; does not wait.
 */
void gate_hang(struct gate *gate);
void gate_unhang(struct gate *gate);

/** gate_stop() - gate_enter() returns false from now on */
void gate_stop(struct gate *gate);

#endif /* PEER_GATE_H */
