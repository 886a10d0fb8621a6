// SPDX-License-Identifier: MIT
/*
 * tests/mm/rmap/rmap_test.c - from a page to the entry that maps it
 */
#include <mm/alloc/page_alloc.h>
#include <mm/fault/gup.h>
#include <mm/rmap/family.h>
#include <mm/rmap/walk.h>
#include "tests/mm/lib/relatives.h"

#define RW     (PROT_READ | PROT_WRITE)
#define ROUNDS 300

/* The page at an address, with a reference. */
static struct page *page_at(struct sandbox *box, vaddr_t addr)
{
	struct ktest *test = box->test;
	struct page *page = NULL;
	long got;

	mmap_read_lock(box->mm);
	got = get_user_pages_remote(box->mm, addr, 1, FOLL_GET, &page);
	mmap_read_unlock(box->mm);
	EXPECT_EQ(got, 1L);
	return page;
}

/* A walk that notes where it found the page last. */
struct finder {
	struct rmap_walk walk;
	vaddr_t addr;
};

static bool find_entry(struct rmap_walk *walk, struct page *page,
		       struct vm_area_struct *vma, vaddr_t addr)
{
	struct finder *finder = walk->arg;
	struct rmap_entry entry;

	if (!rmap_lock_entry(page, vma, addr, &entry))
		return false;
	spin_unlock(entry.ptl);
	finder->addr = addr;
	return true;
}

static void find(struct finder *finder, struct page *page)
{
	finder->walk = (struct rmap_walk){
		.visit = find_entry, .purpose = RMAP_LOOK, .arg = finder};
	finder->addr = 0;
	lock_page(page);
	rmap_walk(page, &finder->walk);
	unlock_page(page);
}

KTEST(rmap, a_page_is_found_where_it_is_mapped_and_nowhere_after)
{
	struct finder finder;
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 8);
	EXPECT_EQ(user_poke(AT(5), 7), 0);
	page = page_at(&box, AT(5));
	find(&finder, page);
	EXPECT_EQ(finder.addr, AT(5));
	EXPECT_EQ(finder.walk.found, 1U);
	EXPECT_EQ(finder.walk.regions, 1U);
	EXPECT_EQ(madvise_dontneed(box.mm, AT(5), LEN(1)), 0);
	find(&finder, page);
	EXPECT_EQ(finder.walk.regions, 0U);
	EXPECT_EQ(finder.walk.found, 0U);
	put_page(page);
	sandbox_close(&box);
}

/*
 *	pages	0 1 2 3 4 5 6 7
 *		[      rw     ]
 *		[rw ][ r ][rw ]	page 3 is in the middle one
 *		      [ r ][rw]	what is below is unmapped
 */
KTEST(rmap, a_page_is_found_in_a_part_of_its_region)
{
	struct finder finder;
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 8);
	EXPECT_EQ(user_poke(AT(3), 7), 0);
	page = page_at(&box, AT(3));
	EXPECT_EQ(do_mprotect(box.mm, AT(2), LEN(3), PROT_READ), 0);
	find(&finder, page);
	EXPECT_EQ(finder.addr, AT(3));
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(3)), 0);
	find(&finder, page);
	EXPECT_EQ(finder.addr, AT(3));
	EXPECT_EQ(finder.walk.regions, 1U);
	put_page(page);
	sandbox_close(&box);
}

/* The map count stays with an exclusive entry, so a walk has to find it (R8.13). */
KTEST(rmap, an_exclusive_entry_maps_its_page, KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE),
      KT_RULES("R8.13"))
{
	struct page *slot[1] = {NULL};
	struct finder finder;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(1), 1, slot, &box), 1);
	if (slot[0]) {
		struct page *page = slot[0];

		get_page(page);
		release_exclusive(slot, 1);
		find(&finder, page);
		EXPECT_EQ(finder.addr, AT(1));
		EXPECT_EQ(finder.walk.found, 1U);
		put_page(page);
	}
	sandbox_close(&box);
}

/* The last user has left, and a stranger's reference keeps the page. */
KTEST(rmap, a_page_that_outlives_its_family_has_none)
{
	struct finder finder;
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	EXPECT_EQ(user_poke(AT(0), 7), 0);
	page = page_at(&box, AT(0));
	sandbox_close(&box);
	rcu_barrier();
	EXPECT_EQ(page_root_get(page), NULL);
	find(&finder, page);
	EXPECT_EQ(finder.walk.regions, 0U);
	put_page(page);
}

/* --- what maps no page ------------------------------------------------------- */

static const vaddr_t elsewhere[] = {AT(0), AT(2), AT(3), AT(1024)};

/* The lock of no table is left held: lockdep says so when the test ends. */
static bool look_elsewhere(struct rmap_walk *walk, struct page *page,
			   struct vm_area_struct *vma, vaddr_t addr)
{
	struct ktest *test = walk->arg;
	struct rmap_entry entry;
	unsigned int i;

	EXPECT_EQ(addr, AT(1));
	for (i = 0; i < ARRAY_SIZE(elsewhere); i++)
		EXPECT(!rmap_lock_entry(page, vma, elsewhere[i], &entry));
	return false;
}

/*
 *	page	0	1	2	3		1024
 *	entry	none	page	another	broken memory	no table
 *
 * The entry of broken memory has the frame of the page, and does not map it.
 */
KTEST(rmap, an_entry_that_does_not_map_the_page_is_not_locked)
{
	struct rmap_walk walk = {
		.visit = look_elsewhere, .purpose = RMAP_LOOK, .arg = test};
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1025);
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(user_poke(AT(2), 2), 0);
	EXPECT_EQ(sandbox_read(&box, AT(3)), 0UL);
	page = page_at(&box, AT(1));
	sandbox_set_pte(
		&box, AT(3),
		swp_entry_to_pte(swp_entry(SWP_HWPOISON, page_to_pfn(page))));
	lock_page(page);
	rmap_walk(page, &walk);
	unlock_page(page);
	EXPECT_EQ(walk.regions, 1U);
	EXPECT_EQ(walk.found, 0U);
	sandbox_set_pte(&box, AT(3), __pte(0));
	put_page(page);
	sandbox_close(&box);
}

/* The parent never touched what the child did: its region comes first, and is empty. */
KTEST(rmap, each_walk_is_counted_with_what_it_looks_at_and_finds)
{
	struct rmap_counters before, after;
	struct mm_struct *child;
	struct finder finder;
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 1);
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(poke_in(&box, child, AT(0), 7), 0);
		page = page_in(child, AT(0));
		get_page(page);
		rmap_read_counters(&before);
		find(&finder, page);
		rmap_read_counters(&after);
		EXPECT_EQ(after.walks - before.walks, 1UL);
		EXPECT_EQ(after.regions - before.regions, 2UL);
		EXPECT_EQ(after.found - before.found, 1UL);
		mmput(child);
		find(&finder, page);
		rmap_read_counters(&before);
		EXPECT_EQ(before.walks, after.walks);
		put_page(page);
	}
	sandbox_close(&box);
}

/* --- sets of regions ------------------------------------------------------------- */

/* A page that looks mapped and of the family that has this set, by hand. */
static struct page *member_page(struct rmap_root *root)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return NULL;
	page->mapping = root;
	atomic_set(&page->mapcount, 1);
	SetPageAnon(page);
	return page;
}

static void member_page_free(struct page *page)
{
	ClearPageAnon(page);
	atomic_set(&page->mapcount, 0);
	page->mapping = NULL;
	put_page(page);
}

/* The window between the last reference and the free: the memory is still a set's. */
KTEST(rmap, a_set_whose_last_reference_is_gone_is_not_taken)
{
	struct rmap_root ended = {.free = NULL};
	struct page *page = member_page(&ended);

	REQUIRE(page);
	EXPECT_EQ(page_root_get(page), NULL);
	EXPECT_EQ(atomic_read(&ended.refs), 0);
	ClearPageAnon(page);
	atomic_set(&ended.refs, 1);
	EXPECT_EQ(page_root_get(page), NULL);
	EXPECT_EQ(atomic_read(&ended.refs), 1);
	member_page_free(page);
}

struct flicker {
	struct page *page;
	struct atomic done;
};

static int unmap_and_map(void *arg)
{
	struct flicker *flicker = arg;
	unsigned int i;

	for (i = 0; i < 2000 * ROUNDS; i++) {
		atomic_set(&flicker->page->mapcount, 0);
		atomic_set(&flicker->page->mapcount, 1);
	}
	atomic_set(&flicker->done, 1);
	return 0;
}

/*
 *	page_root_get()			another CPU
 *	reference of the set
 *					the page's entry is emptied
 *	the page is not mapped:
 *	(the reference must be dropped)
 */
KTEST(rmap, a_set_of_a_page_that_is_unmapped_meanwhile_is_dropped,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct rmap_root root = {.free = NULL};
	struct flicker flicker = {.page = member_page(&root)};
	struct task *other;

	REQUIRE(flicker.page);
	atomic_set(&root.refs, 1);
	other = kthread_run_on(another_cpu(), unmap_and_map, &flicker, "other");
	while (!atomic_read(&flicker.done)) {
		if (page_root_get(flicker.page))
			rmap_root_put(&root);
	}
	kthread_join(other);
	EXPECT_EQ(atomic_read(&root.refs), 1);
	member_page_free(flicker.page);
}

/* --- the races in the head of mm/rmap/family.c ----------------------------- */

static void unmapper(struct sandbox_thread *self)
{
	struct ktest *test = self->box->test;

	EXPECT_EQ(do_munmap(self->box->mm, AT(0), LEN(4)), 0);
}

struct keeper {
	struct sandbox *box;
	struct sandbox_thread thread;
	bool tables;
};

/* Start the munmap, wait until it is stopped by the walk, and look. */
static bool look_while_munmap_waits(struct rmap_walk *walk, struct page *page,
				    struct vm_area_struct *vma, vaddr_t addr)
{
	struct keeper *keeper = walk->arg;
	struct mm_struct *mm = vma->vm_mm;
	struct ktest *test = keeper->box->test;
	struct rmap_entry entry;
	struct spinlock *ptl;

	sandbox_thread_start(&keeper->thread, keeper->box, another_cpu(),
			     unmapper, NULL);
	KTEST_WAIT_FOR(test, rwsem_is_contended(&mm->family->root.lock));
	EXPECT_EQ(vma->vm_start, AT(0));
	EXPECT_EQ(vma->vm_end, AT(4));
	keeper->tables = pgtable_map_lock(mm, addr, &ptl);
	if (keeper->tables)
		spin_unlock(ptl);
	/* The munmap has emptied the entry already. */
	EXPECT(!rmap_lock_entry(page, vma, addr, &entry));
	return false;
}

KTEST(rmap, a_walk_keeps_the_tables_that_it_looks_at, KT_FLAGS(KT_NEEDS_SMP))
{
	struct keeper keeper = {.box = NULL};
	struct rmap_walk walk = {.visit = look_while_munmap_waits,
				 .purpose = RMAP_LOOK,
				 .arg = &keeper};
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	keeper.box = &box;
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(2), 7), 0);
	page = page_at(&box, AT(2));
	lock_page(page);
	rmap_walk(page, &walk);
	unlock_page(page);
	EXPECT_EQ(walk.regions, 1U);
	EXPECT(keeper.tables);
	sandbox_thread_join(&keeper.thread);
	EXPECT_EQ(atomic64_read(&box.mm->nr_ptes), 0L);
	put_page(page);
	sandbox_close(&box);
}

static void splitter(struct sandbox_thread *self)
{
	struct ktest *test = self->box->test;
	struct atomic *stop = self->arg;

	while (!atomic_read(stop)) {
		EXPECT_EQ(do_mprotect(self->box->mm, AT(2), LEN(2), PROT_READ),
			  0);
		EXPECT_EQ(do_mprotect(self->box->mm, AT(2), LEN(2), RW), 0);
	}
}

KTEST(rmap, a_page_is_found_while_its_region_is_split_and_merged,
      KT_FLAGS(KT_NEEDS_SMP))
{
	struct atomic stop = {0};
	struct sandbox_thread thread;
	struct finder finder;
	struct sandbox box;
	struct page *page[3];
	unsigned int round, i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 6);
	/* One page in each of the three parts. */
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(user_poke(AT(1 + 2 * i), 7), 0);
		page[i] = page_at(&box, AT(1 + 2 * i));
	}
	sandbox_thread_start(&thread, &box, another_cpu(), splitter, &stop);
	for (round = 0; round < ROUNDS && !ktest_failed(test); round++) {
		for (i = 0; i < 3; i++) {
			find(&finder, page[i]);
			EXPECT_EQ(finder.addr, AT(1 + 2 * i));
		}
	}
	atomic_set(&stop, 1);
	sandbox_thread_join(&thread);
	for (i = 0; i < 3; i++)
		put_page(page[i]);
	sandbox_close(&box);
}

/* Each walk takes and drops a reference of the family, whose member exits meanwhile. */
static void walker(struct sandbox_thread *self)
{
	struct page *page = self->arg;
	struct rmap_root *root;

	while (page_mapcount(page)) {
		root = page_root_get(page);
		if (root)
			rmap_root_put(root);
	}
}

KTEST(rmap, the_last_member_exits_beside_walks, KT_FLAGS(KT_NEEDS_SMP))
{
	struct sandbox walkers;
	struct sandbox_thread thread;
	unsigned int round;

	REQUIRE(sandbox_open(&walkers, test));
	for (round = 0; round < 50 && !ktest_failed(test); round++) {
		struct mm_struct *mm = mm_alloc();
		struct page *page = NULL;
		long got;

		if (!mm)
			break;
		EXPECT_EQ(do_mmap(mm, AT(0), LEN(1), RW,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
			  (long)AT(0));
		mmap_read_lock(mm);
		got = get_user_pages_remote(mm, AT(0), 1, FOLL_GET | FOLL_WRITE,
					    &page);
		mmap_read_unlock(mm);
		EXPECT_EQ(got, 1L);
		if (!page) {
			mmput(mm);
			break;
		}
		sandbox_thread_start(&thread, &walkers, another_cpu(), walker,
				     page);
		mmput(mm);
		sandbox_thread_join(&thread);
		put_page(page);
	}
	EXPECT_EQ(round, 50U);
	sandbox_close(&walkers);
}
