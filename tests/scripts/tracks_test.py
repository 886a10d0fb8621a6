#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is written for Perfetto is read back by a decoder of the test's own. Prints TAP.

The decoder knows the numbers and types of the fields and nothing of the encoder. It is
as strict as Perfetto where that would drop something in silence: slices of a track that
overlap, an end without a begin, events of a track that nobody described.
"""

import contextlib
import io
import os
import struct
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import made  # noqa: E402
import tap  # noqa: E402
from elsewhere import place, run  # noqa: E402
from tap import equal  # noqa: E402
from timeline import build, kinds, tracks  # noqa: E402
from trace import perfetto, store  # noqa: E402

SCRIPT = os.path.join(TOP, 'scripts', 'perfetto.py')

# message: {number: (field, how it is encoded, how it is read)}
SCHEMA = {
    'Trace': {1: ('packet', 2, 'TracePacket')},
    'TracePacket': {8: ('timestamp', 0, int), 10: ('sequence', 0, int),
                    11: ('event', 2, 'TrackEvent'), 13: ('flags', 0, int),
                    60: ('track', 2, 'TrackDescriptor')},
    'TrackDescriptor': {1: ('uuid', 0, int), 2: ('name', 2, str),
                        5: ('parent', 0, int), 8: ('counter', 2, 'Counter'),
                        11: ('ordering', 0, int), 12: ('rank', 0, int)},
    'Counter': {3: ('unit', 0, int)},
    'TrackEvent': {4: ('notes', 2, 'Note'), 9: ('type', 0, int),
                   11: ('track', 0, int), 22: ('category', 2, str),
                   23: ('name', 2, str), 30: ('value', 0, int),
                   47: ('flows', 1, int)},
    'Note': {3: ('number', 0, int), 6: ('text', 2, str), 10: ('name', 2, str)},
}
MANY = ('packet', 'notes', 'flows')


def varint(raw, at):
    value = shift = 0
    while True:
        byte = raw[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if not byte & 128:
            return value, at


def decoded(message, raw):
    """{field: value, or [values]}; an error for what the schema has not."""
    found, at = {}, 0
    while at < len(raw):
        tag, at = varint(raw, at)
        field, how, kind = SCHEMA[message][tag >> 3]
        assert tag & 7 == how, (message, field, tag & 7)
        if how == 0:
            value, at = varint(raw, at)
        elif how == 1:
            value, = struct.unpack_from('<Q', raw, at)
            at += 8
        else:
            length, at = varint(raw, at)
            value, at = raw[at:at + length], at + length
            assert len(value) == length, (message, field)
            value = value.decode() if kind is str else decoded(kind, value)
        if field in MANY:
            found.setdefault(field, []).append(value)
        else:
            assert field not in found, (message, field, 'twice')
            found[field] = value
    return found


class File:
    """A file as Perfetto understands it."""

    def __init__(self, raw):
        packets = decoded('Trace', raw)['packet']
        assert all(packet['sequence'] == 1 for packet in packets)
        assert packets[0]['flags'] == 1
        self.tracks, self.events = {}, []
        for packet in packets[1:]:
            if 'track' in packet:
                track = packet['track']
                assert track['uuid'] and track['uuid'] not in self.tracks
                assert track.get('parent', 0) in (0, *self.tracks)
                self.tracks[track['uuid']] = track
            else:
                event = packet['event']
                assert event['track'] in self.tracks, event
                self.events.append((packet['timestamp'], event))
        # As it is read: by time, and what came first of the same time.
        self.events.sort(key=lambda pair: pair[0])
        self.slices = list(self._slices())

    def name(self, event):
        return self.tracks[event['track']]['name']

    def _slices(self):
        """(track's name, begin, end, event)"""
        open_now = {}
        for ns, event in self.events:
            kind, track = event['type'], event['track']
            if kind == perfetto.SLICE_BEGIN:
                open_now.setdefault(track, []).append((ns, event))
            elif kind == perfetto.SLICE_END:
                begin, which = open_now[track].pop()
                yield self.name(event), begin, ns, which
            elif kind == perfetto.INSTANT:
                yield self.name(event), ns, ns, event
        assert not any(open_now.values()), 'a slice without an end'

    def flows(self):
        """{flow: [(ns, track's name), of its earlier end and of its later one]}"""
        found = {}
        for name, begin, _, event in self.slices:
            for flow in event.get('flows', ()):
                found.setdefault(flow, []).append((begin, name))
        return {flow: sorted(ends) for flow, ends in found.items()}

    def counter(self, name):
        return [(ns // 1000, event['value']) for ns, event in self.events
                if event['type'] == perfetto.COUNTER and self.name(event) == name]


@contextlib.contextmanager
def written(records, **more):
    """(picture, File) of made-up records."""
    with place() as where:
        path = made.write(os.path.join(where, 'trace.bin'), records, **more)
        picture, out = build.picture_of(store.Trace(path)), io.BytesIO()
        tracks.Tracks(picture, out).write()
        yield picture, File(out.getvalue())


def test_numbers_are_encoded_as_the_format_has_them():
    return equal(
        [perfetto.varint(value) for value in (0, 127, 128, 300, -1)] +
        [perfetto.number(11, 5), perfetto.fixed(47, 1), perfetto.data(23, 'ä')],
        [b'\0', b'\x7f', b'\x80\1', b'\xac\2', b'\xff' * 9 + b'\1',
         b'\x58\5', b'\xf9\2\1\0\0\0\0\0\0\0', b'\xba\1\2\xc3\xa4'])


def test_every_bar_is_a_slice_at_its_time_in_its_lane():
    with written(made.CLOCKS + made.collision()) as (picture, found):
        wanted = sorted((lane.name, int(bar.begin), int(bar.end), bar.kind)
                        for lane in picture.lanes for bar in lane.bars)
        return equal(sorted(
            (name, begin, end, event['category']) for name, begin, end, event
            in found.slices if event['type'] == perfetto.SLICE_BEGIN), wanted)


def test_a_slice_has_the_name_of_the_timeline_and_its_record():
    with written(made.CLOCKS + made.collision()) as (_, found):
        event = next(event for *_, event in found.slices
                     if event['category'] == 'range')
        notes = {note['name']: note.get('text', note.get('number'))
                 for note in event['notes']}
        return equal((event['name'], notes['record'].split(':')[0], notes['ring'],
                      notes['task']),
                     ('UNMAP 0x10000–0x11000', 'mmu_notifier_start', 'cpu0', 31))


def test_every_arrow_is_a_flow_with_its_two_ends():
    with written(made.CLOCKS + made.collision()) as (picture, found):
        wanted = sorted(((int(arrow.begin), int(arrow.end))
                         for arrow in picture.arrows))
        return equal(sorted(tuple(ns for ns, _ in ends)
                            for ends in found.flows().values()), wanted)


def test_an_arrow_that_points_backwards_by_the_clocks_is_a_flow_as_well():
    """The acknowledgement is sent at 71 and seen at 70: the clocks are off."""
    records = [(71,) + record[1:] if record[3] == 'dev_ack' else record
               for record in made.CLOCKS + made.collision()]
    with written(sorted(records, key=lambda record: record[0])) as (picture, found):
        back = [arrow for arrow in picture.arrows if arrow.end < arrow.begin]
        assert [arrow.kind for arrow in back] == ['ack'], back
        flow = picture.arrows.index(back[0]) + 1
        return equal(found.flows()[flow], [(70000, 'changer (31)'),
                                           (71000, 'control')])


def test_every_mark_is_an_instant():
    with written(made.CLOCKS + made.collision()) as (picture, found):
        wanted = {(lane.name, int(mark.at), kinds.MARKS[mark.kind][0])
                  for lane in picture.lanes for mark in lane.marks}
        return equal(wanted - {(name, begin, event['name']) for name, begin, _, event
                               in found.slices
                               if event['type'] == perfetto.INSTANT}, set())


def test_counters_go_up_and_down_with_the_bars_and_end_at_nothing():
    with written(made.CLOCKS + made.collision()) as (_, found):
        return equal((found.counter('open ranges'), found.counter('page requests')),
                     ([(21, 1), (29, 0)], [(9, 1), (55, 0)]))


def test_lanes_stand_in_their_groups_in_the_order_of_the_timeline():
    """Ranks count below a track that says so, and nowhere else."""
    with written(made.CLOCKS + made.collision()) as (picture, found):
        def below(parent):
            """The tracks below one, in their order."""
            assert parent['ordering'] == perfetto.EXPLICIT, parent
            return sorted((track for track in found.tracks.values()
                           if track.get('parent') == parent['uuid']),
                          key=lambda track: track['rank'])
        root, = [track for track in found.tracks.values() if 'parent' not in track]
        *groups, counters = below(root)
        names = []
        for group in groups:
            for track in below(group):
                pair = group['name'], track['name']
                if pair not in names:
                    names.append(pair)
        return equal((names, counters['name']),
                     ([(lane.group, lane.name) for lane in picture.lanes], 'Counters'))


def test_a_gap_and_what_never_ended_are_said():
    records = made.CLOCKS + made.collision()[:-12]
    with written(records, gaps=[('cpu1', 35, 3)]) as (_, found):
        notes = [note.get('text') for *_, event in found.slices
                 for note in event.get('notes', ())]
        return equal(('not in the recording' in notes, any(
            event['category'] == 'gap' for *_, event in found.slices)), (True, True))


def test_the_script_writes_a_file_and_refuses_what_is_no_trace():
    with place() as where:
        path = made.write(os.path.join(where, 'trace.bin'),
                          made.CLOCKS + made.collision())
        out = os.path.join(where, 'out')
        status, said = run([SCRIPT, path, '--out', out])
        with open(out, 'rb') as opened:
            found = File(opened.read())
        assert status == 0 and len(said.splitlines()) == 1, said
        with open(path, 'wb') as spoilt:
            spoilt.write(b'x' * 100)
        status, said = run([SCRIPT, path, '--out', out])
        return equal((bool(found.slices), status, len(said.splitlines()),
                      sorted(os.listdir(where))),
                     (True, 1, 1, ['out', 'trace.bin']))


if __name__ == '__main__':
    sys.exit(tap.main('tracks', globals()))
