; SPDX-License-Identifier: MIT
;
; header.asm - what a multiboot2 loader reads before it loads us
;
; We ask for the memory map (without it the loader must refuse), and take
; whatever screen there is: a text screen is as good as a framebuffer, so
; neither request is mandatory.

MAGIC		equ 0xe85250d6
ARCH_I386	equ 0		; entered in 32-bit protected mode
OPTIONAL	equ 1

TAG_END		equ 0
TAG_INFO	equ 1
TAG_CONSOLE	equ 4
TAG_FRAMEBUFFER	equ 5
TAG_MODALIGN	equ 6

WANT_CMDLINE	equ 1
WANT_MEMORY	equ 6

section .multiboot2 alloc noexec nowrite align=8

header:
	dd	MAGIC
	dd	ARCH_I386
	dd	header_end - header
	dd	0x100000000 - (MAGIC + ARCH_I386 + (header_end - header))

align 8
	dw	TAG_INFO, 0
	dd	16
	dd	WANT_CMDLINE, WANT_MEMORY
align 8
	dw	TAG_CONSOLE, OPTIONAL
	dd	12
	dd	2		; EGA text is supported, no console required
align 8
	dw	TAG_FRAMEBUFFER, OPTIONAL
	dd	20
	dd	1024, 768, 32
align 8
	dw	TAG_MODALIGN, OPTIONAL
	dd	8
align 8
	dw	TAG_END, 0
	dd	8
header_end:
