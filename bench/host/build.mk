# SPDX-License-Identifier: MIT
#
# bench/host/build.mk - the core's workloads as a host program, for callgrind
#
# For the host, but with the kernel's choice of registers, frames and calls.

BENCH_HOST := build/bench-host/workloads
BENCH_HOST_SOURCES := bench/host/main.c bench/notifier.c tests/host/host.c \
	$(LIFTED_RELEASE)
BENCH_HOST_OBJS := $(BENCH_HOST_SOURCES:%.c=build/bench-host/%.o)
BENCH_HOST_CFLAGS := -std=gnu11 -D_GNU_SOURCE -DHOST_ONE_THREAD -O2 -g -pthread \
	-fno-pic -fno-pie -mgeneral-regs-only -mno-red-zone \
	-fno-stack-protector -fno-omit-frame-pointer -fno-strict-aliasing \
	-fno-asynchronous-unwind-tables -fno-delete-null-pointer-checks \
	-fcf-protection=none -Ibench/host -Iinclude/host -Iinclude -iquote . \
	-include notifier_host.h $(WARN)

build/bench-host/%.o: %.c bench/host/build.mk
	@mkdir -p $(@D)
	@echo "  HOSTCC  $< (bench)"
	@$(HOSTCC) $(BENCH_HOST_CFLAGS) -MMD -MP -c $< -o $@

$(BENCH_HOST): $(BENCH_HOST_OBJS)
	@echo "  HOSTLD  $@"
	@$(HOSTCC) -no-pie -pthread -o $@ $^

-include $(BENCH_HOST_OBJS:.o=.d)
