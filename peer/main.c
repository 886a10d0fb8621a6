// SPDX-License-Identifier: MIT
/*
 * peer/main.c - the concord-peer program: options, sockets, signals
 *
 * Problem.  Scripts start this program together with QEMU. They must know when it is
 * ready, that it ends with QEMU, and the reason if it did not work.
 *
 * Idea.  The socket appears under its name only when it can be connected to: it is
 * bound under another name, listened to, and renamed. It replaces a socket that was
 * left over, and no other file. The program ends with its first connection unless it
 * is --persistent. SIGTERM, SIGINT and SIGHUP end it cleanly at any time, with its
 * counters printed: signals are read from a descriptor, so no code runs inside a
 * handler.
 *
 * Exit status: 0 a clean end; 1 a failure of the system; 2 a wrong option; 70 died on
 * request (--die-after).
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util.h"
#include "vhost_user.h"

#define EXIT_USAGE      2
#define CLIENT_RETRY_MS 100

/* A socket's address holds the path, a dot, a process id and a zero byte. */
#define PATH_LENGTH_MAX 96u

struct options {
	struct device_config device;
	const char *socket;
	const char *trace; /* NULL: none */
	bool client;
	bool persistent;
	bool stats;
};

static const char usage[] =
	"usage: concord-peer --socket=PATH [option]...\n"
	"\n"
	"A device with an MMU of its own, for QEMU's vhost-user-fs-pci.\n"
	"\n"
	"  --socket=PATH         unix socket shared with QEMU\n"
	"  --server              listen on it (default)\n"
	"  --client              connect to it, waiting until that works\n"
	"  --once                end with the first connection (default)\n"
	"  --persistent          wait for the next connection\n"
	"  --number=N            which of several peers this is (0)\n"
	"  --workers=N           threads for work, 1 to 16 (2)\n"
	"  --devmem=MIB          size of the device's own memory (64)\n"
	"  --rmw=split|atomic    read-modify-write: load, compute, store, or\n"
	"                        one atomic operation (split)\n"
	"  --rmw-window=NS       pause between load and store (0)\n"
	"  --config              offer a configuration space, for a front end\n"
	"                        that has none: vhost-user-device-pci\n"
	"  --spin=US             look for work so long before sleeping (50)\n"
	"  --allow-test-options  let the driver ask for faults on purpose\n"
	"  --hang-after=N        answer N work requests, then nothing\n"
	"  --die-after=N         answer N work requests, then die\n"
	"  --trace=FILE          record what each thread does, for\n"
	"                        scripts/trace.py\n"
	"  --stats               print the counters after each connection\n"
	"  --verbose             say what is refused and what QEMU asks\n"
	"  --help                this\n"
	"  --version             the version of the wire format\n";

enum option_id {
	OPT_SOCKET = 256,
	OPT_SERVER,
	OPT_CLIENT,
	OPT_ONCE,
	OPT_PERSISTENT,
	OPT_NUMBER,
	OPT_WORKERS,
	OPT_DEVMEM,
	OPT_RMW,
	OPT_RMW_WINDOW,
	OPT_CONFIG,
	OPT_SPIN,
	OPT_ALLOW_TEST,
	OPT_HANG_AFTER,
	OPT_DIE_AFTER,
	OPT_STATS,
	OPT_TRACE,
	OPT_VERBOSE,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"server", no_argument, NULL, OPT_SERVER},
	{"client", no_argument, NULL, OPT_CLIENT},
	{"once", no_argument, NULL, OPT_ONCE},
	{"persistent", no_argument, NULL, OPT_PERSISTENT},
	{"number", required_argument, NULL, OPT_NUMBER},
	{"workers", required_argument, NULL, OPT_WORKERS},
	{"devmem", required_argument, NULL, OPT_DEVMEM},
	{"rmw", required_argument, NULL, OPT_RMW},
	{"rmw-window", required_argument, NULL, OPT_RMW_WINDOW},
	{"config", no_argument, NULL, OPT_CONFIG},
	{"spin", required_argument, NULL, OPT_SPIN},
	{"allow-test-options", no_argument, NULL, OPT_ALLOW_TEST},
	{"hang-after", required_argument, NULL, OPT_HANG_AFTER},
	{"die-after", required_argument, NULL, OPT_DIE_AFTER},
	{"stats", no_argument, NULL, OPT_STATS},
	{"trace", required_argument, NULL, OPT_TRACE},
	{"verbose", no_argument, NULL, OPT_VERBOSE},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

static noreturn void usage_error(const char *what, const char *value)
{
	log_line(LOG_ERROR, "%s: %s (--help lists the options)", what, value);
	exit(EXIT_USAGE);
}

static uint64_t number(const char *option, const char *text, uint64_t min,
		       uint64_t max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	/* No sign, no space, no binary: some strtoull() take them. */
	if (errno || *text < '0' || *text > '9' || text[1] == 'b' ||
	    text[1] == 'B' || *end || value < min || value > max) {
		log_line(LOG_ERROR, "--%s wants a number from %llu to %llu",
			 option, (unsigned long long)min,
			 (unsigned long long)max);
		exit(EXIT_USAGE);
	}
	return value;
}

static bool parse_rmw(const char *text)
{
	if (strcmp(text, "split") && strcmp(text, "atomic"))
		usage_error("--rmw is split or atomic, not", text);
	return !strcmp(text, "atomic");
}

static void parse_device_option(struct device_config *config, int id)
{
	switch (id) {
	case OPT_NUMBER:
		config->number = number("number", optarg, 0, 255);
		break;
	case OPT_WORKERS:
		config->workers = number("workers", optarg, 1, WORKERS_MAX);
		break;
	case OPT_DEVMEM:
		config->devmem_size = number("devmem", optarg, 0, 1 << 20) << 20;
		break;
	case OPT_RMW:
		config->rmw_atomic = parse_rmw(optarg);
		break;
	case OPT_RMW_WINDOW:
		config->rmw_window_ns =
			number("rmw-window", optarg, 0, PEER_MAX_RMW_WINDOW_NS);
		break;
	case OPT_CONFIG:
		config->offer_config = true;
		break;
	case OPT_SPIN:
		config->spin_ns = number("spin", optarg, 0, 1000000) * 1000;
		break;
	case OPT_ALLOW_TEST:
		config->allow_test_options = true;
		break;
	case OPT_HANG_AFTER:
		config->hang_after = number("hang-after", optarg, 0, INT64_MAX);
		break;
	case OPT_DIE_AFTER:
		config->die_after = number("die-after", optarg, 0, INT64_MAX);
		break;
	default:
		exit(EXIT_USAGE); /* getopt said what is wrong */
	}
}

static void parse_options(int argc, char **argv, struct options *options)
{
	int id;

	while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (id) {
		case OPT_SOCKET:
			options->socket = optarg;
			break;
		case OPT_SERVER:
		case OPT_CLIENT:
			options->client = id == OPT_CLIENT;
			break;
		case OPT_ONCE:
		case OPT_PERSISTENT:
			options->persistent = id == OPT_PERSISTENT;
			break;
		case OPT_STATS:
			options->stats = true;
			break;
		case OPT_TRACE:
			options->trace = optarg;
			break;
		case OPT_VERBOSE:
			log_limit = LOG_DEBUG;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case OPT_VERSION:
			printf("concord-peer, wire version %u\n", PEER_VERSION);
			exit(EXIT_SUCCESS);
		default:
			parse_device_option(&options->device, id);
		}
	}
	if (optind < argc)
		usage_error("not an option", argv[optind]);
	if (!options->socket)
		usage_error("missing", "--socket=PATH");
	if (!*options->socket || strlen(options->socket) > PATH_LENGTH_MAX)
		usage_error("empty or too long for a socket", options->socket);
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, path, strlen(path));
	return address;
}

/* A connection, or -errno. @flags: SOCK_NONBLOCK, or 0 to wait for a place. */
static int connect_to(const char *path, int flags)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	int error;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/*
 * May a socket be renamed to @path? Only a socket that refuses connections is
 * left over. A full backlog (EAGAIN) is a process that listens, and anything
 * else of that name is a file of the user's.
 */
static int check_name(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = connect_to(path, SOCK_NONBLOCK);
	if (fd < 0)
		return fd == -ECONNREFUSED ? 0 : fd;
	close(fd);
	return -EADDRINUSE;
}

/* A listening socket that is at @path once this returns, or -errno. */
static int listen_at(const char *path)
{
	char hidden[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct sockaddr_un address;
	int error = check_name(path);
	int fd;

	if (error)
		return error;
	snprintf(hidden, sizeof(hidden), "%s.%d", path, (int)getpid());
	address = address_of(hidden);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		error = -errno;
		close(fd);
		return error;
	}
	if (listen(fd, 1) || rename(hidden, path)) {
		error = -errno;
		unlink(hidden);
		close(fd);
		return error;
	}
	return fd;
}

/* Waits for @fd (-1: only for time); true if a signal came instead. */
static bool stopped(int signals, int fd, int timeout_ms)
{
	struct pollfd p[2] = {
		{.fd = signals, .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};

	while (poll(p, 2, timeout_ms) < 0) {
		if (errno != EINTR)
			return true;
	}
	return p[0].revents != 0;
}

/* The next front end, or -1 if a signal came first. */
static int next_connection(const struct options *options, int listener,
			   int signals)
{
	int fd;

	for (;;) {
		if (options->client) {
			fd = connect_to(options->socket, 0);
			if (fd >= 0)
				return fd;
			if (stopped(signals, -1, CLIENT_RETRY_MS))
				return -1;
			continue;
		}
		if (stopped(signals, listener, -1))
			return -1;
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
}

static int serve(struct device *device, const struct options *options,
		 int listener, int signals)
{
	enum serve_end end = SERVE_STOPPED;
	int fd;

	do {
		fd = next_connection(options, listener, signals);
		if (fd < 0)
			break;
		log_line(LOG_NOTICE, "connected");
		end = vhost_user_serve(device, fd, signals);
		close(fd);
		log_line(LOG_NOTICE, "%s",
			 end == SERVE_REFUSED   ? "front end broke the protocol"
			 : end == SERVE_STOPPED ? "stopped by a signal"
						: "disconnected");
		if (options->stats && end != SERVE_STOPPED)
			device_print_stats(device);
	} while (options->persistent && end != SERVE_STOPPED);

	if (fd < 0 || end == SERVE_STOPPED)
		device_print_stats(device);
	return end == SERVE_REFUSED ? EXIT_FAILURE : EXIT_SUCCESS;
}

/*
 * Signals become a descriptor. A write to a pipe or socket whose reader is gone
 * must fail and not kill: the front end chooses what the peer writes to.
 */
static int signal_descriptor(void)
{
	sigset_t set;

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -1;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
	struct options options = {
		.device =
			{
				.workers = 2,
				.devmem_size = 64ull << 20,
				.spin_ns = 50000,
				.hang_after = -1,
				.die_after = -1,
			},
	};
	static struct device device;
	int listener = -1;
	int signals;
	int status;
	int error;

	parse_options(argc, argv, &options);
	signals = signal_descriptor();
	if (signals < 0) {
		log_line(LOG_ERROR, "signals: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	if (options.trace) {
		error = trace_open(
			options.trace,
			TRACE_MEMBER(MEMBER_WORKER(options.device.workers)));
		if (error) {
			log_line(LOG_ERROR, "%s: %s", options.trace,
				 strerror(-error));
			return EXIT_FAILURE;
		}
		trace_thread(TRACE_SOCKET);
	}
	error = device_init(&device, &options.device);
	if (error) {
		log_line(LOG_ERROR, "device: %s", strerror(-error));
		return EXIT_FAILURE;
	}
	if (!options.client) {
		listener = listen_at(options.socket);
		if (listener < 0) {
			log_line(LOG_ERROR, "%s: %s", options.socket,
				 strerror(-listener));
			device_destroy(&device);
			return EXIT_FAILURE;
		}
		log_line(LOG_NOTICE, "listening on %s", options.socket);
	}
	status = serve(&device, &options, listener, signals);
	device_destroy(&device);
	if (listener >= 0) {
		unlink(options.socket);
		close(listener);
	}
	close(signals);
	return status;
}
