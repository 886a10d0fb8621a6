#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A boot is judged by the tests that its image holds. Prints TAP.

Made-up logs and a made-up listing of nm: each decision of scripts/meant.py
and of scripts/kernelboots.py alone, and the status of scripts/run-tests.py,
without a boot.
"""

import contextlib
import importlib.util
import io
import os
import re
import sys
import tempfile
from unittest import mock

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import hostprograms  # noqa: E402
import kernelboots  # noqa: E402
import meant  # noqa: E402
import session as sessions  # noqa: E402
import tap  # noqa: E402
from tap import equal  # noqa: E402

NM = '''\
ffffffff80324a20 r ktest_case_srcu__a_reader_is_waited_for
ffffffff80324960 r ktest_case_list__an_entry_is_found
ffffffff80324988 r ktest_case_list__an_entry_is_deleted
ffffffff80100000 t ktest_run
ffffffff803249b0 r ktest_case_peer__a_page_is_shared
'''
TESTS = [meant.Test(name) for _, name in meant.cases_of(NM)]
NAMES = [test.name for test in TESTS]
HEAD = 'KTAP version 1\n# seed 7, CPUs 2, devices %d\n1..%d\n'


def result(number, verdict='ok', after=''):
    name = NAMES[number - 1]
    return '# start %s\n%s %d %s%s\n' % (name, verdict, number, name, after)


def log(*lines, devices=1, plan=len(TESTS)):
    return HEAD % (devices, plan) + ''.join(lines)


ALL = [result(number) for number in range(1, len(TESTS) + 1)]


def judge(text, status=0, tests=None, devices=1, resumed=False,
          disk=False):
    """The boot of a made-up log."""
    run = meant.Boot('boot', TESTS if tests is None else tests, devices,
                     resumed, disk)
    for line in text.splitlines(keepends=True):
        run.feed(line)
    return run.finish(status)


def failed(run):
    return [r.name for r in run.results if r.outcome == 'failed']


def test_the_listing_of_nm_gives_names_in_the_order_of_addresses():
    return equal(NAMES, ['list.an_entry_is_found', 'list.an_entry_is_deleted',
                         'peer.a_page_is_shared',
                         'srcu.a_reader_is_waited_for'])


def test_a_boot_that_ran_what_was_meant_passes():
    run = judge(log(*ALL))
    return equal((failed(run), run.done, run.early), ([], 4, False))


def test_a_result_of_nobodys_fails_by_its_name():
    run = judge(log(*ALL, 'ok 5 list.nobody\n'))
    return equal('list.nobody' in failed(run), True)


def test_a_second_result_of_a_test_fails():
    run = judge(log(*ALL, 'ok 5 ' + NAMES[0] + '\n'))
    return equal(NAMES[0] in failed(run), True)


def test_an_init_call_that_claims_a_pass_is_not_believed():
    run = judge('1..2\nok 1 a.first\nok 2 a.second\n', devices=0)
    return equal(failed(run),
                 ['a.first', 'a.second', 'list.*', 'peer.*', 'srcu.*',
                  'boot: the kernel plans 2 tests, the image has 4 of this '
                  'selection'])


def test_a_test_without_a_result_fails_by_its_name():
    run = judge(log(ALL[0], ALL[2], ALL[3], plan=4))
    return equal(NAMES[1] in failed(run), True)


def test_a_suite_that_did_not_run_fails_by_its_name():
    run = judge(log(ALL[0], ALL[1], ALL[2], plan=4))
    return equal(failed(run), ['srcu.*'])


def test_a_suite_that_vanished_from_the_link_fails_by_its_name():
    sources = {name: 'tests/x.c' for name in NAMES + ['vma.one', 'vma.two',
                                                      'list.three']}
    found = [r.name for r in meant.missing_from_link(TESTS, sources)]
    alone = [r.name for r in meant.missing_from_link(TESTS, sources, 'list.*')]
    return equal((found, alone), (['list.three', 'vma.*'], ['list.three']))


def test_the_sources_of_the_tree_name_their_tests():
    sources = meant.tests_of_sources()
    dropped = meant.tests_of_sources(dropped=set(sources.values()))
    return equal((len(sources) > 500, dropped), (True, {}))


def test_a_panic_fails_the_test_that_ran_and_the_rest_has_a_boot():
    run = judge(log(ALL[0], result(2, 'not ok', ' # the kernel panicked'),
                    'end of panic: list: gone\n'), 2)
    return equal((failed(run), run.done, run.early), ([NAMES[1]], 2, True))


def test_a_panic_without_its_last_words_fails_the_test_that_ran():
    run = judge(log(ALL[0], '# start %s\n' % NAMES[1],
                    'KERNEL PANIC: list: gone\n'), 2)
    return equal((failed(run), run.done), ([NAMES[1]], 2))


def test_a_hang_fails_the_test_that_ran_once():
    run = judge(log(ALL[0], result(2, 'not ok', ' # hung'),
                    'Bail out! %s hung\n' % NAMES[1]), 1)
    return equal((failed(run), run.done, run.early), ([NAMES[1]], 2, True))


def test_a_triple_fault_fails_the_test_that_ran():
    run = judge(log(ALL[0], ALL[1], '# start %s\n' % NAMES[2]), 3)
    said = [r.said for r in run.results if r.outcome == 'failed']
    return equal((failed(run), run.done, 'triple fault' in said[0]),
                 ([NAMES[2]], 3, True))


def test_a_hang_that_the_host_ends_fails_the_test_that_ran():
    run = judge(log(ALL[0], '# start %s\n' % NAMES[1]), 124)
    return equal((failed(run), run.done), ([NAMES[1]], 2))


def test_an_early_end_between_two_tests_is_a_failure_of_its_own():
    run = judge(log(ALL[0]), 3)
    return equal((failed(run)[0].endswith('after ' + NAMES[0]), run.done),
                 (True, 1))


def test_a_panic_after_a_failed_test_is_not_that_tests():
    run = judge(log(result(1, 'not ok'), 'KERNEL PANIC: rcu: gone\n'), 2)
    return equal((len(failed(run)) > 1, run.done), (True, 1))


def test_a_boot_that_never_began_says_so_and_nothing_else():
    run = judge('GRUB\n', 3)
    return equal((len(failed(run)), run.done), (1, 0))


def test_the_rest_may_be_nothing_but_skipped_tests():
    skipped = 'ok 1 %s # SKIP only one CPU\n' % NAMES[3]
    rest = judge(log(skipped, plan=1), 0, TESTS[3:], resumed=True)
    whole = judge(log(skipped, plan=1), 0, TESTS[3:])
    return equal((failed(rest), len(failed(whole))), ([], 1))


def test_a_device_that_did_not_come_up_fails():
    run = judge(log(*ALL, devices=0))
    return equal(failed(run),
                 ['boot: device: 1 given, the kernel drives 0'])


def test_one_of_two_devices_that_did_not_come_up_fails():
    run = judge(log(*ALL, devices=1), devices=2)
    return equal(len(failed(run)), 1)


def test_without_a_device_nobody_misses_it():
    skipped = result(3, after=' # SKIP no peer device')
    run = judge(log(ALL[0], ALL[1], skipped, ALL[3], devices=0), devices=0)
    return equal((failed(run), run.count('skipped')), ([], 1))


def test_a_device_that_died_between_two_tests_fails():
    skipped = result(3, after=' # SKIP no peer device')
    run = judge(log(ALL[0], ALL[1], skipped, ALL[3]))
    return equal([name.startswith('boot: device: given, and peer.')
                  for name in failed(run)], [True])


def test_a_disk_that_was_given_and_not_found_fails():
    skipped = result(3, after=' # SKIP no disk')
    given, not_given = (judge(log(ALL[0], ALL[1], skipped, ALL[3]), disk=disk)
                        for disk in (True, False))
    return equal(([name.startswith('boot: disk: given, and peer.')
                   for name in failed(given)], failed(not_given)), ([True], []))


def test_a_device_that_the_kernel_lost_fails_and_the_rest_has_a_boot():
    run = judge(log(ALL[0], ALL[1], 'Bail out! a device died, noticed after '
                    '%s\n' % NAMES[1]), 1)
    return equal((failed(run), run.done, run.early),
                 (['boot: a device died, noticed after ' + NAMES[1]], 2, True))


def test_a_device_may_be_missing_after_a_test_that_ends_it():
    tests = [meant.Test(NAMES[0], ['KT_ENDS_PEER'])] + TESTS[1:]
    skipped = result(3, after=' # SKIP no peer device')
    run = judge(log(ALL[0], ALL[1], skipped, ALL[3]), tests=tests)
    return equal(failed(run), [])


def test_a_report_outside_of_a_failed_test_fails():
    run = judge(log(ALL[0], 'WARNING: at mm/space/vma.c:10\n', *ALL[1:]))
    return equal(len(failed(run)), 1)


def test_a_wrong_status_fails():
    return equal((len(failed(judge(log(*ALL), 1))),
                  len(failed(judge(log(*ALL), 4)))), (1, 1))


def test_a_rest_that_no_boot_runs_is_missed_by_name():
    """Of kernel(): boots that all end at once, in the same way."""
    class Fake(sessions.Session):
        def stream(self, run, command, **_):
            for line in log(plan=len(run.meant)).splitlines():
                run.feed(line)
            return run.finish(3)

    fake = Fake('build/none')
    fake.quiet, fake.glob, fake._tests = True, '', TESTS
    kernelboots.kernel(fake)
    names = [name for run in fake.runs for name in failed(run)]
    return equal((len(fake.runs), '4 tests from %s on' % NAMES[0] in names),
                 (1, True))


def test_a_kernel_that_dies_in_every_test_is_booted_a_few_times():
    class Fake(sessions.Session):
        def stream(self, run, command, **_):
            text = HEAD % (1, len(run.meant)) + \
                '# start %s\n' % run.meant[0].name
            for line in text.splitlines():
                run.feed(line)
            return run.finish(3)

    fake = Fake('build/none')
    many = [meant.Test('list.number_%d' % i) for i in range(50)]
    fake.quiet, fake.glob, fake._tests = True, '', many
    kernelboots.kernel(fake)
    names = [name for run in fake.runs for name in failed(run)]
    return equal((len(fake.runs), names[-1]), (
        kernelboots.MOST_BOOTS, '40 tests from list.number_10 on'))


def test_patterns_choose_as_the_kernels_do():
    with open(os.path.join(TOP, 'tests', 'lib', 'glob_test.c'),
              encoding='utf-8') as source:
        table = re.findall(r'\{"([^"\\]+)", "([^"\\]*)", (true|false)\}',
                           source.read())
    wrong = [row for row in table
             if meant.chosen(row[0], row[1]) != (row[2] == 'true')]
    return equal((len(table) > 25, wrong), (True, []))


def test_a_test_by_name_only_is_chosen_by_its_whole_name_in_a_list():
    tests = TESTS[:3] + [meant.Test(NAMES[3], ['KT_BY_NAME_ONLY'])]
    return equal([[t.name for t in meant.select(tests, globs)] for globs in
                  ('', 'srcu.*', 'list.*_found,' + NAMES[3],
                   NAMES[3] + ',-srcu.*')],
                 [NAMES[:3], [], [NAMES[0], NAMES[3]], []])


def run_tests():
    """scripts/run-tests.py, whose name is not one of Python's."""
    spec = importlib.util.spec_from_file_location(
        'run_tests', os.path.join(TOP, 'scripts', 'run-tests.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def needs(glob, **variables):
    os.environ.update(variables)
    module = run_tests()
    asked = sessions.Session('build/none')
    asked.glob, asked.peer = glob, variables.get('PEER', '')
    built = module.needs(asked, hostprograms.Programs(
        ['ktap=tests/scripts/ktap_test.py', 'peer-asan=build/x y',
         'build/host-tsan/notifier_stress_tsan']))
    for name in variables:
        del os.environ[name]
    return built


def test_a_pattern_of_kernel_suites_builds_only_the_kernel():
    return equal((needs('interval_tree.*'),
                  needs('interval_tree.*', PEER='none')),
                 (['all', 'peer'], ['all']))


def test_a_pattern_of_host_programs_builds_only_these():
    return equal((needs('host.peer-asan'), needs('host.ktap,host.notif*')),
                 (['peer-asan'],
                  ['ktap', 'build/host-tsan/notifier_stress_tsan']))


def test_a_pattern_of_boots_builds_only_the_kernel():
    return equal((needs('boots.no_peer', PEER='none'), needs('panic.*'),
                  needs('panic.*', BOOTS='no')),
                 (['all'], ['all', 'peer'], []))


def test_an_exclusion_builds_everything_else():
    return equal(needs('-host.*'), ['all', 'peer'])


def ended(image, *outcomes):
    """scripts/run-tests.py with a made-up image and boot: status and text."""
    def kernel(session):
        run = meant.ktap.Run('kernel.smp2')
        run.results = [meant.ktap.Result(name, outcome)
                       for name, outcome in zip(NAMES, outcomes)]
        session.keep(run, 0)

    with tempfile.TemporaryDirectory() as build, \
            mock.patch.object(kernelboots, 'kernel', kernel), \
            mock.patch.object(meant, 'tests_of', lambda _: image), \
            mock.patch.object(meant, 'tests_of_sources', lambda **_:
                              dict.fromkeys(NAMES, 'tests/x.c')), \
            mock.patch.dict(os.environ, BOOTS='no', SEED='7'), \
            mock.patch.object(sys, 'argv', ['run-tests.py', '--build', build]), \
            contextlib.redirect_stdout(io.StringIO()) as printed:
        return run_tests().main(), printed.getvalue()


def test_a_run_in_which_every_test_passed_ends_with_0():
    return equal(ended(TESTS, 'passed', 'skipped')[0], 0)


def test_a_run_in_which_one_test_failed_ends_with_1():
    return equal(ended(TESTS, 'passed', 'failed', 'passed')[0], 1)


def test_a_run_of_an_image_that_lacks_a_suite_ends_with_1():
    whole = [test for test in TESTS if not test.name.startswith('srcu.')]
    status, said = ended(whole, 'passed')
    return equal((status, 'FAILED srcu.*' in said), (1, True))


def test_a_verdict_on_boots_names_what_differs():
    run = meant.ktap.Run('x')
    run.results = [meant.ktap.Result('list.one', 'failed'),
                   meant.ktap.Result('x: device: gone', 'failed'),
                   meant.ktap.Result('list.two', 'passed')]
    good = kernelboots.differences([run], ('list.one', 'device: '))
    bad = kernelboots.differences([run], ('list.one', 'list.two'))
    return equal((good, len(bad.splitlines())), ('', 2))


if __name__ == '__main__':
    for variable in ('T', 'REPEAT', 'PEER', 'BOOTS', 'TIMEOUT', 'DEADLINE'):
        os.environ.pop(variable, None)
    sys.exit(tap.main('meant', globals()))
