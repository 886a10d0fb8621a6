// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mirror_race_test.c - devices, CPUs and changes of the mapping, at once
 *
 * Threads of two devices, of programs and of an address space's owner work on
 * the same pages.  Whenever all have stopped, what is left must fit:
 *
 *	no translation of a device outlives the mapping it came from
 *	a page that a device has exclusively is mapped for no CPU
 *	books, map counts and references are those of the entries that are there
 *	no update is lost, and none reaches another page's frame
 *
 * The shadow: to page p everybody adds multiples of a number that no other page
 * has, and counts.
 *
 *	pages	kind		changed by		the word in the end
 *	0-3	kept		nothing			step(p) * count
 *	4-7	protected	mprotect: r, rw		step(p) * count
 *	8-11	volatile	dontneed, mmap over	a multiple of step(p)
 *	12-13	an owner's	munmap, look, mmap	a multiple of step(p)
 *
 * An access of a kept page is never denied (R4.24).  With allocations that fail
 * any access may be denied; what was not denied still counts.
 */
#include <lib/string.h>
#include <mm/page/page.h>
#include <mm/page/rmap.h>

#include "tests/ktest/team.h"
#include "tests/mm/lib/by_hand.h"
#include "tests/mm/lib/mirror.h"
#include "tests/mm/lib/user_atomic.h"

#define KEPT         4
#define FIXED        8 /* kept and protected */
#define VOLATILE     12
#define OWNERS       2
#define PAGES        (VOLATILE + OWNERS)
#define MIRRORS      2
#define PHASES       3
#define ROUNDS       16
#define FAILS_ONE_IN 4

struct arena {
	struct ktest *test;
	struct sandbox *box;
	struct mirror *mirror[MIRRORS];
	atomic64_t added[PAGES];
	atomic_t denied;  /* accesses */
	atomic_t changes; /* by the owners */
	atomic_t look_ups;
	bool no_memory;
};

static u64 step_of(unsigned long page)
{
	return 1000003 + 2 * page;
}

/* An access of @page returned @err: may it have? */
static bool counted(struct arena *arena, unsigned long page, int err)
{
	if (!err)
		return true;
	atomic_inc(&arena->denied);
	if (arena->no_memory && (err == -ENOMEM || err == -EFAULT))
		return false;
	if (err != -EFAULT || page < KEPT)
		ktest_fail(arena->test, "page %lu was denied: %pE", page,
			   (void *)(long)err);
	return false;
}

static void act_as_program(struct team_worker *me)
{
	struct arena *arena = me->arg;

	while (team_goes_on(me)) {
		unsigned long page = rng_below(&me->rng, PAGES);
		struct user_atomic add = {.op = USER_ATOMIC_ADD,
					  .width = 8,
					  .operand = step_of(page)};
		u64 value;

		if (rng_below(&me->rng, 4) == 0)
			counted(arena, page, user_peek(AT(page), &value));
		else if (counted(arena, page, user_atomic_at(AT(page), &add)))
			atomic64_inc(&arena->added[page]);
	}
}

static void act_as_device(struct team_worker *me)
{
	struct arena *arena = me->arg;
	struct mirror *m = arena->mirror[me->number % MIRRORS];

	while (team_goes_on(me)) {
		unsigned long page = rng_below(&me->rng, PAGES);
		u64 value;

		switch (rng_below(&me->rng, 6)) {
		case 0:
			counted(arena, page, mirror_read(m, page, &value));
			break;
		case 1:
			counted(arena, page, mirror_touch(m, page, true));
			break;
		default:
			if (counted(arena, page,
				    mirror_add(m, page, step_of(page))))
				atomic64_inc(&arena->added[page]);
			break;
		}
	}
}

/* Some pages of [from, to). */
static void draw(struct rng *rng, unsigned long from, unsigned long to,
		 vaddr_t *addr, size_t *len)
{
	unsigned long first = from + rng_below(rng, to - from);

	*addr = AT(first);
	*len = LEN(1 + rng_below(rng, to - first));
}

/* While nothing is mapped at @page no device has anything there. */
static long make_a_hole(struct arena *arena, unsigned long page)
{
	struct mm_struct *mm = arena->box->mm;
	struct ktest *test = arena->test;
	long err = do_munmap(mm, AT(page), LEN(1));
	unsigned int i;
	bool present;

	if (err)
		return err;
	/* A look-up that let us in installs now, if it is wrong enough to. */
	atomic_inc(&arena->changes);
	for (i = 0; i < 10; i++)
		yield();
	for (i = 0; i < MIRRORS; i++) {
		struct mirror *m = arena->mirror[i];

		mutex_lock(&m->lock);
		present = m->page[page].present || m->page[page].tracked;
		mutex_unlock(&m->lock);
		EXPECT(!present);
	}
	err = do_mmap(mm, AT(page), LEN(1), RW,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE);
	return err < 0 ? err : 0;
}

/* A change that gets no memory leaves the mapping as it was. */
static void changed(struct arena *arena, long err)
{
	atomic_inc(&arena->changes);
	if (err && !(arena->no_memory && err == -ENOMEM))
		ktest_fail(arena->test, "a change failed: %pE", (void *)err);
}

static void act_as_owner(struct team_worker *me)
{
	struct arena *arena = me->arg;
	struct mm_struct *mm = arena->box->mm;
	vaddr_t addr;
	size_t len;
	long at;

	while (team_goes_on(me)) {
		switch (rng_below(&me->rng, 5)) {
		case 0:
			draw(&me->rng, KEPT, FIXED, &addr, &len);
			changed(arena, do_mprotect(mm, addr, len, PROT_READ));
			break;
		case 1:
			draw(&me->rng, KEPT, FIXED, &addr, &len);
			changed(arena, do_mprotect(mm, addr, len, RW));
			break;
		case 2:
			draw(&me->rng, FIXED, VOLATILE, &addr, &len);
			changed(arena, madvise_dontneed(mm, addr, len));
			break;
		case 3:
			draw(&me->rng, FIXED, VOLATILE, &addr, &len);
			at = do_mmap(mm, addr, len, RW,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
			changed(arena, at < 0 ? at : 0);
			break;
		default:
			changed(arena,
				make_a_hole(arena,
					    VOLATILE + me->number % OWNERS));
			break;
		}
	}
}

/* The frame that an entry holds a reference of; NULL: none. */
static struct page *frame_of(pte_t pte)
{
	struct page *page = NULL;

	if (pte_present(pte))
		page = pfn_to_page(pte_pfn(pte));
	else if (is_swap_pte(pte))
		page = pfn_to_page(swp_offset_pfn(pte_to_swp_entry(pte)));
	return page && !is_zero_page(page) ? page : NULL;
}

static void check_books(struct arena *arena)
{
	struct sandbox *box = arena->box;
	struct ktest *test = arena->test;
	unsigned long page;
	long frames = 0;

	for (page = 0; page < PAGES; page++) {
		struct page *frame = frame_of(sandbox_pte(box, AT(page)));

		if (!frame)
			continue;
		frames++;
		EXPECT_EQ(page_mapcount(frame), 1);
		EXPECT_EQ(page_ref_count(frame), 1);
		EXPECT(!PageLocked(frame));
	}
	EXPECT_EQ(atomic64_read(&box->mm->anon_rss), frames);
	EXPECT_EQ(atomic_read(&box->mm->tlb_flush_pending), 0);
	sandbox_verify(box);
}

/* Of each page at most one device has it exclusively, and then no other has it. */
static void check_devices(struct arena *arena)
{
	struct mirror **m = arena->mirror;
	struct ktest *test = arena->test;
	unsigned long page;

	mirror_verify(m[0]);
	mirror_verify(m[1]);
	for (page = 0; page < PAGES; page++) {
		EXPECT(!m[0]->page[page].exclusive || !m[1]->page[page].present);
		EXPECT(!m[1]->page[page].exclusive || !m[0]->page[page].present);
	}
}

static void check_words(struct arena *arena)
{
	struct ktest *test = arena->test;
	unsigned long page;

	EXPECT_EQ(do_mprotect(arena->box->mm, AT(KEPT), LEN(FIXED - KEPT), RW),
		  0);
	/* One that had no memory to fill its hole left it. */
	for (page = VOLATILE; page < PAGES; page++)
		(void)do_mmap(arena->box->mm, AT(page), LEN(1), RW,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE);
	for (page = 0; page < PAGES; page++) {
		u64 value = sandbox_read(arena->box, AT(page));
		u64 count = (u64)atomic64_read(&arena->added[page]);

		EXPECT_EQ(value % step_of(page), 0UL);
		if (page < FIXED)
			EXPECT_EQ(value / step_of(page), count);
		else
			EXPECT_LE(value / step_of(page), count);
	}
}

/*
 * Between every fourth look-up and its installation an owner makes a change.
 * After each it would overlap all of a look-up's rounds but the last.
 */
static void let_owners_in(void *arg)
{
	struct arena *arena = arg;
	int before = atomic_read(&arena->changes);
	unsigned int i;

	if (atomic_fetch_add(1, &arena->look_ups) % 4)
		return;
	/* They may be kept out, by the last rounds of this look-up (R4.24). */
	for (i = 0; i < 100 && atomic_read(&arena->changes) == before; i++)
		yield();
}

static struct arena *arena_new(struct ktest *test)
{
	struct arena *arena = ktest_alloc(test, sizeof(*arena));
	unsigned int i;

	arena->test = test;
	arena->box = sandbox_new(test, SANDBOX_UNOBSERVED);
	sandbox_map(arena->box, AT(0), PAGES);
	for (i = 0; i < MIRRORS; i++) {
		arena->mirror[i] = mirror_new(arena->box, AT(0), PAGES);
		arena->mirror[i]->before_install = let_owners_in;
		arena->mirror[i]->arg = arena;
	}
	return arena;
}

static struct team *race(struct arena *arena, unsigned long fail_one_in)
{
	struct team *team = team_new(arena->test);
	unsigned int phase;

	team->mm = arena->box->mm;
	team->fail_one_in = fail_one_in;
	arena->no_memory = fail_one_in != 0;
	for (phase = 0; phase < PHASES && !ktest_failed(arena->test); phase++) {
		team_add(team, 3, ROUNDS, act_as_device, arena);
		team_add(team, 2, ROUNDS, act_as_program, arena);
		team_add(team, OWNERS, TEAM_UNTIL_STOP, act_as_owner, arena);
		team_go(team);
		team_wait(team);
		check_books(arena);
		check_devices(arena);
		check_words(arena);
	}
	return team;
}

KTEST(mirror_race, no_translation_outlives_its_mapping_and_no_update_is_lost,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE))
{
	struct arena *arena = arena_new(test);

	race(arena, 0);
	/* The race was one: a protected page was denied to a device or a CPU. */
	EXPECT_GT(atomic_read(&arena->denied), 0);
}

KTEST(mirror_race, the_same_holds_where_one_in_many_allocations_fails,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE | KT_NEEDS_DEBUG))
{
	struct arena *arena = arena_new(test);
	struct team *team = race(arena, FAILS_ONE_IN);

	EXPECT_GT(atomic64_read(&team->allocs_failed), 0);
}
