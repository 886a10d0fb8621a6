# SPDX-License-Identifier: MIT
"""figure - maps of a few moments, one below the other, as SVG

A moment is a title and an address space as web.of_space() has it. The picture is cut to
the columns that its regions have. Light and dark; what a colour says, a letter says too.
It holds as data which rows have something in them at each moment, and which ranges are
open (svg.data_of() of the timeline reads it).
"""

import html
import json

CELL, GAP, LINE = 18, 2, 22
LABEL = 96                              # pixels left of the first cell
STYLE = '''text { font: 13px sans-serif; fill: #1a1a1a; }
.l { font-family: monospace; text-anchor: middle; fill: #10202e; }
.d { fill: #6a6a6a; } .e { text-anchor: end; }
.h { font-weight: bold; }
.none { fill: #efefef; } .read { fill: #d4e4f7; } .write { fill: #8fbbe8; }
.excl { fill: #ffb84d; } .away { fill: #dccff0; } .odd { fill: #b9b9b9; }
.bar { fill: none; stroke: #1a1a1a; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
text { fill: #e6e6e6; } .l { fill: #f2f6fa; } .d { fill: #9aa3ab; }
.none { fill: #242a30; } .read { fill: #1d3a57; } .write { fill: #2f6ba6; }
.excl { fill: #b06d00; } .away { fill: #54407a; } .odd { fill: #5a5a5a; }
.bar { stroke: #e6e6e6; } }'''
CLASSES = {'.': 'none', 'z': 'read', 'Z': 'read', 'r': 'read', 'R': 'read', 'w': 'write',
           'W': 'write', 'A': 'write', 'x': 'excl', 'X': 'excl', 'p': 'away',
           'P': 'away', 'm': 'away', 'M': 'away', 's': 'away'}
PAGE = 4096


def text(x, y, words, kind=''):
    return '<text x="%d" y="%d"%s>%s</text>' % (
        x, y, ' class="%s"' % kind if kind else '', html.escape(words))


class Picture:
    """Lines of cells that are added downwards."""

    def __init__(self, first, count):
        self.first, self.count = first, count       # columns of a row
        self.parts, self.y = [], 8
        self.data = []
        self.width = max(LABEL + count * CELL + 16, 430)

    def column(self, number):
        return LABEL + (number - self.first) * CELL

    def words(self, words, kind='', x=8):
        self.y += LINE
        self.parts.append(text(x, self.y - 7, words, kind))

    def wrapped(self, begin, words):
        """Words behind a begin, in as many lines as they need."""
        most, line = (self.width - 16) // 7, begin
        for word in words:
            if len(line) + len(word) > most:
                self.words(line, 'd')
                line = '   '
            line += ' ' + word
        self.words(line, 'd')

    def cells(self, label, letters, no_region):
        self.y += LINE
        self.parts.append(text(LABEL - 8, self.y - 7, label, 'd e'))
        for number in range(self.first, self.first + self.count):
            letter, x = letters[number], self.column(number)
            if letter == no_region:
                continue
            self.parts.append(
                '<rect class="%s" x="%d" y="%d" width="%d" height="%d"/>' % (
                    CLASSES.get(letter, 'odd'), x, self.y - CELL - GAP,
                    CELL - GAP, CELL))
            self.parts.append(text(x + (CELL - GAP) // 2, self.y - 6, letter,
                                   'l'))

    def bar(self, row, pages, start, end, words):
        """An open range under the cells of a row of that many pages."""
        low = max((start - row) // PAGE, self.first)
        high = min(-((row - end) // PAGE), pages, self.first + self.count)
        if low >= high:
            return
        x, width = self.column(low), (high - low) * CELL - GAP
        self.parts.append('<path class="bar" d="M%d %dv4h%dv-4"/>' % (
            x + 1, self.y, width - 2))
        self.words(words, x=min(x, self.width - 8 * len(words)))

    def svg(self, title):
        head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" ' \
            'width="%d" height="%d" role="img">\n<title>%s</title>\n' \
            '<metadata>%s</metadata>\n<style>\n%s\n</style>\n' % (
                self.width, self.y + 8, self.width, self.y + 8, html.escape(title),
                html.escape(json.dumps(self.data), quote=False), STYLE)
        return head + '\n'.join(self.parts) + '\n</svg>\n'


def columns(moments, row, no_region):
    """(first, count) of the columns that a region has at any of the moments."""
    used = [i for _, space in moments for at, _, letters, _ in space['rows']
            for i, letter in enumerate(letters)
            if at == row and letter != no_region]
    return (min(used), max(used) - min(used) + 1) if used else (0, 1)


def lines_at(row, moments, none):
    """Each moment's [(label, letters)] of a row; a device that has nothing then, too."""
    labels = []
    for _, space in moments:
        labels += [label for at, label, _, count in space['rows']
                   if at == row and not count and label not in labels]
    for name, space in moments:
        there = {label: letters for at, label, letters, count in space['rows']
                 if at == row and not count}
        yield name, space, [
            (label, there.get(label) or ''.join(
                none if letter not in '-' else letter
                for letter in there.get('', none * 64))) for label in labels]


def draw(title, moments, legend, row):
    """The row of pages at that address, at each of the moments."""
    no_region, none = legend['cpu'][0][0], '.'
    picture = Picture(*columns(moments, row, no_region))
    start = row + picture.first * PAGE
    picture.words('%d pages from %#x on' % (picture.count, start), 'd')
    seen = {'a CPU': {}, 'a device': {}}
    for name, space, lines in lines_at(row, moments, none):
        picture.y += 6
        picture.words(name, 'h')
        shown = []
        for label, letters in lines:
            picture.cells(label or 'CPUs', letters, no_region)
            if set(letters) - {no_region, none}:
                shown.append(label or 'CPUs')
            side = dict(legend['device' if label else 'cpu'])
            seen['a device' if label else 'a CPU'].update(
                (letter, side[letter]) for letter in letters
                if letter in side and letter != no_region)
        for start, end, event, _ in space['ranges']:
            says = 'open range: ' + event
            picture.bar(row, len(letters), int(start, 0), int(end, 0), says)
            shown.append(says)
        for waiter in space['waiters']:
            picture.words('waits: ' + waiter.split(' < ')[0], x=LABEL)
        picture.data.append({'lanes': sorted(set(shown))})
    picture.y += 6
    for whose, letters in seen.items():
        picture.wrapped(whose + ':', ['%s %s;' % pair for pair in letters.items()])
    return picture.svg(title)
