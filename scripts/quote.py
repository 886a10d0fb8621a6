#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""quote - the code in documents, copied from the sources

    scripts/quote.py                write every quotation anew
    scripts/quote.py --check        print those that are old; fail if there are any

A quotation is a block of C behind a mark that names the file and the definitions:

    <!-- quoted from tests/some_test.c: one_struct one_function -->
    ```c
    ...
    ```

A definition is a function, a struct or an initialised object at the start of a line,
with the comment right above it. host.quote fails while a quotation is old.
"""

import glob
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
QUOTATION = re.compile(r'^(<!-- quoted from ([^\s:]+): ([\w ]+) -->\n```c\n)'
                       r'(.*?)^(```\n)', re.M | re.S)


def definition(source, name):
    """The lines that define a name, with the comment above; '' if none do."""
    lines = source.split('\n')
    for first, line in enumerate(lines):
        if re.match(r'[A-Za-z]', line) and \
                re.search(r'\b%s\b( = |\(| \{)' % re.escape(name), line):
            break
    else:
        return ''
    last = first
    while last + 1 < len(lines) and not lines[last].startswith('}'):
        last += 1
    if lines[first - 1].endswith('*/'):
        first -= 1
        while not lines[first].startswith('/*'):
            first -= 1
    return '\n'.join(lines[first:last + 1]) + '\n'


def renewed(text, source_of):
    """The document with its quotations as the sources are; and what is missing."""
    missing = []

    def renew(match):
        head, path, names, _, tail = match.groups()
        source = source_of(path)
        pieces = [(name, definition(source, name)) for name in names.split()]
        missing.extend('%s has no %s' % (path, name)
                       for name, piece in pieces if not piece)
        return head + '\n'.join(piece for _, piece in pieces) + tail
    return QUOTATION.sub(renew, text), missing


def text_of(path):
    full = os.path.join(TOP, path)
    if not os.path.exists(full):
        return ''
    with open(full, encoding='utf-8') as source:
        return source.read()


def documents():
    return sorted(os.path.relpath(path, TOP) for pattern in ('*.md', 'docs/**/*.md')
                  for path in glob.glob(os.path.join(glob.escape(TOP), pattern),
                                        recursive=True))


def old():
    """What is wrong with the documents of the tree, one line each."""
    wrong = []
    for path in documents():
        text = text_of(path)
        new, missing = renewed(text, text_of)
        wrong += ['%s: %s' % (path, said) for said in missing]
        if not missing and new != text:
            wrong.append('%s: a quotation is old; run scripts/quote.py' % path)
    return wrong


def main(words):
    if words == ['--check']:
        wrong = old()
        print('\n'.join(wrong), end='\n' if wrong else '')
        return 1 if wrong else 0
    for path in documents():
        text = text_of(path)
        new, missing = renewed(text, text_of)
        if missing:
            sys.exit('%s: %s' % (path, ', '.join(missing)))
        if new != text:
            with open(os.path.join(TOP, path), 'w', encoding='utf-8') as out:
                out.write(new)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
