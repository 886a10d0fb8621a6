// SPDX-License-Identifier: MIT
/*
 * mm/notifier/checks.c - name the caller that breaks the contract
 *
 * Problem.  A range that is ended twice, or never, and an object that is registered
 * twice, do their damage later and elsewhere: a registration sleeps for ever, or a walk
 * runs in a circle. By then the caller is gone.
 *
 * Idea.  A debug build records each open range: its bounds, its event and the code that
 * started it. The record is a copy in a table of its own, because a forgotten range,
 * one that is never ended, lies on a stack that is soon used for something else.
 *
 *	range->core.record	the range is
 *	0			not open: new, or ended
 *	1 .. RECORDS		open, and this record has its address
 *	UNRECORDED		open, and no record was free for it
 *	NOT_OPEN		not open: its start failed or was refused; its end does
 *				nothing
 *
 * Records take no lock, so that a debug build has the locks of a release build: the
 * address of a range chooses PROBES records, and it claims a free one of them by an
 * exchange.
 *
 *	mistake					reported
 *	an empty range is started		at the start, which is refused
 *	an open range is started again		at the start, which is refused
 *	a range is started where a forgotten	at the start, which goes on; it is
 *	  one lies				refused if a list leads through the
 *						forgotten one, and would break
 *	a range is ended that is not open	at the end, which is ignored
 *	a range is never ended			at exit, at the last drop, and by
 *						each long wait for it
 *	an object is registered or inserted	at the call, which is refused
 *	  that is registered or inserted
 *	an object is unregistered or removed	at the call, which is ignored
 *	  that is not registered or inserted
 *	a callback refuses a range and has	after the callback; the start fails
 *	  stored its number			as for any refusal
 *	a round begins and the mm has no user	at mmu_interval_round_lock(), which
 *						goes on: the mm struct is there
 *	an entry loses something outside a	by the invalidator, which asks
 *	  range of the thread that changes it	mmu_notifier_check_covered()
 *
 * Whether an object is registered cannot be read from the object: before that its
 * memory may hold anything. So the lists and trees of all address spaces are searched
 * for its address.
 *
 *	field			read with		written with
 *	record->range		a single access		an exchange, from NULL; then its
 *							owner, or the last drop of its mm
 *	record->ready		acquire			release, by the same
 *	the rest of a record	after ->ready		its owner, before ->ready
 *	range->core.record	its own thread		its own thread
 *
 * Lifetime: a record is static; its owner is the range that claimed it. Release builds
 * leave this file out, and compile no call of it. Not here: how many ranges are open,
 * which every build counts.
 */
#include "internal.h"

#define RECORDS      512u
#define PROBES       8u
#define UNRECORDED   (RECORDS + 1)
#define NOT_OPEN     (RECORDS + 2)

#define COVERED_LAST 64u

/**
 * struct record - one open range, copied
 * @range: its address, to compare, not to follow; NULL in a free record
 * @mm: the address space; to compare
 * @start: first address
 * @end: first address after it
 * @event: its event
 * @by: the code that started it
 * @thread: the thread that started it; to compare
 * @ready: the fields above are written
 */
struct record {
	const struct mmu_notifier_range *range;
	const struct mm_struct *mm;
	unsigned long start;
	unsigned long end;
	enum mmu_notifier_event event;
	const void *by;
	const void *thread;
	bool ready;
};

static struct record records[RECORDS];

/* Open ranges that no record was free for. */
static struct atomic unrecorded;

/* By thread, the record that covered a page last: in a loop it covers the next, too. */
static unsigned int covered_last[COVERED_LAST];

/* --- all address spaces --------------------------------------------------- */

/* Does @has find @object in an address space? */
static bool in_use(bool (*has)(struct mmu_notifier_subscriptions *subs,
			       const void *object),
		   const void *object)
{
	struct mmu_notifier_subscriptions *subs;
	bool found = false;

	spin_lock(&notifier_all_lock);
	for (subs = notifier_all; subs && !found; subs = subs->all_next) {
		spin_lock(&subs->lock);
		found = has(subs, object);
		spin_unlock(&subs->lock);
	}
	spin_unlock(&notifier_all_lock);
	return found;
}

/* --- open ranges ---------------------------------------------------------- */

/* The @nr-th record that the address of @range chooses. */
static struct record *record_of(const struct mmu_notifier_range *range,
				unsigned int nr)
{
	/* The upper bits of a product with an odd constant: a cheap hash. */
	unsigned long hash = (unsigned long)range * 0x9e3779b97f4a7c15ul >> 32;

	return &records[(hash + nr) % RECORDS];
}

static void record_open(struct mmu_notifier_range *range, const void *by)
{
	const struct mmu_notifier_range *free;
	struct record *record;
	unsigned int nr;

	range->core.record = UNRECORDED;
	for (nr = 0; nr < PROBES; nr++) {
		record = record_of(range, nr);
		free = NULL;
		if (!try_cmpxchg(&record->range, &free, range))
			continue;
		record->mm = range->mm;
		record->start = range->start;
		record->end = range->end;
		record->event = range->event;
		record->by = by;
		WRITE_ONCE(record->thread, notifier_thread());
		smp_store_release(&record->ready, true);
		range->core.record = (unsigned int)(record - records) + 1;
		return;
	}
	atomic_inc(&unrecorded);
}

static void forget_record(struct record *record)
{
	WRITE_ONCE(record->ready, false);
	smp_store_release(&record->range, NULL);
}

/* Return: was @range open? */
static bool drop_record(struct mmu_notifier_range *range)
{
	unsigned int i = range->core.record - 1;

	if (range->core.record != UNRECORDED) {
		if (i >= RECORDS || READ_ONCE(records[i].range) != range)
			return false;
		forget_record(&records[i]);
	} else {
		(void)atomic_dec_and_test(&unrecorded);
	}
	range->core.record = 0;
	return true;
}

/* The record of an open range that lies where @range does, or NULL. */
static struct record *find_at(const struct mmu_notifier_range *range)
{
	unsigned int nr;

	for (nr = 0; nr < PROBES; nr++) {
		if (READ_ONCE(record_of(range, nr)->range) == range)
			return record_of(range, nr);
	}
	return NULL;
}

static bool has_open(struct mmu_notifier_subscriptions *subs, const void *object)
	__must_hold(subs->lock)
{
	const struct mmu_notifier_range *range;

	for (range = notifier_open_next(subs, NULL); range;
	     range = notifier_open_next(subs, range)) {
		if (range == object)
			return true;
	}
	return false;
}

/* Do not start @range; its end will do nothing. */
static bool refuse(struct mmu_notifier_range *range)
{
	range->core.record = NOT_OPEN;
	range->core.ticket = 0;
	range->core.newest_birth = 0;
	return false;
}

/*
 * A record, @old, says that a range is open where @range lies. If @range has that record,
 * it is started twice, and stays open for the end of its first start. Otherwise the other
 * was forgotten, and @range lies in its place. Return: may it start?
 */
static bool may_start_over(struct mmu_notifier_range *range, struct record *old,
			   const void *by)
{
	WARN(true,
	     "%s [%#lx, %#lx) is open, started by %pS; %pS starts one in its place",
	     mmu_notifier_event_name(old->event), old->start, old->end, old->by,
	     by);
	if (range->core.record)
		return false;
	if (in_use(has_open, range))
		return refuse(range);
	forget_record(old);
	return true;
}

bool mmu_notifier_check_start(struct mmu_notifier_range *range)
{
	const void *by = __builtin_return_address(0);
	struct record *old = find_at(range);

	if (old && !may_start_over(range, old, by))
		return false;
	if (WARN(range->start >= range->end,
		 "%pS starts %s of nothing, [%#lx, %#lx)", by,
		 mmu_notifier_event_name(range->event), range->start, range->end))
		return refuse(range);
	record_open(range, by);
	return true;
}

bool mmu_notifier_check_end(struct mmu_notifier_range *range)
{
	const void *by = __builtin_return_address(0);

	if (range->core.record == NOT_OPEN)
		return false;
	return !WARN(!drop_record(range),
		     "%pS ends %s [%#lx, %#lx), which is not open", by,
		     mmu_notifier_event_name(range->event), range->start,
		     range->end);
}

/*
 * No thread can end a range of @mm any more, and the stack that a forgotten one lay on is
 * used again: a record left behind would report each range that comes to lie there.
 */
void mmu_notifier_check_freed(const struct mm_struct *mm)
{
	unsigned int i;

	for (i = 0; i < RECORDS; i++) {
		if (!smp_load_acquire(&records[i].ready) || records[i].mm != mm)
			continue;
		forget_record(&records[i]);
	}
}

void notifier_check_failed(struct mmu_notifier_range *range)
{
	(void)drop_record(range);
	range->core.record = NOT_OPEN;
}

unsigned int notifier_name_open(const struct mm_struct *mm, const char *what)
{
	const struct record *record;
	unsigned int i, named = 0;

	for (i = 0; i < RECORDS; i++) {
		record = &records[i];
		if (!smp_load_acquire(&record->ready) || record->mm != mm)
			continue;
		/* It may end while it is printed: then the words are mixed. */
		WARN(true, "mm %p, %s: %s [%#lx, %#lx) is open, started by %pS",
		     (const void *)mm, what,
		     mmu_notifier_event_name(record->event), record->start,
		     record->end, record->by);
		named++;
	}
	return named;
}

/* A record of this thread is written by no other, so its fields agree. */
static bool covers(const struct record *record, const struct mm_struct *mm,
		   unsigned long start, unsigned long end)
{
	return smp_load_acquire(&record->ready) &&
	       READ_ONCE(record->thread) == notifier_thread() &&
	       record->mm == mm && record->start <= start && end <= record->end;
}

/*
 * The record that covered this thread's last page, or else all of them. A range without
 * a record might be the one, so then the answer is yes.
 */
bool mmu_notifier_check_covered(const struct mm_struct *mm, unsigned long start,
				unsigned long end)
{
	unsigned long hash =
		(unsigned long)notifier_thread() * 0x9e3779b97f4a7c15ul;
	unsigned int *last = &covered_last[(hash >> 32) % COVERED_LAST];
	unsigned int i;

	if (covers(&records[READ_ONCE(*last)], mm, start, end))
		return true;
	for (i = 0; i < RECORDS; i++) {
		if (!covers(&records[i], mm, start, end))
			continue;
		WRITE_ONCE(*last, i);
		return true;
	}
	return atomic_read(&unrecorded) != 0;
}

/* --- objects that are in use ---------------------------------------------- */

static bool has_plain(struct mmu_notifier_subscriptions *subs,
		      const void *object) __must_hold(subs->lock)
{
	struct mmu_notifier *sub;

	for (sub = notifier_plain_next(subs, NULL); sub;
	     sub = notifier_plain_next(subs, sub)) {
		if (sub == object)
			return true;
	}
	return false;
}

static bool has_interval(struct mmu_notifier_subscriptions *subs,
			 const void *object) __must_hold(subs->lock)
{
	struct mmu_interval_notifier *sub;

	for (sub = notifier_interval_next(subs, NULL); sub;
	     sub = notifier_interval_next(subs, sub)) {
		if (sub == object)
			return true;
	}
	return false;
}

bool notifier_check_register(const struct mmu_notifier *sub)
{
	return !WARN(in_use(has_plain, sub), "%p is registered already",
		     (const void *)sub);
}

/* Exit takes @sub off the list; from then on only the number of them is known. */
bool notifier_check_unregister(const struct mmu_notifier *sub,
			       struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = subscriptions_of(mm);
	bool registered = false;

	if (subs) {
		spin_lock(&subs->lock);
		registered = has_plain(subs, sub) ||
			     (atomic_read(&mm->mm_users) <= 0 && subs->nr_plain);
		spin_unlock(&subs->lock);
	}
	return !WARN(!registered, "%p is unregistered and is not registered",
		     (const void *)sub);
}

bool notifier_check_insert(const struct mmu_interval_notifier *sub)
{
	return !WARN(in_use(has_interval, sub),
		     "interval %p is inserted already", (const void *)sub);
}

bool notifier_check_remove(const struct mmu_interval_notifier *sub)
{
	return !WARN(!in_use(has_interval, sub) ||
			     READ_ONCE(sub->state) == INTERVAL_REMOVING,
		     "interval %p is removed and is not inserted",
		     (const void *)sub);
}

/* --- callbacks and look-ups ----------------------------------------------- */

/* No other range has its number, so only this callback can have stored it. */
void notifier_check_refusal(const struct mmu_interval_notifier *sub,
			    const struct mmu_notifier_range *range)
{
	const struct mmu_interval_notifier_ops *ops = sub->ops;
	const void *callback = ops->invalidate
				       ? (const void *)ops->invalidate
				       : (const void *)ops->invalidate_start;

	WARN(READ_ONCE(sub->invalidate_seq) == range->core.seq,
	     "%pS refuses %s [%#lx, %#lx) and has stored its number", callback,
	     mmu_notifier_event_name(range->event), range->start, range->end);
}

void notifier_check_round(const struct mm_struct *mm, const void *by)
{
	WARN(atomic_read(&mm->mm_users) <= 0,
	     "%pS begins a round on an mm that has no user", by);
}
