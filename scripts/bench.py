#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench - count the instructions of every workload, beside Linux's

Boots the release image exactly as Linux's figures were taken (one qemu64 CPU,
2 GiB, -icount shift=0: one tick of the clock is one executed instruction),
prints a table and writes build/bench.csv (metric,value,unit).

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

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(TOP, 'build', 'bench.csv')
# Not instructions per operation, or nothing of Linux's to set beside them.
NOT_JUDGED = ('boot_*', 'overhead_*')


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
    return rows


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
    return figures


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


def main():
    rows = run()
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    with open(OUT, 'w', encoding='utf-8', newline='') as out:
        writer = csv.writer(out, lineterminator='\n')
        writer.writerow(('metric', 'value', 'unit'))
        writer.writerows(rows)

    linux, goals = read_linux(), read_goals()
    above, missed, met = [], [], 0
    print('%-44s %12s %12s %7s %6s' %
          ('metric', 'concord', 'linux', 'ratio', 'goal'))
    for metric, value, unit in rows:
        goal, less, at_most = goal_of(goals, metric)
        theirs = linux.get(metric)
        if theirs is None:
            print('%-44s %12d %12s %7s %6s  %s' %
                  (metric, value, '', '', '', unit))
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
        print('%-44s %12d %12d %7s %6s%s' %
              (metric, value, theirs, ratio, shown, mark))
    print('* ours is called without an entry from user mode: '
          'Linux\'s figure is less 355')
    print('%d goals met, %d missed, %d above Linux; written: %s' %
          (met, len(missed), len(above), os.path.relpath(OUT, TOP)))
    return 0


if __name__ == '__main__':
    sys.exit(main())
