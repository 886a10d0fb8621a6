#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench - count the instructions of every workload, beside Linux's

    scripts/bench.py PROGRAM        `make bench' builds and calls it

Boots the release image exactly as Linux's figures were taken (one qemu64 CPU,
2 GiB, -icount shift=0: one tick of the clock is one executed instruction).
PROGRAM has the workloads of the notifier core for the host: callgrind says what
branches and caches make of them.  Prints a table and writes build/bench.csv
(metric,value,unit, then what the host measured of the metric, if it did).

`less` in bench/goals.csv is what is taken off Linux's figure because ours has
no entry from user mode; such lines carry a mark.  `at_most` is a goal in
instructions, for work of which Linux's figure is nothing.  A goal that is
missed is printed, not failed: the exit status says whether the run was
complete.
"""

import csv
import fnmatch
import os
import subprocess
import sys

import callgrind

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(TOP, 'build', 'bench.csv')
# Not instructions per operation, or nothing of Linux's to set beside them.
NOT_JUDGED = ('boot_*', 'overhead_*')
ON_HOST = ('insn', 'indirect', 'mispredicted', 'd1_misses', 'll_misses')
EMPTY = 'overhead_of_a_sample'
# What a page costs: with 512 of them less without, by 512; ours and Linux's alike.
PER_PAGE = {
    'fork_per_page_of_512': ('fork_call_512pages', 'fork_call_0pages'),
    'fork_exit_per_page_of_512': ('fork_exit_wait_512pages',
                                  'fork_exit_wait_0pages'),
    'clear_soft_dirty_per_page_of_512': (
        'clear_refs_soft_dirty_512',
        'clear_refs_soft_dirty_same_mm_less_the_512'),
}


def run():
    command = [os.path.join(TOP, 'scripts', 'run-qemu'),
               '--image', os.path.join(TOP, 'build/release/concord.elf'),
               '--mode', 'bench', '--peer', 'none', '--icount',
               '--cpu', 'qemu64', '--smp', '1', '--mem', '2G',
               '--timeout', '600']
    with subprocess.Popen(command, stdout=subprocess.PIPE,
                          stdin=subprocess.DEVNULL) as child:
        lines = [raw.decode('utf-8', 'replace').strip()
                 for raw in child.stdout]
        status = child.wait()
    if status != 0 or 'BENCH done' not in lines:
        print('\n'.join(lines[-40:]))
        sys.exit('bench: the run is not complete (status %d)' % status)
    rows = []
    for line in lines:
        if line.startswith('BENCH ') and line.count(',') == 2:
            metric, value, unit = line[len('BENCH '):].split(',')
            rows.append((metric, int(value), unit))
    figures = per_page({metric: value for metric, value, _ in rows})
    return rows + [(metric, round(value), 'insn')
                   for metric, value in figures.items()]


def on_host(dumps):
    """{metric: its ON_HOST figures, less those of an empty sample}."""
    figures = {}
    for dump in dumps:
        metric, values = callgrind.of_one_operation(dump, ON_HOST)
        if metric in figures:
            raise callgrind.Wrong('%s was measured twice' % metric)
        figures[metric] = values
    if EMPTY not in figures:
        raise callgrind.Wrong('%s was not measured' % EMPTY)
    empty = figures.pop(EMPTY)
    return {metric: [max(0.0, value - nothing)
                     for value, nothing in zip(values, empty)]
            for metric, values in figures.items()}


def per_page(figures):
    """The rows of PER_PAGE."""
    return {metric: (figures[many] - figures[none]) / 512
            for metric, (many, none) in PER_PAGE.items()}


def read_linux():
    """The smaller of the two kernels' figures, by metric."""
    figures = {}
    path = os.path.join(TOP, 'bench', 'linux-6.1.csv')
    with open(path, encoding='utf-8') as lines:
        for row in csv.DictReader(lines):
            values = [float(row[column]) for column in
                      ('linux_stock_6.1', 'linux_anchor_6.1')
                      if row[column] != '-']
            if values:
                figures[row['metric']] = min(values)
    return figures | per_page(figures)


def read_goals():
    path = os.path.join(TOP, 'bench', 'goals.csv')
    with open(path, encoding='utf-8') as lines:
        return list(csv.DictReader(lines))


def goal_of(goals, metric):
    for row in goals:
        if fnmatch.fnmatchcase(metric, row['metric']):
            return (float(row['goal']) if row['goal'] else None,
                    int(row['less']),
                    int(row['at_most']) if row['at_most'] else None)
    return None, 0, None


def measure(program):
    """The kernel's rows, and the host's figures of some of them."""
    try:
        host = on_host(callgrind.measure([program], TOP, branches=True))
    except callgrind.Wrong as wrong:
        sys.exit('bench: %s' % wrong)
    rows = run()
    unknown = set(host) - {metric for metric, _, _ in rows}
    if unknown:
        sys.exit('bench: the kernel did not count %s' %
                 ', '.join(sorted(unknown)))
    return rows, host


def write_csv(rows, host):
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    with open(OUT, 'w', encoding='utf-8', newline='') as out:
        writer = csv.writer(out, lineterminator='\n')
        writer.writerow(['metric', 'value', 'unit'] +
                        ['host_' + figure for figure in ON_HOST])
        for metric, value, unit in rows:
            writer.writerow([metric, value, unit] +
                            ['%.3f' % figure for figure in host[metric]]
                            if metric in host else
                            [metric, value, unit] + [''] * len(ON_HOST))


def main():
    rows, host = measure(sys.argv[1])
    write_csv(rows, host)
    linux, goals = read_linux(), read_goals()
    above, missed, met = [], [], 0
    print('%-40s %10s %10s %6s %5s | %8s %7s %7s %7s %7s' %
          ('metric', 'concord', 'linux', 'ratio', 'goal', 'on host',
           'indir.', 'mispr.', 'D1 miss', 'LL miss'))
    for metric, value, unit in rows:
        goal, less, at_most = goal_of(goals, metric)
        theirs = linux.get(metric)
        measured = ' |%9.1f %7.1f %7.1f %7.1f %7.1f' % tuple(host[metric]) \
            if metric in host else ''
        if theirs is None:
            print('%-40s %10d %10s %6s %5s%s  %s' %
                  (metric, value, '', '', '', measured, unit))
            continue
        theirs -= less
        mark = ' *' if less else ''
        if theirs > 0:
            ratio = '%.2f' % (value / theirs)
            within = goal is None or value <= goal * theirs
            below = value <= theirs
        else:
            ratio = '-'
            within = below = value <= (at_most or 0)
        if within:
            met += 1
        else:
            mark += ' goal missed'
            missed.append(metric)
        if not below and not any(fnmatch.fnmatchcase(metric, pattern)
                                 for pattern in NOT_JUDGED):
            mark += ', ABOVE LINUX'
            above.append(metric)
        shown = '<=%d' % at_most if at_most else \
            '' if goal is None else '%g' % goal
        print('%-40s %10d %10d %6s %5s%s%s' %
              (metric, value, theirs, ratio, shown, measured, mark))
    print('* ours is called without an entry from user mode: '
          'Linux\'s figure is less 355')
    print('| the core on the host, under callgrind: instructions, indirect and '
          'mispredicted branches, misses of data')
    print('%d goals met, %d missed, %d above Linux; written: %s' %
          (met, len(missed), len(above), os.path.relpath(OUT, TOP)))
    return 0


if __name__ == '__main__':
    sys.exit(main())
