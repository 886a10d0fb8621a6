// SPDX-License-Identifier: MIT
/*
 * tests/mm/kasan/kasan_test.c - each kind of wrong access is reported in these words
 *
 * A seeded write stores what is there already, the byte of the red zone or of the poison,
 * so that the allocators' own checks find nothing to say.
 */
#include <arch/smp.h>
#include <arch/task.h>
#include <arch/uaccess.h>
#include <kernel/ktest.h>
#include <lib/cpumask.h>
#include <lib/kasan.h>
#include <lib/kasan_check.h>
#include <lib/string.h>
#include <mm/alloc/alloc.h>
#include <mm/alloc/debug.h>
#include <mm/alloc/page_alloc.h>
#include <mm/alloc/slab.h>
#include <mm/alloc/slab_def.h>
#include <mm/alloc/vmalloc.h>
#include "tests/mm/lib/sandbox.h"

/* Not inlined, so that no compiler knows what is at the address. */
static noinline u8 load(const volatile void *base, long offset)
{
	return ((const volatile u8 *)base)[offset];
}

static noinline void store(volatile void *base, long offset, u8 byte)
{
	((volatile u8 *)base)[offset] = byte;
}

static noinline u64 load8(const volatile void *base, long offset)
{
	return *(const volatile u64 *)((const volatile u8 *)base + offset);
}

/* The same address, of which the compiler does not know where it comes from. */
static void *unknown(void *address)
{
	void *volatile hidden = address;

	return hidden;
}

static void free_object(void *object)
{
	kfree(object);
}

/* One report came since @before, and its head has both words. */
static void expect_report(struct ktest *test, unsigned int before,
			  const char *access, const char *object)
{
	EXPECT_EQ(kasan_report_count(), before + 1);
	EXPECT(kasan_last_report_says(access), "'%s'", access);
	EXPECT(kasan_last_report_says(object), "'%s'", object);
}

/*
 *	0         20  24	red zone
 *	| object  | w |
 */
KTEST(kasan, a_write_behind_an_object_is_reported, KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *object = kmalloc(20, GFP_KERNEL);

	REQUIRE(object);
	store(object, 19, 1);
	EXPECT_EQ(kasan_report_count(), before);
	store(object, 20, SLAB_RED_ZONE);
	expect_report(test, before, "write of 1 byte at",
		      "is outside of an object");
	EXPECT(kasan_last_report_says("0 bytes past the end of"));
	EXPECT(kasan_last_report_says("20 bytes, of kmalloc-32"));
	EXPECT(kasan_last_report_says("by store+"));
	kfree(object);
}

KTEST(kasan, a_read_before_an_object_is_reported, KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *object = kmalloc(32, GFP_KERNEL);

	REQUIRE(object);
	load(object, 0);
	EXPECT_EQ(kasan_report_count(), before);
	load(object, -1);
	expect_report(test, before, "read of 1 byte at", "1 bytes before");
	kfree(object);
}

/* Bytes 16 to 23 of 20: the first half of the read is right. */
KTEST(kasan, a_read_that_begins_inside_and_ends_outside_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *object = kmalloc(20, GFP_KERNEL);

	REQUIRE(object);
	load8(object, 8);
	EXPECT_EQ(kasan_report_count(), before);
	load8(object, 16);
	expect_report(test, before, "read of 8 bytes at",
		      "0 bytes past the end of");
	kfree(object);
}

/* Of no size that has a check of its own. */
struct three {
	u8 byte[3];
};

static noinline void store3(struct three *at, const struct three *value)
{
	*at = *value;
}

/*
 *	0	   17	20	red zone
 *	| object   | . . . |
 */
KTEST(kasan, three_bytes_of_which_one_is_outside_are_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *object = kmalloc(20, GFP_KERNEL);
	struct three value = {{1, 2, SLAB_RED_ZONE}};

	REQUIRE(object);
	store3(unknown(object + 17), &value);
	EXPECT_EQ(kasan_report_count(), before);
	store3(unknown(object + 18), &value);
	expect_report(test, before, "write of 3 bytes at",
		      "0 bytes past the end of");
	kfree(object);
}

KTEST(kasan, a_use_of_a_freed_object_is_reported, KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *object = kmalloc(64, GFP_KERNEL);

	REQUIRE(object);
	kfree(object);
	store(object, 5, SLAB_POISON_FREE);
	expect_report(test, before, "write of 1 byte", "is in a freed object");
	EXPECT(kasan_last_report_says("5 bytes inside"));
	EXPECT(kasan_last_report_says("64 bytes, of kmalloc-64"));
}

KTEST(kasan, a_second_free_is_reported_and_changes_nothing,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	unsigned long live = slab_live_objects();
	u8 *object = kmalloc(64, GFP_KERNEL);

	REQUIRE(object);
	kfree(object);
	kfree(object);
	expect_report(test, before, "free of 64 bytes", "is in a freed object");
	EXPECT_EQ(slab_live_objects(), live);
	EXPECT(slab_verify());
}

/*
 *	one CPU				another
 *	kfree(): it is in use
 *					kfree(): it is in use
 *	frees it
 *					frees it again	(must not be so)
 */
static struct {
	void *object;
	atomic_t waiting;
} shared;

/* In an interrupt of each: wait for all CPUs, so that all free at once. */
static void free_shared(void *unused)
{
	atomic_dec(&shared.waiting);
	while (atomic_read(&shared.waiting))
		cpu_relax();
	kfree(shared.object);
}

KTEST(kasan, of_frees_at_once_all_but_one_are_reported,
      KT_FLAGS(KT_EXPECT_REPORT | KT_NEEDS_SMP))
{
	unsigned int before = kasan_report_count();
	unsigned long live = slab_live_objects();

	for (unsigned int i = 0; i < 300; i++) {
		shared.object = kmalloc(4096, GFP_KERNEL);
		REQUIRE(shared.object);
		atomic_set(&shared.waiting, (int)num_online_cpus());
		on_each_cpu(free_shared, NULL, SMP_WAIT);
	}
	EXPECT_EQ(kasan_report_count(), before + 300 * (num_online_cpus() - 1));
	EXPECT_EQ(slab_live_objects(), live);
	EXPECT(slab_verify());
}

KTEST(kasan, a_use_of_a_freed_page_is_reported, KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	struct page *page = alloc_page(GFP_KERNEL);
	u8 *bytes;

	REQUIRE(page);
	bytes = page_address(page);
	store(bytes, 0, 1);
	EXPECT_EQ(kasan_report_count(), before);
	preempt_disable();
	put_page(page);
	load(bytes, 100);
	preempt_enable();
	expect_report(test, before, "is in a freed page", "offset 0x64");
}

KTEST(kasan, a_read_behind_a_large_object_is_reported, KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *object = kmalloc(3 * PAGE_SIZE, GFP_KERNEL);

	REQUIRE(object);
	load(object, 3 * PAGE_SIZE - 1);
	EXPECT_EQ(kasan_report_count(), before);
	load(object, 3 * PAGE_SIZE);
	expect_report(test, before, "read of 1 byte",
		      "is past the end of a large object");
	kfree(object);
}

/* Of no power of two pages is anything left over. */
KTEST(kasan, a_read_behind_whole_pages_is_reported, KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *object = kmalloc(4 * PAGE_SIZE, GFP_KERNEL);

	REQUIRE(object);
	load(object, 4 * PAGE_SIZE - 1);
	EXPECT_EQ(kasan_report_count(), before);
	load(object, 4 * PAGE_SIZE);
	expect_report(test, before, "read of 1 byte",
		      "is past the end of a large object");
	kfree(object);
	object = kmalloc(KMALLOC_MAX_SIZE, GFP_KERNEL | __GFP_NOWARN);
	EXPECT(object);
	kfree(object);
}

KTEST(kasan, a_read_behind_a_vmalloc_area_is_reported, KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *area = vmalloc(PAGE_SIZE + 100);

	REQUIRE(area);
	load(area, PAGE_SIZE + 99);
	EXPECT_EQ(kasan_report_count(), before);
	load(area, PAGE_SIZE + 100);
	expect_report(test, before, "read of 1 byte",
		      "is past the end of a vmalloc area");
	vfree(area);
}

/*
 *	size = 3 bytes less than a page
 *	| page ......... 5 bytes of 8 | guard |		the guard page has a mark
 */
KTEST(kasan, a_read_of_the_last_bytes_of_an_areas_last_page_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *area = vmalloc(PAGE_SIZE - 3);

	REQUIRE(area);
	load(area, PAGE_SIZE - 4);
	EXPECT_EQ(kasan_report_count(), before);
	load(area, PAGE_SIZE - 3);
	expect_report(test, before, "read of 1 byte",
		      "is past the end of a vmalloc area");
	before = kasan_report_count();
	kasan_check_read(area + PAGE_SIZE, 1);
	expect_report(test, before, "read of 1 byte",
		      "is past the end of a vmalloc area");
	vfree(area);
}

/* The access itself would be a trap, so it is only asked about. */
KTEST(kasan, a_use_of_a_freed_vmalloc_area_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *area = vmalloc(PAGE_SIZE);

	REQUIRE(area);
	kasan_check_read(area + 5, 1);
	EXPECT_EQ(kasan_report_count(), before);
	vfree(area);
	kasan_check_read(area + 5, 1);
	expect_report(test, before, "read of 1 byte",
		      "is in a freed vmalloc area");
}

/*
 * Registers have no shadow of their own, and may come to lie where an area was.
 *
 *	A  | registers      |g|			no shadow
 *	B		      | area  |g|	shadow
 *	C  | registers           |g|		from A's start into B's
 */
KTEST(kasan, registers_where_an_area_was_may_be_used)
{
	const paddr_t device = 0xf0000000; /* never RAM on a PC */
	unsigned int before = kasan_report_count();
	void __iomem *a, *c;
	u8 *b;

	vmalloc_purge();
	a = ioremap(device, 16ul << 20);
	b = vmalloc(8ul << 20);
	iounmap(a);
	vfree(b);
	REQUIRE(a && b);
	EXPECT_GT((vaddr_t)b, (vaddr_t)a);
	vmalloc_purge();
	c = ioremap(device, 20ul << 20);
	EXPECT_EQ((vaddr_t)c, (vaddr_t)a);
	if (c)
		kasan_check_read(b, PAGE_SIZE);
	EXPECT_EQ(kasan_report_count(), before);
	iounmap(c);
	vmalloc_purge();
}

/* The word that links the cached stacks is the first. */
KTEST(kasan, a_use_of_a_freed_kernel_stack_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	void *stack = kernel_stack_alloc();

	REQUIRE(stack);
	store(stack, KERNEL_STACK_SIZE - 1, 0);
	EXPECT_EQ(kasan_report_count(), before);
	preempt_disable();
	kernel_stack_free(stack);
	load(stack, KERNEL_STACK_SIZE - 1);
	preempt_enable();
	expect_report(test, before, "read of 1 byte",
		      "is in a freed kernel stack");
}

KTEST(kasan, a_read_behind_a_stack_variable_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 letters[13];

	memset(letters, 0, sizeof(letters));
	load(letters, 12);
	EXPECT_EQ(kasan_report_count(), before);
	load(letters, 13);
	expect_report(test, before, "is outside of a stack variable",
		      "0 bytes past the end of letters");
	EXPECT(kasan_last_report_says(
		"13 bytes, on the stack of ktest_kasan__a_read"));
}

/* Small variables are marked inline, large ones by a call. */
static u8 *volatile kept[2];

KTEST(kasan, a_use_of_a_variable_of_a_block_that_was_left_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();

	for (unsigned int i = 0; i < 2; i++) {
		u8 small[16];
		u8 large[512];

		memset(small, 0, sizeof(small));
		memset(large, 0, sizeof(large));
		kept[0] = small;
		kept[1] = large;
		load(kept[0], 0);
		load(kept[1], 500);
	}
	EXPECT_EQ(kasan_report_count(), before);
	load(kept[0], 0);
	expect_report(test, before, "in a stack variable whose block was left",
		      "0 bytes inside small");
	load(kept[1], 500);
	expect_report(test, before + 1,
		      "in a stack variable whose block was left",
		      "500 bytes inside large");
}

static u8 global[11];

KTEST(kasan, a_read_behind_a_global_variable_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();

	load(unknown(global), 10);
	EXPECT_EQ(kasan_report_count(), before);
	load(unknown(global), 12);
	expect_report(
		test, before, "is outside of a global variable",
		"1 bytes past the end of global, 11 bytes, of tests/mm/kasan/");
}

/*
 *	CPU 0   | its variables | 64 bytes |
 *	CPU 1            | its variables | 64 bytes |
 */
KTEST(kasan, a_read_behind_a_cpus_variables_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_possible_mask) {
		load(unknown(per_cpu_ptr(&cpu_number, cpu)), 0);
		EXPECT_EQ(kasan_report_count(), before);
		load(unknown(&per_cpu(__percpu_end[0], cpu)), 0);
		expect_report(test, before, "read of 1 byte",
			      "is past the end of a CPU's variables");
		before = kasan_report_count();
	}
}

KTEST(kasan, a_per_cpu_variable_that_is_no_cpus_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();

	load(unknown(&cpu_number), 0);
	expect_report(test, before, "read of 1 byte",
		      "is in the template of the per-CPU variables");
}

KTEST(kasan, a_copy_past_the_end_is_reported_at_its_caller,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *from = kmalloc(40, GFP_KERNEL);
	u8 to[64];

	REQUIRE(from);
	memcpy(to, unknown(from), 40);
	EXPECT_EQ(kasan_report_count(), before);
	memcpy(to, unknown(from), 41);
	expect_report(test, before, "read of 41 bytes",
		      "0 bytes past the end of");
	EXPECT(kasan_last_report_says("by ktest_kasan__a_copy"));
	kfree(from);
}

KTEST(kasan, a_fill_past_the_end_is_reported, KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *object = kmalloc(40, GFP_KERNEL);

	REQUIRE(object);
	memset(unknown(object), SLAB_RED_ZONE, 40);
	EXPECT_EQ(kasan_report_count(), before);
	memset(unknown(object), SLAB_RED_ZONE, 44);
	expect_report(test, before, "write of 44 bytes", "of kmalloc-64");
	kfree(object);
}

/* An atomic instruction is assembler, which no compiler instruments; it changes nothing. */
KTEST(kasan, an_atomic_use_of_a_freed_object_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	atomic_t *counter = kzalloc(sizeof(*counter), GFP_KERNEL);

	REQUIRE(counter);
	atomic_or(0, counter);
	EXPECT_EQ(kasan_report_count(), before);
	kfree(counter);
	atomic_or(0, unknown(counter));
	expect_report(test, before, "write of 4 bytes", "is in a freed object");
}

/* Likewise. */
KTEST(kasan, a_copy_to_user_memory_past_the_end_is_reported,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	u8 *object = kzalloc(40, GFP_KERNEL);
	void __user *at = user_ptr(BASE);
	struct sandbox box;

	REQUIRE(object);
	ktest_cleanup(test, free_object, object);
	REQUIRE(sandbox_open(&box, test));
	sandbox_map(&box, BASE, 1);
	EXPECT_EQ(copy_to_user(at, object, 40), 0);
	EXPECT_EQ(copy_from_user(object, at, 40), 0);
	EXPECT_EQ(kasan_report_count(), before);
	EXPECT_EQ(copy_to_user(at, object, 41), 0);
	expect_report(test, before, "read of 41 bytes",
		      "0 bytes past the end of");
	sandbox_close(&box);
}

KTEST(kasan, a_string_is_read_to_its_end_and_no_further,
      KT_FLAGS(KT_EXPECT_REPORT))
{
	unsigned int before = kasan_report_count();
	char *text = kmalloc(8, GFP_KERNEL);

	REQUIRE(text);
	memset(text, 'a', 8);
	EXPECT_EQ(strnlen(text, 8), 8);
	EXPECT_EQ(kasan_report_count(), before);
	EXPECT_EQ(strnlen(text, 9), 9);
	expect_report(test, before, "by strnlen+", "0 bytes past the end of");
	kfree(text);
}

static void load_behind(void *object)
{
	load(object, 40);
}

/* In an interrupt of each, with interrupts off, of one address and one place. */
KTEST(kasan, cpus_that_report_at_once_are_all_counted,
      KT_FLAGS(KT_EXPECT_REPORT | KT_NEEDS_SMP))
{
	unsigned int before = kasan_report_count();
	u8 *object = kmalloc(40, GFP_KERNEL);

	REQUIRE(object);
	for (unsigned int i = 0; i < 100; i++)
		on_each_cpu(load_behind, object, SMP_WAIT);
	EXPECT_EQ(kasan_report_count(), before + 100 * num_online_cpus());
	EXPECT(kasan_last_report_says("read of 1 byte at"));
	kfree(object);
}

KTEST(kasan, every_size_is_usable_to_its_last_byte)
{
	for (size_t size = 1; size <= 300; size++) {
		u8 *object = kmalloc(size, GFP_KERNEL);

		REQUIRE(object);
		memset(object, 0, size);
		for (size_t i = 0; i < size; i++)
			store(object, (long)i, load(object, (long)i));
		kfree(object);
	}
}

KTEST(kasan, an_object_is_whole_again_when_allocated_again)
{
	for (unsigned int i = 0; i < 100; i++) {
		u8 *object = kzalloc(i % 2 ? 100 : 128, GFP_KERNEL);

		REQUIRE(object);
		memset(object, 0, i % 2 ? 100 : 128);
		kfree(object);
		slab_shrink();
	}
}

/* Two MiB, and what is being freed just now. */
