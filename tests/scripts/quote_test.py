#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The code that documents quote is the code. TAP."""

import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import quote  # noqa: E402
import tap  # noqa: E402
from tap import equal  # noqa: E402

SOURCE = '''/* About the struct. */
struct one {
	int a;
};

/*
 * About the function.
 */
static int two(struct one *one,
	       int b)
{
	return three(one);
}

static const struct ops three = {
	.call = two,
};
'''
DOCUMENT = '''Text.

<!-- quoted from a.c: %s -->
```c
%s```

More.
'''


def test_a_definition_comes_with_its_comment():
    return equal(quote.definition(SOURCE, 'two'),
                 '/*\n * About the function.\n */\nstatic int two(struct one *one,\n'
                 '\t       int b)\n{\n\treturn three(one);\n}\n')


def test_a_struct_and_an_object_are_definitions_and_a_use_is_none():
    return equal([quote.definition(SOURCE, name) for name in ('one', 'three', 'b')],
                 ['/* About the struct. */\nstruct one {\n\tint a;\n};\n',
                  'static const struct ops three = {\n\t.call = two,\n};\n', ''])


def test_several_definitions_stand_in_the_order_of_the_mark():
    new, missing = quote.renewed(DOCUMENT % ('three one', 'old\n'),
                                 lambda path: SOURCE)
    wanted = '%s\n%s' % (quote.definition(SOURCE, 'three'),
                         quote.definition(SOURCE, 'one'))
    return equal((new, missing), (DOCUMENT % ('three one', wanted), []))


def test_a_name_that_is_gone_is_reported():
    return equal(quote.renewed(DOCUMENT % ('two four', ''),
                               lambda path: SOURCE)[1], ['a.c has no four'])


def test_the_documents_quote_the_sources_as_they_are():
    return '\n'.join(quote.old())


def test_the_first_driver_leaves_the_trace_that_its_page_shows():
    page = quote.text_of('docs/first-driver.md')
    shown = re.findall(r'(mmu_\w+): .*?\b([A-Z][A-Z_]+)\b', page)
    source = quote.text_of('tests/mm/notifier/first_driver_test.c')
    story = source.split('story[][2] = {')[1].split('};')[0]
    return equal(shown, re.findall(r'\{"(\w+)", "(\w+)"\}', story))


if __name__ == '__main__':
    sys.exit(tap.main('quote', globals()))
