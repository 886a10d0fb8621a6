// SPDX-License-Identifier: MIT
/*
 * tests/drivers/peer/grant_test.c - each answer that a device can give to a page
 *
 * The device is pretended (pretend.h): it asks for pages and answers the responses,
 * and makes no access.
 */
#include <kernel/sched/sched.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/fault/gup.h>
#include <mm/page/page.h>
#include <mm/space/mm.h>

#include "pretend.h"

/* Answers a FAULT_RESPONSE with the status in ->arg, and obeys otherwise. */
static u32 answer_responses(struct pretended *device,
			    struct peer_wire_request *request, void *answer)
{
	const struct peer_wire_fault_response *response = (const void *)request;
	u32 length = pretended_obey(device, request, answer);

	if (request->command == PEER_CMD_FAULT_RESPONSE &&
	    response->result == PEER_FAULT_OK)
		((struct peer_wire_answer *)answer)->status = *(u32 *)device->arg;
	return length;
}

static struct peer_context_stats stats_of(struct pretended *device)
{
	struct peer_context_stats stats;

	peer_context_stats(device->ctx, &stats);
	return stats;
}

static unsigned int translations(struct pretended *device)
{
	return peer_context_translations(device->ctx, NULL, 0);
}

static unsigned int sent(struct pretended *device, enum peer_command command)
{
	return READ_ONCE(device->commands[command]);
}

/* A device in an address space that answers responses with @status. NULL: failed. */
static struct pretended *enter(struct ktest *test, u32 *status)
{
	struct pretended *device = pretended_new(test);

	if (!device)
		return NULL;
	device->arg = status;
	device->command = answer_responses;
	return pretended_enter(device) ? device : NULL;
}

static void ask(struct pretended *device, u64 tag, u32 access)
{
	struct peer_wire_page_request request =
		pretended_request(device, tag, access);
	struct ktest *test = device->test;

	EXPECT(pretended_ask(device, &request, sizeof(request)));
}

/* Has the driver given each buffer back, so that it is done with the requests? */
static bool served(struct pretended *device)
{
	return READ_ONCE(device->peer->pages->vq.nr_free) ==
	       PRETEND_ENTRIES - PEER_REQUESTS;
}

KTEST(peer_grant,
      a_page_that_was_revoked_meanwhile_is_neither_taken_back_nor_denied)
{
	u32 status = PEER_S_REVOKED;
	struct pretended *device = enter(test, &status);

	REQUIRE(device);
	ask(device, 1, PEER_ACCESS_ATOMIC);
	KTEST_WAIT_FOR(test, stats_of(device).revoked == 1);
	KTEST_WAIT_FOR(test, served(device));
	EXPECT_EQ(stats_of(device).denied, 0UL);
	EXPECT_EQ(stats_of(device).replays, 0UL);
	EXPECT_EQ(sent(device, PEER_CMD_INVALIDATE), 0U);
	EXPECT_EQ(sent(device, PEER_CMD_FAULT_RESPONSE), 1U);
}

static void expect_taken_back(struct ktest *test, u32 status)
{
	struct pretended *device = enter(test, &status);

	REQUIRE(device);
	ask(device, 1, PEER_ACCESS_WRITE);
	KTEST_WAIT_FOR(test, sent(device, PEER_CMD_INVALIDATE) == 1);
	KTEST_WAIT_FOR(test, served(device));
	EXPECT_EQ(translations(device), 0U);
	EXPECT_EQ(stats_of(device).denied, 0UL);
	EXPECT_EQ(sent(device, PEER_CMD_FAULT_RESPONSE), 1U);
	EXPECT(peer_control_idle(device->peer));
	ktest_cleanup_now(test, device);
}

KTEST(peer_grant, a_page_for_work_that_is_gone_is_taken_back_and_nothing_is_denied)
{
	expect_taken_back(test, PEER_S_NO_TAG);
	expect_taken_back(test, PEER_S_CANCELED);
}

KTEST(peer_grant, a_page_that_the_device_has_no_room_for_is_taken_back_and_denied)
{
	u32 status = PEER_S_LIMIT;
	struct pretended *device = enter(test, &status);

	REQUIRE(device);
	ask(device, 1, PEER_ACCESS_ATOMIC);
	KTEST_WAIT_FOR(test, stats_of(device).denied == 1);
	KTEST_WAIT_FOR(test, served(device));
	EXPECT_EQ(translations(device), 0U);
	EXPECT_EQ(sent(device, PEER_CMD_INVALIDATE), 1U);
	EXPECT_EQ(sent(device, PEER_CMD_FAULT_RESPONSE), 2U);
	EXPECT(peer_control_idle(device->peer));
}

KTEST(peer_grant, a_grant_of_no_exclusive_page_counts_as_no_replay)
{
	u32 status = PEER_S_OK;
	struct pretended *device = enter(test, &status);

	REQUIRE(device);
	peer_context_policy(device->ctx, PEER_ATOMIC_PLAIN);
	ask(device, 1, PEER_ACCESS_ATOMIC);
	KTEST_WAIT_FOR(test, served(device) && stats_of(device).mapped == 1);
	EXPECT_EQ(stats_of(device).replays, 0UL);
	EXPECT_EQ(stats_of(device).grants, 0UL);
	EXPECT_EQ(translations(device), 1U);
	/* Once more: from the table, and as plain. */
	ask(device, 2, PEER_ACCESS_ATOMIC);
	KTEST_WAIT_FOR(test, sent(device, PEER_CMD_FAULT_RESPONSE) == 2);
	KTEST_WAIT_FOR(test, served(device));
	EXPECT_EQ(stats_of(device).mapped, 1UL);
	EXPECT_EQ(stats_of(device).grants, 0UL);
}

/* What the device has for reading is no answer to a request to write. */
KTEST(peer_grant, a_request_for_more_rights_than_the_table_has_looks_the_page_up)
{
	u32 status = PEER_S_OK;
	struct pretended *device = enter(test, &status);
	struct peer_translation found = {0};

	REQUIRE(device);
	ask(device, 1, PEER_ACCESS_READ);
	KTEST_WAIT_FOR(test, stats_of(device).mapped == 1);
	ask(device, 2, PEER_ACCESS_WRITE);
	KTEST_WAIT_FOR(test, stats_of(device).mapped == 2);
	EXPECT_EQ(peer_context_translations(device->ctx, &found, 1), 1U);
	EXPECT_EQ(found.prot, (u32)(PEER_MAP_READ | PEER_MAP_WRITE));
	ask(device, 3, PEER_ACCESS_ATOMIC);
	KTEST_WAIT_FOR(test, stats_of(device).mapped == 3);
	EXPECT_EQ(peer_context_translations(device->ctx, &found, 1), 1U);
	EXPECT(found.exclusive);
	/* And what it has for all is an answer to each. */
	ask(device, 4, PEER_ACCESS_READ);
	KTEST_WAIT_FOR(test, sent(device, PEER_CMD_FAULT_RESPONSE) == 4);
	KTEST_WAIT_FOR(test, served(device));
	EXPECT_EQ(stats_of(device).mapped, 3UL);
	EXPECT_EQ(stats_of(device).grants, 1UL);
}

/* The page's frame, referenced, as a CPU has it. */
static struct page *touch(struct pretended *device)
{
	struct page *page = NULL;

	mmap_read_lock(device->mm);
	if (get_user_pages_remote(device->mm, device->base, 1,
				  FOLL_WRITE | FOLL_GET, &page) != 1)
		page = NULL;
	mmap_read_unlock(device->mm);
	return page;
}

/*
 *	page request			this thread
 *					locks the page
 *	fault in: page p; lock: waits
 *					DONTNEED: the entry is empty
 *					unlocks
 *	the entry has changed: again	(p must not be given: it is nobody's)
 */
KTEST(peer_grant,
      a_page_that_went_while_its_lock_was_waited_for_is_looked_up_again)
{
	u32 status = PEER_S_OK;
	struct pretended *device = enter(test, &status);
	struct peer_translation found = {0};
	struct page *page;

	REQUIRE(device);
	page = touch(device);
	REQUIRE(page);
	lock_page(page);
	ask(device, 1, PEER_ACCESS_ATOMIC);
	KTEST_WAIT_FOR(test, stats_of(device).requests_atomic == 1);
	ktest_wait_blocked(test, device->ctx->thread);
	EXPECT_EQ(madvise_dontneed(device->mm, device->base, PAGE_SIZE), 0);
	unlock_page(page);
	KTEST_WAIT_FOR(test, stats_of(device).replays == 1);
	/* Before the section began: no round was lost by it. */
	EXPECT_EQ(stats_of(device).retries_changed, 0UL);
	EXPECT_EQ(peer_context_translations(device->ctx, &found, 1), 1U);
	EXPECT(found.exclusive);
	EXPECT_NE(found.pa, page_to_phys(page));
	put_page(page);
}

/*
 * A second thread of the device asks for an exclusive page whose lock is taken: the
 * table's answer would be a grant without the lock.
 */
KTEST(peer_grant, a_grant_from_the_table_waits_for_the_lock_of_its_page)
{
	u32 status = PEER_S_OK;
	struct pretended *device = enter(test, &status);
	struct page *page;

	REQUIRE(device);
	page = touch(device);
	REQUIRE(page);
	ask(device, 1, PEER_ACCESS_ATOMIC);
	KTEST_WAIT_FOR(test, stats_of(device).replays == 1);
	lock_page(page);
	ask(device, 2, PEER_ACCESS_ATOMIC);
	KTEST_WAIT_FOR(test, stats_of(device).requests_atomic == 2);
	ktest_wait_blocked(test, device->ctx->thread);
	EXPECT_EQ(sent(device, PEER_CMD_FAULT_RESPONSE), 1U);
	unlock_page(page);
	KTEST_WAIT_FOR(test, stats_of(device).replays == 2);
	EXPECT_EQ(stats_of(device).grants, 2UL);
	put_page(page);
}

/* No interrupt says so before the response is sent. */
static void break_the_queue(struct peer_context *ctx, vaddr_t va, void *arg)
{
	ctx->peer->control->vq.broken = true;
}

/* The queue breaks between the request and its response. */
KTEST(peer_grant, a_response_that_cannot_be_sent_leaves_no_translation_and_no_lock)
{
	static const struct peer_hooks hooks = {.before_install =
							break_the_queue};
	u32 status = PEER_S_OK;
	struct pretended *device = enter(test, &status);
	struct page *page;

	REQUIRE(device);
	page = touch(device);
	REQUIRE(page);
	peer_context_hooks(device->ctx, &hooks);
	ask(device, 1, PEER_ACCESS_ATOMIC);
	KTEST_WAIT_FOR(test, stats_of(device).denied == 1);
	KTEST_WAIT_FOR(test, served(device));
	EXPECT_EQ(translations(device), 0U);
	EXPECT_EQ(stats_of(device).grants, 0UL);
	EXPECT(trylock_page(page));
	unlock_page(page);
	put_page(page);
	EXPECT(peer_control_idle(device->peer));
	peer_context_hooks(device->ctx, NULL);
}
