; SPDX-License-Identifier: MIT
;
; switch.asm - leave one kernel stack and go on from another
;
; Only what the C calling convention preserves is saved; the caller's compiler
; has dealt with the rest. The frame built here must match struct switch_frame
; in task.c.

global arch_task_switch, arch_task_start

section .text

; rdi: struct arch_task *prev, rsi: struct arch_task *next
align 16
arch_task_switch:
	push	rbp
	push	rbx
	push	r12
	push	r13
	push	r14
	push	r15
	mov	[rdi], rsp
	mov	rsp, [rsi]
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbx
	pop	rbp
	ret

; The first switch to a new task returns here: r12 is its function, r13 the
; argument. rbp is 0: backtraces end here.
align 16
arch_task_start:
	mov	rdi, r13
	call	r12
	ud2
