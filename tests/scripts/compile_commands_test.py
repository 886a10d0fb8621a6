#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compile_commands.json is what an editor needs. Prints TAP."""

import json
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True

import tap  # noqa: E402
from elsewhere import (TOP, copy_tree, path_without, place,  # noqa: E402
                       run)

COMPILERS = ('gcc', 'cc', 'clang', 'x86_64-linux-gnu-gcc', 'x86_64-elf-gcc',
             'x86_64-linux-gnu-ld', 'ld', 'nasm')


def commands_of(tree, *words, **env):
    """The file that make writes there: entry by path from the top."""
    status, said = run(['make', '-s', 'compile_commands.json'] + list(words),
                       tree, **env)
    assert status == 0, said
    with open(os.path.join(tree, 'compile_commands.json'),
              encoding='utf-8') as written:
        return {os.path.relpath(entry['file'], tree): entry
                for entry in json.load(written)}


def sources_of(tree):
    return {os.path.relpath(os.path.join(folder, name), tree)
            for folder, _, names in os.walk(tree) for name in names
            if name.endswith('.c')}


def test_every_source_has_an_entry_and_nothing_is_compiled():
    with place("a clone, of 'it'") as where:
        tree = copy_tree(where)
        commands = commands_of(tree, PATH=path_without(where, *COMPILERS))
        assert set(commands) == sources_of(tree), \
            set(commands) ^ sources_of(tree)
        assert not os.path.exists(os.path.join(tree, 'build'))


def test_an_entry_has_the_options_of_the_build_that_was_asked_for():
    with place() as where:
        tree = copy_tree(where)
        test, release = commands_of(tree), commands_of(tree, 'BUILD=release')
        for commands, wanted in ((test, True), (release, False)):
            words = commands['mm/notifier/range.c']['arguments']
            assert ('-DCONFIG_LOCKDEP=1' in words) == wanted, words
        # One that this build lacks is as the next build has it.
        assert '-DCONFIG_KTEST=1' in \
            release['tests/mm/space/vma_test.c']['arguments']


def test_clang_reads_the_sources_by_these_commands():
    if not shutil.which('clang'):
        raise tap.Skip('no clang')
    with open(os.path.join(TOP, '.clangd'), encoding='utf-8') as config:
        more, less = (re.search(key + r': \[(.*)\]', text).group(1).split(', ')
                      for text in [config.read()] for key in ('Add', 'Remove'))
    with place() as where:
        tree = copy_tree(where)
        commands = commands_of(tree)
        # One of each folder, since folders differ in their options.
        folders = {os.path.dirname(path): path for path in sorted(commands)}
        for path in folders.values():
            entry = commands[path]
            compiler, *words = entry['arguments']
            # As clangd has it from the name of a cross compiler.
            target = ['--target=x86_64-linux-gnu'] if 'x86_64' in compiler else []
            words = [word for word in words
                     if word not in less]
            status, said = run(['clang', '-fsyntax-only'] + target + words + more,
                               entry['directory'])
            assert (status, said) == (0, ''), '%s: %s' % (path, said)


if __name__ == '__main__':
    sys.exit(tap.main('compile_commands', globals()))
