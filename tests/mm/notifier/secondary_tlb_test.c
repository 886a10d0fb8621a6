// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/secondary_tlb_test.c - a device that walks the CPU's own tables
 *
 * The device here is a stand-in made of a lock and two arrays. It walks the
 * tables of the address space as hardware does: from the top, without mmap_lock
 * and without the lock of a table; it keeps what it read, the way to the last
 * table included; and it forgets only what it is told to forget. Its lock is
 * what hardware has in that place: an invalidation waits for walks under way.
 *
 * Three things are asked of it.
 *
 *	whenever it is told		the frames and tables that it has to
 *					forget are not free yet (R2.12 A)
 *	whenever it walks		the tables it keeps are tables
 *	when nothing is going on	what it keeps is what the tables say
 *
 * The last is all that the hook is for; each test changes a mapping in another
 * of the ways there are, and says when and under which lock it was told.
 *
 * Over 600 lines because the stand-in and the comparison with the tables are
 * what every test here is made of.
 */
#include <arch/tlb.h>
#include <lib/cpumask.h>
#include <kernel/lock/lockdep.h>
#include <kernel/trace.h>
#include <mm/table/tlb.h>
#include "tests/mm/lib/sandbox.h"
#include "notifier_fixture.h"

DECLARE_TRACE_EVENT(mmu_notifier_callback);

#define AT(page)   (BASE + (page)*PAGE_SIZE)
#define LEN(pages) ((size_t)(pages)*PAGE_SIZE)
#define PAGES      256UL

static_assert(IS_ALIGNED(BASE, PMD_SIZE) && PAGES < PTRS_PER_TABLE,
	      "all pages of the tests are in one table");

/**
 * struct secondary - the stand-in
 * @lock: a walk, or an invalidation
 * @off: the address space is gone
 * @entry: by page from BASE: what the walk found, or 0
 * @table: the way to the table of all of them, or 0
 * @told: calls of invalidate_range
 * @start: bounds of the last
 * @end: of the last
 * @seen: the entry of @start at the last call
 * @locked: was the lock of the table held then?
 * @flushes: of all CPUs together, when it was told
 * @lost: frames and tables found free while it still had them
 * @nap: do what may sleep when told
 * @log: if set, gets 't'
 */
struct secondary {
	struct mmu_notifier sub;
	struct mm_struct *mm;
	struct spinlock lock;
	bool off;
	pte_t entry[PAGES];
	pmd_t table;
	unsigned int told;
	vaddr_t start;
	vaddr_t end;
	pte_t seen;
	bool locked;
	u64 flushes;
	unsigned int lost;
	bool nap;
	struct call_log *log;
};

static struct secondary *secondary_of(struct mmu_notifier *sub)
{
	return container_of(sub, struct secondary, sub);
}

/* The way to the last table as the upper ones are just now; 0 if none. */
static pmd_t read_upper(struct mm_struct *mm, vaddr_t addr)
{
	pmd_t *pmdp = pgtable_walk_pmd(mm, addr);

	return pmdp ? pmdp_get(pmdp) : __pmd(0);
}

static pte_t read_entry(struct mm_struct *mm, vaddr_t addr)
{
	pmd_t pmd = read_upper(mm, addr);

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
	       page->mapping == dev->mm && page->index == AT(i) >> PAGE_SHIFT;
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
	if (start < USER_END) {
		pmd_t pmd = read_upper(mm, start);

		dev->seen = read_entry(mm, start);
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

/* The device touches a page. True if the CPU's tables let it. */
static bool secondary_walk(struct secondary *dev, unsigned long i)
{
	pte_t pte = __pte(0);

	spin_lock(&dev->lock);
	if (pmd_none(dev->table) && !dev->off)
		dev->table = read_upper(dev->mm, AT(i));
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

static unsigned int secondary_walk_all(struct secondary *dev, unsigned long nr)
{
	unsigned int found = 0;
	unsigned long i;

	for (i = 0; i < nr; i++)
		found += secondary_walk(dev, i);
	return found;
}

static unsigned int secondary_kept(const struct secondary *dev)
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

/*
 * Pages [@from, @to) against the tables, entry by entry. mmap_lock is held, and
 * nobody else is changing these pages.
 */
static void check_pages(struct secondary *dev, struct ktest *test,
			unsigned long from, unsigned long to)
{
	unsigned long i;

	spin_lock(&dev->lock);
	for (i = from; i < to; i++) {
		pte_t now = read_entry(dev->mm, AT(i));

		if (!pte_none(dev->entry[i]) &&
		    !allows_no_more(dev->entry[i], now))
			ktest_fail(test, "page %lu: keeps %#lx, is %#lx", i,
				   pte_val(dev->entry[i]), pte_val(now));
	}
	spin_unlock(&dev->lock);
}

/* All that it keeps, while nobody changes anything; and all that it has met. */
static void secondary_check(struct secondary *dev, struct ktest *test)
{
	mmap_write_lock(dev->mm);
	check_pages(dev, test, 0, PAGES);
	if (!pmd_none(dev->table))
		EXPECT_EQ(pmd_val(dev->table),
			  pmd_val(read_upper(dev->mm, BASE)));
	EXPECT_EQ(dev->lost, 0U);
	mmap_write_unlock(dev->mm);
}

static struct secondary *secondary_new(struct sandbox *box)
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

/* An address space, the device on it, pages mapped from AT(0). */
static bool secondary_open(struct secondary **devp, struct sandbox *box,
			   struct ktest *test, unsigned long pages)
{
	struct secondary *dev;

	if (!sandbox_open(box, test))
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

static void secondary_close(struct secondary *dev, struct sandbox *box)
{
	struct ktest *test = box->test;

	secondary_check(dev, test);
	EXPECT(mmu_notifier_verify(box->mm));
	mmu_notifier_unregister(&dev->sub, box->mm);
	/* With it went its count among those who want to hear. */
	EXPECT(mmu_notifier_verify(box->mm));
	sandbox_close(box);
	kfree(dev);
}

/* It was told so often, the last time of [@from, @to). */
#define EXPECT_TOLD(dev, times, from, to)                 \
	do {                                              \
		EXPECT_EQ((dev)->told, (times));          \
		EXPECT_EQ((dev)->start, (vaddr_t)(from)); \
		EXPECT_EQ((dev)->end, (vaddr_t)(to));     \
	} while (0)

static void poke_all(struct sandbox *box, unsigned long nr)
{
	struct ktest *test = box->test;
	unsigned long i;

	for (i = 0; i < nr; i++)
		EXPECT_EQ(user_poke(AT(i), i + 1), 0);
}

/* --- one way to change a mapping after the other -------------------------- */

/* More pages than one gather holds: told before each part of them is freed. */
KTEST(secondary_tlb, munmap_tells_it_before_the_pages_are_free, KT_RULES("R2.12"))
{
	unsigned int nr = MMU_GATHER_PAGES + 74;
	struct call_log log = {.nr = {0}};
	struct secondary *dev;
	struct sandbox box;
	struct listener l;

	REQUIRE(secondary_open(&dev, &box, test, nr));
	EXPECT_EQ(listen(&l, box.mm), 0);
	poke_all(&box, nr);
	EXPECT_EQ(secondary_walk_all(dev, nr), nr);
	EXPECT_EQ(dev->told, 0U);
	l.log = dev->log = &log;
	l.name = 'a';
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(nr)), 0);
	EXPECT_STREQ(log.who, "attA");
	EXPECT_EQ(secondary_kept(dev), 0U);
	EXPECT(pmd_none(dev->table));
	EXPECT_EQ(secondary_walk_all(dev, nr), 0U);
	unlisten(&l, box.mm);
	secondary_close(dev, &box);
}

/* What is kept of a table is the way to it. */
KTEST(secondary_tlb, a_table_that_goes_is_told_though_its_entries_were_empty,
      KT_RULES("R2.12"))
{
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 2));
	poke_all(&box, 2);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(2)), 0);
	EXPECT(!secondary_walk(dev, 0));
	EXPECT(!pmd_none(dev->table));
	dev->told = 0;
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(2)), 0);
	EXPECT_EQ(dev->told, 1U);
	EXPECT(pmd_none(dev->table));
	secondary_close(dev, &box);
}

KTEST(secondary_tlb, dontneed_tells_it_and_the_next_walk_finds_what_is_there,
      KT_RULES("R2.9 R2.10"))
{
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 4));
	poke_all(&box, 4);
	EXPECT_EQ(secondary_walk_all(dev, 4), 4U);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(1), LEN(2)), 0);
	EXPECT_TOLD(dev, 1U, AT(1), AT(3));
	EXPECT(pte_none(dev->seen));
	EXPECT_EQ(secondary_kept(dev), 2U);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(secondary_walk_all(dev, 4), 3U);
	secondary_close(dev, &box);
}

/* Who emptied the entry has not flushed yet; the call may not return before. */
KTEST(secondary_tlb, dontneed_that_finds_nothing_tells_what_another_emptied,
      KT_RULES("R2.9 R2.10"))
{
	struct secondary *dev;
	struct sandbox box;
	struct page *page;

	REQUIRE(secondary_open(&dev, &box, test, 2));
	poke_all(&box, 1);
	EXPECT(secondary_walk(dev, 0));
	page = sandbox_empty_unflushed(&box, AT(0));
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(2)), 0);
	EXPECT_TOLD(dev, 1U, AT(0), AT(2));
	EXPECT_EQ(secondary_kept(dev), 0U);
	sandbox_flush_and_free(&box, AT(0), page);
	secondary_close(dev, &box);
}

KTEST(secondary_tlb, a_fault_over_an_entry_not_yet_flushed_tells_it_first,
      KT_RULES("R2.12"))
{
	struct secondary *dev;
	struct sandbox box;
	struct page *page;

	REQUIRE(secondary_open(&dev, &box, test, 1));
	poke_all(&box, 1);
	EXPECT(secondary_walk(dev, 0));
	page = sandbox_empty_unflushed(&box, AT(0));
	/* Else this CPU would not fault: it has just used the page. */
	flush_tlb_range(&box.mm->context, AT(0), AT(1));
	EXPECT_EQ(dev->told, 0U);
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	EXPECT_TOLD(dev, 1U, AT(0), AT(1));
	EXPECT(pte_none(dev->seen));
	EXPECT(dev->locked);
	EXPECT(secondary_walk(dev, 0));
	/* The end of the other's change forgets too much, which is allowed. */
	sandbox_flush_and_free(&box, AT(0), page);
	secondary_close(dev, &box);
}

/* A fault into an entry that nobody remembers has nothing to tell. */
KTEST(secondary_tlb, a_first_touch_tells_it_nothing, KT_RULES("R2.9 R2.10"))
{
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 2));
	EXPECT(!secondary_walk(dev, 0));
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(dev->told, 0U);
	EXPECT_EQ(secondary_walk_all(dev, 2), 2U);
	secondary_close(dev, &box);
}

/*
 *	pages	0 1 2 3
 *	to r	  [---]		told
 *	to rw	  [---]		not told: it keeps fewer rights than there are
 *	to -	[-----]		told
 */
KTEST(secondary_tlb, mprotect_tells_it_of_rights_lost_and_not_of_rights_gained,
      KT_RULES("R2.9 R2.10"))
{
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 4));
	poke_all(&box, 4);
	EXPECT_EQ(secondary_walk_all(dev, 4), 4U);
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), PROT_READ), 0);
	EXPECT_TOLD(dev, 1U, AT(1), AT(3));
	EXPECT(!pte_write(dev->seen));
	secondary_check(dev, test);
	EXPECT_EQ(secondary_walk_all(dev, 4), 4U);
	EXPECT_EQ(do_mprotect(box.mm, AT(1), LEN(2), PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(dev->told, 1U);
	EXPECT_EQ(secondary_kept(dev), 4U);
	secondary_check(dev, test);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(3), PROT_NONE), 0);
	EXPECT_EQ(secondary_kept(dev), 1U);
	EXPECT_EQ(secondary_walk_all(dev, 4), 1U);
	secondary_close(dev, &box);
}

KTEST(secondary_tlb, exclusive_access_tells_it_before_the_call_returns,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE), KT_RULES("R2.9 R2.10"))
{
	struct call_log log = {.nr = {0}};
	struct page *slots[3] = {NULL};
	struct secondary *dev;
	struct sandbox box;
	struct listener l;
	int owner;

	REQUIRE(secondary_open(&dev, &box, test, 3));
	EXPECT_EQ(listen(&l, box.mm), 0);
	poke_all(&box, 3);
	EXPECT_EQ(secondary_walk_all(dev, 3), 3U);
	l.log = dev->log = &log;
	l.name = 'a';
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 2, slots, &owner), 2);
	EXPECT_STREQ(log.who, "atA");
	EXPECT_TOLD(dev, 1U, AT(0), AT(2));
	EXPECT(is_swap_pte(dev->seen));
	EXPECT_EQ(secondary_kept(dev), 1U);
	/* It may no more have the page than a CPU may. */
	EXPECT_EQ(secondary_walk_all(dev, 3), 1U);
	release_exclusive(slots, 2);
	/* Nobody remembers an entry that was not present: a pair, no flush. */
	EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
	EXPECT_STREQ(log.who, "atAaA");
	EXPECT_EQ(secondary_walk_all(dev, 3), 2U);
	unlisten(&l, box.mm);
	secondary_close(dev, &box);
}

/* A subscriber that follows the values of entries: 's', 'c', 'e'. */
struct follower {
	struct mmu_notifier sub;
	struct call_log *log;
	unsigned int calls;
	unsigned long addr;
	unsigned long value;
	pte_t seen; /* the entry when it was told of the new value */
	bool locked;
};

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
	f->seen = read_entry(mm, address);
	f->locked = lockdep_is_held(pmd_ptl(read_upper(mm, address)));
}

static const struct mmu_notifier_ops follower_ops = {
	.invalidate_range_start = follower_start,
	.invalidate_range_end = follower_end,
	.change_pte = follower_change,
};

/*
 * The entry leads to the zero page, then to a fresh one, and in between to
 * nothing: all of it under the lock of its table (R2.12 B), and whoever follows
 * values hears of the new one before it is there (R2.6).
 */
KTEST(secondary_tlb, a_write_over_the_zero_page_tells_it_while_the_entry_is_empty,
      KT_RULES("R2.6 R2.12"))
{
	struct follower f = {.sub.ops = &follower_ops};
	struct call_log log = {.nr = {0}};
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 2));
	EXPECT_EQ(mmu_notifier_register(&f.sub, box.mm), 0);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT(secondary_walk(dev, 0));
	f.log = dev->log = &log;
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_STREQ(log.who, "stce");
	EXPECT_TOLD(dev, 1U, AT(0), AT(1));
	EXPECT(pte_none(dev->seen));
	EXPECT(dev->locked);
	EXPECT_EQ(f.addr, AT(0));
	EXPECT(pte_none(f.seen));
	EXPECT(f.locked);
	EXPECT_EQ(f.value, pte_val(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(secondary_kept(dev), 0U);
	EXPECT(secondary_walk(dev, 0));
	mmu_notifier_unregister(&f.sub, box.mm);
	secondary_close(dev, &box);
}

KTEST(secondary_tlb, a_new_value_is_told_only_where_one_page_replaces_another,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE), KT_RULES("R2.6"))
{
	struct follower f = {.sub.ops = &follower_ops};
	struct page *slots[1] = {NULL};
	struct sandbox box;
	int owner;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(mmu_notifier_register(&f.sub, box.mm), 0);
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_READ), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 1, slots, &owner), 1);
	release_exclusive(slots, 1);
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(2)), 0);
	EXPECT_EQ(f.calls, 0U);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT_EQ(user_poke(AT(1), 3), 0);
	EXPECT_EQ(f.calls, 1U);
	mmu_notifier_unregister(&f.sub, box.mm);
	sandbox_close(&box);
}

/* Then the tables go without a word, so it may not walk them any more. */
KTEST(secondary_tlb, exit_releases_it_and_tells_it_nothing_after_that,
      KT_RULES("R2.9 R2.10"))
{
	struct mm_struct *mm;
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 4));
	mm = box.mm;
	poke_all(&box, 4);
	EXPECT_EQ(secondary_walk_all(dev, 4), 4U);
	sandbox_close(&box);
	EXPECT(dev->off);
	EXPECT_EQ(dev->told, 0U);
	EXPECT_EQ(dev->lost, 0U);
	EXPECT(!secondary_walk(dev, 0));
	mmu_notifier_unregister(&dev->sub, mm);
	kfree(dev);
}

/* --- how it is told --------------------------------------------------------- */

KTEST(secondary_tlb, it_is_told_the_bounds_that_the_cpus_got_and_after_them,
      KT_RULES("R2.9 R2.10"))
{
	struct tlb_counters before;
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 4));
	poke_all(&box, 4);
	EXPECT_EQ(secondary_walk_all(dev, 4), 4U);
	mmap_read_lock(box.mm);
	tlb_read_counters(&before);
	flush_tlb_mm_range(box.mm, AT(1), AT(2));
	EXPECT_TOLD(dev, 1U, AT(1), AT(2));
	EXPECT_GE(dev->flushes, before.flushes + 1);
	EXPECT_EQ(secondary_kept(dev), 3U);
	/* Everything at once. */
	flush_tlb_mm_range(box.mm, 0, ~0UL);
	EXPECT_TOLD(dev, 2U, 0UL, ~0UL);
	EXPECT_EQ(secondary_kept(dev), 0U);
	mmap_read_unlock(box.mm);
	secondary_close(dev, &box);
}

/* People see it in the monitor. */
KTEST(secondary_tlb, the_figures_count_every_time_it_was_told)
{
	struct follower f = {.sub.ops = &follower_ops};
	struct mmu_notifier_stats stats;
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 2));
	mmu_notifier_read_stats(box.mm, &stats);
	EXPECT_EQ(stats.callbacks, 0UL);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(dev->told, 2U);
	/* Two events, each told to the observer of the sandbox as well. */
	mmu_notifier_read_stats(box.mm, &stats);
	EXPECT_EQ(stats.callbacks, 2UL + dev->told);
	/* The zero page again: CLEAR told to two, the new value, the flush. */
	EXPECT_EQ(mmu_notifier_register(&f.sub, box.mm), 0);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(user_poke(AT(0), 2), 0);
	mmu_notifier_read_stats(box.mm, &stats);
	EXPECT_EQ(dev->told, 3U);
	EXPECT_EQ(stats.callbacks, 2UL + dev->told + 1 + 3);
	mmu_notifier_unregister(&f.sub, box.mm);
	secondary_close(dev, &box);
}

/* The only record of this thread's telling @sub something. */
static const struct trace_record *told_record(struct ktest *test,
					      const struct mmu_notifier *sub)
{
	static struct trace_record recs[64], *found;
	unsigned int n = trace_read_last(recs, ARRAY_SIZE(recs)), i, times = 0;

	for (i = 0; i < n; i++) {
		if (recs[i].event != &trace_event_mmu_notifier_callback ||
		    recs[i].pid != current->pid ||
		    recs[i].args[0] != (unsigned long)sub)
			continue;
		found = &recs[i];
		times++;
	}
	EXPECT_EQ(times, 1U);
	return times == 1 ? found : NULL;
}

/* What it was told and of which bounds; it has no answer, and took some time. */
static void expect_told_record(struct ktest *test, const struct mmu_notifier *sub,
			       const char *what, vaddr_t from, vaddr_t to)
{
	const struct trace_record *rec = told_record(test, sub);

	if (!rec)
		return;
	EXPECT_STREQ((const char *)rec->args[1], what);
	EXPECT_EQ(rec->args[2], from);
	EXPECT_EQ(rec->args[3], to);
	EXPECT_EQ(rec->args[4], 0UL);
	EXPECT_GT(rec->args[5], 0UL);
}

KTEST(secondary_tlb, the_trace_says_of_what_it_was_told_and_for_how_long)
{
	struct follower f = {.sub.ops = &follower_ops};
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 4));
	EXPECT_EQ(mmu_notifier_register(&f.sub, box.mm), 0);
	poke_all(&box, 3);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 0UL);
	trace_clear();
	EXPECT_EQ(madvise_dontneed(box.mm, AT(1), LEN(2)), 0);
	expect_told_record(test, &dev->sub, "invalidate_range", AT(1), AT(3));
	trace_clear();
	EXPECT_EQ(user_poke(AT(3), 1), 0);
	expect_told_record(test, &dev->sub, "invalidate_range", AT(3), AT(4));
	expect_told_record(test, &f.sub, "change_pte", AT(3), AT(3) + 1);
	mmu_notifier_unregister(&f.sub, box.mm);
	secondary_close(dev, &box);
}

/* No lock is held over the flush of munmap, yet there are flushes with one. */
KTEST(secondary_tlb, one_that_may_sleep_when_told_is_reported_wherever_it_is_told,
      KT_FLAGS(KT_NEEDS_LOCKDEP), KT_RULES("R2.10 R5.6"))
{
	struct secondary *dev;
	struct sandbox box;

	REQUIRE(secondary_open(&dev, &box, test, 2));
	poke_all(&box, 1);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	dev->nap = true;
	lockdep_expect_begin();
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(1)), 0);
	EXPECT(!dev->locked);
	EXPECT_EQ(lockdep_expect_end(NULL, 0), 1U);
	lockdep_expect_begin();
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT(dev->locked);
	EXPECT_EQ(lockdep_expect_end(NULL, 0), 1U);
	EXPECT_EQ(dev->told, 2U);
	dev->nap = false;
	secondary_close(dev, &box);
}

/* One that leaves while it is told: who told it is the last to see it. */
struct leaver {
	struct mmu_notifier sub;
	struct spinlock *ptl;
	unsigned int frees_when_told;
};

static unsigned int leaver_frees;
static bool leaver_freed_locked;
static struct leaver leaver;

static struct mmu_notifier *leaver_alloc(struct mm_struct *mm)
{
	return &leaver.sub;
}

static void leaver_free(struct mmu_notifier *sub)
{
	leaver_frees++;
	leaver_freed_locked = lockdep_is_held(leaver.ptl);
}

static void leaver_told(struct mmu_notifier *sub, struct mm_struct *mm,
			unsigned long start, unsigned long end)
{
	leaver.ptl = pmd_ptl(read_upper(mm, start));
	mmu_notifier_put(sub);
	leaver.frees_when_told = leaver_frees;
}

static const struct mmu_notifier_ops leaver_ops = {
	.invalidate_range = leaver_told,
	.alloc_notifier = leaver_alloc,
	.free_notifier = leaver_free,
};

KTEST(secondary_tlb, one_that_leaves_when_told_is_freed_under_the_tables_lock,
      KT_RULES("R2.10 R5.6"))
{
	struct sandbox box;

	leaver = (struct leaver){.frees_when_told = 1};
	leaver_frees = 0;
	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(mmu_notifier_get(&leaver_ops, box.mm), &leaver.sub);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 0UL);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(leaver.frees_when_told, 0U);
	EXPECT_EQ(leaver_frees, 1U);
	EXPECT(leaver_freed_locked);
	EXPECT_EQ(mmu_notifier_nr_pending(), 0UL);
	/* And never told again. */
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(1)), 0);
	EXPECT_EQ(leaver_frees, 1U);
	sandbox_close(&box);
}

/* --- all at once -------------------------------------------------------------- */

#define PLAYERS 4
#define ROUNDS  300
#define PART    8UL

/* One part for all, and one for each. */
#define NR_PARTS (PLAYERS + 1)

/* One part of the pages is everybody's, and each player has one of its own. */
struct player {
	struct sandbox_thread thread;
	struct secondary *dev;
	atomic_t *playing;
	unsigned long own;
	int owner;
};

static void take_exclusively(struct sandbox *box, unsigned long i,
			     unsigned long nr, void *owner)
{
	struct page *slots[PART];
	int made = sandbox_make_exclusive(box, AT(i), nr, slots, owner);

	if (made > 0)
		release_exclusive(slots, made);
}

static void change_somehow(struct player *player, struct rng *rng,
			   unsigned long i, unsigned long nr)
{
	struct mm_struct *mm = player->thread.box->mm;
	u64 value;

	switch (rng_below(rng, 8)) {
	case 0:
		do_munmap(mm, AT(i), LEN(nr));
		break;
	case 1:
		do_mmap(mm, AT(i), LEN(nr), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
		break;
	case 2:
		do_mprotect(mm, AT(i), LEN(nr), rng_below(rng, 4));
		break;
	case 3:
		madvise_dontneed(mm, AT(i), LEN(nr));
		break;
	case 4:
		take_exclusively(player->thread.box, i, nr, &player->owner);
		break;
	case 5:
		(void)user_peek(AT(i), &value);
		break;
	default:
		(void)user_poke(AT(i), 1);
		break;
	}
}

/* What is one's own nobody else changes: after each change it can be judged. */
static void play(struct sandbox_thread *self)
{
	struct player *player = container_of(self, struct player, thread);
	struct mm_struct *mm = self->box->mm;
	struct rng rng = rng_init(self->number);
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		unsigned long part = rng_below(&rng, 3) ? player->own : 0;
		unsigned long at = rng_below(&rng, PART);
		unsigned long nr = 1 + rng_below(&rng, PART - at);
		unsigned long i;

		for (i = 0; i < PART; i++)
			(void)secondary_walk(player->dev, part + i);
		change_somehow(player, &rng, part + at, nr);
		mmap_read_lock(mm);
		check_pages(player->dev, self->box->test, player->own,
			    player->own + PART);
		mmap_read_unlock(mm);
	}
	atomic_dec(player->playing);
}

static void players_start(struct player *players, struct secondary *dev,
			  struct sandbox *box, atomic_t *playing)
{
	unsigned int cpu = 0;
	unsigned int i;

	atomic_set(playing, PLAYERS);
	for (i = 0; i < PLAYERS; i++) {
		players[i].dev = dev;
		players[i].playing = playing;
		players[i].own = (i + 1) * PART;
		players[i].thread.number = rng_next(ktest_rng(box->test));
		sandbox_thread_start(&players[i].thread, box, cpu, play, NULL);
		cpu = cpu + 1 < num_online_cpus() ? cpu + 1 : 0;
	}
}

static void players_join(struct player *players)
{
	unsigned int i;

	for (i = 0; i < PLAYERS; i++)
		sandbox_thread_join(&players[i].thread);
}

KTEST(secondary_tlb, whatever_all_cpus_do_it_keeps_what_the_tables_say,
      KT_FLAGS(KT_SLOW), KT_RULES("R2.9 R2.10"))
{
	struct player players[PLAYERS];
	struct secondary *dev;
	struct sandbox box;
	atomic_t playing;

	REQUIRE(secondary_open(&dev, &box, test, NR_PARTS * PART));
	players_start(players, dev, &box, &playing);
	players_join(players);
	EXPECT_GT(dev->told, 0U);
	secondary_close(dev, &box);
}

/*
 * Whoever has emptied an entry and looked for subscribers before this one came
 * has flushed by the time it walks. With mmap_lock for writing nobody is between
 * a change and its flush.
 */
KTEST(secondary_tlb, one_that_comes_and_goes_beside_changes_misses_nothing,
      KT_FLAGS(KT_SLOW), KT_RULES("R2.9 R2.10"))
{
	struct player players[PLAYERS];
	struct secondary *dev, *guest;
	struct sandbox box;
	unsigned int visits = 0;
	atomic_t playing;

	REQUIRE(secondary_open(&dev, &box, test, NR_PARTS * PART));
	players_start(players, dev, &box, &playing);
	guest = secondary_new(&box);
	do {
		if (!guest)
			break;
		guest->off = false;
		EXPECT_EQ(mmu_notifier_register(&guest->sub, box.mm), 0);
		(void)secondary_walk_all(guest, NR_PARTS * PART);
		secondary_check(guest, test);
		(void)secondary_walk_all(guest, NR_PARTS * PART);
		/* Its release forgets everything: nobody tells it any more. */
		mmu_notifier_unregister(&guest->sub, box.mm);
		EXPECT_EQ(secondary_kept(guest), 0U);
		visits++;
	} while (atomic_read(&playing));
	players_join(players);
	EXPECT_GT(visits, 0U);
	kfree(guest);
	secondary_close(dev, &box);
}
