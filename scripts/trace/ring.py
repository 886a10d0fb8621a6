# SPDX-License-Identifier: MIT
"""ring - trace rings that another process writes

A Source is a file with rings: the guest's RAM, where the kernel's symbol
trace_header says where they are, or the file of the peer, which begins with the same
header. include/uapi/trace_ring.h has the layout, and what makes a record whole.

The writer never waits for the reader. What it overwrites before it was read is lost,
and the reader says how many records that were: the numbers of records have no gap.

    slot of the next number     the reader
    holds that number           takes it, and all that follow
    holds a smaller number, or  has all there is
    0: it is being written
    holds a greater number      has lost records: it goes on where the ring is not
                                about to be overwritten
"""

import mmap
import os
import struct

MAGIC = 0x6563617254636e43
VERSION = 1
HEADER = struct.Struct('<QIIIIIIQQQQQQQQQQQ')
RECORD = struct.Struct('<QQIIII7Q')
EVENT = struct.Struct('24s72s112s')
LAYOUT = struct.Struct('<40sQ')
NAME_LEN = 16
# The word of 32 bits in a record that is its seq.
SEQ_WORD = 4
# Records that are copied before they are looked at again.
COPY = 4096


def text_of(raw):
    """A string in a field of fixed length."""
    return raw.split(b'\0')[0].decode('utf-8', 'replace')


class NotThere(Exception):
    """There is no header yet: the program has not come so far."""


class Header:
    """struct trace_header."""

    def __init__(self, data):
        (magic, self.version, self.header_size, self.record_size,
         self.event_size, self.rings, self.slots, self.records, self.image,
         self.image_size, self.image_at, self.events, self.events_end,
         self.layout, self.layout_end, self.ring_names, self.clock_base,
         self.clock_mult) = HEADER.unpack_from(data)
        if magic != MAGIC:
            raise NotThere
        if (self.version, self.header_size, self.record_size,
                self.event_size) != (VERSION, HEADER.size, RECORD.size,
                                     EVENT.size):
            raise ValueError('trace rings of version %d with records of %d '
                             'bytes: this script reads version %d with %d' %
                             (self.version, self.record_size, VERSION,
                              RECORD.size))


class Ring:
    """One ring, and how far it has been read.

    chunk(number, records)  is called for records that follow each other
    lost(number, count, why) for numbers that are missing
    """

    def __init__(self, view, start, slots, chunk, lost):
        self.view = view
        self.start = start
        self.slots = slots
        self.chunk = chunk
        self.lost = lost
        self.next = 0
        self.read = 0

    def _seqs(self, number, count):
        """The seq words of a run of slots that does not go round."""
        at = self.start + (number % self.slots) * RECORD.size
        run = self.view[at:at + count * RECORD.size]
        return run.cast('I')[SEQ_WORD::RECORD.size // 4].tolist()

    def _ahead(self, number):
        """How far ahead of a number what its slot holds is; None: not written."""
        seq, = self._seqs(number, 1)
        if not seq and (number + 1) & 0xffffffff:
            return None
        ahead = (seq - 1 - number) & 0xffffffff
        return None if ahead >> 31 else ahead

    def _newest(self, number):
        """The newest number in the ring, from one that is there."""
        low, high = number, number + self.slots
        while high - low > 1:
            middle = (low + high) // 2
            if self._ahead(middle) is None:
                high = middle
            else:
                low = middle
        return low

    def _take(self):
        """Copy what follows, as far as it is there before and after."""
        number = self.next
        count = min(COPY, self.slots - number % self.slots)
        wanted = [(number + 1 + i) & 0xffffffff for i in range(count)]
        before = self._seqs(number, count)
        if before != wanted:
            count = next(i for i in range(count) if before[i] != wanted[i])
        at = self.start + (number % self.slots) * RECORD.size
        copy = bytes(self.view[at:at + count * RECORD.size])
        # Overwritten meanwhile? Then it may be torn.
        after = self._seqs(number, count)
        if after != wanted[:count]:
            count = next(i for i in range(count) if after[i] != wanted[i])
        if count:
            self.chunk(number, copy[:count * RECORD.size])
            self.next += count
            self.read += count

    def _skip(self, to, why):
        self.lost(self.next, to - self.next, why)
        self.next = to

    def poll(self, ended=False):
        """Read what is new; `ended`: nobody writes any more."""
        while True:
            ahead = self._ahead(self.next)
            if ahead == 0:
                self._take()
                continue
            if ahead:
                # While others write, keep off the quarter that goes next.
                oldest = self._newest(self.next + ahead) - self.slots + 1
                self._skip(max(self.next + 1, oldest if ended else
                               oldest + self.slots // 4),
                           'overwritten' if self.read else
                           'overwritten before the recording began')
                continue
            if ended and self._torn():
                continue
            return

    def _torn(self):
        """Of a writer that never came back: pass it by if others follow."""
        for number in range(self.next + 1, self.next + self.slots):
            if self._ahead(number) == 0:
                self._skip(number, 'never finished')
                return True
        return False


class Source:
    """A file with rings, and what its image says of them."""

    def __init__(self, path, at=0, name='guest'):
        self.name = name
        self.path = path
        with open(path, 'rb') as opened:
            if os.fstat(opened.fileno()).st_size < at + HEADER.size:
                raise NotThere
            self.map = mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ)
        self.view = memoryview(self.map)
        self.header = Header(self.view[at:at + HEADER.size])
        self.rings = []

    def bytes_at(self, address, size):
        """Bytes of the image; None if it has no such address."""
        offset = address - self.header.image
        if offset < 0 or offset + size > self.header.image_size:
            return None
        at = self.header.image_at + offset
        return bytes(self.view[at:at + size])

    def word_at(self, address):
        """The string at an address of the image; None if there is none."""
        left = self.header.image + self.header.image_size - address
        raw = self.bytes_at(address, min(max(left, 0), 256))
        return None if not raw else text_of(raw)

    def _table(self, start, end, entry):
        if not start:
            return []
        return [(address, entry.unpack(self.bytes_at(address, entry.size)))
                for address in range(start, end, entry.size)]

    def ring_names(self):
        count, at = self.header.rings, self.header.ring_names
        if not at:
            return ['cpu%d' % i for i in range(count)]
        return [text_of(self.bytes_at(at + i * NAME_LEN, NAME_LEN))
                for i in range(count)]

    def describe(self):
        """All that a reader needs to know of it, for trace.bin."""
        header = self.header
        return {
            'name': self.name,
            'rings': self.ring_names(),
            'slots': header.slots,
            'record_size': header.record_size,
            'clock': {'base': header.clock_base, 'mult': header.clock_mult},
            'events': {'%#x' % address: [text_of(part) for part in parts]
                       for address, parts in self._table(
                           header.events, header.events_end, EVENT)},
            'layout': {text_of(parts[0]): parts[1]
                       for _, parts in self._table(
                           header.layout, header.layout_end, LAYOUT)},
        }

    def open_rings(self, chunk, lost):
        """chunk(ring, number, records), lost(ring, number, count, why)"""
        size = self.header.slots * RECORD.size
        for i in range(self.header.rings):
            self.rings.append(Ring(
                self.view, self.header.records + i * size, self.header.slots,
                lambda *what, i=i: chunk(i, *what),
                lambda *what, i=i: lost(i, *what)))

    def poll(self, ended=False):
        for ring in self.rings:
            ring.poll(ended)
