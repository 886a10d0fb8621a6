#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""see - a race of docs/races.md as a timeline beside its two columns

    scripts/see.py RACE         record the race's test, and draw what happened
        --image ELF             the kernel with the tests (build/test/concord.elf)
        --trace FILE            draw this recording of the test, and boot nothing
        --out PAGE              (build/see/RACE.html)
        --open                  in the browser of this desktop, too
    scripts/see.py --list       the races, and why some are in no trace

RACE is a name of the list, or a part of one. `make see RACE=name` builds what is needed
first. scripts/see/races.txt has the steps of each race. Of a race that a model reaches and
no trace shows, the model's trace is printed, and kept in build/see/RACE.txt.
"""

import argparse
import os
import subprocess
import sys
import webbrowser

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'scripts'))

import timeline.page  # noqa: E402
from see import match, model, races  # noqa: E402
from timeline import build, files  # noqa: E402

SLOTS = 262144                  # tests of a thousand rounds fit into these


def listed(table):
    for race in table:
        note = '(in no trace)' if race.unseen else '(of a model)' if race.model else ''
        print(('%-60s %s' % (race.name, note)).rstrip())


def the_race(table, name):
    """The one race that a name means; ends the program if there is none."""
    found = races.chosen(table, name or '')
    if not found:
        sys.exit('RACE=%s is no race; scripts/see.py --list has their names' % name)
    if len(found) > 1:
        sys.exit('RACE=%s may be: %s' % (name, ' '.join(race.name for race in found)))
    if found[0].unseen:
        sys.exit('%s is in no trace: %s' % (found[0].name, found[0].unseen))
    return found[0]


def show_model(race):
    """Print how a model fails without what wins the race."""
    try:
        lines = model.shown(race.model)
    except model.NotShown as why:
        sys.exit('%s: %s' % (race.name, why))
    out = os.path.join('build', 'see', race.name + '.txt')
    files.write(out, '\n'.join(lines) + '\n')
    print('\n'.join(lines + ['', '%s: %s' % (out, race.title)]))


def record(race, image):
    """Boot the test of a race; the path of its trace."""
    path = os.path.join(TOP, 'build', 'see', race.name + '.bin')
    print('recording ' + race.test, flush=True)
    status = subprocess.run(
        [os.path.join(TOP, 'scripts', 'run-qemu'), '--image', image, '--mode', 'test',
         '--quiet', '--append', 'test=' + race.test, '--append', 'observe', '--append',
         'trace_slots=%d' % SLOTS, '--trace', path,
         '--log', os.path.join(TOP, 'build', 'log', 'see.log')],
        stdin=subprocess.DEVNULL, check=False).returncode
    if status:
        print('%s failed, see build/log/see.log' % race.test)
    return path


def steps_for_page(picture, race):
    """What the page shows beside the timeline; None if the order is not there."""
    numbers, furthest = match.steps_of(picture, race)
    if numbers is None:
        missing = race.steps[min(furthest, len(race.steps) - 1)]
        print('the order is not in this trace, from "%s" on%s' % (
            missing.says, ': ' + race.chance if race.chance else ''))
        return None
    where, drawing = race.drawing()
    return {'title': race.title, 'test': race.test, 'where': where,
            'drawing': '\n'.join(drawing),
            'steps': [{'column': step.column - 1, 'says': step.says, 'record': number}
                      for step, number in zip(race.steps, numbers)]}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('race', nargs='?')
    parser.add_argument('--image', default=os.path.join('build', 'test', 'concord.elf'))
    parser.add_argument('--trace')
    parser.add_argument('--out')
    parser.add_argument('--open', action='store_true')
    parser.add_argument('--list', action='store_true')
    args = parser.parse_args()
    table = races.read()
    if args.list or not args.race:
        listed(table)
        return
    race = the_race(table, args.race)
    if race.model:
        show_model(race)
        return
    picture = build.picture_of(build.opened(args.trace or record(race, args.image)))
    out = args.out or os.path.join('build', 'see', race.name + '.html')
    files.write(out, timeline.page.page_of(
        picture, race.title, timeline.page.link_template(out),
        steps_for_page(picture, race)))
    print('%s: %s' % (out, race.title))
    if args.open:
        webbrowser.open('file://' + os.path.abspath(out))


if __name__ == '__main__':
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
