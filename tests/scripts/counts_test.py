#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts read from a machine's RAM, and the verdict on what ran. Prints TAP.

The image is a real one, of two functions, linked as the kernel is; its RAM is a file
in which the counter of one of them stands at 1.
"""

import contextlib
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from unittest import mock

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import coverage  # noqa: E402
import gcda  # noqa: E402
import tap  # noqa: E402
from tap import equal  # noqa: E402
from trace import image as symbols  # noqa: E402

SOURCE = '''int ran(int n);
int never(int n);
int ran(int n)
{
	return n + 1;
}
int never(int n)
{
	return n + 2;
}
'''
COMPILE = ['-std=gnu11', '-Og', '-ffreestanding', '-mcmodel=kernel', '-fno-pic',
           '-fprofile-arcs', '-ftest-coverage', '-fprofile-update=atomic',
           '-fprofile-info-section=.gcov_info']


class Machine:
    """An image in a folder of its own, and the RAM of a machine that ran it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='coverage')
        self.image = os.path.join(self.folder, 'image')
        self.ram = os.path.join(self.folder, 'ram')
        with open(os.path.join(self.folder, 'two.c'), 'w', encoding='ascii') as out:
            out.write(SOURCE)
        self.run(['gcc'] + COMPILE + ['-c', 'two.c', '-o', 'two.o'])
        self.run(['ld', '-nostdlib', '-static', '-e', 'ran', '-T',
                  os.path.join(TOP, 'linker.ld'), '-o', 'image', 'two.o'])
        self.counters = gcda.Counters(self.image)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def run(self, command):
        done = subprocess.run(command, cwd=self.folder, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True)
        if done.returncode:
            raise OSError(' '.join(command) + ': ' + done.stdout)
        return done.stdout

    def write_ram(self, loaded=True):
        """ran() ran once."""
        with open(self.ram, 'wb') as ram:
            for vaddr, length, offset in self.counters.memory.segments:
                if loaded and vaddr >= symbols.KERNEL_VMA:
                    ram.seek(vaddr - symbols.KERNEL_VMA)
                    ram.write(self.counters.memory.bytes[offset:offset + length])
            end = self.counters.image.physical('__image_end')
            ram.truncate(end)
            _, _, where = max(self.counters.sources[0].functions,
                              key=lambda function: self.starts('ran', function))
            ram.seek(where - symbols.KERNEL_VMA)
            ram.write(struct.pack('<Q', 1))

    def starts(self, name, function):
        """Is this the function of that name? Its counters have the name."""
        return self.counters.image.symbols['__gcov0.' + name][0] == function[2]


def test_a_function_that_did_not_run_is_listed_and_one_that_ran_is_not():
    with Machine() as machine:
        machine.write_ram()
        (_, data), = machine.counters.files(
            machine.counters.take(machine.ram)).items()
        with open(os.path.join(machine.folder, 'two.gcda'), 'wb') as out:
            out.write(data)
        said = machine.run(['gcov', '-t', 'two'])
    counts = dict(re.findall(r'^ *([\d#]+)\*?: *\d+:\s+return n \+ (\d);', said, re.M))
    return equal({n: count for count, n in counts.items()}, {'1': '1', '2': '#####'})


def test_the_counts_of_all_boots_are_added():
    with Machine() as machine:
        machine.write_ram()
        shutil.copy(machine.image, os.path.join(machine.folder, 'concord.elf'))
        counts = os.path.join(machine.folder, 'counts')
        with mock.patch.multiple(coverage, BUILD=machine.folder, COUNTS=counts):
            for boot in ('a', 'b'):
                coverage.take(machine.image, machine.ram, os.path.join(counts, boot))
            boots = coverage.write_kernel()
            said = machine.run(['gcov', '-t', 'two'])
            with open(os.path.join(counts, 'c'), 'w', encoding='ascii') as out:
                out.write('1')
            try:
                coverage.write_kernel()
                other = ''
            except SystemExit as refused:
                other = str(refused)
    return equal((boots, re.search(r'(\d+)\*?: *\d+:\s+return n \+ 1;', said).group(1),
                  other.endswith('c: of another kernel')), (2, '2', True))


def test_a_machine_without_the_kernel_counted_nothing():
    with Machine() as machine:
        machine.write_ram(loaded=False)
        return equal(machine.counters.take(machine.ram), [0, 0])


def test_an_image_without_counters_is_refused():
    with Machine() as machine:
        machine.run(['gcc', '-ffreestanding', '-mcmodel=kernel', '-fno-pic', '-c',
                     'two.c', '-o', 'two.o'])
        machine.run(['ld', '-nostdlib', '-static', '-e', 'ran', '-T',
                     os.path.join(TOP, 'linker.ld'), '-o', 'image', 'two.o'])
        try:
            gcda.Counters(machine.image)
        except gcda.Refused as refused:
            return equal('counts nothing' in str(refused), True)
    return 'it was taken'


def entry(path='mm/a.c', **counts):
    """A file of gcovr's: `first` is at line 10, `second` at line 20."""
    functions = [{'name': name, 'lineno': 10 * number, 'execution_count': 1}
                 for number, name in enumerate(counts, 1)]
    lines = [{'line_number': f['lineno'] + i, 'count': count, 'branches':
              [{'count': count}, {'count': 0}]}
             for f in functions for i, count in enumerate(counts[f['name']])]
    return json.loads(json.dumps({'file': path, 'functions': functions,
                                  'lines': lines}))


def test_lines_that_did_not_run_must_be_listed():
    said = coverage.judge_list([entry(first=[1, 0], second=[0, 0])],
                               {('mm/a.c', 'first'): (1, True),
                                ('mm/a.c', 'second'): (1, False)})
    return equal(said, ['mm/a.c:20: 2 lines of second did not run, and '
                        'tests/uncovered says 1'])


def test_what_is_listed_and_ran_is_wrong():
    said = coverage.judge_list([entry(first=[1, 1])], {
        ('mm/a.c', 'first'): (1, True), ('mm/a.c', 'gone'): (1, True),
        ('mm/a.c', 'by_the_moment'): (1, False)})
    return equal(said, ['tests/uncovered: first of mm/a.c is listed, and every line '
                        'of it ran', 'tests/uncovered: gone of mm/a.c is listed, and '
                        'every line of it ran'])


def test_a_condition_before_a_panic_has_no_branches_and_others_have():
    text = ('void f(void)\n{\n\tif (a ||\n\t    b)\n\t\tpanic("x");\n'
            '\tif (c)\n\t\treturn;\n\tpanic("y");\n}\n')
    return equal(coverage.before_panics(text), {3, 4})


def test_folders_without_a_goal_need_no_list():
    return equal(coverage.judge_list([entry('lib/a.c', first=[0])], {}), [])


def test_the_list_is_read_line_by_line():
    listed, wrong = coverage.read_list('# why\n\nmm/a.c first 2 a reason\n'
                                       'mm/a.c first 2 again\nmm/a.c second no\n'
                                       'mm/a.c third ~3 the moment\n')
    return equal((listed, wrong), ({('mm/a.c', 'first'): (2, True),
                                    ('mm/a.c', 'third'): (3, False)}, [
        'tests/uncovered:4: first stands twice',
        'tests/uncovered:5: not FILE FUNCTION LINES REASON']))


def test_goals_are_of_lines_and_of_branches():
    tallies = coverage.folders_of([entry('mm/x/a.c', first=[1] * 10),
                                   entry('drivers/peer/b.c', first=[0] + [1] * 9)])
    return equal(coverage.judge_goals(tallies), [
        'mm: 50.0 % of branches, wanted 85',
        'drivers/peer: 90.0 % of lines, wanted 95',
        'drivers/peer: 45.0 % of branches, wanted 85'])


def test_a_run_that_covers_the_seeded_function_is_refused():
    seeded = dict(coverage_seeded_runs=[1, 1, 0], coverage_seeded_never=[0, 0])
    right = coverage.judge_seeded([entry(coverage.SEEDED, **seeded)])
    seeded['coverage_seeded_never'] = [1, 1]
    return equal((right, len(coverage.judge_seeded(
        [entry(coverage.SEEDED, **seeded)])), len(coverage.judge_seeded([]))),
        ([], 1, 1))


def reported(files, listed='', **env):
    """The status of a report on these, and what it says is wrong."""
    with tempfile.NamedTemporaryFile('w', suffix='uncovered') as known, \
            contextlib.redirect_stdout(io.StringIO()) as out, \
            mock.patch.dict(os.environ, dict({'T': ''}, **env)), \
            mock.patch.multiple(coverage, LIST=known.name, gcovr=lambda: files,
                                write_kernel=lambda: 1):
        known.write(listed)
        known.flush()
        status = coverage.report()
    return status, [line for line in out.getvalue().splitlines()
                    if line.startswith('coverage: ')]


def test_a_report_fails_where_anything_is_wrong():
    seeded = entry(coverage.SEEDED, coverage_seeded_runs=[1, 1, 0],
                   coverage_seeded_never=[0, 0])
    good = [seeded] + [entry(path, first=[1] * 40) for path in
                       ('mm/a.c', 'drivers/peer/b.c')]
    for file in good[1:]:
        for line in file['lines']:
            line['branches'][1]['count'] = 1
    some = json.loads(json.dumps(good))
    some[1]['lines'][5]['count'] = 0
    poor = json.loads(json.dumps(good))
    poor[2]['lines'] = poor[2]['lines'][:1]
    poor[2]['lines'][0]['branches'] = [{'count': 0}]
    found = [reported(good), reported(good[1:]), reported(some), reported(poor),
             reported(some, 'mm/a.c first 1 why\n'), reported(good, 'mm/a.c\n'),
             reported(some, T='mm.*'), reported(good[1:], T='mm.*')]
    return equal([(status, len(said), said[-1]) for status, said in found],
                 [(bool(wrong), 1 + wrong, 'coverage: ' + ('FAIL' if wrong else 'PASS'))
                  for wrong in (0, 1, 1, 1, 0, 1, 0, 1)])


if __name__ == '__main__':
    sys.exit(tap.main('counts', globals()))
