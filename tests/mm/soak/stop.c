// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/stop.c - all actors rest: compare everything with everything
 *
 *	compared			with
 *	each word			the oracle
 *	flags of each page's region	the oracle
 *	write marks, the page map	the oracle
 *	regions, tables, books		each other (vma_tree_verify(), pgtable_verify())
 *	map count of each page		entries of all processes that map it
 *	references of each page		these, the pins, and the object
 *	PG_anon_exclusive		one entry
 *	a walk of the reverse map	the entries that were counted
 *	the tree of each family		itself (rmap_verify())
 *	what each mirror has		the entries
 *	what each shadow has		the entries; it takes over the pages with words alone,
 *					since it compares all that it has at each start
 *
 * A word is read where the entry leads, or in the object, without a touch: the stop leaves
 * everything as it found it, exclusive pages too.
 *
 * A huge page has its references in the first of its pages, from huge entries and from
 * entries of any of its parts. So all entries of the second window are looked at. Of pages
 * there that are neither huge nor have words only their books are compared.
 *
 * The device beside QEMU may still be giving a page back. So references are compared
 * with the page locked, and may need a moment.
 */
#include <lib/string.h>
#include <mm/object/shmem.h>
#include <mm/page/rmap.h>
#include <mm/rmap/family.h>
#include <mm/rmap/referenced.h>
#include <mm/rmap/walk.h>

#include "soak.h"
#include "tests/mm/lib/shadow.h"

/* Of a process: the pages with words, and the first pages of the huge ones they are in. */
#define FRAMES_MAX                                      \
	(SOAK_PROCESSES * (SOAK_PAGES + 2 * SOAK_BIG) + \
	 2 * SOAK_ACTORS * SOAK_PINS)

/**
 * struct frame - a page, and what there is of it
 * @page: the page
 * @entries: of the last level that map it
 * @whole: the first page of a huge page: huge entries that map all of it
 * @refs: references that these have, and pins, of all its parts if it is huge
 * @shared: an object has one more
 */
struct frame {
	struct page *page;
	unsigned int entries;
	unsigned int whole;
	unsigned int refs;
	bool shared;
};

struct frames {
	unsigned int nr;
	struct frame frame[FRAMES_MAX];
};

static struct frame *frame_find(struct frames *frames, struct page *page)
{
	unsigned int i;

	for (i = 0; i < frames->nr; i++) {
		if (frames->frame[i].page == page)
			return &frames->frame[i];
	}
	BUG_ON(frames->nr == FRAMES_MAX);
	frames->frame[frames->nr] = (struct frame){.page = page};
	return &frames->frame[frames->nr++];
}

/* The page, or the first of the huge page that it is part of. */
static void add_refs(struct frames *frames, struct page *page, unsigned int refs)
{
	frame_find(frames, page_head(page))->refs += refs;
}

/* The page that an entry leads to, present or taken by a device; NULL: none, or zeroes. */
static struct page *page_of(pte_t pte)
{
	struct page *page = NULL;

	if (pte_present(pte))
		page = pfn_to_page(pte_pfn(pte));
	else if (is_swap_pte(pte))
		page = pfn_to_page(swp_offset_pfn(pte_to_swp_entry(pte)));
	return page && !is_zero_page(page) ? page : NULL;
}

/* --- words and flags ------------------------------------------------------------ */

static void check_words(struct soak_process *p, unsigned int page,
			struct page *frame)
{
	const u64 *words = frame ? page_address(frame) : NULL;
	unsigned int i;

	for (i = 0; i < p->soak->nr_actors; i++)
		oracle_check_word(p, page, i,
				  words ? words[oracle_word(&p->soak->actor[i])]
					: 0);
}

/* Also returns the page of the region's object, or NULL. */
static struct page *check_region(struct soak_process *p, unsigned int page)
{
	unsigned long expected = oracle_flags(p, page), flags = 0;
	struct page *shared = NULL;
	struct vm_area_struct *vma;

	mmap_read_lock(p->mm);
	vma = vma_lookup(p->mm, soak_at(page));
	if (vma)
		flags = SOAK_MAPPED | (vma->vm_flags & SOAK_FLAGS);
	if (vma && vma->vm_object)
		shared = shmem_page(vma->vm_object,
				    vma_pgoff_of(vma, soak_at(page)));
	mmap_read_unlock(p->mm);
	if (flags != expected)
		soak_fail(p, page, "stopped: flags are %#lx, not %#lx", flags,
			  expected);
	return shared;
}

/* --- entries ---------------------------------------------------------------------- */

static pte_t entry_at(struct soak_process *p, vaddr_t addr, bool *huge)
{
	const pmd_t *pmdp;
	pte_t pte;

	mmap_read_lock(p->mm);
	pte = sandbox_pte_locked(&p->box, addr);
	pmdp = pgtable_walk_pmd(p->mm, addr);
	*huge = pmdp && pmd_leaf(pmdp_get(pmdp));
	mmap_read_unlock(p->mm);
	return pte;
}

/* Count what maps a page with words. */
static void count_entry(struct frames *frames, struct page *page, bool huge)
{
	struct frame *frame = frame_find(frames, page);

	if (huge)
		return;
	frame->entries++;
	add_refs(frames, page, 1);
}

static void check_page(struct soak_process *p, unsigned int page,
		       struct frames *frames)
{
	bool huge;
	pte_t pte = entry_at(p, soak_at(page), &huge);
	struct page *shared = check_region(p, page), *mapped = page_of(pte);

	if (!pte_none(pte) && !(oracle_flags(p, page) & SOAK_MAPPED))
		soak_fail(p, page, "stopped: an entry %#lx without a region",
			  pte_val(pte));
	if (mapped && shared && mapped != shared)
		soak_fail(p, page, "stopped: not the page of the object");
	check_words(p, page, mapped ? mapped : shared);
	soak_check_pagemap(p, page);
	if (mapped)
		count_entry(frames, mapped, huge);
	if (shared)
		frame_find(frames, shared)->shared = true;
}

/* Pages of the second window without words: they may be parts of a huge page. */
static void count_parts(struct soak_process *p, vaddr_t start,
			struct frames *frames)
{
	vaddr_t addr = start;

	mmap_read_lock(p->mm);
	while ((addr = pgtable_next_used(p->mm, addr, start + PMD_SIZE)) <
	       start + PMD_SIZE) {
		struct page *page = page_of(sandbox_pte_locked(&p->box, addr));

		if (page && PageHuge(page) &&
		    !IS_ALIGNED(addr, SOAK_UNIT * PAGE_SIZE))
			add_refs(frames, page, 1);
		addr += PAGE_SIZE;
	}
	mmap_read_unlock(p->mm);
}

/* A huge entry, or all entries of the last level in its place. */
static void count_huge(struct soak_process *p, vaddr_t addr, struct frames *frames)
{
	bool huge;
	struct page *page = page_of(entry_at(p, addr, &huge));

	if (!huge) {
		count_parts(p, addr, frames);
		return;
	}
	if (page) {
		frame_find(frames, page)->whole++;
		add_refs(frames, page, 1);
	}
}

static void check_pages(struct soak_process *p, struct frames *frames)
{
	unsigned int page;

	for (page = 0; page < SOAK_PAGES; page++)
		shadow_touched(p->mm, soak_at(page));
	for (page = 0; page < SOAK_PAGES; page++)
		check_page(p, page, frames);
	count_huge(p, SOAK_BIG_START, frames);
	count_huge(p, SOAK_BIG_START + PMD_SIZE, frames);
}

/* --- pages ---------------------------------------------------------------------- */

static bool find_entry(struct rmap_walk *walk, struct page *page,
		       struct vm_area_struct *vma, vaddr_t addr)
{
	struct rmap_entry entry;

	if (!rmap_lock_entry(page, vma, addr, &entry))
		return false;
	spin_unlock(entry.ptl);
	return true;
}

/* The page is locked, and @entries map it, huge ones included. */
static void check_walks(struct soak *soak, struct page *page, unsigned int entries)
{
	struct rmap_walk walk = {.visit = find_entry, .purpose = RMAP_LOOK};
	struct ktest *test = soak->test;

	rmap_walk(page, &walk);
	EXPECT_EQ(walk.found, entries, "of %u regions", walk.regions);
	EXPECT_LE(page_referenced(page, YOUNG_TEST, NULL), entries);
	EXPECT(PageAnon(page_head(page)) || !PageAnonExclusive(page));
	EXPECT(!PageAnonExclusive(page) || entries == 1);
}

/* Is the page that is only pinned of an object that maps others, and has one more? */
static bool refs_fit(const struct frame *frame)
{
	unsigned int refs = (unsigned int)page_ref_count(frame->page);

	return refs == frame->refs + frame->shared ||
	       (PageObject(frame->page) && !frame->entries &&
		refs == frame->refs + 1);
}

static void check_frame(struct soak *soak, struct frames *frames,
			const struct frame *frame)
{
	struct page *page = frame->page, *head = page_head(page);
	const struct frame *first = frame_find(frames, head);
	unsigned int entries = frame->entries + first->whole;
	struct ktest *test = soak->test;

	lock_page(page);
	EXPECT_EQ((unsigned int)page_mapcount(page), entries);
	if (!KTEST_WAIT_FOR(test, refs_fit(first)))
		EXPECT_EQ((unsigned int)page_ref_count(head),
			  first->refs + first->shared);
	if (entries)
		check_walks(soak, page, entries);
	unlock_page(page);
}

static void count_pins(struct soak *soak, struct frames *frames)
{
	unsigned int i, j;

	for (i = 0; i < soak->nr_actors; i++) {
		for (j = 0; j < SOAK_PINS; j++) {
			const struct soak_pin *pin = &soak->actor[i].pin[j];

			if (pin->process) {
				(void)frame_find(frames, pin->frame);
				add_refs(frames, pin->frame, PAGE_PIN_BIAS);
			}
		}
	}
}

/* As sandbox_verify(), but that the shadow takes over pages with words alone. */
static void check_books(struct soak_process *p)
{
	const char *wrong;

	mmap_write_lock(p->mm);
	wrong = vma_tree_verify(p->mm);
	if (!wrong)
		wrong = pgtable_verify(p->mm);
	mmap_write_unlock(p->mm);
	if (wrong)
		soak_fail(p, 0, "stopped: the address space is wrong: %s", wrong);
}

static void check_process(struct soak_process *p, struct frames *frames)
{
	struct ktest *test = p->soak->test;
	struct rmap_root *root = &p->mm->family->root;

	check_books(p);
	EXPECT_EQ(atomic_read(&p->mm->tlb_flush_pending), 0);
	down_read(&root->lock);
	EXPECT_GE(rmap_verify(root), 0L);
	up_read(&root->lock);
	check_pages(p, frames);
	soak_compare_device(p);
}

void soak_stop(struct soak *soak)
{
	static struct frames frames;
	unsigned int i;

	frames.nr = 0;
	for (i = 0; i < SOAK_PROCESSES; i++) {
		if (soak->slot[i])
			check_process(soak->slot[i], &frames);
	}
	count_pins(soak, &frames);
	for (i = 0; i < frames.nr && !ktest_failed(soak->test); i++)
		check_frame(soak, &frames, &frames.frame[i]);
}
