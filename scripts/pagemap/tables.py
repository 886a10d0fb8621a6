# SPDX-License-Identifier: MIT
"""tables - the page tables of one address space

The kernel frees a table and uses its page for something else, at any moment. So what
was read is believed only if, after it was read,

    the entry above still leads to it, and
    its struct page still says that it is a table of this mm.

What fails that is read again, a few times. Then it counts as torn, and its pages get a
letter that says so.
"""

from trace.memory import FRAME, LARGE, PAGE, PRESENT

TRIES = 4
USER_HALF = 256
ENTRIES = 512
# The levels above the last, by how many bytes an entry of each covers.
UPPER = (1 << 39, 1 << 30, 1 << 21)


class Torn(Exception):
    """It changed while it was read."""


class Tables:
    """The tables of an mm whose top table is at the kernel's address pgd."""

    def __init__(self, memory, mm, pgd):
        self.memory, self.mm = memory, mm
        self.top = memory.physical(pgd)
        self.torn = []                  # [start, end) that could not be read
        self.read = 0                   # bytes
        layout = memory.layout
        self._vmemmap, self._size = layout['vmemmap'], layout['sizeof.page']
        self._flags, self._mm = layout['page.flags'], layout['page.pt_mm']
        self._table = 1 << layout['PG_table']

    def is_table(self, physical):
        """Does its struct page say that it is a table of this mm?"""
        page = self._vmemmap + physical // PAGE * self._size
        flags = self.memory.word(page + self._flags)
        return flags is not None and bool(flags & self._table) and \
            self.memory.word(page + self._mm) == self.mm

    def _whole(self, above):
        """(table, its entries); above() reads the entry that leads to it."""
        for _ in range(TRIES):
            entry = above()
            if not entry:
                return None, None
            if entry & PRESENT and not entry & LARGE:
                table = entry & FRAME
                entries = self.memory.entries(table)
                self.read += PAGE
                if entries and above() == entry and self.is_table(table):
                    return table, entries
        raise Torn

    def _below(self, level, table, base, entries, start, end):
        """(address, entries) of last-level tables and huge entries in [start, end)."""
        span = UPPER[level]
        for number in range(max(0, (start - base) // span), len(entries)):
            address = base + number * span
            if address >= end:
                return
            if not entries[number]:
                continue
            if level == 2 and entries[number] & LARGE:
                # Each page of a huge entry has the letter of the whole.
                yield address, [entries[number] & ~LARGE] * ENTRIES
                continue
            try:
                below, found = self._whole(
                    lambda n=number: self.memory.entry(table, n))
            except Torn:
                self.torn.append((address, address + span))
                continue
            if found is None:
                continue
            if level == 2:
                yield address, found
            else:
                yield from self._below(level + 1, below, address, found,
                                       start, end)

    def last_level(self, start, end):
        """{address: entries} of every table of the last level in [start, end)."""
        if self.top is None or not self.is_table(self.top):
            raise Torn
        top = self.memory.entries(self.top)
        self.read += PAGE
        if top is None or not self.is_table(self.top):
            raise Torn
        return dict(self._below(0, self.top, 0, top[:USER_HALF], start, end))
