// SPDX-License-Identifier: MIT
/*
 * tests/peer/trace_test.c - the records of the device's threads
 *
 * They are read from the file of --trace as a reader does: by the header, and by the
 * addresses of its image. A device without that option has nothing to test here.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uapi/trace_ring.h>

#include "guest.h"
#include "tap.h"

#define CTX 1
#define VA  0x10000000ull

struct trace_file {
	char path[64];
	char option[80];
	const unsigned char *bytes;
	size_t size;
	const struct trace_header *header;
};

/* Does the device know the option? */
static bool known(void)
{
	char command[4200], line[200];
	bool found = false;
	FILE *help;

	snprintf(command, sizeof(command), "'%s' --help 2>&1", peer_program);
	help = popen(command, "r");
	while (help && fgets(line, sizeof(line), help))
		found = found || strstr(line, "--trace=");
	if (help)
		pclose(help);
	return found;
}

static void file_name(struct trace_file *f)
{
	int fd;

	snprintf(f->path, sizeof(f->path), "/tmp/peer_trace.XXXXXX");
	fd = mkstemp(f->path);
	REQUIRE(fd >= 0);
	close(fd);
	snprintf(f->option, sizeof(f->option), "--trace=%s", f->path);
}

static void file_open(struct trace_file *f)
{
	struct stat st;
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	void *map;

	REQUIRE(fd >= 0 && !fstat(fd, &st));
	f->size = (size_t)st.st_size;
	map = mmap(NULL, f->size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	REQUIRE(map != MAP_FAILED);
	f->bytes = map;
	f->header = map;
}

static void file_close(struct trace_file *f)
{
	munmap((void *)f->bytes, f->size);
	unlink(f->path);
}

/* What an address in a record means; NULL outside of the image. */
static const void *at(const struct trace_file *f, uint64_t address)
{
	const struct trace_header *h = f->header;

	if (address < h->image || address >= h->image + h->image_size)
		return NULL;
	return f->bytes + h->image_at + (address - h->image);
}

static const struct trace_record *slot(const struct trace_file *f,
				       unsigned int ring, uint32_t n)
{
	return (const struct trace_record *)(f->bytes + f->header->records) +
	       (size_t)ring * f->header->slots + n % f->header->slots;
}

/* How many records of @name a ring has, the rings' number in *@where. */
static unsigned int count_of(const struct trace_file *f, const char *name,
			     unsigned int *where)
{
	unsigned int found = 0;

	for (unsigned int ring = 0; ring < f->header->rings; ring++) {
		for (uint32_t n = 0; slot(f, ring, n)->seq == n + 1; n++) {
			const struct trace_event *event =
				at(f, (uintptr_t)slot(f, ring, n)->event);

			REQUIRE(event);
			if (strcmp(event->name, name))
				continue;
			found++;
			if (where)
				*where = ring;
		}
	}
	return found;
}

/* An add that misses, is granted, and whose page goes. */
static void add_once(struct guest *g)
{
	const struct peer_wire_work add = {
		.op = PEER_OP_FETCH_ADD,
		.ctx = CTX,
		.va = VA,
		.operand = 5,
		.width = 8,
		.count = 1,
		.repeat = 1,
	};
	struct peer_wire_page_request fault;
	struct peer_wire_work_done done;
	int slot_nr;

	EXPECT_EQ(simple(g, PEER_CMD_CTX_CREATE, CTX), PEER_S_OK);
	offer_buffers(g, 8);
	slot_nr = work_post(g, &add);
	REQUIRE(next_fault(g, &fault, GUEST_TIMEOUT_MS));
	EXPECT_EQ(respond(g, &fault, PEER_FAULT_OK, guest_page(0) | MAP_RWA),
		  PEER_S_OK);
	EXPECT_EQ(work_wait(g, slot_nr, &done, NULL, 0), PEER_S_OK);
	EXPECT_EQ(invalidate(g, CTX, VA, VA + PEER_PAGE_SIZE), PEER_S_OK);
}

static void each_step_of_a_work_is_recorded_by_its_thread(void)
{
	static const char *const events[] = {
		"dev_work",       "dev_park",      "dev_request",
		"dev_map",        "dev_response",  "dev_access",
		"dev_replay",     "dev_grant_end", "dev_work_end",
		"dev_access_end", "dev_revoke",
	};
	unsigned int control = 0, worker = 0;
	struct trace_file f;
	struct guest g;

	if (!known())
		return;
	file_name(&f);
	guest_boot(&g, f.option);
	add_once(&g);
	file_open(&f);
	EXPECT_EQ(f.header->magic, TRACE_MAGIC);
	EXPECT_EQ(f.header->version, TRACE_VERSION);
	for (unsigned int i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		EXPECT_EQ(count_of(&f, events[i], NULL), 1);
	/* HELLO's, and that of the invalidation. */
	EXPECT_EQ(count_of(&f, "dev_ack", NULL), 2);
	count_of(&f, "dev_map", &control);
	count_of(&f, "dev_access", &worker);
	EXPECT(!strcmp((const char *)at(&f, f.header->ring_names) +
			       control * TRACE_RING_NAME,
		       "control"));
	EXPECT(!strncmp((const char *)at(&f, f.header->ring_names) +
				worker * TRACE_RING_NAME,
			"worker", 6));
	guest_shutdown(&g);
	file_close(&f);
}

/* What scripts rely on: names of arguments, and words that can be read. */
static void events_and_words_lie_in_the_file(void)
{
	const struct trace_event *event;
	struct trace_file f;
	const char *word;
	struct guest g;
	unsigned int where = 0;

	if (!known())
		return;
	file_name(&f);
	guest_boot(&g, f.option);
	add_once(&g);
	file_open(&f);
	for (uint64_t address = f.header->events;
	     address < f.header->events_end; address += sizeof(*event)) {
		unsigned int fields = 1, conversions = 0;

		event = at(&f, address);
		REQUIRE(event);
		for (const char *c = event->fields; *c; c++)
			fields += *c == ' ';
		for (const char *c = event->format; *c; c++)
			conversions += *c == '%';
		EXPECT_EQ(fields, conversions);
	}
	EXPECT_EQ(count_of(&f, "dev_park", &where), 1);
	for (uint32_t n = 0; slot(&f, where, n)->seq; n++) {
		event = at(&f, (uintptr_t)slot(&f, where, n)->event);
		if (strcmp(event->name, "dev_park"))
			continue;
		word = at(&f, slot(&f, where, n)->args[3]);
		REQUIRE(word);
		EXPECT(!strcmp(word, "atomic"));
	}
	guest_shutdown(&g);
	file_close(&f);
}

/* More records than there are slots: the newest stay, by their numbers. */
static void a_ring_goes_round_and_keeps_the_newest(void)
{
	const struct peer_wire_work load = {
		.op = PEER_OP_LOAD,
		.ctx = CTX,
		.va = VA,
		.width = 8,
		.count = 1,
		.repeat = 10000000,
	};
	struct peer_wire_work_done done;
	unsigned int worker = 0, whole = 0;
	struct trace_file f;
	uint32_t newest = 0;
	struct guest g;

	if (!known())
		return;
	file_name(&f);
	guest_boot(&g, f.option);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, CTX), PEER_S_OK);
	EXPECT_EQ(map(&g, CTX, VA, guest_page(0) | MAP_R), PEER_S_OK);
	EXPECT_EQ(work(&g, &load, &done), PEER_S_OK);
	guest_shutdown(&g);
	file_open(&f);
	for (unsigned int ring = 0; ring < f.header->rings; ring++) {
		for (uint32_t i = 0; i < f.header->slots; i++) {
			if (slot(&f, ring, i)->seq <= newest)
				continue;
			newest = slot(&f, ring, i)->seq;
			worker = ring;
		}
	}
	/* Two records for each slice of 256 elements. */
	EXPECT(newest > f.header->slots);
	for (uint32_t n = newest - f.header->slots; n < newest; n++)
		whole += slot(&f, worker, n)->seq == n + 1;
	EXPECT_EQ(whole, f.header->slots);
	file_close(&f);
}

static void a_file_that_cannot_be_made_ends_it_with_1(void)
{
	char socket_option[64];
	int status = -1;
	pid_t pid;

	if (!known())
		return;
	snprintf(socket_option, sizeof(socket_option), "--socket=/tmp/peer.%d",
		 (int)getpid());
	pid = fork();
	if (!pid) {
		int nowhere = open("/dev/null", O_WRONLY);

		dup2(nowhere, STDERR_FILENO);
		execl(peer_program, peer_program, socket_option,
		      "--trace=/nowhere/at/all", (char *)NULL);
		_exit(127);
	}
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 1);
}

#define T(name)             \
	{                   \
#name, name \
	}

TAP_GROUP(trace, T(each_step_of_a_work_is_recorded_by_its_thread),
	  T(events_and_words_lie_in_the_file),
	  T(a_ring_goes_round_and_keeps_the_newest),
	  T(a_file_that_cannot_be_made_ends_it_with_1));
