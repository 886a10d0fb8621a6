#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page map in a browser: letters, changes, open ranges, words. Prints TAP.

The browser is Debian's Chromium without a window; the guest is made up (guestram.py).
"""

import contextlib
import os
import sys
import threading

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import browser  # noqa: E402
import tap  # noqa: E402
from guestram import Guest, TOP as TOP_TABLE  # noqa: E402
from pagemap import web  # noqa: E402
from pagemap.spaces import Reader  # noqa: E402
from tap import equal  # noqa: E402

BASE = 0x40000000
ROWS = "[...document.querySelectorAll('.row')].map(r => [...r.querySelectorAll('.c')]" \
    ".map(c => c.dataset.l).join('').replace(/-+$/, ''))"
TEXT = "document.getElementById('%s').textContent"
# The place of the cell of a page, in a row.
MIDDLE = "const box = document.querySelectorAll('.row')[arguments[0]]" \
    ".querySelectorAll('.c')[arguments[1]].getBoundingClientRect();" \
    "return [box.left + box.width / 2, box.top + box.height / 2]"
COLOUR = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"


def page(number):
    return BASE + number * 4096


class Snapshots:
    """A guest in which the device has a page, until go() lets a CPU restore it."""

    def __init__(self):
        self.machine = guest = Guest()
        guest.regions((BASE, page(7)), (page(70), page(400)))
        for number, entry in ((0, 0x5001), (1, 0x6043), (3, 28 << 59 | 0x1000)):
            guest.map(TOP_TABLE, page(number), entry)
        guest.translations((page(0), 1, 0), (page(3), 3, 1))
        guest.notified([(page(3), page(4), 1)], [(12, b'peer0/ctx1')])
        self.reader = Reader(guest)
        self.gate = threading.Event()

    def go(self):
        self.machine.map(TOP_TABLE, page(3), 0x9043)
        self.machine.notified([])
        self.gate.set()

    def __iter__(self):
        yield self.reader.snapshot()
        self.gate.wait(300)
        yield self.reader.snapshot()


@contextlib.contextmanager
def shown(dark=False):
    """(browser at the page, snapshots)"""
    snapshots, came, urls = Snapshots(), threading.Event(), []

    def say(text, flush):
        urls.append(text.split(' ')[-1])
        came.set()
    thread = threading.Thread(target=web.serve, args=(snapshots, 0, say))
    with browser.Browser(1500, 800, dark) as opened:
        thread.start()
        came.wait(60)
        try:
            opened.ask('POST', '/url', {'url': urls[0]})
            if not opened.wait("document.querySelectorAll('.row').length"):
                raise AssertionError('no row came')
            yield opened, snapshots
        finally:
            snapshots.gate.set()
            thread.join(60)


def test_letters_ranges_and_waiters_are_those_of_the_machine_and_changes_are_marked():
    with shown() as (page_of, snapshots):
        before = page_of.run('return ' + ROWS)
        beside = [page_of.run('return ' + TEXT % name)
                  for name in ('ranges', 'waiters')]
        bars = page_of.run("return document.querySelectorAll('.row .c.open').length")
        snapshots.go()
        after = page_of.wait("document.querySelector('.row .c.new') && " + ROWS)
        over = page_of.wait(TEXT % 'state' + ".startsWith('the machine has ended')")
        return equal((before, beside, bars, after, over, page_of.complaints()), (
            ['rW.X...', 'r..X...'],
            ['CLEAR [0x40003000, 0x40004000)1 more, which overlap no interval',
             'peer0/ctx1/12 in read_begin_slow < peer_grant'], 2,
            ['rW.W...', 'r..X...'], True, []))


# Are the cells of a row below those of the rulers? What the rulers say, and which column
# of them is marked.
RULERS = """
  const cells = line => [...line.querySelectorAll('.c')];
  const left = cell => Math.round(cell.getBoundingClientRect().left);
  const [groups, digits] = [...document.querySelectorAll('.ruler')].map(cells);
  const row = cells(document.querySelector('.row'));
  return [row.every((cell, i) => left(cell) === left(digits[i]) &&
                                 left(cell) === left(groups[i])),
          groups.map((cell, i) => cell.textContent && i + cell.textContent)
            .filter(said => said),
          digits.map(cell => cell.textContent).join(''),
          digits.flatMap((cell, i) => cell.classList.contains('here') ? [i] : [])]"""


def test_rulers_say_what_a_column_adds_and_mark_the_one_that_is_described():
    with shown() as (page_of, _):
        page_of.move(*page_of.run(MIDDLE, 0, 17))
        return equal(page_of.run(RULERS), [
            True, ['0+0x0', '16+0x10000', '32+0x20000', '48+0x30000'],
            '0123456789abcdef' * 4, [17]])


def test_the_rate_of_changes_falls_to_nothing_when_nothing_changes():
    with shown() as (page_of, _):
        said = page_of.wait(TEXT % 'state' + ".endsWith(': 0') && " + TEXT % 'state')
        return equal(said, 'changes a second: 0')


def test_a_page_is_described_by_pointer_and_by_keys_and_the_map_is_held():
    with shown(dark=True) as (page_of, snapshots):
        page_of.move(*page_of.run(MIDDLE, 1, 3))
        pointed = page_of.run('return ' + TEXT % 'said')
        page_of.run("document.querySelector('.row .c').focus()")
        page_of.keys('\ue014')              # the arrow to the right
        chosen = page_of.run('return ' + TEXT % 'said')
        page_of.keys(' ')
        snapshots.go()
        page_of.wait(TEXT % 'state' + ".startsWith('the machine has ended')")
        held = page_of.run('return ' + ROWS)[0]
        background = page_of.run(COLOUR, 'body', 'backgroundColor')
        return equal((pointed, chosen, held, background), (
            '0x000040003000, peer0/ctx1: exclusive (in an open range)',
            '0x000040001000, by its entry: writable, written to', 'rW.X...',
            'rgb(20, 23, 26)'))


if __name__ == '__main__':
    sys.exit(tap.main('mappage', globals()))
