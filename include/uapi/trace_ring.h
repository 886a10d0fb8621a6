/* SPDX-License-Identifier: MIT */
/*
 * include/uapi/trace_ring.h - trace rings as another process reads them
 *
 * The kernel keeps its rings in the guest's RAM, the peer in a file of its own
 * (--trace). A script of the host reads both while they are written
 * (scripts/trace.py, docs/trace.md). This header has every byte that it reads, so it
 * needs nothing but a compiler for C11; the kernel, the peer and their tests include
 * it, and scripts/trace/ring.py states the same layout.
 *
 * "The file" is the guest's RAM or the file of the peer. An address of the image is
 * one of the program that writes; [image, image + image_size) of it lies in the file
 * at image_at. Events, the words of %s and the layout lie in that part.
 *
 * A record is whole if its seq is the same before and after it was read, and is not 0.
 * The record with number n of a ring is in slot n % slots and has seq n + 1, in 32
 * bits. A number that is missing is a record that was lost: it was overwritten before
 * it was read.
 */
#ifndef UAPI_TRACE_RING_H
#define UAPI_TRACE_RING_H

typedef __UINT32_TYPE__ trace_u32;
typedef __UINT64_TYPE__ trace_u64;

/* "CncTrace", read as a little-endian number. */
#define TRACE_MAGIC      0x6563617254636e43ull
#define TRACE_VERSION    1u

#define TRACE_ARGS       7
#define TRACE_NAME_LEN   24
#define TRACE_FIELDS_LEN 72
#define TRACE_FORMAT_LEN 112
#define TRACE_RING_NAME  16

/**
 * struct trace_event - one kind of record; constant, in the image
 * @name: unique in its program
 * @fields: the names of the arguments, in their order, a space between two
 * @format: how people read it: a conversion of printf for each argument
 */
struct trace_event {
	char name[TRACE_NAME_LEN];
	char fields[TRACE_FIELDS_LEN];
	char format[TRACE_FORMAT_LEN];
};

/**
 * struct trace_record - one event
 * @tsc: when, by the clock of the header
 * @event: address of its struct trace_event
 * @seq: 1 + how many records this ring had before; 0 while it is written
 * @pid: the task or thread
 * @cpu: the number of the ring
 */
struct trace_record {
	trace_u64 tsc;
	const struct trace_event *event;
	trace_u32 seq;
	trace_u32 pid;
	trace_u32 cpu;
	trace_u32 reserved;
	unsigned long args[TRACE_ARGS];
};

/**
 * struct trace_header - where everything is
 * @magic: TRACE_MAGIC, stored last
 * @version: TRACE_VERSION
 * @header_size, @record_size, @event_size: of the structs, in bytes
 * @rings: how many; they follow each other in the file
 * @slots: records of each; a power of two
 * @records: where the first ring begins in the file
 * @image, @image_size, @image_at: see the head of this file
 * @events, @events_end: addresses of the table of all events
 * @layout, @layout_end: addresses of a table of struct layout_entry, or 0
 * @ring_names: address of TRACE_RING_NAME bytes for each ring; 0: cpu0, cpu1, ...
 * @clock_base, @clock_mult: nanoseconds = (tsc - base) * mult >> 32
 */
struct trace_header {
	trace_u64 magic;
	trace_u32 version;
	trace_u32 header_size;
	trace_u32 record_size;
	trace_u32 event_size;
	trace_u32 rings;
	trace_u32 slots;
	trace_u64 records;
	trace_u64 image;
	trace_u64 image_size;
	trace_u64 image_at;
	trace_u64 events;
	trace_u64 events_end;
	trace_u64 layout;
	trace_u64 layout_end;
	trace_u64 ring_names;
	trace_u64 clock_base;
	trace_u64 clock_mult;
};

/**
 * struct layout_entry - a fact about the program's memory, for readers without its
 *			 debug information
 * @name: `struct.member`, `sizeof.struct` or the name of a variable
 * @value: an offset, a size or an address
 */
struct layout_entry {
	char name[40];
	trace_u64 value;
};

#define TRACE_AT(type, field, offset)                                      \
	_Static_assert(__builtin_offsetof(struct type, field) == (offset), \
		       #type "." #field " moved")
#define TRACE_SIZE(type, size) \
	_Static_assert(sizeof(struct type) == (size), #type " changed size")

TRACE_AT(trace_event, name, 0);
TRACE_AT(trace_event, fields, 24);
TRACE_AT(trace_event, format, 96);
TRACE_SIZE(trace_event, 208);

TRACE_AT(trace_record, tsc, 0);
TRACE_AT(trace_record, event, 8);
TRACE_AT(trace_record, seq, 16);
TRACE_AT(trace_record, pid, 20);
TRACE_AT(trace_record, cpu, 24);
TRACE_AT(trace_record, args, 32);
TRACE_SIZE(trace_record, 88);

TRACE_AT(trace_header, magic, 0);
TRACE_AT(trace_header, version, 8);
TRACE_AT(trace_header, header_size, 12);
TRACE_AT(trace_header, record_size, 16);
TRACE_AT(trace_header, event_size, 20);
TRACE_AT(trace_header, rings, 24);
TRACE_AT(trace_header, slots, 28);
TRACE_AT(trace_header, records, 32);
TRACE_AT(trace_header, image, 40);
TRACE_AT(trace_header, image_size, 48);
TRACE_AT(trace_header, image_at, 56);
TRACE_AT(trace_header, events, 64);
TRACE_AT(trace_header, events_end, 72);
TRACE_AT(trace_header, layout, 80);
TRACE_AT(trace_header, layout_end, 88);
TRACE_AT(trace_header, ring_names, 96);
TRACE_AT(trace_header, clock_base, 104);
TRACE_AT(trace_header, clock_mult, 112);
TRACE_SIZE(trace_header, 120);

TRACE_AT(layout_entry, name, 0);
TRACE_AT(layout_entry, value, 40);
TRACE_SIZE(layout_entry, 48);

#undef TRACE_AT
#undef TRACE_SIZE

#endif /* UAPI_TRACE_RING_H */
