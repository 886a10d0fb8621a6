# SPDX-License-Identifier: MIT
"""perfetto - an encoder for Perfetto's protobuf

As much of the format as a picture needs. A message is its fields, one behind the other,
each behind a tag: its number and how its value is encoded. The numbers below are all
that a reader must agree on.

    Trace               packet 1
    TracePacket         timestamp 8, trusted_packet_sequence_id 10, track_event 11,
                        sequence_flags 13, track_descriptor 60
    TrackDescriptor     uuid 1, name 2, parent_uuid 5, counter 8, child_ordering 11,
                        sibling_order_rank 12
    CounterDescriptor   unit 3
    TrackEvent          debug_annotations 4, type 9, track_uuid 11, categories 22,
                        name 23, counter_value 30, flow_ids 47
    DebugAnnotation     uint_value 3, string_value 6, name 10

Slices of one track must lie within each other; other slices need tracks of their own.
Tracks stand in the order of their ranks if their parent asks for that; those without a
parent do not. All events of one flow name it by the same field. A reader draws it from
the earlier to the later; it would drop an end that is marked as such and comes first.
"""

import struct

VARINT, FIXED64, BYTES = 0, 1, 2

SLICE_BEGIN, SLICE_END, INSTANT, COUNTER = 1, 2, 3, 4
EXPLICIT = 3                            # child_ordering: by sibling_order_rank
COUNT = 2                               # a unit
STATE_CLEARED = 1                       # a sequence begins here


def varint(value):
    """Seven bits a byte, the lowest first. A negative number has 64 bits."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3 | VARINT) + varint(value)


def fixed(field, value):
    return varint(field << 3 | FIXED64) + struct.pack('<Q', value)


def data(field, value):
    """A string, or a message that is encoded already."""
    raw = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | BYTES) + varint(len(raw)) + raw


class Writer:
    """Packets of one sequence, into a file."""

    def __init__(self, out):
        self.out = out
        self.tracks = 0
        self._packet(number(13, STATE_CLEARED))

    def _packet(self, content):
        self.out.write(data(1, number(10, 1) + content))

    def track(self, name, parent=0, rank=0, counter=False, ordered=False):
        """The uuid of a new track."""
        self.tracks += 1
        self._packet(data(60, number(1, self.tracks) + data(2, name) + (
            number(5, parent) if parent else b'') + (
                data(8, number(3, COUNT)) if counter else b'') + (
                    number(11, EXPLICIT) if ordered else b'') +
            number(12, rank)))
        return self.tracks

    def _event(self, ns, kind, track, more=b''):
        self._packet(number(8, ns) + data(11, number(9, kind) +
                                          number(11, track) + more))

    # pylint: disable=too-many-arguments
    def begin(self, ns, track, name, category, notes=(), flows=()):
        """A slice begins; notes: [(name, number or string)]."""
        self._event(ns, SLICE_BEGIN, track,
                    self._named(name, category, notes, flows))

    def end(self, ns, track):
        self._event(ns, SLICE_END, track)

    def instant(self, ns, track, name, category, notes=(), flows=()):
        self._event(ns, INSTANT, track,
                    self._named(name, category, notes, flows))

    def count(self, ns, track, value):
        self._event(ns, COUNTER, track, number(30, value))

    @staticmethod
    def _named(name, category, notes, flows):
        return data(22, category) + data(23, name) + b''.join(
            data(4, data(10, key) + (data(6, value) if isinstance(value, str)
                                     else number(3, value)))
            for key, value in notes) + b''.join(
                fixed(47, flow) for flow in flows)
