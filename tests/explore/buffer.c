// SPDX-License-Identifier: MIT
/*
 * tests/explore/buffer.c - stores that other processors see late
 *
 * Problem.  A processor of x86 puts a store into a buffer and goes on: its next loads
 * are done before other processors see the store. smp_mb(), an atomic operation and
 * taking a lock wait until the buffer is empty. A barrier that is missing is seen in
 * no order of steps unless stores can be late.
 *
 * Idea.  The policy may delay a marked store (WRITE_ONCE(), smp_store_release()). The
 * new value is put into memory all the same, because the thread's own plain loads must
 * find it there. The buffer keeps the old value, and gives it to marked loads of other
 * threads. Behind a delayed store all later ones of the thread are delayed too, because
 * the buffer keeps their order.
 *
 *	thread 0			thread 1
 *	x = 1, delayed: the buffer
 *	keeps x = 0
 *	loads y: 0
 *					y = 1
 *					loads x: 0, from the buffer
 *	barrier: the buffer is empty
 *
 * The buffer is emptied as late as the processor may: at the thread's next barrier,
 * atomic operation or lock, when it sleeps or ends, and when another thread takes a
 * lock that it released behind the store. It is emptied early where another thread
 * changes the word. So not every order of x86 is tried.
 *
 * A plain store is not delayed, and a plain load of another thread finds a new value at
 * once. In the sources plain accesses of shared words are under a lock, so the buffer is
 * empty by then. A scenario that signals by a plain word has a barrier before it.
 */
#include <string.h>

#include "internal.h"

#define BUFFER_SIZE 32

struct late_store {
	const volatile void *addr;
	size_t size;
	unsigned long old;
};

static struct {
	unsigned int nr;
	struct late_store store[BUFFER_SIZE];
} buffers[MAX_THREADS];

void buffer_drain(int thread)
{
	if (thread >= 0)
		buffers[thread].nr = 0;
}

static bool overlap(const struct late_store *store, const volatile void *addr,
		    size_t size)
{
	const volatile char *a = store->addr, *b = addr;

	return a < b + size && b < a + store->size;
}

/* The oldest store of another thread to the word: what was there before it is seen. */
static struct late_store *find_late(int thread, const volatile void *addr,
				    size_t size, int *owner)
{
	unsigned int i;
	int other;

	for (other = 0; other < MAX_THREADS; other++) {
		for (i = 0; other != thread && i < buffers[other].nr; i++) {
			*owner = other;
			if (overlap(&buffers[other].store[i], addr, size))
				return &buffers[other].store[i];
		}
	}
	return NULL;
}

void buffer_drain_others(int thread, const volatile void *addr, size_t size)
{
	int owner;

	while (find_late(thread, addr, size, &owner))
		buffer_drain(owner);
}

bool buffer_store(int thread, const volatile void *addr, size_t size,
		  bool may_delay)
{
	struct late_store *late;

	buffer_drain_others(thread, addr, size);
	if (!buffers[thread].nr && (!may_delay || !policy->delay()))
		return false;
	if (buffers[thread].nr == BUFFER_SIZE) {
		buffer_drain(thread);
		return false;
	}
	late = &buffers[thread].store[buffers[thread].nr++];
	*late = (struct late_store){.addr = addr, .size = size};
	memcpy(&late->old, (const void *)addr, size);
	return true;
}

const volatile void *buffer_load(int thread, const volatile void *addr,
				 size_t size)
{
	struct late_store *late;
	int owner;

	if (thread < 0)
		return addr;
	late = find_late(thread, addr, size, &owner);
	if (!late)
		return addr;
	if (late->addr != addr || late->size != size) {
		buffer_drain(owner);
		return addr;
	}
	trace_mark_late();
	return &late->old;
}
