// SPDX-License-Identifier: MIT
/*
 * mm/kasan/shadow.c - a byte for each 8 bytes of memory: may they be used?
 *
 * Problem.  A read behind an object, or a write into a freed one, finds memory that
 * is mapped, so no trap says anything.  The debug checks see only writes, and only
 * when the object is freed or allocated again.
 *
 * Idea.  The compiler calls the checker before each access (mm/kasan/access.c).  The
 * checker looks at the shadow, which lies at a fixed function of the address, so that
 * the compiler can find it as well: it marks the gaps between the variables of
 * a frame by stores of its own.
 *
 *	shadow(addr) = addr / 8 + KASAN_SHADOW_OFFSET
 *
 *	granule		0        8        16
 *	object		| 20 bytes           |
 *	shadow		0        0        4  then a mark of enum kasan_mark
 *
 * Four windows of the address space have a shadow, each from its start:
 *
 *	direct map	as far as RAM goes; a hole of 16 MiB has a page of zeros
 *	image		all of it
 *	vmalloc area	its first GiB, which first fit makes the used one
 *	kernel stacks	all slots
 *
 * The shadow of the first two is mapped at boot, in pages of 2 MiB.  A page of the
 * shadow of the others is mapped when the first area or stack comes to lie there, and a bit
 * says so; it is never unmapped.  An access outside of what is mapped is not checked: to
 * the array of struct page, to user memory, to the registers of a device, unless an area
 * was at their addresses before.
 *
 * Early boot.  The first functions run in the tables of start.asm, without a
 * shadow.  The calls before an access find kasan_ready false and return.  The
 * compiler's own stores to the shadow of the boot stack ask nobody, so kasan_early()
 * shows one page in the place of the image's whole shadow; what is stored there is never
 * read.
 *
 *	field		written by
 *	kasan_ready	kasan_start(), once
 *	windows		kasan_map_shadow(), once, before that
 *	mapped bits	under shadow_lock, from 0 to 1; read by all
 *	shadow		the owner of the memory; neighbours never share a granule
 *
 * Order between CPUs: an object's marks are stored before its address is published,
 * as its contents are.
 *
 * The files of mm/kasan/ are not instrumented (options.mk), so that no check checks
 * itself.
 *
 * Not here: who marks what (mm/kasan/memory.c), the reports (mm/kasan/report.c).
 */
#include <arch/cpu.h>
#include <arch/page.h>
#include <arch/paging.h>
#include <kernel/lock/spinlock.h>
#include <lib/bitops.h>
#include <lib/string.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/kernel_stack.h>
#include <mm/alloc/memblock.h>
#include <mm/alloc/page_alloc.h>

#include "mm/kasan/internal.h"

#define VMALLOC_COVERED (1ul << 30)
/* Memory whose shadow is a page. */
#define PER_PAGE (PAGE_SIZE * KASAN_GRANULE)

struct window {
	vaddr_t start;
	unsigned long size;
	unsigned long *mapped; /* a bit for each page of shadow; NULL: all are */
};

static unsigned long vmalloc_mapped[BITS_TO_LONGS(VMALLOC_COVERED / PER_PAGE)];
static unsigned long stacks_mapped[BITS_TO_LONGS(STACKS_SIZE / PER_PAGE)];

/* The sizes of the first two are found out at boot. */
static struct window windows[] = {
	{.start = PAGE_OFFSET},
	{.start = KERNEL_IMAGE_START},
	{VMALLOC_START, VMALLOC_COVERED, vmalloc_mapped},
	{STACKS_START, STACKS_SIZE, stacks_mapped},
};

static bool kasan_ready;
static DEFINE_SPINLOCK(shadow_lock);
static unsigned long late_pages;

/* A page of tables, and of shadow, before there is memory to take. */
static pte_t early_pte[PTRS_PER_TABLE] __aligned(PAGE_SIZE);
static pmd_t early_pmd[PTRS_PER_TABLE] __aligned(PAGE_SIZE);
static pud_t early_pud[PTRS_PER_TABLE] __aligned(PAGE_SIZE);
static u8 early_shadow[PAGE_SIZE] __aligned(PAGE_SIZE);
static const u8 hole_shadow[PAGE_SIZE] __aligned(PAGE_SIZE);

u8 *kasan_shadow_of(vaddr_t addr)
{
	return (u8 *)(addr / KASAN_GRANULE + KASAN_SHADOW_OFFSET);
}

static const struct window *window_of(vaddr_t addr)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(windows); i++)
		if (addr - windows[i].start < windows[i].size)
			return &windows[i];
	return NULL;
}

size_t kasan_covered(vaddr_t addr, size_t size)
{
	const struct window *window;
	unsigned long offset, end;

	if (unlikely(!READ_ONCE(kasan_ready)))
		return 0;
	window = window_of(addr);
	if (!window)
		return 0;
	offset = addr - window->start;
	size = min(size, window->size - offset);
	if (!window->mapped)
		return size;
	for (end = ALIGN_DOWN(offset, PER_PAGE); end < offset + size;
	     end += PER_PAGE)
		if (!test_bit(end / PER_PAGE, window->mapped))
			break;
	return end > offset ? min(size, end - offset) : 0;
}

vaddr_t kasan_first_bad(vaddr_t addr, size_t size)
{
	vaddr_t granule, last;

	size = kasan_covered(addr, size);
	if (!size)
		return 0;
	last = addr + size - 1;
	for (granule = ALIGN_DOWN(addr, KASAN_GRANULE); granule <= last;
	     granule += KASAN_GRANULE) {
		u8 mark = READ_ONCE(*kasan_shadow_of(granule));
		vaddr_t usable = granule + (mark < KASAN_GRANULE ? mark : 0);

		if (mark && last >= usable)
			return max(addr, usable);
	}
	return 0;
}

u8 kasan_mark_of(vaddr_t bad)
{
	u8 mark = *kasan_shadow_of(bad);

	return mark < KASAN_GRANULE ? *kasan_shadow_of(bad + KASAN_GRANULE)
				    : mark;
}

/* Registers may lie over several pages of shadow, of which some are not mapped. */
static void mark_granules(vaddr_t addr, size_t size, u8 mark)
{
	for (vaddr_t end = addr + size; addr < end;
	     addr = ALIGN_DOWN(addr, PER_PAGE) + PER_PAGE) {
		size_t covered = kasan_covered(
			addr, min(end - addr, PER_PAGE - addr % PER_PAGE));

		memset(kasan_shadow_of(addr), mark,
		       DIV_ROUND_UP(covered, KASAN_GRANULE));
	}
}

void kasan_poison(const void *addr, size_t size, enum kasan_mark mark)
{
	mark_granules((vaddr_t)addr, size, mark);
}

void kasan_unpoison(const void *addr, size_t size)
{
	size_t whole = ALIGN_DOWN(size, KASAN_GRANULE);

	mark_granules((vaddr_t)addr, whole, 0);
	if (size > whole)
		mark_granules((vaddr_t)addr + whole, 1, (u8)(size - whole));
}

void kasan_tail(const void *addr, size_t used, size_t whole, enum kasan_mark mark)
{
	size_t first = ALIGN(used, KASAN_GRANULE);

	kasan_unpoison(addr, used);
	if (first < whole)
		kasan_poison((const char *)addr + first, whole - first, mark);
}

/* --- areas and stacks ---------------------------------------------------- */

static bool cover_page(vaddr_t shadow, unsigned long nr, unsigned long *mapped)
{
	struct page *page;

	if (test_bit(nr, mapped))
		return true;
	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!page)
		return false;
	/* Kept for good, so to a leak check it is older than every snapshot. */
	page->epoch = 0;
	spin_lock(&shadow_lock);
	if (!test_bit(nr, mapped) && !kernel_map_set(shadow, page_to_pfn(page),
						     PAGE_KERNEL, GFP_ATOMIC)) {
		late_pages++;
		set_bit(nr, mapped);
		page = NULL;
	}
	spin_unlock(&shadow_lock);
	if (page)
		put_page(page);
	return test_bit(nr, mapped);
}

bool kasan_cover(const void *addr, size_t size)
{
	const struct window *window = window_of((vaddr_t)addr);
	unsigned long nr, last;

	if (!window)
		return true;
	size = min(size, window->size - ((vaddr_t)addr - window->start));
	nr = ((vaddr_t)addr - window->start) / PER_PAGE;
	last = ((vaddr_t)addr + size - 1 - window->start) / PER_PAGE;
	for (; nr <= last; nr++)
		if (!cover_page((vaddr_t)kasan_shadow_of(window->start) +
					nr * PAGE_SIZE,
				nr, window->mapped))
			return false;
	return true;
}

bool kasan_is_shadow(vaddr_t addr)
{
	return addr >= (vaddr_t)kasan_shadow_of(PAGE_OFFSET) &&
	       addr <= (vaddr_t)kasan_shadow_of(~0ul);
}

unsigned long kasan_late_pages(void)
{
	return READ_ONCE(late_pages);
}

/* --- boot ---------------------------------------------------------------- */

void kasan_early(void)
{
	const unsigned long rights = pgprot_val(PAGE_KERNEL) & ~_PAGE_GLOBAL;
	vaddr_t at = (vaddr_t)kasan_shadow_of(KERNEL_IMAGE_START);
	pgd_t *pgd = phys_to_virt(read_cr3() & PAGE_MASK);

	for (unsigned int i = 0; i < PTRS_PER_TABLE; i++) {
		early_pte[i] = pfn_pte(image_to_phys(early_shadow) >> PAGE_SHIFT,
				       __pgprot(rights));
		early_pmd[i] = mk_pmd(image_to_phys(early_pte), _TABLE_KERNEL);
	}
	early_pud[pud_index(at)] =
		mk_pud(image_to_phys(early_pmd), _TABLE_KERNEL);
	set_pgd(&pgd[pgd_index(at)],
		mk_pgd(image_to_phys(early_pud), _TABLE_KERNEL));
}

/* Is there memory in the 16 MiB whose shadow is the 2 MiB at @shadow? */
static bool has_memory(vaddr_t shadow)
{
	vaddr_t addr = (shadow - KASAN_SHADOW_OFFSET) * KASAN_GRANULE;
	paddr_t paddr = addr - PAGE_OFFSET;

	return addr >= KERNEL_IMAGE_START || !paddr ||
	       memblock_list_overlaps(memblock_memory(), paddr,
				      paddr + PMD_SIZE * KASAN_GRANULE);
}

static void map_window(const struct window *window, kasan_map_t *map)
{
	vaddr_t at =
		ALIGN_DOWN((vaddr_t)kasan_shadow_of(window->start), PMD_SIZE);
	vaddr_t end = (vaddr_t)kasan_shadow_of(window->start + window->size);

	for (; at < end; at += PMD_SIZE) {
		if (has_memory(at)) {
			map(at, memblock_alloc(PMD_SIZE, PMD_SIZE), PMD_SIZE,
			    PAGE_KERNEL);
			continue;
		}
		for (unsigned long page = 0; page < PMD_SIZE; page += PAGE_SIZE)
			map(at + page, image_to_phys(hole_shadow), PAGE_SIZE,
			    PAGE_KERNEL_RO);
	}
}

void kasan_map_shadow(kasan_map_t *map)
{
	windows[0].size = memblock_end();
	windows[1].size = (vaddr_t)__image_end - KERNEL_IMAGE_START;
	map_window(&windows[0], map);
	map_window(&windows[1], map);
}

void kasan_start(void)
{
	kasan_stacks_start();
	kasan_memory_start();
	WRITE_ONCE(kasan_ready, true);
	kasan_globals_start();
	kasan_percpu_start();
}
