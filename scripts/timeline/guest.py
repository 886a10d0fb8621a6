# SPDX-License-Identifier: MIT
"""guest - lanes of CPUs, and of the threads that run on them

A thread may sleep within a call and go on upon another CPU, so its calls, faults,
ranges and look-ups stand in a lane of the thread. The lane of a CPU shows which thread
it runs. The first, thin row of a thread's lane shows when it has a CPU.
"""

import re

from timeline.picture import close

CPUS, TESTS, THREADS = 'CPUs', 'Tests', 'Threads'
ON_CPU = -1                     # the thin row of a thread's lane
# What threads of some names are there for.
ROLES = (
    (r'idle/', 'runs when no other thread wants the CPU'),
    (r'peer\d+/ctx', 'the driver: answers page requests'),
    (r'peer\d+/beat', 'the driver: asks for a sign of life'),
    (r'contest/cpu', 'adds to the counter'),
    (r'contest/neighbour', 'changes neighbouring pages'),
    (r'contest/device', 'gives work to the device'),
    (r'ktest', 'runs a test'),
    (r'init$', 'runs what the machine was booted for'),
)


class Thread:
    """What one thread is in the middle of."""

    def __init__(self, lane):
        self.lane = lane
        self.calls, self.faults, self.ranges = [], [], []
        self.wait = self.on_cpu = None
        self.request = None             # (peer, ctx, bar)
        self.round = None
        self.reads = {}                 # sub: bar


class Guest:
    """CPUs, tests and threads."""

    def __init__(self, the):
        self.the = the
        self.cpus = {}
        self.running = {}               # cpu: bar of the task that runs
        self.threads = {}
        self.rings = {}                 # name: lane, for gaps
        self.ranges = {}                # range: (bar, thread, bar of its space)
        self.served = {}                # asker: [(when, record, lane)]
        self.waking = {}                # task: (lane, when, record)
        self.test = self.tests = None

    def cpu(self, record):
        lane = self.cpus.get(record.ring)
        if lane is None:
            lane = self.cpus[record.ring] = self.the.picture.lane(
                CPUS, 'CPU %d' % record.ring, (0, record.ring),
                hint='which thread the CPU runs')
            self.rings[record.where] = lane
        return lane

    def thread(self, record):
        return self.thread_of(record.pid)

    def thread_of(self, pid):
        thread = self.threads.get(pid)
        if thread is None:
            name = self.the.trace.tasks.get(pid, 'task %d' % pid)
            thread = self.threads[pid] = Thread(self.the.picture.lane(
                THREADS, '%s (%d)' % (name, pid), (2, pid),
                hint='calls, faults, ranges and look-ups of this thread; the thin '
                'line on top: it has a CPU',
                role=next((role for words, role in ROLES
                           if re.match(words, name)), '')))
        return thread

    def ticks(self, record, cycles):
        """Cycles of the guest as nanoseconds."""
        return cycles * record.source.mult >> 32

    def gap(self, begin, end, gap):
        lane = self.rings.get(gap.where)
        if lane:
            lane.whole('gap', begin, end, 0)

    def other(self, record, _, number):
        """A record that no part draws: a mark, where it was made."""
        if record.source.number:
            self.the.device.ring(record).mark('other', record.ns, number)
        else:
            self.thread(record).lane.mark('other', record.ns, number)

    # ---- which thread runs where --------------------------------------------

    def on_sched_switch(self, record, values, number):
        lane, now = self.cpu(record), record.ns
        before = self.running.pop(record.ring, None)
        if before:
            for bar in before:
                close(bar, now, number)
        pid = values['next']
        idle = self.the.trace.tasks.get(pid, '').startswith('idle/')
        bars = [lane.open('idle' if idle else 'run', now, number)]
        if not idle:
            bars.append(self.thread_of(pid).lane.open(
                'on_cpu', now, number, ON_CPU))
        self.running[record.ring] = bars
        woken = self.waking.pop(pid, None)
        if woken and not idle:
            self.the.picture.arrow('wake', woken, (lane, now, number))

    def on_sched_wake(self, record, values, number):
        thread = self.thread(record)
        thread.lane.mark('wake', record.ns, number)
        self.waking[values['task']] = thread.lane, record.ns, number

    def on_task_new(self, record, _, number):
        self.thread(record).lane.mark('other', record.ns, number)

    def on_ktest_start(self, record, _, number):
        if self.tests is None:
            self.tests = self.the.picture.lane(TESTS, 'Test', (1, 0),
                                               hint='the test that runs')
        close(self.test, record.ns, number)
        self.test = self.tests.open('test', record.ns, number)

    # ---- calls and faults ---------------------------------------------------

    def on_mm_call(self, record, values, number):
        thread = self.thread(record)
        thread.calls.append((values['mm'], values['what'],
                             thread.lane.open('call', record.ns, number)))

    def on_mm_return(self, record, values, number):
        calls = self.thread(record).calls
        for at in range(len(calls) - 1, -1, -1):
            if calls[at][:2] == (values['mm'], values['what']):
                close(calls.pop(at)[2], record.ns, number)
                return

    def on_fault_begin(self, record, values, number):
        thread = self.thread(record)
        thread.faults.append((values['mm'], values['addr'],
                              thread.lane.open('fault', record.ns, number)))

    def on_fault_end(self, record, values, number):
        faults = self.thread(record).faults
        for at in range(len(faults) - 1, -1, -1):
            if faults[at][:2] == (values['mm'], values['addr']):
                close(faults.pop(at)[2], record.ns, number)
                return

    def on_page_wait(self, record, _, number):
        thread = self.thread(record)
        close(thread.wait, record.ns, number)
        thread.wait = thread.lane.open('wait', record.ns, number)

    def on_page_waited(self, record, _, number):
        close(self.thread(record).wait, record.ns, number)

    # ---- flushes ------------------------------------------------------------

    def on_tlb_flush(self, record, values, number):
        begin = record.ns - self.ticks(record, values['cycles'])
        bar = self.thread(record).lane.whole('flush', begin, record.ns, number)
        for when, served, lane in self.served.pop(record.ring, ()):
            if when >= begin:
                self.the.picture.arrow('flush', (bar, begin, number),
                                       (lane, when, served))

    def on_tlb_served(self, record, values, number):
        lane = self.cpu(record)
        lane.mark('served', record.ns, number)
        self.served.setdefault(values['asker'], []).append(
            (record.ns, number, lane))

    # ---- ranges and their callbacks -----------------------------------------

    def on_mmu_notifier_start(self, record, values, number):
        thread = self.thread(record)
        bar = thread.lane.open('range', record.ns, number)
        above = self.the.spaces.range_begins(record, values, number)
        thread.ranges.append(values['mm'])
        self.ranges[values['range']] = bar, thread, above, values['mm']

    def on_mmu_notifier_started(self, record, values, number):
        """RELEASE has no end, and a start that was refused is not ended."""
        self.the.spaces.range_started(record, values, number)
        if values['event'] == 'RELEASE' or values['ret']:
            self.end_range(record, values, number)
        else:
            self.thread(record).lane.mark('started', record.ns, number)

    def on_mmu_notifier_end(self, record, values, number):
        self.end_range(record, values, number)

    def end_range(self, record, values, number):
        found = self.ranges.pop(values['range'], None)
        if not found:
            return
        bar, thread, above, mm = found
        close(bar, record.ns, number)
        close(above, record.ns, number)
        if mm in thread.ranges:
            thread.ranges.remove(mm)

    def called(self, record, values, number):
        begin = record.ns - self.ticks(record, values['cycles'])
        return self.thread(record).lane.whole('callback', begin, record.ns, number)

    def on_mmu_notifier_called(self, record, values, number):
        self.the.spaces.called(record, values, number,
                               self.called(record, values, number))

    def on_mmu_notifier_finished(self, record, values, number):
        self.called(record, values, number)

    def on_mmu_notifier_called_end(self, record, values, number):
        self.called(record, values, number)

    def on_mmu_notifier_callback(self, record, values, number):
        self.called(record, values, number)

    # ---- look-ups -----------------------------------------------------------

    def on_read_round(self, record, _, number):
        thread = self.thread(record)
        close(thread.round, record.ns, number)
        thread.round = thread.lane.open('round', record.ns, number)

    def end_round(self, record, number):
        close(self.thread(record).round, record.ns, number)

    def on_mmu_interval_wait(self, record, values, number):
        thread = self.thread(record)
        thread.reads[values['sub']] = [
            thread.lane.open('read_wait', record.ns, number),
            self.the.spaces.read_lane(values).open('read_wait', record.ns, number)]

    def on_read_begin(self, record, values, number):
        thread = self.thread(record)
        self.end_read(thread, record, values, number)
        thread.reads[values['sub']] = [
            thread.lane.open('section', record.ns, number),
            self.the.spaces.read_lane(values).open('section', record.ns, number)]
        self.the.device.reads(thread, values)

    def end_read(self, thread, record, values, number, kind=None):
        for bar in thread.reads.pop(values['sub'], ()):
            # It began, was left without the question whether it collided, and a
            # new one begins.
            bar.kind = kind or ('left' if bar.kind == 'section' else bar.kind)
            close(bar, record.ns, number)

    def on_read_kept(self, record, values, number):
        self.end_read(self.thread(record), record, values, number, 'read')
        self.end_round(record, number)

    def on_mmu_interval_collided(self, record, values, number):
        thread = self.thread(record)
        bars = thread.reads.get(values['sub'], ())
        self.end_read(thread, record, values, number, 'collided')
        thread.lane.mark('collided', record.ns, number)
        self.end_round(record, number)
        self.the.spaces.collided(record, values, number, bars)
