/* SPDX-License-Identifier: MIT */
/*
 * asm/uaccess.h - user memory on x86_64: stac/clac and the exception table
 *
 * stac and clac are undefined without SMAP, hence the test.  The fault handler
 * restores the interrupted RFLAGS, so the code at a landing runs with the guard
 * still open and closes it like the good path does (asm/trap.h has the table).
 */
#ifndef ASM_UACCESS_H
#define ASM_UACCESS_H

#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <arch/upcall.h>
#include <asm/cpu.h>
#include <asm/paging.h>
#include <asm/trap.h>

static __always_inline void user_access_begin(void)
{
	upcall_might_fault();
	if (cpu_has(X86_FEATURE_SMAP))
		asm volatile("stac" : : : "memory", "cc");
}

static __always_inline void user_access_end(void)
{
	if (cpu_has(X86_FEATURE_SMAP))
		asm volatile("clac" : : : "memory", "cc");
}

static __always_inline bool access_ok(const volatile void __user *ptr, size_t n)
{
	uintptr_t start = (uintptr_t)ptr;

	return n <= USER_END && start <= USER_END - n;
}

size_t __must_check copy_from_user(void *to, const void __user *from, size_t n);
size_t __must_check copy_to_user(void __user *to, const void *from, size_t n);
size_t __must_check clear_user(void __user *to, size_t n);

#define UACCESS_LOAD(suffix, value, ptr, err)             \
	asm volatile("1: mov" suffix " %2, %1\n"          \
		     "2:\n"                               \
		     ".pushsection .text.fixup, \"ax\"\n" \
		     "3: movl %3, %0\n"                   \
		     " xorl %k1, %k1\n"                   \
		     " jmp 2b\n"                          \
		     ".popsection\n" _EXTABLE(1b, 3b)     \
		     : "+r"(err), "=&r"(value)            \
		     : "m"(*(ptr)), "i"(-EFAULT)          \
		     : "memory")

#define UACCESS_STORE(suffix, value, ptr, err)               \
	asm volatile("1: mov" suffix " %1, %2\n"             \
		     "2:\n"                                  \
		     ".pushsection .text.fixup, \"ax\"\n"    \
		     "3: movl %3, %0\n"                      \
		     " jmp 2b\n"                             \
		     ".popsection\n" _EXTABLE(1b, 3b)        \
		     : "+r"(err)                             \
		     : "r"(value), "m"(*(ptr)), "i"(-EFAULT) \
		     : "memory")

static __always_inline int user_load8(const u8 __user *ptr, u8 *value)
{
	int err = 0;
	u8 got;

	if (unlikely(!access_ok(ptr, sizeof(*ptr)))) {
		*value = 0;
		return -EFAULT;
	}
	user_access_begin();
	UACCESS_LOAD("b", got, ptr, err);
	user_access_end();
	*value = got;
	return err;
}

static __always_inline int user_load16(const u16 __user *ptr, u16 *value)
{
	int err = 0;
	u16 got;

	if (unlikely(!access_ok(ptr, sizeof(*ptr)))) {
		*value = 0;
		return -EFAULT;
	}
	user_access_begin();
	UACCESS_LOAD("w", got, ptr, err);
	user_access_end();
	*value = got;
	return err;
}

static __always_inline int user_load32(const u32 __user *ptr, u32 *value)
{
	int err = 0;
	u32 got;

	if (unlikely(!access_ok(ptr, sizeof(*ptr)))) {
		*value = 0;
		return -EFAULT;
	}
	user_access_begin();
	UACCESS_LOAD("l", got, ptr, err);
	user_access_end();
	*value = got;
	return err;
}

static __always_inline int user_load64(const u64 __user *ptr, u64 *value)
{
	int err = 0;
	u64 got;

	if (unlikely(!access_ok(ptr, sizeof(*ptr)))) {
		*value = 0;
		return -EFAULT;
	}
	user_access_begin();
	UACCESS_LOAD("q", got, ptr, err);
	user_access_end();
	*value = got;
	return err;
}

static __always_inline int user_store8(u8 __user *ptr, u8 value)
{
	int err = 0;

	if (unlikely(!access_ok(ptr, sizeof(*ptr))))
		return -EFAULT;
	user_access_begin();
	UACCESS_STORE("b", value, ptr, err);
	user_access_end();
	return err;
}

static __always_inline int user_store16(u16 __user *ptr, u16 value)
{
	int err = 0;

	if (unlikely(!access_ok(ptr, sizeof(*ptr))))
		return -EFAULT;
	user_access_begin();
	UACCESS_STORE("w", value, ptr, err);
	user_access_end();
	return err;
}

static __always_inline int user_store32(u32 __user *ptr, u32 value)
{
	int err = 0;

	if (unlikely(!access_ok(ptr, sizeof(*ptr))))
		return -EFAULT;
	user_access_begin();
	UACCESS_STORE("l", value, ptr, err);
	user_access_end();
	return err;
}

static __always_inline int user_store64(u64 __user *ptr, u64 value)
{
	int err = 0;

	if (unlikely(!access_ok(ptr, sizeof(*ptr))))
		return -EFAULT;
	user_access_begin();
	UACCESS_STORE("q", value, ptr, err);
	user_access_end();
	return err;
}

/* get_user(x, ptr): the width is that of *ptr, which must be 1, 2, 4 or 8. */
#define get_user(x, ptr)                                                      \
	({                                                                    \
		u64 __gu_value = 0;                                           \
		int __gu_err =                                                \
			__get_user_sized(&__gu_value, (ptr), sizeof(*(ptr))); \
		(x) = (__typeof__(*(ptr)))__gu_value;                         \
		__gu_err;                                                     \
	})

/* put_user(x, ptr): likewise. */
#define put_user(x, ptr) \
	__put_user_sized((u64)(__typeof__(*(ptr)))(x), (ptr), sizeof(*(ptr)))

static __always_inline int
__get_user_sized(u64 *value, const volatile void __user *ptr, size_t size)
{
	u8 v8 = 0;
	u16 v16 = 0;
	u32 v32 = 0;
	int err;

	switch (size) {
	case 1:
		err = user_load8((const u8 __user *)ptr, &v8);
		*value = v8;
		return err;
	case 2:
		err = user_load16((const u16 __user *)ptr, &v16);
		*value = v16;
		return err;
	case 4:
		err = user_load32((const u32 __user *)ptr, &v32);
		*value = v32;
		return err;
	default:
		return user_load64((const u64 __user *)ptr, value);
	}
}

static __always_inline int __put_user_sized(u64 value, volatile void __user *ptr,
					    size_t size)
{
	switch (size) {
	case 1:
		return user_store8((u8 __user *)ptr, value & 0xff);
	case 2:
		return user_store16((u16 __user *)ptr, value & 0xffff);
	case 4:
		return user_store32((u32 __user *)ptr, value & 0xffffffff);
	default:
		return user_store64((u64 __user *)ptr, value);
	}
}

/* Inside user_access_begin/end and after access_ok. */
static __always_inline int unsafe_user_xadd64(u64 __user *ptr, u64 add, u64 *old)
{
	int err = 0;

	asm volatile("1: lock xaddq %1, %2\n"
		     "2:\n"
		     ".pushsection .text.fixup, \"ax\"\n"
		     "3: movl %3, %0\n"
		     " jmp 2b\n"
		     ".popsection\n" _EXTABLE(1b, 3b)
		     : "+r"(err), "+r"(add), "+m"(*ptr)
		     : "i"(-EFAULT)
		     : "memory", "cc");
	if (likely(!err))
		*old = add;
	return err;
}

static __always_inline int user_xadd64(u64 __user *ptr, u64 add, u64 *old)
{
	int err;

	if (unlikely(!access_ok(ptr, sizeof(*ptr))))
		return -EFAULT;
	user_access_begin();
	err = unsafe_user_xadd64(ptr, add, old);
	user_access_end();
	return err;
}

/* *was is what the word held; the exchange happened when it equals @old. */
static __always_inline int user_cmpxchg64(u64 __user *ptr, u64 old, u64 new,
					  u64 *was)
{
	int err = 0;

	if (unlikely(!access_ok(ptr, sizeof(*ptr))))
		return -EFAULT;
	user_access_begin();
	asm volatile("1: lock cmpxchgq %4, %2\n"
		     "2:\n"
		     ".pushsection .text.fixup, \"ax\"\n"
		     "3: movl %3, %0\n"
		     " jmp 2b\n"
		     ".popsection\n" _EXTABLE(1b, 3b)
		     : "+r"(err), "+a"(old), "+m"(*ptr)
		     : "i"(-EFAULT), "r"(new)
		     : "memory", "cc");
	user_access_end();
	if (likely(!err))
		*was = old;
	return err;
}

/* The operand's register and the word have the width of @value. */
#define UACCESS_XADD(suffix, value, ptr, err)               \
	asm volatile("1: lock xadd" suffix " %1, %2\n"      \
		     "2:\n"                                 \
		     ".pushsection .text.fixup, \"ax\"\n"   \
		     "3: movl %3, %0\n"                     \
		     " jmp 2b\n"                            \
		     ".popsection\n" _EXTABLE(1b, 3b)       \
		     : "+r"(err), "+r"(value), "+m"(*(ptr)) \
		     : "i"(-EFAULT)                         \
		     : "memory", "cc")

#define UACCESS_CMPXCHG(suffix, value, new_, ptr, err)      \
	asm volatile("1: lock cmpxchg" suffix " %4, %2\n"   \
		     "2:\n"                                 \
		     ".pushsection .text.fixup, \"ax\"\n"   \
		     "3: movl %3, %0\n"                     \
		     " jmp 2b\n"                            \
		     ".popsection\n" _EXTABLE(1b, 3b)       \
		     : "+r"(err), "+a"(value), "+m"(*(ptr)) \
		     : "i"(-EFAULT), "r"(new_)              \
		     : "memory", "cc")

/*
 * The two below for a word of @width bytes: 1, 2, 4 or 8.  *old is what the
 * word held, without sign; the bytes beside the word stay as they are.
 */
static inline int user_xadd(void __user *ptr, unsigned int width, u64 add,
			    u64 *old)
{
	u32 v32 = (u32)add;
	u16 v16 = (u16)add;
	u8 v8 = (u8)add;
	int err = 0;

	if (unlikely(!access_ok(ptr, width)))
		return -EFAULT;
	user_access_begin();
	switch (width) {
	case 1:
		UACCESS_XADD("b", v8, (u8 __user *)ptr, err);
		add = v8;
		break;
	case 2:
		UACCESS_XADD("w", v16, (u16 __user *)ptr, err);
		add = v16;
		break;
	case 4:
		UACCESS_XADD("l", v32, (u32 __user *)ptr, err);
		add = v32;
		break;
	default:
		UACCESS_XADD("q", add, (u64 __user *)ptr, err);
		break;
	}
	user_access_end();
	if (likely(!err))
		*old = add;
	return err;
}

static inline int user_cmpxchg(void __user *ptr, unsigned int width, u64 old,
			       u64 new, u64 *was)
{
	u32 v32 = (u32)old;
	u16 v16 = (u16)old;
	u8 v8 = (u8)old;
	int err = 0;

	if (unlikely(!access_ok(ptr, width)))
		return -EFAULT;
	user_access_begin();
	switch (width) {
	case 1:
		UACCESS_CMPXCHG("b", v8, (u8) new, (u8 __user *)ptr, err);
		old = v8;
		break;
	case 2:
		UACCESS_CMPXCHG("w", v16, (u16) new, (u16 __user *)ptr, err);
		old = v16;
		break;
	case 4:
		UACCESS_CMPXCHG("l", v32, (u32) new, (u32 __user *)ptr, err);
		old = v32;
		break;
	default:
		UACCESS_CMPXCHG("q", old, new, (u64 __user *)ptr, err);
		break;
	}
	user_access_end();
	if (likely(!err))
		*was = old;
	return err;
}

#endif
