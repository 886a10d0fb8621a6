// SPDX-License-Identifier: MIT
/*
 * mm/page/init.c - the order in which memory comes to life
 *
 *	memblock	ranges of the boot loader	nothing allocated yet
 *	trace		rings of records		memblock_alloc_below()
 *	kernel_map	page tables, struct pages	memblock_alloc()
 *	page_alloc	frames				alloc_page()
 *	slab		objects				kmalloc()
 *	vmalloc		addresses			vmalloc(), stacks
 *	page		page locks, the zero page
 *
 * Each needs the one before it.  After this memblock only answers questions.
 */
#include <arch/page.h>
#include <kernel/trace.h>
#include <lib/atomic.h>
#include <lib/cmdline.h>
#include <lib/init.h>
#include <lib/printk.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/memblock.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/slab.h>
#include <mm/alloc/vmalloc.h>
#include <mm/notifier/mmu_notifier.h>

static void mark_reserved(paddr_t start, paddr_t end)
{
	for (; start < end; start += PAGE_SIZE) {
		struct page *page = phys_to_page(start);

		SetPageReserved(page);
		atomic_set(&page->refcount, 1);
	}
}

/* RAM that stays with its owner since boot. */
static void mark_all_reserved(void)
{
	const struct memblock_list *memory = memblock_memory();
	const struct memblock_list *taken = memblock_taken();
	unsigned int i, j;

	for (i = 0; i < memory->nr; i++)
		for (j = 0; j < taken->nr; j++)
			mark_reserved(
				max(memory->range[i].start, taken->range[j].start),
				min(memory->range[i].end, taken->range[j].end));
}

static int memory_init(void)
{
	struct kernel_map_stats stats;

	memblock_init();
	trace_init();
	if (IS_ENABLED(CONFIG_MMU_NOTIFIER) && cmdline_get("observe"))
		mmu_notifier_observe(true);
	kernel_map_init();
	max_pfn = memblock_end() >> PAGE_SHIFT;
	mark_all_reserved();
	page_alloc_init();
	memblock_release(page_alloc_add_range);
	slab_init();
	vmalloc_init();
	page_init();
	kernel_map_verify(&stats);
	pr_info("memory: %lu MiB to give; kernel maps %lu x 1 GiB, %lu x "
		"2 MiB, %lu x 4 KiB, %lu KiB executable\n",
		nr_free_pages() >> (20 - PAGE_SHIFT), stats.pages_1g,
		stats.pages_2m, stats.pages_4k, stats.executable >> 10);
	return 0;
}
INITCALL(INIT_MEMORY, memory_init);
