#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What callgrind leaves is read right, or refused with a reason. Prints TAP."""

import os
import sys

sys.dont_write_bytecode = True

import tap  # noqa: E402
from elsewhere import TOP, path_with, path_without, place  # noqa: E402

sys.path.insert(0, os.path.join(TOP, 'scripts'))

import bench  # noqa: E402
import callgrind  # noqa: E402

EVENTS = 'Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw Bc Bcm Bi Bim'
HEAD = 'version: 1\ncreator: callgrind-3.19.0\ncmd: build/bench-host/workloads\n'
REQUEST = 'Client Request: '
END = ('Program termination', EVENTS, '0')
EMPTY = (REQUEST + 'overhead_of_a_sample 10', EVENTS, '170 30 90')
PAIR = (REQUEST + 'inval_plain_pair_k1 10', EVENTS,
        '1840 640 420 0 20 30 0 4 5 330 6 20 1')


def dumps(*parts):
    text = HEAD
    for number, (trigger, events, totals) in enumerate(parts, 1):
        text += ('\npart: %d\n\ndesc: Trigger: %s\npositions: line\nevents: %s\n'
                 'summary: 7\n\nfn=(1) main\n16 7\n\ntotals: %s\n' %
                 (number, trigger, events, totals))
    return text


def refused(text, words):
    """'' if the text is refused with these words."""
    try:
        figures = bench.on_host(callgrind.read(text))
    except callgrind.Wrong as wrong:
        return '' if words in str(wrong) else str(wrong)
    return 'it was read: %r' % figures


def changed(position, value):
    part = list(PAIR)
    part[position] = value
    return dumps(EMPTY, part, END)


def test_events_are_divided_by_operations_less_an_empty_sample():
    figures = bench.on_host(callgrind.read(dumps(EMPTY, PAIR, END)))
    return tap.equal(figures, {'inval_plain_pair_k1':
                               [167.0, 2.0, 0.7, 5.0, 0.9]})


def test_no_dump_is_refused():
    for text in ('', HEAD, dumps()):
        wrong = refused(text, 'stop before the program does')
        if wrong:
            return wrong
    return None


def test_a_program_that_did_not_reach_its_end_is_refused():
    return refused(dumps(EMPTY, PAIR), 'stop before the program does')


def test_a_dump_that_was_cut_off_is_refused():
    text = dumps(EMPTY, PAIR)
    return refused(text[:text.rindex('totals')], 'dump 2 has no totals')


def test_a_dump_without_a_request_or_events_is_refused():
    text = dumps(EMPTY, PAIR, END)
    return refused(text.replace('desc: Trigger', 'desc: trigger', 1),
                   'dump 1 has no trigger') or \
        refused(text.replace('events', 'event', 1), 'dump 1 has no events') or \
        refused(changed(0, '--dump-every-bb'), 'did not ask for a dump')


def test_totals_that_do_not_fit_the_events_are_refused():
    return refused(changed(2, '1840 640 x'), 'dump 2: totals 1840 640 x') or \
        refused(changed(2, '1840 -640'), 'dump 2: totals 1840 -640') or \
        refused(changed(2, '1 ' * 14), 'do not fit the events')


def test_an_event_that_was_not_simulated_is_refused():
    return refused(changed(1, 'Ir Dr Dw').replace(PAIR[2], '1840 640 420'),
                   'inval_plain_pair_k1: no event Bi')


def test_a_name_without_a_number_of_operations_is_refused():
    for name in ('inval_plain_pair_k1', 'inval_plain_pair_k1 0',
                 'inval_plain_pair_k1 ten', ''):
        wrong = refused(changed(0, REQUEST + name), 'without a number')
        if wrong:
            return name + ': ' + wrong
    return None


def test_a_metric_measured_twice_is_refused():
    return refused(dumps(EMPTY, PAIR, PAIR, END), 'was measured twice')


def test_a_run_without_an_empty_sample_is_refused():
    return refused(dumps(PAIR, END), 'overhead_of_a_sample was not measured')


def measured(path):
    """What is said of a program measured with this PATH."""
    before = os.environ['PATH']
    os.environ['PATH'] = path
    try:
        callgrind.measure(['true'], TOP)
    except callgrind.Wrong as wrong:
        return str(wrong)
    finally:
        os.environ['PATH'] = before
    return 'it was measured'


def test_a_program_that_fails_shows_what_it_said():
    with place() as where:
        said = measured(path_with(where, {
            'valgrind': '#!/bin/sh\necho no memory; exit 3\n'}))
    return tap.equal(said, 'true under callgrind: status 3\nno memory\n')


def test_callgrind_that_wrote_nothing_is_refused():
    with place() as where:
        said = measured(path_with(where, {'valgrind': '#!/bin/sh\n'}))
    return tap.equal(said, 'callgrind wrote nothing for true')


def test_without_valgrind_doctor_is_named():
    with place() as where:
        said = measured(path_without(where, 'valgrind'))
    return tap.equal(said, 'no valgrind: make doctor')


if __name__ == '__main__':
    sys.exit(tap.main('callgrind', globals()))
