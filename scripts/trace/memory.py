# SPDX-License-Identifier: MIT
"""memory - the guest's RAM file by physical and by the kernel's addresses

QEMU's file has the RAM without its holes. On a q35 machine there is one, below 4 GiB:

    RAM                 physical                    in the file
    below 2.75 GiB      0 ..                        the same
    2.75 GiB or more    0 .. 2 GiB                  the same
                        4 GiB ..                    from 2 GiB on

The kernel's addresses are of its image, of the direct map, or of pages that its tables
map: stacks, struct pages, vmalloc. The upper half of every top table is the same, so
one of any address space serves.

The guest may write while this reads. An aligned word of 64 bits is read by one load, so
that it is never half of a new value; two words may be of two moments.
"""

import struct

from trace.image import KERNEL_VMA

GIB = 1 << 30
HOLE_FROM = 11 * GIB // 4           # guests with so much RAM have less below 4 GiB
BELOW_HOLE = 2 * GIB
ABOVE_HOLE = 4 * GIB

# An entry of a page table, by the architecture.
PRESENT, LARGE = 1, 1 << 7
FRAME = 0x000ffffffffff000
PAGE = 4096
SHIFTS = (39, 30, 21, 12)
# No list is as long, and no more pages of stacks are in use.
MOST = 100000


class Memory:
    """Reads give None where there is nothing."""

    def __init__(self, view, layout):
        self.view = view
        self.words = view[:len(view) & ~7].cast('Q')
        self.layout = layout
        self.root = None                # physical address of a top table
        self._mapped = {}
        self.low = len(view) if len(view) < HOLE_FROM else BELOW_HOLE

    def place(self, physical):
        """Where in the file a physical address is; None: it is no RAM."""
        if physical >= ABOVE_HOLE:
            physical += self.low - ABOVE_HOLE
            return physical if self.low <= physical < len(self.view) else None
        return physical if 0 <= physical < self.low else None

    def physical(self, address):
        """Of an address of the kernel; None if that is none."""
        if address >= KERNEL_VMA:
            return address - KERNEL_VMA
        there = address - self.layout['direct_map']
        if there >= 0 and self.place(there) is not None:
            return there
        return self._walk(address) if address >> 63 else None

    def _walk(self, address):
        page = self._mapped.get(address // PAGE)
        if page is None and self.root is not None:
            page = self._by_tables(address & -PAGE)
            # The mapping of a stack that ended may serve another one.
            if page is not None and len(self._mapped) < MOST:
                self._mapped[address // PAGE] = page
        return None if page is None else page + address % PAGE

    def _by_tables(self, address):
        table = self.root
        for shift in SHIFTS:
            entry = self.entry(table, address >> shift & 511)
            if entry is None or not entry & PRESENT:
                return None
            if shift == 12 or entry & LARGE:
                return (entry & FRAME & -(1 << shift)) + \
                    (address & (1 << shift) - 1)
            table = entry & FRAME
        return None

    def forget(self):
        """Look mapped pages up anew from now on."""
        self._mapped.clear()

    def entry(self, table, number):
        """An entry of the table at a physical address."""
        at = self.place(table)
        return None if at is None else self.words[at // 8 + number]

    def entries(self, table):
        """All 512, each read by one load."""
        at = self.place(table)
        if at is None or at % PAGE or at + PAGE > len(self.view):
            return None
        return self.words[at // 8:at // 8 + PAGE // 8].tolist()

    def read(self, address, size):
        """Bytes at an address of the kernel."""
        parts = []
        while size:
            physical = self.physical(address)
            at = None if physical is None else self.place(physical)
            part = min(size, PAGE - address % PAGE)
            if at is None or at + part > len(self.view):
                return None
            parts.append(bytes(self.view[at:at + part]))
            address, size = address + part, size - part
        return b''.join(parts)

    def word(self, address, packing='<Q'):
        """A number at an address of the kernel."""
        if packing == '<Q' and not address % 8:
            physical = self.physical(address)
            at = None if physical is None else self.place(physical)
            return None if at is None or at // 8 >= len(self.words) else \
                self.words[at // 8]
        raw = self.read(address, struct.calcsize(packing))
        return struct.unpack(packing, raw)[0] if raw else None

    def member(self, address, name, packing='<Q'):
        """A member of the struct at an address: 'struct.member'."""
        return self.word(address + self.layout[name], packing)

    def listed(self, head, link):
        """Addresses of the objects of a list; link: the member that links them.

        The last is None if the list did not lead back to its head.
        """
        at, seen = self.word(head), set()
        while at != head:
            if not at or at in seen or len(seen) >= MOST:
                yield None
                return
            seen.add(at)
            yield at - self.layout[link]
            at = self.word(at)
