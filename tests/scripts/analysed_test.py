#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clang's analyser speaks of faults put in, and answers are judged. Prints TAP."""

import os
import re
import shutil
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import analyse  # noqa: E402
import tap  # noqa: E402
from elsewhere import place, write  # noqa: E402
from tap import equal  # noqa: E402

NULL = '''int f(int *p);
int f(int *p)
{
	if (!p)
		return *p;%s
	return 0;
}
'''
FRAME = '''void use(char *);
void f(void);
void f(void)
{
	char deep[%d];

	use(deep);
}
'''


def judged(text):
    """What is wrong with a source of this text, without its path."""
    if not shutil.which('clang'):
        raise tap.Skip('no clang')
    with place() as where:
        write(os.path.join(where, 'seeded.c'), text)
        found = analyse.findings('seeded.c', [], top=where)
        return [said for _, said in analyse.judge(found, ['seeded.c'], top=where)]


def test_a_null_pointer_that_is_followed_is_found():
    return equal([re.sub(r' \(.*?\)', '', said) for said in judged(NULL % '')],
                 ['seeded.c:5: Dereference of null pointer [core.NullDereference]'])


def test_a_finding_is_answered_where_it_stands():
    above = NULL.replace('\t\treturn *p;%s', '\t\t/* analyser: it is\n\t\t * never null */\n'
                         '\t\treturn *p;')
    return equal((judged(NULL % ' /* analyser: p is never null */'), judged(above)),
                 ([], []))


def test_an_answer_to_nothing_is_wrong():
    return equal(judged('int x; /* analyser: for no reason */\n'),
                 ['seeded.c:1: an answer, and clang has said nothing'])


def test_every_source_of_the_kernel_and_the_peer_is_analysed():
    sources = {source for source, _ in analyse.jobs_of_tree()}
    wanted = {path for path in analyse.check.files('mm/*.c', 'kernel/*.c', 'arch/*.c',
                                                   'drivers/*.c', 'lib/*.c', 'peer/*.c')}
    return equal(sorted(wanted - sources), [])


def test_a_frame_of_more_than_a_kibibyte_does_not_compile():
    """By the flags that make gives a source of the kernel."""
    said = subprocess.run(['make', '-n', '-B', 'build/test/lib/glob.o'], cwd=TOP,
                          stdout=subprocess.PIPE, check=True,
                          universal_newlines=True).stdout
    limit, = set(re.findall(r'-Wframe-larger-than=\d+', said))
    with place() as where:
        status = []
        for size in (900, 1100):
            source = os.path.join(where, 'seeded.c')
            write(source, FRAME % size)
            done = subprocess.run(['gcc', '-O2', '-Werror', limit, '-c', source, '-o',
                                   os.path.join(where, 'seeded.o')], check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            status.append((done.returncode, b'the frame size of' in done.stdout))
    return equal(status, [(0, False), (1, True)])


if __name__ == '__main__':
    # The makes that are asked here are no jobs of the one that runs this.
    for variable in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL'):
        os.environ.pop(variable, None)
    sys.exit(tap.main('analysed', globals()))
