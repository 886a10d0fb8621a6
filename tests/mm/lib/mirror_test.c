// SPDX-License-Identifier: MIT
/*
 * tests/mm/lib/mirror_test.c - the mirror is as exact as its users rely on
 *
 * Not here: which event permits what (mmu_event_test.c).
 */
#include "tests/ktest/team.h"
#include "by_hand.h"
#include "mirror.h"

/* More than a table has entries. */
#define MANY 1200

/*
 *	pages	0          400        800         1200
 *	mirror	[-------------------------------------]
 *	munmap		   [----------]
 */
KTEST(mirror, translations_of_many_tables_are_dropped_exactly)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct mirror *m = mirror_new(box, AT(0), MANY);
	unsigned long i, kept = 0;
	u64 value;

	sandbox_map(box, AT(0), MANY);
	for (i = 0; i < MANY; i++)
		REQUIRE_EQ(mirror_write(m, i, i + 1), 0);
	mirror_verify(m);
	REQUIRE_EQ(do_munmap(box->mm, AT(400), LEN(400)), 0);
	mirror_verify(m);
	for (i = 0; i < MANY; i++)
		kept += m->page[i].present;
	EXPECT_EQ(kept, MANY - 400UL);
	EXPECT_EQ(mirror_read(m, 400, &value), -EFAULT);
	EXPECT_EQ(mirror_read(m, 399, &value), 0);
	EXPECT_EQ(value, 400UL);
	EXPECT_EQ(sandbox_read(box, AT(800)), 801UL);
}

/* The comparison that the tests of races end with. */
KTEST(mirror, a_page_that_does_not_agree_is_found,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE))
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct mirror *m = mirror_new(box, AT(0), 3);
	u64 value;

	sandbox_map(box, AT(0), 3);
	REQUIRE_EQ(mirror_read(m, 0, &value), 0);
	REQUIRE_EQ(mirror_write(m, 1, 1), 0);
	REQUIRE_EQ(mirror_add(m, 2, 1), 0);
	mirror_verify(m);
	/* It may write where the entry only reads. */
	m->page[0].write = true;
	EXPECT(!mirror_agrees(m, 0));
	m->page[0].write = false;
	/* Another frame. */
	m->page[1].pfn++;
	EXPECT(!mirror_agrees(m, 1));
	m->page[1].pfn--;
	/* Exclusive, and a CPU has the page. */
	m->page[1].exclusive = true;
	EXPECT(!mirror_agrees(m, 1));
	m->page[1].exclusive = false;
	/* A shared page: right where this device made the entry exclusive. */
	m->page[2].exclusive = false;
	EXPECT(mirror_agrees(m, 2));
	m->page[2].owned = false;
	EXPECT(!mirror_agrees(m, 2));
	m->page[2].owned = true;
	m->page[2].exclusive = true;
	mirror_verify(m);
	/* An object without a region. */
	REQUIRE_EQ(do_munmap(box->mm, AT(1), LEN(1)), 0);
	m->page[1].tracked = true;
	EXPECT(!mirror_agrees(m, 1));
}

#define ADDERS 3
#define ADDS   100

static void add_to_all(struct team_worker *me)
{
	struct mirror *m = me->arg;
	struct ktest *test = me->test;
	unsigned long i;

	while (team_goes_on(me)) {
		for (i = 0; i < m->nr; i++)
			EXPECT_EQ(mirror_add(m, i, 1), 0);
	}
}

/* The device's threads exclude each other, and two devices take turns. */
KTEST(mirror, several_threads_of_two_devices_lose_no_update,
      KT_FLAGS(KT_NEEDS_DEVICE_PRIVATE))
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct mirror *a = mirror_new(box, AT(0), 4);
	struct mirror *b = mirror_new(box, AT(0), 4);
	struct team *team = team_new(test);
	unsigned long i;

	sandbox_map(box, AT(0), 4);
	team_add(team, ADDERS, ADDS, add_to_all, a);
	team_add(team, ADDERS, ADDS, add_to_all, b);
	team_go(team);
	team_wait(team);
	mirror_verify(a);
	mirror_verify(b);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(sandbox_read(box, AT(i)), 2UL * ADDERS * ADDS);
}

static void unmap_the_page(void *arg)
{
	struct sandbox *box = arg;
	struct ktest *test = box->test;

	EXPECT_EQ(do_munmap(box->mm, AT(0), LEN(1)), 0);
}

/* The page that the look-up found is gone before it can be installed. */
KTEST(mirror, a_look_up_that_an_unmap_came_into_installs_nothing)
{
	struct sandbox *box = sandbox_new(test, SANDBOX_UNOBSERVED);
	struct mirror *m = mirror_new(box, AT(0), 1);
	u64 value;

	sandbox_map(box, AT(0), 1);
	m->before_install = unmap_the_page;
	m->arg = box;
	EXPECT_EQ(mirror_read(m, 0, &value), -EFAULT);
	EXPECT(!m->page[0].present);
	EXPECT_EQ(m->most_rounds, 1U);
	mirror_verify(m);
}
