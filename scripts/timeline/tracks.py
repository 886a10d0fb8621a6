# SPDX-License-Identifier: MIT
"""tracks - a picture as tracks of Perfetto

    picture             Perfetto
    all of it           one track that holds the groups: only so have they an order
    a group             a track that holds others
    a lane              a track in it, and one of the same name for each further row:
                        slices of a track may not overlap, rows of a lane may
    a bar               a slice, with the record that it began with
    a mark              an instant
    an arrow            a flow, between the slices or instants at its ends
    bars of some kinds  a counter beside: how many there are at each time
"""

import collections
import re

from timeline import kinds
from timeline.picture import STILL_OPEN, Bar
from trace import perfetto, text

# Counters: the name of a track, and the kind of the bars that are counted.
COUNTED = (('open ranges', 'range'), ('exclusive pages', 'pg_exclusive'),
           ("the device's translations", 'dev_page'),
           ('page requests', 'dev_request'), ('works that wait', 'parked'))
FIELD = re.compile(r'\{(>?)(\w+)\}')


def said(record, field):
    """A field of a record, as people read it; '' if it has none."""
    value = record.values.get(field, '')
    if isinstance(value, str):
        return value
    kind = dict(zip(record.event.fields, record.event.kinds)).get(field)
    return '%#x' % value if kind in ('x', 'p') else str(value)


class Tracks:
    """write() puts a picture into an open file."""

    def __init__(self, picture, out):
        self.picture = picture
        self.writer = perfetto.Writer(out)
        self.zero = min(picture.begin, 0)       # no time may be negative
        self.rows = {}                          # (lane's number, row): its track
        # (lane's number, row or None, record): the flows that have an end there
        self.flows = collections.defaultdict(list)
        self.root = self.writer.track('Concord', ordered=True)
        self.counts = {}

    def ns(self, moment):
        return int(moment - self.zero)

    def write(self):
        """{what: how many} of slices, instants, flows, counters and tracks."""
        self.counts = {'tracks': 0, 'slices': 0, 'instants': 0, 'flows': 0,
                       'counter values': 0}
        self._tracks()
        self._arrows()
        for lane in self.picture.lanes:
            for bar in lane.bars:
                self._bar(lane, bar)
            for mark in lane.marks:
                self._instant(lane.number, 0, mark.at, mark.record, mark.kind,
                              kinds.MARKS[mark.kind][0])
        self._left_over()
        self._counters()
        self.counts['tracks'] = self.writer.tracks
        return self.counts

    def _tracks(self):
        groups = {}
        for lane in self.picture.lanes:
            if lane.group not in groups:
                groups[lane.group] = self.writer.track(
                    lane.group, self.root, len(groups), ordered=True)
            for row in range(max((bar.row for bar in lane.bars), default=0) + 1):
                self.rows[lane.number, row] = self.writer.track(
                    lane.name, groups[lane.group], lane.number)

    # ---- flows -----------------------------------------------------------------

    def _arrows(self):
        """Where the two ends of each flow are."""
        for flow, arrow in enumerate(self.picture.arrows, 1):
            for end, moment, record in (
                    (arrow.source, arrow.begin, arrow.first),
                    (arrow.target, arrow.end, arrow.last)):
                bar = isinstance(end, Bar)
                lane = end.lane if bar else end
                at_begin = bar and end.begin == moment and end.first == record
                key = (lane.number, end.row if at_begin else None, record)
                self.flows[key].append((flow, moment, arrow.kind,
                                        end.row if bar else 0))
        self.counts['flows'] = len(self.picture.arrows)

    def _taken(self, key):
        """The flows of a slice or an instant that is written now."""
        return [each[0] for each in self.flows.pop(key, ())]

    def _left_over(self):
        """Ends of arrows at which there is neither a mark nor the begin of a bar."""
        for key, ends in sorted(self.flows.items(), key=str):
            lane, _, record = key
            for flow, moment, kind, row in ends:
                self._write_instant(lane, row, moment, record, kind,
                                    kinds.ARROWS[kind][0], [flow])
        self.flows.clear()

    # ---- slices, instants, counters ------------------------------------------------

    def _notes(self, first, flags=0):
        record = self.picture.records[first]
        notes = [('record', '%s: %s' % (record.name, text.body(record))),
                 ('ring', record.where), ('task', record.pid)]
        return notes + ([('end', 'not in the recording')] if flags & STILL_OPEN
                        else [])

    def label(self, bar):
        """As the timeline has it: fields of the first record, behind > of the last."""
        first, last = (self.picture.records[at] for at in (bar.first, bar.last))
        title, label = kinds.BARS[bar.kind][0], kinds.BARS[bar.kind][4]
        name = FIELD.sub(lambda match: said(last if match.group(1) else first,
                                            match.group(2)), label)
        return name or title

    def _bar(self, lane, bar):
        track = self.rows[lane.number, bar.row]
        self.writer.begin(self.ns(bar.begin), track, self.label(bar), bar.kind,
                          self._notes(bar.first, bar.flags),
                          self._taken((lane.number, bar.row, bar.first)))
        self.writer.end(self.ns(bar.end), track)
        self.counts['slices'] += 1

    def _instant(self, lane, row, moment, record, kind, name):
        self._write_instant(lane, row, moment, record, kind, name,
                            self._taken((lane, None, record)))

    def _write_instant(self, lane, row, moment, record, kind, name, flows):
        self.writer.instant(self.ns(moment), self.rows[lane, row], name, kind,
                            self._notes(record), flows)
        self.counts['instants'] += 1

    def _counters(self):
        group = self.writer.track('Counters', self.root, 1 << 20)
        for name, kind in COUNTED:
            steps = collections.Counter()
            # A range is a bar of its thread and of its address space.
            once = {bar.first: bar for lane in self.picture.lanes
                    for bar in lane.bars if bar.kind == kind}
            for bar in once.values():
                steps[self.ns(bar.begin)] += 1
                steps[self.ns(bar.end)] -= 1
            self._counter(group, name, steps)

    def _counter(self, group, name, steps):
        if not steps:
            return
        track, value = self.writer.track(name, group, counter=True), 0
        for moment in sorted(steps):
            value += steps[moment]
            self.writer.count(moment, track, value)
            self.counts['counter values'] += 1
