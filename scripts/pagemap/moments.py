# SPDX-License-Identifier: MIT
"""moments - the map before, during and after a range, of a contest

The range is the CLEAR with which a CPU restores a page that the device has exclusively.
It is too short to be met by chance: the driver waits in it until the device has let go.
So the device's process is stopped when it has a page, and goes on when a map has shown
the range. That is well below the time after which the driver calls a device dead.
"""

import glob
import os
import signal
import subprocess
import time

from pagemap import figure, machine, rows, web
from pagemap.spaces import Reader

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUNS = os.path.join(TOP, 'build', 'run')
TITLE = 'The page map before, during and after a CPU takes an exclusive page back'
EXCLUSIVE = 'X'
# Seconds that a stopped device may be waited for; the driver waits for 3.
STOPPED = 1.0


# A page is with the device for a moment, and the host looks now and then: on a busy host
# a whole contest may pass between two looks that meet one.
CONTESTS = 5


class Missed(Exception):
    """The contests ended, and the range was never met."""


def exclusive_of(space, reader):
    """The pages that are exclusive by the entry and by a device's translation."""
    both = []
    for name, table in space.devices.items():
        for va, word in table.items():
            entries = space.tables.get(va - va % rows.SPAN)
            if reader.device_letters.of(word) == EXCLUSIVE and entries and \
                    reader.letters.of(entries[va % rows.SPAN // 4096]) == EXCLUSIVE:
                both.append((name, va))
    return both


def nothing_exclusive(space, reader):
    """No entry and no translation is exclusive, not even one without the other."""
    sides = [(reader.device_letters, table.values())
             for table in space.devices.values()]
    sides += [(reader.letters, entries) for entries in space.tables.values()]
    return not any(side.of(word) == EXCLUSIVE for side, words in sides
                   for word in words)


def taken_back(space, page, reader):
    """A CPU's range over the page is open, and no other: the device opens some itself.

    The driver has taken the page off its table, and waits for the device.
    """
    return bool(space.ranges) and all(
        event == 'CLEAR' and start <= page < end
        for start, end, event, _ in space.ranges) and \
        all(va != page for _, va in exclusive_of(space, reader))


def find(reader, number, wanted, seconds):
    """The first map of an mm for which wanted() is true; None if none came."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for space in reader.snapshot()[0]:
            if space.number == number and not space.doubts and wanted(space):
                return space
    return None


def one_range(reader, stop, go_on):
    """(page, [space before, during, after]), or None: another try is needed."""
    for space in reader.snapshot()[0]:
        both = exclusive_of(space, reader)
        if space.doubts or space.ranges or not both:
            continue
        page = both[0][1]
        stop()
        try:
            during = find(reader, space.number,
                          lambda s: taken_back(s, page, reader), STOPPED)
        finally:
            go_on()
        after = during and find(reader, space.number, lambda s: not s.ranges and
                                nothing_exclusive(s, reader), STOPPED)
        if after:
            return page, [space, during, after]
    return None


def of_contest(image, log):
    """(reader, page, spaces) of a contest that is booted for it; None: none was met."""
    with subprocess.Popen([os.path.join(TOP, 'scripts', 'run-qemu'), '--image',
                           image, '--mode', 'run', '--quiet', '--log', log],
                          stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as child:
        reader = None
        while child.poll() is None:
            if reader is None:
                for folder in glob.glob(os.path.join(
                        RUNS, os.path.basename(log) + '.*')):
                    there = machine.opened(folder)
                    reader = there and Reader(there)
                time.sleep(0.02)
                continue
            try:
                with open(log + '.peer0.pid', encoding='ascii') as kept:
                    pid = int(kept.read())
            except FileNotFoundError:   # the machine is ending
                break
            found = one_range(reader, lambda p=pid: os.kill(p, signal.SIGSTOP),
                              lambda p=pid: os.kill(p, signal.SIGCONT))
            if found:
                child.terminate()
                return (reader,) + found
    return None


def svg(image, log):
    """The figure; Missed if no contest showed such a range."""
    for _ in range(CONTESTS):
        met = of_contest(image, log)
        if met:
            break
    else:
        raise Missed
    reader, page, spaces = met
    row_bytes = reader.row * 4096
    names = ('before: the device has the page',
             'during: the range is open, the driver waits for the device',
             'after: the CPU has the page')
    return figure.draw(TITLE, [(name, web.of_space(space, reader))
                               for name, space in zip(names, spaces)],
                       web.legend(reader), page - page % row_bytes)
