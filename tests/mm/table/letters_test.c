// SPDX-License-Identifier: MIT
/*
 * tests/mm/table/letters_test.c - each state of an entry has a letter of its own
 *
 * Pure arithmetic: entries are made by hand, and searched in the table.
 */
#include <kernel/ktest.h>
#include <mm/page/page.h>
#include <mm/table/letters.h>
#include <mm/table/swapops.h>

static char of(pgprot_t prot, unsigned long more)
{
	return pte_letter(__pte(pte_val(pfn_pte(0x12345, prot)) | more));
}

KTEST(letters, a_present_entry_says_what_a_cpu_may_do_and_whether_it_was_written)
{
	EXPECT_EQ(pte_letter(__pte(0)), '.');
	EXPECT_EQ(of(PAGE_READONLY, 0), 'r');
	EXPECT_EQ(of(PAGE_READONLY_EXEC, _PAGE_SOFT_DIRTY | _PAGE_UFFD_WP), 'r');
	EXPECT_EQ(of(PAGE_READONLY, _PAGE_DIRTY), 'R');
	EXPECT_EQ(of(PAGE_SHARED, 0), 'w');
	EXPECT_EQ(of(PAGE_SHARED, _PAGE_DIRTY), 'W');
	EXPECT_EQ(of(PAGE_NONE, 0), 'n');
	EXPECT_EQ(of(PAGE_NONE, _PAGE_DIRTY), 'n');
}

KTEST(letters, the_zero_page_is_another_than_a_page_that_is_read_only)
{
	pfn_t zero = page_to_pfn(empty_zero_page);

	EXPECT_EQ(pte_letter(pfn_pte(zero, PAGE_READONLY)), 'z');
	EXPECT_EQ(pte_letter(pfn_pte(zero, PAGE_NONE)), 'n');
	EXPECT_EQ(pte_letter(pfn_pte(zero + 1, PAGE_READONLY)), 'r');
}

static char of_type(unsigned int type, unsigned long offset)
{
	return pte_letter(swp_entry_to_pte(swp_entry(type, offset)));
}

KTEST(letters, an_entry_that_is_not_present_has_the_letter_of_its_type)
{
	struct rng *rng = ktest_rng(test);
	unsigned int type;

	for (type = 0; type < SWP_TYPE_COUNT; type++) {
		unsigned long offset = rng_next(rng) & SWP_PFN_MASK;
		char letter = of_type(type, offset);

		EXPECT_EQ(letter == 's', type < MAX_SWAPFILES);
		EXPECT_EQ(letter == 'M', type == SWP_MIGRATION_WRITE);
		EXPECT_EQ(letter == 'x' || letter == 'X',
			  is_device_exclusive_entry(swp_entry(type, offset)));
		EXPECT_EQ(letter == 'X', is_writable_device_exclusive_entry(
						 swp_entry(type, offset)));
		EXPECT_EQ(letter == 'p' || letter == 'P',
			  is_device_private_entry(swp_entry(type, offset)));
		EXPECT_EQ(letter, of_type(type, 1));
	}
	EXPECT_EQ(of_type(SWP_HWPOISON, 7), 'h');
	EXPECT_EQ(of_type(SWP_MIGRATION_READ, 7), 'm');
	EXPECT_EQ(of_type(SWP_MIGRATION_READ_EXCLUSIVE, 7), 'm');
	EXPECT_EQ(of_type(SWP_PTE_MARKER, 1), 'k');
	EXPECT_EQ(of_type(SWP_SWAPIN_ERROR, 1), 'e');
}

KTEST(letters, no_two_states_have_the_same_letter)
{
	const struct page_letter *row, *other;

	for (row = pte_letters; row->most != ~0ul; row++) {
		for (other = row + 1; other[-1].most != ~0ul; other++)
			EXPECT_NE(row->letter, other->letter);
		EXPECT(row->what[0]);
	}
}
