// SPDX-License-Identifier: MIT
/*
 * mm/alloc/kernel_map.c - the page tables of the kernel itself
 *
 * Problem.  The tables of early boot map everything writable and executable,
 * at two addresses.  A kernel that goes on like that turns each stray write
 * into a chance to run foreign code.
 *
 * Idea.  Build new tables from nothing, each part with no more rights than it
 * needs, and switch to them before anything else runs:
 *
 *	what			at			rights	pages
 *	direct map of RAM	PAGE_OFFSET		RW	4K 2M 1G
 *	  first MiB, with holes				RW	4K
 *	  text and rodata of the image			R	4K 2M
 *	  tables of ACPI				R	4K 2M
 *	struct page array	VMEMMAP_START		RW	4K 2M
 *	vmalloc, stacks		VMALLOC_START		later
 *	text			KERNEL_IMAGE_START	R X	4K
 *	rodata			behind it		R	4K
 *	data, bss, per-CPU	behind it		RW	4K
 *
 * All but the text is NX, nothing belongs to the user, the lower half is
 * empty.  Leaves are global: the upper half is the same everywhere.
 *
 * So that it stays the same in every address space, all 256 upper entries of
 * the top level get their table now (1 MiB in all) and never change again.  A
 * new address space copies them once.
 *
 * Later changes:
 *
 *	field			guarded by
 *	top level, upper half	nobody: constant
 *	tables of the vmalloc	kernel_map.lock, from empty to a table; never
 *	range			back
 *	last-level entries	the owner of the virtual range
 *	lower half of the	kernel_map.lock; only the trampoline page for
 *	kernel's own table	processors that start
 *
 * The exceptions to W^X: while processors start, a page of the first MiB is
 * executable at its own address and writable in the direct map.
 *
 * Not here: loading the tables and flushing (arch/), handing out addresses
 * (mm/alloc/vmalloc.c), the tables of processes (mm/table/pgtable.c).
 */
#include <arch/boot.h>
#include <arch/mmu.h>
#include <arch/page.h>
#include <arch/tlb.h>
#include <lib/assert.h>
#include <lib/errno.h>
#include <lib/kasan.h>
#include <lib/layout.h>
#include <lib/printk.h>
#include <kernel/lock/spinlock.h>
#include <mm/alloc/kernel_map.h>
#include <mm/alloc/memblock.h>
#include <mm/alloc/page_alloc.h>

#define LOW_MEMORY_END (1ul << 20)

static struct {
	struct spinlock lock;
	pgd_t *pgd;
	unsigned long tables; /* pages spent after boot */
	vaddr_t trampoline;   /* mapped in the lower half, 0 if none */
} kernel_map = {
	.lock = SPINLOCK_INIT(kernel_map.lock),
};

LAYOUT_ENTRY("kernel_map.pgd", (unsigned long)&kernel_map.pgd);

/* --- building, at boot -------------------------------------------------- */

static paddr_t boot_table(void)
{
	return memblock_alloc(PAGE_SIZE, PAGE_SIZE);
}

static pud_t *boot_pud(vaddr_t addr)
{
	return pgd_table(kernel_map.pgd[pgd_index(addr)]) + pud_index(addr);
}

static pmd_t *boot_pmd(vaddr_t addr)
{
	pud_t *pud = boot_pud(addr);

	if (pud_none(*pud))
		set_pud(pud, mk_pud(boot_table(), _TABLE_KERNEL));
	ASSERT(!pud_leaf(*pud));
	return pud_table(*pud) + pmd_index(addr);
}

static pte_t *boot_pte(vaddr_t addr)
{
	pmd_t *pmd = boot_pmd(addr);

	if (pmd_none(*pmd))
		set_pmd(pmd, mk_pmd(boot_table(), _TABLE_KERNEL));
	ASSERT(!pmd_leaf(*pmd));
	return pmd_table(*pmd) + pte_index(addr);
}

static bool fits(vaddr_t addr, paddr_t paddr, unsigned long left,
		 unsigned long size)
{
	return IS_ALIGNED(addr | paddr, size) && left >= size;
}

/* Map with the largest pages that fit, and are still empty. */
static void boot_map(vaddr_t addr, paddr_t paddr, unsigned long size,
		     pgprot_t prot)
{
	unsigned long leaf = pgprot_val(prot) | _PAGE_PSE;

	ASSERT(IS_ALIGNED(addr | paddr | size, PAGE_SIZE));
	while (size) {
		unsigned long step = PAGE_SIZE;

		if (arch_has_pud_leaf() && fits(addr, paddr, size, PUD_SIZE) &&
		    pud_none(*boot_pud(addr))) {
			step = PUD_SIZE;
			set_pud(boot_pud(addr), mk_pud(paddr, leaf));
		} else if (fits(addr, paddr, size, PMD_SIZE) &&
			   pmd_none(*boot_pmd(addr))) {
			step = PMD_SIZE;
			set_pmd(boot_pmd(addr), mk_pmd(paddr, leaf));
		} else {
			set_pte(boot_pte(addr),
				pfn_pte(paddr >> PAGE_SHIFT, prot));
		}
		addr += step;
		paddr += step;
		size -= step;
	}
}

static void map_direct_piece(paddr_t start, paddr_t end, pgprot_t prot)
{
	if (start < end)
		boot_map((vaddr_t)phys_to_virt(start), start, end - start, prot);
}

/* RAM, read-only where it holds what must not change. */
static void map_direct(paddr_t start, paddr_t end)
{
	paddr_t fixed = image_to_phys(__text_start);
	paddr_t fixed_end = image_to_phys(__rodata_end);

	map_direct_piece(start, min(end, fixed), PAGE_KERNEL);
	map_direct_piece(max(start, fixed), min(end, fixed_end), PAGE_KERNEL_RO);
	map_direct_piece(max(start, fixed_end), end, PAGE_KERNEL);
}

static void map_all_direct(void)
{
	const struct memblock_list *memory = memblock_memory();
	unsigned int i;

	map_direct_piece(0, LOW_MEMORY_END, PAGE_KERNEL);
	for (i = 0; i < memory->nr; i++)
		map_direct(max(memory->range[i].start, LOW_MEMORY_END),
			   memory->range[i].end);
	for (i = 0; i < boot_info.nr_regions; i++) {
		const struct boot_region *r = &boot_info.regions[i];

		if (r->kind == BOOT_MEMORY_ACPI || r->kind == BOOT_MEMORY_NVS)
			map_direct_piece(
				max(r->start & PAGE_MASK, LOW_MEMORY_END),
				ALIGN(r->end, PAGE_SIZE), PAGE_KERNEL_RO);
	}
}

static bool boot_mapped(vaddr_t addr)
{
	pud_t pud = *boot_pud(addr);
	pmd_t pmd;

	if (pud_none(pud) || pud_leaf(pud))
		return !pud_none(pud);
	pmd = pud_table(pud)[pmd_index(addr)];
	if (pmd_none(pmd) || pmd_leaf(pmd))
		return !pmd_none(pmd);
	return !pte_none(pmd_table(pmd)[pte_index(addr)]);
}

/*
 * A struct page for every frame of each MAX_ORDER block that has RAM in it:
 * the buddy looks at neighbours within a block without asking.
 */
static void map_vmemmap(paddr_t start, paddr_t end)
{
	const unsigned long block = PAGE_SIZE << MAX_ORDER;
	vaddr_t addr = (vaddr_t)phys_to_page(ALIGN_DOWN(start, block));
	vaddr_t stop = (vaddr_t)phys_to_page(ALIGN(end, block));

	static_assert(IS_ALIGNED(sizeof(struct page) << MAX_ORDER, PAGE_SIZE),
		      "a block's struct pages fill whole pages");
	while (addr < stop) {
		unsigned long step = PAGE_SIZE;

		if (boot_mapped(addr)) {
			addr += step;
			continue;
		}
		if (fits(addr, 0, stop - addr, PMD_SIZE) &&
		    pmd_none(*boot_pmd(addr)))
			step = PMD_SIZE;
		boot_map(addr, memblock_alloc(step, step), step, PAGE_KERNEL);
		addr += step;
	}
}

static void map_image(void)
{
	static const struct {
		char *start;
		char *end;
		pgprot_t prot;
	} part[] = {
		{__text_start, __text_end, PAGE_KERNEL_RX},
		{__rodata_start, __rodata_end, PAGE_KERNEL_RO},
		{__data_start, boot_stack_guard, PAGE_KERNEL},
		{boot_stack, __data_end, PAGE_KERNEL},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(part); i++)
		boot_map((vaddr_t)part[i].start, image_to_phys(part[i].start),
			 part[i].end - part[i].start, part[i].prot);
}

void kernel_map_init(void)
{
	const struct memblock_list *memory = memblock_memory();
	unsigned int i;

	kernel_map.pgd = phys_to_virt(boot_table());
	for (i = USER_PGD_PTRS; i < PTRS_PER_TABLE; i++)
		set_pgd(&kernel_map.pgd[i], mk_pgd(boot_table(), _TABLE_KERNEL));
	map_image();
	map_all_direct();
	for (i = 0; i < memory->nr; i++)
		map_vmemmap(memory->range[i].start, memory->range[i].end);
	kasan_map_shadow(boot_map);
	arch_set_kernel_pgd(kernel_map_pgd());
	memblock_set_reach(memblock_end());
	kasan_start();
}

paddr_t kernel_map_pgd(void)
{
	return virt_to_phys(kernel_map.pgd);
}

void kernel_map_copy_upper(pgd_t *pgd)
{
	for (unsigned int i = USER_PGD_PTRS; i < PTRS_PER_TABLE; i++)
		pgd[i] = kernel_map.pgd[i];
}

/* --- later: single pages ------------------------------------------------ */

/* Kept for good, so to a leak check it is older than every snapshot. */
static struct page *table_alloc(gfp_t gfp)
{
	struct page *table = alloc_page(gfp | __GFP_ZERO);

	if (table)
		table->epoch = 0;
	return table;
}

static pmd_t *late_pmd(vaddr_t addr, gfp_t gfp)
{
	pud_t *pud = pgd_table(kernel_map.pgd[pgd_index(addr)]) + pud_index(addr);
	struct page *table;

	if (unlikely(pud_none(pudp_get(pud)))) {
		unsigned long flags;

		table = table_alloc(gfp);
		if (!table)
			return NULL;
		spin_lock_irqsave(&kernel_map.lock, flags);
		if (pud_none(*pud)) {
			set_pud(pud, mk_pud(page_to_phys(table), _TABLE_KERNEL));
			kernel_map.tables++;
			table = NULL;
		}
		spin_unlock_irqrestore(&kernel_map.lock, flags);
		if (table)
			put_page(table);
	}
	return pud_table(pudp_get(pud)) + pmd_index(addr);
}

static pte_t *late_pte(vaddr_t addr, gfp_t gfp)
{
	pmd_t *pmd = late_pmd(addr, gfp);
	struct page *table;

	if (!pmd)
		return NULL;
	if (unlikely(pmd_none(pmdp_get(pmd)))) {
		unsigned long flags;

		table = table_alloc(gfp);
		if (!table)
			return NULL;
		spin_lock_irqsave(&kernel_map.lock, flags);
		if (pmd_none(*pmd)) {
			set_pmd(pmd, mk_pmd(page_to_phys(table), _TABLE_KERNEL));
			kernel_map.tables++;
			table = NULL;
		}
		spin_unlock_irqrestore(&kernel_map.lock, flags);
		if (table)
			put_page(table);
	}
	return pmd_table(pmdp_get(pmd)) + pte_index(addr);
}

int kernel_map_set(vaddr_t addr, pfn_t pfn, pgprot_t prot, gfp_t gfp)
{
	pte_t *pte;

	ASSERT((addr >= VMALLOC_START && addr < VMALLOC_END) ||
	       kasan_is_shadow(addr));
	ASSERT(IS_ALIGNED(addr, PAGE_SIZE));
	pte = late_pte(addr, gfp);
	if (!pte)
		return -ENOMEM;
	ASSERT(pte_none(*pte));
	set_pte(pte, pfn_pte(pfn, prot));
	return 0;
}

/* The last-level entry of an address, or NULL where no table is. */
static pte_t *find_pte(vaddr_t addr)
{
	pgd_t pgd = kernel_map.pgd[pgd_index(addr)];
	pud_t pud;
	pmd_t pmd;

	if (pgd_none(pgd))
		return NULL;
	pud = pudp_get(pgd_table(pgd) + pud_index(addr));
	if (pud_none(pud) || pud_leaf(pud))
		return NULL;
	pmd = pmdp_get(pud_table(pud) + pmd_index(addr));
	if (pmd_none(pmd) || pmd_leaf(pmd))
		return NULL;
	return pmd_table(pmd) + pte_index(addr);
}

pte_t kernel_map_clear(vaddr_t addr)
{
	pte_t *pte;

	ASSERT(addr >= VMALLOC_START && addr < VMALLOC_END);
	pte = find_pte(addr);
	return pte ? ptep_get_and_clear(pte) : __pte(0);
}

unsigned long kernel_map_table_pages(void)
{
	return READ_ONCE(kernel_map.tables);
}

unsigned long kernel_map_walk_leaf(vaddr_t addr, unsigned long *size)
{
	pgd_t pgd = kernel_map.pgd[pgd_index(addr)];
	pud_t pud;
	pmd_t pmd;

	if (pgd_none(pgd))
		return 0;
	*size = PUD_SIZE;
	pud = pudp_get(pgd_table(pgd) + pud_index(addr));
	if (pud_none(pud) || pud_leaf(pud))
		return pud_val(pud);
	*size = PMD_SIZE;
	pmd = pmdp_get(pud_table(pud) + pmd_index(addr));
	if (pmd_none(pmd) || pmd_leaf(pmd))
		return pmd_val(pmd);
	*size = PAGE_SIZE;
	return pte_val(ptep_get(pmd_table(pmd) + pte_index(addr)));
}

/* --- a page on which processors start ----------------------------------- */

int kernel_map_low_trampoline(paddr_t paddr)
{
	const unsigned long rights = pgprot_val(PAGE_KERNEL_RX) & ~_PAGE_GLOBAL;
	struct page *table[3];
	unsigned int i, nr;
	int err = 0;

	if (!IS_ALIGNED(paddr, PAGE_SIZE) || !paddr || paddr >= LOW_MEMORY_END)
		return -EINVAL;
	nr = alloc_pages_bulk(GFP_KERNEL | __GFP_ZERO, ARRAY_SIZE(table), table);
	if (nr < ARRAY_SIZE(table)) {
		err = -ENOMEM;
		goto out_free;
	}
	((pud_t *)page_address(table[0]))[pud_index(paddr)] =
		mk_pud(page_to_phys(table[1]), _TABLE_KERNEL);
	((pmd_t *)page_address(table[1]))[pmd_index(paddr)] =
		mk_pmd(page_to_phys(table[2]), _TABLE_KERNEL);
	((pte_t *)page_address(table[2]))[pte_index(paddr)] =
		pfn_pte(paddr >> PAGE_SHIFT, __pgprot(rights));

	spin_lock(&kernel_map.lock);
	if (kernel_map.trampoline) {
		err = -EBUSY;
	} else {
		kernel_map.trampoline = paddr;
		set_pgd(&kernel_map.pgd[0],
			mk_pgd(page_to_phys(table[0]), _TABLE_KERNEL));
	}
	spin_unlock(&kernel_map.lock);
	if (!err)
		return 0;
out_free:
	for (i = 0; i < nr; i++)
		put_page(table[i]);
	return err;
}

void kernel_map_low_trampoline_end(void)
{
	vaddr_t addr;
	pgd_t pgd;
	pud_t pud;
	pmd_t pmd;

	spin_lock(&kernel_map.lock);
	addr = kernel_map.trampoline;
	pgd = kernel_map.pgd[0];
	set_pgd(&kernel_map.pgd[0], __pgd(0));
	kernel_map.trampoline = 0;
	spin_unlock(&kernel_map.lock);
	if (!addr)
		return;
	pud = pgd_table(pgd)[pud_index(addr)];
	pmd = pud_table(pud)[pmd_index(addr)];
	flush_tlb_mm(&init_mm_context);
	free_page_at(pmd_table(pmd));
	free_page_at(pud_table(pud));
	free_page_at(pgd_table(pgd));
}

/* --- checking ----------------------------------------------------------- */

/* The rights of the upper levels, and where we are. */
struct verify_walk {
	struct kernel_map_stats stats;
	vaddr_t addr;
};

static const char *leaf_fault(const struct verify_walk *walk,
			      unsigned long entry, unsigned long size)
{
	vaddr_t addr = walk->addr;
	paddr_t paddr = entry & _PAGE_PFN_MASK & ~(size - 1);
	bool writable = entry & _PAGE_RW;
	bool executable = !(entry & _PAGE_NX);

	if (entry & _PAGE_USER)
		return "belongs to the user";
	if (writable && executable)
		return "is writable and executable";
	if (addr < PAGE_OFFSET)
		return addr == kernel_map.trampoline ? NULL
						     : "is in the lower half";
	if (executable &&
	    (addr < (vaddr_t)__text_start || addr + size > (vaddr_t)__text_end))
		return "is executable outside the text";
	if (writable && paddr < image_to_phys(__rodata_end) &&
	    paddr + size > image_to_phys(__text_start))
		return "is a writable alias of text or rodata";
	return NULL;
}

static void verify_leaf(struct verify_walk *walk, unsigned long entry,
			unsigned long size)
{
	const char *fault = leaf_fault(walk, entry, size);

	if (size == PAGE_SIZE)
		walk->stats.pages_4k++;
	else if (size == PMD_SIZE)
		walk->stats.pages_2m++;
	else
		walk->stats.pages_1g++;
	if (entry & _PAGE_RW)
		walk->stats.writable += size;
	if (!(entry & _PAGE_NX))
		walk->stats.executable += size;
	if (!fault)
		return;
	walk->stats.bad++;
	pr_err("kernel_map: %#lx (%#lx bytes, entry %#lx) %s\n", walk->addr,
	       size, entry, fault);
}

/* Rights add up downwards: RW and USER must be given by all, NX by one. */
static unsigned long combine(unsigned long upper, unsigned long entry)
{
	const unsigned long all = _PAGE_RW | _PAGE_USER;

	return (entry & ~(all & ~upper)) | (upper & _PAGE_NX);
}

static void verify_pte_table(struct verify_walk *walk, pmd_t pmd,
			     unsigned long upper)
{
	for (unsigned int i = 0; i < PTRS_PER_TABLE; i++) {
		unsigned long entry = pte_val(ptep_get(pmd_table(pmd) + i));

		if (entry & _PAGE_PRESENT)
			verify_leaf(walk, combine(upper, entry), PAGE_SIZE);
		walk->addr += PAGE_SIZE;
	}
}

static void verify_pmd_table(struct verify_walk *walk, pud_t pud,
			     unsigned long upper)
{
	for (unsigned int i = 0; i < PTRS_PER_TABLE; i++) {
		pmd_t pmd = pmdp_get(pud_table(pud) + i);
		unsigned long rights = combine(upper, pmd_val(pmd));

		if (!pmd_none(pmd) && !pmd_leaf(pmd)) {
			verify_pte_table(walk, pmd, rights);
			continue;
		}
		if (pmd_leaf(pmd))
			verify_leaf(walk, rights, PMD_SIZE);
		walk->addr += PMD_SIZE;
	}
}

static void verify_pud_table(struct verify_walk *walk, pgd_t pgd)
{
	for (unsigned int i = 0; i < PTRS_PER_TABLE; i++) {
		pud_t pud = pudp_get(pgd_table(pgd) + i);
		unsigned long rights = combine(pgd_val(pgd), pud_val(pud));

		if (!pud_none(pud) && !pud_leaf(pud)) {
			verify_pmd_table(walk, pud, rights);
			continue;
		}
		if (pud_leaf(pud))
			verify_leaf(walk, rights, PUD_SIZE);
		walk->addr += PUD_SIZE;
	}
}

unsigned long kernel_map_verify(struct kernel_map_stats *stats)
{
	struct verify_walk walk = {.addr = 0};

	for (unsigned int i = 0; i < PTRS_PER_TABLE; i++) {
		pgd_t pgd = pgdp_get(&kernel_map.pgd[i]);

		walk.addr = (vaddr_t)i << PGDIR_SHIFT;
		if (i >= USER_PGD_PTRS)
			walk.addr |= ~0ul << (PGDIR_SHIFT + 8);
		if (!pgd_none(pgd))
			verify_pud_table(&walk, pgd);
	}
	if (stats)
		*stats = walk.stats;
	return walk.stats.bad;
}
