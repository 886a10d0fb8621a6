#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""soak - random operations on processes, for as long as asked: `make soak`

One test inside the kernel is a piece (tests/mm/soak/). Boots run pieces one after the
other, each with the seed after the last one's, until the minutes are over or a piece
fails. The first boot runs one piece, to learn how long one takes.

    MIN=N        minutes (10)
    SEED=N       of the first piece; printed when not given
    SMP=N        CPUs (2)
    PEER=none    without the device
    SWITCH=N     of the order of the tasks, in a kernel with RACE

At the end stand the counts of all pieces together. The log of each boot is kept in
BUILD/log, by the seed of its first piece.
"""

import argparse
import os
import re
import sys
import time

import asked
import kernelboots
import ktap
import session as sessions
import stacks

PIECE = 'soak.a_long_piece_of_random_operations_agrees_with_an_oracle'
# So that a boot is over, and its log is closed, every few minutes.
MOST_PIECES = 20


class Counts:
    """What the pieces counted: {name: [done, at least]}."""

    def __init__(self):
        self.of = {}

    def feed(self, line):
        found = re.match(r'# soak: (\S.*?) +(\d+), at least +(\d+)$', line.rstrip())
        if found:
            count = self.of.setdefault(found.group(1), [0, 0])
            count[0] += int(found.group(2))
            count[1] += int(found.group(3))

    def lines(self):
        return ['  %-16s %10s, at least %8s' % (
            name, format(done, ','), format(least, ','))
                for name, (done, least) in self.of.items()]


def failed(session):
    return any(run.count('failed') for run in session.runs)


def soak(session, minutes, counts):
    """Boots of some pieces each, until the time is over."""
    first, began = int(session.seed), time.time()
    pieces, session.repeat = 0, 1
    while not failed(session) and time.time() - began < minutes * 60:
        session.seed = str(first + pieces)
        kernelboots.kernel(session, base='soak.seed%s' % session.seed,
                           on_line=counts.feed)
        pieces += session.repeat
        took = time.time() - began
        left = int((minutes * 60 - took) / (took / pieces))
        session.repeat = min(max(left, 1), MOST_PIECES)
    return pieces, first


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--build', default='build/test')
    parser.add_argument('--again', default='make test',
                        help='the command that runs a piece alone')
    args = parser.parse_args()
    asked.check('MIN', *sessions.ASKED)
    session = sessions.Session(args.build, again=args.again)
    session.glob = PIECE
    minutes, counts = int(os.environ.get('MIN') or '10'), Counts()
    print('seed %s, %s CPUs%s, %d minutes' % (
        session.seed, session.smp, ', no peer' if session.peer == 'none' else '', minutes))
    began = time.time()
    try:
        pieces, first = soak(session, minutes, counts)
    except KeyboardInterrupt:
        sys.exit('interrupted; logs are in ' + session.logs)
    print('%d pieces, seeds %d to %d, in %d min %02d s' % (
        pieces, first, first + pieces - 1, *divmod(int(time.time() - began), 60)))
    session.runs.append(stacks.all_boots.run())
    print(*counts.lines() + session.first_failure() + ktap.closing(session.runs), sep='\n')
    return 0 if ktap.totals(session.runs)[1] else 1


if __name__ == '__main__':
    sys.exit(main())
