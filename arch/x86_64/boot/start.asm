; SPDX-License-Identifier: MIT
;
; start.asm - from the loader's 32-bit mode to C at the top of the address space
;
; Problem.  The loader enters us in protected mode, paging off, at the
; physical address we were linked for in .boot. Everything else is linked at
; KERNEL_VMA, 2 GiB below the top, and cannot run before paging maps it there.
;
; Idea.  One set of tables of 2 MiB pages shows the first 4 GiB of physical
; memory three times:
;
;	0				identity, so that the next instruction is
;					still there when paging comes on
;	PAGE_OFFSET 0xffff800000000000	the direct map
;	KERNEL_VMA  0xffffffff80000000	the image (first 1 GiB only)
;
; They are writable and executable; mm/alloc/kernel_map.c replaces them, and drops
; the identity part, before any other CPU starts.
;
; Control registers are written whole: a loader may leave on what changes how
; these tables are read (CR4.LA57: five levels), or leave the caches off.
;
; A machine that cannot go on (wrong loader, no long mode, no NX) is told so
; here, by hand, on the first serial port and on the text screen.

KERNEL_VMA	equ 0xffffffff80000000
MB2_MAGIC	equ 0x36d76289
BOOT_STACK_SIZE	equ 4 * 4096
DEBUG_EXIT_PORT	equ 0xf4
EXIT_PANIC	equ 18
COM1		equ 0x3f8

PTE_P		equ 1 << 0
PTE_RW		equ 1 << 1
PTE_PS		equ 1 << 7

CR0_PE		equ 1 << 0
CR0_MP		equ 1 << 1
CR0_NE		equ 1 << 5
CR0_WP		equ 1 << 16
CR0_PG		equ 1 << 31
CR4_PAE		equ 1 << 5
MSR_EFER	equ 0xc0000080
EFER_LME	equ 1 << 8
EFER_NXE	equ 1 << 11
EFLAGS_ID	equ 1 << 21
CPUID_LM	equ 1 << 29
CPUID_NX	equ 1 << 20

extern boot_main
global _start
global boot_stack_guard, boot_stack

section .boot.text progbits alloc exec nowrite align=16
bits 32

_start:
	cli
	cld
	mov	esp, early_stack_top
	mov	edi, eax		; what says it loaded us
	mov	esi, ebx		; physical address of its information

	mov	ebp, msg_loader
	cmp	edi, MB2_MAGIC
	jne	refuse

	; CPUID exists if the ID flag can be changed
	mov	ebp, msg_long_mode
	pushfd
	pop	eax
	mov	ecx, eax
	xor	eax, EFLAGS_ID
	push	eax
	popfd
	pushfd
	pop	eax
	xor	eax, ecx
	jz	refuse

	mov	eax, 0x80000000
	cpuid
	cmp	eax, 0x80000001
	jb	refuse
	mov	eax, 0x80000001
	cpuid
	test	edx, CPUID_LM
	jz	refuse
	mov	ebp, msg_nx
	test	edx, CPUID_NX
	jz	refuse

	; 2048 pages of 2 MiB in four adjoining directories
	mov	eax, PTE_P | PTE_RW | PTE_PS
	mov	ebx, early_pd
	xor	edx, edx
	mov	ecx, 4 * 512
.fill:
	mov	[ebx], eax
	mov	[ebx + 4], edx
	add	ebx, 8
	add	eax, 1 << 21
	adc	edx, 0
	loop	.fill

	mov	eax, early_pd + PTE_P + PTE_RW
	mov	[early_pdpt_image + 510 * 8], eax
	mov	ebx, early_pdpt
	mov	ecx, 4
.directories:
	mov	[ebx], eax
	add	ebx, 8
	add	eax, 4096
	loop	.directories

	mov	eax, early_pdpt + PTE_P + PTE_RW
	mov	[early_pml4], eax
	mov	[early_pml4 + 256 * 8], eax
	mov	eax, early_pdpt_image + PTE_P + PTE_RW
	mov	[early_pml4 + 511 * 8], eax

	mov	eax, early_pml4
	mov	cr3, eax
	mov	eax, CR4_PAE
	mov	cr4, eax
	mov	ecx, MSR_EFER
	xor	edx, edx
	mov	eax, EFER_LME | EFER_NXE
	wrmsr
	mov	eax, CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_PE
	mov	cr0, eax

	lgdt	[early_gdt_pointer]
	jmp	0x08:start64

; ebp: text. Shows it on COM1 and at the top of a text screen, then stops.
refuse:
	mov	dx, COM1 + 1
	xor	al, al
	out	dx, al			; no interrupts
	mov	dx, COM1 + 3
	mov	al, 0x80
	out	dx, al			; divisor access
	mov	dx, COM1
	mov	al, 1
	out	dx, al			; 115200
	inc	dx
	xor	al, al
	out	dx, al
	mov	dx, COM1 + 3
	mov	al, 0x03
	out	dx, al			; 8 bits, no parity, one stop

	mov	edi, 0xb8000
.next:
	movzx	ebx, byte [ebp]
	inc	ebp
	test	ebx, ebx
	jz	.stop
	cmp	bl, 10
	je	.serial
	mov	bh, 0x4f		; white on red
	mov	[edi], bx
	add	edi, 2
.serial:
	mov	ecx, 100000		; a port that is not there never empties
.wait:
	mov	dx, COM1 + 5
	in	al, dx
	test	al, 0x20
	loopz	.wait
	mov	dx, COM1
	mov	al, bl
	out	dx, al
	jmp	.next
.stop:
	mov	al, EXIT_PANIC
	out	DEBUG_EXIT_PORT, al
	cli
.halt:
	hlt
	jmp	.halt

bits 64
start64:
	mov	ax, 0x10
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	xor	eax, eax
	mov	fs, ax
	mov	gs, ax
	mov	rax, start_high
	jmp	rax

section .boot.data progbits alloc noexec write align=16

align 8
early_gdt:
	dq	0
	dq	0x00af9b000000ffff	; 0x08: code, 64 bit
	dq	0x00cf93000000ffff	; 0x10: data
early_gdt_end:
early_gdt_pointer:
	dw	early_gdt_end - early_gdt - 1
	dq	early_gdt

msg_loader:
	db	10, "concord: refused: not started by a multiboot2 loader", 10, 0
msg_long_mode:
	db	10, "concord: refused: this CPU has no 64-bit long mode", 10, 0
msg_nx:
	db	10, "concord: refused: this CPU has no NX "
	db	"(no-execute) page protection", 10, 0

section .boot.bss nobits alloc noexec write align=4096

early_pml4:		resb 4096
early_pdpt:		resb 4096
early_pdpt_image:	resb 4096
early_pd:		resb 4 * 4096
early_stack:		resb 256
early_stack_top:

section .text

; edi: the loader's magic, esi: physical address of its information
start_high:
	mov	rsp, boot_stack + BOOT_STACK_SIZE
	xor	ebp, ebp		; the end of every backtrace
	push	rbp
	push	rbp
	mov	rbp, rsp
	mov	edi, esi		; upper half cleared by the 32-bit move
	call	boot_main
.never:
	cli
	hlt
	jmp	.never

; The boot CPU's first stack. The page below is left out of the final tables.
section .bss nobits alloc noexec write align=4096

boot_stack_guard:	resb 4096
boot_stack:		resb BOOT_STACK_SIZE
