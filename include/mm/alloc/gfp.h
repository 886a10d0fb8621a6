/* SPDX-License-Identifier: MIT */
/*
 * include/mm/alloc/gfp.h - how a request for memory may behave
 *
 *	flag		meaning
 *	__GFP_MAYSLEEP	the caller may sleep; checked by might_sleep()
 *	__GFP_ZERO	zeroed memory
 *	__GFP_NOWARN	a failure is expected and not printed
 *	__GFP_NOFAIL	boot only: panic with the caller's address instead
 *	__GFP_RESERVE	may use the last pages kept for atomic callers
 *
 *	GFP_KERNEL	may sleep; what thread context uses
 *	GFP_ATOMIC	may not sleep, may use the reserve
 *	GFP_NOWAIT	may not sleep, has another plan when it fails
 *
 * The values stand in <mm/alloc/alloc.h>, below which no layer may look.
 */
#ifndef MM_ALLOC_GFP_H
#define MM_ALLOC_GFP_H

#include <mm/alloc/alloc.h>

/**
 * gfp_may_sleep() - may a request with these flags sleep?
 * @gfp: the flags
 *
 * Context: any.
 * Return: true with __GFP_MAYSLEEP.
 */
static __always_inline bool gfp_may_sleep(gfp_t gfp)
{
	return gfp & __GFP_MAYSLEEP;
}

#endif
