#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The races that can be seen, and how their steps are found in a trace. Prints TAP."""

import os
import re
import shutil
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import made  # noqa: E402
import meant  # noqa: E402
import rules  # noqa: E402
import tap  # noqa: E402
from elsewhere import place, run  # noqa: E402
from see import match, model, races  # noqa: E402
from tap import equal  # noqa: E402
from timeline import build  # noqa: E402
from trace import store  # noqa: E402

SEE = os.path.join(TOP, 'scripts', 'see.py')
TABLE = races.read()


def test_each_race_of_the_document_is_seen_or_says_why_not():
    found = {race.title: race for race in TABLE}
    assert set(found) == set(races.sections()), \
        'scripts/see/races.txt wants `race NAME` with its steps, with `model CASE`, ' \
        'or with `unseen | why`, for: %s' % (set(found) ^ set(races.sections()))
    return equal([title for title, race in found.items() if
                  [bool(race.unseen), bool(race.steps), bool(race.model)].count(True) != 1],
                 [])


def test_the_index_has_each_race_once():
    with open(os.path.join(TOP, 'docs', 'races.md'), encoding='utf-8') as file:
        index = file.read().split('\n## ')[0]
    linked = re.findall(r'\[([^]]+)\]\(#([^)]+)\)', index)
    assert all(re.sub(r'[^a-z -]', '', title.lower()).replace(' ', '-') == anchor
               for title, anchor in linked)
    return equal(sorted(title for title, _ in linked), sorted(races.sections()))


def test_the_document_has_the_command_of_each_and_the_test_that_is_recorded():
    wrong = []
    for race in TABLE:
        text = ' '.join(races.sections()[race.title].split())
        wanted = '*In no trace*: %s.' % race.unseen if race.unseen else \
            '*See it*: `make see RACE=%s`' % race.name
        if wanted not in text:
            wrong.append((race.title, wanted))
        if race.test and '`%s`' % race.test not in text:
            wrong.append((race.title, race.test))
    return equal(wrong, [])


def test_each_step_names_an_event_and_its_fields():
    wrong = []
    for race in TABLE:
        for step in race.steps:
            fields = made.EVENTS.get(step.event, ['', ''])[1].split()
            wrong += [(race.name, step.event, field) for field, _ in step.wanted
                      if field not in fields]
            if not fields:
                wrong.append((race.name, step.event))
    return equal(wrong, [])


def test_a_name_or_its_beginning_means_one_race():
    for race in TABLE:
        assert races.chosen(TABLE, race.name) == [race], race.name
        assert re.fullmatch('[a-z-]+', race.name), race.name
    return equal([len(races.chosen(TABLE, 'a-grant-')) > 1,
                  races.chosen(TABLE, 'no such'), races.chosen(TABLE, '')],
                 [True, [], []])


def test_tests_are_chosen_by_patterns_that_fit_into_a_command_line():
    names = rules.test_names()
    said = ','.join(meant.patterns([race.test for race in TABLE if race.steps], names))
    chosen = [name for name in names if meant.chosen(said, name)]
    assert len(said) < 900, len(said)
    return equal(set(chosen), {race.test for race in TABLE if race.steps})


def test_columns_of_a_drawing_come_near_to_each_other_and_stay_two():
    return equal(races.narrow(['one', ' ' * 24 + 'two', 'three' + ' ' * 19 + 'four']),
                 ['one', '       two', 'three  four'])


def test_a_line_of_the_first_column_alone_does_not_run_into_the_second():
    return equal(races.narrow(['one' + ' ' * 21 + 'two', 'three and four',
                               ' ' * 24 + 'five']),
                 ['one             two', 'three and four', ' ' * 16 + 'five'])


START = (1, 'cpu0', 9, 'ktest_start', 'suite', 'name')


def found(records, *lines, test='suite.name'):
    """The numbers of the records that the steps are, or None."""
    with place() as where:
        path = made.write(os.path.join(where, 'trace.bin'), records)
        picture = build.picture_of(store.Trace(path))
    race = races.Race('A race')
    race.test, race.steps = test, [races.Step(line) for line in lines]
    return match.steps_of(picture, race)[0]


def test_steps_are_found_in_their_order_and_not_in_another():
    records = [START, (2, 'cpu0', 5, 'read_begin', 0x80, 1),
               (3, 'cpu1', 6, 'mmu_notifier_start', 1, 'CLEAR', 7, 0, 9, 1),
               (4, 'cpu0', 5, 'mmu_interval_collided', 0x80, 'CLEAR', 3)]
    steps = ('1 read_begin sub=$s | it begins',
             '2 mmu_notifier_start event=CLEAR | a change',
             '1 mmu_interval_collided sub=$s | it has collided')
    return equal((found(records, *steps), found(records, steps[1], steps[0])),
                 ([1, 2, 3], None))


def test_two_columns_are_two_threads_and_a_free_step_is_of_any():
    records = [START, (2, 'cpu0', 5, 'page_wait', 1), (3, 'cpu0', 5, 'page_waited', 1, 0)]
    return equal((found(records, '1 page_wait | a', '2 page_waited | b'),
                  found(records, '1 page_wait | a', '2~ page_waited | b')),
                 (None, [1, 2]))


def test_a_first_choice_that_leads_nowhere_is_given_up():
    records = [START, (2, 'cpu0', 5, 'page_wait', 1), (3, 'cpu0', 5, 'page_wait', 2),
               (4, 'cpu0', 5, 'page_waited', 2, 0)]
    return equal(found(records, '1 page_wait pfn=$p | a', '1 page_waited pfn=$p | b'),
                 [2, 3])


def test_only_the_records_of_the_test_count():
    records = [(0, 'cpu0', 9, 'ktest_start', 'suite', 'other'),
               (0.5, 'cpu0', 5, 'page_wait', 1), START,
               (2, 'cpu0', 5, 'page_wait', 2),
               (3, 'cpu0', 9, 'ktest_start', 'suite', 'third'),
               (4, 'cpu0', 5, 'page_wait', 3)]
    return equal((found(records, '1 page_wait | a'),
                  found(records, '1 page_wait pfn=1 | a'),
                  found(records, '1 page_wait pfn=3 | a'),
                  found(records, '1 page_wait | a', test='suite.fourth')),
                 ([3], None, None, None))


def test_a_record_of_the_device_may_be_older_by_what_the_clocks_differ():
    def records(early):
        return [(0.1, 'cpu0', 1, 'peer_clock', 0, 50, 150, 100), START,
                (20, 'cpu0', 5, 'peer_command', 'INVALIDATE', 1, 4, 0),
                (20 - early, 'control', 0, 'dev_revoke', 1, 0, 9, 1, 0x70)]
    steps = ('1 peer_command command=INVALIDATE | a', '1 dev_revoke | b')
    return equal((found(records(0.09), *steps) is not None,
                  found(records(9), *steps)), (True, None))


def test_the_page_has_the_columns_and_the_numbered_steps():
    with place() as where:
        path = os.path.join(where, 'trace.bin')
        collision = made.collision(at=2)
        made.write(path, made.CLOCKS + [(1, 'cpu0', 9, 'ktest_start', 'peer', 'page_'
                                         'looked_up_before_an_unmap_is_not_installed')] +
                   [tuple('CLEAR' if value == 'UNMAP' else value for value in record)
                    for record in collision])
        out = os.path.join(where, 'page.html')
        status, said = run([SEE, 'a-page-request-and-a-change-of-the-page', '--trace',
                            path, '--out', out])
        assert status == 0 and 'the order is not' not in said, said
        with open(out, encoding='utf-8') as opened:
            content = opened.read()
        return equal([words for words in (
            'A page request and a change of the page', 'the section has collided',
            '"column":1') if words not in content], [])


def test_what_is_in_no_trace_and_what_is_no_race_get_one_line():
    for name, words in (('an-nmi-handler-that-faults', 'is in no trace: '),
                        ('nope', 'is no race'), ('a-grant', 'may be: a-grant-')):
        status, said = run([SEE, name])
        assert status == 1 and words in said and len(said.splitlines()) == 1, said


# As spin's program prints them: the maker of threads, two threads, a step of many lines.
TRAIL = '''  1:\tproc  0 (:init:) gate.pml:430 (state 3)\t[(run Waiter((n-1)))]
  2:\tproc  4 (Guest) gate.pml:352 (state 230)\t[((round<2))]
  3:\tproc  1 (Waiter) gate.pml:315 (state 5)\t[look = ((in0+in1)!=0)]
  4:\tproc  1 (Waiter) gate.pml:318 (state 73)\t[else]
  5:\tproc  1 (Waiter) gate.pml:321 (state 24)\t[D_STEP321]
  6:\tproc  4 (Guest) gate.pml:158 (state 28)\t[((a)&&(b))]
spin: trail ends after 5 steps
'''


def test_a_trail_of_a_model_becomes_columns_of_what_its_threads_do():
    return equal(model.columns(model.steps_of(TRAIL)), [
        'Guest 4' + ' ' * 8 + 'Waiter 1', '352  round<2',
        ' ' * 15 + '315  look = ((in0+in1)!=0)',
        ' ' * 15 + '321  d_step { ... }', '158  (a)&&(b)'])


def test_the_race_that_a_model_reaches_is_shown_up_to_its_failure():
    if not shutil.which('spin'):
        raise tap.Skip('no spin: `scripts/deps model` installs it')
    race, = (race for race in TABLE if race.model)
    status, said = run([SEE, race.name])
    lines = said.split('\n')
    assert status == 0 and len(lines) > 20, said
    return equal((lines[0].split(':')[0], [words for words in (
        'Guest', 'Waiter', '(here it fails: assertion violated  !(freed[found]))',
        'freed[me] = 1', 'build/see/%s.txt' % race.name) if words not in said]),
                 ('model.' + race.model, []))


if __name__ == '__main__':
    sys.exit(tap.main('seen', globals()))
