# SPDX-License-Identifier: MIT
"""picture - lanes with bars and marks, and arrows between them

A lane is what a reader sees as one line with a name: a CPU, a thread, a worker of the
device, a page. Its bars lie in rows, so that no two of a row overlap. Times are
nanoseconds of the guest. A bar and a mark know their records by number.
"""

import heapq

# Of a bar: it had begun before the recording did; it never ended in the recording.
BEGUN_BEFORE, STILL_OPEN = 1, 2

# How the bars of a lane find their rows.
NEST = 'nest'           # a bar lies below the bar that it began in
FIT = 'fit'             # in the first row that is free
GIVEN = 'given'         # in the row that it was given


class Bar:
    """A time with a beginning and an end."""

    __slots__ = ('kind', 'begin', 'end', 'first', 'last', 'row', 'flags', 'lane')

    def __init__(self, kind, begin, first, row=0):
        self.kind, self.begin, self.first, self.row = kind, begin, first, row
        self.end, self.last, self.flags = None, first, 0
        self.lane = None


class Mark:
    """A moment."""

    __slots__ = ('kind', 'at', 'record')

    def __init__(self, kind, at, record):
        self.kind, self.at, self.record = kind, at, record


class Lane:
    """One line of the picture."""

    # pylint: disable=too-many-arguments
    def __init__(self, group, name, order, rows=NEST, hint='', role=''):
        self.group, self.name, self.order, self.rows = group, name, order, rows
        self.hint, self.role = hint, role
        self.bars, self.marks = [], []
        self.number = None              # its place in the picture
        self.page = None                # its address, if it is a page's
        self.busy = 0                   # records of its own

    def open(self, kind, at, record, row=0):
        """A bar that begins; close() ends it."""
        bar = Bar(kind, at, record, row)
        bar.lane = self
        self.bars.append(bar)
        return bar

    def whole(self, kind, begin, end, first, last=None, row=0):
        """A bar of which beginning and end are known."""
        bar = self.open(kind, min(begin, end), first, row)
        bar.end = end
        bar.last = first if last is None else last
        return bar

    def mark(self, kind, at, record):
        self.marks.append(Mark(kind, at, record))

    def settle(self, end):
        """Close what is open, and put every bar into its row."""
        for bar in self.bars:
            if bar.end is None:
                bar.end, bar.flags = max(end, bar.begin), bar.flags | STILL_OPEN
        if self.rows == NEST:
            self.nest()
        elif self.rows == FIT:
            self.fit()
        self.bars.sort(key=lambda bar: (bar.row, bar.begin, bar.end))
        self.marks.sort(key=lambda mark: mark.at)

    def nest(self):
        """Rows from the second on: the first is of the CPU that a thread has."""
        base = 1 if any(bar.row < 0 for bar in self.bars) else 0
        ends = []
        for bar in sorted((bar for bar in self.bars if bar.row >= 0),
                          key=lambda bar: (bar.begin, -bar.end, bar.first)):
            while ends and ends[-1] <= bar.begin:
                ends.pop()
            # What began before and ends meanwhile is no parent, but has its row.
            bar.row = base + len(ends)
            ends.append(bar.end)
        for bar in self.bars:
            bar.row = max(bar.row, 0)

    def fit(self):
        free, used, rows = [], [], 0
        for bar in sorted(self.bars, key=lambda bar: (bar.begin, bar.first)):
            while used and used[0][0] <= bar.begin:
                heapq.heappush(free, heapq.heappop(used)[1])
            if free:
                bar.row = heapq.heappop(free)
            else:
                bar.row, rows = rows, rows + 1
            heapq.heappush(used, (bar.end, bar.row))


def close(bar, at, record):
    """End a bar; None is a bar whose beginning nobody saw."""
    if bar is None or bar.end is not None:
        return
    bar.end, bar.last = max(at, bar.begin), record


class Arrow:
    """From a moment of one lane to a later one of another; an end is a lane or a bar."""

    __slots__ = ('kind', 'source', 'begin', 'first', 'target', 'end', 'last')

    def __init__(self, kind, source, target):
        self.kind = kind
        self.source, self.begin, self.first = source
        self.target, self.end, self.last = target


class Picture:
    """All lanes and arrows of a trace."""

    def __init__(self, trace):
        self.trace = trace
        self.lanes = []
        self.arrows = []
        self.records = []               # in the order of time
        self.gaps = []                  # (begin, end, Gap)
        self.numbers = []               # of objects, for each record
        self.strange = {}               # event: a field that it lacks
        self.begin = self.end = 0

    def lane(self, *args, **more):
        lane = Lane(*args, **more)
        self.lanes.append(lane)
        return lane

    def arrow(self, kind, source, target):
        """`source` and `target`: (lane or bar, when, record)."""
        self.arrows.append(Arrow(kind, source, target))

    def settle(self):
        """Rows and order, when all records have been seen."""
        for lane in self.lanes:
            lane.settle(self.end)
        self.lanes = sorted((lane for lane in self.lanes
                             if lane.bars or lane.marks),
                            key=lambda lane: lane.order)
        for number, lane in enumerate(self.lanes):
            lane.number = number
        self.arrows = sorted(
            (arrow for arrow in self.arrows if place(arrow.source) is not None
             and place(arrow.target) is not None), key=lambda arrow: arrow.begin)


def place(end):
    """(lane, row) of an end of an arrow; None for a lane that is not there."""
    lane, row = (end.lane, end.row) if isinstance(end, Bar) else (end, 0)
    return None if lane.number is None else (lane.number, row)
