/* SPDX-License-Identifier: MIT */
/*
 * asm/io.h - the x86 instructions behind arch/io.h
 */
#pragma once

#include <lib/types.h>
#include <lib/compiler.h>

static inline u8 inb(u16 port)
{
	u8 v;

	asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline u16 inw(u16 port)
{
	u16 v;

	asm volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline u32 inl(u16 port)
{
	u32 v;

	asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline void outb(u16 port, u8 v)
{
	asm volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outw(u16 port, u16 v)
{
	asm volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outl(u16 port, u32 v)
{
	asm volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline u8 readb(const volatile void __iomem *p)
{
	u8 v;

	asm volatile("movb %1, %0"
		     : "=q"(v)
		     : "m"(*(const volatile u8 __force *)p)
		     : "memory");
	return v;
}

static inline u16 readw(const volatile void __iomem *p)
{
	u16 v;

	asm volatile("movw %1, %0"
		     : "=r"(v)
		     : "m"(*(const volatile u16 __force *)p)
		     : "memory");
	return v;
}

static inline u32 readl(const volatile void __iomem *p)
{
	u32 v;

	asm volatile("movl %1, %0"
		     : "=r"(v)
		     : "m"(*(const volatile u32 __force *)p)
		     : "memory");
	return v;
}

static inline u64 readq(const volatile void __iomem *p)
{
	u64 v;

	asm volatile("movq %1, %0"
		     : "=r"(v)
		     : "m"(*(const volatile u64 __force *)p)
		     : "memory");
	return v;
}

static inline void writeb(u8 v, volatile void __iomem *p)
{
	asm volatile("movb %0, %1"
		     :
		     : "q"(v), "m"(*(volatile u8 __force *)p)
		     : "memory");
}

static inline void writew(u16 v, volatile void __iomem *p)
{
	asm volatile("movw %0, %1"
		     :
		     : "r"(v), "m"(*(volatile u16 __force *)p)
		     : "memory");
}

static inline void writel(u32 v, volatile void __iomem *p)
{
	asm volatile("movl %0, %1"
		     :
		     : "r"(v), "m"(*(volatile u32 __force *)p)
		     : "memory");
}

static inline void writeq(u64 v, volatile void __iomem *p)
{
	asm volatile("movq %0, %1"
		     :
		     : "r"(v), "m"(*(volatile u64 __force *)p)
		     : "memory");
}
