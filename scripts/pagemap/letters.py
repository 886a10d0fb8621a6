# SPDX-License-Identifier: MIT
"""letters - the kernel's table of letters, read from its memory

include/mm/table/letters.h has the form of a row. The first row that fits a word is its
state; the first of all fits none: no region is there.
"""

import struct

from trace.ring import text_of

ROW = struct.Struct('<QQQc39s')
# Words whose letter is remembered.
MOST = 1 << 20
# Of a page whose table changed each time that it was read.
TORN = '?'


class Letters:
    """of(word) is a letter; what[letter] says it in words."""

    def __init__(self, memory, name):
        at, rows = memory.layout[name], memory.layout[name + '.rows']
        raw = memory.read(at, rows * ROW.size)
        self.rows = [(mask, least, most, letter.decode())
                     for mask, least, most, letter, _ in ROW.iter_unpack(raw)]
        self.what = {letter.decode(): text_of(what) for *_, letter, what
                     in ROW.iter_unpack(raw)}
        self.no_region = self.rows[0][3]
        self._known = {}
        self.none = self.of(0)

    def of(self, word):
        """The letter of an entry or of a translation."""
        letter = self._known.get(word)
        if letter is None:
            letter = next((letter for mask, least, most, letter in self.rows
                           if least <= word & mask <= most), TORN)
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[word] = letter
        return letter

    def text(self, words):
        """The letters of many words."""
        known = self._known
        return ''.join([known.get(word) or self.of(word) for word in words])
