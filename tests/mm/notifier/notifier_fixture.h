/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/notifier/notifier_fixture.h - subscribers that note their callbacks
 *
 * Addresses in the tests are pages counted from 0 (PG), so that the drawings
 * above each test can be read as they stand.
 */
#ifndef TESTS_MM_NOTIFIER_NOTIFIER_FIXTURE_H
#define TESTS_MM_NOTIFIER_NOTIFIER_FIXTURE_H

#include <mm/alloc/alloc.h>
#include <kernel/ktest.h>
#include <kernel/sched/mutex.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <mm/space/mm.h>
#include <mm/notifier/mmu_notifier.h>
#include <mm/alloc/page_alloc.h>

#define PG(n) ((unsigned long)(n) << 12)

/* --- statistics -------------------------------------------------------------- */

static inline struct mmu_notifier_stats stats_of(struct mm_struct *mm)
{
	struct mmu_notifier_stats stats;

	mmu_notifier_read_stats(mm, &stats);
	return stats;
}

/** The statistics of one subscription, looked up among all. */
struct wanted_figures {
	const void *sub;
	struct mmu_notifier_sub_stats figures;
	bool found;
};

static inline bool pick_figures(const struct mmu_notifier_sub_info *info,
				void *arg)
{
	struct wanted_figures *wanted = arg;

	if (info->plain != wanted->sub && info->interval != wanted->sub)
		return true;
	wanted->figures = info->stats;
	wanted->found = true;
	return false;
}

static inline struct mmu_notifier_sub_stats
figures_of(struct ktest *test, struct mm_struct *mm, const void *sub)
{
	struct wanted_figures wanted = {.sub = sub};

	mmu_notifier_for_each_sub(mm, pick_figures, &wanted);
	EXPECT(wanted.found);
	return wanted.figures;
}

/* --- the order of callbacks ------------------------------------------------------ */

/** Callbacks in the order in which they came, shared by several subscribers. */
struct call_log {
	atomic_t nr;
	char who[64];
};

static inline void log_call(struct call_log *log, char who)
{
	int at;

	if (!log)
		return;
	at = atomic_fetch_add(1, &log->nr);
	if (at < (int)sizeof(log->who) - 1)
		log->who[at] = who;
}

/* --- an interval subscriber ------------------------------------------------ */

/**
 * struct watcher - a driver with one lock and one interval
 * @lock: its driver lock
 * @calls: callbacks
 * @seq: number of the last
 * @event: event of the last
 * @told: where its range is, to compare, not to follow
 * @blockable: was the last range blockable
 * @refuse: answer false
 * @ignore: return without noting the number, as for one's own event
 * @step: if set, a callback signals 1 and waits for 2
 * @log: if set, gets @name
 */
struct watcher {
	struct mmu_interval_notifier sub;
	struct mutex lock;
	struct ktest *test;
	unsigned int calls;
	unsigned long seq;
	enum mmu_notifier_event event;
	const struct mmu_notifier_range *told;
	bool blockable;
	bool refuse;
	bool ignore;
	struct ktest_step *step;
	struct call_log *log;
	char name;
};

static inline bool watcher_invalidate(struct mmu_interval_notifier *sub,
				      const struct mmu_notifier_range *range,
				      unsigned long cur_seq)
{
	struct watcher *w = container_of(sub, struct watcher, sub);

	log_call(w->log, w->name);
	if (w->refuse)
		return false;
	if (mmu_notifier_range_blockable(range))
		mutex_lock(&w->lock);
	else if (!mutex_trylock(&w->lock))
		return false;
	if (!w->ignore)
		mmu_interval_set_seq(sub, cur_seq);
	w->calls++;
	w->seq = cur_seq;
	w->event = range->event;
	w->told = range;
	w->blockable = mmu_notifier_range_blockable(range);
	mutex_unlock(&w->lock);
	if (w->step) {
		step_signal(w->step, 1);
		step_wait(w->step, 2);
	}
	return true;
}

static const struct mmu_interval_notifier_ops watcher_ops __maybe_unused = {
	.invalidate = watcher_invalidate,
};

static inline void watcher_init(struct watcher *w, struct ktest *test)
{
	memset(w, 0, sizeof(*w));
	mutex_init(&w->lock);
	w->test = test;
}

/* Watch pages [from, to). */
static inline int watch(struct watcher *w, struct mm_struct *mm,
			unsigned long from, unsigned long to)
{
	return mmu_interval_notifier_insert(&w->sub, mm, PG(from),
					    PG(to - from), &watcher_ops);
}

static inline void unwatch(struct watcher *w)
{
	mmu_interval_notifier_remove(&w->sub);
}

/* read_retry as a driver asks it: under its lock. */
static inline bool must_retry(struct watcher *w, unsigned long seq)
{
	bool retry;

	mutex_lock(&w->lock);
	retry = mmu_interval_read_retry(&w->sub, seq);
	mutex_unlock(&w->lock);
	return retry;
}

/* --- ranges ------------------------------------------------------------------ */

static inline void range_of(struct mmu_notifier_range *range,
			    struct mm_struct *mm, unsigned long from,
			    unsigned long to)
{
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, NULL, mm, PG(from),
				PG(to));
}

/*
 * A report names the function that contains the call of the notifiers. Always
 * inline, and with something after the call, these have every compiler name the
 * function of the test (gcc -Og and clang need not inline a short function, and
 * clang jumps to what is called last).
 */
static __always_inline void start_of(struct mmu_notifier_range *range,
				     struct mm_struct *mm, unsigned long from,
				     unsigned long to)
{
	range_of(range, mm, from, to);
	mmu_notifier_invalidate_range_start(range);
	barrier();
}

static __always_inline void end_of(struct mmu_notifier_range *range)
{
	mmu_notifier_invalidate_range_end(range);
	barrier();
}

/* Start and end at once. */
static inline void change_as(enum mmu_notifier_event event, struct mm_struct *mm,
			     unsigned long from, unsigned long to)
{
	struct mmu_notifier_range range;

	mmu_notifier_range_init(&range, event, 0, NULL, mm, PG(from), PG(to));
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
}

static inline void change(struct mm_struct *mm, unsigned long from,
			  unsigned long to)
{
	change_as(MMU_NOTIFY_CLEAR, mm, from, to);
}

static __always_inline int start_nonblock_of(struct mmu_notifier_range *range,
					     struct mm_struct *mm,
					     unsigned long from, unsigned long to)
{
	int ret;

	range_of(range, mm, from, to);
	ret = mmu_notifier_invalidate_range_start_nonblock(range);
	barrier();
	return ret;
}

/* --- a plain subscriber ---------------------------------------------------- */

/** Which of the three questions about use a subscriber was asked. */
enum use_question {
	ASKED_NOTHING,
	ASKED_CLEAR_FLUSH_YOUNG,
	ASKED_CLEAR_YOUNG,
	ASKED_TEST_YOUNG,
};

/** A question about use as it came; @end is 0 where only an address is given. */
struct use_asked {
	enum use_question question;
	struct mm_struct *mm;
	unsigned long start;
	unsigned long end;
};

/**
 * struct listener - a plain subscriber that counts
 * @asked: the last question about use
 * @young: has it used the page? Cleared by the two questions that clear
 * @pte: the new value of an entry in the last change_pte()
 * @pte_mm: of which address space
 * @pte_addr: and where
 * @answer: what start returns for a range that may not block
 * @insist: return @answer for blockable ranges too
 * @told: where the last range is, to compare, not to follow
 * @open_overlaps_at_start: open ranges that overlap an interval, at the last start
 * @open_overlaps_at_end: the same at the last end
 * @start_step: if set, start signals 1 and waits for 2
 * @end_step: the same of end
 * @release_step: the same of release
 * @log: if set, gets @name at start, the capital of it at end, and @name after
 *	an exclamation mark at release
 */
struct listener {
	struct mmu_notifier sub;
	unsigned int starts;
	unsigned int ends;
	unsigned int releases;
	unsigned int young_calls;
	struct use_asked asked;
	unsigned int tlb_calls;
	unsigned int pte_calls;
	unsigned long pte;
	struct mm_struct *pte_mm;
	unsigned long pte_addr;
	const struct mmu_notifier_range *told;
	unsigned long open_overlaps_at_start;
	unsigned long open_overlaps_at_end;
	bool blockable_at_start;
	bool blockable_at_end;
	bool young;
	int answer;
	bool insist;
	struct ktest_step *start_step;
	struct ktest_step *end_step;
	struct ktest_step *release_step;
	struct call_log *log;
	char name;
};

static inline struct listener *listener_of(struct mmu_notifier *sub)
{
	return container_of(sub, struct listener, sub);
}

static inline int listener_start(struct mmu_notifier *sub,
				 const struct mmu_notifier_range *range)
{
	struct listener *l = listener_of(sub);

	l->starts++;
	l->told = range;
	l->open_overlaps_at_start = stats_of(range->mm).open_overlaps;
	l->blockable_at_start = mmu_notifier_range_blockable(range);
	log_call(l->log, l->name);
	if (l->start_step) {
		step_signal(l->start_step, 1);
		step_wait(l->start_step, 2);
	}
	return l->blockable_at_start && !l->insist ? 0 : l->answer;
}

static inline void listener_end(struct mmu_notifier *sub,
				const struct mmu_notifier_range *range)
{
	struct listener *l = listener_of(sub);

	l->ends++;
	l->told = range;
	l->open_overlaps_at_end = stats_of(range->mm).open_overlaps;
	l->blockable_at_end = mmu_notifier_range_blockable(range);
	log_call(l->log, l->name + ('A' - 'a'));
	if (l->end_step) {
		step_signal(l->end_step, 1);
		step_wait(l->end_step, 2);
	}
}

static inline void listener_release(struct mmu_notifier *sub, struct mm_struct *mm)
{
	struct listener *l = listener_of(sub);

	l->releases++;
	log_call(l->log, '!');
	log_call(l->log, l->name);
	if (l->release_step) {
		step_signal(l->release_step, 1);
		step_wait(l->release_step, 2);
	}
}

/* Says whether it has used the page, and notes the question. */
static inline bool listener_asked(struct mmu_notifier *sub,
				  enum use_question question,
				  struct mm_struct *mm, unsigned long start,
				  unsigned long end)
{
	struct listener *l = listener_of(sub);
	bool young = l->young;

	l->young_calls++;
	l->asked = (struct use_asked){question, mm, start, end};
	if (question != ASKED_TEST_YOUNG)
		l->young = false;
	return young;
}

static inline bool listener_clear_flush(struct mmu_notifier *sub,
					struct mm_struct *mm,
					unsigned long start, unsigned long end)
{
	return listener_asked(sub, ASKED_CLEAR_FLUSH_YOUNG, mm, start, end);
}

static inline bool listener_clear(struct mmu_notifier *sub, struct mm_struct *mm,
				  unsigned long start, unsigned long end)
{
	return listener_asked(sub, ASKED_CLEAR_YOUNG, mm, start, end);
}

static inline bool listener_test(struct mmu_notifier *sub, struct mm_struct *mm,
				 unsigned long address)
{
	return listener_asked(sub, ASKED_TEST_YOUNG, mm, address, 0);
}

/* The last question that @l_ was asked. */
#define EXPECT_ASKED(l_, question_, mm_, start_, end_)                 \
	do {                                                           \
		EXPECT_EQ((l_)->asked.question, (question_));          \
		EXPECT_EQ((l_)->asked.mm, (mm_));                      \
		EXPECT_EQ((l_)->asked.start, (unsigned long)(start_)); \
		EXPECT_EQ((l_)->asked.end, (unsigned long)(end_));     \
	} while (0)

static inline void listener_change(struct mmu_notifier *sub, struct mm_struct *mm,
				   unsigned long address, unsigned long entry)
{
	struct listener *l = listener_of(sub);

	l->pte_calls++;
	l->pte = entry;
	l->pte_mm = mm;
	l->pte_addr = address;
}

static inline void listener_tlb(struct mmu_notifier *sub, struct mm_struct *mm,
				unsigned long start, unsigned long end)
{
	listener_of(sub)->tlb_calls++;
}

/* Notified of start and end of a range. */
static const struct mmu_notifier_ops pair_ops __maybe_unused = {
	.release = listener_release,
	.invalidate_range_start = listener_start,
	.invalidate_range_end = listener_end,
	.clear_flush_young = listener_clear_flush,
	.clear_young = listener_clear,
	.test_young = listener_test,
	.change_pte = listener_change,
};

/* May fail, so it has no end (R3.4). */
static const struct mmu_notifier_ops start_ops __maybe_unused = {
	.release = listener_release,
	.invalidate_range_start = listener_start,
};

static inline int listen_as(struct listener *l, struct mm_struct *mm,
			    const struct mmu_notifier_ops *ops)
{
	memset(l, 0, sizeof(*l));
	l->sub.ops = ops;
	return mmu_notifier_register(&l->sub, mm);
}

static inline int listen(struct listener *l, struct mm_struct *mm)
{
	return listen_as(l, mm, &pair_ops);
}

static inline void unlisten(struct listener *l, struct mm_struct *mm)
{
	mmu_notifier_unregister(&l->sub, mm);
}

/* --- threads ------------------------------------------------------------------ */

/** A thread that changes a range, held up by steps where the test says so. */
struct changer {
	struct mm_struct *mm;
	unsigned long from, to;
	struct ktest_step *open; /* if set: signal 1 after start, wait for 2 */
	struct task *task;
};

static inline int changer_body(void *arg)
{
	struct changer *c = arg;
	struct mmu_notifier_range range;

	start_of(&range, c->mm, c->from, c->to);
	if (c->open) {
		step_signal(c->open, 1);
		step_wait(c->open, 2);
	}
	end_of(&range);
	return 0;
}

static inline void changer_run(struct changer *c, struct mm_struct *mm,
			       unsigned long from, unsigned long to,
			       struct ktest_step *open)
{
	c->mm = mm;
	c->from = from;
	c->to = to;
	c->open = open;
	c->task = kthread_run(changer_body, c, "changer");
}

/** A thread that begins a read section and says what number it got. */
struct reader {
	struct watcher *w;
	unsigned long seq;
	struct task *task;
};

static inline int reader_body(void *arg)
{
	struct reader *r = arg;

	r->seq = mmu_interval_read_begin(&r->w->sub);
	return 0;
}

static inline void reader_run(struct reader *r, struct watcher *w)
{
	r->w = w;
	r->seq = 0;
	r->task = kthread_run(reader_body, r, "reader");
}

/** A thread that removes a watcher. */
static inline int remover_body(void *arg)
{
	unwatch(arg);
	return 0;
}

/* --- leaving nothing behind ------------------------------------------------------ */

/* References on an mm's object and on its struct; equal after an error. */
struct holds {
	int count;
	unsigned long subscriptions;
};

static inline struct holds holds_of(struct mm_struct *mm)
{
	return (struct holds){
		.count = atomic_read(&mm->mm_count),
		.subscriptions = mmu_notifier_nr_subscriptions(),
	};
}

#define EXPECT_HOLDS(mm, before)                                         \
	do {                                                             \
		EXPECT_EQ(atomic_read(&(mm)->mm_count), (before).count); \
		EXPECT_EQ(mmu_notifier_nr_subscriptions(),               \
			  (before).subscriptions);                       \
	} while (0)

/** A thread that registers a listener, or takes it away. */
struct registrar {
	struct mm_struct *mm;
	struct listener *l;
	struct task *task;
	atomic_t done;
};

static inline int registrar_body(void *arg)
{
	struct registrar *r = arg;
	int ret = listen(r->l, r->mm);

	atomic_set(&r->done, 1);
	return ret;
}

static inline int deregistrar_body(void *arg)
{
	struct registrar *r = arg;

	unlisten(r->l, r->mm);
	atomic_set(&r->done, 1);
	return 0;
}

static inline void registrar_run(struct registrar *r, int (*body)(void *arg),
				 struct mm_struct *mm, struct listener *l)
{
	r->mm = mm;
	r->l = l;
	atomic_set(&r->done, 0);
	r->task = kthread_run(body, r, "registrar");
}

/* Threads that an end must wake; each notifier has its own answer (reference_skips.c). */
unsigned int counted_waiters(const struct mm_struct *mm);

#endif
