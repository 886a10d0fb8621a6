# SPDX-License-Identifier: MIT
"""kernelboots - boots that run tests inside the kernel

    kernel()    every selected test on SMP CPUs, with the device
    boots()     some tests on other machines
    judged()    boots that end badly on purpose, and the verdict on them

A panic, a hang or a triple fault costs the test that ran and no other: the
remaining tests run in a new boot, `resume=N` on its command line. Boots run
one after another, so that none slows down another's clock.
"""

import os
import signal
import time

import ktap
import meant
import session as sessions

# A kernel that dies in every test is not booted for each of them.
MOST_BOOTS = 10

# The same image on other machines: which tests run there, options, and words
# that the boot must say to be the machine that was meant.
BOOTS = {
    'no_peer': ('boot.*', ['--peer', 'none', '--smp', '2'], ''),
    'cpu_qemu64': ('boot.*', ['--peer', 'none', '--cpu', 'qemu64',
                              '--smp', '2'], ''),
    'eight_cpus': ('boot.*', ['--peer', 'none', '--smp', '8'], ''),
    'late_cpus': ('smp.*,tlb.*,time.*',
                  ['--peer', 'none', '--smp', '8',
                   '--append', 'smp_wait_us=0'], 'smp: 1 of 8 CPUs run'),
    'cpus_without_patience': ('smp.*,tlb.*,time.*',
                              ['--peer', 'none', '--smp', '8',
                               '--append', 'smp_wait_us=1'], 'CPUs run'),
    # In nanoseconds it does not fit: 384 of them are left of it.
    'cpus_with_all_patience': ('smp.*',
                               ['--peer', 'none', '--smp', '8', '--append',
                                'smp_wait_us=18446744073709552'],
                               'smp: 8 of 8 CPUs run'),
    'one_timer': ('boot.*,clock.*',
                  ['--peer', 'none', '--smp', '2', '--qemu', '-machine',
                   '--qemu', 'pit=off,hpet=off'], 'by ACPI timer alone'),
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
    'bells_in_ports_first': ('peer.*', ['--smp', '2', '--qemu', '-global',
                                        '--qemu', 'vhost-user-fs-pci.modern-'
                                        'pio-notify=on'], 'peer0: device 0 '),
    'peer_death': ('peer_misbehaviour.death_is_noticed_in_time_and_costs_'
                   'only_its_work', ['--smp', '2'], 'peer0: declared dead'),
}

# Boots that must be judged so: tests, options, seconds a test may take,
# whether the peer is killed after the first result, and of each failure that
# must come its name or the beginning of it. There may be no other failure.
JUDGED = {
    'rest_runs_after_a_hang_a_panic_and_a_triple_fault': (
        'glob.*,ktest.must_fail_by_a_hang,ktest.must_fail_by_a_panic,list.*,'
        'trap.must_fail_by_a_triple_fault,vma.*', ['--peer', 'none'], 2, False,
        ('ktest.must_fail_by_a_hang', 'ktest.must_fail_by_a_panic',
         'trap.must_fail_by_a_triple_fault')),
    'claimed_pass_is_none': (
        'glob.*,ktest.must_fail_by_claiming_a_pass,list.*',
        ['--peer', 'none'], 2, False,
        ('a.first', 'a.second', 'result 1 came', 'result 2 came', 'ktest.*',
         'list.*', 'two plans in one log', 'the kernel plans 2 tests')),
    'peer_that_does_not_come_up_fails': (
        'glob.*', ['--qemu', '-global', '--qemu',
                   'vhost-user-fs-pci.vectors=0'], 20, False,
        ('device: 1 given, the kernel drives 0',)),
    'peer_dies_between_two_tests': (
        'list.*', [], 20, True, ('a device died, noticed after ',)),
}


def devices_of(options):
    """How many devices these options of scripts/run-qemu give a boot."""
    given = dict(zip(options, options[1:]))
    if given.get('--peer') == 'none':
        return 0
    return int(given.get('--peers', '1'))


def boot(session, name, command, tests, options, resumed=False, **more):
    """One boot and its verdict; the devices' own last words are added."""
    run = meant.Boot(name, tests, devices_of(options), resumed)
    session.stream(run, command, **more)
    for result in run.results:
        if result.name.startswith(name + ': ') and 'device' in result.name:
            result.said += ''.join(peers_said(session.log(name)))
    return run


def peers_said(log):
    """The last lines of what each device process printed."""
    number = 0
    while os.path.exists('%s.serial.peer%d' % (log, number)):
        path = '%s.serial.peer%d' % (log, number)
        with open(path, encoding='utf-8', errors='replace') as said:
            yield '\n%s:\n%s' % (os.path.basename(path),
                                 ''.join(said.readlines()[-10:]))
        number += 1


def linked(session):
    """Every test of the sources is in the image."""
    started = time.time()
    results = meant.missing_from_link(
        session.tests, meant.tests_of_sources(dropped=session.dropped()),
        session.glob)
    if results:
        run = ktap.Run(session.name + '.link')
        run.results = results
        session.keep(run, started)


def kernel(session, options=(), base=None, on_line=None):
    """Every selected test, in as many boots as it takes."""
    tests = meant.select(session.tests, session.glob) * session.repeat
    base = base or '%s.smp%s' % (session.name, session.smp)
    options = ['--smp', session.smp] + session.peer_option() + list(options)
    if session.timeout:
        options += ['--timeout', session.timeout]
    elif session.repeat > 1:
        options += ['--timeout', '0']
    words = ['seed=' + session.seed, 'repeat=%d' % session.repeat]
    words += ['test=' + session.glob] if session.glob else []
    words += ['deadline=' + session.deadline] if session.deadline else []
    done = 0
    for number in range(1, MOST_BOOTS + 1):
        if done == len(tests):
            return
        started = time.time()
        name = base if number == 1 else '%s.boot%d' % (base, number)
        progress = sessions.Progress(session, len(tests) // session.repeat,
                                     done)
        run = boot(session, name,
                   session.qemu(name, 'test', options,
                                words + ['resume=%d' % done]),
                   tests[done:], options, done > 0, on_line=on_line,
                   on_result=None if session.verbose else progress.add)
        progress.end()
        done += run.done
        stopped = run.early and run.done and number < MOST_BOOTS
        if done < len(tests) and not stopped:
            run.results.append(ktap.Result(
                '%d tests from %s on' % (len(tests) - done, tests[done].name),
                'failed', 'no boot ran them'))
        session.keep(run, started)
        if not stopped:
            break
        if done < len(tests):
            session.out('  the remaining %d tests, from %s on, run in a new '
                        'boot' % (len(tests) - done, tests[done].name))
    if any(not run.passed() for run in session.runs):
        session.out('  again with: ' + session.again_with(session.glob))


def boots(session):
    """The same image on other machines."""
    for name, (globs, options, words) in BOOTS.items():
        full = 'boots.' + name
        if not session.wanted_boot(full):
            continue
        started = time.time()
        if devices_of(options) and session.peer == 'none':
            session.skip(full, 'no peer device')
            continue
        if devices_of(options):
            options = options + session.peer_option()
        run = boot(session, full,
                   session.qemu(full, 'test', options, ['test=' + globs]),
                   meant.select(session.tests, globs), options)
        with open(session.log(full), encoding='utf-8') as log:
            if words not in log.read():
                run.results.append(ktap.Result(
                    full + ': another machine than was meant', 'failed',
                    'never said: ' + words))
        session.keep(run, started)


def judged(session):
    """Boots that end badly on purpose: each verdict is as stated."""
    for name, (globs, options, deadline, kill, wanted) in JUDGED.items():
        full = 'boots.' + name
        if not session.wanted_boot(full):
            continue
        if devices_of(options) and session.peer == 'none':
            session.skip(full, 'no peer device')
            continue
        started = time.time()
        inner = sessions.Session(session.build)
        inner.quiet, inner.glob, inner.repeat = True, globs, 1
        inner.smp, inner.deadline, inner.seed = '2', str(deadline), session.seed
        inner.peer = session.peer if devices_of(options) else ''
        kernel(inner, options, full,
               killer(inner.log(full)) if kill else None)
        session.judge(full, differences(inner.runs, wanted), started)


def killer(log):
    """SIGKILL for the device process, once, after the first result."""
    done = []

    def on_line(line):
        if line.startswith('ok 1 ') and not done:
            with open(log + '.serial.peer0.pid', encoding='utf-8') as pid:
                os.kill(int(pid.read()), signal.SIGKILL)
            done.append(True)
    return on_line


def differences(runs, wanted):
    """Failures against those that must come; '' when they are the same."""
    failed = [(result.name, run.name) for run in runs
              for result in run.results if result.outcome == 'failed']
    names = [name[len(run) + 2:] if name.startswith(run + ': ') else name
             for name, run in failed]
    lines = ['must have failed: ' + want for want in wanted
             if not any(name.startswith(want) for name in names)]
    lines += ['must not have failed: ' + name for name in names
              if not name.startswith(tuple(wanted))]
    if not any(run.count('passed') for run in runs):
        lines.append('no test passed')
    return '\n'.join(lines)
