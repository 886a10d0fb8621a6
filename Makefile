# SPDX-License-Identifier: MIT
#
# Makefile - build, boot, test and check Concord
#
# One tree of objects per build: build/test (lock validator, UBSan, tests),
# build/debug (the same for gdb), build/release (what `make run` boots and `make
# bench` counts), builds that lack something, build/test-no-LOCKDEP, and each of
# these by clang, build/test-clang.  Sources are found, not listed; which of them
# an option takes or leaves is told in options.mk.  `make help` lists what can be
# asked for.

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

# A shell that does not find the user's locale says so amid what it was asked.
export LC_ALL := C

# Sources are found from here.
ifneq ($(patsubst ./%,%,$(lastword $(MAKEFILE_LIST))),Makefile)
$(error this Makefile works in its own directory only: say \
	make -C '$(patsubst %/Makefile,%,$(strip $(MAKEFILE_LIST)))')
endif

# Of a closed standard output make makes a file of its own, this one first.
ifneq ($(shell [ /proc/$$PPID/fd/1 -ef Makefile ] && echo closed),)
$(error standard output is closed; to see nothing, say >/dev/null)
endif

# ---- what is built ---------------------------------------------------------

include options.mk

NOTIFIER ?= fast
ifeq ($(filter $(NOTIFIER),fast reference),)
$(error NOTIFIER=$(NOTIFIER) is neither fast nor reference)
endif
# The BUILD that was asked for, if one was; an empty one is none.
ASKED_BUILD := $(if $(filter-out undefined,$(origin BUILD)),$(BUILD))
override BUILD := $(or $(ASKED_BUILD),$(if $(filter reference,$(NOTIFIER)),reference,test))
# Of goals that build nothing, BUILD may be anything.
BUILDS_NOTHING := $(and $(MAKECMDGOALS),$(if $(filter-out help doctor clean \
	deps deps-%,$(MAKECMDGOALS)),,yes))
KIND := $(firstword $(subst -no-, ,$(BUILD)))
ifeq ($(filter $(KIND),$(KINDS))$(BUILDS_NOTHING),)
$(error BUILD=$(BUILD) is none of: $(KINDS), each with -no-OPTION behind it)
endif

override COMPILER := $(or $(COMPILER),gcc)
ifeq ($(filter gcc clang,$(COMPILER))$(BUILDS_NOTHING),)
$(error COMPILER=$(COMPILER) is neither gcc nor clang)
endif
O ?= build/$(BUILD)$(if $(filter clang,$(COMPILER)),-clang)

# $(call known,OPTIONS,WHERE): the same, or the end, if there are no such.
known = $(if $(BUILDS_NOTHING),$(filter $(OPTIONS),$1),$(if \
	$(filter-out $(OPTIONS),$1),$(error $2: there is no option \
	$(filter-out $(OPTIONS),$1); there are $(OPTIONS)),$1))
# $(call missing,OPTIONS,x): what x needs and OPTIONS have not.
missing = $(filter-out $1,$(NEEDS_$2))

LACKED := $(call known,$(wordlist 2,99,$(subst -no-, ,$(BUILD))),BUILD=$(BUILD))
PRESENT := $(filter-out $(LACKED),$(CONFIG_$(KIND)))
CONFIG ?= $(foreach o,$(PRESENT),$(if $(call missing,$(PRESENT),$o),,$o))
$(foreach o,$(call known,$(CONFIG),CONFIG),$(if $(call missing,$(CONFIG),$o),$(error CONFIG: $o \
	needs $(call missing,$(CONFIG),$o))))

KERNEL_DIRS := arch/x86_64 lib kernel block mm drivers demo bench tests/ktest \
	tests/lib tests/kernel tests/block tests/mm tests/arch tests/drivers tests/demo tests/panic
# What lies in bench/host and bench/index runs on the host.
ALL_CSRC := $(filter-out bench/host/% bench/index/%,$(sort $(shell find $(KERNEL_DIRS) -name '*.c')))
# What the table takes out of this kernel; each of its lines is about something.
DROPPED := $(foreach o,$(OPTIONS),$(if $(filter $o,$(CONFIG)),$(WITHOUT_$o),$(ONLY_$o)))
$(foreach o,$(OPTIONS),$(foreach p,$(ONLY_$o) $(WITHOUT_$o),$(if \
	$(filter $p,$(ALL_CSRC)),,$(error options.mk: no source is $p))))
CSRC := $(filter-out $(DROPPED),$(ALL_CSRC))
ASRC := $(sort $(shell find $(KERNEL_DIRS) -name '*.asm'))
OBJS := $(CSRC:%.c=$(O)/%.o) $(ASRC:%.asm=$(O)/%.asm.o)

# ---- with what -------------------------------------------------------------

# Always a cross compiler by name: on amd64 Debian's own gcc is one.
ifeq ($(origin CROSS_COMPILE),undefined)
CROSS_COMPILE := $(firstword $(foreach p,x86_64-elf- x86_64-linux-gnu-,\
	$(if $(shell command -v $(p)gcc 2>/dev/null),$(p))) x86_64-linux-gnu-)
endif

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
export OBJCOPY NM
NASM := nasm
HOSTCC ?= gcc

WARN := -Wall -Wextra -Wshadow -Wsign-compare -Wmissing-prototypes \
	-Wstrict-prototypes -Wvla -Wno-unused-parameter -Werror
DEFS := $(addprefix -DCONFIG_,$(addsuffix =1,$(CONFIG))) \
	-DKTEST_SLOWER=$(or $(SLOWER_$(KIND)),1)
INCLUDES := -Iinclude -Iarch/x86_64/include -iquote . -fmacro-prefix-map=./=
CFLAGS := -std=gnu11 $(or $(OPTIMIZE_$(KIND)),-O2) -g -ffreestanding -fno-pic -fno-pie -mcmodel=kernel \
	-mno-red-zone -mgeneral-regs-only -fno-stack-protector \
	-fno-omit-frame-pointer -fno-strict-aliasing -fno-common \
	-fno-asynchronous-unwind-tables -fno-delete-null-pointer-checks \
	-fcf-protection=none $(INCLUDES) $(DEFS) $(WARN) $(CC_FLAGS)
ifneq ($(filter UBSAN,$(CONFIG)),)
UBSAN_CFLAGS := -fsanitize=undefined -fno-sanitize=object-size,null
endif
# A call before each access that others may see; the detector itself has none.
# The calls hide from gcc which variables are set.  Where UBSan looks at the value of
# a bool or an enum it loads it without volatile: a marked read would be a plain one.
ifneq ($(filter RACE,$(CONFIG)),)
UBSAN_CFLAGS += -fno-sanitize=bool,enum
RACE_CFLAGS_gcc := --param=tsan-distinguish-volatile=1 \
	--param=tsan-instrument-func-entry-exit=0 -Wno-maybe-uninitialized
RACE_CFLAGS_clang := -mllvm -tsan-distinguish-volatile=1 \
	-mllvm -tsan-instrument-func-entry-exit=0
RACE_CFLAGS := -fsanitize=thread $(RACE_CFLAGS_$(COMPILER))
$(O)/kernel/race/%.o: RACE_CFLAGS =
endif
# A call before each access, of names that are gcc's.
ifneq ($(filter KASAN,$(CONFIG)),)
KASAN_SHADOW := $(shell awk '$$2 == "KASAN_SHADOW_OFFSET" { print substr($$3, 1, 18) }' \
	arch/x86_64/include/asm/paging.h)
KASAN_CFLAGS = $(if $(filter clang,$(COMPILER)),$(error BUILD=$(BUILD) is gcc's only))\
	-fsanitize=kernel-address -fasan-shadow-offset=$(KASAN_SHADOW) \
	--param asan-instrumentation-with-call-threshold=0 \
	--param asan-stack=1 --param asan-globals=1 -fsanitize-address-use-after-scope
endif
FRAME_MOST = $(or $(FRAME_$(KIND)),$(FRAME))
# clang inlines elsewhere; the kernel that runs is gcc's.
FRAME_CFLAGS = $(if $(filter gcc,$(COMPILER)),-Wframe-larger-than=$(FRAME_MOST))
# A counter for each arc, and a table of them (linker.ld) that scripts/coverage.py
# reads. Atomic: gcc computes half of the arcs from the others, and a lost count
# would make one of those wrong. With -Og gcc does not see of some variables that
# they are set whenever they are read. UBSan's checks would be branches that nothing
# takes; they are in the tests alone, which count and are not counted.
ifneq ($(and $(filter COVERAGE,$(CONFIG)),$(filter gcc,$(COMPILER))),)
COVERAGE_CFLAGS = -fprofile-arcs -ftest-coverage -fprofile-update=atomic \
	-fprofile-info-section=.gcov_info
CFLAGS += -Wno-maybe-uninitialized
$(O)/tests/%.o: COVERAGE_CFLAGS :=
$(O)/tests/%.o: UBSAN_CFLAGS := $(UBSAN_CFLAGS)
UBSAN_CFLAGS :=
endif
# $(call sanitizers,SOURCE): what the compiler adds to it.
sanitizers = $(UBSAN_CFLAGS) $(RACE_CFLAGS) $(COVERAGE_CFLAGS) \
	$(if $(filter $(KASAN_UNCHECKED),$1),,$(KASAN_CFLAGS))
# $(call ld_has,OPTION): the option, if this ld knows it.  binutils 2.39 warns
# of an image without segments, and is the first to know how not to.
ld_has = $(shell $(LD) $1 -v >/dev/null 2>&1 && echo '$1')
LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack \
	$(call ld_has,--no-warn-rwx-segments) --build-id=none -T linker.ld

# ---- how it runs -----------------------------------------------------------

SMP ?= 2
PEER ?=
T ?=
MIN ?=
REPEAT ?= 1
SEED ?=
# Seconds until the host gives a boot up: run-qemu has its own, for a usual build.
TIMEOUT ?= $(if $(SLOWER_$(KIND)),$(shell echo $$((300 * $(SLOWER_$(KIND))))))
BOOTS ?=
DEADLINE ?=
SWITCH ?=
SLOTS ?=
TRACE ?=
OPEN ?=
RACE ?=
CHECK ?=
export SMP PEER T REPEAT SEED MIN TIMEOUT BOOTS DEADLINE SWITCH SLOTS TRACE OPEN RACE CHECK
# A file, a mutant, a folder: of `make mutate` and `make exercise`.
export F POOL DIR
# Of `make map`.
export MM BROWSER MACHINE

comma := ,

# For a script that starts makes of its own: they are no jobs of this one, and
# would only complain, among the words they were asked for, of a jobserver that
# they cannot reach.
ALONE := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL

KERNEL := $(O)/concord.elf
PEER_BIN := build/peer/plain/concord-peer

##@ Build
.PHONY: all
all: $(KERNEL) ## the kernel image of BUILD: test, the default; debug; release; test-no-LOCKDEP or so, see options.mk [COMPILER=clang]

# Compiled and not linked, for the checks; and what there is, for scripts.
.PHONY: objects warnings builds options sources
objects: $(OBJS)
warnings: $(CSRC:%.c=$(O)/%.warnings)
# Each set of options once: `bare` is among LACKING, `debug` has those of `test`.
BUILDS := $(filter-out bare debug,$(KINDS)) $(LACKING)
builds:
	@echo $(BUILDS)
options:
	@echo $(CONFIG)
sources:
	@echo $(CSRC)

.PHONY: iso
iso: deps-image ## a bootable ISO of BUILD, for BIOS and UEFI
	@$(MAKE) --no-print-directory $(O)/concord.iso

.PHONY: compile_commands.json
compile_commands.json: ## how each source is compiled, for clangd and other editors; compiles nothing
	@$(ALONE) scripts/compile_commands.py $(BUILD) $(BUILDS) >$@.new
	@mv $@.new $@

.PHONY: peer
peer: $(PEER_BIN) ## the host program that is the device

# Tests break the rules of locks on purpose, to see them reported at run time.
$(O)/tests/%.o $(O)/tests/%.warnings: ANALYSIS =

$(O)/tests/%.o: FRAME_MOST = $(FRAME_TESTS)
$(O)/bench/%.o: FRAME_MOST = $(FRAME_BENCH)

# When the flags differ from those of the last build, everything is rebuilt.
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(FRAME_CFLAGS) $(UBSAN_CFLAGS) $(RACE_CFLAGS) $(KASAN_CFLAGS) $(COVERAGE_CFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(CFLAGS) $(FRAME_CFLAGS) $(UBSAN_CFLAGS) $(RACE_CFLAGS) $(KASAN_CFLAGS) $(COVERAGE_CFLAGS)' >$@

$(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CFLAGS) $(FRAME_CFLAGS) $(ANALYSIS) $(call sanitizers,$<) -MMD -MP -c $< -o $@

# Never made: what a compiler has to say, without the work of compiling.
$(O)/%.warnings: %.c
	@$(CC) $(CFLAGS) $(ANALYSIS) -fsyntax-only $<

$(O)/%.asm.o: %.asm $(O)/flags
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	@$(NASM) -f elf64 -g -F dwarf -MD $(@:.o=.d) $< -o $@

# Linked twice.  The table of symbols lies behind everything whose address it
# holds, so the second link, which has the table, moves none of them.
$(O)/ksyms-none.asm: scripts/kallsyms
	@mkdir -p $(@D)
	@awk -f scripts/kallsyms </dev/null >$@

$(O)/ksyms-%.o: $(O)/ksyms-%.asm
	@$(NASM) -f elf64 $< -o $@

# When a source went, or an option took it, no object is newer than the image.
$(O)/objects: FORCE
	@mkdir -p $(@D)
	@echo '$(OBJS)' | cmp -s - $@ || echo '$(OBJS)' >$@
	@echo '$(filter $(DROPPED),$(ALL_CSRC))' >$(O)/dropped

$(O)/first.elf: $(OBJS) $(O)/objects $(O)/ksyms-none.o linker.ld
	@$(LD) $(LDFLAGS) -o $@ $(OBJS) $(O)/ksyms-none.o

$(O)/ksyms-full.asm: $(O)/first.elf
	@$(NM) -n $< | awk -f scripts/kallsyms >$@

$(KERNEL): $(O)/first.elf $(O)/ksyms-full.o
	@echo "  LD      $@"
	@$(LD) $(LDFLAGS) -o $@ $(OBJS) $(O)/ksyms-full.o
	@$(NM) -n $@ | awk -f scripts/kallsyms | cmp - $(O)/ksyms-full.asm || \
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
SCRIPT_TESTS := traces pagemap mappage ktap hostprograms asked meant selection machinetable explain rules order quote \
	timelines page tracks seen drawn session surroundings static compile_commands callgrind call_order mutants exercises counts analysed
HOST_TESTS := $(SCRIPT_TESTS) $(PEER_VARIANTS:%=peer-%)
$(foreach t,$(SCRIPT_TESTS),$(eval HOST_CMD_$t := tests/scripts/$t_test.py))
HOST_CMD_call_order += $(O)
.PHONY: $(SCRIPT_TESTS)
$(SCRIPT_TESTS):
call_order: peer $(filter $(O)/drivers/peer/%,$(OBJS))
define peer_variant
HOST_CMD_peer-$(1) := build/peer/$(1)/peer_test build/peer/$(1)/concord-peer
.PHONY: peer-$(1)
peer-$(1):
	@$$(MAKE) -s --no-print-directory -C peer VARIANT=$(1) O=../build/peer tests
endef
$(foreach variant,$(PEER_VARIANTS) coverage,$(eval $(call peer_variant,$(variant))))

.PHONY: $(PEER_BIN)
$(PEER_BIN):
	@$(MAKE) -s --no-print-directory -C peer VARIANT=plain O=../build/peer all

include $(wildcard tests/host/build.mk tests/explore/build.mk tests/model/litmus/build.mk \
	bench/host/build.mk bench/index/build.mk)

# All that is compiled for the host but the peer, for scripts.
.PHONY: host-programs
host-programs: $(HOST_NOTIFIER) $(HOST_SEEDED) $(BENCH_HOST) $(INDEX_PROGRAMS) $(EXPLORE_PROGRAMS)

# What runs on the host is the same beside every kernel: once is enough.
HOST_WORDS = $(if $(filter build/test,$(O)),$(foreach t,$(HOST_TESTS),'$(t)=$(HOST_CMD_$(t))'))

# Compile on all CPUs; a -j on the command line has the last word.  What boots,
# measures or installs comes one after another: two boots at a time would
# disturb each other's clocks.
COMPILES := all objects warnings peer host-tests $(HOST_TESTS) build/%
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
ifneq ($(filter-out $(COMPILES),$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

##@ Run
# $(call build_or,KIND): the BUILD that was asked for, or else this kind.
build_or = BUILD=$(or $(ASKED_BUILD),$(if $(filter reference,$(NOTIFIER)),reference,$1))
NEEDS_DEVICE := $(if $(filter none,$(PEER)),,peer)

.PHONY: run
run: asked-run deps-run ## boot and run the contest [SMP=2 BUILD=test PEER=none, with it FIRMWARE=uefi]; stays in the monitor on a terminal
	@$(MAKE) --no-print-directory $(call build_or,release) all $(NEEDS_DEVICE)
	@rm -f build/trace.bin
	@$(MAKE) --no-print-directory $(call build_or,release) BOOT_MORE='$(RECORDED)' boot; ended=$$?; \
		[ ! -e build/trace.bin ] || echo 'to see what happened: make timeline'; exit $$ended

.PHONY: debug
debug: asked-debug deps-debug ## boot BUILD=debug and wait for gdb: docs/debugging.md
	@$(MAKE) --no-print-directory $(call build_or,debug) all $(NEEDS_DEVICE)
	@$(MAKE) --no-print-directory $(call build_or,debug) BOOT_MORE=--gdb boot

.PHONY: trace
trace: asked-trace deps-run ## record a contest, or tests, into build/trace.bin: docs/trace.md [T='suite.test' SMP=2 PEER=none SLOTS=32768 SEED=n]
	@$(MAKE) --no-print-directory $(call build_or,$(if $(T),test,release)) all $(NEEDS_DEVICE)
	@$(MAKE) --no-print-directory $(call build_or,$(if $(T),test,release)) boot-traced

.PHONY: map
map: asked-map deps-map ## what is mapped where in a machine that runs, hangs or was kept: docs/map.md [MM=n N=maps BROWSER=yes MACHINE=folder]
	@scripts/map.py $(if $(MACHINE),--machine '$(MACHINE)') $(if $(MM),--mm $(MM)) \
		$(if $(N),--count $(N)) $(if $(BROWSER),--browser)

.PHONY: timeline
timeline: asked-timeline deps-timeline ## the last `make run` or `make trace` as a page, build/timeline.html: docs/timeline.md [TRACE=file OPEN=yes]
	@scripts/timeline.py $(if $(OPEN),--open) $(if $(TRACE),'$(TRACE)')

.PHONY: perfetto
perfetto: asked-perfetto deps-timeline ## the same as a file for Perfetto, build/trace.perfetto-trace: docs/perfetto.md [TRACE=file]
	@scripts/perfetto.py $(if $(TRACE),'$(TRACE)')

.PHONY: see
see: asked-see deps-run ## a race of docs/races.md as a timeline beside its two columns, build/see/RACE.html [RACE=name OPEN=yes]; without RACE: their names
	$(if $(RACE),@$(MAKE) --no-print-directory BUILD=test all peer)
	@scripts/see.py $(if $(OPEN),--open) $(RACE)

.PHONY: figures
figures: asked-figures deps-run ## the pictures of docs/figures, from traces and maps made now [FIGURE=name CHECK=yes: compare with those that are there]
	@$(MAKE) --no-print-directory BUILD=release all peer
	@$(MAKE) --no-print-directory BUILD=test all
	@scripts/figures.py $(if $(CHECK),--check) $(FIGURE)

# All of a contest fits into these rings.
RECORDED = --append observe --append trace_slots=$(or $(SLOTS),32768) --trace build/trace.bin

.PHONY: boot boot-traced
boot:
	@scripts/run-qemu --image $(KERNEL) --mode run $(BOOT_MORE)
# Without a terminal: the contest alone, and no monitor after it.
boot-traced:
	@scripts/run-qemu --image $(KERNEL) --mode $(if $(T),test --append test='$(T)',run) \
		$(if $(SEED),--append seed=$(SEED)) $(RECORDED) </dev/null

##@ Test
TEST_AGAIN := make test $(if $(filter build/test,$(O)),,BUILD=$(BUILD) COMPILER=$(COMPILER))

.PHONY: test
test: asked-test deps-test ## host tests, boots, panic images [T='suite.glob*,-suite.not' REPEAT=n SEED=n SMP=n PEER=none BOOTS=no DEADLINE=s V=1]; BUILD=race with SWITCH=n: an order of the tasks; BUILD=debug, COMPILER=clang: that kernel, without the host tests
	$(if $(filter KTEST,$(CONFIG)),,$(error BUILD=$(BUILD): no tests are in this kernel))
	$(if $(SWITCH),$(if $(filter RACE,$(CONFIG)),,$(error SWITCH=$(SWITCH) is for BUILD=race)))
	@needs=$$(scripts/run-tests.py --needs $(HOST_WORDS)) && \
		$(MAKE) --no-print-directory $$needs
	@scripts/run-tests.py --build $(O) --again '$(strip $(TEST_AGAIN))' $(HOST_WORDS)

.PHONY: soak
soak: asked-soak deps-soak ## random operations on processes that fork, beside an oracle, as long as asked: docs/testing.md [MIN=10 SMP=n SEED=n BUILD=kasan|race PEER=none SWITCH=n]
	$(if $(filter KTEST,$(CONFIG)),,$(error BUILD=$(BUILD): no tests are in this kernel))
	@$(MAKE) --no-print-directory all $(NEEDS_DEVICE)
	@scripts/soak.py --build $(O) --again '$(strip $(TEST_AGAIN))'

.PHONY: machines
machines: asked-machines deps-test ## the machines of tests/machines, on a busy host [N=100 T='pc_*' PEER=none SPINNERS=2 QEMU=newer V=1]
	@$(MAKE) --no-print-directory BUILD=test all $(if $(filter none,$(PEER)),,peer)
	@scripts/machines.py --build build/test

.PHONY: configs
configs: asked-configs deps-configs peer ## kernels that lack options: gcc, clang, nothing left of what they lack, boots [BUILD=test-no-LOCKDEP or LACKING=bare,test-no-DEBUG T='suite.glob*' SMP=n SEED=n]
	@$(ALONE) scripts/configs.py $(or $(ASKED_BUILD),$(subst $(comma), ,$(LACKING)))

# Its programs on the host are kinds of their own, and do not run in other tests.
COVERAGE_WORDS = $(COVERAGE_PROGRAMS) 'peer-coverage=build/peer/coverage/peer_test build/peer/coverage/concord-peer'
.PHONY: coverage
coverage: asked-coverage deps-coverage ## which lines and branches ran, of kernels and programs: a table, pages in build/coverage/pages, goals [T='suite.glob*': what these tests reach; SMP=n SEED=n BOOTS=no]
	@$(MAKE) --no-print-directory BUILD=coverage all peer-coverage $(COVERAGE_PROGRAMS)
	@$(ALONE) scripts/coverage.py clear
	@COUNTERS=$(CURDIR)/build/coverage/counts TIMEOUT=$(or $(TIMEOUT),1200) PEER=$(or $(PEER),build/peer/coverage/concord-peer) \
		scripts/run-tests.py --build build/coverage --again 'make coverage' $(COVERAGE_WORDS); \
		ran=$$?; scripts/coverage.py report && exit $$ran

.PHONY: mutate
mutate: asked-mutate deps-mutate peer ## change a source in many small ways, one at a time: which changes does no test notice? [F='FILE...' N=100 SEED=n T='suite.glob*'; POOL=yes or a name: the mutants of tests/mutants/pool]
	@$(ALONE) scripts/mutate/mutate.py

.PHONY: exercise exercise-check
exercise: asked-exercise deps-exercise ## a copy of the tree with a fault in it, to be found: docs/exercises.md [N=n DIR=folder]
	@$(ALONE) scripts/mutate/exercise.py
exercise-check: asked-exercise-check deps-mutate peer ## does the test that was written in the copy find the fault? [DIR=folder]
	@$(ALONE) scripts/mutate/exercise_check.py

.PHONY: assure
assure: asked-assure ## all that CI runs, with the long steps whole: hours [STEPS='check model' SEED=n]
	@$(ALONE) scripts/steps assure $(STEPS)

.PHONY: host-tests
host-tests: $(HOST_TESTS) ## build what is tested on the host, without QEMU

.PHONY: model
model: deps-model ## search the models of the protocols exhaustively (spin)
	@mkdir -p build/model
	@{ tests/model/run build/model; echo $$? >build/model/status; } | \
		tee build/model/log.tap | grep --line-buffered -E '^(not )?ok|^#'; \
		scripts/ktap.py --status $$(cat build/model/status) build/model/log.tap

.PHONY: check
check: deps-check ## format, warnings of both compilers, lock annotations, headers, layering, documents
	@$(ALONE) scripts/check.py

.PHONY: analyse
analyse: deps-analyse ## clang's static analyser over the kernel, the peer and the notifier core of the host
	@$(ALONE) scripts/analyse.py

.PHONY: bench
bench: deps-bench ## instructions per operation beside Linux's, branches and cache misses; writes build/bench.csv
	@$(MAKE) --no-print-directory BUILD=release all $(BENCH_HOST)
	@scripts/bench.py $(BENCH_HOST)

.PHONY: index-bench
index-bench: asked-index-bench deps-index ## designs of the interval index: instructions, cache misses, time [N='10 1000' OPS=n SEED=n CLOCK=no]
	@$(MAKE) --no-print-directory $(INDEX_PROGRAMS)
	@bench/index/run.py $(INDEX_PROGRAMS)

# Before anything is installed, built or booted: are the values of a target's
# variables such that it can go?
ASKED_run := SMP PEER FIRMWARE TIMEOUT QEMU ACCEL
ASKED_trace := SMP PEER T SLOTS SEED TIMEOUT QEMU ACCEL
ASKED_timeline := TRACE OPEN
ASKED_perfetto := TRACE
ASKED_map := MM N BROWSER MACHINE
ASKED_see := RACE OPEN
ASKED_figures := FIGURE CHECK
ASKED_debug := SMP PEER FIRMWARE QEMU ACCEL
ASKED_test := SMP PEER T REPEAT SEED TIMEOUT BOOTS DEADLINE SWITCH QEMU ACCEL
ASKED_soak := MIN SMP PEER SEED TIMEOUT DEADLINE SWITCH QEMU ACCEL
ASKED_machines := N T PEER SPINNERS QEMU ACCEL
ASKED_coverage := SMP PEER T SEED TIMEOUT BOOTS DEADLINE
ASKED_mutate := F N SEED T POOL
ASKED_exercise := N DIR
ASKED_exercise-check := DIR
ASKED_assure := SEED
ASKED_configs := LACKING SMP PEER T SEED TIMEOUT DEADLINE QEMU ACCEL
ASKED_index-bench := N+ OPS SEED CLOCK
ASKED_host-notifier := OPS ROUNDS SEED
ASKED_explore := T BOUND MOST N SEED REPLAY
ASKED := $(patsubst ASKED_%,asked-%,$(filter-out ASKED_BUILD,$(filter ASKED_%,$(.VARIABLES))))
.PHONY: $(ASKED)
$(ASKED): asked-%:
	@! command -v python3 >/dev/null || scripts/asked.py $(ASKED_$*)

##@ Care
.PHONY: doctor
doctor: ## say what can go here (run, test, check, ...), and what is missing for the rest
	@scripts/deps --doctor

.PHONY: deps deps-host deps-image deps-run deps-test deps-check deps-configs \
	deps-debug deps-model deps-bench deps-index deps-mutate deps-exercise deps-explore \
	deps-coverage deps-analyse deps-timeline deps-see deps-map deps-soak
deps: ## install everything that any target needs
	@scripts/deps run test check debug model index mutate explore coverage analyse see
deps-host deps-image deps-run deps-test deps-check deps-configs deps-debug \
deps-model deps-bench deps-index deps-mutate deps-exercise deps-explore deps-coverage deps-analyse \
deps-timeline deps-see deps-map deps-soak: deps-%:
	@scripts/deps $*

.PHONY: clean
clean: ## remove build/
	rm -rf build

.PHONY: help
help: ## this list
	@awk -f scripts/help $(filter %Makefile %.mk,$(MAKEFILE_LIST))

.PHONY: FORCE
FORCE:
