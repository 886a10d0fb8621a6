// SPDX-License-Identifier: MIT
/*
 * mm/space/limits.c - how much may be mapped, and how much memory may be promised
 *
 * Problem.  A mapping costs nothing until it is touched. A program that maps without end fills
 * its tables and finds no hole; all programs together are promised more memory than there
 * is, and the one that touches its last page has no call that could say -ENOMEM.
 *
 * Idea.  Count pages of regions, touched or not, and refuse the call that would map too many:
 *
 *	limit			counts				over it
 *	mm->map_limit		regions				-ENOMEM
 *	mm->as_limit		pages of all regions		-ENOMEM
 *	mm->data_limit		of private writable ones	-ENOMEM
 *				that are no stacks
 *	mm->stack_limit		of one stack			a bad address
 *							(mm/space/stack.c)
 *	mm->lock_limit		of locked ones			-EAGAIN or -ENOMEM
 *							(mm/space/mlock.c)
 *	the machine's		charged pages of all mms	-ENOMEM
 *
 * Charged is each page that may come to need a frame of its own, for which there is no
 * other place:
 *
 *	what				charged			until
 *	private, writable		by mmap, mremap, brk,	it is unmapped
 *					a stack that grows
 *	private, becomes writable	by mprotect		it is unmapped
 *	a child's of these		by fork			it is unmapped
 *	a shared anonymous object	when it is made		its last region goes
 *	private, never writable		-
 *	a driver's object		-
 *
 * A region that was charged has VM_ACCOUNT, and keeps it when it loses the right to write,
 * because its pages stay. So it does not become one with a neighbour that never had
 * that right.
 *
 *	overcommit=	a request of n pages is refused if
 *	guess		n is more than the machine has: a mistake, most likely. Any number
 *			of smaller ones are granted. No free or used page is counted
 *	always		never
 *	never		with it more than half of the machine's pages would be promised
 *
 * Only with "never" is a touch sure to find a page, as far as the other half is enough for
 * the kernel itself, tables among it.
 *
 * A call reserves for all that it will do, and what it will unmap counts against that.
 * Regions come and go inside, are cut and merged, and each keeps the sum of its pages
 * (mm/space/vma.c). The last step gives back what is charged and not mapped. An error takes
 * the same step, so no path has to remember what it has charged:
 *
 *				mm->committed	mm->charged_vm
 *	before			7		7
 *	reserve 5 - 2		10		7
 *	unmap 2, map 5		10		10
 *	settle			10		10
 *	or an error, settle	7		7
 *
 *	field				read with	written with
 *	as_limit, data_limit		any		the owner, before sharing
 *	total_vm, data_vm, charged_vm	mmap_lock	for writing, with the regions
 *	mm->committed			mmap_lock	for writing
 *	committed, of all		atomically	by compare-and-exchange: two calls
 *							cannot both have the last page
 *	policy, limit			once		any
 *
 * Not here: counting frames (mm/alloc/page_alloc.c), MAP_NORESERVE, which is unknown, and
 * a reserve for an administrator.
 */
#include <lib/cmdline.h>
#include <lib/init.h>
#include <lib/string.h>
#include <mm/alloc/page_alloc.h>
#include <mm/space/counters.h>
#include <mm/space/limits.h>
#include <mm/space/mm.h>

CMDLINE_KEY("overcommit",
	    "how much memory is promised: guess, always or never more than half");

static struct atomic64 committed;
static enum overcommit commit_policy = OVERCOMMIT_GUESS;
static unsigned long commit_limit;

static const char *const policy_names[] = {
	[OVERCOMMIT_GUESS] = "guess", [OVERCOMMIT_ALWAYS] = "always", [OVERCOMMIT_NEVER] = "never"};

static int commit_init(void)
{
	const char *asked = cmdline_get("overcommit");
	unsigned int i;

	commit_limit = nr_total_pages() / 2;
	if (!asked)
		return 0;
	for (i = 0; i < ARRAY_SIZE(policy_names); i++) {
		if (!strcmp(asked, policy_names[i])) {
			commit_policy = i;
			return 0;
		}
	}
	return -EINVAL;
}
INITCALL(INIT_CORE, commit_init);

/* --- the machine ------------------------------------------------------------ */

/* May @pages be promised when @before are? */
static bool commit_fits(unsigned long before, unsigned long pages)
{
	switch (READ_ONCE(commit_policy)) {
	case OVERCOMMIT_GUESS:
		return pages <= nr_total_pages();
	case OVERCOMMIT_NEVER:
		return before + pages <= READ_ONCE(commit_limit);
	case OVERCOMMIT_ALWAYS:
		break;
	}
	return true;
}

static int refuse(void)
{
	this_cpu_inc(space_counters.refused);
	return -ENOMEM;
}

int commit_charge(unsigned long pages)
{
	s64 before = atomic64_read(&committed);

	do {
		if (!commit_fits(before, pages))
			return refuse();
	} while (!atomic64_try_cmpxchg(&committed, &before, before + pages));
	return 0;
}

void commit_uncharge(unsigned long pages)
{
	s64 left = atomic64_sub_return(pages, &committed);

	ASSERT(left >= 0);
}

void commit_read(struct commit_info *out)
{
	out->policy = READ_ONCE(commit_policy);
	out->charged = atomic64_read(&committed);
	out->limit = READ_ONCE(commit_limit);
}

void commit_set(enum overcommit policy, unsigned long limit)
{
	WRITE_ONCE(commit_limit, limit);
	WRITE_ONCE(commit_policy, policy);
}

const char *commit_policy_name(enum overcommit policy)
{
	return policy_names[policy];
}

/* --- an address space ------------------------------------------------------- */

void vm_change_add(struct vm_change *change, unsigned long vm_flags, long pages)
{
	change->pages += pages;
	if (vm_is_data(vm_flags))
		change->data += pages;
	if (vm_flags & VM_ACCOUNT)
		change->charged += pages;
}

/* Is there room for @more pages? There is for none, whatever the limit. */
static bool has_room(unsigned long now, long more, unsigned long limit)
{
	return more <= 0 || now + more <= limit;
}

int limits_reserve(struct mm_struct *mm, const struct vm_change *change)
{
	mmap_assert_write_locked(mm);
	if (!has_room(mm->total_vm, change->pages, mm->as_limit) ||
	    !has_room(mm->data_vm, change->data, mm->data_limit))
		return refuse();
	if (change->charged <= 0)
		return 0;
	if (commit_charge(change->charged))
		return -ENOMEM;
	mm->committed += change->charged;
	return 0;
}

void limits_settle(struct mm_struct *mm)
{
	unsigned long left = mm->committed - mm->charged_vm;

	mmap_assert_write_locked(mm);
	ASSERT(mm->committed >= mm->charged_vm);
	if (left)
		commit_uncharge(left);
	mm->committed = mm->charged_vm;
}

void limits_inherit(struct mm_struct *child, const struct mm_struct *parent)
{
	child->map_limit = parent->map_limit;
	child->as_limit = parent->as_limit;
	child->data_limit = parent->data_limit;
	child->stack_limit = parent->stack_limit;
	child->lock_limit = parent->lock_limit;
}
