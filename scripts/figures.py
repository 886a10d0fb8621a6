#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures - the pictures of docs/figures, drawn from traces and maps of this kernel

    scripts/figures.py [NAME...]        record, and draw each, or these
        --release ELF --test ELF        the kernels (build/*/concord.elf)
        --traces FOLDER                 take the recordings from there, boot nothing:
                                        the map, which is of no recording, is left out
        --check                         draw elsewhere, and compare with what is there

A check never compares times. Where the device takes part, the order differs from run to
run: it compares which lanes have something in them. Else it compares the events and
their order. To add a figure, add a function to FIGURES that returns (SVG, needs the
device); svg.data_of() must find in it what is to be compared.
"""

import argparse
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'scripts'))

from pagemap import moments  # noqa: E402
from see import match, races  # noqa: E402
from timeline import build, files, svg  # noqa: E402
from timeline.svg import Panel, Shown  # noqa: E402

FIGURES_AT = os.path.join(TOP, 'docs', 'figures')
COLLISION = 'device_exclusive.after_a_collision_ones_own_page_is_had_in_the_next_pass'
RECORDINGS = {
    'contest': ('release', ['--mode', 'run']),
    'collision': ('test', ['--mode', 'test', '--peer', 'none', '--append',
                           'test=' + COLLISION]),
}


class Missing(Exception):
    """A trace has not what a figure shows."""


def lane_of(picture, *names):
    """The lane of that name, the last one if there are several."""
    for lane in reversed(picture.lanes):
        if lane.name.startswith(names):
            return lane
    raise Missing('no lane %s' % ' or '.join(names))


def found(picture, title, span=None):
    """The records of the steps of a race, each time that they are in a trace."""
    race, = [race for race in races.read() if race.title == title]
    begin, end = span or (0, len(picture.records))
    while True:
        numbers = match.Search(picture, (begin, end)).find(race.steps)
        if not numbers:
            raise Missing('no more of "%s"' % title)
        yield [picture.records[number] for number in numbers]
        begin = numbers[0] + 1


def first_full(panels):
    """The first panel that has something in each lane."""
    for panel in panels:
        if all(lane.bars for lane in panel.lanes):
            return panel
    raise Missing('no time at which all lanes have something')


def worker_of(picture, begin, end):
    """The worker of the device that accesses pages most at that time."""
    return max((lane for lane in picture.lanes if lane.name.startswith('worker')),
               key=lambda lane: sum(bar.kind == 'access' and bar.begin < end and
                                    bar.end > begin for bar in lane.bars))


def lane_of_record(picture, record):
    """The lane of the thread that wrote a record."""
    return lane_of(picture, '%s (%d)' % (
        picture.trace.tasks.get(record.pid, 'task %d' % record.pid), record.pid))


def grants(picture):
    """Panels, each of one grant and a CPU that gets the page back."""
    page = shared_pages(picture)[1]
    for steps in found(picture, 'A grant and a CPU that wants the page back'):
        asked, restored = steps[0], steps[-1]
        restoring = lane_of_record(picture, restored)
        end = min((bar.end for bar in restoring.bars if bar.kind == 'fault' and
                   bar.begin <= restored.ns <= bar.end), default=restored.ns)
        request = min(bar.begin for bar in lane_of(picture, 'page requests').bars
                      if bar.end >= asked.ns)
        # The restore before this one may still be on its way out.
        begin = max([request] + [bar.end for bar in restoring.bars
                                 if bar.kind == 'fault' and
                                 request < bar.end < steps[1].ns])
        lanes = [
            Shown('the device asks', lane_of(picture, 'page requests'),
                  ('dev_request',)),
            Shown('the driver', lane_of_record(picture, asked),
                  ('request', 'read', 'range', 'command')),
            Shown('a CPU', restoring, ('fault', 'wait', 'range', 'command')),
            Shown('page: a CPU may', page, ('pg_write', 'pg_exclusive'), 0),
            Shown('page: the device may', page, ('dev_page',), 1),
            Shown('the device adds', worker_of(picture, begin, end), ('access',)),
            Shown('the device lets go', lane_of(picture, 'control'), ('revoke',))]
        yield Panel('One grant of a page with exclusive access, and its restore',
                    begin, end + 1, lanes)


def grant(picture):
    """One grant, and its restore."""
    return svg.figure(picture, 'A page goes to the device, and comes back',
                      [first_full(grants(picture))]), True


def collision(picture):
    """A read section that collided, and its repetition."""
    steps = next(found(picture, 'A round that collides because of the one before',
                       match.of_test(picture, COLLISION)))
    reader, changer = (lane_of_record(picture, steps[i]) for i in (0, 2))
    page = lane_of(picture, 'page %#x' % steps[3].values['addr'])
    return svg.figure(picture, 'A read section that collided, and its repetition', [
        Panel('The reader looks a page up while another thread changes one beside it',
              steps[0].ns - 1, steps[-1].ns + 1, [
                  Shown('the reader', reader, ('read', 'collided', 'range')),
                  Shown('another thread', changer, ('call', 'range', 'callback')),
                  Shown('the page', page, ('pg_write', 'pg_exclusive'), 0)])]), False


def shared_pages(picture):
    """The page of each round that the device had, in the order of the rounds."""
    found = {}
    for lane in picture.lanes:
        count = sum(bar.kind == 'dev_page' for bar in lane.bars)
        if lane.page is not None and lane.group.startswith('Address space') and \
                count > found.get(lane.group, (0, None))[0]:
            found[lane.group] = count, lane
    if len(found) != 2:
        raise Missing('%d address spaces of a device, not 2' % len(found))
    return [lane for _, lane in found.values()]


def at_once(picture, page):
    """A thread of the contest and the time of an access of the device while it runs."""
    mine = [bar for bar in page.bars if bar.kind == 'dev_page'][0]
    accesses = [bar for lane in picture.lanes if lane.name.startswith('worker')
                for bar in lane.bars if bar.kind == 'access' and
                mine.begin < bar.begin and bar.end < mine.end]
    for access in accesses[len(accesses) // 4:]:
        for lane in picture.lanes:
            if lane.name.startswith('contest/cpu') and any(
                    bar.kind == 'on_cpu' and bar.begin < access.begin and
                    bar.end > access.end for bar in lane.bars):
                return lane, access
    raise Missing('no access of the device while a CPU adds')


def one_at_a_time(picture, page):
    """Panels, each from one grant of a page to the next."""
    mine = [bar for bar in page.bars if bar.kind == 'dev_page']
    for first, second in zip(mine, mine[1:]):
        begin, end = first.begin - 100000, second.begin + 100000
        for lane in picture.lanes:
            if lane.name.startswith('contest/cpu'):
                yield Panel(
                    'With exclusive access the page belongs to one of them: none is '
                    'lost', begin, end, [
                        Shown('a thread runs on a CPU', lane, ('on_cpu',)),
                        Shown('it wants the page', lane, ('fault',))] +
                    shared_lanes(picture, page, begin, end))


def shared_lanes(picture, page, begin, end):
    return [Shown('page: a CPU may', page, ('pg_write', 'pg_exclusive'), 0),
            Shown('page: the device may', page, ('dev_page',), 1),
            Shown('the device adds', worker_of(picture, begin, end), ('access',))]


def lost_updates(picture):
    """Both add at the same time; and one at a time."""
    both, alone = shared_pages(picture)
    thread, access = at_once(picture, both)
    begin, end = access.begin - 300000, access.end + 300000
    return svg.figure(picture, 'A CPU and a device add to one counter', [
        Panel('Without exclusive access both may write at the same time: updates are '
              'lost', begin, end,
              [Shown('a thread runs on a CPU', thread, ('on_cpu',))] +
              shared_lanes(picture, both, begin, end)),
        first_full(one_at_a_time(picture, alone))]), True


def page_map(image, folder):
    """Three moments of a contest that is booted for them."""
    try:
        return moments.svg(image, os.path.join(folder, 'map.log')), True
    except moments.Missed as missed:
        raise Missing('no range over an exclusive page, in %d contests' %
                      moments.CONTESTS) from missed


# name: (recording, function); the function of a figure without one boots for itself.
FIGURES = {
    'lost-updates': ('contest', lost_updates),
    'grant': ('contest', grant),
    'collision': ('collision', collision),
    'map': (None, page_map),
}


def record(name, kernels, folder):
    kind, words = RECORDINGS[name]
    out = os.path.join(folder, name + '.bin')
    done = subprocess.run(
        [os.path.join(TOP, 'scripts', 'run-qemu'), '--image', kernels[kind], '--quiet',
         '--append', 'observe', '--append', 'trace_slots=32768', '--trace', out,
         '--log', os.path.join(folder, name + '.log')] + words,
        stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        sys.exit('figures: the boot of %s failed' % name)
    return out


def compare(name, old, new, needs_device):
    """What differs between a figure and the same one made anew, in a line."""
    before, after = svg.data_of(old), svg.data_of(new)
    if before is None:
        return '%s: the figure has no data; make figures' % name
    if [panel['lanes'] for panel in before] != [panel['lanes'] for panel in after]:
        return '%s: other lanes: %s' % (name, [panel['lanes'] for panel in after])
    if not needs_device and [panel['order'] for panel in before] != \
            [panel['order'] for panel in after]:
        return '%s: another order: %s' % (name, [panel['order'] for panel in after])
    return ''


class Drawer:
    """Draws figures, and keeps the picture of each recording for the next one."""

    def __init__(self, kernels, traces, folder):
        self.kernels, self.traces, self.folder = kernels, traces, folder
        self.pictures = {}

    def picture(self, recording):
        if recording not in self.pictures:
            self.pictures[recording] = build.picture_of(build.opened(
                os.path.join(self.traces, recording + '.bin') if self.traces
                else record(recording, self.kernels, self.folder)))
        return self.pictures[recording]

    def draw(self, name):
        """(SVG, needs the device)"""
        recording, function = FIGURES[name]
        try:
            if recording is None:
                return function(self.kernels['release'], self.folder)
            return function(self.picture(recording))
        except Missing as missing:
            sys.exit('%s cannot be drawn: %s' % (name, missing))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('names', nargs='*', metavar='NAME')
    for kind in ('release', 'test'):
        parser.add_argument('--' + kind, default='build/%s/concord.elf' % kind)
    parser.add_argument('--traces')
    parser.add_argument('--check', action='store_true')
    args = parser.parse_args()
    unknown = set(args.names) - set(FIGURES)
    if unknown:
        parser.error('no figure %s; there are %s' % (
            ' '.join(sorted(unknown)), ' '.join(FIGURES)))
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        drawer = Drawer(vars(args), args.traces, folder)
        for name, (recording, _) in FIGURES.items():
            if args.names and name not in args.names or \
                    args.traces and recording is None:
                continue
            path = os.path.join(FIGURES_AT, name + '.svg')
            content, needs_device = drawer.draw(name)
            if not args.check:
                files.write(path, content)
                print('%s: %.1f KB' % (os.path.relpath(path, TOP), len(content) / 1e3))
                continue
            with open(path, encoding='utf-8') as drawn:
                said = compare(name, drawn.read(), content, needs_device)
            print(said or name + ': as it is in docs/figures')
            wrong += bool(said)
    sys.exit(wrong)


if __name__ == '__main__':
    main()
