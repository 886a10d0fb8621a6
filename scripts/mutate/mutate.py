#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutate - are the tests of a file any good? Change the file, and see

    F='FILE...'     the sources
    N=100           how many valid mutants of each; all, where there are fewer
    SEED=1          which ones, of all that there are
    T=GLOBS         judge by these tests, instead of what tests/mutants/concern says
    POOL=yes        the mutants of tests/mutants/pool: is each killed by its tests?
    POOL=NAME       one of them, and which other tests notice it

A mutant is the file with one small change (places.py). Not valid is one that does not
compile, one whose assembler equals the original's or an earlier mutant's, and one that
tests/mutants/equivalent has with a reason. Barriers and orders that x86 gives anyway
leave the assembler as it is; they and those that a model covers are counted apart.

As many as can be are built into one kernel, which chooses one when it boots
(schema.py): those of all files with the same judges. The tests judge them (judge.py), on
as many processors as there are. A survivor is printed as a diff, with `reached` if its
place was executed. Results are in build/mutate/FILE.csv as they come: what was killed is
not judged again, and a survivor only when a file below tests/ has changed. So a run that
was ended goes on, and a new test is tried on the survivors alone.

Status: 0 if at most one of ten valid mutants of each file survives.
"""

import concurrent.futures
import csv
import difflib
import hashlib
import json
import os
import random
import re
import signal
import sys
import threading
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))

# pylint: disable=wrong-import-position
import asked  # noqa: E402
import judge  # noqa: E402
import notes  # noqa: E402
import places  # noqa: E402
import schema  # noqa: E402
import workshop  # noqa: E402
from tree import TOP, files, text_of  # noqa: E402

MOST_SURVIVE = 0.1
FIELDS = ('digest', 'file', 'function', 'line', 'operator', 'old', 'new',
          'outcome', 'killer', 'how', 'reached', 'seconds', 'tests')
# Not valid, or not for the tests to judge.
APART = {'no compile': 'do not compile', 'equal': 'change no instruction',
         'twin': 'equal another mutant', 'implied': 'x86 gives the order anyway',
         'equivalent': 'marked as equivalent',
         'covered': 'marked as a model\'s or litmus test\'s to see'}


def tests_digest():
    """It changes when a test does."""
    said = hashlib.sha256()
    for path in sorted(files()):
        if path.startswith('tests/') and not path.startswith('tests/scripts/') and \
                path != notes.EQUIVALENT:
            said.update(text_of(path).encode())
    return said.hexdigest()[:16]


class Assemblers:
    """What the compiler makes of the mutants of a file, kept as hashes.

    They hold as long as the original gives the same assembler.
    """

    def __init__(self, path, compiler, text):
        self.path = os.path.join(TOP, 'build', 'mutate',
                                 path.replace('/', '_') + '.assembler')
        self.compiler, self.kept = compiler, {}
        self.original = self.hash(text)
        if os.path.exists(self.path):
            with open(self.path, encoding='utf-8') as kept:
                self.kept = json.load(kept)
        if self.kept.get('original') != self.original:
            self.kept = {'original': self.original}

    def hash(self, text):
        """None if it does not compile."""
        said = self.compiler.assembler(text)
        return None if said is None else hashlib.sha256(said).hexdigest()

    def of(self, digest, text):
        if digest not in self.kept:
            self.kept[digest] = self.hash(text)
        return self.kept[digest]

    def write(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, 'w', encoding='utf-8') as out:
            json.dump(self.kept, out)


class Sheet:
    """The results of a file, kept as they come."""

    def __init__(self, path):
        name = path.replace('/', '_') + '.csv'
        self.path = os.path.join(TOP, 'build', 'mutate', name)
        self.rows = {}
        if os.path.exists(self.path):
            with open(self.path, encoding='utf-8', newline='') as kept:
                self.rows = {row['digest']: row for row in csv.DictReader(kept)}

    def keep(self, row):
        self.rows[row['digest']] = row
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path + '.new', 'w', encoding='utf-8',
                  newline='') as out:
            writer = csv.DictWriter(out, FIELDS)
            writer.writeheader()
            writer.writerows(self.rows.values())
        os.replace(self.path + '.new', self.path)


class File:
    """One source, the mutants of the sample, and what became of each."""

    def __init__(self, path, shop):
        self.path, self.shop = path, shop
        self.text = text_of(path)
        self.mutants = places.Places(self.text).found
        self.marks = notes.Marks(path)
        self.compiler = workshop.Compiler(shop, path)
        self.sheet = Sheet(path)
        self.apart = {kind: [] for kind in APART}
        self.valid = []

    def digest(self, mutant):
        return hashlib.sha256(('%s\n%s' % (
            mutant.operator, mutant.apply(self.text))).encode()).hexdigest()[:16]

    def choose(self, count, seed):
        """The first `count` valid ones of the mutants in a random order."""
        order = list(self.mutants)
        random.Random(seed).shuffle(order)
        kept = Assemblers(self.path, self.compiler, self.text)
        seen = {kept.original: None}
        with concurrent.futures.ThreadPoolExecutor(judge.JOBS) as pool:
            for at in range(0, len(order), 16):
                chunk = order[at:at + 16]
                for mutant, said in zip(chunk, pool.map(
                        lambda m: kept.of(self.digest(m), m.apply(self.text)),
                        chunk)):
                    if len(self.valid) < count:
                        self.sort(mutant, said, seen)
                kept.write()
                if len(self.valid) == count:
                    return

    def sort(self, mutant, said, seen):
        """Into the valid ones, or apart."""
        mark = self.marks.of(mutant, self.text)
        if said is None:
            kind = 'no compile'
        elif said in seen and seen[said] is None:
            kind = 'implied' if mutant.operator in ('order', 'barrier') \
                else 'equal'
        elif said in seen:
            kind = 'twin'
        elif mark:
            kind = 'covered' if 'covered' in mark else 'equivalent'
        else:
            self.valid.append(mutant)
            kind = ''
        seen.setdefault(said, mutant)
        if kind:
            self.apart[kind].append(mutant)

    def row(self, mutant, **more):
        old, new = mutant.key(self.text)
        return dict(digest=self.digest(mutant), file=self.path,
                    function=mutant.function, line=mutant.line(self.text),
                    operator=mutant.operator, old=old, new=new, **more)

    # ---- judging -----------------------------------------------------------------

    def left(self, tests):
        """The valid mutants on which there is no verdict of these tests yet."""
        return [m for m in self.valid if not self.judged(m, tests) and
                not self.refused(m, tests)]

    def judged(self, mutant, tests):
        row = self.sheet.rows.get(self.digest(mutant), {})
        return row.get('outcome') == 'killed' or row.get('tests') == tests

    def refused(self, mutant, tests):
        """Does clang's analysis of locks refuse it? Then that is its judge."""
        if mutant.operator not in ('lock', 'unlock', 'swap'):
            return False
        began = time.time()
        said = self.compiler.locks(mutant.apply(self.text))
        if said:
            self.note(mutant, judge.Verdict('check.clang', said), began, tests)
        return bool(said)

    def lines(self, mutant):
        """The lines on which a schema has something of a mutant."""
        for start, end, _ in mutant.edits:
            yield from range(self.text.count('\n', 0, start) + 1,
                             self.text.count('\n', 0, end) + 2)

    def note(self, mutant, verdict, began, tests):
        row = self.row(mutant, outcome='killed' if verdict.killer else
                       'survived', killer=verdict.killer, how=verdict.how,
                       reached=verdict.reached, tests=tests,
                       seconds='%.1f' % (time.time() - began))
        self.sheet.keep(row)
        print('  %-8s %s:%d %s() %s %s (%s s)' % (
            row['outcome'], self.path, row['line'], mutant.function,
            mutant.operator, row['killer'], row['seconds']), flush=True)

    # ---- the end -----------------------------------------------------------------

    def survivors(self):
        return [m for m in self.valid if self.outcome(m) == 'survived']

    def outcome(self, mutant):
        return self.sheet.rows.get(self.digest(mutant), {}).get('outcome')

    def report(self):
        """The survivors as diffs, then the count; did few enough survive?"""
        alive = self.survivors()
        for mutant in alive:
            row = self.sheet.rows[self.digest(mutant)]
            print('\nsurvived: %s, %s%s' % (
                mutant.function, mutant.operator,
                {'yes': ', reached', 'no': ', never reached'}.get(
                    row['reached'], '')))
            print(''.join(difflib.unified_diff(
                self.text.splitlines(True),
                mutant.apply(self.text).splitlines(True),
                'a/' + self.path, 'b/' + self.path, n=2)), end='')
        print('\n%s: %d places; %d valid mutants, %d killed, %d survived (%.0f %%)'
              % (self.path, len(self.mutants), len(self.valid),
                 len(self.valid) - len(alive), len(alive),
                 100 * len(alive) / max(len(self.valid), 1)))
        for kind, why in APART.items():
            if self.apart[kind]:
                print('    %3d %s' % (len(self.apart[kind]), why))
        sys.stdout.flush()
        return len(alive) <= MOST_SURVIVE * len(self.valid)


class Trial:
    """Files with the same judges: one build, one run without a mutant, then each."""

    def __init__(self, shop, judges, tests):
        self.shop, self.judges, self.tests = shop, judges, tests
        self.files = []
        self.court = judge.Court(shop.where, judges)
        self.ended, self.noting = threading.Event(), threading.Lock()

    def run(self):
        left = [(file, mutant) for file in self.files
                for mutant in file.left(self.tests)]
        alone = [pair for pair in left if pair[1].form == 'alone']
        left = [pair for pair in left if pair[1].form != 'alone']
        for at in range(0, len(left), schema.MOST - 1):
            alone += self.together(left[at:at + schema.MOST - 1])
        for file, mutant in alone:
            if self.ended.is_set():
                break
            self.shop.write(file.path, '#line 1 "%s"\n%s' % (
                file.path, mutant.apply(file.text)))
            began, wrong = time.time(), self.build()
            if wrong:
                self.note(file, mutant, judge.Verdict('build', wrong), began)
            else:
                self.one(file, mutant, 0)
            self.shop.restore(file.path)

    def build(self):
        wrong = self.shop.make('BUILD=test', '-k', 'all',
                               *judge.programs(self.court.judges))
        self.court.built()
        return wrong

    def together(self, pairs):
        """Those that one build can hold; returns the others."""
        left = []
        while pairs:
            for number, (_, mutant) in enumerate(pairs, 1):
                mutant.number = number
            for file in self.files:
                self.shop.write(file.path, schema.schema(
                    file.path, file.text, [m for f, m in pairs if f is file]))
            wrong = self.build()
            if not wrong:
                break
            bad = self.uncompiled(pairs, wrong)
            if not bad:
                sys.exit('with its mutants it does not compile:\n' + wrong)
            left += bad
            pairs = [pair for pair in pairs if pair not in bad]
        if pairs:
            verdict = self.court.learn()
            if verdict.killer:
                sys.exit('%s fails without a mutant, so it judges none: %s' %
                         (verdict.killer, verdict.how))
            with concurrent.futures.ThreadPoolExecutor(judge.JOBS) as pool:
                list(pool.map(lambda pair: self.one(*pair, pair[1].number),
                              pairs))
        for file in self.files:
            self.shop.restore(file.path)
        return left

    @staticmethod
    def uncompiled(pairs, wrong):
        """The mutants on lines of which the compiler speaks, maybe through a macro."""
        bad = []
        for file in {file for file, _ in pairs}:
            lines = {int(line) for line in re.findall(
                r'%s:(\d+):\d+: (?:error|note: in expansion)' %
                re.escape(file.path), wrong)}
            bad += [(f, m) for f, m in pairs
                    if f is file and lines & set(f.lines(m))]
        return bad

    def one(self, file, mutant, number):
        if not self.ended.is_set():
            began = time.time()
            self.note(file, mutant, self.court.judge(number), began)

    def note(self, file, mutant, verdict, began):
        """A verdict of a run that was ended is none."""
        with self.noting:
            if not self.ended.is_set():
                file.note(mutant, verdict, began, self.tests)


def table(trials):
    """A row for each file, in Markdown."""
    print('\n| file | places | valid | killed | survived | equivalent | x86 gives it | '
          'a model\'s |\n|---|---|---|---|---|---|---|---|')
    for file in sorted((file for trial in trials for file in trial.files),
                       key=lambda file: file.path):
        outcomes = [file.outcome(mutant) for mutant in file.valid]
        print('| %s | %s |' % (file.path, ' | '.join(str(number) for number in (
            len(file.mutants), len(file.valid), outcomes.count('killed'),
            outcomes.count('survived')) + tuple(
                len(file.apart[kind])
                for kind in ('equivalent', 'implied', 'covered')))))


def trials_of(paths, count, seed):
    """Each file in the Trial of those that have its judges."""
    shop, trials, tests = workshop.Workshop(), {}, tests_digest()
    for path in paths:
        judges = [os.environ['T']] if os.environ.get('T') else \
            judge.concern(path, text_of(judge.CONCERN))
        if not judges:
            sys.exit('%s: no line of %s fits it, and T= was not given' %
                     (path, judge.CONCERN))
        source = File(path, shop)
        source.choose(count, seed)
        print('%s: seed %d, %d valid mutants, judged by %s' % (
            path, seed, len(source.valid), ' '.join(judges)), flush=True)
        trials.setdefault(tuple(judges), Trial(shop, judges, tests)).files.append(
            source)
    return list(trials.values())


def main():
    asked.check('F', 'N', 'SEED', 'T', 'POOL')
    if os.environ.get('POOL'):
        import pool                     # pylint: disable=import-outside-toplevel
        return pool.main()
    paths = (os.environ.get('F') or '').split()
    if not paths:
        sys.exit('F=FILE: which source is to be mutated? Or POOL=yes')
    trials = trials_of(paths, int(os.environ.get('N') or '100'),
                       int(os.environ.get('SEED') or '1'))

    def end(*_):
        for trial in trials:
            trial.ended.set()
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    for trial in trials:
        trial.run()
    if any(trial.ended.is_set() for trial in trials):
        sys.exit('interrupted: what was judged is in build/mutate')
    good = [file.report() for trial in trials for file in trial.files]
    table(trials)
    return 0 if all(good) else 1


if __name__ == '__main__':
    sys.exit(main())
