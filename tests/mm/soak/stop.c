// SPDX-License-Identifier: MIT
/*
 * tests/mm/soak/stop.c - all actors rest: compare everything with everything
 *
 *	compared			with
 *	each word			the oracle
 *	rights of each page's region	the oracle
 *	regions, tables, books		each other (vma_tree_verify(), pgtable_verify())
 *	map count of each page		entries of all processes that map it
 *	references of each page		these, and the pins
 *	PG_anon_exclusive		one entry
 *	a walk of the reverse map	the entries that were counted
 *	the tree of each family		itself (rmap_verify())
 *	what each mirror has		the entries
 *	what each shadow has		the entries
 *
 * A word is read where the entry leads, without a touch: the stop leaves everything as it
 * found it, exclusive pages too.
 *
 * The device beside QEMU may still be giving a page back. So references are compared
 * with the page locked, and may need a moment.
 */
#include <lib/string.h>
#include <mm/page/rmap.h>
#include <mm/rmap/family.h>
#include <mm/rmap/walk.h>

#include "soak.h"
#include "tests/mm/lib/shadow.h"

#define FRAMES_MAX (SOAK_PROCESSES * SOAK_PAGES + SOAK_ACTORS * SOAK_PINS)

/* A page that entries map or pins hold, and how many of each. */
struct frame {
	struct page *page;
	unsigned int entries;
	unsigned int pins;
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
	frames->frame[frames->nr] = (struct frame){.page = page};
	return &frames->frame[frames->nr++];
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

/* --- words and rights ----------------------------------------------------------- */

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

static void check_rights(struct soak_process *p, unsigned int page)
{
	unsigned int expected = p->page[page].rights, rights = 0;
	struct vm_area_struct *vma;

	mmap_read_lock(p->mm);
	vma = vma_lookup(p->mm, SOAK_AT(page));
	if (vma)
		rights = SOAK_MAPPED | (vma->vm_flags & VM_ACCESS);
	mmap_read_unlock(p->mm);
	if (rights != expected)
		soak_fail(p, page, "stopped: rights are %#x, not %#x", rights,
			  expected);
}

/* The shadow stops once for all pages, not for each as with sandbox_pte(). */
static pte_t entry_at(struct soak_process *p, unsigned int page)
{
	pte_t pte;

	mmap_read_lock(p->mm);
	pte = sandbox_pte_locked(&p->box, SOAK_AT(page));
	mmap_read_unlock(p->mm);
	return pte;
}

static void check_pages(struct soak_process *p, struct frames *frames)
{
	unsigned int page;

	shadow_stop(p->mm);
	for (page = 0; page < SOAK_PAGES; page++) {
		pte_t pte = entry_at(p, page);
		struct page *frame = page_of(pte);

		if (!pte_none(pte) && !(p->page[page].rights & SOAK_MAPPED))
			soak_fail(p, page,
				  "stopped: an entry %#lx without a region",
				  pte_val(pte));
		check_words(p, page, frame);
		check_rights(p, page);
		if (frame)
			frame_find(frames, frame)->entries++;
	}
}

/* --- pages ---------------------------------------------------------------------- */

static bool count_entry(struct rmap_walk *walk, struct page *page,
			struct vm_area_struct *vma, vaddr_t addr)
{
	struct rmap_entry entry;

	if (!rmap_lock_entry(page, vma, addr, &entry))
		return false;
	spin_unlock(entry.ptl);
	return true;
}

static void check_frame(struct soak *soak, const struct frame *frame)
{
	struct rmap_walk walk = {.visit = count_entry, .purpose = RMAP_LOOK};
	unsigned int refs = frame->entries + frame->pins * PAGE_PIN_BIAS;
	struct ktest *test = soak->test;
	struct page *page = frame->page;

	lock_page(page);
	EXPECT_EQ((unsigned int)page_mapcount(page), frame->entries);
	KTEST_WAIT_FOR(test, (unsigned int)page_ref_count(page) == refs);
	if (frame->entries) {
		rmap_walk(page, &walk);
		EXPECT_EQ(walk.found, frame->entries, "of %u regions",
			  walk.regions);
		EXPECT(PageAnon(page));
		EXPECT(!PageAnonExclusive(page) || frame->entries == 1);
	}
	unlock_page(page);
}

static void count_pins(struct soak *soak, struct frames *frames)
{
	unsigned int i, j;

	for (i = 0; i < soak->nr_actors; i++) {
		for (j = 0; j < SOAK_PINS; j++) {
			const struct soak_pin *pin = &soak->actor[i].pin[j];

			if (pin->process)
				frame_find(frames, pin->frame)->pins++;
		}
	}
}

static void check_process(struct soak_process *p, struct frames *frames)
{
	struct ktest *test = p->soak->test;
	struct rmap_root *root = &p->mm->family->root;

	sandbox_verify(&p->box);
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
		check_frame(soak, &frames.frame[i]);
}
