#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Parts chosen by a seed, and the steps of CI and `make assure`. Prints TAP."""

import os
import re
import shutil
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import selection  # noqa: E402
import tap  # noqa: E402
from elsewhere import path_with, place, run, write  # noqa: E402
from tap import equal  # noqa: E402

SIZES = {'a': 9, 'b': 5, 'c': 4, 'd': 3, 'e': 1}


def test_as_many_seeds_in_a_row_as_parts_run_everything_once():
    wrong = []
    for what, names in selection.LISTS.items():
        for first in (0, 5, 20787):
            run_in = [name for seed in range(first, first + 4)
                      for name in selection.part(names(), 4, seed)]
            if sorted(run_in) != sorted(names()):
                wrong.append((what, first))
    return equal(wrong, [])


def test_parts_are_about_as_large_as_each_other():
    return equal([selection.part(SIZES, 2, seed) for seed in (0, 1, 2)],
                 [['a', 'd'], ['b', 'c', 'e'], ['a', 'd']])


def test_more_parts_than_names_leave_none_empty():
    parts = [selection.part(SIZES, 100, seed) for seed in range(10)]
    return equal([part for part in parts if len(part) != 1], [])


def test_what_is_always_run_is_in_each_part():
    parts = [selection.part(SIZES, 2, seed, ['c', 'x']) for seed in (0, 1)]
    return equal(parts, [['a', 'c', 'x'], ['b', 'd', 'e', 'c', 'x']])


def test_words_that_choose_nothing_are_refused():
    script = os.path.join(TOP, 'scripts', 'selection.py')
    bad = (['suites', '0', '1'], ['nothing', '2', '1'], ['suites', '2'],
           ['suites', '2', 'x'], [])
    return equal([words for words in bad if run([script] + words)[0] != 1], [])


# A make that says how it was called, and counts; one that fails.
NOTES = '#!/bin/sh\necho "make: $*"\necho "2 passed, 0 failed, 1 skipped"\n'
FAILS = '#!/bin/sh\necho "2 passed, 0 failed, 1 skipped"\nexit 3\n'


def steps(words, make=NOTES, **env):
    """scripts/steps in a place of its own: status, lines."""
    with place() as where:
        scripts = os.path.join(where, 'scripts')
        os.mkdir(scripts)
        for name in ('steps', 'selection.py', 'meant.py', 'ktap.py',
                     'machinetable.py'):
            shutil.copy(os.path.join(TOP, 'scripts', name), scripts)
        shutil.copytree(os.path.join(TOP, 'tests', 'lib'),
                        os.path.join(where, 'tests', 'lib'))
        for name in ('scripts', 'explore'):
            os.mkdir(os.path.join(where, 'tests', name))
        shutil.copy(os.path.join(TOP, 'options.mk'), where)
        for name in ('machines', 'explore/faults'):
            shutil.copy(os.path.join(TOP, 'tests', name),
                        os.path.join(where, 'tests', name))
        for name in ('scripts/deps', 'tests/scripts/strange_path'):
            write(os.path.join(where, name), '#!/bin/sh\n')
        status, said = run([os.path.join(scripts, 'steps')] + words,
                           where, PATH=path_with(where, {'make': make}), **env)
    return status, said.splitlines()


def steps_of(lines):
    """{name: command} of what the script says that it runs."""
    return dict(re.match(r'==== (\S+): (.*)$', line).groups()
                for line in lines if re.match(r'==== \S+: ', line))


def test_assure_runs_the_steps_of_ci_and_long_ones_whole():
    status, said = steps(['ci'], SEED='7')
    others, said_too = steps(['assure'])
    ci, assure = steps_of(said), steps_of(said_too)
    wrong = [name for name in ci if not ci[name].startswith(assure.get(name, '-'))]
    parts = [ci[name][len(assure[name]):] for name in ci if ci[name] != assure[name]]
    wrong += [part for part in parts if not re.match(r' (T=[\w.*,]+|LACKING=[\w,-]+)$', part)]
    return equal((status, others, wrong, len(parts) > 1, len(ci) > 15),
                 (0, 0, [], True, True))


def test_the_seed_of_the_selection_is_printed():
    _, said = steps(['ci', 'check'], SEED='7')
    _, today = steps(['ci', 'check'], SEED='')
    return equal((said[0], bool(re.search(r'SEED=\d{5}$', today[0]))),
                 ('long steps run the part of SEED=7', True))


def test_the_last_line_counts_over_all_steps():
    # A step that counts nothing is one.
    status, said = steps(['ci', 'check', 'strange-path', 'bench'])
    return equal((status, said[-1]), (0, '5 passed, 0 failed, 2 skipped'))


def test_a_step_that_fails_fails_the_run():
    status, said = steps(['ci', 'check', 'tools'], FAILS)
    return equal((status, said[-1]), (1, '3 passed, 1 failed, 1 skipped'))


def test_a_step_whose_part_cannot_be_chosen_fails_the_run():
    status, said = steps(['ci', 'check', 'machines'], SEED='x')
    return equal((status, said[-1]), (1, '2 passed, 1 failed, 1 skipped'))


def test_a_run_in_which_nothing_passes_fails():
    skips = NOTES.replace('2 passed, 0 failed, 1', '0 passed, 0 failed, 3')
    status, said = steps(['ci', 'check'], skips)
    return equal((status, said[-1]), (1, '0 passed, 0 failed, 3 skipped'))


def test_a_list_or_a_step_that_is_not_there_is_refused():
    return equal((steps([])[0], steps(['all'])[0], steps(['ci', 'x'])[0]),
                 (2, 2, 2))


if __name__ == '__main__':
    sys.exit(tap.main('selection', globals()))
