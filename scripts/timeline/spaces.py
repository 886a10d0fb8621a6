# SPDX-License-Identifier: MIT
"""spaces - lanes of address spaces: open ranges, read sections, pages

Each address space has a lane of its open ranges, one of the read sections of each
subscription, and a lane for each page. The lane of a page has two rows: what its entry
lets a CPU do, and what the device may do by its own translation.
"""

from timeline.picture import close, FIT, GIVEN

PAGE = 4096
CPU_SEES, DEVICE_SEES = 0, 1
RIGHTS = {'read': 'pg_read', 'write': 'pg_write', 'none': 'pg_none'}
READ, WRITE = 1, 2              # of prot
USER_LAST = (1 << 47) - 1       # of the addresses that a process may have


class Page:
    """The lane of one page, and the bars that are open in it."""

    def __init__(self, lane):
        self.lane = lane
        self.cpu = None
        self.device = {}                # ctx: bar


class Space:
    """An address space: its lanes, made when they are needed."""

    def __init__(self, picture, number, title):
        self.picture, self.number, self.title = picture, number, title
        self.pages = {}
        self.ranges_lane = None
        self.born = None

    def ranges(self):
        if self.ranges_lane is None:
            self.ranges_lane = self.picture.lane(
                self.title, 'open ranges', (3, self.number, 0), rows=FIT,
                hint='changes of this address space, from start to end')
        return self.ranges_lane

    def page(self, addr):
        addr &= -PAGE
        page = self.pages.get(addr)
        if page is None:
            lane = self.picture.lane(
                self.title, 'page %#x' % addr, (3, self.number, 2, addr),
                rows=GIVEN, hint="above: what its entry lets a CPU do; below: "
                "the device's translation")
            lane.page = addr
            page = self.pages[addr] = Page(lane)
        return page

    def within(self, start, end):
        """The pages of a range that are known."""
        if end - start <= PAGE * len(self.pages):
            return [self.pages[addr] for addr in range(start & -PAGE, end, PAGE)
                    if addr in self.pages]
        return [page for addr, page in sorted(self.pages.items())
                if start <= addr < end]


class Sub:
    """A subscription, and the lane of its readers."""

    def __init__(self, lane, space):
        self.lane, self.space = lane, space


def interval(start, last):
    """The addresses of a subscription, as people say them."""
    if start == 0 and last >= USER_LAST:
        return 'interval: the whole address space'
    return 'interval: %#x–%#x' % (start, last + 1)


class Spaces:
    """Address spaces, subscriptions and pages."""

    def __init__(self, the):
        self.the = the
        self.spaces = {}                # mm: Space
        self.subs = {}                  # sub: Sub
        self.count = self.count_subs = 0
        self.zero = None                # the frame of zeros
        self.started = {}               # range: its Space
        self.callbacks = {}             # range: where its last callback returned
        self.numbered = {}              # (Space, seq): where that number was stored
        self.collisions = []            # (Space, seq, bar, when, record)

    def space(self, mm):
        space = self.spaces.get(mm)
        if space is None:
            number = self.the.trace.mms.get(mm)
            space = self.new_space(mm, 'Address space %s' % (
                number if number is not None else '%#x' % mm))
        return space

    def new_space(self, mm, title):
        self.count += 1
        self.spaces[mm] = Space(self.the.picture, self.count, title)
        return self.spaces[mm]

    def on_mm_born(self, record, values, number):
        self.the.guest.thread(record).lane.mark('other', record.ns, number)
        self.new_space(values['mm'], 'Address space %d' % values['id'])

    def on_mm_gone(self, record, values, number):
        self.the.guest.thread(record).lane.mark('other', record.ns, number)
        space = self.spaces.pop(values['mm'], None)
        for page in space.pages.values() if space else ():
            close(page.cpu, record.ns, number)
            for bar in page.device.values():
                close(bar, record.ns, number)

    # ---- ranges -------------------------------------------------------------

    def range_begins(self, record, values, number):
        space = self.space(values['mm'])
        self.started[values['range']] = space
        self.callbacks.pop(values['range'], None)
        return space.ranges().open('range', record.ns, number)

    def range_started(self, record, values, number):
        """The range has a number if it overlaps an interval."""
        space = self.started.get(values['range'])
        if space and values['seq']:
            self.numbered[space, values['seq']] = self.callbacks.get(
                values['range'], (space.ranges(), record.ns, number))

    def called(self, record, values, number, bar):
        self.callbacks[values['range']] = bar, record.ns, number
        sub = self.subs.get(values['sub'])
        if sub:
            sub.lane.mark('called', record.ns, number)

    # ---- subscriptions and their readers --------------------------------------

    def on_sub_insert(self, record, values, number):
        self.the.guest.thread(record).lane.mark('other', record.ns, number)
        self.subs.pop(values['sub'], None)
        ops = values['ops']
        name = ops.split('+')[0] if isinstance(ops, str) else ''
        self.sub(values['sub'], self.space(values['mm']), name,
                 interval(values['start'], values['last'])
                 if values['kind'] == 'interval' else '')

    def on_sub_remove(self, record, values, number):
        self.the.guest.thread(record).lane.mark('other', record.ns, number)

    # pylint: disable=too-many-arguments
    def sub(self, address, space=None, name='', role=''):
        sub = self.subs.get(address)
        if sub is None:
            self.count_subs += 1
            if space is None:
                space = self.space(0) if 0 in self.spaces else self.new_space(
                    0, 'Subscriptions that came before the recording')
            sub = self.subs[address] = Sub(self.the.picture.lane(
                space.title, 'readers of sub %d%s' % (
                    self.the.numbers.of(self.the.picture.records[-1], 'sub', address)
                    or self.count_subs, ', ' + name if name else ''),
                (3, space.number, 1, self.count_subs), rows=FIT,
                role=role, hint='read sections of this subscription; a tick: its '
                'callback was called'), space)
        return sub

    def read_lane(self, values):
        return self.sub(values['sub']).lane

    def collided(self, record, values, number, bars):
        sub = self.sub(values['sub'])
        sub.lane.mark('collided', record.ns, number)
        if bars:
            self.collisions.append((sub.space, values['seq'], bars[0], record.ns,
                                    number))

    def settle(self):
        """Which callback a read section collided with: the one of its number."""
        for space, seq, bar, when, record in self.collisions:
            found = self.numbered.get((space, seq))
            if found:
                self.the.picture.arrow('collision', found, (bar, when, record))

    # ---- entries --------------------------------------------------------------

    def becomes(self, page, kind, record, number):
        """The page's entry has another state from now on."""
        page.lane.busy += 1
        close(page.cpu, record.ns, number)
        page.cpu = page.lane.open(kind, record.ns, number, CPU_SEES)

    def on_pte_filled(self, record, values, number):
        if self.zero is None or values['pfn'] != self.zero:
            for _, _, bar in self.the.guest.thread(record).faults[-1:]:
                what = self.the.picture.records[bar.first].values['what']
                if what == 'zero page':
                    self.zero = values['pfn']
        kind = 'pg_zero' if values['pfn'] == self.zero else \
            RIGHTS.get(values['rights'], 'pg_read')
        self.becomes(self.space(values['mm']).page(values['addr']), kind,
                     record, number)

    def on_pte_zapped(self, record, values, number):
        self.the.guest.thread(record).lane.mark('zapped', record.ns, number)
        for page in self.space(values['mm']).within(values['start'],
                                                    values['end']):
            if page.cpu is not None and page.cpu.kind != 'pg_empty':
                self.becomes(page, 'pg_empty', record, number)

    def on_pte_protected(self, record, values, number):
        self.the.guest.thread(record).lane.mark('protected', record.ns, number)
        prot = values['prot']
        for page in self.space(values['mm']).within(values['start'],
                                                    values['end']):
            if page.cpu is None or page.cpu.kind in ('pg_empty', 'pg_exclusive'):
                continue
            zero = page.cpu.kind == 'pg_zero'
            kind = 'pg_none' if not prot & (READ | WRITE) else \
                'pg_zero' if zero else \
                'pg_read' if not prot & WRITE else page.cpu.kind
            if kind != page.cpu.kind:
                self.becomes(page, kind, record, number)

    def on_exclusive_page(self, record, values, number):
        page = self.space(values['mm']).page(values['addr'])
        if values['ok']:
            self.becomes(page, 'pg_exclusive', record, number)
        else:
            page.lane.mark('given_up', record.ns, number)

    def on_exclusive_restored(self, record, values, number):
        self.the.guest.thread(record).lane.mark('restored', record.ns, number)
        page = self.space(values['mm']).page(values['addr'])
        page.lane.mark('restored', record.ns, number)

    # ---- the device's translations ------------------------------------------

    def device_maps(self, space, ctx, values, record, number):
        page = space.page(values['va'])
        page.lane.busy += 1
        close(page.device.get(ctx), record.ns, number)
        page.device[ctx] = page.lane.open('dev_page', record.ns, number,
                                          DEVICE_SEES)

    def device_drops(self, space, ctx, values, record, number):
        for page in space.within(values['start'], values['end']):
            close(page.device.pop(ctx, None), record.ns, number)
