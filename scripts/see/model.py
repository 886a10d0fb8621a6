# SPDX-License-Identifier: MIT
"""model - how a model fails without what wins a race, as columns

A seeded case of tests/model/run takes out of a model what wins the race, and spin finds
an order of the threads that does harm. It tries orders depth first, so the one that it
finds first is long: here the same program is searched breadth first, which finds a
shortest one. A case that is found by a cycle has no shortest order, and is not shown.
"""

import os
import re
import shutil
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STEP = re.compile(r'^ *\d+:\tproc +(\d+) \((\w+)\) (\S+\.pml):(\d+) \(state +\d+\)\t'
                  r'\[(.*)\]$')
FAILED = re.compile(r'^pan:1: (.*) \(at depth \d+\)$', re.M)
# Steps that only say that nothing else can be done here.
NOTHING = ('else', '(1)', 'break', '.(goto)')


class NotShown(Exception):
    """Why there is no trace, in a line."""


def tried(command, where):
    """What a command says on both outputs."""
    return subprocess.run(command, cwd=where, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, check=False).stdout


def trail(case):
    """What spin's program says of a shortest order by which a case fails."""
    for tool in ('spin', 'gcc'):
        if not shutil.which(tool):
            raise NotShown('%s is missing: `scripts/deps model` installs it' % tool)
    out = os.path.join(TOP, 'build', 'see', 'model')
    said = tried([os.path.join(TOP, 'tests', 'model', 'run'), out, case], TOP)
    where = os.path.join(out, case)
    if not re.search(r'^ok \d+ - %s\b' % re.escape(case), said, re.M):
        raise NotShown('the search of %s failed:\n%s' % (case, said))
    said = tried(['gcc', '-w', '-O0', '-DSAFETY', '-DBFS', '-DCOLLAPSE', '-DVECTORSZ=2048',
                  '-DMEMLIM=4096', '-o', 'shortest', 'pan.c'], where) + \
        tried(['./shortest'], where)
    failed = FAILED.search(said)
    if not failed:
        raise NotShown('no shortest order of %s was found:\n%s' % (case, said))
    return failed.group(1), tried(['./shortest', '-r'], where)


def steps_of(said):
    """[(thread, line and text)] of the steps by which something changes or is decided."""
    found = []
    for line in said.split('\n'):
        match = STEP.match(line)
        if not match or match.group(5) in NOTHING:
            continue
        number, name, _, line_number, text = match.groups()
        if text.startswith('D_STEP'):
            text = 'd_step { ... }'
        while text.startswith('(') and text.endswith(')') and closes_at_the_end(text):
            text = text[1:-1]
        found.append(('%s %s' % (name, number), '%s  %s' % (line_number, text)))
    return found


def model_of(said):
    return next(match.group(3) for match in map(STEP.match, said.split('\n')) if match)


def closes_at_the_end(text):
    """Is the first parenthesis closed by the last character?"""
    depth = 0
    for at, letter in enumerate(text):
        depth += {'(': 1, ')': -1}.get(letter, 0)
        if not depth:
            return at == len(text) - 1
    return False


def columns(steps):
    """Lines, a column for each thread in the order in which the threads come in."""
    threads = list(dict.fromkeys(thread for thread, _ in steps))
    widths = [2 + max([len(thread)] + [len(text) for mine, text in steps if mine == thread])
              for thread in threads]
    begin = [sum(widths[:i]) for i in range(len(threads))]
    return [''.join(thread.ljust(width) for thread, width in zip(threads, widths)).rstrip()] + \
        [' ' * begin[threads.index(thread)] + text for thread, text in steps]


def shown(case):
    """The lines that show how a case fails."""
    failed, said = trail(case)
    return ['model.%s: the model without what wins this race' % case,
            'The numbers are lines of tests/model/%s.' % model_of(said), ''] + \
        columns(steps_of(said)) + ['(here it fails: %s)' % failed]
