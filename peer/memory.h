/* SPDX-License-Identifier: MIT */
/*
 * peer/memory.h - the guest's RAM in this process
 */
#ifndef PEER_MEMORY_H
#define PEER_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* One SCM_RIGHTS message of vhost-user carries no more. */
#define MEMORY_REGIONS_MAX 8

/* One piece of guest RAM. Immutable between memory_add and _clear. */
struct memory_region {
	uint64_t gpa;
	uint64_t size;
	uint64_t uva; /* QEMU's own address of it: ring addresses use it */
	char *host;   /* ours */
};

/*
 * Written by the socket thread with the gate closed, read inside the gate.
 */
struct memory {
	unsigned int count;
	struct memory_region region[MEMORY_REGIONS_MAX];
};

/**
 * memory_add() - map one region of the guest's RAM
 * @fd: shared memory; the caller closes it
 * @offset: where in @fd the region begins
 *
 * Return: 0; -EINVAL if the region is empty, wraps, is not page aligned, lies
 *         beyond the end of @fd or overlaps another; -ENOSPC if there are
 *         MEMORY_REGIONS_MAX; -errno of fstat() or mmap().
 */
int memory_add(struct memory *memory, int fd, uint64_t gpa, uint64_t size,
	       uint64_t uva, uint64_t offset);
void memory_clear(struct memory *memory);

/**
 * memory_at() - our address of guest-physical [gpa, gpa + len)
 *
 * Return: NULL unless all of it is inside one region.
 */
void *memory_at(const struct memory *memory, uint64_t gpa, uint64_t len);

/** memory_at_uva() - the same from an address of QEMU's */
void *memory_at_uva(const struct memory *memory, uint64_t uva, uint64_t len);

/**
 * memory_load() - read memory that the guest may be writing
 * memory_store() - write memory that the guest may be reading
 *
 * Guest memory can change at any time. These touch it in relaxed atomic
 * words and bytes, each exactly once, so that the caller works on a copy.
 */
void memory_load(void *to, const void *guest, size_t len);
void memory_store(void *guest, const void *from, size_t len);
void memory_fill(void *guest, unsigned char byte, size_t len);

#endif /* PEER_MEMORY_H */
