// SPDX-License-Identifier: MIT
/*
 * tests/mm/rmap/move_test.c - from a page to the entries that map it, when one moves
 */
#include <mm/fault/gup.h>
#include <mm/page/lock.h>
#include <mm/page/ref.h>
#include <mm/rmap/family.h>
#include <mm/rmap/walk.h>
#include "tests/mm/lib/relatives.h"

#define FIXED    (MREMAP_MAYMOVE | MREMAP_FIXED)
#define ROUNDS   300
#define CHILDREN 1000
#define SHARERS  3

/* A walk that notes where it found the page. */
struct finder {
	struct rmap_walk walk;
	struct mm_struct *mm[SHARERS];
	vaddr_t addr[SHARERS];
};

static bool note_entry(struct rmap_walk *walk, struct page *page,
		       struct vm_area_struct *vma, vaddr_t addr)
{
	struct finder *finder = walk->arg;
	struct rmap_entry entry;

	if (!rmap_lock_entry(page, vma, addr, &entry))
		return false;
	spin_unlock(entry.ptl);
	if (walk->found < SHARERS) {
		finder->mm[walk->found] = vma->vm_mm;
		finder->addr[walk->found] = addr;
	}
	return true;
}

static void find(struct finder *finder, struct page *page)
{
	*finder = (struct finder){.walk = {.visit = note_entry,
					   .purpose = RMAP_LOOK,
					   .arg = finder}};
	lock_page(page);
	rmap_walk(page, &finder->walk);
	unlock_page(page);
}

static bool found_at(const struct finder *finder, const struct mm_struct *mm,
		     vaddr_t addr)
{
	unsigned int i;

	for (i = 0; i < SHARERS; i++) {
		if (finder->mm[i] == mm && finder->addr[i] == addr)
			return true;
	}
	return false;
}

/* Children 10, 500 and 990 keep the page; child 500 has it at another address. */
static const unsigned int sharer[SHARERS] = {10, 500, 990};

static bool is_sharer(unsigned int i)
{
	return i == sharer[0] || i == sharer[1] || i == sharer[2];
}

static unsigned int fork_children(struct sandbox *box, struct mm_struct **child)
{
	struct ktest *test = box->test;
	unsigned int nr;

	for (nr = 0; nr < CHILDREN; nr++) {
		if (mm_fork(box->mm, &child[nr])) {
			ktest_fail(test, "no memory for child %u", nr);
			break;
		}
	}
	return nr;
}

/*
 *	parent, 997 children	have unmapped the page, or have written to it
 *	child 10		page 2
 *	child 500		page 2, moved to page 700
 *	child 990		page 2
 *
 * A walk looks at one region each for the members that unmapped it, plus one for each that
 * has its own page there.
 */
KTEST(rmap, a_page_that_a_relative_has_moved_is_found_in_each_of_a_thousand)
{
	struct mm_struct **child = ktest_alloc(test, CHILDREN * sizeof(*child));
	struct finder finder;
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	unsigned int nr, i, writers = 0;
	struct page *page;

	sandbox_map(box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(2), 1), 0);
	page = page_in(box->mm, AT(2));
	get_page(page);
	nr = fork_children(box, child);
	EXPECT_EQ(do_munmap(box->mm, AT(0), LEN(4)), 0);
	/* Every tenth of the others writes, and stays in the way of a walk. */
	for (i = 0; i < nr; i++) {
		if (is_sharer(i))
			continue;
		if (i % 10)
			EXPECT_EQ(do_munmap(child[i], AT(0), LEN(4)), 0);
		else
			EXPECT_EQ(poke_in(box, child[i], AT(2), i), 0);
		writers += !(i % 10);
	}
	if (nr == CHILDREN) {
		EXPECT_EQ(do_mremap(child[sharer[1]], AT(1), LEN(2), LEN(2),
				    FIXED, AT(699)),
			  (long)AT(699));
		EXPECT_EQ(page_mapcount(page), SHARERS);
		find(&finder, page);
		EXPECT_EQ(finder.walk.found, (unsigned int)SHARERS);
		EXPECT(found_at(&finder, child[sharer[0]], AT(2)));
		EXPECT(found_at(&finder, child[sharer[1]], AT(700)));
		EXPECT(found_at(&finder, child[sharer[2]], AT(2)));
		EXPECT_EQ(writers, 97U);
		/* The moved region is the last of all that cover the offset. */
		EXPECT_EQ(finder.walk.regions, writers + SHARERS);
		/* Nothing of the old place is in the way of its neighbours. */
		EXPECT_EQ(do_munmap(child[sharer[1]], AT(699), LEN(2)), 0);
		find(&finder, page);
		EXPECT_EQ(finder.walk.found, 2U);
	}
	for (i = 0; i < nr; i++)
		mmput(child[i]);
	EXPECT_EQ(page_ref_count(page), 1);
	put_page(page);
}

/* --- the race in the head of mm/space/mremap.c ------------------------------ */

static void mover(struct sandbox_thread *self)
{
	struct ktest *test = self->box->test;
	struct atomic *stop = self->arg;
	struct mm_struct *mm = self->box->mm;

	while (!atomic_read(stop)) {
		EXPECT_EQ(do_mremap(mm, AT(0), LEN(4), LEN(4), FIXED, AT(510)),
			  (long)AT(510));
		EXPECT_EQ(do_mremap(mm, AT(510), LEN(4), LEN(4), FIXED, AT(0)),
			  (long)AT(0));
	}
}

KTEST(rmap, a_page_is_found_while_it_moves_to_and_fro, KT_FLAGS(KT_NEEDS_SMP))
{
	struct atomic stop = {0};
	struct sandbox_thread thread;
	struct finder finder;
	struct sandbox box;
	struct page *page;
	unsigned int round;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(2), 7), 0);
	page = page_in(box.mm, AT(2));
	get_page(page);
	sandbox_thread_start(&thread, &box, another_cpu(), mover, &stop);
	for (round = 0; round < ROUNDS && !ktest_failed(test); round++) {
		find(&finder, page);
		EXPECT_EQ(finder.walk.found, 1U);
		EXPECT(finder.addr[0] == AT(2) || finder.addr[0] == AT(512));
	}
	atomic_set(&stop, 1);
	sandbox_thread_join(&thread);
	put_page(page);
	sandbox_close(&box);
}

/* --- the race with the flush, in the head of mm/space/mremap.c -------------- */

/* A secondary TLB: it is flushed after the CPUs, before the mover goes on. */
struct flushed {
	struct mmu_notifier sub;
	struct mm_struct *mm;
	unsigned int moved;
	bool walk_could_run;
};

static void look_at_lock(struct mmu_notifier *sub, struct mm_struct *mm,
			 unsigned long start, unsigned long end)
{
	struct flushed *flushed = container_of(sub, struct flushed, sub);

	if (start > AT(2) || end <= AT(2))
		return;
	flushed->moved++;
	if (down_read_trylock(&mm->family->root.lock)) {
		up_read(&mm->family->root.lock);
		flushed->walk_could_run = true;
	}
}

static const struct mmu_notifier_ops flushed_ops = {
	.invalidate_range = look_at_lock,
};

KTEST(rmap, a_walk_waits_until_a_moved_page_is_flushed,
      KT_FLAGS(KT_NEEDS_NOTIFIER))
{
	struct flushed flushed = {.sub = {.ops = &flushed_ops}};
	struct sandbox box;

	/* It is skipped in such a kernel, which must link all the same. */
	if (!IS_ENABLED(CONFIG_MMU_NOTIFIER))
		return;
	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(2), 7), 0);
	EXPECT_EQ(mmu_notifier_register(&flushed.sub, box.mm), 0);
	EXPECT_EQ(do_mremap(box.mm, AT(0), LEN(4), LEN(4), FIXED, AT(510)),
		  (long)AT(510));
	mmu_notifier_unregister(&flushed.sub, box.mm);
	EXPECT_GE(flushed.moved, 1U);
	EXPECT(!flushed.walk_could_run);
	EXPECT_EQ(sandbox_read(&box, AT(512)), 7UL);
	sandbox_close(&box);
}
