# SPDX-License-Identifier: MIT
"""session - what a run of the tests was asked for, and what it has done so far

    Session     the variables of `make test`, the image, the logs, the results
    Progress    what is printed while a boot runs, also without a terminal

Everything that one run prints of its results is printed here, so that host
programs, boots and panic cases look alike.
"""

import os
import random
import re
import shlex
import subprocess
import sys
import textwrap
import time

import explain
import ktap
import meant
import stacks

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUN_QEMU = os.path.join(TOP, 'scripts', 'run-qemu')
# The variables that a Session reads.
ASKED = ('SMP', 'REPEAT', 'SEED', 'DEADLINE', 'TIMEOUT', 'BOOTS', 'T', 'PEER',
         'SWITCH')


def indent(text):
    return '    ' + text.replace('\n', '\n    ')


def counted(count):
    """'2 passed, 1 failed', by what count() says of each outcome."""
    return ', '.join('%d %s' % (count(outcome), outcome)
                     for outcome in ('passed', 'failed', 'skipped')
                     if count(outcome)) or 'nothing'


def said_of(result):
    """What a failure said, and what the tree says of the test."""
    about = explain.about(result.name)
    return '\n'.join([result.said] + about) if about else result.said


class Progress:
    """A line per suite, or per round, and each failure as it comes."""

    def __init__(self, session, tests, done=0):
        # How many tests make a round; 0 when lines are per suite.
        self.round = tests if session.repeat > 1 else 0
        self.session = session
        self.key, self.seen = None, done    # by earlier boots
        self.counts, self.millis = {}, 0.0

    def add(self, result):
        key = 'round %d' % (self.seen // self.round + 1) if self.round \
            else result.name.split('.')[0]
        if key != self.key:
            self.end()
            self.key = key
        self.seen += 1
        self.millis += result.millis or 0
        self.counts[result.outcome] = self.counts.get(result.outcome, 0) + 1
        if result.outcome == 'failed':
            self.session.show(result)

    def end(self):
        """Print the line of the suite that is over."""
        if self.counts:
            self.session.out('  %-34s %s (%.1f s)' % (
                self.key, counted(self.counts.get), self.millis / 1000))
        self.counts, self.millis = {}, 0.0


class Session:
    """The selection, where its logs go, and the runs so far."""

    def __init__(self, build, name='kernel', again='make test'):
        self.name = name
        self.again = again
        self.glob = os.environ.get('T') or ''
        self.repeat = int(os.environ.get('REPEAT') or '1')
        self.seed = os.environ.get('SEED') or \
            str(random.SystemRandom().randrange(1, 1 << 32))
        self.smp = os.environ.get('SMP') or '2'
        self.peer = os.environ.get('PEER') or ''
        self.deadline = os.environ.get('DEADLINE') or ''
        self.switch = os.environ.get('SWITCH') or ''
        self.timeout = os.environ.get('TIMEOUT') or ''
        self.verbose = bool(os.environ.get('V'))
        self.quiet = False
        self.image = os.path.join(build, 'concord.elf')
        self.build = build
        self.logs = os.path.join(build, 'log')
        self.runs = []
        self._tests = None

    def wanted(self, name):
        return meant.chosen(self.glob, name)

    def wanted_boot(self, name):
        """By its own name, or by the name of the tests that all boots run."""
        return self.wanted(name) or bool(re.match(r'boot\.', self.glob))

    @property
    def tests(self):
        """Every test inside the image."""
        if self._tests is None:
            self._tests = meant.tests_of(self.image)
        return self._tests

    def dropped(self):
        """Sources that the options of the build leave out."""
        try:
            with open(os.path.join(self.build, 'dropped'),
                      encoding='utf-8') as listed:
                return listed.read().split()
        except FileNotFoundError:
            return []

    def complain(self, names):
        """Nothing was wanted of all there is."""
        suites = sorted({name.split('.')[0] for name in names})
        meant_suites = [glob for glob in self.glob.split(',')
                        if glob in suites + ['host', 'boots', 'panic']]
        if meant_suites:
            sys.exit("T=%s: there is no such test; did you mean '%s'?" % (
                self.glob, ','.join(glob + '.*' for glob in meant_suites)))
        sys.exit('T=%s: there is no such test. A pattern is for SUITE.NAME, '
                 'or host.*, boots.*, panic.*; suites in the kernel:\n    %s' %
                 (self.glob, '\n    '.join(textwrap.wrap(' '.join(suites),
                                                         76))))

    def log(self, name):
        os.makedirs(self.logs, exist_ok=True)
        return os.path.join(self.logs, name + '.log')

    def qemu(self, name, mode, options, append=()):
        command = [RUN_QEMU, '--image', self.image, '--mode', mode,
                   '--log', self.log(name) + '.serial'] + options
        for words in append:
            command += ['--append', words]
        return command

    def peer_option(self):
        return ['--peer', self.peer] if self.peer else []

    def stream(self, run, command, **more):
        """Run a program that prints TAP; `run` judges what it printed."""
        return run.finish(self.read(run, command, **more))

    def read(self, run, command, env=None, on_result=None, on_line=None):
        """Run a program whose output `run` takes; its status."""
        with open(self.log(run.name), 'w', encoding='utf-8') as kept:
            with subprocess.Popen(command, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, env=env) as child:
                try:
                    for raw in child.stdout:
                        line = raw.decode('utf-8', 'replace')
                        kept.write(line)
                        kept.flush()
                        result = run.feed(line)
                        stacks.all_boots.feed(line)
                        if self.verbose and not self.quiet:
                            self.out(line.rstrip('\r\n'))
                        if on_line:
                            on_line(line)
                        if result and on_result:
                            on_result(result)
                    return child.wait()
                except KeyboardInterrupt:
                    self.runs.append(run)   # what it has done counts
                    raise

    def out(self, text):
        if not self.quiet:
            print(text)
            sys.stdout.flush()

    def keep(self, run, started, ended=None):
        """One line for a finished run, and what failed in it."""
        self.runs.append(run)
        self.out('%-36s %s (%.1f s)' % (run.name, counted(run.count),
                                        (ended or time.time()) - started))
        for result in run.results:
            if result.outcome == 'failed' and not result.shown:
                self.show(result)

    def show(self, result):
        """A failure: what it said, and what the tree says of the test."""
        result.shown = True
        self.out('  FAILED %s' % result.name)
        self.out(indent(said_of(result)))

    def judge(self, name, wrong, started):
        """A run of one result, failed when something is wrong."""
        run = ktap.Run(name)
        run.results.append(ktap.Result(
            name, 'failed' if wrong else 'passed', wrong,
            (time.time() - started) * 1000))
        self.keep(run, started)

    def skip(self, name, why):
        run = ktap.Run(name)
        run.results.append(ktap.Result(name, 'skipped', why))
        self.keep(run, time.time())

    def again_with(self, glob):
        """The command that runs a selection once more."""
        return '%s %s' % (self.again, ' '.join(
            '%s=%s' % (name, shlex.quote(str(value))) for name, value in (
                ('SEED', self.seed), ('SMP', self.smp), ('T', glob),
                ('REPEAT', self.repeat if self.repeat > 1 else ''),
                ('PEER', self.peer), ('DEADLINE', self.deadline),
                ('SWITCH', self.switch)) if value))

    def selection(self):
        """Which tests run, in words: T= without a pattern means every test."""
        patterns = self.glob.split(',')
        if all(pattern.startswith('-') for pattern in patterns if pattern):
            return 'every test%s' % (self.glob and
                                     ', without those of T=' + self.glob)
        return 'tests of T=' + self.glob

    def first_failure(self):
        """The first of all failures, short, to stand at the end."""
        for run in self.runs:
            for result in run.results:
                if result.outcome != 'failed':
                    continue
                lines = ['first failure: %s (%s)' % (result.name, run.name)]
                lines += ['    ' + line for line in
                          explain.short(result.said) +
                          [said for said in explain.about(result.name)
                           if said.startswith('rule ')]]
                if run.name.startswith(('host.', 'boots.', 'panic.')):
                    lines.append('    again with: ' + self.again_with(run.name))
                elif isinstance(run, meant.Boot):
                    alone = any(t.name == result.name for t in run.meant)
                    lines.append('    again with: ' + self.again_with(
                        result.name if alone else self.glob))
                return lines
        return []
