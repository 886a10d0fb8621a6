// SPDX-License-Identifier: MIT
/*
 * serial.c - the first serial port, console and keyboard of a headless boot
 *
 * Output waits for room in the transmitter (16550 FIFO: 16 bytes at once) and
 * gives up on a port that does not empty for many seconds. A port that does not
 * keep what is written to its scratch register is not there. Input comes by
 * interrupt into a ring; the reader sleeps.
 *
 *	field	read with	write with
 *	head	rx_lock		rx_lock, interrupt
 *	tail	rx_lock		rx_lock, reader
 */
#include <arch/cpu.h>
#include <arch/io.h>
#include <arch/irq.h>
#include <drivers/serial.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <lib/printk.h>
#include <kernel/lock/spinlock.h>
#include <kernel/sched/wait.h>

#define COM1           0x3f8
#define ISA_LINE       4

#define REG_DATA       0 /* divisor low while DLAB */
#define REG_INTERRUPT  1 /* divisor high while DLAB */
#define REG_FIFO       2
#define REG_LINE       3
#define REG_MODEM      4
#define REG_STATUS     5
#define REG_SCRATCH    7
#define LINE_8N1       0x03
#define LINE_DLAB      0x80
#define FIFO_ON_CLEAR  0x07
#define MODEM_ON       0x0b /* DTR, RTS, and OUT2, which gates the interrupt */
#define INTERRUPT_RX   0x01
#define STATUS_RX      0x01
#define STATUS_TX_IDLE 0x20
#define FIFO_DEPTH     16
#define TX_PATIENCE    50000000 /* reads: the host may be slow to listen */
#define RX_RING        256      /* power of two */

static bool present;
static char ring[RX_RING];
static unsigned int head, tail;
static DEFINE_SPINLOCK(rx_lock);
static DECLARE_WAIT_QUEUE_HEAD(rx_wait);

static bool wait_for_room(void)
{
	for (unsigned int i = 0; i < TX_PATIENCE; i++) {
		if (inb(COM1 + REG_STATUS) & STATUS_TX_IDLE)
			return true;
		cpu_relax();
	}
	present = false;
	return false;
}

static void serial_write(struct console *con, const char *buf, size_t len)
{
	unsigned int room = 0;

	for (size_t i = 0; present && i < len; i++) {
		if (room < 2) {
			if (!wait_for_room())
				return;
			room = FIFO_DEPTH;
		}
		if (buf[i] == '\n') {
			outb(COM1 + REG_DATA, '\r');
			room--;
		}
		outb(COM1 + REG_DATA, (u8)buf[i]);
		room--;
	}
}

static struct console serial_console = {
	.name = "serial",
	.write = serial_write,
};

static int serial_console_init(void)
{
	outb(COM1 + REG_SCRATCH, 0x5a);
	if (inb(COM1 + REG_SCRATCH) != 0x5a)
		return 0; /* no port: the screen is all there is */
	outb(COM1 + REG_INTERRUPT, 0);
	outb(COM1 + REG_LINE, LINE_DLAB);
	outb(COM1 + REG_DATA, 1); /* 115200 */
	outb(COM1 + REG_INTERRUPT, 0);
	outb(COM1 + REG_LINE, LINE_8N1);
	outb(COM1 + REG_FIFO, FIFO_ON_CLEAR);
	outb(COM1 + REG_MODEM, MODEM_ON);
	present = true;
	register_console(&serial_console);
	return 0;
}
INITCALL(INIT_EARLY, serial_console_init);

static void receive(void *arg)
{
	unsigned long flags;

	spin_lock_irqsave(&rx_lock, flags);
	while (inb(COM1 + REG_STATUS) & STATUS_RX) {
		char c = (char)inb(COM1 + REG_DATA);

		if (head - tail < RX_RING)
			ring[head++ % RX_RING] = c;
	}
	spin_unlock_irqrestore(&rx_lock, flags);
	wake_up(&rx_wait);
}

static bool take_char(char *c)
{
	unsigned long flags;
	bool got;

	spin_lock_irqsave(&rx_lock, flags);
	got = head != tail;
	if (got)
		*c = ring[tail++ % RX_RING];
	spin_unlock_irqrestore(&rx_lock, flags);
	return got;
}

int serial_getc(void)
{
	char c;

	if (!present)
		return -ENODEV;
	if (wait_event_killable(&rx_wait, take_char(&c)))
		return -EINTR;
	return (unsigned char)c;
}

static int serial_input_init(void)
{
	int vector, err;

	if (!present)
		return 0;
	vector = irq_alloc_vector(receive, NULL, "serial");
	if (vector < 0)
		return vector;
	err = irq_route_isa(ISA_LINE, vector);
	if (err) {
		irq_free_vector(vector);
		return err;
	}
	outb(COM1 + REG_INTERRUPT, INTERRUPT_RX);
	receive(NULL); /* what came before: its interrupt is lost */
	return 0;
}
INITCALL(INIT_DRIVER, serial_input_init);
