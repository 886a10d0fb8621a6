#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""configs - kernels that lack options: built, looked into, booted

    scripts/configs.py BUILD...     `make configs` gives those of LACKING: all that
                                    options.mk lists, or those of a list with commas

Of each BUILD (`test-no-LOCKDEP`: options.mk says what the name means):

    BUILD.gcc       the kernel builds; a warning is an error
    BUILD.clang     clang has nothing to say, with -Wthread-safety
    BUILD.absent    no object of the kernel refers to what it lacks (nm), and
                    no struct has a field of it (gdb)
    BUILD.smpN      booted: every test that is in it; a kernel without tests
                    runs the contest

A pattern that finds nothing proves nothing: each must find something in the
build `test`, which lacks nothing, or BUILD.absent fails.  Of a tool that only a build
of its own has, it must find something there.

SMP, PEER, T, SEED, TIMEOUT, V as for `make test`.  Logs: build/BUILD/log.
"""

import functools
import os
import re
import subprocess
import sys
import time

import asked
import kernelboots
import ktap
import session as sessions

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = os.cpu_count() or 2
FULL = 'test'
# Tools, and the build that has each.
TOOLS = {'RACE': 'race', 'KASAN': 'kasan'}
NM = os.environ.get('NM') or 'nm'

# What an option brings, by the whole names that the linker sees.
SYMBOLS = {
    'MMU_NOTIFIER': r'_*mmu_(notifier|interval)_\w+|notifier_\w+|'
                    r'_*interval_tree_\w+',
    'DEVICE_PRIVATE': r'make_device_exclusive_range|restore_device_exclusive',
    'PEER': r'U (peer_\w+|contest_peer)',
    'LOCKDEP': r'lockdep_\w+|lock_(acquire|acquire_at|release|is_held)|'
               r'lock_key_[\d.]*|non_block_(start|end)|page_lock_map|'
               r'mmu_notifier_invalidate_range_start_map',
    'DEBUG': r'U (assert_eq_failed|__(page|slab)_debug_\w+|'
             r'__alloc_shall_fail)|alloc_fail_(nth|one_in|hit|end|threads)',
    'RACE': r'__tsan_\w+|race_(access|watch|watched|hit|report|report_count)|'
            r'switch_(active|begin|chooses|end|seed)',
    'KASAN': r'_*kasan_\w+|__asan_\w+',
}

# The fields that go with it, of structs that stay.
FIELDS = {
    'MMU_NOTIFIER': {'mm_struct': ['notifier_subscriptions',
                                   'notifier_ranges']},
    'LOCKDEP': {'spinlock': ['dep'], 'mutex': ['dep'],
                'lockdep_task': ['depth', 'held']},
    'KASAN': {'kasan_stacks': ['alloc', 'free']},
}


def said_by(command):
    """What a command says; it may not fail."""
    return subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, check=True,
                          universal_newlines=True).stdout


@functools.lru_cache(maxsize=None)
def make(*words):
    """A make of its own, once in a run: what is wrong, as lines."""
    done = subprocess.run(['make', '--no-print-directory', '-j%d' % JOBS] +
                          list(words), cwd=TOP, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, universal_newlines=True)
    return tuple(done.stdout.splitlines()[-30:]) if done.returncode else ()


def options_of(build):
    return said_by(['make', '-s', 'BUILD=' + build, 'options']).split()


def objects_of(build):
    """Objects of the kernel itself: tests may talk of what is not there."""
    sources = said_by(['make', '-s', 'BUILD=' + build, 'sources']).split()
    return [os.path.join('build', build, os.path.splitext(s)[0] + '.o')
            for s in sources if not s.startswith(('tests/', 'bench/'))]


# The kernel that lacks nothing is compared with several others, and looked at once.
@functools.lru_cache(maxsize=None)
def symbols_of(build):
    """[(object, kind and name)] of all that its objects define or use."""
    lines = said_by([NM, '-A'] + objects_of(build)).splitlines()
    return [(path, ' '.join(rest.split()[-2:]))
            for path, _, rest in (line.partition(':') for line in lines)]


def symbols_found(build, option):
    """'object: kind and name' of each symbol that the option brings."""
    pattern = re.compile(r'(. )?(%s)$' % SYMBOLS[option])
    return ['%s: %s' % (path, symbol) for path, symbol in symbols_of(build)
            if pattern.match(symbol)]


@functools.lru_cache(maxsize=None)
def fields_found(build, option):
    """struct.field of each field that goes with the option."""
    found = []
    for struct, fields in FIELDS.get(option, {}).items():
        layout = said_by(['gdb', '-nx', '-batch', '-ex',
                          'ptype struct ' + struct,
                          os.path.join('build', build, 'concord.elf')])
        found += ['%s: struct %s: %s' % (build, struct, field)
                  for field in fields
                  if re.search(r'\b%s(\[\d+\])?;' % field, layout)]
    return found


# rules configs.absent: R5.9 R6.1 R6.5 R6.6 R6.7
def absent(build):
    """Nothing of what the build lacks is in it, and it would be seen."""
    options = options_of(build)
    wrong = []
    for option in SYMBOLS:
        full = TOOLS.get(option, FULL)
        if option in options:
            continue
        wrong += make('BUILD=' + full, 'all')
        if wrong:
            break
        wrong += symbols_found(build, option) + fields_found(build, option)
        wanted = sum(len(f) for f in FIELDS.get(option, {}).values())
        if not symbols_found(full, option) or \
                len(fields_found(full, option)) != wanted:
            wrong.append('%s: not seen in %s either, so this proves nothing' %
                         (option, full))
    return wrong


class Config:
    """One build, and what was found out about it."""

    def __init__(self, build):
        self.build = build
        self.options = options_of(build)
        self.session = sessions.Session(os.path.join('build', build), build,
                                        'make configs BUILD=' + build)
        if 'PEER' not in self.options:
            self.session.peer = 'none'

    def judge(self, name, check, *words):
        """One result: passed when check() finds nothing wrong."""
        started = time.time()
        wrong = check(*words)
        self.session.judge('%s.%s' % (self.build, name), '\n'.join(wrong),
                           started)
        return not wrong

    def all(self):
        if not self.judge('gcc', make, 'BUILD=' + self.build, 'all'):
            return
        self.judge('clang', make, 'COMPILER=clang', 'BUILD=' + self.build,
                   'warnings')
        self.judge('absent', absent, self.build)
        if 'KTEST' in self.options:
            before = len(self.session.runs)
            kernelboots.linked(self.session)
            kernelboots.kernel(self.session)
            if len(self.session.runs) == before:
                self.session.complain(t.name for t in self.session.tests)
        else:
            self.judge('smp' + self.session.smp, self.contest)

    def contest(self):
        session = self.session
        name = '%s.smp%s' % (self.build, session.smp)
        command = session.qemu(name, 'run', ['--smp', session.smp] +
                               session.peer_option())
        done = subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        said = done.stdout.decode('utf-8', 'replace')
        if done.returncode or 'contest: PASS' not in said:
            return ['ended with status %d' % done.returncode] + \
                said.splitlines()[-20:]
        return []


def main(builds):
    asked.check(*sessions.ASKED)
    if not builds:
        sys.exit(__doc__)
    runs = []
    for build in builds:
        config = Config(build)
        config.all()
        runs += config.session.runs
        for said in config.session.first_failure():
            print(said)
    print(*ktap.closing(runs), sep='\n')
    return 0 if ktap.totals(runs)[1] else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
