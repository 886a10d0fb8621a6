# SPDX-License-Identifier: MIT
#
# bench/index/build.mk - the designs of the interval index, as host programs
#
# For the host, but with the kernel's choice of registers.

INDEX_DESIGNS := redblack bplus8 bplus16 bplus32
INDEX_PROGRAMS := $(INDEX_DESIGNS:%=build/index/%)
INDEX_SOURCES := bench/index/compare.c mm/notifier/interval_tree.c bench/index/bplus.c
INDEX_CFLAGS := -std=gnu11 -O2 -g -mgeneral-regs-only -fno-strict-aliasing \
	-Iinclude/host -Iinclude $(WARN)
INDEX_CFLAGS_redblack := -DINDEX='"index_redblack.h"'
$(foreach w,8 16 32,$(eval INDEX_CFLAGS_bplus$(w) := \
	-DINDEX='"index_bplus.h"' -DBPLUS_WIDTH=$(w)))

build/index/%: $(INDEX_SOURCES) $(wildcard bench/index/*.h) \
		include/mm/notifier/interval_tree.h bench/index/build.mk
	@mkdir -p $(@D)
	@echo "  HOSTCC  $@"
	@$(HOSTCC) $(INDEX_CFLAGS) $(INDEX_CFLAGS_$*) -o $@ $(INDEX_SOURCES)
