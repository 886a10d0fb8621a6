#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A map is that of the memory, or says what it is not sure of. Prints TAP.

The memory is made up (guestram.py); boots.a_map_* look at that of machines.
"""

import http.client
import io
import json
import os
import re
import random
import struct
import sys
import threading
import xml.etree.ElementTree

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import guestram  # noqa: E402
import tap  # noqa: E402
from elsewhere import place, run  # noqa: E402
from guestram import Guest, TOP as TOP_TABLE  # noqa: E402
from pagemap import figure, moments, rows, terminal, web  # noqa: E402
from pagemap.spaces import Reader, Space  # noqa: E402
from tap import equal  # noqa: E402
from timeline import svg  # noqa: E402
from trace.memory import GIB, Memory  # noqa: E402

BASE = 0x40000000
MAP = os.path.join(TOP, 'scripts', 'map.py')


def page(number):
    return BASE + number * 4096


def a_guest():
    """Pages 0 to 6 are mapped, four are there; the device has two."""
    guest = Guest()
    guest.regions((BASE, page(7)))
    for number, entry in ((0, 0x5001), (1, 0x6043), (2, 0x7003),
                          (3, 28 << 59 | 0x1000)):
        guest.map(TOP_TABLE, page(number), entry)
    guest.translations((page(0), 1, 0), (page(3), 3, 1))
    return guest


def row(letters, rest='-', address=BASE, label=''):
    return '%12s %s' % (label or '%012x' % address, letters.ljust(64, rest))


def lines(guest):
    """The one space of a guest as the monitor prints it, and its doubts."""
    reader = Reader(guest)
    (space,), doubts = reader.snapshot()
    return rows.lines(space, reader), doubts + space.doubts


def test_each_page_has_the_letters_of_its_entry_and_its_translation():
    return equal(lines(a_guest()), ([
        'mm 7: regions 1, pages 0', row('rWwX...'),
        row('r..X...', label='peer0/ctx1')], []))


def test_rows_without_a_page_are_counted_for_each_region():
    guest = Guest()
    guest.regions((BASE, page(300)), (page(300), page(301)),
                  (1 << 46, guestram.LAYOUT['USER_END']))
    guest.map(TOP_TABLE, page(70), 0x6043)
    return equal(lines(guest)[0][1:], [
        '000040000000 64 without a page', row('......W', '.', page(64)),
        '000040080000 172 without a page', '00004012c000 1 without a page',
        '400000000000 17179869183 without a page'])


def test_a_translation_where_no_region_is_is_shown_and_counted():
    guest = Guest()
    guest.regions((BASE, page(1)))
    guest.translations((page(2), 1, 0), (page(5), 1, 0), (page(100), 1, 0))
    return equal(lines(guest)[0][1:], [
        row('.'), row('.-r--r', label='peer0/ctx1'),
        '  peer0/ctx1 3 where no region is'])


def test_regions_that_share_a_row_are_one_row():
    guest = Guest()
    guest.regions((page(1), page(2)), (page(63), page(65)))
    guest.map(TOP_TABLE, page(63), 0x6043)
    return equal(lines(guest)[0][1:], [
        row('-.' + 61 * '-' + 'W'), '000040040000 1 without a page'])


def test_open_ranges_and_waiting_threads_stand_beside():
    guest = a_guest()
    guest.notified([(page(0), page(1), 1), (0, 2 ** 64 - 1, 0)],
                   [(12, b'peer0/ctx1')])
    (space,), _ = Reader(guest).snapshot()
    return equal((rows.beside(space), space.doubts), ([
        'open: CLEAR [0x40000000, 0x40001000)',
        'open: UNMAP [0x0, 0xffffffffffffffff)',
        'open: 1 more, which overlap no interval',
        'waits: peer0/ctx1/12 in read_begin_slow < peer_grant'], []))


def test_the_thread_on_whose_stack_an_open_range_lies_holds_it():
    guest = a_guest()
    guest.notified([(page(0), page(1), 1), (page(2), page(3), 0)], [(12, b'changer')],
                   held=True)
    (space,), _ = Reader(guest).snapshot()
    return equal(rows.beside(space)[:2], [
        'open: CLEAR [0x40000000, 0x40001000) by changer/12 in read_begin_slow < '
        'peer_grant', 'open: UNMAP [0x40002000, 0x40003000)'])


def test_memory_above_the_hole_is_further_down_in_the_file():
    small, large = Memory.__new__(Memory), Memory.__new__(Memory)
    for memory, size in ((small, 11 * GIB // 4 - 4096), (large, 3 * GIB)):
        memory.view, memory.low = range(size), None
        memory.low = size if size < 11 * GIB // 4 else 2 * GIB
    return equal(
        [memory.place(at) for memory in (small, large) for at in (
            0, 2 * GIB - 1, 2 * GIB, 11 * GIB // 4 - 4096, 4 * GIB,
            4 * GIB + GIB - 1, 5 * GIB)],
        [0, 2 * GIB - 1, 2 * GIB, None, None, None, None,
         0, 2 * GIB - 1, None, None, 2 * GIB, 3 * GIB - 1, None])


def changed_after(guest, address, change):
    """After the table at a physical address was read, change() is called."""
    entries, left = guest.memory.entries, [change]

    def read(table):
        found = entries(table)
        if table == address and left:
            left.pop()()
        return found
    guest.memory.entries = read


def last_table(guest):
    """(physical address of the last level's table, of the entry above it)"""
    above = TOP_TABLE
    for shift in (39, 30, 21):
        at = above + (BASE >> shift & 511) * 8
        above = struct.unpack_from('<Q', guest.raw, at)[0] & ~0xfff
    return above, at


def test_a_table_that_was_freed_while_it_was_read_is_not_shown():
    guest = a_guest()
    table, _ = last_table(guest)

    def freed():
        guest.is_table(table, 0)
        guest.raw[table:table + 4096] = b'\x6b' * 4096
    changed_after(guest, table, freed)
    found, doubts = lines(guest)
    return equal((found[1], doubts), (
        row('???????', '?'), ['1 tables changed while they were read: ?']))


def test_a_table_that_another_space_has_now_is_not_shown():
    guest = a_guest()
    guest.is_table(last_table(guest)[0], guestram.NOBODY)
    return equal(lines(guest)[0][1], row('???????', '?'))


def test_a_table_that_went_is_empty_and_no_doubt():
    guest = a_guest()
    table, above = last_table(guest)
    changed_after(guest, table, lambda: guest.put(above, '<Q', 0))
    guest.translations()
    return equal(lines(guest), (['mm 7: regions 1, pages 0',
                                 '000040000000 7 without a page'], []))


def test_regions_that_change_are_read_again_and_then_doubted():
    guest, doubts = a_guest(), []
    first, second = guest.regions((BASE, page(6)), (page(6), page(7)))
    for following in (guestram.NOBODY, first, 0, second):
        guest.member(first, 'vm_area_struct.vm_next', following)
        doubts.append(lines(guest)[1])
    said = ['its regions changed while they were read']
    return equal(doubts, [said, said, said, []])


def test_a_device_whose_table_moves_is_left_out_and_said():
    guest = a_guest()
    guest.translations((page(3), 1, 0), (page(0), 1, 0))
    return equal(lines(guest), (['mm 7: regions 1, pages 0', row('rWwX...')], [
        'the table of peer0/ctx1 changed while it was read']))


def test_a_space_that_exits_or_a_torn_list_costs_no_more_than_itself():
    guest = a_guest()
    guest.member(guest.mm, 'mm_struct.pgd', 0)
    assert Reader(guest).snapshot() == ([], []), 'exited'
    guest = a_guest()
    guest.member(guest.mm, 'mm_struct.mm_list', guestram.NOBODY)
    spaces, doubts = Reader(guest).snapshot()
    assert len(spaces) == 1, spaces
    guest = a_guest()
    guest.is_table(TOP_TABLE, 0)
    return equal((doubts, lines(guest)[1]), (
        ['the list of address spaces changed while it was read'],
        ['its top table changed while it was read']))


def test_whatever_is_torn_nothing_is_raised():
    seed = int(os.environ.get('SEED') or 7)
    chance = random.Random(seed)
    whole = a_guest()
    whole.notified([(page(0), page(1), 1)], [(12, b'a'), (13, b'b')])
    words = [i for i in range(0, len(whole.raw), 8) if any(whole.raw[i:i + 8])]
    addresses = [struct.unpack_from('<Q', whole.raw, i)[0] for i in words]
    before = bytes(whole.raw)
    for number in range(400):
        whole.raw[:] = before
        reader = Reader(whole)
        for _ in range(chance.randrange(1, 6)):
            whole.put(chance.choice(words), '<Q', chance.choice((
                0, chance.getrandbits(64), chance.choice(addresses),
                guestram.DIRECT + chance.randrange(0, len(before), 8))))
        try:
            for space in reader.snapshot()[0]:
                rows.lines(space, reader)
                rows.beside(space)
                web.of_space(space, reader)
        except Exception as error:
            raise AssertionError('SEED=%d, memory %d' % (seed, number)) from error


class Snapshots:
    """What scripts/map.py gives the browser: maps of a made-up guest, then the end."""

    def __init__(self, guest, gate):
        self.machine, self.reader, self.gate = guest, Reader(guest), gate

    def __iter__(self):
        yield self.reader.snapshot()
        self.gate.wait(10)
        guest = self.machine
        guest.map(TOP_TABLE, page(2), 0)
        yield self.reader.snapshot()


def served(test):
    """test(ask, gate) with a server; ask(path, host) is a response."""
    gate, urls = threading.Event(), []
    came = threading.Event()

    def say(text, flush):
        urls.append(text.split('/')[2])
        came.set()
    thread = threading.Thread(target=web.serve, args=(
        Snapshots(a_guest(), gate), 0, say))
    thread.start()
    came.wait(10)

    def ask(path, host=None):
        there = http.client.HTTPConnection(urls[0], timeout=10)
        there.request('GET', path, headers={'Host': host or urls[0]})
        return there.getresponse()
    try:
        return test(ask, gate)
    finally:
        gate.set()
        thread.join(20)


def test_a_browser_is_told_of_each_change_and_of_the_end():
    def look(ask, gate):
        stream, told = ask('/maps'), []
        for raw in stream:
            text = raw.decode().strip()
            if text.startswith('data: {'):
                told.append(json.loads(text[6:])['spaces'][0]['rows'][0][2])
                gate.set()
            elif text:
                told.append(text)
        return equal([t.rstrip('-') for t in told if t != 'data:'],
                     ['rWwX...', 'rW.X...', 'event: over'])
    return served(look)


def test_the_page_needs_nothing_else_and_no_other_name_is_served():
    def look(ask, _):
        answer = ask('/')
        said = answer.read().decode()
        assert 'http' not in said.replace('http-equiv', ''), 'an address'
        assert "default-src 'none'" in answer.getheader('Content-Security-Policy')
        return equal((answer.status, ask('/', 'elsewhere.example').status,
                      ask('/maps', 'elsewhere.example:80').status,
                      ask('/../map.py').status), (200, 403, 403, 404))
    return served(look)


def test_in_a_terminal_a_change_is_marked_for_a_moment_and_the_rest_counted():
    now, out = [0.0], io.StringIO()
    drawn = terminal.Terminal(out, lambda: (80, 5), lambda: now[0])

    def draw(*text):
        out.truncate(out.seek(0))
        drawn.draw(list(text))
        return out.getvalue()
    head = 'mm 7: regions 1, pages 0'
    draw(head, row('rW'))
    marked = draw(head, row('rX'))
    now[0] = 1.0
    later = draw(head, row('rX'))
    many = draw(*[head] * 9)
    return equal((terminal.REVERSE + 'X' + terminal.PLAIN in marked,
                  terminal.REVERSE in later, many.count(head), '6 lines more' in many),
                 (True, False, 3, True))


def test_a_figure_is_whole_and_shows_its_moments_in_order():
    guest, shown = a_guest(), []
    for name, ranges, entry in (('before', [], 28 << 59),
                                ('during', [(page(3), page(4), 1)], 28 << 59),
                                ('after', [], 0x9043)):
        guest.map(TOP_TABLE, page(3), entry)
        guest.notified(ranges)
        reader = Reader(guest)
        (space,), _ = reader.snapshot()
        shown.append((name, web.of_space(space, reader)))
        guest.translations((page(0), 1, 0))
    drawn = figure.draw('a < b', shown, web.legend(reader), BASE)
    texts = [''.join(element.itertext()) for element in
             xml.etree.ElementTree.fromstring(drawn).iter()
             if element.tag.endswith('}text')]
    said = [text for text in texts if len(text) > 1]
    there = [moment['lanes'] for moment in svg.data_of(drawn)]
    return equal((said[1:9], texts.count('X'), len(drawn) < 20000, there), (
        ['before', 'CPUs', 'peer0/ctx1', 'during', 'CPUs', 'peer0/ctx1',
         'open range: CLEAR', 'after'], 3, True, [
            ['CPUs', 'peer0/ctx1'], ['CPUs', 'open range: CLEAR', 'peer0/ctx1'],
            ['CPUs', 'peer0/ctx1']]))


def test_the_figure_shows_a_range_over_the_page_that_the_driver_has_taken_off_its_table():
    guest, found = a_guest(), []
    for ranges, translations in (
            ((), ()), (((page(3), page(4), 1),), ((page(3), 3, 1),)),
            (((page(2), page(3), 1),), ()), (((page(2), page(4), 1),), ())):
        guest.notified(list(ranges))
        guest.translations((page(0), 1, 0), *translations)
        reader = Reader(guest)
        (space,), _ = reader.snapshot()
        found.append(bool(moments.taken_back(space, page(3), reader)))
    return equal(found, [False, False, False, True])


def test_the_figure_waits_for_the_range_of_a_cpu():
    """A device that has the page may ask for it again: that range is EXCLUSIVE."""
    space, found = Space(1, 1), []
    for events in ((), ('EXCLUSIVE',), ('CLEAR', 'EXCLUSIVE'), ('CLEAR',)):
        space.ranges = [(page(3), page(4), event, None) for event in events]
        found.append([moments.taken_back(space, page(i), None) for i in (3, 4)])
    return equal(found, [[False, False]] * 3 + [[True, False]])


def test_the_figure_ends_where_neither_side_has_an_exclusive_page():
    guest, found = a_guest(), []
    for entry, translations in ((28 << 59, ((page(3), 3, 1),)), (28 << 59, ()),
                                (0x9043, ((page(3), 3, 1),)), (0x9043, ())):
        guest.map(TOP_TABLE, page(3), entry)
        guest.translations((page(0), 1, 0), *translations)
        reader = Reader(guest)
        (space,), _ = reader.snapshot()
        found.append(moments.nothing_exclusive(space, reader))
    return equal(found, [False, False, False, True])


def test_the_figure_that_the_tree_keeps_shows_what_its_words_say():
    """The device has the page, then a range is open over it, then a CPU has it."""
    with open(os.path.join(TOP, 'docs', 'figures', 'map.svg'),
              encoding='utf-8') as figure:
        before, during, after = re.split('>during|>after', figure.read())
    return equal([before.count('>X<'), during.count('>X<'), after.count('>X<'),
                  'open range: CLEAR' in during], [2, 1, 0, True])


def test_where_there_is_no_machine_one_line_says_so():
    with place() as where:
        status, said = run([MAP, '--machine', os.path.join(where, 'none')])
        return equal((status, said.splitlines()),
                     (1, ['no machine in ' + os.path.join(where, 'none')]))


if __name__ == '__main__':
    sys.exit(tap.main('pagemap', globals()))
