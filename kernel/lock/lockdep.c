// SPDX-License-Identifier: MIT
/*
 * kernel/lock/lockdep.c - the lock validator
 *
 * Problem.  A deadlock needs two CPUs at the wrong moment; tests rarely have
 * it.  The mistake behind it is there in every run.
 *
 * Idea.  Learn from what does happen.  Each lock has a class, each task a
 * stack of what it holds.  Taking B while holding A teaches "A before B".
 * Before a new order is added, look whether B before A follows already from
 * what is known: then two CPUs could wait for each other, and that is
 * reported, with the places of both sides, though it did not happen now.
 *
 * What is reported:
 *
 *	order		B is waited for while A is held, and A was waited for,
 *			maybe over other classes, while B was held
 *	recursion	a class is waited for by who holds one of it (unless
 *			the inner names a subclass, or both may nest)
 *	irq		a class is taken in an interrupt, and it, or one that
 *			is waited for while it is held, with interrupts on
 *	release		what is released is not held by the task
 *	exit		a task ends and holds something
 *	sleep		might_sleep() or schedule() with preemption or
 *			interrupts off, or in a non-block section
 *	assert		lockdep_assert_held() and kin
 *	init		a lock was never initialised, or its class is on a stack
 *
 * A try never waits: nothing is ordered before it, but what is taken while it
 * is held is ordered after it.  Shared is ordered like exclusive, since a
 * queued writer makes readers wait for each other.  In an interrupt only what
 * that interrupt took counts as held: the rest is the irq rule's business.
 * A wrong order is reported once and not learned; who told whom is forgotten
 * where a test's expectation begins and where it ends, so that what the test
 * did on purpose hides nothing that somebody does by mistake.
 *
 *	field			read with		write with
 *	task->lockdep		the task, interrupts off
 *	classes[].after/before	ONCE, lock-free		graph_lock
 *	edges, nr_classes	graph_lock		graph_lock
 *	key->id			acquire			graph_lock, release
 *	report text, expect	report_lock		report_lock
 *
 * Limits.  MAX_CLASSES classes, LOCKDEP_MAX_HELD locks held by a task: beyond them
 * "out of room" is reported and the lock goes unchecked.  MAX_EDGES orders are kept
 * with their places: beyond them orders are checked all the same, a report says that
 * a place was not kept, and one message says so beforehand.
 *
 * The two locks are raw and leaves; printing happens with neither held.
 * The common case, every order known, is a bit test for each held lock.
 *
 * Over 600 lines because the rules share one graph and one report.  The file
 * is only in builds with CONFIG_LOCKDEP (options.mk).
 */
#include <lib/atomic.h>
#include <lib/bitops.h>
#include <kernel/lock/lockdep.h>
#include <lib/panic.h>
#include <lib/printk.h>
#include <kernel/sched/sched.h>
#include <kernel/lock/spinlock.h>
#include <kernel/sched/stack.h>
#include <lib/string.h>
#include <arch/cpu.h>

#define MAX_CLASSES   512
#define CLASS_WORDS   (MAX_CLASSES / 64)
#define MAX_EDGES     4096
#define REPORT_SIZE   2048
#define PRINTED_LIMIT 50U

struct class_set {
	unsigned long bits[CLASS_WORDS];
};

struct lock_class {
	struct lock_class_key *key;
	unsigned int subclass;
	unsigned long in_irq_ip;  /* where it was taken in an interrupt */
	unsigned long irqs_on_ip; /* where with interrupts on */
	struct class_set after;   /* taken while this was held */
	struct class_set before;  /* held while this was taken */
	struct class_set accused; /* orders reported already */
	bool irq_accused;
};

struct edge {
	u16 from, to;
	unsigned long from_ip, to_ip;
};

/* Class 0 is "none": a key starts with id 0. */
static struct lock_class classes[MAX_CLASSES];
static unsigned int nr_classes = 1;
static struct edge edges[MAX_EDGES];
static unsigned int nr_edges;
static bool edges_full; /* and that was said */
static struct raw_spinlock graph_lock = RAW_SPINLOCK_INIT;

static struct raw_spinlock report_lock = RAW_SPINLOCK_INIT;
static char report_text[REPORT_SIZE];
static size_t report_len;
static bool expecting;
static unsigned int expected;
static char expected_text[REPORT_SIZE];
static atomic_t report_count;

static bool set_has(const struct class_set *set, unsigned int id)
{
	return test_bit(id, set->bits);
}

static void set_add(struct class_set *set, unsigned int id)
{
	set_bit(id, set->bits);
}

/* ---- reports ----------------------------------------------------------- */

static void __printf(1, 2) add_text(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_len += (size_t)vscnprintf(report_text + report_len,
					 REPORT_SIZE - report_len, fmt, args);
	va_end(args);
}

static const char *class_name(unsigned int id)
{
	const char *name = classes[id].key->name;

	return name[0] == '&' ? name + 1 : name;
}

static void add_class(unsigned int id)
{
	add_text("%s", class_name(id));
	if (classes[id].subclass)
		add_text("/%u", classes[id].subclass);
}

static void add_held(struct task *task)
{
	struct lockdep_task *ld = &task->lockdep;
	unsigned int i;

	for (i = 0; i < ld->depth; i++) {
		add_text("  holds ");
		add_class(ld->held[i].id);
		add_text("%s, taken at %pS\n",
			 ld->held[i].how & LOCK_READ ? " (shared)" : "",
			 (void *)ld->held[i].ip);
	}
}

static void report_begin(const char *what)
{
	raw_spin_acquire(&report_lock);
	report_len = 0;
	add_text("LOCKDEP: %s\n", what);
	add_text(" task %s (%u) on CPU %u\n", current->name, current->pid,
		 smp_processor_id());
}

static void print_lines(char *text)
{
	while (*text) {
		char *end = strchr(text, '\n');

		if (end)
			*end = '\0';
		pr_err("%s", text);
		if (!end)
			break;
		text = end + 1;
	}
}

/* Interrupts are off, and stay so until the text is out of the buffer. */
static void report_end(void)
{
	static char printing[REPORT_SIZE];
	static bool printing_busy;
	bool print = false;

	if (expecting) {
		expected++;
		memcpy(expected_text, report_text, report_len + 1);
	} else if (atomic_inc_return(&report_count) <= (int)PRINTED_LIMIT &&
		   !printing_busy) {
		memcpy(printing, report_text, report_len + 1);
		printing_busy = true;
		print = true;
	}
	raw_spin_release(&report_lock);
	if (!print)
		return;
	print_lines(printing);
	print_stack(LOG_ERR, 2);
	WRITE_ONCE(printing_busy, false);
}

unsigned int lockdep_report_count(void)
{
	return (unsigned int)atomic_read(&report_count);
}

static void forget_accused(void) __no_thread_safety
{
	unsigned long flags;
	unsigned int id;

	raw_spin_lock_irqsave(&graph_lock, flags);
	for (id = 1; id < nr_classes; id++) {
		memset(&classes[id].accused, 0, sizeof(classes[id].accused));
		classes[id].irq_accused = false;
	}
	raw_spin_unlock_irqrestore(&graph_lock, flags);
}

void lockdep_expect_begin(void) __no_thread_safety
{
	unsigned long flags;

	forget_accused();
	current->lockdep.sleep_told = false;
	raw_spin_lock_irqsave(&report_lock, flags);
	expecting = true;
	expected = 0;
	expected_text[0] = '\0';
	raw_spin_unlock_irqrestore(&report_lock, flags);
}

unsigned int lockdep_expect_end(char *buf, size_t size) __no_thread_safety
{
	unsigned long flags;
	unsigned int n;

	raw_spin_lock_irqsave(&report_lock, flags);
	expecting = false;
	n = expected;
	if (buf)
		strscpy(buf, expected_text, size);
	raw_spin_unlock_irqrestore(&report_lock, flags);
	forget_accused();
	return n;
}

/* ---- the graph --------------------------------------------------------- */

/*
 * All classes reachable from @start, itself included, over after or before.
 * @via[x] is the class x was reached from.  graph_lock held.
 */
static struct class_set reach_set;
static u16 reach_via[MAX_CLASSES];

enum direction {
	TO_AFTER,
	TO_BEFORE,
};

static void reach(unsigned int start, enum direction direction)
{
	static u16 todo[MAX_CLASSES];
	unsigned int head = 0, tail = 0;

	memset(&reach_set, 0, sizeof(reach_set));
	set_add(&reach_set, start);
	reach_via[start] = 0;
	todo[tail++] = (u16)start;
	while (head < tail) {
		unsigned int at = todo[head++];
		struct class_set *next = direction == TO_AFTER
						 ? &classes[at].after
						 : &classes[at].before;
		unsigned long id;

		for (id = find_first_bit(next->bits, MAX_CLASSES);
		     id < MAX_CLASSES;
		     id = find_next_bit(next->bits, MAX_CLASSES, id + 1)) {
			if (set_has(&reach_set, (unsigned int)id))
				continue;
			set_add(&reach_set, (unsigned int)id);
			reach_via[id] = (u16)at;
			todo[tail++] = (u16)id;
		}
	}
}

static const struct edge *find_edge(unsigned int from, unsigned int to)
{
	unsigned int i;

	for (i = 0; i < nr_edges; i++)
		if (edges[i].from == from && edges[i].to == to)
			return &edges[i];
	return NULL;
}

static void add_edge_text(unsigned int from, unsigned int to)
{
	const struct edge *edge = find_edge(from, to);

	add_text("  ");
	add_class(to);
	if (!edge) {
		add_text(" was taken (the place was not kept)\n");
		add_text("    while holding ");
		add_class(from);
		add_text("\n");
		return;
	}
	add_text(" was taken at %pS\n", (void *)edge->to_ip);
	add_text("    while holding ");
	add_class(from);
	add_text(", taken at %pS\n", (void *)edge->from_ip);
}

/* The way from where reach() began to @to, last step first. */
static void add_path(unsigned int to, enum direction direction)
{
	while (reach_via[to]) {
		if (direction == TO_AFTER)
			add_edge_text(reach_via[to], to);
		else
			add_edge_text(to, reach_via[to]);
		to = reach_via[to];
	}
}

static unsigned int first_in_irq(void)
{
	unsigned int id;

	for (id = 1; id < nr_classes; id++)
		if (set_has(&reach_set, id) && classes[id].in_irq_ip)
			return id;
	return 0;
}

static unsigned int first_irqs_on(void)
{
	unsigned int id;

	for (id = 1; id < nr_classes; id++)
		if (set_has(&reach_set, id) && classes[id].irqs_on_ip)
			return id;
	return 0;
}

static void add_irq_pair(unsigned int in_irq, unsigned int irqs_on)
{
	add_text("  ");
	add_class(in_irq);
	add_text(" is taken in an interrupt at %pS\n",
		 (void *)classes[in_irq].in_irq_ip);
	add_text("  ");
	add_class(irqs_on);
	add_text(" is taken with interrupts on at %pS\n",
		 (void *)classes[irqs_on].irqs_on_ip);
}

static bool accuse(unsigned int from, unsigned int to)
{
	return !test_and_set_bit(to, classes[from].accused.bits);
}

static void describe_attempt(const struct held_lock *held, unsigned int id,
			     unsigned long ip)
{
	add_text(" takes ");
	add_class(id);
	add_text(" at %pS\n while holding ", (void *)ip);
	add_class(held->id);
	add_text(", taken at %pS\n", (void *)held->ip);
}

/* Would held -> id close a circle?  graph_lock held; drops it to report. */
static bool closes_circle(const struct held_lock *held, unsigned int id,
			  unsigned long ip)
{
	reach(id, TO_AFTER);
	if (!set_has(&reach_set, held->id))
		return false;
	if (!accuse(held->id, id))
		return true;
	report_begin("possible deadlock: locks in the opposite order");
	describe_attempt(held, id, ip);
	add_text(" but the other order is known, last step first:\n");
	add_path(held->id, TO_AFTER);
	raw_spin_release(&graph_lock);
	report_end();
	raw_spin_acquire(&graph_lock);
	return true;
}

/* Does held -> id lead from an interrupt's lock to an interruptible one? */
static bool breaks_irq_rule(const struct held_lock *held, unsigned int id,
			    unsigned long ip)
{
	unsigned int in_irq, irqs_on;

	reach(id, TO_AFTER);
	irqs_on = first_irqs_on();
	if (!irqs_on)
		return false;
	reach(held->id, TO_BEFORE);
	in_irq = first_in_irq();
	if (!in_irq)
		return false;
	if (!accuse(held->id, id))
		return true;
	report_begin("possible deadlock: an interrupt's lock waits for an "
		     "interruptible one");
	describe_attempt(held, id, ip);
	add_irq_pair(in_irq, irqs_on);
	add_path(in_irq, TO_BEFORE);
	reach(id, TO_AFTER);
	add_path(irqs_on, TO_AFTER);
	raw_spin_release(&graph_lock);
	report_end();
	raw_spin_acquire(&graph_lock);
	return true;
}

static void learn_order(const struct held_lock *held, unsigned int id,
			unsigned long ip)
{
	bool first_lost = false;

	raw_spin_acquire(&graph_lock);
	if (set_has(&classes[held->id].after, id) ||
	    closes_circle(held, id, ip) || breaks_irq_rule(held, id, ip)) {
		raw_spin_release(&graph_lock);
		return;
	}
	set_add(&classes[held->id].after, id);
	set_add(&classes[id].before, held->id);
	if (nr_edges < MAX_EDGES) {
		edges[nr_edges++] = (struct edge){.from = held->id,
						  .to = (u16)id,
						  .from_ip = held->ip,
						  .to_ip = ip};
	} else if (!edges_full) {
		edges_full = true;
		first_lost = true;
	}
	raw_spin_release(&graph_lock);
	if (first_lost)
		pr_warn("lockdep: %u orders are kept with their places; further "
			"ones are checked, but reports cannot say where\n",
			MAX_EDGES);
}

/* ---- interrupts -------------------------------------------------------- */

static void report_irq_use(unsigned int id, unsigned int other, const char *here,
			   unsigned long ip, enum direction direction)
{
	struct lock_class *class = &classes[id];

	if (class->irq_accused)
		return;
	class->irq_accused = true;
	report_begin("possible deadlock: a lock with and without interrupts");
	add_text(" takes ");
	add_class(id);
	add_text(" %s at %pS\n but ", here, (void *)ip);
	add_class(other);
	if (direction == TO_AFTER)
		add_text(" is taken with interrupts on at %pS\n",
			 (void *)classes[other].irqs_on_ip);
	else
		add_text(" is taken in an interrupt at %pS\n",
			 (void *)classes[other].in_irq_ip);
	add_path(other, direction);
	raw_spin_release(&graph_lock);
	report_end();
	raw_spin_acquire(&graph_lock);
}

static void learn_in_irq(unsigned int id, unsigned long ip)
{
	unsigned int other;

	raw_spin_acquire(&graph_lock);
	reach(id, TO_AFTER);
	other = first_irqs_on();
	if (other)
		report_irq_use(id, other, "in an interrupt", ip, TO_AFTER);
	else
		WRITE_ONCE(classes[id].in_irq_ip, ip);
	raw_spin_release(&graph_lock);
}

static void learn_irqs_on(unsigned int id, unsigned long ip)
{
	unsigned int other;

	raw_spin_acquire(&graph_lock);
	reach(id, TO_BEFORE);
	other = first_in_irq();
	if (other)
		report_irq_use(id, other, "with interrupts on", ip, TO_BEFORE);
	else
		WRITE_ONCE(classes[id].irqs_on_ip, ip);
	raw_spin_release(&graph_lock);
}

/* Readers of a sequence count wait for its writers, not the reverse. */
static void check_irq_use(const struct held_lock *lock, enum lock_kind kind,
			  bool irqs_on)
{
	bool reads = lock->how & LOCK_READ;

	if (kind != LOCK_KIND_SPIN && kind != LOCK_KIND_SEQ)
		return;
	if (lock->context) {
		if (!(kind == LOCK_KIND_SEQ && !reads) &&
		    !READ_ONCE(classes[lock->id].in_irq_ip))
			learn_in_irq(lock->id, lock->ip);
	} else if (irqs_on) {
		if (!(kind == LOCK_KIND_SEQ && reads) &&
		    !READ_ONCE(classes[lock->id].irqs_on_ip))
			learn_irqs_on(lock->id, lock->ip);
	}
}

/* ---- taking and releasing ---------------------------------------------- */

static bool validator_rests(void)
{
	return unlikely(in_nmi() || panic_in_progress());
}

static unsigned int new_class(struct lock_class_key *key, unsigned int subclass)
{
	unsigned int id;

	raw_spin_acquire(&graph_lock);
	id = key->id[subclass];
	if (!id && nr_classes < MAX_CLASSES) {
		id = nr_classes;
		classes[id].key = key;
		classes[id].subclass = subclass;
		WRITE_ONCE(nr_classes, id + 1);
		smp_store_release(&key->id[subclass], (unsigned short)id);
	}
	raw_spin_release(&graph_lock);
	return id;
}

static unsigned int class_of(struct lockdep_map *map, unsigned int subclass)
{
	unsigned int id = smp_load_acquire(&map->key->id[subclass]);

	return likely(id) ? id : new_class(map->key, subclass);
}

static void __printf(3, 4)
	report_simple(const char *what, bool with_held, const char *fmt, ...)
{
	char words[160];
	va_list args;

	va_start(args, fmt);
	vscnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	report_begin(what);
	add_text(" %s\n", words);
	if (with_held)
		add_held(current);
	report_end();
}

static void report_recursion(const struct held_lock *held, unsigned int id,
			     unsigned long ip)
{
	if (!accuse(id, id))
		return;
	report_begin("possible deadlock: a lock of the same class is held");
	describe_attempt(held, id, ip);
	report_end();
}

/* What the locks already held say to waiting for @lock. */
static void check_held(struct lockdep_task *ld, const struct held_lock *lock)
{
	unsigned int i;

	for (i = 0; i < ld->depth; i++) {
		const struct held_lock *held = &ld->held[i];

		if (held->id == lock->id) {
			if (!(held->how & lock->how & LOCK_NESTS))
				report_recursion(held, lock->id, lock->ip);
			return;
		}
	}
	for (i = 0; i < ld->depth; i++) {
		const struct held_lock *held = &ld->held[i];

		if (held->context == lock->context &&
		    !set_has(&classes[held->id].after, lock->id))
			learn_order(held, lock->id, lock->ip);
	}
}

/* A class outlives every frame: its key lies in the image. */
extern char __data_start[], __data_end[];

static bool key_is_static(const struct lock_class_key *key)
{
	return (const char *)key >= __data_start &&
	       (const char *)key < __data_end;
}

static void acquire(struct lockdep_map *map, unsigned int subclass,
		    unsigned int how, unsigned long ip, bool irqs_on)
{
	struct lockdep_task *ld = &current->lockdep;
	struct held_lock lock = {.map = map, .ip = ip, .how = (u8)how};
	enum lock_kind kind;

	if (!key_is_static(map->key)) {
		report_simple("a lock was never initialised, or on a stack by "
			      "a static initialiser",
			      false, "taken at %pS", (void *)ip);
		return;
	}
	kind = map->key->kind;
	lock.id = (u16)class_of(map, subclass);
	lock.context =
		(u8)((this_cpu_read(preempt_word) & HARDIRQ_MASK) / HARDIRQ_ONE);
	if (!lock.id || ld->depth >= LOCKDEP_MAX_HELD) {
		report_simple("out of room", false, "classes %u, held %u",
			      nr_classes, ld->depth);
		return;
	}
	if (!(how & LOCK_TRY)) {
		check_held(ld, &lock);
		check_irq_use(&lock, kind, irqs_on);
	}
	if (lock.context && kind == LOCK_KIND_SLEEP)
		report_simple("a sleeping lock in an interrupt", true,
			      "%s, taken at %pS", class_name(lock.id),
			      (void *)ip);
	ld->held[ld->depth++] = lock;
	if (kind != LOCK_KIND_FAKE && !lock.context)
		ld->taken++;
}

void lock_acquire_at(struct lockdep_map *map, unsigned int subclass,
		     unsigned int how, unsigned long ip)
{
	unsigned long flags;

	if (validator_rests())
		return;
	local_irq_save(flags);
	acquire(map, subclass, how, ip, !irqs_disabled_flags(flags));
	local_irq_restore(flags);
}

void lock_acquire(struct lockdep_map *map, unsigned int subclass, unsigned int how)
{
	lock_acquire_at(map, subclass, how,
			(unsigned long)__builtin_return_address(0));
}

static bool drop_held(struct lockdep_task *ld, const struct lockdep_map *map)
{
	unsigned int i = ld->depth;

	while (i-- > 0) {
		if (ld->held[i].map != map)
			continue;
		memmove(&ld->held[i], &ld->held[i + 1],
			(ld->depth - i - 1) * sizeof(ld->held[0]));
		ld->depth--;
		return true;
	}
	return false;
}

void lock_release(struct lockdep_map *map)
{
	unsigned long ip = (unsigned long)__builtin_return_address(0);
	unsigned long flags;

	if (validator_rests())
		return;
	local_irq_save(flags);
	if (!drop_held(&current->lockdep, map))
		report_simple("released, but not held", true, "%s, at %pS",
			      map->key ? map->key->name : "(not initialised)",
			      (void *)ip);
	local_irq_restore(flags);
}

bool lock_is_held(const struct lockdep_map *map, unsigned int how)
{
	struct lockdep_task *ld = &current->lockdep;
	unsigned int i;

	if (validator_rests())
		return true;
	for (i = 0; i < ld->depth; i++) {
		bool shared = ld->held[i].how & LOCK_READ;

		if (ld->held[i].map == map)
			return !how || (how == LOCK_READ ? shared : !shared);
	}
	return false;
}

void lockdep_assert_failed(const char *expr, const char *file, int line)
{
	unsigned long flags;

	if (validator_rests())
		return;
	local_irq_save(flags);
	report_simple("an assertion does not hold", true, "%s, at %s:%d", expr,
		      file, line);
	local_irq_restore(flags);
}

/* ---- sleeping ---------------------------------------------------------- */

static void report_sleep(const char *what, const char *file, int line,
			 unsigned long ip)
{
	struct lockdep_task *ld = &current->lockdep;
	bool irqs_off = irqs_disabled();
	u32 count = preempt_count();
	unsigned long flags;

	local_irq_save(flags);
	report_begin(what);
	add_text(" %s:%d in %pS\n preempt count %#x, interrupts %s, "
		 "non-block depth %u\n",
		 file, line, (void *)ip, count, irqs_off ? "off" : "on",
		 ld->non_block);
	if (ld->non_block)
		add_text("  in the non-block section opened at %pS\n",
			 (void *)ld->non_block_ip);
	add_held(current);
	report_end();
	local_irq_restore(flags);
}

static bool may_not_sleep(void)
{
	return sched_running() && !validator_rests() &&
	       unlikely(preempt_count() || current->lockdep.non_block ||
			irqs_disabled());
}

/*
 * One report for one mistake: who was told is not told again, by the wait it
 * had announced or by the next, until it has slept where it may.
 */
static void check_sleep(const char *what, const char *file, int line,
			unsigned long ip)
{
	struct lockdep_task *ld = &current->lockdep;
	bool wrong = may_not_sleep();

	if (unlikely(wrong) && !ld->sleep_told)
		report_sleep(what, file, line, ip);
	ld->sleep_told = wrong;
}

void lockdep_might_sleep(const char *file, int line)
{
	check_sleep("sleeping where one must not", file, line,
		    (unsigned long)__builtin_return_address(0));
}

void lockdep_note_schedule(void)
{
	check_sleep("scheduling where one must not", __FILE__, __LINE__,
		    (unsigned long)__builtin_return_address(0));
}

void non_block_start(void)
{
	struct lockdep_task *ld = &current->lockdep;

	if (ld->non_block++)
		return;
	ld->non_block_ip = (unsigned long)__builtin_return_address(0);
	ld->sleep_told = false;
}

void non_block_end(void)
{
	struct lockdep_task *ld = &current->lockdep;

	if (ld->non_block)
		ld->non_block--;
	else
		lockdep_assert_failed("a non-block section is open", __FILE__,
				      __LINE__);
}

/* ---- tasks, listings --------------------------------------------------- */

void lockdep_task_exit(struct task *task)
{
	unsigned long flags;

	if (likely(!task->lockdep.depth && !task->lockdep.non_block))
		return;
	local_irq_save(flags);
	report_simple("a task ends and holds locks", true, "non-block depth %u",
		      task->lockdep.non_block);
	task->lockdep.depth = 0;
	task->lockdep.non_block = 0;
	local_irq_restore(flags);
}

unsigned int lockdep_task_held_count(void)
{
	return current->lockdep.depth;
}

unsigned long lockdep_task_taken(void)
{
	return current->lockdep.taken;
}

void lockdep_note_contended(void)
{
	current->lockdep.contended++;
}

unsigned long lockdep_task_contended(void)
{
	return current->lockdep.contended;
}

void lockdep_print_held(struct task *task)
{
	unsigned int depth = min(READ_ONCE(task->lockdep.depth),
				 (unsigned int)LOCKDEP_MAX_HELD);
	unsigned int i;

	for (i = 0; i < depth; i++) {
		struct held_lock *held = &task->lockdep.held[i];
		char line[160];
		int len = scnprintf(line, sizeof(line),
				    "  holds %s, taken at %pS\n",
				    class_name(held->id), (void *)held->ip);

		console_raw_write(line, (size_t)len);
	}
}

static void panic_locks(void)
{
	lockdep_print_held(current);
}
PANIC_REPORT(PANIC_LOCKS, panic_locks);

static unsigned int set_weight(const struct class_set *set)
{
	unsigned int i, n = 0;

	for (i = 0; i < CLASS_WORDS; i++)
		n += hweight64(set->bits[i]);
	return n;
}

void lockdep_for_each_class(void (*fn)(const struct lock_class_info *info,
				       void *arg),
			    void *arg)
{
	unsigned int id, n = READ_ONCE(nr_classes);

	for (id = 1; id < n; id++) {
		const struct lock_class *class = &classes[id];
		struct lock_class_info info = {
			.name = class_name(id),
			.file = class->key->file,
			.line = class->key->line,
			.kind = class->key->kind,
			.subclass = class->subclass,
			.id = id,
			.in_irq = class->in_irq_ip,
			.irqs_on = class->irqs_on_ip,
			.after = set_weight(&class->after),
		};

		fn(&info, arg);
	}
}

bool lockdep_is_before(unsigned int a, unsigned int b)
{
	return a < MAX_CLASSES && b < MAX_CLASSES &&
	       set_has(&classes[a].after, b);
}

static void dump_class(const struct lock_class_info *info, void *unused)
{
	static const char *const kinds[] = {"spin", "sleep", "seq", "fake"};
	char line[160];
	unsigned int id;
	int len;

	len = scnprintf(line, sizeof(line), "%s/%u (%s, %s:%u)%s%s\n",
			info->name, info->subclass, kinds[info->kind], info->file,
			info->line, info->in_irq ? ", in interrupts" : "",
			info->irqs_on ? ", interrupts on" : "");
	console_raw_write(line, (size_t)len);
	for (id = 1; id < READ_ONCE(nr_classes); id++) {
		if (!lockdep_is_before(info->id, id))
			continue;
		len = scnprintf(line, sizeof(line), "    before %s/%u\n",
				class_name(id), classes[id].subclass);
		console_raw_write(line, (size_t)len);
	}
}

void lockdep_dump(void)
{
	lockdep_for_each_class(dump_class, NULL);
}
