#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a run prints while it goes on and at its end. Prints TAP."""

import os
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import ktap  # noqa: E402
import meant  # noqa: E402
import session as sessions  # noqa: E402
import tap  # noqa: E402
from tap import equal  # noqa: E402


class Quiet(sessions.Session):
    """A session whose lines are kept instead of printed."""

    def __init__(self, **variables):
        os.environ.update(variables)
        super().__init__('build/none')
        for name in variables:
            del os.environ[name]
        self.seed = '7'
        self.lines = []

    def out(self, text):
        self.lines.append(text)


def results(*names):
    return [ktap.Result(name.strip('!'), 'failed' if '!' in name else 'passed',
                        '# FAIL x.c:1 expected a\n#   a = 0', 1000.0)
            for name in names]


def boot(name, *names):
    run = meant.Boot(name, [meant.Test(n.strip('!')) for n in names])
    run.results = results(*names)
    return run


def test_a_line_is_printed_when_a_suite_is_over():
    session = Quiet()
    progress = sessions.Progress(session, 3)
    seen = []
    for result in results('list.a', 'list.b', 'vma.a'):
        progress.add(result)
        seen.append(len(session.lines))
    progress.end()
    return equal((seen, [line.split() for line in session.lines]),
                 ([0, 0, 1], [['list', '2', 'passed', '(2.0', 's)'],
                              ['vma', '1', 'passed', '(1.0', 's)']]))


def test_a_repeated_run_prints_a_line_per_round():
    session = Quiet(REPEAT='2')
    progress = sessions.Progress(session, 2)
    for result in results('list.a', 'vma.a', 'list.a', 'vma.a'):
        progress.add(result)
    progress.end()
    rest = sessions.Progress(session, 2, 4)
    rest.add(results('list.a')[0])
    rest.end()
    return equal([line.split()[:2] for line in session.lines],
                 [['round', '1'], ['round', '2'], ['round', '3']])


def test_a_failure_is_printed_once_and_when_it_comes():
    session = Quiet()
    run = boot('kernel.smp2', 'list.a!', 'list.b')
    progress = sessions.Progress(session, 2)
    progress.add(run.results[0])
    early = '  FAILED list.a' in session.lines
    progress.end()
    session.keep(run, 0)
    return equal((early, session.lines.count('  FAILED list.a')), (True, 1))


def test_the_first_failure_stands_again_with_its_command():
    session = Quiet(T='l*', SMP='4', DEADLINE='9')
    session.runs = [boot('kernel.smp4', 'list.a', 'list.b!', 'list.c!')]
    return equal(session.first_failure(), [
        'first failure: list.b (kernel.smp4)', '    x.c:1 expected a',
        '      a = 0',
        '    again with: make test SEED=7 SMP=4 T=list.b DEADLINE=9'])


def test_a_pattern_is_quoted_for_the_shell():
    session = Quiet(T='l*')
    return equal(session.again_with(session.glob),
                 "make test SEED=7 SMP=2 T='l*'")


def test_another_boot_is_run_again_by_its_own_name():
    session = Quiet()
    session.runs = [boot('boots.uefi', 'boot.a!')]
    return equal(session.first_failure()[-1],
                 '    again with: make test SEED=7 SMP=2 T=boots.uefi')


def test_a_run_without_a_failure_ends_without_one():
    session = Quiet()
    session.runs = [boot('kernel.smp2', 'list.a')]
    return equal(session.first_failure(), [])


def test_what_failed_stands_above_the_count_by_name():
    runs = [boot('kernel.smp2', 'list.a', 'list.b!', 'list.b!'),
            boot('boots.uefi', 'boot.a!'), boot('panic.x', 'panic.x!')]
    many = [boot('kernel.smp2', *['list.t%d!' % i for i in range(23)])]
    return equal((ktap.closing(runs), ktap.closing(many)[-3:]), (
        ['failed:', '    list.b (kernel.smp2)', '    boot.a (boots.uefi)',
         '    panic.x', '1 passed, 4 failed, 0 skipped'],
        ['    list.t19 (kernel.smp2)', '    and 3 more',
         '0 passed, 23 failed, 0 skipped']))


def test_each_reason_to_skip_has_a_line():
    run = boot('kernel.smp2', 'list.a')
    run.results += [ktap.Result(name, 'skipped', why) for name, why in (
        ('peer.a', 'SKIP no peer device'), ('smp.a', 'SKIP only one CPU'),
        ('peer.b', 'SKIP no peer device'), ('boots.x', 'no peer device'))]
    return equal(ktap.closing([run]), [
        '3 skipped: no peer device', '1 skipped: only one CPU',
        '1 passed, 0 failed, 4 skipped'])


def test_an_interrupted_run_counts_what_it_has_done():
    def interrupt(line):
        if line.startswith('ok 2'):
            raise KeyboardInterrupt

    with tempfile.TemporaryDirectory() as where:
        session = Quiet()
        session.logs = where
        try:
            session.stream(ktap.Run('host.x'), ['printf', '1..3\\n' + ''.join(
                'ok %d a.b\\n' % number for number in (1, 2, 3))],
                           on_line=interrupt)
        except KeyboardInterrupt:
            return equal(ktap.closing(session.runs),
                         ['2 passed, 0 failed, 0 skipped'])
    return 'the interrupt was lost'


def complaint(glob):
    try:
        Quiet(T=glob).complain(['list.a', 'mmu_interval.b'])
    except SystemExit as why:
        return str(why)
    return ''


def test_a_suite_without_a_star_is_asked_about():
    return equal((complaint('mmu_interval'), complaint('list,host'),
                  'did you mean' in complaint('mmu')),
                 ("T=mmu_interval: there is no such test; did you mean "
                  "'mmu_interval.*'?", "T=list,host: there is no such test; "
                  "did you mean 'list.*,host.*'?", False))


def test_a_run_says_first_which_tests_it_takes():
    return equal([Quiet(T=glob).selection() for glob in ('', '-a.*', 'b.*,-b.c')],
                 ['every test', 'every test, without those of T=-a.*',
                  'tests of T=b.*,-b.c'])


if __name__ == '__main__':
    for variable in ('T', 'REPEAT', 'PEER', 'BOOTS', 'TIMEOUT', 'DEADLINE',
                     'SMP', 'SEED', 'V'):
        os.environ.pop(variable, None)
    sys.exit(tap.main('session', globals()))
