#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run - compare designs of the interval index: instructions, misses, time

    bench/index/run.py PROGRAM...       `make index-bench' builds and calls it

Each PROGRAM is compare.c with one design.  It is first tried against a linear
shadow, then run for each number of intervals: under callgrind, which counts
instructions and simulates the caches stated below, and alone, by the clock.
From the environment: N='10 1000 ...' intervals, OPS=n operations of each
kind, SEED=n, CLOCK=no (leave the clock out).  Prints tables and writes
build/index-bench.csv.

`cost' is callgrind's rule of thumb for cycles: one for an instruction, ten for
a miss of the first cache, a hundred for a miss of the last.
"""

import csv
import glob
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
OUT = os.path.join(TOP, 'build', 'index-bench.csv')
D1 = '32768,8,64'
LL = '8388608,16,64'
KINDS = ('hit', 'miss', 'walk', 'insert', 'remove')
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


def read_dump(path):
    """(kind, operations, {event: count}) of one of callgrind's dumps."""
    trigger, events, totals = None, [], []
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            key, _, rest = line.strip().partition(': ')
            if key == 'desc' and rest.startswith('Trigger: Client Request: '):
                trigger = rest.rsplit(': ', 1)[1].split()
            elif key == 'events':
                events = rest.split()
            elif key == 'totals':
                totals = [int(number) for number in rest.split()]
    if not trigger:
        return None
    totals += [0] * (len(events) - len(totals))
    return trigger[0], int(trigger[1]), dict(zip(events, totals))


def count(program, options):
    """{kind: (instructions, misses of D1, of LL)}, each of one operation."""
    kinds = {}
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, 'out')
        run(['valgrind', '-q', '--tool=callgrind', '--cache-sim=yes',
             '--collect-atstart=no', '--D1=' + D1, '--LL=' + LL,
             '--callgrind-out-file=' + out, program] + options)
        for path in glob.glob(out + '.*'):
            dump = read_dump(path)
            if dump:
                kind, ops, event = dump
                kinds[kind] = (event['Ir'] / ops,
                               (event['D1mr'] + event['D1mw']) / ops,
                               (event['DLmr'] + event['DLmw']) / ops)
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
          (seed, ops, D1, LL))
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


main()
