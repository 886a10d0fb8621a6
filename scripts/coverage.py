#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage - which lines and branches of the tree ran, in kernels and on the host

    scripts/coverage.py take IMAGE RAM OUT
                        the counts of one boot, from a machine's RAM (gcda.py)
    scripts/coverage.py clear
                        forget all counts
    scripts/coverage.py report
                        a table, pages in build/coverage/pages, and the verdict

`make coverage` clears, runs the tests of build/coverage and of the host programs that
count, and reports. The counts of all boots are added and written beside the objects
of the kernel; programs have written theirs. gcovr, by gcc's gcov, puts both together.

Branches of an assertion (ASSERT, WARN, BUG_ON, lockdep_assert_held, might_sleep and
its like) are not counted, nor those of a condition before a panic: the other side is a
programmer's error. The line of the panic is counted.

The verdict, if every test was run (T empty):

    goals       95 of 100 lines and 85 of 100 branches of each folder of GOALS
    listed      each line there that did not run is in a function that
                tests/uncovered names, and that function has no more of them than
                it says, nor none, unless ~ says that it depends on the moment
    seeded      of kernel/coverage/seeded.c is covered and not covered what must be
"""

import collections
import glob
import json
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'scripts'))

import gcda  # noqa: E402

BUILD = os.path.join('build', 'coverage')
COUNTS = os.path.join(BUILD, 'counts')
PAGES = os.path.join(BUILD, 'pages')
OBJECTS = [BUILD, 'build/peer/coverage', 'build/host-coverage']
ROOMS = 'mm|kernel|drivers|arch|peer|lib'
GOALS = ('mm', 'drivers/peer')
LINES, BRANCHES = 95.0, 85.0
ASSERTS = r'[ \t]*(?:\}? ?else )?(?:ASSERT|WARN|BUG_ON|panic|might_|lockdep_)\w*\('
# The lines of a condition whose first statement panics.
PANICS = re.compile(r'^\t+(?:\} else )?if \((?:[^;{]|\n)*?\)\s*\{?\n(?=\s*(?:panic|complain|'
                    r'boot_refuse|page_bad|bad_kfree)\w*\()', re.M)
LIST = os.path.join('tests', 'uncovered')
SEEDED = 'kernel/coverage/seeded.c'


class Tally:
    """Lines and branches, and how many of them ran."""

    def __init__(self):
        self.lines = self.ran = self.branches = self.taken = 0

    def add(self, line):
        self.lines += 1
        self.ran += line['count'] > 0
        self.branches += len(line['branches'])
        self.taken += sum(branch['count'] > 0 for branch in line['branches'])

    def percent(self):
        """Of lines and of branches; where there are none, all of them."""
        return (100.0 * self.ran / self.lines if self.lines else 100.0,
                100.0 * self.taken / self.branches if self.branches else 100.0)


def functions_of(entry):
    """{function: [its lines]} of a file of gcovr's JSON."""
    starts = sorted((f['lineno'], f['name']) for f in entry['functions'])
    found = {name: [] for _, name in starts}
    for line in entry['lines']:
        before = [name for at, name in starts if at <= line['line_number']]
        if before:
            found[before[-1]].append(line)
    return found


def not_run(entry):
    """{function: [numbers of its lines that did not run]}, where there are any."""
    missed = {name: [line['line_number'] for line in lines if not line['count']]
              for name, lines in functions_of(entry).items()}
    return {name: numbers for name, numbers in missed.items() if numbers}


def read_list(text):
    """{(file, function): (how many lines, always)}; what is wrong with the list."""
    listed, wrong = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        words = line.split(None, 3)
        if len(words) < 4 or not words[2].lstrip('~').isdigit():
            wrong.append('%s:%d: not FILE FUNCTION LINES REASON' % (LIST, number))
        elif (words[0], words[1]) in listed:
            wrong.append('%s:%d: %s stands twice' % (LIST, number, words[1]))
        else:
            listed[words[0], words[1]] = (int(words[2].lstrip('~')),
                                          not words[2].startswith('~'))
    return listed, wrong


def judge_list(files, listed, folders=GOALS):
    """What did not run and is not listed, and what is listed and ran."""
    wrong, missed = [], {}
    for entry in files:
        if entry['file'].startswith(tuple(folder + '/' for folder in folders)):
            for name, numbers in not_run(entry).items():
                missed[entry['file'], name] = numbers
    for (path, name), numbers in sorted(missed.items()):
        allowed, _ = listed.get((path, name), (0, True))
        if len(numbers) > allowed:
            wrong.append('%s:%d: %d lines of %s did not run, and %s says %d' % (
                path, numbers[0], len(numbers), name, LIST, allowed))
    for (path, name), (_, always) in sorted(listed.items()):
        if always and (path, name) not in missed:
            wrong.append('%s: %s of %s is listed, and every line of it ran' %
                         (LIST, name, path))
    return wrong


def judge_seeded(files):
    """The lines of which the answer is known."""
    found = [not_run(entry) for entry in files if entry['file'] == SEEDED]
    counted = [{name: len(numbers) for name, numbers in f.items()} for f in found]
    wanted = [{'coverage_seeded_runs': 1, 'coverage_seeded_never': 2}]
    return [] if counted == wanted else [
        '%s: lines that did not run: %r, must be %r' % (SEEDED, counted, wanted)]


def folders_of(files):
    """{folder: Tally}, by the folder of a file and by each that has a goal."""
    tallies = collections.defaultdict(Tally)
    for entry in files:
        folder = os.path.dirname(entry['file'])
        names = {folder} | {goal for goal in (*GOALS, *ROOMS.split('|'))
                            if (folder + '/').startswith(goal + '/')}
        for line in entry['lines']:
            for name in names:
                tallies[name].add(line)
    return tallies


def table(tallies):
    lines = ['%-26s %17s %7s %19s %7s' % ('folder', 'lines', '%', 'branches', '%')]
    for name, tally in sorted(tallies.items()):
        line, branch = tally.percent()
        lines.append('%-26s %8d /%7d %7.1f %9d /%8d %7.1f' % (
            '  ' * name.count('/') + name, tally.ran, tally.lines, line,
            tally.taken, tally.branches, branch))
    return lines


def judge_goals(tallies):
    wrong = []
    for goal in GOALS:
        line, branch = tallies[goal].percent() if goal in tallies else (0.0, 0.0)
        if line < LINES:
            wrong.append('%s: %.1f %% of lines, wanted %.0f' % (goal, line, LINES))
        if branch < BRANCHES:
            wrong.append('%s: %.1f %% of branches, wanted %.0f' %
                         (goal, branch, BRANCHES))
    return wrong


def take(image, ram, out):
    counts = gcda.Counters(image).take(ram)
    os.makedirs(os.path.dirname(out) or '.', exist_ok=True)
    with open(out, 'w', encoding='ascii') as kept:
        kept.write('\n'.join(map(str, counts)))


def clear():
    for folder in OBJECTS:
        for path in glob.glob(os.path.join(folder, '**', '*.gcda'), recursive=True):
            os.remove(path)
    for path in glob.glob(os.path.join(COUNTS, '*')):
        os.remove(path)


def beside_object(name):
    """A .gcda belongs beside the .gcno; a cache may know another tree's path."""
    words = name.split('/')
    for i in range(len(words)):
        path = os.path.join(BUILD, *words[i:])
        if os.path.exists(path[:-len('gcda')] + 'gcno'):
            return path
    sys.exit('coverage: no .gcno of %s' % name)


def write_kernel():
    """The counts of all boots, added, where gcov looks for them."""
    counters = gcda.Counters(os.path.join(BUILD, 'concord.elf'))
    total = [0] * counters.total()
    boots = sorted(glob.glob(os.path.join(COUNTS, '*')))
    for path in boots:
        with open(path, encoding='ascii') as kept:
            counts = [int(line) for line in kept]
        if len(counts) != len(total):
            sys.exit('%s: of another kernel' % path)
        total = [a + b for a, b in zip(total, counts)]
    for name, data in counters.files(total).items():
        with open(beside_object(name), 'wb') as out:
            out.write(data)
    return len(boots)


def before_panics(text):
    """The numbers of the lines of each condition before a panic."""
    numbers = set()
    for match in PANICS.finditer(text):
        first = text.count('\n', 0, match.start()) + 1
        numbers.update(range(first, first + match.group().count('\n')))
    return numbers


def gcovr():
    """gcovr's own words are for the log; the pages and the JSON are made."""
    os.makedirs(PAGES, exist_ok=True)
    out = os.path.join(BUILD, 'coverage.json')
    command = ['gcovr', '--root', '.', '-j', str(os.cpu_count() or 2),
               '--exclude-branches-by-pattern', ASSERTS,
               '--json', out, '--html-details', os.path.join(PAGES, 'index.html')]
    for room in ROOMS.split('|'):
        command += ['--filter', room + '/']
    done = subprocess.run(command + OBJECTS, check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True)
    if done.returncode:
        sys.exit('gcovr: ' + done.stdout)
    with open(out, encoding='utf-8') as found:
        files = json.load(found)['files']
    for entry in files:
        with open(entry['file'], encoding='utf-8') as source:
            asserted = before_panics(source.read())
        entry['lines'] = [line for line in entry['lines']
                          if not line['gcovr/noncode']]
        for line in entry['lines']:
            if line['line_number'] in asserted:
                line['branches'] = []
    return files


def report():
    boots = write_kernel()
    files = gcovr()
    tallies = folders_of(files)
    print(*table(tallies), sep='\n')
    print('%d boots counted; pages: %s/index.html' % (boots, PAGES))
    wrong = judge_seeded(files)
    if os.environ.get('T'):
        print('T=%s: not every test ran, so no goal is judged' % os.environ['T'])
    else:
        with open(LIST, encoding='utf-8') as text:
            listed, said = read_list(text.read())
        wrong += said + judge_goals(tallies) + judge_list(files, listed)
    for line in wrong:
        print('coverage: ' + line)
    print('coverage: %s' % ('FAIL' if wrong else 'PASS'))
    return 1 if wrong else 0


def main(args):
    os.chdir(TOP)
    try:
        if args[:1] == ['take'] and len(args) == 4:
            take(*args[1:])
        elif args == ['clear']:
            clear()
        elif args == ['report']:
            return report()
        else:
            sys.exit(__doc__)
    except (OSError, gcda.Refused) as error:
        sys.exit('coverage: %s' % error)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
