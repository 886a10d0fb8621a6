/* SPDX-License-Identifier: MIT */
/*
 * asm/paging.h - x86_64 page-table entries, present and not
 *
 * Bits of a present entry as the processor has them; bits 9, 10 and 11 and
 * 52..58 are left to software.  We use 10 (userfault write-protect) and 11
 * (soft dirty).  A PROT_NONE page is P=0 with bit 8 (global) set.
 *
 * A non-present entry must not look like a page that exists: processors with
 * the L1TF fault forward data for the frame number of an entry whose P bit is
 * clear.  So both PROT_NONE pages and swap entries carry their number
 * inverted, which points above all memory (rules R7.1 - R7.5):
 *
 *	bit	63..59	58..9			8  7  6 5 4 3  2  1  0
 *	swap	type	~offset (50 bits)	0  0  0 0 0 E  U  S  0
 *	none	0	0			0  0  0 0 0 0  0  0  0
 *	protnon	NX	~pfn in 51..12		1  .. as a present page .. 0
 *
 * E anon-exclusive, U userfault write-protect, S soft dirty.  Bits 5 and 6
 * stay clear because some processors set them by mistake, 7 because it is the
 * large-page bit one level up.
 */
#ifndef ASM_PAGING_H
#define ASM_PAGING_H

#include <lib/types.h>
#include <lib/compiler.h>
#include <asm/atomic.h>

#define PAGE_SHIFT     12
#define PAGE_SIZE      (1UL << PAGE_SHIFT)
#define PAGE_MASK      (~(PAGE_SIZE - 1))
#define PMD_SHIFT      21
#define PMD_SIZE       (1UL << PMD_SHIFT)
#define PMD_MASK       (~(PMD_SIZE - 1))
#define PUD_SHIFT      30
#define PUD_SIZE       (1UL << PUD_SHIFT)
#define PUD_MASK       (~(PUD_SIZE - 1))
#define PGDIR_SHIFT    39
#define PGDIR_SIZE     (1UL << PGDIR_SHIFT)
#define PGDIR_MASK     (~(PGDIR_SIZE - 1))
#define PTRS_PER_TABLE 512
#define USER_PGD_PTRS  256

/* The map of all ranges: docs/memory-map.md. */
#define USER_START         0x10000UL
#define USER_END           0x7ffffffff000UL
#define PAGE_OFFSET        0xffff800000000000UL
#define VMEMMAP_START      0xffffd00000000000UL
#define VMALLOC_START      0xffffe00000000000UL
#define VMALLOC_END        0xffffe10000000000UL
#define KERNEL_IMAGE_START 0xffffffff80000000UL

/* Of kernels with KASAN: the shadow of an address is at address / 8 + this. */
#define KASAN_SHADOW_OFFSET 0xdffff80000000000UL

/* Frame numbers never need more than this many bits (4-level paging). */
#define MAX_PHYSMEM_BITS 46

#define _PAGE_PRESENT    (1UL << 0)
#define _PAGE_RW         (1UL << 1)
#define _PAGE_USER       (1UL << 2)
#define _PAGE_PWT        (1UL << 3)
#define _PAGE_PCD        (1UL << 4)
#define _PAGE_ACCESSED   (1UL << 5)
#define _PAGE_DIRTY      (1UL << 6)
#define _PAGE_PSE        (1UL << 7)
#define _PAGE_GLOBAL     (1UL << 8)
#define _PAGE_PROTNONE   _PAGE_GLOBAL
#define _PAGE_SPECIAL    (1UL << 9)
#define _PAGE_UFFD_WP    (1UL << 10)
#define _PAGE_SOFT_DIRTY (1UL << 11)
#define _PAGE_NX         (1UL << 63)
#define _PAGE_PFN_MASK   0x000ffffffffff000UL

typedef struct {
	unsigned long pgd;
} pgd_t;
typedef struct {
	unsigned long pud;
} pud_t;
typedef struct {
	unsigned long pmd;
} pmd_t;
typedef struct {
	unsigned long pte;
} pte_t;
typedef struct {
	unsigned long pgprot;
} pgprot_t;

#define pgd_val(x)    ((x).pgd)
#define pud_val(x)    ((x).pud)
#define pmd_val(x)    ((x).pmd)
#define pte_val(x)    ((x).pte)
#define pgprot_val(x) ((x).pgprot)
#define __pgd(x)      ((pgd_t){(x)})
#define __pud(x)      ((pud_t){(x)})
#define __pmd(x)      ((pmd_t){(x)})
#define __pte(x)      ((pte_t){(x)})
#define __pgprot(x)   ((pgprot_t){(x)})

static_assert(sizeof(pte_t) * PTRS_PER_TABLE == PAGE_SIZE, "a table is a page");
static_assert(PAGE_SHIFT + 9 == PMD_SHIFT && PMD_SHIFT + 9 == PUD_SHIFT &&
		      PUD_SHIFT + 9 == PGDIR_SHIFT,
	      "nine bits a level");

/* Protections. Private writable pages start read-only: the fault decides. */
#define _PAGE_BASE_USER    (_PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED)
#define PAGE_NONE          __pgprot(_PAGE_PROTNONE | _PAGE_ACCESSED | _PAGE_NX)
#define PAGE_READONLY      __pgprot(_PAGE_BASE_USER | _PAGE_NX)
#define PAGE_READONLY_EXEC __pgprot(_PAGE_BASE_USER)
#define PAGE_COPY          PAGE_READONLY
#define PAGE_COPY_EXEC     PAGE_READONLY_EXEC
#define PAGE_SHARED        __pgprot(_PAGE_BASE_USER | _PAGE_RW | _PAGE_NX)
#define PAGE_SHARED_EXEC   __pgprot(_PAGE_BASE_USER | _PAGE_RW)

#define _PAGE_BASE_KERNEL \
	(_PAGE_PRESENT | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_GLOBAL)
#define PAGE_KERNEL    __pgprot(_PAGE_BASE_KERNEL | _PAGE_RW | _PAGE_NX)
#define PAGE_KERNEL_RO __pgprot(_PAGE_BASE_KERNEL | _PAGE_NX)
#define PAGE_KERNEL_RX __pgprot(_PAGE_BASE_KERNEL)
#define PAGE_KERNEL_NOCACHE \
	__pgprot(_PAGE_BASE_KERNEL | _PAGE_RW | _PAGE_NX | _PAGE_PCD | _PAGE_PWT)

/* An upper-level entry: permissive, the leaf decides. */
#define _TABLE_USER \
	(_PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY)
#define _TABLE_KERNEL (_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY)

static __always_inline void *paging_table_at(unsigned long entry)
{
	return (void *)(PAGE_OFFSET + (entry & _PAGE_PFN_MASK));
}

static __always_inline unsigned int pgd_index(vaddr_t addr)
{
	return (addr >> PGDIR_SHIFT) & (PTRS_PER_TABLE - 1);
}

static __always_inline unsigned int pud_index(vaddr_t addr)
{
	return (addr >> PUD_SHIFT) & (PTRS_PER_TABLE - 1);
}

static __always_inline unsigned int pmd_index(vaddr_t addr)
{
	return (addr >> PMD_SHIFT) & (PTRS_PER_TABLE - 1);
}

static __always_inline unsigned int pte_index(vaddr_t addr)
{
	return (addr >> PAGE_SHIFT) & (PTRS_PER_TABLE - 1);
}

/* The end of the entry that holds @addr, or @end if that comes first. */
static __always_inline vaddr_t pgd_addr_end(vaddr_t addr, vaddr_t end)
{
	vaddr_t next = (addr + PGDIR_SIZE) & PGDIR_MASK;

	return next - 1 < end - 1 ? next : end;
}

static __always_inline vaddr_t pud_addr_end(vaddr_t addr, vaddr_t end)
{
	vaddr_t next = (addr + PUD_SIZE) & PUD_MASK;

	return next - 1 < end - 1 ? next : end;
}

static __always_inline vaddr_t pmd_addr_end(vaddr_t addr, vaddr_t end)
{
	vaddr_t next = (addr + PMD_SIZE) & PMD_MASK;

	return next - 1 < end - 1 ? next : end;
}

static __always_inline bool pgd_none(pgd_t pgd)
{
	return !pgd_val(pgd);
}

static __always_inline bool pud_none(pud_t pud)
{
	return !pud_val(pud);
}

static __always_inline bool pmd_none(pmd_t pmd)
{
	return !pmd_val(pmd);
}

static __always_inline bool pud_leaf(pud_t pud)
{
	return pud_val(pud) & _PAGE_PSE;
}

static __always_inline bool pmd_leaf(pmd_t pmd)
{
	return pmd_val(pmd) & _PAGE_PSE;
}

static __always_inline pud_t *pgd_table(pgd_t pgd)
{
	return paging_table_at(pgd_val(pgd));
}

static __always_inline pmd_t *pud_table(pud_t pud)
{
	return paging_table_at(pud_val(pud));
}

static __always_inline pte_t *pmd_table(pmd_t pmd)
{
	return paging_table_at(pmd_val(pmd));
}

static __always_inline pgd_t mk_pgd(paddr_t table, unsigned long flags)
{
	return __pgd(table | flags);
}

static __always_inline pud_t mk_pud(paddr_t table, unsigned long flags)
{
	return __pud(table | flags);
}

static __always_inline pmd_t mk_pmd(paddr_t table, unsigned long flags)
{
	return __pmd(table | flags);
}

static __always_inline pgd_t pgdp_get(const pgd_t *p)
{
	return __pgd(READ_ONCE(p->pgd));
}

static __always_inline pud_t pudp_get(const pud_t *p)
{
	return __pud(READ_ONCE(p->pud));
}

static __always_inline pmd_t pmdp_get(const pmd_t *p)
{
	return __pmd(READ_ONCE(p->pmd));
}

static __always_inline void set_pgd(pgd_t *p, pgd_t pgd)
{
	WRITE_ONCE(p->pgd, pgd_val(pgd));
}

static __always_inline void set_pud(pud_t *p, pud_t pud)
{
	WRITE_ONCE(p->pud, pud_val(pud));
}

static __always_inline void set_pmd(pmd_t *p, pmd_t pmd)
{
	WRITE_ONCE(p->pmd, pmd_val(pmd));
}

static __always_inline bool pte_none(pte_t pte)
{
	return !pte_val(pte);
}

/* Present for software: a PROT_NONE page is. */
static __always_inline bool pte_present(pte_t pte)
{
	return pte_val(pte) & (_PAGE_PRESENT | _PAGE_PROTNONE);
}

static __always_inline bool pte_protnone(pte_t pte)
{
	return (pte_val(pte) & (_PAGE_PRESENT | _PAGE_PROTNONE)) ==
	       _PAGE_PROTNONE;
}

static __always_inline bool pte_write(pte_t pte)
{
	return pte_val(pte) & _PAGE_RW;
}

static __always_inline bool pte_exec(pte_t pte)
{
	return !(pte_val(pte) & _PAGE_NX);
}

static __always_inline bool pte_dirty(pte_t pte)
{
	return pte_val(pte) & _PAGE_DIRTY;
}

static __always_inline bool pte_young(pte_t pte)
{
	return pte_val(pte) & _PAGE_ACCESSED;
}

static __always_inline bool pte_soft_dirty(pte_t pte)
{
	return pte_val(pte) & _PAGE_SOFT_DIRTY;
}

static __always_inline bool pte_uffd_wp(pte_t pte)
{
	return pte_val(pte) & _PAGE_UFFD_WP;
}

/* Software's: the entry maps a frame and counts no page. */
static __always_inline bool pte_special(pte_t pte)
{
	return pte_val(pte) & _PAGE_SPECIAL;
}

static __always_inline pte_t pte_mkspecial(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_SPECIAL);
}

static __always_inline bool pte_same(pte_t a, pte_t b)
{
	return pte_val(a) == pte_val(b);
}

static __always_inline pte_t pte_mkwrite(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_RW);
}

static __always_inline pte_t pte_wrprotect(pte_t pte)
{
	return __pte(pte_val(pte) & ~_PAGE_RW);
}

static __always_inline pte_t pte_mkdirty(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_DIRTY | _PAGE_SOFT_DIRTY);
}

static __always_inline pte_t pte_mkclean(pte_t pte)
{
	return __pte(pte_val(pte) & ~_PAGE_DIRTY);
}

static __always_inline pte_t pte_mkyoung(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_ACCESSED);
}

static __always_inline pte_t pte_mkold(pte_t pte)
{
	return __pte(pte_val(pte) & ~_PAGE_ACCESSED);
}

static __always_inline pte_t pte_mksoft_dirty(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_SOFT_DIRTY);
}

static __always_inline pte_t pte_clear_soft_dirty(pte_t pte)
{
	return __pte(pte_val(pte) & ~_PAGE_SOFT_DIRTY);
}

static __always_inline pte_t pte_mkuffd_wp(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_UFFD_WP);
}

static __always_inline pte_t pte_clear_uffd_wp(pte_t pte)
{
	return __pte(pte_val(pte) & ~_PAGE_UFFD_WP);
}

/* All ones when the frame bits of @val are held inverted, else zero. */
static __always_inline unsigned long pte_inversion(unsigned long val)
{
	return val && !(val & _PAGE_PRESENT) ? ~0UL : 0;
}

/* Only for a present PTE, PROT_NONE or not. */
static __always_inline pfn_t pte_pfn(pte_t pte)
{
	unsigned long val = pte_val(pte) ^ pte_inversion(pte_val(pte));

	return (val & _PAGE_PFN_MASK) >> PAGE_SHIFT;
}

static __always_inline pte_t pfn_pte(pfn_t pfn, pgprot_t prot)
{
	unsigned long bits = pfn << PAGE_SHIFT;

	bits ^= pte_inversion(pgprot_val(prot));
	return __pte((bits & _PAGE_PFN_MASK) | pgprot_val(prot));
}

/* The same rights and history, another frame. */
static __always_inline pte_t pte_with_pfn(pte_t pte, pfn_t pfn)
{
	return pfn_pte(pfn, __pgprot(pte_val(pte) & ~_PAGE_PFN_MASK));
}

/* The bits that a change of protection must keep. */
#define _PAGE_CHG_MASK                                                     \
	(_PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_SOFT_DIRTY | _PAGE_UFFD_WP | \
	 _PAGE_SPECIAL | _PAGE_PCD | _PAGE_PWT)

/* The same frame and history with protection @prot (R7.3: flips the frame). */
static __always_inline pte_t pte_modify(pte_t pte, pgprot_t prot)
{
	unsigned long keep = pte_val(pte) & _PAGE_CHG_MASK;
	unsigned long add = pgprot_val(prot) & ~_PAGE_CHG_MASK;

	return __pte(pte_val(pfn_pte(pte_pfn(pte), __pgprot(add))) | keep);
}

static __always_inline pte_t ptep_get(const pte_t *ptep)
{
	return __pte(READ_ONCE(ptep->pte));
}

static __always_inline void set_pte(pte_t *ptep, pte_t pte)
{
	WRITE_ONCE(ptep->pte, pte_val(pte));
}

/*
 * Swap in a new value and hand back the old.  Must be one instruction: until
 * the entry changes, another CPU may set its accessed and dirty bits.
 */
static __always_inline pte_t ptep_xchg(pte_t *ptep, pte_t pte)
{
	unsigned long val = pte_val(pte);

	asm volatile("xchgq %0, %1" : "+r"(val), "+m"(ptep->pte) : : "memory");
	return __pte(val);
}

static __always_inline pte_t ptep_get_and_clear(pte_t *ptep)
{
	return ptep_xchg(ptep, __pte(0));
}

/* One bit, so that a dirty bit that a CPU sets meanwhile stays. */
static __always_inline bool ptep_test_and_clear_young(pte_t *ptep)
{
	return arch_test_and_clear_bit(__builtin_ctzl(_PAGE_ACCESSED),
				       &ptep->pte);
}

/* Likewise; an accessed bit stays. */
static __always_inline bool ptep_test_and_clear_dirty(pte_t *ptep)
{
	return arch_test_and_clear_bit(__builtin_ctzl(_PAGE_DIRTY), &ptep->pte);
}

/* Likewise. */
static __always_inline void ptep_set_wrprotect(pte_t *ptep)
{
	arch_clear_bit(__builtin_ctzl(_PAGE_RW), &ptep->pte);
}

/* Swap entries */

/* Arch-independent form: type in the top five bits of 63, offset below. */
typedef struct {
	unsigned long val;
} swp_entry_t;

#define SWP_TYPE_BITS         5
#define SWP_TYPE_SHIFT        58
#define SWP_OFFSET_MASK       ((1UL << SWP_TYPE_SHIFT) - 1)
#define SWP_ARCH_OFFSET_BITS  50
#define SWP_ARCH_OFFSET_MASK  ((1UL << SWP_ARCH_OFFSET_BITS) - 1)
#define SWP_ARCH_OFFSET_SHIFT 9
#define SWP_ARCH_TYPE_SHIFT   59

#define _PAGE_SWP_SOFT_DIRTY  _PAGE_RW
#define _PAGE_SWP_UFFD_WP     _PAGE_USER
#define _PAGE_SWP_EXCLUSIVE   _PAGE_PWT
#define _PAGE_SWP_FLAGS \
	(_PAGE_SWP_SOFT_DIRTY | _PAGE_SWP_UFFD_WP | _PAGE_SWP_EXCLUSIVE)

static_assert(SWP_ARCH_OFFSET_SHIFT + SWP_ARCH_OFFSET_BITS == SWP_ARCH_TYPE_SHIFT,
	      "offset ends where the type begins");
static_assert(SWP_ARCH_TYPE_SHIFT + SWP_TYPE_BITS == 64, "type is on top");
static_assert(MAX_PHYSMEM_BITS - PAGE_SHIFT + 2 <= SWP_ARCH_OFFSET_BITS,
	      "a frame number with young and dirty beside it fits an offset");
static_assert((_PAGE_SWP_FLAGS & (_PAGE_PRESENT | _PAGE_ACCESSED | _PAGE_DIRTY |
				  _PAGE_PSE | _PAGE_PROTNONE)) == 0,
	      "a flagged swap entry is neither present nor touched by hardware");

static __always_inline unsigned int swp_type(swp_entry_t entry)
{
	return entry.val >> SWP_TYPE_SHIFT;
}

static __always_inline unsigned long swp_offset(swp_entry_t entry)
{
	return entry.val & SWP_OFFSET_MASK;
}

/*
 * (type 0, highest offset) would encode to 0, which means "none"; swap files
 * are limited so that it cannot come up (R7.4).
 */
static __always_inline swp_entry_t swp_entry(unsigned int type,
					     unsigned long offset)
{
	return (swp_entry_t){(unsigned long)type << SWP_TYPE_SHIFT |
			     (offset & SWP_OFFSET_MASK)};
}

static __always_inline pte_t swp_entry_to_pte(swp_entry_t entry)
{
	unsigned long inverted = ~entry.val & SWP_ARCH_OFFSET_MASK;

	return __pte((unsigned long)swp_type(entry) << SWP_ARCH_TYPE_SHIFT |
		     inverted << SWP_ARCH_OFFSET_SHIFT);
}

/* The flag bits are not part of the entry: they are left out here. */
static __always_inline swp_entry_t pte_to_swp_entry(pte_t pte)
{
	unsigned long offset = ~(pte_val(pte) >> SWP_ARCH_OFFSET_SHIFT);

	return swp_entry(pte_val(pte) >> SWP_ARCH_TYPE_SHIFT,
			 offset & SWP_ARCH_OFFSET_MASK);
}

static __always_inline bool is_swap_pte(pte_t pte)
{
	return !pte_none(pte) && !pte_present(pte);
}

static __always_inline bool pte_swp_soft_dirty(pte_t pte)
{
	return pte_val(pte) & _PAGE_SWP_SOFT_DIRTY;
}

static __always_inline pte_t pte_swp_mksoft_dirty(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_SWP_SOFT_DIRTY);
}

static __always_inline pte_t pte_swp_clear_soft_dirty(pte_t pte)
{
	return __pte(pte_val(pte) & ~_PAGE_SWP_SOFT_DIRTY);
}

static __always_inline bool pte_swp_uffd_wp(pte_t pte)
{
	return pte_val(pte) & _PAGE_SWP_UFFD_WP;
}

static __always_inline pte_t pte_swp_mkuffd_wp(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_SWP_UFFD_WP);
}

static __always_inline bool pte_swp_exclusive(pte_t pte)
{
	return pte_val(pte) & _PAGE_SWP_EXCLUSIVE;
}

static __always_inline pte_t pte_swp_mkexclusive(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_SWP_EXCLUSIVE);
}

#endif
