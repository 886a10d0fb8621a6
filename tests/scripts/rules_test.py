#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The rules of docs/semantics.md and the tests that state them. TAP."""

import os
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import rules  # noqa: E402
import tap  # noqa: E402
from tap import equal  # noqa: E402


def document(dropped=(), added=''):
    """Every rule of sections 1 to 6, a sentence each, and an empty table."""
    numbers = ['R%d.%d' % (section, number)
               for section, count in sorted(rules.RULES.items())
               for number in range(1, count + 1)]
    return '# Rules\n\n' + ''.join(
        '**%s** A sentence of\ntwo lines.\n\n' % rule
        for rule in numbers if rule not in dropped) + added + \
        '## Tests\n\n%s\n%s\n' % (rules.BEGIN, rules.END)


def stated(but=()):
    """A test for each rule."""
    return {'suite.%s' % rule.replace('.', '_'): [rule]
            for numbers, _ in rules.rules_of(document()) for rule in numbers
            if rule not in but}


def judged(text, tests, exists=lambda name: True):
    return rules.judge(rules.renewed(text, tests), tests, exists)


def test_a_test_states_rules_with_and_without_flags():
    source = '''
KTEST(list, one)
{
}
KTEST(list, two)
{
}

KTEST(list, three, KT_FLAGS(KT_SLOW | KT_NEEDS_SMP),
      KT_RULES("R1.2 S8.5"))
{
}
'''
    return equal(rules.kernel_tests(source)[-2:],
                 [('list.two', []), ('list.three', ['R1.2', 'S8.5'])])


def test_a_paragraph_is_a_rule_or_several():
    return equal(rules.rules_of('**R1.2, R1.3** A b\nc.\n\nOther.\n\n'
                                '**S8** D.\n'),
                 [(['R1.2', 'R1.3'], 'A b c.'), (['S8'], 'D.')])


def test_a_whole_document_has_nothing_wrong():
    return equal(judged(document(), stated()), [])


def test_a_rule_that_is_missing_is_named():
    return equal(judged(document(dropped=['R3.4']), stated(but=['R3.4'])),
                 ['docs/semantics.md: no rule R3.4'])


def test_a_rule_without_a_test_is_named():
    return equal(judged(document(), stated(but=['R2.7'])),
                 ['docs/semantics.md: R2.7 has no test and does not say why'])


def test_a_rule_that_says_why_needs_no_test():
    return equal(judged(document(dropped=['R2.7'], added='**R2.7** A. '
                                 '*untested:* no way.\n\n'),
                        stated(but=['R2.7'])), [])


def test_a_test_that_states_no_rule_of_the_document_is_named():
    tests = dict(stated(), **{'list.one': ['R7.1']})
    return equal(judged(document(), tests),
                 ['list.one states R7.1, which docs/semantics.md does not have'])


def test_a_rule_beyond_its_section_is_named():
    return equal(judged(document(added='**R6.8** More.\n\n'), stated()),
                 ['docs/semantics.md: R6.8 is beyond its section'])


def test_a_marked_test_that_does_not_exist_is_named():
    tests = dict(stated(), **{'model.none': ['R1.1']})
    return equal(judged(document(), tests, lambda name: name != 'model.none'),
                 ['no test model.none'])


def test_an_old_table_is_named():
    return equal(rules.judge(document(), stated(), lambda name: True),
                 ['docs/semantics.md: its table is old; run scripts/rules.py'])


def test_every_sort_of_test_is_found_in_the_tree():
    names = ('host.notifier_stress', 'host.lifted_option', 'configs.absent',
             'model.plain_teardown', 'model.seeded_unlocked_look_in_remove',
             'panic.register_with_a_dead_mm', 'check.flushes')
    return equal([name for name in names if not rules.is_elsewhere(name)], [])


if __name__ == '__main__':
    sys.exit(tap.main('rules', globals()))
