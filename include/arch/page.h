/* SPDX-License-Identifier: MIT */
/*
 * arch/page.h - what an architecture says about a page of bytes
 *
 *	clear_page(kaddr)	fill a page with zeroes, the fastest way
 *	phys_to_virt(paddr)	where the direct map has a physical address
 *	virt_to_phys(kaddr)	the way back; only for the direct map
 *	image_to_phys(symbol)	the physical address of a part of the image
 *	arch_has_pud_leaf()	can one entry map PUD_SIZE bytes?
 */
#ifndef ARCH_PAGE_H
#define ARCH_PAGE_H

#include <asm/page.h>

#endif
