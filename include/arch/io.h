/* SPDX-License-Identifier: MIT */
/*
 * arch/io.h - ports and device memory
 *
 * Device memory is mapped uncached by ioremap() and touched only through
 * readN/writeN: one access of exactly that width, in program order.
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>

#include <asm/io.h>

/**
 * ioremap() - map device memory, uncached, not executable
 * @phys: physical address, any alignment
 * @len: bytes, > 0
 *
 * Implemented above the architecture, by mm/alloc/vmalloc.c.
 *
 * Context: thread context, or boot after the memory initcalls; may sleep.
 * Return: the address at which @phys appears, or NULL.
 */
void __iomem *ioremap(paddr_t phys, size_t len);

/**
 * iounmap() - undo ioremap()
 * @addr: what ioremap() returned
 *
 * Context: thread context, may sleep, interrupts on.
 */
void iounmap(void __iomem *addr);
