# SPDX-License-Identifier: MIT
"""judge - which test, if any, notices a mutant

tests/mutants/concern says what concerns a file, cheapest first:

    host.NAME       a program on the host, with MUTANT= in its environment, and with
                    AddressSanitizer and UBSan
    tsan.NAME       the same with ThreadSanitizer, which misses a lock that is not taken
    explore.NAME    a scenario of tests/explore, or several by a pattern: schedules up to
                    two preemptions, and some at random, with late stores of x86
    suite.*,...     a boot of the kernel with `mutant=` and these tests; with the
                    device if the first pattern begins with `peer`

First everything runs without a mutant. That must pass, and it says which tests, programs
and scenarios come to the place of which mutant. A mutant is then judged by those that come
to its place, in the order of the file. One that the boot itself comes to is judged by all.
Before many tests boot, those few do that come to the fewest places besides: a test of
one topic notices most, and its boot is short.

The first failure ends it: a result that is not ok, an expectation that failed, a
panic, a boot that says nothing any more, a program that ends badly or not at all. A
mutant survives when everything has passed.
"""

import concurrent.futures
import fnmatch
import os
import re
import subprocess
import threading
import time

import meant
import schema
from tree import TOP

CONCERN = 'tests/mutants/concern'
# Seconds: of a test in the kernel, of silence. A test of the kernel and a program on the
# host may take as many times what the longest took without a mutant.
DEADLINE, SILENCE = 5, 40
HOST_SLOWER, HOST_LEAST, HOST_MOST = 10, 3, 60
TEST_SLOWER = 4
JOBS = os.cpu_count() or 2
BUSY, BUSY_SLOWER, FIRST_SLOWER = 2 * JOBS, 3, 12
EXPLORER = 'build/explore/usual/explore'
EXPLORE = ['BOUND=2', 'MOST=20000', 'RANDOM=4000', 'SEED=1']
OF_HOST = ('host', 'tsan', 'explore')
HOST_KINDS = {'host': 'asan', 'tsan': 'tsan'}
HOST_ENV = {'OPS': '20000', 'ROUNDS': '20', 'SEED': '1'}
LATE = re.compile(r'in time|not done in|hung|silence')
# Of a command line, which the kernel limits; with more, whole suites are named.
MOST_LETTERS = 850
LEARN_BOOTS = 2     # because threads meet in another way each time
CLOSEST = 8         # tests in a boot before that of more than twice as many


def busy():
    """Is the host so busy that a wait says little?"""
    return os.getloadavg()[0] > BUSY


class Verdict:
    """What became of a mutant: killed, by which test and how; or survived.

    seen        of a run without a mutant: {part: {number}}, the places it came to
    """

    def __init__(self, killer='', how='', reached='', seen=None):
        self.killer, self.how, self.reached = killer, how, reached
        self.seen = seen or {}


def concern(path, text):
    """The judges of a file: the lines below the first pattern that fits."""
    found, fits = [], False
    for line in text.splitlines():
        words = line.split('#')[0].split()
        if words and not line[0].isspace():
            if found:
                break
            fits = any(fnmatch.fnmatchcase(path, word) for word in words)
        elif fits:
            found += words
    return found


def programs(judges):
    """What make has to build for them, in the workshop."""
    found = []
    for judge in judges:
        kind, name = judge.split('.', 1)
        if kind in HOST_KINDS:
            found.append('build/host-%s/%s_%s' % (HOST_KINDS[kind], name,
                                                  HOST_KINDS[kind]))
    return found + [EXPLORER for judge in judges
                    if judge.startswith('explore.')][:1]


class Court:
    """Judges that run in one workshop.

    reach       {judge: {part: {number}}}: which mutants' places a test, a scenario or the
                whole program came to; the part '' of a boot is what lies before its tests.
                None if nobody has looked: then every judge judges
    """

    def __init__(self, where, judges, seed=1):
        self.where, self.judges, self.seed = where, judges, seed
        self.image = os.path.join(where, 'build', 'test', 'concord.elf')
        self.limits, self.reach = {}, None
        self._tests = None

    def built(self):
        """The image is another one: its tests are read anew."""
        self._tests = self.reach = None

    @property
    def tests(self):
        if self._tests is None:
            self._tests = meant.tests_of(self.image)
        return self._tests

    def judge(self, number):
        """The Verdict on mutant `number` of what is built."""
        reached = ''
        for judge in self.judges:
            verdict = self.one(judge, number)
            if LATE.search(verdict.how) and busy():
                verdict = self.one(judge, number, BUSY_SLOWER)
            if verdict.killer:
                return verdict
            reached = max(reached, verdict.reached)
        return Verdict(reached=reached)

    def one(self, judge, number, slower=1):
        kind = judge.split('.')[0]
        return {'host': self.host, 'tsan': self.host, 'explore': self.explore}.get(
            kind, self.boot)(judge, number, slower)

    def learn(self):
        """Everything without a mutant: what fails, and `reach`."""
        self.limits, self.reach, reach = {}, None, {}
        runs = [judge for judge in self.judges for _ in range(
            1 if judge.split('.')[0] in OF_HOST else LEARN_BOOTS)]
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            verdicts = list(pool.map(self.without, runs))
        for judge, verdict in zip(runs, verdicts):
            if verdict.killer:
                return verdict
            for part, numbers in verdict.seen.items():
                reach.setdefault(judge, {}).setdefault(part, set()).update(numbers)
        self.reach = reach
        return Verdict()

    def without(self, judge):
        """The Verdict on no mutant; on a busy host a failure must come twice."""
        verdict = self.one(judge, 0, FIRST_SLOWER)
        return self.one(judge, 0, FIRST_SLOWER) if verdict.killer else verdict

    def comes_to(self, judge, part, number):
        return self.reach is None or \
            number in self.reach.get(judge, {}).get(part, ())

    def host(self, judge, number, slower=1):
        if not self.comes_to(judge, '', number):
            return Verdict()
        said, how, seen = self.program(programs([judge]), number, slower)
        bad = [line for line in said.splitlines() if re.search(
            r'^not ok|ERROR|runtime error|assert|WARN|panic', line)]
        if how:
            return Verdict(judge, (bad or [how])[0])
        return Verdict(reached='yes' if number in seen else '', seen={'': seen})

    def explore(self, judge, number, slower=1):
        """The scenarios whose names the pattern fits, until one fails."""
        names, _, _ = self.program([EXPLORER], 0)
        found = Verdict(seen={})
        for name in names.split():
            if not fnmatch.fnmatchcase(name, judge.split('.', 1)[1]) or \
                    not self.comes_to(judge, name, number):
                continue
            said, how, seen = self.program([EXPLORER, name] + EXPLORE, number, slower)
            if how or not re.search(r'^result passed', said, re.M):
                return Verdict('explore.' + name, how or said.split('\n')[0])
            found.seen[name] = seen
            found.reached = 'yes' if number in seen else found.reached
        return found

    def program(self, command, number, slower=1):
        """(what a program says, how it ended if not well, the places it came to)."""
        marks = self.log('seen')
        if os.path.exists(marks):
            os.remove(marks)
        key, began = ' '.join(command), time.time()
        try:
            done = subprocess.run(
                command, cwd=self.where, timeout=slower * self.limits.get(key, HOST_MOST),
                check=False, env=dict(os.environ, MUTANT=str(number),
                                      MUTANT_SEEN=marks, **HOST_ENV),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            return '', 'hung', set()
        if not number:
            self.limits[key] = min(HOST_MOST, max(
                HOST_LEAST, HOST_SLOWER * (time.time() - began)))
        seen = set(range(schema.MOST))      # of a program that marks nothing
        if os.path.exists(marks):
            with open(marks, 'rb') as file:
                seen = {i for i, mark in enumerate(file.read()) if mark}
        return done.stdout.decode('utf-8', 'replace'), \
            'status %d' % done.returncode if done.returncode else '', seen

    @staticmethod
    def log(name):
        """A file of this thread."""
        path = os.path.join(TOP, 'build', 'mutate', 'log', '%s.%s' % (
            threading.current_thread().name, name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def coming(self, globs, number):
        """Of the tests that the patterns choose, those to boot; ''."""
        if self.comes_to(globs, '', number):
            return globs
        names = [test.name for test in meant.select(self.tests, globs)
                 if self.comes_to(globs, test.name, number)]
        said = ','.join(meant.patterns(names, [test.name for test in self.tests]))
        return said if len(said) <= MOST_LETTERS else ','.join(sorted(
            {name.split('.')[0] + '.*' for name in names}) + [
                glob for glob in globs.split(',') if glob.startswith('-')])

    def closest(self, globs, number):
        """Of many tests those that come to the place and to few others; ''."""
        reach = (self.reach or {}).get(globs, {})
        names = [test.name for test in meant.select(self.tests, globs)
                 if number in reach.get(test.name, ())]
        names.sort(key=lambda name: len(reach[name]))
        return ','.join(names[:CLOSEST]) if len(names) > 2 * CLOSEST else ''

    def boot(self, judge, number, slower=1):
        """Boots of the tests that come to the place, until the first fails."""
        verdict = Verdict()
        for globs in (self.closest(judge, number), self.coming(judge, number)):
            if globs and not verdict.killer:
                verdict = self.boot_of(judge, globs, number, slower)
        return verdict

    def boot_of(self, judge, globs, number, slower):
        """One boot of these tests, until the first fails."""
        peer = [] if judge.startswith('peer') else ['--peer', 'none']
        run = meant.Boot('mutant', meant.select(
            self.tests, globs + ',zz_mutant.*'), 0 if peer else 1)
        log = self.log('boot')
        command = [os.path.join(TOP, 'scripts', 'run-qemu'), '--image',
                   self.image, '--mode', 'test', '--log', log + '.serial',
                   '--append', 'test=%s,zz_mutant.* mutant=%d deadline=%d '
                   'seed=%d' % (globs, number, slower * self.limits.get(
                       judge, DEADLINE), self.seed)] + peer
        verdict, status = watch(run, command, log, slower)
        if verdict.killer:
            return verdict
        run.finish(status)
        for result in run.results:
            if result.outcome == 'failed':
                return Verdict(result.name, last_line(result.said))
        if run.problems:
            return Verdict('the boot itself', run.problems[0])
        with open(log, encoding='utf-8') as lines:
            said = lines.readlines()
        verdict.seen = places_reached(said)
        if not number:
            self.limits[judge] = max(self.limits.get(judge, DEADLINE),
                                     round(TEST_SLOWER * longest(said)))
        return verdict


def longest(lines):
    """Seconds that the longest test of a boot took."""
    return max([0] + [float(ms) / 1000 for ms in re.findall(
        r'^ok \d+ \S+ # ([\d.]+) ms', ''.join(lines), re.M)])


def places_reached(lines):
    """{test: {number}} of what a boot without a mutant prints; '' is before the tests."""
    seen, name = {}, ''
    for line in lines:
        result = re.match(r'(?:not )?ok \d+ (\S+)', line)
        name = result.group(1) if result else name
        found = re.match(r'# reached (\d+) ([0-9a-f]+)', line)
        if found:
            seen.setdefault(name, set()).update(
                int(found.group(1)) + 4 * at + bit
                for at, digit in enumerate(found.group(2)) for bit in range(4)
                if int(digit, 16) >> bit & 1)
    return seen


def watch(run, command, log, slower=1):
    """Feed a boot's lines to `run` until something fails; (Verdict, status)."""
    verdict = Verdict()
    with open(log, 'w', encoding='utf-8') as kept, subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT) as child:
        silent = []
        alarm = Alarm(SILENCE * slower, lambda: (silent.append(1), child.terminate()))
        for raw in child.stdout:
            alarm.again()
            line = raw.decode('utf-8', 'replace')
            kept.write(line)
            result = run.feed(line)
            found = re.match(r'# mutant \d+ reached (\d+)', line)
            if found:
                verdict.reached = 'yes' if found.group(1) == '1' else 'no'
            how = bad_line(line, result)
            if how and not (run.running is None and result is None and
                            how.startswith('# FAIL')):
                verdict = Verdict(result.name if result else
                                  run.running or 'the boot itself', how)
                child.terminate()
                break
        alarm.end()
        child.stdout.read()
        status = child.wait()
    if silent and not verdict.killer:
        verdict = Verdict(run.running or 'the boot itself', 'silence')
    return verdict, status


def bad_line(line, result):
    """What a line of a boot says of a failure; ''."""
    line = line.strip()
    if result and result.outcome == 'failed':
        return last_line(result.said)
    if line.startswith(('# FAIL', 'Bail out!')) or 'KERNEL PANIC: ' in line:
        return line
    return ''


def last_line(said):
    """Of a failure's lines the one that says most."""
    lines = [line for line in said.splitlines() if line.strip()]
    for line in lines:
        if line.startswith('# FAIL') or 'KERNEL PANIC: ' in line:
            return line
    return lines[-1] if lines else ''


class Alarm:
    """Calls a function when again() has not been called for so many seconds."""

    def __init__(self, seconds, call):
        self.seconds, self.call = seconds, call
        self.seen, self.over = time.time(), threading.Event()
        self.thread = threading.Thread(target=self.wait, daemon=True)
        self.thread.start()

    def again(self):
        self.seen = time.time()

    def wait(self):
        while not self.over.wait(1):
            if time.time() - self.seen > self.seconds:
                self.call()
                return

    def end(self):
        self.over.set()
        self.thread.join()
