// SPDX-License-Identifier: MIT
/*
 * mm/table/entry.c - no entry loses anything outside a range
 *
 * Problem.  A change of a mapping that forgets to notify works in every test that has no
 * device, and with a device it works nearly always. The device keeps a translation that
 * the CPU has no more.
 *
 * Idea.  A debug build looks at each change of an entry (mm/table/entry.h). If the
 * change takes something away that a device may have, a range must cover the page, and
 * the thread that makes the change must have opened it:
 *
 *	entry was	is then			takes away
 *	none		anything		nothing: no device can have it
 *	present		none, a swap entry	the page
 *	present		present, another frame	the page
 *	present		fewer rights		a right
 *	present		more rights, marks	nothing
 *	of a device	another value		the device's page, or its right to write
 *	another kind	anything		nothing: its maker had a range
 *
 * "Of a device" are exclusive and device-private entries: no CPU has the page, and a
 * device may. Whether the range has the right event is for tests of events.
 *
 * Why the thread's own range.  Another thread's range covers the page by chance: it may
 * end at any moment, and its start may have come before the device looked the page up.
 *
 *	munmap, of another page		a change without a range
 *	start
 *	end
 *	start				device: looks up, installs
 *					entry emptied
 *					(the device was not notified since)
 *
 * The look costs some ten instructions where the thread's last range is the one that
 * covers, as in a loop over a table (mm/notifier/checks.c). It is before the store or
 * just behind it, under the table's lock, so it sees what the thread itself has open.
 *
 * A huge entry takes away as one of the last level does, all of its 2 MiB. A split changes
 * neither frames nor rights, and has a range all the same: for a moment it hides the entry.
 *
 * This file is only in debug builds with notifiers (options.mk). Not here: entries of the
 * kernel's tables.
 */
#include <lib/assert.h>
#include <mm/notifier/start.h>
#include <mm/table/entry.h>
#include <mm/table/swapops.h>

/* No CPU has the page of such an entry, and a device may. */
static bool entry_of_device(pte_t pte)
{
	swp_entry_t entry = pte_to_swp_entry(pte);

	return is_swap_pte(pte) && (is_device_exclusive_entry(entry) ||
				    is_device_private_entry(entry));
}

/* Both are present. */
static bool loses_right(pte_t old, pte_t new)
{
	if (pte_pfn(old) != pte_pfn(new))
		return true;
	if (pte_protnone(old))
		return false;
	return pte_protnone(new) || (pte_write(old) && !pte_write(new)) ||
	       (pte_exec(old) && !pte_exec(new));
}

static bool takes_away(pte_t old, pte_t new)
{
	if (pte_present(old))
		return !pte_present(new) || loses_right(old, new);
	if (entry_of_device(old))
		return !entry_of_device(new) ||
		       pte_to_swp_entry(old).val != pte_to_swp_entry(new).val;
	return false;
}

static void check_change(struct mm_struct *mm, vaddr_t addr, vaddr_t end,
			 pte_t old, pte_t new, const void *by)
{
	WARN(takes_away(old, new) && !mmu_notifier_check_covered(mm, addr, end),
	     "outside a range, %#lx changes from %#lx to %#lx in %pS", addr,
	     pte_val(old), pte_val(new), by);
}

void entry_check_change(struct mm_struct *mm, vaddr_t addr, pte_t old, pte_t new)
{
	check_change(mm, addr, addr + PAGE_SIZE, old, new,
		     __builtin_return_address(0));
}

void entry_check_huge(struct mm_struct *mm, vaddr_t addr, pte_t old, pte_t new)
{
	check_change(mm, addr, addr + PMD_SIZE, old, new,
		     __builtin_return_address(0));
}

void entry_check_table(struct mm_struct *mm, vaddr_t addr, const pte_t *table)
{
	unsigned int i;

	for (i = 0; i < PTRS_PER_TABLE; i++, addr += PAGE_SIZE)
		check_change(mm, addr, addr + PAGE_SIZE, ptep_get(table + i),
			     __pte(0), __builtin_return_address(0));
}
