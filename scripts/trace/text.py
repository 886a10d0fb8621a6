# SPDX-License-Identifier: MIT
"""text - a record as a line

Objects have small numbers for people: `mm 3`, `sub 1`, `range 12`. The kernel numbers
its address spaces itself (mm_born); subscriptions, ranges and whatever else has an
address here get one when they come up, a new one each time a record says that one
begins. --addresses shows the addresses.
"""

import re

from trace.store import CONVERSION, Gap

# field: the event after which the same address is another object
BEGIN = {
    'range': 'mmu_notifier_start',
    'sub': 'sub_insert',
    'mm': 'mm_born',
    'work': 'dev_work',
    'ack': 'dev_revoke',
}


BEGUN = {event: field for field, event in BEGIN.items()}


class Numbers:
    """Small numbers of the objects of one trace, given in the order of time."""

    def __init__(self, trace):
        self._now = {}
        self._last = {}
        self._mms = trace.mms

    def see(self, record):
        """Note the object that begins with a record."""
        field = BEGUN.get(record.name)
        if field:
            values = record.values
            self._now[record.source.name, field, values[field]] = \
                values.get('id') or self._new(field)

    def _new(self, field):
        self._last[field] = self._last.get(field, 0) + 1
        return self._last[field]

    def of(self, record, field, address):
        """The number of an object; None for a field that has none."""
        if field not in BEGIN or not address:
            return None
        key = record.source.name, field, address
        if key not in self._now:
            # An mm that was there before the recording has a number if it still
            # was there at the end.
            if field == 'mm':
                return self._mms.get(address)
            self._now[key] = self._new(field)
        return self._now[key]


def argument(spec, value):
    """One argument as its conversion has it."""
    if isinstance(value, str):
        return value
    kind = spec[-1]
    if kind in 'xXp' or spec.endswith('pS'):
        return '%#x' % value if '#' in spec or 'p' in spec else '%x' % value
    return str(value)


def body(record, numbers=None):
    """What the format says, with numbers for objects if there are some."""
    if not record.event:
        return 'unknown event %#x' % record.args[0]
    values, fields = record.values, iter(record.event.fields)

    def one(match):
        field = next(fields, None)
        if field is None:
            return '?'
        value = values[field]
        number = numbers.of(record, field, value) if numbers and \
            not isinstance(value, str) else None
        if number is not None:
            return '%s %d' % (field, number)
        return argument(match.group(0), value)

    said = re.sub(CONVERSION, one, record.event.format).replace('%%', '%')
    # `mm %p` with a number for the address says the word once.
    return re.sub(r'\b(%s) \1 (\d)' % '|'.join(BEGIN), r'\1 \2', said)


def stamp(ns):
    return '%6d.%06d' % divmod(ns // 1000, 1000000)


def line(what, numbers=None):
    """A record or a gap."""
    if isinstance(what, Gap):
        return '--- %s: %d record%s lost, %s' % (
            what.where, what.count, '' if what.count == 1 else 's', what.why)
    return '%s %s/%d %s: %s' % (stamp(what.ns), what.where, what.pid, what.name,
                                body(what, numbers))


def summary(trace):
    """How much there is, and what is missing, in a line for each fact."""
    lines = ['%d records of %d rings, %d lost' % (
        len(trace), sum(len(s.rings) for s in trace.sources), trace.lost)]
    lines += ['%s: %d lost, %s' % (gap.where, gap.count, gap.why)
              for gap in trace.gaps]
    for name, off in sorted(trace.clocks.items()):
        lines.append('%s: %s' % (name, 'its clock was never read beside the '
                                 "guest's: its times begin at 0" if off is None
                                 else 'its clock is tied to the guest\'s within '
                                 '%d us' % (off // 1000 + 1)))
    if trace.done is None:
        lines.append('the recording was killed: words are missing')
    return lines
