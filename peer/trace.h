/* SPDX-License-Identifier: MIT */
/*
 * peer/trace.h - what each thread of the device does, and when
 *
 *	TRACE_EVENT(dev_park, "work ctx va tag", "%p of ctx %lu at %#lx, tag %lu");
 *	TRACE(dev_park, work, context->id, va, fault->tag);
 *
 * Events as the kernel has them (docs/trace.md). Without --trace a TRACE() costs one
 * test of a word of the thread.
 */
#ifndef PEER_TRACE_H
#define PEER_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include <uapi/trace_ring.h>

/* All that records point to: the reader finds a copy in the file. */
#define TRACE_SECTION(name) __attribute__((section(name), used, aligned(8)))

#define TRACE_EVENT(ev, names, text)                                              \
	static const struct trace_event trace_event_##ev TRACE_SECTION(           \
		"trace_events") = {.name = #ev, .fields = names, .format = text}; \
	_Static_assert(sizeof(#ev) <= TRACE_NAME_LEN &&                           \
			       sizeof(names) <= TRACE_FIELDS_LEN &&               \
			       sizeof(text) <= TRACE_FORMAT_LEN,                  \
		       "a part of the event is too long")

/* The ring of this thread; NULL: nothing is recorded. */
struct trace_ring;
extern _Thread_local struct trace_ring *trace_mine;

void trace_write(const struct trace_event *event,
		 const unsigned long args[TRACE_ARGS]);

#define TRACE_LONG_(a) ((unsigned long)(a))
#define TRACE_PICK_(ev, a0, a1, a2, a3, a4, a5, a6, ...)                       \
	trace_write(&trace_event_##ev,                                         \
		    (const unsigned long[TRACE_ARGS]){                         \
			    TRACE_LONG_(a0), TRACE_LONG_(a1), TRACE_LONG_(a2), \
			    TRACE_LONG_(a3), TRACE_LONG_(a4), TRACE_LONG_(a5), \
			    TRACE_LONG_(a6)})
/** TRACE() - record an event of this thread with up to TRACE_ARGS values */
#define TRACE(...)                                                        \
	do {                                                              \
		if (trace_mine)                                           \
			TRACE_PICK_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0); \
	} while (0)

/**
 * trace_open() - make the file and its rings
 * @path: created, or emptied
 * @rings: how many threads there will be
 *
 * Context: once, before there are threads.
 * Return: 0 or -errno.
 */
int trace_open(const char *path, unsigned int rings);

/* The rings: the socket's thread, then the members of the gate. */
#define TRACE_SOCKET         0u
#define TRACE_MEMBER(member) (1u + (member))

/** trace_thread() - from here on this thread records into ring @number, if there is one */
void trace_thread(unsigned int number);

/** trace_access() - a constant word for enum peer_access */
const char *trace_access(unsigned int access);
/** trace_op() - a constant word for enum peer_op */
const char *trace_op(unsigned int op);

#endif /* PEER_TRACE_H */
