// SPDX-License-Identifier: MIT
/*
 * lib/printk.c - messages into a ring, from the ring to the consoles
 *
 * Problem.  A message may come from anywhere: with any lock held, from an
 * interrupt in the middle of another message, from an NMI, from a CPU that is
 * about to die.  It must never wait for a lock that its own CPU holds, and
 * must not be lost because another CPU is writing.
 *
 * Idea.  Logging and showing are two steps.  Logging takes a number by one
 * atomic add and fills the slot of that number; no lock.  Showing is done by
 * one CPU at a time, the owner of the consoles.  A CPU that finds them
 * owned leaves: the owner looks again after it let go.
 *
 * States of a slot, by its stamp, for message number n:
 *
 *	0		being written
 *	n + 1		holds message n
 *	> n + 1		message n was overwritten: it counts as lost
 *
 *	field		read with		write with
 *	ring_head	atomic			atomic add
 *	slot		stamp before and after	its writer, between stamps
 *	ring_shown	ownership		ownership
 *	consoles	ownership		ownership
 *
 * The race this must win (tests/lib/printk_test.c,
 * messages_logged_while_the_consoles_are_owned_are_shown):
 *
 *	owner				other CPU
 *	shows all; nothing left
 *					fills slot n
 *					xchg(owner): taken; goes away
 *	lets go
 *	full barrier; is there more? yes: takes the consoles again
 *
 * Both exchanges are full barriers, so either the other CPU finds the consoles
 * free or the owner finds its message.
 *
 * A writer is not preempted between its number and the end of its slot: messages
 * are shown in order, so every later one would wait until it runs again
 * (a_writer_is_not_preempted_between_number_and_slot).
 *
 * In a panic the panicking CPU takes the consoles from their owner for good; a
 * slot that will never be finished is stepped over.
 */
#include <lib/atomic.h>
#include <lib/cmdline.h>
#include <lib/cpumask.h>
#include <lib/init.h>
#include <lib/preempt.h>
#include <lib/printk.h>
#include <lib/string.h>
#include <kernel/time.h>
#include <arch/cpu.h>

#define RING_SLOTS 1024U
#define TEXT_MAX   228
/* How often an NMI looks for free consoles before it writes all the same. */
#define NMI_PATIENCE 1000000
#define NOBODY       (-1)

struct log_slot {
	u32 stamp;
	u16 len;
	u8 level;
	u8 cpu;
	u64 when;
	char text[TEXT_MAX];
};

static struct log_slot ring[RING_SLOTS];
static u32 ring_head;  /* number of the next message */
static u32 ring_shown; /* number of the next message to show */
static struct console *consoles;
static int console_owner = NOBODY;
static int panic_owner = NOBODY;
static enum log_level console_level = LOG_INFO;

void (*printk_numbered_hook)(void);

CMDLINE_KEY("loglevel", "show messages up to this level, 0 to 5");

static bool consoles_try_own(void)
{
	int me = (int)smp_processor_id();
	int dying = READ_ONCE(panic_owner);

	if (unlikely(dying != NOBODY))
		return dying == me;
	return cmpxchg(&console_owner, NOBODY, me) == NOBODY;
}

static void consoles_disown(void)
{
	if (likely(READ_ONCE(panic_owner) == NOBODY))
		(void)xchg(&console_owner, NOBODY);
}

static void consoles_write(const char *buf, size_t len)
{
	struct console *con;

	for (con = consoles; con; con = con->next)
		con->write(con, buf, len);
}

static size_t format_line(char *line, size_t size, const struct log_slot *msg)
{
	int len = scnprintf(line, size, "[%5lu.%06lu] %.*s",
			    (unsigned long)(msg->when / NSEC_PER_SEC),
			    (unsigned long)(msg->when % NSEC_PER_SEC / 1000),
			    (int)msg->len, msg->text);

	if (line[len - 1] != '\n')
		line[len++] = '\n';
	return (size_t)len;
}

/*
 * Copy message @n.  Return: 1 copied, 0 not finished yet, -1 lost.
 */
static int copy_message(u32 n, struct log_slot *out)
{
	const struct log_slot *slot = &ring[n % RING_SLOTS];
	u32 stamp = smp_load_acquire(&slot->stamp);

	if (stamp != n + 1)
		return READ_ONCE(ring_head) - n > RING_SLOTS ? -1 : 0;
	*out = *slot;
	smp_rmb();
	return READ_ONCE(slot->stamp) == stamp ? 1 : -1;
}

/* Show one message.  Ownership; returns false when there is none to show. */
static bool show_next(void)
{
	/* Ownership guards these: too large for a stack. */
	static struct log_slot msg;
	static char line[TEXT_MAX + 32];
	u32 n = ring_shown;
	int got;

	if (n == READ_ONCE(ring_head))
		return false;
	got = copy_message(n, &msg);
	if (got == 0 && READ_ONCE(panic_owner) == NOBODY)
		return false;
	WRITE_ONCE(ring_shown, n + 1);
	if (got == 1 && msg.level <= console_level)
		consoles_write(line, format_line(line, sizeof(line), &msg));
	else if (got < 0)
		consoles_write("[message lost]\n", 15);
	return true;
}

static bool messages_wait(void)
{
	u32 n = READ_ONCE(ring_shown);

	return n != READ_ONCE(ring_head) &&
	       READ_ONCE(ring[n % RING_SLOTS].stamp) >= n + 1;
}

void console_flush(void)
{
	unsigned long flags;
	bool more;

	/* One message at a time with interrupts off, then let others come. */
	do {
		local_irq_save(flags);
		if (!consoles_try_own()) {
			local_irq_restore(flags);
			return;
		}
		more = show_next();
		consoles_disown();
		local_irq_restore(flags);
	} while (more || messages_wait());
}

/* Preemption off: as long as one is not finished, no later message is shown. */
static void log_message(enum log_level level, const char *fmt, va_list args)
{
	u32 n = xadd(&ring_head, 1U);
	struct log_slot *slot = &ring[n % RING_SLOTS];

	if (IS_ENABLED(CONFIG_KTEST) && READ_ONCE(printk_numbered_hook))
		printk_numbered_hook();
	WRITE_ONCE(slot->stamp, 0);
	smp_wmb();
	slot->level = (u8)level;
	slot->cpu = (u8)smp_processor_id();
	slot->when = clock_ns();
	slot->len = (u16)vscnprintf(slot->text, TEXT_MAX, fmt, args);
	smp_store_release(&slot->stamp, n + 1);
}

void vprintk(enum log_level level, const char *fmt, va_list args)
{
	preempt_disable();
	log_message(level, fmt, args);
	preempt_enable();
	if (!in_nmi() || READ_ONCE(panic_owner) != NOBODY)
		console_flush();
}

void printk(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintk(level, fmt, args);
	va_end(args);
}

/*
 * Take the consoles, waiting.  Return: false when they were not to be had and
 * the caller writes all the same: in an NMI that interrupted their owner, or
 * one that waited long enough.
 */
static bool consoles_own(void)
{
	unsigned int patience = in_nmi() ? NMI_PATIENCE : 0;
	int me = (int)smp_processor_id();

	while (!consoles_try_own()) {
		int dying = READ_ONCE(panic_owner);

		if (dying != NOBODY && dying != me && !in_nmi())
			arch_halt_forever();
		if (in_nmi() && (READ_ONCE(console_owner) == me || !--patience))
			return false;
		cpu_relax();
	}
	return true;
}

void console_raw_write(const char *buf, size_t len)
{
	unsigned long flags;
	bool own;

	local_irq_save(flags);
	own = consoles_own();
	while (own && show_next())
		;
	consoles_write(buf, len);
	if (own)
		consoles_disown();
	local_irq_restore(flags);
	if (own && messages_wait())
		console_flush();
}

void register_console(struct console *con)
{
	static struct log_slot msg;
	static char line[TEXT_MAX + 32];
	unsigned long flags;
	u32 n;

	local_irq_save(flags);
	consoles_own();
	n = ring_shown > RING_SLOTS ? ring_shown - RING_SLOTS : 0;
	for (; n != ring_shown; n++)
		if (copy_message(n, &msg) == 1 && msg.level <= console_level)
			con->write(con, line,
				   format_line(line, sizeof(line), &msg));
	con->next = consoles;
	consoles = con;
	consoles_disown();
	local_irq_restore(flags);
	console_flush();
}

void console_set_level(enum log_level level)
{
	WRITE_ONCE(console_level, level);
}

void console_panic(void)
{
	WRITE_ONCE(panic_owner, (int)smp_processor_id());
	smp_mb();
	console_flush();
}

static int printk_init(void)
{
	u64 level;

	if (cmdline_get_u64("loglevel", LOG_INFO, &level) || level > LOG_DEBUG)
		pr_warn("printk: loglevel= wants a number from 0 to 5");
	else
		console_set_level((enum log_level)level);
	return 0;
}
INITCALL(INIT_CORE, printk_init);
