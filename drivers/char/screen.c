// SPDX-License-Identifier: MIT
/*
 * screen.c - the log on VGA text or on a framebuffer
 *
 * Problem.  A user without a serial line must see why the boot stopped. Screen
 * memory is slow to write and slower to read, and for a part of the boot it is not
 * mapped at all.
 *
 * Idea.  The text lives in cells[], and the screen shows it. Cells that change are
 * drawn; nothing is read back from the screen; a full screen scrolls by half its
 * height at once. While the screen memory is not mapped only the cells change; when
 * it is mapped they are all drawn.
 *
 *	when				screen memory is reached through
 *	INIT_EARLY			the boot tables, if below 4 GiB
 *	final tables until INIT_CORE	nothing
 *	from then on			ioremap
 *
 * Locks: none of its own: printk calls one writer at a time, or the one
 * that panics.
 */
#include <arch/boot.h>
#include <arch/io.h>
#include <arch/mmu.h>
#include <arch/page.h>
#include <lib/errno.h>
#include <lib/init.h>
#include <lib/printk.h>
#include <lib/string.h>
#include "font.h"

#define VGA_TEXT_ADDR 0xb8000UL
#define VGA_COLUMNS   80
#define VGA_ROWS      25
#define VGA_ATTRIBUTE 0x07 /* grey on black */
#define BOOT_MAP_END  (1UL << 32)
#define COLUMNS_MAX   160
#define ROWS_MAX      64
#define TAB_STOP      8
#define DOT           2 /* pixels a dot is wide and high */
#define CELL_WIDTH    ((FONT_WIDTH + 1) * DOT)
#define CELL_HEIGHT   ((FONT_HEIGHT + 2) * DOT)
#define BRIGHTNESS    0xc0

static struct boot_screen screen;
static char __iomem *memory; /* NULL: draw nothing */
static bool early;           /* memory is of the boot tables */
static char cells[ROWS_MAX][COLUMNS_MAX];
static unsigned int columns, rows, column, row;
static u32 ink;

static u32 pixel_of(u32 brightness)
{
	return brightness >> (8 - screen.red_bits) << screen.red_shift |
	       brightness >> (8 - screen.green_bits) << screen.green_shift |
	       brightness >> (8 - screen.blue_bits) << screen.blue_shift;
}

static void put_pixel(char __iomem *at, u32 v)
{
	switch (screen.bits_per_pixel) {
	case 32:
		writel(v, at);
		break;
	case 24:
		writew((u16)v, at);
		writeb((u8)(v >> 16), at + 2);
		break;
	default:
		writew((u16)v, at);
	}
}

/* The common depth: a dot is one store. */
static void draw_line32(char __iomem *line, u8 bits)
{
	u64 dot = (u64)ink << 32 | ink;

	for (unsigned int x = 0; x <= FONT_WIDTH; x++, bits <<= 1)
		writeq(bits & 1 << FONT_WIDTH ? dot : 0, line + x * sizeof(dot));
}

static void draw_line(char __iomem *line, u8 bits)
{
	unsigned int bytes = screen.bits_per_pixel / 8u;

	for (unsigned int x = 0; x < CELL_WIDTH; x++)
		put_pixel(line + x * bytes,
			  bits >> (FONT_WIDTH - x / DOT) & 1 ? ink : 0);
}

static void draw_glyph(unsigned int y, unsigned int x)
{
	const u8 *glyph = screen_font[(u8)cells[y][x] - FONT_FIRST];
	char __iomem *line = memory + y * CELL_HEIGHT * screen.pitch +
			     x * CELL_WIDTH * (screen.bits_per_pixel / 8u);

	for (unsigned int py = 0; py < CELL_HEIGHT; py++) {
		/* the column after the glyph stays dark */
		u8 bits = py / DOT < FONT_HEIGHT ? (u8)(glyph[py / DOT] << 1) : 0;

		if (screen.bits_per_pixel == 32)
			draw_line32(line, bits);
		else
			draw_line(line, bits);
		line += screen.pitch;
	}
}

static void draw(unsigned int y, unsigned int x)
{
	if (early && init_mm_context.pgd)
		memory = NULL; /* the boot tables are gone */
	if (!memory)
		return;
	if (screen.kind == BOOT_SCREEN_TEXT)
		writew((u16)(VGA_ATTRIBUTE << 8 | (u8)cells[y][x]),
		       memory + y * screen.pitch + x * 2);
	else
		draw_glyph(y, x);
}

static void set_cell(unsigned int y, unsigned int x, char c)
{
	if (cells[y][x] == c)
		return;
	cells[y][x] = c;
	draw(y, x);
}

static void scroll(void)
{
	unsigned int by = rows / 2;

	for (unsigned int y = 0; y < rows; y++)
		for (unsigned int x = 0; x < columns; x++)
			set_cell(y, x, y + by < rows ? cells[y + by][x] : ' ');
	row -= by;
}

static void put_char(char c)
{
	switch (c) {
	case '\n':
		column = 0;
		row++;
		break;
	case '\r':
		column = 0;
		return;
	case '\b':
		column -= column > 0;
		return;
	case '\t':
		column = ALIGN(column + 1, TAB_STOP);
		break;
	default:
		if (c < FONT_FIRST || c >= FONT_FIRST + FONT_GLYPHS)
			c = '?';
		set_cell(row, column++, c);
	}
	if (column >= columns) {
		column = 0;
		row++;
	}
	if (row >= rows)
		scroll();
}

static void screen_write(struct console *con, const char *buf, size_t len)
{
	while (len--)
		put_char(*buf++);
}

static struct console screen_console = {
	.name = "screen",
	.write = screen_write,
};

static size_t screen_bytes(void)
{
	return (size_t)screen.pitch * screen.height;
}

static int screen_console_init(void)
{
	screen = boot_info.screen;
	/* The loader's description is invalid: assume the text screen. */
	if (screen.kind == BOOT_SCREEN_NONE && boot_error())
		screen = (struct boot_screen){
			.kind = BOOT_SCREEN_TEXT,
			.addr = VGA_TEXT_ADDR,
			.pitch = VGA_COLUMNS * 2,
			.width = VGA_COLUMNS,
			.height = VGA_ROWS,
		};
	if (screen.kind == BOOT_SCREEN_NONE)
		return 0;
	columns = screen.width;
	rows = screen.height;
	if (screen.kind == BOOT_SCREEN_RGB) {
		columns /= CELL_WIDTH;
		rows /= CELL_HEIGHT;
		ink = pixel_of(BRIGHTNESS);
	}
	columns = min(columns, (unsigned int)COLUMNS_MAX);
	rows = min(rows, (unsigned int)ROWS_MAX);
	if (columns < 2 || rows < 2)
		return 0;
	if (screen.addr + screen_bytes() <= BOOT_MAP_END) {
		memory = (char __iomem *)phys_to_virt(screen.addr);
		early = true;
	}
	for (unsigned int y = 0; y < rows; y++)
		for (unsigned int x = 0; x < columns; x++)
			set_cell(y, x, ' ');
	register_console(&screen_console);
	return 0;
}
INITCALL(INIT_EARLY, screen_console_init);

static int screen_map(void)
{
	if (!columns || !rows)
		return 0;
	memory = ioremap(screen.addr, screen_bytes());
	early = false;
	if (!memory)
		return -ENOMEM;
	for (unsigned int y = 0; y < rows; y++)
		for (unsigned int x = 0; x < columns; x++)
			draw(y, x);
	return 0;
}
INITCALL(INIT_CORE, screen_map);
