# SPDX-License-Identifier: MIT
"""traceboots - boots whose traces are read by the host

A contest is recorded whole; races are seen in the order that their columns claim; a
kernel that panicked and one that hangs are read all the same, and the host reads what
the kernel itself prints. Of a range that a hang leaves open, trace, timeline and map name
the thread that holds it. scripts/run-tests.py calls these and counts them.
"""

import argparse
import glob
import os
import re
import subprocess

import liveboots
import meant
import rules
from pagemap import machine, rows
from pagemap.spaces import Reader
from see import match, races as see_races
from timeline import build
from timeline.picture import STILL_OPEN
from trace import store

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRACE = os.path.join(TOP, 'scripts', 'trace.py')

# The stamp, the ring, the task and the event of a line that the kernel printed.
PRINTED = re.compile(r'^ *(\d+\.\d{6}) (cpu\d+)/(\d+) (\w+): ')

SLOTS = '32768'
SLOTS_OF_RACES = '262144'


def traced(log):
    """Where the trace goes, and the options for it."""
    out = log + '.trace.bin'
    return out, ['--trace', out, '--append', 'observe',
                 '--append', 'trace_slots=' + SLOTS]


def whole(boot, path):
    """The trace, if no record of it is missing."""
    trace = store.Trace(path)
    for gap in trace.gaps:
        boot.wrong.append('%s: %d records lost, %s' %
                          (gap.where, gap.count, gap.why))
    if trace.done is None:
        boot.wrong.append('the recording was not finished')
    return trace


def in_pairs(boot, records, first, second, field):
    """Each `first` has a `second` with the same value of a field, later."""
    open_now = set()
    for record in records:
        if record.name == first:
            open_now.add(record.values[field])
        elif record.name == second:
            value = record.values[field]
            if value not in open_now:
                boot.wrong.append('%s of %#x without %s' % (second, value, first))
            open_now.discard(value)
    boot.wrong += ['%s of %#x without %s' % (first, value, second)
                   for value in sorted(open_now)]


# The way of a page request, from the device to the driver and back.
WAY = ('dev_request', 'peer_request', 'peer_grant', 'dev_response')


def in_order(boot, trace):
    """Requests go from one program to the other forwards in time, by both clocks."""
    off = trace.clocks.get('peer0')
    if off is None:
        boot.wrong.append("the device's clock was never read")
        return
    steps = {}
    for name in WAY:
        for record in trace.records_named(name):
            steps.setdefault(record.values['tag'], {})[name] = record.ns
    for tag, times in sorted(steps.items()):
        there = [name for name in WAY if name in times]
        boot.wrong += ['tag %d: %s %d ns before %s' % (
            tag, after, times[before] - times[after], before)
            for before, after in zip(there, there[1:])
            if times[after] + 2 * off < times[before]]
    if sum(len(times) == len(WAY) for times in steps.values()) < 10:
        boot.wrong.append('fewer than ten requests were seen on their whole way')


def contest(qemu, log):
    """All of a contest: nothing lost, every range ends, every grant was asked for."""
    out, options = traced(log)
    boot = liveboots.Boot(qemu('run', ['--smp', '2', '--timeout', '120'] +
                               options), log)
    boot.when('contest: PASS')
    boot.want_status(0)
    if boot.status:
        return boot.verdict()
    trace = whole(boot, out)
    records = list(trace.records())
    named = {record.name for record in records}
    boot.wrong += ['no record of ' + name for name in (
        'task_new', 'sched_switch', 'sched_wake', 'mm_born', 'mm_call',
        'mm_return', 'fault_begin', 'fault_end', 'pte_filled', 'pte_zapped',
        'pte_protected', 'tlb_flush', 'tlb_served', 'exclusive_page', 'exclusive_made',
        'exclusive_restored', 'sub_insert', 'sub_remove', 'mmu_notifier_start',
        'mmu_notifier_called', 'mmu_notifier_end', 'read_begin', 'read_kept',
        'read_round', 'peer_command', 'peer_answer', 'work_sent', 'work_done',
        'peer_request', 'peer_grant', 'peer_replay', 'peer_invalidate',
        'peer_clock', 'dev_work', 'dev_work_end', 'dev_access',
        'dev_access_end', 'dev_park', 'dev_request', 'dev_response', 'dev_map',
        'dev_replay', 'dev_grant_end', 'dev_revoke', 'dev_ack')
                   if name not in named]
    in_order(boot, trace)
    in_pairs(boot, [r for r in records if r.values.get('event') != 'RELEASE'],
             'mmu_notifier_start', 'mmu_notifier_end', 'range')
    asked = set()
    for record in records:
        if record.name == 'peer_request':
            asked.add(record.values['tag'])
        elif record.name == 'peer_grant' and record.values['tag'] not in asked:
            boot.wrong.append('a grant that was not asked for: tag %d' %
                              record.values['tag'])
    return boot.verdict()


def races(qemu, log):
    """Each race that is in every trace: its steps are there, in the order of its columns."""
    out = log + '.trace.bin'
    table = [race for race in see_races.read() if race.steps and not race.chance]
    boot = liveboots.Boot(qemu('test', [
        '--smp', '2', '--timeout', '200', '--trace', out, '--append', 'observe',
        '--append', 'trace_slots=' + SLOTS_OF_RACES, '--append', 'test=' +
        ','.join(meant.patterns([race.test for race in table],
                                rules.test_names()))]), log)
    boot.want_status(0)
    if boot.status:
        return boot.verdict()
    # Lines of text are not wanted, and the bars not either: only the records.
    picture = argparse.Namespace(trace=whole(boot, out), records=[])
    picture.records += picture.trace.records()
    for race in table:
        numbers, furthest = match.steps_of(picture, race)
        if numbers is None:
            boot.wrong.append('%s: not in this order, from "%s" on' % (
                race.name, race.steps[min(furthest, len(race.steps) - 1)].says))
    return boot.verdict()


def panic(qemu, log):
    """After a panic the host reads what the kernel prints of its rings."""
    out, options = traced(log)
    boot = liveboots.Boot(qemu('test', ['--peer', 'none', '--timeout', '60',
                                        '--append', 'test=mmu_interval.overlap_*,'
                                        'ktest.must_fail_by_a_panic'] +
                               options), log)
    boot.when('KERNEL PANIC')
    boot.when('last trace records:')
    boot.want_status(2)
    read = {('%d.%06d' % divmod(record.ns // 1000, 1000000), record.where,
             str(record.pid), record.name)
            for record in whole(boot, out).records()}
    printed = [match.groups() for match in
               (PRINTED.match(line) for _, line in boot.lines) if match]
    if not printed:
        boot.wrong.append('the kernel printed no record')
    boot.wrong += ['printed, and not read: %s' % ' '.join(line)
                   for line in printed if line not in read]
    return boot.verdict()


def hang(qemu, log):
    """A recording that begins when the machine hangs, without --trace."""
    out, said = log + '.trace.bin', []

    def record(_, line):
        if said or '# start ktest.must_fail_by_a_hang' not in line:
            return
        folder, = glob.glob(os.path.join(
            TOP, 'build', 'run', os.path.basename(log) + '.serial.*'))
        said.append(subprocess.run(
            [TRACE, 'record', '--once', '--machine', folder, out], check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, universal_newlines=True))

    boot = liveboots.Boot(
        qemu('test', ['--smp', '2', '--timeout', '60', '--append', 'deadline=3',
                      '--append', 'test=ktest.must_fail_by_a_hang']),
        log, record)
    boot.when('^not ok 1 ')
    if not said or said[0].returncode:
        boot.wrong.append('not recorded: ' + (said[0].stdout if said else ''))
        return boot.verdict()
    trace = store.Trace(out)
    if 'init' not in trace.tasks.values():
        boot.wrong.append('the tasks that hang have no names: %r' % trace.tasks)
    started = [r.values['test'] for r in
               trace.records_named('ktest_start')]
    if started != ['must_fail_by_a_hang']:
        boot.wrong.append('the trace names the tests %r' % started)
    return boot.verdict()


HANG_INSIDE = 'mmu_interval.must_fail_by_a_hang_in_an_open_range'
# What is open when the reader sleeps, in the lines of the map.
HELD = (r'open: CLEAR \[0x\w+, 0x\w+\) by holder/\d+ in .*\bhold_open\b.*',
        r'waits: reader/\d+ in .*read_begin.*')


def open_range(qemu, log):
    """A thread hangs within a range, and another waits for it: both are named."""
    looked = []

    def look(boot, line):
        if looked or 'a thread sleeps in an open range' not in line:
            return
        folder, = glob.glob(os.path.join(
            TOP, 'build', 'run', os.path.basename(log) + '.serial.*'))
        looked.append(folder)
        recorded_open(boot, folder, log + '.trace.bin')
        mapped_open(boot, folder)
        boot.child.terminate()

    boot = liveboots.Boot(qemu('test', [
        '--smp', '2', '--timeout', '120', '--append', 'deadline=60', '--append',
        'test=' + HANG_INSIDE]), log, look)
    if not looked:
        boot.wrong.append('the test did not come to its hang')
    return boot.verdict()


def recorded_open(boot, folder, out):
    """By the trace, and by the timeline that is made of it."""
    said = subprocess.run(
        [TRACE, 'record', '--once', '--machine', folder, out], check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        universal_newlines=True)
    if said.returncode:
        boot.wrong.append('not recorded: ' + said.stdout)
        return
    trace = store.Trace(out)
    started = {}
    for record in trace.records():
        if record.name == 'mmu_notifier_start':
            started[record.values['range']] = record
        elif record.name == 'mmu_notifier_end':
            started.pop(record.values['range'], None)
    held = [(trace.tasks.get(record.pid), record.values['event'])
            for record in started.values()]
    if held != [('holder', 'CLEAR')]:
        boot.wrong.append('by the trace these ranges are open: %r' % held)
    bars = {(lane.name.split(' (')[0], bar.kind)
            for lane in build.picture_of(trace).lanes if lane.group == 'Threads'
            for bar in lane.bars if bar.flags & STILL_OPEN and
            bar.kind in ('range', 'read_wait')}
    if bars != {('holder', 'range'), ('reader', 'read_wait')}:
        boot.wrong.append('by the timeline these have not ended: %r' % sorted(bars))


def mapped_open(boot, folder):
    """By the map."""
    spaces, _ = Reader(machine.Machine(folder)).snapshot()
    lines = [line for space in spaces for line in rows.beside(space)]
    if not any(all(any(re.fullmatch(words, line) for line in rows.beside(space))
                   for words in HELD) for space in spaces):
        boot.wrong += ['by the map these are open, and wait:'] + lines
