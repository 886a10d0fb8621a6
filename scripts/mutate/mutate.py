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
(schema.py); the tests judge them (judge.py). A survivor is printed as a diff, with
`reached` if its place was executed. Results are in build/mutate/FILE.csv as they come:
what was killed is not judged again, so a run that was ended goes on, and a new test is
tried on the survivors alone.

Status: 0 if at most one of ten valid mutants of each file survives.
"""

import concurrent.futures
import csv
import difflib
import hashlib
import os
import random
import re
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))

# pylint: disable=wrong-import-position
import asked  # noqa: E402
import judge  # noqa: E402
import notes  # noqa: E402
import places  # noqa: E402
import schema  # noqa: E402
import workshop  # noqa: E402
from tree import TOP, text_of  # noqa: E402

MOST_SURVIVE = 0.1
FIELDS = ('digest', 'file', 'function', 'line', 'operator', 'old', 'new',
          'outcome', 'killer', 'how', 'reached', 'seconds')
# Not valid, or not for the tests to judge.
APART = {'no compile': 'do not compile', 'equal': 'change no instruction',
         'twin': 'equal another mutant', 'implied': 'x86 gives the order anyway',
         'equivalent': 'marked as equivalent',
         'covered': 'marked as a model\'s or litmus test\'s to see'}


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
        seen = {self.compiler.assembler(self.text): None}
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for at in range(0, len(order), 16):
                chunk = order[at:at + 16]
                for mutant, said in zip(chunk, pool.map(
                        lambda m: self.compiler.assembler(m.apply(self.text)),
                        chunk)):
                    if len(self.valid) == count:
                        return
                    self.sort(mutant, said, seen)

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

    def judge(self, court):
        """Every valid mutant that no earlier run saw killed."""
        left = [m for m in self.valid if self.sheet.rows.get(
            self.digest(m), {}).get('outcome') != 'killed']
        left = [m for m in left if not self.refused(m)]
        together = [m for m in left if m.form != 'alone']
        alone = [m for m in left if m.form == 'alone']
        if together:
            alone += self.judge_together(court, together)
        for mutant in alone:
            began = time.time()
            self.shop.write(self.path, '#line 1 "%s"\n%s' % (
                self.path, mutant.apply(self.text)))
            wrong = self.build(court)
            verdict = judge.Verdict('build', wrong) if wrong else court.judge(0)
            self.note(mutant, verdict, began)
        self.shop.restore(self.path)

    def build(self, court):
        wrong = self.shop.make('BUILD=test', 'all',
                               *judge.programs(court.judges))
        court.built()
        return wrong

    def refused(self, mutant):
        """Does clang's analysis of locks refuse it? Then that is its judge."""
        if mutant.operator not in ('lock', 'unlock', 'swap'):
            return False
        began = time.time()
        said = self.compiler.locks(mutant.apply(self.text))
        if said:
            self.note(mutant, judge.Verdict('check.clang', said), began)
        return bool(said)

    def judge_together(self, court, mutants):
        """Those that one source can hold; returns the others."""
        left = []
        while mutants:
            for number, mutant in enumerate(mutants, 1):
                mutant.number = number
            self.shop.write(self.path,
                            schema.schema(self.path, self.text, mutants))
            wrong = self.build(court)
            if not wrong:
                break
            lines = {int(line) for line in re.findall(
                r'%s:(\d+):\d+: error' % re.escape(self.path), wrong)}
            bad = [m for m in mutants if lines & set(self.lines(m))]
            if not bad:
                sys.exit('%s with its mutants does not compile:\n%s' %
                         (self.path, wrong))
            left += bad
            mutants = [m for m in mutants if m not in bad]
        verdict = court.judge(0)
        verdict = court.judge(0) if verdict.killer else verdict
        if verdict.killer:
            sys.exit('%s fails without a mutant, so it judges none: %s' %
                     (verdict.killer, verdict.how))
        for mutant in mutants:
            began = time.time()
            self.note(mutant, court.judge(mutant.number), began)
        return left

    def lines(self, mutant):
        """The lines on which a schema has something of a mutant."""
        for start, end, _ in mutant.edits:
            yield from range(self.text.count('\n', 0, start) + 1,
                             self.text.count('\n', 0, end) + 2)

    def note(self, mutant, verdict, began):
        row = self.row(mutant, outcome='killed' if verdict.killer else
                       'survived', killer=verdict.killer, how=verdict.how,
                       reached=verdict.reached,
                       seconds='%.1f' % (time.time() - began))
        self.sheet.keep(row)
        print('  %-8s %s:%d %s() %s %s (%s s)' % (
            row['outcome'], self.path, row['line'], mutant.function,
            mutant.operator, row['killer'], row['seconds']), flush=True)

    # ---- the end -----------------------------------------------------------------

    def survivors(self):
        return [m for m in self.valid if self.sheet.rows[self.digest(m)][
            'outcome'] == 'survived']

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


def main():
    asked.check('F', 'N', 'SEED', 'T', 'POOL')
    if os.environ.get('POOL'):
        import pool                     # pylint: disable=import-outside-toplevel
        return pool.main()
    paths = (os.environ.get('F') or '').split()
    if not paths:
        sys.exit('F=FILE: which source is to be mutated? Or POOL=yes')
    count = int(os.environ.get('N') or '100')
    seed = int(os.environ.get('SEED') or '1')
    shop, good = workshop.Workshop(), True
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
        source.judge(judge.Court(shop.where, judges))
        good = source.report() and good
    return 0 if good else 1


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit('interrupted: what was judged is in build/mutate')
