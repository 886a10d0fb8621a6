# SPDX-License-Identifier: MIT
"""callgrind - measure a program under valgrind's callgrind; read its dumps

The program asks for what is counted, by the requests of <valgrind/callgrind.h>:
it switches the counters on and off, and has a dump written under a name and a
number of operations.  The caches are fixed here, and the environment is empty, so
that the figures do not depend on the machine.
"""

import os
import shutil
import subprocess
import tempfile

# Bytes, ways, bytes of a line: instructions, data, and the last cache.
I1 = '32768,8,64'
D1 = '32768,8,64'
LL = '8388608,16,64'

# What is read of a dump, and of which events it is the sum.
FIGURES = {'insn': ('Ir',), 'indirect': ('Bi',), 'mispredicted': ('Bcm', 'Bim'),
           'd1_misses': ('D1mr', 'D1mw'), 'll_misses': ('DLmr', 'DLmw')}


class Wrong(Exception):
    """The program or callgrind failed, or a dump is not as it should be."""


def read(text):
    """[(name, {event: count})] of the dumps that the program asked for."""
    dumps = []
    for part in text.split('\npart: ')[1:]:
        number = 'dump ' + part.split('\n', 1)[0]
        fields = {}
        for line in part.split('\n'):
            key, colon, rest = line.partition(': ')
            if colon and key in ('events', 'totals'):
                fields[key] = rest.split()
            elif line.startswith('desc: Trigger: '):
                fields['trigger'] = line[len('desc: Trigger: '):]
        for key in ('trigger', 'events', 'totals'):
            if key not in fields:
                raise Wrong('%s has no %s' % (number, key))
        events, totals = fields['events'], fields['totals']
        if len(totals) > len(events) or \
                not all(total.isdigit() for total in totals):
            raise Wrong('%s: totals %s do not fit the events %s' %
                        (number, ' '.join(totals), ' '.join(events)))
        # Zeros at the end are left out.
        totals += ['0'] * (len(events) - len(totals))
        dumps.append((fields['trigger'], dict(zip(events, map(int, totals)))))
    if not dumps or dumps.pop()[0] != 'Program termination':
        raise Wrong('the dumps stop before the program does')
    request = 'Client Request: '
    for trigger, _ in dumps:
        if not trigger.startswith(request):
            raise Wrong('the program did not ask for a dump: ' + trigger)
    return [(trigger[len(request):], counts) for trigger, counts in dumps]


def of_one_operation(dump, figures):
    """(name, [each figure divided by the operations]) of one dump."""
    title, counts = dump
    name, _, operations = title.rpartition(' ')
    if not name or not operations.isdigit() or int(operations) == 0:
        raise Wrong('a dump has the name %r, without a number of operations' %
                    title)
    for figure in figures:
        for event in FIGURES[figure]:
            if event not in counts:
                raise Wrong('%s: no event %s in the dump' % (name, event))
    return name, [sum(counts[event] for event in FIGURES[figure]) /
                  int(operations) for figure in figures]


def measure(command, cwd, branches=False):
    """The dumps of a command, named by a path from cwd, with its caches cold."""
    valgrind = shutil.which('valgrind')
    if not valgrind:
        raise Wrong('no valgrind: make doctor')
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, 'out')
        done = subprocess.run(
            [valgrind, '-q', '--tool=callgrind', '--cache-sim=yes',
             '--branch-sim=' + ('yes' if branches else 'no'),
             '--collect-atstart=no', '--I1=' + I1, '--D1=' + D1, '--LL=' + LL,
             '--combine-dumps=yes', '--callgrind-out-file=' + out] + command,
            cwd=cwd, env={}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise Wrong('%s under callgrind: status %d\n%s' %
                        (command[0], done.returncode,
                         done.stdout.decode('utf-8', 'replace')))
        if not os.path.exists(out):
            raise Wrong('callgrind wrote nothing for ' + command[0])
        with open(out, encoding='utf-8', errors='replace') as dumps:
            return read(dumps.read())
