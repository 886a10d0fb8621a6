#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""map - show what is mapped where in a machine that runs, hangs or was kept

    scripts/map.py              in a terminal, drawn again 20 times a second until
                                Ctrl-C or the end of the machine; elsewhere, once
        --machine DIR   which one: a folder of build/run
        --mm N          only the address space of that number
        --count N       so many times, one below the other
        --browser       in a browser, at an address of this host alone
        --wait          until there is a machine, as in a terminal
        --rates         at the end, what it cost

The guest executes nothing for it: its RAM is a file. docs/map.md says how to read a
map; the monitor's `letters` lists the letters.
"""

import argparse
import os
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'scripts'))

from pagemap import machine as machines, rows, terminal, web  # noqa: E402
from pagemap.spaces import Reader  # noqa: E402
from trace import record  # noqa: E402

RUNS = os.path.join(TOP, 'build', 'run')
PER_SECOND = 20


def folder_of(args):
    """The only machine that there is, or the one that was asked for."""
    while True:
        found = [args.machine] if args.machine else record.machines(RUNS)
        if len(found) == 1 and os.path.isdir(found[0]):
            return found[0]
        if found and not args.wait:
            sys.exit('which machine: %s? say --machine DIR' % ' '.join(found)
                     if len(found) > 1 else 'no machine in ' + found[0])
        if not args.wait:
            sys.exit('no machine in %s: `make run` in another terminal stays in '
                     'its monitor' % RUNS)
        time.sleep(0.1)


def opened(args):
    """A machine whose kernel has made its layout."""
    while True:
        folder = folder_of(args)
        try:
            found = machines.opened(folder)
        except (OSError, ValueError) as error:
            sys.exit('%s: %s' % (folder, error))
        if found:
            return found
        if not args.wait:
            sys.exit('%s: its kernel is not so far yet' % folder)
        time.sleep(0.1)


class Snapshots:
    """Maps of a machine, PER_SECOND a second, until it is gone; and what they cost."""

    def __init__(self, machine, number):
        self.machine, self.number = machine, number
        self.reader = Reader(machine)
        self.taken, self.bytes, self.seconds = 0, 0, 0.0
        self.began = time.monotonic()

    def take(self):
        """([Space], doubts)"""
        began = time.monotonic()
        spaces, doubts = self.reader.snapshot()
        self.seconds += time.monotonic() - began
        self.taken += 1
        self.bytes += self.reader.bytes
        return [space for space in spaces
                if self.number in (None, space.number)], doubts

    def __iter__(self):
        due = time.monotonic()
        while not self.machine.gone():
            yield self.take()
            due = max(due + 1 / PER_SECOND, time.monotonic())
            time.sleep(max(0, due - time.monotonic()))

    def rates(self):
        """What was read, and how fast."""
        lasted = time.monotonic() - self.began
        return '%d maps in %.1f s, %.0f bytes of tables and %.2f ms each' % (
            self.taken, lasted, self.bytes / max(self.taken, 1),
            1000 * self.seconds / max(self.taken, 1))


def lines_of(spaces, doubts, reader):
    """A snapshot as text."""
    lines = ['not sure: ' + doubt for doubt in doubts]
    for space in spaces:
        lines += rows.lines(space, reader) + rows.beside(space)
    return lines or ['no address space']


def show(snapshots, args):
    """In a terminal for ever, else as often as was asked for."""
    drawn = terminal.Terminal() if sys.stdout.isatty() and not args.count else None
    left = args.count or (0 if drawn else 1)
    for spaces, doubts in snapshots:
        lines = lines_of(spaces, doubts, snapshots.reader)
        if drawn:
            drawn.draw(lines)
            continue
        print(*lines, sep='\n', flush=True)
        left -= 1
        if left == 0:
            break
        print()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--machine')
    parser.add_argument('--mm', type=int)
    parser.add_argument('--count', type=int)
    parser.add_argument('--browser', action='store_true')
    parser.add_argument('--wait', action='store_true')
    parser.add_argument('--rates', action='store_true')
    args = parser.parse_args()
    args.wait |= sys.stdout.isatty()
    snapshots = Snapshots(opened(args), args.mm)
    try:
        if args.browser:
            web.serve(snapshots)
        else:
            show(snapshots, args)
    except KeyboardInterrupt:
        pass
    if args.rates:
        print(snapshots.rates())


if __name__ == '__main__':
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
