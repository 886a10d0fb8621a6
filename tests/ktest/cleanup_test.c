// SPDX-License-Identifier: MIT
/*
 * tests/ktest/cleanup_test.c - clean-ups run once, the newest first, always
 *
 * The order is seen on a second struct ktest, which no runner knows.  That the
 * runner calls them is seen by what would leak if it did not.
 */
#include <mm/alloc/alloc.h>
#include <lib/string.h>

#include "ktest_private.h"

/* Each clean-up adds its letter. */
struct letters {
	struct ktest *test;
	char written[8];
	struct letter {
		struct letters *all;
		char name;
	} letter[4];
};

static void write_letter(void *arg)
{
	struct letter *letter = arg;
	char *written = letter->all->written;

	written[strlen(written)] = letter->name;
}

static void letters_init(struct letters *l, struct ktest *test)
{
	unsigned int i;

	*l = (struct letters){.test = test};
	for (i = 0; i < ARRAY_SIZE(l->letter); i++)
		l->letter[i] = (struct letter){l, (char)('a' + i)};
}

KTEST(ktest_cleanup, the_newest_is_called_first_and_each_once)
{
	struct ktest inner = {.tcase = test->tcase};
	struct letters l;

	letters_init(&l, test);
	ktest_cleanup(&inner, write_letter, &l.letter[0]);
	ktest_cleanup(&inner, write_letter, &l.letter[1]);
	ktest_cleanup(&inner, write_letter, &l.letter[2]);
	EXPECT_STREQ(l.written, "");
	ktest_cleanup_all(&inner);
	EXPECT_STREQ(l.written, "cba");
	ktest_cleanup_all(&inner);
	EXPECT_STREQ(l.written, "cba");
}

KTEST(ktest_cleanup, one_called_early_is_not_called_again)
{
	struct ktest inner = {.tcase = test->tcase};
	struct letters l;

	letters_init(&l, test);
	ktest_cleanup(&inner, write_letter, &l.letter[0]);
	ktest_cleanup(&inner, write_letter, &l.letter[1]);
	ktest_cleanup(&inner, write_letter, &l.letter[2]);
	ktest_cleanup_now(&inner, &l.letter[1]);
	EXPECT_STREQ(l.written, "b");
	ktest_cleanup_all(&inner);
	EXPECT_STREQ(l.written, "bca");
	EXPECT(!ktest_failed(&inner));
}

/* Registers another while it is called itself. */
static void write_and_register(void *arg)
{
	struct letters *l = arg;

	write_letter(&l->letter[0]);
	ktest_cleanup(l->test, write_letter, &l->letter[1]);
}

KTEST(ktest_cleanup, one_may_register_another)
{
	struct ktest inner = {.tcase = test->tcase};
	struct letters l;

	letters_init(&l, &inner);
	ktest_cleanup(&inner, write_letter, &l.letter[2]);
	ktest_cleanup(&inner, write_and_register, &l);
	ktest_cleanup_all(&inner);
	EXPECT_STREQ(l.written, "abc");
}

static void needs_memory_zeroed(void *arg)
{
	struct letters *l = arg;
	struct ktest *test = l->test;

	EXPECT_EQ(l->letter[0].name, 0);
	EXPECT_STREQ(l->written, "");
}

/* Without the runner's call the memory would be a leak of this test. */
KTEST(ktest_cleanup, the_runner_frees_memory_after_its_last_user)
{
	struct letters *l = ktest_alloc(test, sizeof(*l));

	l->test = test;
	ktest_cleanup(test, needs_memory_zeroed, l);
}
