// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/secondary_tlb.c - a device that walks the CPU's own tables
 *
 * The device here is a stand-in made of a lock and two arrays. It walks the
 * tables of the address space as hardware does: from the top, without mmap_lock
 * and without the lock of a table; it keeps what it read, the way to the last
 * table included; and it forgets only what a flush names. Its lock is
 * what hardware has in that place: an invalidation waits for walks under way.
 *
 * Three things are asked of it.
 *
 *	whenever it is flushed		the frames and tables that it has to
 *					forget are not free yet (R2.12 A)
 *	whenever it walks		the tables it keeps are tables
 *	when nothing is going on	what it keeps is what the tables say
 *
 * The last is all that the hook is for.
 *
 *	field			read and written with
 *	entry, table, lost	lock
 *	off			lock, or before it is registered
 *	told to flushes		lock; a test reads them after its own change
 *
 * Not here: the tests. Each way to change a mapping (secondary_tlb_test.c), how
 * the device is flushed (secondary_tlb_told_test.c), all CPUs at once
 * (secondary_tlb_race_test.c).
 */
#include <arch/tlb.h>
#include <kernel/lock/lockdep.h>
#include <mm/rmap/family.h>
#include <mm/table/tlb.h>

#include "secondary_tlb.h"

static struct secondary *secondary_of(struct mmu_notifier *sub)
{
	return container_of(sub, struct secondary, sub);
}

pmd_t secondary_upper(struct mm_struct *mm, vaddr_t addr)
{
	pmd_t *pmdp = pgtable_walk_pmd(mm, addr);

	return pmdp ? pmdp_get(pmdp) : __pmd(0);
}

pte_t secondary_entry(struct mm_struct *mm, vaddr_t addr)
{
	pmd_t pmd = secondary_upper(mm, addr);

	return pmd_none(pmd) ? __pte(0)
			     : ptep_get(pmd_table(pmd) + pte_index(addr));
}

/* Does the table behind @pmd still belong to tables? */
static bool table_is_table(pmd_t pmd)
{
	return PageTable(virt_to_page(pmd_table(pmd)));
}

/* Is the frame of a remembered entry still what was mapped at its page? */
static bool frame_is_ours(const struct secondary *dev, unsigned long i)
{
	struct page *page = pfn_to_page(pte_pfn(dev->entry[i]));

	if (is_zero_page(page))
		return true;
	return page_ref_count(page) > 0 && PageAnon(page) &&
	       page->mapping == &dev->mm->family->root &&
	       page->index == AT(i) >> PAGE_SHIFT;
}

static void secondary_told(struct mmu_notifier *sub, struct mm_struct *mm,
			   unsigned long start, unsigned long end)
{
	struct secondary *dev = secondary_of(sub);
	struct tlb_counters counters;
	unsigned long i;

	tlb_read_counters(&counters);
	spin_lock(&dev->lock);
	for (i = 0; i < PAGES; i++) {
		if (AT(i) < start || AT(i) >= end)
			continue;
		if (!pte_none(dev->entry[i]) && !frame_is_ours(dev, i))
			dev->lost++;
		dev->entry[i] = __pte(0);
	}
	if (!pmd_none(dev->table) && start < BASE + PMD_SIZE && end > BASE) {
		if (!table_is_table(dev->table))
			dev->lost++;
		dev->table = __pmd(0);
	}
	dev->told++;
	dev->start = start;
	dev->end = end;
	dev->flushes = counters.flushes;
	dev->pending = atomic_read(&mm->tlb_flush_pending);
	if (start < USER_END) {
		pmd_t pmd = secondary_upper(mm, start);

		dev->seen = secondary_entry(mm, start);
		dev->locked = !pmd_none(pmd) && lockdep_is_held(pmd_ptl(pmd));
	}
	spin_unlock(&dev->lock);
	log_call(dev->log, 't');
	if (dev->nap)
		might_sleep();
}

/* The top table goes too: nothing may be walked any more. */
static void secondary_release(struct mmu_notifier *sub, struct mm_struct *mm)
{
	struct secondary *dev = secondary_of(sub);

	spin_lock(&dev->lock);
	dev->off = true;
	memset(dev->entry, 0, sizeof(dev->entry));
	dev->table = __pmd(0);
	spin_unlock(&dev->lock);
}

static const struct mmu_notifier_ops secondary_ops = {
	.release = secondary_release,
	.invalidate_range = secondary_told,
};

bool secondary_walk(struct secondary *dev, unsigned long i)
{
	pte_t pte = __pte(0);

	spin_lock(&dev->lock);
	if (pmd_none(dev->table) && !dev->off)
		dev->table = secondary_upper(dev->mm, AT(i));
	if (!pmd_none(dev->table)) {
		if (!table_is_table(dev->table))
			dev->lost++;
		pte = ptep_get(pmd_table(dev->table) + pte_index(AT(i)));
	}
	if (pte_val(pte) & _PAGE_PRESENT) {
		dev->entry[i] = pte;
		if (!frame_is_ours(dev, i))
			dev->lost++;
	}
	spin_unlock(&dev->lock);
	return pte_val(pte) & _PAGE_PRESENT;
}

unsigned int secondary_walk_all(struct secondary *dev, unsigned long nr)
{
	unsigned int found = 0;
	unsigned long i;

	for (i = 0; i < nr; i++)
		found += secondary_walk(dev, i);
	return found;
}

unsigned int secondary_kept(const struct secondary *dev)
{
	unsigned int kept = 0;
	unsigned long i;

	for (i = 0; i < PAGES; i++)
		kept += !pte_none(dev->entry[i]);
	return kept;
}

/* @kept allows nothing that @now does not: the same frame, no more rights. */
static bool allows_no_more(pte_t kept, pte_t now)
{
	unsigned long more = pte_val(kept) & ~pte_val(now);

	return pte_pfn(kept) == pte_pfn(now) &&
	       !(more & (_PAGE_PRESENT | _PAGE_RW | _PAGE_USER)) &&
	       !(~pte_val(kept) & pte_val(now) & _PAGE_NX);
}

void secondary_check_pages(struct secondary *dev, struct ktest *test,
			   unsigned long from, unsigned long to)
{
	unsigned long i;

	spin_lock(&dev->lock);
	for (i = from; i < to; i++) {
		pte_t now = secondary_entry(dev->mm, AT(i));

		if (!pte_none(dev->entry[i]) &&
		    !allows_no_more(dev->entry[i], now))
			ktest_fail(test, "page %lu: keeps %#lx, is %#lx", i,
				   pte_val(dev->entry[i]), pte_val(now));
	}
	spin_unlock(&dev->lock);
}

void secondary_check(struct secondary *dev, struct ktest *test)
{
	mmap_write_lock(dev->mm);
	secondary_check_pages(dev, test, 0, PAGES);
	if (!pmd_none(dev->table))
		EXPECT_EQ(pmd_val(dev->table),
			  pmd_val(secondary_upper(dev->mm, BASE)));
	EXPECT_EQ(dev->lost, 0U);
	mmap_write_unlock(dev->mm);
}

struct secondary *secondary_new(struct sandbox *box)
{
	struct secondary *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	if (!dev) {
		ktest_fail(box->test, "no memory for a device");
		return NULL;
	}
	spin_lock_init(&dev->lock);
	dev->mm = box->mm;
	dev->sub.ops = &secondary_ops;
	return dev;
}

bool secondary_open(struct secondary **devp, struct sandbox *box,
		    struct ktest *test, unsigned long pages)
{
	struct secondary *dev;

	/* Its tests count calls, and compare it with the tables themselves. */
	if (!sandbox_open_as(box, test, SANDBOX_WITHOUT_SHADOW))
		return false;
	*devp = dev = secondary_new(box);
	if (!dev) {
		sandbox_close(box);
		return false;
	}
	EXPECT_EQ(mmu_notifier_register(&dev->sub, box->mm), 0);
	sandbox_map(box, AT(0), pages);
	return true;
}

void secondary_close(struct secondary *dev, struct sandbox *box)
{
	struct ktest *test = box->test;

	secondary_check(dev, test);
	EXPECT(mmu_notifier_verify(box->mm));
	mmu_notifier_unregister(&dev->sub, box->mm);
	/* It is no longer counted among the subscribers to flushes. */
	EXPECT(mmu_notifier_verify(box->mm));
	sandbox_close(box);
	kfree(dev);
}

void secondary_poke_all(struct sandbox *box, unsigned long nr)
{
	struct ktest *test = box->test;
	unsigned long i;

	for (i = 0; i < nr; i++)
		EXPECT_EQ(user_poke(AT(i), i + 1), 0);
}

/* --- one that follows values ---------------------------------------------- */

static int follower_start(struct mmu_notifier *sub,
			  const struct mmu_notifier_range *range)
{
	log_call(container_of(sub, struct follower, sub)->log, 's');
	return 0;
}

static void follower_end(struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	log_call(container_of(sub, struct follower, sub)->log, 'e');
}

static void follower_change(struct mmu_notifier *sub, struct mm_struct *mm,
			    unsigned long address, unsigned long entry)
{
	struct follower *f = container_of(sub, struct follower, sub);

	log_call(f->log, 'c');
	f->calls++;
	f->addr = address;
	f->value = entry;
	f->seen = secondary_entry(mm, address);
	f->locked = lockdep_is_held(pmd_ptl(secondary_upper(mm, address)));
}

const struct mmu_notifier_ops follower_ops = {
	.invalidate_range_start = follower_start,
	.invalidate_range_end = follower_end,
	.change_pte = follower_change,
};
