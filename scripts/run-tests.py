#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""run-tests - everything `make test` runs, with one closing count

In this order: the programs that test on the host, a boot that runs the tests
inside the kernel, boots on other machines (CPU models, firmware, CPU counts,
no peer, two peers, one that dies), and the boots that must end in a panic with
stated words.

    T=GLOB       only tests whose name matches: `suite.name` inside the
                 kernel, `host.NAME`, `boots.NAME`, `panic.NAME` here
    REPEAT=N     run the selection inside the kernel N times
    SEED=N       of the random tests; printed when not given
    SMP=N        CPUs of the boot that tests
    PEER=none    without the device; what needs it is skipped by name
    BOOTS=no     only the boot that tests, neither other machines nor panics
    V=1          show the serial output as it comes

Logs are kept in BUILD/log, results in BUILD/junit.xml.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import random
import re
import subprocess
import sys
import textwrap
import time

import ktap
import liveboots

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUN_QEMU = os.path.join(TOP, 'scripts', 'run-qemu')
CASES = os.path.join(TOP, 'tests', 'panic', 'cases')

# The same image on other machines: which tests run there, options, and words
# that the boot must say to be the machine that was meant.
BOOTS = {
    'no_peer': ('boot.*', ['--peer', 'none', '--smp', '2'], ''),
    'cpu_qemu64': ('boot.*', ['--peer', 'none', '--cpu', 'qemu64',
                              '--smp', '2'], ''),
    'eight_cpus': ('boot.*', ['--peer', 'none', '--smp', '8'], ''),
    'uefi': ('boot.*', ['--peer', 'none', '--firmware', 'uefi',
                        '--smp', '2'], ''),
    'much_memory': ('boot.*', ['--peer', 'none', '--mem', '5G',
                               '--smp', '2'], ''),
    'two_peers': ('peer_pair.*', ['--peers', '2', '--smp', '2'],
                  'peer1: device 1 '),
    'one_vector': ('peer.*,peer_atomic.*,peer_retry.*',
                   ['--smp', '2', '--qemu', '-global', '--qemu',
                    'vhost-user-fs-pci.vectors=1'],
                   'one interrupt vector for all queues'),
    'peer_death': ('peer_misbehaviour.death_is_noticed_in_time_and_costs_'
                   'only_its_work', ['--smp', '2'], 'peer0: declared dead'),
}

# Boots that something is done to while they run.
LIVE_BOOTS = {
    'peer_dies_in_the_contest': liveboots.peer_dies,
    'peer_is_killed_in_the_contest': liveboots.peer_is_killed,
    'gdb_looks_at_the_contest': liveboots.gdb_looks,
    'gdb_lists_plain_subscribers': liveboots.gdb_lists,
}


def run_program(name, command, log, env=None, echo=None):
    """Run a program that prints TAP; judge what it printed."""
    run = ktap.Run(name)
    with open(log, 'w', encoding='utf-8') as kept:
        with subprocess.Popen(command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, env=env) as child:
            for raw in child.stdout:
                line = raw.decode('utf-8', 'replace')
                kept.write(line)
                result = run.feed(line)
                if echo == 'all':
                    sys.stdout.write(line)
                    sys.stdout.flush()
                elif echo == 'failures' and result \
                        and result.outcome == 'failed':
                    print(indent(result.said + '\nnot ok ' + result.name))
            status = child.wait()
    return run.finish(status)


def indent(text):
    return '    ' + text.replace('\n', '\n    ')


def say(run, started):
    """One line for a finished run, and what failed in it."""
    counts = ', '.join('%d %s' % (run.count(outcome), outcome)
                       for outcome in ('passed', 'failed', 'skipped')
                       if run.count(outcome))
    print('%-36s %s (%.1f s)' % (run.name, counts, time.time() - started))
    sys.stdout.flush()


def say_failures(run):
    for result in run.results:
        if result.outcome == 'failed':
            print('  FAILED %s' % result.name)
            print(indent(result.said))
    sys.stdout.flush()


class Tests:
    """The selection and where its logs go."""

    def __init__(self, build, host, name='kernel', again='make test'):
        self.name = name
        self.again = again
        self.glob = os.environ.get('T') or ''
        self.repeat = os.environ.get('REPEAT') or '1'
        self.seed = os.environ.get('SEED') or \
            str(random.SystemRandom().randrange(1, 1 << 32))
        self.smp = os.environ.get('SMP') or '2'
        self.peer = os.environ.get('PEER') or ''
        self.verbose = bool(os.environ.get('V'))
        self.host_programs = host
        self.image = os.path.join(build, 'concord.elf')
        self.build = build
        self.logs = os.path.join(build, 'log')
        self.runs = []
        os.makedirs(self.logs, exist_ok=True)

    def wanted(self, name):
        return not self.glob or any(fnmatch.fnmatchcase(name, pattern)
                                    for pattern in self.glob.split(','))

    def names(self):
        """Every test inside the image: KTEST() leaves an object of each."""
        listed = subprocess.run([os.environ.get('NM') or 'nm', self.image],
                                stdout=subprocess.PIPE, check=True,
                                universal_newlines=True).stdout
        return ['.'.join(name) for name in
                re.findall(r' ktest_case_(\w+?)__(\w+)$', listed, re.M)]

    def complain(self):
        """Nothing was wanted of all there is."""
        suites = sorted({name.split('.')[0] for name in self.names()})
        sys.exit('T=%s: there is no such test. A pattern is for SUITE.NAME, '
                 'or host.*, boots.*, panic.*; suites in the kernel:\n    %s' %
                 (self.glob, '\n    '.join(textwrap.wrap(' '.join(suites),
                                                         76))))

    def log(self, name):
        return os.path.join(self.logs, name + '.log')

    def qemu(self, name, mode, options, append=()):
        command = [RUN_QEMU, '--image', self.image, '--mode', mode,
                   '--log', self.log(name) + '.serial'] + options
        for words in append:
            command += ['--append', words]
        return command

    def host(self):
        for program in self.host_programs:
            name, _, command = program.partition('=')
            command = command or name
            name = 'host.' + os.path.basename(name)
            if not self.wanted(name):
                continue
            started = time.time()
            run = run_program(name, command.split(), self.log(name),
                              env=dict(os.environ, SEED=self.seed),
                              echo='all' if self.verbose else None)
            self.runs.append(run)
            say(run, started)
            say_failures(run)

    def kernel(self):
        """The boot that runs every test on SMP CPUs, with the peer."""
        if not any(self.wanted(name) for name in self.names()):
            return
        name = '%s.smp%s' % (self.name, self.smp)
        append = ['seed=' + self.seed, 'repeat=' + self.repeat]
        if self.glob:
            append.append('test=' + self.glob)
        options = ['--smp', self.smp]
        if self.peer:
            options += ['--peer', self.peer]
        if os.environ.get('TIMEOUT'):
            options += ['--timeout', os.environ['TIMEOUT']]
        elif self.repeat != '1':
            options += ['--timeout', '0']
        started = time.time()
        run = run_program(name, self.qemu(name, 'test', options, append),
                          self.log(name),
                          echo='all' if self.verbose else 'failures')
        self.runs.append(run)
        say(run, started)
        for problem in run.problems:
            print('  PROBLEM ' + problem)
        if not run.passed():
            print('  again with: %s %s' % (self.again, ' '.join(
                '%s=%s' % (name, value) for name, value in (
                    ('SEED', self.seed), ('SMP', self.smp), ('T', self.glob),
                    ('REPEAT', self.repeat), ('PEER', self.peer)) if value)))

    def boots(self):
        """The same image on other machines."""
        for name, (tests, options, words) in BOOTS.items():
            full = 'boots.' + name
            if not self.wanted_boot(full):
                continue
            started = time.time()
            if 'none' in options:
                run = self.boot(full, tests, options, words)
            else:
                run = self.without_peer(full) or \
                    self.boot(full, tests, options + self.peer_option(), words)
            self.runs.append(run)
            say(run, started)
            say_failures(run)

    def boot(self, name, tests, options, words):
        run = run_program(name, self.qemu(name, 'test', options,
                                          ['test=' + tests]),
                          self.log(name),
                          echo='all' if self.verbose else None)
        with open(self.log(name), encoding='utf-8') as log:
            if words not in log.read():
                run.results.append(ktap.Result(
                    name + ': another machine than was meant', 'failed',
                    'never said: ' + words))
        return run

    def live_boots(self):
        """Boots that something is done to while they run."""
        for name, function in LIVE_BOOTS.items():
            full = 'boots.' + name
            if not self.wanted_boot(full):
                continue
            started = time.time()
            run = self.without_peer(full)
            if not run:
                wrong = function(
                    lambda mode, options, full=full:
                    self.qemu(full, mode, options + self.peer_option()),
                    self.log(full))
                run = ktap.Run(full)
                run.results.append(ktap.Result(
                    full, 'failed' if wrong else 'passed', wrong,
                    (time.time() - started) * 1000))
            self.runs.append(run)
            say(run, started)
            say_failures(run)

    def wanted_boot(self, name):
        """By its own name, or by the name of the tests that all boots run."""
        return self.wanted(name) or re.match(r'boot\.', self.glob)

    def peer_option(self):
        return ['--peer', self.peer] if self.peer else []

    def without_peer(self, name):
        if self.peer != 'none':
            return None
        run = ktap.Run(name)
        run.results.append(ktap.Result(name, 'skipped', 'no peer device'))
        return run

    def panics(self):
        """Boots that must end in a panic or a refusal, in stated words."""
        cases = [case for case in read_cases() if self.wanted(case['name'])]
        if not cases:
            return
        started = time.time()
        run = ktap.Run('panic')
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for result in pool.map(self.panic, cases):
                run.results.append(result)
        self.runs.append(run)
        say(run, started)
        say_failures(run)

    def panic(self, case):
        name = case['name']
        started = time.time()
        command = self.qemu(name, case['mode'],
                            ['--peer', 'none', '--timeout', '60', '--quiet'] +
                            case['options'])
        ended = subprocess.run(command, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, check=False)
        try:
            with open(self.log(name) + '.serial', encoding='utf-8',
                      errors='replace') as serial:
                said = serial.read()
        except FileNotFoundError:
            said = ''
        wrong = []
        if ended.returncode != case['status']:
            wrong.append('ended with status %d, wanted %d' %
                         (ended.returncode, case['status']))
            wrong.append(ended.stdout.decode('utf-8', 'replace').strip())
        for words in case['words']:
            if not re.search(words, said):
                wrong.append('never said: ' + words)
        if wrong:
            wrong += said.splitlines()[-40:]
        return ktap.Result(name, 'failed' if wrong else 'passed',
                           '\n'.join(wrong), (time.time() - started) * 1000)


def read_cases():
    """tests/panic/cases: name, status, options, words, in blocks."""
    cases = []
    if not os.path.exists(CASES):
        return cases
    with open(CASES, encoding='utf-8') as lines:
        for line in lines:
            line = line.rstrip('\n')
            if not line.strip() or line.startswith('#'):
                continue
            key, _, value = line.strip().partition(' ')
            value = value.strip()
            if key == 'case':
                cases.append({'name': 'panic.' + value, 'status': 2,
                              'mode': 'panic', 'words': [],
                              'options': ['--append', 'case=' + value]})
            elif key == 'status':
                cases[-1]['status'] = int(value)
            elif key == 'options':
                cases[-1]['options'] = value.split()
            elif key == 'mode':
                cases[-1]['mode'] = value
            elif key == 'says':
                cases[-1]['words'].append(value)
            else:
                sys.exit('%s: what is %r?' % (CASES, key))
    return cases


def check_asked(built=True):
    """Bad input is told before anything runs, or is even built."""
    for name, most in (('SMP', 64), ('REPEAT', 10**6), ('SEED', 2**64 - 1)):
        value = os.environ.get(name)
        if value and not (value.isdecimal() and 1 <= int(value) <= most):
            sys.exit('%s=%s is not a number from 1 to %d' % (name, value, most))
    if os.environ.get('BOOTS') not in (None, '', 'no'):
        sys.exit('BOOTS=%s: it is no, or not given' % os.environ['BOOTS'])
    peer = os.environ.get('PEER')
    if built and peer and peer != 'none' and not os.access(peer, os.X_OK):
        sys.exit('PEER=%s is neither none nor a program' % peer)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--build', default='build/test')
    parser.add_argument('--asked', action='store_true',
                        help='only say whether what is asked for can be')
    parser.add_argument('host', nargs='*', metavar='NAME=COMMAND')
    args = parser.parse_args()
    check_asked(not args.asked)
    if args.asked:
        return 0
    tests = Tests(args.build, args.host)
    print('seed %s, %s CPUs%s' % (tests.seed, tests.smp,
                                  ', no peer' if tests.peer == 'none' else ''))
    tests.host()
    tests.kernel()
    if os.environ.get('BOOTS') != 'no':
        tests.boots()
        tests.live_boots()
        tests.panics()
    ktap.write_junit(os.path.join(args.build, 'junit.xml'), tests.runs)
    line, good = ktap.totals(tests.runs)
    if not tests.runs:
        tests.complain()
    print(line)
    return 0 if good else 1


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit('interrupted')
