// SPDX-License-Identifier: MIT
/*
 * peer/option.c - the options that SET_OPTION sets
 *
 *	option			of a context	with context 0
 *	RMW_WINDOW_NS, _ATOMIC	its own		of contexts created later
 *	test options below	its own		refused
 *	HANG_AFTER
 *	HANG_AFTER and above	refused		of the device
 *
 * Each HELLO sets all of them back to the command line's values. The contexts end,
 * and their options with them; options_reset() does the rest.
 *
 * Checked in this order: may test options be set at all; does the option exist, with
 * its value in bounds; does the context exist; can the option be set there.
 *
 * Tests: tests/peer, groups "option" and "trouble".
 */
#include "device.h"

void options_reset(struct device *device)
{
	const struct device_config *config = &device->config;

	device->rmw_window_ns = config->rmw_window_ns;
	device->rmw_atomic = config->rmw_atomic;
	atomic_store(&device->hang_left, config->hang_after);
	atomic_store(&device->die_left, config->die_after);
	atomic_store(&device->lie, PEER_LIE_NONE);
}

/* Options of the device as a whole, and defaults for new contexts. */
static enum peer_status set_device_option(struct device *device,
					  uint32_t option, uint64_t value)
{
	switch (option) {
	case PEER_OPT_RMW_WINDOW_NS:
		device->rmw_window_ns = value;
		return PEER_S_OK;
	case PEER_OPT_RMW_ATOMIC:
		device->rmw_atomic = value;
		return PEER_S_OK;
	case PEER_OPT_TEST_HANG_AFTER:
		atomic_store(&device->hang_left, value);
		return PEER_S_OK;
	case PEER_OPT_TEST_DIE_AFTER:
		atomic_store(&device->die_left, value);
		return PEER_S_OK;
	case PEER_OPT_TEST_LIE:
		atomic_store(&device->lie, value);
		return PEER_S_OK;
	default:
		return PEER_S_BAD_REQUEST;
	}
}

static enum peer_status set_context_option(struct context *context,
					   uint32_t option, uint64_t value)
{
	switch (option) {
	case PEER_OPT_RMW_WINDOW_NS:
		atomic_store(&context->rmw_window_ns, value);
		return PEER_S_OK;
	case PEER_OPT_RMW_ATOMIC:
		atomic_store(&context->rmw_atomic, value);
		return PEER_S_OK;
	case PEER_OPT_TEST_EARLY_ACK:
		atomic_store(&context->test_early_ack, value);
		return PEER_S_OK;
	case PEER_OPT_TEST_KEEP_MAPPING:
		atomic_store(&context->test_keep_mapping, value);
		return PEER_S_OK;
	case PEER_OPT_TEST_EARLY_GRANT:
		atomic_store(&context->test_early_grant, value);
		return PEER_S_OK;
	case PEER_OPT_TEST_STALL_NS:
		atomic_store(&context->test_stall_ns, value);
		return PEER_S_OK;
	case PEER_OPT_TEST_LOSE_PAGE_REQUESTS:
		atomic_store(&context->test_lose, value);
		return PEER_S_OK;
	case PEER_OPT_TEST_LOSE_REPLAYS:
		atomic_store(&context->test_lose_replays, value);
		return PEER_S_OK;
	case PEER_OPT_TEST_ASK_AGAIN:
		atomic_store(&context->test_ask_again, value);
		return PEER_S_OK;
	default:
		return PEER_S_BAD_REQUEST;
	}
}

/* Is there such an option, with @value within its bounds? */
static bool is_valid(uint32_t option, uint64_t value)
{
	switch (option) {
	case PEER_OPT_RMW_WINDOW_NS:
		return value <= PEER_MAX_RMW_WINDOW_NS;
	case PEER_OPT_TEST_STALL_NS:
		return value <= PEER_MAX_STALL_NS;
	case PEER_OPT_TEST_LIE:
		return value < PEER_LIE_COUNT;
	case PEER_OPT_TEST_LOSE_PAGE_REQUESTS:
	case PEER_OPT_TEST_LOSE_REPLAYS:
	case PEER_OPT_TEST_ASK_AGAIN:
	case PEER_OPT_TEST_HANG_AFTER:
	case PEER_OPT_TEST_DIE_AFTER:
		return value <= INT64_MAX;
	case PEER_OPT_RMW_ATOMIC:
	case PEER_OPT_TEST_EARLY_ACK:
	case PEER_OPT_TEST_KEEP_MAPPING:
	case PEER_OPT_TEST_EARLY_GRANT:
		return value <= 1;
	default:
		return false;
	}
}

enum peer_status option_set(struct device *device,
			    const struct peer_wire_set_option *r)
{
	enum peer_status status = PEER_S_NO_CONTEXT;
	struct context *context;

	if (r->option >= PEER_OPT_TEST_EARLY_ACK &&
	    !(device->features & PEER_F_TEST_OPTIONS))
		return PEER_S_NOT_PERMITTED;
	if (!is_valid(r->option, r->value))
		return PEER_S_BAD_REQUEST;
	if (!r->head.ctx)
		return set_device_option(device, r->option, r->value);
	context = context_get(device, r->head.ctx);
	if (context) {
		status = set_context_option(context, r->option, r->value);
		context_put(context);
	}
	return status;
}
