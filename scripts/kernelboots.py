# SPDX-License-Identifier: MIT
"""kernelboots - boots that run tests inside the kernel

    kernel()    every selected test on SMP CPUs, with the device
    boots()     some tests on other machines (machinetable.py)
    judged()    boots that end badly on purpose, and the verdict on them

A panic, a hang or a triple fault costs the test that ran and no other: the
remaining tests run in a new boot, `resume=N` on its command line. Boots run
one after another, so that none slows down another's clock.
"""

import os
import re
import signal
import time

import ktap
import machinetable
import meant
import paniccases
import session as sessions

# A kernel that dies in every test is not booted for each of them.
MOST_BOOTS = 10

# Boots that must be judged so: tests, options, seconds a test may take,
# whether the peer is killed after the first result, and of each failure that
# must come its name or the beginning of it. There may be no other failure.
JUDGED = {
    'rest_runs_after_a_hang_a_panic_and_a_triple_fault': (
        'glob.*,ktest.must_fail_by_a_hang,ktest.must_fail_by_a_panic,list.*,'
        'trap.must_fail_by_a_triple_fault,vma.*', ['--peer', 'none'], 2, False,
        ('ktest.must_fail_by_a_hang', 'ktest.must_fail_by_a_panic',
         'trap.must_fail_by_a_triple_fault')),
    'claimed_pass_is_none': (
        'glob.*,ktest.must_fail_by_claiming_a_pass,list.*',
        ['--peer', 'none'], 2, False,
        ('a.first', 'a.second', 'result 1 came', 'result 2 came', 'ktest.*',
         'list.*', 'two plans in one log', 'the kernel plans 2 tests')),
    'peer_that_does_not_come_up_fails': (
        'glob.*', ['--qemu', '-global', '--qemu',
                   'vhost-user-fs-pci.vectors=0'], 20, False,
        ('device: 1 given, the kernel drives 0',)),
    'peer_dies_between_two_tests': (
        'list.*', [], 20, True, ('a device died, noticed after ',)),
}


# What tests with KT_NEEDS_DISK overwrite.
SCRATCH = ['--disk', '64M,serial=scratch']


def disk_for(tests):
    """The disk of a boot, for tests of which some need one."""
    return SCRATCH if any('KT_NEEDS_DISK' in test.flags for test in tests) else []


def devices_of(options):
    """How many devices these options of scripts/run-qemu give a boot."""
    given = dict(zip(options, options[1:]))
    if given.get('--peer') == 'none':
        return 0
    return int(given.get('--peers', '1'))


class OnMachine(meant.Boot):
    """A boot on a machine of the table, some of which cannot say how it went."""

    def __init__(self, name, tests, machine):
        super().__init__(name, tests, machine.devices)
        self.machine = machine
        self.lines = 0

    def feed(self, line):
        self.lines += 1
        return super().feed(line)

    def judge(self, status):
        if not self.machine.silent and status == self.machine.status:
            return super().judge(0)
        if status != self.machine.status and self.machine.status:
            self.problems.append('ended with status %d, wanted %d' %
                                 (status, self.machine.status))
        if not self.machine.silent:
            return super().judge(status)
        if status or self.lines:
            self.problems.append('ended with status %d, after %d lines' %
                                 (status, self.lines))
        else:
            self.results.append(ktap.Result(self.name, 'passed'))
        return None


def boot(session, run, command, **more):
    """One boot and its verdict; the devices' own last words are added."""
    session.stream(run, command, **more)
    for result in run.results:
        if result.name.startswith(run.name + ': ') and 'device' in result.name:
            result.said += ''.join(peers_said(session.log(run.name)))
    return run


def peers_said(log):
    """The last lines of what each device process printed."""
    number = 0
    while os.path.exists('%s.serial.peer%d' % (log, number)):
        path = '%s.serial.peer%d' % (log, number)
        with open(path, encoding='utf-8', errors='replace') as said:
            yield '\n%s:\n%s' % (os.path.basename(path),
                                 ''.join(said.readlines()[-10:]))
        number += 1


def linked(session):
    """Every test of the sources is in the image."""
    started = time.time()
    results = meant.missing_from_link(
        session.tests, meant.tests_of_sources(dropped=session.dropped()),
        session.glob)
    if results:
        run = ktap.Run(session.name + '.link')
        run.results = results
        session.keep(run, started)


def kernel(session, options=(), base=None, on_line=None):
    """Every selected test, in as many boots as it takes."""
    tests = meant.select(session.tests, session.glob) * session.repeat
    base = base or '%s.smp%s' % (session.name, session.smp)
    options = ['--smp', session.smp] + session.peer_option() + list(options)
    if session.timeout:
        options += ['--timeout', session.timeout]
    elif session.repeat > 1:
        options += ['--timeout', '0']
    disk = disk_for(tests)
    options += disk
    words = ['seed=' + session.seed, 'repeat=%d' % session.repeat]
    words += ['test=' + session.glob] if session.glob else []
    if session.switch:
        words += ['switch=' + session.switch]
        # Only one CPU without a device or a disk repeats to the instruction.
        if session.smp == '1' and not devices_of(options) and not disk:
            options.append('--icount')
    words += ['deadline=' + session.deadline] if session.deadline else []
    done = 0
    for number in range(1, MOST_BOOTS + 1):
        if done == len(tests):
            return
        started = time.time()
        name = base if number == 1 else '%s.boot%d' % (base, number)
        progress = sessions.Progress(session, len(tests) // session.repeat,
                                     done)
        run = boot(session, meant.Boot(name, tests[done:],
                                       devices_of(options), done > 0, bool(disk)),
                   session.qemu(name, 'test', options,
                                words + ['resume=%d' % done]), on_line=on_line,
                   on_result=None if session.verbose else progress.add)
        progress.end()
        done += run.done
        stopped = run.early and run.done and number < MOST_BOOTS
        if done < len(tests) and not stopped:
            run.results.append(ktap.Result(
                '%d tests from %s on' % (len(tests) - done, tests[done].name),
                'failed', 'no boot ran them'))
        session.keep(run, started)
        if not stopped:
            break
        if done < len(tests):
            session.out('  the remaining %d tests, from %s on, run in a new '
                        'boot' % (len(tests) - done, tests[done].name))
    if any(not run.passed() for run in session.runs):
        session.out('  again with: ' + session.again_with(session.glob))


def on_machine(session, name, machine):
    """A machine of the table: a run that says whether all is as wanted there."""
    if machine.refused:
        run = ktap.Run(name)
        wrong = paniccases.panic(session, machine.as_case(name))
        run.results.append(ktap.Result(name, 'failed' if wrong else 'passed',
                                       wrong))
        return run
    options = machine.options + (session.peer_option() if machine.devices else [])
    run = boot(session, OnMachine(name, meant.select(session.tests, machine.tests),
                                  machine),
               session.qemu(name, 'test', options, ['test=' + machine.tests]))
    with open(session.log(name), encoding='utf-8') as log:
        said = log.read()
    words = machine.words + [r'apic: \w+, %d CPUs listed' % machine.cpus]
    for word in [] if machine.silent else words:
        if not re.search(word, said):
            run.results.append(ktap.Result(
                name + ': another machine than was meant', 'failed',
                'never said: ' + word))
    return run


def boots(session):
    """The same image on other machines."""
    for machine in machinetable.read().values():
        name = machine.test_name()
        wanted = session.wanted if machine.refused else session.wanted_boot
        if not machine.in_make_test or not wanted(name):
            continue
        why = machine.why_not(session.peer)
        if why:
            session.skip(name, why)
            continue
        started = time.time()
        session.keep(on_machine(session, name, machine), started)


def judged(session):
    """Boots that end badly on purpose: each verdict is as stated."""
    for name, (globs, options, deadline, kill, wanted) in JUDGED.items():
        full = 'boots.' + name
        if not session.wanted_boot(full):
            continue
        if devices_of(options) and session.peer == 'none':
            session.skip(full, 'no peer device')
            continue
        started = time.time()
        inner = sessions.Session(session.build)
        inner.quiet, inner.glob, inner.repeat = True, globs, 1
        inner.smp, inner.deadline, inner.seed = '2', str(deadline), session.seed
        inner.peer = session.peer if devices_of(options) else ''
        inner.switch = ''
        kernel(inner, options, full,
               killer(inner.log(full)) if kill else None)
        session.judge(full, differences(inner.runs, wanted), started)


def killer(log):
    """SIGKILL for the device process, once, after the first result."""
    done = []

    def on_line(line):
        if line.startswith('ok 1 ') and not done:
            with open(log + '.serial.peer0.pid', encoding='utf-8') as pid:
                os.kill(int(pid.read()), signal.SIGKILL)
            done.append(True)
    return on_line


def differences(runs, wanted):
    """Failures against those that must come; '' when they are the same."""
    failed = [(result.name, run.name) for run in runs
              for result in run.results if result.outcome == 'failed']
    names = [name[len(run) + 2:] if name.startswith(run + ': ') else name
             for name, run in failed]
    lines = ['must have failed: ' + want for want in wanted
             if not any(name.startswith(want) for name in names)]
    lines += ['must not have failed: ' + name for name in names
              if not name.startswith(tuple(wanted))]
    if not any(run.count('passed') for run in runs):
        lines.append('no test passed')
    return '\n'.join(lines)
