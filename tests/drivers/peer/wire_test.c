// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/wire_test.c - what a device may write, and what it may not
 */
#include <kernel/ktest.h>
#include <lib/errno.h>

#include "drivers/peer/internal.h"

#define SESSION 7

KTEST(peer_wire, each_status_has_an_errno_and_other_numbers_have_eproto)
{
	u32 status;

	EXPECT_EQ(peer_status_errno(PEER_S_OK), 0);
	for (status = PEER_S_OK + 1; status < PEER_S_COUNT; status++)
		EXPECT_LT(peer_status_errno(status), 0);
	EXPECT_EQ(peer_status_errno(PEER_S_COUNT), -EPROTO);
	EXPECT_EQ(peer_status_errno(~0u), -EPROTO);
}

static struct peer_wire_page_request valid_request(void)
{
	return (struct peer_wire_page_request){
		.tag = 1,
		.ctx = PEER_CONTEXTS,
		.access = PEER_ACCESS_ATOMIC,
		.va = PEER_PAGE_MASK & ((1ull << PEER_VA_BITS) - 1),
		.session = SESSION,
	};
}

static bool valid(const struct peer_wire_page_request *request)
{
	return peer_page_request_valid(request, SESSION);
}

KTEST(peer_wire, a_page_request_with_one_impossible_field_is_invalid)
{
	struct peer_wire_page_request r = valid_request();

	EXPECT(valid(&r));
	r.tag = 0;
	EXPECT(!valid(&r));
	r = valid_request();
	r.session++;
	EXPECT(!valid(&r));
	r = valid_request();
	r.ctx = 0;
	EXPECT(!valid(&r));
	r.ctx = PEER_CONTEXTS + 1;
	EXPECT(!valid(&r));
	r = valid_request();
	r.access = PEER_ACCESS_READ - 1;
	EXPECT(!valid(&r));
	r.access = PEER_ACCESS_ATOMIC + 1;
	EXPECT(!valid(&r));
	r = valid_request();
	r.va++;
	EXPECT(!valid(&r));
	r.va = 1ull << PEER_VA_BITS;
	EXPECT(!valid(&r));
}

KTEST(peer_wire, an_answer_that_claims_more_than_was_asked_is_invalid)
{
	struct peer_wire_work_done done = {.status = PEER_S_OK, .done = 5};

	EXPECT(peer_work_done_valid(&done, 5));
	EXPECT(!peer_work_done_valid(&done, 4));
	/* OK means all of it. */
	EXPECT(!peer_work_done_valid(&done, 6));
	done.status = PEER_S_FAULT;
	EXPECT(peer_work_done_valid(&done, 6));
	EXPECT(!peer_work_done_valid(&done, 4));
	done.status = PEER_S_COUNT;
	EXPECT(!peer_work_done_valid(&done, 5));
}
