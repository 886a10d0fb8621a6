// SPDX-License-Identifier: MIT
/*
 * tests/peer/guest.c - the peer's process and the guest's memory
 *
 * Problem.  The peer must survive what no correct guest does, and QEMU would not
 * let a test look at each message. So the test plays both sides: a front end
 * that sends the messages of QEMU 7.2 (guest_front.c), and a driver whose every
 * descriptor the test can bend (guest_queue.c, guest_command.c).
 *
 * Idea.  The peer is a process of its own, as in life, and is built with the
 * same sanitizers as the test. Its exit status is part of each test: a
 * sanitizer's report or a crash fails the test in which it happened.
 *
 * One thread drives the queues; a test that needs a busy CPU starts a thread
 * that only touches RAM. Each wait has a limit, and the limit is a failure, so
 * no test hangs.
 *
 * Not here: any claim about the peer; see the *_test.c files.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "tap.h"

const char *peer_program;
static pid_t running; /* the peer started last, 0 when it was reaped */

uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void guest_connect(struct guest *g)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	uint64_t end = clock_ns() + GUEST_TIMEOUT_MS * 1000000ull;

	strncpy(address.sun_path, g->socket_path, sizeof(address.sun_path) - 1);
	do {
		g->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		REQUIRE(g->sock >= 0);
		if (!connect(g->sock, (struct sockaddr *)&address,
			     sizeof(address)))
			return;
		close(g->sock);
		usleep(1000);
	} while (clock_ns() < end);
	REQUIRE(!"the peer came up");
}

void guest_disconnect(struct guest *g)
{
	close(g->sock);
	g->sock = -1;
}

static void exec_peer(struct guest *g, const char *args)
{
	char socket_arg[160];
	char words[256];
	char *argv[16];
	int n = 0;

	snprintf(socket_arg, sizeof(socket_arg), "--socket=%s", g->socket_path);
	snprintf(words, sizeof(words), "%s", args);
	argv[n++] = (char *)peer_program;
	argv[n++] = socket_arg;
	for (char *w = strtok(words, " "); w && n < 15; w = strtok(NULL, " "))
		argv[n++] = w;
	argv[n] = NULL;
	dup2(STDERR_FILENO, STDOUT_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	execv(peer_program, argv);
	_exit(127);
}

/* Memory, eventfds and a name for the socket. */
static void make_machine(struct guest *g)
{
	static unsigned int number;
	const char *dir = getenv("TMPDIR");

	memset(g, 0, sizeof(*g));
	snprintf(g->socket_path, sizeof(g->socket_path), "%s/peer_test.%d.%u",
		 dir ? dir : "/tmp", (int)getpid(), number++);
	g->memfd = memfd_create("guest", MFD_CLOEXEC);
	REQUIRE(g->memfd >= 0 && !ftruncate(g->memfd, 2 * GUEST_REGION));
	g->ram = mmap(NULL, 2 * GUEST_REGION, PROT_READ | PROT_WRITE,
		      MAP_SHARED, g->memfd, 0);
	REQUIRE(g->ram != MAP_FAILED);
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		struct guest_queue *q = &g->queue[i];

		q->index = i;
		q->desc = guest_at(g, QUEUE_AREA(i));
		q->avail = guest_at(g, QUEUE_AREA(i) + QUEUE_AVAIL);
		q->used = guest_at(g, QUEUE_AREA(i) + QUEUE_USED);
		q->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		q->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		q->err = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
}

static void start_peer(struct guest *g, const char *args)
{
	g->peer = fork();
	REQUIRE(g->peer >= 0);
	if (!g->peer)
		exec_peer(g, args);
	running = g->peer;
}

void guest_spawn(struct guest *g, const char *args)
{
	make_machine(g);
	start_peer(g, args);
	guest_connect(g);
}

void guest_await_client(struct guest *g, const char *args)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct pollfd p = {.events = POLLIN};

	make_machine(g);
	strncpy(address.sun_path, g->socket_path, sizeof(address.sun_path) - 1);
	start_peer(g, args);
	p.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(p.fd >= 0);
	REQUIRE(!bind(p.fd, (struct sockaddr *)&address, sizeof(address)));
	REQUIRE(!listen(p.fd, 1));
	REQUIRE(poll(&p, 1, GUEST_TIMEOUT_MS) == 1);
	g->sock = accept4(p.fd, NULL, NULL, SOCK_CLOEXEC);
	REQUIRE(g->sock >= 0);
	close(p.fd);
}

int guest_reap(struct guest *g)
{
	uint64_t end = clock_ns() + GUEST_TIMEOUT_MS * 1000000ull;
	int status = -1;

	while (waitpid(g->peer, &status, WNOHANG) == 0) {
		if (clock_ns() > end) {
			kill(g->peer, SIGABRT);
			waitpid(g->peer, &status, 0);
			tap_fail(__FILE__, __LINE__, "the peer ended", 0, 1);
			break;
		}
		usleep(500);
	}
	running = 0;
	munmap(g->ram, 2 * GUEST_REGION);
	close(g->memfd);
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		close(g->queue[i].kick);
		close(g->queue[i].call);
		close(g->queue[i].err);
	}
	unlink(g->socket_path);
	return status;
}

void guest_abandon(void)
{
	if (!running)
		return;
	kill(running, SIGKILL);
	waitpid(running, NULL, 0);
	running = 0;
}

void guest_shutdown(struct guest *g)
{
	guest_disconnect(g);
	EXPECT_EQ(guest_reap(g), 0);
}

/* ---- memory ------------------------------------------------------------- */

void *guest_at(struct guest *g, uint64_t gpa)
{
	return g->ram +
	       (gpa < GUEST_HIGH ? gpa : gpa - GUEST_HIGH + GUEST_REGION);
}

uint64_t guest_page(unsigned int n)
{
	return (n % 2 ? GUEST_HIGH + (1 << 20) : GUEST_FREE) +
	       n / 2 * PEER_PAGE_SIZE;
}
