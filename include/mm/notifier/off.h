/* SPDX-License-Identifier: MIT */
/*
 * mm/notifier/off.h - stand-ins for ranges, where the option is off
 *
 * For mm code, which is written once for both kernels. Read it side by side with
 * mm/notifier/range.h and mm/notifier/start.h, whose calls it has without a body.
 * Subscribing is declared in the other headers and does not link; changing a mapping
 * costs nothing (R6.1 to R6.5). Where the option is on this file is empty.
 */
#ifndef MM_NOTIFIER_OFF_H
#define MM_NOTIFIER_OFF_H

#include <mm/notifier/event.h>

#if !MMU_NOTIFIER_OPTION

/*
 * Each file that is compiled without the option refers to this name, which only
 * mm/notifier/off.c defines. So it does not link with a core, which its changes would
 * not reach. The section is not loaded and costs nothing.
 */
__asm__(".pushsection .mmu_notifier_option,\"\"\n\t"
	".quad without_mmu_notifier\n\t"
	".popsection");
extern const char without_mmu_notifier;

/** struct mmu_notifier_range - one change of a mapping: only its bounds (R6.2) */
struct mmu_notifier_range {
	unsigned long start;
	unsigned long end;
};

static inline void _mmu_notifier_range_init(struct mmu_notifier_range *range,
					    unsigned long start,
					    unsigned long end)
{
	range->start = start;
	range->end = end;
}

/* Never called: type-checks the arguments that are not evaluated. */
static inline void _mmu_notifier_range_unused(enum mmu_notifier_event event,
					      unsigned int flags,
					      const struct vm_area_struct *vma,
					      const struct mm_struct *mm,
					      const void *owner)
{
}

/*
 * Macros, so that only range, start and end are evaluated, once each (R6.2). The other
 * arguments may be costly, or have no value here. The compiler still reads them, so
 * they do not rot and are not "unused".
 */
#define mmu_notifier_range_init_owner(range, event, flags, vma, mm, start, \
				      end, owner)                          \
	do {                                                               \
		_mmu_notifier_range_init(range, start, end);               \
		if (0)                                                     \
			_mmu_notifier_range_unused(event, flags, vma, mm,  \
						   owner);                 \
	} while (0)
#define mmu_notifier_range_init(range, event, flags, vma, mm, start, end)  \
	mmu_notifier_range_init_owner(range, event, flags, vma, mm, start, \
				      end, NULL)

/* The calls of range.h. */

static inline bool
mmu_notifier_range_blockable(const struct mmu_notifier_range *range)
{
	return true;
}

static inline bool
mmu_notifier_range_update_to_read_only(const struct mmu_notifier_range *range)
{
	return false;
}

/* The calls of start.h: no effect, and the neutral answer (R6.3). */

static inline void mmu_notifier_might_invalidate(void)
{
}

static inline bool mm_has_notifiers(struct mm_struct *mm)
{
	return false;
}

static inline void mmu_notifier_subscriptions_init(struct mm_struct *mm)
{
}

static inline void mmu_notifier_subscriptions_destroy(struct mm_struct *mm)
{
}

static inline void mmu_notifier_check_exit(struct mm_struct *mm)
{
}

static inline void mmu_notifier_release(struct mm_struct *mm)
{
}

static inline void
mmu_notifier_invalidate_range_start(struct mmu_notifier_range *range)
{
}

static inline int __must_check
mmu_notifier_invalidate_range_start_nonblock(struct mmu_notifier_range *range)
{
	return 0;
}

static inline void
mmu_notifier_invalidate_range_end(struct mmu_notifier_range *range)
{
}

static inline bool mmu_notifier_clear_flush_young(struct mm_struct *mm,
						  unsigned long start,
						  unsigned long end)
{
	return false;
}

static inline bool mmu_notifier_clear_young(struct mm_struct *mm,
					    unsigned long start,
					    unsigned long end)
{
	return false;
}

static inline bool mmu_notifier_test_young(struct mm_struct *mm,
					   unsigned long address)
{
	return false;
}

static inline void mmu_notifier_change_pte(struct mm_struct *mm,
					   unsigned long address,
					   unsigned long entry)
{
}

static inline void mmu_notifier_invalidate_range(struct mm_struct *mm,
						 unsigned long start,
						 unsigned long end)
{
}

static inline void mmu_notifier_arch_invalidate_secondary_tlbs(
	struct mm_struct *mm, unsigned long start, unsigned long end)
{
}

/* Of plain.h: nothing was put, so there is nothing to wait for. */
static inline void mmu_notifier_synchronize(void)
{
}

#endif /* !MMU_NOTIFIER_OPTION */

#endif
