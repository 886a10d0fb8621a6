# SPDX-License-Identifier: MIT
"""live - names of what was there before the recording began

A trace names a task when it is made, and an address space when it is born. A recording
that begins later has missed that, so at its end it looks for those that are there
still, in the kernel's own lists, by the layout that the kernel exports. The kernel may
change them meanwhile; a list that leads nowhere is left where it does.
"""

import struct

from trace.image import KERNEL_VMA
from trace.ring import text_of

# No list is as long; one that is leads in a circle.
MOST = 100000


class Memory:
    """The guest's RAM by the kernel's addresses."""

    def __init__(self, source):
        self.view = source.view
        self.layout = source.describe()['layout']

    def read(self, address, size):
        """Bytes at an address; None if it is none of the image or the direct map."""
        at = address - self.layout['direct_map']
        if address >= KERNEL_VMA:
            at = address - KERNEL_VMA
        if at < 0 or at + size > len(self.view):
            return None
        return bytes(self.view[at:at + size])

    def word(self, address, packing='<Q'):
        raw = self.read(address, struct.calcsize(packing))
        return struct.unpack(packing, raw)[0] if raw else None

    def listed(self, head, link):
        """Addresses of the objects of a list; link: the member that links them."""
        at = self.word(head)
        for _ in range(MOST):
            if not at or at == head:
                return
            yield at - self.layout[link]
            at = self.word(at)


def tasks(memory):
    """{pid: name}"""
    found = {}
    layout = memory.layout
    for task in memory.listed(layout['task_list'], 'task.all_entry'):
        pid = memory.word(task + layout['task.pid'], '<I')
        name = memory.read(task + layout['task.name'], 24)
        if pid is not None and name:
            found[pid] = text_of(name)
    return found


def mms(memory):
    """{address: number}"""
    layout = memory.layout
    return {mm: memory.word(mm + layout['mm_struct.id'], '<I') for mm in
            memory.listed(layout['mm_list'], 'mm_struct.mm_list')}


def names(source):
    """What trace.bin keeps of the guest; nothing of a kernel that says no layout."""
    memory = Memory(source)
    if 'task_list' not in memory.layout:
        return {}
    return {'tasks': {str(pid): name for pid, name in tasks(memory).items()},
            'mms': {'%#x' % mm: number for mm, number in mms(memory).items()
                    if number}}
