// SPDX-License-Identifier: MIT
/*
 * demo/contest.c - CPUs and a device add to the same words
 *
 * The contest.  CPU threads do `lock xadd`, and the device does its fetch_add,
 * which is a load, an addition and a store with time in between. Both work on the
 * same 64-bit words, at the same virtual address and at the same time.
 *
 *	round 1	the device has an ordinary writable translation: an addition of
 *		a CPU between the device's load and its store is overwritten,
 *		and the sum is too small
 *	round 2	the device asks for exclusive access, and the CPUs restore the
 *		page by touching it, again and again: the sum is exact
 *
 * At the same time another thread unmaps, maps and protects the neighbouring pages
 * of the same address space: each of these changes goes through the device's
 * subscription.
 *
 *	thread			does
 *	contest/cpuN		lock xadd, until the device is done and its own
 *				share is met, so that the two overlap
 *	contest/device		the player: work for the peer, or the operations
 *				themselves when it pretends
 *	contest/neighbour	munmap, mmap, mprotect, touch
 *	the caller		prints
 *
 * All of them pause for a moment now and then. On a host with few cores the CPUs of
 * the machine and the threads of the device share them, and a CPU that never rests
 * would keep the device from answering.
 *
 * The contest passes if round 1 lost updates (else it proves nothing), round 2 lost
 * none, the page changed hands often enough, and no tool in the kernel reported a fault.
 *
 * Without a peer a kernel thread plays the device (contest_pretend.c). In a kernel
 * without the options that allow a device (options.mk) the CPUs add alone for one
 * round, and nothing may be lost.
 *
 *	field			written by
 *	cpu_operations		the adders, atomically
 *	device_operations	the player, atomically
 *	device_done		the player's thread, once
 *	error			the first thread that fails
 *
 * Not here: the device (peer/), how it gets its pages (drivers/peer/).
 */
#include <arch/cpu.h>
#include <arch/uaccess.h>
#include <drivers/peer.h>
#include <lib/cpumask.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <kernel/monitor.h>
#include <kernel/reports.h>
#include <lib/printk.h>
#include <lib/random.h>
#include <kernel/sched/sched.h>
#include <lib/string.h>
#include <kernel/time.h>
#include <mm/space/mm.h>

#include "contest.h"

#define DEVICE_GOAL    300000ul
#define CPU_LEAST      300000ul /* over all adders */
#define WINDOW_NS      300ul
#define ADDERS_MAX     4
#define ADDERS_LEAST   2
#define BATCH          32
#define BURST          1024
#define BREATH_US      100
#define PROGRESS_NS    (250 * NSEC_PER_MSEC)
#define ROUND_LIMIT    (60 * NSEC_PER_SEC)
#define RESTORES_LEAST 10 /* with fewer the round proves nothing */
#define ARENA_PAGES    (2 * CONTEST_NEIGHBOURS + 1)
#define NUMBER_BYTES   32
#define LINE_BYTES     160

struct round_result {
	u64 cpu_operations;
	u64 device_operations;
	u64 expected;
	u64 found;
	u64 changes;
	u64 ns;
	struct contest_counts counts;
};

struct adder {
	struct contest_round *round;
	struct task *task;
	unsigned int index;
	u64 share;
};

static void say(const char *fmt, ...) __printf(1, 2);

static void say(const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	console_raw_write(line, len);
}

/* 1234567 as "1,234,567". */
static const char *number(u64 value, char *buf)
{
	char *at = buf + NUMBER_BYTES - 1;
	unsigned int digits = 0;

	*at = '\0';
	do {
		if (digits && digits % 3 == 0)
			*--at = ',';
		*--at = (char)('0' + value % 10);
		value /= 10;
		digits++;
	} while (value);
	return at;
}

void contest_fail(struct contest_round *round, int err)
{
	atomic_cmpxchg(&round->error, 0, err);
}

static bool failed(struct contest_round *round)
{
	return atomic_read(&round->error) != 0;
}

static int make_arena(struct contest_round *round)
{
	long at;

	round->mm = mm_alloc();
	if (!round->mm)
		return -ENOMEM;
	at = do_mmap(round->mm, 0, ARENA_PAGES * PAGE_SIZE,
		     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	if (at < 0) {
		mmput(round->mm);
		return (int)at;
	}
	round->page = (vaddr_t)at + CONTEST_NEIGHBOURS * PAGE_SIZE;
	return 0;
}

static int adder_thread(void *arg)
{
	struct adder *adder = arg;
	struct contest_round *round = adder->round;
	unsigned int word = adder->index, i;
	u64 added = 0, old;

	kthread_use_mm(round->mm);
	while (!failed(round) &&
	       (!READ_ONCE(round->device_done) || added < adder->share)) {
		for (i = 0; i < BATCH; i++) {
			vaddr_t va = contest_word(round, word++ % CONTEST_WORDS);
			int err = user_xadd64((u64 __user *)va, 1, &old);

			if (err) {
				contest_fail(round, err);
				break;
			}
		}
		added += i;
		atomic64_add(i, &round->cpu_operations);
		if (added % BURST == 0)
			usleep_range(BREATH_US, 2 * BREATH_US);
	}
	kthread_unuse_mm(round->mm);
	return 0;
}

/* One change to @pages neighbouring pages at @va; they end up as they were. */
static int change(struct mm_struct *mm, vaddr_t va, unsigned int pages,
		  unsigned int kind)
{
	size_t len = pages * PAGE_SIZE;
	long at;
	int err;

	if (kind == 0) {
		err = do_mprotect(mm, va, len, PROT_READ);
		return err ? err
			   : do_mprotect(mm, va, len, PROT_READ | PROT_WRITE);
	}
	err = do_munmap(mm, va, len);
	if (err)
		return err;
	at = do_mmap(mm, va, len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE);
	return at < 0 ? (int)at : 0;
}

static int neighbour_thread(void *arg)
{
	struct contest_round *round = arg;
	struct mm_struct *mm = round->mm;
	struct rng rng;
	int err = 0;

	rng = rng_init(1);
	kthread_use_mm(mm);
	while (!kthread_should_stop() && !err) {
		unsigned int pages = 1 + (unsigned int)rng_below(&rng, 3);
		unsigned int offset = (unsigned int)rng_below(
			&rng, CONTEST_NEIGHBOURS - pages + 1);
		vaddr_t va = round->page + PAGE_SIZE + offset * PAGE_SIZE;

		if (rng_below(&rng, 2))
			va = round->page - (offset + pages) * PAGE_SIZE;
		err = put_user(va, (u64 __user *)va);
		if (!err)
			err = change(mm, va, pages,
				     (unsigned int)rng_below(&rng, 3));
		atomic64_inc(&round->changes);
		usleep_range(BREATH_US, 2 * BREATH_US);
	}
	if (err)
		contest_fail(round, err);
	kthread_unuse_mm(mm);
	return err;
}

struct player_thread {
	const struct contest_player *player;
	struct contest_round *round;
};

static int player_thread(void *arg)
{
	struct player_thread *this = arg;
	int err = this->player->play(this->round);

	if (err)
		contest_fail(this->round, err);
	WRITE_ONCE(this->round->device_done, true);
	return err;
}

static void say_progress(struct contest_round *round, u64 began)
{
	char cpu[NUMBER_BYTES], device[NUMBER_BYTES], changes[NUMBER_BYTES];
	u64 ms = (clock_ns() - began) / NSEC_PER_MSEC;

	say("  %2lu.%03lu s   CPUs %10s   device %10s   neighbours %9s\n",
	    ms / 1000, ms % 1000,
	    number(atomic64_read(&round->cpu_operations), cpu),
	    number(atomic64_read(&round->device_operations), device),
	    number(atomic64_read(&round->changes), changes));
}

static void watch(struct contest_round *round)
{
	u64 began = clock_ns(), last = began;

	while (!READ_ONCE(round->device_done) &&
	       clock_ns() - began < ROUND_LIMIT) {
		msleep(10);
		if (clock_ns() - last >= PROGRESS_NS) {
			last = clock_ns();
			say_progress(round, began);
		}
	}
	if (!READ_ONCE(round->device_done))
		contest_fail(round, -ETIMEDOUT);
	say_progress(round, began);
}

/* Start all threads, watch them, and wait for their end. */
static void run_threads(struct contest_round *round,
			const struct contest_player *player)
{
	unsigned int adders = clamp(num_online_cpus(), ADDERS_LEAST, ADDERS_MAX);
	struct player_thread this = {.player = player, .round = round};
	struct task *device, *neighbour;
	struct adder adder[ADDERS_MAX];
	unsigned int i;

	for (i = 0; i < adders; i++) {
		adder[i] = (struct adder){
			.round = round, .index = i, .share = CPU_LEAST / adders};
		adder[i].task =
			kthread_run(adder_thread, &adder[i], "contest/cpu%u", i);
		if (IS_ERR(adder[i].task))
			contest_fail(round, (int)PTR_ERR(adder[i].task));
	}
	neighbour = kthread_run(neighbour_thread, round, "contest/neighbour");
	if (IS_ERR(neighbour))
		contest_fail(round, (int)PTR_ERR(neighbour));
	device = kthread_run(player_thread, &this, "contest/device");
	if (IS_ERR(device)) {
		contest_fail(round, (int)PTR_ERR(device));
		WRITE_ONCE(round->device_done, true);
	}
	watch(round);
	if (!IS_ERR(device))
		kthread_join(device);
	for (i = 0; i < adders; i++) {
		if (!IS_ERR(adder[i].task))
			kthread_join(adder[i].task);
	}
	if (!IS_ERR(neighbour))
		kthread_stop(neighbour);
}

/* Add the words up; reading restores a page that is exclusive. */
static int add_up(struct contest_round *round, u64 *sum)
{
	unsigned int i;
	u64 value;
	int err = 0;

	*sum = 0;
	kthread_use_mm(round->mm);
	for (i = 0; i < CONTEST_WORDS && !err; i++) {
		err = get_user(value, (u64 __user *)contest_word(round, i));
		*sum += value;
	}
	kthread_unuse_mm(round->mm);
	return err;
}

/*
 * The last round's address space and its player's subscription stay, so that the
 * monitor can show them.
 */
static struct contest_round last_round;
static const struct contest_player *last_player;

bool contest_forget(void)
{
	const bool kept = last_round.mm;

	if (last_player)
		last_player->leave(&last_round);
	if (kept)
		mmput(last_round.mm);
	last_player = NULL;
	last_round.mm = NULL;
	return kept;
}

void contest_keep(const struct contest_round *round,
		  const struct contest_player *player)
{
	contest_forget();
	last_round = *round;
	last_player = player;
}

static int play_round(const struct contest_player *player,
		      enum contest_access access, struct round_result *result)
{
	struct contest_round round = {
		.access = access,
		.goal = DEVICE_GOAL,
		.window_ns = WINDOW_NS,
	};
	u64 began = clock_ns();
	int err;

	err = make_arena(&round);
	if (err)
		return err;
	err = player->begin(&round);
	if (err) {
		contest_keep(&round, NULL);
		return err;
	}
	run_threads(&round, player);
	err = add_up(&round, &result->found);
	player->end(&round);
	if (failed(&round))
		err = atomic_read(&round.error);
	result->cpu_operations = atomic64_read(&round.cpu_operations);
	result->device_operations = atomic64_read(&round.device_operations);
	result->expected = result->cpu_operations + result->device_operations;
	result->changes = atomic64_read(&round.changes);
	result->counts = round.counts;
	result->ns = clock_ns() - began;
	contest_keep(&round, player);
	return err;
}

static void print_row(const char *name, u64 plain, u64 exclusive)
{
	char a[NUMBER_BYTES], b[NUMBER_BYTES];

	say("  %-26s %18s %18s\n", name, number(plain, a), number(exclusive, b));
}

static void print_table(const struct round_result *p,
			const struct round_result *e)
{
	say("\n  %-26s %18s %18s\n", "", "without exclusive", "with exclusive");
	print_row("operations by the CPUs", p->cpu_operations, e->cpu_operations);
	print_row("operations by the device", p->device_operations,
		  e->device_operations);
	print_row("expected sum", p->expected, e->expected);
	print_row("found", p->found, e->found);
	print_row("lost updates", p->expected - p->found, e->expected - e->found);
	print_row("exclusive grants", p->counts.grants, e->counts.grants);
	print_row("CPU restores", p->counts.restores, e->counts.restores);
	print_row("invalidations", p->counts.invalidations,
		  e->counts.invalidations);
	print_row("page requests", p->counts.page_requests,
		  e->counts.page_requests);
	print_row("retries", p->counts.retries, e->counts.retries);
	print_row("changes to the neighbours", p->changes, e->changes);
	say("  %-26s %15lu.%02lu %15lu.%02lu\n\n", "seconds",
	    p->ns / NSEC_PER_SEC, p->ns / (10 * NSEC_PER_MSEC) % 100,
	    e->ns / NSEC_PER_SEC, e->ns / (10 * NSEC_PER_MSEC) % 100);
}

static int verdict(const struct round_result *plain,
		   const struct round_result *exclusive)
{
	if (exclusive->found != exclusive->expected)
		say("contest: FAIL: updates were lost in spite of exclusive "
		    "access\n");
	else if (plain->found >= plain->expected)
		say("contest: FAIL: nothing was lost without exclusive access, "
		    "so this proves nothing\n");
	else if (exclusive->counts.restores < RESTORES_LEAST)
		say("contest: FAIL: the page hardly changed hands, so this "
		    "proves nothing\n");
	else {
		char lost[NUMBER_BYTES];

		say("contest: PASS: %s updates lost without exclusive access, "
		    "none with it\n",
		    number(plain->expected - plain->found, lost));
		return 0;
	}
	return -EIO;
}

static int failure(int err)
{
	say("contest: FAIL: %s%s\n", errno_name(err),
	    err == -EIO ? ": the device is dead, the kernel is not" : "");
	return err;
}

/* Without a device: the CPUs alone must lose nothing. */
static int contest_alone(void)
{
	struct round_result result;
	char added[NUMBER_BYTES];
	int err;

	say("contest: this kernel lets no device in: built without MMU_NOTIFIER "
	    "or DEVICE_PRIVATE\n");
	err = play_round(&contest_stand_in, CONTEST_PLAIN, &result);
	if (err)
		return failure(err);
	if (!result.found || result.found != result.expected) {
		say("contest: FAIL: the CPUs alone lost updates\n");
		return -EIO;
	}
	say("contest: PASS: %s updates by the CPUs alone, none lost\n",
	    number(result.found, added));
	return 0;
}

static int play(void)
{
	const struct contest_player *player =
		peer_present() ? &contest_peer : &contest_stand_in;
	struct round_result plain, exclusive;
	int err;

	if (!player->adds)
		return contest_alone();
	if (!peer_present())
		say("contest: there is no peer: a kernel thread plays the "
		    "device\n");
	say("contest: %s against %u CPUs, without exclusive access\n",
	    player->name, num_online_cpus());
	err = play_round(player, CONTEST_PLAIN, &plain);
	if (!err) {
		say("contest: the same with exclusive access\n");
		err = play_round(player, CONTEST_EXCLUSIVE, &exclusive);
	}
	if (err)
		return failure(err);
	print_table(&plain, &exclusive);
	return verdict(&plain, &exclusive);
}

/* A fault that a tool of this kernel reports meanwhile counts, too. */
static int contest(void)
{
	unsigned long before = reports_printed();
	int err = play();
	unsigned long came = reports_printed() - before;

	if (!came)
		return err;
	say("contest: FAIL: %lu reports came meanwhile\n", came);
	return -EIO;
}

static int contest_mode(void)
{
	return contest() ? EXIT_FAIL : EXIT_PASS;
}
RUN_MODE("run", contest_mode);

static int contest_command(int argc, char **argv)
{
	return contest() ? -EIO : 0;
}
MONITOR_CMD(contest, "", "CPUs and the device add to the same words",
	    contest_command);
