# SPDX-License-Identifier: MIT
"""terminal - a map that is drawn again and again in the same place

Plain ANSI, and no colour: a letter that has changed since the map before is shown in
reverse for a moment. What does not fit is counted in the last line.
"""

import shutil
import sys
import time

HOME, CLEAR_LINE, CLEAR_REST = '\x1b[H', '\x1b[K', '\x1b[J'
REVERSE, PLAIN = '\x1b[7m', '\x1b[0m'
# Seconds for which a change is seen.
MARKED = 0.5


class Terminal:
    """draw(lines), as often as one likes."""

    def __init__(self, out=sys.stdout, size=shutil.get_terminal_size,
                 clock=time.monotonic):
        self.out, self.size, self.clock = out, size, clock
        self._before = {}               # key of a row: its letters
        self._until = {}                # (key, column): when its mark ends
        out.write('\x1b[2J')

    def _marked(self, key, letters, now):
        before = self._before.get(key, letters)
        self._before[key] = letters
        for i, (new, old) in enumerate(zip(letters, before)):
            if new != old:
                self._until[key, i] = now + MARKED
        return ''.join(
            REVERSE + letter + PLAIN if self._until.get((key, i), 0) > now
            else letter for i, letter in enumerate(letters))

    def draw(self, lines):
        columns, height = self.size()
        now = self.clock()
        if len(lines) >= height:
            hidden = len(lines) - height + 2
            lines = lines[:height - 2] + ['%d lines more' % hidden]
        key, drawn = '', []
        for line in lines:
            line = line[:columns]
            if line.startswith('mm '):
                key = line.split(':')[0]
            # A row: twelve characters of an address or a device, a blank, letters.
            if len(line) > 13 and line[12] == ' ' and ' ' not in line[13:]:
                here = key + line[:12]
                if not line.startswith(' '):
                    row = line[:12]
                else:
                    here += row
                drawn.append(line[:13] + self._marked(here, line[13:], now))
            else:
                drawn.append(line)
        self._until = {at: until for at, until in self._until.items()
                       if until > now}
        self.out.write(HOME + ''.join(line + CLEAR_LINE + '\r\n'
                                      for line in drawn) + CLEAR_REST)
        self.out.flush()
