// SPDX-License-Identifier: MIT
/*
 * tests/explore/memory.c - the memory of a schedule, and which of it is shared
 *
 * Problem.  An object that is used after it was freed must be noticed, at once. And a
 * search that tries a preemption before every step tries most of them for nothing: a
 * thread's step to a word that no other thread changes is the same before and after
 * any step of another.
 *
 * Idea.  Objects are cut from one block in order and never used again in the same
 * schedule, so that they have the same addresses in every schedule. AddressSanitizer
 * knows each that is freed, and ends the process at the next access, a plain one too.
 *
 * Threads that access a word are noted by its address, over all schedules of a search.
 * A word is shared if two threads access it and one of them writes. A step to a word
 * that is not shared is no decision. When a word becomes shared the search begins anew,
 * so at its end it has decided before each step to each shared word.
 */
#include <stdlib.h>
#include <string.h>
#include <sanitizer/asan_interface.h>

#include "internal.h"

/* --- objects --------------------------------------------------------------- */

#define BLOCK_SIZE (1u << 20)
#define REDZONE    16u

struct object {
	size_t size;
	bool freed;
};

static char block[BLOCK_SIZE] __attribute__((aligned(16)));
static size_t used;
static unsigned int live;

void memory_reset(void)
{
	__asan_unpoison_memory_region(block, used);
	memset(block, 0, used);
	used = 0;
	live = 0;
}

static struct object *object_of(const void *address)
{
	return (struct object *)((char *)address - REDZONE);
}

void *explore_alloc(size_t size)
{
	size_t whole = (size + 2 * REDZONE + 15) & ~(size_t)15;
	char *object = block + used + REDZONE;

	if (used + whole > BLOCK_SIZE)
		explore_fail("the schedule uses more than %u bytes", BLOCK_SIZE);
	object_of(object)->size = size;
	__asan_poison_memory_region(object + size, whole - REDZONE - size);
	used += whole;
	live++;
	return object;
}

bool explore_is_freed(const void *object)
{
	return object_of(object)->freed;
}

void explore_free(const void *object)
{
	struct object *head = object_of(object);

	explore_check((const char *)object > block &&
			      (const char *)object < block + used,
		      "free of %p, which was not allocated", object);
	explore_check(!head->freed, "double free of %p", object);
	head->freed = true;
	live--;
	__asan_poison_memory_region(object, head->size);
}

void memory_check_empty(void)
{
	explore_check(!live, "%u objects are left at the end", live);
}

/* --- words ----------------------------------------------------------------- */

#define WORDS 16384u

static struct word {
	uintptr_t address;
	unsigned char readers, writers; /* a bit for each thread */
	bool shared;
} words[WORDS];
static bool grew;

static struct word *word_at(uintptr_t address)
{
	uintptr_t i = (address >> 3) * 0x9e3779b97f4a7c15ul >> 50;

	while (words[i % WORDS].address && words[i % WORDS].address != address)
		i++;
	words[i % WORDS].address = address;
	return &words[i % WORDS];
}

bool memory_note(int thread, const volatile void *addr, bool writes)
{
	struct word *word = word_at((uintptr_t)addr & ~7ul);
	unsigned char all;

	if (writes)
		word->writers |= 1u << thread;
	else
		word->readers |= 1u << thread;
	if (word->shared)
		return true;
	all = word->readers | word->writers;
	if (word->writers && (all & (all - 1))) {
		word->shared = true;
		grew = true;
	}
	return word->shared;
}

bool memory_sharing_grew(void)
{
	bool answer = grew;

	grew = false;
	return answer;
}
