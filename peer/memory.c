// SPDX-License-Identifier: MIT
/*
 * peer/memory.c - the guest's RAM in this process
 *
 * Problem.  Every address comes from a guest that may lie: descriptor and work
 * addresses are guest-physical, ring addresses are QEMU's virtual ones. And the
 * guest can change its memory while the device reads it.
 *
 * Idea.  The only way from a number to a pointer is memory_at(), which takes the
 * length too, and refuses a range that is not wholly inside one region. The only
 * way through such a pointer is by relaxed atomics, which read each byte once and
 * which the thread sanitizer understands.
 *
 * RAM that QEMU does not share (share=off) maps without an error and is then
 * another copy. Nothing here can detect that; the command ECHO does.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

static bool overlaps(uint64_t a, uint64_t b, uint64_t a_size, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

int memory_add(struct memory *memory, int fd, uint64_t gpa, uint64_t size,
	       uint64_t uva, uint64_t offset)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct memory_region *new;
	uint64_t gpa_end, uva_end, file_end;
	struct stat st;
	void *map;

	if (memory->count == MEMORY_REGIONS_MAX)
		return -ENOSPC;
	if (!size || __builtin_add_overflow(gpa, size, &gpa_end) ||
	    __builtin_add_overflow(uva, size, &uva_end) ||
	    __builtin_add_overflow(offset, size, &file_end))
		return -EINVAL;
	if ((gpa | uva | size | offset) % page)
		return -EINVAL;
	if (fstat(fd, &st))
		return -errno;
	if (st.st_size < 0 || file_end > (uint64_t)st.st_size)
		return -EINVAL;
	for (unsigned int i = 0; i < memory->count; i++) {
		const struct memory_region *old = &memory->region[i];

		if (overlaps(gpa, old->gpa, size, old->size) ||
		    overlaps(uva, old->uva, size, old->size))
			return -EINVAL;
	}

	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_NORESERVE, fd, (off_t)offset);
	if (map == MAP_FAILED)
		return -errno;
	new = &memory->region[memory->count++];
	*new = (struct memory_region){
		.gpa = gpa,
		.size = size,
		.uva = uva,
		.host = map,
	};
	return 0;
}

void memory_clear(struct memory *memory)
{
	for (unsigned int i = 0; i < memory->count; i++)
		munmap(memory->region[i].host, memory->region[i].size);
	memory->count = 0;
}

void *memory_at(const struct memory *memory, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < memory->count; i++) {
		const struct memory_region *r = &memory->region[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->size &&
		    len <= r->size - (gpa - r->gpa))
			return r->host + (gpa - r->gpa);
	}
	return NULL;
}

void *memory_at_uva(const struct memory *memory, uint64_t uva, uint64_t len)
{
	for (unsigned int i = 0; i < memory->count; i++) {
		const struct memory_region *r = &memory->region[i];

		if (uva >= r->uva && uva - r->uva < r->size &&
		    len <= r->size - (uva - r->uva))
			return r->host + (uva - r->uva);
	}
	return NULL;
}

static bool is_word_aligned(const void *p)
{
	return (uintptr_t)p % sizeof(uint64_t) == 0;
}

void memory_load(void *to, const void *guest, size_t len)
{
	const unsigned char *from = guest;
	unsigned char *out = to;

	while (len && !is_word_aligned(from)) {
		*out++ = __atomic_load_n(from++, __ATOMIC_RELAXED);
		len--;
	}
	while (len >= sizeof(uint64_t)) {
		uint64_t word = __atomic_load_n((const uint64_t *)from,
						__ATOMIC_RELAXED);

		memcpy(out, &word, sizeof(word));
		out += sizeof(word);
		from += sizeof(word);
		len -= sizeof(word);
	}
	while (len--)
		*out++ = __atomic_load_n(from++, __ATOMIC_RELAXED);
}

void memory_store(void *guest, const void *from, size_t len)
{
	const unsigned char *in = from;
	unsigned char *to = guest;

	while (len && !is_word_aligned(to)) {
		__atomic_store_n(to++, *in++, __ATOMIC_RELAXED);
		len--;
	}
	while (len >= sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, in, sizeof(word));
		__atomic_store_n((uint64_t *)to, word, __ATOMIC_RELAXED);
		in += sizeof(word);
		to += sizeof(word);
		len -= sizeof(word);
	}
	while (len--)
		__atomic_store_n(to++, *in++, __ATOMIC_RELAXED);
}

void memory_fill(void *guest, unsigned char byte, size_t len)
{
	unsigned char *to = guest;

	while (len--)
		__atomic_store_n(to++, byte, __ATOMIC_RELAXED);
}
