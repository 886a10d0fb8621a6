/* SPDX-License-Identifier: MIT */
/*
 * arch/trap.h - what the CPU was doing when a trap or interrupt came
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>

#include <asm/trap.h>

/* Bits of a page fault's error code */
#define PF_PRESENT 1u  /* the entry was there and forbade the access */
#define PF_WRITE   2u  /* a write */
#define PF_USER    4u  /* from user mode */
#define PF_RSVD    8u  /* a reserved bit was set in an entry */
#define PF_INSTR   16u /* an instruction fetch */

/**
 * fixup_exception() - continue at the landing that an extable entry names
 * @regs: the trapped state; the instruction pointer is changed on success
 *
 * Context: trap. In an NMI handler an entry is no excuse: it panics.
 * Return: true if the trapping instruction has an entry.
 */
bool fixup_exception(struct trap_regs *regs);
