#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""machines - the same image on many machines, on a host that is busy

Each boot must bring every CPU online, run a thread on each, and have its clock
right: test clock.the_clock_agrees_with_every_counter_of_this_machine compares it
with the HPET, ACPI's timer and the PIT. Two processes that spin keep the host
busy meanwhile, so that CPUs come late and counters are read late.

    N=100        boots, over the table from its first line, again and again
    T=GLOB       only machines whose name matches
    PEER=none    without the machines that have the device
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
import meant
import session as sessions

TESTS = 'boot.*,clock.*,cpu.*,time.*'
ALONE = ['--peer', 'none']


def topology(words):
    """Numbers of cores that are no powers of two leave gaps between APIC ids."""
    return ALONE + ['--qemu', '-smp', '--qemu', words]


def machine(words):
    return ['--qemu', '-machine', '--qemu', words]


def smp(cpus):
    return ['--smp', str(cpus)]


# Name: how many CPUs it has, tests beside the usual ones, options.
MACHINES = {
    'q35_1': (1, '', ALONE + smp(1)),
    'pc_2': (2, '', ALONE + smp(2) + machine('pc')),
    'q35_64': (64, '', ALONE + smp(64)),
    'pc_6_sparse': (6, 'irq.*,lapic.*,smp.*', machine('pc') + topology(
        '6,sockets=2,cores=3,threads=1')),
    'q35_3': (3, '', ALONE + smp(3)),
    'pc_16': (16, '', ALONE + smp(16) + machine('pc')),
    'q35_63_sparse': (63, '', topology('63,sockets=7,dies=3,cores=3,threads=1')),
    'pc_1': (1, '', ALONE + smp(1) + machine('pc')),
    'q35_2_peer': (2, 'peer.*', smp(2)),
    'q35_8': (8, '', ALONE + smp(8)),
    'pc_30_sparse': (30, '', machine('pc') + topology(
        '30,sockets=2,dies=3,cores=5,threads=1')),
    'q35_2_no_pit': (2, '', ALONE + smp(2) + machine('pit=off')),
    'pc_4': (4, '', ALONE + smp(4) + machine('pc')),
    'q35_32': (32, '', ALONE + smp(32)),
    'pc_4_peer': (4, 'peer.*', smp(4) + machine('pc')),
    'q35_6_sparse': (6, 'irq.*,lapic.*,smp.*', topology(
        '6,sockets=2,cores=3,threads=1')),
    'pc_2_no_hpet': (2, '', ALONE + smp(2) + machine('pc,hpet=off')),
    'q35_2_old_cpu': (2, '', ALONE + smp(2) + ['--cpu', 'qemu64']),
    'pc_64': (64, '', ALONE + smp(64) + machine('pc')),
    'q35_2_few_leaves': (2, 'lapic.*', ALONE + smp(2) +
                         ['--cpu', 'max,level=7']),
}


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


def boot(session, number, name):
    """One machine once; how wrong its clock was at most, in ppm."""
    cpus, more, options = MACHINES[name]
    globs = TESTS + (',' + more if more else '')
    full = 'machines.%s.%d' % (name, number)
    if kernelboots.devices_of(options):
        options = options + session.peer_option()
    started = time.time()
    run = kernelboots.boot(session, full,
                           session.qemu(full, 'test', options,
                                        ['test=' + globs]),
                           meant.select(session.tests, globs), options)
    with open(session.log(full), encoding='utf-8') as log:
        said = log.read()
    listed = re.search(r'apic: \w+, (\d+) CPUs listed', said)
    if not listed or int(listed.group(1)) != cpus:
        run.results.append(ktap.Result(
            full + ': another machine than was meant', 'failed',
            'never said: %d CPUs listed' % cpus))
    session.keep(run, started)
    wrong = [int(ppm) for ppm in
             re.findall(r'the clock is wrong by (\d+) ppm', said)]
    return max(wrong, default=None)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--build', default='build/test')
    args = parser.parse_args()
    asked.check('N', 'SPINNERS', 'T', 'PEER')
    boots = int(os.environ.get('N') or 100)
    spinners = int(os.environ.get('SPINNERS') or 2)
    session = sessions.Session(args.build, 'machines', 'make machines')
    names = [name for name, (_, _, options) in MACHINES.items()
             if session.wanted(name) and
             not (session.peer == 'none' and kernelboots.devices_of(options))]
    if not names:
        sys.exit('T=%s: there is no such machine; there are\n    %s' %
                 (session.glob, ' '.join(MACHINES)))
    worst, measured = 0, 0
    with busy_host(spinners):
        for number in range(boots):
            ppm = boot(session, number + 1, names[number % len(names)])
            measured += ppm is not None
            worst = max(worst, ppm or 0)
    good = sum(run.passed() for run in session.runs)
    print('%d of %d boots passed; in %d the clock was compared, it was wrong by '
          'at most %d ppm' % (good, boots, measured, worst))
    print(*ktap.closing(session.runs), sep='\n')
    return 0 if ktap.totals(session.runs)[1] else 1


if __name__ == '__main__':
    # So that the spinning processes end with this one, however it ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('terminated'))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit('interrupted')
