# SPDX-License-Identifier: MIT
"""svg - a part of a picture as a small drawing for documents

Times are not to scale: each beginning and each end of a bar has the same distance from
the next, so that what takes a microsecond is seen beside what takes a millisecond. The
order is that of the trace. A drawing holds its own order as data, which a check compares.
"""

import html
import json
import re

from timeline import kinds
from timeline.page import part
from timeline.picture import place

# Labels that are shorter than in the page.
SHORT = {'dev_page': 'the device has a translation', 'read': 'section',
         'command': '{command}', 'access': '{access}'}
WIDTH, GUTTER, ROW, EDGE = 960, 178, 22, 10
FONT = 'font-family="system-ui, -apple-system, DejaVu Sans, sans-serif"'


class Shown:
    """A lane of a drawing: a label, and bars of some kinds of a lane of the picture."""

    def __init__(self, label, lane, wanted, row=None):
        self.label, self.lane = label, lane
        self.wanted, self.row = wanted, row
        self.bars = []

    def take(self, begin, end):
        """[begin, end, kind, label of the bar], within a time."""
        self.bars = sorted(
            [max(bar.begin, begin), min(bar.end, end), bar.kind, bar]
            for bar in self.lane.bars
            if self.is_wanted(bar) and bar.begin < end and bar.end > begin)

    def is_wanted(self, bar):
        return bar.kind in self.wanted and self.row in (None, bar.row)


class Panel:
    """Some lanes at one time, with a sentence above them."""

    def __init__(self, says, begin, end, lanes):
        self.says, self.begin, self.end, self.lanes = says, begin, end, lanes
        for lane in lanes:
            lane.take(begin, end)
        for lane in lanes:
            self.join(lane)

    def moments(self):
        return sorted({moment for lane in self.lanes for bar in lane.bars
                       for moment in bar[:2]} | {self.begin, self.end})

    def join(self, lane):
        """Bars in a row of one kind are one, if nothing else happens meanwhile."""
        joined = []
        others = sorted(moment for other in self.lanes if other is not lane
                        for bar in other.bars for moment in bar[:2])
        for bar in lane.bars:
            last = joined[-1] if joined else None
            if last and last[2] == bar[2] and bar[0] >= last[1] and not any(
                    last[0] < moment < bar[1] for moment in others):
                last[1] = bar[1]
            else:
                joined.append(bar)
        lane.bars = joined

    def order(self):
        """[lane, kind, begins or ends] of all bars, in the order of time."""
        found = []
        for lane in self.lanes:
            for begin, end, kind, _ in lane.bars:
                if begin > self.begin:
                    found.append((begin, 1, lane.label, kind))
                if end < self.end:
                    found.append((end, 0, lane.label, kind))
        return [[label, kind, 'begins' if begins else 'ends']
                for _, begins, label, kind in sorted(found)]


def rows_of(lane):
    """Rows of a drawing for bars that overlap: (row of each bar, how many)."""
    ends, rows = [], []
    for begin, end, _, _ in lane.bars:
        row = next((i for i, last in enumerate(ends) if last <= begin), len(ends))
        ends[row:row + 1] = [end]
        rows.append(row)
    return rows, max(len(ends), 1)


def colours():
    """The style of the page, for the colours that a drawing may use."""
    light, dark = re.findall(r':root[^{]*\{([^}]*)\}', part('style.css'))[:2]
    wanted = {kind[1] for kind in kinds.BARS.values()} | \
        {kind[1] for kind in kinds.ARROWS.values()} | {'back', 'text', 'soft', 'band',
                                                       'line'}

    def chosen(block):
        return ' '.join('--%s: %s;' % pair for pair in
                        re.findall(r'--(\w+): ([^;]+);', block) if pair[0] in wanted)
    return 'svg { %s } @media (prefers-color-scheme: dark) { svg { %s } }' % (
        chosen(light), chosen(dark))


class Drawing:
    """The SVG of some panels."""

    def __init__(self, picture, title):
        self.picture, self.title = picture, title
        self.parts, self.y = [], 34
        self.used = set()

    def text(self, x, y, words, more=''):
        self.parts.append('<text x="%.0f" y="%.0f" %s>%s</text>' % (
            x, y, more, html.escape(words, quote=False)))

    def panel(self, panel):
        moments = panel.moments()
        step = (WIDTH - GUTTER - EDGE) / max(len(moments) - 1, 1)
        at = {moment: GUTTER + i * step for i, moment in enumerate(moments)}
        self.text(EDGE, self.y + 14, panel.says, 'class="says"')
        self.y += 26
        places = {}
        for number, lane in enumerate(panel.lanes):
            rows, count = rows_of(lane)
            height = count * ROW + 6
            if number % 2 == 0:
                self.parts.append('<rect x="0" y="%d" width="%d" height="%d" '
                                  'class="band"/>' % (self.y, WIDTH, height))
            self.text(EDGE, self.y + ROW / 2 + 7, lane.label)
            for (begin, end, kind, bar), row in zip(lane.bars, rows):
                top = self.y + 3 + row * ROW
                places[id(bar)] = top + ROW / 2 - 1
                self.bar(kind, bar, at[begin], at[end], top)
            self.y += height
        self.arrows(panel, at, places)
        self.y += 16

    def bar(self, kind, bar, x0, x1, top):
        _, colour, pattern, sign, template, _, _ = kinds.BARS[kind]
        width, fill = max(x1 - x0 - 1, 2), 'var(--%s)' % colour
        shape = '<rect x="%.1f" y="%.0f" width="%.1f" height="%d" rx="2" ' % (
            x0, top, width, ROW - 3)
        if pattern in ('hollow', 'dots'):
            self.parts.append(shape + 'fill="%s" fill-opacity=".18" stroke="%s" '
                              'stroke-dasharray="%s"/>' % (
                                  fill, fill, '2 2' if pattern == 'dots' else 'none'))
        else:
            self.parts.append(shape + 'fill="%s"/>' % fill)
            if pattern in ('stripes', 'cross'):
                self.used.add(pattern)
                self.parts.append(shape + 'fill="url(#%s)"/>' % pattern)
        words = (sign + ' ' + label(self.picture, bar, SHORT.get(kind, template))).strip()
        room = int((width - 7) / 7)
        if len(words) > room:
            words = words[:room - 1] + '…' if room > 5 else sign if room > 0 else ''
        if words:
            hollow = pattern in ('hollow', 'dots')
            self.text(x0 + 4, top + ROW / 2 + 2, words,
                      'class="%s"' % ('on' if not hollow else 'in'))

    def arrows(self, panel, at, places):
        moments = panel.moments()

        def x_of(moment):
            """Between the moments that are drawn, if it is none of them."""
            if moment in at:
                return at[moment]
            later = next(i for i, drawn in enumerate(moments) if drawn > moment)
            return (at[moments[later - 1]] + at[moments[later]]) / 2
        for arrow in self.picture.arrows:
            if arrow.kind in kinds.QUIET or arrow.begin < panel.begin or \
                    arrow.end > panel.end:
                continue
            ends = [height(place(end), moment, panel, places) for end, moment in
                    ((arrow.source, arrow.begin), (arrow.target, arrow.end))]
            if None in ends:
                continue
            x0, x1 = x_of(arrow.begin), x_of(arrow.end)
            colour = 'var(--%s)' % kinds.ARROWS[arrow.kind][1]
            self.parts.append(
                '<path d="M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f" fill="none" '
                'stroke="%s" stroke-width="1.6"/><path d="M%.1f %.1fl-8 -4v8z" '
                'fill="%s"/>' % (x0, ends[0], x0 + 26, ends[0], x1 - 26, ends[1],
                                 x1 - 5, ends[1], colour, x1, ends[1], colour))

    def svg(self, data):
        stripes = {
            'stripes': '<path d="M-2 10L10 -2M-2 2L2 -2M6 10L10 6"/>',
            'cross': '<path d="M-2 10L10 -2M-2 -2L10 10"/>'}
        patterns = ''.join(
            '<pattern id="%s" width="8" height="8" patternUnits="userSpaceOnUse" '
            'stroke="var(--back)" stroke-opacity=".45">%s</pattern>' % (
                name, stripes[name]) for name in sorted(self.used))
        return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" %s '
                'font-size="12">\n<title>%s</title>\n<metadata>%s</metadata>\n'
                '<style>%s text { fill: var(--text) } .on { fill: #fff; '
                'paint-order: stroke; stroke: #0008; stroke-width: 2px } '
                '.says { font-weight: 600 } .soft { fill: var(--soft) } '
                '.band { fill: var(--band) }</style>\n<defs>%s</defs>\n'
                '<rect width="100%%" height="100%%" fill="var(--back)"/>\n'
                '<text x="%d" y="22" font-size="15" font-weight="600">%s</text>\n%s\n'
                '<text x="%d" y="%d" class="soft">Time goes from left to right, not to '
                'scale: each step has the same width.</text>\n</svg>\n') % (
                    WIDTH, self.y + 18, FONT, html.escape(self.title),
                    html.escape(json.dumps(data), quote=False), colours(), patterns,
                    EDGE, html.escape(self.title), '\n'.join(self.parts), EDGE,
                    self.y + 8)


def height(where, moment, panel, places):
    """The height of the bar of a lane that is drawn and holds a moment."""
    if where is None:
        return None
    for lane in panel.lanes:
        if lane.lane.number != where[0]:
            continue
        near = [(abs(bar.row - where[1]), places[id(bar)])
                for begin, end, _, bar in lane.bars if begin <= moment <= end]
        if near:
            return min(near)[1]
    return None


def label(picture, bar, template):
    """The label of a bar, as the page has it, but shorter."""
    def value_of(match):
        record = picture.records[bar.last if match.group(1) else bar.first]
        value = record.values.get(match.group(2), '')
        return value if isinstance(value, str) else '%#x' % value \
            if match.group(2) in ('start', 'end', 'addr', 'va', 'pa') else str(value)
    return re.sub(r'\{(>?)(\w+)\}', value_of, template.split('–')[0]).split(' →')[0]


def figure(picture, title, panels):
    """The text of an SVG file."""
    drawing = Drawing(picture, title)
    for panel in panels:
        drawing.panel(panel)
    return drawing.svg([{'lanes': [lane.label for lane in panel.lanes if lane.bars],
                         'order': panel.order()} for panel in panels])


def data_of(content):
    """What a figure says of itself."""
    found = re.search(r'<metadata>(.*?)</metadata>', content, re.S)
    return json.loads(html.unescape(found.group(1))) if found else None
