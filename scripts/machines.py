#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""machines - the same image on many machines, on a host that is busy

Boots the machines of tests/machines, which says what is wanted on each: every CPU
comes online and runs a thread, and the clock is right by
clock.the_clock_agrees_with_every_counter_of_this_machine, which compares it with
the HPET, ACPI's timer and the PIT; or the kernel refuses the machine in stated
words. Two processes that spin keep the host busy meanwhile, so that CPUs come late
and counters are read late.

    N=100        boots, over the table from its first line, again and again; each
                 machine once, if not given
    T=GLOBS      only machines whose name matches
    PEER=none    without the machines that have the device
    QEMU=newer   by another QEMU (scripts/run-qemu); all are skipped by name where
                 it cannot be had
    ACCEL=kvm    by KVM
    SPINNERS=2   processes that spin
    V=1          show the serial output as it comes

Logs are kept in BUILD/log. The last lines are how wrong the clock was at most,
and a count over all boots. One boot after another: they would disturb each
other more than the spinning processes do.
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import time

import asked
import kernelboots
import ktap
import machinetable
import session as sessions

NEWER_QEMU = os.path.join(sessions.TOP, 'scripts', 'newer-qemu')


@contextlib.contextmanager
def busy_host(spinners):
    """Processes that spin while the body runs."""
    started = [subprocess.Popen([sys.executable, '-c', 'while True: pass'],
                                stdin=subprocess.DEVNULL)
               for _ in range(spinners)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def no_qemu():
    """Why the QEMU that was asked for cannot be had; '' if it can."""
    asked_for = os.environ.get('QEMU')
    if asked_for not in machinetable.NEWER:
        return ''
    made = subprocess.run([NEWER_QEMU, asked_for], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, universal_newlines=True)
    return made.stderr.strip().split('\n')[-1] if made.returncode else ''


def boot(session, name, machine):
    """One machine once; how wrong its clock was at most, in ppm."""
    started = time.time()
    session.keep(kernelboots.on_machine(session, name, machine), started)
    with contextlib.suppress(FileNotFoundError), \
            open(session.log(name), encoding='utf-8') as log:
        wrong = [int(ppm) for ppm in re.findall(
            r'the clock is wrong by (\d+) ppm', log.read())]
        return max(wrong, default=None)


def boots(session, machines, number):
    """So many boots; of those in which the clock was compared, its errors."""
    errors, unusable = [], no_qemu()
    for done in range(number):
        machine = machines[done % len(machines)]
        again = done // len(machines)
        name = 'machines.' + machine.name + ('.%d' % (again + 1) if again else '')
        why = unusable or machine.why_not(session.peer)
        if why:
            session.skip(name, why)
            continue
        errors.append(boot(session, name, machine))
    return [ppm for ppm in errors if ppm is not None]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--build', default='build/test')
    args = parser.parse_args()
    asked.check('N', 'SPINNERS', 'T', 'PEER', 'QEMU', 'ACCEL')
    session = sessions.Session(args.build, 'machines', 'make machines')
    table = machinetable.read()
    machines = [table[name] for name in table if session.wanted(name)]
    if not machines:
        sys.exit('T=%s: there is no such machine; there are\n    %s' %
                 (session.glob, ' '.join(table)))
    number = int(os.environ.get('N') or len(machines))
    with busy_host(int(os.environ.get('SPINNERS') or 2)):
        errors = boots(session, machines, number)
    good = sum(run.passed() and not run.count('skipped') == len(run.results)
               for run in session.runs)
    print('%d of %d boots were as wanted; in %d the clock was compared, it was '
          'wrong by at most %d ppm' % (good, number, len(errors),
                                       max(errors, default=0)))
    print(*ktap.closing(session.runs), sep='\n')
    return 0 if ktap.totals(session.runs)[1] else 1


if __name__ == '__main__':
    # So that the spinning processes end with this one, however it ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('terminated'))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit('interrupted')
