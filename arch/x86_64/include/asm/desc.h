/* SPDX-License-Identifier: MIT */
/*
 * asm/desc.h - segment, task-state and interrupt descriptors
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>

#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_DATA   0x18
#define SEL_USER_CODE   0x20
#define SEL_TSS         0x28
#define GDT_ENTRIES     7

/* Stacks of their own, for traps that must not trust the current one */
enum ist_index {
	IST_DOUBLE_FAULT,
	IST_NMI,
	IST_MACHINE_CHECK,
	IST_COUNT,
};

struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7]; /* ist[n] is what a gate calls n + 1 */
	u64 reserved2;
	u16 reserved3;
	u16 iomap_base;
} __packed;
static_assert(sizeof(struct tss) == 104, "the CPU's layout");

struct cpu_descriptors {
	u64 gdt[GDT_ENTRIES];
	struct tss tss;
};

/* operand of lgdt and lidt */
struct table_pointer {
	u16 limit;
	u64 base;
} __packed;

struct idt_gate {
	u16 offset_low;
	u16 selector;
	u8 ist;  /* 0 none, else 1 + enum ist_index */
	u8 type; /* 0x8e: present, interrupt gate */
	u16 offset_mid;
	u32 offset_high;
	u32 reserved;
};
static_assert(sizeof(struct idt_gate) == 16, "the CPU's layout");
