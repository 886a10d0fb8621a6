#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""asked - do the variables of a make target have values that it can take?

    scripts/asked.py VARIABLE...    one line on the first that has not, status 1

A target asks before it builds or boots, so that `make run TIMEOUT=abc` fails in
the first second and not after the build. An empty value counts as not given.
`N+` is an N that may be several numbers.
"""

import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'scripts'))

import selection  # noqa: E402
from see import races  # noqa: E402

RUN_QEMU = os.path.join(TOP, 'scripts', 'run-qemu')

# The least and the most.
NUMBERS = {
    'SMP': (1, 64), 'REPEAT': (1, 10**6), 'SEED': (1, 2**64 - 1),
    'SWITCH': (1, 2**64 - 1),
    'MIN': (1, 10**5), 'DEADLINE': (1, 86400), 'TIMEOUT': (0, 10**6), 'N': (1, 10**7),
    'SLOTS': (64, 1 << 20), 'OPS': (1, 10**12), 'ROUNDS': (1, 10**9), 'SPINNERS': (0, 1000),
    'BOUND': (0, 8), 'MOST': (1, 10**9), 'MM': (1, 2**32 - 1),
}
WORDS = {'BOOTS': ('no',), 'CLOCK': ('no',), 'OPEN': ('yes',), 'CHECK': ('yes',), 'BROWSER': ('yes',),
         'FIRMWARE': ('bios', 'uefi')}


def number(name, value):
    least, most = NUMBERS[name]
    if not re.fullmatch('[0-9]+', value) or not least <= int(value) <= most:
        return '%s=%s is not a number from %d to %d' % (name, value, least, most)
    return ''


def slots(value):
    said = number('SLOTS', value)
    if not said and int(value) & (int(value) - 1):
        return 'SLOTS=%s is not a power of two' % value
    return said


def pattern(value):
    if not re.fullmatch(r'[\w.*?,!\[\]-]*', value):
        return 'T=%s: a pattern is of letters, digits and _ . * ? [ ] ! -; a ' \
            'comma separates patterns, - before one excludes' % value
    return ''


def schedule(value):
    if not re.fullmatch(r'([0-9]+[A-Dd]( |$))+', value):
        return "REPLAY=%s is no schedule; it is like '17B 42d'" % value
    return ''


def device(value):
    """One of our own under build/ may still have to be built."""
    program = os.path.isfile(value) and os.access(value, os.X_OK)
    ours = not os.path.exists(value) and \
        os.path.abspath(value).startswith(os.path.join(TOP, 'build', ''))
    if value == 'none' or program or ours:
        return ''
    return 'PEER=%s is neither none nor a program' % value


def sources(value):
    for path in value.split():
        if not re.search(r'\.[ch]$', path) or \
                not os.path.isfile(os.path.join(TOP, path)):
            return 'F=%s: there is no source %s' % (value, path)
    return ''


def race(value):
    names = [one.name for one in races.chosen(races.read(), value)]
    if len(names) == 1:
        return ''
    return 'RACE=%s may be: %s' % (value, ' '.join(names)) if names else \
        'RACE=%s is no race; make see has their names' % value


def lacking(value):
    known = selection.kernels()
    return next(('LACKING=%s: %s is none of %s' % (value, name, ' '.join(known))
                 for name in value.split(',') if name not in known), '')


def trace(value):
    return '' if os.path.isfile(value) else 'TRACE=%s: there is no such file' % value


def machine(value):
    """A folder that scripts/run-qemu has made."""
    if os.path.isfile(os.path.join(value, 'ram')):
        return ''
    return 'MACHINE=%s is no folder of a machine, which has a file ram' % value


def firmware(value):
    if value != 'uefi':
        return ''
    if os.environ.get('PEER') != 'none':
        return "FIRMWARE=uefi: its own driver hangs on the peer; add PEER=none"
    found = subprocess.run([RUN_QEMU, '--check-firmware'], check=False,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, universal_newlines=True)
    return 'FIRMWARE=uefi: ' + found.stdout.strip() if found.returncode else ''


def program(value):
    """newer and newest are made where they are used (scripts/newer-qemu)."""
    if value in ('newer', 'newest') or shutil.which(value):
        return ''
    return 'QEMU=%s is neither newer nor newest nor a program' % value


def accel(value):
    found = subprocess.run([RUN_QEMU, '--accel', value, '--check-accel'],
                           check=False, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           universal_newlines=True)
    return found.stdout.strip().replace('run-qemu: ', '')


def wrong(name):
    """What is wrong with a variable; '' when it can be taken."""
    name, several = name.rstrip('+'), name.endswith('+')
    value = os.environ.get(name)
    if not value:
        return ''
    if name == 'SLOTS':
        return slots(value)
    if name in NUMBERS:
        values = value.split() if several else [value]
        return next(filter(None, (number(name, v) for v in values)), '')
    if name in WORDS and value not in WORDS[name]:
        return '%s=%s: it is %s, or not given' % (name, value,
                                                  ' or '.join(WORDS[name]))
    return {'T': pattern, 'PEER': device, 'FIRMWARE': firmware,
            'TRACE': trace, 'RACE': race, 'MACHINE': machine, 'QEMU': program,
            'ACCEL': accel,
            'F': sources, 'REPLAY': schedule, 'LACKING': lacking}.get(name, lambda value: '')(value)


def check(*names):
    """End the program at the first that cannot be taken."""
    for name in names:
        said = wrong(name)
        if said:
            sys.exit(said)


if __name__ == '__main__':
    check(*sys.argv[1:])
