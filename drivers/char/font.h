/* SPDX-License-Identifier: MIT */
/*
 * font.h - glyphs for screen.c
 */
#pragma once

#include <lib/types.h>

#define FONT_FIRST  32 /* the glyph of index 0 */
#define FONT_GLYPHS 95
#define FONT_WIDTH  5
#define FONT_HEIGHT 7

extern const u8 screen_font[FONT_GLYPHS][FONT_HEIGHT];
