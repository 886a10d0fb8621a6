# SPDX-License-Identifier: MIT
"""tap - the tests of scripts: functions whose names are sentences

A test is a function `test_SENTENCE` of a module; it passes when it returns
None and fails with what it returns, or with its exception; Skip('why') skips
it.
"""

import traceback


class Skip(Exception):
    """A test needs what is not here."""


def equal(found, wanted):
    """'' when both are the same, else both."""
    return '' if found == wanted else 'found  %r\nwanted %r' % (found, wanted)


def main(suite, names):
    """Run every test_ of a module's globals(); print TAP; the exit status."""
    tests = [(name[len('test_'):], fn) for name, fn in names.items()
             if name.startswith('test_')]
    failed = 0
    print('TAP version 13\n1..%d' % len(tests))
    for number, (name, fn) in enumerate(tests, 1):
        why = ''
        try:
            wrong = fn()
        except Skip as skip:
            wrong, why = None, ' # SKIP %s' % skip
        except Exception:               # pylint: disable=broad-except
            wrong = traceback.format_exc()
        for line in (wrong or '').splitlines():
            print('# ' + line)
        print('%sok %d - %s.%s%s' % ('not ' if wrong else '', number, suite,
                                     name, why), flush=True)
        failed += bool(wrong)
    return 1 if failed else 0
