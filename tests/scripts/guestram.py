# SPDX-License-Identifier: MIT
"""guestram - a made-up guest: page tables, lists and stacks as a kernel leaves them

The memory is as small as it can be. Physical addresses are those of the file, the
direct map begins at DIRECT. Structs are cut down to what a map reads.
"""

import struct

from trace.image import KERNEL_VMA
from trace.memory import Memory

DIRECT, VMEMMAP, STACKS = 0xffff800000000000, 0xffffd00000000000, 0xffffe08000000000
PAGE, SIZE = 4096, 1 << 20
TABLE = 0x67                            # present, writable, user, accessed, dirty
NOBODY = 0xffff8000deadb000
# Where the guest's objects are, physically.
STRUCT_PAGES, TOP, KERNEL_TOP, HEAP, IMAGE = 0x80000, 0x10000, 0x11000, 0x40000, 0x1000

WORD = 1 << 63
ROWS = (                                # as mm/table/letters.c, in short
    (0, 1, 0, b'-', b'no region'),
    (2 * WORD - 1, 0, 0, b'.', b'no page'),
    (0x101, 0x100, 0x100, b'n', b'no access'),
    (0x43, 0x43, 0x43, b'W', b'writable, written to'),
    (3, 3, 3, b'w', b'writable'),
    (1, 1, 1, b'r', b'read-only'),
    (31 << 59, 28 << 59, 28 << 59, b'X', b'exclusive to a device'),
    (0, 0, 2 * WORD - 1, b's', b'swapped out'))
DEVICE_ROWS = (
    (0, 1, 0, b'-', b'no region'), (1 << 32, 1 << 32, 1 << 32, b'X', b'exclusive'),
    (1, 1, 1, b'r', b'read-only'), (0, 0, 2 * WORD - 1, b'.', b'no translation'))
LETTER = struct.Struct('<QQQc39s')

LAYOUT = {
    'direct_map': DIRECT, 'vmemmap': VMEMMAP, 'sizeof.page': 64, 'page.flags': 0,
    'page.pt_mm': 48, 'PG_table': 5, 'USER_END': 0x7ffffffff000,
    'page_letters.row': 64, 'kernel_map.pgd': KERNEL_VMA + IMAGE,
    'mm_list': KERNEL_VMA + IMAGE + 8, 'task_list': KERNEL_VMA + IMAGE + 16,
    'peers': KERNEL_VMA + IMAGE + 24, 'nr_peers': KERNEL_VMA + IMAGE + 32,
    'pte_letters': KERNEL_VMA + IMAGE + 64, 'pte_letters.rows': len(ROWS),
    'peer_letters': KERNEL_VMA + IMAGE + 1024, 'peer_letters.rows': len(DEVICE_ROWS),
    'mm_struct.mm_list': 0, 'mm_struct.id': 8, 'mm_struct.mm_users': 12,
    'mm_struct.pgd': 16, 'mm_struct.mm_first': 24, 'mm_struct.map_count': 32,
    'mm_struct.anon_rss': 40, 'mm_struct.notifier_subscriptions': 48,
    'mm_struct.notifier_ranges': 56,
    'vm_area_struct.vm_mm': 0, 'vm_area_struct.vm_start': 8,
    'vm_area_struct.vm_end': 16, 'vm_area_struct.vm_next': 24,
    'notifier_gate.epoch_bits': 30, 'notifier.listed_are_counted': 1,
    'subscriptions.open': 0, 'subscriptions.waiters': 8,
    'wait_queue_head.waiters': 0, 'wait_queue_entry.entry': 0,
    'wait_queue_entry.task': 16,
    'mmu_notifier_range.mm': 0, 'mmu_notifier_range.start': 8,
    'mmu_notifier_range.end': 16, 'mmu_notifier_range.event': 24,
    'mmu_notifier_range.core.next': 32, 'event.UNMAP': 0, 'event.CLEAR': 1,
    'task.all_entry': 0, 'task.pid': 16, 'task.name': 24, 'task.on_cpu': 20,
    'task.arch.sp': 48, 'task.stack': 56, 'switch_frame.rbp': 40, 'switch_frame.rip': 48,
    'peer.contexts': 0, 'peer.contexts.most': 2,
    'peer_context.mm': 0, 'peer_context.table': 8, 'peer_table.entries': 0,
    'peer_table.count': 8, 'sizeof.peer_translation': 24,
    'peer_translation.va': 0, 'peer_translation.prot': 16,
    'peer_translation.exclusive': 20,
}


class Names:
    """An image whose functions are 0x100 bytes long."""

    def __init__(self, *names):
        self.names = names

    def address(self, name):
        return KERNEL_VMA + 0x100 * (1 + self.names.index(name))

    def name_of(self, address):
        number = (address - KERNEL_VMA) // 0x100 - 1
        return '%s+%#x' % (self.names[number], address % 0x100) \
            if 0 <= number < len(self.names) else ''


class Guest:
    """One mm, number 7, with regions, pages, a device, a range and a waiter."""

    def __init__(self, size=SIZE):
        self.raw = bytearray(size)
        self.next_table, self.next_object = 0x12000, HEAP
        self.folder = '/made/up'
        self.image = Names('arch_task_switch', 'read_begin_slow', 'peer_grant')
        self.memory = Memory(memoryview(self.raw), dict(LAYOUT))
        # Struct pages, and a page of stacks, are mapped by the kernel's tables.
        for i in range(SIZE // PAGE * 64 // PAGE):
            self.map(KERNEL_TOP, VMEMMAP + i * PAGE, STRUCT_PAGES + i * PAGE | 3)
        self.stack = STACKS + PAGE
        self.map(KERNEL_TOP, self.stack, 0x70000 | 3)
        self.put(IMAGE, '<Q', DIRECT + KERNEL_TOP)
        for name, rows in (('pte_letters', ROWS), ('peer_letters', DEVICE_ROWS)):
            for i, row in enumerate(rows):
                LETTER.pack_into(self.raw, LAYOUT[name] - KERNEL_VMA +
                                 i * LETTER.size, *row)
        self.link('task_list')
        self.mm = self.object(64)
        self.link('mm_list', self.mm)
        self.member(self.mm, 'mm_struct.id', 7, '<I')
        self.member(self.mm, 'mm_struct.mm_users', 2, '<I')
        self.member(self.mm, 'mm_struct.pgd', DIRECT + TOP)
        self.is_table(TOP)

    def put(self, physical, packing, *values):
        struct.pack_into(packing, self.raw, physical, *values)

    def member(self, address, name, value, packing='<Q'):
        self.put(self.memory.physical(address) + LAYOUT[name], packing, value)

    def object(self, size):
        """The kernel's address of a new one."""
        self.next_object += -(-size // 64) * 64
        return DIRECT + self.next_object - -(-size // 64) * 64

    def link(self, head, *addresses):
        """A list by links at the beginning of objects."""
        at = LAYOUT[head] if isinstance(head, str) else head
        for link, to in zip((at,) + addresses, addresses + (at,)):
            self.put(self.memory.physical(link), '<Q', to)

    def is_table(self, physical, mm=None):
        """What the struct page of a page says: a table of an mm; 0: of none."""
        page = STRUCT_PAGES + physical // PAGE * 64
        self.put(page, '<Q', 0 if mm == 0 else 1 << 5)
        self.put(page + 48, '<Q', self.mm if mm is None else mm)

    def map(self, top, address, entry):
        """Set the entry of an address; return where the entry is."""
        table = top
        for shift in (39, 30, 21):
            at = table + (address >> shift & 511) * 8
            below, = struct.unpack_from('<Q', self.raw, at)
            if not below:
                below = self.next_table | TABLE
                if top == TOP:
                    self.is_table(self.next_table)
                self.next_table += PAGE
                self.put(at, '<Q', below)
            table = below & ~0xfff
        at = table + (address >> 12 & 511) * 8
        self.put(at, '<Q', entry)
        return at

    def regions(self, *bounds):
        """[start, end) of each region."""
        areas = [self.object(64) for _ in bounds]
        for area, following, (start, end) in zip(areas, areas[1:] + [0], bounds):
            for name, value in (('vm_mm', self.mm), ('vm_start', start),
                                ('vm_end', end), ('vm_next', following)):
                self.member(area, 'vm_area_struct.' + name, value)
        self.member(self.mm, 'mm_struct.mm_first', areas[0] if areas else 0)
        self.member(self.mm, 'mm_struct.map_count', len(areas), '<I')
        return areas

    def translations(self, *entries):
        """A device with one context; entries: (address, prot, exclusive)."""
        peer, ctx, table = self.object(64), self.object(64), self.object(64 * 8)
        self.put(LAYOUT['peers'] - KERNEL_VMA, '<QI', peer, 1)
        self.put(self.memory.physical(peer) + 8, '<Q', ctx)
        self.member(ctx, 'peer_context.mm', self.mm)
        self.put(self.memory.physical(ctx) + 8, '<QI', table, len(entries))
        for i, (address, prot, exclusive) in enumerate(entries):
            self.put(self.memory.physical(table) + 24 * i, '<QQIB', address, 0,
                     prot, exclusive)
        return table

    def notified(self, ranges, waiters=(), held=False):
        """Open ranges (start, end, event), and waiting threads (pid, name).

        All threads have one stack; if `held`, the first range lies there.
        """
        subs = self.object(64)
        self.member(self.mm, 'mm_struct.notifier_subscriptions', subs)
        self.member(self.mm, 'mm_struct.notifier_ranges', len(ranges) + 1)
        head = before = self.memory.physical(subs)
        for start, end, event in ranges:
            there = self.object(64)
            at = self.memory.physical(there)
            if held and before == head:
                there, at = self.stack + 1024, 0x70000 + 1024
            self.put(before, '<Q', there)
            self.put(at, '<QQQI', self.mm, start, end, event)
            before = at + 32
        tasks, entries = [], []
        for pid, name in waiters:
            task, entry = self.object(64), self.object(64)
            self.put(self.memory.physical(task) + 16, '<I', pid)
            self.put(self.memory.physical(task) + 24, '24s', name)
            self.put(self.memory.physical(task) + 48, '<QQ', self.stack, self.stack)
            self.put(self.memory.physical(entry) + 16, '<Q', task)
            tasks.append(task)
            entries.append(entry)
        self.link('task_list', *tasks)
        self.link(subs + 8, *entries)
        # Two frames: read_begin_slow in the switch, called by peer_grant.
        self.put(0x70000 + 40, '<QQ', self.stack + 128,
                 self.image.address('arch_task_switch') + 8)
        self.put(0x70000 + 128, '<QQ', self.stack + 256,
                 self.image.address('read_begin_slow') + 8)
        self.put(0x70000 + 256, '<QQ', 0, self.image.address('peer_grant') + 8)
