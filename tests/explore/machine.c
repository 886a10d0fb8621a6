// SPDX-License-Identifier: MIT
/*
 * tests/explore/machine.c - frames, and processors that remember translations
 *
 * Problem.  The sources of mm/ change page tables, flush processors and free frames.
 * Whether they do so in a right order shows only on a machine that walks the tables,
 * remembers what it found, and writes to a frame that is someone else's by then.
 *
 * Idea.  A few frames lie where asm/paging.h says that memory is. A thread of a scenario
 * is also a processor: it has a TLB of its own, and touches user memory by the steps of
 * a processor.
 *
 *	a touch		the TLB has the translation	the access, in one step
 *			it has not			walk; a present entry is
 *							remembered; again
 *			the walk finds nothing that	a fault: the kernel's own
 *			serves				upcall_page_fault()
 *	a flush		one step, which takes the translations out of all TLBs
 *	an add		as the processor's locked instruction: one access
 *
 * Frames that are freed are not used again in the same schedule. AddressSanitizer
 * knows them: the frame's bytes, and its struct page.
 */
#include <sys/mman.h>
#include <sanitizer/asan_interface.h>

#include <arch/tlb.h>
#include <arch/trap.h>
#include <arch/upcall.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <mm/alloc/page_alloc.h>
#include <mm/space/mm.h>

#include "internal.h"
#include "machine.h"

#define NR_FRAMES 64
#define TLB_SIZE  8

struct translation {
	vaddr_t addr; /* of the page; 0: none */
	pte_t pte;
};

/* The last is that of setup and finish. */
static struct translation tlb[MAX_THREADS + 1][TLB_SIZE];
static pfn_t first_pfn = HOST_FIRST_PFN, next_pfn = HOST_FIRST_PFN;

/* --- frames ------------------------------------------------------------------ */

static void map_at(unsigned long address, size_t size)
{
	void *at = mmap((void *)address, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	explore_check(at == (void *)address, "no memory at %#lx", address);
}

void machine_boot(void)
{
	map_at(HOST_FRAMES, NR_FRAMES * PAGE_SIZE);
	map_at(HOST_PAGES, NR_FRAMES * sizeof(struct page));
	page_init();
	first_pfn = next_pfn; /* what the boot has taken stays */
}

void machine_reset(void)
{
	size_t nr = next_pfn - first_pfn;

	ASAN_UNPOISON_MEMORY_REGION(pfn_to_page(first_pfn),
				    nr * sizeof(struct page));
	ASAN_UNPOISON_MEMORY_REGION(page_address(pfn_to_page(first_pfn)),
				    nr * PAGE_SIZE);
	memset(pfn_to_page(first_pfn), 0, nr * sizeof(struct page));
	next_pfn = first_pfn;
	memset(tlb, 0, sizeof(tlb));
}

struct page *alloc_page(gfp_t gfp)
{
	struct page *page = pfn_to_page(next_pfn);

	explore_check(next_pfn < HOST_FIRST_PFN + NR_FRAMES,
		      "the schedule uses more than %d frames", NR_FRAMES);
	next_pfn++;
	memset(page_address(page), 0, PAGE_SIZE);
	atomic_set(&page->refcount, 1);
	return page;
}

/* There is no memory for huge pages, nor for the zero page of that size. */
struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	explore_check(!order, "a scenario allocates 2^%u pages", order);
	return alloc_page(gfp);
}

/* Nobody has given it words. */
const char *cmdline_get(const char *key)
{
	return NULL;
}

unsigned long nr_total_pages(void)
{
	return NR_FRAMES;
}

void __put_page(struct page *page)
{
	explore_check(!page_mapcount(page),
		      "frame %lu is freed and still mapped", page_to_pfn(page));
	explore_check(!PageLocked(page), "frame %lu is freed and still locked",
		      page_to_pfn(page));
	page->flags = BIT(PG_free);
	ASAN_POISON_MEMORY_REGION(page_address(page), PAGE_SIZE);
	ASAN_POISON_MEMORY_REGION(page, sizeof(*page));
}

void release_pages(struct page **pages, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		put_page(pages[i]);
}

unsigned int frames_in_use(void)
{
	unsigned int nr = 0;
	pfn_t pfn;

	for (pfn = first_pfn; pfn < next_pfn; pfn++)
		nr += !__asan_address_is_poisoned(pfn_to_page(pfn));
	return nr;
}

/* --- processors -------------------------------------------------------------- */

static struct translation *find(vaddr_t page)
{
	int me = explore_me();
	struct translation *mine = tlb[me < 0 ? MAX_THREADS : me];
	unsigned int i;

	for (i = 0; i < TLB_SIZE; i++) {
		if (mine[i].addr == page)
			return &mine[i];
	}
	return NULL;
}

/* As the processor does: entry by entry, without a lock. */
static pte_t walk(struct mm_struct *mm, vaddr_t addr)
{
	pmd_t *pmdp = pgtable_walk_pmd(mm, addr);
	pmd_t pmd = pmdp ? pmdp_get(pmdp) : __pmd(0);

	return pmd_none(pmd) ? __pte(0)
			     : ptep_get(pmd_table(pmd) + pte_index(addr));
}

static u64 *word_of(pte_t pte, vaddr_t addr)
{
	char *frame = page_address(pfn_to_page(pte_pfn(pte)));

	return (u64 *)(frame + (addr & ~PAGE_MASK));
}

u64 *walk_tables(struct mm_struct *mm, vaddr_t addr)
{
	pte_t pte = walk(mm, addr);

	return pte_present(pte) ? word_of(pte, addr) : NULL;
}

static void remember(vaddr_t page, pte_t pte)
{
	struct translation *entry = find(page);

	if (!entry)
		entry = find(0);
	explore_check(entry, "a TLB of %d is too small", TLB_SIZE);
	*entry = (struct translation){page, pte};
}

static bool serves(pte_t pte, bool write)
{
	return pte_present(pte) && !pte_protnone(pte) &&
	       (!write || pte_write(pte));
}

static void fault(vaddr_t addr, bool write)
{
	struct trap_regs regs = {.rflags = 1ul << 9};

	explore_check(upcall_page_fault(&regs, addr, write ? PF_WRITE : 0),
		      "a touch of %#lx got no page", addr);
}

/* The frame behind @addr, for the access that comes in the same step. */
static u64 *translate(struct mm_struct *mm, vaddr_t addr, bool write)
{
	vaddr_t page = addr & PAGE_MASK;
	struct translation *entry;
	pte_t pte;

	for (;;) {
		explore_point(write ? "CPU: adds" : "CPU: loads");
		entry = find(page);
		if (entry && serves(entry->pte, write))
			return word_of(entry->pte, addr);
		pte = walk(mm, addr);
		if (serves(pte, write))
			remember(page, pte);
		else
			fault(addr, write);
	}
}

u64 cpu_load(struct mm_struct *mm, vaddr_t addr)
{
	return *translate(mm, addr, false);
}

void cpu_add(struct mm_struct *mm, vaddr_t addr, u64 add)
{
	*translate(mm, addr, true) += add;
}

void flush_tlb_range(struct mm_context *ctx, vaddr_t start, vaddr_t end)
{
	unsigned int cpu, i;

	explore_point("flushes all CPUs");
	for (cpu = 0; cpu <= MAX_THREADS; cpu++) {
		for (i = 0; i < TLB_SIZE; i++) {
			if (tlb[cpu][i].addr >= start && tlb[cpu][i].addr < end)
				tlb[cpu][i].addr = 0;
		}
	}
}

/* No processor keeps a context loaded. */
void arch_drop_mm(struct mm_context *ctx)
{
}
