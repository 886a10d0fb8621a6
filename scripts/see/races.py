# SPDX-License-Identifier: MIT
"""races - the races of docs/races.md, and how each is seen in a trace: races.txt"""

import os
import re
import sys
import textwrap

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'scripts'))

import explain  # noqa: E402

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'races.txt')
STEP = re.compile(r'([1-9])(~?) (\w+)((?: \w+=\S+)*) \| (.+)')


class Step:
    """A record that must be there, after that of the step before."""

    def __init__(self, line):
        column, free, self.event, conditions, self.says = STEP.fullmatch(line).groups()
        self.column = int(column)
        self.bound = not free
        self.wanted = [self.condition(word) for word in conditions.split()]

    @staticmethod
    def condition(word):
        """(field, value, or the name of a variable with its $)"""
        field, value = word.split('=', 1)
        if re.fullmatch(r'-?(0x[0-9a-f]+|\d+)', value):
            return field, int(value, 0)
        return field, value.replace('%', ' ')


class Race:
    """One section of docs/races.md."""

    def __init__(self, title):
        self.title = title
        self.name = re.sub(r'[^a-z]+', '-', title.lower().replace("'", '')).strip('-')
        self.test = self.unseen = self.chance = self.model = ''
        self.steps = []

    def drawing(self):
        """(where, lines) of its two columns; ('', []) if it is told in prose."""
        where, lines = explain.race(self.test, explain.home_of(self.test))
        if not lines:
            where, lines = explain.race_of_test(self.test, TOP)
        return where or '', narrow(textwrap.dedent(
            '\n'.join(line.expandtabs(8) for line in lines)).split('\n'))


def narrow(lines):
    """The same two columns, the second as near to the first as that allows."""
    starts = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    second = min((start for start in starts if start > 12), default=0)
    # A line that is written under both columns stays as it is.
    two = [line for line in lines if len(line) > second > 0 and
           line[second - 1] == ' ']
    # A line of the first column alone needs its room as well.
    room = max((len(line[:second].rstrip()) for line in lines
                if line in two or len(line) <= second), default=0) + 2
    return [line[:second].rstrip().ljust(room) + line[second:] if line in two else line
            for line in lines]


def read(path=TABLE):
    """The races, in the order of the table."""
    races = []
    with open(path, encoding='utf-8') as table:
        for number, line in enumerate(table, 1):
            line = line.rstrip('\n')
            word, _, rest = line.partition(' ')
            if not line or line.startswith('#'):
                continue
            if word == 'race':
                races.append(Race(rest))
            elif word == 'test':
                races[-1].test = rest
            elif word in ('unseen', 'chance', 'model'):
                setattr(races[-1], word, rest.lstrip('| '))
            elif STEP.fullmatch(line):
                races[-1].steps.append(Step(line))
            else:
                raise ValueError('%s:%d: no line of a race: %s' % (path, number, line))
    return races


def sections(path=os.path.join(TOP, 'docs', 'races.md')):
    """{title: text} of the document."""
    with open(path, encoding='utf-8') as document:
        parts = document.read().split('\n## ')[1:]
    return {part.split('\n', 1)[0]: part for part in parts}


def chosen(races, name):
    """The races that a name, or the beginning of one, means."""
    name = name.lower()
    if not name:
        return []
    exact = [race for race in races if name in (race.name, race.title.lower(),
                                                race.test)]
    return exact or [race for race in races if name in race.name]
