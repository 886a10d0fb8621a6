# SPDX-License-Identifier: MIT
#
# options.mk - what a kernel can be built with, and what that takes
#
# A kernel has some of OPTIONS; each of its sources sees CONFIG_OPTION as 1 or
# not at all.  Headers answer for what is not there (R6.1 to R6.7), and whole
# sources come and go by the table below, so no .c file has an #ifdef:
#
#	ONLY_x		sources of a kernel with x; the % is any text
#	WITHOUT_x	sources of a kernel without x
#	NEEDS_x		options that x is nothing without
#
# A source that several options name needs all of them; one that none names is
# in every kernel.
#
# BUILD names a kernel: a KIND, and what it lacks, `test-no-LOCKDEP`.  What
# needs a lacking option is lacking too.  CONFIG='A B' says the options outright.

OPTIONS := MMU_NOTIFIER DEVICE_PRIVATE PEER LOCKDEP DEBUG UBSAN KTEST BENCH \
	NOTIFIER_REFERENCE RACE KASAN COVERAGE

KINDS := test debug release bare reference race kasan coverage
CONFIG_test := MMU_NOTIFIER DEVICE_PRIVATE PEER LOCKDEP DEBUG UBSAN KTEST
CONFIG_debug := $(CONFIG_test)
CONFIG_release := MMU_NOTIFIER DEVICE_PRIVATE PEER BENCH
CONFIG_bare := UBSAN KTEST
CONFIG_reference := $(CONFIG_test) NOTIFIER_REFERENCE
CONFIG_race := $(CONFIG_test) RACE
CONFIG_kasan := $(CONFIG_test) KASAN
CONFIG_coverage := $(CONFIG_test) COVERAGE

# Instead of -O2: a line of the source is a step in gdb, a variable is there as
# long as its scope is, few functions are inlined.
OPTIMIZE_debug := -Og
# So that each line and each branch is counted where it stands.
OPTIMIZE_coverage := -Og

# How many times slower than `test` a kind runs; the limits of its tests are as
# many times longer.  A kind without a line here is as fast.
SLOWER_debug := 2
SLOWER_race := 4
SLOWER_kasan := 4
SLOWER_coverage := 3

# The largest frame of a function, in bytes, on a stack of 16 KiB; a larger one does not
# compile. A build that keeps each variable in a place of its own needs more for the same
# function; so does a test, whose every EXPECT has places for its values, and a benchmark,
# which has its subscriptions there. Both are the first on their threads. KASAN puts red
# zones around each variable.
FRAME := 1024
FRAME_debug := 2048
FRAME_coverage := 2048
FRAME_race := 2048
FRAME_kasan := 3072
FRAME_TESTS := 6144
FRAME_BENCH := 8192

# What `make configs` builds, looks into and boots.
LACKING := test-no-MMU_NOTIFIER test-no-DEVICE_PRIVATE test-no-LOCKDEP \
	test-no-DEBUG bare release-no-MMU_NOTIFIER

# Be told before a mapping changes.
NOTIFIER_SHARED := $(addprefix mm/notifier/,subscribe.c register.c callbacks.c entries.c \
	rounds.c all.c report.c checks.c stats.c event.c)
NOTIFIER_USUAL := $(addprefix mm/notifier/,range.c interval.c read.c interval_tree.c \
	plain.c get.c show.c gate.c)
NOTIFIER_CORE := $(NOTIFIER_USUAL) $(NOTIFIER_SHARED)
ONLY_MMU_NOTIFIER := $(NOTIFIER_CORE) mm/notifier/layout.c \
	mm/table/entry.c tests/mm/table/entry_test.c \
	tests/mm/notifier/mmu_%.c tests/mm/notifier/notifier_%.c \
	tests/mm/notifier/warnings_heard.c \
	tests/mm/notifier/interval_tree_test.c tests/mm/notifier/mirror_%.c \
	tests/mm/notifier/first_driver_test.c \
	tests/mm/lib/mirror%.c tests/mm/lib/shadow%.c tests/mm/lib/by_hand.c \
	tests/mm/lib/observer.c tests/mm/notifier/raised_test.c tests/mm/soak/device.c \
	tests/mm/notifier/secondary_tlb%.c tests/mm/space/events_%.c \
	tests/mm/table/pgtable_notify_test.c tests/mm/space/mm_list_test.c \
	tests/mm/space/young_notify_test.c \
	tests/mm/device/exclusive_loop_test.c tests/demo/monitor_mm_test.c \
	tests/panic/panic.c bench/notifier.c bench/register.c bench/exclusive.c
WITHOUT_MMU_NOTIFIER := mm/notifier/off.c \
	tests/mm/notifier/without_mmu_notifier_test.c

# The notifier for teaching in the place of the usual one, whose parts have tests of
# their own; what else it is not asked is in tests/mm/notifier/reference_skips.c.
NEEDS_NOTIFIER_REFERENCE := MMU_NOTIFIER
ONLY_NOTIFIER_REFERENCE := mm/notifier/reference/%.c tests/mm/notifier/reference_skips.c
WITHOUT_NOTIFIER_REFERENCE := $(NOTIFIER_USUAL) \
	$(addprefix tests/mm/notifier/,notifier_gate_test.c interval_tree_test.c \
	notifier_rescue.c mmu_interval_deferred_test.c mmu_notifier_verify_test.c)

# Device-exclusive and device-private entries.
ONLY_DEVICE_PRIVATE := mm/device/exclusive.c tests/mm/device/exclusive%.c \
	tests/mm/device/private_test.c tests/mm/table/entry_test.c \
	bench/exclusive.c
WITHOUT_DEVICE_PRIVATE := tests/mm/device/without_device_private_test.c

# The driver of the device beside QEMU, and the contest with it.
NEEDS_PEER := MMU_NOTIFIER DEVICE_PRIVATE
ONLY_PEER := drivers/peer/% demo/contest_peer.c demo/contest_pretend.c \
	tests/drivers/peer/%.c tests/demo/contest_test.c tests/mm/soak/peer.c
WITHOUT_PEER := demo/contest_alone.c

# The lock validator.
ONLY_LOCKDEP := kernel/lock/lockdep%.c mm/fault/might_fault.c \
	tests/kernel/lock/lockdep_test.c tests/kernel/lock/zz_locking_test.c \
	tests/mm/fault/might_fault_test.c \
	tests/mm/notifier/mmu_notifier_lockdep%.c tests/mm/space/mm_list_test.c
WITHOUT_LOCKDEP := tests/kernel/lock/without_lockdep_test.c

# Assertions, poison, owners of memory, allocations that fail on purpose.
ONLY_DEBUG := mm/alloc/fail.c mm/alloc/stack_depth.c tests/mm/alloc/stack_depth_test.c \
	mm/notifier/checks.c mm/table/entry.c tests/mm/table/entry_test.c \
	tests/mm/notifier/mmu_notifier_checks_test.c \
	tests/mm/notifier/mmu_notifier_misuse_test.c tests/mm/notifier/warnings_heard.c
WITHOUT_DEBUG := tests/lib/without_debug_test.c

# Races, found while the kernel runs.
ONLY_RACE := kernel/race/%.c tests/kernel/race/%.c
# Lines and branches are counted (scripts/coverage.py).
ONLY_COVERAGE := kernel/coverage/%.c

# The memory checker: the compiler asks it before each access.  Sources that it does
# not instrument: the checker itself, the primitives that it has checked forms of, and the
# allocators' files that read and write red zones and freed memory.
NEEDS_KASAN := DEBUG
ONLY_KASAN := mm/kasan/%.c tests/mm/kasan/%.c
KASAN_UNCHECKED := mm/kasan/%.c lib/memory.c mm/alloc/slab%.c mm/alloc/page_debug.c \
	mm/alloc/stack_depth.c

ONLY_KTEST := tests/%
ONLY_BENCH := bench/%
