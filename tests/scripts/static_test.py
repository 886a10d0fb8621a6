#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The compilers' checks of locks and address spaces find seeded faults. Prints TAP."""

import os
import shutil
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import check  # noqa: E402
import tap  # noqa: E402
from elsewhere import place, run, write  # noqa: E402
from tap import equal  # noqa: E402

LOCKED = '''#include <kernel/lock/spinlock.h>
static DEFINE_SPINLOCK(lock);
void f(void);
void f(void)
{
	spin_lock(&lock);
%s}
'''
READ = '''#include <lib/types.h>
int f(const int %s*p);
int f(const int %s*p)
{
	return *p;
}
'''


def said_of(text, command):
    """What a tool says of a source with this text."""
    if not shutil.which(command[0]):
        raise tap.Skip('no ' + command[0])
    with place() as where:
        source = os.path.join(where, 'seeded.c')
        write(source, text)
        return run(command + [source])[1]


def clang(text):
    return said_of(text, ['clang', '--target=x86_64-linux-gnu', '-fsyntax-only',
                          '-Wthread-safety'] + check.BASE_FLAGS)


def sparse(text):
    return said_of(text, ['sparse', '-gcc-base-dir', check.gcc_base(), '-I.'] +
                   check.BASE_FLAGS[:-2])


def test_clang_finds_a_lock_that_is_kept():
    good, bad = clang(LOCKED % '\tspin_unlock(&lock);\n'), clang(LOCKED % '')
    return equal((good, 'is still held at the end of function' in bad),
                 ('', True))


def test_sparse_finds_a_user_pointer_that_is_followed():
    good, bad = sparse(READ % ('', '')), sparse(READ % ('__user ', '__user '))
    return equal((good, 'dereference of noderef expression' in bad), ('', True))


def test_the_builds_by_both_compilers_are_those_that_are_booted():
    """A folder of their own would compile each object once more."""
    asked, real = [], check.run
    check.run = lambda command: (asked.append(command) or 0, '')
    try:
        wrong = check.check_gcc() + check.check_clang()
    finally:
        check.run = real
    return equal((wrong, [sorted(words[2:]) for words in asked]), ([], [
        sorted(['COMPILER=' + compiler, 'BUILD=' + build, 'objects'])
        for compiler in ('gcc', 'clang') for build in ('test', 'release')]))


if __name__ == '__main__':
    sys.exit(tap.main('static', globals()))
