#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run - compare designs of the interval index: instructions, misses, time

    bench/index/run.py PROGRAM...       `make index-bench' builds and calls it

Each PROGRAM is compare.c with one design.  It is first tried against a linear
shadow, then run for each number of intervals: under callgrind, which counts
instructions and simulates the caches named in scripts/callgrind.py, and alone, by
the clock.
From the environment: N='10 1000 ...' intervals, OPS=n operations of each
kind, SEED=n, CLOCK=no (leave the clock out).  Prints tables and writes
build/index-bench.csv.

`cost' is callgrind's rule of thumb for cycles: one for an instruction, ten for
a miss of the first cache, a hundred for a miss of the last.
"""

import csv
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import callgrind  # noqa: E402

OUT = os.path.join(TOP, 'build', 'index-bench.csv')
KINDS = ('hit', 'miss', 'walk', 'insert', 'remove')
COUNTED = ('insn', 'd1_misses', 'll_misses')
CHECKED = 100000


def run(command, **more):
    done = subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, **more)
    said = done.stdout.decode('utf-8', 'replace')
    if done.returncode != 0:
        sys.exit('%s: status %d\n%s' % (' '.join(command), done.returncode,
                                        said))
    return said


def count(program, options):
    """{kind: (instructions, misses of D1, of LL)}, each of one operation."""
    kinds = dict(callgrind.of_one_operation(dump, COUNTED) for dump in
                 callgrind.measure([program] + options, TOP))
    drawn = kinds.pop('draw')[0]
    return {kind: (instructions -
                   (drawn if kind in ('hit', 'miss', 'walk') else 0), d1, ll)
            for kind, (instructions, d1, ll) in kinds.items()}


def clock(program, options):
    """{kind: nanoseconds}, in memory of large pages as a kernel's is."""
    said = run([program] + options, env=dict(
        os.environ, GLIBC_TUNABLES='glibc.malloc.hugetlb=1'))
    return {words[1]: float(words[2]) for words in
            (line.split() for line in said.split('\n'))
            if words and words[0] == 'ns'}, \
        [line.split()[1] for line in said.split('\n')
         if line.startswith('bytes')][0]


def main():
    programs = sys.argv[1:]
    if not programs:
        sys.exit(__doc__)
    sizes = (os.environ.get('N') or '10 1000 100000 1000000').split()
    ops = os.environ.get('OPS') or '20000'
    seed = os.environ.get('SEED') or '1'
    timed = os.environ.get('CLOCK') != 'no'
    for program in programs:
        print(run([program, 'CHECK=1', 'OPS=%d' % CHECKED,
                   'SEED=' + seed]).strip())
    print('seed %s, %s operations; caches simulated: D1 %s, LL %s' %
          (seed, ops, callgrind.D1, callgrind.LL))
    rows = []
    for size in sizes:
        options = ['N=' + size, 'OPS=' + ops, 'SEED=' + seed]
        print('\n%s intervals' % size)
        print('  %-9s %-7s %9s %8s %8s %8s %9s' %
              ('design', 'work', 'insn', 'D1 miss', 'LL miss', 'cost', 'ns'))
        for program in programs:
            name = os.path.basename(program)
            counted = count(program, options)
            took, memory = clock(program, options) if timed else ({}, '-')
            for kind in KINDS:
                insn, d1, ll = counted[kind]
                row = [name, size, kind, '%.1f' % insn, '%.2f' % d1,
                       '%.2f' % ll, '%.0f' % (insn + 10 * d1 + 100 * ll),
                       '%.0f' % took[kind] if kind in took else '-']
                rows.append(row)
                print('  %-9s %-7s %9s %8s %8s %8s %9s' %
                      (name, kind, *row[3:]))
            print('  %-9s bytes an interval: %s' % (name, memory))
            sys.stdout.flush()
    with open(OUT, 'w', encoding='utf-8', newline='') as out:
        table = csv.writer(out, lineterminator='\n')
        table.writerow(['design', 'intervals', 'work', 'instructions',
                        'd1_misses', 'll_misses', 'cost', 'ns'])
        table.writerows(rows)


try:
    main()
except callgrind.Wrong as wrong:
    sys.exit('index-bench: %s' % wrong)
