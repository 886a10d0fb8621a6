#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad values of variables are refused, in one line and at once. Prints TAP."""

import os
import shutil
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import asked  # noqa: E402
import tap  # noqa: E402
from elsewhere import place, run  # noqa: E402
from tap import equal  # noqa: E402


def refused(name, value, **others):
    """What is said of a value; '' when it is taken."""
    os.environ.update({name.rstrip('+'): value, **others})
    try:
        return asked.wrong(name)
    finally:
        for variable in (name.rstrip('+'), *others):
            del os.environ[variable]


def test_what_a_variable_cannot_be_is_refused():
    bad = [('SMP', '65'), ('REPEAT', '0'), ('SEED', 'x'), ('SWITCH', '0'), ('DEADLINE', '0'),
           ('TIMEOUT', '1s'), ('N', 'abc'), ('N', '1 2'), ('N+', '1 x'),
           ('OPS', '-1'), ('SLOTS', '32'), ('SLOTS', '96'), ('SPINNERS', '1001'), ('BOOTS', 'yes'),
           ('CLOCK', 'yes'), ('BROWSER', 'no'), ('MM', '0'), ('MACHINE', TOP), ('FIRMWARE', 'xyz'), ('FIRMWARE', 'uefi'),
           ('BOUND', '9'), ('MOST', '0'), ('REPLAY', '17X'), ('REPLAY', '17B42d'),
           ('T', 'a b'), ('T', 'a;b'), ('T', '$x'),
           ('QEMU', '/nowhere'), ('ACCEL', 'x'), ('LACKING', 'bare,test-no-X'),
           ('LACKING', 'bare test-no-DEBUG'),
           ('PEER', '/nowhere'), ('PEER', TOP), ('PEER', __file__ + 'c')]
    return equal([b for b in bad if not refused(*b)], [])


def test_what_a_variable_can_be_is_taken():
    good = [('SMP', '64'), ('SLOTS', '4096'), ('DEADLINE', '3'), ('TIMEOUT', '0'), ('N+', '1 20'),
            ('BOUND', '0'), ('MOST', '5000000'), ('REPLAY', '17B 42d'), ('SWITCH', '7'),
            ('SPINNERS', '0'), ('BOOTS', 'no'), ('FIRMWARE', 'bios'),
            ('T', 'mmu_*,-mmu_[a-c]?.x'), ('T', '[!a]*'), ('PEER', 'none'),
            ('PEER', shutil.which('true')), ('QEMU', 'newer'),
            ('QEMU', 'true'), ('ACCEL', 'tcg'), ('LACKING', 'bare,test-no-DEBUG'),
            ('PEER', os.path.join(TOP, 'build', 'not', 'yet'))]
    good += [(name, '') for name in
             (*asked.NUMBERS, *asked.WORDS, 'T', 'PEER', 'REPLAY')]
    return equal([g for g in good if refused(*g)], [])


def test_uefi_wants_its_files_and_no_device():
    with place() as where:
        missing = refused('FIRMWARE', 'uefi', PEER='none', OVMF_DIR=where)
        for name in ('OVMF_CODE.fd', 'OVMF_VARS.fd'):
            with open(os.path.join(where, name), 'w', encoding='utf-8'):
                pass
        found = refused('FIRMWARE', 'uefi', PEER='none', OVMF_DIR=where)
    return equal((where in missing, found), (True, ''))


def test_a_target_asks_before_it_builds():
    asks = {'run': 'TIMEOUT=abc', 'debug': 'FIRMWARE=xyz', 'test': 'SMP=99',
            'machines': 'N=abc', 'configs': 'SEED=x', 'host-notifier': 'OPS=abc',
            'index-bench': 'N=10 abc', 'assure': 'SEED=x'}
    wrong = []
    for target, word in asks.items():
        status, said = run(['make', '-s', target, word])
        name, value = word.split('=')
        lines = [line for line in said.splitlines()
                 if not line.startswith('make')]
        if status != 2 or len(lines) != 1 or not lines[0].startswith(
                '%s=%s' % (name, value.split()[-1])):
            wrong.append((target, status, said))
    return equal(wrong, [])


if __name__ == '__main__':
    for variable in (*asked.NUMBERS, *asked.WORDS, 'T', 'PEER', 'OVMF_DIR',
                     'QEMU', 'ACCEL'):
        os.environ.pop(variable, None)
    sys.exit(tap.main('asked', globals()))
