// SPDX-License-Identifier: MIT
/*
 * tests/mm/table/verify_test.c - a verifier that finds nothing is worth nothing
 *
 * Each thing that pgtable_verify() looks at is made wrong, once, and made right again.
 * No CPU touches the pages meanwhile, so that the entries are never used.
 *
 *	pages	0 zero page  1 written  2 exclusive (where there is such)  9 not mapped
 */
#include <lib/string.h>
#include "tests/mm/lib/sandbox.h"

/* The owner of exclusive entries. */
static char device;

/* The books, with mmap_lock held for writing. */
struct books {
	struct ktest *test;
	struct sandbox *box;
	struct vm_area_struct *vma;
	pte_t *ptes; /* of AT(0) */
	struct page *table;
	struct page *page; /* of AT(1) */
};

static void books_close(void *arg)
{
	struct books *books = arg;

	mmap_write_unlock(books->box->mm);
}

static struct books *books_open(struct ktest *test)
{
	struct books *books = ktest_alloc(test, sizeof(*books));
	struct page *slots[1];
	struct spinlock *ptl;

	books->test = test;
	books->box = sandbox_new(test, SANDBOX_UNOBSERVED);
	sandbox_map(books->box, AT(0), 3);
	EXPECT_EQ(sandbox_read(books->box, AT(0)), 0UL);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(user_poke(AT(2), 1), 0);
	if (sandbox_make_exclusive(books->box, AT(2), 1, slots, &device) == 1)
		release_exclusive(slots, 1);
	mmap_write_lock(books->box->mm);
	ktest_cleanup(test, books_close, books);
	books->vma = vma_lookup(books->box->mm, AT(0));
	books->ptes = pgtable_map_lock(books->box->mm, AT(0), &ptl);
	spin_unlock(ptl);
	books->table = virt_to_page(books->ptes);
	books->page = pfn_to_page(pte_pfn(ptep_get(&books->ptes[1])));
	return books;
}

static const char *verdict(struct books *books)
{
	return pgtable_verify(books->box->mm) ?: "well";
}

/* With one word wrong, which is right again afterwards. */
static void expect_verdict(struct books *books, void *word, unsigned long wrong,
			   const char *words)
{
	struct ktest *test = books->test;
	unsigned long *at = word;
	unsigned long right = *at;

	*at = wrong;
	EXPECT_STREQ(verdict(books), words);
	*at = right;
	EXPECT_STREQ(verdict(books), "well", "after: %s", words);
}

static void expect_count_verdict(struct books *books, struct atomic *count,
				 int wrong, const char *words)
{
	struct ktest *test = books->test;
	int right = atomic_read(count);

	atomic_set(count, wrong);
	EXPECT_STREQ(verdict(books), words);
	atomic_set(count, right);
	EXPECT_STREQ(verdict(books), "well", "after: %s", words);
}

KTEST(pgtable_verify, a_table_that_is_not_this_address_spaces_own_is_named)
{
	struct books *books = books_open(test);
	unsigned long flags = books->table->flags;

	EXPECT_STREQ(verdict(books), "well");
	expect_verdict(books, &books->table->flags, flags & ~BIT(PG_table),
		       "an upper entry leads to a page that is no table");
	expect_verdict(books, &books->table->pt_mm, 0,
		       "a table belongs to another mm");
	expect_count_verdict(books, &books->table->refcount, 2,
			     "a table is shared");
}

KTEST(pgtable_verify, a_page_whose_books_disagree_with_its_entry_is_named)
{
	struct books *books = books_open(test);
	struct page *page = books->page;
	const char *kind = "an entry maps a page that is not anonymous memory";
	const char *place = "a page does not know where it is mapped";

	expect_verdict(books, &page->flags, page->flags & ~BIT(PG_anon), kind);
	expect_verdict(books, &page->flags, page->flags | BIT(PG_table), kind);
	expect_verdict(books, &page->flags, page->flags | BIT(PG_free), kind);
	expect_verdict(books, &page->mapping, 0, place);
	expect_verdict(books, &page->index, page->index + 1, place);
	expect_count_verdict(books, &page->mapcount, 0,
			     "a mapped page's map count is zero");
	expect_verdict(books, &page->flags, page->flags & ~BIT(PG_anon_exclusive),
		       "a page that may be shared is writable");
	atomic_inc(&page->refcount);
	expect_count_verdict(books, &page->mapcount, 2,
			     "a page of one owner is shared");
	atomic_dec(&page->refcount);
	expect_count_verdict(books, &page->refcount, 0,
			     "an entry holds no reference");
}

KTEST(pgtable_verify, an_entry_that_its_region_does_not_allow_is_named)
{
	struct books *books = books_open(test);
	unsigned long flags = books->vma->vm_flags;
	pte_t zero = ptep_get(&books->ptes[0]), page = ptep_get(&books->ptes[1]);

	expect_verdict(books, &books->vma->vm_flags, flags & ~VM_ACCESS,
		       "an entry and its region differ on access");
	expect_verdict(books, &books->vma->vm_flags, flags & ~VM_WRITE,
		       "an entry allows more than its region");
	expect_verdict(books, &books->ptes[0], pte_val(pte_mkwrite(zero)),
		       "the zero page is writable");
	expect_verdict(books, &books->ptes[9], pte_val(page),
		       "an entry is filled outside every region");
}

KTEST(pgtable_verify, an_entry_of_a_type_that_is_not_made_is_named)
{
	struct books *books = books_open(test);
	pte_t strange = swp_entry_to_pte(swp_entry(SWP_HWPOISON, 5));

	expect_verdict(books, &books->ptes[0], pte_val(strange),
		       "an entry is of a type that nobody makes");
}

/* Without the written page, which is writable as well. */
KTEST(pgtable_verify, an_exclusive_entry_that_its_region_does_not_allow_is_named,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE))
{
	struct books *books = books_open(test);
	unsigned long flags = books->vma->vm_flags;
	pte_t page = ptep_get(&books->ptes[1]);

	books->ptes[1] = pte_wrprotect(page);
	expect_verdict(books, &books->vma->vm_flags, flags & ~VM_WRITE,
		       "an exclusive entry allows more than its region");
	books->ptes[1] = page;
}

KTEST(pgtable_verify, a_count_of_the_address_space_that_is_wrong_is_named)
{
	struct books *books = books_open(test);
	struct mm_struct *mm = books->box->mm;

	atomic64_inc(&mm->nr_ptes);
	EXPECT_STREQ(verdict(books), "nr_ptes is wrong");
	atomic64_dec(&mm->nr_ptes);
	atomic64_inc(&mm->anon_rss);
	EXPECT_STREQ(verdict(books), "anon_rss is wrong");
	atomic64_dec(&mm->anon_rss);
	EXPECT_STREQ(verdict(books), "well");
}

/* What pte_describe() says of an entry made of these bits. */
static void expect_words(struct sandbox *box, pte_t pte, const char *words)
{
	struct ktest *test = box->test;
	pte_t right = sandbox_pte(box, AT(1));
	char text[128];

	sandbox_set_pte(box, AT(1), pte);
	pte_describe(box->mm, AT(1), text, sizeof(text));
	sandbox_set_pte(box, AT(1), right);
	EXPECT(strstr(text, words), "%s", text);
}

KTEST(pgtable_verify, each_right_and_mark_of_an_entry_has_its_word)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	char text[128];
	struct page *page;
	pgprot_t none = PAGE_NONE;
	pte_t pte;

	sandbox_map(box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	pte = sandbox_pte(box, AT(1));
	page = pfn_to_page(pte_pfn(pte));
	expect_words(box, pte_mkdirty(pte_mkyoung(pte_mkwrite(pte))),
		     ", writable, dirty, young, mapped 1, held 1");
	expect_words(box, pte_mkold(pte_mkclean(pte_wrprotect(pte))),
		     ", read-only, mapped 1, held 1");
	expect_words(box, pte_modify(pte_wrprotect(pte), none), ", no access");
	lock_page(page);
	expect_words(box, pte, ", locked");
	unlock_page(page);
	expect_words(box, pfn_pte(page_to_pfn(empty_zero_page), none),
		     "zero page, no access");
	expect_words(box, swp_entry_to_pte(swp_entry(SWP_HWPOISON, 5)),
		     "hwpoison, offset 0x5");
	pte_describe(box->mm, USER_END, text, sizeof(text));
	EXPECT_STREQ(text, "not mapped");
}
