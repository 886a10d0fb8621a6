#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A trace becomes lanes, bars, marks and arrows, and a page. Prints TAP."""

import contextlib
import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import made  # noqa: E402
import tap  # noqa: E402
from elsewhere import place, run  # noqa: E402
from tap import equal  # noqa: E402
from timeline import build, kinds, pack, page, stated  # noqa: E402
from timeline.picture import FIT, Lane, STILL_OPEN  # noqa: E402
from trace import store  # noqa: E402

TIMELINE = os.path.join(TOP, 'scripts', 'timeline.py')


@contextlib.contextmanager
def drawn(records, **more):
    """The picture of made-up records."""
    with place() as where:
        path = made.write(os.path.join(where, 'trace.bin'), records, **more)
        yield build.picture_of(store.Trace(path))


def bars_of(picture, name):
    """[(kind, begin, end, row)] of the lane of that name, in us."""
    for lane in picture.lanes:
        if lane.name == name:
            return [(bar.kind, bar.begin / 1000, bar.end / 1000, bar.row)
                    for bar in lane.bars]
    return None


def test_a_call_holds_its_range_and_the_range_its_callback():
    with drawn(made.CLOCKS + made.collision()) as picture:
        return equal(bars_of(picture, 'changer (31)'), [
            ('fault', 4, 6, 0), ('call', 20, 30, 0), ('command', 60, 70, 0),
            ('range', 21, 29, 1), ('callback', 21.5, 23, 2),
            ('flush', 25.5, 28, 2)])


def test_a_section_that_collided_and_its_repetition_stand_in_rounds_of_a_request():
    with drawn(made.CLOCKS + made.collision()) as picture:
        return equal(bars_of(picture, 'peer0/ctx1 (30)'), [
            ('on_cpu', 12, 70, 0), ('request', 13, 55, 1), ('round', 14, 33, 2),
            ('round', 36, 39, 2), ('command', 41, 54, 2), ('collided', 15, 33, 3),
            ('read', 37, 39, 3)])


def test_a_section_that_the_recording_cuts_off_is_not_shown_as_one_without_collision():
    whole = made.CLOCKS + made.collision()
    with drawn([record for record in whole if record[0] <= 20]) as picture:
        return equal(bars_of(picture, 'peer0/ctx1 (30)')[-1], ('section', 15, 20, 3))


def test_a_page_shows_what_the_cpu_and_what_the_device_may_do():
    with drawn(made.CLOCKS + made.collision()) as picture:
        return equal(bars_of(picture, 'page 0x10000'), [
            ('pg_write', 5, 25, 0), ('pg_empty', 25, 70, 0), ('dev_page', 44, 63, 1)])


def test_the_lane_of_readers_says_which_addresses_the_subscription_is_of():
    with drawn([(1, 'cpu0', 3, 'mm_born', 7, 1),
                (2, 'cpu0', 3, 'sub_insert', 0x800, 7, 0, (1 << 64) - 1, made.OPS,
                 'interval'),
                (2, 'cpu0', 3, 'sub_insert', 0x900, 7, 0x10000, 0x11fff, made.OPS,
                 'interval'),
                (3, 'cpu0', 3, 'read_begin', 0x800, 1),
                (3, 'cpu0', 4, 'read_begin', 0x900, 1)], device=False) as picture:
        return equal([lane.role for lane in picture.lanes
                      if lane.name.startswith('readers of')],
                     ['interval: the whole address space',
                      'interval: 0x10000–0x12000'])


def test_the_device_has_lanes_of_requests_works_and_threads():
    with drawn(made.CLOCKS + made.collision()) as picture:
        device = {lane.name: [(bar.kind, bar.begin / 1000, bar.end / 1000)
                              for bar in lane.bars] for lane in picture.lanes
                  if lane.group == 'Device 0'}
        return equal(device, {
            'page requests': [('dev_request', 9, 55)],
            'works': [('work', 7, 53)], 'works that wait': [('parked', 8, 47)],
            'control': [('revoke', 63, 66)], 'worker0': [('access', 48, 52)]})


def test_arrows_lead_from_each_cause_to_what_it_led_to():
    with drawn(made.CLOCKS + made.collision()) as picture:
        return equal(sorted((arrow.kind, arrow.begin / 1000, arrow.end / 1000)
                            for arrow in picture.arrows), [
            ('ack', 66, 70), ('collision', 23, 33), ('flush', 25.5, 27),
            ('grant', 40, 45), ('invalidate', 60, 63), ('request', 9, 13)])


def test_exclusive_pages_come_and_go_and_one_given_up_is_marked():
    with drawn([(1, 'cpu0', 3, 'mm_born', 7, 1),
                (2, 'cpu0', 3, 'pte_filled', 7, 0x5000, 9, 'write'),
                (3, 'cpu0', 3, 'exclusive_page', 7, 0x5000, 9, 1),
                (4, 'cpu0', 3, 'exclusive_page', 7, 0x6000, 8, 0),
                (5, 'cpu0', 3, 'pte_filled', 7, 0x5000, 9, 'read'),
                (5, 'cpu0', 3, 'exclusive_restored', 7, 0x5000, 9, 1),
                (6, 'cpu0', 3, 'pte_protected', 7, 0x5000, 0x6000, 0),
                (7, 'cpu0', 3, 'mm_gone', 7, 1)], device=False) as picture:
        assert bars_of(picture, 'page 0x5000') == [
            ('pg_write', 2, 3, 0), ('pg_exclusive', 3, 5, 0), ('pg_read', 5, 6, 0),
            ('pg_none', 6, 7, 0)], bars_of(picture, 'page 0x5000')
        return equal([mark.kind for lane in picture.lanes for mark in lane.marks
                      if lane.page == 0x6000], ['given_up'])


def test_what_never_ends_is_open_up_to_the_last_record():
    with drawn([(1, 'cpu0', 3, 'mm_call', 7, 'munmap', 0, 0x1000, 0),
                (9, 'cpu0', 4, 'sched_wake', 3, 0)], device=False) as picture:
        bar, = [bar for lane in picture.lanes for bar in lane.bars]
        return equal((bar.begin, bar.end, bar.flags), (1000, 9000, STILL_OPEN))


def test_release_and_a_refused_start_end_with_their_start():
    with drawn([(1, 'cpu0', 3, 'mmu_notifier_start', 1, 'RELEASE', 7, 0, 9, 1),
                (2, 'cpu0', 3, 'mmu_notifier_started', 1, 'RELEASE', 0, 9, 0, 0, 5),
                (3, 'cpu0', 3, 'mmu_notifier_start', 2, 'CLEAR', 7, 0, 9, 0),
                (4, 'cpu0', 3, 'mmu_notifier_started', 2, 'CLEAR', 0, 9, -11, 0, 5),
                (9, 'cpu0', 3, 'sched_wake', 4, 0)], device=False) as picture:
        return equal([bar[:3] for bar in bars_of(picture, 'open ranges')],
                     [('range', 1, 2), ('range', 3, 4)])


def test_a_gap_is_drawn_in_its_lane_and_known_to_the_page():
    with drawn([(at, 'cpu0', 3, 'sched_switch', 3, 4, 0) for at in (1, 2, 8, 9)],
               gaps=[('cpu0', 8, 100)], device=False) as picture:
        assert picture.gaps[0][:2] == [2000, 8000], picture.gaps
        return equal([bar[:3] for bar in bars_of(picture, 'CPU 0')
                      if bar[0] == 'gap'], [('gap', 2, 8)])


def test_an_event_of_another_kernel_is_a_mark_and_that_is_said():
    records = [(1, 'cpu0', 3, 'mm_call', 7, 'munmap', 0, 0x1000, 0)]
    fields = made.EVENTS['mm_call'][1]
    made.EVENTS['mm_call'][1] = fields.replace('what', 'which')
    try:
        with drawn(records, device=False) as picture:
            assert picture.strange == {'mm_call': 'what'}, picture.strange
            return equal([(mark.kind, mark.record) for lane in picture.lanes
                          for mark in lane.marks], [('other', 0)])
    finally:
        made.EVENTS['mm_call'][1] = fields


def test_bars_of_a_row_never_overlap():
    lane = Lane('', '', (0,), rows=FIT)
    for begin, end in ((0, 9), (1, 3), (2, 5), (3, 4), (9, 12), (5, 6)):
        lane.whole('work', begin, end, 0)
    lane.settle(20)
    rows = {}
    for bar in lane.bars:
        assert rows.get(bar.row, 0) <= bar.begin, (bar.row, bar.begin)
        rows[bar.row] = bar.end
    return equal(len(rows), 3)


def test_each_kind_that_is_drawn_is_explained_and_each_label_names_fields():
    with open(os.path.join(TOP, 'scripts', 'timeline', 'page', 'style.css'),
              encoding='utf-8') as style:
        colours = set(re.findall(r'--(\w+):', style.read()))
    fields = {field for _, names, _ in made.EVENTS.values()
              for field in names.split()}
    for name, (title, colour, _, _, label, sentence, _) in kinds.BARS.items():
        assert title and sentence.endswith('.') and colour in colours, name
        unknown = set(re.findall(r'\{>?(\w+)\}', label)) - fields
        assert not unknown, (name, unknown)
    for name, (title, colour, sign, sentence, _) in kinds.MARKS.items():
        assert title and sign and sentence.endswith('.') and colour in colours, name
    return equal(set(kinds.RARE) - set(kinds.MARKS), set())


def test_every_rule_that_a_kind_names_stands_in_a_document_and_is_said_in_plain_words():
    found = stated.of_documents()
    wrong = [rule for rule in sorted(stated.linked())
             if not re.fullmatch(r'\w[^*`]*[.)]', found.get(rule, ''))]
    return equal((wrong, found['R4.17'], 'invalidate.the_ack' in found['D5.11'],
                  found['R1.11'].count('range')), (
        [], 'read_begin waits while a range is open that overlaps the interval.',
        False, 2))


def test_every_event_that_is_drawn_exists():
    with drawn([(1, 'cpu0', 3, 'sched_wake', 4, 0)], device=False) as picture:
        handled = set(build.Parts(picture).handlers)
    return equal(sorted(handled - set(made.EVENTS)), [])


def test_an_event_is_linked_to_its_trace_point():
    path, line = pack.trace_points()['mmu_notifier_start']
    with open(os.path.join(TOP, path), encoding='utf-8') as source:
        return equal('mmu_notifier_start' in source.read().split('\n')[line - 1],
                     True)


def test_a_source_is_linked_as_a_file_of_the_clone_that_holds_the_page():
    return equal(page.link_template('/a/tree/build/timeline.html', '/a/tree'),
                 '../{path}#L{line}')


def test_the_page_is_one_file_that_asks_nothing_of_a_network():
    with place() as where:
        path = made.write(os.path.join(where, 'trace.bin'),
                          made.CLOCKS + made.collision())
        out = os.path.join(where, 'page.html')
        status, said = run([TIMELINE, path, '--out', out])
        assert status == 0 and 'records in' in said, said
        with open(out, encoding='utf-8') as opened:
            content = opened.read()
        return equal(re.findall(r'(?:src|href)="?(?!data:|\')[^ ]*https?:|@import|'
                                r'https?://|\{\{[A-Z]+\}\}', content), [])


def test_what_is_no_trace_gets_one_line():
    with place() as where:
        path = os.path.join(where, 'trace.bin')
        for content, words in (
                (None, 'no such trace'), (b'', 'no trace of Concord'),
                (store.START.pack(store.MAGIC, 1, 0), 'no record'),
                (store.START.pack(store.MAGIC, 1, 0) +
                 store.CHUNK.pack(b'META', 0, 2) + b'{}'.ljust(8), 'damaged')):
            if content is not None:
                with open(path, 'wb') as opened:
                    opened.write(content)
            status, said = run([TIMELINE, path, '--out',
                                os.path.join(where, 'page.html')])
            assert status == 1 and words in said and len(said.splitlines()) == 1, said
            assert not os.path.exists(os.path.join(where, 'page.html'))


if __name__ == '__main__':
    sys.exit(tap.main('timelines', globals()))
