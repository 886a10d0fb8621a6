#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""analyse - what clang's static analyser says of the tree, and the answers

    scripts/analyse.py [SOURCE...]      all sources, or these

Each source of a kernel is analysed as the build `test` compiles it, or as the first
build that has it; the peer, and the notifier core of the host, as theirs do. Tests are
left out: what they do wrong they do on purpose.

A finding is mended, or answered where it stands: a comment on its line or on the line
above, that begins with `analyser:` and gives the reason. An answer to nothing is
wrong, too, if the source was analysed. Closes with `N passed, N failed, N skipped`,
a source each.
"""

import concurrent.futures
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'scripts'))

import check  # noqa: E402
from tree import asked_of_make  # noqa: E402

CLANG = ['clang', '--analyze', '-Xclang', '-analyzer-output=text',
         '-Xclang', '-analyzer-checker=deadcode,security.insecureAPI.vfork',
         '-Xclang', '-analyzer-disable-checker='
         'security.insecureAPI.DeprecatedOrUnsafeBufferHandling', '-o', '/dev/null']
PEER = ['-std=gnu11', '-D_GNU_SOURCE', '-Ipeer', '-Iinclude']
HOST = ['-std=gnu11', '-D_GNU_SOURCE', '-Iinclude/host', '-Iinclude', '-iquote', '.',
        '-include', 'notifier_host.h', '-DCONFIG_DEBUG=1']
FINDING = re.compile(r'^(\S+?):(\d+):\d+: (?:warning|error): (.*)$', re.M)
ANSWER = re.compile(r'/\* analyser: .')


def jobs_of_tree():
    """[(source, flags)], each source once for each of its kinds."""
    flags = {}
    builds = asked_of_make('builds')
    for build in reversed(builds):
        more = check.defines(build) + ['-DKTEST_SLOWER=1']
        for source in asked_of_make('sources', build):
            if not source.startswith(('tests/', 'bench/')):
                flags[source] = ['--target=x86_64-linux-gnu'] + check.BASE_FLAGS + more
    jobs = sorted(flags.items())
    jobs += [(source, PEER) for source in check.files('peer/*.c')]
    jobs += [(source, HOST) for source in sorted(flags)
             if source.startswith('mm/notifier/') and
             'CONFIG_MMU_NOTIFIER=1' in ' '.join(flags[source]) and
             'reference' not in source and not source.endswith('/show.c')]
    return jobs


def findings(source, flags, top=TOP):
    """{(file, line): what clang says}."""
    done = subprocess.run(CLANG + flags + [source], cwd=top, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True)
    found = {(os.path.normpath(path), int(line)): said
             for path, line, said in FINDING.findall(done.stdout)}
    if done.returncode and not found:
        found[source, 1] = done.stdout.strip()
    return found


def answers(path):
    """The lines that an answer is for: its own, or the next one that is code."""
    with open(path, encoding='utf-8') as text:
        lines = text.read().split('\n')
    found = {}
    for number, line in enumerate(lines, 1):
        if not ANSWER.search(line):
            continue
        at = number
        if line.lstrip().startswith('/*'):
            while '*/' not in lines[at - 1]:
                at += 1
            at += 1
        found[at] = number
    return found


def judge(found, sources, top=TOP):
    """[(source, what is wrong there)] of findings and answers."""
    answered = {path: answers(os.path.join(top, path)) for path in
                {path for path, _ in found} | set(sources)}
    wrong = [(path, '%s:%d: %s' % (path, line, said))
             for (path, line), said in sorted(found.items())
             if line not in answered[path]]
    for path in sorted(set(sources)):
        wrong += [(path, '%s:%d: an answer, and clang has said nothing' %
                   (path, number)) for line, number in answered[path].items()
                  if (path, line) not in found]
    return wrong


def main(wanted):
    jobs = [job for job in jobs_of_tree() if not wanted or job[0] in wanted]
    sources = sorted({source for source, _ in jobs})
    found = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for each in pool.map(lambda job: findings(*job), jobs):
            found.update(each)
    wrong = judge(found, sources)
    for _, said in wrong:
        print(said)
    failed = {path for path, _ in wrong}
    answered = len(found) - sum('an answer, and' not in said for _, said in wrong)
    print('%d findings answered in the sources' % answered)
    print('%d passed, %d failed, 0 skipped' % (
        len(set(sources) - failed), len(failed)))
    return 1 if failed or not sources else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
