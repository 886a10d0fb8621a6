# SPDX-License-Identifier: MIT
#
# peer/build.mk - the host program that is the device, in three builds
#
#	build/peer/concord-peer		what QEMU talks to
#	build/peer-asan/concord-peer	with AddressSanitizer and UBSan
#	build/peer-tsan/concord-peer	with ThreadSanitizer
#
# Everything but main.c is what the tests in tests/peer link with.

PEER_SRC := $(wildcard peer/*.c)
PEER_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -pthread -Ipeer \
	-Iinclude $(WARN)
PEER_CFLAGS_peer :=
PEER_CFLAGS_peer-asan := -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer
PEER_CFLAGS_peer-tsan := -fsanitize=thread -fno-omit-frame-pointer

define peer_build
build/$(1)/%.o: %.c peer/build.mk
	@mkdir -p $$(@D)
	@echo "  HOSTCC  $$< ($(1))"
	@$$(HOSTCC) $$(PEER_CFLAGS) $$(PEER_CFLAGS_$(1)) -MMD -MP -c $$< -o $$@

build/$(1)/concord-peer: $$(PEER_SRC:%.c=build/$(1)/%.o)
	@echo "  HOSTLD  $$@"
	@$$(HOSTCC) -pthread $$(PEER_CFLAGS_$(1)) -o $$@ $$^

-include $$(PEER_SRC:%.c=build/$(1)/%.d)
endef
$(foreach build,peer peer-asan peer-tsan,$(eval $(call peer_build,$(build))))
