# SPDX-License-Identifier: MIT
#
# tests/explore/build.mk - the notifiers and exclusive access under the explorer
#
#	build/explore/usual/explore		with the usual notifier
#	build/explore/reference/explore		with the reference notifier
#	build/explore/faults/NAME/explore	one of these with a mistake in it
#
# The kernel's own sources; tests/explore/include/ has the headers that make their
# accesses steps, and some that keep the host's library. Always under AddressSanitizer: a
# use of freed memory is a failure.

EXPLORE_KINDS := usual reference
EXPLORE_NOTIFIER_usual := $(filter-out %/checks.c,$(NOTIFIER_CORE))
EXPLORE_NOTIFIER_reference := mm/notifier/reference/reference.c \
	$(filter-out %/checks.c,$(NOTIFIER_SHARED))
EXPLORE_MM := $(addprefix mm/,space/mm.c space/mmap.c space/munmap.c space/vma.c \
	space/madvise.c space/cut.c space/limits.c space/stack.c space/populate.c space/counters.c space/exit.c \
	table/pgtable.c table/zap.c table/lazyfree.c table/tlb.c table/swapops.c \
	table/huge.c fault/fault.c fault/huge.c fault/cow.c fault/gup.c \
	fault/nonpresent.c space/collapse.c page/page.c page/huge.c page/wait.c \
	rmap/root.c rmap/family.c object/object.c object/shmem.c fault/object.c device/exclusive.c) \
	lib/rbtree.c
# The explorer itself, by the host's headers; all else by the kernel's.
EXPLORE_OWN := $(addprefix tests/explore/,main.c sched.c search.c memory.c buffer.c \
	report.c)
EXPLORE_SCENARIOS_usual := $(filter-out $(EXPLORE_OWN),$(wildcard tests/explore/*.c))
# The reference notifier has no gate. Exclusive access and pages are explored with the
# usual one.
EXPLORE_SCENARIOS_reference := $(filter-out %/race_gate.c %/race_exclusive.c \
	%/race_page.c,$(EXPLORE_SCENARIOS_usual))

EXPLORE_CFLAGS := -std=gnu11 -g -fno-omit-frame-pointer -fno-strict-aliasing \
	-fsanitize=address,undefined -fno-sanitize=alignment \
	-fno-sanitize-recover=undefined -Wall -Wextra -Wsign-compare \
	-Wmissing-prototypes -Wstrict-prototypes -Wvla -Wno-unused-parameter -Werror
EXPLORE_KERNEL := -O1 -ffreestanding -Itests/explore/include -Itests/explore -Iinclude \
	-Iarch/x86_64/include -iquote . -DCONFIG_MMU_NOTIFIER=1 -DCONFIG_DEVICE_PRIVATE=1
EXPLORE_KERNEL_usual :=
EXPLORE_KERNEL_reference := -DCONFIG_NOTIFIER_REFERENCE=1
# Without sanitizers: it is the ground that the others stand on.
EXPLORE_HOST := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wshadow \
	-Wno-unused-parameter -Werror

# $(call explore_build,KIND)
define explore_build
EXPLORE_SOURCES_$(1) := $(EXPLORE_NOTIFIER_$(1)) $(EXPLORE_MM) $(EXPLORE_SCENARIOS_$(1))
EXPLORE_OBJS_$(1) := $$(EXPLORE_SOURCES_$(1):%.c=build/explore/$(1)/%.o) \
	$(EXPLORE_OWN:%.c=build/explore/own/%.o)
EXPLORE_COMPILE_$(1) = $$(HOSTCC) $(EXPLORE_CFLAGS) $(EXPLORE_KERNEL) $(EXPLORE_KERNEL_$(1))

build/explore/$(1)/%.o: %.c tests/explore/build.mk
	@mkdir -p $$(@D)
	@echo "  HOSTCC  $$< (explore, $(1))"
	@$$(EXPLORE_COMPILE_$(1)) -MMD -MP -c $$< -o $$@

build/explore/$(1)/explore: $$(EXPLORE_OBJS_$(1))
	@echo "  HOSTLD  $$@"
	@$$(HOSTCC) -no-pie -fsanitize=address,undefined -o $$@ $$^

-include $$(EXPLORE_OBJS_$(1):.o=.d)
endef
$(foreach kind,$(EXPLORE_KINDS),$(eval $(call explore_build,$(kind))))

build/explore/own/%.o: %.c tests/explore/build.mk
	@mkdir -p $(@D)
	@echo "  HOSTCC  $< (explore)"
	@$(HOSTCC) $(EXPLORE_HOST) -MMD -MP -c $< -o $@

# By these words tests/explore/run builds a notifier with a mistake in it.
EXPLORE_WORDS = $(foreach k,$(EXPLORE_KINDS),'compile_$(k)=$(EXPLORE_COMPILE_$(k))' \
	'objects_$(k)=$(EXPLORE_OBJS_$(k))') 'link=$(HOSTCC) -no-pie -fsanitize=address,undefined'
EXPLORE_PROGRAMS := $(EXPLORE_KINDS:%=build/explore/%/explore)

# A part of it beside the other host programs: the scenarios, without faults. Not in a copy
# for an exercise: it would print the interleaving that the student is to find.
HOST_TESTS += $(if $(wildcard EXERCISE),,explore_quick)
HOST_CMD_explore_quick := tests/explore/run --quick
.PHONY: explore_quick
explore_quick: $(EXPLORE_PROGRAMS)

##@ Test
.PHONY: explore
explore: asked-explore deps-explore ## run the schedules of each race that is drawn, and find each seeded fault [T='*retries,-fault.*' BOUND=n MOST=n N=n SEED=n REPLAY='17B 42d']
	@$(MAKE) -s --no-print-directory $(EXPLORE_PROGRAMS)
	@mkdir -p build/explore
	@if [ -n '$(REPLAY)' ]; then tests/explore/run $(EXPLORE_WORDS); exit; fi; \
		{ tests/explore/run $(EXPLORE_WORDS); echo $$? >build/explore/status; } | \
		tee build/explore/log.tap; \
		scripts/ktap.py --status $$(cat build/explore/status) build/explore/log.tap
