# SPDX-License-Identifier: MIT
"""pack - a picture as bytes for the page

The page has numbers in columns, each a typed array of JavaScript, compressed as one.
Beside them stands JSON: lanes, events, words, kinds.
"""

import array
import base64
import functools
import json
import os
import re
import zlib

from timeline import kinds, stated
from timeline.picture import place
from trace.store import TEXT

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOMS = ('mm', 'kernel', 'drivers', 'arch', 'lib', 'tests', 'include', 'peer')
POINT = re.compile(r'\b(?:TRACE|OBSERVE)\((\w+),')
MASK = (1 << 64) - 1
# Of array, and of JavaScript.
TYPES = {'B': 'Uint8Array', 'H': 'Uint16Array', 'I': 'Uint32Array',
         'd': 'Float64Array', 'Q': 'BigUint64Array'}


@functools.lru_cache(maxsize=None)
def trace_points(top=TOP):
    """{event: (path, line)} of the first trace point of each in the sources."""
    found = {}
    for room in ROOMS:
        for folder, _, names in sorted(os.walk(os.path.join(top, room))):
            for name in sorted(names):
                if not name.endswith(('.c', '.h')):
                    continue
                path = os.path.join(folder, name)
                with open(path, encoding='utf-8', errors='replace') as source:
                    for number, line in enumerate(source, 1):
                        match = POINT.search(line)
                        if match and not line.lstrip().startswith('*'):
                            found.setdefault(match.group(1), (
                                os.path.relpath(path, top), number))
    return found


class Columns:
    """Typed arrays, one behind the other; the widest first, so that all are aligned."""

    def __init__(self):
        self.arrays = {}

    def new(self, name, kind):
        self.arrays[name] = array.array(kind)
        return self.arrays[name]

    def packed(self):
        """(bytes, {name: [type, offset, count]})"""
        content, where = [], {}
        at = 0
        for name, values in sorted(self.arrays.items(),
                                   key=lambda item: -item[1].itemsize):
            where[name] = [TYPES[values.typecode], at, len(values)]
            content.append(values.tobytes())
            at += len(content[-1])
        return b''.join(content), where


class Words:
    """Strings, each once."""

    def __init__(self):
        self.list, self.number = [], {}

    def of(self, text):
        if text not in self.number:
            self.number[text] = len(self.list)
            self.list.append(text)
        return self.number[text]


def pack_records(picture, columns, words):
    """Columns of the records; what is said of events and rings."""
    at, ring, pid = (columns.new('r_' + name, kind) for name, kind in (
        ('at', 'd'), ('ring', 'H'), ('pid', 'I')))
    event, args, objects = (columns.new('r_' + name, kind) for name, kind in (
        ('event', 'H'), ('args', 'Q'), ('objects', 'I')))
    rings, events, seen = [], [], {}
    base = {}
    for source in picture.trace.sources:
        base[source.number] = len(rings)
        rings += source.rings
    points = trace_points()
    for record, numbers in zip(picture.records, picture.numbers):
        at.append(record.ns - picture.begin)
        ring.append(base[record.source.number] + record.ring)
        pid.append(record.pid)
        key = record.source.number, id(record.event)
        if key not in seen:
            seen[key] = len(events)
            events.append(event_of(record, points))
        event.append(seen[key])
        if record.event:
            pack_arguments(record, args, words)
            objects.extend(numbers)
    return rings, events


def pack_arguments(record, args, words):
    """One for each field; a string is a number in the list of words."""
    fields = record.event.fields
    if not record.event.words() and fields[-1:] != [TEXT]:
        args.extend(record.args[:len(fields)])
        return
    values = record.values
    args.extend(words.of(value) if isinstance(value, str) else value & MASK
                for value in (values.get(field, 0) for field in fields))


def event_of(record, points):
    event = record.event
    if event is None:
        return {'name': '?', 'fields': [], 'kinds': [], 'format': 'unknown event',
                'source': None}
    kinds_of = list(event.kinds)
    if event.fields and event.fields[-1] == TEXT:
        kinds_of = kinds_of[:len(event.fields) - 1] + ['s']
    return {'name': event.name, 'fields': event.fields, 'kinds': kinds_of,
            'format': event.format, 'source': points.get(event.name)}


def pack_lanes(picture, columns):
    """Bars by lane and row, marks by lane; the lanes with what is theirs."""
    names, mark_names = list(kinds.BARS), list(kinds.MARKS)
    begin, end, kind, flags, first, last = (
        columns.new('b_' + name, code) for name, code in (
            ('begin', 'd'), ('end', 'd'), ('kind', 'B'), ('flags', 'B'),
            ('first', 'I'), ('last', 'I')))
    m_at, m_kind, m_record = (columns.new('m_' + name, code) for name, code in (
        ('at', 'd'), ('kind', 'B'), ('record', 'I')))
    codes = {name: i for i, name in enumerate(names)}
    mark_codes = {name: i for i, name in enumerate(mark_names)}
    lanes = []
    for lane in picture.lanes:
        rows = []
        for bar in lane.bars:
            while len(rows) <= bar.row:
                rows.append([len(begin), 0])
            rows[bar.row][1] += 1
            begin.append(bar.begin - picture.begin)
            end.append(bar.end - picture.begin)
            kind.append(codes[bar.kind])
            flags.append(bar.flags)
            first.append(bar.first)
            last.append(bar.last)
        lanes.append({'group': lane.group, 'name': lane.name, 'hint': lane.hint,
                      'role': lane.role, 'rows': rows, 'page': lane.page, 'busy': lane.busy,
                      'marks': [len(m_at), len(lane.marks)]})
        for mark in lane.marks:
            m_at.append(mark.at - picture.begin)
            m_kind.append(mark_codes[mark.kind])
            m_record.append(mark.record)
    return lanes


def pack_arrows(picture, columns):
    names = list(kinds.ARROWS)
    columns_of = {name: columns.new('a_' + name, code) for name, code in (
        ('begin', 'd'), ('end', 'd'), ('kind', 'B'), ('from', 'I'), ('fromrow', 'H'),
        ('to', 'I'), ('torow', 'H'), ('first', 'I'), ('last', 'I'))}
    for arrow in picture.arrows:
        (source, source_row), (target, target_row) = \
            place(arrow.source), place(arrow.target)
        for name, value in zip(columns_of, (
                arrow.begin - picture.begin, arrow.end - picture.begin,
                names.index(arrow.kind), source, source_row, target, target_row,
                arrow.first, arrow.last)):
            columns_of[name].append(value)


def packed(picture, more):
    """(JSON, base64 of the columns) of a picture; `more` is added to the JSON."""
    columns, words = Columns(), Words()
    rings, events = pack_records(picture, columns, words)
    lanes = pack_lanes(picture, columns)
    pack_arrows(picture, columns)
    content, where = columns.packed()
    said = {
        'columns': where, 'rings': rings, 'events': events, 'lanes': lanes,
        'words': words.list, 'bytes': len(content), 'begin': picture.begin,
        'end': picture.end - picture.begin,
        'tasks': picture.trace.tasks,
        'gaps': [[begin - picture.begin, end - picture.begin, gap.where, gap.count,
                  gap.why] for begin, end, gap in picture.gaps],
        'bars': [[name] + list(kind) for name, kind in kinds.BARS.items()],
        'marks': [[name] + list(kind) for name, kind in kinds.MARKS.items()],
        'arrows': [[name] + list(kind) for name, kind in kinds.ARROWS.items()],
        'rare': kinds.RARE, 'quiet': kinds.QUIET, 'waited_for': kinds.WAITED_FOR,
        'rules': stated.sentences(),
    }
    said.update(more)
    # No `</script>` may stand in it.
    return json.dumps(said, separators=(',', ':')).replace('<', '\\u003c'), \
        base64.b64encode(zlib.compress(content, 5)).decode()
