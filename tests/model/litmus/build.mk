# SPDX-License-Identifier: MIT
#
# tests/model/litmus/build.mk - the litmus tests, by a checker of Debian's

##@ Test
.PHONY: litmus
litmus: deps-model ## run the litmus tests of the core's barriers through every order that C11 allows (Relacy)
	@mkdir -p build/litmus
	@status=0; tests/model/litmus/check build/litmus >build/litmus/log.tap || \
		status=$$?; grep -E '^(not )?ok|^#' build/litmus/log.tap; \
		scripts/ktap.py --status $$status build/litmus/log.tap
