#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is said below a failure: the rule, the test's drawing, the race. TAP."""

import os
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import explain  # noqa: E402
import tap  # noqa: E402
from tap import equal  # noqa: E402

FILES = {
    'docs/semantics.md': '''\
**R1.2** A page is
found.

**R1.3, R1.4** It is lost.

**R2.1** Twice.
''',
    'docs/races.md': '''\
# Races

## An entry and its end

Test: `list.an_entry_is_deleted`.

	reader				remover
	finds the entry
					frees it
	must not use it

## Another

Test: `list.another`.

	one				two
					last
	end

## One that is drawn elsewhere

Tests: `list.an_entry_is_found`, `list.an_entry_is_found_by_two`,
`list.a_third_is_found`.
''',
    'mm/list.c': '''\
/*
 * mm/list.c - a list
 *
 *	field		lock
 *	next		->lock
 *	prev		->lock
 *
 * The race it must win (tests/mm/list_test.c,
 * an_entry_is_found):
 *
 *	finder				adder
 *	looks
 *					adds
 *	looks again			(must find it)
 *
 * and a second one:
 *
 *	first				second
 *					stops
 *	goes on
 *
 *	(tests/mm/list_test.c, the_second_stops)
 *
 * The same words elsewhere (tests/mm/tree_test.c, a_leaf_is_found):
 *
 *	third				fourth
 *					waits
 *	ends
 */
''',
    'tests/mm/list_test.c': '''\
/*
 *	pages     0 1 2
 *	found       [-]
 */
KTEST(list, an_entry_is_found, KT_RULES("R1.2 R2.1"))
{
}

KTEST(list, an_entry_is_deleted)
{
}

/* Not the first. */
KTEST(list, the_second_stops,
      KT_FLAGS(KT_SLOW))
{
}

KTEST(list, a_leaf_is_found)
{
}
''',
}


def about(name):
    with tempfile.TemporaryDirectory() as top:
        for path, text in FILES.items():
            os.makedirs(os.path.dirname(os.path.join(top, path)),
                        exist_ok=True)
            with open(os.path.join(top, path), 'w', encoding='utf-8') as out:
                out.write(text)
        return '\n'.join(explain.about(name, top))


def test_the_rules_that_a_test_states_are_quoted():
    said = about('list.an_entry_is_found')
    return equal([line for line in said.split('\n') if line[:4] == 'rule'],
                 ['rule R1.2: A page is found.', 'rule R2.1: Twice.'])


def test_the_comment_above_the_test_is_its_drawing():
    said = about('list.an_entry_is_found')
    return equal('pages     0 1 2\n' in said and 'found       [-]' in said, True)


def test_a_race_that_a_source_draws_follows_the_name():
    said = about('list.an_entry_is_found')
    return equal(('looks again' in said, 'goes on' in said, 'prev' in said),
                 (True, False, False))


def test_a_name_below_a_drawing_closes_it():
    said = about('list.the_second_stops')
    return equal(('goes on' in said, 'looks' in said, 'Not the first.' in said,
                  'ends' in said), (True, False, True, False))


def test_races_of_the_list_of_races_are_found_by_the_whole_name():
    said = about('list.an_entry_is_deleted')
    return equal(('docs/races.md, An entry and its end' in said,
                  'must not use it' in said, 'last' in said),
                 (True, True, False))


def test_a_race_that_is_drawn_for_one_of_its_tests_serves_the_others():
    said = about('list.an_entry_is_found_by_two')
    return equal(('mm/list.c' in said, 'looks again' in said, 'goes on' in said),
                 (True, True, False))


def test_the_race_of_another_file_with_such_a_test_is_not_taken():
    return equal('third' in about('list.a_leaf_is_found'), False)


def test_tabs_come_out_as_columns():
    return equal('\t' in about('list.an_entry_is_found'), False)


def test_a_comment_is_shown_without_its_stars():
    return equal([explain.plain(comment) for comment in (
        '/*\n * Reading\n *\n *\tpages 0 1\n *   found\n */',
        '/* one line */', '/** a doc\n * goes on **/',
        '\t/*\n\t * in a body\n\t *\tdrawn\n\t */', '/*\n * a * b\n */')],
                 [['', 'Reading', '', '\tpages 0 1', '  found', ''],
                  ['one line'], ['a doc', 'goes on'],
                  ['', 'in a body', '\tdrawn', ''], ['', 'a * b', '']])


def test_what_is_no_test_has_no_words():
    return equal(about('kernel.smp2: no plan'), '')


def test_a_failure_in_short_is_its_expression_and_values():
    said = ('# start a.b\n[ 0.1] noise\n# FAIL x.c:7 expected a == b\n'
            '#   a = 1\n#   b = 2\n# trace of this test\n#   0.1 cpu0\n')
    return equal(explain.short(said),
                 ['x.c:7 expected a == b', '  a = 1', '  b = 2'])


def test_a_panic_in_short_is_its_words():
    return equal((explain.short('x\nKERNEL PANIC: mm: gone\ny'),
                  explain.short('x\nthe boot hung'), explain.short('')),
                 (['KERNEL PANIC: mm: gone'], ['the boot hung'], []))


def test_the_tree_itself_has_words_for_a_test_with_a_race():
    said = '\n'.join(explain.about('fault.two_first_writes_install_one_page'))
    return equal('the race, ' in said, True)


if __name__ == '__main__':
    sys.exit(tap.main('explain', globals()))
