#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""exercise - a copy of the tree with a fault in it, and without the tests that find it

    N=3             which exercise of docs/exercises.md
    DIR=../fault    where to; it must not be there yet

The fault is mutant N of tests/mutants/pool. The student finds it, and writes the test
that finds it; exercise_check.py judges that test.

What is taken out of the copy, by the names of the tests that kill the mutant:

    their KTEST()s, with the comment above, and static functions that nobody uses then
    their names where a document or a comment has them: `a test to be written`
    rows of docs/renames.csv, entries of KTEST_SKIP()
    the pool itself, and the section of docs/testing.md that tells how lines are broken
    the comment right above the mutant, which would say what is missing there
    mistakes of tests/explore/faults, and marks of tests/mutants/equivalent, that are made
    of the same lines

docs/semantics.md gets its table anew. A rule that only these tests stated says that it
is untested. So `make check` holds in the copy as it does in the tree, and the history
of git, which would show the fault, begins with the copy.
"""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))

# pylint: disable=wrong-import-position
import asked  # noqa: E402
import notes  # noqa: E402
import source  # noqa: E402
import workshop  # noqa: E402
from faults import FAULTS  # noqa: E402
from tree import TOP  # noqa: E402

MARK = 'EXERCISE'
SECTION = re.compile(r'^## Break it yourself\n.*?(?=^## )', re.M | re.S)
IN_PROSE, IN_CODE = '*a test to be written*', 'a_test_to_be_written'
# Files whose words are not the tree's own account of its tests.
UNTOUCHED = ('scripts/', 'tests/scripts/', '.ci/')
LETTER = '''exercise %(exercise)s

%(title)s

One line or two of this kernel are wrong. Find the fault, and write a test that finds it:
a KTEST() below tests/, in a new file or in one that is there. docs/exercises.md has a
hint, docs/testing.md how tests are made. Force the interleaving, if there is one.

Your test must pass on the right kernel, 20 times of 20, and fail on this one. The tree
that this copy came from judges it:

    make exercise-check DIR=%(where)s
'''


def exercise(number, top=TOP):
    """The mutant of an exercise."""
    pool = {note.get('exercise'): note for note in notes.read(notes.POOL, top)}
    if number not in pool:
        numbers = sorted(int(n) for n in pool if n)
        sys.exit('N=%s: there is no such exercise; there are %s' % (
            number or '', '1 to %d' % numbers[-1] if numbers else
            'none: a copy for an exercise has no pool'))
    return pool[number]


# ---- texts -------------------------------------------------------------------------

def cut_span(text, start, end):
    """The text without a piece of whole lines, its comment, and one empty line."""
    before = text[:start]
    if before.endswith('*/\n'):
        at = before.rfind('\n/*')
        if at >= 0 and '*/' not in before[at:-3]:
            start = at + 1
    rest = text[end:].lstrip('\n')
    return text[:start] + rest if rest else text[:start].rstrip('\n') + '\n'


def cut_test(text, name):
    """Without the KTEST() of this name; None if it is not there."""
    suite, short = name.split('.')
    match = re.search(r'^KTEST\(\s*%s,\s*%s\b.*?^\}\n' % (suite, short), text,
                      re.M | re.S)
    return cut_span(text, match.start(), match.end()) if match else None


def cut_skip(text, name):
    """Without the KTEST_SKIP() of this name."""
    suite, short = name.split('.')
    return re.sub(r'^KTEST_SKIP\(\s*%s,\s*%s,[^;]*;\n' % (suite, short), '', text,
                  flags=re.M)


def cut_static(text, name):
    """Without the static function, prototype or variable of this name."""
    for function in source.functions(text):
        if function.name == name:
            return cut_span(text, function.start, function.end + 1)
    match = re.search(r'^static (?:struct \w*\s*\{\n.*?^\}[^;{}]*?|[^;{}]*?)'
                      r'\b%s\b[^;]*?;\n' % name, text, re.M | re.S)
    return cut_span(text, match.start(), match.end()) if match else text


def put_fault(note, text):
    """The text with the mutant, and without an empty line or a comment at its place."""
    start, _ = notes.places(note, text)[0]
    wrong = notes.apply(note, text)
    start = wrong.rfind('\n', 0, start) + 1
    end = wrong.index('\n', start) + 1
    after = wrong[end if not wrong[start:end].strip() else start:]
    before = re.sub(r'^[ \t]*/\*(?:(?!\*/).)*\*/\n\Z', '', wrong[:start],
                    flags=re.M | re.S)
    return before + after


def without_names(path, text, tests):
    """A file in which nothing leads to the tests that are gone."""
    for name in tests:
        short = name.split('.')[1]
        if short not in text:
            continue
        if path.endswith('.csv'):
            text = ''.join(line for line in text.splitlines(True)
                           if not re.search(r'\b%s\b' % short, line))
        elif path.endswith('.md'):
            text = re.sub(r'`(\w+\.)?%s`' % short, IN_PROSE, text)
        text = re.sub(r'\b(\w+\.)?%s\b' % short, IN_CODE, text)
    return text


# ---- the copy ------------------------------------------------------------------------

class Copy:
    """A folder that is made an exercise."""

    def __init__(self, where, note):
        self.where, self.note = where, note
        self.tests = note['tests'].split()

    def read(self, path):
        with open(os.path.join(self.where, path), encoding='utf-8') as text:
            return text.read()

    def write(self, path, text):
        with open(os.path.join(self.where, path), 'w', encoding='utf-8') as out:
            out.write(text)

    def make(self, mutated=True):
        """All steps; on a folder that has been one before, too."""
        names = workshop.copy_tree(self.where)
        changed = set()
        for path in names:
            if os.path.islink(os.path.join(self.where, path)):
                continue
            if path.endswith(('.c', '.h', '.md', '.csv', '.pml', '.litmus')) or \
                    path == FAULTS:
                self.cut(path, changed)
        for path in sorted(changed):
            self.cut_unused(path)
        if mutated:
            path = self.note['file']
            self.write(path, put_fault(self.note, self.read(path)))
            self.format(path)
            self.cut_faults()
            self.cut_marks()
        self.cut_documents()

    def cut(self, path, changed):
        """The tests, and what speaks of them, out of one file."""
        old = text = self.read(path)
        if path.startswith(UNTOUCHED):
            return
        for name in self.tests:
            without = cut_test(text, name) if path.startswith('tests/') else None
            if without is not None:
                text = without
                changed.add(path)
            text = cut_skip(text, name)
        text = without_names(path, text, self.tests)
        if text != old:
            self.write(path, text)
            self.format(path)

    def format(self, path):
        if shutil.which('clang-format') and path.endswith(('.c', '.h')):
            self.run(['clang-format', '-i', path])

    def cut_unused(self, path):
        """Static functions that only the tests used, and those only these used."""
        shop = workshop.Workshop.__new__(workshop.Workshop)
        shop.where = self.where
        stem = os.path.splitext(path)[0]
        words = shop.command('build/test/%s.o' % stem, 'BUILD=test')
        words = [word for word in words if not word.startswith(('-W', '-M'))]
        # With -fsyntax-only gcc does not get as far as to miss a use.
        words[words.index('-c')] = '-S'
        words[words.index('-o') + 1] = os.devnull
        while True:
            _, said = self.run(words + ['-Wunused'])
            names = re.findall(r"warning: [‘'](\w+)[’'] (?:defined but not used|"
                               r"declared [‘']static[’'] but never defined)", said)
            text = self.read(path)
            for name in names:
                text = cut_static(text, name)
            if text == self.read(path):
                return
            self.write(path, text)

    def cut_faults(self):
        """Mistakes of the explorer that do not fit beside the mutant."""
        head, *entries = re.split(r'^(?=fault )', self.read(FAULTS), flags=re.M)
        fit = [entry for entry in entries if self.read(
            re.search(r'^in (.*)', entry, re.M).group(1)).count(
                ''.join(re.findall(r'^-(.*\n)', entry, re.M))) == 1]
        self.write(FAULTS, head + ''.join(fit))

    def cut_marks(self):
        """Marks of equivalent mutants that the fault leaves without a place."""
        gone = {said.split()[1] for said in notes.stale(self.where)}
        head, *entries = re.split(r'^(?=\[)', self.read(notes.EQUIVALENT), flags=re.M)
        self.write(notes.EQUIVALENT, head + ''.join(
            entry for entry in entries
            if entry[1:entry.index(']')] not in gone))

    def cut_documents(self):
        """The answers, and the tables that are made from the tests."""
        pool = self.read(notes.POOL)
        self.write(notes.POOL, pool[:re.search(r'^\[', pool, re.M).start()])
        self.write('docs/testing.md', SECTION.sub('', self.read(
            'docs/testing.md')))
        script = os.path.join(self.where, 'scripts', 'rules.py')
        self.run([sys.executable, script])
        _, said = self.run([sys.executable, '-c', 'import rules\n'
                            'print("\\n".join(rules.check()))'], 'scripts')
        rules = self.read('docs/semantics.md')
        for rule in re.findall(r': (R[\d.]+) has no test', said):
            rules = re.sub(r'^(\*\*[^*\n]*\b%s\b[^*\n]*\*\* .*?)\n(?=\n)' %
                           re.escape(rule),
                           r'\1\n*untested:* write the test.\n', rules,
                           count=1, flags=re.M | re.S)
        self.write('docs/semantics.md', rules)
        self.run([sys.executable, script])

    def run(self, command, folder=''):
        done = subprocess.run(command, cwd=os.path.join(self.where, folder),
                              env=workshop.ENV, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode('utf-8', 'replace')

    def begin_history(self):
        """One commit, so that `git diff` shows what the student has done."""
        if shutil.which('git'):
            self.run(['git', 'init', '-q'])
            self.run(['git', 'add', '-A'])
            self.run(['git', '-c', 'user.name=Concord', '-c',
                      'user.email=exercise@localhost', 'commit', '-q', '-m',
                      'exercise %s' % self.note['exercise']])


def main():
    asked.check('N', 'DIR')
    note = exercise(os.environ.get('N') or '')
    where = os.path.abspath(os.environ.get('DIR') or
                            sys.exit('DIR=FOLDER: where shall the copy be?'))
    if os.path.exists(where):
        sys.exit('DIR=%s is there already' % where)
    copy = Copy(where, note)
    copy.make()
    copy.write(MARK, LETTER % dict(note, where=where))
    copy.begin_history()
    print(copy.read(MARK), end='')
    return 0


if __name__ == '__main__':
    sys.exit(main())
