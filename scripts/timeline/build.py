# SPDX-License-Identifier: MIT
"""build - from the records of a trace to a picture

The parts of guest.py, device.py and spaces.py have a method on_EVENT for each event
that they draw. Records come in the order of time; a method has the record, its values
and its number. A part finds the others through `the`.
"""

import sys

from timeline import device, guest, spaces
from timeline.picture import Picture
from trace import store, text


class Parts:
    """The parts, and what more than one of them needs."""

    def __init__(self, picture):
        self.picture = picture
        self.trace = picture.trace
        self.numbers = text.Numbers(self.trace)
        self.guest = guest.Guest(self)
        self.spaces = spaces.Spaces(self)
        self.device = device.Device(self)
        self.handlers = {}
        for part in (self.guest, self.spaces, self.device):
            for name in dir(part):
                if name.startswith('on_'):
                    self.handlers.setdefault(name[3:], []).append(
                        getattr(part, name))


def opened(path):
    """The trace in a file; ends the program with one line if there is none."""
    try:
        trace = store.Trace(path)
    except FileNotFoundError:
        sys.exit('%s: there is no such trace; `make run` or `make trace` records '
                 'one' % path)
    except (OSError, store.Damaged) as error:
        sys.exit('%s: %s' % (path, error))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        sys.exit('%s: the trace is damaged (%s: %s); record it again' %
                 (path, type(error).__name__, error))
    if not trace.sources or not len(trace):
        sys.exit('%s: the trace has no record' % path)
    return trace


def picture_of(trace):
    """The picture of a trace.Trace."""
    picture = Picture(trace)
    parts = Parts(picture)
    last_of = {}
    for what in trace.all():
        if isinstance(what, store.Gap):
            begin = last_of.get(what.where, picture.begin)
            end = what.ns if what.ns is not None else None
            picture.gaps.append([begin, end, what])
            continue
        see(picture, parts, what)
        last_of[what.where] = what.ns
    for gap in picture.gaps:
        gap[1] = picture.end if gap[1] is None else gap[1]
        parts.guest.gap(*gap)
    parts.device.settle()
    parts.spaces.settle()
    picture.settle()
    return picture


def see(picture, parts, record):
    number = len(picture.records)
    picture.records.append(record)
    parts.numbers.see(record)
    values = record.values
    picture.numbers.append(tuple(
        parts.numbers.of(record, field, values[field]) or 0
        for field in objects_of(record.event)))
    if not number:
        picture.begin = picture.end = record.ns
    picture.begin = min(picture.begin, record.ns)
    picture.end = max(picture.end, record.ns)
    try:
        for handler in parts.handlers.get(record.name, (parts.guest.other,)):
            handler(record, values, number)
    except KeyError as field:
        # Another kernel's event of this name has other fields.
        picture.strange[record.name] = field.args[0]
        parts.guest.other(record, values, number)


def objects_of(event):
    """The fields of an event that have a small number for people."""
    if event is None:
        return ()
    found = getattr(event, 'objects', None)
    if found is None:
        found = event.objects = tuple(
            field for field in event.fields if field in text.BEGIN)
    return found
