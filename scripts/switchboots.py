# SPDX-License-Identifier: MIT
"""switchboots - boots in which a seed chooses the order of the tasks

    boots()     a seeded fault is found by a seed, and found again by its number

Only a kernel with RACE has the test; elsewhere there is no such boot. docs/tools/switch.md says what a seed does.
"""

import re
import time

import liveboots

NAME = 'a_seed_of_switches_replays'
TEST = 'switch.must_fail_by_a_lost_update'
SEEDS = range(1, 13)


def boot(qemu, log, seed):
    """The status, and what the kernel said of the test, times included."""
    done = liveboots.Boot(
        qemu('test', ['--smp', '1', '--peer', 'none', '--icount', '--timeout', '60',
                      '--append', 'test=' + TEST] +
             (['--append', 'switch=%d' % seed] if seed else [])), log)
    return done.status, [line for _, line in done.lines
                         if re.match('# |ok |not ok ', line)]


def replays(qemu, log):
    """Passes by the clock; fails by some seed, and the same way again."""
    status, said = boot(qemu, log, 0)
    if status != 0:
        return 'fails without a seed:\n' + '\n'.join(said)
    for seed in SEEDS:
        first = boot(qemu, log, seed)
        if first[0] != 1:
            continue
        again = boot(qemu, log, seed)
        if first == again and any(line.startswith('# switch=%d: ' % seed)
                                  for line in again[1]):
            return ''
        return '\n'.join(['switch=%d does not replay:' % seed] + first[1] +
                         ['and then:'] + again[1])
    return 'no seed of %d lost an update' % len(SEEDS)


def boots(session):
    full = 'boots.' + NAME
    if not session.wanted_boot(full):
        return
    if all(test.name != TEST for test in session.tests):
        return
    started = time.time()
    session.judge(full, replays(
        lambda mode, options: session.qemu(full, mode, options),
        session.log(full)), started)
