# SPDX-License-Identifier: MIT
"""clock - when in the guest's time was a record of the peer?

The peer's clock is another one. What is known of it are bounds: whatever the driver
did before the device, it did before the device.

    peer_clock      the driver notes its time, asks for the device's, notes its own
                    again: the device's reading lies between
    page requests   the device asks before the driver takes the request
    grants          the driver sends before the device accepts the answer

So the guest's time less the device's is at least the greatest lower bound and at most
the least upper one, if the clocks run alike. Where no difference fits all bounds, they
do not, and how fast they drift is taken from the narrowest pairs of readings.
"""

import statistics


class Bounds:
    """At a time of the device: what the guest's time less the device's is at least,
    and at most."""

    def __init__(self):
        self.least, self.most = [], []

    def room(self, rate):
        """(the lowest, the highest) difference at 0 that fits, with that drift."""
        return (max((d - rate * x for x, d in self.least), default=None),
                min((d - rate * x for x, d in self.most), default=None))


def readings_of(trace, peer):
    """[(width, the device's ns, before, after)] of peer_clock, narrowest first."""
    found = []
    for record in trace.records_named('peer_clock'):
        values = record.values
        if values['peer'] == peer:
            found.append((values['after'] - values['before'], values['device'],
                          values['before'], values['after']))
    return sorted(found)


def by_tag(trace, name, source, peer=None):
    """{tag: ns} of an event of one source; of one device, where the event says it."""
    found = {}
    for record in trace.records_named(name):
        values = record.values
        if record.source is source and values.get('peer', peer) == peer:
            found.setdefault(values['tag'], record.ns)
    return found


def bounds_of(trace, source, peer, readings):
    bounds = Bounds()
    for _, device, before, after in readings:
        bounds.least.append((device, before - device))
        bounds.most.append((device, after - device))
    guest = trace.sources[0]
    asked = by_tag(trace, 'dev_request', source)
    accepted = by_tag(trace, 'dev_response', source)
    for tag, ns in by_tag(trace, 'peer_request', guest, peer).items():
        if tag in asked:
            bounds.most.append((asked[tag], ns - asked[tag]))
    for tag, ns in by_tag(trace, 'peer_grant', guest, peer).items():
        if tag in accepted:
            bounds.least.append((accepted[tag], ns - accepted[tag]))
    return bounds


def drift_of(readings):
    """How much the difference grows in a ns of the device, by the narrow readings."""
    best = readings[:max(1, len(readings) // 2)]
    points = [(device, (before + after) // 2 - device)
              for _, device, before, after in best]
    x_mean = statistics.fmean(x for x, _ in points)
    y_mean = statistics.fmean(y for _, y in points)
    square = sum((x - x_mean) ** 2 for x, _ in points)
    return square and sum((x - x_mean) * (y - y_mean)
                          for x, y in points) / square


def tie(trace, source, peer):
    """Set the source's clock; how far a time of it may be off, in ns."""
    readings = readings_of(trace, peer)
    if not readings:
        source.there = min((source.ns(tsc) for tsc in
                            trace.first_stamps(source.number)), default=0)
        return None
    # From a reading on, so that a drift is multiplied by a short time.
    zero = readings[0][1]
    bounds = bounds_of(trace, source, peer, readings)
    for side in (bounds.least, bounds.most):
        side[:] = [(x - zero, d) for x, d in side]
    rate = 0.0
    low, high = bounds.room(rate)
    if low > high:
        rate = drift_of(readings)
        low, high = bounds.room(rate)
    source.there, source.here = zero, zero + int((low + high) / 2)
    source.rate = 1.0 + rate
    return int(abs(high - low) / 2)


def fit(trace):
    """Tie every source to the guest's clock.

    {name: how far a time of it may be off, in ns; None: no pair of readings, so
     that its times begin with its first record}
    """
    return {source.name: tie(trace, source, int(source.name[len('peer'):]))
            for source in trace.sources if source.name.startswith('peer')}
