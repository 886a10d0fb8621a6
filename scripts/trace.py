#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""trace - record what a machine does, without its help, and read it again

    scripts/trace.py record [OUT]   from a machine that runs, hangs or is kept, into
                                    OUT (build/trace.bin), until Ctrl-C or the end
                                    of the machine
        --machine DIR   which one: a folder of build/run
        --once          only what is in the rings now
    scripts/trace.py show [FILE]    a line for each record
        --event GLOBS   only these events; commas separate patterns, - before one
                        excludes
        --ring GLOBS    only these rings: cpu0, peer0/*
        --pid N         only this task
        --last N        only the last N of these
        --addresses     objects by their addresses, not by small numbers
    scripts/trace.py export [FILE]  JSON: a line for each source, one for the
                                    names of tasks, and one for each record and gap

scripts/run-qemu --trace FILE boots and records; `make trace` does it for a contest
or for tests. docs/trace.md has the format of the file and each event.
"""

import argparse
import collections
import json
import os
import signal
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'scripts'))

import meant  # noqa: E402
from trace import record, store, text  # noqa: E402

RUNS = os.path.join(TOP, 'build', 'run')
USUAL = os.path.join('build', 'trace.bin')


def the_machine():
    """The only machine that there is."""
    found = record.machines(RUNS)
    if len(found) != 1:
        sys.exit('%s; say --machine DIR' % (
            'no machine in %s' % RUNS if not found else
            'which machine: %s' % ' '.join(found)))
    return found[0]


def do_record(args):
    folder = args.machine or the_machine()
    stop = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.append(True))
    try:
        recording = record.of_machine(args.file, folder)
    except (OSError, ValueError) as error:
        sys.exit('%s: %s' % (folder, error))
    ram, over = os.path.join(folder, 'ram'), os.path.join(folder, 'over')
    # scripts/run-qemu waits for it, and writes `over`.
    with open(os.path.join(folder, 'recording'), 'w', encoding='utf-8'):
        pass
    recording.run(lambda: args.once or stop or os.path.exists(over) or
                  not os.path.exists(ram))
    print(recording.said())
    if not recording.sources:
        sys.exit('no kernel has made its rings in ' + ram)


def opened(path):
    try:
        return store.Trace(path)
    except (OSError, store.Damaged) as error:
        sys.exit('%s: %s' % (path, error))


def wanted(args):
    """Says of a record or a gap whether it is to be shown."""
    def check(what):
        if args.ring and not meant.chosen(args.ring, what.where):
            return False
        if isinstance(what, store.Gap):
            return True
        return (args.pid is None or what.pid == args.pid) and \
            meant.chosen(args.event, what.name)
    return check


def do_show(args):
    trace, check = opened(args.file), wanted(args)
    numbers = None if args.addresses else text.Numbers(trace)
    lines = collections.deque(maxlen=args.last)
    for what in trace.all():
        if numbers and isinstance(what, store.Record):
            numbers.see(what)
        if not check(what):
            continue
        line = text.line(what, numbers)
        if args.last is None:
            print(line)
        else:
            lines.append(line)
    for line in lines:
        print(line)
    for line in text.summary(trace):
        print('# ' + line)


def exact(values):
    """A number that other readers of JSON would round is a string."""
    return {field: '%#x' % value if isinstance(value, int) and
            value >= 1 << 53 else value for field, value in values.items()}


def do_export(args):
    trace = opened(args.file)
    numbers = text.Numbers(trace)
    for source in trace.sources:
        print(json.dumps({'source': source.name, 'rings': source.rings,
                          'off_ns': trace.clocks.get(source.name, 0)}))
    print(json.dumps({'tasks': trace.tasks}))
    for what in trace.all():
        if isinstance(what, store.Gap):
            print(json.dumps({'ns': what.ns, 'ring': what.where,
                              'lost': what.count, 'why': what.why}))
            continue
        numbers.see(what)
        print(json.dumps({'ns': what.ns, 'ring': what.where, 'pid': what.pid,
                          'event': what.name, 'args': exact(what.values),
                          'text': text.body(what, numbers)}))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    does = parser.add_subparsers(dest='what', required=True, metavar='WHAT')
    for name, function in (('record', do_record), ('show', do_show),
                           ('export', do_export)):
        one = does.add_parser(name)
        one.set_defaults(function=function)
        one.add_argument('file', nargs='?', default=USUAL)
        if name == 'record':
            one.add_argument('--machine')
            one.add_argument('--once', action='store_true')
        if name == 'show':
            one.add_argument('--event', default='*')
            one.add_argument('--ring', default='')
            one.add_argument('--pid', type=int)
            one.add_argument('--last', type=int)
            one.add_argument('--addresses', action='store_true')
    args = parser.parse_args()
    args.function(args)


if __name__ == '__main__':
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
