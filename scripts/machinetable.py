# SPDX-License-Identifier: MIT
"""machinetable - the machines of tests/machines, and what is wanted on each

    read()      {name: Machine}, in the order of the table
    Machine     its options for scripts/run-qemu, its tests, its words

The head of the table says what its columns and words mean.
"""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLE = os.path.join(TOP, 'tests', 'machines')
TESTS = 'boot.*,clock.*,cpu.*,time.*'
PANICKED = 2
NEWER = ['newer', 'newest']       # scripts/newer-qemu


class Machine:
    """A row, and the words below it."""

    def __init__(self, name, test, machine, cpu, cpus, memory, devices):
        self.name = name
        self.in_make_test = test == 'yes'
        self.cpus, self.devices = int(cpus), int(devices)
        self.tests = TESTS
        self.words = []         # regular expressions for the serial line
        self.refused = False
        self.status = 0
        self.silent = False
        self.qemu = ''          # the value of QEMU that it needs
        self.options = ['--cpu', cpu, '--mem', memory, '--smp', cpus,
                        '--qemu', '-machine', '--qemu', machine]
        self.options += ['--peers', devices] if self.devices else \
            ['--peer', 'none']

    def add(self, key, value):
        """One of the words; False if there is no such."""
        if key == 'tests':
            self.tests += ',' + value
        elif key == 'only':
            self.tests = value
        elif key == 'smp':
            self.options += ['--qemu', '-smp', '--qemu', value]
        elif key == 'without':
            self.options += ['--without', value]
        elif key == 'options':
            self.options += value.split()
        elif key == 'says':
            self.words.append(value)
        elif key == 'refuses':
            self.refused, self.status = True, PANICKED
            self.words.append(value)
        elif key == 'status':
            self.status = int(value)
        elif key == 'silent':
            self.silent = True
        elif key == 'qemu':
            self.qemu = value
        else:
            return False
        return True

    def test_name(self):
        """Its name in `make test`."""
        return ('panic.' if self.refused else 'boots.') + self.name

    def as_case(self, name):
        """A refusal, as scripts/paniccases.py has them."""
        return {'name': name, 'status': self.status, 'mode': 'test',
                'words': self.words, 'options': self.options}

    def why_not(self, peer):
        """Why it cannot be booted in this run; '' if it can."""
        if self.devices and peer == 'none':
            return 'no peer device'
        asked = os.environ.get('QEMU')
        if self.qemu and asked not in NEWER[NEWER.index(self.qemu):]:
            return 'needs QEMU=' + self.qemu
        return ''


def read(path=TABLE):
    """Every machine by its name."""
    machines = {}
    with open(path, encoding='utf-8') as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith('#'):
                continue
            where = '%s:%d: ' % (os.path.relpath(path, TOP), number)
            if line.startswith('\t'):
                key, _, value = line.strip('\t\n').partition(' ')
                if not machines or not last.add(key, value):
                    sys.exit(where + 'what is %r?' % key)
                continue
            words = line.split()
            if len(words) != 7 or words[0] in machines:
                sys.exit(where + 'seven columns, and a name of its own')
            last = machines[words[0]] = Machine(*words)
    return machines
