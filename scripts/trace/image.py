# SPDX-License-Identifier: MIT
"""image - what a reader of the guest's memory asks the kernel's ELF

Only the table of symbols is read, no debug information.
"""

import bisect
import struct

# The kernel's virtual addresses begin here, at physical 0 (linker.ld).
KERNEL_VMA = 0xffffffff80000000


class Image:
    """The symbols of an ELF file of 64 bits."""

    def __init__(self, path):
        self.path = path
        with open(path, 'rb') as elf:
            data = elf.read()
        if data[:5] != b'\x7fELF\x02':
            raise ValueError('%s is no ELF file of 64 bits' % path)
        self.symbols = {}
        for table, names in self._tables(data):
            self._read(data, table, names)
        self._sorted = sorted((address, size, name) for name, (address, size)
                              in self.symbols.items())

    @staticmethod
    def _tables(data):
        """(section of symbols, section of their names), as (offset, size)."""
        start, = struct.unpack_from('<Q', data, 40)
        size, count = struct.unpack_from('<HH', data, 58)
        sections = [struct.unpack_from('<IIQQQQII', data, start + i * size)
                    for i in range(count)]
        return [((s[4], s[5]), (sections[s[6]][4], sections[s[6]][5]))
                for s in sections if s[1] == 2]

    def _read(self, data, table, names):
        for at in range(table[0], table[0] + table[1], 24):
            name, kind, _, section, value, size = struct.unpack_from(
                '<IBBHQQ', data, at)
            if not name or not section or kind & 15 > 2:
                continue
            end = data.index(b'\0', names[0] + name)
            text = data[names[0] + name:end].decode('utf-8', 'replace')
            self.symbols.setdefault(text, (value, size))

    def physical(self, name):
        """The physical address of a symbol of the kernel."""
        if name not in self.symbols:
            raise ValueError('%s has no symbol %s' % (self.path, name))
        return self.symbols[name][0] - KERNEL_VMA

    def name_of(self, address):
        """function+0x12, or '' for an address in none."""
        at = bisect.bisect_right(self._sorted, (address, 1 << 64, '')) - 1
        if at < 0:
            return ''
        start, size, name = self._sorted[at]
        if address >= start + max(size, 1):
            return ''
        return '%s+%#x' % (name, address - start)
