# SPDX-License-Identifier: MIT
"""meant - which tests an image holds, and a boot judged by that

The kernel's own words are no proof. An init call can print `ok` lines and
leave as passed; a suite can be missing from the link; a boot can end early; a
device can die, and its tests are skipped. So the host reads from the image
which tests were meant, and compares:

    what the log shows                  the verdict
    a result of a name nobody meant     that name fails
    a test without a result             it fails by its name, or its suite
                                        does when no test of the suite ran
    a boot that ended early             the test that ran fails; Boot.done says
                                        where a new boot goes on
    fewer devices than were given       `device` fails
    a disk was given, and not found     `disk` fails

KTEST() leaves an object `ktest_case_SUITE__NAME` in the image, and the kernel
runs the objects in the order of their addresses. The flags of a test are read
from the object itself (struct ktest_case of include/kernel/ktest.h).

Not here: starting a boot, and deciding about another one (kernelboots.py).
"""

import fnmatch
import os
import re
import struct
import subprocess

import ktap

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KTEST_H = os.path.join(TOP, 'include', 'kernel', 'ktest.h')

# Of struct ktest_case: four words lie before the flags.
FLAGS_AT = 3 * 8 + 4
# What scripts/run-qemu says of a boot that ended without having run all tests.
EARLY = {2: 'the kernel panicked', 3: 'the machine stopped without a word '
         '(triple fault or reset)', 124: 'the boot hung'}


class Test:
    """One test of an image."""

    def __init__(self, name, flags=()):
        self.name = name
        self.suite = name.split('.')[0]
        self.flags = frozenset(flags)


def cases_of(listing):
    """[(address, 'suite.name')] of what nm printed, in the kernel's order."""
    return sorted((int(address, 16), suite + '.' + name)
                  for address, suite, name in
                  re.findall(r'^([0-9a-f]+) \w ktest_case_(\w+?)__(\w+)$',
                             listing, re.M))


def flag_names():
    """{bit: 'KT_...'} of the header."""
    with open(KTEST_H, encoding='utf-8') as header:
        return {1 << int(bit): name for name, bit in
                re.findall(r'\b(KT_\w+) = 1 << (\d+)', header.read())}


class Elf:
    """The bytes of an ELF64 file by virtual address."""

    def __init__(self, path):
        with open(path, 'rb') as image:
            self.bytes = image.read()
        start, = struct.unpack_from('<Q', self.bytes, 32)
        size, count = struct.unpack_from('<HH', self.bytes, 54)
        self.segments = []
        for i in range(count):
            kind, _, offset, vaddr, _, length = struct.unpack_from(
                '<IIQQQQ', self.bytes, start + i * size)
            if kind == 1:
                self.segments.append((vaddr, length, offset))

    def word32(self, address):
        for vaddr, length, offset in self.segments:
            if vaddr <= address and address + 4 <= vaddr + length:
                return struct.unpack_from('<I', self.bytes,
                                          offset + address - vaddr)[0]
        raise ValueError('%#x is not in the image' % address)


def tests_of(image):
    """Every test inside the image, in the order in which the kernel runs them."""
    listing = subprocess.run([os.environ.get('NM') or 'nm', image],
                             stdout=subprocess.PIPE, check=True,
                             universal_newlines=True).stdout
    elf, bits = Elf(image), flag_names()
    tests = []
    for address, name in cases_of(listing):
        flags = elf.word32(address + FLAGS_AT)
        tests.append(Test(name, [bits[bit] for bit in bits if flags & bit]))
    return tests


def tests_of_sources(top=TOP, dropped=()):
    """{'suite.name': file} of every KTEST() in the sources that a build takes."""
    found = {}
    for directory, _, names in os.walk(os.path.join(top, 'tests')):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(directory, name), top)
            if not name.endswith('.c') or path in dropped:
                continue
            with open(os.path.join(top, path), encoding='utf-8') as source:
                for suite, test in re.findall(
                        r'^KTEST\(\s*(\w+),\s*(\w+)', source.read(),
                        re.M):
                    found[suite + '.' + test] = path
    return found


def chosen(globs, name):
    """Does a list of patterns choose a name? As the kernel's glob_match()."""
    patterns = (globs or '*').split(',')
    wanted = [p for p in patterns if not p.startswith('-')]
    unwanted = [p[1:] for p in patterns if p.startswith('-')]
    return any(fnmatch.fnmatchcase(name, p) for p in wanted or ['*']) and \
        not any(fnmatch.fnmatchcase(name, p) for p in unwanted)


def patterns(wanted, names):
    """Short ones that choose those names, and no other: a command line has an end."""
    others, found = set(names) - set(wanted), []
    for name in wanted:
        if any(name.startswith(begin) for begin in found):
            continue
        found.append(next((name[:end] for end in range(
            name.index('.') + 1, len(name)) if not any(
                other.startswith(name[:end]) for other in others)), name))
    return [begin if begin in wanted else begin + '*' for begin in found]


def select(tests, globs):
    """The tests that the kernel runs for test=GLOBS, in its order."""
    patterns = (globs or '*').split(',')
    return [test for test in tests if chosen(globs, test.name) and
            ('KT_BY_NAME_ONLY' not in test.flags or test.name in patterns)]


def missing_from_link(tests, sources, globs=''):
    """What sources define and an image lacks: failed results, by suite or name."""
    linked = {test.name for test in tests}
    suites = {test.suite for test in tests}
    return absent([name for name in sorted(sources)
                   if name not in linked and chosen(globs, name)], suites,
                  lambda name: 'defined in %s, and not in the image' %
                  sources[name])


def absent(names, suites, why):
    """Failed results for tests that are not there; one for a whole suite."""
    results, gone = [], {}
    for name in names:
        suite = name.split('.')[0]
        if suite in suites:
            results.append(ktap.Result(name, 'failed', why(name)))
        else:
            gone.setdefault(suite, []).append(name)
    for suite, lost in gone.items():
        results.append(ktap.Result(
            '%s.*' % suite, 'failed', 'no test of this suite, %d in all; '
            'the first: %s\n%s' % (len(lost), lost[0], why(lost[0]))))
    return results


class Boot(ktap.Run):
    """One boot's log, judged by the tests that were meant to run in it."""

    START = re.compile(r'^# start (\S+)$')
    HEAD = re.compile(r'^# seed \d+, CPUs \d+, devices (\d+)')

    def __init__(self, name, meant, devices=0, resumed=False, disk=False):
        super().__init__(name)
        self.meant = meant          # Tests, in order
        self.devices = devices      # how many QEMU was given
        self.disk = disk            # whether QEMU was given the disk of tests
        self.resumed = resumed      # an earlier boot ran the first tests
        self.early = False          # it ended before its last test
        self.done = 0               # tests that need no other boot
        self.running = None         # started, and no result yet
        self._alive = None          # devices that the kernel found
        self._bailed = []           # why the kernel bailed out

    def feed(self, line):
        line = line.strip('\r\n')
        match = self.START.match(line)
        if match:
            self.running = match.group(1)
            self._around = []
        match = self.HEAD.match(line)
        if match:
            self._alive = int(match.group(1))
        if line.startswith('Bail out!'):
            self._bailed.append(line[len('Bail out!'):].strip())
            return None
        result = super().feed(line)
        if result and result.name == self.running:
            self.running = None
        return result

    def judge(self, status):
        self.problems += [why for why in self._bailed
                          if not why.endswith(' hung')]
        if self.plan is None:
            self.problems += self.reports
            self.problems.append('the tests never began: ' +
                                 EARLY.get(status, 'status %d' % status))
            return
        self.early = status in EARLY or bool(self._bailed)
        if self.plan != len(self.meant):
            self.problems.append('the kernel plans %d tests, the image has '
                                 '%d of this selection' %
                                 (self.plan, len(self.meant)))
        lost = self._compare()
        if self.early:
            self._end_early(EARLY.get(status, 'the boot ended'))
        else:
            lost += self.meant[self.done:]
            self.done = len(self.meant)
            self.problems += self.reports
        ran = {r.name.split('.')[0] for r in self.results}
        self.results += absent([test.name for test in lost], ran,
                               lambda name: 'meant, and without a result')
        self._judge_devices()
        self._judge_disk()
        self._judge_status(status)

    def _compare(self):
        """Results against what was meant, in order; returns what has none."""
        lost = []
        for result in self.results:
            at = next((i for i in range(self.done, len(self.meant))
                       if self.meant[i].name == result.name), None)
            if at is None:
                result.outcome, result.directive = 'failed', None
                result.said = 'no test that was meant here has this name, ' \
                    'or it has a result already'
            else:
                lost += self.meant[self.done:at]
                self.done = at + 1
        return lost

    def _end_early(self, how):
        """The test that ran is to blame; without one the boot itself."""
        if self.running and self.done < len(self.meant) and \
                self.meant[self.done].name == self.running:
            self.results.append(ktap.Result(
                self.running, 'failed', '\n'.join(
                    self._around + [how + ' while this test ran'])))
            self.done += 1
            return
        last = self.results[-1] if self.results else None
        if last and last.directive in ('hung', 'the kernel panicked'):
            return
        self.problems += self.reports
        if not self._bailed:
            self.problems.append('%s, after %s' % (
                how, last.name if last else 'its plan'))

    def _judge_devices(self):
        if not self.devices:
            return
        if self._alive is None or self._alive < self.devices:
            self.problems.append('device: %d given, the kernel drives %s' %
                                 (self.devices, self._alive))
            return
        ends = {test.name for test in self.meant
                if 'KT_ENDS_PEER' in test.flags}
        for result in self.results:
            if result.name in ends:
                return
            if result.outcome == 'skipped' and \
                    result.said == 'SKIP no peer device':
                self.problems.append('device: given, and %s was skipped for '
                                     'want of it' % result.name)
                return

    def _judge_disk(self):
        for result in self.results:
            if self.disk and result.outcome == 'skipped' and \
                    result.said == 'SKIP no disk':
                self.problems.append('disk: given, and %s was skipped for '
                                     'want of it' % result.name)
                return

    def _judge_status(self, status):
        failed = self.count('failed') + len(self.problems)
        if not self.count('passed') and not failed and not self.resumed:
            self.problems.append('no test ran')
        elif status != 0 and not failed:
            self.problems.append('ended with status %d' % status)
        elif status == 0 and any(
                r.outcome == 'failed' and r.directive is not None
                for r in self.results):
            self.problems.append('tests failed, yet the status says pass')
