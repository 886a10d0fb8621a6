// SPDX-License-Identifier: MIT
/*
 * kernel/lock/lockdep_graph.c - classes of locks, and the orders learned of them
 *
 * Problem.  "A before B" is learned once and asked for at every lock that is taken
 * while another is held; whether B leads back to A over other classes is asked
 * seldom, but then over all that is known.
 *
 * Idea.  A class has two sets of bits, the classes taken after it and before it: the
 * frequent question is one bit, read without a lock.  The rare one is a breadth-first search
 * over the sets.  For each class that it reaches it keeps the class it came from; a
 * report prints that way.
 *
 *	lockdep_reach(A, TO_AFTER)	A -> B -> D	reached: A B C D
 *					  -> C		via: D from B, B and C from A
 *
 * The two places where an order was learned are in an array beside the sets, which
 * only reports search.
 *
 *	field			read with		write with
 *	class->after, ->before	ONCE, lock-free		lockdep_graph_lock
 *	edges, the number of classes
 *				lockdep_graph_lock	lockdep_graph_lock
 *	key->id			acquire			lockdep_graph_lock, release
 *	reach_set, reach_via	lockdep_graph_lock	lockdep_graph_lock
 *
 * Limits.  LOCKDEP_MAX_CLASSES classes.  LOCKDEP_MAX_EDGES orders are kept with their
 * places: beyond them orders are learned all the same, and a report says that a place
 * was not kept.
 *
 * Lifetime: a class is made when a lock of it is first taken, and stays.  Not here:
 * which orders are wrong (lockdep_check.c).
 */
#include <lib/atomic.h>
#include <lib/bitops.h>
#include <lib/printk.h>
#include <lib/string.h>

#include "kernel/lock/internal.h"

struct edge {
	u16 from, to;
	unsigned long from_ip, to_ip;
};

struct lock_class lockdep_classes[LOCKDEP_MAX_CLASSES];
unsigned int lockdep_nr_classes = 1;
struct raw_spinlock lockdep_graph_lock = RAW_SPINLOCK_INIT;

static struct edge edges[LOCKDEP_MAX_EDGES];
static unsigned int nr_edges;
static bool edges_full; /* and that was said */

/* ---- classes ----------------------------------------------------------- */

const char *lockdep_class_name(unsigned int id)
{
	const char *name = lockdep_classes[id].key->name;

	return name[0] == '&' ? name + 1 : name;
}

void lockdep_report_class(unsigned int id)
{
	lockdep_report_add("%s", lockdep_class_name(id));
	if (lockdep_classes[id].subclass)
		lockdep_report_add("/%u", lockdep_classes[id].subclass);
}

static unsigned int new_class(struct lock_class_key *key, unsigned int subclass)
{
	unsigned int id;

	raw_spin_acquire(&lockdep_graph_lock);
	id = key->id[subclass];
	if (!id && lockdep_nr_classes < LOCKDEP_MAX_CLASSES) {
		id = lockdep_nr_classes;
		lockdep_classes[id].key = key;
		lockdep_classes[id].subclass = subclass;
		WRITE_ONCE(lockdep_nr_classes, id + 1);
		smp_store_release(&key->id[subclass], (unsigned short)id);
	}
	raw_spin_release(&lockdep_graph_lock);
	return id;
}

unsigned int lockdep_class_of(struct lockdep_map *map, unsigned int subclass)
{
	unsigned int id = smp_load_acquire(&map->key->id[subclass]);

	return likely(id) ? id : new_class(map->key, subclass);
}

/* ---- orders: lockdep_graph_lock is held -------------------------------- */

/* The classes the last search reached, and from which; its start from class 0. */
static struct class_set reach_set;
static u16 reach_via[LOCKDEP_MAX_CLASSES];

void lockdep_reach(unsigned int start, enum direction direction)
{
	static u16 todo[LOCKDEP_MAX_CLASSES];
	unsigned int head = 0, tail = 0;

	memset(&reach_set, 0, sizeof(reach_set));
	class_set_add(&reach_set, start);
	reach_via[start] = 0;
	todo[tail++] = (u16)start;
	while (head < tail) {
		unsigned int at = todo[head++];
		struct class_set *next = direction == TO_AFTER
						 ? &lockdep_classes[at].after
						 : &lockdep_classes[at].before;
		unsigned long id;

		for (id = find_first_bit(next->bits, LOCKDEP_MAX_CLASSES);
		     id < LOCKDEP_MAX_CLASSES;
		     id = find_next_bit(next->bits, LOCKDEP_MAX_CLASSES, id + 1)) {
			if (class_set_has(&reach_set, (unsigned int)id))
				continue;
			class_set_add(&reach_set, (unsigned int)id);
			reach_via[id] = (u16)at;
			todo[tail++] = (u16)id;
		}
	}
}

bool lockdep_reached(unsigned int id)
{
	return class_set_has(&reach_set, id);
}

unsigned int lockdep_reached_in_irq(void)
{
	unsigned int id;

	for (id = 1; id < lockdep_nr_classes; id++)
		if (class_set_has(&reach_set, id) && lockdep_classes[id].in_irq_ip)
			return id;
	return 0;
}

unsigned int lockdep_reached_irqs_on(void)
{
	unsigned int id;

	for (id = 1; id < lockdep_nr_classes; id++)
		if (class_set_has(&reach_set, id) &&
		    lockdep_classes[id].irqs_on_ip)
			return id;
	return 0;
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

	lockdep_report_add("  ");
	lockdep_report_class(to);
	if (!edge) {
		lockdep_report_add(" was taken (the place was not kept)\n");
		lockdep_report_add("    while holding ");
		lockdep_report_class(from);
		lockdep_report_add("\n");
		return;
	}
	lockdep_report_add(" was taken at %pS\n", (void *)edge->to_ip);
	lockdep_report_add("    while holding ");
	lockdep_report_class(from);
	lockdep_report_add(", taken at %pS\n", (void *)edge->from_ip);
}

void lockdep_report_path(unsigned int to, enum direction direction)
{
	while (reach_via[to]) {
		if (direction == TO_AFTER)
			add_edge_text(reach_via[to], to);
		else
			add_edge_text(to, reach_via[to]);
		to = reach_via[to];
	}
}

bool lockdep_add_order(const struct held_lock *held, unsigned int id,
		       unsigned long ip)
{
	class_set_add(&lockdep_classes[held->id].after, id);
	class_set_add(&lockdep_classes[id].before, held->id);
	if (nr_edges < LOCKDEP_MAX_EDGES) {
		edges[nr_edges++] = (struct edge){.from = held->id,
						  .to = (u16)id,
						  .from_ip = held->ip,
						  .to_ip = ip};
		return false;
	}
	if (edges_full)
		return false;
	edges_full = true;
	return true;
}

/* ---- listings ---------------------------------------------------------- */

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
	unsigned int id, n = READ_ONCE(lockdep_nr_classes);

	for (id = 1; id < n; id++) {
		const struct lock_class *class = &lockdep_classes[id];
		struct lock_class_info info = {
			.name = lockdep_class_name(id),
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
	return a < LOCKDEP_MAX_CLASSES && b < LOCKDEP_MAX_CLASSES &&
	       class_set_has(&lockdep_classes[a].after, b);
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
	for (id = 1; id < READ_ONCE(lockdep_nr_classes); id++) {
		if (!lockdep_is_before(info->id, id))
			continue;
		len = scnprintf(line, sizeof(line), "    before %s/%u\n",
				lockdep_class_name(id),
				lockdep_classes[id].subclass);
		console_raw_write(line, (size_t)len);
	}
}

void lockdep_dump(void)
{
	lockdep_for_each_class(dump_class, NULL);
}
