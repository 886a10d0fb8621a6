# SPDX-License-Identifier: MIT
"""made - traces that a test makes up, with the events as the sources define them

    write(path, records)        records: (us, where, task, event, values...)

`where` is cpuN, or a thread of device 0: worker0, control, faults, socket. A value of a
string goes to the words of the trace; the device's clock is the guest's.
"""

import os
import re
import struct

from trace import store

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
DEFINED = re.compile(r'TRACE_EVENT\(\s*(\w+),\s*"([^"]*)",\s*((?:"[^"]*"\s*)+)\)')
ROOMS = ('mm', 'kernel', 'drivers', 'tests/ktest', 'peer')
PEER = ('socket', 'control', 'faults', 'worker0', 'worker1')
CPUS = ('cpu0', 'cpu1')
TSC_MULT = 1 << 32              # a tick is a nanosecond


def events():
    """{name: [name, fields, format]}, as the sources have them."""
    found = {}
    for room in ROOMS:
        for folder, _, names in os.walk(os.path.join(TOP, room)):
            for name in names:
                if name.endswith('.c'):
                    with open(os.path.join(folder, name), encoding='utf-8') as source:
                        for event, fields, said in DEFINED.findall(source.read()):
                            found[event] = [event, fields, ''.join(
                                re.findall(r'"([^"]*)"', said))]
    return found


EVENTS = events()
ADDRESS = {name: 0x1000 + i for i, name in enumerate(sorted(EVENTS))}


def source(number, name, rings):
    return number, {'name': name, 'rings': list(rings), 'slots': 64,
                    'record_size': 88, 'layout': {},
                    'clock': {'base': 0, 'mult': TSC_MULT},
                    'events': {'%#x' % ADDRESS[event]: EVENTS[event]
                               for event in EVENTS}}


def write(path, records, gaps=(), device=True):
    """A trace.bin of records; gaps: (where, before which us, how many)."""
    writer, words = store.Writer(path), {}
    writer.source(*source(0, 'guest', CPUS))
    if device:
        writer.source(*source(1, 'peer0', PEER))
    pieces = {}
    for us, where, task, name, *values in records:
        number = pieces.setdefault(where, [])
        raw = [words.setdefault(value, 0x100000 + 8 * len(words))
               if isinstance(value, str) and not event_has_text(name) else value
               for value in values]
        if event_has_text(name):
            raw[-1:] = struct.unpack('<3Q', values[-1].encode().ljust(24, b'\0'))
        raw = [value & (1 << 64) - 1 for value in raw]
        number.append((us, struct.pack(
            '<QQIIII7Q', int(us * 1000), ADDRESS[name], len(number) + 1, task, 0, 0,
            *(raw + [0] * 7)[:7])))
    for where, list_of in pieces.items():
        of = (0, CPUS.index(where)) if where in CPUS else (1, PEER.index(where))
        at = 0
        for gap in sorted(gap for gap in gaps if gap[0] == where):
            split = next(i for i, (us, _) in enumerate(list_of) if us >= gap[1])
            writer.chunk(*of, at, b''.join(raw for _, raw in list_of[at:split]))
            writer.gap(*of, split, gap[2], 'overwritten before it was read')
            at = split
        writer.chunk(*of, at, b''.join(raw for _, raw in list_of[at:]))
    for number in range(2 if device else 1):
        writer.words(number, {'%#x' % at: word for word, at in words.items()})
    writer.done({'seconds': 1})
    return path


def event_has_text(name):
    return EVENTS[name][1].split()[-1:] == [store.TEXT]


MM, SUB, OPS = 0x7000, 0x8000, 'peer_context_ops+0x0'


def collision(at=0, mm=MM, sub=SUB, task=30):
    """A look-up of the device that collides with an unmapping, and its repetition."""
    reader, changer = task, task + 1
    return [
        (at + 1, 'cpu0', changer, 'task_new', reader, 'peer0/ctx1'),
        (at + 1, 'cpu0', changer, 'task_new', changer, 'changer'),
        (at + 2, 'cpu0', changer, 'mm_born', mm, 1),
        (at + 3, 'cpu0', changer, 'sub_insert', sub, mm, 0, (1 << 47) - 1, OPS,
         'interval'),
        (at + 4, 'cpu0', changer, 'fault_begin', mm, 0x10000, 19, 'fresh page'),
        (at + 5, 'cpu0', changer, 'pte_filled', mm, 0x10000, 0x99, 'write'),
        (at + 6, 'cpu0', changer, 'fault_end', mm, 0x10000, 'done'),
        (at + 7, 'worker0', 0, 'dev_work', 0x500, 1, 'store', 0x10000, 1),
        (at + 8, 'worker0', 0, 'dev_park', 0x500, 1, 0x10000, 'write', 7),
        (at + 9, 'worker0', 0, 'dev_request', 1, 0x10000, 'write', 7),
        (at + 12, 'cpu1', reader, 'sched_switch', 0, reader, 0),
        (at + 13, 'cpu1', reader, 'peer_request', 1, 'write', 0x10000, 7, 0),
        (at + 14, 'cpu1', reader, 'read_round', sub, 1, 0),
        (at + 15, 'cpu1', reader, 'read_begin', sub, 1),
        (at + 20, 'cpu0', changer, 'mm_call', mm, 'munmap', 0x10000, 0x11000, 0),
        (at + 21, 'cpu0', changer, 'mmu_notifier_start', 0x900, 'UNMAP', mm, 0x10000,
         0x11000, 1),
        (at + 23, 'cpu0', changer, 'mmu_notifier_called', sub, 'UNMAP', 0x10000,
         0x11000, 0, 1500, 0x900),
        (at + 24, 'cpu0', changer, 'mmu_notifier_started', 0x900, 'UNMAP', 0x10000,
         0x11000, 0, 3, 2800),
        (at + 25, 'cpu0', changer, 'pte_zapped', mm, 0x10000, 0x11000, 1),
        (at + 27, 'cpu1', reader, 'tlb_served', 0),
        (at + 28, 'cpu0', changer, 'tlb_flush', mm, 0x10000, 0x11000, 3, 2500),
        (at + 29, 'cpu0', changer, 'mmu_notifier_end', 0x900, 'UNMAP', mm, 0x10000,
         0x11000, 100),
        (at + 30, 'cpu0', changer, 'mm_return', mm, 'munmap', 0),
        (at + 33, 'cpu1', reader, 'mmu_interval_collided', sub, 'UNMAP', 3),
        (at + 34, 'cpu1', reader, 'peer_retry', 1, 0x10000, 'collision', 1, 7, 0),
        (at + 36, 'cpu1', reader, 'read_round', sub, 2, 0),
        (at + 37, 'cpu1', reader, 'read_begin', sub, 3),
        (at + 39, 'cpu1', reader, 'read_kept', sub, 3),
        (at + 40, 'cpu1', reader, 'peer_grant', 1, 0x10000, 0x99000, 3, 2, 7, 0),
        (at + 41, 'cpu1', reader, 'peer_command', 'FAULT_RESPONSE', 1, 4, 0),
        (at + 44, 'control', 0, 'dev_map', 1, 0x10000, 0x99000, 3),
        (at + 45, 'control', 0, 'dev_response', 1, 7, 0, 1),
        (at + 47, 'worker0', 0, 'dev_replay', 0x500, 1, 7, 'replayed'),
        (at + 48, 'worker0', 0, 'dev_access', 0x500, 1, 0x10000, 'write'),
        (at + 52, 'worker0', 0, 'dev_access_end', 0x500, 1, 0x10000, 1, 0),
        (at + 53, 'worker0', 0, 'dev_work_end', 0x500, 1, 0, 1),
        (at + 54, 'cpu1', reader, 'peer_answer', 'FAULT_RESPONSE', 1, 4, 0, 13000, 0),
        (at + 55, 'cpu1', reader, 'peer_replay', 1, 0x10000, 0, 7, 0),
        (at + 60, 'cpu0', changer, 'peer_command', 'INVALIDATE', 1, 5, 0),
        (at + 63, 'control', 0, 'dev_revoke', 1, 0x10000, 0x11000, 1, 0x400),
        (at + 66, 'control', 0, 'dev_ack', 0x400),
        (at + 70, 'cpu0', changer, 'peer_answer', 'INVALIDATE', 1, 5, 0, 9000, 0),
    ]


CLOCKS = [(0.5, 'cpu0', 1, 'peer_clock', 0, 400, 600, 500)]
