# SPDX-License-Identifier: MIT
"""notes - what people have written down about mutants, in tests/mutants/

Files in the form that configparser reads, a section for each mutant:

    [the-name]
    file = mm/notifier/interval.c
    function = notifier_interval_end
    old = waiting = subs->nr_waiting;
    new = waiting = 0;
    ...

`old` is a piece of the function that is there once; how it is broken into lines does
not matter, nor which number its line has. `new` takes its place, and may be empty.
Without `function` the piece is looked for in the whole file.

    pool        mutants worth keeping: tests, level, hint, title
    equivalent  mutants that change nothing (why), or that a model or a litmus test
                sees and no test can (covered, why); without `new`, any change of `old`
"""

import configparser
import os
import re

import places as mutations
import source
from tree import TOP

POOL = 'tests/mutants/pool'
EQUIVALENT = 'tests/mutants/equivalent'


def read(path, top=TOP):
    """[{key: value}] of a file, with its name; in the order of the file."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str
    with open(os.path.join(top, path), encoding='utf-8') as text:
        parser.read_file(text)
    return [dict(parser.items(name), name=name) for name in parser.sections()]


def words(text):
    """A piece of C without the spaces that mean nothing, for comparing."""
    text = re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)
    text = re.sub(r'^\s*#\s*define\b', 'define', text, flags=re.M)
    return [word.text for word in source.tokens(text)]


def pattern(piece):
    """A regular expression for the piece, however it is broken into lines."""
    return r'\s*'.join(re.escape(word) for word in words(piece))


def spans(text, function):
    """Where the pieces of a function may be: [(start, end)]."""
    if not function:
        return [(0, len(text))]
    return [(f.start, f.end) for f in source.functions(text)
            if f.name == function]


def places(note, text):
    """[(start, end)] of each place in the text that the note fits."""
    wanted = re.compile(r'(?<!\w)%s' % pattern(note['old'])
                        if re.match(r'\w', note['old']) else
                        pattern(note['old']))
    return [(match.start(), match.end())
            for start, end in spans(text, note.get('function'))
            for match in wanted.finditer(text, start, end)]


def apply(note, text):
    """The text with the note's mutant; it must fit in exactly one place."""
    found = places(note, text)
    if len(found) != 1:
        raise ValueError('%s: %s: `old` is there %d times, not once' % (
            note['name'], note['file'], len(found)))
    start, end = found[0]
    new = note.get('new', '')
    # The later lines of a value have lost their indentation.
    indent = re.match(r'[ \t]*', text[text.rfind('\n', 0, start) + 1:]).group()
    return text[:start] + new.replace('\n', '\n' + indent) + text[end:]


def stale(top=TOP):
    """Of tests/mutants/equivalent the notes that fit no mutant, a line each."""
    found, marked = read(EQUIVALENT, top), set()
    for path in sorted({note['file'] for note in found}):
        if not os.path.exists(os.path.join(top, path)):
            continue
        with open(os.path.join(top, path), encoding='utf-8') as text:
            text = text.read()
        marks = Marks(path, top)
        for mutant in mutations.Places(text).found:
            marked.update(note['name'] for note in marks.all_of(mutant, text))
    return ['%s: %s fits no mutant of %s' % (EQUIVALENT, note['name'], note['file'])
            for note in found if note['name'] not in marked]


class Marks:
    """The notes of tests/mutants/equivalent on one file."""

    def __init__(self, path, top=TOP):
        self.notes = [note for note in read(EQUIVALENT, top)
                      if note['file'] == path]

    def of(self, mutant, text):
        """The note on a mutant, or None."""
        return next(self.all_of(mutant, text), None)

    def all_of(self, mutant, text):
        """The notes that fit a mutant."""
        old, new = (words(piece) for piece in mutant.key(text))
        for note in self.notes:
            if note.get('function', mutant.function) != mutant.function or \
                    not within(words(note['old']), old):
                continue
            if 'new' not in note or (within(words(note['new']), new) and
                                     words(note['old']) == old) or \
                    replaced(old, words(note['old']),
                             words(note['new'])) == new:
                yield note


def within(piece, whole):
    """Is the list a part of the other?"""
    return any(whole[i:i + len(piece)] == piece
               for i in range(len(whole) - len(piece) + 1))


def replaced(whole, old, new):
    """The list with its first part `old` changed to `new`."""
    for i in range(len(whole) - len(old) + 1):
        if whole[i:i + len(old)] == old:
            return whole[:i] + new + whole[i + len(old):]
    return whole
