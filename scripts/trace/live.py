# SPDX-License-Identifier: MIT
"""live - names of what was there before the recording began

A trace names a task when it is made, and an address space when it is born. A recording
that begins later has missed that, so at its end it looks for those that are there
still, in the kernel's own lists, by the layout that the kernel exports. The kernel may
change them meanwhile; a list that leads nowhere is left where it does.
"""

from trace.memory import Memory
from trace.ring import text_of


def tasks(memory):
    """{pid: name}"""
    found = {}
    layout = memory.layout
    for task in memory.listed(layout['task_list'], 'task.all_entry'):
        if task is None:
            break
        pid = memory.word(task + layout['task.pid'], '<I')
        name = memory.read(task + layout['task.name'], 24)
        if pid is not None and name:
            found[pid] = text_of(name)
    return found


def mms(memory):
    """{address: number}"""
    layout = memory.layout
    return {mm: memory.word(mm + layout['mm_struct.id'], '<I') for mm in
            memory.listed(layout['mm_list'], 'mm_struct.mm_list') if mm}


def names(source):
    """What trace.bin keeps of the guest; nothing of a kernel that says no layout."""
    memory = Memory(source.view, source.describe()['layout'])
    if 'task_list' not in memory.layout:
        return {}
    return {'tasks': {str(pid): name for pid, name in tasks(memory).items()},
            'mms': {'%#x' % mm: number for mm, number in mms(memory).items()
                    if number}}
