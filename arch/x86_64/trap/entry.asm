; SPDX-License-Identifier: MIT
;
; entry.asm - where every trap and interrupt enters, and leaves
;
; The CPU pushes ss, rsp, rflags, cs, rip and for some vectors an error code.
; An entry for each vector evens that out (a zero where there is no code, then
; the vector), the common part pushes the registers, so that the stack holds a
; struct trap_regs, and calls C with its address. Above it two more words look
; like a function's frame - the interrupted rip and rbp - so that a backtrace
; steps from the handler into the code that was interrupted.
;
; There is no user mode: GS is always the kernel's, nothing is swapped. AC is
; cleared, because the interrupted code may have been copying to user memory;
; the three bytes at trap_clac_* are no-ops until cpu_setup() finds SMAP.
;
; Page faults have an entry of their own: they are the hot path.

PF_VECTOR	equ 14
REGS_RBP	equ 8 * 8
REGS_RIP	equ 17 * 8

extern trap_exception, trap_page_fault, trap_interrupt
global trap_stubs, trap_clac_sites, trap_clac_sites_end

%macro ENTER 1				; handler
	push	rax
	push	rbx
	push	rcx
	push	rdx
	push	rsi
	push	rdi
	push	rbp
	push	r8
	push	r9
	push	r10
	push	r11
	push	r12
	push	r13
	push	r14
	push	r15
%%clac:
	nop	dword [rax]		; becomes clac
	cld
	mov	rdi, rsp
	push	qword [rsp + REGS_RIP]
	push	rbp
	mov	rbp, rsp
	call	%1
	add	rsp, 16
	jmp	leave_trap
section .rodata
	dq	%%clac
section .text
%endmacro

section .rodata
align 8
trap_clac_sites:

section .text
align 16
leave_trap:
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	r11
	pop	r10
	pop	r9
	pop	r8
	pop	rbp
	pop	rdi
	pop	rsi
	pop	rdx
	pop	rcx
	pop	rbx
	pop	rax
	add	rsp, 16			; vector, error
	iretq

align 16
enter_page_fault:
	ENTER	trap_page_fault
align 16
enter_exception:
	ENTER	trap_exception
align 16
enter_interrupt:
	ENTER	trap_interrupt

section .rodata
trap_clac_sites_end:

; Vectors whose error code the CPU pushes
%define HAS_ERROR(v) ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17 || \
	(v) == 21 || (v) == 29 || (v) == 30)

section .text
%assign v 0
%rep 256
align 16
stub_ %+ v:
%if !HAS_ERROR(v)
	push	0
%endif
	push	v
%if v == PF_VECTOR
	jmp	enter_page_fault
%elif v < 32
	jmp	enter_exception
%else
	jmp	enter_interrupt
%endif
%assign v v + 1
%endrep

section .rodata
align 8
trap_stubs:
%assign v 0
%rep 256
	dq	stub_ %+ v
%assign v v + 1
%endrep
