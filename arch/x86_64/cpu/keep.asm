; SPDX-License-Identifier: MIT
;
; keep.asm - call a function and give every register back but rax
;
; rax is the function, rdi its argument if it takes one. Called from the middle
; of functions whose compiler does not know of the call (<arch/keep.h>), so the
; stack may be aligned in any way. The frame is for backtraces.

global arch_keep_registers

section .text

align 16
arch_keep_registers:
	push	rbp
	mov	rbp, rsp
	push	rcx
	push	rdx
	push	rsi
	push	rdi
	push	r8
	push	r9
	push	r10
	push	r11
	and	rsp, -16
	call	rax
	lea	rsp, [rbp - 64]
	pop	r11
	pop	r10
	pop	r9
	pop	r8
	pop	rdi
	pop	rsi
	pop	rdx
	pop	rcx
	pop	rbp
	ret
