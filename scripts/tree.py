# SPDX-License-Identifier: MIT
"""tree - the files of the tree and what make knows of them, for scripts"""

import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(command, **more):
    """Run a command from the top; (status, what it said)."""
    done = subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, **more)
    return done.returncode, done.stdout.decode('utf-8', 'replace')


def files(*patterns):
    """Files of the tree: tracked, or new and not ignored."""
    _, listed = run(['git', 'ls-files', '--cached', '--others',
                     '--exclude-standard', '--'] + list(patterns))
    return [f for f in sorted(set(listed.split('\n')))
            if f and os.path.exists(os.path.join(TOP, f))]


def text_of(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as source:
        return source.read()


def asked_of_make(target, build='test'):
    """The words of `make builds`, `make BUILD=x options` or `sources`."""
    status, said = run(['make', '-s', 'BUILD=' + build, target])
    if status:
        sys.exit('make %s: %s' % (target, said))
    return said.split()
