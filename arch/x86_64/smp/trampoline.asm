; SPDX-License-Identifier: MIT
;
; trampoline.asm - the first instructions of a CPU that is being started
;
; A started CPU runs in 16-bit real mode at a page below 1 MiB that the start
; message names. These bytes are copied there; only addresses relative to the
; page are used, and smp/trampoline.c fills in the few words at the end.
;
; First of all it takes the ticket, which must hold its own APIC id: a CPU that
; was given up, or comes in the time of another one, stops here, in real mode,
; where the page needs no mapping. Why: smp/trampoline.c.
;
; It goes straight from real mode to long mode (PE and PG are set at once),
; with the kernel's own page tables: the page is mapped at its own address,
; executable and not writable, for just as long as CPUs start.

CR0_PE		equ 1 << 0
CR0_WP		equ 1 << 16
CR0_PG		equ 1 << 31
CR4_PAE		equ 1 << 5
MSR_EFER	equ 0xc0000080
EFER_LME	equ 1 << 8
EFER_NXE	equ 1 << 11
NO_TICKET	equ 0xffffffff

global trampoline_start, trampoline_end
global trampoline_pgd, trampoline_entry, trampoline_stack, trampoline_arg
global trampoline_base, trampoline_ticket, trampoline_id_leaf
global trampoline_refused_count

section .rodata
align 16
bits 16

%define REL(label) (label - trampoline_start)

trampoline_start:
	cli
	cld
	mov	ax, cs
	mov	ds, ax			; data relative to this page

	mov	eax, [REL(trampoline_id_leaf)]
	xor	ecx, ecx
	cpuid
	cmp	dword [REL(trampoline_id_leaf)], 1
	jne	.id_in_edx
	mov	edx, ebx		; leaf 1 has it in the top byte of ebx
	shr	edx, 24
.id_in_edx:
	mov	eax, edx
	mov	ecx, NO_TICKET
	lock cmpxchg [REL(trampoline_ticket)], ecx
	je	.may_come
	lock inc dword [REL(trampoline_refused_count)]
.refused:
	hlt
	jmp	.refused

.may_come:
	mov	eax, CR4_PAE
	mov	cr4, eax
	mov	eax, [REL(trampoline_pgd)]
	mov	cr3, eax
	mov	ecx, MSR_EFER
	xor	edx, edx
	mov	eax, EFER_LME | EFER_NXE
	wrmsr
	lgdt	[REL(gdt_pointer)]
	mov	eax, CR0_PE | CR0_WP | CR0_PG
	mov	cr0, eax
	jmp	far dword [REL(long_mode)]

align 8
bits 64
in_long_mode:
	mov	ax, 0x10
	mov	ss, ax
	xor	eax, eax
	mov	ds, ax
	mov	es, ax
	mov	fs, ax
	mov	gs, ax
	lea	rbx, [rel trampoline_start]
	mov	rsp, [rbx + REL(trampoline_stack)]
	mov	rdi, [rbx + REL(trampoline_arg)]
	xor	ebp, ebp
	push	rbp			; a return address where backtraces end
	jmp	[rbx + REL(trampoline_entry)]

align 8
gdt:
	dq	0
	dq	0x00af9b000000ffff	; 0x08: code, 64 bit; accessed already,
	dq	0x00cf93000000ffff	; 0x10: data; for the page is read-only
gdt_end:
gdt_pointer:
	dw	gdt_end - gdt - 1
trampoline_base:
	dd	gdt - trampoline_start	; + the page's address
long_mode:
	dd	in_long_mode - trampoline_start ; + the page's address
	dw	0x08
align 8
trampoline_pgd:		dq 0
trampoline_entry:	dq 0
trampoline_stack:	dq 0
trampoline_arg:		dq 0
trampoline_ticket:	dd NO_TICKET
trampoline_id_leaf:	dd 1
trampoline_refused_count: dd 0
trampoline_end:
