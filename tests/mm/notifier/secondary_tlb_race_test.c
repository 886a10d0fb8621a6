// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/secondary_tlb_race_test.c - a secondary TLB beside all CPUs
 *
 * Each CPU changes its own part of the pages, and one part that is everybody's, in
 * any of the ways there are. All the while the device (secondary_tlb.c) walks.
 */
#include <lib/cpumask.h>

#include "secondary_tlb.h"

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

/* Only this thread changes its part, so it can check it after each change. */
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
		secondary_check_pages(player->dev, self->box->test, player->own,
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
 * A thread may empty an entry and find no subscriber just before this one comes.
 * It has flushed when this one first walks: registration holds mmap_lock for
 * writing, so no thread is between a change and its flush.
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
