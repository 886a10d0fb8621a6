// SPDX-License-Identifier: MIT
/*
 * tests/mm/space/mremap_mirror_test.c - shared memory at a second address; locked pages
 *
 * Pictures show pages from BASE up; letters are pages of one object.
 */
#include <mm/alloc/fail.h>
#include <mm/space/counters.h>
#include <mm/space/mlock.h>
#include "tests/mm/lib/relatives.h"

#define SHARED    (MAP_SHARED | MAP_ANONYMOUS)
#define RW        (PROT_READ | PROT_WRITE)
#define FIXED     (MREMAP_MAYMOVE | MREMAP_FIXED)
#define DONTUNMAP (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

/* Pages 0 to 3 show an object. */
static bool open_shared(struct sandbox *box, struct ktest *test)
{
	if (!sandbox_open(box, test))
		return false;
	EXPECT_EQ(do_mmap(box->mm, AT(0), LEN(4), RW, SHARED | MAP_FIXED),
		  (long)AT(0));
	return true;
}

static long mirror(struct sandbox *box, unsigned long old, unsigned long pages,
		   int flags, unsigned long new)
{
	return do_mremap(box->mm, AT(old), 0, LEN(pages), flags, AT(new));
}

/*
 *	pages	0 1 2 3   8 9
 *	before	[a b c d]
 *	after	[a b c d][b c]		mirror of page 1
 */
KTEST(mremap, a_mirror_shows_the_same_pages_at_a_second_address)
{
	struct space_counters before, after;
	struct sandbox box;
	vaddr_t hole;

	REQUIRE(open_shared(&box, test));
	EXPECT_EQ(user_poke(AT(1), 11), 0);
	sandbox_forget(&box);
	space_read_counters(&before);
	EXPECT_EQ(mirror(&box, 1, 2, FIXED, 8), (long)AT(8));
	space_read_counters(&after);
	EXPECT_EQ(after.remaps, before.remaps + 1);
	EXPECT_EQ(box.nr, 0U);
	EXPECT_EQ(sandbox_read(&box, AT(8)), 11UL);
	EXPECT_EQ(page_in(box.mm, AT(8)), page_in(box.mm, AT(1)));
	/* Both ways, and a page that neither had touched. */
	EXPECT_EQ(user_poke(AT(9), 22), 0);
	EXPECT_EQ(sandbox_read(&box, AT(2)), 22UL);
	hole = mirror(&box, 3, 1, MREMAP_MAYMOVE, 0);
	EXPECT_EQ(hole, USER_START);
	EXPECT_EQ(user_poke(AT(3), 33), 0);
	EXPECT_EQ(sandbox_read(&box, hole), 33UL);
	EXPECT_EQ(box.mm->total_vm, 7UL);
	sandbox_verify(&box);
	/* Each is a mapping of its own: the pages stay with the other. */
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(4)), 0);
	EXPECT_EQ(sandbox_read(&box, AT(8)), 11UL);
	EXPECT_EQ(user_poke(AT(1), 1), -EFAULT);
	sandbox_close(&box);
}

/* As a mapping may reach behind the end of its object. */
KTEST(mremap, a_mirror_reaches_behind_the_end_and_may_replace_its_model,
      KT_FLAGS(KT_NEEDS_NOTIFIER), KT_RULES("R1.17"))
{
	struct sandbox box;
	char buf[64];

	REQUIRE(open_shared(&box, test));
	EXPECT_EQ(user_poke(AT(3), 3), 0);
	EXPECT_EQ(mirror(&box, 3, 2, FIXED, 20), (long)AT(20));
	EXPECT_EQ(sandbox_read(&box, AT(20)), 3UL);
	EXPECT_EQ(user_poke(AT(21), 1), -EFAULT);
	EXPECT_EQ(do_munmap(box.mm, AT(20), LEN(2)), 0);
	sandbox_forget(&box);
	EXPECT_EQ(mirror(&box, 3, 1, FIXED, 0), (long)AT(0));
	EXPECT_EQ(box.nr, 1U);
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(0), AT(1));
	EXPECT_EQ(sandbox_read(&box, AT(0)), 3UL);
	/* The whole model goes, and the object stays for the mirror. */
	EXPECT_EQ(do_munmap(box.mm, AT(0), LEN(3)), 0);
	sandbox_forget(&box);
	EXPECT_EQ(mirror(&box, 3, 1, FIXED, 3), (long)AT(3));
	EXPECT_EVENT(&box, 0, MMU_NOTIFY_UNMAP, AT(3), AT(4));
	EXPECT_EQ(sandbox_read(&box, AT(3)), 3UL);
	EXPECT_STREQ(sandbox_draw(&box, buf, sizeof(buf)), "3 - 1 rw");
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(mremap, what_cannot_be_mirrored_is_refused_and_changes_nothing)
{
	struct sandbox box;

	REQUIRE(open_shared(&box, test));
	sandbox_map(&box, AT(10), 2);
	EXPECT_EQ(mirror(&box, 10, 1, MREMAP_MAYMOVE, 0), (long)-EINVAL);
	EXPECT_EQ(mirror(&box, 0, 0, MREMAP_MAYMOVE, 0), (long)-EINVAL);
	EXPECT_EQ(mirror(&box, 0, 1, 0, 0), (long)-ENOMEM);
	EXPECT_EQ(mirror(&box, 7, 1, MREMAP_MAYMOVE, 0), (long)-EFAULT);
	EXPECT_EQ(mirror(&box, 0, 1, DONTUNMAP, 20), (long)-EINVAL);
	EXPECT_EQ(do_mremap(box.mm, AT(0), 0, LEN(1), FIXED, AT(20) + 1),
		  (long)-EINVAL);
	box.mm->as_limit = 7;
	EXPECT_EQ(mirror(&box, 0, 2, FIXED, 20), (long)-ENOMEM);
	EXPECT_EQ(mirror(&box, 0, 1, FIXED, 20), (long)AT(20));
	EXPECT_EQ(do_munmap(box.mm, AT(20), LEN(1)), 0);
	box.mm->map_limit = 2;
	EXPECT_EQ(mirror(&box, 0, 1, FIXED, 20), (long)-ENOMEM);
	EXPECT_EQ(box.mm->total_vm, 6UL);
	EXPECT_EQ(box.mm->map_count, 2U);
	sandbox_verify(&box);
	sandbox_close(&box);
}

KTEST(mremap, no_memory_for_a_mirror_changes_nothing, KT_FLAGS(KT_NEEDS_DEBUG))
{
	struct sandbox box;

	REQUIRE(open_shared(&box, test));
	alloc_fail_nth(1);
	EXPECT_EQ(mirror(&box, 0, 1, MREMAP_MAYMOVE, 0), (long)-ENOMEM);
	EXPECT(alloc_fail_hit());
	alloc_fail_end();
	EXPECT_EQ(box.mm->map_count, 1U);
	sandbox_close(&box);
}

/* More locked pages than the limit, by each way in which pages are gained. */
KTEST(mremap, what_a_locked_mapping_gains_is_under_the_limit_of_locked_pages)
{
	struct sandbox box;

	REQUIRE(open_shared(&box, test));
	sandbox_map(&box, AT(10), 2);
	EXPECT_EQ(do_mlock(box.mm, AT(0), LEN(4)), 0);
	EXPECT_EQ(do_mlock(box.mm, AT(10), LEN(2)), 0);
	box.mm->lock_limit = 7;
	EXPECT_EQ(mirror(&box, 0, 2, FIXED, 20), (long)-EAGAIN);
	EXPECT_EQ(do_mremap(box.mm, AT(10), LEN(2), LEN(4), 0, 0), (long)-EAGAIN);
	EXPECT_EQ(do_mremap(box.mm, AT(10), LEN(2), LEN(4), FIXED, AT(30)),
		  (long)-EAGAIN);
	EXPECT_EQ(do_mremap(box.mm, AT(10), LEN(2), LEN(2), DONTUNMAP, AT(30)),
		  (long)-EAGAIN);
	EXPECT_EQ(box.mm->locked_vm, 6UL);
	EXPECT_EQ(do_mremap(box.mm, AT(10), LEN(2), LEN(2), FIXED, AT(30)),
		  (long)AT(30));
	EXPECT_EQ(mirror(&box, 0, 1, FIXED, 20), (long)AT(20));
	EXPECT_EQ(box.mm->locked_vm, 7UL);
	EXPECT(pte_write(sandbox_pte(&box, AT(20))));
	EXPECT_EQ(do_munlock(box.mm, AT(0), LEN(4)), 0);
	EXPECT_EQ(do_mremap(box.mm, AT(30), LEN(2), LEN(2), DONTUNMAP, AT(40)),
		  (long)AT(40));
	EXPECT_EQ(box.mm->locked_vm, 5UL);
	sandbox_verify(&box);
	sandbox_close(&box);
}
