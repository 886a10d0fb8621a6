# SPDX-License-Identifier: MIT
"""workshop - a copy of the tree in which mutated sources are compiled

    Workshop    build/mutate/tree: the files of the tree, with the selector of
                mutants in the tests; a file is changed and changed back there
    Compiler    what the compiler makes of a changed text of one source, without
                writing it: assembler to compare, or what clang says of locks

All that is built lies in the copy. So no other kernel of this tree can hold a part of
a mutant, and the build needs no option for them.
"""

import os
import shlex
import subprocess

import schema
from tree import TOP, files

A_SOURCE = 'mm/space/mmap.c'
# In a copy every word of a compiler is that of a mutant.
QUIET = ['WARN=-w', 'HOSTCC=gcc -w']
ENV = {name: value for name, value in os.environ.items()
       if name not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'BUILD', 'COMPILER',
                       'O', 'T', 'N', 'F', 'SEED')}


def write_if_new(path, content):
    """Written only when it differs, so that make sees what changed."""
    try:
        with open(path, 'rb') as old:
            if old.read() == content:
                return
    except OSError:
        pass
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as out:
        out.write(content)


def copy_tree(where, leave_out=(), top=TOP):
    """The files of the tree, their modes too; nothing else stays there."""
    wanted = [name for name in files() if name not in leave_out]
    for name in wanted:
        source, target = os.path.join(top, name), os.path.join(where, name)
        if os.path.islink(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if not os.path.lexists(target):
                os.symlink(os.readlink(source), target)
            continue
        with open(source, 'rb') as text:
            write_if_new(target, text.read())
        os.chmod(target, os.stat(source).st_mode & 0o777)
    for directory, folders, names in os.walk(where):
        if directory == where:
            folders[:] = [f for f in folders if f not in ('build', '.git')]
        for name in names:
            path = os.path.join(directory, name)
            if os.path.relpath(path, where) not in wanted:
                os.remove(path)
    return wanted


class Workshop:
    """The copy, and what is built in it."""

    def __init__(self, where=os.path.join(TOP, 'build', 'mutate', 'tree')):
        self.where = where
        copy_tree(where)
        self.write(schema.SELECTOR_PATH, schema.SELECTOR)
        self.write(schema.RUNNER_PATH, schema.telling(
            self.original(schema.RUNNER_PATH)))
        for path in schema.HOST_SELECTOR_PATHS:
            self.write(path, self.original(path) + schema.HOST_SELECTOR)

    @staticmethod
    def original(path):
        with open(os.path.join(TOP, path), encoding='utf-8') as source:
            return source.read()

    def write(self, path, text):
        write_if_new(os.path.join(self.where, path), text.encode())

    def restore(self, path):
        self.write(path, self.original(path))

    def make(self, *words):
        """A make in the copy; its last words if it failed, else ''."""
        done = subprocess.run(
            ['make', '-s', '--no-print-directory',
             '-j%d' % (os.cpu_count() or 2)] + QUIET + list(words),
            cwd=self.where, env=ENV, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        said = done.stdout.decode('utf-8', 'replace')
        return said[-20000:] or 'failed' if done.returncode else ''

    def command(self, *words):
        """The line by which make would compile something, as words."""
        done = subprocess.run(
            ['make', '--no-print-directory', '-n', '-B'] + list(words),
            cwd=self.where, env=ENV, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, check=True, universal_newlines=True)
        for line in done.stdout.replace('\\\n', ' ').splitlines():
            found = shlex.split(line) if ' -fsyntax-only ' in line or \
                ' -c ' in line else []
            if any(word.endswith('.c') for word in found):
                return found
        raise ValueError('make does not say how it compiles ' + words[0])


class Compiler:
    """One source, compiled with other texts than its own.

    A header is compiled as if it were a source, by the flags of A_SOURCE, and its
    inline functions are kept.
    """

    def __init__(self, workshop, path):
        self.where, self.path = workshop.where, path
        self.header = path.endswith('.h')
        stem = os.path.splitext(A_SOURCE if self.header else path)[0]
        words = workshop.command('build/test/%s.o' % stem, 'BUILD=test')
        self.gcc = self.of(words, ['-w', '-S', '-o', '-'] + (
            ['-fkeep-inline-functions'] if self.header else []))
        words = workshop.command('build/test-clang/%s.warnings' % stem,
                                 'BUILD=test', 'COMPILER=clang')
        self.clang = self.of(words, ['-fsyntax-only', '-Wno-everything',
                                     '-Werror=thread-safety'])

    def of(self, words, more):
        """A command that reads the source from its standard input."""
        kept = []
        for word, before in zip(words, [''] + words):
            if word in ('-g', '-c', '-o', '-MMD', '-MP', '-fsyntax-only') or \
                    before == '-o' or word.endswith('.c') or \
                    word.startswith(('-W', '-fsanitize', '-fno-sanitize')):
                continue
            kept.append(word)
        return kept + ['-iquote', os.path.dirname(self.path)] + more + \
            ['-x', 'c', '-']

    def run(self, command, text):
        done = subprocess.run(
            command, cwd=self.where, env=ENV, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, check=False,
            input=('#line 1 "%s"\n%s' % (self.path, text)).encode())
        return done.returncode, done.stdout, \
            done.stderr.decode('utf-8', 'replace')

    def assembler(self, text):
        """What gcc makes of it; None if it does not compile."""
        status, out, _ = self.run(self.gcc, text)
        return None if status else out

    def locks(self, text):
        """What clang's analysis of locks objects to; ''."""
        status, _, said = self.run(self.clang, text)
        wrong = [line for line in said.splitlines() if 'thread-safety' in line]
        return wrong[0] if status and wrong else ''
