#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of a timeline in a browser: it opens, zooms, tells and finds. Prints TAP.

The browser is Debian's Chromium without a window. Each test looks at what the page
says of itself and at the pixels of its canvas.
"""

import contextlib
import os
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import browser  # noqa: E402
import made  # noqa: E402
import tap  # noqa: E402
from elsewhere import place  # noqa: E402
from tap import equal  # noqa: E402
from timeline import build, page  # noqa: E402
from trace import store  # noqa: E402

READY = 'document.documentElement.dataset.ready'
TEXT_OF = "return document.getElementById('%s').textContent"
# The middle of a bar of that kind, on the screen.
PLACE_OF = """
  const t = timeline, kind = t.SAID.bars.findIndex(kind => kind[0] === arguments[0]);
  const item = t.itemOf(t.DATA.b_first[t.DATA.b_kind.indexOf(kind)]);
  t.choose(item, true);
  t.lookAt(item.begin, item.end);
  t.draw();
  const lane = t.SAID.lanes[item.lane], box = canvas.getBoundingClientRect();
  const share = ((item.begin + item.end) / 2 - t.VIEW.begin) / (t.VIEW.end - t.VIEW.begin);
  return [box.left + 232 + share * (t.VIEW.width - 232),
          box.top + 26 + lane.top - t.VIEW.top + 5 + (lane.thin ? 6 : 0) +
          (item.row - (lane.thin ? 1 : 0)) * 17 + 8]"""
# How many colours the canvas shows.
COLOURS = """
  timeline.draw();
  const at = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let i = 0; i < at.length; i += 16)
    seen.add(at[i] << 16 | at[i + 1] << 8 | at[i + 2]);
  return seen.size"""


def make_page(where, records, gaps=()):
    """The path of the page of made-up records."""
    path = made.write(os.path.join(where, 'trace.bin'), records, gaps=gaps)
    out = os.path.join(where, 'page.html')
    with open(out, 'w', encoding='utf-8') as opened_page:
        opened_page.write(page.page_of(build.picture_of(store.Trace(path)), 'made up',
                                       page.link_template(out)))
    return out


# To start a browser takes longer than most tests: one for all that show it light, one
# for the dark.
STARTED, UNTIL_THE_END = {}, contextlib.ExitStack()


def started(dark=False):
    """A browser that remembers nothing of the test before: not the pointer, no words."""
    if dark not in STARTED:
        STARTED[dark] = UNTIL_THE_END.enter_context(browser.Browser(dark=dark))
    shown = STARTED[dark]
    shown.open_nothing()
    return shown


@contextlib.contextmanager
def opened(records, dark=False, gaps=()):
    """A browser that shows the page of made-up records."""
    with place() as where:
        shown = started(dark)
        shown.open(make_page(where, records, gaps))
        state = shown.wait(READY)
        assert state == 'yes', (state, shown.complaints())
        yield shown
        complaints = shown.complaints()
        assert not complaints, complaints


def test_the_page_opens_without_a_complaint_and_draws():
    with opened(made.CLOCKS + made.collision()) as shown:
        said = shown.run(TEXT_OF % 'summary')
        assert said.startswith('%d records, none lost' % len(made.CLOCKS +
                                                                made.collision())), said
        assert 'What is what' in shown.run(TEXT_OF % 'detail')
        return equal(shown.run(COLOURS) > 8, True)


def test_it_is_dark_where_the_desktop_is_and_changes_by_a_key():
    with opened(made.collision(), dark=True) as shown:
        theme = 'return document.documentElement.dataset.theme'
        seen = [shown.run(theme)]
        shown.keys('t')
        seen.append(shown.run(theme))
        return equal(seen, ['dark', 'light'])


def test_keys_zoom_pan_choose_and_help():
    with opened(made.CLOCKS + made.collision()) as shown:
        span = 'return timeline.VIEW.end - timeline.VIEW.begin'
        whole = shown.run(span)
        shown.keys('+++')
        assert abs(shown.run(span) - whole * 0.6 ** 3) < 1, shown.run(span)
        begin = shown.run('return timeline.VIEW.begin')
        shown.keys('d')
        assert shown.run('return timeline.VIEW.begin') > begin
        shown.keys('0')
        assert shown.run(span) == whole, (shown.run(span), whole)
        shown.keys([browser.DOWN, browser.DOWN, browser.DOWN, 'n'])
        assert 'record' in shown.run(TEXT_OF % 'detail')
        shown.keys('?')
        assert shown.run("return document.getElementById('help-box').open")
        shown.keys([browser.ESCAPE])
        return equal(shown.run("return document.getElementById('help-box').open"),
                     False)


def test_hover_shows_the_record_and_a_click_all_of_it():
    with opened(made.CLOCKS + made.collision()) as shown:
        x, y = shown.run(PLACE_OF, 'collided')
        shown.run('timeline.choose(null)')
        shown.move(x, y)
        tip = shown.wait("!document.getElementById('tip').hidden && "
                         "document.getElementById('tip').textContent", 5)
        assert tip and 'collided with UNMAP' in tip and \
            'reader of sub 1 begins: seq=1' in tip, tip
        shown.click(x, y)
        detail = shown.run(TEXT_OF % 'detail')
        return equal([words for words in (
            'why the section collided', 'read_begin', 'mm/notifier/stats.c', 'R4.18',
            'sub 1, at 0x8000') if words not in detail], [])


def test_a_link_to_a_rule_says_the_rule_when_it_is_pointed_at():
    with opened(made.CLOCKS + made.collision()) as shown:
        shown.run("timeline.choose(timeline.itemOf([...timeline.DATA.r_event].findIndex("
                  "event => timeline.SAID.events[event].name === 'read_begin')))")
        said = shown.run("""return [...document.querySelectorAll('#detail a[title]')]
                            .map(link => [link.textContent, link.title.slice(0, 40)])""")
        return equal(said, [['R4.18', 'R4.18: read_retry returns true if an inv'],
                            ['R4.22', "R4.22: The driver's protocol is begin, l"]])


def test_what_hangs_in_an_open_range_is_listed_with_the_thread_that_holds_it():
    """The recording ends within the callback of the munmap, while a reader waits."""
    hang = [record for record in made.collision() if record[0] < 22] + [
        (40, 'cpu1', 30, 'mmu_interval_wait', made.SUB, 3, 1)]
    with opened(hang) as shown:
        listed = "return [...document.querySelectorAll('#detail [data-record]')]" \
            ".map(button => button.parentNode.textContent)"
        assert 'not ended when the recording did' in shown.run(TEXT_OF % 'detail')
        said = shown.run(listed)
        shown.run("document.querySelector('#detail [data-record]').click()")
        detail = shown.run(TEXT_OF % 'detail')
        assert 'it had not ended when the recording did' in detail and \
            'changer (31)' in detail, detail
        return equal(said, [
            'changer (31): UNMAP 0x10000–0x11000a range: a change is announced, '
            'for 19.0 µs',
            'peer0/ctx1 (30): waits for open rangesa reader waits, for 0 ns'])


def test_a_tip_goes_when_the_picture_moves_below_the_pointer():
    with opened(made.CLOCKS + made.collision()) as shown:
        hidden = "document.getElementById('tip').hidden"
        shown.move(*shown.run(PLACE_OF, 'collided'))
        assert shown.wait('!' + hidden, 5)
        shown.keys('+')
        return equal(shown.run('return ' + hidden), True)


def test_a_collision_is_found_by_the_words_of_the_legend_and_by_its_sign():
    with opened(made.CLOCKS + made.collision()) as shown:
        titles = []
        for words in ('a section collided', '✗'):
            shown.run("document.getElementById('find').value = ''; timeline.choose(null)")
            shown.keys('/')
            shown.keys(list(words) + [browser.ENTER])
            titles.append(shown.run(
                "return document.querySelector('#detail h2').textContent"))
            shown.keys([browser.ESCAPE])
        return equal(titles, ['a section collided', 'a read section that collided'])


def test_the_way_to_why_a_section_collided_is_that_of_the_document():
    with opened(made.CLOCKS + made.collision()) as shown:
        title = "return document.querySelector('#detail h2').textContent"
        shown.keys('/')
        shown.keys(list('collided') + [browser.ENTER])
        seen = [shown.run(title)]
        shown.keys([browser.ESCAPE])
        shown.keys('f')
        return equal(seen + [shown.run(title)],
                     ['a read section that collided', 'a callback'])


def test_enter_shows_a_mark_with_the_other_end_of_its_arrow():
    """The callback returns at 23 us, the section has collided at 33."""
    with opened(made.CLOCKS + made.collision()) as shown:
        shown.keys('/')
        shown.keys(list('mmu_interval_collided') + [browser.ENTER, browser.ESCAPE])
        shown.keys([browser.ENTER])
        begin, end = (at / 1000 for at in shown.run(
            'const t = timeline; return [t.VIEW.begin + t.SAID.begin, '
            't.VIEW.end + t.SAID.begin]'))
        return equal((10 < begin < 23, 33 < end < 46), (True, True))


def test_a_crowd_of_arrows_of_one_kind_is_not_drawn_and_that_is_said():
    flushes = [record for i in range(30) for record in (
        (100 + 3 * i, 'cpu1', 30, 'tlb_served', 0),
        (101 + 3 * i, 'cpu0', 31, 'tlb_flush', made.MM, 0x10000, 0x11000, 3, 2500))]
    with opened(made.CLOCKS + made.collision() + flushes) as shown:
        drawn = 'return timeline.arrowsToDraw().map(i => ' \
            'timeline.SAID.arrows[timeline.DATA.a_kind[i]][0])'
        whole, said = set(shown.run(drawn)), shown.run(TEXT_OF % 'summary')
        shown.run('timeline.look(0, 60000)')
        return equal((whole, 'zoom in' in said, 'flush' in shown.run(drawn)), (
            {'ack', 'collision', 'grant', 'invalidate', 'request'}, True, True))


def test_a_rare_mark_stands_on_a_disc_over_the_bar():
    with opened(made.CLOCKS + made.collision()) as shown:
        shown.run(PLACE_OF, 'collided')
        return equal(*shown.run("""
          const t = timeline, kind = t.SAID.marks.findIndex(kind => kind[0] === 'collided');
          const item = t.itemOf(t.DATA.m_record[t.DATA.m_kind.indexOf(kind)]);
          const lane = t.SAID.lanes[item.lane], wide = t.VIEW.width - 232;
          t.choose(null);
          t.draw();
          const x = 232 + (item.begin - t.VIEW.begin) / (t.VIEW.end - t.VIEW.begin) * wide;
          const y = 26 + lane.top - t.VIEW.top + 5 + (lane.thin ? 6 : 0) + 7.5;
          const at = canvas.getContext('2d').getImageData(x, y - 6.5, 1, 1).data;
          return ['#' + [at[0], at[1], at[2]].map(part =>
            part.toString(16).padStart(2, '0')).join(''), t.COLOURS().back];"""))


def test_numbers_of_steps_that_share_a_place_stand_side_by_side():
    with place() as where:
        shown = started()
        path = made.write(os.path.join(where, 'trace.bin'),
                          made.CLOCKS + made.collision())
        picture = build.picture_of(store.Trace(path))
        number = [record.name for record in picture.records].index('mmu_notifier_start')
        steps = {'title': 'a race', 'test': 'a.test', 'where': 'here', 'drawing': 'a  b',
                 'steps': [{'column': 0, 'says': 'it', 'record': number}] * 3}
        out = os.path.join(where, 'page.html')
        with open(out, 'w', encoding='utf-8') as written:
            written.write(page.page_of(picture, 'a race', page.link_template(out), steps))
        shown.open(out)
        assert shown.wait(READY) == 'yes', shown.complaints()
        places = shown.run('timeline.draw(); return timeline.VIEW.numbers')
        return equal([round(places[i + 1][0] - places[i][0]) for i in (0, 1)], [19, 19])


def test_an_address_is_found_and_its_records_are_gone_through():
    with opened(made.CLOCKS + made.collision()) as shown:
        shown.keys('/')
        shown.keys(list('0x10000') + [browser.ENTER])
        first = shown.run(TEXT_OF % 'found')
        shown.keys([browser.ENTER])
        return equal((first, shown.run(TEXT_OF % 'found')), ('1 of 21', '2 of 21'))


def test_lanes_are_filtered_by_name_and_by_kind():
    with opened(made.CLOCKS + made.collision()) as shown:
        count = 'return timeline.LANES.shown.filter(shown => shown.lane).length'
        all_lanes = shown.run(count)
        shown.keys('l')
        shown.keys('page 0x')
        assert shown.run(count) == 1, shown.run(count)
        shown.run("const box = document.getElementById('lane-filter'); box.value = '';"
                  "box.dispatchEvent(new Event('input'));"
                  "document.querySelector('[data-sort=Device]').click()")
        return equal(shown.run(count) in range(2, all_lanes - 4), True)


def test_a_gap_is_said_and_drawn():
    with opened(made.CLOCKS + made.collision(), gaps=[('cpu1', 30, 77)]) as shown:
        said = shown.run(TEXT_OF % 'summary')
        assert '77 lost' in said, said
        return equal('overwritten' in shown.run(TEXT_OF % 'warning'), True)


def test_a_page_that_was_cut_off_says_so():
    with place() as where:
        shown = started()
        out = make_page(where, made.collision())
        with open(out, encoding='utf-8') as whole:
            content = whole.read()
        with open(out, 'w', encoding='utf-8') as cut:
            cut.write(content.replace('"bytes":', '"bytes":9'))
        shown.open(out)
        assert shown.wait(READY) == 'failed'
        return equal('was cut off' in shown.run(TEXT_OF % 'warning'), True)


# A million takes a busy host minutes: `make assure` asks for it.
MANY = int(os.environ.get('RECORDS') or 100000)


def test_many_records_open_and_a_frame_draws_what_is_in_view():
    records = list(made.CLOCKS) + made.collision()
    again = made.collision()[4:]
    for i in range(1, MANY // len(again)):
        records += [(record[0] + 100 * i,) + record[1:] for record in again]
    with opened(records) as shown:
        assert shown.run('return timeline.DATA.r_at.length') > MANY * 0.99
        frames = shown.run("""
            const t = timeline, frames = [];
            for (let i = 0; i < 50; i++) {
              t.zoom(i < 40 ? 0.7 : 20, t.SAID.end * 0.4);
              t.draw();
              frames.push([t.VIEW.ms, t.VIEW.drawn]);
            }
            return frames.sort((a, b) => a[0] - b[0])""")
        print('# %d records: half of the frames within %.1f ms, nine in ten within '
              '%.1f ms' % (MANY, frames[25][0], frames[45][0]))
        # By the window's pixels, a cell for each two of a row, not by the records.
        return equal(max(drawn for _, drawn in frames) < 30000, True)


if __name__ == '__main__':
    with UNTIL_THE_END:
        sys.exit(tap.main('page', globals()))
