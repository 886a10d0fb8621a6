# SPDX-License-Identifier: MIT
"""device - lanes of the device's threads, works and page requests

Records of both sides fit together by a tag (page requests), by a slot (work), and for
an INVALIDATE by the context and the time: the driver sends the next one of a context
after the answer to the last.
"""

import collections

from timeline.picture import close, FIT


class Device:
    """What the driver says to the device, and what the device does."""

    def __init__(self, the):
        self.the = the
        self.rings, self.lanes = {}, {}
        self.tags = {}                  # (peer, tag): bars and moments of a request
        self.commands = {}              # (peer, slot): (bar, values)
        self.spaces_of = {}             # (peer, ctx): Space
        self.works = {}                 # (source, work): bar
        self.parked, self.inside = {}, {}
        self.sent = {}                  # (peer, ctx, va): [(lane, when, record, slot)]
        self.slots = {}                 # (peer, slot): bar of the work
        self.revoking = {}              # (source, ack): bar
        self.revoked = {}               # (peer, ctx): [bar]
        self.invalidating = []          # (peer, ctx, bar of the command)

    @staticmethod
    def peer_of(record):
        """The number of the device that a record of a device is from."""
        return int(record.source.name[len('peer'):])

    def ring(self, record):
        """The lane of a thread of the device."""
        lane = self.rings.get(record.where)
        if lane is None:
            name = record.where.split('/')[1]
            lane = self.rings[record.where] = self.the.picture.lane(
                self.group(record), name, (4, self.peer_of(record), 2, record.ring),
                hint='a thread of the device program')
            self.the.guest.rings[record.where] = lane
        return lane

    def group(self, record):
        return 'Device %d' % self.peer_of(record)

    def lane(self, record, name, order, hint):
        key = record.source.name, name
        if key not in self.lanes:
            self.lanes[key] = self.the.picture.lane(
                self.group(record), name, (4, self.peer_of(record), order),
                rows=FIT, hint=hint)
        return self.lanes[key]

    # ---- page requests --------------------------------------------------------

    def on_dev_request(self, record, values, number):
        lane = self.lane(record, 'page requests', 0,
                         'from the request of a page to the end of its answer')
        self.tags[self.peer_of(record), values['tag']] = {
            'bar': lane.open('dev_request', record.ns, number),
            'asked': (lane.bars[-1], record.ns, number)}

    def on_peer_request(self, record, values, number):
        thread = self.the.guest.thread(record)
        if thread.request:
            close(thread.request[2], record.ns, number)
        bar = thread.lane.open('request', record.ns, number)
        thread.request = values['peer'], values['ctx'], bar
        steps = self.tags.setdefault((values['peer'], values['tag']), {})
        steps['taken'] = bar
        if 'asked' in steps:
            self.the.picture.arrow('request', steps['asked'],
                                   (bar, record.ns, number))
        # The request may stand behind it in the merge, if the clocks are off.
        steps['driver'] = bar, record.ns, number

    def on_peer_grant(self, record, values, number):
        thread = self.the.guest.thread(record)
        thread.lane.mark('grant', record.ns, number)
        self.the.guest.end_round(record, number)
        self.tags.setdefault((values['peer'], values['tag']), {})['granted'] = (
            thread.lane, record.ns, number)

    def on_dev_response(self, record, values, number):
        self.ring(record).mark('response', record.ns, number)
        steps = self.tags.get((self.peer_of(record), values['tag']), {})
        if 'granted' in steps and 'bar' in steps:
            self.the.picture.arrow('grant', steps['granted'],
                                   (steps['bar'], record.ns, number))
        if values['result'] and 'bar' in steps:
            close(steps['bar'], record.ns, number)

    def on_dev_grant_end(self, record, values, number):
        steps = self.tags.get((self.peer_of(record), values['tag']), {})
        if 'bar' in steps:
            close(steps['bar'], record.ns, number)
        self.ring(record).mark('other', record.ns, number)

    def end_request(self, record, values, number):
        thread = self.the.guest.thread(record)
        steps = self.tags.get((values['peer'], values['tag']), {})
        if 'taken' in steps:
            close(steps['taken'], record.ns, number)
        self.the.guest.end_round(record, number)
        return thread.lane

    def on_peer_replay(self, record, values, number):
        self.end_request(record, values, number).mark('replayed', record.ns,
                                                      number)
        # A device without ATOMIC says no end of a grant.
        steps = self.tags.get((values['peer'], values['tag']), {})
        if 'bar' in steps:
            close(steps['bar'], record.ns, number)

    def on_peer_deny(self, record, values, number):
        self.end_request(record, values, number).mark('denied', record.ns, number)

    def on_peer_retry(self, record, _, number):
        self.the.guest.thread(record).lane.mark('retry', record.ns, number)
        self.the.guest.end_round(record, number)

    def reads(self, thread, values):
        """A section within a request: the context is of the subscription's space."""
        sub = self.the.spaces.subs.get(values['sub'])
        if thread.request and sub:
            self.spaces_of[thread.request[:2]] = sub.space

    # ---- commands -------------------------------------------------------------

    def on_peer_command(self, record, values, number):
        thread = self.the.guest.thread(record)
        bar = thread.lane.open('command', record.ns, number)
        key = values['peer'], values['slot']
        close(self.commands.pop(key, (None,))[0], record.ns, number)
        self.commands[key] = bar, values
        context = values['peer'], values['ctx']
        if values['command'] in ('INVALIDATE', 'CTX_DESTROY'):
            self.invalidating.append((context, bar))
            if thread.ranges and context not in self.spaces_of:
                self.spaces_of[context] = self.the.spaces.space(thread.ranges[-1])

    def on_peer_answer(self, record, values, number):
        bar, _ = self.commands.pop((values['peer'], values['slot']), (None, None))
        close(bar, record.ns, number)

    def on_peer_invalidate(self, record, values, number):
        self.the.guest.thread(record).lane.mark('invalidated', record.ns, number)

    def on_dev_map(self, record, values, number):
        self.ring(record).mark('map', record.ns, number)
        self.the.spaces.device_maps(self.space(record, values), values['ctx'],
                                    values, record, number)

    def space(self, record, values):
        key = self.peer_of(record), values['ctx']
        if key not in self.spaces_of:
            self.spaces_of[key] = self.the.spaces.new_space(
                key, 'Context %d of device %d' % (key[1], key[0]))
        return self.spaces_of[key]

    def on_dev_revoke(self, record, values, number):
        lane, key = self.ring(record), (self.peer_of(record), values['ctx'])
        bar = lane.open('revoke', record.ns, number)
        self.revoked.setdefault(key, []).append(bar)
        if values['ack']:
            self.revoking[record.source.name, values['ack']] = bar
        else:
            close(bar, record.ns, number)
        if key in self.spaces_of:
            self.the.spaces.device_drops(self.spaces_of[key], values['ctx'],
                                         values, record, number)
        if not values['start'] and values['end'] >= 1 << 47:
            self.spaces_of.pop(key, None)

    def on_dev_ack_wait(self, record, _, number):
        self.ring(record).mark('ack_wait', record.ns, number)

    def on_dev_ack(self, record, values, number):
        bar = self.revoking.pop((record.source.name, values['ack']), None)
        if bar:
            close(bar, record.ns, number)
        else:
            self.ring(record).mark('other', record.ns, number)

    def settle(self):
        """Which dropping of translations belongs to which command."""
        end, dropped = self.the.picture.end, {}
        for context, command in self.invalidating:
            slack = 2 * (self.the.trace.clocks.get('peer%d' % context[0]) or 0)
            answered = end if command.end is None else command.end
            bars = dropped.setdefault(context, collections.deque(
                self.revoked.get(context, ())))
            # Those that came without a command of this recording are passed over.
            while bars and bars[0].begin < command.begin - slack:
                bars.popleft()
            if bars and bars[0].begin <= answered + slack:
                self.answer(command, answered, bars.popleft(), end)

    def answer(self, command, answered, bar, end):
        """Two arrows: from the command to the device, and back."""
        self.the.picture.arrow('invalidate', (command, command.begin, command.first),
                               (bar, bar.begin, bar.first))
        if command.end is not None:
            self.the.picture.arrow(
                'ack', (bar, end if bar.end is None else bar.end, bar.last),
                (command, answered, command.last))

    # ---- work -----------------------------------------------------------------

    def on_work_sent(self, record, values, number):
        lane = self.the.guest.thread(record).lane
        lane.mark('work_sent', record.ns, number)
        self.sent.setdefault((values['peer'], values['ctx'], values['va']), []) \
            .append((lane, record.ns, number, values['slot']))

    def on_dev_work(self, record, values, number):
        lane = self.lane(record, 'works', 1,
                         'from the moment a worker takes a work to its answer')
        bar = lane.open('work', record.ns, number)
        peer = self.peer_of(record)
        self.works[record.source.name, values['work']] = bar
        self.ring(record).mark('other', record.ns, number)
        sent = self.sent.get((peer, values['ctx'], values['va']))
        if sent:
            begin = sent.pop(0)
            self.the.picture.arrow('work', begin[:3], (bar, record.ns, number))
            self.slots[peer, begin[3]] = bar

    def on_dev_work_end(self, record, values, number):
        key = record.source.name, values['work']
        close(self.works.pop(key, None), record.ns, number)
        close(self.parked.pop(key, None), record.ns, number)
        self.ring(record).mark('other', record.ns, number)

    def on_work_done(self, record, values, number):
        lane = self.the.guest.thread(record).lane
        lane.mark('work_done', record.ns, number)
        bar = self.slots.pop((values['peer'], values['slot']), None)
        if bar and bar.end is not None:
            self.the.picture.arrow('work', (bar, bar.end, bar.last),
                                   (lane, record.ns, number))

    def on_dev_park(self, record, values, number):
        self.ring(record).mark('park', record.ns, number)
        key = record.source.name, values['work']
        close(self.parked.pop(key, None), record.ns, number)
        lane = self.lane(record, 'works that wait', 1.5,
                         'a work has no translation and waits for the answer')
        self.parked[key] = lane.open('parked', record.ns, number)

    def on_dev_replay(self, record, values, number):
        self.ring(record).mark('replay' if values['how'] == 'replayed' else
                               'revoked', record.ns, number)
        close(self.parked.pop((record.source.name, values['work']), None),
              record.ns, number)

    def on_dev_access(self, record, _, number):
        close(self.inside.get(record.where), record.ns, number)
        self.inside[record.where] = self.ring(record).open('access', record.ns,
                                                           number)

    def on_dev_access_end(self, record, _, number):
        close(self.inside.pop(record.where, None), record.ns, number)
