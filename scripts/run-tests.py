#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run-tests - everything `make test` runs, with one closing count

In this order: the programs that test on the host (hostprograms.py), a boot that
runs the tests inside the kernel, boots on other machines (CPU models, firmware,
CPU counts, no peer, two peers, one that dies), boots that must be judged as failed,
boots that something is done to while they run, and the boots that must end in a
panic with stated words.

    T=GLOBS      only tests whose name is chosen: `suite.name` inside the
                 kernel, `host.NAME`, `boots.NAME`, `panic.NAME` here; commas
                 separate patterns, `-` before one excludes
    REPEAT=N     run the selection inside the kernel N times
    SEED=N       of the random tests; printed when not given
    SMP=N        CPUs of the boot that tests
    PEER=none    without the device; what needs it is skipped by name
    BOOTS=no     only the boot that tests, neither other machines nor panics
    DEADLINE=N   seconds that a test inside the kernel may take (20)
    SWITCH=N     of the order of the tasks, in a kernel with RACE
    V=1          show the serial output as it comes

Logs are kept in BUILD/log, results in BUILD/junit.xml.
"""

import argparse
import os
import sys
import time

import asked
import debugdoc
import diskboots
import hostprograms
import kernelboots
import ktap
import liveboots
import machinetable
import mapboots
import meant
import paniccases
import session as sessions
import stacks
import switchboots
import traceboots

# Boots that something is done to while they run.
LIVE_BOOTS = {
    'peer_dies_in_the_contest': liveboots.peer_dies,
    'peer_is_killed_in_the_contest': liveboots.peer_is_killed,
    'gdb_looks_at_the_contest': liveboots.gdb_looks,
    'gdb_lists_plain_subscribers': liveboots.gdb_lists,
    'gdb_follows_the_document': debugdoc.follows,
    'gdb_stops_at_a_triple_fault': debugdoc.triple_fault,
    'a_triple_fault_leaves_a_trace': debugdoc.trace,
    'a_loader_leaves_control_bits_on': liveboots.bad_loader,
    'a_contest_is_recorded_whole': traceboots.contest,
    'races_are_seen_in_the_order_of_their_columns': traceboots.races,
    'a_trace_is_read_after_a_panic': traceboots.panic,
    'a_machine_that_hangs_is_recorded': traceboots.hang,
    'a_hang_in_an_open_range_names_its_holder': traceboots.open_range,
    'a_map_is_that_of_the_monitor_and_stays_after_a_panic': mapboots.monitor,
    'a_map_shows_an_open_range': mapboots.contest,
    **diskboots.BOOTS,
}


def other_boots():
    """The names of all boots but the one that tests."""
    return [machine.test_name() for machine in machinetable.read().values()
            if machine.in_make_test] + \
        ['boots.' + name for name in (*kernelboots.JUDGED, *LIVE_BOOTS, switchboots.NAME)]


def needs(session, host):
    """The targets that make has to build for the selection; [] for nothing."""
    wanted = any(session.wanted(name) for name in meant.tests_of_sources())
    if os.environ.get('BOOTS') != 'no':
        wanted = wanted or any(map(session.wanted_boot, other_boots())) or \
            any(session.wanted(case['name'])
                for case in paniccases.read_cases())
    kernel = ['all'] + ([] if session.peer == 'none' else ['peer'])
    return (kernel if wanted else []) + host.targets(session)


def live_boots(session):
    """Boots that something is done to while they run."""
    for name, function in LIVE_BOOTS.items():
        full = 'boots.' + name
        if not session.wanted_boot(full):
            continue
        if session.peer == 'none' and name not in diskboots.BOOTS:
            session.skip(full, 'no peer device')
            continue
        started = time.time()
        session.judge(full, function(
            lambda mode, options, full=full:
            session.qemu(full, mode, options + session.peer_option()),
            session.log(full)), started)


def run(session, host, in_kernel):
    """All that is wanted, in the order of the head."""
    host.run(session)
    if in_kernel:
        kernelboots.linked(session)
        kernelboots.kernel(session)
    if os.environ.get('BOOTS') != 'no':
        kernelboots.boots(session)
        kernelboots.judged(session)
        live_boots(session)
        switchboots.boots(session)
        paniccases.panics(session)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--build', default='build/test')
    parser.add_argument('--again', default='make test',
                        help='the command that runs these tests')
    parser.add_argument('--needs', action='store_true',
                        help='only print which targets make has to build')
    parser.add_argument('host', nargs='*', metavar='NAME=COMMAND')
    args = parser.parse_args()
    asked.check(*sessions.ASKED)
    session = sessions.Session(args.build, again=args.again)
    host = hostprograms.Programs(args.host)
    targets = needs(session, host)
    if not targets:
        session.complain(meant.tests_of_sources())
    if args.needs:
        print(*targets)
        return 0
    print('seed %s, %s CPUs%s, %s' % (
        session.seed, session.smp,
        ', no peer' if session.peer == 'none' else '', session.selection()))
    try:
        run(session, host, 'all' in targets)
        interrupted = False
        session.runs.append(stacks.all_boots.run())
    except KeyboardInterrupt:
        interrupted = True
    ktap.write_junit(os.path.join(args.build, 'junit.xml'), session.runs)
    print(*stacks.all_boots.lines() + session.first_failure() + ktap.closing(session.runs), sep='\n')
    if interrupted:
        sys.exit('interrupted: the count is of the tests that ended before; '
                 'logs are in ' + session.logs)
    return 0 if ktap.totals(session.runs)[1] else 1


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit('interrupted')
