# SPDX-License-Identifier: MIT
"""spaces - the address spaces of a machine at a moment, as far as that is one

    Space       one address space: regions, letters, devices, open ranges, waiters
    Reader      reads all of them again and again

The machine works on while this reads. What cannot be believed is left out, and
Space.doubts says so in words; nothing here takes an address on trust.

    read                    believed if
    the list of spaces      it leads back to its head
    a table                 see tables.py
    the regions             they rise, belong to the space, and are as many as it says
    a device's table        it rises, and its length is the same afterwards
    an open range           it belongs to the space, and its end is above its start
    a waiter                its task is one of the list of all tasks

A range lies on the stack of the thread that started it, so that thread holds it open.
"""

import struct

from pagemap.letters import Letters
from pagemap.tables import Tables, Torn
from trace.memory import PAGE
from trace.ring import text_of

TRIES = 4
# More ranges are not open at once, and no more threads wait.
MOST_LISTED = 1000
MOST_PEERS = 64
# Frames of a stack, and how far they can lie apart.
DEEPEST, STACK = 24, 16384
# Functions that only put a thread to sleep.
SLEEPERS = ('arch_task_switch', 'switch_tasks', 'schedule', 'preempt_schedule',
            'wait_schedule')
POINTER = struct.Struct('<Q')


class Space:
    """number, regions [(start, end)], tables {address: entries}, ..."""

    def __init__(self, number, users):
        self.number, self.users = number, users
        self.pages = 0                  # as the space counts them
        self.regions = []
        self.tables = {}
        self.torn = []                  # [start, end) of tables that were
        self.devices = {}               # 'peer0/ctx1': {address: word}
        self.ranges = []                # [(start, end, event, holder)]
        self.open = 0                   # how many, listed or not
        self.waiters = []               # of threads: (pid, name, [functions])
        self.doubts = []


class Reader:
    """snapshot() is the address spaces of now."""

    def __init__(self, machine):
        self.memory, self.image = machine.memory, machine.image
        self.layout = machine.memory.layout
        self.memory.root = self.memory.physical(
            self.memory.word(self.layout['kernel_map.pgd']))
        self.letters = Letters(self.memory, 'pte_letters')
        self.device_letters = Letters(self.memory, 'peer_letters') \
            if 'peer_letters' in self.layout else None
        self.row = self.layout['page_letters.row']
        self.events = {value: name[len('event.'):] for name, value
                       in self.layout.items() if name.startswith('event.')}
        self.bytes = 0                  # of page tables, of the last snapshot
        self._tasks = None              # of the last snapshot, when they are needed

    def _int(self, at, name, packing='<Q'):
        return self.memory.member(at, name, packing)

    def snapshot(self):
        """([Space], doubts about the list of them)"""
        self.bytes, self._tasks = 0, None
        self.memory.forget()
        for _ in range(TRIES):
            found = list(self.memory.listed(self.layout['mm_list'],
                                            'mm_struct.mm_list'))
            if None not in found:
                break
        spaces = [self._space(mm) for mm in found if mm]
        return [space for space in spaces if space], \
            ['the list of address spaces changed while it was read'] \
            if None in found else []

    def _space(self, mm):
        """None: it has exited, or is no mm any more."""
        number = self._int(mm, 'mm_struct.id', '<I')
        pgd = self._int(mm, 'mm_struct.pgd')
        if not number or not pgd:
            return None
        space = Space(number, self._int(mm, 'mm_struct.mm_users', '<I') or 0)
        space.pages = self._int(mm, 'mm_struct.anon_rss') or 0
        tables = Tables(self.memory, mm, pgd)
        try:
            self._regions(mm, space)
            space.tables = tables.last_level(0, self.layout['USER_END'])
            space.torn = tables.torn
        except Torn:
            space.doubts.append('its top table changed while it was read')
        self.bytes += tables.read
        if space.torn:
            space.doubts.append('%d tables changed while they were read: ?' %
                                len(space.torn))
        self._devices(mm, space)
        self._ranges(mm, space)
        if self._int(mm, 'mm_struct.id', '<I') != number:
            return None
        return space

    def _regions(self, mm, space):
        for _ in range(TRIES):
            before = self._int(mm, 'mm_struct.map_count', '<I') or 0
            regions = list(self._rising(mm, before))
            if len(regions) == before == self._int(mm, 'mm_struct.map_count',
                                                   '<I'):
                break
        else:
            space.doubts.append('its regions changed while they were read')
        space.regions = regions

    def _rising(self, mm, most):
        at, last = self._int(mm, 'mm_struct.mm_first'), 0
        for _ in range(most + 1):
            if not at or self._int(at, 'vm_area_struct.vm_mm') != mm:
                return
            start = self._int(at, 'vm_area_struct.vm_start')
            end = self._int(at, 'vm_area_struct.vm_end')
            if start % PAGE or end % PAGE or not \
                    last <= start < end <= self.layout['USER_END']:
                return
            yield start, end
            at, last = self._int(at, 'vm_area_struct.vm_next'), end

    # ---- devices -------------------------------------------------------------

    def _devices(self, mm, space):
        if self.device_letters is None:
            return
        peers = self.memory.word(self.layout['nr_peers'], '<I') or 0
        for index in range(min(peers, MOST_PEERS)):
            peer = self.memory.word(self.layout['peers'] + 8 * index)
            most = self.layout['peer.contexts.most']
            raw = self.memory.read(peer + self.layout['peer.contexts'],
                                   8 * (most + 1)) if peer else None
            for number, (ctx,) in enumerate(POINTER.iter_unpack(raw or b'')):
                if ctx and self._int(ctx, 'peer_context.mm') == mm:
                    self._context(ctx, 'peer%d/ctx%d' % (index, number), space)

    def _context(self, ctx, name, space):
        table = ctx + self.layout['peer_context.table']
        for _ in range(TRIES):
            count = self._int(table, 'peer_table.count', '<I')
            entries = self._int(table, 'peer_table.entries')
            if count is None or not entries:
                return
            found = self._translations(entries, count)
            if found is not None and \
                    count == self._int(table, 'peer_table.count', '<I'):
                space.devices[name] = found
                return
        space.doubts.append('the table of %s changed while it was read' % name)

    def _translations(self, entries, count):
        """{address: word}, or None if it cannot be one table."""
        size = self.layout['sizeof.peer_translation']
        raw = self.memory.read(entries, count * size) if count * size < 1 << 24 \
            else None
        if raw is None:
            return {} if not count else None
        at = {name: self.layout['peer_translation.' + name]
              for name in ('va', 'prot', 'exclusive')}
        found, last = {}, -1
        for base in range(0, len(raw), size):
            va, = struct.unpack_from('<Q', raw, base + at['va'])
            if va <= last or va % PAGE:
                return None
            prot, = struct.unpack_from('<I', raw, base + at['prot'])
            found[va] = prot | (raw[base + at['exclusive']] & 1) << 32
            last = va
        return found

    # ---- ranges and waiters --------------------------------------------------

    def _ranges(self, mm, space):
        if 'subscriptions.open' not in self.layout:
            return
        subs = self._int(mm, 'mm_struct.notifier_subscriptions')
        word = self._int(mm, 'mm_struct.notifier_ranges') or 0
        bits = self.layout['notifier_gate.epoch_bits']
        mask = (1 << bits) - 1
        space.open = (word & mask) + (word >> bits & mask)
        if not subs:
            return
        at = self._int(subs, 'subscriptions.open')
        while at and len(space.ranges) < MOST_LISTED:
            start = self._int(at, 'mmu_notifier_range.start')
            end = self._int(at, 'mmu_notifier_range.end')
            if self._int(at, 'mmu_notifier_range.mm') != mm or \
                    None in (start, end) or start >= end:
                space.doubts.append('an open range ended while it was read')
                break
            event = self._int(at, 'mmu_notifier_range.event', '<I')
            space.ranges.append((start, end, self.events.get(event, '?'),
                                 self._holder(at)))
            at = self._int(at, 'mmu_notifier_range.core.next')
        if not self.layout['notifier.listed_are_counted']:
            space.open += len(space.ranges)
        self._waiters(subs, space)

    def _waiters(self, subs, space):
        head = subs + self.layout['subscriptions.waiters'] + \
            self.layout['wait_queue_head.waiters']
        for entry in self.memory.listed(head, 'wait_queue_entry.entry'):
            if entry is None or len(space.waiters) >= MOST_LISTED:
                space.doubts.append('a thread that waits was woken meanwhile')
                return
            task = self._int(entry, 'wait_queue_entry.task')
            if task and task in self._all_tasks():
                space.waiters.append(self._thread(task))

    # ---- threads -------------------------------------------------------------

    def _all_tasks(self):
        if self._tasks is None:
            self._tasks = set(self.memory.listed(self.layout['task_list'],
                                                 'task.all_entry')) - {None}
        return self._tasks

    def _thread(self, task):
        """(pid, name, [functions])"""
        name = self.memory.read(task + self.layout['task.name'], 24)
        return (self._int(task, 'task.pid', '<I'), text_of(name or b''),
                self.where(task))

    def _holder(self, at):
        """The thread on whose stack a range lies; None if it lies elsewhere."""
        for task in self._all_tasks():
            stack = self._int(task, 'task.stack')
            if stack and stack <= at < stack + STACK:
                return self._thread(task)
        return None

    def where(self, task):
        """The functions that a sleeping task stands in, the innermost first."""
        if self.memory.word(task + self.layout['task.on_cpu'], '<B'):
            return []
        stack = self._int(task, 'task.arch.sp')
        fp = stack and self._int(stack, 'switch_frame.rbp')
        names = [stack and self._int(stack, 'switch_frame.rip')]
        low = stack
        while len(names) < DEEPEST and fp and fp % 8 == 0 and \
                low <= fp < stack + STACK:
            names.append(self.memory.word(fp + 8))
            low, fp = fp + 16, self.memory.word(fp)
        # A return address may be the next function's first byte.
        functions = [self.image.name_of(address - 1).split('+')[0]
                     for address in names if address]
        while functions and functions[0].startswith(SLEEPERS):
            functions.pop(0)
        return [name for name in functions if name]
