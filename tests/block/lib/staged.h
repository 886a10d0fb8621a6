/* SPDX-License-Identifier: MIT */
/*
 * tests/block/lib/staged.h - a disk whose every step the test decides
 */
#ifndef TESTS_BLOCK_LIB_STAGED_H
#define TESTS_BLOCK_LIB_STAGED_H

#include <block/disk.h>
#include <kernel/ktest.h>

#define STAGED_MOST     64
#define STAGED_SECTORS  1024
#define STAGED_SEGMENTS 4
#define STAGED_ASKED    32

struct staged_disk;

/**
 * struct asked - a request of a test
 * @req: one segment of a sector
 * @segment: no memory: the staged device touches none
 * @disk: to look at it from done()
 * @done: how often done() was called
 * @stops: of the disk, when it was
 * @came: signalled with 1 by done()
 */
struct asked {
	struct block_request req;
	struct block_segment segment;
	struct staged_disk *disk;
	unsigned int done;
	unsigned int stops;
	struct ktest_step came;
};

/**
 * struct staged_disk - a disk without a device
 * @disk: what the layer has of it
 * @asked: the requests of its test, which outlive what it does with them
 * @nr_asked: how many are in use
 * @room: requests that it takes
 * @has: those that it was given and has not answered, in this order
 * @nr_has: how many
 * @answers: what it has answered and the layer has not taken
 * @errors: with which result
 * @nr_answers: how many
 * @given: requests that it was given since the beginning
 * @stops: times it was stopped; all requests that it has are gone then
 * @lies: take() says so
 * @stop_error: what stop() answers
 * @restart_error: what restart() answers
 * @at_stop: called by stop(), or NULL
 *
 * Of the others, all but the last three is under disk.lock.
 */
struct staged_disk {
	struct block_disk disk;
	struct asked asked[STAGED_ASKED];
	unsigned int nr_asked;
	unsigned int room;
	struct block_request *has[STAGED_MOST];
	unsigned int nr_has;
	struct block_request *answers[STAGED_MOST];
	int errors[STAGED_MOST];
	unsigned int nr_answers;
	unsigned int given;
	unsigned int stops;
	bool lies;
	int stop_error;
	int restart_error;
	void (*at_stop)(struct staged_disk *staged);
};

/* A disk for @test, alive, of STAGED_SECTORS, with a cache. */
struct staged_disk *staged_new(struct ktest *test, unsigned int room);

/* Request @i of an operation for it; sectors are different. */
struct asked *asked_new(struct ktest *test, struct staged_disk *staged,
			enum block_op op, unsigned int i);

/* @nr requests of an operation. */
void asked_array(struct ktest *test, struct staged_disk *staged,
		 enum block_op op, struct asked **asked, unsigned int nr);

/* Hand all of them over in one batch. */
void submit_all(struct staged_disk *staged, struct asked **asked,
		unsigned int nr);

/* The device has done a request that it has: an answer, and no interrupt yet. */
void staged_answer(struct staged_disk *staged, struct asked *asked, int error);

/* The same, and the interrupt. */
void staged_end(struct staged_disk *staged, struct asked *asked, int error);

/* From here on its ring cannot be believed, and an interrupt says so. */
void staged_lie(struct staged_disk *staged);

/* Does the device have it? */
bool staged_has(struct staged_disk *staged, const struct asked *asked);

#endif
