// SPDX-License-Identifier: MIT
/*
 * tests/mm/lib/shadow.c - two subscribers that find a range that nobody started
 *
 * Problem.  An operation that changes an entry and starts no range is wrong in silence:
 * no test fails, and a device goes on using the old page. A test of the operation counts
 * the ranges that its author thought of. The assertion of mm/table/entry.c sees each
 * change, but only of last-level entries, only in debug builds, and not whether the event
 * says enough.
 *
 * Idea.  A subscriber that holds a translation of every page finds the miss by itself: it
 * was not notified, so it still holds what the page tables no longer allow. It keeps as
 * much as each event permits (mirror_answer()), so an event that permits too much is
 * found as well. Its owner is NULL, so it ignores nothing. Both kinds of subscription
 * have such a store of translations, because each is called by a path of its own.
 *
 *	at			the shadow
 *	a start			compares, if no range is open; then each kind drops what
 *				the event takes away
 *	an end			counts the range as over
 *	a touch by the test	compares the page; takes it over
 *	a stop of the test	compares; takes over every page that the tables map
 *	RELEASE			compares, drops all, takes over nothing more
 *
 * Compare.  Under the shadow's lock, while it knows of no open range, every translation
 * must be allowed by the entry: present, the same frame, writable if the translation is.
 * No quiet moment is needed, because a change that takes something away comes to the
 * shadow's lock first:
 *
 *	shadow				munmap on another CPU
 *	lock; open == 0
 *					start: callback waits for the lock
 *	compares with the entries
 *	unlock
 *					dropped; open == 1; the entry is emptied
 *
 * A change that gives something may run meanwhile, and is no matter.
 *
 * Take over.  At a touch and at a stop the shadow has mmap_lock for writing, by a try. So no range is
 * open (R1.9), mmu_interval_read_begin() does not sleep, and a test whose threads wait
 * for each other in the middle of a range cannot be held up. Where the try fails, or the
 * test itself has left a range open, nothing is taken over.
 *
 * The store is direct-mapped, as a small TLB is: a page has one slot, by its number, and a
 * page that comes to a slot in use takes it. So nothing is allocated while the test runs,
 * which tests that let allocations fail would see.
 *
 *	field			read with		written with
 *	slots, used, open, dead	->lock			->lock
 *	complain		->lock			->lock
 *	all			shadows_lock		shadows_lock
 *	others			any			shadow_attach()
 *
 * Locks: shadows_lock and a shadow's lock are leaves; entries are read without a lock.
 *
 * Not here: secondary TLBs (tests/mm/notifier/secondary_tlb.c); a device that reads and
 * writes by its translations (mirror.c).
 */
#include <arch/cpu.h>
#include <lib/list.h>
#include <lib/preempt.h>
#include <mm/alloc/vmalloc.h>
#include <mm/table/huge.h>
#include <mm/table/pgtable.h>

#include "mirror.h"
#include "shadow.h"

#define SLOTS 1024UL

struct slot {
	vaddr_t addr;
	struct mirrored page;
};

/**
 * struct store - the translations of one kind of subscription
 * @used: no slot from here on has ever held one
 */
struct store {
	unsigned long used;
	struct slot slots[SLOTS];
};

/**
 * struct shadow - both subscribers of one mm
 * @open: ranges whose start has called the plain subscription, and no end yet
 * @dead: RELEASE has come
 */
struct shadow {
	struct mmu_notifier plain;
	struct mmu_interval_notifier interval;
	struct list_head all;
	struct mm_struct *mm;
	struct ktest *test;
	const void *owner;
	struct spinlock lock;
	unsigned int open;
	bool dead;
	shadow_complaint *complain;
	struct store stores[SHADOW_KINDS];
};

static LIST_HEAD(shadows);
static DEFINE_SPINLOCK(shadows_lock);

static const char *const kind_names[SHADOW_KINDS] = {
	[SHADOW_PLAIN] = "plain",
	[SHADOW_INTERVAL] = "interval",
};

/* --- the store ------------------------------------------------------------- */

static struct slot *slot_of(struct store *store, vaddr_t addr)
{
	return &store->slots[(addr >> PAGE_SHIFT) % SLOTS];
}

static bool holds(const struct slot *slot, vaddr_t addr)
{
	return slot->page.present && slot->addr == addr;
}

static void keep(struct store *store, vaddr_t addr, const struct mirrored *page)
{
	struct slot *slot = slot_of(store, addr);

	slot->addr = addr;
	slot->page = *page;
	store->used = max(store->used, (unsigned long)(slot - store->slots) + 1);
}

/* Drop of each page in the range what its event takes away. */
static void drop(struct store *store, const struct mmu_notifier_range *range)
{
	struct slot *slot;

	for (slot = store->slots; slot < store->slots + store->used; slot++) {
		if (slot->page.present && slot->addr < range->end &&
		    slot->addr + PAGE_SIZE > range->start)
			mirror_answer(&slot->page, range);
	}
}

static void drop_all(struct store *store)
{
	struct slot *slot;

	for (slot = store->slots; slot < store->slots + store->used; slot++)
		mirror_drop(&slot->page);
}

/* --- the page tables --------------------------------------------------------- */

/* What the tables allow of the page at an address, at this moment. */
static struct mirrored allowed(struct mm_struct *mm, vaddr_t addr)
{
	pte_t pte = __pte(0);
	pmd_t *pmdp;

	rcu_read_lock();
	pmdp = pgtable_walk_pmd(mm, addr);
	if (pmdp && !pte_offset_get(pmdp, addr, &pte))
		pte = huge_part(pmdp_get(pmdp), addr);
	rcu_read_unlock();
	if (!pte_present(pte) || pte_protnone(pte))
		return (struct mirrored){.present = false};
	return (struct mirrored){
		.present = true, .write = pte_write(pte), .pfn = pte_pfn(pte)};
}

static bool agrees(const struct mirrored *held, struct mirrored now)
{
	return now.present && held->pfn == now.pfn && (!held->write || now.write);
}

/* A complaint, unless a test of the shadow has another. */
static void fail_test(struct shadow *shadow, enum shadow_kind kind, vaddr_t addr)
{
	const struct mirrored *held = &slot_of(&shadow->stores[kind], addr)->page;
	struct mirrored now = allowed(shadow->mm, addr);

	ktest_fail(shadow->test,
		   "a change without a range: the %s shadow may %s frame %#lx at %#lx; the tables allow to %s %#lx",
		   kind_names[kind], held->write ? "write" : "read", held->pfn,
		   addr,
		   !now.present ? "do nothing with"
		   : now.write  ? "write"
				: "read",
		   now.pfn);
}

static void compare_slot(struct shadow *shadow, enum shadow_kind kind,
			 struct slot *slot)
{
	if (!slot->page.present ||
	    agrees(&slot->page, allowed(shadow->mm, slot->addr)))
		return;
	shadow->complain(shadow, kind, slot->addr);
	mirror_drop(&slot->page);
}

/* What it holds of [@start, @end): a page, or everything. The shadow's lock is held. */
static void compare(struct shadow *shadow, vaddr_t start, vaddr_t end)
{
	unsigned int kind;
	struct slot *slot;

	if (shadow->open)
		return;
	for (kind = 0; kind < SHADOW_KINDS; kind++) {
		struct store *store = &shadow->stores[kind];

		if (end - start == PAGE_SIZE) {
			slot = slot_of(store, start);
			if (slot->addr == start)
				compare_slot(shadow, kind, slot);
			continue;
		}
		for (slot = store->slots; slot < store->slots + store->used;
		     slot++)
			compare_slot(shadow, kind, slot);
	}
}

/* --- callbacks ----------------------------------------------------------------- */

/* The first that a start calls (R2.8). */
static bool interval_invalidate(struct mmu_interval_notifier *sub,
				const struct mmu_notifier_range *range,
				unsigned long cur_seq)
{
	struct shadow *shadow = container_of(sub, struct shadow, interval);

	spin_lock(&shadow->lock);
	compare(shadow, 0, USER_END);
	mmu_interval_set_seq(sub, cur_seq);
	shadow->dead |= range->event == MMU_NOTIFY_RELEASE;
	drop(&shadow->stores[SHADOW_INTERVAL], range);
	spin_unlock(&shadow->lock);
	return true;
}

static int plain_start(struct mmu_notifier *sub,
		       const struct mmu_notifier_range *range)
{
	struct shadow *shadow = container_of(sub, struct shadow, plain);

	spin_lock(&shadow->lock);
	shadow->open++;
	drop(&shadow->stores[SHADOW_PLAIN], range);
	spin_unlock(&shadow->lock);
	return 0;
}

static void plain_end(struct mmu_notifier *sub,
		      const struct mmu_notifier_range *range)
{
	struct shadow *shadow = container_of(sub, struct shadow, plain);

	spin_lock(&shadow->lock);
	shadow->open--;
	spin_unlock(&shadow->lock);
}

static void plain_release(struct mmu_notifier *sub, struct mm_struct *mm)
{
	struct shadow *shadow = container_of(sub, struct shadow, plain);

	spin_lock(&shadow->lock);
	drop_all(&shadow->stores[SHADOW_PLAIN]);
	spin_unlock(&shadow->lock);
}

static const struct mmu_notifier_ops plain_ops = {
	.release = plain_release,
	.invalidate_range_start = plain_start,
	.invalidate_range_end = plain_end,
};

static const struct mmu_interval_notifier_ops interval_ops = {
	.invalidate = interval_invalidate,
};

/* --- stops --------------------------------------------------------------------- */

static struct shadow *shadow_of(const struct mm_struct *mm)
{
	struct shadow *shadow, *found = NULL;

	spin_lock(&shadows_lock);
	list_for_each_entry(shadow, &shadows, all) {
		if (shadow->mm == mm)
			found = shadow;
	}
	spin_unlock(&shadows_lock);
	return found;
}

/* The shadow's lock is held. */
static void take_over_page(struct shadow *shadow, vaddr_t addr)
{
	struct mirrored page = allowed(shadow->mm, addr);
	unsigned int kind;

	if (!page.present)
		return;
	for (kind = 0; kind < SHADOW_KINDS; kind++)
		keep(&shadow->stores[kind], addr, &page);
}

/*
 * mmap_lock is held for writing and no range is open, so no page comes or goes but by this
 * thread.
 */
static void take_over(struct shadow *shadow, vaddr_t start, vaddr_t end)
{
	unsigned long seq = mmu_interval_read_begin(&shadow->interval);
	unsigned long room = SLOTS;
	vaddr_t addr;

	spin_lock(&shadow->lock);
	if (!shadow->dead && !mmu_interval_read_retry(&shadow->interval, seq)) {
		for (addr = pgtable_next_used(shadow->mm, start, end);
		     addr < end && room--;
		     addr = addr + PAGE_SIZE < end
				    ? pgtable_next_used(shadow->mm,
							addr + PAGE_SIZE, end)
				    : end)
			take_over_page(shadow, addr);
	}
	spin_unlock(&shadow->lock);
}

static void stop_over(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	struct shadow *shadow = shadow_of(mm);
	bool open;

	if (!shadow || in_atomic() || !mmap_write_trylock(mm))
		return;
	spin_lock(&shadow->lock);
	compare(shadow, start, end);
	open = shadow->open;
	spin_unlock(&shadow->lock);
	if (!open)
		take_over(shadow, start, end);
	mmap_write_unlock(mm);
}

void shadow_stop(struct mm_struct *mm)
{
	stop_over(mm, 0, USER_END);
}

void shadow_touched(struct mm_struct *mm, vaddr_t addr)
{
	addr &= PAGE_MASK;
	if (addr < USER_END)
		stop_over(mm, addr, addr + PAGE_SIZE);
}

void shadow_forget(struct mm_struct *mm, vaddr_t addr)
{
	struct shadow *shadow = shadow_of(mm);
	unsigned int kind;
	struct slot *slot;

	if (!shadow)
		return;
	spin_lock(&shadow->lock);
	for (kind = 0; kind < SHADOW_KINDS; kind++) {
		slot = slot_of(&shadow->stores[kind], addr & PAGE_MASK);
		if (holds(slot, addr & PAGE_MASK))
			mirror_drop(&slot->page);
	}
	spin_unlock(&shadow->lock);
}

enum shadow_holds shadow_holds(struct mm_struct *mm, enum shadow_kind kind,
			       vaddr_t addr)
{
	struct shadow *shadow = shadow_of(mm);
	enum shadow_holds held = SHADOW_HOLDS_NOTHING;
	const struct slot *slot;

	if (!shadow)
		return held;
	spin_lock(&shadow->lock);
	slot = slot_of(&shadow->stores[kind], addr);
	if (holds(slot, addr))
		held = slot->page.write ? SHADOW_HOLDS_WRITE : SHADOW_HOLDS_READ;
	spin_unlock(&shadow->lock);
	return held;
}

void shadow_complain_to(struct mm_struct *mm, shadow_complaint *complaint)
{
	struct shadow *shadow = shadow_of(mm);

	spin_lock(&shadow->lock);
	shadow->complain = complaint;
	spin_unlock(&shadow->lock);
}

/* --- coming and going ------------------------------------------------------------ */

static int subscribe(struct shadow *shadow)
{
	int err = mmu_notifier_register(&shadow->plain, shadow->mm);

	if (err)
		return err;
	err = mmu_interval_notifier_insert(&shadow->interval, shadow->mm, 0,
					   ~0UL & PAGE_MASK, &interval_ops);
	if (err)
		mmu_notifier_unregister(&shadow->plain, shadow->mm);
	return err;
}

int shadow_attach(struct ktest *test, struct mm_struct *mm, const void *owner)
{
	struct shadow *shadow = vzalloc(sizeof(*shadow));
	int err;

	if (!shadow)
		return -ENOMEM;
	shadow->plain.ops = &plain_ops;
	shadow->mm = mm;
	shadow->test = test;
	shadow->owner = owner;
	shadow->complain = fail_test;
	spin_lock_init(&shadow->lock);
	err = subscribe(shadow);
	if (err) {
		vfree(shadow);
		return err;
	}
	spin_lock(&shadows_lock);
	list_add(&shadow->all, &shadows);
	spin_unlock(&shadows_lock);
	return 0;
}

/* One of the owner's, off the list; NULL if there is none. */
static struct shadow *remove_one(const void *owner, enum shadows which)
{
	struct shadow *shadow, *found = NULL;

	spin_lock(&shadows_lock);
	list_for_each_entry(shadow, &shadows, all) {
		if (shadow->owner == owner &&
		    (which == SHADOWS_ALL || READ_ONCE(shadow->dead)))
			found = shadow;
	}
	if (found)
		list_del(&found->all);
	spin_unlock(&shadows_lock);
	return found;
}

void shadow_detach(const void *owner, enum shadows which)
{
	struct shadow *shadow;

	while ((shadow = remove_one(owner, which))) {
		mmu_interval_notifier_remove(&shadow->interval);
		mmu_notifier_unregister(&shadow->plain, shadow->mm);
		vfree(shadow);
	}
}
