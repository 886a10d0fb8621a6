#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rules - the rules of docs/semantics.md, and the tests that state them

    scripts/rules.py                write the table of docs/semantics.md anew
    scripts/rules.py R4.9 ...       print these rules, and their tests

docs/semantics.md opens each rule with its number in bold. A test names the rules
that it states, where it stands:

    in the kernel   KTEST(suite, name, KT_RULES("R4.9 R4.10"))
    elsewhere       a comment line of its file: `# rules model.case: R2.20`

The table at the end of the document is made from these, between two marks.
`scripts/check.py rules` compares, and wants a test for every rule of sections 1
to 6, or the word `untested:` in the rule and why.
"""

import functools
import glob
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCUMENT = 'docs/semantics.md'
# A rule is never renumbered, so that what headers and sources quote stays right.
RULES = {1: 25, 2: 36, 3: 10, 4: 31, 5: 9, 6: 7}
# R4.9, or a section as a whole: S8.5.
NUMBER = r'[RS]\d+(?:\.\d+)?'
BEGIN, END = '<!-- scripts/rules.py writes from here -->', '<!-- to here -->'
# Where a test may be that is not inside the kernel: prefix, files, its name in
# their text.
ELSEWHERE = (
    ('host.', 'tests/host/*.c', r'^ \* tests/host/%s\.c - '),
    ('host.', 'tests/host/build.mk', r'^HOST_CMD_%s := '),
    ('model.', 'tests/model/*', r'^search %s '),
    ('litmus.', 'tests/model/litmus/*.litmus', r'^C %s$'),
    ('model.seeded_', 'tests/model/*', r'^bug \w+ %s '),
    ('panic.', 'tests/panic/cases', r'^case %s$'),
    ('panic.', 'tests/machines', r'^%s +yes '),
    ('boots.', 'tests/machines', r'^%s +yes '),
    ('boots.', 'scripts/*.py', r"^    '%s': "),
    ('check.', 'scripts/check.py', r'^def check_%s\('),
    ('configs.', 'scripts/configs.py', r'^def %s\('),
)


def files(top, pattern):
    """Files of the tree, as paths from its top."""
    return sorted(os.path.relpath(path, top) for path in
                  glob.glob(os.path.join(glob.escape(top), pattern),
                            recursive=True) if os.path.isfile(path))


def text_of(top, path):
    with open(os.path.join(top, path), encoding='utf-8') as source:
        return source.read()


def rank(number):
    """R before S, and by the numbers."""
    return number[0], [int(part) for part in number[1:].split('.')]


# ---- the tests ----------------------------------------------------------------

def kernel_tests(text):
    """[('suite.name', [rule])] of the KTEST()s in the text of a source."""
    found = []
    for head in re.finditer(r'^KTEST\(\s*(\w+),\s*(\w+)(.*?)\)\n\{', text,
                            re.M | re.S):
        suite, name, rest = head.groups()
        stated = re.search(r'KT_RULES\(([^)]*)\)', rest)
        found.append(('%s.%s' % (suite, name),
                      re.findall(NUMBER, stated.group(1)) if stated else []))
    return found


def rules_of_tests(top=TOP):
    """{'suite.name': [rule]} of every test, those that state none as well."""
    found = {}
    for path in files(top, 'tests/**/*.c'):
        found.update(kernel_tests(text_of(top, path)))
    for path in sorted({path for _, pattern, _ in ELSEWHERE
                        for path in files(top, pattern)}):
        for name, stated in re.findall(r'^# rules (\w+\.\w+): (.*)$',
                                       text_of(top, path), re.M):
            found[name] = stated.split()
    return found


def is_elsewhere(name, top=TOP):
    """Is this a test outside of the kernel?"""
    return any(name.startswith(prefix) and
               re.search(words % re.escape(name[len(prefix):]),
                         text_of(top, path), re.M)
               for prefix, pattern, words in ELSEWHERE
               for path in files(top, pattern))


def test_names(top=TOP):
    """The tests of the kernel and of the peer."""
    names = set()
    for path in files(top, 'tests/**/*.c'):
        names.update(name for name, _ in kernel_tests(text_of(top, path)))
    for path in files(top, 'tests/peer/*.c'):
        for group, tests in re.findall(r'\bTAP_GROUP\((\w+),(.*?)\);',
                                       text_of(top, path), re.S):
            names.update('%s.%s' % (group, name)
                         for name in re.findall(r'\bT\((\w+)\)', tests))
    return names


# ---- the document ----------------------------------------------------------------

def rules_of(text):
    """[([rule], sentence)] of the document, in its order."""
    found = []
    for numbers, sentence in re.findall(
            r'^\*\*(%s(?:, %s)*)\*\* (.*?)\n(?=\n|\Z)' % (NUMBER, NUMBER),
            text + '\n', re.M | re.S):
        found.append((numbers.split(', '), ' '.join(sentence.split())))
    return found


@functools.lru_cache(maxsize=None)
def stated_by(name, top=TOP):
    """['R1.2: its sentence'] of the rules that a test states."""
    if not os.path.exists(os.path.join(top, DOCUMENT)):
        return []
    stated = set(rules_of_tests(top).get(name, ()))
    return ['%s: %s' % (', '.join(numbers), sentence)
            for numbers, sentence in rules_of(text_of(top, DOCUMENT))
            if stated & set(numbers)]


def table(tests):
    """The lines of the table: a row for each rule that a test states."""
    by_rule = {}
    for name, stated in tests.items():
        for rule in stated:
            by_rule.setdefault(rule, []).append(name)
    return ['', '| rule | tests |', '|---|---|'] + \
        ['| %s | %s |' % (rule, ', '.join('`%s`' % name
                                          for name in sorted(by_rule[rule])))
         for rule in sorted(by_rule, key=rank)] + ['']


def renewed(text, tests):
    """The document with its table as it should be."""
    before, rest = text.split(BEGIN + '\n')
    _, after = rest.split(END)
    return before + BEGIN + '\n' + '\n'.join(table(tests)) + '\n' + END + after


def judge(text, tests, exists):
    """What is wrong with the document, one line each."""
    wrong = []
    paragraphs = rules_of(text)
    known = {rule for numbers, _ in paragraphs for rule in numbers}
    stated = {rule for rules in tests.values() for rule in rules}
    untested = {rule for numbers, sentence in paragraphs for rule in numbers
                if re.search(r'\*untested:\* \w+ \w+', sentence)}
    wanted = {'R%d.%d' % (section, number) for section, count in RULES.items()
              for number in range(1, count + 1)}
    for rule in sorted(wanted - known, key=rank):
        wrong.append('%s: no rule %s' % (DOCUMENT, rule))
    for rule in sorted(known, key=rank):
        if int(rule[1:].split('.')[0]) in RULES and rule[0] == 'R' and \
                rule not in wanted:
            wrong.append('%s: %s is beyond its section' % (DOCUMENT, rule))
    for rule in sorted(wanted & known - stated - untested, key=rank):
        wrong.append('%s: %s has no test and does not say why' %
                     (DOCUMENT, rule))
    for name, rules in sorted(tests.items()):
        wrong += ['%s states %s, which %s does not have' %
                  (name, rule, DOCUMENT) for rule in rules if rule not in known]
        if rules and not exists(name):
            wrong.append('no test ' + name)
    if not wrong and renewed(text, tests) != text:
        wrong.append('%s: its table is old; run scripts/rules.py' % DOCUMENT)
    return wrong


def check(top=TOP):
    """The complaints of `scripts/check.py rules`."""
    names = test_names(top)
    return judge(text_of(top, DOCUMENT), rules_of_tests(top),
                 lambda name: name in names or is_elsewhere(name, top))


def main(wanted):
    text, tests = text_of(TOP, DOCUMENT), rules_of_tests()
    if not wanted:
        with open(os.path.join(TOP, DOCUMENT), 'w', encoding='utf-8') as out:
            out.write(renewed(text, tests))
        return 0
    unknown = set(wanted)
    for numbers, sentence in rules_of(text):
        if unknown & set(numbers) or set(wanted) & set(numbers):
            unknown -= set(numbers)
            print('%s: %s' % (', '.join(numbers), sentence))
            for name in sorted(name for name, stated in tests.items()
                               if set(stated) & set(numbers)):
                print('    ' + name)
    if unknown:
        print('no such rule: ' + ', '.join(sorted(unknown)), file=sys.stderr)
    return 1 if unknown else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
