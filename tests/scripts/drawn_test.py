#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Figures: what they show of a trace, and how a new one is compared. Prints TAP."""

import os
import sys
import xml.dom.minidom

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import figures  # noqa: E402
import made  # noqa: E402
import tap  # noqa: E402
from elsewhere import place  # noqa: E402
from tap import equal  # noqa: E402
from timeline import build, svg  # noqa: E402
from timeline.svg import Panel, Shown  # noqa: E402
from trace import store  # noqa: E402


def drawn(records):
    """The SVG of a panel of made-up records, and the panel."""
    with place() as where:
        path = made.write(os.path.join(where, 'trace.bin'), records)
        picture = build.picture_of(store.Trace(path))
    lanes = {lane.name: lane for lane in picture.lanes}
    panel = Panel('A panel', 14000, 56000, [
        Shown('reader', lanes['peer0/ctx1 (30)'], ('read', 'collided')),
        Shown('changer', lanes['changer (31)'], ('range', 'callback')),
        Shown('device', lanes['worker0'], ('access',))])
    return svg.figure(picture, 'A <title>', [panel]), panel


def test_a_figure_holds_its_lanes_and_the_order_of_its_bars():
    content, _ = drawn(made.CLOCKS + made.collision())
    data, = svg.data_of(content)
    return equal((data['lanes'], data['order']), (
        ['reader', 'changer', 'device'],
        [['reader', 'collided', 'begins'], ['changer', 'range', 'begins'],
         ['changer', 'callback', 'begins'], ['changer', 'callback', 'ends'],
         ['changer', 'range', 'ends'], ['reader', 'collided', 'ends'],
         ['reader', 'read', 'begins'], ['reader', 'read', 'ends'],
         ['device', 'access', 'begins'], ['device', 'access', 'ends']]))


def test_a_figure_is_xml_with_both_themes_and_the_arrow_of_the_collision():
    content, _ = drawn(made.CLOCKS + made.collision())
    xml.dom.minidom.parseString(content)
    return equal([words for words in ('prefers-color-scheme: dark', '<path d="M',
                                      'A &lt;title&gt;') if words not in content], [])


def test_bars_of_one_kind_are_one_while_nothing_else_happens():
    work = [(20 + 2 * i, 'worker0', 0, name, 0x500, 1, 0x10000) + more
            for i in range(4) for name, more in
            (('dev_access', ('write',)),)] + \
        [(21 + 2 * i, 'worker0', 0, 'dev_access_end', 0x500, 1, 0x10000, 1, 0)
         for i in range(4)]
    records = made.CLOCKS + [record for record in made.collision()
                             if record[3] not in ('dev_access', 'dev_access_end')]
    _, panel = drawn(records + sorted(work))
    # The range of the changer begins at 21 and ends at 29; its callback ends at 23.
    return equal([[begin // 1000, end // 1000] for begin, end, _, _ in
                  panel.lanes[2].bars], [[20, 21], [22, 23], [24, 27]])


def figure_of(lanes, order):
    return '<metadata>[{"lanes": %s, "order": %s}]</metadata>' % (lanes, order)


def test_a_check_compares_the_order_and_with_a_device_the_lanes_alone():
    old = figure_of('["a"]', '[1, 2]')
    return equal([bool(figures.compare('x', before, after, device)) for
                  before, after, device in (
                      (old, old, False), (old, figure_of('["a"]', '[2, 1]'), False),
                      (old, figure_of('["a"]', '[2, 1]'), True),
                      (old, figure_of('["b"]', '[1, 2]'), True), ('', old, True))],
                 [False, True, False, True, True])


def test_all_figures_are_drawn_by_one_command():
    there = os.listdir(os.path.join(TOP, 'docs', 'figures'))
    return equal(sorted(there), sorted(name + '.svg' for name in figures.FIGURES))


def test_each_figure_is_there_and_small():
    wrong = []
    for name in figures.FIGURES:
        path = os.path.join(TOP, 'docs', 'figures', name + '.svg')
        with open(path, encoding='utf-8') as opened:
            content = opened.read()
        data = svg.data_of(content)
        if len(content) > 40000 or not data or \
                not all(panel['lanes'] and panel.get('order', True) for panel in data):
            wrong.append(name)
    return equal(wrong, [])


if __name__ == '__main__':
    sys.exit(tap.main('drawn', globals()))
