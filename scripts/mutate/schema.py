# SPDX-License-Identifier: MIT
"""schema - many mutants in one source, of which the kernel's command line chooses one

Building a kernel for each mutant costs more than judging it. So one copy of the
source holds all of them, each behind a condition:

    a < b               (mutant_is(7) ? (a <= b) : (a < b))
    wake_up_all(q);     { if (!mutant_is(8)) wake_up_all(q); }
    f(); g();           { if (!mutant_is(9)) f(); } g(); if (mutant_is(9)) f();

`mutant=7` on the command line of the kernel, or MUTANT=7 in the environment of a
host program, chooses. A condition that chooses its mutant also notes that it was
reached; the last test of a boot prints that.

Which mutants' places each test reaches is known from a boot of none of them, `mutant=0`:
after each test it prints a line of hexadecimal digits, a bit a mutant. A program on the
host marks them in the file MUTANT_SEEN, a byte a mutant. So a mutant is judged by the
tests that reach it (judge.py).

The variables and the test are in SELECTOR and HOST_SELECTOR, which are written into
the copy of the tree and are no part of any other kernel. A mutant that is no
expression and no statement, a number in a static table, is built alone.
"""

import re

MOST = 4096         # mutants in one build
PRELUDE = '''extern unsigned int mutant_chosen; extern unsigned char *mutant_seen;
#define mutant_is(k) ((__atomic_load_n(&mutant_seen[k], 0) || \\
	(__atomic_store_n(&mutant_seen[k], 1, 0), 0)), mutant_chosen == (k))
#line 1 "%s"
'''

SELECTOR_PATH = 'tests/lib/zz_mutant_test.c'
SELECTOR = '''// SPDX-License-Identifier: MIT
/* Which mutant runs, and what each test reaches. */
#include <kernel/ktest.h>
#include <lib/cmdline.h>
#include <lib/init.h>
extern unsigned int mutant_chosen;
extern unsigned char *mutant_seen;
void mutant_tell(void);
static unsigned char seen[%d];
unsigned char *mutant_seen = seen;
unsigned int mutant_chosen;
CMDLINE_KEY("mutant", "the mutant that runs; 0 is none");
static int mutant_choose(void)
{
	u64 number;
	if (cmdline_get_u64("mutant", 0, &number))
		return -22;
	mutant_chosen = (unsigned int)number;
	return 0;
}
INITCALL(INIT_MEMORY, mutant_choose);
/* A line for each 256 of them that have one. */
void mutant_tell(void)
{
	char hex[65];
	unsigned int from, i, any;
	if (mutant_chosen)
		return;
	for (from = 0; from < sizeof(seen); from += 256) {
		any = 0;
		for (i = 0; i < 64; i++) {
			unsigned char *four = &seen[from + 4 * i];
			unsigned int digit = four[0] | four[1] << 1 | four[2] << 2 | four[3] << 3;
			any |= digit;
			hex[i] = "0123456789abcdef"[digit];
			four[0] = four[1] = four[2] = four[3] = 0;
		}
		hex[64] = 0;
		if (any)
			ktest_note("reached %%u %%s", from, hex);
	}
}
KTEST(zz_mutant, reached)
{
	ktest_note("mutant %%u reached %%u", mutant_chosen, seen[mutant_chosen]);
}
''' % MOST
# Where the kernel says what was reached: before the first test, and after each.
RUNNER_PATH = 'tests/ktest/runner.c'
RUNNER_PLACES = (('\tktest_print("KTAP version 1', 'before'),
                 ('\tprint_result(&test, number, took, totals);\n', 'after'))
# The programs on the host, and the explorer.
HOST_SELECTOR_PATHS = ('tests/host/host.c', 'tests/explore/main.c')
HOST_SELECTOR = '''
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
extern unsigned int mutant_chosen;
extern unsigned char *mutant_seen;
static unsigned char seen_by_none[%d];
unsigned int mutant_chosen;
unsigned char *mutant_seen = seen_by_none;
__attribute__((constructor)) static void mutant_choose(void)
{
	const char *number = getenv("MUTANT"), *path = getenv("MUTANT_SEEN");
	int fd = path ? open(path, O_RDWR | O_CREAT, 0600) : -1;
	mutant_chosen = number ? (unsigned int)atoi(number) : 0;
	if (fd >= 0 && !ftruncate(fd, sizeof(seen_by_none)))
		mutant_seen = mmap(NULL, sizeof(seen_by_none), PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, 0);
}
''' % MOST


def telling(runner):
    """The runner of tests, which says what was reached."""
    for place, where in RUNNER_PLACES:
        if runner.count(place) != 1:
            raise ValueError('%s: not once: %s' % (RUNNER_PATH, place))
        call = '\tmutant_tell();\n'
        runner = runner.replace(place, call + place if where == 'before'
                                else place + call)
    return 'void mutant_tell(void);\n' + runner


class Region:
    """A span of the text that some mutants change, with those inside it."""

    def __init__(self, start, end):
        self.start, self.end = start, end
        self.instead, self.without, self.after = [], [], []
        self.inside = []


def regions(text, mutants):
    """The outermost Regions of the text, in order."""
    found = {}

    def at(start, end):
        return found.setdefault((start, end), Region(start, end))
    for mutant in mutants:
        if mutant.form == 'expression':
            start, end, _ = mutant.edits[0]
            at(start, end).instead.append(mutant)
        elif mutant.form == 'statement':
            start, end, new = mutant.edits[0]
            region = at(start, end + 1)             # with its semicolon
            region.without.append(mutant.number)
            region.after.append((mutant.number, new + ';'))
        elif mutant.form == 'drop':
            for start, end, _ in mutant.edits:
                at(start, end).without.append(mutant.number)
        elif mutant.form == 'swap':
            start, end, _ = mutant.edits[0]
            at(start, mutant.first_end).without.append(mutant.number)
            at(mutant.middle, end).after.append(
                (mutant.number, text[start:mutant.first_end]))
    top, open_ = [], []
    for key in sorted(found, key=lambda key: (key[0], -key[1])):
        region = found[key]
        while open_ and open_[-1].end <= region.start:
            open_.pop()
        (open_[-1].inside if open_ else top).append(region)
        open_.append(region)
    return top


def flat(text):
    """The same on one line, without comments."""
    return ' '.join(re.sub(r'/\*.*?\*/|//[^\n]*', ' ', text,
                           flags=re.S).split())


def rendered(text, start, end, inside):
    """text[start:end] with the conditions of the Regions inside."""
    said, at = '', start
    for region in inside:
        said += text[at:region.start] + changed(text, region)
        at = region.end
    return said + text[at:end]


def changed(text, region):
    said = rendered(text, region.start, region.end, region.inside)
    if any(mutant.asked for mutant in region.instead):
        said = '!!(%s)' % said
    for mutant in region.instead:
        said = '(mutant_is(%d) ? (%s) : (%s))' % (
            mutant.number, flat(mutant.edits[0][2]), said)
    if region.without:
        said = 'if (%s) %s' % (' && '.join(
            '!mutant_is(%d)' % number for number in region.without), said)
    for number, first in region.after:
        said += ' if (mutant_is(%d)) { %s }' % (number, flat(first))
    return '{ %s }' % said if region.without or region.after else said


def schema(path, text, mutants):
    """The source with every mutant in it that has a number; lines stay."""
    return PRELUDE % path + rendered(text, 0, len(text),
                                     regions(text, mutants))
