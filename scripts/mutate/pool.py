# SPDX-License-Identifier: MIT
"""pool - mutants that are worth keeping, each with the tests that notice it

    wrong()     what is wrong with tests/mutants/pool, without a build: each mutant
                fits in exactly one place, its tests exist, levels and exercises are
                complete and as docs/exercises.md has them; for `make check`
    main()      POOL=yes: each mutant is built, and every test that the pool names for
                it fails, by its own name. POOL=NAME: of one mutant, also tests that it
                does not name

A mutant of the pool is built alone: it may be more than one change of one operator,
as a mistake of a person is.
"""

import fnmatch
import os
import re
import sys

import judge
import kernelboots
import notes
import rules
import session as sessions
import workshop
from tree import TOP, text_of

# The tests of exercises are taken out of a copy of the tree by this many.
MOST_TESTS = 6
DOCUMENT = 'docs/exercises.md'


def wrong(top=TOP):
    """What is wrong with the pool, a line each."""
    said, names = [], rules.test_names(top)
    exercises = {}
    for note in notes.read(notes.POOL, top):
        where = '%s: %s: ' % (notes.POOL, note['name'])
        missing = [key for key in ('file', 'function', 'old', 'tests', 'title')
                   if not note.get(key)]
        if missing:
            said.append(where + 'lacks ' + ' '.join(missing))
            continue
        path = os.path.join(top, note['file'])
        if not os.path.exists(path):
            said.append(where + 'no file ' + note['file'])
            continue
        with open(path, encoding='utf-8') as source:
            text = source.read()
        try:
            if notes.apply(note, text) == text:
                said.append(where + '`new` is `old`')
        except ValueError as error:
            said.append('%s: %s' % (notes.POOL, error))
        said += [where + 'no test ' + name for name in note['tests'].split()
                 if name not in names]
        if note.get('exercise'):
            exercises.setdefault(note['exercise'], []).append(note)
    return said + wrong_exercises(exercises) + wrong_document(exercises, top)


def wrong_exercises(exercises):
    """The numbers are 1, 2, ... and the level does not fall."""
    said, numbers = [], [str(n + 1) for n in range(len(exercises))]
    if sorted(exercises) != sorted(numbers):
        return ['%s: exercises are %s, not 1 to %d' % (
            notes.POOL, ' '.join(sorted(exercises)), len(exercises))]
    level = 0
    for number in numbers:
        if len(exercises[number]) > 1:
            said.append('%s: two exercises are number %s' %
                        (notes.POOL, number))
        note = exercises[number][0]
        if not note.get('hint') or not note.get('level', '').isdigit():
            said.append('%s: exercise %s has no hint or no level' %
                        (notes.POOL, number))
            continue
        if int(note['level']) < level:
            said.append('%s: exercise %s is easier than the one before' %
                        (notes.POOL, number))
        level = int(note['level'])
        if len(note['tests'].split()) > MOST_TESTS:
            said.append('%s: exercise %s takes too many tests out' %
                        (notes.POOL, number))
    return said


def wrong_document(exercises, top):
    """docs/exercises.md has each exercise's title and hint under its number."""
    if not exercises:
        return []
    with open(os.path.join(top, DOCUMENT), encoding='utf-8') as text:
        said = ' '.join(text.read().split())
    return ['%s: exercise %s: not as the pool has it' % (DOCUMENT, number)
            for number, notes_ in exercises.items() for note in notes_
            if '| %s | %s | %s |' % (number, note.get('level'),
                                     note['title']) not in said or
            ' '.join(('%s. %s' % (number, note.get('hint'))).split()) not in said]


def build(shop, note):
    """The kernel with the note's mutant; what make says if there is none."""
    text = notes.apply(note, text_of(note['file']))
    shop.write(note['file'], '#line 1 "%s"\n%s' % (note['file'], text)
               if note['file'].endswith('.c') else text)
    return shop.make('BUILD=test', 'all')


def failed(shop, globs):
    """{test: how} of every test of a selection that fails, in as many boots as it
    takes."""
    session = sessions.Session(os.path.join(shop.where, 'build', 'test'))
    session.quiet, session.glob, session.repeat = True, globs, 1
    session.smp, session.seed = '2', '1'
    session.peer = '' if globs.startswith('peer') else 'none'
    session.deadline = str(2 * judge.DEADLINE)
    kernelboots.kernel(session)
    return {result.name: judge.last_line(result.said)
            for run in session.runs for result in run.results
            if result.outcome == 'failed'}


def selections(tests):
    """T= of the tests with the device, and of those without."""
    with_device = [name for name in tests if name.startswith('peer')]
    return [','.join(names) for names in (
        [name for name in tests if name not in with_device], with_device)
            if names]


def others(note, shop):
    """Tests that fail with the mutant and that the pool does not name."""
    found = {}
    court = judge.Court(shop.where, judge.concern(
        note['file'], text_of(judge.CONCERN)))
    shop.make('BUILD=test', 'all', *judge.programs(court.judges))
    for one in court.judges:
        if one.split('.')[0] in judge.HOST_KINDS:
            verdict = court.host(one, 0)
            if verdict.killer:
                found[one] = verdict.how
        else:
            found.update(failed(shop, one))
    return {name: how for name, how in found.items()
            if name not in note['tests'].split()}


def main(path=notes.POOL):
    wanted = os.environ.get('POOL')
    pool = [note for note in notes.read(path)
            if wanted == 'yes' or fnmatch.fnmatchcase(note['name'], wanted)]
    if not pool:
        sys.exit('POOL=%s: %s has no such mutant; yes means all' %
                 (wanted, path))
    shop, good = workshop.Workshop(), 0
    for note in pool:
        said = build(shop, note)
        tests = note['tests'].split()
        found = {}
        if not said:
            for globs in selections(tests):
                found.update(failed(shop, globs))
        alive = [said] if said else ['not noticed by ' + name for name in tests
                                     if name not in found]
        good += not alive
        print('%-9s %s%s' % ('killed' if not alive else 'ALIVE', note['name'],
                             ''.join('\n    ' + line for line in alive)))
        if wanted != 'yes':
            for name in tests:
                print('    %s: %s' % (name, found.get(name, 'passed')))
            for name, how in others(note, shop).items():
                print('    also %s: %s' % (name, re.sub(r'\s+', ' ', how)))
        sys.stdout.flush()
        shop.restore(note['file'])
    print('%d passed, %d failed, 0 skipped' % (good, len(pool) - good))
    return 0 if good == len(pool) else 1
