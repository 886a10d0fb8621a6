// SPDX-License-Identifier: MIT
/*
 * tests/mm/lib/mirror.c - a device without hardware: it mirrors a part of an mm
 *
 * Problem.  A device that drops everything is always right, so it shows nothing
 * about the eight events.  A device may keep what an event permits only
 * if all operations that notify the event keep to it.
 *
 * Idea.  A mirror drops what it must, and keeps all else:
 *
 *	event			what the mirror does in its callback
 *	UNMAP			drops translation and its own object of the page
 *	CLEAR			drops the translation, keeps the object
 *	PROTECTION_VMA		takes over the region's rights; no read is a drop
 *	PROTECTION_PAGE		keeps reading, forgets that it may write
 *	SOFT_DIRTY		the same
 *	RELEASE			drops all, installs no more
 *	MIGRATE, EXCLUSIVE	its own: nothing, not even the number; another's:
 *				drops the translation
 *
 * So its own EXCLUSIVE leaves what it has, or what another of its threads looks
 * up meanwhile: a translation to read or write of a page that no CPU has any
 * more.  That is right, for the frame is the same, and the next event of anybody
 * else takes it.  mirror_agrees() knows such a page by @owned.
 *
 * It gets a translation by the rounds of mm/notifier/rounds.c.  All that the
 * look-up could change is changed before the read section begins:
 *
 *	to read or write		exclusively
 *	mmap_lock
 *	fault in			the same, for writing
 *	begin				the same
 *	read the entry			make_device_exclusive_range()
 *	lock; retry?; install		the same, and make the access
 *	unlock				unlock; unlock the page
 *
 * The device touches memory only with the mirror's lock held, so a callback that
 * has returned has no access of the device behind it:
 *
 *	device				munmap
 *	lock
 *					start: callback waits for the lock
 *	translation is there: access
 *	unlock
 *					dropped; the frame is freed
 *
 *	field			read with	written with
 *	mirror->page[], dead,	->lock		->lock
 *	calls, most_rounds
 *	others			any		mirror_open()
 *
 * Not here: operations that the tree does not have (by_hand.c).
 */
#include <arch/cpu.h>
#include <mm/alloc/alloc.h>
#include <lib/string.h>
#include <mm/fault/gup.h>
#include <mm/alloc/vmalloc.h>

#include "mirror.h"

/* Between the load and the store of an update, for others to come between. */
#define WINDOW 20

static vaddr_t address_of(const struct mirror *m, unsigned long i)
{
	return m->start + i * PAGE_SIZE;
}

void mirror_drop(struct mirrored *page)
{
	page->present = false;
	page->write = false;
	page->exclusive = false;
	page->owned = false;
}

/* Take over what a region allows, without a look at the entries (R1.19). */
static void take_over_rights(struct mirrored *page,
			     const struct vm_area_struct *vma)
{
	if (!vma || !(vma->vm_flags & VM_READ))
		mirror_drop(page);
	else if (!(vma->vm_flags & VM_WRITE))
		page->write = false;
}

void mirror_answer(struct mirrored *page, const struct mmu_notifier_range *range)
{
	switch (range->event) {
	case MMU_NOTIFY_UNMAP:
		mirror_drop(page);
		page->tracked = false;
		break;
	case MMU_NOTIFY_PROTECTION_VMA:
		take_over_rights(page, range->vma);
		break;
	case MMU_NOTIFY_PROTECTION_PAGE:
	case MMU_NOTIFY_SOFT_DIRTY:
		page->write = false;
		break;
	default:
		mirror_drop(page);
		break;
	}
}

static bool is_own(const struct mirror *m, const struct mmu_notifier_range *range)
{
	return !m->drops_always && range->owner == m &&
	       (range->event == MMU_NOTIFY_MIGRATE ||
		range->event == MMU_NOTIFY_EXCLUSIVE);
}

/* To one page that the range covers. */
static void invalidate(struct mirror *m, struct mirrored *page,
		       const struct mmu_notifier_range *range)
{
	bool own = is_own(m, range);

	if (own && range->event == MMU_NOTIFY_EXCLUSIVE)
		page->owned = true;
	else if (m->drops_always)
		mirror_drop(page);
	else if (!own)
		mirror_answer(page, range);
}

/* To all pages that it covers. */
static void invalidate_all(struct mirror *m,
			   const struct mmu_notifier_range *range)
{
	unsigned long i = 0;

	if (range->start > m->start)
		i = (range->start - m->start) / PAGE_SIZE;
	for (; i < m->nr && address_of(m, i) < range->end; i++)
		invalidate(m, &m->page[i], range);
}

static bool mirror_invalidate(struct mmu_interval_notifier *sub,
			      const struct mmu_notifier_range *range,
			      unsigned long cur_seq)
{
	struct mirror *m = container_of(sub, struct mirror, sub);

	if (mmu_notifier_range_blockable(range))
		mutex_lock(&m->lock);
	else if (!mutex_trylock(&m->lock))
		return false;
	m->calls++;
	if (!is_own(m, range))
		mmu_interval_set_seq(sub, cur_seq);
	m->dead |= range->event == MMU_NOTIFY_RELEASE;
	invalidate_all(m, range);
	mutex_unlock(&m->lock);
	return true;
}

static const struct mmu_interval_notifier_ops mirror_ops = {
	.invalidate = mirror_invalidate,
};

int mirror_try_open(struct mirror *m, struct sandbox *box, vaddr_t start,
		    unsigned long nr)
{
	int err;

	memset(m, 0, sizeof(*m));
	mutex_init(&m->lock);
	m->box = box;
	m->start = start;
	m->page = vzalloc(nr * sizeof(*m->page));
	if (!m->page)
		return -ENOMEM;
	m->nr = nr;
	err = mmu_interval_notifier_insert(&m->sub, box->mm, start,
					   nr * PAGE_SIZE, &mirror_ops);
	if (err)
		vfree(m->page);
	return err;
}

void mirror_open(struct mirror *m, struct sandbox *box, vaddr_t start,
		 unsigned long nr)
{
	struct ktest *test = box->test;

	EXPECT_EQ(mirror_try_open(m, box, start, nr), 0);
}

void mirror_close(struct mirror *m)
{
	mmu_interval_notifier_remove(&m->sub);
	vfree(m->page);
	m->page = NULL;
	m->nr = 0;
}

static void close_mirror(void *arg)
{
	mirror_close(arg);
}

struct mirror *mirror_new(struct sandbox *box, vaddr_t start, unsigned long nr)
{
	struct mirror *m = ktest_alloc(box->test, sizeof(*m));

	mirror_open(m, box, start, nr);
	ktest_cleanup(box->test, close_mirror, m);
	return m;
}

/* --- looking up --------------------------------------------------------------- */

/* mmap_lock is held, and may be dropped meanwhile. */
static int fault_in_locked(struct mirror *m, unsigned long i, bool write)
{
	unsigned int flags = FOLL_UNLOCKABLE | (write ? FOLL_WRITE : 0);
	long got = get_user_pages_remote(m->box->mm, address_of(m, i), 1, flags,
					 NULL);

	return got < 0 ? (int)got : 0;
}

int mirror_fault_in(struct mirror *m, unsigned long i, bool write)
{
	int err;

	mmap_read_lock(m->box->mm);
	err = fault_in_locked(m, i, write);
	mmap_read_unlock(m->box->mm);
	return err;
}

static bool is_dead(struct mirror *m)
{
	bool dead;

	mutex_lock(&m->lock);
	dead = m->dead;
	mutex_unlock(&m->lock);
	return dead;
}

/* The look-up is done; now others may come between. */
static void round_looked_up(struct mirror *m, struct mmu_interval_rounds *rounds)
{
	mmu_interval_round_looked_up(rounds);
	if (m->before_install)
		m->before_install(m->arg);
}

/*
 * Lock, fault in, begin: on error the round is over. With @exclusive the page comes back
 * in it, locked.
 */
static int round_begin(struct mirror *m, struct mmu_interval_rounds *rounds,
		       unsigned long i, bool write, struct page **exclusive)
{
	int err = mmu_interval_round_lock(rounds);

	if (err)
		return err;
	if (is_dead(m))
		err = -EFAULT;
	else if (exclusive)
		err = sandbox_lock_exclusive(m->box, address_of(m, i), exclusive);
	else
		err = fault_in_locked(m, i, write);
	if (err)
		mmu_interval_round_unlock(rounds);
	else
		mmu_interval_round_begin(rounds);
	return err;
}

/* May a look-up's result be installed?  The mirror's lock is held. */
static bool is_current(struct mirror *m, struct mmu_interval_rounds *rounds)
{
	m->most_rounds = max(m->most_rounds, rounds->nr);
	return !mmu_interval_round_retry(rounds);
}

static bool serves(const struct mirrored *page, bool write)
{
	return page->present && (!write || page->write);
}

/** enum access_kind - what the device does with a word once it may */
enum access_kind {
	ACCESS_NONE,
	ACCESS_READ,
	ACCESS_WRITE,
	ACCESS_ADD,
	ACCESS_SWAP,
};

/**
 * struct access - one access
 * @kind: what
 * @word: which word of the page
 * @value: in: what is written or added; out: what was there, of READ and SWAP
 */
struct access {
	enum access_kind kind;
	unsigned int word;
	u64 value;
};

static u64 *word_of(const struct mirrored *page, const struct access *access)
{
	u64 *words = page_address(pfn_to_page(page->pfn));

	return words + access->word;
}

/* A load and a store, as a device does it, whose bus has no atomics. */
static u64 exchange(u64 *word, u64 value, u64 keep)
{
	u64 seen = READ_ONCE(*word);
	unsigned int i;

	for (i = 0; i < WINDOW; i++)
		cpu_relax();
	WRITE_ONCE(*word, (seen & keep) + value);
	return seen;
}

static void do_access(const struct mirrored *page, struct access *access)
{
	switch (access->kind) {
	case ACCESS_NONE:
		break;
	case ACCESS_READ:
		access->value = READ_ONCE(*word_of(page, access));
		break;
	case ACCESS_WRITE:
		WRITE_ONCE(*word_of(page, access), access->value);
		break;
	case ACCESS_ADD:
		exchange(word_of(page, access), access->value, ~0UL);
		break;
	case ACCESS_SWAP:
		access->value = exchange(word_of(page, access), access->value, 0);
		break;
	}
}

/* Only a page that no CPU has may be read and then written. */
static bool wants_exclusive(const struct access *access)
{
	return access->kind == ACCESS_ADD || access->kind == ACCESS_SWAP;
}

/* Do it at once, if the translation that is there serves. */
static bool access_now(struct mirror *m, unsigned long i, bool write,
		       struct access *access)
{
	const struct mirrored *page = &m->page[i];
	bool done;

	mutex_lock(&m->lock);
	done = serves(page, write) &&
	       (!wants_exclusive(access) || page->exclusive);
	if (done)
		do_access(page, access);
	mutex_unlock(&m->lock);
	return done;
}

/* The mirror's lock is held. */
static void set_translation(struct mirrored *page, pfn_t pfn, bool write,
			    bool exclusive)
{
	page->present = true;
	page->write = write;
	page->exclusive = exclusive;
	page->tracked = true;
	page->pfn = pfn;
}

/* Install what the entry says and do the access; true: done. */
static bool install(struct mirror *m, struct mmu_interval_rounds *rounds,
		    unsigned long i, pte_t pte, bool write, struct access *access)
{
	struct mirrored *page = &m->page[i];
	bool done;

	mutex_lock(&m->lock);
	/* Another thread of the device may have had more meanwhile. */
	if (is_current(m, rounds) && !serves(page, write) && pte_present(pte) &&
	    !pte_protnone(pte))
		set_translation(page, pte_pfn(pte), pte_write(pte), false);
	done = serves(page, write);
	if (done)
		do_access(page, access);
	mutex_unlock(&m->lock);
	return done;
}

static int access_shared(struct mirror *m, unsigned long i, bool write,
			 struct access *access)
{
	struct mmu_interval_rounds rounds = MMU_INTERVAL_ROUNDS_INIT(&m->sub);
	bool done = access_now(m, i, write, access);
	pte_t pte;
	int err;

	while (!done) {
		err = round_begin(m, &rounds, i, write, NULL);
		if (err)
			return err;
		pte = sandbox_pte_locked(m->box, address_of(m, i));
		round_looked_up(m, &rounds);
		done = install(m, &rounds, i, pte, write, access);
		mmu_interval_round_unlock(&rounds);
	}
	return 0;
}

/* As above for a page that is locked, and exclusive for this mirror. */
static bool install_exclusive(struct mirror *m,
			      struct mmu_interval_rounds *rounds, unsigned long i,
			      const struct page *page, struct access *access)
{
	bool done;

	mutex_lock(&m->lock);
	done = is_current(m, rounds) && page;
	if (done) {
		set_translation(&m->page[i], page_to_pfn(page), true, true);
		do_access(&m->page[i], access);
	}
	mutex_unlock(&m->lock);
	return done;
}

static int access_exclusive(struct mirror *m, unsigned long i,
			    struct access *access)
{
	struct mmu_interval_rounds rounds = MMU_INTERVAL_ROUNDS_INIT(&m->sub);
	struct page *pages[1] = {NULL};
	bool done = false;
	int err, made;

	while (!done) {
		err = round_begin(m, &rounds, i, true, pages);
		if (err)
			return err;
		made = sandbox_make_exclusive_locked(m->box, address_of(m, i),
						     pages, m);
		round_looked_up(m, &rounds);
		if (made >= 0)
			done = install_exclusive(m, &rounds, i, pages[0], access);
		release_exclusive(pages, 1);
		mmu_interval_round_unlock(&rounds);
		if (made < 0)
			return made;
	}
	return 0;
}

int mirror_touch(struct mirror *m, unsigned long i, bool write)
{
	return access_shared(m, i, write, &(struct access){.kind = ACCESS_NONE});
}

int mirror_take_exclusive(struct mirror *m, unsigned long i)
{
	return access_exclusive(m, i, &(struct access){.kind = ACCESS_NONE});
}

int mirror_read_word(struct mirror *m, unsigned long i, unsigned int word,
		     u64 *value)
{
	struct access access = {.kind = ACCESS_READ, .word = word};
	int err = access_shared(m, i, false, &access);

	if (!err)
		*value = access.value;
	return err;
}

int mirror_write_word(struct mirror *m, unsigned long i, unsigned int word,
		      u64 value)
{
	struct access access = {
		.kind = ACCESS_WRITE, .word = word, .value = value};

	return access_shared(m, i, true, &access);
}

static int access_by_load_and_store(struct mirror *m, unsigned long i,
				    struct access *access)
{
	if (access_now(m, i, true, access))
		return 0;
	return access_exclusive(m, i, access);
}

int mirror_swap_word(struct mirror *m, unsigned long i, unsigned int word,
		     u64 value, u64 *old)
{
	struct access access = {.kind = ACCESS_SWAP, .word = word, .value = value};
	int err = access_by_load_and_store(m, i, &access);

	if (!err)
		*old = access.value;
	return err;
}

int mirror_add(struct mirror *m, unsigned long i, u64 add)
{
	struct access access = {.kind = ACCESS_ADD, .value = add};

	return access_by_load_and_store(m, i, &access);
}

int mirror_read(struct mirror *m, unsigned long i, u64 *value)
{
	return mirror_read_word(m, i, 0, value);
}

int mirror_write(struct mirror *m, unsigned long i, u64 value)
{
	return mirror_write_word(m, i, 0, value);
}

/* --- comparing ------------------------------------------------------------------ */

static bool exclusive_entry_agrees(const struct mirrored *page, pte_t pte)
{
	swp_entry_t entry;

	if (pte_none(pte) || pte_present(pte))
		return false;
	entry = pte_to_swp_entry(pte);
	return is_device_exclusive_entry(entry) &&
	       swp_offset_pfn(entry) == page->pfn &&
	       (!page->write || is_writable_device_exclusive_entry(entry));
}

static bool entry_agrees(const struct mirrored *page, pte_t pte)
{
	if (!page->present)
		return !page->write;
	if (page->exclusive || (page->owned && !pte_present(pte)))
		return exclusive_entry_agrees(page, pte);
	return pte_present(pte) && !pte_protnone(pte) &&
	       pte_pfn(pte) == page->pfn && (!page->write || pte_write(pte));
}

static bool has_region(struct mirror *m, unsigned long i)
{
	bool mapped;

	mmap_read_lock(m->box->mm);
	mapped = vma_lookup(m->box->mm, address_of(m, i)) != NULL;
	mmap_read_unlock(m->box->mm);
	return mapped;
}

bool mirror_agrees(struct mirror *m, unsigned long i)
{
	const struct mirrored *page = &m->page[i];
	pte_t pte = __pte(0);

	if (page->present)
		pte = sandbox_pte(m->box, address_of(m, i));
	if (!entry_agrees(page, pte))
		return false;
	return m->drops_always || ((page->tracked || !page->present) &&
				   (!page->tracked || has_region(m, i)));
}

void mirror_verify(struct mirror *m)
{
	unsigned long i;

	for (i = 0; i < m->nr; i++) {
		const struct mirrored *page = &m->page[i];

		if (mirror_agrees(m, i))
			continue;
		ktest_fail(m->box->test,
			   "page %lu: the device has%s%s%s%s%s, frame %#lx; the entry is %#lx",
			   i, page->present ? " a translation" : " none",
			   page->write ? ", may write" : "",
			   page->exclusive ? ", exclusive" : "",
			   page->owned ? ", owned" : "",
			   page->tracked ? "" : ", no object", page->pfn,
			   pte_val(sandbox_pte(m->box, address_of(m, i))));
	}
}
