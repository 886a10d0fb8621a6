/* SPDX-License-Identifier: MIT */
/*
 * arch/boot.h - the data of the boot loader, checked and copied
 *
 * Everything here was copied out of the loader's own memory, so that memory
 * is free as soon as boot_info is filled.
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>

enum boot_memory_kind {
	BOOT_MEMORY_USABLE = 1,
	BOOT_MEMORY_RESERVED,
	BOOT_MEMORY_ACPI, /* tables, reclaimable */
	BOOT_MEMORY_NVS,  /* firmware's, never to be touched */
	BOOT_MEMORY_BAD,
	BOOT_MEMORY_KERNEL, /* usable RAM that already holds something of ours:
			       the image, a module, early per-CPU areas */
};

#define BOOT_MAX_REGIONS 192
#define BOOT_MAX_MODULES 8

/* [start, end), page aligned; sorted by start, never overlapping */
struct boot_region {
	paddr_t start;
	paddr_t end;
	enum boot_memory_kind kind;
};

struct boot_module {
	paddr_t start;
	paddr_t end;
	char name[64];
};

enum boot_screen_kind {
	BOOT_SCREEN_NONE,
	BOOT_SCREEN_TEXT, /* VGA text cells: width and height in characters */
	BOOT_SCREEN_RGB,
};

struct boot_screen {
	enum boot_screen_kind kind;
	paddr_t addr;
	u32 pitch; /* bytes from one line to the next */
	u32 width;
	u32 height;
	u8 bits_per_pixel;
	u8 red_shift, red_bits;
	u8 green_shift, green_bits;
	u8 blue_shift, blue_bits;
};

struct boot_info {
	struct boot_region regions[BOOT_MAX_REGIONS];
	unsigned int nr_regions;
	struct boot_module modules[BOOT_MAX_MODULES];
	unsigned int nr_modules;
	struct boot_screen screen;
	u8 rsdp[36];           /* copy of the ACPI root pointer */
	unsigned int rsdp_len; /* 0 none, 20 revision 0, 36 revision 2 */
	char cmdline[1024];
	char loader[64];
};

extern struct boot_info boot_info;

/*
 * The stack on which the boot CPU starts, later its idle task's, and the page
 * below it, which the kernel's final tables leave unmapped.
 */
extern char boot_stack_guard[], boot_stack[];

/**
 * boot_error() - what was wrong with how we were booted
 *
 * Return: NULL if nothing; else one sentence, to be shown once the consoles
 *         work. The memory map may then be empty.
 */
const char *boot_error(void);

/**
 * boot_refuse() - say why this boot cannot go on, and stop
 * @fmt: one sentence
 *
 * For faults of the surroundings (loader, firmware, command line), not of the
 * kernel: no backtrace. Exits with EXIT_PANIC.
 */
void boot_refuse(const char *fmt, ...) __printf(1, 2) __noreturn;

/**
 * boot_take_memory() - reserve RAM before there is an allocator
 * @size: bytes, rounded up to pages
 * @limit: the range must lie below this physical address
 *
 * The range becomes BOOT_MEMORY_KERNEL in boot_info and is zeroed.
 *
 * Context: boot CPU, before the INIT_MEMORY initcalls.
 * Return: physical address, or 0 if there is none.
 */
paddr_t boot_take_memory(size_t size, paddr_t limit);

/**
 * arch_setup() - the architecture's part of boot after the loader's data were
 * read: CPUs counted, per-CPU areas made. Called once by kernel_main().
 */
void arch_setup(void);

/**
 * kernel_main() - the portable kernel begins here (kernel/main.c)
 *
 * Context: boot CPU, boot stack, interrupts off, traps handled.
 */
void kernel_main(void) __noreturn;

/**
 * pci_ecam() - memory-mapped PCI configuration space, from ACPI's MCFG
 * @index: 0, 1, ... until this returns false
 * @base: physical address of bus 0 of the segment
 * @segment: PCI segment number
 * @first_bus: first bus covered
 * @last_bus: last bus covered
 *
 * Return: false when there is no such entry.
 */
bool pci_ecam(unsigned int index, paddr_t *base, u16 *segment, u8 *first_bus,
	      u8 *last_bus);
