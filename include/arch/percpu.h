/* SPDX-License-Identifier: MIT */
/*
 * arch/percpu.h - how a CPU reaches its own copy of a per-CPU variable
 *
 * A per-CPU variable is linked once, in section .percpu, as a template. Each
 * CPU has a copy; the distance from the template to the copy is the CPU's
 * offset. The architecture makes "template address + my offset" one operand
 * of one instruction, so that this_cpu_inc() cannot be torn by an interrupt
 * or by a move to another CPU.
 *
 * The architecture gives, for a variable @var of 1, 2, 4 or 8 bytes:
 *
 *	this_cpu_read(var)		one load
 *	this_cpu_read_stable(var)	the same, but the compiler may reuse an
 *					earlier load (for `current`)
 *	this_cpu_write(var, val)	one store
 *	this_cpu_add(var, val), this_cpu_sub(), this_cpu_inc(),
 *	this_cpu_dec(), this_cpu_or(), this_cpu_and()
 *	this_cpu_dec_is_zero(var)	decrement, true if it became 0
 *	this_cpu_fetch_add(var, val)	add, return the value before
 *	this_cpu_offset()		this CPU's offset
 *	percpu_offset[cpu]		any CPU's offset, valid for every possible
 *					CPU before the first initcall
 *
 * The copies of all possible CPUs exist before the first initcall runs.
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>

extern unsigned long percpu_offset[];
extern char __percpu_start[], __percpu_end[]; /* the template */

#include <asm/percpu.h>
