#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compile_commands - how each source of the tree is compiled, for editors

    scripts/compile_commands.py [BUILD...] >compile_commands.json

Nothing is compiled, and no compiler has to be there: `make -n` says what it
would do. A source is listed as the first of the BUILDs compiles it that has
it, then as the Makefiles of the host programs and of the peer do. clangd reads
the file, and .clangd beside it.
"""

import json
import os
import re
import shlex
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMPILER = re.compile(r'(^|.*[/-])(gcc|clang)$')
# The lifted core is compiled from copies; an editor shows the originals.
COPIES = 'build/lifted/core/'
# Dependencies are make's, and their folder may not be there; what counts, and what
# finds races and wrong accesses, is gcc's alone.
GCC_ONLY = ('-MMD', '-MP', '-fprofile-', '-fasan-', '--param', 'asan-')


def lines_of_make(folder, words):
    """What make would do there, if nothing was built yet."""
    env = {name: value for name, value in os.environ.items()
           if name not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL')}
    said = subprocess.run(['make', '--no-print-directory', '-n', '-B'] + words,
                          cwd=os.path.join(TOP, folder), env=env, check=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          universal_newlines=True).stdout
    return said.replace('\\\n', ' ').splitlines()


def compiled_by(line):
    """(words, sources) of a line that compiles; no sources of any other."""
    if '.c' not in line:
        return [], []
    try:
        words = shlex.split(line)
    except ValueError:
        return [], []
    # A wrapper may stand before it: ccache gcc.
    if not any(COMPILER.match(word) for word in words[:2]):
        return [], []
    return words, [word for word in words if word.endswith('.c')]


def entries(builds):
    """One for each source, in the order in which they are found."""
    found = {}
    runs = [('', ['BUILD=' + build, 'objects']) for build in builds]
    runs += [('', ['host-programs']),
             ('peer', ['tests'])]
    for folder, words in runs:
        directory = os.path.normpath(os.path.join(TOP, folder))
        for line in lines_of_make(folder, words):
            arguments, sources = compiled_by(line)
            for source in sources:
                path = os.path.normpath(os.path.join(directory, source))
                if path.startswith(os.path.join(TOP, COPIES)):
                    continue
                others = [word.replace('-I' + COPIES, '-I')
                          for word in arguments if word == source or
                          not word.endswith('.c') and
                          not word.startswith(GCC_ONLY)]
                found.setdefault(path, {'directory': directory, 'file': path,
                                        'arguments': others})
    return list(found.values())


if __name__ == '__main__':
    json.dump(entries(sys.argv[1:] or ['test']), sys.stdout, indent=1)
    print()
