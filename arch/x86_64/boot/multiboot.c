// SPDX-License-Identifier: MIT
/*
 * multiboot.c - take the loader's information apart, believing nothing
 *
 * Problem.  The information is bytes written by another program. A length that
 * lies must not make us read beyond it, nor make us use memory that is not
 * ours.
 *
 * Idea.  One walk over the tags, each checked against the end of the whole
 * before it is looked at; what we need is copied into struct boot_info. The
 * parser is a pure function of the bytes: the tests feed it damaged ones.
 *
 *	tag	what we take			refused when
 *	1	command line			not terminated, too long
 *	2	loader's name			never: cut
 *	3	module				empty, backwards, too many
 *	6	memory map			absent, odd entries, too many
 *	8	screen				never: an odd one is no screen
 *	14, 15	ACPI root pointer		never: an odd one is none
 *
 * Not here: whether the memory map makes sense (memory.c) and whether the
 * ACPI root pointer's checksum is right (acpi/acpi.c).
 */
#include <lib/compiler.h>
#include <lib/string.h>
#include <asm/arch.h>

enum {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_LOADER = 2,
	TAG_MODULE = 3,
	TAG_MEMORY = 6,
	TAG_SCREEN = 8,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
};

struct mb_header {
	u32 total_size;
	u32 reserved;
};

struct mb_tag {
	u32 type;
	u32 size; /* of the whole tag, without the padding to 8 */
};

struct mb_module {
	struct mb_tag tag;
	u32 start;
	u32 end;
	char name[];
};

struct mb_memory_entry {
	u64 base;
	u64 length;
	u32 type;
	u32 reserved;
};

struct mb_memory {
	struct mb_tag tag;
	u32 entry_size;
	u32 entry_version;
};

struct mb_screen {
	struct mb_tag tag;
	u64 addr;
	u32 pitch;
	u32 width;
	u32 height;
	u8 bits_per_pixel;
	u8 type;
	u16 reserved;
	u8 red_shift, red_bits;
	u8 green_shift, green_bits;
	u8 blue_shift, blue_bits;
} __packed;

/* Copy the text that fills the rest of a tag. */
static const char *take_text(const char *text, size_t room, char *out,
			     size_t out_size, const char *too_long)
{
	if (strnlen(text, room) == room)
		return "multiboot: a text is not terminated inside its tag";
	if (strscpy(out, text, out_size) < 0 && too_long)
		return too_long;
	return NULL;
}

static const char *take_module(const struct mb_tag *tag, struct boot_info *out)
{
	const struct mb_module *mod = (const void *)tag;
	struct boot_module *m = &out->modules[out->nr_modules];

	if (tag->size <= sizeof(*mod))
		return "multiboot: a module's tag is too short";
	if (out->nr_modules == BOOT_MAX_MODULES)
		return "multiboot: more modules than the kernel can hold";
	if (mod->start == mod->end)
		return "multiboot: a module is empty";
	if (mod->start > mod->end)
		return "multiboot: a module ends before it starts";
	m->start = mod->start;
	m->end = mod->end;
	out->nr_modules++;
	return take_text(mod->name, tag->size - sizeof(*mod), m->name,
			 sizeof(m->name), NULL);
}

static enum boot_memory_kind memory_kind(u32 type)
{
	switch (type) {
	case 1:
		return BOOT_MEMORY_USABLE;
	case 3:
		return BOOT_MEMORY_ACPI;
	case 4:
		return BOOT_MEMORY_NVS;
	case 5:
		return BOOT_MEMORY_BAD;
	default:
		return BOOT_MEMORY_RESERVED;
	}
}

static const char *take_memory(const struct mb_tag *tag, struct boot_info *out)
{
	const struct mb_memory *mem = (const void *)tag;
	const char *p = (const char *)(mem + 1);
	const char *end = (const char *)tag + tag->size;

	if (tag->size < sizeof(*mem))
		return "multiboot: the memory map's tag is too short";
	if (mem->entry_size < sizeof(struct mb_memory_entry) ||
	    mem->entry_size % 8)
		return "multiboot: the memory map's entries have an odd size";
	for (; (size_t)(end - p) >= mem->entry_size; p += mem->entry_size) {
		const struct mb_memory_entry *e = (const void *)p;
		struct boot_region *r = &out->regions[out->nr_regions];

		if (!e->length)
			continue;
		if (e->base + e->length < e->base)
			return "multiboot: a memory range wraps around";
		if (out->nr_regions == BOOT_MAX_REGIONS)
			return "multiboot: more memory ranges than the kernel "
			       "can hold";
		r->start = e->base;
		r->end = e->base + e->length;
		r->kind = memory_kind(e->type);
		out->nr_regions++;
	}
	return NULL;
}

/* A screen that is not understood is left alone: the serial line remains. */
static void take_screen(const struct mb_tag *tag, struct boot_screen *out)
{
	const struct mb_screen *s = (const void *)tag;
	u64 row;

	if (tag->size < offsetof(struct mb_screen, red_shift))
		return;
	row = s->type == 2 ? s->width * 2ULL
			   : s->width * (s->bits_per_pixel / 8ULL);
	if (!s->width || !s->height || s->width > 16384 || s->height > 16384 ||
	    s->pitch < row || s->addr + (u64)s->pitch * s->height < s->addr)
		return;
	*out = (struct boot_screen){
		.addr = s->addr,
		.pitch = s->pitch,
		.width = s->width,
		.height = s->height,
		.bits_per_pixel = s->bits_per_pixel,
	};
	if (s->type == 2) {
		out->kind = BOOT_SCREEN_TEXT;
	} else if (s->type == 1 && tag->size >= sizeof(*s) &&
		   (s->bits_per_pixel == 32 || s->bits_per_pixel == 24 ||
		    s->bits_per_pixel == 16) &&
		   s->red_shift + s->red_bits <= s->bits_per_pixel &&
		   s->green_shift + s->green_bits <= s->bits_per_pixel &&
		   s->blue_shift + s->blue_bits <= s->bits_per_pixel &&
		   s->red_bits <= 8 && s->green_bits <= 8 && s->blue_bits <= 8) {
		out->kind = BOOT_SCREEN_RGB;
		out->red_shift = s->red_shift;
		out->red_bits = s->red_bits;
		out->green_shift = s->green_shift;
		out->green_bits = s->green_bits;
		out->blue_shift = s->blue_shift;
		out->blue_bits = s->blue_bits;
	}
}

static void take_rsdp(const struct mb_tag *tag, struct boot_info *out,
		      unsigned int len)
{
	/* The later revision wins, whatever the order of the tags. */
	if (tag->size < sizeof(*tag) + len || out->rsdp_len > len)
		return;
	memcpy(out->rsdp, tag + 1, len);
	out->rsdp_len = len;
}

static const char *take_tag(const struct mb_tag *tag, struct boot_info *out)
{
	const char *text = (const char *)(tag + 1);
	size_t room = tag->size - sizeof(*tag);

	switch (tag->type) {
	case TAG_CMDLINE:
		return take_text(text, room, out->cmdline, sizeof(out->cmdline),
				 "the command line is longer than 1023 "
				 "characters");
	case TAG_LOADER:
		return take_text(text, room, out->loader, sizeof(out->loader),
				 NULL);
	case TAG_MODULE:
		return take_module(tag, out);
	case TAG_MEMORY:
		return take_memory(tag, out);
	case TAG_SCREEN:
		take_screen(tag, &out->screen);
		return NULL;
	case TAG_ACPI_OLD:
		take_rsdp(tag, out, 20);
		return NULL;
	case TAG_ACPI_NEW:
		take_rsdp(tag, out, 36);
		return NULL;
	default:
		return NULL;
	}
}

const char *multiboot_parse(const void *info, size_t limit, struct boot_info *out)
{
	const struct mb_header *head = info;
	size_t at = sizeof(*head);
	const char *wrong;

	memset(out, 0, sizeof(*out));
	if ((unsigned long)info % 8)
		return "multiboot: the information is not aligned to 8 bytes";
	if (limit < sizeof(*head) || head->total_size > limit ||
	    head->total_size < sizeof(*head) + sizeof(struct mb_tag))
		return "multiboot: the information has an impossible size";
	for (;;) {
		const struct mb_tag *tag = (const void *)((char *)info + at);
		size_t left = head->total_size - at;

		if (left < sizeof(*tag))
			return "multiboot: the list of tags has no end";
		if (tag->size < sizeof(*tag) || tag->size > left)
			return "multiboot: a tag's size is impossible";
		if (tag->type == TAG_END)
			break;
		wrong = take_tag(tag, out);
		if (wrong)
			return wrong;
		if (ALIGN((size_t)tag->size, 8) > left)
			return "multiboot: the list of tags has no end";
		at += ALIGN((size_t)tag->size, 8);
	}
	if (!out->nr_regions)
		return "multiboot: the loader gave no memory map";
	return NULL;
}
