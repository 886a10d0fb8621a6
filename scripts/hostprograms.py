# SPDX-License-Identifier: MIT
"""hostprograms - the programs that test on the host, two at a time

    Programs(WORDS)     WORDS are NAME=COMMAND, or NAME alone
        .targets()      what make has to build of those that are wanted
        .run()          all of these

Most of them use one core and measure no time, so two run at a time. Each is printed when
it and all before it in the list have ended. Those of ALONE run after the others, one
after another. With V=1, which shows output as it comes, all run one after another.
"""

import collections
import concurrent.futures
import fnmatch
import os
import time

import ktap

AT_A_TIME = 2
# These have several threads that have to meet, limits of time, or use all CPUs.
ALONE = ('host.peer-*', 'host.notifier_*', 'host.seeded', 'host.explore_quick')

Program = collections.namedtuple('Program', 'target name command')


def is_alone(program):
    return any(fnmatch.fnmatchcase(program.name, pattern) for pattern in ALONE)


class Programs:
    """The programs of a list, in its order."""

    def __init__(self, words):
        self.programs = []
        for word in words:
            target, _, command = word.partition('=')
            self.programs.append(Program(
                target, 'host.' + os.path.basename(target),
                (command or target).split()))

    def wanted(self, session):
        return [program for program in self.programs
                if session.wanted(program.name)]

    def targets(self, session):
        """What make has to build of them."""
        return [program.target for program in self.wanted(session)]

    def run(self, session):
        alone = [program for program in self.wanted(session)
                 if session.verbose or is_alone(program)]
        run_some(session, [program for program in self.wanted(session)
                           if program not in alone], AT_A_TIME)
        run_some(session, alone, 1)


def run_some(session, programs, at_a_time):
    """So many at a time; the session keeps their runs in the order of the list."""
    runs = [ktap.Run(program.name) for program in programs]

    def one(program, run):
        began = time.time()
        status = session.read(run, program.command,
                              env=dict(os.environ, SEED=session.seed))
        return status, began, time.time()

    with concurrent.futures.ThreadPoolExecutor(at_a_time) as pool:
        futures = [pool.submit(one, *pair) for pair in zip(programs, runs)]
        try:
            for run, future in zip(runs, futures):
                status, began, ended = future.result()
                session.keep(run.finish(status), began, ended)
        except KeyboardInterrupt:
            # What has run counts; a program that runs was interrupted as well.
            session.runs += [run for run, future in zip(runs, futures)
                             if not future.cancel() and run not in session.runs]
            raise
