#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The table of machines, and the verdict on a boot there. Prints TAP."""

import os
import sys
import tempfile
from unittest import mock

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import kernelboots  # noqa: E402
import machinetable  # noqa: E402
import meant  # noqa: E402
import paniccases  # noqa: E402
import session as sessions  # noqa: E402
import tap  # noqa: E402
from tap import equal  # noqa: E402

ROW = 'some   yes   q35   max   2   256M   %d\n'


def read(text):
    with tempfile.NamedTemporaryFile('w', suffix='machines') as table:
        table.write(text)
        table.flush()
        return machinetable.read(table.name)


def machine(*words, devices=0):
    return read(ROW % devices + ''.join('\t%s\n' % word for word in words))['some']


def test_a_row_gives_its_options():
    row = machine('smp 2,sockets=2', 'without vga', 'options --front generic',
                  devices=2)
    return equal(' '.join(row.options), '--cpu max --mem 256M --smp 2 --qemu '
                 '-machine --qemu q35 --peers 2 --qemu -smp --qemu 2,sockets=2 '
                 '--without vga --front generic')


def test_words_below_a_row_say_which_tests_run():
    return equal((machine().tests, machine('tests irq.*').tests,
                  machine('only irq.*').tests),
                 (machinetable.TESTS, machinetable.TESTS + ',irq.*', 'irq.*'))


def test_a_table_that_cannot_be_read_is_refused_with_its_line():
    wrong = []
    for text, line in (('\tsays x\n', 1), ('some yes q35 max 2 256M\n', 1),
                       (ROW % 0 + ROW % 0, 2), (ROW % 0 + '\tsay x\n', 2)):
        try:
            read(text)
        except SystemExit as refused:
            if 'machines:%d: ' % line in str(refused):
                continue
        wrong.append(text)
    return equal(wrong, [])


def test_each_pattern_of_the_table_is_of_a_test():
    names = meant.tests_of_sources()
    return equal([(row.name, glob) for row in machinetable.read().values()
                  for glob in row.tests.split(',')
                  if not any(meant.chosen(glob, name) for name in names)], [])


def test_a_name_of_make_test_says_what_is_wanted():
    return equal((machine().test_name(), machine('refuses x').test_name()),
                 ('boots.some', 'panic.some'))


def test_a_machine_that_this_run_cannot_have_says_why():
    with mock.patch.dict(os.environ, QEMU='newer'):
        found = [machine(devices=1).why_not('none'),
                 machine(devices=1).why_not(''),
                 machine('qemu newest').why_not(''),
                 machine('qemu newer').why_not('')]
    with mock.patch.dict(os.environ, QEMU=''):
        found.append(machine('qemu newer').why_not(''))
    return equal(found, ['no peer device', '', 'needs QEMU=newest', '',
                         'needs QEMU=newer'])


GOOD = '''[    0.030654] apic: xAPIC, 2 CPUs listed, 1 IO-APICs
# seed 1, CPUs 2, devices 0
1..2
# start boot.a
ok 1 boot.a
# start boot.b
ok 2 boot.b
'''


def failures(row, said, status):
    """What fails of a boot that says this and ends so."""
    class Fake(sessions.Session):
        def stream(self, run, command, **_):
            with open(self.log(run.name), 'w', encoding='utf-8') as log:
                log.write(said)
            for line in said.splitlines():
                run.feed(line)
            return run.finish(status)

    with tempfile.TemporaryDirectory() as build:
        fake = Fake(build)
        fake._tests = [meant.Test('boot.a'), meant.Test('boot.b')]
        run = kernelboots.on_machine(fake, 'boots.some', row)
    return [result.name.replace('boots.some: ', '') for result in run.results
            if result.outcome == 'failed']


def test_a_machine_passes_as_a_boot_does():
    return equal((failures(machine(), GOOD, 0), failures(machine(), GOOD, 4),
                  failures(machine(), GOOD.replace('ok 2', 'not ok 2'), 1)),
                 ([], ['ended with status 4'], ['boot.b']))


def test_another_machine_than_was_meant_fails():
    other = ['another machine than was meant']
    return equal((failures(machine(), GOOD.replace('2 CPUs l', '1 CPUs l'), 0),
                  failures(machine('says x2APIC'), GOOD, 0),
                  failures(machine('says apic: xA.*C'), GOOD, 0)),
                 (other, other, []))


def test_without_an_exit_device_the_log_is_the_verdict():
    row = machine('without debug-exit', 'status 3')
    return equal((failures(row, GOOD, 3), failures(row, GOOD, 0),
                  'boot.b' in failures(row, GOOD.replace('ok 2', 'not ok 2'), 3)),
                 ([], ['ended with status 0, wanted 3'], True))


def test_without_a_serial_line_the_status_is_the_verdict():
    row = machine('without serial', 'silent')
    return equal((failures(row, '', 0), failures(row, '', 1),
                  failures(row, GOOD, 0)),
                 ([], ['ended with status 1, after 0 lines'],
                  ['ended with status 0, after 7 lines']))


def test_a_refusal_has_its_words_and_its_status():
    """The judge of paniccases, with a command in the place of a boot."""
    def failed(status, said):
        with tempfile.TemporaryDirectory() as build:
            fake = sessions.Session(build)
            with open(fake.log('panic.some') + '.serial', 'w',
                      encoding='utf-8') as log:
                log.write(said)
            fake.qemu = lambda *_: ['sh', '-c', 'exit %d' % status]
            return bool(paniccases.panic(
                fake, machine('refuses no NX').as_case('panic.some')))
    return equal((failed(2, 'refused: no NX\n'), failed(0, 'no NX\n'),
                  failed(2, 'refused\n')), (False, True, True))


if __name__ == '__main__':
    sys.exit(tap.main('machinetable', globals()))
