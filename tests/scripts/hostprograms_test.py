#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs of the host run two at a time, and some alone. Prints TAP."""

import os
import re
import sys
from unittest import mock

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import hostprograms  # noqa: E402
import ktap  # noqa: E402
import session as sessions  # noqa: E402
import tap  # noqa: E402
from elsewhere import place, write  # noqa: E402
from tap import equal  # noqa: E402

# A program of two tests: a command between them, and whether the second passes.
PROGRAM = '''#!/bin/sh
cd %s || exit 1
until_there() {
	tries=0
	until [ -e "$1" ]; do
		[ $((tries += 1)) -lt 200 ] || return 1
		sleep 0.05
	done
}
printf '1..2\\nok 1 - %s.begins\\n'
if %s; then
	echo 'ok 2 - %s.ends'
else
	echo 'not ok 2 - %s.ends'
	exit 1
fi
'''
# Passes if no other program has begun and not ended, now and a moment later.
NONE_BESIDE = ': >runs.$$; sleep 0.1; [ "$(echo runs.*)" = runs.$$ ]; ' \
    'none=$?; rm runs.$$; [ $none = 0 ]'


class Quiet(sessions.Session):
    """A session whose lines are kept instead of printed."""

    def __init__(self, where):
        with mock.patch.dict(os.environ, dict.fromkeys(sessions.ASKED, '')):
            super().__init__(os.path.join(where, 'build'))
        self.seed, self.lines = '7', []

    def out(self, text):
        self.lines.append(text)

    def names(self):
        """Of the programs, in the order in which they were printed."""
        return re.findall(r'^host\.(\S+) ', '\n'.join(self.lines), re.M)

    def count(self):
        return ktap.closing(self.runs)[-1]


def run(where, session, **commands):
    """The programs of these names, in this order."""
    words = []
    for name, command in commands.items():
        name = name.replace('_', '-', 1) if name.startswith('peer') else name
        path = os.path.join(where, name)
        write(path, PROGRAM % (where, name, command, name, name))
        words.append('%s=%s' % (name, path))
    hostprograms.Programs(words).run(session)
    return session


def test_two_programs_run_at_a_time():
    with place() as where:
        session = run(where, Quiet(where), a=': >a.is; until_there b.is',
                      b=': >b.is; until_there a.is')
        return equal(session.count(), '4 passed, 0 failed, 0 skipped')


def test_they_are_printed_in_the_order_of_the_list():
    with place() as where:
        session = run(where, Quiet(where), a='until_there b.is', b=': >b.is')
        return equal((session.names(), session.count()),
                     (['a', 'b'], '4 passed, 0 failed, 0 skipped'))


def test_a_program_with_limits_of_time_runs_alone_and_last():
    with place() as where:
        session = run(where, Quiet(where), peer_asan=NONE_BESIDE,
                      notifier_stress_asan=NONE_BESIDE, a=': >runs.a; sleep 0.3; rm runs.a')
        return equal((session.names(), session.count()),
                     (['a', 'peer-asan', 'notifier_stress_asan'],
                      '6 passed, 0 failed, 0 skipped'))


def test_programs_whose_output_is_shown_run_one_after_another():
    with place() as where:
        session = Quiet(where)
        session.verbose = True
        run(where, session, a=NONE_BESIDE, b=NONE_BESIDE)
        said = [line for line in session.lines if line.startswith('ok')]
        return equal((session.names(), said), (
            ['a', 'b'], ['ok 1 - a.begins', 'ok 2 - a.ends',
                         'ok 1 - b.begins', 'ok 2 - b.ends']))


def test_a_failure_beside_another_program_is_told_by_its_name():
    with place() as where:
        session = run(where, Quiet(where), a='until_there b.is',
                      b=': >b.is; false')
        return equal(('  FAILED b.ends' in session.lines, ktap.closing(session.runs)),
                     (True, ['failed:', '    b.ends (host.b)',
                             '3 passed, 1 failed, 0 skipped']))


def test_a_program_that_says_nothing_fails():
    with place() as where:
        session = run(where, Quiet(where), a='exit 0', b=':')
        return equal((session.count(), ktap.closing(session.runs)[1]),
                     ('3 passed, 1 failed, 0 skipped',
                      '    host.a: 1 results of 2 planned'))


def test_an_interrupt_counts_what_has_run_and_begins_no_other():
    class Interrupted(Quiet):
        """Ctrl-C, when the first is printed and the second has begun."""

        def keep(self, *of):
            super().keep(*of)
            while not os.path.exists(os.path.join(self.build, '..', 'b.is')):
                pass
            raise KeyboardInterrupt

    with place() as where:
        session = Interrupted(where)
        try:
            run(where, session, a=':', b=': >b.is; sleep 0.5', c='sleep 0.5',
                d=': >d.is')
        except KeyboardInterrupt:
            runs = [one.name for one in session.runs]
            return equal((runs[:2], len(set(runs)), 'host.d' in runs,
                          os.path.exists(os.path.join(where, 'd.is'))),
                         (['host.a', 'host.b'], len(runs), False, False))
    return 'the interrupt was lost'


if __name__ == '__main__':
    sys.exit(tap.main('hostprograms', globals()))
