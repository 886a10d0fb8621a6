# SPDX-License-Identifier: MIT
"""match - where in a trace the steps of a race are

The records of a test are those from its start to the next one. The steps are looked for
in the order of time; where a first choice leads nowhere, the next one is tried. Clocks of
two programs differ a little: a record of the device may be older by that than the step
before it.
"""

import bisect

# So many choices are tried before a race counts as not there.
TRIES = 200000


def of_test(picture, test):
    """(first, last) of the numbers of the records of a test; None if it did not run."""
    first = None
    for number, record in enumerate(picture.records):
        if record.name != 'ktest_start':
            continue
        if first is not None:
            return first, number
        values = record.values
        if '%s.%s' % (values['suite'], values['test']) == test:
            first = number
    return None if first is None else (first, len(picture.records))


class Search:
    """The records of one test, by event."""

    def __init__(self, picture, span):
        self.records = picture.records
        self.slack = 2 * max([off or 0 for off in picture.trace.clocks.values()],
                             default=0)
        self.by_event, self.times = {}, {}
        for number in range(*span):
            self.by_event.setdefault(self.records[number].name, []).append(number)
        for event, numbers in self.by_event.items():
            self.times[event] = [self.records[number].ns for number in numbers]
        self.tries = 0
        self.furthest = 0

    def find(self, steps, found=(), bound=None):
        """The numbers of the records of all steps, or None."""
        self.furthest = max(self.furthest, len(found))
        if len(found) == len(steps):
            return list(found)
        step, bound = steps[len(found)], bound or {}
        numbers = self.by_event.get(step.event, [])
        begin = 0
        if found:
            # Within one program, later means behind; between two, by the clock.
            since = self.records[found[-1]].ns - self.slack
            begin = bisect.bisect_left(self.times[step.event], since) if numbers else 0
        for number in numbers[begin:]:
            self.tries += 1
            if self.tries > TRIES:
                return None
            if found and not self.behind(number, found[-1]):
                continue
            more = self.fits(step, number, bound)
            if more is not None:
                rest = self.find(steps, found + (number,), more)
                if rest or self.tries > TRIES:
                    return rest
        return None

    def behind(self, number, last):
        """Is a record later than the one of the step before?"""
        same = self.records[number].source is self.records[last].source
        return number > last if same else \
            self.records[number].ns >= self.records[last].ns - self.slack

    def fits(self, step, number, bound):
        """What is bound then, if the record is one for the step; else None."""
        record, more = self.records[number], dict(bound)
        values = record.values
        for field, wanted in step.wanted:
            value = values.get(field)
            if isinstance(wanted, str) and wanted.startswith('$'):
                if value is None or more.setdefault(wanted, value) != value:
                    return None
            elif value != wanted:
                return None
        if step.bound and not record.source.number:
            others = {pid for key, pid in more.items() if isinstance(key, int) and
                      key != step.column}
            if record.pid in others or \
                    more.setdefault(step.column, record.pid) != record.pid:
                return None
        return more


def steps_of(picture, race):
    """(numbers of the records of its steps, or None; how many steps were found)"""
    span = of_test(picture, race.test)
    if span is None:
        return None, 0
    search = Search(picture, span)
    return search.find(race.steps), search.furthest
