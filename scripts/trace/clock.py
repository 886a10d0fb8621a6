# SPDX-License-Identifier: MIT
"""clock - when in the guest's time was a record of the peer?

The peer's clock is another one. The driver reads both: it notes its own time, asks
the device for the device's, and notes its own time again (event peer_clock). The
device's reading lies between the two. The narrowest of these pairs say how the clocks
differ, and two of them that are far apart how fast they drift.
"""

import statistics

# Over less time than this a drift cannot be told from the width of a pair.
DRIFT_NS = 500000000


def pairs_of(trace, peer):
    """[(width, the device's ns, the guest's ns in the middle)], narrowest first."""
    pairs = []
    for record in trace.records_named('peer_clock'):
        values = record.values
        if values['peer'] == peer:
            before, after = values['before'], values['after']
            pairs.append((after - before, values['device'],
                          (before + after) // 2))
    return sorted(pairs)


def line(pairs):
    """(device's ns, guest's ns there, guest's ns for each of the device's)"""
    best = pairs[:max(1, len(pairs) // 2)]
    there = best[0][1]
    if max(p[1] for p in best) - min(p[1] for p in best) < DRIFT_NS:
        return there, best[0][2], 1.0
    x_mean = statistics.fmean(p[1] - there for p in best)
    y_mean = statistics.fmean(p[2] - best[0][2] for p in best)
    rate = sum((p[1] - there - x_mean) * (p[2] - best[0][2] - y_mean)
               for p in best) / sum((p[1] - there - x_mean) ** 2 for p in best)
    return there, best[0][2] + int(y_mean - rate * x_mean), rate


def fit(trace):
    """Tie every source to the guest's clock.

    {name: how far a time of it may be off, in ns; None: no pair of readings, so
     that its times begin with its first record}
    """
    ties = {}
    for source in trace.sources:
        if not source.name.startswith('peer'):
            continue
        pairs = pairs_of(trace, int(source.name[len('peer'):]))
        ties[source.name] = pairs[0][0] // 2 if pairs else None
        if pairs:
            source.there, source.here, source.rate = line(pairs)
        else:
            source.there = min(
                (source.ns(tsc) for tsc in trace.first_stamps(source.number)),
                default=0)
    return ties
