/* SPDX-License-Identifier: MIT */
/*
 * asm/trampoline.h - start one CPU
 *
 * Not part of the contract: smp/boot.c and tests call it. One at a time.
 */
#pragma once

#include <lib/types.h>

/**
 * struct trampoline_call - what the started CPU does
 * @entry: runs with interrupts off, without per-CPU area, IDT or TSS; never
 *         returns
 * @arg: for @entry
 * @stack_top: highest address of its stack, 16-byte aligned
 */
struct trampoline_call {
	void (*entry)(unsigned long arg);
	unsigned long arg;
	void *stack_top;
};

/**
 * trampoline_map() - fill the page and map it at its own address
 *
 * Context: thread context.
 * Return: 0, -ENOMEM (no page below 1 MiB, the root table above 4 GiB, no
 *         tables), -EBUSY (mapped already).
 */
int trampoline_map(void);

/* Take the mapping away; no CPU may be between its ticket and its entry. */
void trampoline_unmap(void);

/**
 * trampoline_start_cpu() - send a CPU to a function
 * @apic_id: which CPU; it must not run
 * @call: the function
 * @patience_ns: how long the CPU may take to come; with 0 it comes late
 *
 * Context: the page is mapped; takes 10 ms and more.
 * Return: true: the CPU has come and will reach @call->entry. False: it has not
 *         and never will.
 */
bool trampoline_start_cpu(u32 apic_id, const struct trampoline_call *call,
			  u64 patience_ns);

/*
 * The steps of it, for tests. trampoline_close() returns true if the CPU had
 * not come; trampoline_send() sends INIT and STARTUP.
 */
void trampoline_open(u32 apic_id, const struct trampoline_call *call);
void trampoline_send(u32 apic_id);
bool trampoline_close(u32 apic_id);

/* How many CPUs came without a ticket since the page was filled. */
unsigned int trampoline_refused(void);
