// SPDX-License-Identifier: MIT
/*
 * tests/peer/program_test.c - the command line, the socket, signals, statuses
 *
 * Command line, output and statuses on which scripts rely.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "tap.h"

static void sigterm_is_a_clean_end_at_any_time(void)
{
	const struct peer_wire_work w = {
		.op = PEER_OP_FETCH_ADD,
		.ctx = 1,
		.va = 0x1000,
		.operand = 1,
		.width = 8,
		.count = 1,
		.repeat = 10000000,
	};
	struct guest g;

	for (unsigned int i = 0; i < 3; i++) {
		guest_spawn(&g, i ? "" : "--persistent");
		if (i > 0) {
			guest_negotiate(&g);
			guest_start(&g);
			EXPECT_EQ(hello(&g, &(struct peer_wire_hello_answer){0}),
				  PEER_S_OK);
			EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
		}
		if (i > 1) {
			EXPECT_EQ(map(&g, 1, 0x1000, guest_page(0) | MAP_RWA),
				  PEER_S_OK);
			work_post(&g, &w);
			work_post(&g, &w);
		}
		kill(g.peer, SIGTERM);
		EXPECT_EQ(guest_reap(&g), 0);
		EXPECT(access(g.socket_path, F_OK) && errno == ENOENT);
		close(g.sock);
	}
}

static pid_t start_peer(const char *a, const char *b)
{
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execl(peer_program, peer_program, a, b, NULL);
		_exit(127);
	}
	return pid;
}

/* Runs the peer with @args; its exit status. */
static int run_peer(const char *a, const char *b)
{
	pid_t pid = start_peer(a, b);
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* An option with the last value that is good, or the first that is not. */
static int try_option(const char *option)
{
	/* The directory is not there: a good command line ends with 1. */
	return run_peer("--socket=/no/such/directory/socket", option);
}

static void wrong_options_are_refused(void)
{
	static const char *const good[] = {
		"--server",
		"--once",
		"--persistent",
		"--number=0",
		"--number=255",
		"--workers=1",
		"--workers=16",
		"--devmem=0",
		"--devmem=1024",
		"--rmw=split",
		"--rmw=atomic",
		"--rmw-window=0",
		"--rmw-window=10000000",
		"--spin=0",
		"--spin=1000000",
		"--config",
		"--allow-test-options",
		"--hang-after=0",
		"--die-after=9223372036854775807",
		"--stats",
		"--verbose",
		"--workers=0x10",
		"--workers=0X10",
		"--workers=010",
	};
	static const char *const bad[] = {
		"--what",         "word",
		"--number=256",   "--workers=0",
		"--workers=17",   "--workers=-1",
		"--workers=two",  "--workers=",
		"--workers=2x",   "--devmem=1048577",
		"--rmw=maybe",    "--rmw-window=10000001",
		"--spin=1000001", "--hang-after=9223372036854775808",
		"--die-after=-1", "--once=yes",
		"--workers=0b1",  "--workers=0x",
		"--workers= 1",   "--socket=",
	};

	EXPECT_EQ(run_peer("--help", NULL), 0);
	EXPECT_EQ(run_peer("--version", NULL), 0);
	/* Both end it where they stand. */
	EXPECT_EQ(run_peer("--help", "--what"), 0);
	EXPECT_EQ(run_peer("--what", "--help"), 2);
	EXPECT_EQ(run_peer("--version", "--workers=0"), 0);
	EXPECT_EQ(run_peer("--workers=0", "--version"), 2);
	EXPECT_EQ(run_peer("--once", NULL), 2);
	for (unsigned int i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		EXPECT_EQ(try_option(good[i]), 1);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_EQ(try_option(bad[i]), 2);
}

/* The front end listens; the peer may be started before it does. */
static void a_client_waits_for_its_front_end(void)
{
	struct peer_wire_hello_answer answer;
	struct guest g;

	guest_await_client(&g, "--client");
	guest_negotiate(&g);
	guest_start(&g);
	EXPECT_EQ(hello(&g, &answer), PEER_S_OK);
	guest_shutdown(&g);
}

static void a_socket_in_use_is_left_alone(void)
{
	char option[160];
	struct guest g;

	guest_boot(&g, "");
	snprintf(option, sizeof(option), "--socket=%s", g.socket_path);
	EXPECT_EQ(run_peer(option, NULL), 1);
	EXPECT_EQ(simple(&g, PEER_CMD_CTX_CREATE, 1), PEER_S_OK);
	guest_shutdown(&g);
}

/* A file or a link that has the name keeps it. */
static void a_file_of_the_user_is_left_alone(const char *path)
{
	const char text[] = "a file of the user";
	char option[160], found[sizeof(text)] = "";
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0600);

	REQUIRE(fd >= 0);
	EXPECT_EQ(write(fd, text, sizeof(text)), sizeof(text));
	close(fd);
	snprintf(option, sizeof(option), "--socket=%s", path);
	EXPECT_EQ(run_peer(option, NULL), 1);
	fd = open(path, O_RDONLY);
	EXPECT_EQ(read(fd, found, sizeof(found)), sizeof(found));
	EXPECT(!strcmp(found, text));
	close(fd);
	unlink(path);

	EXPECT(!symlink("/no/such/file", path));
	EXPECT_EQ(run_peer(option, NULL), 1);
	EXPECT_EQ(readlink(path, found, sizeof(found)), 13);
	unlink(path);
}

static int bound_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	REQUIRE(fd >= 0);
	REQUIRE(!bind(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

/* A listener with no place left would keep a connect() that waits. */
static void a_full_listener_is_left_alone(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = bound_socket(path);
	char option[160];
	int fd[8], n = 0;

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	EXPECT(!listen(listener, 0));
	do {
		fd[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	} while (!connect(fd[n++], (struct sockaddr *)&address, sizeof(address)) &&
		 n < 8);
	EXPECT_EQ(errno, EAGAIN);
	snprintf(option, sizeof(option), "--socket=%s", path);
	EXPECT_EQ(run_peer(option, NULL), 1);
	EXPECT(!access(path, F_OK));
	while (n)
		close(fd[--n]);
	close(listener);
	unlink(path);
}

static void only_a_left_over_socket_is_replaced(void)
{
	const char *dir = getenv("TMPDIR");
	struct guest g = {0};
	char option[160];
	int status = -1;
	pid_t pid;

	/* The longest name that will do, and one more. */
	memset(option, 'x', sizeof(option));
	memcpy(option, "--socket=/no/such/", 18);
	option[9 + 96] = 0;
	EXPECT_EQ(run_peer(option, NULL), 1);
	option[9 + 96] = 'x';
	option[9 + 97] = 0;
	EXPECT_EQ(run_peer(option, NULL), 2);

	snprintf(g.socket_path, sizeof(g.socket_path), "%s/peer_test.%d.name",
		 dir ? dir : "/tmp", (int)getpid());
	unlink(g.socket_path);
	a_file_of_the_user_is_left_alone(g.socket_path);
	a_full_listener_is_left_alone(g.socket_path);

	snprintf(option, sizeof(option), "--socket=%s", g.socket_path);
	close(bound_socket(g.socket_path));
	pid = start_peer(option, NULL);
	guest_connect(&g);
	guest_disconnect(&g);
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
	EXPECT(access(g.socket_path, F_OK));
}

#define T(name)             \
	{                   \
#name, name \
	}
TAP_GROUP(program, T(sigterm_is_a_clean_end_at_any_time),
	  T(wrong_options_are_refused), T(a_client_waits_for_its_front_end),
	  T(a_socket_in_use_is_left_alone),
	  T(only_a_left_over_socket_is_replaced));
