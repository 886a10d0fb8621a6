# SPDX-License-Identifier: MIT
#
# Makefile - build, boot, test and check Concord
#
# One tree of objects per kind of build: build/test (lock validator, UBSan,
# tests) and build/release (what `make run` boots and `make bench` counts).
# Sources are found, not listed.  `make help` lists what can be asked for.

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
SHELL := /bin/bash

# ---- what is built ---------------------------------------------------------

BUILD ?= test
ifeq ($(filter test release,$(BUILD)),)
$(error BUILD=$(BUILD) is neither test nor release)
endif
O ?= build/$(BUILD)

CONFIG_test := MMU_NOTIFIER DEVICE_PRIVATE LOCKDEP DEBUG UBSAN KTEST
CONFIG_release := MMU_NOTIFIER DEVICE_PRIVATE
CONFIG ?= $(CONFIG_$(BUILD))

KERNEL_DIRS := arch/x86_64 kernel mm drivers demo
KTEST_DIRS := tests/ktest tests/kernel tests/mm tests/arch tests/drivers \
	tests/demo tests/panic
KERNEL_DIRS += $(if $(filter KTEST,$(CONFIG)),$(KTEST_DIRS),bench)

SRC_DIRS := $(wildcard $(KERNEL_DIRS))
CSRC := $(if $(SRC_DIRS),$(sort $(shell find $(SRC_DIRS) -name '*.c')))
# What bench/index compares runs on the host.
CSRC := $(filter-out bench/index/%,$(CSRC))
# The validator is a file of its own, so that without it there is no #ifdef.
CSRC := $(filter-out $(if $(filter LOCKDEP,$(CONFIG)),,kernel/lockdep.c),$(CSRC))
ASRC := $(if $(SRC_DIRS),$(sort $(shell find $(SRC_DIRS) -name '*.asm')))
OBJS := $(CSRC:%.c=$(O)/%.o) $(ASRC:%.asm=$(O)/%.asm.o)

# ---- with what -------------------------------------------------------------

# Always a cross compiler by name: on amd64 Debian's own gcc is one.
ifeq ($(origin CROSS_COMPILE),undefined)
CROSS_COMPILE := $(firstword $(foreach p,x86_64-elf- x86_64-linux-gnu-,\
	$(if $(shell command -v $(p)gcc),$(p))) x86_64-linux-gnu-)
endif

COMPILER ?= gcc
ifeq ($(COMPILER),clang)
CC := clang --target=x86_64-linux-gnu
CC_FLAGS := -Wno-gnu-variable-sized-type-not-at-end
ANALYSIS = -Wthread-safety
else
CC := $(CROSS_COMPILE)gcc
endif
LD := $(CROSS_COMPILE)ld
NM := $(CROSS_COMPILE)nm
OBJCOPY := $(CROSS_COMPILE)objcopy
export OBJCOPY
NASM := nasm
HOSTCC ?= gcc

WARN := -Wall -Wextra -Wshadow -Wsign-compare -Wmissing-prototypes \
	-Wstrict-prototypes -Wvla -Wno-unused-parameter -Werror
DEFS := $(addprefix -DCONFIG_,$(addsuffix =1,$(CONFIG)))
INCLUDES := -Iinclude -Iarch/x86_64/include
CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fno-pic -fno-pie -mcmodel=kernel \
	-mno-red-zone -mgeneral-regs-only -fno-stack-protector \
	-fno-omit-frame-pointer -fno-strict-aliasing -fno-common \
	-fno-asynchronous-unwind-tables -fno-delete-null-pointer-checks \
	-fcf-protection=none $(INCLUDES) $(DEFS) $(WARN) $(CC_FLAGS)
ifneq ($(filter UBSAN,$(CONFIG)),)
UBSAN_CFLAGS := -fsanitize=undefined -fno-sanitize=object-size,null
endif
LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack \
	--no-warn-rwx-segments --build-id=none -T linker.ld

# ---- how it runs -----------------------------------------------------------

SMP ?= 2
PEER ?=
T ?=
REPEAT ?= 1
SEED ?=
TIMEOUT ?=
BOOTS ?=
export SMP PEER T REPEAT SEED TIMEOUT BOOTS

KERNEL := $(O)/concord.elf
PEER_BIN := build/peer/plain/concord-peer

##@ Build
.PHONY: all
all: $(KERNEL) ## the kernel image of BUILD (test, which is the default, or release)

# Compiled and not linked, for the checks.
.PHONY: objects
objects: $(OBJS)

.PHONY: iso
iso: deps-image $(O)/concord.iso ## a bootable ISO of BUILD, for BIOS and UEFI

.PHONY: peer
peer: $(PEER_BIN) ## the host program that is the device

# Tests break the rules of locks on purpose, to see them reported at run time.
$(O)/tests/%.o: ANALYSIS =

# When the flags differ from those of the last build, everything is rebuilt.
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(UBSAN_CFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(CFLAGS) $(UBSAN_CFLAGS)' >$@

$(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CFLAGS) $(ANALYSIS) $(UBSAN_CFLAGS) -MMD -MP -c $< -o $@

$(O)/%.asm.o: %.asm $(O)/flags
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	@$(NASM) -f elf64 -g -F dwarf -MD $(@:.o=.d) $< -o $@

# Linked twice.  The table of symbols lies behind everything whose address it
# holds, so the second link, which has the table, moves none of them.
$(O)/ksyms-none.asm: scripts/kallsyms
	@mkdir -p $(@D)
	@scripts/kallsyms </dev/null >$@

$(O)/ksyms-%.o: $(O)/ksyms-%.asm
	@$(NASM) -f elf64 $< -o $@

$(O)/first.elf: $(OBJS) $(O)/ksyms-none.o linker.ld
	@$(LD) $(LDFLAGS) -o $@ $(OBJS) $(O)/ksyms-none.o

$(O)/ksyms-full.asm: $(O)/first.elf
	@$(NM) -n $< | scripts/kallsyms >$@

$(KERNEL): $(O)/first.elf $(O)/ksyms-full.o
	@echo "  LD      $@"
	@$(LD) $(LDFLAGS) -o $@ $(OBJS) $(O)/ksyms-full.o
	@$(NM) -n $@ | scripts/kallsyms | cmp - $(O)/ksyms-full.asm || \
		{ echo "$@: the table of symbols moved what it names" >&2; \
		  rm -f $@; exit 1; }

$(O)/concord.iso: $(KERNEL) iso/grub.cfg scripts/mkiso
	@echo "  ISO     $@"
	@scripts/mkiso $(KERNEL) $@ ''

-include $(OBJS:.o=.d)

# What runs on the host and prints TAP: a target that is the program itself, or
# one that prepares what HOST_CMD_target runs.  The peer has a Makefile of its
# own, for use without the kernel.
PEER_VARIANTS := $(if $(wildcard tests/peer/*.c),plain asan tsan)
HOST_TESTS := ktap $(PEER_VARIANTS:%=peer-%)
HOST_CMD_ktap := tests/scripts/ktap_test.py
.PHONY: ktap
ktap:
define peer_variant
HOST_CMD_peer-$(1) := build/peer/$(1)/peer_test build/peer/$(1)/concord-peer
.PHONY: peer-$(1)
peer-$(1):
	@$$(MAKE) --no-print-directory -C peer VARIANT=$(1) O=../build/peer tests
endef
$(foreach variant,$(PEER_VARIANTS),$(eval $(call peer_variant,$(variant))))

.PHONY: $(PEER_BIN)
$(PEER_BIN):
	@$(MAKE) --no-print-directory -C peer VARIANT=plain O=../build/peer all

include $(wildcard tests/host/build.mk bench/index/build.mk)

##@ Run
.PHONY: run
run: RUN_BUILD := $(if $(filter file,$(origin BUILD)),release,$(BUILD))
run: deps-run ## boot and run the contest [SMP=2 BUILD=test PEER=none, with it FIRMWARE=uefi]; stays in the monitor on a terminal
	@$(MAKE) --no-print-directory BUILD=$(RUN_BUILD) all $(if $(filter none,$(PEER)),,peer)
	@scripts/run-qemu --image build/$(RUN_BUILD)/concord.elf --mode run

.PHONY: debug
debug: deps-debug all $(if $(filter none,$(PEER)),,peer) ## boot, wait for gdb (scripts/gdb has the mm, pte and subs commands)
	@scripts/run-qemu --image $(KERNEL) --mode run --gdb

##@ Test
.PHONY: test
test: deps-test ## host tests, boots, panic images [T='suite.glob*' REPEAT=n SEED=n SMP=n PEER=none BOOTS=no V=1]
	@$(MAKE) --no-print-directory BUILD=test all host-tests $(if $(filter none,$(PEER)),,peer)
	@scripts/run-tests.py --build build/test \
		$(foreach t,$(HOST_TESTS),'$(t)=$(HOST_CMD_$(t))')

.PHONY: host-tests
host-tests: $(HOST_TESTS) ## build what is tested on the host, without QEMU

.PHONY: model
model: deps-model ## search the models of the protocols exhaustively (spin)
	@mkdir -p build/model
	@status=0; tests/model/run build/model >build/model/log.tap || status=$$?; \
		grep -E '^(not )?ok|^#' build/model/log.tap; \
		scripts/ktap.py --status $$status build/model/log.tap

.PHONY: check
check: deps-check ## format, warnings of both compilers, lock annotations, headers, layering, documents
	@scripts/check.py

.PHONY: bench
bench: deps-run ## instructions per operation beside Linux's; writes build/bench.csv
	@$(MAKE) --no-print-directory BUILD=release all
	@scripts/bench.py

.PHONY: index-bench
index-bench: deps-index $(INDEX_PROGRAMS) ## designs of the interval index: instructions, cache misses, time [N='10 1000' OPS=n SEED=n CLOCK=no]
	@bench/index/run.py $(INDEX_PROGRAMS)

##@ Care
.PHONY: doctor
doctor: ## say what is missing here and which package has it
	@scripts/deps --doctor

.PHONY: deps deps-image deps-run deps-test deps-check deps-debug deps-model \
	deps-index
deps: ## install everything that any target needs
	@scripts/deps build image run test check debug model index
deps-image:
	@scripts/deps build image
deps-run:
	@scripts/deps build image run
deps-test:
	@scripts/deps build image run test
deps-check:
	@scripts/deps build test check
deps-model:
	@scripts/deps build model
deps-index:
	@scripts/deps build index
deps-debug:
	@scripts/deps build image run debug

.PHONY: clean
clean: ## remove build/
	rm -rf build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: FORCE
FORCE:
