/* SPDX-License-Identifier: MIT */
/*
 * arch/stacktrace.h - who called whom, by frame pointers
 */
#pragma once

#include <lib/types.h>

struct trap_regs;

/**
 * stack_trace_save() - return addresses of the caller's stack
 * @entries: filled, innermost first
 * @max: room in @entries
 * @skip: innermost frames to leave out; 0 begins with the caller
 *
 * Context: any, NMI too: never faults.
 * Return: entries filled.
 */
unsigned int stack_trace_save(unsigned long *entries, unsigned int max,
			      unsigned int skip);

/**
 * stack_trace_from() - return addresses of a task that does not run
 * @sp: its saved stack pointer (struct arch_task)
 * @entries: filled, innermost first
 * @max: room
 *
 * Return: entries filled.
 */
unsigned int stack_trace_from(unsigned long sp, unsigned long *entries,
			      unsigned int max);

/**
 * stack_trace_regs() - addresses of a stack that was trapped
 * @regs: where; its instruction pointer is the first entry, its stack pointer
 *        says in which stack frames may lie
 * @entries: filled, innermost first
 * @max: room
 *
 * Context: any, NMI too: never faults.
 * Return: entries filled.
 */
unsigned int stack_trace_regs(const struct trap_regs *regs,
			      unsigned long *entries, unsigned int max);

/**
 * stack_trace_print() - print a symbolised stack on the raw console
 * @regs: where it was trapped, or NULL for the caller's own stack
 *
 * Context: any, NMI too.
 */
void stack_trace_print(const struct trap_regs *regs);

/**
 * dump_regs() - print registers on the raw console
 * @regs: what to print
 *
 * Context: any, NMI too.
 */
void dump_regs(const struct trap_regs *regs);
