// SPDX-License-Identifier: MIT
/*
 * lapic_test.c - by which number a CPU is known, from made-up CPUID words
 */
#include <kernel/ktest.h>
#include <lib/percpu.h>
#include <lib/preempt.h>
#include <asm/arch.h>

#define WIDE_ID  384U
#define NARROW   (WIDE_ID & 0xff)
#define TOPOLOGY 0xbU

static struct apic_id_facts facts_of_a_new_cpu(void)
{
	return (struct apic_id_facts){
		.max_leaf = 0x20,
		.leaf1_ebx = NARROW << 24,
		.topology_ebx = 1,
		.topology_edx = WIDE_ID,
		.has_x2apic = true,
	};
}

KTEST(lapic, the_topology_leaf_gives_ids_of_32_bits)
{
	struct apic_id_facts facts = facts_of_a_new_cpu();

	EXPECT_EQ(apic_id_from(&facts), WIDE_ID);
	EXPECT_EQ(apic_id_leaf(&facts), TOPOLOGY);
}

/* `-cpu max,level=7`: leaf 0xb then has the words of leaf 7, or of none. */
KTEST(lapic, a_leaf_above_the_highest_is_not_read)
{
	struct apic_id_facts facts = facts_of_a_new_cpu();

	facts.max_leaf = 7;
	facts.topology_edx = 0xabcdef;
	EXPECT_EQ(apic_id_from(&facts), NARROW);
	EXPECT_EQ(apic_id_leaf(&facts), 1U);
}

KTEST(lapic, a_topology_leaf_of_zeroes_is_not_believed)
{
	struct apic_id_facts facts = facts_of_a_new_cpu();

	facts.topology_ebx = 0;
	facts.topology_edx = 0;
	EXPECT_EQ(apic_id_from(&facts), NARROW);
	EXPECT_EQ(apic_id_leaf(&facts), 1U);
}

KTEST(lapic, without_x2apic_the_id_has_8_bits)
{
	struct apic_id_facts facts = facts_of_a_new_cpu();

	facts.has_x2apic = false;
	EXPECT_EQ(apic_id_from(&facts), NARROW);
	EXPECT_EQ(apic_id_leaf(&facts), 1U);
}

KTEST(lapic, the_register_is_right_whatever_cpuid_says)
{
	struct apic_id_facts facts = facts_of_a_new_cpu();

	facts.max_leaf = 7;
	facts.in_x2apic_mode = true;
	facts.x2apic_id = WIDE_ID;
	EXPECT_EQ(apic_id_from(&facts), WIDE_ID);
}

KTEST(lapic, this_cpu_is_where_the_table_has_it)
{
	u32 listed, found;

	preempt_disable();
	listed = cpu_apic_id[smp_processor_id()];
	found = lapic_id();
	preempt_enable();
	EXPECT_EQ(found, listed);
}
