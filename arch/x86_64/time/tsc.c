// SPDX-License-Identifier: MIT
/*
 * tsc.c - one clock for all CPUs
 *
 * Problem.  The clock is the TSC, scaled, and each CPU has a TSC of its own. A
 * CPU whose TSC lies behind shows an earlier time than others have seen, or one
 * before the boot: a difference below 0, which reads as 585 years.
 *
 * Idea.  Before a started CPU is online, CPU 0 compares the two TSCs:
 *
 *	CPU 0				started CPU
 *	before = TSC
 *	asked = n
 *					sees n
 *					stamp = TSC
 *					answered = n
 *	sees n
 *	after = TSC
 *
 * The stamp was taken between before and after. So the other TSC lies behind by
 * something in [before - stamp, after - stamp]. Each round narrows this; a host
 * that takes one of the CPUs away makes a round wide, never wrong. On a host that
 * does so all the time no round would be narrow, and each would be slow: then
 * the result of the rounds within 50 ms is used.
 *
 *	what is left		the started CPU
 *	0 lies in it		its TSC is as good as CPU 0's
 *	0 does not		adds the middle to its TSC, and is compared again
 *	nothing			is refused: its TSC runs at another speed
 *
 * A CPU that still differs after several additions is refused too. So rdtsc()
 * is one clock wherever it is read, as exactly as two CPUs can find out by
 * messages: a time that is sent in a message lies in the past where it arrives.
 *
 * A TSC that was set may miss 0 by 1 us: some CPUs take a new value only, not a
 * sum, and run on between reading the old one and writing. Each addition after
 * a wide round is coarse; it is the next rounds that show this, so an addition
 * is tried several times.
 *
 *	field of the meeting	written by
 *	asked, order, add,	CPU 0; asked last
 *	width
 *	answered, stamp		the started CPU; answered last
 *
 * QEMU's CPUs share one TSC, so the tests stand in for a CPU that lags: what
 * reads and changes the TSC is given (struct tsc_ops).
 */
#include <arch/cpu.h>
#include <arch/time.h>
#include <lib/atomic.h>
#include <asm/tsc.h>

#define MIN_ROUNDS        4
#define MAX_ADDITIONS     8
#define NARROW_PER_SECOND 20000 /* 50 us are narrow enough */
#define PATIENCE_MS       50 /* of a comparison; its last round may be longer */
#define S64_HIGHEST       ((s64)(~0UL >> 1))

static u64 read_in_order(void)
{
	/* Not before what was loaded before, not after what is stored after. */
	asm volatile("mfence; lfence" : : : "memory");
	return rdtsc();
}

static void add_to_tsc(s64 ticks)
{
	if (cpu_has(X86_FEATURE_TSC_ADJUST))
		wrmsr(MSR_TSC_ADJUST, rdmsr(MSR_TSC_ADJUST) + (u64)ticks);
	else
		wrmsr(MSR_TSC, rdtsc() + (u64)ticks);
}

const struct tsc_ops tsc_of_this_cpu = {
	.read = read_in_order,
	.add = add_to_tsc,
};

void tsc_bounds_init(struct tsc_bounds *bounds)
{
	bounds->low = -S64_HIGHEST;
	bounds->high = S64_HIGHEST;
}

void tsc_bounds_narrow(struct tsc_bounds *bounds, u64 before, u64 stamp, u64 after)
{
	bounds->low = max(bounds->low, (s64)(before - stamp));
	bounds->high = min(bounds->high, (s64)(after - stamp));
}

enum tsc_verdict tsc_judge(const struct tsc_bounds *bounds, s64 slack, s64 *behind)
{
	if (bounds->low > bounds->high)
		return TSC_OTHER_SPEED;
	if (bounds->low <= slack && bounds->high >= -slack)
		return TSC_SAME;
	*behind = bounds->low + (bounds->high - bounds->low) / 2;
	return TSC_APART;
}

/* Give the started CPU an order and wait until it is done. */
static void ask(struct tsc_meeting *meeting, enum tsc_order order)
{
	u32 n = meeting->asked + 1;

	meeting->order = order;
	/* The order before its number; pairs with the load in tsc_answer(). */
	smp_store_release(&meeting->asked, n);
	/* Pairs with the store in tsc_answer(): the stamp is there. */
	while (smp_load_acquire(&meeting->answered) != n)
		cpu_relax();
}

static enum tsc_verdict compare_once(struct tsc_meeting *meeting, s64 slack)
{
	s64 narrow = (s64)(arch_tsc_khz() * 1000 / NARROW_PER_SECOND);
	u64 patience = arch_tsc_khz() * PATIENCE_MS, begin = read_in_order();
	struct tsc_bounds bounds;
	enum tsc_verdict verdict;

	tsc_bounds_init(&bounds);
	for (unsigned int rounds = 1;; rounds++) {
		u64 before = read_in_order(), after;

		ask(meeting, TSC_STAMP);
		after = read_in_order();
		tsc_bounds_narrow(&bounds, before, meeting->stamp, after);
		verdict = tsc_judge(&bounds, slack, &meeting->add);
		if (verdict == TSC_OTHER_SPEED || after - begin > patience)
			break;
		if (rounds >= MIN_ROUNDS && bounds.high - bounds.low <= narrow)
			break;
	}
	meeting->width = bounds.high - bounds.low;
	return verdict;
}

bool tsc_compare(struct tsc_meeting *meeting)
{
	s64 slack = (s64)(arch_tsc_khz() / 1000); /* 1 us */
	enum tsc_verdict verdict = compare_once(meeting, 0);

	for (unsigned int i = 0; i < MAX_ADDITIONS && verdict == TSC_APART; i++) {
		ask(meeting, TSC_ADD);
		verdict = compare_once(meeting, slack);
	}
	ask(meeting, verdict == TSC_SAME ? TSC_ACCEPTED : TSC_REFUSED);
	return verdict == TSC_SAME;
}

bool tsc_answer(struct tsc_meeting *meeting, const struct tsc_ops *ops)
{
	enum tsc_order order;
	u32 n = 0;

	do {
		/* Pairs with the store in ask(). */
		while (smp_load_acquire(&meeting->asked) == n)
			cpu_relax();
		n++;
		order = meeting->order;
		if (order == TSC_STAMP)
			meeting->stamp = ops->read();
		else if (order == TSC_ADD)
			ops->add(meeting->add);
		/* Pairs with the load in ask(). */
		smp_store_release(&meeting->answered, n);
	} while (order == TSC_STAMP || order == TSC_ADD);
	return order == TSC_ACCEPTED;
}
