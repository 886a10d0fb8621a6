#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""exercise_check - does the student's test find the fault, and nothing else?

    DIR=FOLDER      the copy that exercise.py made, with the student's work in it

    1. taken: sources below tests/ that the student has added or changed. All else
       stays out (the kernel is to be judged, not repaired; tests/ktest/ and the
       scripts are the judge's own), and is listed
    2. new tests: KTEST()s in them that the copy did not begin with
    3. right: they run on the right kernel, 20 rounds with 20 seeds. A test that fails,
       hangs or is skipped once does not count
    4. wrong: those that count run on the kernel with the fault, in three boots with
       three seeds. One test that fails in each of them has found it

The verdict is the host's: which tests ran, and how they ended, is judged by
scripts/meant.py from the image.  Both kernels are built in build/exercise; nothing of
the student's runs on the host but the compiler.
"""

import os
import re
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))

# pylint: disable=wrong-import-position
import asked  # noqa: E402
import exercise  # noqa: E402
import kernelboots  # noqa: E402
import notes  # noqa: E402
import rules  # noqa: E402
import session as sessions  # noqa: E402
import workshop  # noqa: E402
from tree import TOP, text_of  # noqa: E402

ROUNDS, SEEDS = 20, (1, 2, 3)
DEADLINE = '10'
TAKEN = re.compile(r'^tests/(kernel|lib|mm|arch|drivers|demo)/.*\.[ch]$')


def texts(where):
    """{path: bytes} of a tree, without what is built."""
    found = {}
    for directory, folders, names in os.walk(where):
        folders[:] = [f for f in folders if not (
            f == '__pycache__' or directory == where and f in ('build', '.git'))]
        for name in names:
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                with open(path, 'rb') as content:
                    found[os.path.relpath(path, where)] = content.read()
    return found


class Submission:
    """The student's files, against those of the start."""

    def __init__(self, start, end):
        differ = [path for path in sorted(set(start) | set(end))
                  if start.get(path) != end.get(path) and
                  path not in (exercise.MARK, 'compile_commands.json')]
        self.taken = {path: end[path].decode('utf-8', 'replace')
                      for path in differ if path in end and TAKEN.match(path)}
        self.ignored = [path for path in differ if path not in self.taken]
        self.old = names_of(start)
        self.new = sorted(names_of(
            {path: text.encode() for path, text in self.taken.items()}) -
            self.old)


def names_of(files):
    return {name for path, content in files.items() if TAKEN.match(path)
            for name, _ in rules.kernel_tests(content.decode('utf-8', 'replace'))}


class Kernels:
    """The right kernel and the wrong one, with the student's tests in them."""

    def __init__(self, note, submission,
                 where=os.path.join(TOP, 'build', 'exercise', 'kernel')):
        self.where, self.note = where, note
        exercise.Copy(where, note).make(mutated=False)
        for path, text in submission.taken.items():
            workshop.write_if_new(os.path.join(where, path), text.encode())

    def build(self, mutated):
        """What the compiler objects to; ''."""
        path = os.path.join(self.where, self.note['file'])
        text = text_of(self.note['file'])
        workshop.write_if_new(path, (notes.apply(self.note, text) if mutated
                                     else text).encode())
        shop = workshop.Workshop.__new__(workshop.Workshop)
        shop.where = self.where
        return shop.make('BUILD=test', 'all')

    def run(self, tests, rounds, seed):
        """{test: [(outcome, why)]}, one for each round that it had."""
        session = sessions.Session(os.path.join(self.where, 'build', 'test'))
        session.quiet, session.glob = True, ','.join(tests)
        session.repeat, session.seed, session.smp = rounds, str(seed), '2'
        session.peer, session.deadline = '', DEADLINE
        kernelboots.kernel(session)
        found = {test: [] for test in tests}
        for run in session.runs:
            for result in run.results:
                found.setdefault(result.name, []).append(
                    (result.outcome, result.said))
        return found


def judge_right(found, tests):
    """(tests that count, why the others do not)."""
    good, bad = [], []
    for test in tests:
        outcomes = [outcome for outcome, _ in found[test]]
        passed = outcomes.count('passed')
        if passed == ROUNDS and len(outcomes) == ROUNDS:
            good.append(test)
            continue
        said = next((said for outcome, said in found[test]
                     if outcome != 'passed'), 'it did not run to its end')
        bad.append('%s passes %d of %d on the right kernel: %s' % (
            test, passed, ROUNDS, last(said)))
    return good, bad


def judge_wrong(runs, tests):
    """Lines: how often each test fails on the wrong kernel; which always does."""
    lines, finds = [], []
    for test in tests:
        failed = [said for found in runs for outcome, said in found[test][:1]
                  if outcome == 'failed']
        lines.append('%s fails %d of %d on the wrong kernel%s' % (
            test, len(failed), len(runs),
            ': ' + last(failed[0]) if failed else ''))
        if len(failed) == len(runs):
            finds.append(test)
    return lines, finds


def last(said):
    """The line of a failure that says most."""
    lines = [line for line in said.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith('# FAIL') or
                 'KERNEL PANIC: ' in line), lines[-1] if lines else '')


def verdict(submission, kernels):
    """(passed, lines to print). `kernels` is called when there is a test."""
    lines = ['not taken: ' + path for path in submission.ignored]
    if not submission.new:
        return False, lines + ['there is no new test: no KTEST() in a source '
                               'that was added or changed below tests/']
    lines += ['new test: ' + test for test in submission.new]
    built = kernels(submission)
    wrong = built.build(mutated=False)
    if wrong:
        return False, lines + ['it does not compile:', wrong]
    good, bad = judge_right(built.run(submission.new, ROUNDS, 1),
                            submission.new)
    lines += bad
    if not good:
        return False, lines + ['no test is left: each must pass %d of %d on the '
                               'right kernel' % (ROUNDS, ROUNDS)]
    wrong = built.build(mutated=True)
    if wrong:
        return False, lines + ['it does not compile:', wrong]
    said, finds = judge_wrong([built.run(good, 1, seed) for seed in SEEDS], good)
    lines += said
    return bool(finds), lines + [
        'found: %s' % finds[0] if finds else
        'not found: no test fails each time on the wrong kernel']


def main():
    asked.check('DIR')
    where = os.path.abspath(os.environ.get('DIR') or
                            sys.exit('DIR=FOLDER: which exercise?'))
    try:
        with open(os.path.join(where, exercise.MARK), encoding='utf-8') as mark:
            number = mark.readline().split()[1]
    except (OSError, IndexError):
        sys.exit('DIR=%s is no copy that make exercise made' % where)
    note = exercise.exercise(number)
    start = os.path.join(TOP, 'build', 'exercise', 'start')
    exercise.Copy(start, note).make()
    passed, lines = verdict(Submission(texts(start), texts(where)),
                            lambda submission: Kernels(note, submission))
    print(*lines, 'exercise %s: %s' % (number, 'passed' if passed else
                                       'not passed yet'), sep='\n')
    return 0 if passed else 1


if __name__ == '__main__':
    sys.exit(main())
