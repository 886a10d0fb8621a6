// SPDX-License-Identifier: MIT
/*
 * tests/mm/notifier/mmu_notifier_unregister_test.c - plain subscribers leave, and see the
 * address space end (R2.21 to R2.27)
 */
#include "notifier_fixture.h"
#include "mm/notifier/internal.h"

KTEST(mmu_notifier, after_unregister_not_even_the_end_is_told, KT_RULES("R2.21"))
{
	struct mm_struct *mm = mm_alloc();
	struct mmu_notifier_range range;
	struct listener l, stays;

	REQUIRE(mm);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(listen(&stays, mm), 0);
	start_of(&range, mm, 0, 1);
	unlisten(&l, mm);
	EXPECT_EQ(l.releases, 1U);
	end_of(&range);
	change(mm, 0, 1);
	EXPECT_EQ(l.starts, 1U);
	EXPECT_EQ(l.ends, 0U);
	EXPECT_EQ(stays.starts, 2U);
	EXPECT_EQ(stays.ends, 2U);
	unlisten(&stays, mm);
	/* And when there is nobody else. */
	EXPECT_EQ(listen(&l, mm), 0);
	start_of(&range, mm, 0, 1);
	unlisten(&l, mm);
	end_of(&range);
	EXPECT_EQ(l.starts, 1U);
	EXPECT_EQ(l.ends, 0U);
	mmput(mm);
	EXPECT_EQ(l.releases, 1U);
}

/*
 *	range			unregister
 *	start: callback runs
 *				release; hide; sleeps
 *	callback returns
 *				returns
 */
KTEST(mmu_notifier, unregister_waits_for_a_callback_that_runs, KT_RULES("R2.22"))
{
	struct mm_struct *mm = mm_alloc();
	struct ktest_step step;
	struct registrar r;
	struct listener l;
	struct changer c;

	REQUIRE(mm);
	step_init(&step, test);
	EXPECT_EQ(listen(&l, mm), 0);
	l.start_step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	registrar_run(&r, deregistrar_body, mm, &l);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	EXPECT_EQ(atomic_read(&r.done), 0);
	step_signal(&step, 2);
	kthread_join(r.task);
	kthread_join(c.task);
	EXPECT_EQ(l.ends, 0U);
	EXPECT_EQ(l.releases, 1U);
	mmput(mm);
}

/*
 *	range 1			unregister		range 2
 *	start: callback runs
 *				hidden; sleeps
 *							start: not called
 *	callback returns
 */
KTEST(mmu_notifier, a_subscriber_that_waits_to_leave_is_notified_of_nothing_new,
      KT_RULES("R2.22"))
{
	struct mm_struct *mm = mm_alloc();
	struct listener l, stays;
	struct ktest_step step;
	struct registrar r;
	struct changer c;

	REQUIRE(mm);
	step_init(&step, test);
	EXPECT_EQ(listen(&l, mm), 0);
	EXPECT_EQ(listen(&stays, mm), 0);
	l.start_step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	registrar_run(&r, deregistrar_body, mm, &l);
	EXPECT_EQ(ktest_wait_blocked(test, r.task), 0);
	change(mm, 0, 1);
	EXPECT_EQ(l.starts, 1U);
	EXPECT_EQ(stays.starts, 2U);
	EXPECT_EQ(atomic_read(&r.done), 0);
	step_signal(&step, 2);
	kthread_join(r.task);
	kthread_join(c.task);
	EXPECT_EQ(l.starts, 1U);
	EXPECT_EQ(l.ends, 0U);
	EXPECT_EQ(stays.ends, 2U);
	unlisten(&stays, mm);
	mmput(mm);
}

/* Per mm: a callback asleep in one delays no unregistration in another. */
KTEST(mmu_notifier, a_callback_asleep_in_one_mm_delays_nobody_in_another,
      KT_RULES("R2.22"))
{
	struct mm_struct *mm = mm_alloc(), *other = mm_alloc();
	struct ktest_step step;
	struct listener a, b;
	struct changer c;

	REQUIRE(mm);
	REQUIRE(other);
	step_init(&step, test);
	EXPECT_EQ(listen(&a, mm), 0);
	EXPECT_EQ(listen(&b, other), 0);
	a.start_step = &step;
	changer_run(&c, mm, 0, 1, NULL);
	step_wait(&step, 1);
	unlisten(&b, other);
	EXPECT_EQ(b.releases, 1U);
	mmput(other);
	EXPECT(!step_reached(&step, 2));
	step_signal(&step, 2);
	kthread_join(c.task);
	unlisten(&a, mm);
	mmput(mm);
}

static int exiter_body(void *arg)
{
	mmput(arg);
	return 0;
}

/* An exit and an unregister that meet while one of them calls release. */
struct meeting {
	struct mm_struct *mm;
	struct ktest_step step;
	struct listener l;
	struct registrar leaver;
	struct task *exiter;
};

static void meeting_exit(struct meeting *m)
{
	m->exiter = kthread_run(exiter_body, m->mm, "exiter");
}

static void meeting_leave(struct meeting *m)
{
	registrar_run(&m->leaver, deregistrar_body, m->mm, &m->l);
}

/* @first is amid release, @second has come to where it sleeps. */
static bool meeting_begin(struct ktest *test, struct meeting *m,
			  void (*first)(struct meeting *m),
			  void (*second)(struct meeting *m))
{
	m->mm = mm_alloc();
	if (!m->mm) {
		ktest_fail(test, "no address space");
		return false;
	}
	step_init(&m->step, test);
	EXPECT_EQ(listen(&m->l, m->mm), 0);
	m->l.release_step = &m->step;
	mmgrab(m->mm);
	first(m);
	step_wait(&m->step, 1);
	second(m);
	EXPECT_EQ(ktest_wait_blocked(test, second == meeting_exit
						   ? m->exiter
						   : m->leaver.task),
		  0);
	return true;
}

static void meeting_end(struct ktest *test, struct meeting *m)
{
	step_signal(&m->step, 2);
	kthread_join(m->exiter);
	kthread_join(m->leaver.task);
	EXPECT_EQ(m->l.releases, 1U);
	mmdrop(m->mm);
}

/*
 *	exit				unregister
 *	release() runs
 *					not mine; sleeps
 *	release() returns
 *					hide; returns: once
 */
KTEST(mmu_notifier, release_runs_exactly_once_when_unregister_races_exit,
      KT_RULES("R2.1 R2.24"))
{
	struct meeting m;

	if (!meeting_begin(test, &m, meeting_exit, meeting_leave))
		return;
	EXPECT_EQ(atomic_read(&m.leaver.done), 0);
	meeting_end(test, &m);
}

/*
 *	unregister			exit
 *	release() runs
 *					not mine; sleeps before the first page
 *	release() returns
 *					goes on
 */
KTEST(mmu_notifier, exit_waits_for_a_release_that_unregister_runs,
      KT_RULES("R2.1 R2.24"))
{
	struct meeting m;

	if (meeting_begin(test, &m, meeting_leave, meeting_exit))
		meeting_end(test, &m);
}

/*
 * A device may hold translations until its release is over, whether exit or
 * unregister runs it. A change by the reverse map still notifies it till then.
 */
KTEST(mmu_notifier, a_subscriber_that_leaves_is_notified_until_exits_release_ends,
      KT_RULES("R2.1 R2.24"))
{
	struct meeting m;

	if (!meeting_begin(test, &m, meeting_exit, meeting_leave))
		return;
	change(m.mm, 0, 1);
	EXPECT_EQ(m.l.starts, 1U);
	EXPECT_EQ(m.l.ends, 1U);
	meeting_end(test, &m);
}

KTEST(mmu_notifier, exit_takes_nobody_out_whose_release_another_runs,
      KT_RULES("R2.1 R2.24"))
{
	struct meeting m;

	if (!meeting_begin(test, &m, meeting_leave, meeting_exit))
		return;
	change(m.mm, 0, 1);
	EXPECT_EQ(m.l.starts, 1U);
	EXPECT_EQ(m.l.ends, 1U);
	meeting_end(test, &m);
}

KTEST(mmu_notifier, exit_releases_intervals_first_and_then_everybody_once,
      KT_RULES("R2.23"))
{
	struct call_log log = {.nr = {0}};
	struct mm_struct *mm = mm_alloc();
	struct listener l[2];
	struct watcher w;
	int i;

	REQUIRE(mm);
	watcher_init(&w, test);
	w.log = &log;
	w.name = 'w';
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(listen(&l[i], mm), 0);
		l[i].log = &log;
		l[i].name = 'a' + i;
	}
	EXPECT_EQ(watch(&w, mm, 0, 1), 0);
	mmgrab(mm);
	mmput(mm);
	/* RELEASE; the releases, newest first; UNMAP: nobody plain is left. */
	EXPECT_STREQ(log.who, "w!b!aw");
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(l[i].starts, 0U);
		unlisten(&l[i], mm);
		EXPECT_EQ(l[i].releases, 1U);
	}
	unwatch(&w);
	mmdrop(mm);
}
