// SPDX-License-Identifier: MIT
/*
 * arch/x86_64/uaccess.c - copy to and from user memory
 *
 * A copy may fault at any byte, and the caller wants to know how many are
 * missing, to the byte.  `rep movs` keeps its count in RCX, exact at a fault.
 * When a word faults, its first bytes may still be good: what is left is tried
 * again as bytes, and the byte that faults then is the one.
 *
 *	rep movsq	rcx words left	fault: rcx * 8 + odd bytes are left,
 *					go on with
 *	rep movsb	rcx bytes left	fault: rcx bytes are missing
 *
 * The direction flag is clear in the kernel.  Locks: none; the fault takes
 * mmap_lock of current->mm, of which user_access_begin() tells the validator.
 * Not here: single words (asm/uaccess.h, inline).
 */
#include <arch/uaccess.h>
#include <lib/kasan_check.h>

static size_t user_copy(void *to, const void *from, size_t n)
{
	size_t left = n / 8;
	size_t odd = n % 8;

	user_access_begin();
	asm volatile("1: rep movsq\n"
		     "   movq %[odd], %[left]\n"
		     "2: rep movsb\n"
		     "3:\n"
		     ".pushsection .text.fixup, \"ax\"\n"
		     "4: leaq (%[odd], %[left], 8), %[left]\n"
		     "   jmp 2b\n"
		     ".popsection\n" _EXTABLE(1b, 4b) _EXTABLE(2b, 3b)
		     : [left] "+c"(left), "+D"(to), "+S"(from)
		     : [odd] "r"(odd)
		     : "memory");
	user_access_end();
	return left;
}

size_t copy_from_user(void *to, const void __user *from, size_t n)
{
	if (unlikely(!access_ok(from, n)))
		return n;
	kasan_check_write(to, n);
	return user_copy(to, (const void __force *)from, n);
}

size_t copy_to_user(void __user *to, const void *from, size_t n)
{
	if (unlikely(!access_ok(to, n)))
		return n;
	kasan_check_read(from, n);
	return user_copy((void __force *)to, from, n);
}

size_t clear_user(void __user *to, size_t n)
{
	size_t left = n;

	if (unlikely(!access_ok(to, n)))
		return n;
	user_access_begin();
	asm volatile("1: rep stosb\n"
		     "2:\n" _EXTABLE(1b, 2b)
		     : "+c"(left), "+D"(to)
		     : "a"(0)
		     : "memory");
	user_access_end();
	return left;
}
