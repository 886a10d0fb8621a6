# SPDX-License-Identifier: MIT
#
# Concord. `make help` lists the targets.

BUILD ?= test
O := build/$(BUILD)

CROSS_COMPILE ?= x86_64-linux-gnu-
CC := $(CROSS_COMPILE)gcc
LD := $(CROSS_COMPILE)ld
NM := $(CROSS_COMPILE)nm
NASM := nasm

CONFIG_test := MMU_NOTIFIER DEVICE_PRIVATE LOCKDEP DEBUG UBSAN KTEST
CONFIG_release := MMU_NOTIFIER DEVICE_PRIVATE
CONFIG ?= $(CONFIG_$(BUILD))

WARN := -Wall -Wextra -Wshadow -Wsign-compare -Wmissing-prototypes \
	-Wstrict-prototypes -Wvla -Wno-unused-parameter -Werror
CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fno-pic -fno-pie -mcmodel=kernel \
	-mno-red-zone -mgeneral-regs-only -fno-stack-protector \
	-fno-omit-frame-pointer -fno-strict-aliasing -fno-common \
	-fno-asynchronous-unwind-tables -fno-delete-null-pointer-checks \
	-fcf-protection=none -Iinclude -Iarch/x86_64/include \
	$(addprefix -DCONFIG_,$(addsuffix =1,$(CONFIG))) $(WARN)
ifneq ($(filter UBSAN,$(CONFIG)),)
UBSAN_CFLAGS := -fsanitize=undefined -fno-sanitize=object-size,null
endif

KERNEL_DIRS := arch/x86_64 kernel mm drivers demo
KERNEL_DIRS_test := tests/ktest tests/kernel tests/mm tests/arch tests/drivers
KERNEL_DIRS_release := bench
SRC_DIRS := $(wildcard $(KERNEL_DIRS) $(KERNEL_DIRS_$(BUILD)))
CSRC := $(shell find $(SRC_DIRS) -name '*.c')
ASRC := $(shell find $(SRC_DIRS) -name '*.asm')
OBJS := $(CSRC:%.c=$(O)/%.o) $(ASRC:%.asm=$(O)/%.asm.o)

all: $(O)/concord.elf

$(O)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CFLAGS) $(UBSAN_CFLAGS) -MMD -MP -c $< -o $@

$(O)/%.asm.o: %.asm Makefile
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	@$(NASM) -f elf64 -g -F dwarf -MD $(@:.o=.d) $< -o $@

$(O)/concord.elf: $(OBJS) linker.ld
	@echo "  LD      $@"
	@$(LD) -nostdlib -static -z max-page-size=4096 -z noexecstack \
		--no-warn-rwx-segments --build-id=none -T linker.ld \
		-o $@ $(OBJS)

clean:
	rm -rf build

-include $(OBJS:.o=.d)

.PHONY: all clean
.DELETE_ON_ERROR:
