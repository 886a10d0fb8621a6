# SPDX-License-Identifier: MIT
"""explain - what the tree itself says about a test that failed

A log says which expression did not hold. The tree says more, and this finds
it by the test's name:

    the rule        the rules of docs/semantics.md that the test states
    the race        a drawing in two columns whose text names the test, in
                    docs/races.md or in the comments of a source
    the test        the comment above it, which draws its ranges

Nothing here judges; scripts/run-tests.py prints it below a failure.
"""

import functools
import os
import re

import rules

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = ('mm', 'lib', 'kernel', 'drivers', 'arch', 'include', 'demo')
COMMENT = re.compile(r'/\*.*?\*/', re.S)
LINES_OF_A_COMMENT = 40


@functools.lru_cache(maxsize=None)
def text_of(path):
    with open(path, encoding='utf-8', errors='replace') as source:
        return source.read()


def plain(comment):
    """The lines of a comment without its stars."""
    body = re.sub(r'^/\*+|\*+/$', '', comment.strip())
    return [re.sub(r'^\s*\*+ ?', '', line).rstrip()
            for line in ('*' + body).split('\n')]


def drawings(lines):
    """[(first, last)] of the runs of lines that are indented by a tab."""
    found, first = [], None
    for number, line in enumerate(lines + ['']):
        if line.startswith('\t'):
            first = number if first is None else first
        elif first is not None:
            found.append((first, number - 1))
            first = None
    return found


def is_race(lines):
    """Several lines, one of which is in the second column alone."""
    return len(lines) > 2 and any(re.match(r'\t{3,}\S', line)
                                  for line in lines)


def mentions(lines, name, home):
    """Numbers of the lines that name the test, as one of the file `home`."""
    short = name.split('.', 1)[1]
    word = re.compile(r'(?<!\w)%s(?!\w)' % re.escape(short))
    for number, line in enumerate(lines):
        if not word.search(line):
            continue
        suite = re.search(r'(\w+)\.%s' % re.escape(short), line)
        if suite and suite.group(1) != name.split('.')[0]:
            continue
        paths = re.findall(r'(\w+_test\.c)', ' '.join(
            lines[max(0, number - 1):number + 1]))
        if paths and home and paths[-1] != os.path.basename(home):
            continue
        yield number


def race_in(lines, name, home=''):
    """The drawing that a comment or section has for the test."""
    blocks = drawings(lines)
    for at in mentions(lines, name, home):
        races = [block for block in blocks
                 if is_race(lines[block[0]:block[1] + 1])]
        inside = [block for block in races if block[0] <= at <= block[1]]
        above = [block for block in races if block[1] < at]
        below = [block for block in races if block[0] > at]
        # A name that is indented like a drawing closes it; prose opens one.
        order = inside + (above[-1:] + below if lines[at].startswith('\t')
                          else below[:1])
        if order:
            return lines[order[0][0]:order[0][1] + 1]
    return []


def race(name, home='', top=TOP):
    """(where, lines) of the race drawn for a test; (None, []) without one.

    A section of docs/races.md that names the test without drawing the race names
    others of that race: their drawing serves.
    """
    path = os.path.join(top, 'docs', 'races.md')
    others = []
    if os.path.exists(path):
        for section in text_of(path).split('\n## ')[1:]:
            lines = section.split('\n')
            drawn = race_in(lines, name)
            if drawn:
                return 'docs/races.md, %s' % lines[0], drawn
            if any(mentions(lines, name, '')):
                others += re.findall(r'`(\w+\.\w+)`', section)
    where, drawn = race_in_sources(name, home, top)
    for other in others:
        if not drawn and other != name:
            where, drawn = race_of_test(other, top)
    return where, drawn


def race_of_test(name, top):
    """The race drawn for a test in a source, or above the test itself."""
    home = home_of(name, top)
    where, drawn = race_in_sources(name, home, top)
    if not drawn and home:
        lines = comment_above(name, text_of(os.path.join(top, home)))
        for first, last in drawings(lines):
            if is_race(lines[first:last + 1]):
                return home, lines[first:last + 1]
    return where, drawn


def race_in_sources(name, home, top):
    for source in sources(top):
        text = text_of(source)
        if name.split('.', 1)[1] not in text:
            continue
        for comment in COMMENT.finditer(text):
            drawn = race_in(plain(comment.group()), name, home)
            if drawn:
                return os.path.relpath(source, top), drawn
    return None, []


@functools.lru_cache(maxsize=None)
def sources(top, rooms=SOURCES):
    return [os.path.join(directory, name) for room in rooms
            for directory, _, names in sorted(os.walk(os.path.join(top, room)))
            for name in sorted(names) if name.endswith(('.c', '.h'))]


def home_of(name, top=TOP):
    """The file that defines a test."""
    suite, test = name.split('.', 1)
    head = re.compile(r'^KTEST\(\s*%s,\s*%s\b' %
                      (re.escape(suite), re.escape(test)), re.M)
    for source in sources(top, ('tests',)):
        if test in text_of(source) and head.search(text_of(source)):
            return os.path.relpath(source, top)
    return ''


def comment_above(name, source):
    """The lines of the comment right above the test."""
    suite, test = name.split('.', 1)
    match = re.search(r'(/\*(?:(?!\*/).)*\*/)\n'
                      r'KTEST\(\s*%s,\s*%s\b' %
                      (re.escape(suite), re.escape(test)), source, re.S)
    lines = plain(match.group(1)) if match else []
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines[:LINES_OF_A_COMMENT]


def about(name, top=TOP):
    """All that the tree says of a test, as lines to print below its failure."""
    if not re.match(r'^\w+\.\w+$', name):
        return []
    said = ['rule ' + rule for rule in rules.stated_by(name, top)]
    home = home_of(name, top)
    lines = comment_above(name, text_of(os.path.join(top, home))) \
        if home else []
    if lines:
        said += ['the test, %s:' % home] + ['  ' + line for line in lines]
    where, lines = race(name, home, top)
    if lines:
        said += ['the race, %s:' % where] + lines
    return [line.expandtabs(8).rstrip() for line in said]


def short(said):
    """Of a failure's lines the first that tells what was wrong, and its values."""
    lines = said.splitlines()
    for number, line in enumerate(lines):
        if line.startswith('# FAIL '):
            values = []
            for more in lines[number + 1:number + 5]:
                if not more.startswith('#   '):
                    break
                values.append(more[2:])
            return [line[len('# FAIL '):]] + values
    for line in lines:
        if line.startswith('KERNEL PANIC: '):
            return [line]
    return lines[-1:]
