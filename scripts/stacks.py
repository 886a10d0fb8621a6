# SPDX-License-Identifier: MIT
"""stacks - how deep the kernel's stacks were used in all boots of a run

A kernel with DEBUG says at the end of its tests, and in a panic, how many bytes of each
kind of stack were used at most: `# stack interrupt: 1976 of 16384`
(mm/alloc/stack_depth.c). The deepest of all boots is shown at the end of the run, and one
that is past its limit fails it. Interrupts and exceptions come on the stack of a thread, so
a thread, an interrupt and the next interrupt behind it must fit one stack together.
"""

import re

import ktap

SAID = re.compile(r'^# stack (\w+): (\d+) of (\d+)')
# Of a whole stack, in hundredths.
LIMITS = {'thread': 75, 'idle': 50, 'interrupt': 40, 'exception': 50, 'nmi': 50,
          'double_fault': 50, 'machine_check': 50}
# A test goes this deep on purpose, or the measure would not be believed.
SEEDED, SEEDED_LEAST = 'seeded', 50


class Stacks:
    """The deepest use of each kind."""

    def __init__(self):
        self.deepest = {}

    def feed(self, line):
        said = SAID.match(line)
        if said:
            kind, used, size = said.group(1), int(said.group(2)), int(said.group(3))
            self.deepest[kind] = max(self.deepest.get(kind, (0, size)), (used, size))

    def lines(self):
        """A line for each kind, but the one of the test."""
        return ['deepest stack, %-14s %6d bytes of %d, limit %d' % (
            kind, used, size, size * LIMITS.get(kind, 0) // 100)
            for kind, (used, size) in sorted(self.deepest.items()) if kind != SEEDED]

    def run(self):
        """A run with a result for each kind that is past its limit, if there is one."""
        run = ktap.Run('stacks')
        for kind, (used, size) in sorted(self.deepest.items()):
            limit = size * LIMITS.get(kind, 0) // 100
            if kind != SEEDED and used > limit:
                run.results.append(ktap.Result(
                    'stacks.' + kind, 'failed',
                    '%d bytes of %d were used, past the limit of %d' %
                    (used, size, limit)))
        return run


all_boots = Stacks()
