// SPDX-License-Identifier: MIT
/*
 * demo/monitor_mm.c - monitor commands that show address spaces
 *
 * Problem.  An address space can end while a command looks at it.
 *
 * Idea.  `mm` walks the list of all of them under its lock, and prints what needs no
 * other lock. `vmas`, `pte`, `subs` and `map` (monitor_map.c) find one by its number
 * (mm->id) and hold mm_users while they look. Without a number they take the first that
 * has users.
 *
 *	command		holds
 *	mm		the list's lock (mm_for_each)
 *	vmas		mm_users, mmap_lock read
 *	pte, subs	mm_users; the functions that they call take the rest
 */
#include <lib/errno.h>
#include <kernel/monitor.h>
#include <kernel/trace.h>
#include <lib/string.h>
#include <kernel/time.h>
#include <mm/object/shmem.h>
#include <mm/space/limits.h>
#include <mm/space/mm.h>
#include <mm/notifier/stats.h>

#include "monitor.h"

static int print_mm(struct mm_struct *mm, void *count)
{
	monitor_print(
		"  %3u  users %d  count %d  regions %u  pages %lu  shared %lu  tables %lu  locked %lu  charged %lu%s\n",
		mm->id, atomic_read(&mm->mm_users), atomic_read(&mm->mm_count),
		mm->map_count, (unsigned long)atomic64_read(&mm->anon_rss),
		(unsigned long)atomic64_read(&mm->shared_rss),
		(unsigned long)atomic64_read(&mm->nr_ptes), mm->locked_vm,
		mm->committed, mm_has_notifiers(mm) ? "  subscribed" : "");
	++*(unsigned int *)count;
	return 0;
}

static int mm_command(int argc, char **argv)
{
	struct shmem_counters shmem;
	struct commit_info commit;
	unsigned int count = 0;

	mm_for_each(print_mm, &count);
	shmem_read_counters(&shmem);
	if (shmem.created)
		monitor_print("  shared memory: objects %lu  pages %lu  of "
			      "%lu and %lu since boot\n",
			      shmem.created - shmem.freed,
			      shmem.allocated - shmem.released, shmem.created,
			      shmem.allocated);
	commit_read(&commit);
	monitor_print("  promised %lu pages  limit %lu  overcommit=%s\n",
		      commit.charged, commit.limit,
		      commit_policy_name(commit.policy));
	if (!count)
		monitor_print("  no address space; `contest` leaves one\n");
	return 0;
}
MONITOR_CMD(mm, "", "all address spaces", mm_command);

static int first_with_users(struct mm_struct *mm, void *id)
{
	if (!atomic_read(&mm->mm_users))
		return 0;
	*(unsigned int *)id = mm->id;
	return 1;
}

int monitor_find_mm(const char *word, struct mm_struct **out)
{
	struct mm_struct *mm = NULL;
	unsigned long number;
	unsigned int id;

	if (word) {
		if (kstrtoul(word, 0, &number))
			return -EINVAL;
	} else if (mm_for_each(first_with_users, &id)) {
		number = id;
	} else {
		monitor_print("no address space\n");
		return -ENOENT;
	}
	id = (unsigned int)number;
	/* A number that does not fit is no mm's. */
	if (id == number)
		mm = mm_find_get(id);
	if (!mm) {
		monitor_print("no address space %lu\n", number);
		return -ENOENT;
	}
	*out = mm;
	return 0;
}

static int vmas_command(int argc, char **argv)
{
	struct vm_area_struct *vma;
	struct mm_struct *mm;
	int err = monitor_find_mm(argc > 1 ? argv[1] : NULL, &mm);

	if (err)
		return err;
	err = mmap_read_lock_killable(mm);
	if (err)
		goto out_put;
	for (vma = mm->mm_first; vma; vma = vma->vm_next)
		monitor_print("  %#014lx-%#014lx %c%c%c%c  %lu pages\n",
			      vma->vm_start, vma->vm_end,
			      vma->vm_flags & VM_READ ? 'r' : '-',
			      vma->vm_flags & VM_WRITE ? 'w' : '-',
			      vma->vm_flags & VM_EXEC ? 'x' : '-',
			      vma->vm_flags & VM_SHARED ? 's' : 'p',
			      (vma->vm_end - vma->vm_start) / PAGE_SIZE);
	mmap_read_unlock(mm);
out_put:
	mmput(mm);
	return err;
}
MONITOR_CMD(vmas, "[MM]", "the regions of an address space", vmas_command);

static int pte_command(int argc, char **argv)
{
	unsigned long addr;
	struct mm_struct *mm;
	char text[256];
	int err;

	if (kstrtoul(argv[argc - 1], 0, &addr))
		return -EINVAL;
	err = monitor_find_mm(argc > 2 ? argv[1] : NULL, &mm);
	if (err)
		return err;
	err = pte_describe(mm, addr, text, sizeof(text));
	if (err >= 0)
		monitor_print("  %s\n", text);
	mmput(mm);
	return min(err, 0);
}
MONITOR_CMD(pte, "[MM] ADDR", "what maps an address", pte_command);

/* "CLEAR 3  UNMAP 1", of those that are not zero. */
static void print_events(const unsigned long *counts)
{
	unsigned int event;

	for (event = 0; event < NR_MMU_NOTIFY_EVENTS; event++)
		if (counts[event])
			monitor_print("  %s %lu", mmu_notifier_event_name(event),
				      counts[event]);
}

static void print_retries(unsigned long waits, const unsigned long *retries,
			  unsigned long other)
{
	unsigned long all = other;
	unsigned int event;

	for (event = 0; event < NR_MMU_NOTIFY_EVENTS; event++)
		all += retries[event];
	monitor_print("    readers: waits %lu  collisions %lu", waits, all);
	print_events(retries);
	if (other)
		monitor_print("  not known %lu", other);
	monitor_print("\n");
}

static bool print_sub(const struct mmu_notifier_sub_info *info, void *unused)
{
	const struct mmu_notifier_sub_stats *figures = &info->stats;

	if (info->interval)
		monitor_print("  interval 0x%012lx-0x%012lx", info->start,
			      info->last + 1);
	else
		monitor_print("  plain    users %u", info->users);
	monitor_print("  callbacks %lu  longest %lu ns", figures->callbacks,
		      arch_tsc_to_ns(figures->longest));
	print_events(figures->events);
	monitor_print("\n");
	if (info->interval)
		print_retries(figures->waits, figures->retries,
			      figures->retries_other);
	return true;
}

static bool lacks_notifiers(void)
{
	if (IS_ENABLED(CONFIG_MMU_NOTIFIER))
		return false;
	monitor_print(
		"this build has no MMU_NOTIFIER, so there is no subscription\n");
	return true;
}

static int subs_command(int argc, char **argv)
{
	struct mmu_notifier_stats stats;
	struct mm_struct *mm;
	int err;

	if (lacks_notifiers())
		return 0;
	err = monitor_find_mm(argc > 1 ? argv[1] : NULL, &mm);
	if (err)
		return err;
	mmu_notifier_read_stats(mm, &stats);
	monitor_print(
		"  %lu plain, %lu intervals; %lu ranges open, %lu of them overlap; sequence %lu\n",
		stats.plain, stats.intervals, stats.open_ranges,
		stats.open_overlaps, stats.last_seq);
	if (!mmu_notifier_observing())
		monitor_print(
			"  callbacks are not counted: `observe on' does that\n");
	mmu_notifier_for_each_sub(mm, print_sub, NULL);
	monitor_print("  all      callbacks %lu  longest %lu ns",
		      stats.callbacks, arch_tsc_to_ns(stats.longest));
	print_events(stats.events);
	monitor_print("\n");
	print_retries(stats.waits, stats.retries, stats.retries_other);
	monitor_print(
		"    exclusive rounds %lu  refused starts %lu  deferred: inserts %lu, removals %lu; yielded %lu\n",
		stats.exclusive_rounds, stats.failed_starts,
		stats.deferred_adds, stats.deferred_removes, stats.yielded);
	mmput(mm);
	return 0;
}
MONITOR_CMD(subs, "[MM]", "the subscriptions of an address space", subs_command);

static int observe_command(int argc, char **argv)
{
	const bool notifiers = IS_ENABLED(CONFIG_MMU_NOTIFIER);
	bool on = argc == 2 && strcmp(argv[1], "on") == 0;
	const char *what = "off";

	if (argc == 2 && !on && strcmp(argv[1], "off") != 0)
		return -EINVAL;
	if (argc == 2) {
		if (notifiers)
			mmu_notifier_observe(on);
		trace_observe(on);
	}
	if (READ_ONCE(trace_observing))
		what = "on";
	else if (notifiers && mmu_notifier_observing())
		what = "notifiers only";
	monitor_print("  %s\n", what);
	return 0;
}
MONITOR_CMD(observe, "[on|off]",
	    "count what `subs` shows; record all that `trace` may",
	    observe_command);
