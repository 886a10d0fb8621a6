#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The peer and its driver call in one direction. Prints TAP.

Usage: call_order_test.py BUILD

Each of them has a list of its files in a header, after the words "Calls go down
this list only". A file may use a symbol of a file below it in the list, and of
no file above it; the objects' symbol tables say what is used.
"""

import glob
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True

import tap  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def listed(header):
    """The files that the list in the header names, from the top down."""
    with open(header, encoding='utf-8') as text:
        after = text.read().split('Calls go down this list only')[1]
    files = []
    for line in after.splitlines():
        found = re.match(r' \*\t(\w+)\.c\t', line)
        if found:
            files.append(found.group(1))
        elif files:
            break
    return files


def symbols(path):
    """(defined, used) names of an object."""
    said = subprocess.run(['nm', '-g', '-P', path], capture_output=True,
                          text=True, check=True).stdout
    defined, used = set(), set()
    for line in said.splitlines():
        name, kind = line.split()[:2]
        (used if kind == 'U' else defined).add(name)
    return defined, used


def upward(order, tables):
    """'FILE uses NAME of ABOVE' for each symbol used against the order."""
    home = {name: file for file in order for name in tables[file][0]}
    place = {file: number for number, file in enumerate(order)}
    return ['%s.c uses %s() of %s.c' % (file, name, home[name])
            for file in order for name in sorted(tables[file][1])
            if name in home and place[home[name]] < place[file]]


def judge(sources, header, objects):
    order = listed(os.path.join(TOP, header))
    there = {os.path.basename(path)[:-2]
             for path in glob.glob(os.path.join(TOP, sources, '*.c'))}
    if set(order) != there:
        return 'the list of %s: %s' % (header, ' '.join(set(order) ^ there))
    tables = {file: symbols(os.path.join(TOP, objects, file + '.o'))
              for file in order}
    return '\n'.join(upward(order, tables))


def test_the_peer_calls_down_its_list_only():
    return judge('peer', 'peer/device.h', 'build/peer/plain')


def test_the_driver_calls_down_its_list_only():
    return judge('drivers/peer', 'drivers/peer/internal.h',
                 os.path.join(BUILD, 'drivers/peer'))


def test_a_call_upwards_is_found():
    tables = {'high': ({'begin'}, {'help', 'memcpy'}),
              'low': ({'help'}, {'begin'})}
    return tap.equal(upward(['high', 'low'], tables),
                     ['low.c uses begin() of high.c'])


BUILD = sys.argv[1] if len(sys.argv) > 1 else 'build/test'

if __name__ == '__main__':
    sys.exit(tap.main('call_order', globals()))
