# SPDX-License-Identifier: MIT
#
# tests/host/build.mk - the notifier core in user space
#
#	build/host-plain/...	optimised
#	build/host-asan/...	with AddressSanitizer and UBSan
#	build/host-tsan/...	with ThreadSanitizer
#	build/host-coverage/...	with its lines and branches counted
#
# The same sources as in the kernel, against include/host/notifier_host.h.
# `make -C tests/host` builds and runs all of them; OPS=n SEED=n ROUNDS=n. The same
# with NOTIFIER=reference: the reference notifier, in build/host-reference-plain/...

HOST_CORE := $(NOTIFIER_CORE)
HOST_REFERENCE := mm/notifier/reference/reference.c $(NOTIFIER_SHARED)
HOST_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -pthread -fno-strict-aliasing \
	-Iinclude/host -Iinclude -iquote . -include notifier_host.h -DCONFIG_DEBUG=1 \
	-Wall -Wextra -Wshadow -Wsign-compare -Wmissing-prototypes \
	-Wstrict-prototypes -Wvla -Wno-unused-parameter -Werror
HOST_CFLAGS_plain :=
HOST_CFLAGS_reference := -DCONFIG_NOTIFIER_REFERENCE=1
HOST_CFLAGS_asan := -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer
HOST_CFLAGS_tsan := -fsanitize=thread -fno-omit-frame-pointer
HOST_CFLAGS_coverage := -Og --coverage -fprofile-update=atomic -Wno-maybe-uninitialized
HOST_KINDS := plain asan tsan
HOST_NOTIFIER_PROGRAMS := notifier_stress notifier_selftest_host
HOST_PROGRAMS := interval_tree_host $(HOST_NOTIFIER_PROGRAMS)

# A test that goes with the core into another kernel, to try it there.
SELFTEST := tests/mm/notifier/notifier_selftest.c tests/mm/notifier/notifier_selftest_plain.c
HOST_SOURCES_notifier_selftest_host := $(SELFTEST)
HOST_SOURCES_notifier_stress := tests/host/stress_device.c tests/host/stress_plain.c

# $(call host_build,KIND,NAME,SOURCES,PROGRAMS,FLAGS): all of NAME-KIND.
define host_build
build/$(2)-$(1)/%.o: %.c tests/host/build.mk
	@mkdir -p $$(@D)
	@echo "  HOSTCC  $$< ($(2)-$(1))"
	@$$(HOSTCC) $$(HOST_CFLAGS) $$(HOST_CFLAGS_$(1)) $(5) -MMD -MP -c $$< -o $$@

$(foreach p,$(4),
build/$(2)-$(1)/$(p)_$(1): build/$(2)-$(1)/tests/host/$(p).o \
		build/$(2)-$(1)/tests/host/host.o \
		$(HOST_SOURCES_$(p):%.c=build/$(2)-$(1)/%.o) \
		$(3:%.c=build/$(2)-$(1)/%.o)
	@echo "  HOSTLD  $$@"
	@$$(HOSTCC) -pthread $$(HOST_CFLAGS_$(1)) -o $$@ $$^
)

-include $(patsubst %.c,build/$(2)-$(1)/%.d,$(3) tests/host/host.c \
	$(foreach p,$(4),tests/host/$(p).c $(HOST_SOURCES_$(p))))
endef
$(foreach kind,$(HOST_KINDS) coverage,$(eval $(call host_build,$(kind),host,$(HOST_CORE),$(HOST_PROGRAMS),)))
$(foreach kind,$(HOST_KINDS),$(eval $(call host_build,$(kind),host-reference,$(HOST_REFERENCE),$(HOST_NOTIFIER_PROGRAMS),$(HOST_CFLAGS_reference))))
# $(call host_programs,NAME,PROGRAMS)
host_programs = $(foreach k,$(HOST_KINDS),$(2:%=build/$(1)-$(k)/%_$(k)))
HOST_TESTS += $(call host_programs,host,$(HOST_PROGRAMS))

# The sanitizers themselves, by faults put in.
HOST_SEEDED := $(foreach k,asan tsan,build/host-$k/seeded_$k)
HOST_TESTS += seeded
HOST_CMD_seeded := tests/host/seeded_test.py $(HOST_SEEDED)
.PHONY: seeded
seeded: $(HOST_SEEDED)
build/host-asan/seeded_asan build/host-tsan/seeded_tsan: build/host-%: tests/host/seeded.c \
		tests/host/build.mk
	@mkdir -p $(@D)
	@echo "  HOSTCC  $@"
	@$(HOSTCC) $(HOST_CFLAGS) $(HOST_CFLAGS_$(lastword $(subst _, ,$*))) -o $@ $<

# The core taken over by another kernel: docs/lifting.md. Its files are copied,
# so that what the document does not name is not found.
LIFTED_CORE := $(HOST_CORE) mm/notifier/internal.h \
	$(addprefix include/mm/notifier/,mmu_notifier.h event.h range.h interval.h \
		rounds.h plain.h start.h stats.h off.h member.h interval_tree.h gate.h \
		language.h atomics.h)
LIFTED := build/lifted/core
LIFTED_TAKEN := $(LIFTED_CORE) $(SELFTEST) tests/mm/notifier/notifier_selftest.h

# Whole; with its checks, as in a debug build; and intervals alone, without
# statistics. A release build leaves the checks out.
LIFTED_PROGRAMS := core selftest debug intervals
LIFTED_RELEASE := $(filter-out %/checks.c,$(HOST_CORE))
LIFTED_CORE_core := $(LIFTED_RELEASE)
LIFTED_CORE_selftest := $(LIFTED_RELEASE) $(SELFTEST)
LIFTED_CORE_debug := $(HOST_CORE) $(SELFTEST)
LIFTED_CORE_intervals := $(filter-out %/stats.c %/plain.c %/get.c %/register.c %/entries.c %_plain.c,$(LIFTED_RELEASE) $(SELFTEST))
LIFTED_OWN_core := kernel.c
LIFTED_OWN_selftest := selftest.c
LIFTED_OWN_debug := selftest.c
LIFTED_OWN_intervals := selftest.c instead/stats.c instead/plain.c
LIFTED_DEFS_debug := -DCONFIG_DEBUG=1

$(LIFTED)/%: %
	@mkdir -p $(@D)
	@cp $< $@

define lifted_build
build/lifted/lifted_$(1): $(LIFTED_TAKEN:%=$(LIFTED)/%) \
		$(shell find tests/host/lifted -name '*.[ch]') tests/host/build.mk
	@echo "  HOSTCC  $$@"
	@$$(HOSTCC) -std=gnu11 -O2 -g -fsanitize=undefined \
		-fno-sanitize-recover=undefined $$(WARN) $(LIFTED_DEFS_$(1)) \
		-Itests/host/lifted/include -Itests/host/lifted \
		-I$(LIFTED)/include -I$(LIFTED)/mm/notifier -I$(LIFTED)/tests/mm/notifier -o $$@ \
		$(LIFTED_CORE_$(1):%=$(LIFTED)/%) tests/host/lifted/tiny.c \
		$(LIFTED_OWN_$(1):%=tests/host/lifted/%)

HOST_TESTS += build/lifted/lifted_$(1)
endef
$(foreach program,$(LIFTED_PROGRAMS),$(eval $(call lifted_build,$(program))))

# What is counted while it runs: `make coverage`. The lifted core is compiled from the
# originals here, so that their lines are counted and not those of copies.
COVERAGE_PROGRAMS := $(HOST_PROGRAMS:%=build/host-coverage/%_coverage) \
	build/host-coverage/lifted_debug_coverage
build/host-coverage/lifted_debug_coverage: $(LIFTED_CORE_debug) \
		$(shell find tests/host/lifted -name '*.[ch]') tests/host/build.mk
	@mkdir -p $(@D)
	@echo "  HOSTCC  $@"
	@$(HOSTCC) -std=gnu11 -g $(HOST_CFLAGS_coverage) $(WARN) $(LIFTED_DEFS_debug) \
		-Itests/host/lifted/include -Itests/host/lifted -Iinclude -iquote . \
		-Imm/notifier -Itests/mm/notifier -o $@ \
		$(LIFTED_CORE_debug) tests/host/lifted/tiny.c $(LIFTED_OWN_debug:%=tests/host/lifted/%)

# A file that was compiled without the notifiers must not link.
# rules host.lifted_option: R6.2
HOST_TESTS += lifted_option
HOST_CMD_lifted_option := tests/host/lifted/option_test $(HOSTCC) $(LIFTED)
.PHONY: lifted_option
lifted_option: $(LIFTED_CORE:%=$(LIFTED)/%)

.PHONY: lifted-files
lifted-files:
	@echo $(LIFTED_CORE)

HOST_NOTIFIER_fast := $(call host_programs,host,$(HOST_PROGRAMS)) \
	$(LIFTED_PROGRAMS:%=build/lifted/lifted_%)
HOST_NOTIFIER_reference := $(call host_programs,host-reference,$(HOST_NOTIFIER_PROGRAMS))
HOST_NOTIFIER := $(HOST_NOTIFIER_$(NOTIFIER))

##@ Test
.PHONY: host-notifier
host-notifier: asked-host-notifier deps-host ## the notifier core on the host, under the sanitizers, and in another kernel [OPS=n ROUNDS=n SEED=n NOTIFIER=reference]
	@$(MAKE) --no-print-directory $(HOST_NOTIFIER)
	@for program in $(HOST_NOTIFIER); do echo "# $$program"; $$program || exit 1; done
