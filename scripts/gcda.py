# SPDX-License-Identifier: MIT
"""gcda - the counters of a kernel that was compiled with COVERAGE

    Counters(image)     gcc's tables in a kernel image
        .take(ram)      the counts that a machine's RAM holds, as a list
        .files(counts)  {name of the .gcda: its bytes}, as gcov reads them

gcc leaves a `struct gcov_info` for each source: a stamp, the name of the file that a
program would write, and for each function three numbers and the address of its
counters. linker.ld gathers the addresses of these structs. What lies where is gcc's
own affair and differs between versions, so it is not believed: a function's entry
points back at its source's struct, and where that does not hold the image is refused.

No code of the kernel takes part. The counters lie in .bss, at a known place in the
guest's RAM, which is a file of the host and stays when QEMU has ended, whatever ended
it. A kernel that GRUB never loaded has no text there: nothing was counted.
"""

import struct

import meant
from trace import image as symbols

MAGIC, FUNCTION, ARCS = 0x67636461, 0x01000000, 0x01a10000
# How many kinds of counters a version of gcc knows: of 10 to 13, and of 14.
KINDS = (8, 9)


class Refused(Exception):
    """This is no image whose counters can be read."""


class Memory(meant.Elf):
    """The bytes of an image as its code sees them when it starts."""

    def words(self, address, form):
        size = struct.calcsize('<' + form)
        for vaddr, length, offset in self.segments:
            if vaddr <= address and address + size <= vaddr + length:
                return struct.unpack_from('<' + form, self.bytes,
                                          offset + address - vaddr)
        raise Refused('%#x is not in the image' % address)

    def text(self, address):
        for vaddr, length, offset in self.segments:
            if vaddr <= address < vaddr + length:
                start = offset + address - vaddr
                return self.bytes[start:self.bytes.index(b'\0', start)].decode()
        raise Refused('%#x is not in the image' % address)


class Source:
    """What gcc left of one source."""

    def __init__(self, memory, at):
        self.version, = memory.words(at, 'I')
        self.stamp, self.checksum, name = memory.words(at + 16, 'IIQ')
        self.name = memory.text(name)
        for kinds in KINDS:
            count, _, table = memory.words(at + 32 + 8 * kinds, 'IIQ')
            try:
                self.functions = list(self._functions(memory, at, count, table))
                return
            except Refused:
                pass
        raise Refused("%s: gcc's tables look different here" % self.name)

    @staticmethod
    def _functions(memory, at, count, table):
        """(three numbers, how many counters, their address) of each function."""
        if count > 10000:
            raise Refused('%d functions' % count)
        for i in range(count):
            entry, = memory.words(table + 8 * i, 'Q')
            key, ident, lines, graph, arcs, where = memory.words(entry, 'QIII4xI4xQ')
            if key != at or not where:
                raise Refused('no function at %#x' % entry)
            yield (ident, lines, graph), arcs, where

    def file(self, counts):
        """The .gcda; `counts` is an iterator over all counts of all sources."""
        out = [struct.pack('<IIII', MAGIC, self.version, self.stamp,
                           self.checksum)]
        for numbers, arcs, _ in self.functions:
            values = [next(counts) for _ in range(arcs)]
            out.append(struct.pack('<II3I', FUNCTION, 12, *numbers))
            out.append(struct.pack('<II%dQ' % arcs, ARCS, 8 * arcs, *values))
        return b''.join(out) + struct.pack('<I', 0)


class Counters:
    """All counters of an image, in one order."""

    def __init__(self, path):
        self.image = symbols.Image(path)
        self.memory = Memory(path)
        start, end = (self.image.symbols['__gcov_info_' + which][0]
                      for which in ('start', 'end'))
        self.sources = [Source(self.memory, self.memory.words(at, 'Q')[0])
                        for at in range(start, end, 8)]
        if not self.sources:
            raise Refused('%s counts nothing' % path)

    def take(self, path):
        """Each count in the RAM of a machine; none if the kernel is not there."""
        text = self.image.symbols['__text_start'][0]
        known = struct.pack('<2Q', *self.memory.words(text, '2Q'))
        counts = []
        with open(path, 'rb') as ram:
            ram.seek(text - symbols.KERNEL_VMA)
            if ram.read(len(known)) != known:
                return [0] * self.total()
            for source in self.sources:
                for _, arcs, where in source.functions:
                    ram.seek(where - symbols.KERNEL_VMA)
                    counts += struct.unpack('<%dQ' % arcs, ram.read(8 * arcs))
        return counts

    def total(self):
        return sum(arcs for source in self.sources
                   for _, arcs, _ in source.functions)

    def files(self, counts):
        left = iter(counts)
        return {source.name: source.file(left) for source in self.sources}
