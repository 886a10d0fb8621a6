#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""selection - one of several parts of what there is to run, by a seed

    scripts/selection.py WHAT[,ALWAYS] PARTS SEED    a pattern for T=

Some builds run so slowly, and some are so many, that CI cannot run all of them. It runs
one of PARTS parts, chosen by SEED modulo PARTS (scripts/steps), so PARTS seeds in a
row run everything, each name once. The parts are about as large as each other:
the largest suite first, each into the part that is smallest so far. ALWAYS is in
each part: the tests of the tool itself, say.

    suites      of the tests inside the kernel, as the sources have them; as
                large as the number of their tests
    machines    of tests/machines, as large as the number of their CPUs
    schedules   of `make explore`: scenarios, and faults that they find
    kernels     of `make configs`; one with tests takes longer
"""

import os
import re
import sys

import machinetable
import meant


def suites():
    """{'suite.*': how many tests it has}"""
    sizes = {}
    for name in meant.tests_of_sources():
        pattern = name.split('.')[0] + '.*'
        sizes[pattern] = sizes.get(pattern, 0) + 1
    return sizes


def machines():
    """{name: how long it takes, more or less}"""
    return {name: 8 + machine.cpus
            for name, machine in machinetable.read().items()}


def schedules():
    """Each scenario has a fault, so the faults name them all."""
    with open(os.path.join(meant.TOP, 'tests', 'explore', 'faults'),
              encoding='utf-8') as faults:
        text = faults.read()
    names = ['fault.' + name for name in re.findall(r'^fault (\w+)$', text, re.M)]
    names += ['.'.join(found) for found in
              re.findall(r'^of (\w+)\nfinds (\w+)$', text, re.M)]
    return dict.fromkeys(names, 1)


def kernels():
    """Those of LACKING in options.mk."""
    with open(os.path.join(meant.TOP, 'options.mk'), encoding='utf-8') as options:
        text = options.read().replace('\\\n', ' ')
    listed = re.search(r'^LACKING := (.*)$', text, re.M).group(1).split()
    return {name: 1 if name.startswith('release') else 3 for name in listed}


LISTS = {'suites': suites, 'machines': machines, 'schedules': schedules,
         'kernels': kernels}


def part(sizes, parts, seed, always=()):
    """The names of one part, of {name: size}. Never none: that would mean all."""
    sizes = {name: size for name, size in sizes.items() if name not in always}
    parts = min(parts, len(sizes))
    bins = [[0, number, []] for number in range(parts)]
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        smallest = min(bins)
        smallest[0] += sizes[name]
        smallest[2].append(name)
    return sorted(bins[seed % parts][2]) + list(always)


def main(args):
    what, *always = args[0].split(',') if args else ['']
    if len(args) != 3 or what not in LISTS or \
            not all(arg.isdigit() for arg in args[1:]) or args[1] == '0':
        sys.exit(__doc__)
    print(','.join(part(LISTS[what](), int(args[1]), int(args[2]), always)))


if __name__ == '__main__':
    main(sys.argv[1:])
