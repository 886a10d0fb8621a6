# SPDX-License-Identifier: MIT
"""rows - an address space as lines of letters

The same lines as those of the monitor's `map` (demo/monitor_map.c): a row has 64 pages,
below it stands one for each context of a device that has a translation there. Rows in
which neither side has a page are counted, for each region.
"""

import bisect

from pagemap.letters import TORN
from trace.memory import PAGE

SPAN = 512 * PAGE                       # of a table of the last level


class Row:
    """One line: address, label (of a device) or '', letters; or a count of pages."""

    def __init__(self, address, letters, label='', count=0):
        self.address, self.letters = address, letters
        self.label, self.count = label, count

    def text(self):
        if self.count:
            return '%012x %d without a page' % (self.address, self.count)
        return '%12s %s' % (self.label or '%012x' % self.address, self.letters)


class Rows:
    """The rows of a space, with the letters of a reader."""

    def __init__(self, space, reader):
        self.space = space
        self.cpu, self.device = reader.letters, reader.device_letters
        self.pages = reader.row
        self.bytes = self.pages * PAGE
        self.user_end = reader.layout['USER_END']
        self._used = sorted(self._used_rows())
        self._starts = [start for start, _ in space.regions]

    def _used_rows(self):
        used = set()
        for base, entries in self.space.tables.items():
            for i in range(0, len(entries), self.pages):
                if any(entries[i:i + self.pages]):
                    used.add(base + i * PAGE)
        for start, end in self.space.torn:
            # All of it, if that is one table; else where the regions are.
            used.update(range(start, min(end, start + SPAN), self.bytes))
        for table in self.space.devices.values():
            used.update(va - va % self.bytes for va in table)
        return used

    def _in_region(self, address):
        at = bisect.bisect_right(self._starts, address) - 1
        return at >= 0 and address < self.space.regions[at][1]

    def _marked(self, row, letters, none, no_region):
        """Where a side has nothing, say whether there is a region."""
        return ''.join(letter if letter != none or
                       self._in_region(row + i * PAGE) else no_region
                       for i, letter in enumerate(letters))

    def _cpu_letters(self, row):
        entries = self.space.tables.get(row - row % SPAN)
        if entries is None:
            torn = any(start <= row < end for start, end in self.space.torn)
            return (TORN if torn else self.cpu.none) * self.pages
        at = row % SPAN // PAGE
        return self.cpu.text(entries[at:at + self.pages])

    def _lines(self, row):
        yield Row(row, self._marked(row, self._cpu_letters(row), self.cpu.none,
                                    self.cpu.no_region))
        for name, table in self.space.devices.items():
            words = [table.get(row + i * PAGE, 0) for i in range(self.pages)]
            if any(words):
                yield Row(row, self._marked(
                    row, self.device.text(words), self.device.none,
                    self.cpu.no_region), name)

    def _next_used(self, start, end):
        at = bisect.bisect_left(self._used, start)
        return self._used[at] if at < len(self._used) and \
            self._used[at] < end else None

    def __iter__(self):
        done = 0
        for start, end in self.space.regions:
            at = max(start, done)
            while at < end:
                row = self._next_used(at - at % self.bytes, end)
                stop = end if row is None else min(row, end)
                if stop > at:
                    yield Row(at, '', count=(stop - at) // PAGE)
                if row is None:
                    break
                yield from self._lines(row)
                at = done = row + self.bytes

    def strays(self):
        """{device: translations of it where no region is}"""
        counts = {name: sum(not self._in_region(va) for va in table)
                  for name, table in self.space.devices.items()}
        return {name: count for name, count in counts.items() if count}


def lines(space, reader):
    """What the monitor's `map` prints of it."""
    rows = Rows(space, reader)
    head = 'mm %d: regions %d, pages %d' % (space.number, len(space.regions),
                                            space.pages)
    return [head] + [row.text() for row in rows] + [
        '%12s %d where no region is' % stray for stray in rows.strays().items()]


def thread(pid, name, where):
    """A thread, and the functions that it stands in; none of one that runs."""
    return '%s/%d' % (name, pid) + (' in ' + ' < '.join(where[:4]) if where else '')


def held(holder):
    """Behind a range: the thread that holds it open, if that is known."""
    return ' by ' + thread(*holder) if holder else ''


def beside(space):
    """Open ranges, waiting threads and doubts, in a line each."""
    said = ['open: %s [%#x, %#x)%s' % (event, start, end, held(holder))
            for start, end, event, holder in space.ranges]
    if space.open > len(space.ranges):
        said.append('open: %d more, which overlap no interval' %
                    (space.open - len(space.ranges)))
    said += ['waits: ' + thread(*waiter) for waiter in space.waiters]
    return said + ['not sure: ' + doubt for doubt in space.doubts]
