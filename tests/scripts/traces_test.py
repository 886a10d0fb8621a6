#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rings are read whole or the gap is said; a trace stands alone. Prints TAP.

The rings are made up: a file with a header, events and records as a kernel or a peer
would leave them, which a test writes to while it is read.
"""

import contextlib
import json
import os
import re
import struct
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import tap  # noqa: E402
from elsewhere import place, run  # noqa: E402
from tap import equal  # noqa: E402
from trace import image, live, record, ring, store, text  # noqa: E402

WIRE = os.path.join(TOP, 'include', 'uapi', 'trace_ring.h')
# The image of a made-up program, and where it lies in the file.
IMAGE, IMAGE_AT = 0x40000000, 4096
RECORDS_AT = 8192
EVENTS = (
    ('mark', 'n of', 'n %lu of %ld'),
    ('mmu_notifier_start', 'range event mm start end blockable',
     'start %p %s mm %p [%#lx, %#lx) blockable=%lu'),
    ('mmu_notifier_end', 'range event mm start end cycles',
     'end %p %s mm %p [%#lx, %#lx) cycles=%lu'),
    ('task_new', 'task text', 'task %lu is %s'),
    ('peer_clock', 'peer before after device',
     'peer %lu between %lu and %lu has %lu'),
    ('mm_born', 'mm id', 'mm %p is %lu'),
    ('peer_request', 'ctx tag peer', 'ctx %lu tag %lu of peer %lu'),
    ('peer_grant', 'ctx tag peer', 'ctx %lu tag %lu of peer %lu'),
    ('dev_request', 'ctx tag', 'ctx %lu tag %lu'),
    ('dev_response', 'ctx tag', 'ctx %lu tag %lu'),
    ('dev_work', 'work', '%p'),
)
WORDS_AT = len(EVENTS) * ring.EVENT.size
WORDS = b'UNMAP\0CLEAR\0'


def event(name):
    """The address of an event."""
    return IMAGE + [e[0] for e in EVENTS].index(name) * ring.EVENT.size


def word(name):
    return IMAGE + WORDS_AT + WORDS.index(name)


class Rings:
    """A file with rings that a test writes to, like a CPU does."""

    def __init__(self, path, rings=1, slots=8, names=(), version=ring.VERSION):
        self.path, self.slots = path, slots
        self.count = [0] * rings
        content = b''.join(ring.EVENT.pack(*(part.encode() for part in e))
                           for e in EVENTS) + WORDS
        at = len(content)
        content += b''.join(name.encode().ljust(ring.NAME_LEN, b'\0')
                            for name in names)
        size = RECORDS_AT + rings * slots * ring.RECORD.size
        with open(path, 'wb') as made:
            made.truncate(size)
            made.write(ring.HEADER.pack(
                ring.MAGIC, version, ring.HEADER.size, ring.RECORD.size,
                ring.EVENT.size, rings, slots, RECORDS_AT, IMAGE, len(content),
                IMAGE_AT, IMAGE, IMAGE + WORDS_AT, 0, 0,
                IMAGE + at if names else 0, 0, 1 << 32))
            made.seek(IMAGE_AT)
            made.write(content)

    def _put(self, where, raw):
        with open(self.path, 'r+b') as made:
            made.seek(where)
            made.write(raw)

    def write(self, name, *args, of=0, ns=None, pid=7, seq=None):
        """One record; seq=0: its writer has not come back."""
        n = self.count[of]
        self.count[of] += 1
        args = [arg & (1 << 64) - 1 for arg in args] + [0] * (7 - len(args))
        self._put(self._slot(of, n), ring.RECORD.pack(
            100 * n if ns is None else ns, event(name),
            (n + 1) & 0xffffffff if seq is None else seq, pid, of, 0, *args))
        return n

    def _slot(self, of, n):
        return RECORDS_AT + (of * self.slots + n % self.slots) * ring.RECORD.size

    def finish(self, n, of=0):
        self._put(self._slot(of, n) + 16, struct.pack('<I', n + 1))


class Reader:
    """What a Source has given so far: numbers of records, and gaps."""

    def __init__(self, path):
        self.numbers, self.gaps = [], []
        self.source = ring.Source(path)
        self.source.open_rings(self.chunk, self.lost)

    def chunk(self, _, number, records):
        for i, raw in enumerate(ring.RECORD.iter_unpack(records)):
            assert raw[2] == (number + i + 1) & 0xffffffff
            self.numbers.append(number + i)

    def lost(self, _, number, count, why):
        self.gaps.append((number, count, why))

    def poll(self, ended=False):
        self.source.poll(ended)
        return self.numbers, self.gaps


def test_the_layout_is_that_of_the_header():
    with open(WIRE, encoding='utf-8') as header:
        said = header.read()
    places = {}
    for kind, field, at in re.findall(
            r'TRACE_(?:AT|SIZE)\((\w+),(?: (\w+),)? (\d+)\)', said):
        places.setdefault(kind, []).append(int(at))

    def of(packing):
        """Where each field of a struct begins, and where it ends."""
        sizes = [struct.calcsize('<' + part) for part in
                 re.findall(r'\d+s|\d+Q|[QI]', packing.format)]
        ends = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
        return ends

    header, entry = of(ring.HEADER), of(ring.RECORD)
    entry.remove(28)                    # reserved
    return equal(
        (header, entry, of(ring.EVENT), of(ring.LAYOUT)),
        tuple(places[kind] for kind in ('trace_header', 'trace_record',
                                        'trace_event', 'layout_entry')))


def test_records_are_read_while_they_are_written_and_once():
    with place() as where:
        rings = Rings(os.path.join(where, 'rings'))
        reader = Reader(rings.path)
        for i in range(3):
            rings.write('mark', i)
        assert reader.poll() == ([0, 1, 2], []), reader.poll()
        # Over the end of the ring, and all of it at once.
        for i in range(8):
            rings.write('mark', i)
        assert reader.poll() == (list(range(11)), []), reader.poll()
        return equal(reader.poll(ended=True), (list(range(11)), []))


def test_a_record_that_is_being_written_is_waited_for():
    with place() as where:
        rings = Rings(os.path.join(where, 'rings'))
        reader = Reader(rings.path)
        rings.write('mark', 0)
        held = rings.write('mark', 1, seq=0)
        rings.write('mark', 2)          # of an interrupt in its middle
        assert reader.poll() == ([0], []), reader.poll()
        rings.finish(held)
        return equal(reader.poll(), ([0, 1, 2], []))


def test_a_record_whose_writer_died_is_a_gap_of_one():
    with place() as where:
        rings = Rings(os.path.join(where, 'rings'))
        reader = Reader(rings.path)
        rings.write('mark', 0)
        rings.write('mark', 1, seq=0)
        rings.write('mark', 2)
        rings.write('mark', 3, seq=0)   # none follows: nobody can say it was
        return equal(reader.poll(ended=True),
                     ([0, 2], [(1, 1, 'never finished')]))


def test_what_was_overwritten_is_counted_exactly():
    with place() as where:
        rings = Rings(os.path.join(where, 'rings'))
        reader = Reader(rings.path)
        rings.write('mark', 0)
        reader.poll()
        for i in range(20):
            rings.write('mark', i)
        # 21 were written, and the ring holds the last 8.
        return equal(reader.poll(ended=True),
                     ([0] + list(range(13, 21)), [(1, 12, 'overwritten')]))


def test_a_live_ring_is_read_where_it_is_not_about_to_be_overwritten():
    with place() as where:
        rings = Rings(os.path.join(where, 'rings'))
        reader = Reader(rings.path)
        rings.write('mark', 0)
        reader.poll()
        for i in range(20):
            rings.write('mark', i)
        numbers, gaps = reader.poll()
        missing = sum(count for _, count, _ in gaps)
        return equal((len(numbers) + missing, numbers[-1], gaps[0][2]),
                     (21, 20, 'overwritten'))


def test_a_recording_that_comes_late_says_so():
    with place() as where:
        rings = Rings(os.path.join(where, 'rings'))
        for i in range(20):
            rings.write('mark', i)
        return equal(Reader(rings.path).poll(ended=True), (
            list(range(12, 20)),
            [(0, 12, 'overwritten before the recording began')]))


def test_a_record_overwritten_while_it_is_copied_is_not_taken():
    with place() as where:
        rings = Rings(os.path.join(where, 'rings'))
        reader = Reader(rings.path)
        one, looks = reader.source.rings[0], []
        seqs = one._seqs                # pylint: disable=protected-access

        def writer_comes(number, count):
            # After the copy, before the second look: records 0 and 1 go.
            looks.append(count)
            if len(looks) == 3:
                for i in range(10 - rings.count[0]):
                    rings.write('mark', i)
            return seqs(number, count)

        for i in range(8):
            rings.write('mark', i)
        one._seqs = writer_comes        # pylint: disable=protected-access
        numbers, gaps = reader.poll(ended=True)
        return equal((numbers, gaps), (list(range(2, 10)), [
            (0, 2, 'overwritten before the recording began')]))


def test_numbers_go_round_after_32_bits():
    with place() as where:
        rings = Rings(os.path.join(where, 'rings'))
        reader = Reader(rings.path)
        rings.count[0] = reader.source.rings[0].next = (1 << 32) - 2
        for i in range(4):
            rings.write('mark', i)
        numbers, gaps = reader.poll(ended=True)
        return equal(([n - (1 << 32) for n in numbers], gaps),
                     ([-2, -1, 0, 1], []))


def test_no_header_yet_is_no_error_and_another_version_is():
    with place() as where:
        path = os.path.join(where, 'rings')
        with open(path, 'wb') as made:
            made.truncate(RECORDS_AT)
        try:
            ring.Source(path)
            return 'a file of zeros was taken'
        except ring.NotThere:
            pass
        try:
            ring.Source(Rings(path, version=99).path)
            return 'version 99 was taken'
        except ValueError as error:
            return equal('version 99' in str(error), True)


class Machine(record.Recording):
    """A recording of made-up rings, in the place of a kernel."""

    def __init__(self, out, guest, peers=()):
        # pylint: disable=super-init-not-called
        self.writer, self.out = store.Writer(out), out
        self.image = self
        self.sources, self.began = [], 0
        self.waiting = [(guest, 0, 'guest')] + [
            (path, 0, 'peer%d' % i) for i, path in enumerate(peers)]

    @staticmethod
    def name_of(address):
        return 'function+%#x' % address


@contextlib.contextmanager
def recorded(fill, **more):
    """A trace.bin of what fill(rings) writes, and its Trace."""
    with place() as where:
        rings = Rings(os.path.join(where, 'rings'), **more)
        out = os.path.join(where, 'trace.bin')
        machine = Machine(out, rings.path)
        fill(rings)
        machine.run(lambda: True)
        os.unlink(rings.path)           # from here on it stands alone
        yield out, store.Trace(out)


def ranges(rings):
    rings.write('mm_born', 0x700, 3, ns=1000)
    rings.write('mmu_notifier_start', 0x900, word(b'UNMAP'), 0x700, 0x1000,
                0x2000, 1, ns=2000)
    rings.write('mmu_notifier_end', 0x900, word(b'UNMAP'), 0x700, 0x1000,
                0x2000, 55, ns=3000)
    rings.write('mmu_notifier_start', 0x900, word(b'CLEAR'), 0x700, 0, 0x1000,
                1, ns=4000)
    rings.write('mark', 1, -2, ns=5000)


def test_a_trace_stands_alone_with_words_and_numbers_for_people():
    with recorded(ranges) as (_, trace):
        numbers, lines = text.Numbers(trace), []
        for what in trace.all():
            numbers.see(what)
            lines.append(text.line(what, numbers).strip())
        return equal(lines[1:], [
            '0.000002 cpu0/7 mmu_notifier_start: start range 1 UNMAP mm 3 '
            '[0x1000, 0x2000) blockable=1',
            '0.000003 cpu0/7 mmu_notifier_end: end range 1 UNMAP mm 3 '
            '[0x1000, 0x2000) cycles=55',
            '0.000004 cpu0/7 mmu_notifier_start: start range 2 CLEAR mm 3 '
            '[0x0, 0x1000) blockable=1',
            '0.000005 cpu0/7 mark: n 1 of -2'])


def test_addresses_stay_in_the_record():
    with recorded(ranges) as (_, trace):
        start = next(trace.records_named('mmu_notifier_start'))
        return equal((start.values['range'], start.values['mm'],
                      start.values['event']), (0x900, 0x700, 'UNMAP'))


def test_text_is_in_the_arguments():
    def fill(rings):
        rings.write('task_new', 12, *struct.unpack('<3Q', b'contest/neighbour'
                                                   .ljust(24, b'\0')))
    with recorded(fill) as (_, trace):
        task = next(trace.records())
        return equal((task.values, text.body(task)), (
            {'task': 12, 'text': 'contest/neighbour'},
            'task 12 is contest/neighbour'))


def test_rings_are_merged_by_time_and_a_gap_stands_where_it_was():
    def fill(rings):
        for i in range(10):             # two more than there are slots
            rings.write('mark', i, of=0, ns=1000 * i)
        rings.write('mark', 100, of=1, ns=1500)
        rings.write('mark', 101, of=1, ns=8500)
    with recorded(fill, rings=2) as (out, trace):
        order = [what.args[0] if isinstance(what, store.Record) else
                 (what.where, what.count) for what in trace.all()]
        assert order == [100, ('cpu0', 2), 2, 3, 4, 5, 6, 7, 8, 101, 9], order
        assert trace.lost == 2 and len(trace) == 10
        status, said = run([os.path.join(TOP, 'scripts', 'trace.py'), 'show', out])
        assert status == 0, said
        return equal([line for line in said.splitlines() if 'lost' in line], [
            '--- cpu0: 2 records lost, overwritten before the recording began',
            '# 10 records of 2 rings, 2 lost',
            '# cpu0: 2 lost, overwritten before the recording began'])


def test_exported_lines_are_json_with_exact_numbers():
    def fill(rings):
        rings.write('mark', (1 << 60) + 1, -3)
    with recorded(fill) as (out, _):
        status, said = run([os.path.join(TOP, 'scripts', 'trace.py'), 'export',
                            out])
        assert status == 0, said
        source, _, one = map(json.loads, said.splitlines())
        return equal((source['source'], one['event'], one['args']), (
            'guest', 'mark', {'n': '0x1000000000000001', 'of': -3}))


def test_show_chooses_by_event_ring_task_and_number():
    def fill(rings):
        for i in range(6):
            rings.write('mark', i, pid=i % 2)
        rings.write('task_new', 1)
    show = [os.path.join(TOP, 'scripts', 'trace.py'), 'show']
    with recorded(fill) as (out, _):
        for words, count in ((['--event', 'mark'], 6), (['--pid', '1'], 3),
                             (['--event=-mark'], 1), (['--last', '2'], 2),
                             (['--ring', 'cpu1'], 0)):
            status, said = run(show + words + [out])
            lines = [s for s in said.splitlines() if not s.startswith('#')]
            assert status == 0 and len(lines) == count, (words, said)


def test_a_recording_that_was_killed_can_be_read():
    with recorded(ranges) as (out, _):
        with open(out, 'r+b') as cut:
            cut.truncate(os.path.getsize(out) - 8)
        trace = store.Trace(out)
        said = text.summary(trace)
        return equal((len(trace), said[-1]),
                     (5, 'the recording was killed: words are missing'))


def test_what_is_no_trace_is_refused_in_one_line():
    with place() as where:
        out = os.path.join(where, 'trace.bin')
        for content, words in ((b'x' * 100, 'this is no trace'),
                               (store.START.pack(store.MAGIC, 9, 0),
                                'version 9')):
            with open(out, 'wb') as made:
                made.write(content)
            status, said = run([os.path.join(TOP, 'scripts', 'trace.py'),
                                'show', out])
            assert status == 1 and words in said and \
                len(said.splitlines()) == 1, said


# The peer's clock runs from elsewhere, and a little faster.
def peers_time(ns):
    return 5000000000 + ns * 10001 // 10000


def clocks(rings, peer, width):
    for i in range(1, 20):
        ns = i * 100000000
        rings.write('peer_clock', 0, ns - width * i, ns + width * i,
                    peers_time(ns), ns=ns)
        peer.write('mark', i, ns=peers_time(ns))


def test_pairs_of_readings_tie_the_peers_clock_to_the_guests():
    with place() as where:
        guest = Rings(os.path.join(where, 'guest'), slots=64)
        peer = Rings(os.path.join(where, 'peer'), slots=64, names=['worker0'])
        out = os.path.join(where, 'trace.bin')
        machine = Machine(out, guest.path, [peer.path])
        clocks(guest, peer, 1000)
        machine.run(lambda: True)
        trace = store.Trace(out)
        off = max(abs(mark.ns - 100000000 * mark.values['n'])
                  for mark in trace.records_named('mark'))
        assert off < 100, off
        assert trace.clocks == {'peer0': 1000}, trace.clocks
        return equal({mark.where for mark in trace.records_named('mark')},
                     {'peer0/worker0'})


def test_requests_and_grants_bound_the_clock_more_closely_than_wide_readings():
    with place() as where:
        guest = Rings(os.path.join(where, 'guest'))
        peer = Rings(os.path.join(where, 'peer'))
        out = os.path.join(where, 'trace.bin')
        machine = Machine(out, guest.path, [peer.path])
        # The device is 5 s ahead; the reading says so within 10 ms only, and lies
        # at its end.
        guest.write('peer_clock', 0, 1000000, 21000000, 5002000000, ns=21000000)
        peer.write('dev_request', 1, 7, ns=5030000000)
        guest.write('peer_request', 1, 7, 0, ns=30001000)
        guest.write('peer_grant', 1, 7, 0, ns=31000000)
        peer.write('dev_response', 1, 7, ns=5031003000)
        # Another device's request has the same tag.
        guest.write('peer_request', 1, 7, 1, ns=29000000)
        machine.run(lambda: True)
        trace = store.Trace(out)
        assert trace.clocks == {'peer0': 2000}, trace.clocks
        order = [(what.where, what.name) for what in trace.records()
                 if what.values.get('peer') != 1 and 'tag' in what.values]
        return equal(order, [('peer0/cpu0', 'dev_request'),
                             ('cpu0', 'peer_request'), ('cpu0', 'peer_grant'),
                             ('peer0/cpu0', 'dev_response')])


def test_objects_of_two_programs_at_one_address_have_numbers_of_their_own():
    with place() as where:
        guest = Rings(os.path.join(where, 'guest'))
        peers = [Rings(os.path.join(where, 'peer%d' % i)) for i in range(2)]
        out = os.path.join(where, 'trace.bin')
        machine = Machine(out, guest.path, [peer.path for peer in peers])
        for peer in peers:
            peer.write('dev_work', 0x800)
        peers[0].write('dev_work', 0x900)
        machine.run(lambda: True)
        trace = store.Trace(out)
        numbers, said = text.Numbers(trace), []
        for what in trace.records():
            numbers.see(what)
            said.append((what.where, text.body(what, numbers)))
        return equal(sorted(said), [('peer0/cpu0', 'work 1'), ('peer0/cpu0', 'work 3'),
                                    ('peer1/cpu0', 'work 2')])


def test_a_peer_without_a_pair_begins_at_0_and_that_is_said():
    with place() as where:
        guest = Rings(os.path.join(where, 'guest'))
        peer = Rings(os.path.join(where, 'peer'))
        out = os.path.join(where, 'trace.bin')
        machine = Machine(out, guest.path, [peer.path])
        peer.write('mark', 1, ns=5000000000)
        machine.run(lambda: True)
        trace = store.Trace(out)
        assert 'peer0: its clock was never read' in '\n'.join(
            text.summary(trace)), text.summary(trace)
        return equal([what.ns for what in trace.all()], [0])


def test_a_peer_that_comes_later_is_recorded_too():
    with place() as where:
        guest = Rings(os.path.join(where, 'guest'))
        out, path = (os.path.join(where, name) for name in ('out', 'peer'))
        machine = Machine(out, guest.path, [path])
        guest.write('mark', 1)
        machine.poll()
        with open(path, 'wb'):          # empty for a moment
            pass
        machine.poll()
        Rings(path).write('mark', 2)
        machine.run(lambda: True)
        return equal(len(store.Trace(out)), 2)


class Ram:
    """Two tasks and an mm, as the kernel has them in its lists."""

    def __init__(self):
        self.raw = bytearray(4096)
        self.view = memoryview(self.raw)
        self.heads = image.KERNEL_VMA + 0x40, image.KERNEL_VMA + 0x50
        self.link(self.heads[0], 0x1108, 0x1208)
        self.link(self.heads[1], 0x1310)
        for at, pid, name in ((0x100, 3, b'init'), (0x200, 5, b'peer0/beat')):
            struct.pack_into('<I24s', self.raw, at + 0x20, pid, name)
        struct.pack_into('<I', self.raw, 0x300, 9)

    def link(self, head, *addresses):
        """A list; the direct map begins at 0x1000."""
        for at, to in zip((head,) + addresses, addresses + (head,)):
            struct.pack_into('<Q', self.raw, at - 0x1000 if at < 1 << 32 else
                             at - image.KERNEL_VMA, to)

    def describe(self):
        return {'layout': {
            'direct_map': 0x1000, 'task_list': self.heads[0],
            'mm_list': self.heads[1], 'task.all_entry': 8, 'task.pid': 0x20,
            'task.name': 0x24, 'mm_struct.mm_list': 0x10, 'mm_struct.id': 0}}


def test_names_of_what_was_there_before_are_found_in_the_kernels_lists():
    ram = Ram()
    names = live.names(ram)
    assert names == {'tasks': {'3': 'init', '5': 'peer0/beat'},
                     'mms': {'0x1300': 9}}, names
    # Torn while it is read: leads nowhere, or in a circle.
    struct.pack_into('<Q', ram.raw, 0x108, 0x77777777)
    assert live.names(ram)['tasks'] == {'3': 'init'}, live.names(ram)
    struct.pack_into('<Q', ram.raw, 0x108, 0x1108)
    return tap.equal(live.names(ram)['tasks'], {'3': 'init'})


def test_symbols_of_an_elf_are_found_without_debug_information():
    with place() as where:
        source = os.path.join(where, 'a.c')
        with open(source, 'w', encoding='utf-8') as made:
            made.write('int trace_header[30] = {1}; int f(void) { return 1; }'
                       ' int main(void) { return f(); }\n')
        status, said = run(['gcc', '-no-pie', '-o', os.path.join(where, 'a'),
                            source])
        if status:
            raise tap.Skip('no gcc: ' + said.strip())
        elf = image.Image(os.path.join(where, 'a'))
        address = elf.symbols['f'][0]
        return equal((elf.name_of(address + 1), elf.name_of(1),
                      'trace_header' in elf.symbols), ('f+0x1', '', True))


if __name__ == '__main__':
    sys.exit(tap.main('traces', globals()))
