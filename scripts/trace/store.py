# SPDX-License-Identifier: MIT
"""store - trace.bin, a trace that stands alone

    Writer      used by a recording: pieces are appended as they come
    Trace       a file read again: sources, records in order of time, gaps

docs/trace.md has the format. A file whose recording was killed has no DONE; what is
in it can be read, but for the words of %s and %pS.
"""

import collections
import heapq
import json
import re
import struct

from trace import clock
from trace.ring import RECORD

MAGIC = b'CncTrBin'
VERSION = 1
START = struct.Struct('<8sII')
CHUNK = struct.Struct('<4sIQ')
RECS = struct.Struct('<II')

CONVERSION = re.compile(r'%[#0-9]*l*(pS|[a-zA-Z])')
# A field of this name is last: the arguments from there on are its bytes.
TEXT = 'text'


class Damaged(Exception):
    """This is no trace, or not one of this version."""


class Event:
    """What a source says of a kind of record."""

    def __init__(self, name, fields, format):
        self.name = name
        self.fields = fields.split()
        self.format = format
        self.kinds = [match.group(1) for match in CONVERSION.finditer(format)]
        self._words = [(i, kind) for i, kind in enumerate(self.kinds)
                       if kind in ('s', 'pS') and self.fields[i] != TEXT]

    def words(self):
        """(number of an argument, 's' or 'pS') of those that name an address."""
        return self._words

    def values(self, args):
        """{field: value}; text is a string, and what %ld prints has a sign."""
        values = dict(zip(self.fields, args))
        for field, kind in zip(self.fields, self.kinds):
            if kind == 'd' and values[field] >> 63:
                values[field] -= 1 << 64
        if self.fields and self.fields[-1] == TEXT:
            raw = struct.pack('<7Q', *args)[8 * (len(self.fields) - 1):]
            values[TEXT] = raw.split(b'\0')[0].decode('utf-8', 'replace')
        return values


class Writer:
    """A trace.bin that grows."""

    def __init__(self, path):
        self.file = open(path, 'w+b')  # pylint: disable=consider-using-with
        self.file.write(START.pack(MAGIC, VERSION, 0))
        self.records = collections.Counter()
        self.lost = collections.Counter()

    def _chunk(self, kind, source, payload):
        self.file.write(CHUNK.pack(kind, source, len(payload)))
        self.file.write(payload + b'\0' * (-len(payload) % 8))

    def _json(self, kind, source, what):
        self._chunk(kind, source, json.dumps(what, sort_keys=True).encode())

    def source(self, number, description):
        self._json(b'META', number, description)

    def chunk(self, source, ring, number, records):
        self._chunk(b'RECS', source,
                    RECS.pack(ring, number & 0xffffffff) + records)
        self.records[source, ring] += len(records) // RECORD.size

    def gap(self, source, ring, number, count, why):
        self._json(b'LOST', source, {'ring': ring, 'number': number,
                                     'count': count, 'why': why})
        self.lost[source, ring] += count

    def words(self, source, words):
        self._json(b'WORD', source, words)

    def live(self, names):
        self._json(b'LIVE', 0, names)

    def done(self, what):
        self._json(b'DONE', 0, what)
        self.file.close()


def chunks_of(opened):
    """(kind, source, payload) of each chunk that is whole."""
    start = opened.read(START.size)
    if len(start) < START.size or start[:8] != MAGIC:
        raise Damaged('this is no trace of Concord')
    _, version, _ = START.unpack(start)
    if version != VERSION:
        raise Damaged('a trace of version %d: this script reads version %d' %
                      (version, VERSION))
    while True:
        head = opened.read(CHUNK.size)
        if len(head) < CHUNK.size:
            return
        kind, source, length = CHUNK.unpack(head)
        payload = opened.read(length + -length % 8)
        if len(payload) < length:
            return
        yield kind, source, payload[:length]


class Source:
    """Where records come from: the guest, or a peer."""

    def __init__(self, number, description):
        self.number = number
        self.name = description['name']
        # cpu0; peer0/worker1
        self.rings = description['rings'] if self.name == 'guest' else [
            '%s/%s' % (self.name, ring) for ring in description['rings']]
        self.slots = description['slots']
        self.layout = description['layout']
        self.base = description['clock']['base']
        self.mult = description['clock']['mult']
        self.events = {int(address, 0): Event(*parts) for address, parts
                       in description['events'].items()}
        self.words = {}
        # Nanoseconds of the guest at `there` of this source's clock, and how fast
        # the guest's go (clock.py).
        self.there, self.here, self.rate = 0, 0, 1.0

    def ns(self, tsc):
        """When that was, in nanoseconds since the guest began."""
        own = ((tsc - self.base) * self.mult >> 32) - self.there
        if self.rate != 1.0:
            own = int(own * self.rate)
        return self.here + own


class Record:
    """One record, decoded as far as it was asked for."""

    __slots__ = ('ns', 'tsc', 'source', 'ring', 'number', 'pid', 'event',
                 'args')

    def __init__(self, ns, raw, source, ring):
        self.ns = ns
        self.tsc = raw[0]
        self.source = source
        self.ring = ring
        self.event = source.events.get(raw[1])
        self.number = (raw[2] - 1) & 0xffffffff
        self.pid = raw[3]
        self.args = raw[6:]

    @property
    def name(self):
        return self.event.name if self.event else '?'

    @property
    def where(self):
        """The name of the ring: cpu0, peer0/worker1."""
        return self.source.rings[self.ring]

    @property
    def values(self):
        """{field: number, or the word for %s}"""
        if not self.event:
            return {}
        values = self.event.values(self.args)
        for i, _ in self.event.words():
            values[self.event.fields[i]] = self.source.words.get(
                self.args[i], '%#x' % self.args[i])
        return values


class Gap:
    """Numbers of a ring that are missing; `ns`: of the next one, None: none came."""

    def __init__(self, source, what):
        self.source = source
        self.ring = what['ring']
        self.number = what['number']
        self.count = what['count']
        self.why = what['why']
        self.tsc = None

    @property
    def ns(self):
        return None if self.tsc is None else self.source.ns(self.tsc)

    @property
    def where(self):
        return self.source.rings[self.ring]


class Trace:
    """A trace.bin in memory; records are decoded when they are asked for."""

    def __init__(self, path):
        self.sources = []
        self.done = None
        self.tasks, self.mms = {}, {}   # names and numbers of what was there
        self._rings = collections.defaultdict(list)
        with open(path, 'rb') as opened:
            for kind, number, payload in chunks_of(opened):
                self._add(kind, number, payload)
        for ring in self._rings.values():
            self._place_gaps(ring)
        self.tasks.update((record.values['task'], record.values['text'])
                          for record in self.records_named('task_new'))
        self.clocks = clock.fit(self)

    def _add(self, kind, number, payload):
        if kind == b'META':
            self.sources.append(Source(number, json.loads(payload)))
        elif kind == b'RECS':
            ring, _ = RECS.unpack_from(payload)
            self._rings[number, ring].append(payload[RECS.size:])
        elif kind == b'LOST':
            what = json.loads(payload)
            self._rings[number, what['ring']].append(
                Gap(self.sources[number], what))
        elif kind == b'WORD':
            self.sources[number].words.update(
                (int(address, 0), text)
                for address, text in json.loads(payload).items())
        elif kind == b'LIVE':
            names = json.loads(payload)
            self.tasks.update((int(pid), name) for pid, name in
                              names.get('tasks', {}).items())
            self.mms.update((int(mm, 0), number) for mm, number in
                            names.get('mms', {}).items())
        elif kind == b'DONE':
            self.done = json.loads(payload)

    @staticmethod
    def _place_gaps(pieces):
        for i, piece in enumerate(pieces):
            if isinstance(piece, Gap):
                later = next((p for p in pieces[i:] if isinstance(p, bytes)),
                             None)
                if later:
                    piece.tsc, = struct.unpack_from('<Q', later)

    @property
    def gaps(self):
        return [piece for pieces in self._rings.values() for piece in pieces
                if isinstance(piece, Gap)]

    @property
    def lost(self):
        return sum(gap.count for gap in self.gaps)

    def __len__(self):
        return sum(len(piece) // RECORD.size for pieces in
                   self._rings.values() for piece in pieces
                   if isinstance(piece, bytes))

    def records_named(self, name):
        """Records of one event, ring after ring; the others are not decoded."""
        for (number, ring), pieces in sorted(self._rings.items()):
            source = self.sources[number]
            addresses = {address for address, event in source.events.items()
                         if event.name == name}
            for piece in pieces:
                if isinstance(piece, bytes):
                    yield from (Record(source.ns(raw[0]), raw, source, ring)
                                for raw in RECORD.iter_unpack(piece)
                                if raw[1] in addresses)

    def first_stamps(self, number):
        """The clock's reading in the first record of each ring of a source."""
        for (owner, _), pieces in self._rings.items():
            first = next((p for p in pieces if isinstance(p, bytes)), None)
            if owner == number and first:
                yield struct.unpack_from('<Q', first)[0]

    def _of_ring(self, number, ring):
        source, last = self.sources[number], 0
        for piece in self._rings[number, ring]:
            if isinstance(piece, Gap):
                if piece.ns is not None:
                    last = max(last, piece.ns)
                yield last, piece
                continue
            for raw in RECORD.iter_unpack(piece):
                # An interrupt's record lies behind the one that it interrupted,
                # and is a little younger in the ring than by its clock.
                ns = source.ns(raw[0])
                last = max(last, ns)
                yield last, Record(ns, raw, source, ring)

    def all(self):
        """Records and gaps of all rings, in order of time."""
        rings = [self._of_ring(*key) for key in sorted(self._rings)]
        for _, what in heapq.merge(*rings, key=lambda pair: pair[0]):
            yield what

    def records(self):
        return (what for what in self.all() if isinstance(what, Record))
