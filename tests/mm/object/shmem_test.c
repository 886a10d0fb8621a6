// SPDX-License-Identifier: MIT
/*
 * tests/mm/object/shmem_test.c - memory that a parent and its children see alike
 */
#include <mm/alloc/fail.h>
#include <mm/alloc/page_alloc.h>
#include <mm/device/exclusive.h>
#include <mm/fault/gup.h>
#include <mm/object/shmem.h>
#include <mm/rmap/walk.h>
#include "tests/mm/lib/relatives.h"

#define RW     (PROT_READ | PROT_WRITE)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED)
#define ROUNDS 64

static void map_shared(struct sandbox *box, vaddr_t addr, unsigned long pages)
{
	struct ktest *test = box->test;

	EXPECT_EQ(do_mmap(box->mm, addr, LEN(pages), RW, SHARED), (long)addr);
}

static struct vm_object *object_at(struct sandbox *box, vaddr_t addr)
{
	struct vm_object *object;

	mmap_read_lock(box->mm);
	object = vma_lookup(box->mm, addr)->vm_object;
	mmap_read_unlock(box->mm);
	return object;
}

static long gup(struct sandbox *box, vaddr_t addr, unsigned int flags,
		struct page **page)
{
	long got;

	*page = NULL;
	mmap_read_lock(box->mm);
	got = get_user_pages_remote(box->mm, addr, 1, flags, page);
	mmap_read_unlock(box->mm);
	return got;
}

KTEST(shmem, a_read_of_a_hole_and_a_write_map_one_page_writable,
      KT_RULES("R1.13"))
{
	struct sandbox box;
	struct page *page;
	pte_t pte;

	REQUIRE(sandbox_open(&box, test));
	map_shared(&box, AT(0), 3);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	pte = sandbox_pte(&box, AT(1));
	page = pfn_to_page(pte_pfn(pte));
	EXPECT(pte_write(pte) && pte_soft_dirty(pte) && !pte_dirty(pte));
	EXPECT(!is_zero_page(page));
	EXPECT(PageObject(page) && !PageAnon(page));
	EXPECT_EQ(shmem_page(object_at(&box, AT(0)), 1), page);
	EXPECT_EQ(shmem_page(object_at(&box, AT(0)), 0), NULL);
	EXPECT_EQ(page_mapcount(page), 1);
	EXPECT_EQ(page_ref_count(page), 2);
	EXPECT_EQ(user_poke(AT(1), 7), 0);
	EXPECT_EQ(page_in(box.mm, AT(1)), page);
	EXPECT_EQ(user_poke(AT(2), 8), 0);
	EXPECT(pte_dirty(sandbox_pte(&box, AT(2))));
	EXPECT_EQ(atomic64_read(&box.mm->shared_rss), 2L);
	EXPECT_EQ(atomic64_read(&box.mm->anon_rss), 0L);
	EXPECT_EQ(box.nr, 0U);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* A fork copies no entry and has no event; each of the two finds the other's writes. */
KTEST(shmem, parent_and_child_share_each_page_whoever_touches_it_first,
      KT_RULES("R1.13"))
{
	struct mm_struct *child;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	map_shared(&box, AT(0), 4);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	child = sandbox_fork(&box);
	EXPECT_EQ(box.nr, 0U);
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	if (child) {
		EXPECT_EQ(atomic64_read(&child->shared_rss), 0L);
		EXPECT_EQ(read_in(&box, child, AT(0)), 1UL);
		EXPECT_EQ(poke_in(&box, child, AT(0), 2), 0);
		EXPECT_EQ(sandbox_read(&box, AT(0)), 2UL);
		EXPECT_EQ(poke_in(&box, child, AT(1), 3), 0);
		EXPECT_EQ(sandbox_read(&box, AT(1)), 3UL);
		EXPECT_EQ(page_in(child, AT(1)), page_in(box.mm, AT(1)));
		EXPECT_EQ(page_mapcount(page_in(child, AT(1))), 2);
		EXPECT_EQ(box.nr, 0U);
		verify_in(&box, child);
		/* What the child wrote outlives it. */
		EXPECT_EQ(poke_in(&box, child, AT(2), 4), 0);
		mmput(child);
		EXPECT_EQ(sandbox_read(&box, AT(2)), 4UL);
	}
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(shmem, dontneed_empties_the_entry_and_the_object_keeps_the_page,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.18"))
{
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	map_shared(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 5), 0);
	page = page_in(box.mm, AT(0));
	EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(2)), 0);
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_CLEAR, AT(0), AT(2));
	EXPECT_EQ(page_mapcount(page), 0);
	EXPECT_EQ(atomic64_read(&box.mm->shared_rss), 0L);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 5UL);
	EXPECT_EQ(page_in(box.mm, AT(0)), page);
	sandbox_close(&box);
}

/*
 *	rights	rw	r	rw	none	rw	r (fresh)	rw
 *
 * A page that was written to is writable again at once. A page whose entry was filled while
 * the region was read-only has not been written to: its first write takes a fault, no event.
 */
KTEST(shmem, mprotect_takes_and_gives_the_right_to_write, KT_RULES("R1.13 R1.21"))
{
	struct fault_counters before, after;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	map_shared(&box, AT(0), 2);
	EXPECT_EQ(user_poke(AT(0), 5), 0);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_READ), 0);
	EXPECT(!pte_write(sandbox_pte(&box, AT(0))));
	EXPECT_EQ(user_poke(AT(0), 6), -EFAULT);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 0UL);
	EXPECT(!pte_write(sandbox_pte(&box, AT(1))));
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), RW), 0);
	EXPECT(pte_write(sandbox_pte(&box, AT(0))));
	EXPECT(!pte_write(sandbox_pte(&box, AT(1))));
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), PROT_NONE), 0);
	EXPECT_EQ(user_poke(AT(0), 6), -EFAULT);
	EXPECT_EQ(do_mprotect(box.mm, AT(0), LEN(2), RW), 0);
	sandbox_forget(&box);
	fault_read_counters(&before);
	EXPECT_EQ(user_poke(AT(1), 7), 0);
	fault_read_counters(&after);
	EXPECT_EQ(after.object_write - before.object_write, 1UL);
	EXPECT(pte_write(sandbox_pte(&box, AT(1))));
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(sandbox_read(&box, AT(0)), 5UL);
	EXPECT_EQ(sandbox_read(&box, AT(1)), 7UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* The entries of one page in two address spaces, at different addresses. */
struct finder {
	struct rmap_walk walk;
	struct mm_struct *mm[4];
	vaddr_t addr[4];
};

static bool find_entry(struct rmap_walk *walk, struct page *page,
		       struct vm_area_struct *vma, vaddr_t addr)
{
	struct finder *finder = walk->arg;
	struct rmap_entry entry;

	if (!rmap_lock_entry(page, vma, addr, &entry))
		return false;
	spin_unlock(entry.ptl);
	finder->mm[walk->found] = vma->vm_mm;
	finder->addr[walk->found] = addr;
	return true;
}

/*
 *	object		0 1 2 3
 *	box  at 0	0 1 2 3
 *	box  at 10	    2 3		page 3 has an entry here
 *	stranger at 20	  1 2 3		and here
 */
KTEST(shmem, a_walk_finds_a_page_in_address_spaces_that_are_no_family)
{
	struct vm_object *object = shmem_create(4);
	struct mm_struct *stranger = mm_alloc();
	struct finder finder = {.walk = {.visit = find_entry}};
	struct sandbox box;
	struct page *page;

	REQUIRE(object && stranger && sandbox_open(&box, test));
	finder.walk.arg = &finder;
	EXPECT_EQ(do_mmap_object(box.mm, AT(0), LEN(4), RW, MAP_FIXED, object, 0),
		  (long)AT(0));
	EXPECT_EQ(do_mmap_object(box.mm, AT(10), LEN(2), RW, MAP_FIXED, object, 2),
		  (long)AT(10));
	EXPECT_EQ(do_mmap_object(stranger, AT(20), LEN(3), RW, MAP_FIXED,
				 object, 1),
		  (long)AT(20));
	vm_object_put(object);
	EXPECT_EQ(user_poke(AT(11), 9), 0);
	EXPECT_EQ(read_in(&box, stranger, AT(22)), 9UL);
	EXPECT_EQ(gup(&box, AT(11), FOLL_GET, &page), 1L);
	if (page) {
		lock_page(page);
		rmap_walk(page, &finder.walk);
		unlock_page(page);
		EXPECT_EQ(finder.walk.found, 2U);
		EXPECT_LE(finder.walk.regions, 3U);
		/* By first offset: 1 comes before 2. */
		EXPECT_EQ(finder.mm[0], stranger);
		EXPECT_EQ(finder.addr[0], AT(22));
		EXPECT_EQ(finder.mm[1], box.mm);
		EXPECT_EQ(finder.addr[1], AT(11));
		put_page(page);
	}
	mmput(stranger);
	sandbox_verify(&box);
	sandbox_close(&box);
}

/* Regions that go on in one object are one; a part of another begins a second. */
KTEST(shmem, two_calls_give_two_objects_and_parts_of_one_merge)
{
	struct vm_object *object = shmem_create(8);
	struct sandbox box;
	char text[80];

	REQUIRE(object && sandbox_open(&box, test));
	map_shared(&box, AT(0), 2);
	map_shared(&box, AT(2), 2);
	EXPECT_NE(object_at(&box, AT(0)), object_at(&box, AT(2)));
	EXPECT_EQ(do_mmap_object(box.mm, AT(6), LEN(2), RW, MAP_FIXED, object, 2),
		  (long)AT(6));
	EXPECT_EQ(do_mmap_object(box.mm, AT(4), LEN(2), RW, MAP_FIXED, object, 0),
		  (long)AT(4));
	EXPECT_EQ(do_mmap_object(box.mm, AT(8), LEN(2), RW, MAP_FIXED, object, 5),
		  (long)AT(8));
	EXPECT_STREQ(sandbox_draw(&box, text, sizeof(text)),
		     "2 rw 2 rw 4 rw 2 rw");
	EXPECT_EQ(do_mmap_object(box.mm, AT(0), LEN(2), RW, MAP_FIXED, object,
				 ~0UL),
		  -EOVERFLOW);
	vm_object_put(object);
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(shmem, a_call_is_private_or_shared_and_not_both)
{
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(do_mmap(box.mm, 0, LEN(1), RW, MAP_ANONYMOUS), -EINVAL);
	EXPECT_EQ(do_mmap(box.mm, 0, LEN(1), RW, MAP_SHARED), -EINVAL);
	EXPECT_EQ(do_mmap(box.mm, 0, LEN(1), RW,
			  MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS),
		  -EINVAL);
	EXPECT_EQ(do_mmap(box.mm, 0, 0, RW, MAP_SHARED | MAP_ANONYMOUS), -EINVAL);
	EXPECT_EQ(box.mm->map_count, 0U);
	sandbox_close(&box);
}

/* The region is larger than the object: what is behind the end is no memory. */
KTEST(shmem, a_touch_behind_the_end_of_the_object_fails)
{
	struct vm_object *object = shmem_create(2);
	struct sandbox box;
	struct page *page;

	REQUIRE(object && sandbox_open(&box, test));
	EXPECT_EQ(do_mmap_object(box.mm, AT(0), LEN(4), RW, MAP_FIXED, object, 0),
		  (long)AT(0));
	EXPECT_EQ(user_poke(AT(1), 1), 0);
	EXPECT_EQ(user_poke(AT(2), 1), -EFAULT);
	EXPECT_EQ(gup(&box, AT(3), FOLL_GET, &page), (long)-EFAULT);
	EXPECT_EQ(shmem_page(object, 2), NULL);
	vm_object_put(object);
	sandbox_close(&box);
}

/* The index has every height; a page far up is not another's. */
KTEST(shmem, each_page_of_an_object_of_any_size_has_its_own_place)
{
	static const unsigned long sizes[] = {1,    2,    64,      65,
					      4096, 4097, 1 << 18, 1 << 24};
	struct sandbox box;
	unsigned int i;

	REQUIRE(sandbox_open(&box, test));
	sandbox_promise_any(&box);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long last = sizes[i] - 1;

		map_shared(&box, AT(0), sizes[i]);
		EXPECT_EQ(user_poke(AT(last), 3), 0);
		EXPECT_EQ(user_poke(AT(last / 2), 2), 0);
		EXPECT_EQ(user_poke(AT(0), 1), 0);
		EXPECT_EQ(madvise_dontneed(box.mm, AT(0), LEN(sizes[i])), 0);
		EXPECT_EQ(sandbox_read(&box, AT(0)), 1UL);
		if (last / 2)
			EXPECT_EQ(sandbox_read(&box, AT(last / 2)), 2UL);
		if (last > 1)
			EXPECT_EQ(sandbox_read(&box, AT(last)), 3UL);
		sandbox_verify(&box);
		EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(sizes[i])), 0);
	}
	sandbox_close(&box);
}

/* A driver's reference keeps a page, not the object. */
KTEST(shmem, the_last_region_frees_the_pages_but_those_that_are_held)
{
	struct shmem_counters before, after;
	struct sandbox box;
	struct page *page;

	REQUIRE(sandbox_open(&box, test));
	shmem_read_counters(&before);
	map_shared(&box, AT(0), 100);
	EXPECT_EQ(user_poke(AT(0), 1), 0);
	EXPECT_EQ(user_poke(AT(70), 2), 0);
	EXPECT_EQ(gup(&box, AT(70), FOLL_GET, &page), 1L);
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(70)), 0);
	shmem_read_counters(&after);
	EXPECT_EQ(after.allocated - before.allocated, 2UL);
	EXPECT_EQ(after.released, before.released);
	EXPECT_EQ(do_munmap(box.mm, AT(70), LEN(30)), 0);
	shmem_read_counters(&after);
	EXPECT_EQ(after.released - before.released, 2UL);
	EXPECT_EQ(after.freed - before.freed, 1UL);
	if (page) {
		EXPECT_EQ(page_ref_count(page), 1);
		EXPECT_EQ(*(u64 *)page_address(page), 2UL);
		put_page(page);
	}
	sandbox_close(&box);
}

/* A pin of a page that all may write needs no copy. */
KTEST(shmem, a_page_is_held_and_pinned_as_it_is)
{
	struct mm_struct *child;
	struct sandbox box;
	struct page *page, *pinned;

	REQUIRE(sandbox_open(&box, test));
	map_shared(&box, AT(0), 1);
	EXPECT_EQ(gup(&box, AT(0), FOLL_PIN, &pinned), 1L);
	EXPECT_EQ(gup(&box, AT(0), FOLL_GET | FOLL_WRITE, &page), 1L);
	EXPECT_EQ(page, pinned);
	child = sandbox_fork(&box);
	if (child) {
		EXPECT_EQ(poke_in(&box, child, AT(0), 4), 0);
		EXPECT_EQ(page_in(child, AT(0)), pinned);
		EXPECT_EQ(sandbox_read(&box, AT(0)), 4UL);
		mmput(child);
	}
	if (page)
		put_page(page);
	if (pinned)
		unpin_user_page(pinned);
	sandbox_close(&box);
}

/*
 * Elsewhere (Linux before 6.15) the call went round without end; here it is one call, and
 * nothing has changed.
 *
 *	pages	 0 1   2 3
 *		[private][shared]
 */
KTEST(shmem, exclusive_access_is_refused_in_one_call_and_gup_still_works,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE), KT_RULES("R8.16"))
{
	struct page *slots[4] = {NULL};
	struct page *page = NULL;
	struct sandbox box;

	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, AT(0), 2);
	map_shared(&box, AT(2), 2);
	EXPECT_EQ(user_poke(AT(2), 7), 0);
	sandbox_forget(&box);
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(2), 1, slots, &box),
		  -EOPNOTSUPP);
	EXPECT_EQ(slots[0], NULL);
	mmap_read_lock(box.mm);
	EXPECT_EQ(sandbox_lock_exclusive(&box, AT(2), &page), -EOPNOTSUPP);
	mmap_read_unlock(box.mm);
	EXPECT_EQ(box.nr, 0U);
	EXPECT(pte_write(sandbox_pte(&box, AT(2))));
	/* The private pages before it are had; the run ends where the object begins. */
	EXPECT_EQ(sandbox_make_exclusive(&box, AT(0), 4, slots, &box), 2);
	release_exclusive(slots, 2);
	EXPECT_EQ(gup(&box, AT(2), FOLL_GET | FOLL_WRITE, &page), 1L);
	if (page)
		put_page(page);
	EXPECT_EQ(sandbox_read(&box, AT(2)), 7UL);
	sandbox_close(&box);
}

/* --- the race in the head of mm/object/shmem.c ------------------------------ */

/*
 * The second fault stands between its allocation and its exchange: the test does the
 * exchange for it when the first fault is over.
 *
 *	fault				fault, by hand
 *	slot is empty			slot is empty
 *					allocates b
 *	allocates a; a is in
 *					exchange: a is there; b is freed
 */
KTEST(shmem, a_fault_that_comes_second_has_the_page_of_the_first)
{
	struct shmem_counters before, after;
	struct vm_object *object = shmem_create(100);
	struct page *b = alloc_page(GFP_KERNEL | __GFP_ZERO);
	unsigned long free;
	struct sandbox box;

	REQUIRE(object && b && sandbox_open(&box, test));
	EXPECT_EQ(do_mmap_object(box.mm, AT(0), LEN(100), RW, MAP_FIXED, object,
				 0),
		  (long)AT(0));
	EXPECT_EQ(shmem_page(object, 70), NULL);
	EXPECT_EQ(user_poke(AT(70), 5), 0);
	shmem_read_counters(&before);
	free = nr_free_pages();
	EXPECT_EQ(shmem_add_page(object, 70, b), page_in(box.mm, AT(70)));
	EXPECT_EQ(nr_free_pages(), free + 1);
	shmem_read_counters(&after);
	EXPECT_EQ(after.lost - before.lost, 1UL);
	EXPECT_EQ(after.allocated, before.allocated);
	vm_object_put(object);
	sandbox_close(&box);
}

/* Without memory for a page or for a node of the index the fault fails, and can come again. */
KTEST(shmem, a_touch_without_memory_fails_and_the_next_succeeds,
      KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct sandbox box;
	unsigned long nth;
	int err;

	REQUIRE(sandbox_open(&box, test));
	alloc_fail_nth(1);
	EXPECT_EQ(do_mmap(box.mm, AT(0), LEN(5000), RW, SHARED), (long)-ENOMEM);
	EXPECT_EQ(box.mm->map_count, 0U);
	alloc_fail_end();
	map_shared(&box, AT(0), 5000);
	for (nth = 1; nth < 100; nth++) {
		alloc_fail_nth(nth);
		err = user_poke(AT(4999), 3);
		if (!alloc_fail_end().failed)
			break;
		EXPECT_EQ(err, -EFAULT);
	}
	EXPECT_EQ(err, 0);
	/* The tables, the nodes of three levels, the page. */
	EXPECT_GT(nth, 4UL);
	EXPECT_EQ(sandbox_read(&box, AT(4999)), 3UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}

struct race {
	struct atomic ready;
	struct atomic go;
};

static void first_toucher(struct sandbox_thread *self)
{
	struct race *race = self->arg;
	struct ktest *test = self->box->test;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		atomic_inc(&race->ready);
		while (atomic_read(&race->go) <= i)
			yield();
		EXPECT_EQ(user_poke(AT(i) + 8 * self->number, self->number + 1),
			  0);
	}
}

KTEST(shmem, two_first_touches_of_one_page_agree, KT_FLAGS(KT_NEEDS_SMP))
{
	struct shmem_counters before, after;
	struct sandbox_thread thread[2];
	struct race race = {{0}, {0}};
	struct sandbox box, other;
	struct vm_object *object = shmem_create(ROUNDS);
	int i, t;

	REQUIRE(object);
	shmem_read_counters(&before);
	REQUIRE(sandbox_open(&other, test));
	EXPECT_EQ(do_mmap_object(other.mm, AT(0), LEN(ROUNDS), RW, MAP_FIXED,
				 object, 0),
		  (long)AT(0));
	/* The test's thread lives in the second; helpers are in one each. */
	kthread_unuse_mm(other.mm);
	REQUIRE(sandbox_open(&box, test));
	EXPECT_EQ(do_mmap_object(box.mm, AT(0), LEN(ROUNDS), RW, MAP_FIXED,
				 object, 0),
		  (long)AT(0));
	for (t = 0; t < 2; t++) {
		thread[t].number = t;
		sandbox_thread_start(&thread[t], t ? &other : &box,
				     t ? another_cpu() : smp_processor_id(),
				     first_toucher, &race);
	}
	for (i = 0; i < ROUNDS; i++) {
		KTEST_WAIT_FOR(test, atomic_read(&race.ready) == 2 * (i + 1));
		atomic_inc(&race.go);
	}
	for (t = 0; t < 2; t++)
		sandbox_thread_join(&thread[t]);
	for (i = 0; i < ROUNDS; i++) {
		EXPECT_EQ(sandbox_read(&box, AT(i)), 1UL);
		EXPECT_EQ(sandbox_read(&box, AT(i) + 8), 2UL);
		EXPECT_EQ(page_in(other.mm, AT(i)), page_in(box.mm, AT(i)));
	}
	shmem_read_counters(&after);
	EXPECT_EQ(after.allocated - before.allocated, (unsigned long)ROUNDS);
	vm_object_put(object);
	sandbox_close(&box);
	kthread_use_mm(other.mm);
	sandbox_close(&other);
}
