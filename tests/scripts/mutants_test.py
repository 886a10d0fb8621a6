#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/mutate: places, schemata, judges, the pool. Prints TAP."""

import contextlib
import io
import os
import sys
import types

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path[:0] = [os.path.join(TOP, 'scripts', 'mutate'),
                os.path.join(TOP, 'scripts')]
sys.dont_write_bytecode = True

import judge  # noqa: E402
import meant  # noqa: E402
import mutate  # noqa: E402
import notes  # noqa: E402
import places  # noqa: E402
import pool  # noqa: E402
import schema  # noqa: E402
import source  # noqa: E402
import tap  # noqa: E402
from elsewhere import place, run, write  # noqa: E402
from tap import equal  # noqa: E402

TEXT = '''\
/* A comment with { a brace. */
#define MOST 7

static int table[] = {3};

static bool is_late(const struct gate *gate, u64 gp)
{
\treturn gate->done < gp && !gate->over;
}

int gate_wait(struct gate *gate, u64 gp)
{
\tint err = 0;

\tspin_lock(&gate->lock);
\tif (unlikely(is_late(gate, gp))) {
\t\tspin_unlock(&gate->lock);
\t\treturn -EAGAIN;
\t}
\tgate->users++;
\tsmp_mb();
\twake_up_all(&gate->waiters); /* all */
\tflush_tlb_mm(gate->mm);
\tgate->seen = smp_load_acquire(&gate->done);
\tspin_unlock(&gate->lock);
\tfor_each_user(user, gate)
\t\tcall(user, 2);
\tpr_info("%d", 1);
\treturn err;
}
'''
FOUND = places.Places(TEXT).found


def by(operator):
    """{(old line, new line)} of the mutants of an operator, one line each."""
    return {tuple(' '.join(piece.split()) for piece in mutant.key(TEXT))
            for mutant in FOUND if mutant.operator == operator}


def test_functions_and_the_types_of_their_results_are_found():
    return equal([(f.name, f.result) for f in source.functions(TEXT)],
                 [('is_late', 'bool'), ('gate_wait', 'int')])


def test_every_function_of_the_kernel_can_be_read():
    unread = []
    for room in ('mm', 'drivers', 'kernel', 'lib'):
        for folder, _, names in os.walk(os.path.join(TOP, room)):
            for name in names:
                path = os.path.join(folder, name)
                if not name.endswith('.c'):
                    continue
                with open(path, encoding='utf-8') as text:
                    text = text.read()
                heads = text.count('\n{\n')
                if heads - len(source.functions(text)) > 1:
                    unread.append(os.path.relpath(path, TOP))
    return equal(unread, [])


def test_each_operator_finds_its_places():
    wanted = {
        'compare': ('return gate->done < gp && !gate->over;',
                    'return gate->done <= gp && !gate->over;'),
        'logic': ('return gate->done < gp && !gate->over;',
                  'return (gate->done < gp) || (!gate->over);'),
        'negate': ('if (unlikely(is_late(gate, gp))) {',
                   'if (!(unlikely(is_late(gate, gp)))) {'),
        'value': ('return err;', 'return 0;'),
        'return': ('return -EAGAIN;', ';'),
        'assign': ('gate->users++;', ';'),
        'barrier': ('smp_mb();', ';'),
        'wake': ('wake_up_all(&gate->waiters); /* all */', '; /* all */'),
        'flush': ('flush_tlb_mm(gate->mm);', ';'),
        'order': ('gate->seen = smp_load_acquire(&gate->done);',
                  'gate->seen = READ_ONCE(*(&gate->done));'),
        'lock': ('spin_lock(&gate->lock);', ';'),
        'unlock': ('spin_unlock(&gate->lock);', ';'),
        'call': ('call(user, 2);', ';'),
        'constant': ('static int table[] = {3};', 'static int table[] = {4};'),
        'swap': ('smp_mb(); wake_up_all(&gate->waiters); /* all */',
                 'wake_up_all(&gate->waiters); smp_mb(); /* all */'),
    }
    return equal([operator for operator, pair in wanted.items()
                  if pair not in by(operator)], [])


def test_messages_are_not_mutated():
    return equal([m.key(TEXT) for m in FOUND
                  if 'pr_info' in m.key(TEXT)[0] and m.form != 'swap'], [])


def test_a_mutant_moves_no_line():
    return equal([m.operator for m in FOUND
                  if m.apply(TEXT).count('\n') != TEXT.count('\n')], [])


def numbered(wanted):
    """The mutants that a schema can hold and that `wanted` chooses."""
    chosen = [m for m in FOUND if m.form != 'alone' and wanted(m)]
    for number, mutant in enumerate(chosen, 1):
        mutant.number = number
    return chosen


def test_a_schema_has_each_mutant_behind_its_condition():
    chosen = numbered(lambda m: m.operator in ('compare', 'wake', 'negate') and
                      m.function == 'is_late' or m.operator == 'wake')
    text = schema.schema('x.c', TEXT, chosen)
    wrong = [m.number for m in chosen
             if text.count('mutant_is(%d)' % m.number) != 1]
    if '{ if (!mutant_is(%d)) wake_up_all(&gate->waiters); }' % \
            chosen[-1].number not in text:
        wrong.append('wake')
    return equal(wrong, [])


def test_two_statements_that_change_places_are_one_condition():
    chosen = numbered(lambda m: m.operator == 'swap' and
                      m.key(TEXT)[0].strip().startswith('smp_mb'))
    said = schema.schema('x.c', TEXT, chosen)
    return '' if '{ if (!mutant_is(1)) smp_mb(); }\n\t' \
        '{ wake_up_all(&gate->waiters); if (mutant_is(1)) { smp_mb(); } }' \
        in said else said


# All mutants at once, compiled and run: what each does is what it does alone.
PROGRAM = '''\
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
static int depth;
static void up(void)
{
\tdepth++;
}

static void twice(void)
{
\tdepth *= 2;
}

static int work(int n)
{
\tint i = 0;

\tdepth = n;
\tup();
\ttwice();
\tif (n > 3 && depth != 12)
\t\treturn depth;
\tfor (; i < n; i++)
\t\tdepth += i;
\treturn depth > 9 ? depth : 1;
}

int main(int argc, char **argv)
{
#ifdef mutant_is
\tmutant_chosen = atoi(argv[1]);
#endif
\tprintf("%d %d %d", work(2), work(4), work(5));
}
'''


def test_a_mutant_in_a_schema_does_what_it_does_alone():
    found = [m for m in places.Places(PROGRAM).found if m.form != 'alone' and
             m.function in ('work', 'up', 'twice')]
    for number, mutant in enumerate(found, 1):
        mutant.number = number
    said = 'unsigned char seen[%d], *mutant_seen = seen;\n' % schema.MOST + \
        schema.schema('x.c', PROGRAM, found).replace('extern unsigned', 'unsigned', 1)
    wrong = []
    with place() as where:
        def compiled(name, text):
            write(os.path.join(where, name + '.c'), text)
            status, out = run(['gcc', '-w', '-o', name, name + '.c'], where)
            return out if status else ''
        wrong.append(compiled('all', said))
        for mutant in found:
            compiled('one', mutant.apply(PROGRAM))
            one = run(['timeout', '5', './one', '0'], where)
            many = run(['timeout', '5', './all', str(mutant.number)], where)
            if one != many:
                wrong.append((mutant.key(PROGRAM), one, many))
    return equal([w for w in wrong if w], [])


# ---- judging ------------------------------------------------------------------------

def watched(lines, names=('a.first', 'a.second')):
    """What judge.watch() makes of a boot that prints these lines."""
    with place() as where:
        write(os.path.join(where, 'boot'), '#!/bin/sh\ncat <<END\n%s\nEND\n'
              'trap "exit 1" TERM\n[ -z "$STAYS" ] || sleep 1\n' %
              '\n'.join(lines))
        run_ = meant.Boot('mutant', [meant.Test(name) for name in names], 0)
        verdict, status = judge.watch(run_, [os.path.join(where, 'boot')],
                                      os.path.join(where, 'log'))
        return verdict.killer, verdict.how, verdict.reached, status


def test_a_boot_that_passes_kills_nothing_and_says_what_was_reached():
    return equal(watched(['1..2', '# start a.first', 'ok 1 a.first',
                          '# start a.second', '# mutant 4 reached 1',
                          'ok 2 a.second']), ('', '', 'yes', 0))


def test_the_first_failure_ends_a_boot():
    killer, how, _, _ = watched(
        ['1..2', '# start a.first', '# FAIL x.c:1 expected calls == 1',
         'not ok 1 a.first', '# start a.second'])
    return equal((killer, how), ('a.first', '# FAIL x.c:1 expected calls == 1'))


def test_a_panic_is_the_running_tests():
    killer, how, _, _ = watched(['1..2', '# start a.first', 'ok 1 a.first',
                                 '# start a.second', 'KERNEL PANIC: a: b'])
    return equal((killer, how), ('a.second', 'KERNEL PANIC: a: b'))


def test_the_first_line_that_fits_a_file_has_its_judges():
    text = '# x\nmm/a.c mm/b.c\n\thost.x\n\ta.*,b.*\nmm/*\n\tc.*\n'
    return equal([judge.concern(path, text) for path in
                  ('mm/b.c', 'mm/c.c', 'lib/c.c')],
                 [['host.x', 'a.*,b.*'], ['c.*'], []])


def test_what_each_test_reached_is_read_from_a_boot_without_a_mutant():
    return equal(judge.places_reached([
        '# reached 0 2', '1..2', '# start a.first', 'ok 1 a.first # 1 ms',
        '# reached 0 81', '# reached 256 0f', 'not ok 2 a.second']),
        {'': {1}, 'a.first': {3, 4, 260, 261, 262, 263}})


def test_short_patterns_choose_the_tests_and_no_others():
    names = ['a.first', 'a.second', 'a.third', 'b.first', 'b.firsts', 'c.x', 'c.y']
    return equal([meant.patterns(wanted, names) for wanted in (
        ['a.first', 'a.third', 'c.x', 'c.y'], ['b.first'], [])],
        [['a.f*', 'a.t*', 'c.*'], ['b.first'], []])


def test_the_tests_that_come_to_fewest_places_judge_first():
    names = ['a.t%02d' % i for i in range(2 * judge.CLOSEST + 1)]
    court = judge.Court('nowhere', ['a.*'])
    court._tests = [types.SimpleNamespace(name=name, flags='') for name in names]
    court.reach = {'a.*': {name: set(range(i + 1)) for i, name in enumerate(names)}}
    return equal((court.closest('a.*', 0), court.closest('a.*', 1)),
                 (','.join(names[:judge.CLOSEST]), ''))


def test_a_release_becomes_a_plain_store_as_a_statement():
    text = TEXT.replace('smp_mb();', 'smp_store_release(&gate->done, 1);')
    chosen = [m for m in places.Places(text).found if m.form == 'statement']
    for number, mutant in enumerate(chosen, 1):
        mutant.number = number
    said = schema.schema('x.c', text, chosen)
    return equal(('{ if (!mutant_is(1)) smp_store_release(&gate->done, 1); if '
                  '(mutant_is(1)) { WRITE_ONCE(*(&gate->done), 1); } }' in said,
                  len(chosen)), (True, 1))


def test_a_mutant_that_nothing_kills_is_shown_as_a_diff():
    file = mutate.File.__new__(mutate.File)
    file.path, file.text, file.mutants = 'x.c', TEXT, FOUND
    file.apart = {kind: [] for kind in mutate.APART}
    file.valid = [m for m in FOUND if m.operator in ('wake', 'barrier')]
    file.sheet = mutate.Sheet('there/is/none')
    for mutant, outcome in zip(file.valid, ('killed', 'survived')):
        file.sheet.rows[file.digest(mutant)] = file.row(
            mutant, outcome=outcome, killer='', how='', reached='yes')
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        few = file.report()
    return equal((few, [line for line in said.getvalue().splitlines() if
                        line.startswith(('survived', '-\t', '+\t', 'x.c'))]),
                 (False, ['survived: gate_wait, wake, reached',
                          '-\twake_up_all(&gate->waiters); /* all */',
                          '+\t; /* all */',
                          'x.c: %d places; 2 valid mutants, 1 killed, 1 survived '
                          '(50 %%)' % len(FOUND)]))


# ---- what is written down -------------------------------------------------------------

POOL = '''\
[late]
title = the wake-up comes late
file = x.c
function = gate_wait
old = smp_mb();
\twake_up_all(&gate->waiters);
new = wake_up_all(&gate->waiters);
tests = list.added_entries_are_walked_in_order
'''


DOCUMENT = '| 1 | 3 | the wake-up comes late |\n| 2 | 3 | the wake-up comes ' \
    'late |\n1. look\n2. look\n'


def with_pool(text, tests=True):
    """What pool.wrong() says of a tree with this pool."""
    with place() as where:
        for folder in ('tests/mutants', 'tests/lib', 'docs'):
            os.makedirs(os.path.join(where, folder))
        write(os.path.join(where, pool.DOCUMENT), DOCUMENT)
        write(os.path.join(where, 'x.c'), TEXT)
        write(os.path.join(where, 'tests/lib/list_test.c'), 'KTEST(list, '
              'added_entries_are_walked_in_order)\n{\n}\n' if tests else '')
        write(os.path.join(where, notes.POOL), text)
        return pool.wrong(where)


def test_a_piece_is_found_however_it_is_broken_into_lines():
    note = {'name': 'late', 'file': 'x.c', 'function': 'gate_wait',
            'old': 'smp_mb(); wake_up_all( &gate->waiters );', 'new': 'x();'}
    return equal(notes.apply(note, TEXT).count('\tx(); /* all */'), 1)


def test_a_mark_of_a_define_fits_that_line_and_no_other():
    return equal([notes.words('#define MOST 7'), notes.within(
        notes.words('#define MOST 7'), notes.words('#define LEAST 7'))],
        [['define', 'MOST', '7'], False])


MARK = '[%s]\nfile = x.c\nfunction = %s\nold = wake_up_all(&gate->waiters);\nwhy = no.\n'


def test_a_mark_that_fits_no_mutant_any_more_is_named():
    with place() as where:
        os.makedirs(os.path.join(where, 'tests/mutants'))
        write(os.path.join(where, 'x.c'), TEXT)
        write(os.path.join(where, notes.EQUIVALENT),
              MARK % ('fits', 'gate_wait') + MARK % ('moved', 'is_late'))
        return equal(notes.stale(where), [
            'tests/mutants/equivalent: moved fits no mutant of x.c'])


def test_a_pool_that_is_right_passes():
    return equal(with_pool(POOL), [])


def test_a_mutant_that_fits_nowhere_or_twice_is_named():
    return equal([with_pool(POOL.replace('smp_mb', old))[0].split('`old` ')[1]
                  for old in ('smp_rmb', )] +
                 [with_pool(POOL.replace(
                     'smp_mb();\n\twake_up_all(&gate->waiters);',
                     'spin_unlock(&gate->lock);'))[0].split('`old` ')[1]],
                 ['is there 0 times, not once', 'is there 2 times, not once'])


def test_a_test_that_is_gone_is_named():
    return equal(with_pool(POOL, False), [
        'tests/mutants/pool: late: no test '
        'list.added_entries_are_walked_in_order'])


def test_exercises_are_numbered_and_get_harder():
    one = POOL + 'exercise = 1\nlevel = 3\nhint = look\n'
    two = one.replace('[late]', '[later]').replace('exercise = 1',
                                                   'exercise = 2')
    return equal([with_pool(one + two)] +
                 [[said.split(': ', 1)[1] for said in with_pool(text)]
                  for text in (two, one + two.replace('level = 3', 'level = 2'),
                               one.replace('hint = look', 'hint = see'))],
                 [[], ['exercises are 2, not 1 to 1'],
                  ['exercise 2 is easier than the one before',
                   'exercise 2: not as the pool has it'],
                  ['exercise 1: not as the pool has it']])


def test_the_pool_of_this_tree_fits():
    return equal(pool.wrong(), [])


if __name__ == '__main__':
    sys.exit(tap.main('mutants', globals()))
