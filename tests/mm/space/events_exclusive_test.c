// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/events_exclusive_test.c - which ranges exclusive access starts, in order
 *
 * And those of other operations on pages that a device has. Rows as in events_test.c.
 */
#include "events_fixture.h"

static void take(struct recorder *rec, unsigned int page, unsigned int nr)
{
	struct ktest *test = rec->box->test;
	struct page *slots[2] = {NULL};

	EXPECT_EQ(sandbox_make_exclusive(rec->box, AT(page), nr, slots, rec),
		  (int)nr);
	release_exclusive(slots, nr);
}

static void take_two(struct recorder *rec)
{
	take(rec, 1, 2);
}

static void take_an_untouched_page(struct recorder *rec)
{
	take(rec, 0, 1);
}

static void take_the_zero_page(struct recorder *rec)
{
	take(rec, 3, 1);
}

static void take_again(struct recorder *rec)
{
	take(rec, 1, 1);
	forget(rec);
	take(rec, 1, 1);
}

static void restore_one_of_two(struct recorder *rec)
{
	take(rec, 1, 2);
	forget(rec);
	(void)sandbox_read(rec->box, AT(2));
}

static void protect_an_exclusive_page(struct recorder *rec)
{
	take(rec, 1, 1);
	forget(rec);
	protect(rec, 1, 1, PROT_READ);
}

static void fork_with_an_exclusive_page(struct recorder *rec)
{
	take(rec, 2, 1);
	forget(rec);
	fork_all(rec);
}

/* A device has pages of their own only: the huge page is split before. */
static void take_a_part_of_a_huge_page(struct recorder *rec)
{
	sandbox_map_huge(rec->box, AT(512), HPAGE_PMD_NR);
	write_to(rec, 512);
	forget(rec);
	take(rec, 514, 1);
}

/* Refused before anything changes (R8.16). */
static void take_shared_memory(struct recorder *rec)
{
	struct ktest *test = rec->box->test;
	struct page *slot[1] = {NULL};

	map_shared(rec, true);
	EXPECT_EQ(sandbox_make_exclusive(rec->box, AT(8), 1, slot, rec),
		  -EOPNOTSUPP);
}

static const struct row exclusive_rows[] = {
	{"exclusive access", take_two, "EXCLUSIVE 1-3 owner { }"},
	{"of an untouched page", take_an_untouched_page,
	 "EXCLUSIVE 0-1 owner { }"},
	{"of the zero page", take_the_zero_page,
	 "CLEAR 3-4 { } EXCLUSIVE 3-4 owner { }"},
	{"of a part of a huge page", take_a_part_of_a_huge_page,
	 "CLEAR 512-1024 { } EXCLUSIVE 514-515 owner { }"},
	{"of an exclusive page", take_again, "EXCLUSIVE 1-2 owner { }"},
	{"of shared memory", take_shared_memory, ""},
	{"a CPU reads it", restore_one_of_two, "CLEAR 2-3 { }"},
	{"mprotect of it", protect_an_exclusive_page, "PROTECTION_VMA 1-2 { }"},
	{"fork with it", fork_with_an_exclusive_page,
	 "PROTECTION_PAGE 0-4 { CLEAR 2-3 { } } PROTECTION_PAGE 5-7 { }"},
};

KTEST(events, exclusive_access_and_its_end_start_their_ranges,
      KT_FLAGS(KT_NEEDS_NOTIFIER | KT_NEEDS_DEVICE_PRIVATE),
      KT_RULES("R1.24 R7.13 R8.12 R8.16 R8.17"))
{
	run_rows(test, exclusive_rows, ARRAY_SIZE(exclusive_rows));
}
