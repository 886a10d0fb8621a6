#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exercises: what is cut out of a copy, and wicked submissions. Prints TAP."""

import contextlib
import io
import os
import sys
from unittest import mock

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path[:0] = [os.path.join(TOP, 'scripts', 'mutate'),
                os.path.join(TOP, 'scripts')]
sys.dont_write_bytecode = True

import exercise  # noqa: E402
import exercise_check  # noqa: E402
import meant  # noqa: E402
import notes  # noqa: E402
import tap  # noqa: E402
import workshop  # noqa: E402
from elsewhere import place, run, write  # noqa: E402
from tap import Skip, equal  # noqa: E402

TEST = '''\
/* The head. */
static int calls;

/* Helps the first only. */
static void help(int n)
{
\tcalls += n;
}

/*
 *\tpages 0 1
 */
KTEST(gate, a_waiter_waits, KT_RULES("R1.1"))
{
\thelp(1);
}

KTEST(gate, a_waiter_waits_no_longer)
{
\tEXPECT_EQ(calls, 0);
}
'''


def test_a_test_is_cut_with_its_comment_and_nothing_else():
    cut = exercise.cut_test(TEST, 'gate.a_waiter_waits')
    return equal(cut, TEST[:TEST.index('/*\n *\tpages')] +
                 TEST[TEST.index('KTEST(gate, a_waiter_waits_no'):])


def test_the_last_test_of_a_file_leaves_no_empty_line():
    cut = exercise.cut_test(TEST, 'gate.a_waiter_waits_no_longer')
    return equal((cut[-2:], exercise.cut_test(cut, 'gate.other')), ('}\n', None))


def test_a_static_function_is_cut_with_its_comment():
    return equal(exercise.cut_static(TEST, 'help'),
                 TEST[:TEST.index('/* Helps')] + TEST[TEST.index('/*\n *\tpages'):])


def test_a_variable_of_a_struct_without_a_name_is_cut_whole():
    text = 'int a;\n\n/* Steps. */\nstatic struct {\n\tint n;\n} steps;\n\nint b;\n'
    return equal(exercise.cut_static(text, 'steps'), 'int a;\n\nint b;\n')


def test_neither_a_comment_nor_an_empty_line_marks_the_fault():
    text = 'void f(void)\n{\n\t/* Here. */\n\ta();\n\t/*\n\t * So.\n\t */\n' \
           '\tb(1);\n\tc();\n}\n'
    note = dict(name='n', file='f.c', old='b(1);')
    return equal([exercise.put_fault(dict(note, new=new), text)
                  for new in ('', 'b(2);')],
                 [text[:text.index('\t/*\n')] + left + '\tc();\n}\n'
                  for left in ('', '\tb(2);\n')])


def test_no_document_and_no_comment_leads_to_the_test():
    tests = ['gate.a_waiter_waits']
    return equal(
        [exercise.without_names(path, text, tests) for path, text in (
            ('docs/races.md', 'Tests: `gate.a_waiter_waits`, `gate.other`.\n'),
            ('mm/gate.c', ' *\t    a_waiter_waits\n * a_waiter_waits_no_longer\n'),
            ('docs/renames.csv', 'gate.old,gate.a_waiter_waits,\na,b,\n'))],
        ['Tests: *a test to be written*, `gate.other`.\n',
         ' *\t    a_test_to_be_written\n * a_waiter_waits_no_longer\n',
         'a,b,\n'])


# ---- submissions ---------------------------------------------------------------------

START = {'tests/mm/gate_test.c': TEST.encode(), 'mm/gate.c': b'int gate;\n',
         'tests/ktest/runner.c': b'int runner;\n', 'Makefile': b'all:\n'}
NEW = ['gate.a_new_one']


def submitted(**changes):
    """What a student hands in: START with these files changed."""
    end = dict(START)
    for name, text in changes.items():
        end[name.replace('__', '/') + ('.c' if name != 'Makefile' else '')] = \
            text.encode()
    return exercise_check.Submission(START, end)


def with_test():
    return submitted(tests__mm__new_test='KTEST(gate, a_new_one)\n{\n}\n')


class Kernels:
    """Kernels that end each round as they are told to."""

    def __init__(self, right, wrong, builds=''):
        self.answers = {False: right, True: wrong}
        self.builds, self.mutated = builds, False

    def build(self, mutated):
        self.mutated = mutated
        return self.builds

    def run(self, tests, rounds, seed):
        outcomes = self.answers[self.mutated]
        if not isinstance(outcomes, str):
            outcomes = outcomes[seed - 1:] if rounds == 1 else outcomes
            return {test: [(outcome, '# FAIL why') for outcome in
                           outcomes[:rounds]] for test in tests}
        return {test: [(outcomes, '# FAIL why')] * rounds for test in tests}


def judged(submission, right='passed', wrong='failed', builds=''):
    """(passed, the last line)."""
    passed, lines = exercise_check.verdict(
        submission, lambda _: Kernels(right, wrong, builds))
    return passed, lines[-1]


def test_a_test_that_passes_here_and_fails_there_has_found_it():
    return equal(judged(with_test()), (True, 'found: gate.a_new_one'))


def test_no_test_is_no_submission():
    return equal(judged(submitted(mm__gate='int gate = 1;\n')),
                 (False, 'there is no new test: no KTEST() in a source that was '
                         'added or changed below tests/'))


def test_a_test_that_always_fails_finds_nothing():
    return equal(judged(with_test(), right='failed'),
                 (False, 'no test is left: each must pass 20 of 20 on the right '
                         'kernel'))


def test_a_flaky_test_does_not_count():
    flaky = ['passed'] * 19 + ['failed']
    return equal([judged(with_test(), right=flaky)[0],
                  judged(with_test(), wrong=['failed', 'passed', 'failed'])],
                 [False, (False, 'not found: no test fails each time on the '
                                 'wrong kernel')])


def test_a_test_that_hangs_or_takes_the_boot_along_does_not_count():
    return equal([judged(with_test(), right=['passed'] * 7)[0],
                  judged(with_test(), right=[])[0]], [False, False])


def test_a_test_that_skips_itself_does_not_count():
    return equal(judged(with_test(), right='skipped')[0], False)


def test_a_test_that_passes_on_both_finds_nothing():
    return equal(judged(with_test(), wrong='passed')[0], False)


def test_what_does_not_compile_is_said():
    return equal(judged(with_test(), builds='x.c:1: error'),
                 (False, 'x.c:1: error'))


def test_the_status_is_the_verdict():
    said = []
    with place() as where:
        write(os.path.join(where, exercise.MARK), 'exercise 1\n')
        for passed in (True, False):
            with mock.patch.dict(os.environ, DIR=where), \
                    mock.patch.object(exercise, 'exercise'), \
                    mock.patch.object(exercise, 'Copy'), \
                    mock.patch.object(exercise_check, 'verdict',
                                      return_value=(passed, [])), \
                    contextlib.redirect_stdout(io.StringIO()) as out:
                said.append((exercise_check.main(), out.getvalue()))
    return equal(said, [(0, 'exercise 1: passed\n'),
                        (1, 'exercise 1: not passed yet\n')])


def test_the_wrong_kernel_has_the_fault_and_the_right_one_has_not():
    pool = [note for note in notes.read(notes.POOL) if note.get('exercise')]
    if not pool:
        raise Skip('this tree is an exercise itself')
    right, found = open_text(pool[0]['file']), []
    kernels = exercise_check.Kernels.__new__(exercise_check.Kernels)
    with place() as where, mock.patch.object(workshop.Workshop, 'make'):
        kernels.where, kernels.note = where, pool[0]
        for mutated in (True, False):
            kernels.build(mutated)
            with open(os.path.join(where, pool[0]['file']),
                      encoding='utf-8') as text:
                found.append(text.read())
    return equal(found == [notes.apply(pool[0], right), right], True)


def test_edits_outside_of_tests_are_not_taken():
    submission = submitted(mm__gate='int gate = 1;\n', Makefile='all: x\n',
                           tests__ktest__runner='int cheat;\n',
                           tests__mm__new_test='KTEST(gate, a_new_one)\n{\n}\n')
    return equal((sorted(submission.taken), submission.ignored, submission.new),
                 (['tests/mm/new_test.c'],
                  ['Makefile', 'mm/gate.c', 'tests/ktest/runner.c'], NEW))


def test_a_test_that_was_there_is_not_new():
    changed = TEST.replace('EXPECT_EQ(calls, 0)', 'EXPECT_EQ(calls, 1)')
    return equal(submitted(tests__mm__gate_test=changed).new, [])


# ---- whole copies --------------------------------------------------------------------

def test_a_copy_has_the_fault_and_neither_the_answer_nor_its_tests():
    pool = [note for note in notes.read(notes.POOL) if note.get('exercise')]
    if not pool:
        raise Skip('this tree is an exercise itself')
    wrong = []
    # Helpers that nobody uses then; a scenario of the explorer; a variable likewise.
    for note in (pool[0], pool[9], pool[-1]):
        with place() as where:
            there = os.path.join(where, 'copy')
            status, said = run([os.path.join(
                TOP, 'scripts', 'mutate', 'exercise.py')], N=note['exercise'],
                DIR=there)
            if status:
                return said
            with open(os.path.join(there, note['file']), encoding='utf-8') as text:
                if notes.words(notes.apply(note, open_text(note['file']))) != \
                        notes.words(text.read()):
                    wrong.append('no fault in ' + note['file'])
            with open(os.path.join(there, notes.POOL), encoding='utf-8') as left:
                if note['name'] in left.read():
                    wrong.append('the pool is there')
            names = meant.tests_of_sources(there)
            wrong += [name for name in note['tests'].split() if name in names]
            for name in note['tests'].split():
                status, said = run(['grep', '-rlw', '--exclude-dir=scripts',
                                    name.split('.')[1], there])
                wrong += said.splitlines()
            wrong += compiled(there)
            wrong += run([os.path.join(there, 'scripts', 'check.py'),
                          'mutants'])[1].splitlines()[1:-1]
    return equal(wrong, [])


def compiled(there):
    """What the compiler objects to in the sources of a copy that differ."""
    old, new = exercise_check.texts(TOP), exercise_check.texts(there)
    objects = ['build/test/%s.o' % path[:-2] for path in new
               if path.endswith('.c') and new[path] != old[path] and
               not path.startswith('tests/explore/')]
    status, said = run(['make', '-C', there, '-s', 'BUILD=test'] + objects)
    return said.splitlines() if status or not objects else []


def open_text(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as text:
        return text.read()


def test_a_number_that_there_is_not_and_a_place_that_is_taken_are_refused():
    script = os.path.join(TOP, 'scripts', 'mutate', 'exercise.py')
    with place() as where:
        write(os.path.join(where, 'file'), '')
        said = [run([script], N='999', DIR=os.path.join(where, 'x')),
                run([script], N='1', DIR=where),
                run([script], N='1')]
    return equal([(status, 'there' in text or 'where' in text)
                  for status, text in said], [(1, True)] * 3)


if __name__ == '__main__':
    sys.exit(tap.main('exercises', globals()))
