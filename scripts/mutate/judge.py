# SPDX-License-Identifier: MIT
"""judge - which test, if any, notices a mutant

tests/mutants/concern says what concerns a file, cheapest first:

    host.NAME       a program on the host, with MUTANT= in its environment
    explore.NAME    a scenario of tests/explore, or several by a pattern: schedules up to
                    two preemptions, and some at random, with late stores of x86
    suite.*,...     a boot of the kernel with `mutant=` and these tests; with the
                    device if the first pattern begins with `peer`

The first failure ends it: a result that is not ok, an expectation that failed, a
panic, a boot that says nothing any more, a program that ends badly or not at all. A
mutant survives when everything has passed.
"""

import fnmatch
import os
import re
import subprocess
import threading
import time

import meant
from tree import TOP

CONCERN = 'tests/mutants/concern'
# Seconds: of a test in the kernel, of a program on the host, of silence.
DEADLINE, HOST_LIMIT, SILENCE = 5, 10, 40
BUSY = 2 * (os.cpu_count() or 1)
# A device counts as dead after three seconds, so tests of that take longer.
SLOW_DEADLINE = {'peer_misbehaviour.*': 10}
EXPLORER = 'build/explore/usual/explore'
EXPLORE = ['BOUND=2', 'MOST=20000', 'RANDOM=4000', 'SEED=1']
HOST_ENV = {'OPS': '20000', 'ROUNDS': '20', 'SEED': '1'}
LATE = re.compile(r'in time|not done in|hung|silence')


class Verdict:
    """What became of a mutant: killed, by which test and how; or survived."""

    def __init__(self, killer='', how='', reached=''):
        self.killer, self.how, self.reached = killer, how, reached


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
    return ['build/host-asan/%s_asan' % judge[len('host.'):]
            for judge in judges if judge.startswith('host.')] + [
                EXPLORER for judge in judges if judge.startswith('explore.')][:1]


class Court:
    """Judges that run in one workshop."""

    def __init__(self, where, judges, seed=1):
        self.where, self.judges, self.seed = where, judges, seed
        self.image = os.path.join(where, 'build', 'test', 'concord.elf')
        self._tests = None

    def built(self):
        """The image is another one: its tests are read anew."""
        self._tests = None

    @property
    def tests(self):
        if self._tests is None:
            self._tests = meant.tests_of(self.image)
        return self._tests

    def judge(self, number):
        """The Verdict on mutant `number` of what is built."""
        verdict = self.once(number)
        if LATE.search(verdict.how) and os.getloadavg()[0] > BUSY:
            verdict = self.once(number)
        return verdict

    def once(self, number):
        reached = ''
        for judge in self.judges:
            kind = judge.split('.')[0]
            verdict = {'host': self.host, 'explore': self.explore}.get(
                kind, self.boot)(judge, number)
            if verdict.killer:
                return verdict
            reached = max(reached, verdict.reached)
        return Verdict(reached=reached)

    def host(self, judge, number):
        said, how = self.program(programs([judge]), number)
        bad = [line for line in said.splitlines() if re.search(
            r'^not ok|ERROR|runtime error|assert|WARN|panic', line)]
        return Verdict(judge, (bad or [how])[0]) if how else Verdict()

    def explore(self, judge, number):
        """The scenarios whose names the pattern fits, until one fails."""
        names, _ = self.program([EXPLORER], 0)
        for name in names.split():
            if not fnmatch.fnmatchcase(name, judge.split('.', 1)[1]):
                continue
            said, how = self.program([EXPLORER, name] + EXPLORE, number)
            if how or not re.search(r'^result passed', said, re.M):
                return Verdict('explore.' + name, how or said.split('\n')[0])
        return Verdict()

    def program(self, command, number):
        """(what a program says, how it ended if not well)."""
        try:
            done = subprocess.run(
                command, cwd=self.where, timeout=HOST_LIMIT, check=False,
                env=dict(os.environ, MUTANT=str(number), **HOST_ENV),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            return '', 'hung'
        return done.stdout.decode('utf-8', 'replace'), \
            'status %d' % done.returncode if done.returncode else ''

    def boot(self, globs, number):
        """A boot of the tests that the patterns choose, until the first fails."""
        peer = [] if globs.startswith('peer') else ['--peer', 'none']
        run = meant.Boot('mutant', meant.select(
            self.tests, globs + ',zz_mutant.*'), 0 if peer else 1)
        log = os.path.join(TOP, 'build', 'mutate', 'log', 'boot')
        os.makedirs(os.path.dirname(log), exist_ok=True)
        command = [os.path.join(TOP, 'scripts', 'run-qemu'), '--image',
                   self.image, '--mode', 'test', '--log', log + '.serial',
                   '--append', 'test=%s,zz_mutant.* mutant=%d deadline=%d '
                   'seed=%d' % (globs, number, SLOW_DEADLINE.get(globs, DEADLINE),
                                self.seed)] + peer
        verdict, status = watch(run, command, log)
        if verdict.killer:
            return verdict
        run.finish(status)
        for result in run.results:
            if result.outcome == 'failed':
                return Verdict(result.name, last_line(result.said))
        return verdict


def watch(run, command, log):
    """Feed a boot's lines to `run` until something fails; (Verdict, status)."""
    verdict = Verdict()
    with open(log, 'w', encoding='utf-8') as kept, subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT) as child:
        silent = []
        alarm = Alarm(SILENCE, lambda: (silent.append(1), child.terminate()))
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
